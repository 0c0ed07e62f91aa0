//! What people see in a terminal of 60, 100 and 200 columns, with and without colours. `snapshots/` has the output.
//!
//! ```sh
//! UPDATE=1 cargo test --test tests snapshots::   # rewrites snapshots/; read its diff aloud
//! ```

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::common::{archive, arg, succeeds, trailhunt_with, write};
use regex::Regex;
use serde_json::json;
use trailhunt::ask::{self, Question, Rows};
use trailhunt::detect::{Library, Window};
use trailhunt::indicators::{self, Indicators};
use trailhunt::lake::Lake;
use trailhunt::report::backtest::{self, Backtest};
use trailhunt::report::explanation::{self, Explanation};
use trailhunt::report::{self, LakeStatus};
use trailhunt::request::{CompareWith, Detection, HuntRequest, LakeRequest, Period};
use trailhunt::source::{Location, S3Settings};
use trailhunt::terminal::{Layout, Progress};
use trailhunt::{hunt, open, runs};
use unicode_width::UnicodeWidthStr;

const SNAPSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots");
const WIDTHS: [usize; 3] = [60, 100, 200];
/// The detectors that run over the lake.
const DETECTORS: [&str; 3] = ["root_use", "trail_tampering", "console_login_without_mfa"];
const MARIA: &str =
    "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_DeveloperAccess_0123456789abcdef/maria@acme.example";

/// A lake of two days: a session with a long name changes a bucket and the trail, the root user signs in.
fn lake(dir: &Path) -> PathBuf {
    let (source, lake) = (dir.join("in"), dir.join("lake"));
    let call = |n: u32, service: &str, api: &str, changes: serde_json::Value| {
        let mut record = json!({
            "eventVersion": "1.09", "eventTime": format!("2024-01-{:02}T10:{n:02}:00Z", 10 + n / 4), "eventID": format!("maria-{n}"),
            "eventSource": format!("{service}.amazonaws.com"), "eventName": api, "awsRegion": "eu-central-1",
            "sourceIPAddress": "198.51.100.7", "userAgent": "aws-cli/2.15.30 Python/3.11.8 Linux/6.5", "eventType": "AwsApiCall",
            "readOnly": false, "managementEvent": true, "recipientAccountId": "111122223333",
            "requestParameters": {"bucketName": "acme-prod-invoices-2024", "Host": "acme-prod-invoices-2024.s3.eu-central-1.amazonaws.com"},
            "userIdentity": {"type": "AssumedRole", "arn": MARIA, "accountId": "111122223333",
                "principalId": "AROAEXAMPLE:maria@acme.example", "accessKeyId": "ASIAIOSFODNN7EXAMPLE"}
        });
        for (member, value) in changes.as_object().expect("changes are members") {
            record[member] = value.clone();
        }
        record
    };
    let trail =
        json!({"requestParameters": {"name": "arn:aws:cloudtrail:eu-central-1:111122223333:trail/organization-trail"}});
    let denied = json!({"errorCode": "AccessDenied", "readOnly": true});
    let root = json!({
        "userIdentity": {"type": "Root", "arn": "arn:aws:iam::111122223333:root", "accountId": "111122223333",
            "principalId": "111122223333"},
        "sourceIPAddress": "2001:db8:85a3::8a2e:370:7334", "responseElements": {"ConsoleLogin": "Success"},
        "additionalEventData": {"MFAUsed": "No"}, "requestParameters": null, "eventType": "AwsConsoleSignIn"
    });
    let records = [
        call(0, "s3", "ListBuckets", json!({"readOnly": true})),
        call(1, "s3", "GetBucketPolicy", denied),
        call(2, "s3", "PutBucketPolicy", json!({})),
        call(3, "cloudtrail", "StopLogging", trail.clone()),
        call(5, "cloudtrail", "DeleteTrail", trail),
        call(6, "signin", "ConsoleLogin", root),
    ];
    archive(&source, &records);
    succeeds(&["ingest", arg(&source), "--lake", arg(&lake)]);
    lake
}

/// A command's output for a layout.
type Shown = Box<dyn Fn(Layout) -> Vec<u8>>;

