//! The report as OSCAL assessment results (NIST): evidence for tools of governance, risk and compliance (GRC).
//!
//! One observation says what was read and what could not be read; every finding is one more. An entry under `findings`
//! is about a control: one with findings to review, or one that this run says nothing about. No control is reported as
//! satisfied, because a hunt without findings does not prove that a control works.
//!
//! OSCAL has texts, which are Markdown, and values, which are one line. Text from logs is neutralised in both.

mod control;
mod coverage;
mod observation;
mod values;

use std::collections::BTreeSet;
use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::compliance::Framework;
use super::document::Report;
use super::json::{self, without};
use super::text::counts;
use crate::terminal::SafeJson;
use crate::wording::counted;

use control::{conclusion, selection};
use coverage::{detectors_that_ran, incomplete, log_entry, read};
use observation::{Observed, account, observation};
use values::{NAMESPACE, days, finished, markup, paragraphs, props, time, title, token, uuid, value};

/// OSCAL version.
const VERSION: &str = "1.2.1";

/// Said about the run as a whole.
const NO_PROOF: &str = "A hunt looks for suspicious activity. That it finds nothing does not prove that a control \
    works, so no control is reported as satisfied. Nothing is concluded about reviewed controls without an entry under \
    findings.";
/// How a reader checks that nothing was altered.
const VERIFY: &str = "The lake's chain of runs has a record of this run, with the SHA-256 of this file. `trailhunt \
    verify --lake LAKE FILE` checks both. That record is added after this file is written, so this file only has the \
    hash of the record before it: previous-record-sha256. A read-only lake has no record of this run. The property \
    finding-sha256 is the SHA-256 of the finding as in the JSON report, but without white space and with no more \
    characters escaped than JSON requires.";

/// Writes the findings, the controls they are about, and what was read.
///
/// # Errors
/// When `out` cannot be written.
pub fn oscal(report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    serde_json::to_writer_pretty(SafeJson::new(&mut *out), &document(report)?)?;
    writeln!(out)
}

fn document(report: &Report) -> std::io::Result<Value> {
    let plan_uuid = uuid("plan", &report.run.id);
    let (plan, result) = (plan(report, &plan_uuid)?, result(report)?);
    let document = json!({"assessment-results": {
        "uuid": uuid("document", &report.run.id),
        "metadata": metadata(report),
        "import-ap": {
            "href": format!("#{plan_uuid}"),
            "remarks": "A hunt has no assessment plan in OSCAL. The resource says what it looked for, where and when.",
        },
        "results": [result],
        "back-matter": {"resources": [plan]},
    }});
    // OSCAL allows neither null nor an empty list.
    Ok(without(document, |value| value.is_null() || value.as_array().is_some_and(Vec::is_empty)))
}

fn metadata(report: &Report) -> Value {
    let run = &report.run;
    json!({
        "title": title(&run.window),
        "last-modified": finished(report),
        "version": value(&run.id),
        "oscal-version": VERSION,
        "props": props([
            ("run-id", run.id.clone()),
            ("tool", run.tool.clone()),
            ("previous-record-sha256", run.previous_record_sha256.clone().unwrap_or_default()),
            ("compared-with-run-id", run.compared_with.clone().unwrap_or_default()),
        ]),
        "remarks": VERIFY,
    })
}

/// The hunt, in place of an assessment plan.
fn plan(report: &Report, uuid: &str) -> std::io::Result<Value> {
    let run = &report.run;
    let mut run_json = Vec::new();
    json::json(run, &mut run_json)?;
    let mut all = vec![json!({"name": "type", "value": "plan"})];
    all.extend(props([
        ("window-from", time(run.window.from)),
        ("window-to", time(run.window.to)),
        ("lake", run.lake.clone()),
        ("lake-version", run.lake_version.to_string()),
        ("data-files-sha256", run.data_files_sha256.clone()),
    ]));
    all.extend(run.detectors.iter().map(|(id, sha256)| {
        let about = report.detectors.iter().find(|detector| detector.id == *id);
        let about = about.map_or_else(|| markup(id), |detector| markup(&format!("{id}: {}", detector.title)));
        json!({"ns": NAMESPACE, "name": "detector-sha256", "value": sha256, "class": token(id), "remarks": about})
    }));
    Ok(json!({
        "uuid": uuid,
        "title": format!("Plan of the hunt, {}", days(&run.window)),
        "description": format!(
            "Run {} over the events of these days, with the events before them as history. The attached file is the \
             member `run` of the JSON report, with the settings of the run.",
            counted(run.detectors.len() as u64, "detector"),
        ),
        "props": all,
        "base64": {"filename": "run.json", "media-type": "application/json", "value": STANDARD.encode(run_json)},
    }))
}

