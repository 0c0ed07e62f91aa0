//! Programs with long-lived access keys.

use rand::Rng;

use crate::sample::calendar::{Day, NIGHTLY, UNIFORM};
use crate::sample::cloudtrail::identity::{Channel, Identity, record_version};
use crate::sample::random::{Purpose, rng_for, round_at_random, weighted_choice};
use crate::sample::traffic::plan::{Event, Outcome, Plan};
use crate::sample::traffic::world::World;

/// Adds a day of calls by programs with long-lived keys.
pub(crate) fn plan_key_users(world: &World<'_>, day: Day, plan: &mut Plan) {
    let organisation = world.organisation;
    let budget = f64::from(world.settings.events_per_day) * 0.05 / organisation.key_users.len() as f64;
    for (index, user) in organisation.key_users.iter().enumerate() {
        if user.last_day.is_some_and(|last| day.index > last) {
            continue;
        }
        let rng = &mut rng_for(world.settings.seed, Purpose::Machine, &[1 << 32 | index as u64, u64::from(day.index)]);
        let account = &organisation.accounts[user.account];
        let key = user.key_on(day.index);
        let session = Identity::iam_user(&account.id, &user.id, &user.name, key, None)
            .at(user.account, user.region, user.address.clone(), user.agent, Channel::Api)
            .version(record_version(rng))
            .on_workload(user.workload);
        let session = plan.open(session);
        let curve = if user.is_nightly { &NIGHTLY } else { &UNIFORM };
        let total: f64 = user.usual_calls.iter().map(|(_, weight)| weight).sum();
        let calls = budget * rng.random_range(0.8..1.2);
        for _ in 0..round_at_random(rng, calls) {
            let Some((call, _)) = weighted_choice(rng, &user.usual_calls, total, |(_, weight)| *weight) else { break };
            let outcome = if rng.random_range(0..200) == 0 { Outcome::NotFound } else { Outcome::Success };
            let at = day.midnight + curve.draw(rng);
            plan.add(world, rng, Event { outcome, ..Event::new(session, *call, at) });
        }
    }
}
