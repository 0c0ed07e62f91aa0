//! Incidents: attacks that detectors should find, and look-alikes that they should not report.
//!
//! Input: the kinds listed in `attacks` and `lookalikes`, and the organisation. Output: planted records, changes to the
//! organisation (look-alikes only), and the facts for `truth.jsonl`.

pub(crate) mod attacks;
pub(crate) mod kind;
pub(crate) mod lookalikes;
pub(crate) mod scenario;
pub(crate) mod truth;

use std::collections::BTreeSet;

use crate::sample::archive::objects::PlantedRecord;
use crate::sample::cloudtrail::calls::Catalogue;
use crate::sample::incidents::kind::Kind;
use crate::sample::incidents::scenario::Scenario;
use crate::sample::incidents::truth::{Incident, Label};
use crate::sample::organisation::Organisation;
use crate::sample::random::{Purpose, hash_text, rng_for};
use crate::sample::settings::SampleSettings;
use crate::sample::traffic::named_calls::NamedCalls;

/// Plants the incidents of a sample, in the order of the tables; returns them with their records.
pub(crate) fn plant(
    settings: &SampleSettings,
    catalogue: &mut Catalogue,
    organisation: &mut Organisation,
    calls: &NamedCalls,
) -> (Vec<Incident>, Vec<PlantedRecord>) {
    let mut incidents = Vec::new();
    let mut planted = Vec::new();
    let mut used_targets = BTreeSet::new();
    let mut incidents_on = vec![0; settings.days.max(1) as usize];
    // Look-alikes come first: they change the organisation that attacks read.
    let tables =
        [(Label::Lookalike, Purpose::Lookalike, lookalikes::KINDS), (Label::Attack, Purpose::Attack, attacks::KINDS)];
    for (label, purpose, kinds) in tables {
        let changes = settings.environment().changes.iter().map(|change| (lookalikes::changes::kind_of(*change), 0));
        let changes = changes.filter(|_| label == Label::Lookalike && settings.days > 0);
        for (kind, instance) in changes.chain(schedule(settings, organisation, label, kinds)) {
            let mut scenario = Scenario {
                settings,
                rng: rng_for(settings.seed, purpose, &[hash_text(kind.name), u64::from(instance)]),
                catalogue,
                organisation,
                calls,
                used_targets: &mut used_targets,
                incidents_on: &mut incidents_on,
                day: 0,
                number: incidents.len() as u16 + 1,
                incident: Incident::new(kind.text(), label),
                clock: 0,
                pace: (3, 40),
                planted: &mut planted,
            };
            if (kind.plant)(&mut scenario).is_some() {
                let day = scenario.day as usize;
                scenario.incidents_on[day] += 1;
                incidents.push(scenario.incident);
            }
        }
    }
    (incidents, planted)
}

/// The kinds to plant, each with the number of its instance. Attacks go through the table until `settings.attacks` is
/// reached. Each look-alike happens once per thirty days with up to forty people, more often in a larger organisation.
fn schedule(
    settings: &SampleSettings,
    organisation: &Organisation,
    label: Label,
    kinds: &'static [Kind],
) -> Vec<(&'static Kind, u32)> {
    if settings.days == 0 {
        return Vec::new();
    }
    match label {
        Label::Attack => (0..)
            .flat_map(|round| kinds.iter().map(move |kind| (kind, round)))
            .take(settings.attacks as usize)
            .collect(),
        Label::Lookalike => {
            let periods = f64::from(settings.days) / 30.0;
            let company = (organisation.people.len() as f64 / 36.0).sqrt().clamp(1.0, 2.5);
            let instances = (periods * company).round().max(1.0) as u32;
            kinds.iter().flat_map(|kind| (0..instances).map(move |instance| (kind, instance))).collect()
        }
    }
}
