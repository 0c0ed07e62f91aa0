// The overview, and which page to show for the URL fragment.

const newFindings = findings.filter((finding) => finding.status === "new");
const eventsInWindow = sum(list(statistics.events_by_day).map((row) => row.events));

function headline() {
  if (findings.length === 0) return "No findings";
  const some = run.compared_with ? newFindings : findings;
  const noun = run.compared_with ? "new finding" : "finding";
  if (some.length === 0) return "No new findings";
  const serious = some.filter((finding) => SEVERITIES.indexOf(finding.severity) < 2).length;
  return `${counted(some.length, noun)}, ${serious === 0 ? "none" : grouped(serious)} high or critical`;
}

/** What a reader must know before taking "no findings" for "nothing happened". */
function missing() {
  return [
    [number(coverage.lake?.rejects), "unreadable record"],
    [list(coverage.objects_failed).length, "object", " not fetched"],
    [list(coverage.gaps).length, "unusual gap", " in the events"],
    [list(run.detectors_failed).length, "failed detector"],
    [number(report.indicators?.problems_total), "line", " of indicators not understood"],
  ].filter(([count]) => count > 0).map(([count, noun, rest = ""]) => counted(count, noun) + rest);
}

function top() {
  const tile = (severity) => h("a", { class: "tile " + severity, href: link({ findings: "", severity }) },
    h("b", {}, grouped(atSeverity(severity).length)), h("span", {}, severity));
  const incomplete = missing();
  const history = coverage.history || {};
  if (history.detectors_without_history > 0) {
    incomplete.push(`${counted(history.days, "day")} of history; ${grouped(history.detectors_without_history)} of ${grouped(history.detectors)} detectors need up to ${counted(history.days_needed, "day")} before a day they can evaluate`);
  }
  const hunted = `Hunted ${counted(eventsInWindow, "event")} over ${counted(days.length, "day")} with ${counted(Object.keys(run.detectors).length, "detector")}. `;
  return [
    h("div", { class: "kicker line" }, h("span", {}, "CloudTrail hunt · ", h("time", {}, days.length === 1 ? days[0] : `${days[0]} to ${days[days.length - 1]}`)), zoneSwitch()),
    h("h1", {}, headline()),
    h("p", { class: "lead" }, hunted,
      incomplete.length === 0 ? list(coverage.stale_reasons).length === 0 && h("a", { href: "#coverage", class: "good" }, "All data was read; no unusual gaps.") : h("a", { href: "#coverage", class: "failed" }, `Incomplete data: ${incomplete.join(", ")}.`)),
    list(coverage.stale_reasons).length > 0 && h("div", { class: "banner", role: "alert" },
      h("b", {}, "Stale data. "), "Expected events are missing:",
      h("ul", {}, coverage.stale_reasons.map((reason) => h("li", {}, reason)))),
    h("div", { class: "tiles" }, SEVERITIES.map(tile)),
    report.indicators && h("p", { class: "counts" }, h("a", { href: "#indicators" }, `${counted(list(report.indicators.hits).length, "indicator")} with events`)),
    run.compared_with && h("p", { class: "counts" },
      h("a", { href: link({ findings: "", status: "new" }) }, `${grouped(newFindings.length)} new`), " · ",
      h("a", { href: link({ findings: "", status: "continuing" }) }, `${grouped(findings.length - newFindings.length)} continuing`), " · ",
      h("a", { href: "#new" }, `${grouped(resolved.length)} resolved`), " · ",
      h("a", { href: "#suppressed" }, `${grouped(list(report.suppressed).length)} suppressed`)),
  ];
}

/** A part of the overview; one without content is a single line. */
function part(id, title, ...content) {
  const shown = content.filter(Boolean);
  return h("section", { id, class: shown.length === 1 && shown[0].classList?.contains("empty") && "none" }, h("h2", {}, title), shown);
}

/** The switch between UTC and the time zone of the browser. */
function zoneSwitch() {
  const place = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const button = (words, value) => h("button", { type: "button", class: "toggle", "aria-pressed": String(isLocal === value), on: { click: () => {
    const at = scrollY;
    isLocal = value;
    build();
    route();
    scrollTo(0, at);
    document.querySelector(".zone [aria-pressed=true]")?.focus({ preventScroll: true });
  } } }, words);
  return h("span", { class: "zone", role: "group", "aria-label": "Time zone" }, "Times in ", button("UTC", false), " ", button(`local (${place})`, true));
}

