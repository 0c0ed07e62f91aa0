//! `lake verify-digests` on small archives, with digests that the tests sign with their own key.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own helpers may fail loudly")]

use std::path::{Path, PathBuf};

use crate::common::{Ran, arg, trailhunt};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const BUCKET: &str = "acme-trail";
const FINGERPRINT: &str = "0123456789abcdef0123456789abcdef";
const ACCOUNT_FOLDER: &str = "AWSLogs/111122223333";

/// An archive on disk, as a copy of `s3://acme-trail/audit`.
struct Archive {
    dir: tempfile::TempDir,
    key: RsaKeyPair,
    signed: Vec<Signed>,
    /// The previous digest of the next one; `None` starts a new chain.
    last: Option<Signed>,
}

/// What the next digest states about this one.
#[derive(Clone)]
struct Signed {
    key: String,
    sha256: String,
    signature: String,
}

impl Archive {
    fn new() -> Archive {
        let pem = include_str!("fixtures/digest_test_key.pem");
        let lines = pem.lines().skip_while(|line| !line.starts_with("-----BEGIN")).skip(1);
        let base64: String = lines.take_while(|line| !line.starts_with("-----END")).collect();
        let key = RsaKeyPair::from_pkcs8(&STANDARD.decode(base64).unwrap()).unwrap();
        Archive { dir: tempfile::tempdir().unwrap(), key, signed: Vec::new(), last: None }
    }

    /// Three digests on the first day, with two, one and no logs; one on the next day, with one log.
    fn with_four_digests() -> Archive {
        let mut archive = Archive::new();
        let logs: Vec<_> = ["20240101T0005Z_a", "20240101T0040Z_b", "20240101T0130Z_c", "20240102T0010Z_d"]
            .iter()
            .map(|name| archive.log(name))
            .collect();
        archive.digest("2024-01-01T00:01:00Z", "2024-01-01T01:01:00Z", &[&logs[0], &logs[1]]);
        archive.digest("2024-01-01T01:01:00Z", "2024-01-01T02:01:00Z", &[&logs[2]]);
        archive.digest("2024-01-01T02:01:00Z", "2024-01-02T00:01:00Z", &[]);
        let last = archive.digest("2024-01-02T00:01:00Z", "2024-01-02T01:01:00Z", &[&logs[3]]);
        archive.write_sidecar(&last);
        archive
    }

    fn path(&self, key: &str) -> PathBuf {
        self.dir.path().join(key.trim_start_matches("audit/"))
    }

    fn write(&self, key: &str, text: &[u8]) {
        let path = self.path(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, gzip(text)).unwrap();
    }

