//! Measures the shipped detectors: generates organisations, hunts all their days, and compares the findings with the
//! planted attacks. Prints recall by kind of attack, the attacker's rank in the day's risk, and the false alarms by
//! detector. Asserts a minimum recall and a maximum of false alarms.
//!
//! Organisations come from two sources. Drawn environments differ in size, sign-in, networks, habits and changes, as
//! organisations do; the results of each are printed, then medians and the worst. The standard organisation differs
//! from seed to seed only in names and times.
//!
//! ```sh
//! cargo test --test tests evaluation:: -- --ignored --nocapture   # two small environments, one small standard organisation
//! just evaluation                                         # six large environments, with a release build
//! ENVIRONMENTS=1,2 DAYS=30 PEOPLE=40 EVENTS_PER_DAY=3000 ATTACKS=43 \
//!     cargo test --test tests evaluation::drawn -- --ignored --nocapture     # PEOPLE and EVENTS_PER_DAY are maxima
//! SEEDS=1,2 DAYS=60 ACCOUNTS=5 PEOPLE=120 EVENTS_PER_DAY=22500 ATTACKS=80 \
//!     cargo test --release --test tests evaluation::standard -- --ignored --nocapture
//! ```
//!
//! `KEEP=folder` keeps archives and lakes for the next run; `DETECTORS=folder` uses detectors of a folder instead of
//! the shipped ones of the same id; `DETAILS=file` writes every false alarm, alerted look-alike and missed attack;
//! `ALERTS_PER_DAY=1` is the budget of the hunt.
//!
//! Environments 201 to 206 are for measuring only: no threshold may be chosen by looking at their results. Those of 101
//! to 104 have been looked at.

#![allow(clippy::print_stdout, reason = "the evaluation prints its results")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Instant;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use chrono::DateTime;
use serde::Deserialize;
use trailhunt::detect::{Finding, Hunt, Library, Severity, risk};
use trailhunt::engine::{Parameters, Session};
use trailhunt::hunt::{detect_and_rate, prepare};
use trailhunt::ingest::ingest;
use trailhunt::lake::Lake;
use trailhunt::request::{ALERTS_PER_DAY, Detection, IngestRequest, LakeRequest, Period};
use trailhunt::sample::{SampleSettings, generate};
use trailhunt::sigma::Sigma;
use trailhunt::source::{Location, S3Settings};
use trailhunt::terminal::Progress;

/// An alarm is a finding that somebody has to look at.
const ALARM: Severity = Severity::Medium;
/// How many of the day's riskiest identities an analyst looks at.
const RANK_MAX: usize = 10;
/// How many findings of a whole hunt count for its precision: the heaviest, as the report lists them.
const FIRST: usize = 100;

/// What an evaluation must reach.
struct Target {
    /// Share of the attacks with an alarm.
    recall_min: f64,
    false_alarms_a_day_max: f64,
}

/// The size that is evaluated when the environment names no other: its measured results are in [`Size::target`].
const SMALL: Size = Size { days: 30, accounts: 3, people: 30, events_per_day: 1_000, attacks: 43 };
/// The size of `just evaluation-standard`.
const LARGE: Size = Size { days: 60, accounts: 5, people: 120, events_per_day: 22_500, attacks: 80 };

/// The environments that `.ci/run evaluation` measures: IAM users behind a security service, and a single account with
/// Identity Center, homes and offices.
const SMALL_ENVIRONMENTS: [u64; 2] = [1, 18];
/// Their size: at most so many people and events; environments draw the number of accounts.
const SMALL_ENVIRONMENT: Size = Size { days: 30, accounts: 0, people: 24, events_per_day: 1_000, attacks: 43 };
/// Measured: 77 of 83 attacks (0.93), 20 false alarms in 60 days. One attack less or one alarm more fails.
const SMALL_FOUND_MIN: u32 = 77;
const SMALL_FALSE_ALARMS_MAX: u32 = 20;

/// The size of a generated organisation.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Size {
    days: u32,
    accounts: u32,
    people: u32,
    events_per_day: u32,
    attacks: u32,
}

