// Charts. Each is drawn for its width, and again when that changes.

const drawn = new Set();
let redrawing = 0;
addEventListener("resize", () => {
  cancelAnimationFrame(redrawing);
  redrawing = requestAnimationFrame(() => drawn.forEach((draw) => draw()));
});

/** A chart with a description for screen readers. `paint(room)` returns [height, elements, width]; width is optional. The role
 * is "group" if the chart contains links. */
function chart(description, paint, role = "img") {
  const frame = h("div", { class: "chart" });
  let before = 0;
  const draw = () => {
    if (!frame.isConnected) return before && drawn.delete(draw);
    const room = Math.floor(frame.clientWidth);
    if (room < 40 || room === before) return;
    before = room;
    const [height, elements, width = room] = paint(room);
    frame.replaceChildren(s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role, "aria-label": visible(description) }, elements));
  };
  frame.redraw = () => {
    before = 0;
    draw();
  };
  drawn.add(draw);
  requestAnimationFrame(draw);
  return frame;
}

const text = (x, y, anchor, words, kind = "axis") => s("text", { x, y, "text-anchor": anchor, class: kind }, words);
const hint = (words) => s("title", {}, words);

/** All days from the first to the last, as `2024-02-29`. */
function daysBetween(first, last) {
  const days = [];
  const end = Date.parse(last + "T00:00:00Z");
  for (let at = Date.parse(first + "T00:00:00Z"); at <= end && days.length < 4000; at += 86_400_000) {
    days.push(new Date(at).toISOString().slice(0, 10));
  }
  return days;
}

/** The smallest round number that is at least `value`. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return [1, 2, 3, 4, 6, 8, 10].map((n) => n * power).find((n) => n >= value);
}

/** Labels below an axis of days: as many as fit. */
function dayTicks(days, x, y, room) {
  const every = Math.max(1, Math.ceil(days.length / Math.max(2, Math.floor(room / 80))));
  return days.flatMap((day, at) => (at % every === 0 ? [text(x(at), y, "middle", day.slice(5))] : []));
}

/** Maximum width of a column or cell, in pixels, for short windows. */
const STEP_MAX = 48;

/** What the colours of a column stand for, by CSS class; severities stand for themselves. */
const LEGEND = { "failed-part": "failed", "good-part": "succeeded" };

/** Columns by day or hour. `parts(day)` returns [[class, value], ...] from the bottom up. */
function columns(description, days, parts, height = 130) {
  const values = days.map(parts);
  const top = roundUp(Math.max(1, ...values.map((day) => sum(day.map(([, value]) => value)))));
  return chart(description, (width) => {
    const [left, base] = [46, height - 20];
    const step = Math.min(STEP_MAX, (width - left) / Math.max(1, days.length));
    const y = (value) => base - (value / top) * (base - 12);
    const elements = [top, top / 2].map((tick) => [
      s("line", { x1: left, x2: width, y1: y(tick), y2: y(tick), class: "grid" }),
      text(left - 6, y(tick) + 4, "end", grouped(tick)),
    ]);
    values.forEach((day, at) => {
      let under = 0;
      const column = s("g", {}, hint(`${days[at]}: ${day.filter(([, value]) => value > 0).map(([kind, value]) => `${grouped(value)} ${LEGEND[kind] ?? kind}`).join(", ") || "none"}`));
      for (const [kind, value] of day) {
        const high = y(under) - y(under + value);
        column.append(s("rect", { class: kind, x: left + at * step, y: y(under + value), width: Math.max(1, step - (step > 4 ? 1.5 : 0)), height: high }));
        under += value;
      }
      elements.push(column);
    });
    elements.push(s("line", { x1: left, x2: width, y1: base, y2: base, class: "base" }));
    elements.push(dayTicks(days, (at) => left + (at + 0.5) * step, height - 5, days.length * step));
    return [height, elements.flat()];
  });
}

