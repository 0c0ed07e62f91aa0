// The page of a finding, and the page of an entity.

/** Daily calls of an identity, if there is more than one day. */
const historyOf = (actor) => (list(callsOf.get(actor)?.days).length > 1 ? callsOf.get(actor) : undefined);
const entityLink = (type, name) => h("a", { href: link({ entity: name, type }) }, who(name));
/** As `entityLink`, with the ARN on a second line. */
const entityWithArn = (type, name) => [entityLink(type, name), shortName(name) !== name && h("div", { class: "arn" }, name)];
const actorOf = (finding) => finding.actor || finding.entity;
const findingsOf = (type, name) => findings.filter((finding) => (finding.entity_type === type && finding.entity === name) || (type === "actor" && (finding.actor === name || finding.origin?.identity === name)));

/** A list of names and values; pairs without a value are omitted. */
function facts(pairs) {
  const known = pairs.filter(([, content]) => content !== null && content !== undefined && content !== "" && content !== false);
  return h("dl", { class: "facts" }, known.map(([name, content]) => h("div", {}, h("dt", {}, name), h("dd", {}, content))));
}

/** An analyst's verdict on a finding, or on the same activity on another day. */
function seenBefore({ verdict: seen }) {
  if (!seen) return undefined;
  const note = seen.note ? ` (${seen.note})` : "";
  const ignored = seen.ignored_suppression ? `; the suppression on line ${seen.ignored_suppression} does not apply to it` : "";
  return `seen before: ${seen.verdict}, by ${seen.by} on ${day(seen.at)}${note}${ignored}`;
}

/** From the identity behind the credentials over its roles to the session, each step with how it is known. */
function originPath(origin) {
  const steps = list(origin.path);
  const known = (at) => (at === 0 ? origin.unknown_because : list(origin.links)[at - 1]);
  return [
    h("ol", { class: "path" }, steps.map((name, at) => h("li", { title: visible(name) },
      at === 0 && name === "unknown" ? name : entityLink("actor", name), known(at) && h("span", { class: "muted" }, known(at))))),
    origin.others > 0 && h("span", { class: "muted" }, `and ${counted(origin.others, "other origin")}`),
  ];
}

const section = (title, ...content) => h("section", {}, h("h2", {}, title), content);

/** How common findings like this one are here: "none like it in 84 days", or "0.7 a month here (1 in 84 days)". */
function commonness(expected) {
  if (!expected) return "too little history";
  const days = counted(expected.days, "day");
  return number(expected.like_it) === 0 ? `none like it in ${days}` : `${number(expected.per_month).toFixed(1)} a month here (${grouped(expected.like_it)} in ${days})`;
}

