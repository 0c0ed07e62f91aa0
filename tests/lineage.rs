//! Where sessions began: one fixture per way to get temporary credentials, in the shape that AWS documents, and what
//! the view `sessions` says about it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::common::{archive, arg, page, query, read_json, succeeds, trailhunt, write};
use serde_json::{Value, json};
use tempfile::TempDir;

const ACCOUNT: &str = "111122223333";
const OTHER: &str = "444455556666";
const MANAGEMENT: &str = "999988887777";
const REGION: &str = "eu-west-1";
/// Where people are, where workloads call from (Amazon in Ireland), and a home connection in Germany.
const OFFICE: &str = "87.198.130.20";
const AMAZON: &str = "52.16.20.30";
const HOME: &str = "84.160.20.30";

const MARIA: &str = "arn:aws:iam::111122223333:user/maria";
const TOM: &str = "arn:aws:iam::111122223333:user/tom";
const MARIAS_KEY: &str = "AKIA3QZVE5ZJ0MARIA01";
const TOMS_KEY: &str = "AKIA3QZVE5ZJ00TOM001";

/// A role of an account, as ARN.
fn role_in(account: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:role/{name}")
}

fn role(name: &str) -> String {
    role_in(ACCOUNT, name)
}

/// The ARN of a session of a role. It does not contain the role's path.
fn session_arn(role: &str, session: &str) -> String {
    let account = role.split(':').nth(4).unwrap();
    format!("arn:aws:sts::{account}:assumed-role/{}/{session}", role.rsplit('/').next().unwrap())
}

fn user(arn: &str, key: &str) -> Value {
    let (account, name) = (arn.split(':').nth(4), arn.rsplit('/').next().unwrap());
    json!({"type": "IAMUser", "principalId": format!("AIDA3QZVE5ZJ{}", name.to_uppercase()), "arn": arn,
           "accountId": account, "accessKeyId": key, "userName": name})
}

/// An identity with credentials of a user or of root that have an end.
fn with_creation(mut identity: Value, created: &str) -> Value {
    let attributes = json!({"creationDate": created, "mfaAuthenticated": "true"});
    add(&mut identity, &json!({"sessionContext": {"attributes": attributes}}));
    identity
}

/// The identity of a call with a session of a role.
fn in_session(role: &str, session: &str, key: &str, created: &str) -> Value {
    let (account, name) = (role.split(':').nth(4), role.rsplit('/').next().unwrap());
    let id = format!("AROA3QZVE5ZJ{}", name.to_uppercase());
    let issuer = json!({"type": "Role", "principalId": id, "arn": role, "accountId": account, "userName": name});
    json!({"type": "AssumedRole", "principalId": format!("{id}:{session}"), "arn": session_arn(role, session),
           "accountId": account, "accessKeyId": key,
           "sessionContext": {
               "sessionIssuer": issuer,
               "attributes": {"creationDate": created, "mfaAuthenticated": "false"}}})
}

fn service(name: &str) -> Value {
    json!({"type": "AWSService", "invokedBy": format!("{name}.amazonaws.com")})
}

/// Adds members to a JSON object, level by level.
fn add(to: &mut Value, members: &Value) {
    match (to.as_object_mut(), members.as_object()) {
        (Some(object), Some(members)) => {
            members.iter().for_each(|(name, value)| add(object.entry(name).or_insert(Value::Null), value));
        }
        _ => *to = members.clone(),
    }
}

fn with(mut record: Value, members: Value) -> Value {
    add(&mut record, &members);
    record
}

/// The record of a call. `api` is the service and the name, such as `s3:ListBuckets`.
fn call(time: &str, identity: Value, api: &str) -> Value {
    static CALLS: AtomicU64 = AtomicU64::new(1);
    let number = CALLS.fetch_add(1, Ordering::Relaxed);
    let (source, name) = api.split_once(':').unwrap();
    let account = identity["accountId"].as_str().unwrap_or(ACCOUNT).to_owned();
    let address = identity["invokedBy"].as_str().unwrap_or(OFFICE).to_owned();
    json!({
        "eventVersion": "1.11", "eventTime": time, "eventSource": format!("{source}.amazonaws.com"), "eventName": name,
        "userIdentity": identity, "awsRegion": REGION, "sourceIPAddress": address,
        "userAgent": "aws-cli/2.22.4 md/awscrt#0.23.1 ua/2.0 os/linux#6.8", "requestParameters": null,
        "responseElements": null, "requestID": format!("7d1c02a4-5b60-4c1e-9d1f-{number:012x}"),
        "eventID": format!("5f3c2a10-9b1d-4e52-8a77-{number:012x}"), "readOnly": true, "eventType": "AwsApiCall",
        "managementEvent": true, "recipientAccountId": account, "eventCategory": "Management",
    })
}

/// A call that returns credentials for a role, as STS records it.
fn assume(time: &str, caller: Value, role: &str, session: &str, key: &str) -> Value {
    let record = call(time, caller, "sts:AssumeRole");
    with(
        record,
        json!({
            "requestParameters": {"roleArn": role, "roleSessionName": session, "durationSeconds": 3600},
            "responseElements": {
                "credentials": {"accessKeyId": key, "sessionToken": "token", "expiration": "Mar 4, 2024, 10:00:00 PM"},
                "assumedRoleUser": {"assumedRoleId": format!("AROA3QZVE5ZJ:{session}"),
                                    "arn": session_arn(role, session)}},
            "resources": [{"ARN": role, "accountId": ACCOUNT, "type": "AWS::IAM::Role"}],
        }),
    )
}

/// A service gets credentials for its workload. These records have a shared id in one account too, and most services
/// leave the session's ARN out.
fn service_assumes(time: &str, name: &str, role: &str, session: &str, key: &str) -> Value {
    let mut record = assume(time, service(name), role, session, key);
    record["responseElements"].as_object_mut().unwrap().remove("assumedRoleUser");
    record["sharedEventID"] = json!(format!("c1d5a1e0-{}", &record["eventID"].as_str().unwrap()[9..]));
    record
}

/// The first call of a lake, by somebody with a long-lived key: what is issued later is issued within the lake.
fn opening() -> Value {
    call("2024-03-04T00:00:00Z", user(TOM, TOMS_KEY), "s3:ListBuckets")
}

struct Lake {
    dir: TempDir,
    sessions: OnceCell<Vec<Value>>,
}

impl Lake {
    fn of(records: &[Value]) -> Lake {
        let lake = Lake::empty();
        lake.ingest("archive", records);
        lake
    }

    fn empty() -> Lake {
        Lake { dir: tempfile::tempdir().unwrap(), sessions: OnceCell::new() }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("lake")
    }

    fn ingest(&self, name: &str, records: &[Value]) {
        let source = self.dir.path().join(name);
        archive(&source, records);
        succeeds(&["ingest", arg(&source), "--lake", arg(&self.path())]);
    }

    fn query(&self, sql: &str) -> Vec<Value> {
        query(&self.path(), sql)
    }

    /// The row of a credential.
    fn session(&self, credential: &str) -> Session {
        let rows = self.sessions.get_or_init(|| self.query("SELECT * FROM sessions"));
        let of_credential: Vec<_> = rows.iter().filter(|row| row["credential"] == credential).collect();
        assert_eq!(of_credential.len(), 1, "rows of {credential}: {rows:?}");
        Session(of_credential[0].clone())
    }

    /// The origin of the calls with this key, which must be one.
    fn origin_of_calls(&self, key: &str) -> String {
        let rows = self.query(&format!("SELECT DISTINCT origin FROM calls WHERE access_key_id = '{key}'"));
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows[0]["origin"].as_str().unwrap().to_owned()
    }
}

/// A row of `sessions`.
struct Session(Value);

/// What a link may rest on. One link can rest on several of them.
const LINKS: [&str; 9] = [
    "access key",
    "shared event id",
    "request id",
    "source identity",
    "on behalf of",
    "session name",
    "identity record",
    "time",
    "user agent",
];

impl Session {
    fn text(&self, column: &str) -> &str {
        self.0[column].as_str().unwrap_or_else(|| panic!("{column} is not text: {}", self.0))
    }

    fn list(&self, column: &str) -> Vec<&str> {
        let list = self.0[column].as_array().unwrap_or_else(|| panic!("{column} is not a list: {}", self.0));
        list.iter().map(|value| value.as_str().unwrap()).collect()
    }

