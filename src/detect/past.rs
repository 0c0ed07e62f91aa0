//! What detectors found on earlier days: the history that rates are counted from.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use chrono::{Days, NaiveDate};

use super::rate::{Budget, Class, DAYS_MAX, DAYS_MIN, Expected, severity_of_rare};
use super::{Detector, Finding, Kind, Settings, Severity};
use crate::error::{Error, Result};
use crate::sha256;

/// A finding as far as others are compared with it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    class: Class,
    kind: Kind,
    severity: Severity,
    score: f64,
}

impl Found {
    /// A finding as its detector returned it, before its severity was changed.
    pub fn of(finding: &Finding) -> Found {
        Found { class: finding.class(), kind: finding.kind, severity: finding.severity, score: finding.score }
    }
}

/// What each detector found on a day, by [`fingerprint`]. A detector that found nothing has an empty list.
pub type DayResults = BTreeMap<String, Vec<Found>>;

/// The day that a finding is about: that of its last event. Some begin on the day before.
pub fn day_of(finding: &Finding) -> Option<NaiveDate> {
    finding.last_time.get(..10)?.parse().ok()
}

/// Identifies a detector with its parameters, and the geographic databases it uses.
pub fn fingerprint(detector: &Detector, settings: &Settings, geography: &[String]) -> String {
    let parameters = settings.parameters.get(&detector.id).into_iter().flatten();
    let parameters: String = parameters.map(|(name, value)| format!("{name}\u{1f}{value}\u{1e}")).collect();
    let all = [&detector.id, &detector.sha256, &parameters, &geography.join("\u{1f}")];
    sha256::hex(all.map(String::as_str).join("\u{1d}").as_bytes())[..16].to_owned()
}

/// A day's results as rows to store. A detector has one row without a class, and one row per finding.
///
/// # Errors
/// [`Error::Internal`], which is a bug.
pub fn to_rows(results: &DayResults) -> Result<RecordBatch> {
    let mut rows: Vec<(&str, Option<Found>)> = Vec::new();
    for (fingerprint, found) in results {
        let mut found = found.clone();
        let order = |found: &Found| (found.class, found.kind, found.severity);
        found.sort_by(|a, b| order(a).cmp(&order(b)).then(a.score.total_cmp(&b.score)));
        rows.push((fingerprint, None));
        rows.extend(found.into_iter().map(|found| (fingerprint.as_str(), Some(found))));
    }
    let text = |of: &dyn Fn(&Found) -> String| -> ArrayRef {
        Arc::new(rows.iter().map(|(_, found)| found.as_ref().map(of)).collect::<StringArray>())
    };
    let columns: [(&str, ArrayRef); 5] = [
        ("detector", Arc::new(StringArray::from_iter_values(rows.iter().map(|(fingerprint, _)| fingerprint)))),
        ("class", text(&|found| found.class.to_string())),
        ("kind", text(&|found| found.kind.to_string())),
        ("severity", text(&|found| found.severity.to_string())),
        ("score", Arc::new(rows.iter().map(|(_, found)| found.map(|found| found.score)).collect::<Float64Array>())),
    ];
    RecordBatch::try_from_iter(columns).map_err(|e| Error::Internal(e.to_string()))
}

/// Adds stored rows to a day's results. A detector that is known already keeps its findings: two runs may have stored it.
///
/// # Errors
/// What is wrong with the rows.
pub fn add_rows(results: &mut DayResults, rows: &RecordBatch) -> std::result::Result<(), String> {
    let column = |name: &str, data_type: &DataType| {
        let column = rows.column_by_name(name).ok_or_else(|| format!("no column {name}"))?;
        cast(column, data_type).map_err(|e| e.to_string())
    };
    let [detectors, classes, kinds, severities] =
        ["detector", "class", "kind", "severity"].map(|name| column(name, &DataType::Utf8));
    let (detectors, classes, kinds, severities) = (detectors?, classes?, kinds?, severities?);
    let scores = column("score", &DataType::Float64)?;
    let (detectors, scores) = (detectors.as_string::<i32>(), scores.as_primitive::<Float64Type>());
    let (classes, kinds) = (classes.as_string::<i32>(), kinds.as_string::<i32>());
    let severities = severities.as_string::<i32>();
    let mut added = DayResults::new();
    for row in 0..rows.num_rows() {
        let found = added.entry(detectors.value(row).to_owned()).or_default();
        if classes.is_valid(row) {
            found.push(Found {
                class: classes.value(row).parse()?,
                kind: kinds.value(row).parse()?,
                severity: severities.value(row).parse()?,
                score: scores.value(row),
            });
        }
    }
    for (detector, found) in added {
        results.entry(detector).or_insert(found);
    }
    Ok(())
}

