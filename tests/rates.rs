//! Findings state how often this organisation would have seen one like them. A finding has the same rate and severity in
//! a replay of all days and when its day is hunted alone. What this needs is stored, so that a run evaluates one day. In
//! a quiet organisation, what was stated comes true.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::common::{self, Ran, archive, arg, read_json, succeeds, trailhunt};
use chrono::{Days, NaiveDate, Utc};
use serde_json::{Map, Value, json};
use trailhunt::detect::past::{Found, PastFindings, day_of};
use trailhunt::detect::{Finding, Hunt, Kind, Settings, Severity, Window, run_each};
use trailhunt::engine::{MEMORY_BYTES, session};
use trailhunt::geo::Geo;
use trailhunt::hunt::{detect_and_rate, prepare};
use trailhunt::ingest::ingest;
use trailhunt::lake::{Lake, Rolled};
use trailhunt::request::period::midnight;
use trailhunt::request::{Detection, IngestRequest, LakeRequest, Period};
use trailhunt::sample::{SampleSettings, generate};
use trailhunt::sigma::Sigma;
use trailhunt::source::{Location, S3Settings};
use trailhunt::terminal::Progress;

/// Reports who deletes things, and can evaluate the days after the first two.
const DETECTOR: &str = r#"/*
title      = "Things deleted"
severity   = "medium"
confidence = "medium"
attack     = ["T1485"]
why        = "Things are needed."
benign     = []
respond    = []
[params]
warm_up_days = { default = 2, help = "days before the first one that it evaluates" }
*/
SELECT
  min(event_time) AS first_time, max(event_time) AS last_time, 'actor' AS entity_type, actor AS entity, account_id,
  aws_region AS region, 0.5 AS score, actor || ' deleted things' AS summary, evidence(event_id, event_time) AS evidence
FROM calls
WHERE event_time >= $from AND event_time < $to AND api = 'DeleteThing' AND $warm_up_days >= 0
GROUP BY actor, account_id, aws_region, event_date
"#;

fn call(api: &str, actor: &str, day: u32) -> Value {
    json!({
        "eventVersion": "1.09", "eventTime": format!("2024-01-{day:02}T10:00:00Z"),
        "eventID": format!("{api} {actor} {day}"), "eventSource": "things.amazonaws.com", "eventName": api,
        "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.7", "eventType": "AwsApiCall",
        "recipientAccountId": "111122223333",
        "userIdentity": {"type": "IAMUser", "arn": format!("arn:aws:iam::111122223333:{actor}"),
                         "accountId": "111122223333"}
    })
}

/// January, in which maria deletes things on the 5th, 20th, 25th and 30th, and a role on the 30th. The 10th has no events.
fn january(dir: &Path) -> PathBuf {
    let (source, lake) = (dir.join("in"), dir.join("lake"));
    let quiet = (1..=31).filter(|day| *day != 10).map(|day| call("ListThings", "user/ann", day));
    let deleted = [5, 20, 25, 30].map(|day| call("DeleteThing", "user/maria", day));
    let records: Vec<_> = quiet.chain(deleted).chain([call("DeleteThing", "role/build", 30)]).collect();
    archive(&source, &records);
    succeeds(&["ingest", arg(&source), "--lake", arg(&lake)]);
    lake
}

