#!/usr/bin/env python3
"""Reads the OSCAL assessment results of a hunt with compliance-trestle, which has OSCAL's models, and compares them with
the JSON report.

In: `--trailhunt BINARY`. Out: one line per scenario, then `N passed, N failed`; exit code 1 if one failed.
Downloads nothing.
"""

import base64
import hashlib
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from trestle.core.duplicates_validator import DuplicatesValidator
from trestle.oscal.assessment_results import AssessmentResults

from hostile_detector import hostile_detector
from s3 import Trailhunt, binary_from_arguments, days_of, run_scenarios

# Markup of OSCAL's Markdown, a character that reverses the text, a line end, and spaces at both ends.
HOSTILE = r""" <img src=x onerror=alert(1)>[a](http://b)**x** ^x^ {{ insert: param, x }}\u202e\u2028|"x" """.encode().decode("unicode_escape")


@dataclass
class Hunted:
    """A hunt: its report, and the same as OSCAL."""

    report: dict
    oscal: dict
    file: Path

    @property
    def result(self) -> dict:
        return self.oscal["results"][0]

    @property
    def observations(self) -> list[dict]:
        """Those of findings: the first is about what was read."""
        return self.result["observations"][1:]


@dataclass
class World:
    trailhunt: Trailhunt
    archive: Path
    folder: Path
    damaged: str
    hunts: list[Hunted] = field(default_factory=list)

    @property
    def lake(self) -> Path:
        return self.folder / "lake"

    def hunt(self, name: str, *options: object) -> Hunted:
        paths = [self.folder / f"{name}{extension}" for extension in (".json", ".oscal.json")]
        reports = [option for path in paths for option in ("--report", path)]
        self.trailhunt.run("hunt", "--lake", self.lake, *options, *reports)
        report, oscal = (json.loads(path.read_text()) for path in paths)
        return Hunted(report, oscal["assessment-results"], paths[1])


def hunts_are_valid_assessment_results(world: World) -> None:
    world.trailhunt.run("ingest", world.archive, "--lake", world.lake, exit_code=2)  # a damaged object
    days = days_of(world.archive)
    detectors = world.folder / "detectors"
    detectors.mkdir()
    (detectors / "hostile.sql").write_text(hostile_detector(HOSTILE))
    world.hunts = [
        world.hunt("all", "--from", days[-3]),
        world.hunt("hostile", "--from", days[-3], "--detector-dir", detectors, "--detector", "hostile"),
        world.hunt("without_events", "--from", "2020-01-01", "--to", "2020-01-02", "--detector", "call_rate", "--allow-empty"),
    ]
    assert all(hunted.report["findings"] for hunted in world.hunts[:2]), "nothing was found"
    assert not world.hunts[2].report["findings"] and "findings" in world.hunts[2].result
    for hunted in world.hunts:
        model = AssessmentResults.oscal_read(hunted.file)
        assert DuplicatesValidator().model_is_valid(model, quiet=False), f"{hunted.file.name}: a UUID is used twice"
    broken = world.folder / "broken.oscal.json"
    broken.write_text(hunted.file.read_text().replace('"not-satisfied"', '"perhaps"'))
    assert refused(broken), "trestle accepts anything"


def every_finding_is_one_observation_with_its_hash(world: World) -> None:
    for hunted in world.hunts:
        findings = hunted.report["findings"]
        assert len(hunted.observations) == len(findings)
        for finding, observation in zip(findings, hunted.observations):
            assert values(observation, "finding-id") == [finding["id"]]
            compact = json.dumps(finding, separators=(",", ":"), ensure_ascii=False)
            assert values(observation, "finding-sha256") == [hashlib.sha256(compact.encode()).hexdigest()]
            assert values(observation, "technique") == finding["attack"]
            evidence = observation.get("relevant-evidence", [])
            listed = [event for entry in evidence for event in values(entry, "event-id")]
            known = {event["event_id"]: event["source_object"] for event in finding["evidence"]["events"]}
            assert len(listed) == len(set(listed)) and set(listed) <= known.keys()
            total = finding["evidence"]["total"]
            assert f"The evidence is {total:,} event" in observation["remarks"]
            assert len(listed) == total or f"of which {len(listed)} are listed" in observation["remarks"]
            for entry in evidence:
                assert all([known[event]] == values(entry, "source-object") for event in values(entry, "event-id"))


def every_reference_has_its_target(world: World) -> None:
    for hunted in world.hunts:
        observations = {observation["uuid"] for observation in hunted.result["observations"]}
        definitions = hunted.result["local-definitions"]
        components = {component["uuid"] for component in definitions.get("components", [])}
        tools = {component["uuid"] for component in definitions["assessment-assets"]["components"]}
        for name, text in members(hunted.oscal):
            expected = {"observation-uuid": observations, "subject-uuid": components, "actor-uuid": tools, "component-uuid": tools}
            assert text in expected.get(name, {text}), f"{name} {text} does not exist"
        (plan,) = hunted.oscal["back-matter"]["resources"]
        assert hunted.oscal["import-ap"]["href"] == f"#{plan['uuid']}"
        assert json.loads(base64.b64decode(plan["base64"]["value"])) == hunted.report["run"]
        assert sorted(values(plan, "detector-sha256")) == sorted(hunted.report["run"]["detectors"].values())


