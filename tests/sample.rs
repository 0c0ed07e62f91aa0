//! A generated organisation, ingested and hunted with the program: all events are read, each once, and the attacks are
//! found. The real archives of `shared_data.rs` test the same. Addresses of drawn environments are where they say.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::BTreeSet;

use crate::common::{arg, evidence, query, run_with_report, succeeds, trailhunt};
use serde_json::Value;
use trailhunt::geo::Geo;
use trailhunt::sample::{SampleSettings, generate};

#[test]
fn an_organisation_is_read_completely_without_repeats_and_its_attacks_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let (source, lake) = (dir.path().join("in"), dir.path().join("lake"));
    let size = SampleSettings {
        days: 8,
        accounts: 2,
        people: Some(12),
        events_per_day: 300,
        attacks: 6,
        ..Default::default()
    };
    let written = generate(&SampleSettings { out: source.clone(), ..size }, &mut |_| {}).unwrap();
    assert!(written.duplicates > 0, "{written:?}");

    let (ran, report) = run_with_report(&[arg(&source), "--lake", arg(&lake)], &dir.path().join("r.json"));
    let coverage = &report["coverage"];
    assert_eq!((&coverage["events_kept"], &coverage["rejects"]), (&written.events.into(), &0.into()), "{}", ran.out);
    assert_eq!(coverage["duplicates"], written.duplicates);

    let in_lake: BTreeSet<String> = query(&lake, "SELECT event_id FROM events")
        .iter()
        .map(|row| row["event_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(in_lake.len() as u64, written.events);
    let evidence: BTreeSet<&str> = evidence(&report).into_iter().collect();
    assert!(evidence.iter().all(|id| in_lake.contains(*id)), "all evidence is in the lake");

    let truth = std::fs::read_to_string(source.join("truth.jsonl")).unwrap();
    let incidents: Vec<Value> = truth.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let attacks: Vec<&Value> = incidents.iter().filter(|incident| incident["label"] == "attack").collect();
    assert_eq!(attacks.len() as u64, written.attacks);
    let is_evidence = |id: &Value| id.as_str().is_some_and(|id| evidence.contains(id));
    let is_found = |attack: &&&Value| attack["event_ids"].as_array().unwrap().iter().any(is_evidence);
    let missed: Vec<&Value> = attacks.iter().filter(|attack| !is_found(attack)).map(|attack| &attack["kind"]).collect();
    assert!(missed.is_empty(), "no finding for {missed:?}");
}

#[test]
fn addresses_of_drawn_environments_are_in_the_countries_and_networks_of_the_truth() {
    let geo = Geo::embedded().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (mut countries, mut elsewhere, mut total) = (BTreeSet::new(), Vec::new(), 0);
    // One of each continent.
    for seed in [1, 2, 3, 5] {
        let out = dir.path().join(seed.to_string());
        let size = SampleSettings { days: 12, attacks: 12, ..SampleSettings::draw(seed, 12, 300) };
        generate(&SampleSettings { out: out.clone(), ..size }, &mut |_| {}).unwrap();
        for line in std::fs::read_to_string(out.join("truth.jsonl")).unwrap().lines() {
            let incident: Value = serde_json::from_str(line).unwrap();
            for source in incident["source_ips"].as_array().unwrap() {
                let place = geo.lookup(source["ip"].as_str().unwrap().parse().unwrap());
                total += 1;
                if source["country"].as_str() == place.country {
                    countries.insert(place.country.unwrap().to_owned());
                } else {
                    elsewhere.push(source.to_string());
                }
            }
        }
    }
    // Providers use a few parts of a block in another country.
    assert!(elsewhere.len() * 50 <= total, "{} of {total}: {elsewhere:?}", elsewhere.len());
    for country in ["DE", "BR", "US", "JP"] {
        assert!(countries.contains(country), "{countries:?}");
    }
}

#[test]
fn an_environment_is_drawn_within_its_limits_and_printed() {
    let dir = tempfile::tempdir().unwrap();
    let small = ["--people-max", "12", "--events-per-day-max", "200", "--days", "1", "--attacks", "0"];
    let sample = ["sample", "--out", arg(dir.path()), "--environment", "5"];
    let ran = succeeds(&[&sample[..], &small].concat());
    assert!(ran.out.contains("AsiaPacific") && ran.out.contains("egress: Shared"), "{}", ran.out);
    let refused = trailhunt(&[&sample[..], &["--people", "12"]].concat());
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("--people"), "{}", refused.err);
}