fn result(report: &Report) -> std::io::Result<Value> {
    let run = &report.run;
    let observed = Observed::of(report);
    let mut observations = vec![read(report, &observed.coverage)];
    for (finding, uuid) in report.findings.iter().zip(&observed.uuids) {
        observations.push(observation(report, finding, uuid)?);
    }
    let of_framework = |framework: &Framework| -> Vec<Value> {
        let conclusion = |control| conclusion(report, framework.framework, control, &observed);
        framework.controls.iter().filter_map(conclusion).collect()
    };
    Ok(json!({
        "uuid": uuid("result", &run.id),
        "title": title(&run.window),
        "description": format!(
            "{} of AWS CloudTrail, {}, hunted with {}. Found: {}.",
            counted(report.events_in_window(), "event"),
            days(&run.window),
            counted(detectors_that_ran(report), "detector"),
            counts(&report.findings),
        ),
        "start": time(run.window.from),
        "end": time(run.window.to),
        "local-definitions": definitions(report),
        "reviewed-controls": {
            "description": "Controls that hunting in CloudTrail supports. A detector supports a control if it looks \
                for one of the control's techniques.",
            "control-selections": report.compliance.iter().map(selection).collect::<Vec<_>>(),
            "remarks": NO_PROOF,
        },
        "assessment-log": {"entries": [log_entry(report)]},
        "observations": observations,
        "findings": report.compliance.iter().flat_map(of_framework).collect::<Vec<_>>(),
        "remarks": paragraphs([NO_PROOF.to_owned(), incomplete(report)]),
    }))
}