/** New and resolved findings, if there is a previous run to compare with. */
function newPart() {
  if (!run.compared_with) return null;
  const shown = newFindings.filter((finding) => finding.severity !== "informational").slice(0, 6);
  return part("new", "New since the previous run",
    shown.length > 0 ? findingList(shown) : empty(newFindings.length === 0 ? "No new findings." : "No new findings above informational."),
    newFindings.length > shown.length && h("p", {}, h("a", { href: link({ findings: "", status: "new" }) }, `Show ${newFindings.length === 1 ? "the new finding" : `all ${grouped(newFindings.length)} new findings`}`)),
    resolved.length > 0 && folded(`${counted(resolved.length, "resolved finding")}: reported by the previous run, but not when this run evaluated the same days again`, () => pagedFindings(resolved)));
}

function stepsPart() {
  const steps = list(report.recommendations);
  if (steps.length === 0) return null;
  const item = (step) => h("li", {}, severityMark(step.severity), " ", step.action, " ", h("span", { class: "muted" }, `for: ${words(step.for)}`), " ",
    h("span", { class: "muted" }, list(step.findings).slice(0, 3).map((id, at) => [at > 0 && " ", findingLink(id)]),
      step.findings.length > 3 && ` and ${grouped(step.findings.length - 3)} more`));
  return part("steps", "Recommended actions",
    h("ul", { class: "steps" }, steps.slice(0, 6).map(item)),
    steps.length > 6 && folded(`Show ${counted(steps.length - 6, "more action")}`, () => h("ul", { class: "steps" }, steps.slice(6).map(item))));
}

// The parts below the findings.

/** How many of the shown findings are about each entity, as report.entities counts them. */
function shownByEntity() {
  const shown = new Map();
  for (const finding of shownFindings) {
    const names = new Set([`${finding.entity_type}\n${finding.entity}`, finding.actor && `actor\n${finding.actor}`, finding.origin?.identity && `actor\n${finding.origin.identity}`].filter(Boolean));
    for (const name of names) shown.set(name, (shown.get(name) ?? 0) + 1);
  }
  return shown;
}

