//! Machines of workloads: servers, functions, containers and pods.
//!
//! A machine's credentials rotate every six hours; the credentials for a given time are the same for every caller.

use rand::Rng;

use crate::sample::calendar::{CUSTOMERS, DAY, Day, HOUR, NIGHTLY};
use crate::sample::cloudtrail::identity::{Channel, Identity, Origin, Role, Session, record_version};
use crate::sample::networks;
use crate::sample::organisation::Organisation;
use crate::sample::organisation::workloads::{Platform, Workload};
use crate::sample::random::{Purpose, hex, iam_id, rng_for, round_at_random, weighted_choice};
use crate::sample::traffic::plan::{Event, Outcome, Plan};
use crate::sample::traffic::world::World;

/// Adds a day of workload traffic: `total` events, distributed by the workloads' weights.
pub(crate) fn plan_workloads(world: &World<'_>, day: Day, total: f64, plan: &mut Plan) {
    let workloads = &world.organisation.workloads;
    let weights: f64 = workloads.iter().map(|workload| workload.weight).sum();
    for (index, workload) in workloads.iter().enumerate() {
        let rng = &mut rng_for(world.settings.seed, Purpose::Machine, &[index as u64, u64::from(day.index)]);
        let count = round_at_random(rng, total * workload.weight / weights);
        plan_workload(world, index, day, count, rng, plan);
    }
}

fn plan_workload(world: &World<'_>, index: usize, day: Day, count: u32, rng: &mut impl Rng, plan: &mut Plan) {
    let workload = &world.organisation.workloads[index];
    let account = &world.organisation.accounts[workload.account];
    let curve = if workload.is_nightly { &NIGHTLY } else { &CUSTOMERS };
    let adopted = workload.adoption.filter(|(from, _)| day.index >= *from);
    // A backlog that is processed within an hour.
    let backlog_hour = rng.random_bool(0.02).then(|| curve.draw(rng) / HOUR * HOUR);
    let count = if backlog_hour.is_some() { count * 2 } else { count };
    let total: f64 = workload.usual_calls.iter().map(|(_, weight)| weight).sum();
    let machines = if workload.platform == Platform::Ec2 { workload.instances.len() } else { 2 };
    // One session per machine, quarter of the day and route (direct or through the endpoint), opened at first use.
    let mut open = vec![None; machines * 8];
    for _ in 0..count {
        let second = match backlog_hour.filter(|_| rng.random_bool(0.5)) {
            Some(hour) => hour + rng.random_range(0..HOUR),
            None => curve.draw(rng),
        };
        let second = (second - world.organisation.hours_earlier * HOUR).rem_euclid(DAY);
        let machine = rng.random_range(0..machines);
        let Some((call, _)) = weighted_choice(rng, &workload.usual_calls, total, |(_, weight)| *weight) else { return };
        let call = adopted.as_ref().filter(|_| rng.random_bool(0.05)).map_or(call, |(_, call)| call);
        let by_endpoint = workload.has_endpoint
            && workload.platform != Platform::Lambda
            && world.calls.through_endpoint.contains(call);
        let quarter = second / (6 * HOUR);
        let slot = &mut open[machine * 8 + quarter as usize * 2 + usize::from(by_endpoint)];
        let session = *slot.get_or_insert_with(|| {
            let session = machine_session(world, index, machine, day, quarter);
            plan.open(if by_endpoint {
                let source = format!("10.{}.{}.{}", workload.account, index % 250, machine + 10);
                Session { source, address: None, endpoint: Some(account.endpoint.clone()), ..session }
            } else {
                session
            })
        });
        let outcome = match rng.random_range(0..10_000) {
            0..25 => Outcome::NotFound,
            25..40 => Outcome::Throttled,
            40..46 => Outcome::Denied,
            _ => Outcome::Success,
        };
        plan.add(world, rng, Event { outcome, ..Event::new(session, *call, day.midnight + second) });
    }
}

/// The session of one machine of a workload in one quarter of the day.
pub(crate) fn machine_session(world: &World<'_>, workload: usize, machine: usize, day: Day, quarter: i64) -> Session {
    let organisation = world.organisation;
    let owner = &organisation.workloads[workload];
    let account = &organisation.accounts[owner.account];
    let names = [workload as u64, machine as u64, u64::from(day.index), quarter as u64];
    let rng = &mut rng_for(world.settings.seed, Purpose::MachineKey, &names);
    let since = day.midnight + quarter * 6 * HOUR - rng.random_range(60..1_200);
    let key = iam_id("ASIA", rng);
    let provider = eks_provider(organisation, owner);
    let (session, origin) = match owner.platform {
        Platform::Ec2 => (owner.instances[machine].clone(), Origin::Ec2),
        Platform::Lambda => (owner.function.clone(), Origin::Plain),
        Platform::Ecs => (hex(rng, 32), Origin::Plain),
        Platform::Eks => (format!("botocore-session-{since}"), Origin::Federated(&provider)),
    };
    let role = Role { account_id: &account.id, path: "/", name: &owner.role, id: &owner.role_id };
    let address = match owner.platform {
        // Functions outside a VPC call from public addresses of AWS.
        Platform::Lambda => networks::aws_region(organisation.regions[owner.region]).address(rng),
        _ => account.nat[owner.region].clone(),
    };
    Identity::role_session(role, &session, &key, since, origin)
        .at(owner.account, owner.region, address, owner.agent, Channel::Api)
        .version(record_version(rng))
        .on_workload(workload)
}

fn eks_provider(organisation: &Organisation, workload: &Workload) -> String {
    let account = &organisation.accounts[workload.account];
    let region = organisation.regions[workload.region];
    let cluster = account.detector.to_uppercase();
    format!("arn:aws:iam::{}:oidc-provider/oidc.eks.{region}.amazonaws.com/id/{cluster}", account.id)
}
