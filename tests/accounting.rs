//! Every record is accounted for: over 1,000 random mixtures of good, odd and broken objects, names and folders, the
//! records of every object are kept, duplicates, id conflicts or rejects, or the object is named as unread.
//!
//! The generator knows which events it wrote, so the program's counts are compared with the truth.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use crate::common::{self, gzip};
use arrow::util::display::array_value_to_string;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use trailhunt::engine::{Parameters, Session, session};
use trailhunt::geo::Geo;
use trailhunt::ingest::{self, Ingested};
use trailhunt::lake::{Lake, Rolled};
use trailhunt::request::IngestRequest;
use trailhunt::source::{Location, S3Settings};
use trailhunt::terminal::Progress;

const MIXTURES: usize = 1000;
/// Mixtures that one ingest reads, and how many of them are folders of one source.
const MIXTURES_PER_LAKE: usize = 200;
const MIXTURES_PER_SOURCE: usize = 20;
const OBJECTS_MAX: usize = 6;

/// An event as a record, and what identifies it: records with the same id are one event, or in conflict if their facts
/// differ.
#[derive(Clone)]
struct Event {
    record: Value,
    id: String,
    facts: String,
}

/// What must become of an object.
enum Truth {
    /// It is in the ledger with these events, and with rejects between these bounds.
    Read { events: Vec<Event>, rejects: (u64, u64) },
    /// It is named as unread.
    Unread,
    /// It is counted as no log.
    NotLog,
}

/// The bytes of a log, its events and its rejects.
struct Log {
    bytes: Vec<u8>,
    events: Vec<Event>,
    rejects: (u64, u64),
}

fn event(rng: &mut ChaCha8Rng) -> Event {
    let n = rng.random_range(0..60u32);
    let guid = format!("0e1d2c3b-0000-4000-8000-0000000{n:05}");
    let mut record = json!({
        "eventVersion": "1.09", "eventTime": format!("2024-01-0{}T10:00:{n:02}Z", n % 3 + 1), "eventID": guid,
        "eventSource": "s3.amazonaws.com", "eventName": "ListBuckets", "awsRegion": "us-east-1",
        "userAgent": format!("agent {n} \u{202e}\u{1f600} \"\\"), "recipientAccountId": "111122223333",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/maria", "accountId": "111122223333"}
    });
    let (mut id, mut facts) = (guid, String::new());
    match n {
        // Redacted: the whole record is its id.
        0..10 => {
            record["eventID"] =
                json!(*["***", "", "REDACTED", "EXAMPLE8-9621-4d00-b913-beca2EXAMPLE"].choose(rng).unwrap());
            id = record.to_string();
        }
        // Different events with one GUID.
        10..20 => {
            facts = (*["ListBuckets", "StopLogging", "DeleteTrail"].choose(rng).unwrap()).to_owned();
            record["eventName"] = json!(facts);
        }
        // An addendum is kept beside its event.
        20..25 if rng.random() => {
            record["addendum"] = json!({"reason": "UPDATED_DATA", "originalEventID": record["eventID"]});
            id += " addendum";
        }
        // Other copies of an event lack members, or have more.
        25..30 if rng.random() => record["awsRegion"] = Value::Null,
        25..30 => record["vpcEndpointId"] = json!("vpce-1"),
        _ => {}
    }
    Event { record, id, facts }
}

/// A text with these records, in one of the forms that archives have.
fn form(rng: &mut ChaCha8Rng, records: &[Value]) -> String {
    let lines = |line: &dyn Fn(&Value) -> String, end: &str| records.iter().map(|r| line(r) + end).collect::<String>();
    let texts = || records.iter().map(Value::to_string);
    match rng.random_range(0..10) {
        0 => serde_json::to_string_pretty(&json!({ "Records": records })).unwrap(),
        1 => json!(records).to_string(),
        2 => lines(&Value::to_string, "\r\n"),
        3 => lines(&Value::to_string, ""),
        4 => lines(&|record| json!({"version": "0", "detail-type": "AWS API Call via CloudTrail", "detail": record}).to_string(), "\n"),
        5 => json!({"Events": texts().map(|text| json!({"EventName": "x", "CloudTrailEvent": text})).collect::<Vec<_>>()})
            .to_string(),
        6 => {
            let events: Vec<_> = texts().map(|text| json!({"id": "1", "timestamp": 1, "message": text})).collect();
            json!({"messageType": "DATA_MESSAGE", "logGroup": "g", "logEvents": events}).to_string()
        }
        7 => lines(&|record| format!("2024-01-01T10:00:00.000Z {record}"), "\n"),
        8 => {
            let hits: Vec<_> = records.iter().map(|record| json!({ "_source": record })).collect();
            json!({"hits": {"hits": hits}}).to_string()
        }
        _ => json!({ "Records": records }).to_string(),
    }
}

