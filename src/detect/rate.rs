//! How often an organisation would have seen a finding like this one, and what that means for its severity.
//!
//! A finding is like another one if the same detector reports it about the same [`Class`] of identity, with at least its
//! score and at least its severity. `like_it` of them in the `days` before give the rate `(like_it + 1) / (days + 1)` a
//! day. The finding and its day count too: this is the p-value of conformal prediction, which holds in any organisation
//! whose days are exchangeable, without an assumption about the distribution of scores (Vovk, Gammerman, Shafer,
//! "Algorithmic Learning in a Random World", 2005; Laxhammar, Falkman, "Conformal prediction for distribution-independent
//! anomaly detection in streaming vessel data", 2010).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Severity;
use crate::engine::udf::is_machine;
use crate::wording::counted;

/// Days before a finding that are counted.
pub const DAYS_MAX: u64 = 90;
/// With fewer days, no rate is stated.
pub const DAYS_MIN: u64 = 14;
/// A finding is rare if there was none like it on so many days, and it is at least this surprising. After 60 days without
/// one, the rate is with 95 % confidence at most one in 20 days (the rule of three: Hanley, Lippman-Hand, "If nothing goes
/// wrong, is everything all right?", JAMA 1983). Half a score is what each detector's comment names as its scale.
const RARE_DAYS: u64 = 60;
const RARE_SCORE: f64 = 0.5;
/// Days of a month, for the rate.
const MONTH_DAYS: f64 = 30.0;

/// What a finding is about. Findings are compared within a class: machines repeat themselves, people do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Users, and people who assume a role.
    People,
    /// Roles that workloads assume.
    Machines,
    /// An account, an address or a key, if the detector names no identity behind it.
    Other,
}

impl Class {
    /// The class of a finding about this identity, if there is one.
    pub fn of(actor: Option<&str>) -> Class {
        match actor {
            Some(actor) if is_machine(actor) => Class::Machines,
            Some(_) => Class::People,
            None => Class::Other,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Class::People => "people",
            Class::Machines => "machines",
            Class::Other => "other",
        })
    }
}

impl FromStr for Class {
    type Err = String;

    fn from_str(text: &str) -> Result<Class, String> {
        let known = [Class::People, Class::Machines, Class::Other].into_iter().find(|class| class.to_string() == text);
        known.ok_or_else(|| format!("unknown class `{text}`"))
    }
}

/// How often findings like this one occurred before it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Expected {
    /// Findings like this one that 30 days have, with this one counted: 30 x (like_it + 1) / (days + 1), to two decimals.
    pub per_month: f64,
    /// Findings like it on these days: same detector, also about people or also about machines, with at least its score
    /// and severity.
    pub like_it: u64,
    /// Days before it that have events and that its detector could evaluate, at most 90.
    pub days: u64,
}

impl Expected {
    /// The rate, or `None` if there are too few days to state one.
    pub fn of(like_it: u64, days: u64) -> Option<Expected> {
        let per_month = MONTH_DAYS * (like_it + 1) as f64 / (days + 1) as f64;
        (days >= DAYS_MIN).then(|| Expected { per_month: (per_month * 100.0).round() / 100.0, like_it, days })
    }

    /// `none like it in 84 days`, or `3 like it in 84 days`.
    pub fn counted(self) -> String {
        let like_it = if self.like_it == 0 { "none".to_owned() } else { self.like_it.to_string() };
        format!("{like_it} like it in {}", counted(self.days, "day"))
    }
}

/// `none like it in 84 days`, or `0.7 a month here (1 in 84 days)`.
impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.like_it {
            0 => f.write_str(&self.counted()),
            like_it => write!(f, "{:.1} a month here ({like_it} in {})", self.per_month, counted(self.days, "day")),
        }
    }
}

/// What is shown for the rate of a finding.
pub fn in_words(expected: Option<Expected>) -> String {
    expected.map_or_else(|| "too little history".to_owned(), |expected| expected.to_string())
}

/// How many alerts a day a detector may raise about a class. An alert is behaviour of at least medium severity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    share: f64,
}

impl Budget {
    /// Divides `alerts_per_day` among detectors and classes that raised `rates` of alerts a day so far. All have the same
    /// share; what some do not use is divided among the others (max-min fairness). If all together stay within the
    /// budget, nothing is limited.
    pub fn new(alerts_per_day: f64, mut rates: Vec<f64>) -> Budget {
        rates.sort_by(f64::total_cmp);
        let mut left = alerts_per_day;
        for (at, rate) in rates.iter().enumerate() {
            let share = left / (rates.len() - at) as f64;
            if *rate > share {
                return Budget { share };
            }
            left -= rate;
        }
        Budget { share: f64::INFINITY }
    }