impl Size {
    /// The size that the variables name; the default's where they name none.
    fn named_or(default: Size) -> Size {
        Size {
            days: number_or("DAYS", default.days),
            accounts: number_or("ACCOUNTS", default.accounts),
            people: number_or("PEOPLE", default.people),
            events_per_day: number_or("EVENTS_PER_DAY", default.events_per_day),
            attacks: number_or("ATTACKS", default.attacks),
        }
    }

    /// The standard organisation in this size.
    fn standard(self, seed: u64) -> SampleSettings {
        SampleSettings {
            days: self.days,
            accounts: self.accounts,
            people: Some(self.people),
            events_per_day: self.events_per_day,
            attacks: self.attacks,
            seed,
            ..SampleSettings::default()
        }
    }

    /// An environment with at most as many people and events; it draws the number of accounts.
    fn drawn(self, seed: u64) -> SampleSettings {
        SampleSettings {
            days: self.days,
            attacks: self.attacks,
            ..SampleSettings::draw(seed, self.people, self.events_per_day)
        }
    }

    /// Set at what was measured, so that a change that loses an attack or adds a false alarm is noticed. A change that
    /// improves a result tightens its target.
    fn target(self) -> Target {
        match self {
            // Measured with seed 1: 39 of 43 attacks (0.907), 15 false alarms in 30 days. One attack less or one alarm
            // more fails.
            SMALL => Target { recall_min: 0.9, false_alarms_a_day_max: 0.5 },
            // Known results on generated organisations: recall 0.96, 1.4 false alarms a day.
            LARGE => Target { recall_min: 0.95, false_alarms_a_day_max: 1.5 },
            // Any other size: far from normal results.
            size => Target { recall_min: 0.8, false_alarms_a_day_max: f64::from(size.people) * 0.1 },
        }
    }
}

#[test]
#[ignore = "hunts a generated organisation for a minute; `.ci/run evaluation` runs it"]
fn most_attacks_on_a_standard_organisation_are_found_with_few_false_alarms() {
    let size = Size::named_or(SMALL);
    let mut score = Score::default();
    for seed in numbers("SEEDS", &[1]) {
        score.add(&evaluate(size.standard(seed)));
    }
    score.print();
    let Target { recall_min, false_alarms_a_day_max } = size.target();
    let (recall, false_alarms) = (score.recall(Some(ALARM)), score.false_alarms_a_day());
    assert!(recall >= recall_min, "recall {recall:.3}, at least {recall_min} expected");
    assert!(
        false_alarms <= false_alarms_a_day_max,
        "{false_alarms:.2} false alarms a day, at most {false_alarms_a_day_max} expected"
    );
}

#[test]
#[ignore = "hunts two generated environments for a minute; `.ci/run evaluation` runs it"]
fn most_attacks_on_drawn_environments_are_found_with_few_false_alarms() {
    let size = Size::named_or(SMALL_ENVIRONMENT);
    let seeds = numbers("ENVIRONMENTS", &SMALL_ENVIRONMENTS);
    let mut all = Score::default();
    let mut scores = Vec::new();
    let mut details = String::new();
    for seed in &seeds {
        let settings = size.drawn(*seed);
        let it = evaluate(settings.clone());
        details += &it.details();
        let mut score = Score::default();
        score.add(&it);
        all.add(&it);
        scores.push((settings, score));
    }
    all.print();
    print_environments(&scores);
    if let Some(path) = setting("DETAILS") {
        std::fs::write(&path, details).expect("DETAILS can be written");
    }
    let (attacks, alarms) = (sum(&all.attacks).alarmed, all.false_alarms);
    if (size, seeds.as_slice()) == (SMALL_ENVIRONMENT, &SMALL_ENVIRONMENTS[..]) {
        assert!(attacks >= SMALL_FOUND_MIN, "{attacks} attacks found, at least {SMALL_FOUND_MIN} expected");
        assert!(alarms <= SMALL_FALSE_ALARMS_MAX, "{alarms} false alarms, at most {SMALL_FALSE_ALARMS_MAX} expected");
    }
}

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn number<T: FromStr>(text: &str) -> T {
    text.trim().parse().ok().expect("SEEDS, DAYS and the other settings are numbers")
}

fn numbers(name: &str, default: &[u64]) -> Vec<u64> {
    setting(name).map_or(default.to_vec(), |text| text.split(',').map(number).collect())
}