fn log(rng: &mut ChaCha8Rng) -> Log {
    let events: Vec<Event> = (0..rng.random_range(1..6)).map(|_| event(rng)).collect();
    let records: Vec<Value> = events.iter().map(|event| event.record.clone()).collect();
    let whole = |text: String| Log { bytes: text.into_bytes(), events: events.clone(), rejects: (0, 0) };
    let nothing = |bytes: Vec<u8>, rejects| Log { bytes, events: Vec::new(), rejects };
    match rng.random_range(0..20) {
        0 => nothing(Vec::new(), (0, 0)),
        1 => nothing(gzip(b""), (0, 0)),
        2 => nothing((0..rng.random_range(1..200)).map(|_| rng.random()).collect(), (1, 200)),
        3 => nothing(b"<html><body>403 Forbidden</body></html>".to_vec(), (1, 1)),
        4 => {
            let wrong = [json!("text"), json!(42), json!(true), json!({"a": 1})];
            nothing(json!({ "Records": wrong.choose(rng).unwrap() }).to_string().into_bytes(), (1, 1))
        }
        5..8 => {
            let broken =
                [json!(null), json!("text"), json!([]), json!({}), json!({"eventID": "x", "eventTime": "never"})];
            let mut records = records;
            records.insert(rng.random_range(0..=records.len()), broken.choose(rng).unwrap().clone());
            Log { rejects: (1, 1), ..whole(json!({ "Records": records }).to_string()) }
        }
        // Stored without compression, so that the lines before the cut are known.
        8 | 9 => {
            let lines: Vec<String> = records.iter().map(|record| format!("{record}\n")).collect();
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
            encoder.write_all(lines.concat().as_bytes()).unwrap();
            let mut bytes = encoder.finish().unwrap();
            let header = bytes.windows(8).position(|window| lines[0].as_bytes().starts_with(window)).unwrap();
            bytes.truncate(rng.random_range(header..bytes.len() - 8));
            let ends = lines.iter().scan(header, |end, line| {
                *end += line.len();
                Some(*end)
            });
            // The line feed is not part of the record.
            let read = ends.filter(|end| end - 1 <= bytes.len()).count();
            // The file, and the record in which it ends.
            Log { bytes, events: events[..read].to_vec(), rejects: (1, 2) }
        }
        10 | 11 => {
            let bytes = gzip(&gzip(form(rng, &records).as_bytes()));
            Log { bytes, events, rejects: (0, 0) }
        }
        12 | 13 => whole(form(rng, &records)),
        _ => {
            let bytes = gzip(form(rng, &records).as_bytes());
            Log { bytes, events, rejects: (0, 0) }
        }
    }
}

/// A log, or a zip or tar of several.
fn stored(rng: &mut ChaCha8Rng) -> (Log, &'static str) {
    let kind = rng.random_range(0..10);
    if kind > 1 {
        return (log(rng), *["json", "json.gz"].choose(rng).unwrap());
    }
    let members: Vec<Log> = (0..rng.random_range(1..4)).map(|_| log(rng)).collect();
    let name = |n: usize| format!("folder/{n} member.json");
    let files: Vec<_> = members.iter().enumerate().map(|(n, member)| (name(n), &member.bytes[..])).collect();
    let files: Vec<_> = files.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    let (bytes, extension) = match kind {
        0 => (common::zip_of(&files), "zip"),
        _ => (gzip(&common::tar_of(&files)), "tar.gz"),
    };
    let rejects = members.iter().fold((0, 0), |sum, member| (sum.0 + member.rejects.0, sum.1 + member.rejects.1));
    (Log { bytes, events: members.into_iter().flat_map(|member| member.events).collect(), rejects }, extension)
}

