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
from functools import partial
from pathlib import Path

import botocore.loaders
from awscli.clidriver import create_clidriver

from s3 import ROOT, Trailhunt, binary_from_arguments, run_scenarios

TABLE = ROOT / "src/response/undo.tsv"
# What templates get in place of an event's members: the formats that AWS CLI and service models ask for.
DUMMY = {"account": "111122223333", "partition": "aws"}
# Services whose event source is not the name of a model, an endpoint or a signing name.
MODELS = {"states": "stepfunctions", "monitoring": "cloudwatch", "sso": "sso-admin", "ses": "ses", "s3": "s3"}
# Members of events that have another name in the service model, or that no public model has.
OTHER_NAMES = {
    "bucketName",  # S3: Bucket
    "VersioningConfiguration",
    "key",
}
NOT_IN_MODELS = {"sso-directory", "PutAccountPublicAccessBlock", "DeleteAccountPublicAccessBlock"}


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
    def value(match: re.Match) -> str:
        name = match[1].split(".")[-1]
        if name in DUMMY:
            return DUMMY[name]
        item = dummy(name.removesuffix("[]"))
        return json.dumps([item]) if "[]" in match[1] else item

    return [re.sub(r"\{([^}]*)\}", value, word) for word in template.split(" ")] + ["--region=eu-west-1"]


def dummy(member: str) -> str:
    """A value that validation of the service models accepts."""
    words = member.lower()
    if "arn" in words or words == "principals":
        return "arn:aws:iam::111122223333:role/example-role-of-a-test"
    if words in {"userid", "group"} and "group" not in words:
        return "111122223333"
    return {"principalType": "USER", "targetType": "AWS_ACCOUNT", "policyType": "SERVICE_CONTROL_POLICY", "resourceTypes": "EC2", "queueUrl": "https://sqs.eu-west-1.amazonaws.com/111122223333/q"}.get(member, "a1b2c3d4-5678-90ab-cdef-EXAMPLE11111")


def every_line_of_the_table_is_a_command_of_the_aws_cli(cli: Cli) -> None:
    wrong = []
    for *_, template in table():
        try:
            cli.parse(filled(template))
        except AssertionError as e:
            wrong.append(str(e))
    assert not wrong, "\n".join(wrong)


def models():
    """Operations of all service models by the names that a service has."""
    loader = botocore.loaders.Loader()
    services = {}
    for service in loader.list_available_services("service-2"):
        model = loader.load_service_model(service, "service-2")
        metadata = model["metadata"]
        for name in {service, metadata["endpointPrefix"], metadata.get("signingName", service)}:
            services.setdefault(name, []).append(model)
    return services


def the_members_that_the_table_reads_exist() -> None:
    services = models()
    wrong = []
    for service, api, condition, _, _, _, command in table():
        if {service, api} & NOT_IN_MODELS:
            continue
        found = [model for model in services.get(MODELS.get(service, service), []) + services.get(service, [])]
        operation = None
        for model in found:
            for name, of in model["operations"].items():
                if re.sub(r"\d{4}_?\d{2}_?\d{2}(v\d)?$", "", name) == api:
                    operation = (model, of)
        # CloudTrail has other names for some calls of S3.
        if operation is None and service == "s3":
            continue
        if operation is None:
            wrong.append(f"{service}: no API {api}")
            continue
        model, of = operation
        for path in re.findall(r"\{(re[^}]*)\}", command) + [condition.split("=")[0]] * bool(condition):
            side, member = path.split(".")[:2]
            shape = of.get("input" if side == "request" else "output")
            members = model["shapes"][shape["shape"]].get("members", {}) if shape else {}
            member = member.removesuffix("[]")
            names = {name.lower() for name in members} | {str(of.get("locationName", "")).lower() for of in members.values()}
            # EC2 answers with sets, and wraps some answers in the name of the operation.
            known = member.lower() in names or member in OTHER_NAMES or member.lower().removesuffix("set") + "s" in names
            if not known and not (service == "ec2" and side == "response"):
                wrong.append(f"{service}:{api} has no {path}; it has {sorted(members)}")
    assert not wrong, "\n".join(wrong)


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
        assert str(lake) in words_of(command)[2], command


def main() -> int:
    cli, trailhunt = Cli(), Trailhunt(binary_from_arguments(__doc__.splitlines()[0]))
    return run_scenarios(
        [
            ("every line of the table is a command of the AWS CLI", partial(every_line_of_the_table_is_a_command_of_the_aws_cli, cli)),
            ("the members that the table reads exist", the_members_that_the_table_reads_exist),
            ("every command of a report is understood", partial(every_command_of_a_report_is_understood, cli, trailhunt)),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
