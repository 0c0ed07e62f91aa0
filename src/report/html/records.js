// The record of an event.

/** JSON with line breaks and indentation. Works on the text, so that no number changes and a cut text stays readable. */
function indented(json) {
  let depth = 0;
  const line = () => "\n" + "  ".repeat(Math.max(0, Math.min(40, depth)));
  return json.replace(/"(?:[^"\\]|\\.)*"?|[{[]\s*[}\]]|[{}[\],:]|\s+/g, (token) => {
    if (/^\s/.test(token)) return "";
    if (token === "{" || token === "[") {
      depth += 1;
      return token + line();
    }
    if (token === "}" || token === "]") {
      depth -= 1;
      return line() + token;
    }
    return token === "," ? token + line() : token === ":" ? ": " : token;
  });
}

const records = new Map(Object.entries(report.records?.events || {}));

/** The record of an event for `table`, if the report has it. */
function recordOf(event) {
  const record = records.get(event.event_id);
  if (typeof record?.text !== "string") return null;
  return ["Record", () => [
    record.cut_from_bytes > 0 && h("p", { class: "muted" }, `Cut: the first ${grouped(record.text.length)} of ${grouped(record.cut_from_bytes)} bytes. The command below shows all of it.`),
    copyable(visible(indented(record.text)))]];
}

/** Why some events have no record. */
function recordsNote(events) {
  const without = events.filter((event) => event.event_time && !records.has(event.event_id)).length;
  if (without === 0) return null;
  return h("p", { class: "muted" }, `${without === events.length ? "The records of these events are" : `The records of ${counted(without, "event")} are`} not in the report, which has those of the first 3 events of each finding, up to 1 MB. The command below shows them.`);
}
