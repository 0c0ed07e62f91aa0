//! One finding, explained for a person who sees it for the first time: what happened, compared with what, why it matters,
//! how often it happens here, benign explanations, and what to check next.
//!
//! [`Explanation::of`] takes everything from the finding and from the detector that reported it, and reads nothing.
//! [`text`] writes it for a terminal, [`markdown`] for a ticket; as JSON it is serialised.

mod markdown;
mod parts;
mod text;
mod words;

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

pub use markdown::markdown;
pub use text::text;

use crate::detect::rate::{Class, DAYS_MIN, Expected, in_words};
use crate::detect::{
    Chart, Confidence, Detector, Evidence, Finding, Kind, NextStep, Origin, SeenBefore, Severity, Status, attack,
};
use crate::wording::counted;

/// A finding with everything that a reader needs to judge it.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Explanation {
    /// Id of the finding.
    pub id: String,
    /// Id of the detector that reported it.
    pub detector: String,
    /// Title of the detector.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// The detector's severity, if how often it happens here changed it; else null.
    pub severity_before: Option<Severity>,
    /// Whether it is a fact, or unusual behaviour.
    pub kind: Kind,
    /// How likely it is what it seems.
    pub confidence: Confidence,
    /// How unusual it is, 0 to 1.
    pub score: f64,
    /// Compared with the previous run.
    pub status: Status,
    /// `actor`, `ip`, `access_key`, `account`, ...
    pub entity_type: String,
    /// The identity, address, key or account it is about, with its full name.
    pub entity: String,
    /// The identity behind an entity that is not an identity.
    pub actor: Option<String>,
    /// Who is behind the credentials of its events; null if that is its entity or its actor.
    pub origin: Option<Origin>,
    /// Account.
    pub account_id: Option<String>,
    /// Region, if it is about one.
    pub region: Option<String>,
    /// First event, UTC, RFC 3339.
    pub first_time: String,
    /// Last event.
    pub last_time: String,
    /// The finding in one sentence, and then who is behind it, if that is somebody else than its entity.
    pub what_happened: Vec<String>,
    /// What was normal before, each with what the finding has instead, if the finding has that quantity.
    pub compared_with: Vec<Compared>,
    /// The detector's other numbers and names.
    pub also_observed: Vec<Quantity>,
    /// Why it matters, as its detector says; null if the detector is not known.
    pub why_it_matters: Option<String>,
    /// ATT&CK techniques.
    pub techniques: Vec<NamedTechnique>,
    /// How often findings like it occurred here before, in words.
    pub how_often: Vec<String>,
    /// The same in numbers; null if there is too little history.
    pub expected: Option<Expected>,
    /// Why the severity is not simply the detector's, or does not depend on how often it happens.
    pub severity_reasons: Vec<String>,
    /// Ids of the findings that raised its severity.
    pub joined_by: Vec<String>,
    /// Benign explanations.
    pub benign: Vec<String>,
    /// What to check and do, in words.
    pub respond: Vec<String>,
    /// Commands to look at it, and to contain it. Trailhunt never runs them.
    pub next_steps: Vec<NextStep>,
    /// Number of events behind it, and the first of them.
    pub evidence: Evidence,
    /// An analyst's verdict on it, or on the same activity on another day.
    pub verdict: Option<SeenBefore>,
}

/// Something that was normal before the finding.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Compared {
    /// What it is, in words: `most roles in a day`.
    pub name: String,
    /// What it was before the finding.
    pub baseline: Value,
    /// What the finding has instead; null if it has no such quantity.
    pub observed: Option<Quantity>,
}

/// A number or name with what it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Quantity {
    /// What it is, in words: `roles`.
    pub name: String,
    /// A number, a text, true or false, or a list of them.
    pub value: Value,
}

/// An ATT&CK technique of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct NamedTechnique {
    /// Such as `T1562.008`.
    pub id: String,
    /// Its name; null if this edition of ATT&CK does not have it.
    pub name: Option<&'static str>,
    /// Tactics it belongs to.
    pub tactics: Vec<&'static str>,
}

impl NamedTechnique {
    /// The techniques of these ids.
    pub fn of(ids: &[String]) -> Vec<NamedTechnique> {
        let technique = |id: &String| NamedTechnique {
            id: id.clone(),
            name: attack::technique(id),
            tactics: attack::tactics_of(id),
        };
        ids.iter().map(technique).collect()
    }
}