fn number_or<T: FromStr>(name: &str, default: T) -> T {
    setting(name).map_or(default, |text| number(&text))
}

/// The results of one organisation.
struct Evaluated {
    seed: u64,
    events: u64,
    days: u32,
    incidents: Vec<Incident>,
    hunt: Hunt,
    /// Indices of the incidents that each finding touches.
    touched: Vec<BTreeSet<usize>>,
    seconds: Vec<(&'static str, f64)>,
}

/// One line of `truth.jsonl`, and its calls in the lake.
#[derive(Deserialize)]
struct Incident {
    kind: String,
    label: String,
    event_ids: Vec<String>,
    access_keys: BTreeSet<String>,
    source_ips: Vec<SourceIp>,
    /// Actor, and microseconds since 1970.
    #[serde(skip)]
    calls: Vec<(String, i64)>,
}

#[derive(Deserialize)]
struct SourceIp {
    ip: String,
}

impl Incident {
    fn is_attack(&self) -> bool {
        self.label == "attack"
    }

    /// True when an entity of the report is the incident's actor, address or key.
    fn is_by(&self, entity_type: &str, entity: &str) -> bool {
        match entity_type {
            "actor" => self.calls.iter().any(|(actor, _)| actor == entity),
            "ip" => self.source_ips.iter().any(|place| place.ip == entity),
            _ => self.access_keys.contains(entity),
        }
    }
}

fn evaluate(settings: SampleSettings) -> Evaluated {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let keep = setting("KEEP").map(PathBuf::from);
    let SampleSettings { seed, days, accounts, people, events_per_day, attacks, .. } = settings;
    let kind = if settings.environment.is_some() { "environment" } else { "standard" };
    let name = format!("{kind}-{seed}-{days}-{accounts}-{people:?}-{events_per_day}-{attacks}");
    let dir = keep.map_or_else(|| temporary.path().to_owned(), |keep| keep.join(name));
    let settings = SampleSettings { out: dir.join("archive"), ..settings };
    let truth = settings.out.join("truth.jsonl");
    let mut stopwatch = Stopwatch { lap: Instant::now(), seconds: Vec::new() };
    if !truth.exists() {
        generate(&settings, &mut |_| {}).expect("a sample can be written");
    }
    stopwatch.took("sample");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let lake = Lake::open_or_create(&place(&dir.join("lake"))).await.expect("a lake");
        ingest(&IngestRequest::all(vec![place(&settings.out)]), &lake, Progress::Hidden)
            .await
            .expect("the archive is read");
        stopwatch.took("ingest");
        let request = LakeRequest::new(place(&dir.join("lake")));
        let context = prepare(&lake, &request, &Period::default(), &Sigma::default(), Progress::Hidden)
            .await
            .expect("the rollups are made");
        stopwatch.took("rollups");
        let folders: Vec<_> = setting("DETECTORS").into_iter().map(PathBuf::from).collect();
        let library = Library::load(&folders).expect("the detectors are well formed");
        let detection = Detection { library, ..Detection::default() };
        let alerts_per_day = number_or("ALERTS_PER_DAY", ALERTS_PER_DAY);
        let hunt =
            detect_and_rate(&lake, &context, &detection, alerts_per_day, Progress::Hidden).await.expect("a hunt");
        assert!(hunt.failed.is_empty(), "{:?}", hunt.failed);
        stopwatch.took("hunt");
        let text = std::fs::read_to_string(&truth).expect("truth.jsonl was written");
        let mut incidents: Vec<Incident> =
            text.lines().map(|line| serde_json::from_str(line).expect("a line of truth.jsonl")).collect();
        let events = look_up(&context.session, &mut incidents).await;
        let touched = touched(&hunt.findings, &incidents);
        Evaluated { seed, events, days, incidents, hunt, touched, seconds: stopwatch.seconds }
    })
}

impl Evaluated {
    fn is_false_alarm(&self, finding: &Finding, touched: &BTreeSet<usize>) -> bool {
        finding.severity >= ALARM && !touched.iter().any(|number| self.incidents[*number].is_attack())
    }