const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** Events by hour and day; by hour and weekday if there are too many days to show. */
function heatMap(rows, days) {
  const byWeekday = days.length > 120;
  const weekday = (day) => (new Date(day + "T00:00:00Z").getUTCDay() + 6) % 7;
  const across = byWeekday ? WEEKDAYS : days;
  const index = new Map(across.map((name, at) => [name, at]));
  const cells = across.map(() => new Array(24).fill(0));
  for (const row of rows) {
    const at = byWeekday ? weekday(day(row.day)) : index.get(day(row.day));
    if (cells[at] && cells[at][row.hour] !== undefined) cells[at][row.hour] += number(row.events);
  }
  const most = Math.max(1, ...cells.flat());
  const description = `Events by hour and ${byWeekday ? "weekday" : "day"}, at most ${grouped(most)} per hour`;
  return chart(description, (room) => {
    const [left, cell] = [46, 11];
    const step = Math.min(STEP_MAX, Math.max(7, (room - left) / across.length));
    const elements = [0, 6, 12, 18].map((hour) => text(left - 6, hour * cell + 10, "end", String(hour).padStart(2, "0") + ":00"));
    cells.forEach((hours, at) => hours.forEach((events, hour) => {
      const shade = events === 0 ? 0.04 : 0.1 + 0.9 * (events / most);
      elements.push(s("rect", { class: "heat", x: left + at * step, y: hour * cell, width: step - 1, height: cell - 1, "fill-opacity": shade.toFixed(3) },
        hint(`${across[at]} ${String(hour).padStart(2, "0")}:00, ${counted(events, "event")}`)));
    }));
    const width = left + step * across.length;
    const ticks = byWeekday ? across.map((name, at) => text(left + (at + 0.5) * step, 24 * cell + 14, "middle", name))
      : dayTicks(days, (at) => left + (at + 0.5) * step, 24 * cell + 14, width - left);
    return [24 * cell + 20, [...elements, ...ticks], width];
  });
}

/** Median and median absolute deviation. */
function middle(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const median = (list) => (list.length % 2 ? list[(list.length - 1) / 2] : (list[list.length / 2 - 1] + list[list.length / 2]) / 2);
  const centre = median(sorted);
  return [centre, median(sorted.map((value) => Math.abs(value - centre)).sort((a, b) => a - b))];
}

/** Days of history needed to draw a band. */
const BAND_DAYS_MIN = 5;

/** The usual calls per day of an identity: the median of ln(1 + calls) of its active days, plus and minus 3 sigmas estimated
 * from the MAD. */
function band(history, until) {
  const past = list(history.days).flatMap((day, at) => (String(day) < until ? [Math.log1p(number(history.calls[at]))] : []));
  if (past.length < BAND_DAYS_MIN) return { days: past.length };
  const [centre, spread] = middle(past);
  // The spread has a minimum, as in sql/report/deviations.sql: identical days would make any change an outlier.
  const reach = 3 * Math.max(1.4826 * spread, 0.5 / 3);
  return { days: past.length, median: Math.expm1(centre), low: Math.max(0, Math.expm1(centre - reach)), high: Math.expm1(centre + reach) };
}

/** What the detector of a finding counts and compares with what, as its header states; null if it states nothing that the
 * report has. */
function findingChart(finding, plan) {
  if (!plan) return null;
  const baselines = list(plan.usual).flatMap((name) => (typeof finding.baseline?.[name] === "number" ? [[label(name), finding.baseline[name]]] : []));
  const seen = finding.details?.[plan.observed];
  const series = list(report.series).find((one) => one.series === plan.series && one.entity === finding.entity && one.account_id === finding.account_id);
  if (series) return countsOverTime(finding, series, baselines, typeof seen === "number" ? seen : undefined);
  if (typeof seen !== "number" || baselines.length === 0) return null;
  return h("figure", {}, bars([{ name: h("b", {}, `${label(plan.observed)}, this finding`), value: seen, kind: "now" }, ...baselines.map(([name, value]) => ({ name, value }))]),
    h("figcaption", {}, "What the detector compared."));
}

/** Steps shown before and after a finding: two weeks of hours, or as many days as there are. */
const STEPS_BEFORE = { 3600: 14 * 24, 86400: 60 };