    /// Writes a log and returns its key.
    fn log(&self, name: &str) -> String {
        let day = format!("{}/{}/{}", &name[..4], &name[4..6], &name[6..8]);
        let key = format!(
            "audit/{ACCOUNT_FOLDER}/CloudTrail/us-east-1/{day}/111122223333_CloudTrail_us-east-1_{name}.json.gz"
        );
        self.write(&key, format!(r#"{{"Records":[{{"eventID":"{name}"}}]}}"#).as_bytes());
        key
    }

    /// Writes the next digest of the chain, for these logs, and returns its key.
    fn digest(&mut self, from: &str, to: &str, logs: &[&str]) -> String {
        self.digest_with(from, to, logs, |_| {})
    }

    fn digest_with(&mut self, from: &str, to: &str, logs: &[&str], change: impl FnOnce(&mut Value)) -> String {
        let day = to[..10].replace('-', "/");
        let key = format!(
            "audit/{ACCOUNT_FOLDER}/CloudTrail-Digest/us-east-1/{day}/111122223333_CloudTrail-Digest_us-east-1_the_trail_us-east-1_{}.json.gz",
            to.replace(['-', ':'], "")
        );
        let log = |log: &&str| {
            json!({
                "s3Bucket": BUCKET, "s3Object": log, "hashAlgorithm": "SHA-256",
                "hashValue": sha256(&self.inflated(log)), "newestEventTime": to, "oldestEventTime": from
            })
        };
        let previous = self.last.as_ref();
        let mut digest = json!({
            "awsAccountId": "111122223333", "digestStartTime": from, "digestEndTime": to,
            "digestS3Bucket": BUCKET, "digestS3Object": key,
            "digestPublicKeyFingerprint": FINGERPRINT, "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": null, "oldestEventTime": null,
            "previousDigestS3Bucket": previous.map(|_| BUCKET), "previousDigestS3Object": previous.map(|p| &p.key),
            "previousDigestHashValue": previous.map(|p| &p.sha256),
            "previousDigestHashAlgorithm": previous.map(|_| "SHA-256"),
            "previousDigestSignature": previous.map(|p| &p.signature), "logFiles": logs.iter().map(log).collect::<Vec<_>>()
        });
        change(&mut digest);
        let key = digest["digestS3Object"].as_str().unwrap().to_owned();
        let text = serde_json::to_vec_pretty(&digest).unwrap();
        let previous = digest["previousDigestSignature"].as_str().unwrap_or("null");
        let signed = format!("{to}\n{BUCKET}/{key}\n{}\n{previous}", sha256(&text));
        let mut signature = vec![0; self.key.public().modulus_len()];
        let random = ring::rand::SystemRandom::new();
        self.key.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).unwrap();
        self.write(&key, &text);
        let signed = Signed { key: key.clone(), sha256: sha256(&text), signature: hex(&signature) };
        self.signed.push(signed.clone());
        self.last = Some(signed);
        key
    }

    /// Writes the output of `aws s3api head-object` next to a digest.
    fn write_sidecar(&self, digest: &str) {
        let signed = self.signed.iter().find(|signed| signed.key == digest).expect("a digest");
        self.write_metadata(digest, json!({ "signature": signed.signature, "signature-algorithm": "SHA256withRSA" }));
    }

    fn write_metadata(&self, digest: &str, metadata: Value) {
        let sidecar = self.path(&format!("{digest}.metadata.json"));
        std::fs::write(sidecar, json!({ "ContentLength": 1, "Metadata": metadata }).to_string()).unwrap();
    }

    fn inflated(&self, key: &str) -> Vec<u8> {
        inflated(&std::fs::read(self.path(key)).unwrap())
    }

    /// The object whose name ends with `ending`.
    fn ending(&self, ending: &str) -> PathBuf {
        let mut found = Vec::new();
        files(self.dir.path(), &mut found);
        found.into_iter().find(|path| path.to_str().unwrap().ends_with(ending)).expect("an object of that name")
    }

    fn keys(&self, fingerprint: &str, valid: (&str, &str)) -> PathBuf {
        let keys = json!({ "PublicKeyList": [{
            "Value": STANDARD.encode(self.key.public().as_ref()), "Fingerprint": fingerprint,
            "ValidityStartTime": valid.0, "ValidityEndTime": valid.1
        }]});
        let path = self.dir.path().join("keys.json.txt");
        std::fs::write(&path, keys.to_string()).unwrap();
        path
    }

    fn verify(&self, args: &[&str]) -> Ran {
        let keys = self.keys(FINGERPRINT, ("2023-12-20T00:00:00+00:00", "2024-01-20T00:00:00+00:00"));
        self.verify_with(&keys, &[&[arg(self.dir.path())], args].concat())
    }

    fn verify_with(&self, keys: &Path, args: &[&str]) -> Ran {
        trailhunt(&[&["lake", "verify-digests", "--public-keys", arg(keys)], args].concat())
    }

    /// The kind of each problem and the last part of its object's name, and the complete output.
    fn problems(&self, args: &[&str]) -> (Vec<(String, String)>, Value) {
        self.problems_of(self.verify(&[&["--format", "json"], args].concat()))
    }

    fn problems_of(&self, ran: Ran) -> (Vec<(String, String)>, Value) {
        let output: Value = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {}{}", ran.out, ran.err));
        let problems = output["problems"].as_array().unwrap();
        assert_eq!(ran.code, if problems.is_empty() { 0 } else { 2 });
        let text = |problem: &Value, member: &str| problem[member].as_str().unwrap().to_owned();
        let end = |url: String| url.rsplit('_').next().unwrap().trim_end_matches(".json.gz").to_owned();
        (problems.iter().map(|p| (text(p, "kind"), end(text(p, "object")))).collect(), output)
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn inflated(bytes: &[u8]) -> Vec<u8> {
    use std::io::Read;
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut text).unwrap();
    text
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

fn as_strs(problems: &[(String, String)]) -> Vec<(&str, &str)> {
    problems.iter().map(|(kind, object)| (kind.as_str(), object.as_str())).collect()
}

#[test]
fn an_unmodified_archive_is_verified_completely() {
    let archive = Archive::with_four_digests();
    let (problems, output) = archive.problems(&[]);
    assert_eq!(as_strs(&problems), []);
    let digests = json!({
        "found": 4, "verified": 4, "copied": 4, "signed_by_successor": 3,
        "from": "2024-01-01T00:01:00Z", "to": "2024-01-02T01:01:00Z"
    });
    assert_eq!(output["digests"], digests);
    assert_eq!(output["logs"]["verified"], 4);
    let text = archive.verify(&[]);
    assert_eq!(text.code, 0, "{}", text.err);
    assert!(text.out.contains("4 of 4 verified, 2024-01-01T00:01:00Z to 2024-01-02T01:01:00Z"), "{}", text.out);
    assert!(text.out.ends_with("none is missing or extra\n"), "{}", text.out);
}

#[test]
fn altered_missing_and_extra_logs_are_reported() {
    let archive = Archive::with_four_digests();
    std::fs::write(archive.ending("_a.json.gz"), gzip(b"{\"Records\":[]}")).unwrap();
    std::fs::remove_file(archive.ending("_b.json.gz")).unwrap();
    let cut = std::fs::read(archive.ending("_c.json.gz")).unwrap();
    std::fs::write(archive.ending("_c.json.gz"), &cut[..cut.len() - 6]).unwrap();
    archive.log("20240101T0050Z_planted");
    archive.log("20240102T0300Z_new");
    let (problems, output) = archive.problems(&[]);
    let expected = [
        ("log_altered", "a"),
        ("log_missing", "b"),
        ("log_extra", "planted"),
        ("log_altered", "c"),
        ("log_not_covered_yet", "new"),
    ];
    assert_eq!(as_strs(&problems), expected);
    let counts = json!({
        "verified": 1, "unproven": 0, "altered": 2, "missing": 1, "unreadable": 0, "extra": 1, "not_covered_yet": 1
    });
    assert_eq!(output["logs"], counts);

    let text = archive.verify(&[]);
    assert_eq!(text.code, 2);
    assert!(text.out.contains("1 verified, 2 altered, 1 missing, 1 not listed in any digest"), "{}", text.out);
    let lines: Vec<_> = text.out.lines().skip_while(|line| !line.is_empty()).skip(1).collect();
    assert_eq!(lines.len(), 5, "{}", text.out);
    assert!(lines[0].starts_with("altered log        file:///") && lines[0].contains("; restore it"), "{}", lines[0]);
}

#[test]
fn a_log_that_was_decompressed_or_compressed_again_still_matches() {
    let archive = Archive::with_four_digests();
    let plain = archive.ending("_a.json.gz");
    std::fs::write(&plain, inflated(&std::fs::read(&plain).unwrap())).unwrap();
    let again = archive.ending("_b.json.gz");
    let text = inflated(&std::fs::read(&again).unwrap());
    std::fs::write(&again, [gzip(&text[..5]), gzip(&text[5..])].concat()).unwrap();
    assert_eq!(as_strs(&archive.problems(&[]).0), []);
}

#[test]
fn an_altered_digest_has_a_bad_signature_and_breaks_the_chain() {
    let archive = Archive::with_four_digests();
    let path = archive.ending("20240101T020100Z.json.gz");
    let text = String::from_utf8(inflated(&std::fs::read(&path).unwrap())).unwrap();
    let log = archive.ending("_c.json.gz");
    let honest = sha256(&inflated(&std::fs::read(&log).unwrap()));
    std::fs::write(&log, gzip(b"forged")).unwrap();
    std::fs::write(&path, gzip(text.replace(&honest, &sha256(b"forged")).as_bytes())).unwrap();
    let (problems, output) = archive.problems(&[]);
    assert_eq!(as_strs(&problems), [("signature_bad", "20240101T020100Z"), ("chain_broken", "20240102T000100Z")]);
    assert_eq!((&output["logs"]["verified"], &output["logs"]["unproven"]), (&json!(3), &json!(1)));
}

#[test]
fn a_signature_with_one_changed_byte_is_bad() {
    let archive = Archive::with_four_digests();
    let last = archive.last.clone().unwrap();
    let changed = if last.signature.starts_with('0') { '1' } else { '0' };
    archive.write_metadata(&last.key, json!({ "signature": format!("{changed}{}", &last.signature[1..]) }));
    assert_eq!(as_strs(&archive.problems(&[]).0), [("signature_bad", "20240102T010100Z")]);
    archive.write_metadata(&last.key, json!({ "signature": "no hex" }));
    assert_eq!(as_strs(&archive.problems(&[]).0), [("signature_bad", "20240102T010100Z")]);
}

#[test]
fn the_last_digest_of_a_copy_needs_a_sidecar_with_its_signature() {
    let archive = Archive::with_four_digests();
    std::fs::remove_file(archive.ending("20240102T010100Z.json.gz.metadata.json")).unwrap();
    let (problems, output) = archive.problems(&[]);
    assert_eq!(as_strs(&problems), [("signature_missing", "20240102T010100Z")]);
    let next_step = output["problems"][0]["next_step"].as_str().unwrap();
    assert!(next_step.starts_with("aws s3api head-object --bucket acme-trail --key audit/AWSLogs/"), "{next_step}");
    assert!(next_step.ends_with("_20240102T010100Z.json.gz.metadata.json"), "{next_step}");
    assert_eq!((&output["logs"]["verified"], &output["logs"]["unproven"]), (&json!(3), &json!(1)));
}

#[test]
fn a_removed_digest_is_missing_and_its_logs_are_extra() {
    let archive = Archive::with_four_digests();
    std::fs::remove_file(archive.ending("20240101T020100Z.json.gz")).unwrap();
    archive.write_sidecar(&archive.signed[0].key);
    let (problems, output) = archive.problems(&[]);
    assert_eq!(as_strs(&problems), [("digest_missing", "20240101T020100Z"), ("log_extra", "c")]);
    let reason = output["problems"][0]["reason"].as_str().unwrap();
    assert!(reason.ends_with("no digest covers 2024-01-01T01:01:00Z to 2024-01-01T02:01:00Z"), "{reason}");
}

#[test]
fn a_digest_with_another_hash_or_signature_of_the_previous_one_breaks_the_chain() {
    for (member, expected) in
        [("previousDigestHashValue", "hash mismatch"), ("previousDigestSignature", "signature mismatch")]
    {
        let mut archive = Archive::new();
        let log = archive.log("20240101T0005Z_a");
        let first = archive.digest("2024-01-01T00:01:00Z", "2024-01-01T01:01:00Z", &[&log]);
        archive.write_sidecar(&first);
        let change = |digest: &mut Value| digest[member] = json!("00".repeat(32));
        let second = archive.digest_with("2024-01-01T01:01:00Z", "2024-01-01T02:01:00Z", &[], change);
        archive.write_sidecar(&second);
        let (problems, output) = archive.problems(&[]);
        assert_eq!(as_strs(&problems), [("chain_broken", "20240101T020100Z")]);
        assert!(output["problems"][0]["reason"].as_str().unwrap().contains(expected));
        assert_eq!(output["digests"]["verified"], 2);
    }
}

#[test]
fn a_new_chain_after_an_earlier_one_is_a_gap() {
    let mut archive = Archive::with_four_digests();
    archive.last = None;
    let key = archive.digest("2024-01-02T06:00:00Z", "2024-01-02T07:00:00Z", &[]);
    archive.write_sidecar(&key);
    let (problems, output) = archive.problems(&[]);
    assert_eq!(as_strs(&problems), [("chain_gap", "20240102T070000Z")]);
    let reason = output["problems"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("no digest covers 2024-01-02T01:01:00Z to 2024-01-02T06:00:00Z"), "{reason}");
}

#[test]
fn a_digest_that_replaces_another_is_misplaced() {
    let archive = Archive::with_four_digests();
    archive.write_sidecar(&archive.signed[0].key);
    std::fs::copy(archive.ending("20240101T010100Z.json.gz"), archive.ending("20240101T020100Z.json.gz")).unwrap();
    let (problems, _) = archive.problems(&[]);
    assert_eq!(as_strs(&problems), [("digest_misplaced", "20240101T020100Z"), ("log_extra", "c")]);
}

#[test]
fn an_unknown_or_invalid_key_is_reported_with_the_command_to_get_it() {
    let archive = Archive::with_four_digests();
    let folder = arg(archive.dir.path());
    for (fingerprint, valid, kind) in [
        ("ffffffffffffffffffffffffffffffff", ("2023-12-20T00:00:00Z", "2024-01-20T00:00:00Z"), "key_unknown"),
        (FINGERPRINT, ("2023-11-20T00:00:00Z", "2023-12-20T00:00:00Z"), "key_not_valid"),
    ] {
        let keys = archive.keys(fingerprint, valid);
        let (problems, output) = archive.problems_of(archive.verify_with(&keys, &[folder, "--format", "json"]));
        assert_eq!(problems.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), [kind; 4]);
        assert_eq!((&output["digests"]["verified"], &output["logs"]["unproven"]), (&json!(0), &json!(4)));
        let next_step = output["problems"][0]["next_step"].as_str().unwrap();
        let command = "aws cloudtrail list-public-keys --region us-east-1 --start-time 2024-01-01T00:01:00Z";
        assert!(next_step.starts_with(command), "{next_step}");
    }
}

#[test]
fn from_and_to_limit_the_logs_and_the_chain() {
    let archive = Archive::with_four_digests();
    let (problems, output) = archive.problems(&["--from", "2024-01-02"]);
    assert_eq!((as_strs(&problems), &output["logs"]["verified"]), (vec![], &json!(1)));
    let (problems, output) = archive.problems(&["--to", "2024-01-02"]);
    assert_eq!((as_strs(&problems), &output["logs"]["verified"]), (vec![], &json!(3)));
    assert_eq!(output["digests"]["found"], 4, "the digests of the next day are read too");
    let other = archive.verify(&["--account", "444455556666"]);
    assert!(other.code == 2 && other.err.contains("no logs or digests of these days"), "{}", other.err);
}

#[test]
fn a_region_without_digests_is_one_problem() {
    let archive = Archive::with_four_digests();
    for name in ["1", "2"] {
        archive.write(
            &format!("{ACCOUNT_FOLDER}/CloudTrail/eu-west-1/2024/01/01/111122223333_CloudTrail_eu-west-1_20240101T0000Z_{name}.json.gz"),
            b"{}",
        );
    }
    let (problems, output) = archive.problems(&[]);
    assert_eq!(as_strs(&problems), [("no_digests", "1")]);
    assert_eq!(output["logs"]["extra"], 2);
    let reason = output["problems"][0]["reason"].as_str().unwrap();
    assert_eq!(reason, "the first of 2 logs without a digest (account 111122223333, region eu-west-1)");
}

#[test]
fn a_copy_without_folders_is_verified() {
    let archive = Archive::with_four_digests();
    let flat = tempfile::tempdir().unwrap();
    let mut found = Vec::new();
    files(archive.dir.path(), &mut found);
    for path in found {
        std::fs::copy(&path, flat.path().join(path.file_name().unwrap())).unwrap();
    }
    let keys = archive.keys(FINGERPRINT, ("1703030400.0", "1705708800.0"));
    let ran = archive.verify_with(&keys, &[arg(flat.path()), "--format", "json"]);
    let (problems, output) = archive.problems_of(ran);
    assert_eq!((as_strs(&problems), &output["logs"]["verified"]), (vec![], &json!(4)));
}

#[test]
fn a_backfill_digest_covers_logs_missing_from_the_digest_of_their_hour() {
    let mut archive = Archive::with_four_digests();
    let late = archive.log("20240101T0055Z_late");
    assert_eq!(as_strs(&archive.problems(&[]).0), [("log_extra", "late")]);
    archive.last = None;
    let key = archive.digest_with("2024-01-01T00:01:00Z", "2024-01-01T01:01:00Z", &[&late], |digest| {
        let key = digest["digestS3Object"].as_str().unwrap().replace(".json.gz", "_backfill.json.gz");
        digest["digestS3Object"] = json!(key);
    });
    archive.write_sidecar(&key);
    let (problems, output) = archive.problems(&[]);
    assert_eq!((as_strs(&problems), &output["logs"]["verified"]), (vec![], &json!(5)));
}

#[test]
fn a_file_without_keys_is_refused_with_the_next_step() {
    let archive = Archive::with_four_digests();
    let keys = archive.dir.path().join("empty");
    std::fs::write(&keys, r#"{"PublicKeyList": []}"#).unwrap();
    let ran = archive.verify_with(&keys, &[arg(archive.dir.path())]);
    assert!(ran.code == 2 && ran.err.contains("it lists no keys; set T to the start and end"), "{}", ran.err);
    assert_eq!(ran.err.trim_end().lines().count(), 1);
}
