//! Fuzz test of decode: mutations of every envelope, for `FUZZ_SECONDS` (default: 2).
//!
//! For any input, decode returns, there is a day for each row, and a valid object after the mutated one is read
//! completely.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

use std::io::Write;
use std::time::{Duration, Instant};

use crate::common::security_lake::{VERSION_1, VERSION_2, parquet_of};
use bytes::Bytes;
use parquet::basic::Compression;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use trailhunt::decode::{Limits, decode};
use trailhunt::source::{LogKey, LogObject};

const RECORD: &str = r#"{"eventVersion":"1.09","eventTime":"2024-01-01T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"us-east-1","sourceIPAddress":"198.51.100.7","userAgent":"a\"b\\ \ud83d\ude00","readOnly":true,"eventID":"3f2a","requestParameters":{"bucketName":"b","n":[1,2e9,{"x":null}]},"userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/r/s","sessionContext":{"attributes":{"creationDate":"2024-01-01T09:00:00Z"}}}}"#;

/// One example of every format that archives have.
fn seeds() -> Vec<Vec<u8>> {
    let quoted = serde_json::Value::from(RECORD).to_string();
    let plain = [
        format!(r#"{{"Records":[{RECORD},{RECORD}]}}"#),
        format!("[{RECORD}, {RECORD}]"),
        format!("{RECORD}\n{RECORD}\r\n\n{RECORD}"),
        format!("{RECORD}{RECORD}"),
        format!(r#"{{"version":"0","detail-type":"AWS API Call via CloudTrail","detail":{RECORD}}}"#),
        format!(r#"{{"Events":[{{"EventId":"1","CloudTrailEvent":{quoted}}}]}}"#),
        format!(r#"{{"eventJson":{quoted}}}"#),
        format!("2024-01-01T10:00:00.000Z {RECORD}\n2024-01-01T10:00:00.000Z {RECORD}"),
        format!(r#"{{"messageType":"DATA_MESSAGE","logEvents":[{{"id":"1","timestamp":1,"message":{quoted}}}]}}"#),
        format!(r#"{{"hits":{{"hits":[{{"_source":{RECORD}}}]}}}}"#),
        format!(r#"{{"preview":false,"offset":0,"result":{{"_raw":{quoted}}}}}"#),
        format!(r#"{{"Records":{{"0":{RECORD},"1":{RECORD}}}}}"#),
        format!("{quoted}\n[{quoted}]"),
        format!(r#"{{"results":[[{{"field":"@message","value":{quoted}}}]]}}"#),
        format!(r#"{{"_source":{{"event":{{"original":{quoted}}}}}}}"#),
        format!(r#"{{"Type":"Notification","Message":{quoted}}}"#),
        format!(r#"{{"data":{{"aws":{RECORD}}}}}"#),
        format!("{VERSION_1}\n{VERSION_2}"),
    ];
    let mut seeds: Vec<Vec<u8>> = plain.iter().map(|text| text.clone().into_bytes()).collect();
    seeds.extend(plain.iter().take(3).map(|text| gzip(text.as_bytes())));
    seeds.push(gzip(&gzip(plain[0].as_bytes())));
    seeds.extend([VERSION_1, VERSION_2].map(|event| parquet_of(event, Compression::SNAPPY)));
    seeds
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// Parts of the syntax. Inserting them finds more problems than random bytes.
const TOKENS: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b",",
    b":",
    b"\n",
    b"null",
    b"\\ud800",
    b"\\u0000",
    b"1e999",
    b"{\"Records\":[",
    b"\"eventTime\":",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\x1f\x8b",
    b"[[[[[[[[",
    b"PK\x03\x04",
    b"\xff\xfe",
    b"-",
    b"\"eventID\":{}",
];

fn mutate(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], rng: &mut ChaCha8Rng) {
    for _ in 0..rng.random_range(1..6) {
        if bytes.is_empty() {
            return;
        }
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..7) {
            0 => bytes[at] = rng.random(),
            1 => bytes.truncate(at),
            2 => drop(bytes.drain(at..(at + rng.random_range(1..40)).min(bytes.len()))),
            3 => drop(bytes.splice(at..at, TOKENS[rng.random_range(0..TOKENS.len())].iter().copied())),
            4 => drop(bytes.splice(at..at, seeds[rng.random_range(0..seeds.len())].iter().copied())),
            5 => {
                let piece = bytes[at..(at + rng.random_range(1..200)).min(bytes.len())].to_vec();
                bytes.extend(piece);
            }
            _ => *bytes = gzip(bytes),
        }
    }
}

fn object() -> LogObject {
    let path = "AWSLogs/111122223333/CloudTrail/us-east-1/2024/01/01/x.json.gz";
    LogObject {
        path: path.into(),
        url: format!("s3://trail/{path}"),
        size_bytes: 0,
        last_modified: Default::default(),
        version: "1".into(),
        key: LogKey::parse(path),
    }
}

#[test]
fn decode_returns_for_any_input() {
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let seed = std::env::var("FUZZ_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let seeds = seeds();
    let valid = Bytes::from(format!(r#"{{"Records":[{RECORD},{RECORD}]}}"#));
    for seed in &seeds {
        let decoded = decode(vec![(object(), seed.clone().into())], Limits::default());
        let text = String::from_utf8_lossy(seed);
        assert!(decoded.batch.num_rows() > 0 && decoded.rejects.is_empty(), "{:?} of {text}", decoded.rejects);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut executions = 0u64;
    while Instant::now() < until {
        let mut bytes = seeds[rng.random_range(0..seeds.len())].clone();
        mutate(&mut bytes, &seeds, &mut rng);
        let case = format!("seed {seed}, execution {executions}: {:?}", String::from_utf8_lossy(&bytes));
        let decoded = decode(vec![(object(), bytes.into()), (object(), valid.clone())], Limits::default());
        assert_eq!(decoded.batch.num_rows(), decoded.days.len(), "{case}");
        assert_eq!(decoded.objects[1].rows.len(), 2, "the next object was affected: {case}");
        assert_eq!(decoded.objects[0].rejects, decoded.rejects.len() as u64, "{case}");
        executions += 1;
    }
    println!("{executions} executions in {seconds} s, seed {seed}");
}