    /// One line for each false alarm, and for each attack without an alarm with the findings it has.
    fn details(&self) -> String {
        use std::fmt::Write as _;
        let mut text = String::new();
        let line = |finding: &Finding| {
            let summary: String = finding.summary.chars().take(200).collect();
            let (entity, detector) = (&finding.entity, &finding.detector);
            format!("{}\t{detector}\t{:?}\t{entity}\t{summary}", &finding.first_time[..16], finding.severity)
        };
        for (finding, touched) in self.hunt.findings.iter().zip(&self.touched) {
            if self.is_false_alarm(finding, touched) {
                let cause = touched.first().map_or("everyday work", |number| &self.incidents[*number].kind);
                let _ = writeln!(text, "{}\tfalse alarm\t{cause}\t{}", self.seed, line(finding));
            }
        }
        for (number, attack) in self.incidents.iter().enumerate().filter(|(_, incident)| incident.is_attack()) {
            let findings = self.hunt.findings.iter().zip(&self.touched);
            let own: Vec<_> = findings.filter(|(_, touched)| touched.contains(&number)).map(|(it, _)| it).collect();
            if own.iter().all(|finding| finding.severity < ALARM) {
                let start = attack.calls.iter().map(|(_, at)| *at).min().and_then(DateTime::from_timestamp_micros);
                let actors: BTreeSet<_> = attack.calls.iter().map(|(actor, _)| actor.as_str()).collect();
                let (kind, seed, calls) = (&attack.kind, self.seed, attack.calls.len());
                let _ = writeln!(text, "{seed}\tmissed\t{kind}\t{start:?}\t{calls} calls by {actors:?}");
                for finding in own {
                    let _ = writeln!(text, "{seed}\tmissed\t{kind}\t  has\t{}", line(finding));
                }
            }
        }
        text
    }
}