/// Hunts the 30th with this detector only. Returns the run, the findings by identity, and the failed detectors.
fn hunt_the_30th(dir: &Path, detector: &str, options: &[&str]) -> (Ran, BTreeMap<String, Value>, Value) {
    let (lake, own, report) = (dir.join("lake"), dir.join("own"), dir.join("r.json"));
    common::write(&own.join("things.sql"), detector.as_bytes());
    let window = ["hunt", "--lake", arg(&lake), "--from", "2024-01-30", "--to", "2024-01-31"];
    let what = ["--detector-dir", arg(&own), "--detector", "things", "--report", arg(&report)];
    let ran = trailhunt(&[&window[..], &what[..], options].concat());
    let report = read_json(&report);
    let findings = report["findings"].as_array().unwrap().iter();
    let name = |finding: &Value| finding["entity"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let findings = findings.map(|finding| (name(finding), finding.clone())).collect();
    (ran, findings, report["run"]["detectors_failed"].clone())
}

fn stored_files(lake: &Path) -> usize {
    std::fs::read_dir(lake.join("_trailhunt/past_findings")).map_or(0, Iterator::count)
}

#[test]
fn a_finding_states_how_often_it_would_be_expected_and_common_behaviour_is_low_but_no_fact() {
    let dir = tempfile::tempdir().unwrap();
    january(dir.path());
    let small = ["--alerts-per-day", "0.1"];
    let (ran, findings, _) = hunt_the_30th(dir.path(), DETECTOR, &small);
    // The days 3 to 29 without the 10th; 30 x 4 / 27 a month.
    let maria = &findings["maria"];
    assert_eq!(maria["expected"], json!({"per_month": 4.44, "like_it": 3, "days": 26}));
    assert_eq!((&maria["severity"], &maria["severity_before"]), (&json!("low"), &json!("medium")));
    assert!(maria["summary"].as_str().unwrap().ends_with(" deleted things; low here: 3 like it in 26 days"));
    assert_eq!(maria["kind"], "behaviour");
    let build = &findings["build"];
    assert_eq!(build["expected"], json!({"per_month": 1.11, "like_it": 0, "days": 26}), "machines are apart");
    assert_eq!((&build["severity"], build.get("severity_before")), (&json!("medium"), None));
    assert!(ran.out.contains("; 4.4 a month here (3 in 26 days); "), "{}", ran.out);
    assert!(ran.out.contains("; none like it in 26 days; "), "{}", ran.out);

    let (_, findings, _) = hunt_the_30th(dir.path(), DETECTOR, &[]);
    assert_eq!(findings["maria"]["severity"], "medium", "a larger budget");
    let (ran, findings, _) = hunt_the_30th(dir.path(), DETECTOR, &["--set", "things.warm_up_days=20"]);
    assert_eq!((&findings["maria"]["expected"], &findings["maria"]["severity"]), (&Value::Null, &json!("medium")));
    assert!(ran.out.contains("; too little history; "), "{}", ran.out);

    let fact = DETECTOR.replace("attack ", "kind = \"fact\"\nattack ");
    let severity = |detector: &str| hunt_the_30th(dir.path(), detector, &small).1["maria"]["severity"].clone();
    assert_eq!(severity(&fact), "medium", "a fact keeps its severity");
    assert_eq!(severity(&fact.replace("0.5 AS score", "0.5 AS score, FALSE AS is_fact")), "low", "a row may differ");
    assert_eq!(severity(&DETECTOR.replace("0.5 AS score", "0.5 AS score, TRUE AS is_fact")), "medium");
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_days_are_used_until_the_detector_or_the_events_change() {
    let dir = tempfile::tempdir().unwrap();
    let lake = january(dir.path());
    let like_it = |detector: &str| {
        let (_, findings, failed) = hunt_the_30th(dir.path(), detector, &[]);
        assert_eq!(failed, json!([]));
        (findings["maria"]["expected"]["like_it"].as_u64().unwrap(), stored_files(&lake))
    };
    assert_eq!(like_it(DETECTOR), (3, 27), "26 days and the 30th");
    assert_eq!(like_it(DETECTOR), (3, 27), "nothing is computed again");
    let other = DETECTOR.replace("api = 'DeleteThing'", "api = 'DeleteThing' AND event_date <> DATE '2024-01-05'");
    assert_eq!(like_it(&other), (2, 54), "a changed detector has its own results");
    assert_eq!(like_it(DETECTOR), (3, 54), "the others stay");
    // Late events of the 22nd.
    archive(&dir.path().join("late"), &[call("DeleteThing", "user/zoe", 22)]);
    succeeds(&["ingest", arg(&dir.path().join("late")), "--lake", arg(&lake)]);
    assert_eq!(like_it(DETECTOR), (4, 54 + 9), "the days from the 22nd to the 30th are computed again");
    assert_eq!(like_it(&other), (3, 54 + 18));
    let opened = Lake::open(&place(&lake)).await.unwrap();
    opened.vacuum(Utc::now() + Days::new(1)).await.unwrap();
    assert_eq!(stored_files(&lake), 54, "results of days that changed are deleted");
    assert_eq!(like_it(DETECTOR), (4, 54));
    let altered = std::fs::read_dir(lake.join("_trailhunt/past_findings")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&altered).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&altered, bytes).unwrap();
    let ran = trailhunt(&["verify", "--lake", arg(&lake)]);
    assert!(ran.out.contains(": hash mismatch: the file was modified"), "{}{}", ran.out, ran.err);
}

#[test]
fn a_detector_that_fails_over_the_days_before_is_reported_and_has_no_rate() {
    let dir = tempfile::tempdir().unwrap();
    january(dir.path());
    let failing =
        DETECTOR.replace("0.5 AS score", "CASE WHEN event_date < DATE '2024-01-30' THEN 2.0 ELSE 0.5 END AS score");
    let (ran, findings, failed) = hunt_the_30th(dir.path(), &failing, &[]);
    let reason = "detector things: over the days from 2024-01-03 up to 2024-01-30, for its rate: a row has score = 2.0";
    assert!(failed[0].as_str().unwrap().starts_with(reason), "{failed}");
    assert_eq!((ran.code, findings.len(), &findings["maria"]["expected"]), (2, 2, &Value::Null));
}

fn place(path: &Path) -> Location {
    Location::parse(path.to_str().unwrap(), &S3Settings::default()).unwrap()
}

async fn lake_of(archive: &Path, lake: &Path) -> Lake {
    let lake = Lake::open_or_create(&place(lake)).await.unwrap();
    ingest(&IngestRequest::all(vec![place(archive)]), &lake, Progress::Hidden).await.unwrap();
    lake
}

/// A small budget, so that the severity of some findings changes.
const ALERTS_PER_DAY: f64 = 0.2;

/// Hunts the days from `from` up to `to` with all detectors.
async fn hunt(lake: &Lake, from: NaiveDate, to: NaiveDate) -> Hunt {
    let period = Period { from: Some(midnight(from)), to: Some(midnight(to)), ..Period::default() };
    let request = LakeRequest::new(lake.location().clone());
    let context = prepare(lake, &request, &period, &Sigma::default(), Progress::Hidden).await.unwrap();
    let detection = Detection::shipped().unwrap();
    let hunt = detect_and_rate(lake, &context, &detection, ALERTS_PER_DAY, Progress::Hidden).await.unwrap();
    assert!(hunt.failed.is_empty(), "{:?}", hunt.failed);
    hunt
}

/// What is stated about the findings of a day, which is that of their last event.
fn stated(hunt: &Hunt, day: NaiveDate) -> BTreeMap<String, Map<String, Value>> {
    let of_day = hunt.findings.iter().filter(|finding| finding.last_time.starts_with(&day.to_string()));
    let members = ["detector", "severity", "severity_before", "expected", "summary"];
    let stated = |finding: &Finding| {
        let json = serde_json::to_value(finding).unwrap();
        members.iter().map(|name| ((*name).to_owned(), json[*name].clone())).collect()
    };
    of_day.map(|finding| (finding.id.clone(), stated(finding))).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "hunts 30 days and five single days with all detectors; `.ci/run rates` runs it"]
async fn a_finding_has_the_same_rate_alone_and_in_a_replay_and_a_run_stores_one_day() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let (start, archive) = (SampleSettings::default().start, path("archive"));
    let settings =
        SampleSettings { out: archive.clone(), days: 30, accounts: 2, events_per_day: 400, ..Default::default() };
    generate(&settings, &mut |_| {}).unwrap();
    let day = |n: u64| start + Days::new(n);
    let whole = lake_of(&archive, &path("whole")).await;
    let replay = hunt(&whole, start, day(31)).await;
    let nightly = lake_of(&archive, &path("nightly")).await;
    let (mut compared, mut with_rate, mut lowered) = (0, 0, 0);
    for n in 25..30 {
        let files = stored_files(&path("nightly"));
        let alone = hunt(&nightly, day(n), day(n + 1)).await;
        // The first run also stores the days before.
        let expected = if n == 25 { 26 } else { files + 1 };
        assert_eq!(stored_files(&path("nightly")), expected, "day {n}");
        let (alone, replayed) = (stated(&alone, day(n)), stated(&replay, day(n)));
        assert_eq!(alone, replayed, "day {n}");
        compared += alone.len();
        with_rate += alone.values().filter(|finding| !finding["expected"].is_null()).count();
        lowered += alone.values().filter(|finding| !finding["severity_before"].is_null()).count();
    }
    println!("{compared} findings, {with_rate} with a rate, {lowered} lowered");
    assert!(compared >= 20 && with_rate >= 10 && lowered >= 1, "too few findings for this test");
}

