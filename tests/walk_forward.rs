//! A hunt compares each day only with earlier days. The findings of a day are the same when it is hunted alone, in a
//! replay, or before later days were ingested; with stored daily summaries or without; with a history built in steps or
//! at once.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::common::{self, arg, query, succeeds};
use chrono::{Days, NaiveDate, NaiveTime};
use serde_json::json;
use trailhunt::detect::{Finding, Library, Settings, Window, rows, run};
use trailhunt::engine::{MEMORY_BYTES, Parameters, Session, roll_up, session};
use trailhunt::geo::Geo;
use trailhunt::ingest::ingest;
use trailhunt::lake::{DataFile, Lake, Rolled, Snapshot, histories, rollups_and_histories};
use trailhunt::request::IngestRequest;
use trailhunt::sample::{SampleSettings, generate};
use trailhunt::source::{Location, S3Settings, Selection};
use trailhunt::terminal::Progress;

const DAYS: u32 = 20;

fn place(path: &Path) -> Location {
    Location::parse(path.to_str().unwrap(), &S3Settings::default()).unwrap()
}

/// Writes a small organisation with attacks in its later days. Returns the first day.
fn archive(dir: &Path, start: NaiveDate) -> NaiveDate {
    let settings = SampleSettings {
        out: dir.to_owned(),
        start,
        days: DAYS,
        accounts: 2,
        events_per_day: 400,
        ..SampleSettings::default()
    };
    generate(&settings, &mut |_| {}).unwrap();
    settings.start
}

/// The findings of a window by id, as reported.
async fn findings(lake: &Lake, rolled: bool, from: NaiveDate, to: NaiveDate) -> BTreeMap<String, serde_json::Value> {
    let snapshot = lake.snapshot().await.unwrap();
    let geo = Geo::embedded().unwrap();
    let rolled = match rolled {
        true => roll_up(lake, &snapshot, &geo, MEMORY_BYTES, None, None, |_, _, _| {}).await.unwrap(),
        false => Rolled::default(),
    };
    let session = session(&snapshot, &rolled, &geo, MEMORY_BYTES).await.unwrap();
    let library = Library::load(&[]).unwrap();
    let detectors: Vec<_> = library.iter().collect();
    let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
    let window = Window { from: midnight(from), to: midnight(to) };
    let hunt = run(&detectors, &session, window, &Settings::default(), |_, _| {}).await.unwrap();
    assert!(hunt.failed.is_empty(), "{:?}", hunt.failed);
    let json = |finding: &Finding| serde_json::to_value(finding).unwrap();
    hunt.findings.iter().map(|finding| (finding.id.clone(), json(finding))).collect()
}