function countsOverTime(finding, series, baselines, seen) {
  const seconds = series.seconds === 86400 ? 86400 : 3600;
  const unit = seconds === 3600 ? "hour" : "day";
  const step = (time) => Math.floor(Date.parse(time) / 1000 / seconds);
  const [first, last] = [step(finding.first_time), step(finding.last_time)];
  const counts = new Map(list(series.steps).map((at, index) => [at, number(series.counts?.[index])]));
  if (!Number.isFinite(first) || !Number.isFinite(last) || last - first > 10_000) return null;
  // Not before the lake's first event, nor before the series begin: 14 days before the window, at most 60 before its end.
  const since = [step(coverage.lake?.first_event), step(run.window.from) - (14 * 86400) / seconds, step(run.window.to) - (60 * 86400) / seconds];
  const begin = Math.min(first, Math.max(first - STEPS_BEFORE[seconds], ...since.filter(Number.isFinite)));
  const steps = Array.from({ length: Math.min(10_000, last + (seconds === 3600 ? 12 : 7) - begin) }, (_, at) => begin + at);
  const values = steps.map((at) => counts.get(at) ?? 0);
  const found = Math.max(0, ...values.filter((_, at) => steps[at] >= first && steps[at] <= last));
  if (found === 0) return null;
  const most = Math.max(1, ...values, ...baselines.map(([, value]) => value));
  const others = values.filter((value, at) => value > 0 && (steps[at] < first || steps[at] > last));
  // On a linear scale one busy hour would flatten all others.
  const curved = others.length > 0 && most > 20 * Math.max(1, middle(others)[0]);
  const scale = (value) => (curved ? Math.log1p(value) / Math.log1p(most) : value / most);
  const name = (at) => minute(new Date(at * seconds * 1000).toISOString()).slice(0, seconds === 3600 ? 16 : 10);
  const compared = baselines.map(([words, value]) => `${words}: ${shorter(value)}`).join("; ");
  const picture = chart(`${series.series}: at most ${grouped(found)} during the finding${compared && `; ${compared}`}`, (width) => {
    const [left, height, base] = [58, 170, 148];
    const wide = Math.min(STEP_MAX, (width - left) / steps.length);
    const y = (value) => base - scale(value) * (base - 12);
    const elements = [];
    const labels = [];
    for (const [words, value] of baselines) {
      elements.push(s("line", { class: "median", x1: left, x2: width, y1: y(value), y2: y(value) }, hint(`${words}: ${shorter(value)}`)));
      if (!labels.some((at) => Math.abs(at - y(value)) < 13)) {
        labels.push(y(value));
        elements.push(text(left - 6, y(value) + 4, "end", shorter(value)));
      }
    }
    if (!labels.some((at) => Math.abs(at - y(most)) < 13)) elements.push(text(left - 6, y(most) + 4, "end", grouped(most)));
    steps.forEach((at, index) => {
      if (values[index] === 0) return;
      const now = at >= first && at <= last;
      const size = Math.max(now ? 3 : 1, wide - (wide > 4 ? 1.5 : 0));
      elements.push(s("rect", { class: now ? "now" : "past", x: left + index * wide, y: y(values[index]), width: size, height: Math.max(1, base - y(values[index])) },
        hint(`${name(at)}: ${grouped(values[index])}`)));
    });
    elements.push(s("line", { x1: left, x2: width, y1: base, y2: base, class: "base" }));
    const every = Math.max(1, Math.ceil(steps.length / Math.max(2, Math.floor((width - left) / 110))));
    steps.forEach((at, index) => index % every === 0 && left + index * wide + 45 < width && elements.push(text(left + index * wide, height - 5, "start", seconds === 3600 ? name(at).slice(5) : name(at).slice(5))));
    return [height, elements];
  });
  const title = series.series[0].toUpperCase() + series.series.slice(1);
  return h("figure", {}, picture, h("figcaption", {}, `${title}${curved ? " (logarithmic scale)" : ""}. Red: the ${unit} of the finding, ${grouped(seen ?? found)}.${compared && ` Dashed: ${compared}.`}`));
}

const shorter = (value) => number(value).toLocaleString("en-GB", { maximumFractionDigits: value < 10 ? 1 : 0 });