    /// The origin is known, the path begins with it, and each step says how it was linked.
    fn began_with(&self, origin: &str, roles: &[&str]) -> &Session {
        assert_eq!(self.text("origin"), origin, "{}", self.0);
        assert_eq!(self.list("path"), [&[origin], roles].concat(), "{}", self.0);
        assert!(self.0["unknown_because"].is_null(), "{}", self.0);
        let links = self.list("links");
        let stated = |link: &&str| link.split(", ").all(|part| LINKS.contains(&part));
        assert!(!links.is_empty() && links.iter().all(stated), "{}", self.0);
        self
    }

    fn linked_by(&self, links: &[&str]) -> &Session {
        assert_eq!(self.list("links"), links, "{}", self.0);
        self
    }

    /// The origin is unknown, and the reason contains this.
    fn is_unknown_because(&self, reason: &str) {
        assert_eq!(self.text("origin"), "unknown", "{}", self.0);
        assert!(self.text("unknown_because").contains(reason), "{reason} is not in {}", self.0);
    }
}

#[test]
fn a_session_of_a_user_states_who_issued_it_when_and_from_where_and_how_it_was_used() {
    let deploy = role("deploy");
    let in_deploy = || in_session(&deploy, "release-7", "ASIA3QZVE5ZJDEPLOY01", "2024-03-04T09:00:00Z");
    let lake = Lake::of(&[
        assume("2024-03-04T09:00:00Z", user(MARIA, MARIAS_KEY), &deploy, "release-7", "ASIA3QZVE5ZJDEPLOY01"),
        call("2024-03-04T09:00:05Z", in_deploy(), "s3:ListBuckets"),
        call("2024-03-04T09:40:00Z", in_deploy(), "lambda:ListFunctions20150331"),
    ]);
    let session = lake.session("ASIA3QZVE5ZJDEPLOY01");
    session.began_with(MARIA, &[&deploy]).linked_by(&["access key"]);
    assert_eq!(session.text("actor"), deploy);
    assert_eq!(session.text("account_id"), ACCOUNT);
    assert_eq!(session.text("issued_from"), OFFICE);
    assert!(session.text("issued_time").starts_with("2024-03-04T09:00:00"), "{}", session.0);
    assert!(session.text("first_time").starts_with("2024-03-04T09:00:05"), "{}", session.0);
    assert!(session.text("last_time").starts_with("2024-03-04T09:40:00"), "{}", session.0);
    assert_eq!((&session.0["calls"], &session.0["accounts"]), (&json!(2), &json!(1)));
    assert_eq!(lake.origin_of_calls("ASIA3QZVE5ZJDEPLOY01"), MARIA);
}

#[test]
fn a_chain_of_three_roles_is_followed_to_the_user() {
    let (entry, deploy, data) = (role("entry"), role("team/deploy"), role("data"));
    let in_entry = in_session(&entry, "maria", "ASIA3QZVE5ZJENTRY001", "2024-03-04T09:00:00Z");
    let in_deploy = in_session(&deploy, "step-2", "ASIA3QZVE5ZJDEPLOY01", "2024-03-04T09:05:00Z");
    let in_data = in_session(&data, "step-3", "ASIA3QZVE5ZJDATA0001", "2024-03-04T09:10:00Z");
    let lake = Lake::of(&[
        assume("2024-03-04T09:00:00Z", user(MARIA, MARIAS_KEY), &entry, "maria", "ASIA3QZVE5ZJENTRY001"),
        assume("2024-03-04T09:05:00Z", in_entry, &deploy, "step-2", "ASIA3QZVE5ZJDEPLOY01"),
        assume("2024-03-04T09:10:00Z", in_deploy, &data, "step-3", "ASIA3QZVE5ZJDATA0001"),
        call("2024-03-04T09:11:00Z", in_data, "s3:ListBuckets"),
    ]);
    lake.session("ASIA3QZVE5ZJDATA0001").began_with(MARIA, &[&entry, &deploy, &data]).linked_by(&["access key"; 3]);
    lake.session("ASIA3QZVE5ZJDEPLOY01").began_with(MARIA, &[&entry, &deploy]);
    assert_eq!(lake.origin_of_calls("ASIA3QZVE5ZJDATA0001"), MARIA);
}

#[test]
fn a_chain_that_crosses_midnight_is_followed() {
    let (entry, data) = (role("entry"), role("data"));
    let in_entry = in_session(&entry, "maria", "ASIA3QZVE5ZJENTRY001", "2024-03-04T23:30:00Z");
    let in_data = in_session(&data, "step-2", "ASIA3QZVE5ZJDATA0001", "2024-03-05T00:10:00Z");
    let lake = Lake::of(&[
        assume("2024-03-04T23:30:00Z", user(MARIA, MARIAS_KEY), &entry, "maria", "ASIA3QZVE5ZJENTRY001"),
        assume("2024-03-05T00:10:00Z", in_entry, &data, "step-2", "ASIA3QZVE5ZJDATA0001"),
        call("2024-03-05T00:20:00Z", in_data.clone(), "s3:ListBuckets"),
        call("2024-03-06T00:05:00Z", in_data, "s3:ListBuckets"),
    ]);
    let session = lake.session("ASIA3QZVE5ZJDATA0001");
    session.began_with(MARIA, &[&entry, &data]).linked_by(&["access key"; 2]);
    assert_eq!(session.0["calls"], 2);
    assert_eq!(lake.origin_of_calls("ASIA3QZVE5ZJDATA0001"), MARIA);
}

/// The two records of a role assumed across accounts: the caller's account names the caller, the role's account only
/// the caller's account.
fn across_accounts(time: &str, caller: Value, role: &str, session: &str, key: &str) -> [Value; 2] {
    let mut of_caller = assume(time, caller.clone(), role, session, key);
    of_caller["sharedEventID"] = json!("0b9f4c7e-6f3a-4a3e-b1d5-2f4d7c9a1e01");
    let stranger =
        json!({"type": "AWSAccount", "principalId": caller["principalId"], "accountId": caller["accountId"]});
    let mut of_role = assume(time, stranger, role, session, key);
    of_role["recipientAccountId"] = json!(role.split(':').nth(4).unwrap());
    of_role["sharedEventID"] = of_caller["sharedEventID"].clone();
    of_role["requestID"] = of_caller["requestID"].clone();
    [of_caller, of_role]
}

#[test]
fn a_chain_is_followed_from_one_account_into_another() {
    let (entry, audit) = (role("entry"), role_in(OTHER, "audit"));
    let in_entry = in_session(&entry, "maria", "ASIA3QZVE5ZJENTRY001", "2024-03-04T09:00:00Z");
    let in_audit = in_session(&audit, "look", "ASIA7PLQX2MDAUDIT001", "2024-03-04T09:05:00Z");
    let first = assume("2024-03-04T09:00:00Z", user(MARIA, MARIAS_KEY), &entry, "maria", "ASIA3QZVE5ZJENTRY001");
    let [of_caller, of_role] =
        across_accounts("2024-03-04T09:05:00Z", in_entry, &audit, "look", "ASIA7PLQX2MDAUDIT001");
    let used = call("2024-03-04T09:06:00Z", in_audit, "s3:ListBuckets");
    let records = [first, of_caller, of_role, used];
    let lake = Lake::of(&records);
    let session = lake.session("ASIA7PLQX2MDAUDIT001");
    session.began_with(MARIA, &[&entry, &audit]);
    assert_eq!(session.list("links")[0], "access key");
    assert_eq!(session.text("account_id"), OTHER);
    assert_eq!(session.0["accounts"], 1, "it was used in one account");

    // The caller's record states no key: the shared id says that the two records are one call.
    let mut records = records;
    records[1]["responseElements"] = Value::Null;
    let lake = Lake::of(&records);
    lake.session("ASIA7PLQX2MDAUDIT001")
        .began_with(MARIA, &[&entry, &audit])
        .linked_by(&["access key", "access key, shared event id"]);
}

#[test]
fn a_caller_in_an_account_whose_log_is_missing_is_unknown_and_the_account_is_named() {
    let audit = role_in(OTHER, "audit");
    let in_audit = in_session(&audit, "look", "ASIA7PLQX2MDAUDIT001", "2024-03-04T09:05:00Z");
    let [_, of_role] =
        across_accounts("2024-03-04T09:05:00Z", user(MARIA, MARIAS_KEY), &audit, "look", "ASIA7PLQX2MDAUDIT001");
    let elsewhere = format!("arn:aws:iam::{OTHER}:user/ops");
    let lake = Lake::of(&[
        call("2024-03-04T08:00:00Z", user(&elsewhere, "AKIA7PLQX2MD0OPS0001"), "s3:ListBuckets"),
        of_role,
        call("2024-03-04T09:06:00Z", in_audit, "s3:ListBuckets"),
    ]);
    lake.session("ASIA7PLQX2MDAUDIT001").is_unknown_because(ACCOUNT);
}