/// Writes an object whose name contains `token`, and tells what must become of it.
fn object(rng: &mut ChaCha8Rng, source: &Path, token: &str) -> Truth {
    const TRAIL: &str = "AWSLogs/111122223333/CloudTrail/us-east-1/2024/01/01";
    let (log, extension) = stored(rng);
    let delivered = |kind: &str| format!("111122223333_{kind}_us-east-1_20240101T1005Z_{token}.{extension}");
    let (path, truth): (PathBuf, Option<Truth>) = match rng.random_range(0..40) {
        0..8 => (format!("{TRAIL}/{}", delivered("CloudTrail")).into(), None),
        8 => (format!("AWSLogs/111122223333/CloudTrail-Digest/us-east-1/{}", delivered("CloudTrail")).into(), None),
        9 => (format!("AWSLogs/o-abcd123456/111122223333/Unknown/{}", delivered("CloudTrail")).into(), None),
        10 => (format!("AWSLogs/111122223333/CloudTrail/us-east-1/2024/13/45/{token}.{extension}").into(), None),
        11 => {
            let digest = delivered("CloudTrail-Digest");
            (
                format!("AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2024/01/01/{digest}").into(),
                Some(Truth::NotLog),
            )
        }
        12 => (format!("AWSLogs/111122223333/Config/us-east-1/{}", delivered("Config")).into(), Some(Truth::NotLog)),
        13 => (format!("0005/01/01/03/{token}.{extension}").into(), None),
        14 => (format!("firehose/2024/01/01/03/{token}.{extension}").into(), None),
        15 => (format!("CloudTrail-Digest/{token}.{extension}").into(), Some(Truth::NotLog)),
        16 => (format!("a folder/with spaces & %2F/{token} (1).{extension}").into(), None),
        17 => (format!("\u{e9}\u{1f600}/{token} \u{202e}.{extension}").into(), None),
        18 => (format!("lines/{token}\n.{extension}").into(), Some(Truth::Unread)),
        19 => {
            let name = [b"bytes/\xff".as_slice(), token.as_bytes(), b".", extension.as_bytes()].concat();
            (OsString::from_vec(name).into(), Some(Truth::Unread))
        }
        20 => (format!("notes/{token}.txt").into(), Some(Truth::NotLog)),
        21 => {
            std::os::unix::fs::symlink(source, source.join(format!("{token}-loop"))).unwrap();
            return Truth::Unread;
        }
        22 => {
            let fifo = std::process::Command::new("mkfifo").arg(source.join(format!("{token}.json"))).status();
            assert!(fifo.unwrap().success());
            return Truth::Unread;
        }
        23 => {
            std::os::unix::fs::symlink(source.join("nowhere"), source.join(format!("{token}.json"))).unwrap();
            return Truth::Unread;
        }
        _ => (format!("loose/{token}.{extension}").into(), None),
    };
    let path = source.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, &log.bytes).unwrap();
    truth.unwrap_or(Truth::Read { events: log.events, rejects: log.rejects })
}

async fn rows(session: &Session, sql: &str) -> Vec<Vec<String>> {
    let batches = session.query("rows", sql, &Parameters::new()).await.unwrap().collect().await.unwrap();
    let row = |batch: &arrow::array::RecordBatch, row| {
        batch.columns().iter().map(|column| array_value_to_string(column, row).unwrap()).collect()
    };
    batches.iter().flat_map(|batch| (0..batch.num_rows()).map(|n| row(batch, n)).collect::<Vec<_>>()).collect()
}

