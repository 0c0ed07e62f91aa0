// The report, and what the other scripts look up in it.

const report = JSON.parse(document.getElementById("report").textContent);
const run = report.run;
const findings = list(report.findings);
const resolved = list(report.resolved);
const findingById = new Map([...resolved, ...findings].map((finding) => [finding.id, finding]));
const techniques = new Map(list(report.attack?.techniques).map((technique) => [technique.id, technique]));
const detectors = new Map(list(report.detectors).map((detector) => [detector.id, detector]));
const callsOf = new Map(list(report.daily_calls).map((calls) => [calls.actor, calls]));

let eventTable;
/** The table of events and next steps, which is read when first needed. */
const theRest = () => (eventTable ??= JSON.parse(document.getElementById("events").textContent));

/** The events of a finding. */
function eventsOf(finding) {
  const { members, texts, rows } = theRest();
  return list(finding.evidence?.events).map((number) => Object.fromEntries(members.map((name, at) => [name, name === "source_record" ? rows[number][at] : texts[rows[number][at]] ?? null])));
}

/** The next steps of a finding. */
const stepsOf = (finding) => list(theRest().next_steps?.[finding.next_steps]);

/** The values of one member of the events of a finding, as `eventsOf`. */
function valuesOf(finding, member) {
  const { members, texts, rows } = theRest();
  const at = members.indexOf(member);
  return list(finding.evidence?.events).map((number) => texts[rows[number][at]]);
}

const coverage = report.coverage;
const statistics = report.statistics;
const days = daysBetween(day(run.window.from), day(new Date(Date.parse(run.window.to) - 1).toISOString()));
const atSeverity = (severity) => findings.filter((finding) => finding.severity === severity);
