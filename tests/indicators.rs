//! `trailhunt indicators` and `hunt --indicators`: what others published is found in the history, and what cannot be
//! searched for is named.

use std::path::{Path, PathBuf};

use crate::common::{Ran, archive, arg, read_json, succeeds, trailhunt, trailhunt_with, write};
use serde_json::{Value, json};

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const ANA: &str = "arn:aws:iam::111122223333:user/ana";
const ROLE: &str = "arn:aws:iam::111122223333:role/deploy";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/deploy/build-7";

/// A call of user ana at a minute of 1 January 2024, changed as given.
fn call(minute: u32, changes: &[(&str, Value)]) -> Value {
    let mut record = json!({
        "eventVersion": "1.08", "eventTime": format!("2024-01-01T10:{minute:02}:00Z"), "eventType": "AwsApiCall",
        "eventID": format!("00000000-0000-4000-8000-0000000000{minute:02}"), "eventSource": "iam.amazonaws.com",
        "eventName": "ListUsers", "awsRegion": "us-east-1", "sourceIPAddress": "192.0.2.1", "userAgent": "Boto3/1.26",
        "readOnly": true, "managementEvent": true, "recipientAccountId": "111122223333",
        "userIdentity": {
            "type": "IAMUser", "arn": ANA, "userName": "ana", "accountId": "111122223333", "principalId": "AIDA1",
            "accessKeyId": "AKIAI44QH8DHBEXAMPLE"
        }
    });
    for (member, value) in changes {
        record[*member] = value.clone();
    }
    record
}

fn from(minute: u32, address: &str) -> Value {
    call(minute, &[("sourceIPAddress", json!(address))])
}

/// A call of a session of the role deploy.
fn of_session(minute: u32) -> Value {
    let issuer =
        json!({"sessionIssuer": {"type": "Role", "arn": ROLE, "accountId": "111122223333", "userName": "deploy"}});
    let identity = json!({
        "type": "AssumedRole", "arn": SESSION, "accountId": "111122223333", "principalId": "AROA1:build-7",
        "accessKeyId": "ASIAIOSFODNN7EXAMPLE", "sessionContext": issuer
    });
    call(minute, &[("userIdentity", identity)])
}

/// A lake and files of indicators in a folder.
struct Case {
    dir: tempfile::TempDir,
    lake: PathBuf,
}

impl Case {
    fn new(records: &[Value]) -> Case {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (source, lake) = (dir.path().join("in"), dir.path().join("lake"));
        archive(&source, records);
        succeeds(&["ingest", arg(&source), "--lake", arg(&lake)]);
        Case { dir, lake }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        write(&path, text.as_bytes());
        path
    }

    fn run(&self, args: &[&str], files: &[&Path]) -> Ran {
        let mut all = vec!["indicators"];
        all.extend(files.iter().map(|file| arg(file)));
        all.extend(["--lake", arg(&self.lake)]);
        all.extend(args);
        trailhunt(&all)
    }

    /// The search for the content of one file, as JSON, and the exit code.
    fn search(&self, name: &str, text: &str) -> (Value, i32) {
        let ran = self.run(&["--format", "json"], &[&self.file(name, text)]);
        let search = serde_json::from_str(&ran.out);
        assert!(search.is_ok(), "{}{}", ran.out, ran.err);
        (search.unwrap_or_default(), ran.code)
    }

    /// `value calls` of each hit, sorted.
    fn hits(&self, name: &str, text: &str) -> Vec<String> {
        let (search, code) = self.search(name, text);
        assert_eq!(code, 0, "{search:#}");
        hits(&search)
    }
}

fn hits(search: &Value) -> Vec<String> {
    let shown = |hit: &Value| format!("{} {}", hit["value"].as_str().expect("a value"), hit["calls"]);
    let mut hits: Vec<_> = search["hits"].as_array().expect("a list").iter().map(shown).collect();
    hits.sort();
    hits
}

/// The hit of a value.
fn hit<'a>(search: &'a Value, value: &str) -> &'a Value {
    let hits = search["hits"].as_array().expect("a list");
    hits.iter().find(|hit| hit["value"] == value).expect(value)
}