#[test]
fn a_saml_session_begins_with_the_person_whom_the_provider_names() {
    let analyst = role("analyst");
    let caller = json!({"type": "SAMLUser", "principalId": "Zx3nQ0k=:maria@example.org",
                        "userName": "maria@example.org", "identityProvider": "Zx3nQ0k="});
    let issued = with(
        assume("2024-03-04T09:00:00Z", caller, &analyst, "m.lopez", "ASIA3QZVE5ZJSAML0001"),
        json!({"eventName": "AssumeRoleWithSAML",
               "requestParameters": {"principalArn": "arn:aws:iam::111122223333:saml-provider/corp"},
               "responseElements": {"subject": "maria@example.org", "subjectType": "persistent",
                                    "issuer": "https://idp.example.org"}}),
    );
    let in_analyst = in_session(&analyst, "m.lopez", "ASIA3QZVE5ZJSAML0001", "2024-03-04T09:00:00Z");
    let lake = Lake::of(&[issued, call("2024-03-04T09:01:00Z", in_analyst, "s3:ListBuckets")]);
    lake.session("ASIA3QZVE5ZJSAML0001").began_with("maria@example.org", &[&analyst]).linked_by(&["access key"]);
}

/// A session of a role for a subject of an OpenID Connect provider, and a call with it.
fn web_identity(provider: &str, audience: &str, subject: &str, role: &str, session: &str, key: &str) -> [Value; 2] {
    let provider = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{provider}");
    let caller = json!({"type": "WebIdentityUser", "principalId": format!("{provider}:{audience}:{subject}"),
                        "userName": subject, "identityProvider": provider});
    let issued = with(
        assume("2024-03-04T09:00:00Z", caller, role, session, key),
        json!({"eventName": "AssumeRoleWithWebIdentity",
               "responseElements": {"subjectFromWebIdentityToken": subject, "provider": provider,
                                    "audience": audience}}),
    );
    let identity = with(
        in_session(role, session, key, "2024-03-04T09:00:00Z"),
        json!({"sessionContext": {"webIdFederationData": {"federatedProvider": provider, "attributes": {}}}}),
    );
    let used = with(call("2024-03-04T09:01:00Z", identity, "s3:ListBuckets"), json!({"sourceIPAddress": AMAZON}));
    [issued, used]
}

#[test]
fn a_session_of_a_service_account_of_kubernetes_begins_with_the_service_account_of_its_cluster() {
    let cart = role("cart");
    let provider = "oidc.eks.eu-west-1.amazonaws.com/id/0A1B2C3D4E5F60718293A4B5C6D7E8F9";
    let subject = "system:serviceaccount:shop:cart";
    let key = "ASIA3QZVE5ZJCART0001";
    let lake = Lake::of(&web_identity(provider, "sts.amazonaws.com", subject, &cart, "botocore-session-170954", key));
    let session = lake.session(key);
    session.began_with(subject, &[&cart]).linked_by(&["access key"]);
    assert!(session.text("issued_by").contains(provider), "each cluster has such a name: {}", session.0);
}

#[test]
fn a_session_of_a_workflow_begins_with_its_repository() {
    let deploy = role("deploy");
    let subject = "repo:example/shop:ref:refs/heads/main";
    let provider = "token.actions.githubusercontent.com";
    let key = "ASIA3QZVE5ZJDEPLOY01";
    let lake = Lake::of(&web_identity(provider, "sts.amazonaws.com", subject, &deploy, "GitHubActions", key));
    lake.session(key).began_with(subject, &[&deploy]).linked_by(&["access key"]);
}

#[test]
fn a_federated_user_begins_with_the_user_who_named_it() {
    let federated = format!("arn:aws:sts::{ACCOUNT}:federated-user/admin");
    let issued = with(
        call("2024-03-04T09:00:00Z", user(MARIA, MARIAS_KEY), "sts:GetFederationToken"),
        json!({"readOnly": false, "requestParameters": {"name": "admin", "durationSeconds": 3600},
               "responseElements": {"credentials": {"accessKeyId": "ASIA3QZVE5ZJFEDER001"},
                                    "federatedUser": {"arn": federated, "federatedUserId": "111122223333:admin"}}}),
    );
    let identity = |key: &str| {
        json!({"type": "FederatedUser", "principalId": "111122223333:admin", "arn": federated, "accountId": ACCOUNT,
               "accessKeyId": key,
               "sessionContext": {
                   "sessionIssuer": {"type": "IAMUser", "arn": MARIA, "accountId": ACCOUNT, "userName": "maria"},
                   "attributes": {"creationDate": "2024-03-04T09:00:00Z", "mfaAuthenticated": "false"}}})
    };
    let lake = Lake::of(&[
        issued,
        call("2024-03-04T09:01:00Z", identity("ASIA3QZVE5ZJFEDER001"), "s3:ListBuckets"),
        call("2024-03-04T09:02:00Z", identity("ASIA3QZVE5ZJFEDER002"), "s3:ListBuckets"),
    ]);
    for (key, link) in [("ASIA3QZVE5ZJFEDER001", "access key"), ("ASIA3QZVE5ZJFEDER002", "identity record")] {
        let session = lake.session(key);
        session.began_with(MARIA, &[&federated]);
        // With another key than the one issued, as in the console, the record itself still names the user.
        let links = session.list("links");
        assert!(links == [link] || links == ["session name, time"], "{}", session.0);
    }
}

#[test]
fn temporary_keys_of_a_user_and_roles_assumed_with_them_begin_with_the_user() {
    let deploy = role("deploy");
    let issued = with(
        call("2024-03-04T09:00:00Z", user(MARIA, MARIAS_KEY), "sts:GetSessionToken"),
        json!({"requestParameters": {"durationSeconds": 43200, "serialNumber": "arn:aws:iam::111122223333:mfa/maria"},
               "responseElements": {"credentials": {"accessKeyId": "ASIA3QZVE5ZJTOKEN001"}}}),
    );
    let temporary = |key: &str| with_creation(user(MARIA, key), "2024-03-04T09:00:00Z");
    let in_deploy = in_session(&deploy, "maria", "ASIA3QZVE5ZJDEPLOY01", "2024-03-04T09:05:00Z");
    let lake = Lake::of(&[
        issued,
        call("2024-03-04T09:01:00Z", temporary("ASIA3QZVE5ZJTOKEN001"), "s3:ListBuckets"),
        call("2024-03-04T09:02:00Z", temporary("ASIA3QZVE5ZJTOKEN002"), "s3:ListBuckets"),
        assume("2024-03-04T09:05:00Z", temporary("ASIA3QZVE5ZJTOKEN001"), &deploy, "maria", "ASIA3QZVE5ZJDEPLOY01"),
        call("2024-03-04T09:06:00Z", in_deploy, "s3:ListBuckets"),
    ]);
    for key in ["ASIA3QZVE5ZJTOKEN001", "ASIA3QZVE5ZJTOKEN002"] {
        assert_eq!(lake.session(key).text("origin"), MARIA);
        assert_eq!(lake.origin_of_calls(key), MARIA);
    }
    lake.session("ASIA3QZVE5ZJDEPLOY01").began_with(MARIA, &[&deploy]);
}

#[test]
fn a_root_task_in_a_member_account_begins_with_who_asked_for_it_in_the_management_account() {
    let admin = role_in(MANAGEMENT, "admin");
    let chief = format!("arn:aws:iam::{MANAGEMENT}:user/chief");
    let in_admin = in_session(&admin, "chief", "ASIA9KTRW4QNADMIN001", "2024-03-04T09:00:00Z");
    let issued = with(
        call("2024-03-04T09:05:00Z", in_admin, "sts:AssumeRoot"),
        json!({"requestParameters": {"targetPrincipal": OTHER,
                                     "taskPolicyArn": {
                                         "arn": "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"}},
               "responseElements": {"credentials": {"accessKeyId": "ASIA7PLQX2MD0ROOT001"}}}),
    );
    let root = format!("arn:aws:iam::{OTHER}:root");
    let as_root = |key: &str, created: &str| {
        let identity =
            json!({"type": "Root", "principalId": OTHER, "arn": root, "accountId": OTHER, "accessKeyId": key});
        with(
            with_creation(identity, &format!("2024-03-04T{created}Z")),
            json!({"sessionContext": {"assumedRoot": "true"}}),
        )
    };
    let lake = Lake::of(&[
        assume("2024-03-04T09:00:00Z", user(&chief, "AKIA9KTRW4QNCHIEF001"), &admin, "chief", "ASIA9KTRW4QNADMIN001"),
        issued,
        call("2024-03-04T09:06:00Z", as_root("ASIA7PLQX2MD0ROOT001", "09:05:00"), "s3:DeleteBucketPolicy"),
        call("2024-03-04T11:00:00Z", as_root("ASIA7PLQX2MD0ROOT002", "10:59:00"), "s3:DeleteBucketPolicy"),
    ]);
    lake.session("ASIA7PLQX2MD0ROOT001").began_with(&chief, &[&admin, &root]).linked_by(&["access key"; 2]);
    // Nobody's record says who asked for the other one: the member account's root did not.
    assert_eq!(lake.session("ASIA7PLQX2MD0ROOT002").text("origin"), "unknown");
}