struct Stopwatch {
    lap: Instant,
    seconds: Vec<(&'static str, f64)>,
}

impl Stopwatch {
    fn took(&mut self, what: &'static str) {
        let lap = std::mem::replace(&mut self.lap, Instant::now());
        self.seconds.push((what, lap.elapsed().as_secs_f64()));
    }
}

fn place(path: &Path) -> Location {
    Location::parse(path.to_str().expect("a UTF-8 path"), &S3Settings::default()).expect("a local path")
}

/// Fills in who made the calls of each incident, and when. Returns the number of all events.
async fn look_up(session: &Session, incidents: &mut [Incident]) -> u64 {
    let mut incident_of: HashMap<String, Vec<usize>> = HashMap::new();
    for (number, incident) in incidents.iter().enumerate() {
        for id in &incident.event_ids {
            incident_of.entry(id.clone()).or_default().push(number);
        }
    }
    let sql = "SELECT event_id, actor, event_time FROM events";
    let query = session.query("truth", sql, &Parameters::new()).await.expect("it plans");
    let mut events = 0;
    for batch in query.collect().await.expect("it runs") {
        let text = |column: usize| cast(batch.column(column), &DataType::Utf8).expect("a text");
        let (ids, actors) = (text(0), text(1));
        let times = cast(batch.column(2), &DataType::Int64).expect("a time");
        let (ids, actors, times) =
            (ids.as_string::<i32>(), actors.as_string::<i32>(), times.as_primitive::<Int64Type>());
        events += batch.num_rows() as u64;
        for row in (0..batch.num_rows()).filter(|row| ids.is_valid(*row)) {
            for number in incident_of.get(ids.value(row)).into_iter().flatten() {
                let actor = if actors.is_valid(row) { actors.value(row) } else { "" };
                incidents[*number].calls.push((actor.to_owned(), times.value(row)));
            }
        }
    }
    events
}

/// The incidents each finding touches: by its evidence or, when not all evidence is listed, by identity and time.
fn touched(findings: &[Finding], incidents: &[Incident]) -> Vec<BTreeSet<usize>> {
    let mut incidents_of: HashMap<&str, Vec<usize>> = HashMap::new();
    for (number, incident) in incidents.iter().enumerate() {
        for id in &incident.event_ids {
            incidents_of.entry(id).or_default().push(number);
        }
    }
    let touches = |finding: &Finding| {
        let shown = finding.evidence.events.iter();
        let mut touched: BTreeSet<usize> =
            shown.flat_map(|event| incidents_of.get(event.event_id.as_str()).into_iter().flatten().copied()).collect();
        if finding.evidence.total > finding.evidence.events.len() as u64 {
            let period = micros(&finding.first_time)..=micros(&finding.last_time);
            let who = finding.actor.as_deref().unwrap_or(&finding.entity);
            let within =
                |incident: &Incident| incident.calls.iter().any(|(actor, at)| actor == who && period.contains(at));
            touched.extend((0..incidents.len()).filter(|number| within(&incidents[*number])));
        }
        touched
    };
    findings.iter().map(touches).collect()
}

fn micros(time: &str) -> i64 {
    DateTime::parse_from_rfc3339(time).expect("findings have RFC 3339 times").timestamp_micros()
}

/// Results of some attacks or look-alikes.
#[derive(Default, Clone)]
struct Tally {
    planted: u32,
    /// Touched by a finding of any severity, and by an alarm.
    found: u32,
    alarmed: u32,
    /// With the attacker among the day's riskiest, and the sum of these ranks.
    ranked: u32,
    ranks: usize,
    events: usize,
    detectors: BTreeMap<String, u32>,
}

/// Results of one detector.
#[derive(Default, Clone)]
struct Work {
    alarms: u32,
    /// Alarms that touch an attack, and the attacks they touch.
    hits: u32,
    attacks: u32,
    /// Attacks that no other detector raised an alarm for.
    alone: u32,
    false_alarms: u32,
    findings: u32,
    seconds: f64,
}

/// All seeds together.
#[derive(Default)]
struct Score {
    events: u64,
    days: u32,
    attacks: BTreeMap<String, Tally>,
    lookalikes: BTreeMap<String, Tally>,
    detectors: BTreeMap<String, Work>,
    false_alarms: u32,
    /// The findings that an analyst reads first, and how many of them touch an attack.
    first: u32,
    first_correct: u32,
    /// By detector and cause (a kind of look-alike, or everyday work), with some of their summaries.
    false_alarms_by: BTreeMap<(String, String), (u32, Vec<String>)>,
    /// By day.
    false_alarms_on: BTreeMap<String, u32>,
    seconds: BTreeMap<&'static str, f64>,
}

impl Score {
    fn add(&mut self, it: &Evaluated) {
        self.events += it.events;
        self.days += it.days;
        for (what, seconds) in &it.seconds {
            *self.seconds.entry(what).or_default() += seconds;
        }
        for (detector, seconds) in &it.hunt.seconds {
            self.detectors.entry(detector.clone()).or_default().seconds += seconds;
        }
        let mut by_day: BTreeMap<&str, Vec<Finding>> = BTreeMap::new();
        for finding in &it.hunt.findings {
            by_day.entry(&finding.first_time[..10]).or_default().push(finding.clone());
        }
        let riskiest: BTreeMap<&str, Vec<risk::Entity>> =
            by_day.iter().map(|(day, findings)| (*day, risk::entities(findings))).collect();
        for (number, incident) in it.incidents.iter().enumerate() {
            self.add_incident(it, number, incident, &riskiest);
        }
        for (finding, touched) in it.hunt.findings.iter().zip(&it.touched) {
            self.add_finding(it, finding, touched);
        }
        let first = it.touched.iter().take(FIRST);
        self.first += first.len() as u32;
        self.first_correct +=
            first.filter(|touched| touched.iter().any(|it_| it.incidents[*it_].is_attack())).count() as u32;
    }