impl Explanation {
    /// Explains a finding. `detector` is the one that reported it, if it is known.
    pub fn of(finding: &Finding, detector: Option<&Detector>) -> Explanation {
        let (compared_with, also_observed) = compared(finding, detector.and_then(|detector| detector.chart.as_ref()));
        let lines = |texts: &[String]| texts.iter().map(|text| one_line(text)).collect();
        Explanation {
            id: finding.id.clone(),
            detector: finding.detector.clone(),
            title: finding.title.clone(),
            severity: finding.severity,
            severity_before: finding.severity_before,
            kind: finding.kind,
            confidence: finding.confidence,
            score: finding.score,
            status: finding.status,
            entity_type: finding.entity_type.clone(),
            entity: finding.entity.clone(),
            actor: finding.actor.clone(),
            origin: finding.origin.clone(),
            account_id: finding.account_id.clone(),
            region: finding.region.clone(),
            first_time: finding.first_time.clone(),
            last_time: finding.last_time.clone(),
            what_happened: what_happened(finding),
            compared_with,
            also_observed,
            why_it_matters: detector.map(|detector| one_line(&detector.why)),
            techniques: NamedTechnique::of(&finding.attack),
            how_often: how_often(finding),
            expected: finding.expected,
            severity_reasons: severity_reasons(finding),
            joined_by: finding.joined_by.clone(),
            benign: lines(&finding.benign),
            respond: lines(&finding.respond),
            next_steps: finding.next_steps.clone(),
            evidence: finding.evidence.clone(),
            verdict: finding.verdict.clone(),
        }
    }
}

/// A text of a detector's header, which may have several lines.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The summary; then who is behind it.
fn what_happened(finding: &Finding) -> Vec<String> {
    let mut sentences = vec![finding.summary.clone()];
    if let Some(actor) = finding.actor.as_ref().filter(|actor| **actor != finding.entity) {
        sentences.push(format!("Identity behind it: {actor}"));
    }
    if let Some(origin) = &finding.origin {
        let origin = origin.to_string();
        let who = origin.strip_prefix("origin: ").unwrap_or(&origin);
        sentences.push(format!("Who is behind the credentials: {who}"));
    }
    sentences
}

/// The baseline, and the details that are not compared with any of it. A baseline is compared with the detail of the same
/// name, or, if the detector's chart names it as usual, with what the chart names as observed.
fn compared(finding: &Finding, chart: Option<&Chart>) -> (Vec<Compared>, Vec<Quantity>) {
    let mut used: BTreeSet<&String> = BTreeSet::new();
    let mut compared_with = Vec::new();
    for (name, baseline) in &finding.baseline {
        let of_chart = chart.filter(|chart| chart.usual.contains(name)).and_then(|chart| chart.observed.as_ref());
        let mut candidates = [Some(name), of_chart].into_iter().flatten();
        let observed = candidates.find_map(|name| finding.details.get_key_value(name));
        used.extend(observed.map(|(name, _)| name));
        let observed = observed.map(|(name, value)| quantity(name, value));
        compared_with.push(Compared { name: words::name(name), baseline: baseline.clone(), observed });
    }
    // A comparison says more than a number alone.
    compared_with.sort_by_key(|compared| compared.observed.is_none());
    let others = finding.details.iter().filter(|(name, _)| !used.contains(name));
    (compared_with, others.map(|(name, value)| quantity(name, value)).collect())
}

fn quantity(name: &str, value: &Value) -> Quantity {
    Quantity { name: words::name(name), value: value.clone() }
}

/// The rate, and what counts as a finding like it.
fn how_often(finding: &Finding) -> Vec<String> {
    let rate = in_words(finding.expected);
    if finding.expected.is_none() {
        let days = counted(DAYS_MIN, "day");
        return vec![format!("{rate}: its detector could evaluate fewer than {days} before it")];
    }
    let about = match finding.class() {
        Class::People => "about people, ",
        Class::Machines => "about machines, ",
        Class::Other => "",
    };
    vec![rate, format!("\"Like it\" means: by the same detector, {about}at least as severe and at least as unusual")]
}