const PERSON_ID: &str = "94a8f4e8-0000-4000-8000-000000000001";

/// An Identity Center user gets credentials for a permission set: the record of the management account, the one of the
/// member account, and a call. The key of the call is not the key of the response.
fn identity_center(names_person: bool) -> [Value; 3] {
    let set = format!(
        "arn:aws:iam::{OTHER}:role/aws-reserved/sso.amazonaws.com/{REGION}/AWSReservedSSO_Admin_0a1b2c3d4e5f6071"
    );
    let behalf = json!({"userId": PERSON_ID,
                        "identityStoreArn": format!("arn:aws:identitystore::{MANAGEMENT}:identitystore/d-9367000000")});
    let asked = with(
        call(
            "2024-03-04T09:00:00Z",
            json!({"type": "IdentityCenterUser", "accountId": MANAGEMENT, "onBehalfOf": behalf}),
            "sso:GetRoleCredentials",
        ),
        json!({"eventType": "AwsServiceEvent", "serviceEventDetails": {"role_name": "Admin", "account_id": OTHER}}),
    );
    let caller = json!({"type": "SAMLUser", "principalId": "Qm9v=:maria@example.org", "userName": "maria@example.org",
                        "identityProvider": "Qm9v="});
    let issued = with(
        assume("2024-03-04T09:00:00Z", caller, &set, "maria@example.org", "ASIA7PLQX2MDISSUED01"),
        json!({"eventName": "AssumeRoleWithSAML", "recipientAccountId": OTHER, "sourceIPAddress": AMAZON,
               "requestParameters": {
                   "principalArn": format!("arn:aws:iam::{OTHER}:saml-provider/AWSSSO_0a1b_DO_NOT_DELETE")},
               "responseElements": {"subject": "maria@example.org", "subjectType": "persistent"}}),
    );
    let mut identity = in_session(&set, "maria@example.org", "ASIA7PLQX2MDUSED0001", "2024-03-04T09:00:00Z");
    if names_person {
        identity["onBehalfOf"] = behalf;
    }
    [asked, issued, call("2024-03-04T09:01:00Z", identity, "s3:ListBuckets")]
}

#[test]
fn a_session_of_identity_center_begins_with_the_person() {
    for names_person in [true, false] {
        let records = identity_center(names_person);
        let set = records[1]["requestParameters"]["roleArn"].as_str().unwrap().to_owned();
        let lake = Lake::of(&records);
        let session = lake.session("ASIA7PLQX2MDUSED0001");
        session.began_with("maria@example.org", &[&set]).linked_by(&["session name, time"]);
        assert_eq!(session.text("issued_from"), OFFICE, "the person's address is in the record of GetRoleCredentials");

        // The role and the name of the session are enough if the log of the day of issue is incomplete.
        let lake = Lake::of(&[opening(), records[2].clone()]);
        let link = if names_person { "session name, on behalf of" } else { "session name" };
        lake.session("ASIA7PLQX2MDUSED0001").began_with("maria@example.org", &[&set]).linked_by(&[link]);
    }
}

#[test]
fn a_role_switched_to_in_the_console_begins_with_who_switched() {
    let audit = role_in(OTHER, "audit");
    let console = json!({"sourceIPAddress": "AWS Internal", "userAgent": "AWS Internal"});
    let caller = with(
        with_creation(user(MARIA, "ASIA3QZVE5ZJCONSOLE1"), "2024-03-04T08:00:00Z"),
        json!({"invokedBy": "AWS Internal"}),
    );
    let [of_caller, of_role] = across_accounts("2024-03-04T09:00:00Z", caller, &audit, "maria", "ASIA7PLQX2MDISSUED01");
    let arn = session_arn(&audit, "maria");
    let switched = with(
        call(
            "2024-03-04T09:00:00Z",
            json!({"type": "AssumedRole", "principalId": "AROA3QZVE5ZJAUDIT:maria", "arn": arn, "accountId": OTHER}),
            "signin:SwitchRole",
        ),
        json!({"eventType": "AwsConsoleSignIn", "readOnly": false, "responseElements": {"SwitchRole": "Success"},
               "additionalEventData": {"SwitchFrom": MARIA, "RedirectTo": "https://console.aws.amazon.com/"}}),
    );
    // The console calls with other keys than the one that was issued.
    let used = call(
        "2024-03-04T09:01:00Z",
        in_session(&audit, "maria", "ASIA7PLQX2MDUSED0001", "2024-03-04T09:00:00Z"),
        "iam:ListUsers",
    );
    let both = [with(of_caller, console.clone()), with(of_role, console), switched.clone(), used.clone()];
    let lake = Lake::of(&both);
    let session = lake.session("ASIA7PLQX2MDUSED0001");
    session.began_with(MARIA, &[&audit]);
    assert_eq!(session.text("issued_from"), OFFICE, "her address is in the record of SwitchRole");
    let switch = lake.query("SELECT origin FROM calls WHERE event_name = 'SwitchRole'");
    assert_eq!(switch, [json!({"origin": MARIA})], "the sign-in belongs to the session");
    // The role's account alone names who switched.
    let theirs = [both[1].clone(), switched, used];
    Lake::of(&theirs).session("ASIA7PLQX2MDUSED0001").began_with(MARIA, &[&audit]).linked_by(&["session name, time"]);
}

#[test]
fn a_session_of_an_instance_begins_with_the_instance() {
    let web = role("web");
    let id = "i-0a1b2c3d4e5f60718";
    let in_web = |key: &str| {
        let identity = in_session(&web, id, key, "2024-03-04T09:00:00Z");
        with(identity, json!({"sessionContext": {"ec2RoleDelivery": "2.0"}}))
    };
    let lake = Lake::of(&[
        service_assumes("2024-03-04T09:00:00Z", "ec2", &web, id, "ASIA3QZVE5ZJ0WEB0001"),
        call("2024-03-04T09:01:00Z", in_web("ASIA3QZVE5ZJ0WEB0001"), "s3:ListBuckets"),
    ]);
    let instance = format!("arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{id}");
    lake.session("ASIA3QZVE5ZJ0WEB0001").began_with(&instance, &[&web]).linked_by(&["access key"]);
    assert_eq!(lake.origin_of_calls("ASIA3QZVE5ZJ0WEB0001"), instance);
    // The record of the call is enough: AWS names the session and says how it was delivered.
    let lake = Lake::of(&[opening(), call("2024-03-04T09:01:00Z", in_web("ASIA3QZVE5ZJ0WEB0002"), "s3:ListBuckets")]);
    lake.session("ASIA3QZVE5ZJ0WEB0002").began_with(&instance, &[&web]).linked_by(&["session name"]);
}

#[test]
fn a_role_that_an_instance_assumes_begins_with_the_instance() {
    let (web, backup) = (role("web"), role("backup"));
    let id = "i-0a1b2c3d4e5f60718";
    let in_web = in_session(&web, id, "ASIA3QZVE5ZJ0WEB0001", "2024-03-04T09:00:00Z");
    let in_backup = in_session(&backup, "nightly", "ASIA3QZVE5ZJBACKUP01", "2024-03-04T09:05:00Z");
    let lake = Lake::of(&[
        service_assumes("2024-03-04T09:00:00Z", "ec2", &web, id, "ASIA3QZVE5ZJ0WEB0001"),
        assume("2024-03-04T09:05:00Z", in_web, &backup, "nightly", "ASIA3QZVE5ZJBACKUP01"),
        call("2024-03-04T09:06:00Z", in_backup, "s3:ListBuckets"),
    ]);
    let instance = format!("arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{id}");
    lake.session("ASIA3QZVE5ZJBACKUP01").began_with(&instance, &[&web, &backup]).linked_by(&["access key"; 2]);
}