fn shown(write: impl Fn(Layout, &mut Vec<u8>) -> std::io::Result<()> + 'static) -> Shown {
    Box::new(move |layout| {
        let mut out = Vec::new();
        write(layout, &mut out).expect("memory can be written");
        out
    })
}

/// What the commands show, by the names of the snapshots.
async fn outputs(dir: &Path) -> Vec<(&'static str, Shown)> {
    let location = Location::parse(arg(&lake(dir)), &S3Settings::default()).expect("a folder");
    let lake = Lake::open(&location).await.expect("the lake");
    let detection = || Detection {
        library: Library::load(&[]).expect("the shipped detectors"),
        ids: DETECTORS.map(str::to_owned).into(),
        ..Detection::default()
    };
    let indicators = Indicators::read(&["tests/snapshots/feed.list".into()]).expect("the list");
    let request = HuntRequest {
        lake: LakeRequest::new(location),
        period: Period::default(),
        detection: detection(),
        suppressions: Default::default(),
        compare_with: CompareWith::Nothing,
        indicators: Some(indicators),
        alerts_per_day: 3.0,
        reports: Vec::new(),
    };
    let report = hunt::hunt(&lake, &request, None, Progress::Hidden).await.expect("the hunt");
    runs::record(&lake, &report, &[]).await.expect("the run is recorded");
    let explained = report.findings.first().expect("the trail was stopped");
    let explained = Explanation::of(explained, request.detection.library.get(&explained.detector).ok());
    let recorded = runs::list(&lake, 9).await.expect("the runs");
    let findings = runs::last_findings(&lake).await.expect("a report").expect("it is recorded");

    let (snapshot, session) = open::session(&request.lake).await.expect("the lake can be read");
    let window: Window = hunt::window(&snapshot, &Period::default()).expect("the lake has events");
    let found = hunt::detect(&request.detection, &session, window, Progress::Hidden).await.expect("the hunt");
    let mut tested: Backtest = backtest::backtest(&found, window, 0.5);
    tested.detectors.iter_mut().for_each(|figures| figures.seconds = 0.1);
    let search = indicators::search(request.indicators.as_ref().expect("a list"), &session, window, window).await;
    let search = search.expect("the search");
    let status = LakeStatus::of(&snapshot, &session).await.expect("the status");
    let mut sections = ask::sections(MARIA, &session, window).await.expect("the sections");
    sections.insert(1, ask::findings_section(MARIA, &findings));
    let columns = "SELECT event_time, actor, event_name, error_code, source_ip_address, request_parameters \
                   FROM calls WHERE event_id LIKE 'maria-%' ORDER BY event_time";
    let question = Question::parse("query", columns).expect("valid SQL");
    let whole = "--full-names, --format csv or json show everything";
    let mut tables = Vec::new();
    for layout in layouts() {
        let parameters = question.parameters(&[], None).expect("no parameters");
        let query = session.query_parsed("query", &question.sql, &parameters).await.expect("a query");
        let mut out = Vec::new();
        ask::table(query, Rows::Lines, layout, whole, &mut out).await.expect("memory can be written");
        let described = ask::describe_text(&session, "daily_key_use", layout).await.expect("a table");
        tables.push((layout, out, described.into_bytes()));
    }
    let described = tables.clone();
    let table = move |layout| tables.iter().find(|(of, ..)| *of == layout).expect("a layout").1.clone();
    let described = move |layout| described.iter().find(|(of, ..)| *of == layout).expect("a layout").2.clone();
    vec![
        ("hunt", shown(move |layout, out| report::text(&report, layout, out))),
        ("explain", shown(move |layout, out| explanation::text(&explained, layout, out))),
        ("backtest", shown(move |layout, out| backtest::text(&tested, layout, out))),
        ("entity", shown(move |layout, out| ask::story(MARIA, window, &sections, layout, out))),
        ("query", Box::new(table)),
        ("describe", Box::new(described)),
        ("indicators", shown(move |layout, out| report::indicators_text(&search, layout, out))),
        ("status", shown(move |layout, out| status.text(layout, out))),
        ("runs", shown(move |layout, out| runs::text(&recorded, layout, out))),
    ]
}

