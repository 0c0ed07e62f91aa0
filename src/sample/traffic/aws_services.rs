//! AWS services: through service-linked roles, `AssumeRole` for workloads, and calls without a role.

use rand::Rng;

use crate::sample::calendar::{DAY, Day, HOUR, UNIFORM};
use crate::sample::cloudtrail::identity::{Identity, Origin, Role, record_version};
use crate::sample::cloudtrail::template::Slot;
use crate::sample::organisation::accounts::SERVICE_LINKED_ROLES;
use crate::sample::organisation::regions::{GLOBAL_REGION, HOME_REGION};
use crate::sample::organisation::workloads::Platform;
use crate::sample::random::{Purpose, hex, iam_id, one_of, rng_for, round_at_random};
use crate::sample::traffic::plan::{Event, Outcome, Plan};
use crate::sample::traffic::world::World;

/// Adds a day of calls by AWS services in every account.
pub(crate) fn plan_services(world: &World<'_>, day: Day, total: f64, plan: &mut Plan) {
    let rng = &mut rng_for(world.settings.seed, Purpose::Service, &[u64::from(day.index)]);
    let organisation = world.organisation;
    let shares: Vec<_> = organisation.accounts.iter().map(|account| account.workloads.len() as f64).collect();
    let sum: f64 = shares.iter().sum();
    for (account, share) in shares.iter().enumerate() {
        let own = total * 0.2 * share / sum;
        plan_linked_roles(world, account, day, own * 0.45, rng, plan);
        plan_service_assume_role(world, account, day, own * 0.25, rng, plan);
        plan_service_principals(world, account, day, own * 0.3, rng, plan);
    }
}

fn any_region(rng: &mut impl Rng) -> usize {
    match rng.random_range(0..10) {
        0..6 => HOME_REGION,
        6..8 => GLOBAL_REGION,
        8 => 2,
        _ => 3,
    }
}

fn plan_linked_roles(world: &World<'_>, account: usize, day: Day, total: f64, rng: &mut impl Rng, plan: &mut Plan) {
    let target = &world.organisation.accounts[account];
    let shares = [0.62, 0.2, 0.08, 0.05, 0.05];
    for (position, (name, service, session)) in SERVICE_LINKED_ROLES.iter().enumerate() {
        let path = format!("/aws-service-role/{service}/");
        let role = Role { account_id: &target.id, path: &path, name, id: &target.service_linked_role_ids[position] };
        let mut left = round_at_random(rng, total * shares[position]);
        while left > 0 {
            let calls = rng.random_range(1..=12).min(left);
            left -= calls;
            let mut at = day.midnight + UNIFORM.draw(rng);
            let key = iam_id("ASIA", rng);
            let since = at - at % (4 * HOUR);
            let session = Identity::role_session(role, session, &key, since, Origin::InvokedBy(service))
                .via_service(account, any_region(rng), service)
                .version(record_version(rng));
            let session = plan.open(session);
            for _ in 0..calls {
                at += rng.random_range(0..8);
                let call = *one_of(rng, &world.calls.linked[position]);
                let outcome = if rng.random_range(0..60) == 0 { Outcome::NotFound } else { Outcome::Success };
                plan.add(world, rng, Event { outcome, ..Event::new(session, call, at) });
            }
        }
    }
}

/// `AssumeRole` by the services that run workloads.
fn plan_service_assume_role(
    world: &World<'_>,
    account: usize,
    day: Day,
    total: f64,
    rng: &mut impl Rng,
    plan: &mut Plan,
) {
    let target = &world.organisation.accounts[account];
    for _ in 0..round_at_random(rng, total) {
        let workload = *one_of(rng, &target.workloads);
        let owner = &world.organisation.workloads[workload];
        let (service, session) = match owner.platform {
            Platform::Ec2 => ("ec2.amazonaws.com", one_of(rng, &owner.instances).clone()),
            Platform::Lambda => ("lambda.amazonaws.com", owner.function.clone()),
            Platform::Ecs => ("ecs-tasks.amazonaws.com", hex(rng, 32)),
            Platform::Eks => ("eks.amazonaws.com", format!("eks-{}", owner.service)),
        };
        let caller = Identity::service(service)
            .via_service(account, owner.region, service)
            .version(record_version(rng))
            .on_workload(workload)
            .with(Slot::Session, session)
            .with(Slot::SessionKey, iam_id("ASIA", rng));
        let caller = plan.open(caller);
        let at = day.midnight + UNIFORM.draw(rng);
        plan.add(world, rng, Event { is_shared: true, ..Event::new(caller, world.calls.assume_role, at) });
    }
}

fn plan_service_principals(
    world: &World<'_>,
    account: usize,
    day: Day,
    total: f64,
    rng: &mut impl Rng,
    plan: &mut Plan,
) {
    let target = &world.organisation.accounts[account];
    let weights: u32 = world.calls.services.iter().map(|(.., weight)| weight).sum();
    for (service, call, weight) in &world.calls.services {
        let sessions: Vec<_> = (0..3)
            .map(|region| {
                let session =
                    Identity::service(service).via_service(account, region, service).version(record_version(rng));
                plan.open(match *service {
                    "cloudtrail.amazonaws.com" => session.with(Slot::Bucket, target.log_bucket.clone()),
                    _ => session,
                })
            })
            .collect();
        for _ in 0..round_at_random(rng, total * f64::from(*weight) / f64::from(weights)) {
            let session = sessions[any_region(rng).min(2)];
            let mut at = day.midnight + UNIFORM.draw(rng);
            // Some services log in the early morning what they did the evening before.
            if at < day.midnight + 1_200 && day.index > 0 {
                at -= rng.random_range(1_200..6 * HOUR);
            }
            plan.add(world, rng, Event { is_shared: true, ..Event::new(session, *call, at) });
        }
    }
    // Automatic yearly rotation of KMS keys.
    if rng.random_bool(0.06) {
        let session = plan.open(Identity::internal(&target.id).via_service(account, HOME_REGION, "AWS Internal"));
        let at = day.midnight + rng.random_range(0..DAY);
        plan.add(world, rng, Event::new(session, world.calls.rotate_key, at));
    }
}