#[test]
fn sessions_of_services_begin_with_the_workload_for_which_the_service_assumed_the_role() {
    let workloads = [
        ("ecs-tasks", "0123456789abcdef0123456789abcdef", "ecs", "task/0123456789abcdef0123456789abcdef"),
        ("ecs-tasks", "d190d14a-2404-45d6-9113-4eda22d7f2c7", "ecs", "task/d190d14a-2404-45d6-9113-4eda22d7f2c7"),
        ("lambda", "resize-images", "lambda", "function:resize-images"),
        (
            "codebuild",
            "AWSCodeBuild-146ccba7-69a4-42b1-935b-e5ea50fc7535",
            "codebuild",
            "build/146ccba7-69a4-42b1-935b-e5ea50fc7535",
        ),
        ("ssm", "mi-0a1b2c3d4e5f60718", "ssm", "managed-instance/mi-0a1b2c3d4e5f60718"),
    ];
    let runs = role("service-role/runs");
    let mut records = Vec::new();
    for (at, (name, session, _, _)) in workloads.iter().enumerate() {
        let key = format!("ASIA3QZVE5ZJWORKLD{at:02}");
        records.push(service_assumes("2024-03-04T09:00:00Z", name, &runs, session, &key));
        let identity = in_session(&runs, session, &key, "2024-03-04T09:00:00Z");
        records.push(call("2024-03-04T09:01:00Z", identity, "s3:ListBuckets"));
    }
    let lake = Lake::of(&records);
    for (at, (_, _, prefix, workload)) in workloads.iter().enumerate() {
        let origin = format!("arn:aws:{prefix}:{REGION}:{ACCOUNT}:{workload}");
        lake.session(&format!("ASIA3QZVE5ZJWORKLD{at:02}")).began_with(&origin, &[&runs]).linked_by(&["access key"]);
    }
}

#[test]
fn a_call_that_names_the_function_in_its_identity_begins_with_it() {
    let resize = role("resize");
    let function = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:resize-images");
    let identity = with(
        in_session(&resize, "resize-images", "ASIA3QZVE5ZJRESIZE01", "2024-03-04T09:00:00Z"),
        json!({"inScopeOf": {"issuerType": "AWS::Lambda::Function", "credentialsIssuedTo": function,
                             "credentialsIssuedToVersion": format!("{function}:$LATEST")}}),
    );
    let lake = Lake::of(&[opening(), call("2024-03-04T09:01:00Z", identity, "s3:ListBuckets")]);
    lake.session("ASIA3QZVE5ZJRESIZE01").began_with(&function, &[&resize]).linked_by(&["identity record"]);
}

#[test]
fn a_session_that_only_looks_like_a_workload_is_unknown() {
    // Anybody who assumes a role chooses the name of the session.
    let data = role("data");
    let named = |session: &str, key: &str| in_session(&data, session, key, "2024-03-04T09:00:00Z");
    let lake = Lake::of(&[
        opening(),
        call(
            "2024-03-04T09:01:00Z",
            named("0123456789abcdef0123456789abcdef", "ASIA3QZVE5ZJ0DATA001"),
            "s3:ListBuckets",
        ),
        call("2024-03-04T09:01:00Z", named("resize-images", "ASIA3QZVE5ZJ0DATA002"), "s3:ListBuckets"),
    ]);
    for key in ["ASIA3QZVE5ZJ0DATA001", "ASIA3QZVE5ZJ0DATA002"] {
        let session = lake.session(key);
        session.is_unknown_because("");
        assert!(!session.text("unknown_because").contains("before"), "it was issued within the lake: {}", session.0);
        assert_eq!(lake.origin_of_calls(key), "unknown");
    }
}

#[test]
fn a_session_of_a_pod_begins_with_its_service_account_and_not_with_the_node() {
    let (cart, node) = (role("cart"), role("node"));
    let session = "eks-shop-cart-7f9c-498124c2-a555-40bf-9059-ca9a26821eb0";
    let cluster = format!("arn:aws:eks:{REGION}:{ACCOUNT}:cluster/shop");
    let on_node = with(
        in_session(&node, "i-0a1b2c3d4e5f60718", "ASIA3QZVE5ZJNODE0001", "2024-03-04T08:00:00Z"),
        json!({"sessionContext": {"ec2RoleDelivery": "2.0"}}),
    );
    let asked = with(
        call("2024-03-04T09:00:00Z", on_node, "eks-auth:AssumeRoleForPodIdentity"),
        json!({"requestParameters": {"clusterName": "shop", "token": "HIDDEN_DUE_TO_SECURITY_REASONS"}}),
    );
    let tags = [
        ("eks-cluster-arn", cluster.as_str()),
        ("eks-cluster-name", "shop"),
        ("kubernetes-namespace", "web"),
        ("kubernetes-service-account", "cart"),
        ("kubernetes-pod-name", "cart-7f9c4-x2x2x"),
        ("kubernetes-pod-uid", "0cda7f85-c1f9-4dee-b6e9-a0b50c8f3012"),
    ];
    let tags: Vec<_> = tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    let key = "ASIA3QZVE5ZJCART0001";
    let issued = with(
        assume("2024-03-04T09:00:00Z", service("pods.eks"), &cart, session, key),
        json!({"requestParameters": {"tags": tags}, "sharedEventID": "0b9f4c7e-6f3a-4a3e-b1d5-2f4d7c9a1e02"}),
    );
    let used = call("2024-03-04T09:01:00Z", in_session(&cart, session, key, "2024-03-04T09:00:00Z"), "s3:ListBuckets");
    let lake = Lake::of(&[asked.clone(), issued.clone(), used.clone()]);
    lake.session(key).began_with("system:serviceaccount:web:cart", &[&cart]).linked_by(&["access key"]);

    // Session tags can be switched off; the session is named after the cluster and the pod.
    let mut untagged = issued;
    untagged["requestParameters"].as_object_mut().unwrap().remove("tags");
    let lake = Lake::of(&[asked, untagged, used]);
    lake.session(key).began_with(session, &[&cart]).linked_by(&["access key"]);
}

#[test]
fn a_session_of_roles_anywhere_begins_with_the_certificate() {
    let factory = role("factory");
    let serial = "2a9902119721ab7b5c19a878c4c66af705895b42";
    let issued = with(
        call(
            "2024-03-04T09:00:00Z",
            json!({"type": "Unknown", "principalId": "", "accountId": ACCOUNT}),
            "rolesanywhere:CreateSession",
        ),
        json!({"readOnly": false,
               "requestParameters": {"cert": "-----BEGIN CERTIFICATE-----", "durationSeconds": 3600, "roleArn": factory,
                   "profileArn": format!("arn:aws:rolesanywhere:{REGION}:{ACCOUNT}:profile/1a2b"),
                   "trustAnchorArn": format!("arn:aws:rolesanywhere:{REGION}:{ACCOUNT}:trust-anchor/9f8e")},
               "responseElements": {
                   "subjectArn": format!("arn:aws:rolesanywhere:{REGION}:{ACCOUNT}:subject/41c1"),
                   "credentialSet": [{
                       "credentials": {"accessKeyId": "ASIA3QZVE5ZJPRESS001", "expiration": "2024-03-04T10:00:00Z"},
                       "assumedRoleUser": {"arn": session_arn(&factory, serial)},
                       "roleArn": factory, "sourceIdentity": "CN=press-04", "packedPolicySize": 10}]}}),
    );
    let identity = |key: &str, created: &str| {
        let identity = in_session(&factory, serial, key, created);
        with(identity, json!({"sessionContext": {"sourceIdentity": "CN=press-04"}}))
    };
    // STS records the same call in the name of the service.
    let by_service = service_assumes("2024-03-04T09:00:00Z", "rolesanywhere", &factory, serial, "ASIA3QZVE5ZJPRESS001");
    let lake = Lake::of(&[
        issued,
        by_service,
        call("2024-03-04T09:01:00Z", identity("ASIA3QZVE5ZJPRESS001", "2024-03-04T09:00:00Z"), "s3:ListBuckets"),
        call("2024-03-04T12:01:00Z", identity("ASIA3QZVE5ZJPRESS002", "2024-03-04T12:00:00Z"), "s3:ListBuckets"),
    ]);
    lake.session("ASIA3QZVE5ZJPRESS001").began_with("CN=press-04", &[&factory]).linked_by(&["access key"]);
    // The record of the second session is missing; the source identity cannot be changed within a session.
    lake.session("ASIA3QZVE5ZJPRESS002").began_with("CN=press-04", &[&factory]).linked_by(&["source identity"]);
}

