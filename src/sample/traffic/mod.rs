//! Normal traffic: what people, programs and AWS services do on an ordinary day.
//!
//! Input: the world (settings, calls, organisation) and a day. Output: a `Plan` with as many events as the settings ask
//! for. There is one file per source of traffic; workloads fill the rest of the day's total.

pub(crate) mod aws_services;
pub(crate) mod clusters;
pub(crate) mod cross_account;
pub(crate) mod key_users;
pub(crate) mod named_calls;
pub(crate) mod people;
pub(crate) mod pipelines;
pub(crate) mod plan;
pub(crate) mod sign_in;
pub(crate) mod workloads;
pub(crate) mod world;

use rand::Rng;

use crate::sample::calendar::Day;
use crate::sample::random::{Purpose, rng_for};
use crate::sample::traffic::aws_services::plan_services;
use crate::sample::traffic::clusters::plan_clusters;
use crate::sample::traffic::cross_account::plan_cross_account;
use crate::sample::traffic::key_users::plan_key_users;
use crate::sample::traffic::people::plan_person;
use crate::sample::traffic::pipelines::plan_pipelines;
use crate::sample::traffic::plan::Plan;
use crate::sample::traffic::workloads::plan_workloads;
use crate::sample::traffic::world::World;

/// The plan of a day, in no particular order. `planted_count` records of incidents count towards the day's total.
pub(crate) fn plan_day(world: &World<'_>, day: Day, planted_count: usize) -> Plan {
    let mut plan = Plan::default();
    let rng = &mut rng_for(world.settings.seed, Purpose::DayTotal, &[u64::from(day.index)]);
    let total = f64::from(world.settings.events_per_day) * day.traffic() * rng.random_range(0.98..1.02);
    for person in 0..world.organisation.people.len() {
        plan_person(world, person, day, &mut plan);
    }
    plan_pipelines(world, day, &mut plan);
    plan_clusters(world, day, &mut plan);
    plan_key_users(world, day, &mut plan);
    plan_cross_account(world, day, &mut plan);
    plan_services(world, day, total, &mut plan);
    // Workloads make the rest of the day's events, at least a sixth of the total.
    let left = (total - (plan.events.len() + planted_count) as f64).max(total / 6.0);
    plan_workloads(world, day, left, &mut plan);
    plan
}