/** Everything about one finding. */
function findingPage(finding) {
  const detector = detectors.get(finding.detector);
  const events = eventsOf(finding);
  const baseline = Object.entries(finding.baseline || {});
  const observed = Object.entries(finding.details || {});
  const picture = findingChart(finding, detector?.chart);
  const joined = list(finding.joined_by).map((id) => findingById.get(id)).filter(Boolean);
  const sameDay = findings.filter((other) => other !== finding && actorOf(other) === actorOf(finding) && day(other.first_time) === day(finding.first_time) && !joined.includes(other));
  const values = (pairs) => h("dl", { class: "values" }, pairs.map(([name, value]) => h("div", {}, h("dt", {}, label(name)), h("dd", {}, words(value)))));
  return [
    h("p", { class: "kicker" }, severityMark(finding.severity), " ",
      (run.compared_with || finding.status === "resolved") && h("span", { class: "status " + finding.status }, finding.status)),
    h("h1", { tabindex: "-1" }, finding.title || finding.detector),
    h("p", { class: "lead" }, sentence(finding)),
    facts([
      [`time (${zone()})`, finding.first_time === finding.last_time ? second(finding.first_time) : `${second(finding.first_time)} to ${second(finding.last_time)}`],
      [entityKind(finding.entity_type), entityWithArn(finding.entity_type, finding.entity)],
      ["identity behind it", finding.actor && finding.actor !== finding.entity && entityWithArn("actor", finding.actor)],
      ["origin", finding.origin && originPath(finding.origin)],
      ["account", finding.account_id],
      ["region", finding.region],
      ["confidence", finding.confidence],
      ["score", `${Math.round(100 * number(finding.score))} of 100`],
      ["how common here", commonness(finding.expected)],
      ["severity by its detector", finding.severity_before && severityMark(finding.severity_before)],
      ["ATT&CK", list(finding.attack).map((id, at) => [at > 0 && ", ", h("a", { href: link({ findings: "", text: id }) }, `${id} ${techniques.get(id)?.name ?? ""}`)])],
      ["detector", h("a", { href: link({ findings: "", detector: finding.detector }) }, finding.detector)],
      ["finding ID", h("code", {}, finding.id)],
      ["verdict", seenBefore(finding)],
    ]),
    detector?.why && h("p", {}, h("b", {}, "Why it matters: "), detector.why),
    (picture || baseline.length > 0 || observed.length > 0) && section("Baseline and observation",
      picture,
      h("div", { class: "pair" },
        baseline.length > 0 && h("div", {}, h("h3", {}, "Baseline"), values(baseline)),
        observed.length > 0 && h("div", {}, h("h3", {}, "Observed"), values(observed)))),
    section(`Evidence: ${counted(finding.evidence?.total, "event")}${finding.evidence?.total > events.length ? `, showing the first ${grouped(events.length)}` : ""}`,
      events.length > 0 ? table(events, [
        [`time (${zone()})`, (event) => second(event.event_time), "keep"],
        ["API", (event) => [event.event_name, " ", h("span", { class: "muted" }, String(event.event_source ?? "").replace(".amazonaws.com", ""))]],
        ["region", (event) => event.aws_region, "keep"],
        ["result", (event) => (event.error_code ? h("span", { class: "failed" }, event.error_code) : "succeeded")],
        ["source address", (event) => event.source_ip_address],
        ["event ID and log file", (event) => [h("code", {}, event.event_id), event.source_object && logFile(event)]],
      ], 5, (event) => recordOf(event)) : empty("No events: the finding is about missing activity."),
      recordsNote(events.slice(0, 5))),
    h("div", { class: "pair" },
      list(finding.benign).length > 0 && section("Possible benign causes", h("ul", {}, list(finding.benign).map((cause) => h("li", {}, cause)))),
      list(finding.respond).length > 0 && section("What to do", h("ol", {}, list(finding.respond).map((step) => h("li", {}, step))))),
    stepsOf(finding).length > 0 && section("Next steps", h("p", { class: "muted" }, "Trailhunt runs none of these commands."),
      h("ol", { class: "steps" }, stepsOf(finding).map(nextStep))),
    commandsSection(finding, events),
    joined.length > 0 && section("Severity raised because of these findings about the same identity", findingList(joined)),
    sameDay.length > 0 && section(`${counted(sameDay.length, "other finding")} about this identity on the same day`, findingList(sameDay.slice(0, 20))),
  ];
}

/** What to do next, who can do it, and the command. */
function nextStep({ purpose, command, changes, for: audience }) {
  return h("li", {}, changes && h("b", {}, "Change: "), purpose, h("span", { class: "muted" }, ` (${audience})`), command && copyable(command));
}

/** The name of the object an event was read from; its URL as tooltip, and when opened. */
function logFile(event) {
  const place = `${event.source_object} #${event.source_record ?? "?"}`;
  return h("details", { class: "object", title: visible(place) }, h("summary", {}, place.split("/").pop()), place);
}

/** Quoted for a shell. */
const quoted = (text) => "'" + String(text).replaceAll("'", "'\\''") + "'";
/** Quoted for SQL. */
const literal = (text) => "'" + String(text).replaceAll("'", "''") + "'";
/** True if a terminal shows the text unchanged. */
const harmless = (text) => visible(text) === text && !/[\n\t]/.test(text);

/** Column of the table `events` for each entity type. */
const COLUMN_OF = { actor: "actor", ip: "source_ip_address", access_key: "access_key_id", account: "account_id" };