fn same(what: &str, left: &BTreeMap<String, serde_json::Value>, right: &BTreeMap<String, serde_json::Value>) {
    for (id, finding) in left.iter().chain(right) {
        let (of_left, of_right) = (left.get(id), right.get(id));
        let members =
            |value: Option<&serde_json::Value>| value.and_then(|value| value.as_object()).cloned().unwrap_or_default();
        let (of_left, of_right) = (members(of_left), members(of_right));
        for member in of_left.keys().chain(of_right.keys()) {
            let named = format!("{what}: {member} of {} {}", finding["detector"], finding["summary"]);
            assert_eq!(of_left.get(member), of_right.get(member), "{named}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_has_the_same_findings_alone_in_a_replay_and_before_later_days() {
    let dir = tempfile::tempdir().unwrap();
    let start = archive(&dir.path().join("archive"), SampleSettings::default().start);
    let source = place(&dir.path().join("archive"));
    let day = |n: u64| start + Days::new(n);
    let lake = |name: &str| place(&dir.path().join(name));

    let whole = Lake::open_or_create(&lake("whole")).await.unwrap();
    ingest(&IngestRequest::all(vec![source.clone()]), &whole, Progress::Hidden).await.unwrap();
    let replay = findings(&whole, true, start, day(u64::from(DAYS) + 1)).await;
    let mut judged = 0;
    for n in [16, 18] {
        let on_day = |findings: &BTreeMap<String, serde_json::Value>| {
            let of_day = |finding: &serde_json::Value| {
                finding["first_time"].as_str().unwrap() >= day(n).to_string().as_str()
                    && finding["first_time"].as_str().unwrap() < day(n + 1).to_string().as_str()
            };
            findings
                .iter()
                .filter(|(_, f)| of_day(f))
                .map(|(id, f)| (id.clone(), f.clone()))
                .collect::<BTreeMap<_, _>>()
        };
        let replayed = on_day(&replay);
        judged += replayed.len();
        let night = findings(&whole, true, day(n), day(n + 1)).await;
        same("one day of the complete lake", &replayed, &on_day(&night));
        let young = Lake::open_or_create(&lake(&format!("until {n}"))).await.unwrap();
        // The last events of a day are delivered on the next day.
        let until = Selection { to: Some(day(n + 2)), ..Selection::default() };
        let until = IngestRequest { selection: until, ..IngestRequest::all(vec![source.clone()]) };
        ingest(&until, &young, Progress::Hidden).await.unwrap();
        let then = findings(&young, false, day(n), day(n + 1)).await;
        same("the lake of that day, without daily summaries", &night, &then);
    }
    assert!(judged >= 20, "{judged} findings are too few for this test");
}

/// All rows of all daily summaries and histories as stored, and how many days of the history were computed for it.
async fn history(lake: &Lake, snapshot: &Snapshot) -> (BTreeMap<&'static str, Vec<String>>, usize) {
    let geo = Geo::embedded().unwrap();
    let before = lake.rolled(snapshot, &geo.sources()).await.unwrap();
    let rolled = roll_up(lake, snapshot, &geo, MEMORY_BYTES, None, None, |_, _, _| {}).await.unwrap();
    let kept = lake.rolled(snapshot, &geo.sources()).await.unwrap();
    assert!(rolled.missing(snapshot).is_empty());
    let mut joined = rolled.clone();
    lake.join_rolled(&mut joined, snapshot, &geo.sources()).await.unwrap();
    for rollup in &rollups_and_histories() {
        assert!(!rollup.is_history || rolled.missing_of(rollup, snapshot).is_empty());
        let paths = |rolled: &Rolled| rolled.files(rollup).into_iter().map(|f| f.path).collect::<BTreeSet<_>>();
        assert_eq!(paths(&rolled), paths(&kept), "the computed files are the stored files");
        assert_eq!(paths(&rolled), paths(&joined), "nothing is left to join");
    }
    let made = before.missing_of(&histories()[0], snapshot).len();
    (everything(&session(snapshot, &rolled, &geo, MEMORY_BYTES).await.unwrap()).await, made)
}

/// How many days there are from the first day on whose files differ between the snapshots.
fn days_changed(before: &Snapshot, after: &Snapshot) -> usize {
    let same = before.files.iter().zip(&after.files).take_while(|(b, a)| b == a).count();
    let first = [before, after].iter().filter_map(|snapshot| snapshot.files.get(same)).map(|file| file.day).min();
    let days: BTreeSet<_> = after.files.iter().map(|file| file.day).collect();
    days.iter().filter(|day| first.is_some_and(|first| **day >= first)).count()
}

async fn everything(session: &Session) -> BTreeMap<&'static str, Vec<String>> {
    let mut tables = BTreeMap::new();
    for rollup in rollups_and_histories() {
        let query = session.query(rollup.name, &format!("SELECT * FROM {}", rollup.name), &Parameters::new()).await;
        let rows = rows(&query.unwrap().collect().await.unwrap()).unwrap();
        let mut rows: Vec<_> = rows.into_iter().map(|row| serde_json::Value::Object(row).to_string()).collect();
        rows.sort_unstable();
        tables.insert(rollup.name, rows);
    }
    tables
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_built_in_steps_equals_one_built_at_once() {
    let dir = tempfile::tempdir().unwrap();
    // Six days of February; they ended long before the archive does, so their files are joined.
    let start = archive(&dir.path().join("archive"), NaiveDate::from_ymd_opt(2024, 2, 24).unwrap());
    let source = place(&dir.path().join("archive"));
    let lake = Lake::open_or_create(&place(&dir.path().join("lake"))).await.unwrap();
    let (mut grown, mut days_made) = (BTreeMap::new(), Vec::new());
    let mut snapshot = lake.snapshot().await.unwrap();
    // A week, a day, the same day again, two days after a gap, the day of the gap, and the rest.
    for (from, to) in [(0, 7), (7, 8), (7, 8), (9, 11), (8, 9), (0, u64::from(DAYS) + 2)] {
        let [from, to] = [from, to].map(|n| Some(start + Days::new(n)));
        let of_days = Selection { from, to, ..Selection::default() };
        let of_days = IngestRequest { selection: of_days, ..IngestRequest::all(vec![source.clone()]) };
        ingest(&of_days, &lake, Progress::Hidden).await.unwrap();
        let before = std::mem::replace(&mut snapshot, lake.snapshot().await.unwrap());
        let made;
        (grown, made) = history(&lake, &snapshot).await;
        assert_eq!(made, days_changed(&before, &snapshot), "days computed for {from:?} to {to:?}");
        days_made.push(made);
    }
    assert!(days_made[1] <= 2 && days_made[2] == 0, "a run computes only its own day: {days_made:?}");
    let geo = Geo::embedded().unwrap();
    let at_once = session(&snapshot, &Rolled::default(), &geo, MEMORY_BYTES).await.unwrap();
    let at_once = everything(&at_once).await;
    assert!(at_once["novelties"].len() > 200, "{at_once:?}");
    for (name, rows) in &at_once {
        let missing: Vec<_> = rows.iter().filter(|row| !grown[name].contains(row)).take(4).collect();
        let extra: Vec<_> = grown[name].iter().filter(|row| !rows.contains(row)).take(4).collect();
        assert!(
            grown[name] == *rows,
            "{name} built in steps differs from {name} built at once: {} rows of {}, such as {extra:#?} instead of {missing:#?}",
            grown[name].len(),
            rows.len()
        );
    }
    // Another geographic database has its own history.
    let elsewhere = lake.rolled(&snapshot, &["another database".to_owned()]).await.unwrap();
    assert!(elsewhere.histories["novelties"].is_empty() && elsewhere.missing(&snapshot).is_empty());
    // A vacuum deletes only outdated files and those that a file of a longer span replaces.
    let vacuumed = lake.vacuum(chrono::Utc::now() + Days::new(1)).await.unwrap();
    let kinds = 1 + histories().len();
    assert!(vacuumed.files >= 9 * kinds as u64, "{vacuumed:?}");
    let rolled = lake.rolled(&snapshot, &geo.sources()).await.unwrap();
    let begin = |mut files: Vec<&DataFile>| {
        files.sort_by_key(|file| file.day);
        files.iter().map(|file| file.day.format("%m-%d").to_string()).collect::<Vec<_>>().join(" ")
    };
    // February, its last week's days in March, the next week, which ended four days before the archive, and four days.
    let spans = "02-24 03-01 03-04 03-11 03-12 03-13 03-14";
    assert_eq!(begin(rolled.packs.iter().map(|pack| &pack.file).collect()), spans);
    rolled.histories.values().for_each(|files| assert_eq!(begin(files.iter().collect()), spans));
    assert!(history(&lake, &snapshot).await == (at_once, 0));
}

#[test]
fn who_asked_a_service_is_looked_for_on_the_day_itself_however_many_days_are_computed_together() {
    let dir = tempfile::tempdir().unwrap();
    let role = "arn:aws:iam::111122223333:role/stack";
    let record = |number: u32, time: &str, source: &str, api: &str| {
        json!({
            "eventVersion": "1.11", "eventTime": time, "eventID": format!("00000000-0000-4000-8000-{number:012}"),
            "eventSource": source, "eventName": api, "awsRegion": "eu-west-1", "eventType": "AwsApiCall",
            "recipientAccountId": "111122223333", "readOnly": false, "managementEvent": true,
        })
    };
    let with = |mut record: serde_json::Value, members: serde_json::Value| {
        record.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        record
    };
    // Maria gives the role to a stack, which then changes a role: on the same day, and again on the next.
    let asks = with(
        record(1, "2024-03-05T10:00:00Z", "cloudformation.amazonaws.com", "CreateStack"),
        json!({
            "sourceIPAddress": "198.51.100.7", "requestParameters": {"stackName": "shop", "roleARN": role},
            "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/maria", "userName": "maria",
                             "accountId": "111122223333", "accessKeyId": "AKIA3QZVE5ZJMARIA001"},
        }),
    );
    let changes = |number, time| {
        with(
            record(number, time, "iam.amazonaws.com", "AttachRolePolicy"),
            json!({
                "sourceIPAddress": "cloudformation.amazonaws.com", "userAgent": "cloudformation.amazonaws.com",
                "requestParameters": {"roleName": "shop", "policyArn": "arn:aws:iam::aws:policy/AmazonS3FullAccess"},
                "userIdentity": {
                    "type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/stack/AWSCloudFormation",
                    "accountId": "111122223333", "invokedBy": "cloudformation.amazonaws.com",
                    "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role, "accountId": "111122223333"}},
                },
            }),
        )
    };
    let records = [asks, changes(2, "2024-03-05T10:01:00Z"), changes(3, "2024-03-06T10:01:00Z")];
    common::archive(&dir.path().join("archive"), &records);
    let lake = dir.path().join("lake");
    succeeds(&["ingest", arg(&dir.path().join("archive")), "--lake", arg(&lake)]);
    let actors = || query(&lake, "SELECT actor FROM categorised_calls ORDER BY event_time");
    // The days are computed when they are queried, and then by a hunt.
    let computed = actors();
    succeeds(&["hunt", "--lake", arg(&lake), "--allow-empty", "--quiet"]);
    let maria = json!({"actor": "arn:aws:iam::111122223333:user/maria"});
    assert_eq!((&computed, computed.len(), &computed[0]), (&actors(), 2, &maria));
    assert_eq!(computed[1]["actor"], role, "nobody asked on that day");
}
