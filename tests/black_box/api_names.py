"""Checks that the APIs in sql/views/api_lists.sql exist, against AWS's service models in botocore.

    python tests/black_box/api_names.py
"""

import re
import sys
from pathlib import Path

from service_models import operations

LISTS = Path(__file__).parents[2] / "sql" / "views" / "api_lists.sql"

# Names that CloudTrail records and no service model has: consoles without a public API, calls that are no API requests,
# and calls that S3 records under another name.
ONLY_IN_CLOUDTRAIL = {
    ("bedrock", "PutFoundationModelEntitlement"),
    ("ec2-instance-connect", "OpenTunnel"),
    ("s3", "DeleteAccountPublicAccessBlock"),
    ("s3", "DeleteBucketPublicAccessBlock"),
    ("s3", "PutAccountPublicAccessBlock"),
    ("s3", "PutBucketPublicAccessBlock"),
    ("signin", "GetSigninToken"),
    ("sso-directory", "AddMemberToGroup"),
    ("sso-directory", "CreateBearerToken"),
    ("sso-directory", "CreateExternalIdPConfigurationForDirectory"),
    ("sso-directory", "CreateUser"),
    ("sso-directory", "DeleteMfaDeviceForUser"),
    ("sso-directory", "EnableExternalIdPConfigurationForDirectory"),
    ("sso-directory", "ImportExternalIdPCertificate"),
    ("sso-directory", "UpdateExternalIdPConfigurationForDirectory"),
    ("sso-directory", "UpdatePassword"),
}


def main():
    rows = re.findall(r"^\s*\('[^']+', '([^']+)\.amazonaws\.com', '([^']+)'\)", LISTS.read_text(), re.MULTILINE)
    if len(rows) < 300:
        sys.exit(f"only {len(rows)} rows in {LISTS}: expected more than 300")
    apis = operations()
    unknown, known_after_all = [], set(ONLY_IN_CLOUDTRAIL)
    for service, api in rows:
        exists = service in apis if api == "*" else api in apis.get(service, ())
        if not exists and (service, api) not in ONLY_IN_CLOUDTRAIL:
            unknown.append(f"{service}:{api}")
        if not exists:
            known_after_all.discard((service, api))
    for name in unknown:
        print(f"no such API: {name}")
    for service, api in sorted(known_after_all):
        print(f"not an exception any more, or not in a list: {service}:{api}")
    if unknown or known_after_all:
        sys.exit(1)
    print(f"ok: {len(rows)} APIs, {len(ONLY_IN_CLOUDTRAIL)} of them only in CloudTrail")


if __name__ == "__main__":
    main()
