// Findings as files.

/** Text for a cell of a spreadsheet; the same rule as `spreadsheet_cell` in src/terminal/printable.rs. */
function spreadsheetCell(text) {
  const shown = text.replace(UNSAFE, "\ufffd").replaceAll("\t", "\ufffd");
  return /^[=+\-@\t\r\n\ufffd＝＋－＠]/.test(text) || shown.startsWith("\ufffd") ? "'" + shown : shown;
}

/** The columns of src/report/csv.rs. */
const CSV_COLUMNS = {
  id: (finding) => finding.id, status: (finding) => finding.status, severity: (finding) => finding.severity,
  confidence: (finding) => finding.confidence, score: (finding) => number(finding.score).toFixed(3),
  detector: (finding) => finding.detector, title: (finding) => finding.title, entity_type: (finding) => finding.entity_type,
  entity: (finding) => finding.entity, actor: (finding) => finding.actor, origin: (finding) => finding.origin?.identity,
  account_id: (finding) => finding.account_id, region: (finding) => finding.region, first_time: (finding) => finding.first_time,
  last_time: (finding) => finding.last_time, summary: (finding) => finding.summary, attack: (finding) => list(finding.attack).join(" "),
  events: (finding) => finding.evidence?.total ?? 0,
};

function csv(some) {
  const cell = (value) => `"${spreadsheetCell(String(value ?? "")).replaceAll('"', '""')}"`;
  const rows = some.map((finding) => Object.values(CSV_COLUMNS).map((value) => cell(value(finding))).join(","));
  return [Object.keys(CSV_COLUMNS).join(","), ...rows, ""].join("\r\n");
}

/** Findings as in the JSON report, with the unsafe characters escaped. */
const safeJson = (some) => JSON.stringify(some.map((finding) => ({ ...finding, evidence: { ...finding.evidence, events: eventsOf(finding) }, next_steps: stepsOf(finding) })), null, 2).replace(UNSAFE, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));

/** Buttons that save the findings of `some()`. */
function exportButtons(some) {
  const save = (extension, type, content) => () => {
    const url = URL.createObjectURL(new Blob([content(some())], { type }));
    h("a", { href: url, download: `trailhunt-${String(run.id).slice(0, 8).replace(/\W/g, "")}-findings.${extension}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  };
  return h("span", { class: "export" }, "Save ", h("button", { type: "button", on: { click: save("csv", "text/csv;charset=utf-8", csv) } }, "CSV"), " ",
    h("button", { type: "button", on: { click: save("json", "application/json", safeJson) } }, "JSON"));
}
