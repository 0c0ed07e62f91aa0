//! A made-up organisation's CloudTrail archive, for demonstrations, tests, benchmarks and evaluation.
//!
//! In: a few settings. Out: a folder as a bucket with an organisation's trails would look, and `truth.jsonl`, one
//! incident a line: what should be found in it and what should be left alone. The same settings give the same bytes.
//! Nothing here looks at the clock, at the network or at real archives.
//!
//! ```text
//! organisation, people    who there is, what they are used to do, and what comes up now and then (odd_jobs)
//!     |
//! lookalikes, attacks     what happens to them (incident: how it is told, and the truth about it)
//!     |
//! day, machines           a day's sessions and events, in total as many as asked for
//!     |
//! record, archive         events to JSON, JSON to gzipped objects; one thread a day
//! ```

mod archive;
mod attacks;
mod calendar;
mod calls;
mod day;
mod dice;
mod identity;
mod incident;
mod lookalikes;
mod machines;
mod networks;
mod odd_jobs;
mod organisation;
mod people;
mod record;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;

use chrono::NaiveDate;

use archive::{Planted, Written};
use calendar::Day;
use calls::Catalogue;
use day::World;
use incident::{Incident, Label};
use organisation::Organisation;

/// What archive to make.
#[derive(Clone, Debug)]
pub struct SampleSettings {
    /// The folder to write to; made if it is not there.
    pub out: PathBuf,
    /// How many days; attacks come after the first fourteen, or after half of a shorter sample.
    pub days: u32,
    /// How many AWS accounts.
    pub accounts: u32,
    /// Events of an average weekday, all accounts together; weekends have a bit more than half.
    pub events_per_day: u32,
    /// How many people work there; none: as many as fit the traffic.
    pub people: Option<u32>,
    /// How many attacks are planted: the kinds in their order, over and over.
    pub attacks: u32,
    /// Another seed gives another organisation.
    pub seed: u64,
    /// The first day, UTC.
    pub start: NaiveDate,
    /// Events in an object of a busy region, on average.
    pub events_per_object: u32,
}

impl Default for SampleSettings {
    fn default() -> Self {
        Self {
            out: PathBuf::from("sample"),
            days: 30,
            accounts: 3,
            events_per_day: 5_000,
            people: None,
            attacks: 10,
            seed: 1,
            start: NaiveDate::from_ymd_opt(2024, 3, 4).unwrap_or_default(),
            events_per_object: 100,
        }
    }
}

/// What was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SampleSummary {
    /// Events, each counted once.
    pub events: u64,
    /// Records that were delivered a second time: the same event id in two objects.
    pub repeats: u64,
    /// CloudTrail objects; digests and configuration snapshots are not counted.
    pub objects: u64,
    /// Bytes of these objects as they are stored, compressed.
    pub bytes: u64,
    /// The same before compression.
    pub raw_bytes: u64,
    /// Incidents that a detector should find.
    pub attacks: u64,
    /// Incidents that only look like it.
    pub lookalikes: u64,
}

/// Makes an archive; `progress` hears how many days are done.
///
/// # Errors
/// When something cannot be written; what was written until then stays.
pub fn generate(settings: &SampleSettings, progress: &mut dyn FnMut(u32)) -> io::Result<SampleSummary> {
    let mut catalogue = Catalogue::new();
    let sign_in = people::SignInCalls::new(&mut catalogue);
    let machine_calls = machines::Calls::new(&mut catalogue);
    let mut organisation = Organisation::new(settings, &mut catalogue);
    let (incidents, planted) = incident::plant(settings, &mut catalogue, &mut organisation, &sign_in, &machine_calls);
    let world = World {
        settings,
        catalogue: &catalogue,
        organisation: &organisation,
        sign_in: &sign_in,
        machines: &machine_calls,
    };
    fs::create_dir_all(&settings.out)?;
    let days = by_day(settings, planted);
    let written = write_days(&world, &days, progress)?;
    archive::write_neighbours(&settings.out, &world)?;
    conclude(&world, incidents, written)
}

