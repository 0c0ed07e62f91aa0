//! The event history, read from a local server that implements LookupEvents as CloudTrail does.
//!
//! It returns pages newest first, accepts a token only with the parameters it was issued for, and rejects requests that
//! are not signed for CloudTrail in its region. Tests that read many hours use no rate limit.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common::{self, arg, number, query, trailhunt_with};
use chrono::{DateTime, TimeDelta, Utc};
use object_store::StaticCredentialProvider;
use object_store::aws::AwsCredential;
use serde_json::{Value, json};
use trailhunt::ingest::{self, Ingested};
use trailhunt::lake::Lake;
use trailhunt::request::IngestRequest;
use trailhunt::source::{Location, LookupEvents, RequestPolicy, Selection};
use trailhunt::terminal::Progress;

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-1";

/// A response that replaces the normal one: a status and a body; a status of 0 closes the connection.
type Fault = Box<dyn FnMut(&Value) -> Option<(u16, String)> + Send>;

/// A server that implements LookupEvents.
#[derive(Clone)]
struct History {
    url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    events: Vec<(i64, Value)>,
    /// Requests that received events.
    answered: Vec<Value>,
    /// Number of all requests.
    requests: usize,
    fault: Option<Fault>,
}

impl History {
    fn start() -> History {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let history = History { url, state: Arc::default() };
        let server = history.clone();
        std::thread::spawn(move || listener.incoming().for_each(|stream| server.answer(stream.unwrap())));
        history
    }

    /// Adds events at one time.
    fn add(&self, at: DateTime<Utc>, ids: impl IntoIterator<Item = String>) {
        self.state.lock().unwrap().events.extend(ids.into_iter().map(|id| (at.timestamp(), event(at, &id))));
    }

    /// From now on, requests get the response of `fault` if it returns one.
    fn set_fault(&self, fault: impl FnMut(&Value) -> Option<(u16, String)> + Send + 'static) {
        self.state.lock().unwrap().fault = Some(Box::new(fault));
    }

    fn clear_fault(&self) {
        self.state.lock().unwrap().fault = None;
    }

    /// Answered requests for an hour since the last call.
    fn take_answered(&self) -> Vec<Value> {
        let answered = std::mem::take(&mut self.state.lock().unwrap().answered);
        answered.into_iter().filter(|request| request.get("StartTime").is_some()).collect()
    }

    /// Number of requests since the last call.
    fn take_requests(&self) -> usize {
        std::mem::take(&mut self.state.lock().unwrap().requests)
    }

    fn answer(&self, stream: TcpStream) {
        let mut reader = BufReader::new(&stream);
        let head: Vec<String> =
            (&mut reader).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        let header = |name: &str| {
            let found =
                head.iter().filter_map(|line| line.split_once(':')).find(|(of, _)| of.eq_ignore_ascii_case(name));
            found.map_or("", |(_, value)| value.trim())
        };
        let Ok(length) = header("content-length").parse() else { return };
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let request: Value = serde_json::from_slice(&body).unwrap();
        let scope = format!("/{REGION}/cloudtrail/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;");
        let well_formed = head[0].starts_with("POST / ")
            && header("content-type") == "application/x-amz-json-1.1"
            && header("x-amz-target") == "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"
            && header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
            && header("authorization").contains(&scope);
        let (status, text) =
            if well_formed { self.events(&request) } else { error(400, "MissingAuthenticationTokenException") };
        if status != 0 {
            let length = text.len();
            let response =
                format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}");
            let _ = (&stream).write_all(response.as_bytes());
        }
    }

    fn events(&self, request: &Value) -> (u16, String) {
        let mut state = self.state.lock().unwrap();
        state.requests += 1;
        if let Some(response) = state.fault.as_mut().and_then(|fault| fault(request)) {
            return response;
        }
        let number = |name: &str, default: i64| request.get(name).map_or(default, |value| value.as_i64().unwrap());
        let (from, to) = (number("StartTime", 0), number("EndTime", i64::MAX));
        let per_page = number("MaxResults", 50);
        let parameters = format!("{from}/{to}/{per_page}/");
        let at: usize = match request.get("NextToken").map(|token| token.as_str().unwrap()) {
            None => 0,
            Some(token) => match token.strip_prefix(&parameters) {
                Some(at) => at.parse().unwrap(),
                None => return error(400, "InvalidNextTokenException"),
            },
        };
        let mut found: Vec<_> = state.events.iter().filter(|(time, _)| (from..=to).contains(time)).cloned().collect();
        found.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
        let end = found.len().min(at + per_page as usize);
        let page: Vec<Value> = found[at..end].iter().map(|(_, event)| event.clone()).collect();
        let mut response = json!({ "Events": page });
        if end < found.len() {
            response["NextToken"] = json!(format!("{parameters}{end}"));
        }
        state.answered.push(request.clone());
        (200, response.to_string())
    }
}