#[test]
fn the_session_and_its_second_link_a_call_whose_key_was_not_in_a_response() {
    let deploy = role("team/deploy");
    let issue = |caller: Value| {
        let mut record = assume("2024-03-04T09:00:00Z", caller, &deploy, "release-7", "");
        record["responseElements"]["credentials"].as_object_mut().unwrap().remove("accessKeyId");
        record
    };
    let used = |time: &str, key: &str, created: &str| {
        call(time, in_session(&deploy, "release-7", key, created), "s3:ListBuckets")
    };
    let now = used("2024-03-04T09:01:00Z", "ASIA3QZVE5ZJDEPLOY01", "2024-03-04T09:00:00Z");
    let later = used("2024-03-04T15:01:00Z", "ASIA3QZVE5ZJDEPLOY02", "2024-03-04T15:00:00Z");
    let lake = Lake::of(&[issue(user(MARIA, MARIAS_KEY)), now.clone(), later]);
    let session = lake.session("ASIA3QZVE5ZJDEPLOY01");
    session.began_with(MARIA, &[&deploy]).linked_by(&["session name, time"]);
    // A session of the same name that began at another time is another session.
    lake.session("ASIA3QZVE5ZJDEPLOY02").is_unknown_because("");

    // Two callers got a session of that name in that second: nobody is chosen.
    let lake = Lake::of(&[issue(user(MARIA, MARIAS_KEY)), issue(user(TOM, TOMS_KEY)), now.clone()]);
    lake.session("ASIA3QZVE5ZJDEPLOY01").is_unknown_because("several");

    // The same caller twice, as when a client tries again, is no doubt.
    let lake = Lake::of(&[issue(user(MARIA, MARIAS_KEY)), issue(user(MARIA, MARIAS_KEY)), now]);
    lake.session("ASIA3QZVE5ZJDEPLOY01").began_with(MARIA, &[&deploy]);
}

#[test]
fn a_key_that_one_call_issued_and_one_session_used_needs_no_other_agreement() {
    let deploy = role("deploy");
    let issued = assume("2024-03-04T09:00:00Z", user(MARIA, MARIAS_KEY), &deploy, "m", "ASIA3QZVE5ZJLOOSE001");
    let unnamed =
        with(issued.clone(), json!({"requestParameters": null, "responseElements": {"assumedRoleUser": null}}));
    // The role's path in the session's ARN, another name, another time of issue, no request.
    let in_path =
        in_session("arn:aws:iam::111122223333:role/team", "deploy/m", "ASIA3QZVE5ZJLOOSE001", "2024-03-04T09:00:00Z");
    let late = in_session(&deploy, "m", "ASIA3QZVE5ZJLOOSE001", "2024-03-04T11:30:00Z");
    for (issued, identity) in [(&issued, &in_path), (&issued, &late), (&unnamed, &late)] {
        let used = call("2024-03-04T11:31:00Z", identity.clone(), "s3:ListBuckets");
        let lake = Lake::of(&[opening(), issued.clone(), used]);
        let session = lake.session("ASIA3QZVE5ZJLOOSE001");
        assert_eq!((session.text("origin"), session.list("links")), (MARIA, vec!["access key"]), "{}", session.0);
    }
}

#[test]
fn records_of_two_accounts_are_one_call_by_their_request_id() {
    let audit = role_in(OTHER, "audit");
    let in_audit = in_session(&audit, "look", "ASIA7PLQX2MDAUDIT001", "2024-03-04T09:05:00Z");
    let mut records =
        across_accounts("2024-03-04T09:05:00Z", user(MARIA, MARIAS_KEY), &audit, "look", "ASIA7PLQX2MDAUDIT001");
    records[0]["responseElements"] = Value::Null;
    let used = call("2024-03-04T09:06:00Z", in_audit, "s3:ListBuckets");
    for request in [records[0]["requestID"].clone(), json!("5a1d02a4-5b60-4c1e-9d1f-000000000009")] {
        records.iter_mut().for_each(|record| drop(record.as_object_mut().unwrap().remove("sharedEventID")));
        records[1]["requestID"] = request;
        let lake = Lake::of(&[opening(), records[0].clone(), records[1].clone(), used.clone()]);
        lake.session("ASIA7PLQX2MDAUDIT001").began_with(MARIA, &[&audit]);
    }
}

#[test]
fn people_who_sign_in_within_the_same_second_stay_apart() {
    let [asked, _, used] = identity_center(false);
    let mut other = asked.clone();
    other["userIdentity"]["onBehalfOf"]["userId"] = json!("b3c4d5e6-0000-4000-8000-000000000002");
    other["eventID"] = json!("5f3c2a10-9b1d-4e52-8a77-0000000f0001");
    let lake = Lake::of(&[opening(), asked, other, used]);
    let session = lake.session("ASIA7PLQX2MDUSED0001");
    assert_eq!(session.text("origin"), "maria@example.org", "{}", session.0);
}

#[test]
fn credentials_that_issued_each_other_are_unknown_with_a_reason() {
    let (ping, pong) = (role("ping"), role("pong"));
    let in_ping = || in_session(&ping, "a", "ASIA3QZVE5ZJPING0001", "2024-03-04T09:00:00Z");
    let in_pong = || in_session(&pong, "b", "ASIA3QZVE5ZJPONG0001", "2024-03-04T09:00:00Z");
    let lake = Lake::of(&[
        opening(),
        assume("2024-03-04T09:00:00Z", in_ping(), &pong, "b", "ASIA3QZVE5ZJPONG0001"),
        assume("2024-03-04T09:00:00Z", in_pong(), &ping, "a", "ASIA3QZVE5ZJPING0001"),
        call("2024-03-04T09:01:00Z", in_ping(), "s3:ListBuckets"),
        call("2024-03-04T09:01:00Z", in_pong(), "s3:ListBuckets"),
    ]);
    for key in ["ASIA3QZVE5ZJPING0001", "ASIA3QZVE5ZJPONG0001"] {
        lake.session(key).is_unknown_because("");
    }
    // A credential that issued itself.
    let itself = || in_session(&ping, "a", "ASIA3QZVE5ZJPING0001", "2024-03-04T09:00:00Z");
    let lake = Lake::of(&[
        opening(),
        assume("2024-03-04T09:00:00Z", itself(), &ping, "a", "ASIA3QZVE5ZJPING0001"),
        call("2024-03-04T09:01:00Z", itself(), "s3:ListBuckets"),
    ]);
    lake.session("ASIA3QZVE5ZJPING0001").is_unknown_because("");
}

#[test]
fn a_chain_of_a_hundred_sessions_ends() {
    let name = |at: usize| role(&format!("step-{at}"));
    let key = |at: usize| format!("ASIA3QZVE5ZJSTEP{at:04}");
    let time = |at: usize| format!("2024-03-04T09:{:02}:{:02}Z", at / 60, at % 60);
    let mut caller = user(MARIA, MARIAS_KEY);
    let mut records = Vec::new();
    for at in 0..100 {
        records.push(assume(&time(at), caller, &name(at), "s", &key(at)));
        caller = in_session(&name(at), "s", &key(at), &time(at));
        records.push(call(&time(at + 1), caller.clone(), "s3:ListBuckets"));
    }
    let lake = Lake::of(&records);
    assert_eq!(lake.session(&key(3)).text("origin"), MARIA);
    let last = lake.session(&key(99));
    if last.text("origin") != MARIA {
        last.is_unknown_because("");
    }
}

#[test]
fn a_use_some_seconds_before_the_record_of_issue_is_linked() {
    let deploy = role("deploy");
    let used = in_session(&deploy, "release-7", "ASIA3QZVE5ZJDEPLOY01", "2024-03-04T08:59:58Z");
    let lake = Lake::of(&[
        call("2024-03-04T08:59:57Z", used, "s3:ListBuckets"),
        assume("2024-03-04T09:00:00Z", user(MARIA, MARIAS_KEY), &deploy, "release-7", "ASIA3QZVE5ZJDEPLOY01"),
    ]);
    lake.session("ASIA3QZVE5ZJDEPLOY01").began_with(MARIA, &[&deploy]).linked_by(&["access key"]);
}