/// The raw findings of an organisation without attacks over 60 days.
async fn quiet_findings(dir: &Path, settings: SampleSettings) -> Vec<Finding> {
    let settings = SampleSettings { out: dir.join("archive"), attacks: 0, ..settings };
    generate(&settings, &mut |_| {}).unwrap();
    let lake = lake_of(&settings.out, &dir.join("lake")).await;
    let (snapshot, geo) = (lake.snapshot().await.unwrap(), Geo::embedded().unwrap());
    let session = session(&snapshot, &Rolled::default(), &geo, MEMORY_BYTES).await.unwrap();
    let to = settings.start + Days::new(u64::from(settings.days));
    let window = Window { from: midnight(settings.start), to: midnight(to) };
    let detection = Detection::shipped().unwrap();
    let hunt = run_each(&detection.detectors().unwrap(), &session, window, &Settings::default(), |_, _| {}).await;
    assert!(hunt.failed.is_empty(), "{:?}", hunt.failed);
    hunt.findings
}

/// Whether `found` findings in `days` days are within the central 95 % of what a rate allows that was measured as
/// `like_it` findings in `days_before` days. The rate is an estimate, so their number is negative binomial.
fn is_in_band(found: u64, days: u64, like_it: u64, days_before: u64) -> bool {
    let success = days_before as f64 / (days_before + days) as f64;
    let shape = (like_it + 1) as f64;
    let (mut exactly, mut below) = (success.powf(shape), 0.0);
    for n in 0..found {
        below += exactly;
        exactly *= (shape + n as f64) / (n + 1) as f64 * (1.0 - success);
    }
    below + exactly >= 0.025 && below <= 0.975
}