    fn add_incident(
        &mut self,
        it: &Evaluated,
        number: usize,
        incident: &Incident,
        riskiest: &BTreeMap<&str, Vec<risk::Entity>>,
    ) {
        let table = if incident.is_attack() { &mut self.attacks } else { &mut self.lookalikes };
        let tally = table.entry(incident.kind.clone()).or_default();
        let findings = it.hunt.findings.iter().zip(&it.touched).filter(|(_, touched)| touched.contains(&number));
        let findings: Vec<_> = findings.map(|(finding, _)| finding).collect();
        let alarms: BTreeSet<_> =
            findings.iter().filter(|finding| finding.severity >= ALARM).map(|finding| &finding.detector).collect();
        tally.planted += 1;
        tally.events += incident.calls.len();
        tally.found += u32::from(!findings.is_empty());
        tally.alarmed += u32::from(!alarms.is_empty());
        for detector in &alarms {
            *tally.detectors.entry((*detector).clone()).or_default() += 1;
        }
        let days: BTreeSet<String> = incident
            .calls
            .iter()
            .filter_map(|(_, at)| DateTime::from_timestamp_micros(*at))
            .map(|at| at.date_naive().to_string())
            .collect();
        let rank_on = |day: &String| {
            let entities = riskiest.get(day.as_str())?;
            entities.iter().take(RANK_MAX).position(|entity| incident.is_by(&entity.entity_type, &entity.entity))
        };
        if let Some(rank) = days.iter().filter_map(rank_on).min() {
            tally.ranked += 1;
            tally.ranks += rank + 1;
        }
        if incident.is_attack() {
            for detector in &alarms {
                let work = self.detectors.entry((*detector).clone()).or_default();
                work.attacks += 1;
                work.alone += u32::from(alarms.len() == 1);
            }
        }
    }

    fn add_finding(&mut self, it: &Evaluated, finding: &Finding, touched: &BTreeSet<usize>) {
        let work = self.detectors.entry(finding.detector.clone()).or_default();
        work.findings += 1;
        if finding.severity < ALARM {
            return;
        }
        work.alarms += 1;
        if !it.is_false_alarm(finding, touched) {
            work.hits += 1;
            return;
        }
        work.false_alarms += 1;
        self.false_alarms += 1;
        let cause = touched.first().map_or("everyday work", |number| &it.incidents[*number].kind);
        let (count, examples) = self.false_alarms_by.entry((finding.detector.clone(), cause.to_owned())).or_default();
        *count += 1;
        if examples.len() < 3 {
            examples.push(format!(
                "[seed {} {} {:?}] {}",
                it.seed,
                &finding.first_time[..16],
                finding.severity,
                finding.summary
            ));
        }
        *self.false_alarms_on.entry(finding.first_time[..10].to_owned()).or_default() += 1;
    }

    /// Share of the attacks with a finding of at least this severity; of any severity when `None`.
    fn recall(&self, least: Option<Severity>) -> f64 {
        let total = sum(&self.attacks);
        f64::from(if least.is_some() { total.alarmed } else { total.found }) / f64::from(total.planted.max(1))
    }

    fn false_alarms_a_day(&self) -> f64 {
        f64::from(self.false_alarms) / f64::from(self.days.max(1))
    }