#[test]
fn a_session_issued_before_the_lake_begins_is_unknown_for_that_reason() {
    let deploy = role("deploy");
    let used = in_session(&deploy, "release-7", "ASIA3QZVE5ZJDEPLOY01", "2024-03-03T23:00:00Z");
    let lake = Lake::of(&[opening(), call("2024-03-04T00:01:00Z", used, "s3:ListBuckets")]);
    lake.session("ASIA3QZVE5ZJDEPLOY01").is_unknown_because("before");
}

#[test]
fn a_key_and_an_id_that_were_redacted_link_nothing() {
    let (deploy, data) = (role("deploy"), role("data"));
    for redacted in ["ASIAIOSFODNN7EXAMPLE", "***", "ASIA8D4EB41DC82E6580"] {
        let issued = |time: &str, caller: Value, session: &str| {
            with(assume(time, caller, &deploy, session, redacted), json!({"sharedEventID": "***"}))
        };
        let used = |time: &str, role: &str, session: &str, created: &str| {
            call(time, in_session(role, session, redacted, created), "s3:ListBuckets")
        };
        let lake = Lake::of(&[
            issued("2024-03-04T09:00:00Z", user(MARIA, MARIAS_KEY), "release-7"),
            used("2024-03-04T09:01:00Z", &deploy, "release-7", "2024-03-04T09:00:00Z"),
            issued("2024-03-04T10:00:00Z", user(TOM, TOMS_KEY), "release-8"),
            used("2024-03-04T10:01:00Z", &deploy, "release-8", "2024-03-04T10:00:00Z"),
            used("2024-03-04T11:01:00Z", &data, "nobody", "2024-03-04T11:00:00Z"),
        ]);
        let rows = lake.query("SELECT session_arn, origin FROM sessions ORDER BY session_arn");
        let row = |arn: String, origin: &str| json!({"session_arn": arn, "origin": origin});
        let expected = [
            row(session_arn(&data, "nobody"), "unknown"),
            row(session_arn(&deploy, "release-7"), MARIA),
            row(session_arn(&deploy, "release-8"), TOM),
        ];
        assert_eq!(rows, expected, "{redacted}");
    }
}

#[test]
fn without_keys_a_session_is_told_by_its_arn_and_the_time_of_its_issue() {
    let deploy = role("deploy");
    let in_deploy = |created: &str| {
        let mut identity = in_session(&deploy, "release-7", "", created);
        identity.as_object_mut().unwrap().remove("accessKeyId");
        identity
    };
    let mut issued = assume("2024-03-04T09:00:00Z", user(MARIA, MARIAS_KEY), &deploy, "release-7", "");
    issued["responseElements"]["credentials"] = Value::Null;
    let lake = Lake::of(&[
        issued,
        call("2024-03-04T09:01:00Z", in_deploy("2024-03-04T09:00:00Z"), "s3:ListBuckets"),
        call("2024-03-04T15:01:00Z", in_deploy("2024-03-04T15:00:00Z"), "s3:ListBuckets"),
    ]);
    let rows = lake.query("SELECT * FROM sessions ORDER BY issued_time");
    assert_eq!(rows.len(), 2, "{rows:?}");
    let [first, second] = [0, 1].map(|at| Session(rows[at].clone()));
    assert_eq!(first.text("credential"), session_arn(&deploy, "release-7"));
    first.began_with(MARIA, &[&deploy]);
    second.is_unknown_because("");
}

#[test]
fn records_with_spaces_between_members_are_understood() {
    let (cart, root) = (role("cart"), format!("arn:aws:iam::{OTHER}:root"));
    let tag = |key: &str, value: &str| json!({"value": value, "key": key});
    let issued = with(
        assume("2024-03-04T09:00:00Z", service("pods.eks"), &cart, "eks-shop-cart-1", "ASIA3QZVE5ZJCART0001"),
        json!({"requestParameters": {"tags": [tag("kubernetes-namespace", "web"),
                                              tag("kubernetes-service-account", "cart")]}}),
    );
    let in_cart = in_session(&cart, "eks-shop-cart-1", "ASIA3QZVE5ZJCART0001", "2024-03-04T09:00:00Z");
    let task = with(
        call("2024-03-04T09:00:00Z", user(MARIA, MARIAS_KEY), "sts:AssumeRoot"),
        json!({"requestParameters": {"targetPrincipal": OTHER},
               "responseElements": {"credentials": {"accessKeyId": "ASIA7PLQX2MD0ROOT001"}}}),
    );
    let as_root = json!({"type": "Root", "principalId": OTHER, "arn": root, "accountId": OTHER,
                         "accessKeyId": "ASIA7PLQX2MD0ROOT001", "sessionContext": {"assumedRoot": "true"}});
    let as_root = with_creation(as_root, "2024-03-04T09:00:00Z");
    let records = [
        issued,
        call("2024-03-04T09:01:00Z", in_cart, "s3:ListBuckets"),
        task,
        call("2024-03-04T09:01:00Z", as_root, "s3:DeleteBucketPolicy"),
    ];
    let lake = Lake::empty();
    let source = lake.dir.path().join("pretty");
    write(&source.join("records.json"), serde_json::to_string_pretty(&json!({"Records": records})).unwrap().as_bytes());
    succeeds(&["ingest", arg(&source), "--lake", arg(&lake.path())]);
    lake.session("ASIA3QZVE5ZJCART0001").began_with("system:serviceaccount:web:cart", &[&cart]);
    lake.session("ASIA7PLQX2MD0ROOT001").began_with(MARIA, &[&root]);
}

#[test]
fn long_lived_keys_and_services_are_their_own_origin() {
    let lake = Lake::of(&[
        call("2024-03-04T09:00:00Z", user(MARIA, MARIAS_KEY), "s3:ListBuckets"),
        call("2024-03-04T09:00:00Z", service("config"), "s3:GetBucketAcl"),
    ]);
    let rows = lake.query("SELECT actor, origin FROM calls ORDER BY actor");
    assert_eq!(
        rows,
        [
            json!({"actor": MARIA, "origin": MARIA}),
            json!({"actor": "config.amazonaws.com", "origin": "config.amazonaws.com"})
        ]
    );
    let rows = lake.query("SELECT * FROM sessions");
    assert!(rows.is_empty(), "neither is a temporary credential: {rows:?}");
}

#[test]
fn a_failed_request_issues_nothing() {
    let deploy = role("deploy");
    let refused = with(
        call("2024-03-04T09:00:00Z", user(TOM, TOMS_KEY), "sts:AssumeRole"),
        json!({"errorCode": "AccessDenied", "errorMessage": "not authorized",
               "requestParameters": {"roleArn": deploy, "roleSessionName": "release-7"}}),
    );
    let used = in_session(&deploy, "release-7", "ASIA3QZVE5ZJDEPLOY01", "2024-03-04T09:00:00Z");
    let lake = Lake::of(&[refused, call("2024-03-04T09:01:00Z", used, "s3:ListBuckets")]);
    lake.session("ASIA3QZVE5ZJDEPLOY01").is_unknown_because("");
}

/// The days of a lake, each with what was issued and used on it.
fn days() -> [Vec<Value>; 4] {
    let (entry, data, deploy, reader) = (role("entry"), role("data"), role("deploy"), role_in(OTHER, "reader"));
    let in_entry = || in_session(&entry, "maria", "ASIA3QZVE5ZJENTRY001", "2024-03-04T23:00:00Z");
    let in_data = || in_session(&data, "step-2", "ASIA3QZVE5ZJDATA0001", "2024-03-05T00:30:00Z");
    // Used on the first day; the record of its issue has a time of the second.
    let early = || in_session(&deploy, "early", "ASIA3QZVE5ZJDEPLOY01", "2024-03-04T23:59:58Z");
    // Used on the third day in this account; the log of its own account begins on the fourth.
    let in_reader = || in_session(&reader, "r", "ASIA7PLQX2MDREADER01", "2024-03-06T08:00:00Z");
    let read = call("2024-03-06T08:01:00Z", in_reader(), "s3:GetBucketPolicy");
    [
        vec![
            assume("2024-03-04T23:00:00Z", user(MARIA, MARIAS_KEY), &entry, "maria", "ASIA3QZVE5ZJENTRY001"),
            call("2024-03-04T23:01:00Z", in_entry(), "s3:ListBuckets"),
            call("2024-03-04T23:59:59Z", early(), "s3:ListBuckets"),
        ],
        vec![
            assume("2024-03-05T00:00:01Z", user(TOM, TOMS_KEY), &deploy, "early", "ASIA3QZVE5ZJDEPLOY01"),
            assume("2024-03-05T00:30:00Z", in_entry(), &data, "step-2", "ASIA3QZVE5ZJDATA0001"),
            call("2024-03-05T00:31:00Z", in_data(), "s3:ListBuckets"),
            call("2024-03-05T00:32:00Z", early(), "s3:ListBuckets"),
        ],
        vec![
            call("2024-03-06T00:10:00Z", in_data(), "s3:ListBuckets"),
            with(read, json!({"recipientAccountId": ACCOUNT})),
        ],
        vec![
            call("2024-03-07T08:00:00Z", in_reader(), "s3:ListBuckets"),
            call("2024-03-07T08:01:00Z", in_entry(), "s3:ListBuckets"),
        ],
    ]
}