/// The tool, and the accounts that findings are about.
fn definitions(report: &Report) -> Value {
    let accounts: BTreeSet<&str> = report.findings.iter().filter_map(account).collect();
    let component = |account: &str| {
        json!({
            "uuid": uuid("account", account),
            "type": "system",
            "title": format!("AWS account {}", markup(account)),
            "description": "An AWS account that findings are about.",
            "props": props([("account-id", account.to_owned())]),
            "status": {"state": "operational"},
        })
    };
    json!({
        "components": accounts.into_iter().map(component).collect::<Vec<_>>(),
        "assessment-assets": {
            "components": [{
                "uuid": uuid("tool", "trailhunt"),
                "type": "software",
                "title": "trailhunt",
                "description": "Hunts through archived CloudTrail logs with detectors, which are SQL queries.",
                "props": [{"name": "version", "value": env!("CARGO_PKG_VERSION")}],
                "status": {"state": "operational"},
            }],
            "assessment-platforms": [{
                "uuid": uuid("platform", "trailhunt"),
                "title": "trailhunt",
                "uses-components": [{"component-uuid": uuid("tool", "trailhunt")}],
            }],
        },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::{DateTime, Utc};

    use super::super::compliance::compliance;
    use super::super::coverage::Coverage;
    use super::super::detector_summary::DetectorSummary;
    use super::super::document::Run;
    use super::super::matrix::Matrix;
    use super::super::records::Records;
    use super::*;
    use crate::detect::{Confidence, Event, Finding, Kind, Severity, Window};
    use crate::sha256;

    const HOSTILE: &str = " {{ insert: param, x }}^[a](http://b)\u{202e}\u{1b}[31m\n<b>*_ ";

    fn detector(id: &str, ran: bool) -> DetectorSummary {
        DetectorSummary {
            id: id.into(),
            title: "Failed sign-ins".into(),
            why: String::new(),
            severity: Severity::Low,
            confidence: Confidence::Low,
            kind: Kind::Behaviour,
            attack: vec!["T1110.003".into()],
            sha256: "aa".into(),
            chart: None,
            ran,
            findings: 0,
        }
    }

    /// The report of two detectors, one of which failed, over a window with this many events.
    fn report(findings: Vec<Finding>, coverage: Coverage, events: u64) -> Report {
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let detectors = vec![detector("guessing", true), detector("spraying", false)];
        let by_day = json!({"events": events}).as_object().unwrap().clone();
        Report {
            format_version: 1,
            run: Run {
                id: "01a22dd6-51b5-77ec-b76c-f4256a611118".into(),
                tool: "trailhunt 0.1.0".into(),
                finished_at: time("2024-03-09T01:02:03.004Z"),
                window: Window { from: time("2024-03-01T00:00:00Z"), to: time("2024-03-08T00:00:00Z") },
                lake: "file:///lake".into(),
                lake_version: 3,
                data_files_sha256: "bb".into(),
                detectors: detectors.iter().map(|d| (d.id.clone(), d.sha256.clone())).collect(),
                detectors_failed: vec!["detector spraying: out of memory".into()],
                sigma: None,
                settings: BTreeMap::new(),
                alerts_per_day: 3.0,
                geography: vec![],
                attribution: String::new(),
                compared_with: None,
                previous_record_sha256: Some("cc".into()),
                risk_formula: "",
            },
            compliance: compliance(&detectors, &findings, &coverage),
            coverage,
            statistics: BTreeMap::from([("events_by_day".to_owned(), vec![by_day])]),
            baselines: vec![],
            deviations: vec![],
            findings,
            resolved: vec![],
            indicators: None,
            suppressed: vec![],
            suppressions: vec![],
            names: BTreeMap::new(),
            entities: vec![],
            timelines: vec![],
            detectors,
            attack: Matrix { edition: "", tactics: vec![], techniques: vec![] },
            daily_calls: vec![],
            series: vec![],
            identity_addresses: vec![],
            identity_keys: vec![],
            records: Records::default(),
            sensitive_api_calls: vec![],
            error_rates: vec![],
            recommendations: vec![],
        }
    }

    /// A finding with this many events, each in its own object.
    fn found(entity: &str, events: usize) -> Finding {
        let finding = json!({
            "id": format!("id of {entity}"), "detector": "guessing", "title": "Failed sign-ins", "severity": "high",
            "confidence": "low", "score": 0.5, "status": "new", "entity_type": "actor", "entity": entity,
            "account_id": "111122223333", "region": null, "first_time": "2024-03-01T00:00:00Z",
            "last_time": "2024-03-01T00:00:00Z", "summary": "ana failed", "attack": ["T1110.003"],
            "evidence": {"total": events, "events": []}, "baseline": {}, "details": {}, "benign": [], "respond": [],
        });
        let mut found: Finding = serde_json::from_value(finding).unwrap();
        let object = |n: usize| Event {
            event_id: format!("event-{n}"),
            source_object: Some(format!("s3://trail/{n} .json.gz")),
            source_record: Some(7),
            ..Event::default()
        };
        found.evidence.events = (0..events).map(object).collect();
        found
    }

    fn written(report: &Report) -> Value {
        let mut out = Vec::new();
        oscal(report, &mut out).unwrap();
        let document: Value = serde_json::from_slice(&out).unwrap();
        assert_valid(&document);
        document["assessment-results"].clone()
    }

    /// OSCAL has no null, no empty list and no empty text; values are trimmed lines, and UUIDs have version 5.
    fn assert_valid(value: &Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    let text = member.as_str().unwrap_or("x");
                    assert!(!text.is_empty() && !member.is_null(), "{name} in {value}");
                    assert!(text.trim() == text && (name != "value" || !text.contains('\n')), "{name}: {text:?}");
                    let is_uuid = name == "uuid" || name.ends_with("-uuid");
                    assert!(!is_uuid || text.as_bytes().get(14) == Some(&b'5'), "{name}: {text}");
                    assert_valid(member);
                }
            }
            Value::Array(items) => {
                assert!(!items.is_empty(), "an empty list");
                items.iter().for_each(assert_valid);
            }
            _ => {}
        }
    }

    fn texts<'a>(list: &'a Value, pointer: &str) -> Vec<&'a str> {
        list.as_array().unwrap().iter().filter_map(|item| item.pointer(pointer)?.as_str()).collect()
    }

    fn value_of<'a>(item: &'a Value, name: &str) -> Option<&'a str> {
        item["props"].as_array()?.iter().find(|prop| prop["name"] == name)?["value"].as_str()
    }

    #[test]
    fn every_finding_is_one_observation_and_no_control_is_satisfied() {
        let report = report(vec![found("ana", 1), found("ana", 1), found("ben", 1)], Coverage::default(), 5);
        let document = written(&report);
        let result = &document["results"][0];
        let uuids: BTreeSet<&str> = texts(&result["observations"], "/uuid").into_iter().collect();
        assert_eq!(uuids.len(), 4, "what was read, and three findings");
        let observed: Vec<_> = result["observations"].as_array().unwrap().iter().skip(1).collect();
        for (observation, finding) in observed.iter().zip(&report.findings) {
            assert_eq!(value_of(observation, "finding-id"), Some(finding.id.as_str()));
            let hash = sha256::hex(&serde_json::to_vec(finding).unwrap());
            assert_eq!(value_of(observation, "finding-sha256"), Some(hash.as_str()));
        }
        let components = texts(&result["local-definitions"]["components"], "/uuid");
        assert_eq!(texts(&observed[0]["subjects"], "/subject-uuid"), components);
        let plan = &document["back-matter"]["resources"][0];
        assert_eq!(document["import-ap"]["href"], format!("#{}", plan["uuid"].as_str().unwrap()));
        assert_eq!(value_of(plan, "detector-sha256"), Some("aa"));

        let states = texts(&result["findings"], "/target/status/state");
        assert!(!states.is_empty() && states.iter().all(|state| *state == "not-satisfied"));
        let of = |id: &str| {
            let findings = result["findings"].as_array().unwrap();
            findings.iter().find(|finding| finding["target"]["target-id"] == id).unwrap()
        };
        assert_eq!(value_of(of("ac-7_smt"), "conclusion"), Some("findings-to-review"));
        assert_eq!(value_of(of("cp-9_smt"), "conclusion"), Some("not-covered"));
        for related in texts(&of("ac-7_smt")["related-observations"], "/observation-uuid") {
            assert!(uuids.contains(related), "{related} is not an observation");
        }
        let selected = &result["reviewed-controls"]["control-selections"];
        assert_eq!(selected.as_array().unwrap().len(), report.compliance.len());
    }

    #[test]
    fn a_control_that_ran_without_findings_has_no_conclusion_unless_there_are_no_events() {
        let conclusions = |events: u64| -> Vec<String> {
            let document = written(&report(vec![], Coverage::default(), events));
            let ids = texts(&document["results"][0]["findings"], "/target/target-id");
            ids.into_iter().map(str::to_owned).collect()
        };
        let (with, without) = (conclusions(5), conclusions(0));
        assert!(!with.contains(&"ac-7_smt".to_owned()) && with.contains(&"cp-9_smt".to_owned()));
        assert!(without.contains(&"ac-7_smt".to_owned()));
    }

    #[test]
    fn what_could_not_be_read_is_stated() {
        let reject = json!({"object": "s3://trail/cut.json.gz", "byte_offset": 12, "reason": "truncated gzip"});
        let coverage = Coverage {
            objects_failed: vec!["s3://trail/denied.json.gz: access denied".into()],
            lake: json!({"rejects": 1}).as_object().unwrap().clone(),
            reject_examples: vec![reject.as_object().unwrap().clone()],
            stale_reasons: vec!["no events in the window; the lake is empty".into()],
            stale: true,
            ..Coverage::default()
        };
        let document = written(&report(vec![], coverage, 0));
        let result = &document["results"][0];
        let read = &result["observations"][0];
        assert!(value_of(read, "unread").is_some());
        let list = read["remarks"].as_str().unwrap();
        for part in ["denied.json.gz: access denied", "cut.json.gz, byte 12: truncated gzip", "spraying: out of memory"]
        {
            assert!(list.contains(part), "{list}");
        }
        let summary = result["remarks"].as_str().unwrap();
        assert!(summary.contains("Incomplete: 1 record could not be read; 1 input could not be read"), "{summary}");
        assert!(summary.contains("1 detector failed; no events in the window"), "{summary}");
    }

    #[test]
    fn evidence_lists_some_objects_and_states_the_total() {
        let document = written(&report(vec![found("ana", 30)], Coverage::default(), 5));
        let observation = &document["results"][0]["observations"][1];
        let evidence = &observation["relevant-evidence"];
        assert_eq!(evidence.as_array().unwrap().len(), 20);
        assert_eq!(evidence[0]["href"], "s3://trail/0%20.json.gz");
        assert_eq!(value_of(&evidence[0], "event-id"), Some("event-0"));
        let remarks = observation["remarks"].as_str().unwrap();
        assert!(remarks.starts_with("The evidence is 30 events, of which 20 are listed here."), "{remarks}");
    }

    #[test]
    fn text_from_logs_is_neither_markup_nor_an_invalid_value() {
        let mut hostile = found(HOSTILE, 1);
        let texts = [&mut hostile.title, &mut hostile.summary, &mut hostile.detector, &mut hostile.id];
        texts.into_iter().for_each(|text| *text = HOSTILE.into());
        (hostile.account_id, hostile.region) = (Some(HOSTILE.into()), Some(" \n ".into()));
        hostile.benign = vec![HOSTILE.into()];
        hostile.evidence.events[0].event_id = HOSTILE.into();
        hostile.evidence.events[0].source_object = Some(HOSTILE.into());
        let document = written(&report(vec![hostile], Coverage::default(), 5));
        let observation = &document["results"][0]["observations"][1];
        let shown = "{\\{ insert: param, x }}\\^\\[a\\](http:&#47;&#47;b)\u{fffd}\u{fffd}\\[31m\u{fffd}&lt;b>\\*\\_";
        assert_eq!(observation["title"], shown);
        assert_eq!(observation["description"], shown);
        let value = "{{ insert: param, x }}^[a](http://b)\u{fffd}\u{fffd}[31m\u{fffd}<b>*_";
        assert_eq!(value_of(observation, "entity"), Some(value));
        assert_eq!(value_of(observation, "region"), None);
        assert_eq!(observation["relevant-evidence"][0].get("href"), None);
    }
}
