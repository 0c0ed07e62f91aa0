#!/usr/bin/env python3
"""Build src/report/html/world.js: the outlines of the continents for the map in the report.

Run it once per data snapshot. It needs Python 3.11:

    npm pack world-atlas@2.0.2
    tar -xzf world-atlas-2.0.2.tgz
    python geo/world.py package/land-110m.json > src/report/html/world.js

The same package gives the same bytes. Source and licence: ATTRIBUTION.md.

The data is TopoJSON: arcs of quantised points, each relative to the one before; a ring is a list of arcs, ~n is arc n
backwards. Changes to it: equirectangular projection, 2 units per degree, from 84 degrees north to 58 degrees south;
Antarctica and islands below 2 square degrees are left out; what crosses the antimeridian is on both sides.
"""

import json
import sys

NORTH, SOUTH = 84, -58
AREA_MIN = 2  # square degrees


def main(path: str) -> None:
    atlas = json.load(open(path))
    (scale_x, scale_y), (left, bottom) = atlas["transform"]["scale"], atlas["transform"]["translate"]
    arcs = []
    for arc in atlas["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append((x * scale_x + left, y * scale_y + bottom))
        arcs.append(points)
    rings = []
    for geometry in atlas["objects"]["land"]["geometries"]:
        polygons = [geometry["arcs"]] if geometry["type"] == "Polygon" else geometry["arcs"]
        for polygon in polygons:
            for ring in polygon:
                points = []
                for arc in ring:
                    points += arcs[arc] if arc >= 0 else arcs[~arc][::-1]
                rings.append(points)
    path = ""
    for ring in map(unwrapped, rings):
        if area(ring) >= AREA_MIN and max(latitude for _, latitude in ring) > SOUTH:
            path += "".join(outline([(x + turn, y) for x, y in ring]) for turn in (-360, 0, 360))
    print("// Made by geo/world.py from Natural Earth's land boundaries 1:110m (public domain): 2 units per degree.")
    print(f'const WORLD = {{ width: 720, height: {2 * (NORTH - SOUTH)}, north: {NORTH}, land: "{path}" }};')


def unwrapped(ring: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The ring without jumps at the antimeridian: its longitudes may leave -180 to 180."""
    points = [ring[0]]
    for longitude, latitude in ring[1:]:
        points.append((longitude - 360 * round((longitude - points[-1][0]) / 360), latitude))
    return points


def area(ring: list[tuple[float, float]]) -> float:
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, ring[1:] + ring[:1]))) / 2


def outline(ring: list[tuple[float, float]]) -> str:
    """An SVG path of whole numbers, each point relative to the one before; nothing for a ring outside of the map."""
    points = []
    for longitude, latitude in ring:
        x = max(-2, min(722, round(2 * (longitude + 180))))
        point = (x, round(2 * (NORTH - max(SOUTH, min(NORTH, latitude)))))
        if not points or points[-1] != point:
            points.append(point)
    if all(x in (-2, 722) for x, _ in points):
        return ""
    x, y = points[0]
    steps = ""
    for next_x, next_y in points[1:]:
        steps += f"{' ' if steps and next_x >= x else ''}{next_x - x}{'' if next_y < y else ' '}{next_y - y}"
        x, y = next_x, next_y
    return f"M{points[0][0]} {points[0][1]}l{steps}z"


if __name__ == "__main__":
    main(sys.argv[1])