/// The planted records of each day.
fn by_day(settings: &SampleSettings, planted: Vec<Planted>) -> Vec<(Day, Vec<Planted>)> {
    let mut days: Vec<_> = (0..settings.days).map(|index| (Day::new(settings.start, index), Vec::new())).collect();
    let begin = Day::new(settings.start, 0).midnight;
    for record in planted {
        let index = (record.at - begin).div_euclid(calendar::DAY).clamp(0, i64::from(settings.days.max(1)) - 1);
        if let Some((_, of_day)) = days.get_mut(index as usize) {
            of_day.push(record);
        }
    }
    days
}

/// Writes the days, as many at once as there are processors. The result is in the order of the days.
fn write_days(
    world: &World<'_>,
    days: &[(Day, Vec<Planted>)],
    progress: &mut dyn FnMut(u32),
) -> io::Result<Vec<Written>> {
    let next = AtomicU32::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from).min(days.len().max(1));
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while let Some((day, planted)) = days.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    let plan = day::plan(world, *day, planted.len());
                    let written = archive::write_day(&world.settings.out, world, *day, &plan, planted);
                    // The receiver goes away when another day has failed: then there is no use in going on.
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

/// Writes the truth and adds everything up.
fn conclude(world: &World<'_>, mut incidents: Vec<Incident>, written: Vec<Written>) -> io::Result<SampleSummary> {
    let mut summary = SampleSummary::default();
    for day in written {
        summary.events += day.events;
        summary.repeats += day.repeats;
        summary.objects += day.objects;
        summary.bytes += day.bytes;
        summary.raw_bytes += day.raw_bytes;
        for marked in day.marked {
            if let Some(incident) = incidents.get_mut(usize::from(marked.incident) - 1) {
                incident.take_in(world.organisation, marked);
            }
        }
    }
    // A trip during which nobody worked did not happen.
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
    use std::path::Path;

    use flate2::read::GzDecoder;
    use serde_json::Value;
    use sha2::{Digest, Sha256};

    use super::*;

    /// Small, and long enough to have four working days in its second half.
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

    /// The archive's objects: key and records.
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
    fn archive_is_as_cloudtrail_writes_it_and_truth_points_into_it() {
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
        let mut heard = Vec::new();
        let summary = generate(&settings, &mut |days| heard.push(days)).unwrap();
        assert_eq!(heard, (1..=8).collect::<Vec<_>>());

        let objects = objects(folder.path());
        assert_eq!(objects.len() as u64, summary.objects);
        let mut ids = BTreeSet::new();
        let mut repeats = 0;
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
                    repeats += 1;
                }
            }
        }
        assert_eq!((ids.len() as u64, repeats), (summary.events, summary.repeats));

        // Monday and Tuesday; from Wednesday on incidents outweigh so little traffic.
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
            let attacks = attacks::KINDS.len() as u32;
            let settings =
                SampleSettings { people: Some(40), events_per_day: 1_000, attacks, seed, ..SampleSettings::default() };
            let mut catalogue = Catalogue::new();
            let sign_in = people::SignInCalls::new(&mut catalogue);
            let machine_calls = machines::Calls::new(&mut catalogue);
            let mut organisation = Organisation::new(&settings, &mut catalogue);
            let (incidents, _) =
                incident::plant(&settings, &mut catalogue, &mut organisation, &sign_in, &machine_calls);
            let planted: BTreeSet<_> = incidents.iter().map(|incident| incident.kind.name).collect();
            for kind in attacks::KINDS.iter().chain(lookalikes::KINDS) {
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

    #[test]
    fn neighbours_of_other_kinds_lie_beside() {
        let folder = tempfile::tempdir().unwrap();
        generate(&SampleSettings { days: 1, events_per_day: 100, ..small(folder.path(), 1) }, &mut |_| {}).unwrap();
        let names: Vec<_> = files(folder.path()).iter().map(|file| file.to_str().unwrap().to_owned()).collect();
        assert!(names.iter().any(|name| name.contains("/CloudTrail-Digest/")));
        assert!(names.iter().any(|name| name.contains("/Config/")));
    }
}