/// Compares what became of the objects with the truth; one line for each difference.
async fn differences(truth: &BTreeMap<String, Truth>, ingested: &Ingested, session: &Session) -> Vec<String> {
    let mut wrong = Vec::new();
    let ledger = rows(session, "SELECT object, records, kept, duplicates, id_conflicts, rejects FROM objects").await;
    let rejects = rows(session, "SELECT object, reason FROM rejects").await;
    let (mut all, mut not_logs, mut sums) = (Vec::new(), 0, [0; 3]);
    for (token, truth) in truth {
        let in_ledger: Vec<_> = ledger.iter().filter(|row| row[0].contains(token)).collect();
        let named = ingested.objects_failed.iter().filter(|(_, reason)| reason.contains(token)).count();
        let mut complain = |what: &str| wrong.push(format!("{token}: {what}: {in_ledger:?}, named {named} times"));
        match truth {
            Truth::Read { events, rejects: (least, most) } => {
                let [row] = in_ledger[..] else {
                    complain("not in the ledger once");
                    continue;
                };
                let counts: Vec<u64> = row[1..].iter().map(|count| count.parse().unwrap()).collect();
                let [records, kept, duplicates, conflicts, rejected] = counts[..] else { unreachable!() };
                let listed: Vec<_> = rejects.iter().filter(|reject| reject[0].contains(token)).collect();
                if kept + duplicates + conflicts != events.len() as u64 || records != events.len() as u64 + rejected {
                    complain(&format!("{} events were written; rejects {listed:?}", events.len()));
                }
                if !(*least..=*most).contains(&rejected) || listed.len() as u64 != rejected {
                    complain(&format!("{least} to {most} rejects expected, {listed:?} are listed"));
                }
                sums.iter_mut().zip([kept, duplicates, conflicts]).for_each(|(sum, count)| *sum += count);
                all.extend(events);
            }
            Truth::Unread if named == 1 && in_ledger.is_empty() => {}
            Truth::Unread => complain("not named as unread"),
            Truth::NotLog => {
                not_logs += 1;
                if named + in_ledger.len() > 0 {
                    complain("no log");
                }
            }
        }
    }
    let ids: BTreeSet<_> = all.iter().map(|event| &event.id).collect();
    let different: BTreeSet<_> = all.iter().map(|event| (&event.id, &event.facts)).collect();
    let expected = [ids.len(), all.len() - different.len(), different.len() - ids.len()].map(|n| n as u64);
    if sums != expected {
        wrong.push(format!("kept, duplicates and id conflicts are {sums:?}, not {expected:?}"));
    }
    let appended = &ingested.appended;
    if [appended.kept, appended.duplicates, appended.id_conflicts] != sums {
        wrong.push(format!("the ingest counts {appended:?}, the ledger {sums:?}"));
    }
    let events = &rows(session, "SELECT count(*) FROM events").await[0][0];
    if events.parse() != Ok(different.len()) {
        wrong.push(format!("{events} rows of {} events", different.len()));
    }
    if ingested.others.values().sum::<u64>() != not_logs {
        wrong.push(format!("{:?}: {not_logs} objects are no logs", ingested.others));
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn every_record_of_random_mixtures_is_accounted_for() {
    let mut rng = ChaCha8Rng::seed_from_u64(17);
    let geo = Geo::embedded().unwrap();
    let mut wrong = Vec::new();
    for lake_number in 0..MIXTURES / MIXTURES_PER_LAKE {
        let dir = tempfile::tempdir().unwrap();
        let location = |path: &Path| Location::parse(path.to_str().unwrap(), &S3Settings::default()).unwrap();
        let archive = dir.path().join("archive");
        let (mut truth, mut sources) = (BTreeMap::new(), Vec::new());
        for mixture in 0..MIXTURES_PER_LAKE {
            let source = archive.join(format!("source {}", mixture / MIXTURES_PER_SOURCE));
            let folder = source.join(format!("mixture {mixture}"));
            std::fs::create_dir_all(&folder).unwrap();
            for n in 0..rng.random_range(1..=OBJECTS_MAX) {
                let token = format!("lake{lake_number}mixture{mixture}object{n}end");
                truth.insert(token.clone(), object(&mut rng, &folder, &token));
            }
            if mixture % MIXTURES_PER_SOURCE == 0 {
                sources.push(location(&source));
            }
        }
        let lake = Lake::open_or_create(&location(&dir.path().join("lake"))).await.unwrap();
        let request = IngestRequest::all(sources);
        let ingested = ingest::ingest(&request, &lake, Progress::Hidden).await.unwrap();
        let snapshot = lake.snapshot().await.unwrap();
        let session = session(&snapshot, &Rolled::default(), &geo, 1 << 30).await.unwrap();
        wrong.extend(differences(&truth, &ingested, &session).await);
        let again = ingest::ingest(&request, &lake, Progress::Hidden).await.unwrap();
        if again.appended.objects > 0 || again.objects_failed != ingested.objects_failed {
            wrong.push(format!("lake {lake_number}: a second ingest reads {:?}", again.appended));
        }
        let moved = dir.path().join("moved");
        std::fs::rename(&archive, &moved).unwrap();
        let copy = ingest::ingest(&IngestRequest::all(vec![location(&moved)]), &lake, Progress::Hidden).await.unwrap();
        let events = ingested.appended.added() + ingested.appended.duplicates;
        if (copy.appended.added(), copy.appended.duplicates) != (0, events) {
            wrong.push(format!("lake {lake_number}: of {events} known events, a copy has {:?}", copy.appended));
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}