/** Commands for the next steps: [title, command]. */
function commands(finding, events) {
  const lake = String(run.lake).startsWith("file://") ? decodeURIComponent(run.lake.slice(7)) : String(run.lake);
  const [first, last] = [day(finding.first_time), day(finding.last_time)];
  const query = (sql) => `trailhunt query --lake ${quoted(lake)} ${quoted(sql)}`;
  const days = `event_date BETWEEN DATE ${literal(first)} AND DATE ${literal(last)}`;
  const steps = [];
  const column = COLUMN_OF[finding.entity_type];
  if (column) {
    steps.push([finding.entity_type === "ip" ? "All events from this address on that day" : "All events of this entity on that day", query(`SELECT event_time, event_source, event_name, error_code, aws_region, source_ip_address FROM events WHERE ${column} = ${literal(finding.entity)} AND ${days} ORDER BY event_time`)]);
  }
  if (events.length > 0) {
    const ids = events.slice(0, 20).map((event) => literal(event.event_id)).join(", ");
    steps.push(["The evidence with all columns", query(`SELECT * FROM events WHERE ${days} AND event_id IN (${ids})`) + " --format json"]);
  }
  const object = events.find((event) => /\.json\.gz$/.test(event.source_object ?? "") && !event.source_object.includes("!"));
  if (object) {
    const place = object.source_object;
    const read = place.startsWith("s3://") ? `aws s3 cp ${quoted(place)} - | gunzip` : `gunzip -c ${quoted(decodeURIComponent(place.replace("file://", "")))}`;
    steps.push(["The first event as delivered by CloudTrail", `${read} | jq '.Records[${number(object.source_record)}]'`]);
  }
  const to = new Date(Date.parse(last + "T00:00:00Z") + 86_400_000);
  if (Number.isFinite(to.getTime())) {
    steps.push(["Run the detector on that day again", `trailhunt hunt --lake ${quoted(lake)} --from ${first} --to ${to.toISOString().slice(0, 10)} --detector ${quoted(finding.detector)}`]);
  }
  return steps.filter(([, command]) => harmless(command));
}

function commandsSection(finding, events) {
  const toml = (text) => JSON.stringify(String(text)).replaceAll("\u007f", "\\u007f");
  const suppression = ["[[suppress]]", `detector = ${toml(finding.detector)}`, `entity   = ${toml(finding.entity)}`,
    'reason   = "..."', "expires  = 20..-..-..", ""].join("\n");
  return section("Commands",
    commands(finding, events).map(([what, command]) => [h("h3", {}, what), copyable(command)]),
    folded("Suppress this finding: an entry for the --suppressions file", () => copyable(visible(suppression))));
}

/** Everything about one entity. */
function entityPage(type, name) {
  const about = findingsOf(type, name);
  const entity = list(report.entities).find((entity) => entity.entity_type === type && entity.entity === name);
  const times = about.map((finding) => day(finding.first_time)).sort();
  // Somebody behind roles is seen as these roles.
  const names = new Set([name, ...about.filter((finding) => finding.origin?.identity === name).map(actorOf)]);
  const busiest = [...names].find(historyOf);
  const calls = historyOf(busiest);
  const own = (rows) => (type === "actor" ? list(rows).filter((row) => names.has(row.actor)) : []);
  const [addresses, keys] = [own(report.identity_addresses), own(report.identity_keys)];
  const told = list(report.timelines).find((one) => one.entity === name);
  return [
    h("p", { class: "kicker" }, entityKind(type)),
    h("h1", { tabindex: "-1" }, who(name)),
    shortName(name) !== name && h("p", { class: "lead arn" }, name),
    entity && facts([["risk", `${number(entity.risk).toFixed(1)} of 100`], ["findings", grouped(entity.findings)], ["worst severity", severityMark(entity.severity)]]),
    entity && h("p", { class: "muted" }, list(entity.attack).map((id) => `${id} ${techniques.get(id)?.name ?? ""}`).join(" · ")),
    entity && section("Reasons", h("ol", { class: "reasons" }, list(entity.reasons).map(reason))),
    about.length > 0 && section("Findings over time", timeline(about)),
    told && section("Timeline", story(told)),
    calls && section(`Calls per day${busiest === name ? "" : ` of ${shortName(busiest)}`}`, dailyCalls(calls, times[times.length - 1] ?? day(run.window.from), times[times.length - 1] ?? day(run.window.from), "the day of the latest finding")),
    section(counted(about.length, "finding"), pagedFindings(about)),
    addresses.length > 0 && section(`Addresses${shownOf(addresses, "addresses")}`, addressTable(addresses, names.size > 1)),
    keys.length > 0 && section(`Access keys and temporary credentials${shownOf(keys, "credentials")}`, keyTable(keys)),
  ];
}

/** Marks what was first seen in the window, if the lake has days before it. */
const newMark = (row) => row.first_in_window && day(coverage.lake?.first_event) < day(run.window.from) && h("span", { class: "status new" }, "new");

