// The list of findings and its filters, which also apply to the identities and the timelines.

const filters = { text: "", severity: "", detector: "", account: "", region: "", from: "", to: "", status: "", order: "" };
let shownFindings = findings;
const haystacks = new WeakMap();
const regionsOf = new WeakMap();

/** True if only some findings are shown. */
const isFiltered = () => Object.entries(filters).some(([name, value]) => name !== "order" && value !== "");

function haystack(finding) {
  let text = haystacks.get(finding);
  if (text === undefined) {
    const fields = [finding.id, finding.title, finding.headline, finding.summary, finding.detector, finding.entity, finding.actor, finding.account_id, finding.region, list(finding.attack).join(" "),
      list(finding.attack).map((id) => techniques.get(id)?.name).join(" "), ...new Set(valuesOf(finding, "source_ip_address"))];
    text = fields.join("\n").toLowerCase();
    haystacks.set(finding, text);
  }
  return text;
}

/** Prepares the search while the browser is idle, so that the first letter typed finds it ready. */
function prepareSearch(from = 0) {
  window.requestIdleCallback?.((idle) => {
    let at = from;
    while (at < findings.length && idle.timeRemaining() > 1) {
      regions(findings[at]);
      haystack(findings[at]);
      at += 1;
    }
    if (at < findings.length) prepareSearch(at);
  });
}

/** The region of a finding, and those of its events. */
function regions(finding) {
  let found = regionsOf.get(finding);
  if (found === undefined) {
    found = new Set([finding.region, ...valuesOf(finding, "aws_region")].filter(Boolean));
    regionsOf.set(finding, found);
  }
  return found;
}

/** True if the days from `first` to `last` overlap the chosen ones. */
const onDays = (first, last) => (filters.from === "" || day(last ?? first) >= filters.from) && (filters.to === "" || day(first) <= filters.to);

function matching() {
  const wanted = filters.text.toLowerCase().split(/\s+/).filter(Boolean);
  const severities = filters.severity.split(",").filter(Boolean);
  const matches = (finding) =>
    (severities.length === 0 || severities.includes(finding.severity)) &&
    (filters.detector === "" || finding.detector === filters.detector) &&
    (filters.status === "" || finding.status === filters.status) &&
    (filters.account === "" || finding.account_id === filters.account) &&
    onDays(finding.first_time, finding.last_time) &&
    (filters.region === "" || regions(finding).has(filters.region)) &&
    wanted.every((word) => haystack(finding).includes(word));
  const some = findings.filter(matches);
  if (filters.order === "time") some.sort((a, b) => (String(b.first_time) > String(a.first_time) ? 1 : -1));
  return some;
}

/** True if a row of a timeline matches the filters that it can be compared with. */
const rowMatches = (row) => (filters.account === "" || row.account_id === filters.account) && (filters.region === "" || row.region === filters.region || row.regions > 1) && onDays(row.first_time, row.last_time);

let filterForm;
let listed;

function clearFilters() {
  for (const name of Object.keys(filters)) filters[name] = "";
  filtered();
}

/** For the parts that the filters apply to: that something is left out, and a button that shows everything. */
function filterNote() {
  if (!isFiltered()) return null;
  return h("p", { class: "muted" }, h("a", { href: backLink() }, "The filters of the findings"), " apply here. ", h("button", { type: "button", on: { click: clearFilters } }, "Clear filters"));
}

function findingsPart() {
  if (findings.length === 0) return part("findings", "Findings", empty("No findings."));
  listed = h("div", { id: "listed" });
  const changed = (name) => (event) => { filters[name] = event.target.value; filtered(); };
  const choice = (name, title, options) =>
    h("label", {}, title, " ", h("select", { name, on: { change: changed(name) } }, options.map(([value, words]) => h("option", { value }, words))));
  const values = (all) => [["", "all"], ...[...new Set(all)].filter(Boolean).sort().map((value) => [value, value])];
  const date = (name, title) => h("label", {}, title, " ", h("input", { type: "date", name, min: days[0], max: days[days.length - 1], on: { change: changed(name) } }));
  const severity = (name) => h("button", { type: "button", class: "toggle " + name, "data-severity": name, "aria-pressed": "false", on: { click: () => {
    const chosen = new Set(filters.severity.split(",").filter(Boolean));
    if (!chosen.delete(name)) chosen.add(name);
    filters.severity = SEVERITIES.filter((one) => chosen.has(one)).join(",");
    filtered();
  } } }, `${name} ${grouped(atSeverity(name).length)}`);
  // The regions of the window: the events of findings are read later.
  const allRegions = [...list(statistics.events_by_region).map((row) => row.aws_region), ...findings.map((finding) => finding.region)];
  filterForm = h("form", { class: "filters", role: "search", "aria-label": "Filters of findings", on: { submit: (event) => event.preventDefault() } },
    h("input", { type: "search", name: "text", placeholder: "Search (press /)", "aria-label": "Search findings", autocomplete: "off", on: { input: changed("text") } }),
    h("div", { class: "toggles", role: "group", "aria-label": "Severity" }, SEVERITIES.filter((name) => atSeverity(name).length > 0).map(severity)),
    choice("detector", "Detector", values(findings.map((finding) => finding.detector))),
    choice("account", "Account", values(findings.map((finding) => finding.account_id))),
    choice("region", "Region", values(allRegions)),
    date("from", "From (UTC day)"), date("to", "to"),
    run.compared_with && choice("status", "Status", [["", "all"], ["new", "new"], ["continuing", "continuing"]]),
    choice("order", "Order", [["", "most important first"], ["time", "newest first"]]),
    h("button", { type: "button", class: "clear", on: { click: clearFilters } }, "Clear"));
  return part("findings", "Findings", filterForm, listed);
}

/** Shows the findings that match the filters, and keeps the filters in the URL. */
function filtered(write = true) {
  if (!filterForm) return;
  shownFindings = matching();
  for (const field of filterForm.querySelectorAll("[name]")) {
    if (field.value !== filters[field.name]) field.value = filters[field.name];
  }
  const severities = filters.severity.split(",");
  for (const toggle of filterForm.querySelectorAll(".toggle")) toggle.setAttribute("aria-pressed", severities.includes(toggle.dataset.severity));
  filterForm.querySelector(".clear").hidden = Object.values(filters).every((value) => value === "");
  const count = `${grouped(shownFindings.length)} of ${counted(findings.length, "finding")}, ${filters.order === "time" ? "newest" : "most important"} first`;
  listed.replaceChildren(h("div", { class: "count" }, h("p", { class: "muted", role: "status" }, count), exportButtons(() => shownFindings)), pagedFindings(shownFindings));
  for (const [id, content] of [["entities", entitiesPart], ["timelines", storiesPart]]) document.getElementById(id)?.replaceWith(content());
  if (write) window.history.replaceState(null, "", isFiltered() || filters.order !== "" ? backLink() : "#findings");
}

/** The link to the list with the current filters. */
function backLink() {
  return link([["findings", ""], ...Object.entries(filters).filter(([, value]) => value !== "")]);
}