def controls_with_findings_or_without_detectors_are_not_satisfied(world: World) -> None:
    for hunted in world.hunts:
        has_events = sum(day["events"] for day in hunted.report["statistics"]["events_by_day"]) > 0
        expected = {
            (framework["framework"], control["id"]): control
            for framework in hunted.report["compliance"]
            for control in framework["controls"]
            if control["findings"] or not control["detectors"] or not has_events
        }
        concluded = {
            (*values(finding, "framework"), *values(finding, "control")): finding for finding in hunted.result["findings"]
        }
        assert concluded.keys() == expected.keys()
        for control, finding in concluded.items():
            status = finding["target"]["status"]
            assert (status["state"], status["reason"]) == ("not-satisfied", "other") and status["remarks"]
            related = [observation["observation-uuid"] for observation in finding["related-observations"]]
            of_findings = {observation["uuid"] for observation in hunted.observations} & set(related)
            assert len(of_findings) == min(100, expected[control]["findings"])
        selections = hunted.result["reviewed-controls"]["control-selections"]
        selected = [control["control-id"] for selection in selections for control in selection["include-controls"]]
        controls = [control["id"] for framework in hunted.report["compliance"] for control in framework["controls"]]
        assert len(selected) == len(controls) and "ac-2" in selected and "CC6.1" in selected


def a_damaged_object_is_named(world: World) -> None:
    for hunted in world.hunts:
        read = hunted.result["observations"][0]
        assert any(world.damaged in line for line in values(read, "unread")), values(read, "unread")
        assert world.damaged in plain(read["remarks"])
        assert "could not be read" in plain(hunted.result["remarks"])
        rejects = hunted.report["coverage"]["lake"]["rejects"]
        assert values(read, "rejects-in-lake") == [str(rejects)] and rejects > 0


def text_from_logs_stays_text(world: World) -> None:
    _, hostile, _ = world.hunts
    observation = next(one for one in hostile.observations if values(one, "detector") == ["hostile"])
    for text in (observation["title"], observation["description"]):
        assert "<img" not in text and "](" not in re.sub(r"\\.", "", text) and "{{" not in text
    raw = hostile.file.read_text()
    assert not any(character in raw for character in "\u202e\u2028"), "a character that reorders text or ends a line"


def the_chain_of_runs_has_the_file_and_the_file_has_the_record_before(world: World) -> None:
    records = [world.lake / "_trailhunt" / "runs" / f"{number:08}.json" for number in (1, 2, 3)]
    hashes = [json.loads(record.read_text())["sha256"] for record in records]
    previous = [values(hunted.oscal["metadata"], "previous-record-sha256") for hunted in world.hunts]
    assert previous == [[], hashes[:1], hashes[1:2]], previous
    for hunted in world.hunts:
        assert hunted.oscal["metadata"]["version"] == hunted.report["run"]["id"]
        world.trailhunt.run("verify", "--lake", world.lake, hunted.file)
    changed = world.folder / "all_changed.oscal.json"
    changed.write_text(world.hunts[0].file.read_text().replace("finding", "Finding", 1))
    world.trailhunt.run("verify", "--lake", world.lake, changed, exit_code=2)


def values(item: dict, name: str) -> list[str]:
    """The values of the properties with this name."""
    return [prop["value"] for prop in item.get("props", []) if prop["name"] == name]


def plain(text: str) -> str:
    """Markdown of escaped characters as the text that it shows."""
    text = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)
    return text.replace("&#47;", "/").replace("&#46;", ".").replace("&#64;", "@").replace("&lt;", "<").replace("&amp;", "&")


def members(value: object) -> Iterator[tuple[str, str]]:
    """All members with a text, at any depth."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    for item in items:
        yield from members(item)
    if isinstance(value, dict):
        yield from ((name, text) for name, text in value.items() if isinstance(text, str))


def refused(file: Path) -> bool:
    try:
        AssessmentResults.oscal_read(file)
    except Exception:
        return True
    return False


def main() -> int:
    trailhunt = Trailhunt(binary_from_arguments("reads the OSCAL assessment results of a hunt with compliance-trestle"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        archive = folder / "sample"
        size = ["--days", 8, "--accounts", 1, "--events-per-day", 300, "--attacks", 8, "--seed", 4]
        trailhunt.run("sample", "--out", archive, *size)
        damaged = sorted(archive.rglob("*CloudTrail_*.json.gz"))[-1]
        damaged.write_bytes(damaged.read_bytes()[:200])
        world = World(trailhunt, archive, folder, damaged.name)
        checks = [
            hunts_are_valid_assessment_results,  # makes the hunts that the others read
            every_finding_is_one_observation_with_its_hash,
            every_reference_has_its_target,
            controls_with_findings_or_without_detectors_are_not_satisfied,
            a_damaged_object_is_named,
            text_from_logs_stays_text,
            the_chain_of_runs_has_the_file_and_the_file_has_the_record_before,
        ]
        return run_scenarios([(check.__name__, partial(check, world)) for check in checks])


if __name__ == "__main__":
    sys.exit(main())