    fn print(&self) {
        let (attacks, lookalikes) = (sum(&self.attacks), sum(&self.lookalikes));
        println!(
            "\n{} events of {} days, {} attacks of {} kinds, {} look-alikes of {} kinds",
            self.events,
            self.days,
            attacks.planted,
            self.attacks.len(),
            lookalikes.planted,
            self.lookalikes.len()
        );
        println!(
            "recall at medium or above      {:6.1} %  ({} of {})",
            100.0 * self.recall(Some(ALARM)),
            attacks.alarmed,
            attacks.planted
        );
        println!("recall at any severity         {:6.1} %  ({})", 100.0 * self.recall(None), attacks.found);
        println!(
            "attacker among the day's {RANK_MAX}    {:6.1} %  ({}), mean rank {:.1}",
            percent(attacks.ranked, attacks.planted),
            attacks.ranked,
            attacks.ranks as f64 / f64::from(attacks.ranked.max(1))
        );
        println!("false alarms per day           {:6.2}    ({})", self.false_alarms_a_day(), self.false_alarms);
        println!(
            "look-alikes alarmed            {:6.1} %  ({} of {})",
            percent(lookalikes.alarmed, lookalikes.planted),
            lookalikes.alarmed,
            lookalikes.planted
        );
        for (what, seconds) in &self.seconds {
            println!("seconds {what:<23}{seconds:6.1}");
        }
        for (title, table) in [("Attacks", &self.attacks), ("Look-alikes", &self.lookalikes)] {
            println!("\n{title:<28} planted alarm   any top{RANK_MAX}  rank events  alarms by");
            for (kind, tally) in table {
                let detectors: Vec<_> = tally.detectors.iter().map(|(id, count)| format!("{id} {count}")).collect();
                println!(
                    "{kind:<28} {:7} {:5} {:5} {:5} {:5.1} {:6}  {}",
                    tally.planted,
                    tally.alarmed,
                    tally.found,
                    tally.ranked,
                    tally.ranks as f64 / f64::from(tally.ranked.max(1)),
                    tally.events / tally.planted.max(1) as usize,
                    detectors.join(", ")
                );
            }
        }
        println!("\nDetector                    findings alarms   hits attacks  alone  false seconds");
        for (detector, it) in &self.detectors {
            println!(
                "{detector:<27} {:8} {:6} {:6} {:7} {:6} {:6} {:7.1}",
                it.findings, it.alarms, it.hits, it.attacks, it.alone, it.false_alarms, it.seconds
            );
        }
        println!("\nFalse alarms, most common first");
        let mut by: Vec<_> = self.false_alarms_by.iter().collect();
        by.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
        for ((detector, cause), (count, examples)) in by.into_iter().take(40) {
            println!("{count:5}  {detector} on {cause}");
            for example in examples {
                println!("         {example}");
            }
        }
        let on: Vec<_> = self.false_alarms_on.iter().map(|(day, count)| format!("{} {count}", &day[5..])).collect();
        println!("\nFalse alarms by day: {}", on.join(", "));
    }
}

/// One line per environment, then the median and the worst of each measure.
fn print_environments(scores: &[(SampleSettings, Score)]) {
    println!(
        "\nEnvironment people accounts   events days  attacks recall  false/day top{RANK_MAX} look-alikes first{FIRST} events/s"
    );
    let mut measures: [Vec<f64>; 5] = Default::default();
    for (settings, score) in scores {
        let (attacks, lookalikes) = (sum(&score.attacks), sum(&score.lookalikes));
        let measured = [
            score.recall(Some(ALARM)) * 100.0,
            score.false_alarms_a_day(),
            percent(attacks.ranked, attacks.planted),
            percent(lookalikes.alarmed, lookalikes.planted),
            percent(score.first_correct, score.first),
        ];
        let busy: f64 = score.seconds.iter().filter(|(what, _)| **what != "sample").map(|(_, seconds)| seconds).sum();
        println!(
            "{:11} {:6} {:8} {:8} {:4} {:8} {:5.1} % {:9.2} {:4.1} % {:9.1} % {:6.1} % {:8.0}",
            settings.seed,
            settings.people.unwrap_or_default(),
            settings.accounts,
            score.events,
            score.days,
            attacks.planted,
            measured[0],
            measured[1],
            measured[2],
            measured[3],
            measured[4],
            score.events as f64 / busy.max(0.1)
        );
        measures.iter_mut().zip(measured).for_each(|(all, one)| all.push(one));
    }
    // A high value is good, except for false alarms and look-alikes.
    let is_better_high = [true, false, true, false, true];
    for all in &mut measures {
        all.sort_by(f64::total_cmp);
    }
    let of = |pick: &dyn Fn(&[f64], bool) -> f64| -> Vec<f64> {
        measures.iter().zip(is_better_high).map(|(all, high)| pick(all, high)).collect()
    };
    let middle = |all: &[f64]| (all[(all.len() - 1) / 2] + all[all.len() / 2]) / 2.0;
    let rows = [
        ("median", of(&|all, _| middle(all))),
        ("worst", of(&|all, high| if high { all[0] } else { all[all.len() - 1] })),
    ];
    for (title, row) in rows {
        println!("{title:<49} {:5.1} % {:9.2} {:4.1} % {:9.1} % {:6.1} %", row[0], row[1], row[2], row[3], row[4]);
    }
    for (settings, _) in scores {
        if let Some(environment) = &settings.environment {
            println!("{:11} {environment}", settings.seed);
        }
    }
}

fn sum(table: &BTreeMap<String, Tally>) -> Tally {
    let mut total = Tally::default();
    for tally in table.values() {
        total.planted += tally.planted;
        total.found += tally.found;
        total.alarmed += tally.alarmed;
        total.ranked += tally.ranked;
        total.ranks += tally.ranks;
    }
    total
}

fn percent(part: u32, whole: u32) -> f64 {
    100.0 * f64::from(part) / f64::from(whole.max(1))
}
