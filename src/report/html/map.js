// Where calls came from: a map, and the same as a table.

/** Radius in pixels of the circle of the place with the most events. */
const CIRCLE_MAX = 17;

const placeOf = (row) => `${country(row.country)} (${Math.abs(number(row.latitude)).toFixed(1)}° ${row.latitude < 0 ? "S" : "N"}, ${Math.abs(number(row.longitude)).toFixed(1)}° ${row.longitude < 0 ? "W" : "E"})`;

/** An equirectangular map. A circle's area grows with the number of events; places with addresses of findings have a ring. */
function worldMap(places) {
  const most = Math.max(1, ...places.map((row) => number(row.events)));
  const suspicious = places.filter((row) => list(row.finding_addresses).length > 0).length;
  const description = `Map of ${counted(places.length, "place")} that calls came from, ${grouped(suspicious)} of them with addresses of findings. The table below has the same data.`;
  return chart(description, (room) => {
    const scale = Math.min(room, 1040) / WORLD.width;
    const [width, height] = [WORLD.width * scale, WORLD.height * scale];
    const x = (degrees) => (degrees + 180) * 2 * scale;
    const y = (degrees) => Math.max(4, Math.min(height - 4, (WORLD.north - degrees) * 2 * scale));
    const lines = [];
    for (let at = -150; at <= 150; at += 30) lines.push(s("line", { class: "grid", x1: x(at), x2: x(at), y1: 0, y2: height }));
    for (let at = -30; at <= 60; at += 30) lines.push(s("line", { class: "grid", x1: 0, x2: width, y1: y(at), y2: y(at) }));
    const land = s("path", { class: "land", d: WORLD.land, transform: `scale(${scale})` });
    // Large circles first, so that small ones stay visible; places of findings above all.
    const order = [...places].sort((a, b) => list(a.finding_addresses).length - list(b.finding_addresses).length || number(b.events) - number(a.events));
    const circles = order.map((row) => {
      const found = list(row.finding_addresses).length;
      const radius = Math.max(2.5, CIRCLE_MAX * Math.min(1, scale * 1.2) * Math.sqrt(number(row.events) / most));
      const at = { cx: x(number(row.longitude)), cy: y(number(row.latitude)) };
      return s("g", { class: found > 0 ? "place found" : "place" },
        hint(`${placeOf(row)}: ${counted(row.events, "event")}, ${grouped(row.failed)} failed, ${counted(row.source_ips, "address")}${found > 0 ? `; findings about ${list(row.finding_addresses).slice(0, 5).join(", ")}` : ""}`),
        s("circle", { class: "dot", ...at, r: radius }), found > 0 && s("circle", { class: "ring", ...at, r: radius + 3.5 }));
    });
    return [height, [...lines, land, ...circles], width];
  });
}

function mapPart() {
  const places = list(statistics.events_by_place);
  if (places.length === 0) return part("map", "Where calls came from", empty("No calls from a known place."));
  return part("map", "Where calls came from",
    h("figure", {}, worldMap(places),
      h("figcaption", {}, "Area: number of events. A ring marks places with addresses of findings. A place is the middle of the region of an address; services and agents have none. Whole days in UTC.")),
    folded(`The ${counted(places.length, "place")} as a table`, () => table(places, [
      ["place", placeOf],
      ["events", (row) => grouped(row.events), "n"],
      ["failed", (row) => grouped(row.failed), "n"],
      ["addresses", (row) => grouped(row.source_ips), "n"],
      ["addresses of findings", (row) => list(row.finding_addresses).slice(0, 5).map((address, at) => [at > 0 && ", ", h("a", { href: link({ findings: "", text: address }) }, address)])],
    ], 15)));
}
