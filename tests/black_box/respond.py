#!/usr/bin/env python3
"""Checks the commands of the next steps with the AWS CLI's own parser. AWS is never called: a request that is complete is
caught before it is sent.

In: `--trailhunt BINARY`. Out: one line per scenario, then `N passed, N failed`; exit code 1 if one failed.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections import defaultdict
from functools import partial
from pathlib import Path

import botocore.loaders
from awscli.clidriver import create_clidriver

from s3 import ROOT, Trailhunt, binary_from_arguments, run_scenarios

TABLE = ROOT / "src/response/undo.tsv"
# Models of services whose event source is neither the name of a model nor an endpoint or a signing name.
MODELS = {"states": "stepfunctions", "monitoring": "cloudwatch", "sso": "sso-admin"}
# Members of S3's events, which have other names in the service model.
NAMES_IN_EVENTS = {"bucketName", "key", "VersioningConfiguration", "PublicAccessBlockConfiguration"}
# Services and APIs without a public model, or with another name there.
NOT_IN_MODELS = {"sso-directory", "PutAccountPublicAccessBlock", "DeleteAccountPublicAccessBlock"}
# Values that the models accept where an identifier would not be.
VALUES = {
    "account": "111122223333",
    "partition": "aws",
    "policyType": "SERVICE_CONTROL_POLICY",
    "principalType": "USER",
    "queueUrl": "https://sqs.eu-west-1.amazonaws.com/111122223333/q",
    "resourceTypes": "EC2",
    "targetType": "AWS_ACCOUNT",
}
ARN = "arn:aws:iam::111122223333:role/example-role-of-a-test"
IDENTIFIER = "a1b2c3d4-5678-90ab-cdef-EXAMPLE11111"


class Caught(Exception):
    """Raised in place of sending a request."""


class Cli:
    """The AWS CLI, without network and settings."""

    def __init__(self) -> None:
        for name in [name for name in os.environ if name.startswith("AWS_") and name != "AWS_DATA_PATH"]:
            del os.environ[name]
        os.environ |= {
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
        }
        self.sent: list[str] = []
        self.driver = create_clidriver()
        self.driver.session.register("before-send", self.catch)

    def catch(self, request, **_):
        self.sent.append(request.url)
        raise Caught

    def parse(self, words: list[str]) -> None:
        """Fails unless the words are a complete command of one request."""
        assert words[0] == "aws", words
        self.sent.clear()
        try:
            code = self.driver.main(words[1:])
        except SystemExit as exit:
            code = exit.code
        assert len(self.sent) == 1, f"exit code {code}, no request: {shlex.join(words)}"


def words_of(command: str) -> list[str]:
    """The words that a POSIX shell makes of a command. Nothing is run but `date`."""
    script = f'aws() {{ printf "%s\\0" aws "$@"; }}\ntrailhunt() {{ printf "%s\\0" trailhunt "$@"; }}\n{command}\n'
    run = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert not run.stderr, run.stderr
    return run.stdout.split("\0")[:-1]


def table() -> list[list[str]]:
    lines = TABLE.read_text().splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


def filled(template: str) -> list[str]:
    """A template's words, with a value for each member of an event."""

    def value(match: re.Match) -> str:
        member = match[1].split(".")[-1].removesuffix("[]")
        is_arn = member.lower().endswith("arn") or member == "principals"
        value = VALUES.get(member, ARN if is_arn else IDENTIFIER)
        return json.dumps([value]) if "[]" in match[1] else value

    return [re.sub(r"\{([^}]*)\}", value, word) for word in template.split(" ")] + ["--region=eu-west-1"]


def every_line_of_the_table_is_a_command_of_the_aws_cli(cli: Cli) -> None:
    wrong = []
    for *_, template in table():
        try:
            cli.parse(filled(template))
        except AssertionError as e:
            wrong.append(str(e))
    assert not wrong, "\n".join(wrong)


def models() -> dict[str, list[dict]]:
    """Service models by each name of their service."""
    loader, models = botocore.loaders.Loader(), defaultdict(list)
    for service in loader.list_available_services("service-2"):
        model = loader.load_service_model(service, "service-2")
        metadata = model["metadata"]
        for name in {service, metadata["endpointPrefix"], metadata.get("signingName", service)}:
            models[name].append(model)
    return models


def members_of(model: dict, operation: dict, side: str) -> set[str]:
    """Names of an API's parameters or of the members of its answer, as models and as messages have them."""
    shape = operation.get("input" if side == "request" else "output")
    members = model["shapes"][shape["shape"]].get("members", {}) if shape else {}
    return {name.lower() for name in members} | {str(of.get("locationName", "")).lower() for of in members.values()}


def the_members_that_the_table_reads_exist() -> None:
    by_service, wrong, checked = models(), [], 0
    for service, api, condition, _, _, _, command in table():
        if {service, api} & NOT_IN_MODELS:
            continue
        operations = [
            (model, operation)
            for model in by_service[service] + by_service[MODELS.get(service)]
            for name, operation in model["operations"].items()
            if re.sub(r"\d{4}_?\d{2}_?\d{2}(v\d)?$", "", name) == api
        ]
        # CloudTrail has names of its own for some calls of S3.
        if not operations and service != "s3":
            wrong.append(f"{service} has no API {api}")
        for path in re.findall(r"\{(re[^}]*)\}", command) + [condition.split("=")[0]] * bool(condition):
            side, member = path.split(".")[:2]
            member = member.removesuffix("[]")
            # EC2 wraps its answers, and writes its lists as sets.
            if not operations or member in NAMES_IN_EVENTS or (service == "ec2" and side == "response"):
                continue
            checked += 1
            if not any(member.lower() in members_of(*operation, side) for operation in operations):
                wrong.append(f"{service}:{api} has no {path}")
    assert not wrong, "\n".join(wrong)
    assert checked > 100, checked


def every_command_of_a_report_is_understood(cli: Cli, trailhunt: Trailhunt) -> None:
    with tempfile.TemporaryDirectory() as folder:
        archive, lake, report = Path(folder) / "archive", Path(folder) / "it's a lake", Path(folder) / "report.json"
        trailhunt.run("sample", "--out", archive, "--days", "14", "--accounts", "2", "--events-per-day", "2000")
        trailhunt.run("ingest", archive, "--lake", lake)
        trailhunt.run("hunt", "--lake", lake, "--report", report)
        findings = json.loads(report.read_text())["findings"]
    steps = [step for finding in findings for step in finding["next_steps"]]
    commands = {step["command"]: step for step in steps if step["command"]}
    of_aws = [command for command in commands if command.startswith("aws ")]
    assert len(of_aws) > 20, of_aws
    assert any(commands[command]["changes"] for command in of_aws)
    wrong = []
    for command in of_aws:
        try:
            cli.parse(words_of(command))
        except AssertionError as e:
            wrong.append(f"{command}\n{e}")
    assert not wrong, "\n".join(wrong)
    for command in set(commands) - set(of_aws):
        assert f"--lake={lake}" in words_of(command), command


def main() -> int:
    cli, trailhunt = Cli(), Trailhunt(binary_from_arguments(__doc__.splitlines()[0]))
    return run_scenarios(
        [
            (
                "every line of the table is a command of the AWS CLI",
                partial(every_line_of_the_table_is_a_command_of_the_aws_cli, cli),
            ),
            ("the members that the table reads exist", the_members_that_the_table_reads_exist),
            ("every command of a report is understood", partial(every_command_of_a_report_is_understood, cli, trailhunt)),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