/** How many of an identity's addresses or credentials the report has. */
function shownOf(rows, total) {
  const all = sum([...new Map(rows.map((row) => [row.actor, row[total]])).values()]);
  return all > rows.length ? `: ${grouped(rows.length)} of ${grouped(all)}` : `: ${grouped(rows.length)}`;
}

function addressTable(rows, ofSeveral) {
  return table(rows, [
    ...(ofSeveral ? [["identity", (row) => who(row.actor)]] : []),
    ["address", (row) => [h("a", { href: link({ entity: row.address, type: "ip" }) }, row.address), " ", newMark(row)]],
    ["place and network", (row) => [row.country && country(row.country), row.organisation && `${row.organisation} AS${row.asn}`].filter(Boolean).join(", ") || "–"],
    [`first call (${zone()})`, (row) => minute(row.first_time), "keep"],
    [`last call (${zone()})`, (row) => minute(row.last_time), "keep"],
    ["days", (row) => words(row.days), "n"],
    ["calls", (row) => words(row.calls), "n"],
    ["failed", (row) => words(row.failed), "n"],
    ["MFA", (row) => words(row.with_mfa)],
  ], 10);
}

function keyTable(rows) {
  return table(rows, [
    ["key", (row) => [h("code", {}, row.credential), " ", newMark(row)]],
    ["kind", (row) => row.kind],
    ["role", (row) => row.role && h("span", { title: visible(String(row.role)) }, shortName(row.role).split("/").pop().replace(/^AWSReservedSSO_(.+)_[0-9a-f]{16}$/, "$1"))],
    ["first address", (row) => [row.first_address, row.country].filter(Boolean).join(" ")],
    [`first call (${zone()})`, (row) => minute(row.first_time), "keep"],
    [`last call (${zone()})`, (row) => minute(row.last_time), "keep"],
    ["calls", (row) => words(row.calls), "n"],
  ], 10);
}

function reason(reason) {
  return h("li", {}, h("a", { href: link({ finding: reason.finding }) }, sentence(reason)),
    h("span", { class: "muted" }, ` ${reason.detector}, weight ${number(reason.weight).toFixed(2)}`));
}

/** A short link to a finding, with its summary as tooltip. */
const findingLink = (id) => h("a", { href: link({ finding: id }), title: visible(findingById.get(id)?.headline ?? id) }, id.slice(0, 6));

function findingList(some) {
  const line = (finding) =>
    h("li", { class: known(finding.severity) }, h("a", { href: link({ finding: finding.id }) },
      h("span", { class: "line" }, severityMark(finding.severity), h("time", {}, minute(finding.first_time)),
        finding.status !== "continuing" && run.compared_with && h("span", { class: "status " + finding.status }, finding.status)),
      h("span", { class: "summary" }, sentence(finding, SUMMARY_MAX)),
      h("span", { class: "muted line" }, finding.detector, " · ", counted(finding.evidence?.total, "event"),
        finding.verdict && [" · ", seenBefore(finding)])));
  return h("ul", { class: "findings" }, some.map(line));
}

/** Characters of a summary in a list; the finding's page has all of it. */
const SUMMARY_MAX = 320;

const PAGE_FINDINGS = 10;

/** Findings, one page at a time: thousands of elements would slow the browser down. */
function pagedFindings(some, from = 0, turned = () => {}) {
  const holder = h("div", {});
  const show = (at, size = PAGE_FINDINGS) => {
    const turn = (to, name) => h("button", { disabled: to < 0 || to >= some.length || to === at, on: { click: () => { show(to, size); turned(to); holder.scrollIntoView({ block: "nearest" }); } } }, name);
    const last = Math.max(0, Math.floor((some.length - 1) / size) * size);
    holder.replaceChildren(
      some.length === 0 ? empty("No finding matches.") : findingList(some.slice(at, at + size)),
      some.length > size ? h("nav", { class: "pages", "aria-label": "Pages of findings" }, turn(at === 0 ? -1 : 0, "First"), turn(at - size, "Previous"),
        h("span", { "aria-live": "polite" }, `${grouped(at + 1)} to ${grouped(Math.min(some.length, at + size))} of ${grouped(some.length)}`), turn(at + size, "Next"), turn(at === last ? -1 : last, "Last")) : "");
  };
  holder.show = show;
  show(from);
  return holder;
}
