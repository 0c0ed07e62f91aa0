// What happened around an identity, in order of time: one lane per credential, and the same as a table.

/** Kinds of rows, the most important last. */
const KINDS = ["read", "change", "sign-in", "finding"];
/** Characters of an entry in the table. */
const ENTRY_MAX = 180;
/** Lanes that are drawn one by one; the others share one. */
const LANES_MAX = 12;
/** The narrowest view, in milliseconds. */
const VIEW_MIN = 60_000;

/** The shape of a kind of row; hollow when it failed, so that no colour is needed. */
function shape(row, x, y) {
  const of = { class: `mark ${row.kind === "finding" ? "finding " + known(row.severity) : row.failed ? "bad" : "fine"}` };
  const r = row.kind === "read" ? 3.5 : 5;
  if (row.kind === "finding") return s("path", { ...of, d: `M${x} ${y - 7}l7 7-7 7-7-7z` });
  if (row.kind === "sign-in") return s("path", { ...of, d: `M${x} ${y - 6}l6 11h-12z` });
  if (row.kind === "change") return s("rect", { ...of, x: x - r, y: y - r, width: 2 * r, height: 2 * r });
  return s("circle", { ...of, cx: x, cy: y, r });
}

/** The name of a lane: the end of its key, which differs between lanes, then the identity. */
function laneName(lane) {
  return [lane.credential && `…${String(lane.credential).slice(-6)}`, shortName(lane.actor)].filter(Boolean).join(" ");
}

const laneHint = (lane) => [lane?.actor, lane?.session, lane?.credential, lane?.origin && `origin: ${lane.origin}`, lane?.why].filter(Boolean).join("\n");