/// The days that are counted for a finding of this day.
fn days_before(day: NaiveDate) -> Range<NaiveDate> {
    day.checked_sub_days(Days::new(DAYS_MAX)).unwrap_or(day)..day
}

/// The past of one detector.
#[derive(Debug, Default)]
struct Past {
    /// Days that it could evaluate.
    days: BTreeSet<NaiveDate>,
    /// Scores by class, severity and day, in ascending order.
    scores: BTreeMap<(Class, Severity), BTreeMap<NaiveDate, Vec<f64>>>,
    /// Number of alerts by class and day: behaviour of at least medium severity.
    alerts: BTreeMap<Class, BTreeMap<NaiveDate, u64>>,
}

/// What detectors found on the days before and in a window, by detector id.
#[derive(Debug, Default)]
pub struct PastFindings {
    detectors: BTreeMap<String, Past>,
}

impl PastFindings {
    /// Adds what a detector found on a day that it could evaluate.
    pub fn add(&mut self, detector: &str, day: NaiveDate, found: &[Found]) {
        let past = self.detectors.entry(detector.to_owned()).or_default();
        past.days.insert(day);
        for Found { class, kind, severity, score } in found {
            let scores = past.scores.entry((*class, *severity)).or_default().entry(day).or_default();
            scores.insert(scores.partition_point(|known| known < score), *score);
            if *kind == Kind::Behaviour && *severity >= Severity::Medium {
                *past.alerts.entry(*class).or_default().entry(day).or_default() += 1;
            }
        }
    }

    /// How often findings like this one occurred on the days before its own.
    pub fn expected(&self, finding: &Finding) -> Option<Expected> {
        let past = self.detectors.get(&finding.detector)?;
        let day = day_of(finding)?;
        let before = days_before(day);
        let class = finding.class();
        let alike = past.scores.range((class, finding.severity)..=(class, Severity::Critical));
        let counts = alike.flat_map(|(_, days)| days.range(before.clone())).map(|(_, scores)| {
            let lower = scores.partition_point(|score| *score < finding.score);
            (scores.len() - lower) as u64
        });
        Expected::of(counts.sum(), past.days.range(before.clone()).count() as u64)
    }

    /// Divides the alerts that may be raised on a day among detectors and classes.
    fn budget(&self, alerts_per_day: f64, day: NaiveDate) -> Budget {
        let before = days_before(day);
        let mut rates = Vec::new();
        for past in self.detectors.values() {
            let days = past.days.range(before.clone()).count() as u64;
            let alerts = past.alerts.values().map(|alerts| alerts.range(before.clone()).map(|(_, n)| n).sum::<u64>());
            rates.extend(alerts.filter(|_| days >= DAYS_MIN).map(|alerts| alerts as f64 / days as f64));
        }
        Budget::new(alerts_per_day, rates)
    }