fn error(status: u16, code: &str) -> (u16, String) {
    (status, json!({"__type": code, "message": format!("message of {code}")}).to_string())
}

fn event(at: DateTime<Utc>, id: &str) -> Value {
    let record = json!({
        "eventVersion": "1.09", "eventTime": at.format("%FT%TZ").to_string(), "eventSource": "s3.amazonaws.com",
        "eventName": "ListBuckets", "awsRegion": REGION, "sourceIPAddress": "198.51.100.7", "eventID": id,
        "eventType": "AwsApiCall", "recipientAccountId": ACCOUNT, "managementEvent": true,
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/maria", "accountId": ACCOUNT}
    });
    json!({"EventId": id, "EventName": "ListBuckets", "EventTime": at.timestamp(), "CloudTrailEvent": record.to_string()})
}

fn hour_of(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp(time.timestamp() / 3600 * 3600, 0).unwrap()
}

/// Reads the history since the day before yesterday into `lake`, without a rate limit.
async fn ingest(history: &History, lake: &Path) -> Ingested {
    let credential = AwsCredential { key_id: "AKIDEXAMPLE".into(), secret_key: "secret".into(), token: None };
    let policy = RequestPolicy { interval: Duration::ZERO, backoff: Duration::from_millis(5), attempts_max: 3 };
    let store =
        LookupEvents::new(REGION, &history.url, Arc::new(StaticCredentialProvider::new(credential)), policy).unwrap();
    let source = Location::in_store(&format!("cloudtrail://{REGION}"), Arc::new(store)).unwrap();
    let lake = Location::parse(arg(lake), &Default::default()).unwrap();
    let from = Some((Utc::now() - TimeDelta::days(2)).date_naive());
    let selection = Selection { from, ..Selection::default() };
    let request = IngestRequest { selection, ..IngestRequest::all(vec![source]) };
    ingest::ingest(&request, &Lake::open_or_create(&lake).await.unwrap(), Progress::Hidden).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complete_hour_is_read_once_with_all_pages_and_a_partial_hour_again() {
    let (dir, history) = (tempfile::tempdir().unwrap(), History::start());
    let lake = dir.path().join("lake");
    let past = hour_of(Utc::now()) - TimeDelta::hours(5);
    // Three pages of one hour, with events in its first and last second.
    history.add(past, ["first".into()]);
    history.add(past + TimeDelta::minutes(30), (0..118).map(|n| format!("e{n}")));
    history.add(past + TimeDelta::seconds(3599), ["last".into()]);
    history.add(Utc::now(), ["now".into()]);

    let first = ingest(&history, &lake).await;
    assert_eq!((first.appended.kept, first.appended.duplicates, first.is_complete()), (121, 0, true));
    let of_past = |request: &&Value| request["StartTime"] == past.timestamp();
    assert_eq!(history.take_answered().iter().filter(of_past).count(), 3);

    history.add(Utc::now(), ["later".into()]);
    let second = ingest(&history, &lake).await;
    assert_eq!((second.appended.kept, second.appended.duplicates), (1, 1));
    let answered = history.take_answered();
    let recent = (Utc::now() - TimeDelta::hours(3)).timestamp();
    assert!((1..=3).contains(&answered.len()), "{answered:?}");
    assert!(answered.iter().all(|request| request["StartTime"].as_i64().unwrap() > recent), "{answered:?}");
    assert_eq!(number(&lake, "SELECT count(*) FROM events"), 122);

    let path = past.format("%Y/%m/%d/%H");
    let sql =
        format!("SELECT * FROM objects WHERE object = 'cloudtrail://{REGION}/{ACCOUNT}/CloudTrail/{REGION}/{path}'");
    let rows = query(&lake, &sql);
    assert_eq!((&rows[0]["version"], &rows[0]["account_id"]), (&json!("complete"), &json!(ACCOUNT)));
    assert_eq!((rows.len(), &rows[0]["region"], &rows[0]["kept"]), (1, &json!(REGION), &json!(120)));
    assert!(number(&lake, "SELECT min(size_bytes) FROM objects") < 20, "the size of an hour is that of its response");
}

#[tokio::test(flavor = "multi_thread")]
async fn transient_failures_are_retried() {
    let (dir, history) = (tempfile::tempdir().unwrap(), History::start());
    history.add(Utc::now() - TimeDelta::hours(5), (0..60).map(|n| format!("e{n}")));
    let mut attempts = HashMap::new();
    history.set_fault(move |request| {
        let attempts = attempts.entry(request.to_string()).or_insert(0);
        *attempts += 1;
        let is_even = request["StartTime"].as_i64().is_some_and(|start| start % 7200 == 0);
        match (*attempts, is_even) {
            (1, _) => Some(error(400, "ThrottlingException")),
            (2, true) => Some((503, "<html>busy</html>".into())),
            (2, false) => Some((0, String::new())),
            _ => None,
        }
    });
    let ingested = ingest(&history, &dir.path().join("lake")).await;
    assert_eq!((ingested.appended.kept, ingested.is_complete()), (60, true), "{:?}", ingested.objects_failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_hour_is_reported_and_the_next_run_reads_it() {
    let (dir, history) = (tempfile::tempdir().unwrap(), History::start());
    let lake = dir.path().join("lake");
    let hour = |ago: i64| hour_of(Utc::now()) - TimeDelta::hours(ago);
    let (busy, invalid, sound) = (hour(5), hour(6), hour(7));
    for hour in [busy, invalid, sound] {
        history.add(hour, [hour.to_rfc3339()]);
    }
    history.set_fault(move |request| match request["StartTime"].as_i64()? {
        start if start == busy.timestamp() => Some((500, "no".into())),
        start if start == invalid.timestamp() => Some(error(400, "InvalidTimeRangeException")),
        _ => None,
    });
    let ingested = ingest(&history, &lake).await;
    assert_eq!((ingested.appended.kept, ingested.is_complete()), (1, false));
    let mut reasons: Vec<_> = ingested.objects_failed.iter().map(|(_, reason)| reason.as_str()).collect();
    reasons.sort_unstable_by_key(|reason| reason.contains("500"));
    let [permanent, transient] = reasons[..] else { panic!("{reasons:?}") };
    assert!(permanent.contains(&invalid.format("%Y/%m/%d/%H: InvalidTimeRangeException").to_string()), "{permanent}");
    let expected = busy.format("%Y/%m/%d/%H: HTTP status 500: no; gave up after 3 attempts").to_string();
    assert!(transient.contains(&expected), "{transient}");

    history.clear_fault();
    assert_eq!((ingest(&history, &lake).await.appended.kept, number(&lake, "SELECT count(*) FROM events")), (2, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_expire_during_a_run_are_not_retried_for_every_hour() {
    let (dir, history) = (tempfile::tempdir().unwrap(), History::start());
    history.add(Utc::now() - TimeDelta::minutes(1), ["now".into()]);
    let mut left = 10;
    history.set_fault(move |_| {
        left -= 1;
        (left < 0).then(|| error(400, "ExpiredTokenException"))
    });
    let ingested = ingest(&history, &dir.path().join("lake")).await;
    assert_eq!((ingested.appended.objects, ingested.is_complete()), (9, false));
    assert!(ingested.objects_failed.len() > 20, "the other hours are reported");
    // Every hour is fetched separately, and this many are fetched before the first is written.
    const CONCURRENT_FETCHES: usize = 9;
    let requests = history.take_requests();
    assert!(requests <= 10 + CONCURRENT_FETCHES, "the other hours are not requested: {requests}");
}

/// Runs the program's `ingest` against `history`.
fn run_ingest(history: &History, lake: &Path) -> common::Ran {
    let settings = [
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", "token"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_ENDPOINT_URL_CLOUDTRAIL", &history.url),
        ("NO_PROXY", "127.0.0.1"),
    ];
    let source = format!("cloudtrail://{REGION}");
    trailhunt_with(&settings, &["ingest", &source, "--lake", arg(lake), "--from", "today"])
}

#[test]
fn the_program_sends_two_requests_per_second_and_reports_what_it_read() {
    let (dir, history) = (tempfile::tempdir().unwrap(), History::start());
    let now = Utc::now();
    history.add(now, (0..120).map(|n| format!("e{n}")));
    let started = Instant::now();
    let ran = run_ingest(&history, &dir.path().join("lake"));
    let (seconds, requests) = (started.elapsed().as_secs_f64(), history.take_requests() as f64);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("120 kept, 0 duplicates, 0 rejects"), "{}", ran.out);
    assert!(requests >= 4.0 && seconds >= (requests - 1.0) * 0.5, "{requests} requests in {seconds} s");
    let of_this_hour = |request: &&Value| request["StartTime"] == hour_of(now).timestamp();
    assert_eq!(history.take_answered().iter().filter(of_this_hour).count(), 3);
}

#[test]
fn refused_credentials_are_one_error_with_the_next_step() {
    for (code, next) in [
        ("ExpiredTokenException", "renew the credentials, or use another --profile"),
        ("AccessDeniedException", "allow cloudtrail:LookupEvents, or use another --profile"),
    ] {
        let (dir, history) = (tempfile::tempdir().unwrap(), History::start());
        history.set_fault(move |_| Some(error(400, code)));
        let ran = run_ingest(&history, &dir.path().join("lake"));
        let expected = format!("trailhunt: cannot list cloudtrail://{REGION}/: {code}: message of {code}; {next}\n");
        assert_eq!((ran.code, ran.err, history.take_requests()), (2, expected, 1));
    }
}
