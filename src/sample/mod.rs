//! Sample archives: the CloudTrail of a fictional organisation, for demos, tests, benchmarks and evaluation.
//!
//! Input: `SampleSettings`. Output: a folder laid out like the bucket of an organisation's trails, and `truth.jsonl`:
//! one incident per line, with what detectors should find and what they should not report. Never reads the clock, the
//! network or real archives.
//!
//! # How an archive is generated
//!
//! 1. `environment` says how the organisation differs from others; the standard one unless a seed draws it.
//!    `organisation` creates the accounts, people, workloads, pipelines and access keys.
//! 2. `incidents` plants the incidents: look-alikes first, because they may change the organisation, then attacks. Each
//!    incident either writes its records at once or (look-alikes only) marks traffic of later days as its own.
//! 3. `traffic` plans each day: sessions and events, as many as the settings ask for, minus the planted records.
//! 4. `archive` writes each day: events become records (`cloudtrail` has the calls and identities), records become
//!    gzipped objects. Days are written in parallel, one thread per processor.
//! 5. `truth.jsonl` is written last, when the event ids of marked traffic are known.
//!
//! All randomness comes from `random::rng_for(seed, purpose, parts)`: every person, machine, day and incident has its
//! own generator. Everything is deterministic: the same settings give the same bytes, whatever the number of threads.
//!
//! # How to add something
//!
//! - A kind of attack: a constant and a function in a file of `incidents/attacks/`, and a line in its `mod.rs`.
//! - A benign look-alike: the same in `incidents/lookalikes/`.
//! - A benign oddity of daily work: a row in `organisation/occasional_tasks.rs`.
//! - A property of drawn environments: a field of `Environment`; a change: a variant of `Change` and a kind in
//!   `incidents/lookalikes/changes.rs`.
//! - An API call with parameters: a row in `cloudtrail/calls.rs`; calls without a row have no parameters.

mod archive;
mod calendar;
mod cloudtrail;
mod environment;
mod incidents;
mod networks;
mod organisation;
mod random;
mod settings;
mod traffic;

pub use environment::Environment;
pub use settings::SampleSettings;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::{fs, io, thread};

use crate::sample::archive::objects::{PlantedRecord, WrittenDay, write_day};
use crate::sample::archive::other_objects::write_other_objects;
use crate::sample::calendar::Day;
use crate::sample::cloudtrail::calls::Catalogue;
use crate::sample::incidents::truth::{Incident, Label};
use crate::sample::organisation::Organisation;
use crate::sample::traffic::named_calls::NamedCalls;
use crate::sample::traffic::world::World;

/// What `generate` wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SampleSummary {
    /// Events; duplicates are not counted.
    pub events: u64,
    /// Duplicate records: the same event id in two objects.
    pub duplicates: u64,
    /// CloudTrail objects; digests and configuration snapshots are not counted.
    pub objects: u64,
    /// Compressed bytes of these objects.
    pub bytes: u64,
    /// Uncompressed bytes of these objects.
    pub raw_bytes: u64,
    /// Planted attacks, which detectors should find.
    pub attacks: u64,
    /// Benign incidents that look like attacks.
    pub lookalikes: u64,
}

/// Generates an archive; `progress` is called with the number of finished days.
///
/// # Errors
/// When a file cannot be written; files written before that stay.
pub fn generate(settings: &SampleSettings, progress: &mut dyn FnMut(u32)) -> io::Result<SampleSummary> {
    let Prepared { catalogue, calls, organisation, incidents, planted } = prepare(settings);
    let world = World { settings, catalogue: &catalogue, organisation: &organisation, calls: &calls };
    fs::create_dir_all(&settings.out)?;
    let days = planted_by_day(settings, planted);
    let written = write_days(&world, &days, progress)?;
    write_other_objects(&settings.out, &world)?;
    finish(&world, incidents, written)
}

/// Everything that exists before the days are generated.
struct Prepared {
    catalogue: Catalogue,
    calls: NamedCalls,
    organisation: Organisation,
    incidents: Vec<Incident>,
    planted: Vec<PlantedRecord>,
}

/// Creates the organisation and plants the incidents.
fn prepare(settings: &SampleSettings) -> Prepared {
    let mut catalogue = Catalogue::new();
    let calls = NamedCalls::new(&mut catalogue);
    let mut organisation = Organisation::new(settings, &mut catalogue);
    let (incidents, planted) = incidents::plant(settings, &mut catalogue, &mut organisation, &calls);
    Prepared { catalogue, calls, organisation, incidents, planted }
}