/// The origins of the calls and of the credentials of each day.
fn origins_by_day(lake: &Lake) -> BTreeMap<String, Vec<String>> {
    let rows = lake.query(
        "SELECT CAST(event_date AS VARCHAR) AS day, event_id AS name, origin, '' AS why FROM calls
         UNION ALL
         SELECT CAST(event_date AS VARCHAR), credential, path || links, unknown_because FROM credential_origins",
    );
    let mut by_day: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows {
        by_day.entry(row["day"].as_str().unwrap().to_owned()).or_default().push(row.to_string());
    }
    by_day.values_mut().for_each(|rows| rows.sort_unstable());
    by_day
}

#[test]
fn the_origins_of_a_day_do_not_depend_on_later_days() {
    let days = days();
    let grown = Lake::empty();
    let mut then = BTreeMap::new();
    for (at, records) in days.iter().enumerate() {
        grown.ingest(&format!("day {at}"), records);
        let now = origins_by_day(&grown);
        assert_eq!(now.len(), at + 1);
        for (day, rows) in now {
            let before = then.entry(day.clone()).or_insert_with(|| rows.clone());
            assert_eq!(*before, rows, "{day} after {} days", at + 1);
        }
    }
    assert_eq!(then, origins_by_day(&Lake::of(&days.concat())), "a lake that was read at once");
    grown.session("ASIA3QZVE5ZJDATA0001").began_with(MARIA, &[&role("entry"), &role("data")]);
    grown.session("ASIA3QZVE5ZJDEPLOY01").is_unknown_because("");
}

/// The report of a hunt over everything in the lake.
fn hunt(lake: &Lake) -> Value {
    let report = lake.dir.path().join("report.json");
    let options = ["--detector", "credentials_outside_aws", "--allow-empty", "--report", arg(&report)];
    let ran = trailhunt(&[&["hunt", "--lake", arg(&lake.path())][..], &options].concat());
    assert_ne!(ran.code, 2, "{}{}", ran.out, ran.err);
    read_json(&report)
}

/// A task gets credentials and uses them, and somebody else uses them from `address` on the same day.
fn stolen_from_a_task(address: &str) -> Vec<Value> {
    let orders = role("orders");
    let task = "0123456789abcdef0123456789abcdef";
    let key = "ASIA3QZVE5ZJORDERS01";
    let used = |time: &str, api: &str, address: &str| {
        let identity = in_session(&orders, task, key, "2024-03-04T09:00:00Z");
        with(call(time, identity, api), json!({"sourceIPAddress": address}))
    };
    vec![
        service_assumes("2024-03-04T09:00:00Z", "ecs-tasks", &orders, task, key),
        used("2024-03-04T09:01:00Z", "s3:ListBuckets", AMAZON),
        used("2024-03-04T09:30:00Z", "sts:GetCallerIdentity", address),
        used("2024-03-04T09:31:00Z", "s3:ListBuckets", address),
        used("2024-03-04T09:32:00Z", "ecr:DescribeRepositories", address),
    ]
}

#[test]
fn a_key_of_a_task_used_at_home_on_the_first_day_is_a_medium_finding_that_names_the_task() {
    let lake = Lake::of(&stolen_from_a_task(HOME));
    let report = hunt(&lake);
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0]["severity"], "medium");
    let summary = findings[0]["summary"].as_str().unwrap();
    assert!(summary.contains("0123456789abcdef0123456789abcdef") && summary.contains(HOME), "{summary}");
    let task = format!("arn:aws:ecs:{REGION}:{ACCOUNT}:task/0123456789abcdef0123456789abcdef");
    assert_eq!(findings[0]["origin"]["identity"], task, "{}", findings[0]);
    // Both places: the one call from AWS, and the three from home.
    let events = findings[0]["evidence"]["events"].as_array().unwrap();
    let from: Vec<&str> = events.iter().map(|event| event["source_ip_address"].as_str().unwrap()).collect();
    assert_eq!(from, [AMAZON, HOME, HOME, HOME], "{}", findings[0]);

    let mut records = stolen_from_a_task(AMAZON);
    for address in ["10.0.3.4", "100.64.0.9", "169.254.169.254", "fd00::1"] {
        records.push(with(stolen_from_a_task(address).pop().unwrap(), json!({"eventTime": "2024-03-04T09:33:00Z"})));
    }
    assert_eq!(hunt(&Lake::of(&records))["findings"], json!([]), "a task calls from Amazon's network and its own");
    let lake = Lake::of(&stolen_from_a_task("203.0.113.7"));
    let report = hunt(&lake);
    let summary = report["findings"][0]["summary"].as_str().unwrap();
    assert!(summary.contains("from 203.0.113.7 in an unknown place, outside AWS"), "{summary}");
}

#[test]
fn a_key_of_a_pod_of_eks_used_at_home_on_the_first_day_is_a_finding() {
    let cart = role("cart");
    let key = "ASIA3QZVE5ZJCART0001";
    let at_home = |session: &str| {
        let identity = in_session(&cart, session, key, "2024-03-04T09:00:00Z");
        with(call("2024-03-04T09:30:00Z", identity, "s3:ListBuckets"), json!({"sourceIPAddress": HOME}))
    };
    let through = |provider: &str| {
        let subject = "system:serviceaccount:shop:cart";
        let issued = web_identity(provider, "sts.amazonaws.com", subject, &cart, "cart", key);
        [issued.to_vec(), vec![at_home("cart")]].concat()
    };
    let pod = "eks-shop-cart-0cda7f85";
    let agent = [service_assumes("2024-03-04T09:00:00Z", "pods.eks", &cart, pod, key), at_home(pod)];
    let tags = json!([{"key": "kubernetes-namespace", "value": "shop"},
                      {"key": "kubernetes-service-account", "value": "cart"}]);
    let agent = [with(agent[0].clone(), json!({"requestParameters": {"tags": tags}})), agent[1].clone()];
    for records in [&agent[..], &through("oidc.eks.eu-west-1.amazonaws.com/id/0A1B2C3D4E5F60718293A4B5C6D7E8F9")] {
        let report = hunt(&Lake::of(records));
        assert_eq!(report["findings"][0]["severity"], "medium", "{records:?}");
        assert_eq!(report["findings"][0]["origin"]["identity"], "system:serviceaccount:shop:cart", "{records:?}");
    }
    // A cluster that runs anywhere.
    for provider in ["kubernetes.example/clusters/1", "oidc.eks.eu-west-1.amazonaws.com.example/id/1"] {
        assert_eq!(hunt(&Lake::of(&through(provider)))["findings"], json!([]), "{provider}");
    }
}

#[test]
fn a_session_whose_caller_is_a_person_may_be_used_at_home_on_the_first_day() {
    let orders = role("orders");
    let session = "0123456789abcdef0123456789abcdef";
    let used = |time: &str| {
        let identity = in_session(&orders, session, "ASIA3QZVE5ZJORDERS01", "2024-03-04T09:00:00Z");
        with(call(time, identity, "s3:ListBuckets"), json!({"sourceIPAddress": HOME}))
    };
    let lake = Lake::of(&[
        assume("2024-03-04T09:00:00Z", user(MARIA, MARIAS_KEY), &orders, session, "ASIA3QZVE5ZJORDERS01"),
        used("2024-03-04T09:30:00Z"),
        used("2024-03-04T09:31:00Z"),
    ]);
    assert_eq!(hunt(&lake)["findings"], json!([]));
}

#[test]
fn the_page_who_was_it_leads_from_a_finding_to_its_origin_in_five_commands() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/who-was-it.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let records = "tests/fixtures/who_was_it.jsonl";
    write(&folder.path().join(records), &std::fs::read(root.join(records)).unwrap());
    let followed = page::follow(&page, folder.path());
    assert_eq!(followed.commands, 6, "one to read the records, and five");
    assert!(followed.lines > 15, "{followed:?}");
}