#[test]
fn a_band_is_neither_too_wide_nor_too_narrow() {
    // The mean is 5 x 24 / 24; its standard deviation is 3.2.
    let within: Vec<_> = (0..30).filter(|found| is_in_band(*found, 24, 4, 24)).collect();
    assert_eq!(within, (0..=12).collect::<Vec<_>>());
    assert!(!is_in_band(10, 24, 40, 24) && !is_in_band(80, 24, 40, 24));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "hunts 60 days of a generated organisation for two minutes; `.ci/run rates` runs it"]
async fn in_a_quiet_organisation_the_stated_rates_hold() {
    let dir = tempfile::tempdir().unwrap();
    let settings = SampleSettings {
        days: 60,
        accounts: 2,
        events_per_day: 500,
        people: Some(20),
        seed: 7,
        ..SampleSettings::default()
    };
    let findings = quiet_findings(dir.path(), settings.clone()).await;
    // All detectors can evaluate the days after two weeks. The rates that the first half gives are compared with the second.
    let [first, middle, end] = [14, 37, 60].map(|n| settings.start + Days::new(n));
    let days_of_second_half = (end - middle).num_days() as u64;
    let (first_half, second_half): (Vec<&Finding>, Vec<&Finding>) = findings
        .iter()
        .filter(|finding| day_of(finding).is_some_and(|day| (first..end).contains(&day)))
        .partition(|finding| day_of(finding).unwrap() < middle);
    let past_of = |findings: &[&Finding], to: NaiveDate| {
        let mut past = PastFindings::default();
        let detectors: BTreeSet<&str> = findings.iter().map(|finding| finding.detector.as_str()).collect();
        for (detector, day) in
            detectors.iter().flat_map(|id| first.iter_days().take_while(|d| *d < to).map(move |day| (id, day)))
        {
            let of_day = findings.iter().filter(|f| f.detector == **detector && day_of(f) == Some(day));
            past.add(detector, day, &of_day.map(|finding| Found::of(finding)).collect::<Vec<_>>());
        }
        past
    };
    let past = past_of(&first_half, middle);

    // The lowest, the median and the highest score of each detector and class.
    let mut scores: BTreeMap<(&str, _), Vec<f64>> = BTreeMap::new();
    for finding in &first_half {
        scores.entry((&finding.detector, finding.class())).or_default().push(finding.score);
    }
    let (mut compared, mut outside) = (0, Vec::new());
    for ((detector, class), mut scores) in scores {
        scores.sort_by(f64::total_cmp);
        let mut thresholds = vec![scores[0], scores[scores.len() / 2], scores[scores.len() - 1]];
        thresholds.dedup();
        for threshold in thresholds {
            let of_class = |finding: &&&Finding| finding.detector == detector && finding.class() == class;
            let example = first_half.iter().find(of_class).unwrap();
            let probe = Finding {
                last_time: format!("{middle}T00:00:00Z"),
                score: threshold,
                severity: Severity::Informational,
                ..(**example).clone()
            };
            let stated = past.expected(&probe).unwrap();
            let found = second_half.iter().filter(of_class).filter(|finding| finding.score >= threshold).count() as u64;
            compared += 1;
            if !is_in_band(found, days_of_second_half, stated.like_it, stated.days) {
                outside.push(format!("{detector} {class} from {threshold:.2}: {stated}, then {found}"));
            }
        }
    }
    // One in twenty may be outside, give or take two standard deviations.
    let allowed = 0.05 * f64::from(compared) + 2.0 * (0.05 * 0.95 * f64::from(compared)).sqrt();
    println!("{compared} rates, {} outside:\n{}", outside.len(), outside.join("\n"));
    assert!(compared >= 30 && outside.len() as f64 <= allowed, "{} of {compared} rates do not hold", outside.len());

    // Detectors that rate everything as medium. The budget still holds.
    let medium: Vec<_> = findings
        .iter()
        .filter(|finding| finding.kind == Kind::Behaviour)
        .map(|finding| Finding { severity: Severity::Medium, ..finding.clone() })
        .collect();
    let past = past_of(&medium.iter().collect::<Vec<_>>(), end);
    let is_late = |finding: &&Finding| day_of(finding).is_some_and(|day| (middle..end).contains(&day));
    let late: Vec<_> = medium.iter().filter(is_late).cloned().collect();
    for alerts_per_day in [0.5, 1.0, 2.0] {
        let mut rated = late.clone();
        past.rate(&mut rated, &[], alerts_per_day);
        let alerts = rated.iter().filter(|finding| finding.severity >= Severity::Medium).count();
        let budget = alerts_per_day * days_of_second_half as f64;
        println!("{alerts} of {} alerts remain, {budget} in the budget", late.len());
        assert!(late.len() as f64 > budget, "too few findings for this test");
        assert!(alerts as f64 <= budget + 2.0 * budget.sqrt(), "{alerts} alerts exceed the budget of {budget}");
    }
}