/// Why the severity is what it is, where that is not obvious.
fn severity_reasons(finding: &Finding) -> Vec<String> {
    let severity = finding.severity;
    let mut reasons = Vec::new();
    if let Some(before) = finding.severity_before.filter(|before| *before != severity) {
        let why = match severity < before {
            true => "findings like it are common here",
            false => "nothing like it happened here for months",
        };
        reasons.push(format!("Severity {severity} instead of {before}, because {why}"));
    }
    if finding.kind == Kind::Fact {
        reasons.push("Its severity does not depend on how often it happens".into());
    }
    if !finding.joined_by.is_empty() {
        let others = counted(finding.joined_by.len() as u64, "other finding");
        let ids = finding.joined_by.join(", ");
        reasons.push(format!("Its severity was raised because of {others} about the same person that day: {ids}"));
    }
    reasons
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::Event;
    use crate::terminal::Layout;

    const HEADER: &str = r#"/*
title      = "Many roles"
severity   = "medium"
confidence = "medium"
attack     = ["T1078.004"]
why        = """
Whoever stole credentials
tries what they open."""
benign     = ["a new pipeline"]
respond    = ["ask the owner"]
chart      = { observed = "roles", usual = ["most_roles_in_a_day"] }
*/
SELECT $from, $to"#;

    /// A finding about an actor, with what every finding has.
    fn finding(detector: &str, entity: &str, severity: Severity) -> Finding {
        let members = json!({
            "id": "0a1b2c3d4e5f6071", "detector": detector, "title": "", "severity": severity, "confidence": "high",
            "score": 1.0, "status": "new", "entity_type": "actor", "entity": entity, "account_id": null,
            "region": null, "first_time": "", "last_time": "", "summary": "", "attack": [],
            "evidence": {"total": 0, "events": []}, "baseline": {}, "details": {}, "benign": [], "respond": []
        });
        serde_json::from_value(members).unwrap()
    }

    fn detector() -> Detector {
        Detector::parse("role_fan_out", HEADER).unwrap()
    }

    /// A finding about an identity that used many roles.
    fn of_roles() -> Finding {
        let members = |value: Value| value.as_object().unwrap().clone();
        Finding {
            id: "3f2a91c07d5e6b18".into(),
            title: "Many roles".into(),
            first_time: "2024-03-01T09:00:00Z".into(),
            last_time: "2024-03-01T09:30:00Z".into(),
            summary: "arn:aws:iam::111122223333:user/maria used 12 roles".into(),
            attack: vec!["T1078.004".into()],
            baseline: members(json!({"active_days": 40, "calls": 7.25, "most_roles_in_a_day": 3})),
            details: members(json!({"api_names": ["AssumeRole", "GetRole"], "calls": 120, "roles": 12})),
            benign: vec!["a new pipeline".into()],
            respond: vec!["ask the owner".into()],
            expected: Expected::of(0, 84),
            severity_before: Some(Severity::Low),
            next_steps: vec![
                NextStep {
                    purpose: "see in order what happened".into(),
                    command: Some("trailhunt timeline --lake=lake 3f2a91c07d5e6b18".into()),
                    changes: false,
                    audience: "analyst".into(),
                },
                NextStep {
                    purpose: "deactivate the key".into(),
                    command: Some("aws iam update-access-key --user-name=maria --status=Inactive".into()),
                    changes: true,
                    audience: "IAM administrator of 111122223333".into(),
                },
            ],
            ..finding("role_fan_out", "arn:aws:iam::111122223333:user/maria", Severity::Medium)
        }
    }

    fn in_text(explanation: &Explanation, width: usize) -> String {
        let mut out = Vec::new();
        text(explanation, Layout::plain(width), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn in_markdown(explanation: &Explanation) -> String {
        let mut out = Vec::new();
        markdown(explanation, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_baseline_is_paired_with_what_the_chart_or_the_same_name_says() {
        let explanation = Explanation::of(&of_roles(), Some(&detector()));
        let quantity = |name: &str, value: Value| Quantity { name: name.into(), value };
        let compared = |name: &str, baseline: Value, observed| Compared { name: name.into(), baseline, observed };
        let expected = [
            compared("calls", json!(7.25), Some(quantity("calls", json!(120)))),
            compared("most roles in a day", json!(3), Some(quantity("roles", json!(12)))),
            compared("active days", json!(40), None),
        ];
        assert_eq!(explanation.compared_with, expected);
        assert_eq!(explanation.also_observed, [quantity("API names", json!(["AssumeRole", "GetRole"]))]);
        assert_eq!(explanation.why_it_matters.as_deref(), Some("Whoever stole credentials tries what they open."));
        // Without the detector, its chart is unknown.
        let alone = Explanation::of(&of_roles(), None);
        assert_eq!(alone.compared_with.iter().filter(|compared| compared.observed.is_some()).count(), 1);
        assert_eq!(alone.also_observed.len(), 2);
    }

    #[test]
    fn the_text_answers_each_question_and_fits() {
        let explanation = Explanation::of(&of_roles(), Some(&detector()));
        let shown = in_text(&explanation, 100);
        for expected in [
            "MEDIUM: Many roles\n",
            "identity    arn:aws:iam::111122223333:user/maria\n",
            "time        2024-03-01 09:00:00 to 2024-03-01 09:30:00 UTC\n",
            "\nWhat happened\n  user/maria in 111122223333 used 12 roles\n",
            "\nCompared with\n  calls: 7.25; this finding: 120\n  most roles in a day: 3; this finding: 12 roles\n",
            "\nAlso observed\n  API names: AssumeRole, GetRole\n",
            "\nWhy it matters\n  Whoever stole credentials tries what they open.\n  ATT&CK T1078.004 Valid Accounts: ",
            "\nHow often it happens here\n  none like it in 84 days\n",
            "  Severity medium instead of low, because nothing like it happened here for months\n",
            "\nBenign explanations\n  a new pipeline\n",
            "\nEvidence: 0 events\n",
            "\nWhat to check next\n  ask the owner\n",
            "\n  # see in order what happened (analyst)\n  trailhunt timeline --lake=lake 3f2a91c07d5e6b18\n",
            "\n  # deactivate the key (IAM administrator of 111122223333)\n  aws iam update-access-key --user-name=maria",
        ] {
            assert!(shown.contains(expected), "{expected} is not in\n{shown}");
        }
        let is_whole = |line: &&str| ["arn:aws", "  aws ", "  trailhunt "].iter().any(|text| line.contains(text));
        for width in [40, 60] {
            let narrow = in_text(&explanation, width);
            let wide: Vec<_> = narrow.lines().filter(|line| line.chars().count() > width && !is_whole(line)).collect();
            assert!(wide.is_empty(), "{width}: {wide:#?}");
        }
    }

    #[test]
    fn a_finding_without_baseline_rate_or_detector_says_what_is_missing() {
        let alone = Finding {
            kind: Kind::Fact,
            joined_by: vec!["0123456789abcdef".into()],
            entity_type: "ip".into(),
            actor: Some("maria".into()),
            summary: "198.51.100.7 was used".into(),
            ..finding("own_detector", "198.51.100.7", Severity::High)
        };
        let explanation = Explanation::of(&alone, None);
        assert_eq!((&explanation.why_it_matters, &explanation.expected), (&None, &None));
        let shown = in_text(&explanation, 200);
        for expected in [
            "address     198.51.100.7\n",
            "  198.51.100.7 was used\n  Identity behind it: maria\n",
            "\nCompared with\n  the finding states no baseline\n",
            "  not known: there is no detector own_detector here; name its folder with --detector-dir",
            "  too little history: its detector could evaluate fewer than 14 days before it\n",
            "  Its severity does not depend on how often it happens\n",
            "  Its severity was raised because of 1 other finding about the same person that day: 0123456789abcdef\n",
        ] {
            assert!(shown.contains(expected), "{expected} is not in\n{shown}");
        }
        assert!(!shown.contains("Also observed") && !shown.contains("Benign") && !shown.contains("To contain it"));
    }

    #[test]
    fn text_from_logs_neither_steers_a_terminal_nor_becomes_markup() {
        let hostile = "x\u{1b}[2J\u{202e}\n# <b>[a](http://b)|`@all";
        let mut finding = of_roles();
        finding.summary = hostile.into();
        finding.entity = hostile.into();
        finding.details.insert("what".into(), hostile.into());
        finding.baseline.insert("client".into(), hostile.into());
        finding.next_steps[0].purpose = hostile.into();
        let event = Event { event_id: hostile.into(), event_name: Some(hostile.into()), ..Event::default() };
        finding.evidence = Evidence { total: 1, events: vec![event] };
        let explanation = Explanation::of(&finding, Some(&detector()));
        let is_unsafe = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        let shown = in_text(&explanation, 100);
        assert!(!shown.contains(is_unsafe) && !shown.contains("\n#"), "{shown}");
        let marked = in_markdown(&explanation);
        assert!(!marked.contains(is_unsafe) && !marked.contains("\n# <"), "{marked}");
        assert!(!marked.contains("<b>") && !marked.contains("[a](") && !marked.contains("@all"), "{marked}");
        assert_eq!(marked.matches("x\u{fffd}\\[2J").count(), 7, "{marked}");
    }

    #[test]
    fn a_ticket_has_the_same_parts_and_commands_to_copy() {
        let marked = in_markdown(&Explanation::of(&of_roles(), Some(&detector())));
        for expected in [
            "# medium: Many roles\n\n- **finding:** 3f2a91c07d5e6b18 (role\\_fan\\_out), new\n",
            "\n## What happened\n\n- user/maria in 111122223333 used 12 roles\n",
            "\n- most roles in a day: 3; this finding: 12 roles\n",
            "\n## Benign explanations\n\n- a new pipeline\n",
            "\n- see in order what happened (analyst)\n\n  ```sh\n  trailhunt timeline --lake=lake 3f2a91c07d5e6b18\n  ```\n",
            "\n- **change**: deactivate the key (IAM administrator of 111122223333)\n\n  ```sh\n  aws iam ",
        ] {
            assert!(marked.contains(expected), "{expected} is not in\n{marked}");
        }
    }

    #[test]
    fn common_behaviour_says_why_its_severity_is_low() {
        let common = Finding {
            severity: Severity::Low,
            severity_before: Some(Severity::High),
            expected: Expected::of(40, 84),
            ..of_roles()
        };
        let explanation = Explanation::of(&common, None);
        assert_eq!(explanation.how_often[0], "14.5 a month here (40 in 84 days)");
        assert_eq!(
            explanation.severity_reasons,
            ["Severity low instead of high, because findings like it are common here"]
        );
    }
}