/// Plain and coloured ones of each width, and one with full names.
fn layouts() -> Vec<Layout> {
    let plain = WIDTHS.map(Layout::plain).into_iter();
    plain.flat_map(|plain| [plain, plain.with_colour()]).chain([Layout::plain(100).with_full_names()]).collect()
}

/// Replaces what differs from run to run: ids of runs, times, paths, sizes.
fn steady(text: &[u8], dir: &Path) -> String {
    let mut text = String::from_utf8_lossy(text).replace(arg(dir), "DIR");
    for (pattern, replacement) in [
        (r"[0-9.]+ (B|KiB|MiB)\b", "9 KiB"),
        (r"20(2[5-9]|[3-9]\d)-\d\d-\d\d \d\d:\d\d", "2026-12-01 03:00"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "01234567-89ab-7cde-8f01-23456789abcd"),
    ] {
        text = Regex::new(pattern).expect("a pattern").replace_all(&text, replacement).into_owned();
    }
    text
}

fn without_colour(text: &str) -> String {
    Regex::new("\u{1b}\\[[0-9;]*m").expect("a pattern").replace_all(text, "").into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_output_fits_the_terminal_and_is_as_recorded() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let is_update = std::env::var_os("UPDATE").is_some();
    let mut wrong = String::new();
    let mut compare = |name: String, text: &str| {
        let path = format!("{SNAPSHOTS}/{name}.txt");
        if is_update {
            write(Path::new(&path), text.as_bytes());
        } else if std::fs::read_to_string(&path).unwrap_or_default() != *text {
            writeln!(wrong, "tests/snapshots/{name}.txt differs; now it is\n{text}").expect("a text takes it");
        }
    };
    for (name, output) in outputs(dir.path()).await {
        for width in WIDTHS {
            let layout = Layout::plain(width);
            let plain = steady(&output(layout), dir.path());
            // A name, an id or a path has no place to break, and a command is not broken.
            let no_break = ["arn:aws", "file://", "look: trailhunt ", ": aws ", "  trailhunt ", "  aws "];
            let is_wide = |line: &&str| line.width() > width && !no_break.iter().any(|text| line.contains(text));
            let wide: Vec<&str> = plain.lines().filter(is_wide).collect();
            assert!(wide.is_empty(), "{name} at {width}: {wide:?}");
            let coloured = steady(&output(layout.with_colour()), dir.path());
            assert!(
                !plain.contains('\u{1b}') && (coloured.contains('\u{1b}') || name == "status"),
                "{name} at {width}"
            );
            assert_eq!(without_colour(&coloured), plain, "{name} at {width}: colours change nothing else");
            compare(format!("{name}.{width}"), &plain);
            // That of one width: colours change nothing else.
            if width == 100 {
                compare(format!("{name}.{width}.colour"), &coloured.replace('\u{1b}', "ESC"));
            }
        }
        let full = steady(&output(Layout::plain(100).with_full_names()), dir.path());
        assert!(!full.contains("…  "), "{name}: nothing is cut with full names\n{full}");
        assert!(full.contains("arn:aws") || !["hunt", "entity", "query"].contains(&name), "{name}\n{full}");
    }
    assert!(wrong.is_empty(), "{wrong}\nUPDATE=1 rewrites the snapshots; their diff belongs to the change");
}

#[test]
fn the_environment_decides_width_and_colours() {
    let list = |settings: &[(&str, &str)]| trailhunt_with(settings, &["detectors", "list"]).out;
    let widest = |text: &str| text.lines().map(UnicodeWidthStr::width).max().unwrap_or(0);
    let piped = list(&[]);
    assert!(widest(&piped) > 100 && !piped.contains('…') && !piped.contains('\u{1b}'), "a pipe gets everything");
    let narrow = list(&[("COLUMNS", "70")]);
    assert!(widest(&narrow) <= 70 && narrow.lines().count() > piped.lines().count(), "{narrow}");
    assert!(list(&[("CLICOLOR_FORCE", "1")]).contains("\u{1b}[31mhigh"));
    assert!(!list(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]).is_empty());
}
