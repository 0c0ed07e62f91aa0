// Builds elements from text, never from markup. The other scripts use nothing else.

const SEVERITIES = ["critical", "high", "medium", "low", "informational"];

/** An HTML element. `properties.on` holds listeners, the rest are attributes; false and null omit one. */
function h(tag, properties, ...children) {
  return filled(document.createElement(tag), properties, children);
}

/** An SVG element. */
function s(tag, properties, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);
}

function filled(element, properties, children) {
  for (const [name, value] of Object.entries(properties || {})) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  for (const child of children.flat(3)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : visible(String(child)));
  }
  return element;
}

/** Control characters and characters without width, which could reorder a text or hide a part of it. The same list as
 * `is_unsafe` in src/terminal/printable.rs, without tab and line feed. */
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** Text with unsafe characters escaped. */
const visible = (text) => text.replace(UNSAFE, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));

const list = (value) => (Array.isArray(value) ? value : []);
const number = (value) => (typeof value === "number" && Number.isFinite(value) ? value : 0);
const grouped = (value) => number(value).toLocaleString("en-GB");
const day = (time) => String(time ?? "").slice(0, 10);

/** True while times are shown in the time zone of the browser. Days are always days in UTC. */
let isLocal = false;
const zone = () => (isLocal ? "local" : "UTC");

/** A time as `2024-02-29 13:07:59`, in the chosen time zone. */
function second(time) {
  const at = isLocal && /T\d\d:\d\d/.test(time ?? "") ? new Date(time) : undefined;
  if (!at || Number.isNaN(at.getTime())) return String(time ?? "").slice(0, 19).replace("T", " ");
  const two = (value) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
const minute = (time) => second(time).slice(0, 16);

/** A number with its noun, given in the singular: `1 identity`, `2 identities`. The last word takes the plural. */
function counted(count, noun) {
  if (number(count) === 1) return `1 ${noun}`;
  const plural = /[^aeiou]y$/.test(noun) ? noun.slice(0, -1) + "ies" : noun + (/(s|x|ch|sh)$/.test(noun) ? "es" : "s");
  return `${grouped(count)} ${plural}`;
}

const sum = (values) => values.reduce((total, value) => total + number(value), 0);

/** A link to a part of this page. */
const link = (parameters) => "#" + new URLSearchParams(parameters).toString().replace(/=(?=&|$)/g, "");

/** The short name of an identity, as the report has it; src/wording.rs makes it. */
const shortName = (name) => report.names?.[name] ?? String(name ?? "");

/** An identity by its short name and account, with the ARN as tooltip. */
const who = (name) => h("span", { class: "who", title: visible(String(name)) }, shortName(name));

/** A finding's sentence with short names, and the one with full names as tooltip. Cut after a word if too long. */
function sentence({ headline, summary }, longest = Infinity) {
  const text = String(headline || summary || "");
  return h("span", { title: visible(String(summary ?? "")) }, text.length > longest ? cut(text, longest) : text);
}

/** The words of a text that fit, with an ellipsis. */
function cut(text, longest) {
  const head = text.slice(0, longest);
  return (/\s/.test(text[longest] ?? "") ? head : head.replace(/\s\S*$/, "")).replace(/[\s,;:]+$/, "") + "…";
}

/** The word for an entity type. */
const entityKind = (type) => ({ actor: "identity", ip: "address", access_key: "access key" })[type] ?? label(type);

const severityMark = (severity) => h("span", { class: "severity " + known(severity) }, severity);
const known = (severity) => (SEVERITIES.includes(severity) ? severity : "informational");

/** Any value of the report as text. */
function words(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return Number.isInteger(value) ? grouped(value) : value.toLocaleString("en-GB", { maximumSignificantDigits: 4 });
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.map(words).join(", ");
  if (typeof value === "object") return JSON.stringify(value);
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(value) ? second(value) : value;
}

/** The name of a column or enum value as words. */
const label = (name) => String(name).replaceAll("_", " ").replace(/\b(ip|id|api|asn|arn|mfa|kms)(s?)\b/g, (_, word, s) => word.toUpperCase() + s).replace(/\bkmh\b/, "km/h");

/** A table that shows some rows and a button for more. Columns: [heading, row => content, "n" for numbers]. `under(row)` may
 * return [title, () => content], which a button shows below the row. */
function table(rows, columns, shown = 12, under = () => null) {
  const body = h("tbody");
  const button = h("button", { class: "more", on: { click: () => add(Math.max(100, shown)) } });
  let at = 0;
  const add = (count) => {
    for (const row of rows.slice(at, at + count)) {
      const below = under(row);
      const cells = columns.map(([heading, content, kind]) => h("td", { class: kind, "data-label": heading }, h("div", {}, content(row))));
      if (under.length > 0) cells.unshift(h("td", { class: "opener" }, below && opener(below)));
      body.append(h("tr", {}, cells));
    }
    at = Math.min(rows.length, at + count);
    button.hidden = at >= rows.length;
    button.textContent = `Show more (${grouped(rows.length - at)} left)`;
  };
  const opener = ([title, content]) => h("button", { "aria-expanded": "false", on: { click: (event) => {
    const [button, line] = [event.currentTarget, event.currentTarget.closest("tr")];
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    if (open) line.nextSibling.remove();
    else line.after(h("tr", { class: "below" }, h("td", { colspan: columns.length + 1 }, content())));
  } } }, title);
  add(shown);
  const head = h("tr", {}, under.length > 0 && h("td", {}), columns.map(([heading, , kind]) => h("th", { scope: "col", class: kind }, heading)));
  return h("div", { class: "tabled" }, h("div", { class: "scroll" }, h("table", {}, h("thead", {}, head), body)), button);
}

/** Horizontal bars between a name and a number. Rows: { name, value, part, note, title, kind }. */
function bars(rows, shown = 10) {
  const most = Math.max(1, ...rows.map((row) => number(row.value)));
  const share = (value) => Math.max(0, Math.min(100, (100 * number(value)) / most));
  const bar = (row) =>
    h("li", { title: row.title && visible(row.title) },
      h("span", { class: "bar-name" }, row.name),
      s("svg", { class: "bar", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
        s("rect", { class: row.kind ?? "bar-all", width: Math.max(0.4, share(row.value)), height: 8 }),
        row.part > 0 && s("rect", { class: "bar-part", width: Math.max(0.4, share(row.part)), height: 8 })),
      h("span", { class: "bar-value" }, words(row.value), row.note && h("span", { class: "muted" }, " " + row.note)));
  const rest = rows.slice(shown);
  return h("div", {},
    h("ul", { class: "bars" }, rows.slice(0, shown).map(bar)),
    rest.length > 0 && folded(`Show ${grouped(rest.length)} more`, () => h("ul", { class: "bars" }, rest.slice(0, 200).map(bar))));
}

/** A details element whose content is built when it is opened. */
function folded(title, content) {
  const details = h("details", {}, h("summary", {}, title));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(content());
  });
  return details;
}

/** Text with a button that copies it. */
function copyable(text) {
  const code = h("code", {}, text);
  const button = h("button", { class: "copy" }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      // Without clipboard access: select the text, for the keyboard.
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  return h("div", { class: "copyable" }, h("pre", { tabindex: "0" }, code), button);
}

/** The text shown in place of an empty list. */
const empty = (text) => h("p", { class: "muted empty" }, text);