/// Groups the planted records by day.
fn planted_by_day(settings: &SampleSettings, planted: Vec<PlantedRecord>) -> Vec<(Day, Vec<PlantedRecord>)> {
    let mut days: Vec<_> = (0..settings.days).map(|index| (Day::new(settings.start, index), Vec::new())).collect();
    let begin = Day::new(settings.start, 0).midnight;
    for record in planted {
        let index = (record.at - begin).div_euclid(calendar::DAY).clamp(0, i64::from(settings.days.max(1)) - 1);
        if let Some((_, records)) = days.get_mut(index as usize) {
            records.push(record);
        }
    }
    days
}

/// Writes the days in parallel, one thread per processor. The result is in the order of the days.
fn write_days(
    world: &World<'_>,
    days: &[(Day, Vec<PlantedRecord>)],
    progress: &mut dyn FnMut(u32),
) -> io::Result<Vec<WrittenDay>> {
    let next = AtomicU32::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from).min(days.len().max(1));
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while let Some((day, planted)) = days.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    let plan = traffic::plan_day(world, *day, planted.len());
                    let written = write_day(&world.settings.out, world, *day, &plan, planted);
                    // The receiver is dropped when another day has failed; stop then.
                    if sender.send((day.index, written)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut done = Vec::with_capacity(days.len());
        for (index, written) in receiver {
            done.push((index, written?));
            progress(done.len() as u32);
        }
        done.sort_unstable_by_key(|(index, _)| *index);
        Ok(done.into_iter().map(|(_, written)| written).collect())
    })
}