    /// The severity of unusual behaviour that the detector rates `severity`. It is at most low if findings like it exceed
    /// the share, or if there is one a day.
    pub fn severity(&self, severity: Severity, expected: Expected) -> Severity {
        let Expected { like_it, days, .. } = expected;
        let is_common = like_it as f64 > self.share * days as f64 || like_it >= days;
        if is_common { severity.min(Severity::Low) } else { severity }
    }
}

/// The severity of unusual behaviour that its detector rates `severity`: if it did not occur in months, it is at least what
/// the detector's header says. What the detector rates informational is explained and stays so.
pub fn severity_of_rare(severity: Severity, of_header: Severity, score: f64, expected: Expected) -> Severity {
    let is_rare = expected.like_it == 0 && expected.days >= RARE_DAYS && score >= RARE_SCORE;
    if is_rare && severity >= Severity::Low { severity.max(of_header) } else { severity }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(like_it: u64, days: u64) -> Expected {
        Expected::of(like_it, days).unwrap()
    }

    #[test]
    fn a_rate_counts_the_finding_itself_and_needs_two_weeks() {
        assert_eq!(Expected::of(0, 13), None);
        assert_eq!(expected(0, 14), Expected { per_month: 2.0, like_it: 0, days: 14 });
        assert_eq!(expected(2, 89).per_month, 1.0);
        assert_eq!(expected(1, 84).per_month, 0.71);
        assert_eq!(expected(1, 84).to_string(), "0.7 a month here (1 in 84 days)");
        assert_eq!(expected(0, 84).to_string(), "none like it in 84 days");
        assert_eq!(in_words(None), "too little history");
    }

    #[test]
    fn the_budget_is_shared_and_what_is_unused_goes_to_the_others() {
        let share = |rates: &[f64]| Budget::new(3.0, rates.to_vec()).share;
        assert_eq!(share(&[5.0, 4.0, 9.0]), 1.0);
        assert_eq!(share(&[5.0, 0.5, 0.0, 9.0]), 1.25);
        assert_eq!(share(&[2.5, 0.5, 0.0]), f64::INFINITY, "all stay within the budget");
        assert_eq!(share(&[]), f64::INFINITY);
        // What remains is what the budget allows.
        let rates = [0.1, 0.3, 0.9, 1.1, 4.0];
        assert_eq!(rates.iter().map(|rate| share(&rates).min(*rate)).sum::<f64>(), 3.0);
    }

    #[test]
    fn behaviour_beyond_its_share_is_low() {
        let budget = Budget { share: 0.05 };
        assert_eq!(budget.severity(Severity::High, expected(4, 80)), Severity::High);
        assert_eq!(budget.severity(Severity::High, expected(5, 80)), Severity::Low);
        assert_eq!(budget.severity(Severity::Informational, expected(80, 80)), Severity::Informational);
    }

    #[test]
    fn what_occurs_daily_is_low_whatever_the_budget() {
        let budget = Budget::new(1000.0, vec![1.0]);
        assert_eq!(budget.severity(Severity::Critical, expected(79, 80)), Severity::Critical);
        assert_eq!(budget.severity(Severity::Critical, expected(80, 80)), Severity::Low);
    }

    #[test]
    fn what_did_not_occur_in_months_is_at_least_what_the_header_says() {
        let of = |severity, score, like_it, days| {
            severity_of_rare(severity, Severity::Medium, score, expected(like_it, days))
        };
        assert_eq!(of(Severity::Low, 0.5, 0, 60), Severity::Medium);
        assert_eq!(of(Severity::High, 0.5, 0, 60), Severity::High);
        assert_eq!(of(Severity::Informational, 0.5, 0, 60), Severity::Informational);
        assert_eq!(of(Severity::Low, 0.49, 0, 60), Severity::Low);
        assert_eq!(of(Severity::Low, 0.5, 1, 60), Severity::Low);
        assert_eq!(of(Severity::Low, 0.5, 0, 59), Severity::Low);
    }

    #[test]
    fn people_machines_and_everything_else_are_apart() {
        assert_eq!(Class::of(Some("arn:aws:iam::111122223333:role/build")), Class::Machines);
        assert_eq!(Class::of(Some("arn:aws:sts::111122223333:assumed-role/Ops/maria@acme.example")), Class::People);
        assert_eq!(Class::of(None), Class::Other);
    }
}