function entitiesPart() {
  if (list(report.entities).length === 0) return part("entities", "Riskiest identities", empty("No findings about any identity."));
  const shown = isFiltered() && shownByEntity();
  const entities = list(report.entities).filter((entity) => !shown || shown.has(`${entity.entity_type}\n${entity.entity}`));
  const item = (entity) => h("li", {},
    h("div", { class: "line" }, h("b", { class: "risk" }, number(entity.risk).toFixed(0)), entityLink(entity.entity_type, entity.entity),
      h("span", { class: "muted" }, `${entityKind(entity.entity_type)}, ${counted(entity.findings, "finding")}`)),
    s("svg", { class: "bar", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" }, s("rect", { class: known(entity.severity), width: Math.max(0.5, Math.min(100, number(entity.risk))), height: 4 })),
    h("ol", { class: "reasons" }, list(entity.reasons).slice(0, 3).map((why) => h("li", {}, h("a", { href: link({ finding: why.finding }) }, sentence(why, SUMMARY_MAX))))),
    entity.reasons.length > 3 && h("p", { class: "muted" }, `and ${counted(entity.reasons.length - 3, "more reason")}`));
  return part("entities", "Riskiest identities",
    h("p", { class: "muted" }, "Risk from 0 to 100, combined from all findings about an identity, address or key."),
    filterNote(),
    entities.length === 0 && empty("No finding that matches is about any identity."),
    h("ol", { class: "entities" }, entities.slice(0, 6).map(item)),
    entities.length > 6 && folded(`Show ${grouped(entities.length - 6)} more`, () => table(entities.slice(6), [
      ["risk", (entity) => number(entity.risk).toFixed(1), "n"],
      ["worst severity", (entity) => severityMark(entity.severity)],
      ["type", (entity) => entityKind(entity.entity_type)],
      ["name", (entity) => entityLink(entity.entity_type, entity.entity)],
      ["findings", (entity) => grouped(entity.findings), "n"],
    ], 50)));
}

/** The search for indicators, if there was one: what was searched, what matched, what is not understood. */
function indicatorsPart() {
  const search = report.indicators;
  if (!search) return null;
  const hits = list(search.hits);
  const kinds = Object.entries(search.searched || {});
  const total = sum(kinds.map(([, count]) => count));
  const problems = list(search.problems);
  const counts = (rows, all, name) => [list(rows).slice(0, 3).map((row, at) => [at > 0 && ", ", name(row.name), h("span", { class: "muted" }, ` ${grouped(row.calls)}`)]), number(all) > 3 && ` and ${grouped(number(all) - 3)} more`];
  const says = (hit) => {
    const mention = list(hit.mentions)[0] || {};
    const text = [mention.description, mention.source, mention.caveat].filter(Boolean).join("; ");
    return [text, " ", h("span", { class: "muted" }, `${mention.file}:${mention.at}`, list(hit.mentions).length > 1 && `, and ${counted(hit.mentions.length - 1, "more place")}`)];
  };
  const confidence = (hit) => list(hit.mentions).map((mention) => mention.confidence).filter((one) => one !== null && one !== undefined).sort((a, b) => b - a)[0];
  const marks = (hit) => [!hit.in_window && "before the window", hit.expired && "after its validity"].filter(Boolean).join(", ");
  const left = [...Object.entries(search.not_recorded || {}).map(([name, count]) => `${grouped(count)} ${name} (not recorded by CloudTrail)`), ...Object.entries(search.left_out || {}).map(([name, count]) => `${grouped(count)} ${name}`)];
  return part("indicators", "Indicators",
    h("p", { class: "muted" }, `Searched ${counted(total, "indicator")} (${kinds.map(([kind, count]) => `${label(kind)} ${grouped(count)}`).join(", ")}) from ${counted(list(search.files).length, "file")} in ${counted(search.events, "event")}, ${minute(search.period?.from)} to ${minute(search.period?.to)} UTC.`),
    left.length > 0 && h("p", { class: "muted" }, `Not searched: ${left.join(", ")}.`),
    hits.length === 0 ? empty("No indicator has events.") : table(hits, [
      ["indicator", (hit) => [h("b", {}, hit.value), " ", h("span", { class: "muted" }, label(hit.kind)), marks(hit) !== "" && h("span", { class: "muted" }, `, ${marks(hit)}`)]],
      ["confidence", (hit) => words(confidence(hit)), "n"],
      ["says", says],
      ["first event", (hit) => minute(hit.first_time)],
      ["last event", (hit) => minute(hit.last_time)],
      ["calls", (hit) => words(hit.calls), "n"],
      ["failed", (hit) => words(hit.failed), "n"],
      ["identities", (hit) => counts(hit.identities, hit.identities_total, who)],
      ["APIs", (hit) => counts(hit.apis, hit.apis_total, (name) => String(name).replace(".amazonaws.com", ""))],
      ["accounts", (hit) => list(hit.accounts).join(" ")],
      ["regions", (hit) => list(hit.regions).join(" ")],
      ["first events", (hit) => list(hit.evidence).map((event) => h("div", {}, h("code", { class: "object" }, event.event_id)))],
    ], 25),
    number(search.problems_total) > 0 && folded(`${counted(search.problems_total, "line")} of the files not understood`, () => table(problems, [["place", (row) => `${row.file}:${row.at}`], ["reason", (row) => row.reason]])));
}

function activityPart() {
  // A window of one or two days is shown by hour.
  const hourly = days.length <= 2;
  const hours = days.flatMap((day) => Array.from({ length: 24 }, (_, hour) => `${day} ${String(hour).padStart(2, "0")}h`));
  const rows = hourly
    ? list(statistics.events_by_hour).map((row) => [`${day(row.day)} ${String(row.hour).padStart(2, "0")}h`, row])
    : list(statistics.events_by_day).map((row) => [day(row.day), row]);
  const byTime = new Map(rows);
  const events = columns(hourly ? "Events per hour" : "Events per day", hourly ? hours : days, (name) => {
    const row = byTime.get(name);
    return row ? [["failed-part", number(row.failed)], ["good-part", number(row.events) - number(row.failed)]] : [];
  });
  const found = new Map();
  for (const finding of findings) {
    const counts = found.get(day(finding.first_time)) || {};
    counts[known(finding.severity)] = (counts[known(finding.severity)] || 0) + 1;
    found.set(day(finding.first_time), counts);
  }
  const findingsByDay = columns("Findings per day", days, (name) => SEVERITIES.flatMap((severity) => (found.get(name)?.[severity] ? [[severity, found.get(name)[severity]]] : [])));
  return part("activity", "Activity over time",
    h("figure", {}, h("h3", {}, hourly ? "Events per hour (UTC)" : "Events per day"), events, h("figcaption", {}, h("span", { class: "key good-part" }), "succeeded ", h("span", { class: "key failed-part" }), "failed")),
    days.length > 1 && h("figure", {}, h("h3", {}, "Findings per day"), findingsByDay, h("figcaption", {}, SEVERITIES.map((severity) => [h("span", { class: "key " + severity }), severity, " "]))),
    !hourly && h("figure", {}, h("h3", {}, `Events by hour and ${days.length > 120 ? "weekday" : "day"} (UTC)`), heatMap(list(statistics.events_by_hour), days)),
    list(report.deviations).length > 0 && folded(`${counted(report.deviations.length, "case")} of unusually high daily activity of an identity`, () => table(report.deviations, [
      ["day", (row) => day(row.day)],
      ["identity", (row) => who(row.actor)],
      ["calls", (row) => words(row.calls), "n"],
      ["usual calls", (row) => words(Math.round(number(row.median_calls_before))), "n"],
      ["days of history", (row) => words(row.days_before), "n"],
      ["robust z-score", (row) => number(row.robust_z).toFixed(1), "n"],
    ])));
}

function attackPart() {
  const matrix = report.attack || { tactics: [], techniques: [] };
  const all = list(matrix.techniques);
  const cell = (technique) => {
    const words = `${technique.id} ${technique.name}: ${counted(technique.findings, "finding")}; detectors: ${list(technique.detectors).join(", ")}`;
    const content = [h("span", { class: "id" }, technique.id), h("span", {}, String(technique.name).replace(/^.*: /, "")), technique.findings > 0 && h("b", {}, grouped(technique.findings))];
    return technique.findings > 0
      ? h("a", { class: "technique found " + known(technique.severity), href: link({ findings: "", text: technique.id }), title: words }, content)
      : h("div", { class: "technique", title: words }, content);
  };
  const column = (tactic) => {
    const some = all.filter((technique) => list(technique.tactics).includes(tactic));
    return h("div", { class: "tactic" }, h("h3", {}, tactic), some.length > 0 ? some.map(cell) : h("p", { class: "muted" }, "no detector"));
  };
  const withoutTactic = all.filter((technique) => list(technique.tactics).length === 0);
  return part("attack", "ATT&CK coverage",
    h("p", { class: "muted" }, `The detectors of this run look for ${counted(all.length, "technique")} of ${matrix.edition ?? "ATT&CK"}. Filled techniques have findings, outlined ones have none.`),
    h("div", { class: "matrix" }, list(matrix.tactics).map(column), withoutTactic.length > 0 && h("div", { class: "tactic" }, h("h3", {}, "Other"), withoutTactic.map(cell))));
}

function errorsPart() {
  const services = new Map();
  for (const row of list(report.error_rates)) {
    const service = services.get(row.event_source) || { calls: 0, failed: 0, kinds: [] };
    service.calls += number(row.calls);
    if (row.error_family !== "none") {
      service.failed += number(row.calls);
      service.kinds.push(`${label(row.error_family)} ${grouped(row.calls)}`);
    }
    services.set(row.event_source, service);
  }
  const rows = [...services].filter(([, service]) => service.failed > 0).sort((a, b) => b[1].failed - a[1].failed);
  if (rows.length === 0) return part("errors", "Failed calls", empty("No failed calls."));
  return part("errors", "Failed calls", table(rows, [
    ["service", ([name]) => String(name).replace(".amazonaws.com", "")],
    ["failed", ([, service]) => grouped(service.failed), "n"],
    ["calls", ([, service]) => grouped(service.calls), "n"],
    ["failure rate", ([, service]) => ((100 * service.failed) / Math.max(1, service.calls)).toFixed(1) + "%", "n"],
    ["errors", ([, service]) => service.kinds.join(", ")],
  ], 8));
}

let countries;
function country(code) {
  try {
    countries ??= new Intl.DisplayNames(["en"], { type: "region" });
    return countries.of(code);
  } catch {
    return code;
  }
}

function placesPart() {
  const rows = (name, title) => list(statistics[name]).map((row) => ({ name: title(row), value: row.events, part: row.failed,
    title: `${counted(row.events, "event")}, ${grouped(row.failed)} failed` }));
  const group = (title, name, named) => h("div", {}, h("h3", {}, title), list(statistics[name]).length > 0 ? bars(rows(name, named)) : empty("None."));
  return part("places", "Sources, identities and APIs",
    h("p", { class: "muted" }, "Number of events; the red part failed. Calls made by AWS services have no country."),
    h("div", { class: "grid" },
      group("Countries", "events_by_country", (row) => country(row.country)),
      group("Networks", "events_by_network", (row) => `${row.organisation ?? "unknown"} AS${row.asn}`),
      group("Addresses", "events_by_source_ip", (row) => `${row.source_ip_address ?? "none"} ${row.country ?? ""}`),
      group("Identities", "events_by_actor", (row) => (row.actor ? who(row.actor) : "none")),
      group("Services", "events_by_event_source", (row) => String(row.event_source).replace(".amazonaws.com", "")),
      group("APIs", "events_by_event_name", (row) => `${row.event_name} (${String(row.event_source).replace(".amazonaws.com", "")})`),
      group("Regions", "events_by_region", (row) => row.aws_region ?? "none")),
    list(report.sensitive_api_calls).length > 0 && folded(`Sensitive calls, which change permissions, credentials, sharing or logging: ${grouped(report.sensitive_api_calls.length)}`, () => table(report.sensitive_api_calls, [
      ["category", (row) => row.category],
      ["API", (row) => row.event_name],
      ["identity", (row) => who(row.actor)],
      ["account", (row) => row.account_id],
      ["calls", (row) => words(row.calls), "n"],
      ["failed", (row) => words(row.failed), "n"],
      ["first call", (row) => minute(row.first_time)],
      ["last call", (row) => minute(row.last_time)],
    ], 25)),
    list(report.baselines).length > 0 && folded(`Usual daily activity of ${counted(report.baselines.length, "identity")}`, () => table(report.baselines, [
      ["identity", (row) => who(row.actor)],
      ["active days", (row) => words(row.active_days), "n"],
      ["median calls per day", (row) => words(row.median_calls_per_active_day), "n"],
      ["failure rate", (row) => (100 * number(row.failure_rate)).toFixed(1) + "%", "n"],
      ["countries", (row) => list(row.countries).join(" ")],
      ["networks", (row) => words(row.networks), "n"],
      ["services", (row) => words(row.services), "n"],
      ["APIs", (row) => words(row.apis), "n"],
    ], 25)));
}

function compliancePart() {
  const frameworks = list(report.compliance);
  if (frameworks.length === 0) return null;
  const framework = (one) => {
    const controls = list(one.controls);
    const complete = controls.filter((control) => list(control.gaps).length === 0).length;
    return folded(`${one.framework}: ${grouped(complete)} of ${counted(controls.length, "control")} without gaps`, () => table(controls, [
      ["control", (control) => [h("b", {}, control.id), " ", control.title]],
      ["detectors", (control) => h("span", { title: visible(list(control.detectors).join(", ")) }, grouped(list(control.detectors).length)), "n"],
      ["findings", (control) => control.findings > 0 ? [severityMark(control.severity), " ", grouped(control.findings), " ", h("span", { class: "muted" }, list(control.heaviest).slice(0, 3).map((id) => [findingLink(id), " "]))] : "none"],
      ["events", (control) => grouped(control.evidence_events), "n"],
      ["gaps", (control) => (list(control.gaps).length > 0 ? h("span", { class: "failed" }, control.gaps.join("; ")) : "none")],
    ], 50));
  };
  return part("compliance", "Compliance controls",
    h("p", { class: "muted" }, "Detectors support a control by looking for what violates it. A detector that ran is evidence of monitoring; it does not prove that the control works."),
    frameworks.map(framework));
}

function coveragePart() {
  const lake = coverage.lake || {};
  const numbers = [["objects", "objects"], ["records", "records"], ["events", "kept"], ["duplicates", "duplicates"], ["id conflicts", "id_conflicts"], ["unreadable records", "rejects"]];
  const titled = (title, rows, content) => rows.length > 0 && [h("h3", {}, title), content(rows)];
  return part("coverage", "Data coverage",
    facts([
      ...numbers.map(([name, member]) => [name, words(lake[member])]),
      ["aggregated events", lake.aggregated_events > 0 && words(lake.aggregated_events)],
      ["first event", minute(lake.first_event)], ["last event", minute(lake.last_event)],
      ["read by this run", coverage.objects_read > 0 && `${counted(coverage.events_read, "event")} from ${counted(coverage.objects_read, "object")}${coverage.objects_skipped > 0 ? `; ${counted(coverage.objects_skipped, "known object")} skipped` : ""}`],
      ["other objects skipped", Object.entries(coverage.objects_of_other_kinds || {}).map(([kind, count]) => `${kind} ${grouped(count)}`).join(", ")],
    ]),
    titled("Failed detectors", list(run.detectors_failed), (rows) => h("ul", { class: "failed" }, rows.map((row) => h("li", {}, row)))),
    titled("Objects and folders that could not be read", list(coverage.objects_failed), (rows) => table(rows, [["object or folder, and reason", (row) => row]])),
    titled("Unusual gaps", list(coverage.gaps), (rows) => table(rows, [["account", (row) => row.account_id], ["region", (row) => row.aws_region], ["from", (row) => minute(row.from)], ["to", (row) => minute(row.to)], ["hours", (row) => words(row.hours), "n"]])),
    titled("Unreadable records", list(coverage.reject_examples), (rows) => table(rows, [["object", (row) => h("span", { class: "object" }, row.object)], ["byte offset", (row) => words(row.byte_offset), "n"], ["reason", (row) => row.reason]])),
    titled("Accounts and regions", list(coverage.by_account_and_region), (rows) => table(rows, [
      ["account", (row) => row.account_id], ["region", (row) => row.aws_region], ["events", (row) => words(row.events), "n"],
      ["hours with events", (row) => `${words(row.hours_with_events)} of ${words(row.hours_between)}`, "n"], ["first event", (row) => minute(row.first_event)], ["last event", (row) => minute(row.last_event)]])));
}

function suppressedPart() {
  const suppressed = list(report.suppressed);
  const entries = list(report.suppressions);
  if (suppressed.length + entries.length === 0) return part("suppressed", "Suppressed findings", empty("No suppressions."));
  return part("suppressed", "Suppressed findings",
    table(entries, [["state", (row) => row.state], ["matches", (row) => [row.detector, row.entity, row.account_id, row.region, row.technique].filter(Boolean).join(" ")],
      ["reason", (row) => row.reason], ["until", (row) => row.expires], ["owner", (row) => row.owner ?? "–"], ["findings", (row) => words(row.findings), "n"],
      ...(entries.some((row) => row.not_applied_to) ? [["not applied, judged malicious", (row) => list(row.not_applied_to).map((id) => [findingLink(id), " "])]] : [])]),
    suppressed.length > 0 && folded(counted(suppressed.length, "suppressed finding"), () => table(suppressed, [
      ["severity", (row) => severityMark(row.severity)], ["time", (row) => minute(row.first_time)], ["finding", (row) => sentence(row, SUMMARY_MAX)], ["reason", (row) => row.reason], ["until", (row) => row.expires]])));
}

function runPart() {
  const settings = Object.entries(run.settings || {}).flatMap(([id, values]) => Object.entries(values).map(([name, value]) => `${id}.${name}=${value}`));
  return part("run", "Run details",
    facts([["run", h("code", {}, run.id)], ["finished (UTC)", second(run.finished_at)], ["program", run.tool], ["lake", run.lake], ["lake version", words(run.lake_version)],
      ["compared with", run.compared_with && h("code", {}, run.compared_with)], ["parameters", settings.join(", ")], ["risk formula", run.risk_formula]]),
    folded(counted(list(report.detectors).length, "detector"), () => table(list(report.detectors), [
      ["detector", (row) => [h("b", {}, row.id), " ", row.title, row.ran ? "" : h("span", { class: "failed" }, " failed")]],
      ["severity", (row) => severityMark(row.severity)], ["findings", (row) => words(row.findings), "n"],
      ["ATT&CK", (row) => list(row.attack).join(" ")], ["SHA-256", (row) => h("code", { class: "object" }, row.sha256)]], 100)));
}

// Which page to show.

const overview = h("div", { id: "overview" });
const page = h("article", { id: "page", hidden: true });
const contents = h("nav", { class: "contents", "aria-label": "Contents" });
let scrolled = 0;

/** Builds the overview; again when the time zone changes. */
function build() {
  document.title = `CloudTrail hunt, ${days[0]}: ${headline()}`;
  document.getElementById("top").replaceChildren(h("div", { class: "inner" }, top()));
  overview.replaceChildren(...[newPart(), findingsPart(), entitiesPart(), storiesPart(), indicatorsPart(), stepsPart(), activityPart(), mapPart(), attackPart(), errorsPart(), placesPart(), compliancePart(), coveragePart(), suppressedPart(), runPart()].filter(Boolean));
  const names = { new: "New", findings: "Findings", entities: "Identities", timelines: "Timelines", indicators: "Indicators", steps: "Actions", activity: "Activity", map: "Map", attack: "ATT&CK", errors: "Failed calls", places: "Sources", compliance: "Compliance", coverage: "Coverage", suppressed: "Suppressed", run: "Run" };
  contents.replaceChildren(...[...overview.children].map((part) => h("a", { href: "#" + part.id }, names[part.id])));
  document.getElementById("main").replaceChildren(contents, overview, page);
  document.getElementById("foot").replaceChildren(h("p", {}, `${run.tool} · run ${run.id} · `, run.attribution, " · Map: Natural Earth."));
  filtered(false);
}

/** Shows the page of a finding or an entity, or a part of the overview. */
function route() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  const seen = wanted.has("finding") ? findingById.get(wanted.get("finding")) : undefined;
  const single = wanted.has("finding") || wanted.has("entity");
  if (single && page.hidden) scrolled = scrollY;
  const wasSingle = !page.hidden;
  for (const part of [overview, contents, document.getElementById("top")]) part.hidden = single;
  page.hidden = !single;
  if (single) {
    const content = wanted.has("entity") ? entityPage(wanted.get("type") ?? "actor", wanted.get("entity")) : seen ? findingPage(seen) : [empty("This report has no such finding.")];
    page.replaceChildren(h("div", { class: "back" }, h("a", { href: backLink() }, "← Report"), zoneSwitch(), seen && neighbours(seen)), ...content.flat(2).filter(Boolean));
    scrollTo(0, 0);
    page.querySelector("h1")?.focus({ preventScroll: true });
    return;
  }
  if (wanted.has("findings")) {
    for (const name of Object.keys(filters)) filters[name] = wanted.get(name) ?? "";
    filtered(false);
  }
  const place = document.getElementById([...wanted.keys()][0] ?? "");
  if (place && !(wasSingle && wanted.has("findings"))) place.scrollIntoView();
  else scrollTo(0, scrolled);
}

/** Links to the previous and next finding of the list. */
function neighbours(finding) {
  const at = shownFindings.indexOf(finding);
  if (at < 0) return null;
  const to = (other, words, key) => other && h("a", { href: link({ finding: other.id }), rel: key }, words);
  return h("span", { class: "neighbours" }, to(shownFindings[at - 1], "Previous", "prev"), ` ${grouped(at + 1)} of ${grouped(shownFindings.length)} `, to(shownFindings[at + 1], "Next", "next"));
}

addEventListener("hashchange", route);
addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
  if (event.ctrlKey || event.metaKey || event.altKey || (typing && event.key !== "Escape")) return;
  const follow = (selector) => page.hidden || page.querySelector(selector)?.click();
  if (event.key === "/") {
    event.preventDefault();
    if (!page.hidden) location.hash = backLink();
    setTimeout(() => filterForm?.elements.text.focus(), page.hidden ? 0 : 50);
  } else if (event.key === "j" || event.key === "ArrowRight") follow("a[rel=next]");
  else if (event.key === "k" || event.key === "ArrowLeft") follow("a[rel=prev]");
  else if (event.key === "Escape") {
    if (typing) event.target.blur();
    else follow(".back a");
  }
});
// Paper has no paging: print the first 50 findings.
addEventListener("beforeprint", () => listed?.lastChild.show(0, 50));
addEventListener("afterprint", () => listed?.lastChild.show(0));

build();
route();
prepareSearch();