/// Writes `truth.jsonl` and adds up the summary.
fn finish(world: &World<'_>, mut incidents: Vec<Incident>, written: Vec<WrittenDay>) -> io::Result<SampleSummary> {
    let mut summary = SampleSummary::default();
    for day in written {
        summary.events += day.events;
        summary.duplicates += day.duplicates;
        summary.objects += day.objects;
        summary.bytes += day.bytes;
        summary.raw_bytes += day.raw_bytes;
        for marked in day.marked {
            if let Some(incident) = incidents.get_mut(usize::from(marked.incident) - 1) {
                incident.add_event(world.organisation, marked);
            }
        }
    }
    // Leave out incidents without events, such as a trip during which the person did not work.
    incidents.retain(Incident::has_events);
    let mut truth = String::new();
    for (incident, number) in incidents.iter().zip(1..) {
        match incident.label {
            Label::Attack => summary.attacks += 1,
            Label::Lookalike => summary.lookalikes += 1,
        }
        truth.push_str(&incident.truth(number)?);
        truth.push('\n');
    }
    fs::write(world.settings.out.join("truth.jsonl"), truth)?;
    Ok(summary)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::io::Read;
    use std::path::{Path, PathBuf};

    use flate2::read::GzDecoder;
    use serde_json::Value;
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::sample::environment::{Change, Egress, SignIn};

    /// A small sample with four weekdays in its second half.
    fn small(out: &Path, seed: u64) -> SampleSettings {
        SampleSettings { out: out.to_owned(), days: 8, events_per_day: 400, seed, ..SampleSettings::default() }
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
        }
        files.sort();
        files
    }

    fn digest(folder: &Path) -> String {
        let mut hash = Sha256::new();
        for file in files(folder) {
            hash.update(file.strip_prefix(folder).unwrap().to_str().unwrap());
            hash.update(fs::read(file).unwrap());
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The log objects of the archive: key and records.
    fn objects(folder: &Path) -> Vec<(String, Vec<Value>)> {
        let keys = files(folder).into_iter().filter(|file| file.to_str().unwrap().contains("/CloudTrail/"));
        keys.map(|file| {
            let mut text = String::new();
            GzDecoder::new(fs::File::open(&file).unwrap()).read_to_string(&mut text).unwrap();
            let mut object: BTreeMap<String, Vec<Value>> = serde_json::from_str(&text).unwrap();
            (file.strip_prefix(folder).unwrap().to_str().unwrap().to_owned(), object.remove("Records").unwrap())
        })
        .collect()
    }

    fn truth(folder: &Path) -> Vec<Value> {
        let text = fs::read_to_string(folder.join("truth.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn same_seed_is_byte_identical_and_another_differs() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b, c] = ["a", "b", "c"].map(|name| folder.path().join(name));
        let settings = |out: &Path, seed| SampleSettings { days: 2, events_per_day: 200, ..small(out, seed) };
        let first = generate(&settings(&a, 7), &mut |_| {}).unwrap();
        let second = generate(&settings(&b, 7), &mut |_| {}).unwrap();
        generate(&settings(&c, 8), &mut |_| {}).unwrap();
        assert_eq!(first, second);
        assert_eq!(digest(&a), digest(&b));
        assert_ne!(digest(&a), digest(&c));
    }

    #[test]
    fn records_match_cloudtrail_and_truth_refers_to_them() {
        const MEMBERS: [&str; 14] = [
            "eventVersion",
            "userIdentity",
            "eventTime",
            "eventSource",
            "eventName",
            "awsRegion",
            "sourceIPAddress",
            "userAgent",
            "requestParameters",
            "responseElements",
            "eventID",
            "readOnly",
            "eventType",
            "recipientAccountId",
        ];
        let folder = tempfile::tempdir().unwrap();
        let settings = small(folder.path(), 1);
        let mut progress = Vec::new();
        let summary = generate(&settings, &mut |days| progress.push(days)).unwrap();
        assert_eq!(progress, (1..=8).collect::<Vec<_>>());

        let objects = objects(folder.path());
        assert_eq!(objects.len() as u64, summary.objects);
        let mut ids = BTreeSet::new();
        let mut duplicates = 0;
        let mut on_day: BTreeMap<String, u32> = BTreeMap::new();
        for (key, records) in &objects {
            let name: Vec<_> = key.rsplit('/').next().unwrap().split('_').collect();
            let [account, "CloudTrail", region, delivered, unique] = name[..] else { unreachable!("{key}") };
            assert_eq!(unique.len(), 16 + ".json.gz".len(), "{key}");
            assert!(key.contains(&format!("/{account}/CloudTrail/{region}/")), "{key}");
            for record in records {
                for member in MEMBERS {
                    assert!(record.get(member).is_some(), "{member}: {record}");
                }
                assert_eq!(record["recipientAccountId"], account, "{key}");
                assert_eq!(record["awsRegion"], region, "{key}");
                let time = record["eventTime"].as_str().unwrap();
                let compact = time.replace(['-', ':'], "");
                assert!(compact[..13] <= delivered[..13], "{compact} is delivered at {delivered}");
                if ids.insert(record["eventID"].as_str().unwrap().to_owned()) {
                    *on_day.entry(time[..10].to_owned()).or_default() += 1;
                } else {
                    duplicates += 1;
                }
            }
        }
        assert_eq!((ids.len() as u64, duplicates), (summary.events, summary.duplicates));

        // Monday and Tuesday only: later, incidents outweigh the little traffic of this sample.
        let average = f64::from(on_day["2024-03-04"] + on_day["2024-03-05"]) / 2.0;
        assert!((360.0..440.0).contains(&average), "{on_day:?}");

        for incident in truth(folder.path()) {
            let event_ids = incident["event_ids"].as_array().unwrap();
            assert_eq!(event_ids.len() as u64, incident["events"].as_u64().unwrap());
            for id in event_ids.iter().chain(incident["key_event_ids"].as_array().unwrap()) {
                assert!(ids.contains(id.as_str().unwrap()), "{id} of {}", incident["incident"]);
            }
        }
    }

    #[test]
    fn every_kind_is_planted_for_several_seeds() {
        for seed in 1..6 {
            let attacks = incidents::attacks::KINDS.len() as u32;
            let settings =
                SampleSettings { people: Some(40), events_per_day: 1_000, attacks, seed, ..SampleSettings::default() };
            let Prepared { incidents, .. } = prepare(&settings);
            let planted: BTreeSet<_> = incidents.iter().map(|incident| incident.kind.name).collect();
            for kind in incidents::attacks::KINDS.iter().chain(incidents::lookalikes::KINDS) {
                assert!(planted.contains(kind.name), "{} with seed {seed}", kind.name);
            }
            for attack in incidents.iter().filter(|incident| incident.label == Label::Attack) {
                let truth: Value = serde_json::from_str(&attack.truth(1).unwrap()).unwrap();
                let events = truth["events"].as_u64().unwrap();
                assert!((1..=300).contains(&events), "{}: {events} events", attack.kind.name);
                assert!(!truth["key_event_ids"].as_array().unwrap().is_empty(), "{}", attack.kind.name);
            }
        }
    }

    /// An organisation in which every change can happen.
    fn changing(out: &Path) -> SampleSettings {
        let environment = Environment {
            egress: Egress::HomeAndOffice,
            changes: Change::ALL.to_vec(),
            clusters: 1,
            active: 0.5,
            ..Environment::STANDARD
        };
        let people = Some(30);
        SampleSettings { days: 24, people, events_per_day: 1_500, environment: Some(environment), ..small(out, 3) }
    }

    #[test]
    fn each_change_is_a_lookalike_with_events_and_the_same_seed_repeats_it() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
        for out in [&a, &b] {
            generate(&SampleSettings { attacks: 0, ..changing(out) }, &mut |_| {}).unwrap();
        }
        assert_eq!(digest(&a), digest(&b));
        let incidents = truth(&a);
        for change in Change::ALL {
            let name = incidents::lookalikes::changes::kind_of(change).name;
            let incident = incidents.iter().find(|incident| incident["kind"] == name);
            let incident = incident.unwrap_or_else(|| panic!("{name} has no events"));
            assert_eq!(incident["label"], "lookalike");
        }
        let records: Vec<_> = objects(&a).into_iter().flat_map(|(_, records)| records).collect();
        let mut secrets: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for record in records.iter().filter(|record| record["eventName"] == "GetSecretValue") {
            let role =
                record["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"].as_str().unwrap_or_default();
            let secret = record["requestParameters"]["secretId"].as_str().unwrap();
            secrets.entry(role).or_default().insert(secret);
        }
        let operators: Vec<_> = secrets.iter().filter(|(role, _)| role.ends_with("external-secrets")).collect();
        assert_eq!(operators.len(), 2, "{operators:?}");
        assert!(records.iter().any(|it| it["userAgent"].as_str().is_some_and(|it| it.contains("exec-env/CloudShell"))));
    }

    #[test]
    fn everybody_leaves_through_the_proxy_or_the_line_that_the_environment_names() {
        let organisation = |egress| {
            let environment = Environment { egress, ..Environment::STANDARD };
            let settings =
                SampleSettings { environment: Some(environment), people: Some(24), ..small(Path::new("x"), 1) };
            prepare(&SampleSettings { days: 0, ..settings }).organisation
        };
        let owners_on = |organisation: &Organisation, day| -> BTreeSet<&'static str> {
            let people = organisation.people.iter();
            people.map(|it| it.location(&organisation.sites[it.site], 1, day, true).0.owner).collect()
        };
        let sase = organisation(Egress::Sase);
        assert!(owners_on(&sase, 3).iter().all(|owner| owner.starts_with("Zscaler")), "{:?}", owners_on(&sase, 3));
        let person = &sase.people[0];
        let addresses: BTreeSet<_> =
            (0..30).map(|day| person.location(&sase.sites[person.site], 1, day, false).0.ip).collect();
        assert!(addresses.len() > 10, "{addresses:?}");

        let shared = organisation(Egress::Shared);
        assert_eq!(Some(&shared.accounts[0].nat[0]), shared.sites[0].office.as_ref());
        assert!(shared.people.iter().all(|person| person.office_share == 1.0));
        assert!(owners_on(&organisation(Egress::HomeAndOffice), 3).len() > 3);
    }

    #[test]
    fn every_kind_of_attack_is_planted_without_identity_center() {
        let environment = Environment { sign_in: SignIn::IamUsers, ..Environment::STANDARD };
        let attacks = incidents::attacks::KINDS.len() as u32;
        let people = Some(30);
        let settings =
            SampleSettings { days: 20, people, attacks, environment: Some(environment), ..small(Path::new("x"), 2) };
        let Prepared { incidents, planted, .. } = prepare(&settings);
        let found: BTreeSet<_> = incidents.iter().map(|incident| incident.kind.name).collect();
        for kind in incidents::attacks::KINDS {
            assert!(found.contains(kind.name), "{}", kind.name);
        }
        assert!(planted.iter().all(|record| !record.json.contains("AWSReservedSSO")));
    }

    #[test]
    fn other_objects_are_written_beside_log_objects() {
        let folder = tempfile::tempdir().unwrap();
        generate(&SampleSettings { days: 1, events_per_day: 100, ..small(folder.path(), 1) }, &mut |_| {}).unwrap();
        let names: Vec<_> = files(folder.path()).iter().map(|file| file.to_str().unwrap().to_owned()).collect();
        assert!(names.iter().any(|name| name.contains("/CloudTrail-Digest/")));
        assert!(names.iter().any(|name| name.contains("/Config/")));
    }
}