/** A timeline with zoom. Rows that do not match the filters are left out. */
function story(timeline) {
  const lanes = list(timeline.lanes);
  const rows = list(timeline.rows).filter(rowMatches).map((row) => ({ ...row, from: Date.parse(row.first_time), to: Date.parse(row.last_time ?? row.first_time) })).filter((row) => Number.isFinite(row.from) && Number.isFinite(row.to));
  if (rows.length === 0) return empty("No calls match the filters.");
  // The lanes with the most to see; rows of other lanes share the last one.
  const weight = new Map();
  for (const row of rows) weight.set(number(row.lane), (weight.get(number(row.lane)) ?? 0) + (row.kind === "finding" ? 1000 : row.kind === "read" ? 1 : 10) + (list(row.first).length > 0 ? 20 : 0));
  const busiest = [...weight.keys()].sort((a, b) => weight.get(b) - weight.get(a) || a - b);
  const used = (busiest.length > LANES_MAX + 1 ? busiest.slice(0, LANES_MAX) : busiest).sort((a, b) => a - b);
  const others = busiest.length - used.length;
  const place = (row) => (used.includes(number(row.lane)) ? used.indexOf(number(row.lane)) : used.length);
  const drawnLanes = used.length + (others > 0 ? 1 : 0);
  const [first, last] = [Math.min(...rows.map((row) => row.from)), Math.max(...rows.map((row) => row.to))];
  const margin = Math.max(VIEW_MIN / 2, (last - first) * 0.02);
  const whole = [first - margin, last + margin];
  let [from, to] = whole;
  let scale; // where the picture begins, and its width
  const inView = () => rows.filter((row) => row.to >= from && row.from <= to);
  const iso = (at) => new Date(at).toISOString();
  const failed = rows.filter((row) => row.failed).length;
  const about = `Timeline of ${shortName(timeline.entity)}: ${counted(rows.length, "entry")} in ${counted(busiest.length, "lane")}, ${grouped(failed)} failed. The table below has the same entries.`;
  const picture = chart(about, (width) => {
    const wide = width > 700;
    const [left, lane, top] = wide ? [210, 34, 8] : [8, 46, 14];
    scale = [left + 8, width - left - 16];
    const x = (time) => left + 8 + ((Math.max(from, Math.min(to, time)) - from) / (to - from)) * (width - left - 16);
    const y = (row) => top + place(row) * lane + (wide ? 16 : 24);
    const elements = [...used, ...(others > 0 ? [undefined] : [])].flatMap((at, index) => {
      const base = top + index * lane + (wide ? 16 : 24);
      const name = at === undefined ? counted(others, "other credential") : laneName(lanes[at] || {});
      const shown = name.length > 28 ? name.slice(0, 27) + "…" : name;
      return [s("line", { class: "grid", x1: left, x2: width, y1: base, y2: base }),
        s("g", {}, hint(laneHint(lanes[at])),
          wide ? text(left - 8, base + 4, "end", shown) : text(left, base - 14, "start", shown))];
    });
    // The most important ones are drawn last, above the others.
    const rank = (row) => KINDS.indexOf(row.kind) * 10 - (row.kind === "finding" ? SEVERITIES.indexOf(row.severity) : 0);
    const order = inView().sort((a, b) => rank(a) - rank(b));
    for (const row of order) {
      const [begin, end, at] = [x(row.from), x(row.to), y(row)];
      const mark = [hint(`${second(row.first_time)} ${zone()}, ${row.failed ? "failed" : "succeeded"}: ${row.text ?? ""}${list(row.first).length > 0 ? `\nfirst time: ${row.first.join(", ")}` : ""}`),
        end - begin > 3 && s("line", { class: "span", x1: begin, x2: end, y1: at, y2: at }), shape(row, begin, at),
        list(row.first).length > 0 && s("path", { class: "first", d: `M${begin} ${at - 9}l-4 -6h8z` })];
      elements.push(row.kind === "finding" && findingById.has(row.finding)
        ? s("a", { href: link({ finding: row.finding }), "aria-label": `Finding, ${visible(String(row.severity))}: ${visible(String(row.text ?? ""))}` }, mark) : s("g", {}, mark));
    }
    const base = top + drawnLanes * lane;
    elements.push(s("line", { class: "base", x1: left, x2: width, y1: base, y2: base }));
    const ticks = Math.max(2, Math.floor((width - left) / 150));
    const short = to - from < 5 * 60_000 ? (time) => second(time).slice(11) : to - from < 36 * 3_600_000 ? (time) => minute(time).slice(5) : (time) => minute(time).slice(5, 13) + "h";
    for (let at = 0; at < ticks; at += 1) {
      const time = from + ((at + 0.5) / ticks) * (to - from);
      elements.push(s("line", { class: "base", x1: x(time), x2: x(time), y1: base, y2: base + 4 }), text(x(time), base + 16, "middle", short(iso(time))));
    }
    return [base + 22, elements];
  }, "group");
  const range = h("span", { class: "muted", "aria-live": "polite" });
  const below = h("div", {});
  const show = (begin, end) => {
    const size = Math.min(whole[1] - whole[0], Math.max(VIEW_MIN, end - begin));
    from = Math.max(whole[0], Math.min(whole[1] - size, begin));
    to = from + size;
    picture.redraw();
    const seen = inView();
    range.textContent = `${minute(iso(from))} to ${minute(iso(to))} ${zone()}: ${grouped(seen.length)} of ${counted(rows.length, "entry")}`;
    below.replaceChildren(seen.length > 0 ? storyTable(seen, lanes) : empty("Nothing in this period."));
  };
  const around = (time, size) => show(time - size / 2, time + size / 2);
  const zoom = (factor) => {
    const [centre, size] = [(from + to) / 2, (to - from) * factor];
    // Into an empty stretch nobody wants to zoom: take the nearest entry.
    const distance = (row) => Math.max(0, row.from - centre, centre - row.to);
    const nearest = inView().reduce((best, row) => (best && distance(best) <= distance(row) ? best : row), undefined);
    around(factor < 1 && nearest && distance(nearest) > size / 2 ? (nearest.from > centre ? nearest.from : nearest.to) : centre, size);
  };
  const move = (share) => show(from + (to - from) * share, to + (to - from) * share);
  const actions = { "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), ArrowLeft: () => move(-0.25), ArrowRight: () => move(0.25), Home: () => show(whole[0], whole[0] + (to - from)), End: () => show(whole[1] - (to - from), whole[1]), 0: () => show(...whole) };
  const pressed = (event) => {
    if (!actions[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    actions[event.key]();
  };
  const button = (words, name, act) => h("button", { type: "button", "aria-label": name, title: name, on: { click: act } }, words);
  const box = h("div", { class: "story", tabindex: "0", role: "group", "aria-label": "Timeline; plus and minus zoom, the arrow keys move, 0 shows all", on: { keydown: pressed, click: (event) => {
    if (event.target.closest("a") || !scale) return;
    around(from + ((event.clientX - picture.getBoundingClientRect().left - scale[0]) / scale[1]) * (to - from), to - from);
  } } }, picture);
  show(...whole);
  return h("div", {},
    h("div", { class: "zoom" }, button("+", "Zoom in", actions["+"]), button("−", "Zoom out", actions["-"]), button("←", "Earlier", actions.ArrowLeft), button("→", "Later", actions.ArrowRight), button("All", "Show all", actions[0]), range),
    box, legend(),
    number(timeline.left_out) > 0 && h("p", { class: "muted" }, `${counted(timeline.left_out, "entry")} left out, reads first; \`trailhunt timeline\` shows all.`),
    timeline.cut_off && h("p", { class: "muted" }, `Too many calls: it ends at ${second(timeline.cut_off)} ${zone()}.`),
    timeline.more_sessions === true && h("p", { class: "muted" }, "It has more sessions than the timeline covers."),
    below);
}

/** What the shapes stand for. */
function legend() {
  const sample = (words, ...elements) => h("span", { class: "keep" }, s("svg", { class: "sample", viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" }, elements), " ", words);
  return h("p", { class: "muted legend" },
    sample("change", shape({ kind: "change" }, 8, 9)), sample("read", shape({ kind: "read" }, 8, 9)), sample("sign-in", shape({ kind: "sign-in" }, 8, 9)),
    sample("finding", shape({ kind: "finding", severity: "high" }, 8, 9)), sample("hollow: failed", shape({ kind: "change", failed: true }, 8, 9)),
    sample("first time", s("path", { class: "first", d: "M8 12l-4 -6h8z" })),
    "A click centres the picture; then + and − zoom, the arrow keys move, 0 shows all.");
}

function storyTable(rows, lanes) {
  const calls = (row) => list(row.apis).map((one) => `${one.api}${one.calls > 1 ? ` ×${grouped(one.calls)}` : ""}`);
  return table(rows, [
    [`time (${zone()})`, (row) => second(row.first_time), "keep"],
    ["result", (row) => (row.kind === "finding" ? "finding" : row.failed ? h("span", { class: "failed" }, row.error ?? "failed") : "succeeded")],
    ["what", (row) => [row.kind === "finding" && findingById.has(row.finding) ? h("a", { href: link({ finding: row.finding }) }, severityMark(row.severity), " ", sentence(findingById.get(row.finding), ENTRY_MAX)) : sentence({ summary: row.text || calls(row).join(", ") }, ENTRY_MAX),
      list(row.first).length > 0 && [" ", h("span", { class: "status new" }, `first: ${row.first.join(", ")}`)]]],
    ["calls", (row) => (row.kind === "finding" ? "" : words(row.calls)), "n"],
    ["from", (row) => [row.address, row.country].filter(Boolean).join(" ")],
    ["credential", (row) => h("span", { class: "who", title: visible(laneHint(lanes[number(row.lane)])) }, laneName(lanes[number(row.lane)] || {}).split(" ")[0].split("/").pop())],
  ], 8);
}

let chosenStory = 0;

function storiesPart() {
  const stories = list(report.timelines);
  if (stories.length === 0) return null;
  const at = Math.min(chosenStory, stories.length - 1);
  const holder = h("div", {}, story(stories[at]));
  const choose = h("select", { "aria-label": "Identity of the timeline", on: { change: (event) => { chosenStory = Number(event.target.value); holder.replaceChildren(story(stories[chosenStory])); } } },
    stories.map((one, index) => h("option", { value: String(index), selected: index === at }, shortName(one.entity))));
  const shown = part("timelines", "Timelines of the riskiest identities", h("p", { class: "filters" }, h("label", {}, "Identity ", choose)), filterNote(), holder);
  return shown;
}