    /// States in each finding how often it would be expected, lowers the severity of common behaviour, and raises that of
    /// behaviour that did not occur in months to that in the header of its detector.
    pub fn rate(&self, findings: &mut [Finding], detectors: &[&Detector], alerts_per_day: f64) {
        let headers: BTreeMap<_, _> = detectors.iter().map(|of| (of.id.as_str(), of.severity)).collect();
        let mut budgets: BTreeMap<NaiveDate, Budget> = BTreeMap::new();
        for finding in findings {
            let Some(day) = day_of(finding) else { continue };
            finding.expected = self.expected(finding);
            let Some(expected) = finding.expected.filter(|_| finding.kind == Kind::Behaviour) else { continue };
            let of_header = headers.get(finding.detector.as_str()).copied().unwrap_or(finding.severity);
            let severity = severity_of_rare(finding.severity, of_header, finding.score, expected);
            let budget = budgets.entry(day).or_insert_with(|| self.budget(alerts_per_day, day));
            let severity = budget.severity(severity, expected);
            if severity != finding.severity {
                finding.severity_before = Some(std::mem::replace(&mut finding.severity, severity));
                finding.summary.push_str(&format!("; {severity} here: {}", expected.counted()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::tests::finding;
    use super::*;

    const MARIA: &str = "arn:aws:iam::111122223333:user/maria";
    const BUILD: &str = "arn:aws:iam::111122223333:role/build";

    fn day(n: u64) -> NaiveDate {
        NaiveDate::default() + Days::new(n)
    }

    /// A finding of this day.
    fn on(n: u64, entity: &str, severity: Severity, score: f64) -> Finding {
        Finding { score, last_time: format!("{}T10:00:00Z", day(n)), ..finding("x", entity, severity) }
    }

    /// A detector that could evaluate the days 0 to 19 and had these findings.
    fn past(findings: &[Finding]) -> PastFindings {
        let mut past = PastFindings::default();
        for n in 0..20 {
            let of_day = findings.iter().filter(|finding| day_of(finding) == Some(day(n)));
            past.add("x", day(n), &of_day.map(Found::of).collect::<Vec<_>>());
        }
        past
    }

    #[test]
    fn only_earlier_findings_of_the_class_with_the_score_and_the_severity_count() {
        let past = past(&[
            on(1, MARIA, Severity::Medium, 0.5),
            on(1, MARIA, Severity::High, 0.9),
            on(2, "arn:aws:iam::111122223333:user/ana", Severity::Medium, 0.6),
            on(3, MARIA, Severity::Medium, 0.4),
            on(3, MARIA, Severity::Low, 0.9),
            on(3, BUILD, Severity::Medium, 0.9),
            on(18, MARIA, Severity::Medium, 0.9),
        ]);
        let expected = |n, entity, severity, score| past.expected(&on(n, entity, severity, score));
        assert_eq!(expected(18, MARIA, Severity::Medium, 0.5), Expected::of(3, 18), "its own day does not count");
        assert_eq!(expected(19, MARIA, Severity::Medium, 0.5), Expected::of(4, 19));
        assert_eq!(expected(19, MARIA, Severity::High, 0.5), Expected::of(1, 19));
        assert_eq!(expected(19, BUILD, Severity::Medium, 0.5), Expected::of(1, 19));
        assert_eq!(expected(13, MARIA, Severity::Medium, 0.5), None, "13 days are too few");
        // Day 92 looks back to day 2.
        assert_eq!(expected(92, MARIA, Severity::Medium, 0.5), Expected::of(2, 18));
        let unknown = Finding { detector: "y".into(), ..on(19, MARIA, Severity::Medium, 0.5) };
        assert_eq!(past.expected(&unknown), None);
    }

    #[test]
    fn common_behaviour_is_low_and_says_why_but_a_fact_keeps_its_severity() {
        // Three alerts in 19 days are more than 0.1 a day.
        let past = past(&[1, 2, 3].map(|n| on(n, MARIA, Severity::High, 0.5)));
        let fact = Finding { kind: Kind::Fact, ..on(19, MARIA, Severity::High, 0.5) };
        let mut findings = [on(19, MARIA, Severity::High, 0.5), on(19, MARIA, Severity::High, 0.6), fact];
        past.rate(&mut findings, &[], 0.1);
        let rated = findings.each_ref().map(|f| (f.severity, f.severity_before, f.expected.unwrap().like_it));
        assert_eq!(rated[0], (Severity::Low, Some(Severity::High), 3));
        assert_eq!(rated[1], (Severity::High, None, 0));
        assert_eq!(rated[2], (Severity::High, None, 3));
        assert_eq!(findings[0].summary, "; low here: 3 like it in 19 days");
    }

    #[test]
    fn nothing_is_lowered_if_all_alerts_fit_the_budget_and_facts_use_none_of_it() {
        let common = [1, 2, 3].map(|n| on(n, MARIA, Severity::High, 0.5));
        let facts = [4, 5, 6].map(|n| Finding { kind: Kind::Fact, ..on(n, BUILD, Severity::High, 0.5) });
        let past = past(&[&common[..], &facts].concat());
        let mut findings = [on(19, MARIA, Severity::High, 0.5)];
        past.rate(&mut findings, &[], 0.2);
        assert_eq!((findings[0].severity, findings[0].severity_before), (Severity::High, None));
    }

    #[test]
    fn what_did_not_occur_in_months_is_raised_to_its_header() {
        let text = "/*\ntitle = \"t\"\nseverity = \"high\"\nconfidence = \"low\"\nattack = []\nwhy = \"\"\nbenign = []\n\
                    respond = []\n*/\nSELECT 1";
        let detector = Detector::parse("x", text).unwrap();
        let mut past = PastFindings::default();
        (0..60).for_each(|n| past.add("x", day(n), &[]));
        let mut findings = [on(60, MARIA, Severity::Low, 0.9), on(59, MARIA, Severity::Low, 0.9)];
        past.rate(&mut findings, &[&detector], 3.0);
        assert_eq!((findings[0].severity, findings[0].severity_before), (Severity::High, Some(Severity::Low)));
        assert_eq!(findings[0].summary, "; high here: none like it in 60 days");
        assert_eq!(findings[1].severity, Severity::Low, "59 days are too few");
    }

    #[test]
    fn stored_rows_give_the_same_results_and_a_day_without_findings_is_known() {
        let found = [on(1, MARIA, Severity::High, 0.1), on(1, BUILD, Severity::Low, 1.0 / 3.0)].map(|f| Found::of(&f));
        let results = DayResults::from([("a".to_owned(), found.to_vec()), ("b".to_owned(), vec![])]);
        let mut read = DayResults::new();
        add_rows(&mut read, &to_rows(&results).unwrap()).unwrap();
        assert_eq!(read, results);
        // Another run stored the same detector and one more.
        let again = DayResults::from([("a".to_owned(), found.to_vec()), ("c".to_owned(), vec![])]);
        add_rows(&mut read, &to_rows(&again).unwrap()).unwrap();
        assert_eq!((read.len(), read["a"].len()), (3, 2));
        let wrong = RecordBatch::try_from_iter([("detector", Arc::new(StringArray::from(vec!["a"])) as ArrayRef)]);
        assert_eq!(add_rows(&mut read, &wrong.unwrap()).unwrap_err(), "no column class");
    }

    #[test]
    fn a_changed_text_parameter_or_database_is_another_detector() {
        let text = "/*\ntitle = \"t\"\nseverity = \"low\"\nconfidence = \"low\"\nattack = []\nwhy = \"\"\nbenign = []\n\
                    respond = []\n[params]\nn = { default = 1, help = \"\" }\n*/\nSELECT $n";
        let of = |text: &str, value: Option<&str>, geography: &[&str]| {
            let set = value.map(|value| ("n".to_owned(), value.to_owned())).into_iter().collect();
            let settings = Settings { parameters: BTreeMap::from([("x".to_owned(), set)]) };
            let geography: Vec<_> = geography.iter().map(|name| (*name).to_owned()).collect();
            fingerprint(&Detector::parse("x", text).unwrap(), &settings, &geography)
        };
        let all =
            [of(text, None, &[]), of(&format!("{text} "), None, &[]), of(text, Some("2"), &[]), of(text, None, &["a"])];
        assert_eq!(BTreeSet::from(all.clone()).len(), all.len());
        assert_eq!(all[0], of(text, None, &[]));
    }
}