#[test]
fn a_plain_list_finds_every_kind_and_says_who_did_what() {
    let failed = [
        ("sourceIPAddress", json!("198.51.100.7")),
        ("errorCode", json!("AccessDenied")),
        ("eventName", json!("CreateUser")),
    ];
    let case = Case::new(&[
        from(1, "198.51.100.7"),
        call(2, &failed),
        from(3, "203.0.113.9"),
        from(4, "8.8.8.8"),
        call(5, &[("userAgent", json!("aws-cli/2.15 md/KALI#1"))]),
        call(
            6,
            &[(
                "userIdentity",
                json!({"type": "IAMUser", "arn": "arn:aws:iam::444455556666:user/eve", "accountId": "444455556666", "accessKeyId": KEY}),
            )],
        ),
        of_session(7),
        from(8, "192.0.2.1"),
    ]);
    let list = "# from a report\n198.51.100[.]7 # the C2\n203.0.113.0/24\nAS15169\nAKIAIOSFODNN7EXAMPLE\n\
                arn:aws:iam::111122223333:role/deploy\n444455556666\nuser-agent: md/kali\n198.51.100.200\n";
    let (search, code) = case.search("list.txt", list);
    assert_eq!(code, 0, "{search:#}");
    assert_eq!(
        hits(&search),
        [
            "198.51.100.7 2",
            "203.0.113.0/24 1",
            "444455556666 1",
            "AKIAIOSFODNN7EXAMPLE 1",
            "AS15169 1",
            "arn:aws:iam::111122223333:role/deploy 1",
            "md/kali 1",
        ]
    );
    let address = hit(&search, "198.51.100.7");
    assert_eq!(address["kind"], "address");
    assert_eq!(
        (&address["first_time"], &address["last_time"]),
        (&json!("2024-01-01T10:01:00Z"), &json!("2024-01-01T10:02:00Z"))
    );
    assert_eq!(address["failed"], 1);
    assert_eq!(address["identities"], json!([{"name": ANA, "calls": 2}]));
    assert_eq!(
        address["apis"],
        json!([
            {"name": "iam.amazonaws.com:CreateUser", "calls": 1}, {"name": "iam.amazonaws.com:ListUsers", "calls": 1}
        ])
    );
    assert_eq!((&address["accounts"], &address["regions"]), (&json!(["111122223333"]), &json!(["us-east-1"])));
    let ids: Vec<_> =
        address["evidence"].as_array().unwrap().iter().map(|event| event["event_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"]);
    let mention = &address["mentions"][0];
    assert_eq!((&mention["at"], &mention["description"]), (&json!("2"), &json!("the C2")));
    assert!(mention["file"].as_str().unwrap().ends_with("list.txt"), "{mention}");
    assert_eq!(hit(&search, "203.0.113.0/24")["matched"], json!([{"name": "203.0.113.9", "calls": 1}]));
    assert_eq!(hit(&search, "md/kali")["matched"][0]["name"], "aws-cli/2.15 md/KALI#1");
    assert_eq!((&search["events"], &search["searched"]["address"]), (&json!(8), &json!(2)));

    let ran = case.run(&[], &[&case.dir.path().join("list.txt")]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let first = "searched 8 indicators (2 addresses, 1 network, 1 AS number, 1 access key, 1 ARN, 1 account id, 1 user agent) \
                 from 1 file in 8 events, 2024-01-01 00:00 to 2024-01-02 00:00 UTC\nmatched 7 indicators\n";
    assert!(ran.out.starts_with(first), "{}", ran.out);
    for expected in [
        "  198.51.100.7  address\n      2024-01-01 10:01 to 2024-01-01 10:02, 2 calls, 1 failed\n      the C2 (",
        "list.txt:2)\n      by user/ana in 111122223333 (2)\n      called iam:CreateUser (1), iam:ListUsers (1)\n",
        "      in account 111122223333, region us-east-1\n      first events 00000000-0000-4000-8000-000000000001",
        "seen as 203.0.113.9 (1)",
    ] {
        assert!(ran.out.contains(expected), "{expected}\n{}", ran.out);
    }
    let csv = case.run(&["--format", "csv"], &[&case.dir.path().join("list.txt")]);
    assert_eq!(csv.out.lines().count(), 8, "{}", csv.out);
    assert!(csv.out.contains("\"address\",\"198.51.100.7\",\"\",\"the C2\","), "{}", csv.out);
}

#[test]
fn nothing_found_states_what_was_searched() {
    let case = Case::new(&[from(1, "192.0.2.1")]);
    let ran = case.run(
        &[],
        &[&case.file("list", "198.51.100.7\nevil[.]example\nd41d8cd98f00b204e9800998ecf8427e\nbad.example\n")],
    );
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(
        ran.out,
        "searched 1 indicator (1 address) from 1 file in 1 event, 2024-01-01 00:00 to 2024-01-02 00:00 UTC\nmatched none\n\
         not searched: 3 values that CloudTrail does not record (2 domain, 1 hash)\n"
    );
}

#[test]
fn invalid_lines_are_named_and_the_rest_is_searched() {
    let case = Case::new(&[from(1, "198.51.100.7")]);
    let file = case.file("list", "198.51.100.256\n\nnonsense \u{1b}[31m\n198.51.100.0/33\n0.0.0.0/0\n198.51.100.7\n");
    let ran = case.run(&[], &[&file]);
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    let name = file.display();
    for expected in [
        "matched 1 indicator\n".to_owned(),
        "4 lines or objects are not understood:\n".to_owned(),
        format!("  {name}:1: `198.51.100.256` is not an address or a network\n"),
        format!(
            "  {name}:3: `nonsense \u{fffd}[31m` is no indicator: wildcards and ranges are not supported; for a user agent, write user-agent: TEXT\n"
        ),
        format!("  {name}:4: `198.51.100.0/33` is not an address or a network\n"),
        format!("  {name}:5: `0.0.0.0/0` has every address\n"),
    ] {
        assert!(ran.out.contains(&expected), "{expected}\n{}", ran.out);
    }
    let csv = case.run(&["--format", "csv"], &[&file]);
    assert_eq!((csv.code, csv.out.lines().count()), (2, 2), "{}", csv.out);
    assert!(csv.err.contains(":4: `198.51.100.0/33` is not"), "{}", csv.err);
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let case = Case::new(&[from(1, "198.51.100.7")]);
    let missing = case.dir.path().join("no such file");
    let ran = case.run(&[], &[&missing]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("no such file: "), "{}", ran.err);
    for (name, text, reason) in [
        ("empty", "# nothing yet\n", "empty:1: no indicator that can be searched for"),
        ("domains", "evil.example\n", "domains:1: no indicator that can be searched for"),
        ("broken.json", "{\"type\": \"bundle\",\n", "broken.json:2: invalid JSON: EOF"),
        (
            "other.json",
            "{\"ips\": []}",
            "other.json:1: JSON that is neither a STIX 2.1 bundle nor an event or attributes of MISP",
        ),
    ] {
        let good = case.file("good", "198.51.100.7\n");
        let ran = case.run(&[], &[&case.file(name, text), &good]);
        assert_eq!(ran.code, 2, "{name}: {}{}", ran.out, ran.err);
        assert!(ran.out.contains(reason) && ran.out.contains("matched 1 indicator\n"), "{name}: {}", ran.out);
    }
}

#[test]
fn networks_match_their_first_and_last_address_and_no_other() {
    let case = Case::new(&[
        from(1, "198.51.100.3"),
        from(2, "198.51.100.4"),
        from(3, "198.51.100.7"),
        from(4, "198.51.100.8"),
        from(5, "2001:db8:0:f::"),
        from(6, "2001:db8:0:f:ffff:ffff:ffff:ffff"),
        from(7, "2001:db8:0:10::"),
        from(8, "cloudformation.amazonaws.com"),
        from(9, "AWS Internal"),
    ]);
    assert_eq!(case.hits("1", "198.51.100.4/30"), ["198.51.100.4/30 2"]);
    assert_eq!(case.hits("2", "198.51.100.5/30"), ["198.51.100.4/30 2"], "host bits are ignored");
    assert_eq!(case.hits("3", "198.51.100.8/32\n198.51.100.0/25"), ["198.51.100.0/25 4", "198.51.100.8 1"]);
    assert_eq!(case.hits("4", "2001:db8:0:f::/64"), ["2001:db8:0:f::/64 2"]);
    assert_eq!(case.hits("5", "::/1\n128.0.0.0/1"), ["128.0.0.0/1 4", "::/1 3"]);
}

#[test]
fn every_notation_of_an_address_is_the_same_address() {
    let case = Case::new(&[
        from(1, "2001:DB8:0:0:0::7"),
        from(2, "2001:db8::7"),
        from(3, "::ffff:198.51.100.7"),
        from(4, "198.51.100.7"),
    ]);
    for (text, expected) in [
        ("2001:db8::7", "2001:db8::7 2"),
        ("2001:0DB8:0000:0000:0000:0000:0000:0007", "2001:db8::7 2"),
        ("2001:db8[:]0:0:0[::]7", "2001:db8::7 2"),
        ("[2001:db8::7]:443", "2001:db8::7 2"),
        ("198.51.100.7", "198.51.100.7 2"),
        ("::FFFF:c633:6407", "198.51.100.7 2"),
        ("::ffff:198.51.100.0/120", "198.51.100.0/24 2"),
    ] {
        assert_eq!(case.hits("list", text), [expected], "{text}");
    }
}

#[test]
fn an_arn_and_an_account_match_callers_and_each_event_counts_once() {
    let root = json!({"type": "Root", "arn": "arn:aws:iam::444455556666:root", "accountId": "444455556666"});
    let anonymous = json!({"type": "AWSAccount", "accountId": "444455556666", "principalId": ""});
    let case = Case::new(&[
        call(1, &[]),
        of_session(2),
        call(3, &[("userIdentity", root)]),
        call(4, &[("userIdentity", anonymous), ("recipientAccountId", json!("777788889999"))]),
    ]);
    let list = format!("{ANA}\n{ROLE}\n{SESSION}\n111122223333\n444455556666\n777788889999\n");
    assert_eq!(
        case.hits("list", &list),
        [
            "111122223333 3".to_owned(),
            "444455556666 2".to_owned(),
            "777788889999 1".to_owned(),
            format!("{ROLE} 1"),
            format!("{ANA} 1"),
            format!("{SESSION} 1"),
        ]
    );
}

#[test]
fn calls_of_services_and_without_an_identity_are_searched_too() {
    let case = Case::new(&[
        call(
            1,
            &[
                ("sourceIPAddress", json!("198.51.100.7")),
                ("userIdentity", json!({"type": "AWSAccount", "accountId": "ANONYMOUS_PRINCIPAL"})),
            ],
        ),
        call(
            2,
            &[
                ("sourceIPAddress", json!("198.51.100.7")),
                (
                    "userIdentity",
                    json!({"type": "IAMUser", "arn": ANA, "accountId": "111122223333", "invokedBy": "signin.amazonaws.com"}),
                ),
            ],
        ),
        call(3, &[("sourceIPAddress", json!("198.51.100.7")), ("userIdentity", Value::Null)]),
    ]);
    assert_eq!(case.hits("list", "198.51.100.7"), ["198.51.100.7 3"]);
}

#[test]
fn csv_of_common_feeds() {
    let case = Case::new(&[from(1, "198.51.100.7"), call(2, &[("userAgent", json!("Evil/2 (x, y)"))])]);
    let feed = "\u{feff}indicator_value,indicator_type,description,confidence,source\r\n\
                198.51.100.7,ipv4,\"C2, \"\"old\"\"\",high,Acme\r\n\r\n# a comment\r\n\"Evil/2 (x, y)\",user-agent,,40%,\r\n\
                0123456789abcdef0123456789abcdef,md5,,,\r\nnowhere,ip,,,\r\n";
    let (search, code) = case.search("feed.csv", feed);
    assert_eq!((code, &search["files"][0]["format"]), (2, &json!("csv")), "{search:#}");
    assert_eq!(hits(&search), ["198.51.100.7 1", "Evil/2 (x, y) 1"]);
    let mention = &hit(&search, "198.51.100.7")["mentions"][0];
    assert_eq!((&mention["description"], &mention["source"]), (&json!("C2, \"old\""), &json!("Acme")));
    assert_eq!((&mention["confidence"], &mention["at"]), (&json!(85), &json!("2")));
    assert_eq!(hit(&search, "Evil/2 (x, y)")["mentions"][0]["confidence"], 40);
    assert_eq!(search["not_recorded"], json!({"md5": 1}));
    assert_eq!(search["problems"][0]["at"], "7");
    // The name of a column is enough.
    assert_eq!(case.hits("plain.csv", "source_ip_address\n198.51.100.7\n"), ["198.51.100.7 1"]);
    assert_eq!(
        case.hits("feodo", "# \"first_seen_utc\",\"dst_ip\",\"dst_port\"\n\"2024-01-01\",\"198.51.100.7\",443\n"),
        ["198.51.100.7 1"]
    );
}

/// A bundle of these objects.
fn bundle(objects: &[Value]) -> String {
    json!({"type": "bundle", "id": "bundle--1", "objects": objects}).to_string()
}

fn stix_indicator(id: u32, pattern: &str, changes: &[(&str, Value)]) -> Value {
    let mut object = json!({
        "type": "indicator", "spec_version": "2.1", "id": format!("indicator--{id}"), "pattern": pattern, "pattern_type": "stix",
        "valid_from": "2023-12-01T00:00:00Z"
    });
    for (member, value) in changes {
        object[*member] = value.clone();
    }
    object
}

#[test]
fn stix_patterns_observables_and_what_is_left_out() {
    let case = Case::new(&[
        from(1, "198.51.100.7"),
        from(2, "203.0.113.9"),
        from(3, "2001:db8::7"),
        from(4, "8.8.8.8"),
        call(5, &[("userAgent", json!("Evil/1"))]),
        from(6, "192.0.2.77"),
    ]);
    let agent = "[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = 'Evil/1']";
    let text = bundle(&[
        json!({"type": "identity", "id": "identity--1", "name": "Acme CERT"}),
        stix_indicator(
            1,
            "[ipv4-addr:value = '198.51.100.7']",
            &[("name", json!("C2")), ("confidence", json!(80)), ("created_by_ref", json!("identity--1"))],
        ),
        stix_indicator(
            2,
            "[ipv4-addr:value IN ('203.0.113.9', '203.0.113.10') OR ipv6-addr:value = '2001:DB8::7'] OR [domain-name:value = 'evil.example']",
            &[],
        ),
        stix_indicator(3, "[autonomous-system:number = 15169]", &[]),
        stix_indicator(4, agent, &[]),
        stix_indicator(5, "[network-traffic:src_ref.value = '192.0.2.77' AND network-traffic:dst_port = 443]", &[]),
        stix_indicator(6, "[ipv4-addr:value = '192.0.2.77']", &[("revoked", json!(true))]),
        stix_indicator(7, "alert tcp any any", &[("pattern_type", json!("snort"))]),
        stix_indicator(8, "[ipv4-addr:value LIKE '192.%']", &[]),
        stix_indicator(9, "[ipv4-addr:value = '192.0.2.1", &[]),
        json!({"type": "ipv4-addr", "id": "ipv4-addr--1", "value": "198.51.100.7"}),
        json!({"type": "malware", "id": "malware--1", "name": "Evil"}),
    ]);
    let (search, code) = case.search("bundle", &text);
    assert_eq!(code, 2, "two patterns are not understood: {search:#}");
    assert_eq!(search["files"][0]["format"], "stix");
    assert_eq!(
        hits(&search),
        ["192.0.2.77 1", "198.51.100.7 1", "2001:db8::7 1", "203.0.113.9 1", "AS15169 1", "Evil/1 1"]
    );
    let mentions = &hit(&search, "198.51.100.7")["mentions"];
    let expected = json!({
        "file": mentions[0]["file"], "at": "indicator--1", "description": "C2", "source": "Acme CERT", "confidence": 80,
        "valid_from": "2023-12-01T00:00:00Z", "valid_until": null, "caveat": null
    });
    assert_eq!(mentions[0], expected);
    assert_eq!(mentions[1]["caveat"], "an observable, which may also be harmless");
    let caveat = hit(&search, "192.0.2.77")["mentions"][0]["caveat"].as_str().unwrap();
    assert!(caveat.starts_with("one of several conditions: [network-traffic:src_ref.value"), "{caveat}");
    assert_eq!(search["not_recorded"], json!({"domain-name": 1, "network-traffic:dst_port": 1, "snort pattern": 1}));
    assert_eq!(search["left_out"], json!({"revoked": 1}));
    let problems: Vec<_> = search["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["at"].as_str().unwrap(), one["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(
        problems,
        [
            ("indicator--8", "unsupported comparison in the pattern: ipv4-addr:value LIKE"),
            ("indicator--9", "a quote in the pattern is not closed"),
        ]
    );
}

#[test]
fn an_expired_indicator_is_searched_and_marked_if_all_its_events_are_later() {
    let case = Case::new(&[from(1, "198.51.100.7"), from(2, "203.0.113.9")]);
    let until = |time: &str| [("valid_until", json!(time))];
    let text = bundle(&[
        stix_indicator(1, "[ipv4-addr:value = '198.51.100.7']", &until("2023-12-31T23:00:00+00:00")),
        stix_indicator(2, "[ipv4-addr:value = '203.0.113.9']", &until("2024-01-01T10:30:00.000Z")),
    ]);
    let (search, code) = case.search("bundle", &text);
    assert_eq!(code, 0, "{search:#}");
    assert_eq!(hit(&search, "198.51.100.7")["expired"], true);
    assert_eq!(hit(&search, "203.0.113.9")["expired"], false);
    let ran = case.run(&[], &[&case.dir.path().join("bundle")]);
    assert!(ran.out.contains("matched 2 indicators, 1 only after its validity\n"), "{}", ran.out);
    assert!(ran.out.contains("198.51.100.7  address, after its validity\n"), "{}", ran.out);
}

#[test]
fn misp_events_and_attributes() {
    let case = Case::new(&[
        from(1, "198.51.100.7"),
        from(2, "203.0.113.9"),
        from(3, "8.8.8.8"),
        call(4, &[("userAgent", json!("Evil/1"))]),
        call(
            5,
            &[(
                "userIdentity",
                json!({"type": "IAMUser", "arn": ANA, "accountId": "111122223333", "accessKeyId": KEY}),
            )],
        ),
        from(6, "192.0.2.77"),
    ]);
    let attribute = |of: &str, value: &str, to_ids: bool| json!({"uuid": format!("uuid-{value}"), "type": of, "value": value, "to_ids": to_ids, "comment": ""});
    let mut confident = attribute("ip-dst", "203.0.113.9", true);
    confident["Tag"] = json!([{"name": "tlp:green"}, {"name": "misp:confidence-level=\"usually-confident\""}]);
    let event = json!({"Event": {
        "info": "Campaign X", "Orgc": {"name": "Acme CERT"},
        "Attribute": [attribute("ip-src", "198.51.100.7", true), confident, attribute("AS", "15169", true),
            attribute("ip-dst", "192.0.2.77", false), attribute("domain", "evil.example", true), attribute("text", "seen in a forum", false)],
        "Object": [{"name": "http-request", "Attribute": [attribute("user-agent", "Evil/1", true), attribute("text", KEY, false)]}]
    }});
    let (search, code) = case.search("event", &event.to_string());
    assert_eq!((code, &search["files"][0]["format"]), (0, &json!("misp")), "{search:#}");
    assert_eq!(hits(&search), ["198.51.100.7 1", "203.0.113.9 1", "AKIAIOSFODNN7EXAMPLE 1", "AS15169 1", "Evil/1 1"]);
    let mention = &hit(&search, "203.0.113.9")["mentions"][0];
    assert_eq!((&mention["description"], &mention["source"]), (&json!("Campaign X"), &json!("Acme CERT")));
    assert_eq!((&mention["confidence"], &mention["at"]), (&json!(75), &json!("uuid-203.0.113.9")));
    assert_eq!(search["not_recorded"], json!({"domain": 1, "text": 1}));
    assert_eq!(search["left_out"], json!({"not for detection (to_ids is false)": 1}));
    // What a search for attributes returns.
    let found = json!({"response": {"Attribute": [attribute("ip-dst|port", "198.51.100.7|443", true)]}});
    assert_eq!(case.hits("found", &found.to_string()), ["198.51.100.7 1"]);
    let list = json!([attribute("ip-dst", "198.51.100.7", true), attribute("ip-dst", "nowhere", true)]);
    let (search, code) = case.search("attributes", &list.to_string());
    assert_eq!((code, search["problems"][0]["at"].as_str()), (2, Some("uuid-nowhere")), "{search:#}");
}

#[test]
fn the_period_and_several_files() {
    let case = Case::new(&[from(1, "198.51.100.7"), from(30, "198.51.100.7"), from(31, "203.0.113.9")]);
    let (one, two) =
        (case.file("one", "198.51.100.7 # first\n"), case.file("two", "198.51.100.7 # second\n203.0.113.9\n"));
    let ran = case
        .run(&["--format", "json", "--from", "2024-01-01T10:30:00Z", "--to", "2024-01-01T10:31:00Z"], &[&one, &two]);
    let search: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(hits(&search), ["198.51.100.7 1"]);
    assert_eq!((&search["events"], &search["searched"]["address"]), (&json!(1), &json!(2)));
    let descriptions: Vec<_> =
        search["hits"][0]["mentions"].as_array().unwrap().iter().map(|one| one["description"].clone()).collect();
    assert_eq!(descriptions, ["first", "second"]);
    assert_eq!(search["period"], json!({"from": "2024-01-01T10:30:00Z", "to": "2024-01-01T10:31:00Z"}));
}

#[test]
fn a_hunt_has_a_section_and_hits_in_its_window_count() {
    let day = |day: u32, address: &str| {
        let mut record = from(day, address);
        record["eventTime"] = json!(format!("2024-01-{day:02}T10:00:00Z"));
        record
    };
    let case = Case::new(&[day(1, "198.51.100.7"), day(5, "203.0.113.9"), day(6, "192.0.2.1")]);
    let list = case.file("list", "198.51.100.7 # <script>alert(1)</script>|[x](http://y)\nevil.example\n");
    let path = |name: &str| case.dir.path().join(name);
    let (json_report, md, html) = (path("r.json"), path("r.md"), path("r.html"));
    let lake = arg(&case.lake).to_owned();
    let hunt = |from: &str, more: &[&str]| {
        let mut args = vec![
            "hunt",
            "--lake",
            &lake,
            "--from",
            from,
            "--to",
            "2024-01-07",
            "--allow-empty",
            "--detector",
            "root_use",
            "--report",
            arg(&json_report),
        ];
        args.extend(more);
        (trailhunt(&args), read_json(&json_report))
    };
    let (ran, report) = hunt("2024-01-06", &[]);
    assert_eq!((ran.code, &report["indicators"]), (0, &Value::Null), "{}", ran.err);
    assert!(!ran.out.contains("Indicators"), "{}", ran.out);

    // Before the window: it is shown, but it is no alert.
    let files = ["--indicators", arg(&list), "--fail-on", "critical", "--report", arg(&md), "--report", arg(&html)];
    let (ran, report) = hunt("2024-01-06", &files);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let search = &report["indicators"];
    assert_eq!(hits(search), ["198.51.100.7 1"]);
    assert_eq!((&search["hits"][0]["in_window"], &search["events"]), (&json!(false), &json!(3)));
    assert!(ran.out.contains("\nIndicators\n  searched 1 indicator (1 address)"), "{}", ran.out);
    assert!(ran.out.contains("\n  198.51.100.7  address, before the window\n"), "{}", ran.out);
    assert!(ran.out.contains("matched 1 indicator, 1 only before the window\n"), "{}", ran.out);
    let md = std::fs::read_to_string(md).unwrap();
    assert!(md.contains("## Indicators\n\nsearched 1 indicator"), "{md}");
    assert!(md.contains("| 198.51.100.7 | address, before the window | 2024-01-01 10:00 |"), "{md}");
    assert!(md.contains("&lt;script>alert(1)&lt;/script>\\|"), "{md}");
    let html = std::fs::read_to_string(html).unwrap();
    assert!(!html.contains("<script>alert(1)"), "text of a file is not markup");
    assert!(html.contains("\\u003cscript\\u003ealert(1)"), "it is in the data");

    let (ran, report) = hunt("2024-01-01", &["--indicators", arg(&list), "--fail-on", "critical", "--quiet"]);
    assert_eq!((ran.code, &report["indicators"]["hits"][0]["in_window"]), (1, &json!(true)), "{}", ran.err);
    let brief: Value = serde_json::from_str(&ran.out).expect("one line of JSON");
    assert_eq!(brief["indicator_hits"], 1);

    // A line that is not understood makes the run incomplete.
    let bad = case.file("bad", "198.51.100.7\nnonsense\n");
    let (ran, _) = hunt("2024-01-06", &["--indicators", arg(&bad)]);
    assert!(
        ran.out.contains("\nIncomplete data\n  1 line or object is not understood in the indicator files:\n"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("bad:2: `nonsense` is no indicator"), "{}", ran.out);
    let (ran, report) = hunt("2024-01-06", &["--indicators", arg(&list), "--indicators", arg(&bad), "--quiet"]);
    assert_eq!((ran.code, &report["indicators"]["problems_total"]), (2, &json!(1)));
    let brief: Value = serde_json::from_str(&ran.out).expect("one line of JSON");
    assert_eq!((&brief["indicator_hits"], &brief["unread"]), (&json!(0), &json!(1)));
}

#[test]
fn trailhunt_toml_names_the_files() {
    let case = Case::new(&[from(1, "198.51.100.7")]);
    case.file("feeds/list", "198.51.100.7\n");
    let settings = case.file("trailhunt.toml", &format!("lake = {:?}\nindicators = [\"feeds/list\"]\n", case.lake));
    let report = case.dir.path().join("r.json");
    let configured = [("TRAILHUNT_CONFIG", arg(&settings))];
    let ran =
        trailhunt_with(&configured, &["hunt", "--allow-empty", "--detector", "root_use", "--report", arg(&report)]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(hits(&read_json(&report)["indicators"]), ["198.51.100.7 1"]);
    let ran = trailhunt_with(&configured, &["indicators"]);
    assert!(ran.code == 0 && ran.out.contains("matched 1 indicator\n"), "{}{}", ran.out, ran.err);
}

#[test]
fn thousands_of_indicators_are_one_search() {
    let case =
        Case::new(&[from(1, "198.51.100.7"), from(2, "10.7.0.9"), call(3, &[("userAgent", json!("tool-777/1"))])]);
    let mut list: String =
        (0..4000).map(|n| format!("10.{}.{}.0/24\n203.0.{}.{}\n", n / 256, n % 256, n / 256, n % 256)).collect();
    list.extend((0..2000).map(|n| format!("user-agent: tool-{n}/1\n")));
    let (search, code) = case.search("list", &(list + "198.51.100.7\n"));
    assert_eq!(code, 0);
    assert_eq!(search["searched"], json!({"address": 4001, "network": 4000, "user_agent": 2000}));
    assert_eq!(hits(&search), ["10.7.0.0/24 1", "198.51.100.7 1", "tool-777/1 1"]);
}