/** Calls per day of an identity and its usual band, with the days from `first` to `last` marked as `marks`. */
function dailyCalls(calls, first, last, marks = "the day of the finding") {
  const usual = band(calls, first);
  const all = daysBetween(day(calls.days[0]), day(calls.days[calls.days.length - 1]));
  // Only the 60 days up to shortly after the finding.
  const until = Math.max(all.indexOf(last), 0) + 8;
  const days = all.slice(Math.max(0, until - 60), until);
  const byDay = new Map(calls.days.map((name, at) => [day(name), number(calls.calls[at])]));
  const values = days.map((name) => byDay.get(name) ?? 0);
  const marked = (name) => name >= first && name <= last;
  const found = Math.max(0, ...days.filter(marked).map((name) => byDay.get(name) ?? 0));
  const most = Math.max(1, ...values, usual.high ?? 0);
  // On a linear scale one busy day would flatten all others.
  const curved = most > 20 * Math.max(1, usual.median ?? most);
  const scale = (value) => (curved ? Math.log1p(value) / Math.log1p(most) : value / most);
  const round = (value) => grouped(Math.round(value));
  const usually = usual.high === undefined
    ? `only ${counted(usual.days, "active day")} before, too few for a usual range`
    : `usually ${round(usual.low)} to ${round(usual.high)} per day (${counted(usual.days, "active day")} before)`;
  const picture = chart(`Calls per day of this identity: ${grouped(found)} on ${marks}, ${usually}`, (width) => {
    const [left, height, base] = [46, 170, 148];
    const step = Math.min(STEP_MAX, (width - left) / days.length);
    const y = (value) => base - scale(value) * (base - 12);
    const elements = [];
    if (usual.high !== undefined) {
      elements.push(s("rect", { class: "band", x: left, width: width - left, y: y(usual.high), height: Math.max(2, y(usual.low) - y(usual.high)) }));
      elements.push(s("line", { class: "median", x1: left, x2: width, y1: y(usual.median), y2: y(usual.median) }));
      elements.push(text(left - 6, y(usual.median) + 4, "end", round(usual.median)));
    }
    if (usual.median === undefined || Math.abs(y(most) - y(usual.median)) > 14) elements.push(text(left - 6, y(most) + 4, "end", grouped(Math.round(most))));
    days.forEach((name, at) => {
      const x = left + at * step;
      elements.push(s("rect", { class: marked(name) ? "now" : "past", x, y: y(values[at]), width: Math.max(1, step - 1.5), height: Math.max(values[at] > 0 ? 1 : 0, base - y(values[at])) },
        hint(`${name}: ${counted(values[at], "call")}`)));
    });
    elements.push(s("line", { x1: left, x2: width, y1: base, y2: base, class: "base" }));
    elements.push(...dayTicks(days, (at) => left + (at + 0.5) * step, height - 5, width - left));
    return [height, elements];
  });
  const caption = `Calls per day${curved ? " (logarithmic scale)" : ""}. Red: ${marks}, ${counted(found, "call")}. ${usually[0].toUpperCase()}${usually.slice(1)}.`;
  return h("figure", {}, picture, h("figcaption", {}, caption));
}

/** Findings over time, one lane per detector. */
function timeline(findings) {
  const lanes = [...new Set(findings.map((finding) => finding.detector))];
  const times = findings.flatMap((finding) => [Date.parse(finding.first_time), Date.parse(finding.last_time)]).filter(Number.isFinite);
  if (times.length === 0) return empty("No findings with a time.");
  const from = Math.floor(Math.min(...times) / 86_400_000) * 86_400_000;
  const to = Math.max(...times, from + 86_400_000);
  return chart(`${counted(findings.length, "finding")} of ${counted(lanes.length, "detector")} over time`, (width) => {
    const left = width > 600 ? 190 : 8;
    const lane = width > 600 ? 22 : 34;
    const x = (time) => left + 6 + ((time - from) / (to - from)) * (width - left - 14);
    const elements = lanes.flatMap((name, at) => [
      s("line", { class: "grid", x1: left, x2: width, y1: (at + 1) * lane - 6, y2: (at + 1) * lane - 6 }),
      width > 600 ? text(left - 8, (at + 1) * lane - 2, "end", name) : text(left, (at + 1) * lane - 16, "start", name),
    ]);
    for (const finding of [...findings].reverse().slice(-400)) {
      const y = (lanes.indexOf(finding.detector) + 1) * lane - 6;
      const [begin, end] = [x(Date.parse(finding.first_time)), x(Date.parse(finding.last_time))];
      elements.push(s("a", { href: link({ finding: finding.id }), "aria-label": `${finding.severity}: ${visible(finding.headline || finding.summary)}` },
        s("rect", { class: known(finding.severity), x: begin - 5, y: y - 5, width: Math.max(10, end - begin + 10), height: 10, rx: 5 },
          hint(`${minute(finding.first_time)}, ${finding.severity}: ${finding.headline || finding.summary}`))));
    }
    const days = daysBetween(new Date(from).toISOString().slice(0, 10), new Date(to).toISOString().slice(0, 10));
    const height = lanes.length * lane + 22;
    elements.push(...dayTicks(days, (at) => Math.min(width - 18, Math.max(left + 18, x(from + at * 86_400_000))), height - 5, width - left));
    return [height, elements];
  }, "group");
}
