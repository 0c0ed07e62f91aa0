//! Deployments by build pipelines.

use rand::Rng;

use crate::sample::calendar::{DAY, Day, HOUR};
use crate::sample::cloudtrail::identity::{Channel, Identity, Origin, Role, Session, record_version};
use crate::sample::cloudtrail::template::Slot;
use crate::sample::networks;
use crate::sample::organisation::Organisation;
use crate::sample::organisation::pipelines::Pipeline;
use crate::sample::organisation::regions::HOME_REGION;
use crate::sample::random::{Purpose, iam_id, rng_for, round_at_random};
use crate::sample::traffic::plan::{Event, Outcome, Plan};
use crate::sample::traffic::world::World;

/// Adds a day's deployments; there are few at weekends.
pub(crate) fn plan_pipelines(world: &World<'_>, day: Day, plan: &mut Plan) {
    let organisation = world.organisation;
    let budget = f64::from(world.settings.events_per_day) * 0.07 / organisation.pipelines.len() as f64;
    for (index, pipeline) in organisation.pipelines.iter().enumerate() {
        let rng = &mut rng_for(world.settings.seed, Purpose::Pipeline, &[index as u64, u64::from(day.index)]);
        let events_per_run = (2 + pipeline.steps.len() + pipeline.on_behalf.len()) as f64;
        let release = pipeline.releases.iter().find(|(on, _)| *on == day.index);
        let usual = budget / events_per_run * if day.is_weekend() { 0.08 } else { 1.0 };
        let runs = match release {
            Some(_) => 6 + round_at_random(rng, usual * 5.0),
            None => round_at_random(rng, usual),
        };
        for _ in 0..runs {
            // Merges happen during European working hours, some during American ones.
            let at = day.midnight + 8 * HOUR + rng.random_range(0..11 * HOUR) - organisation.hours_earlier * HOUR;
            run_pipeline(world, pipeline, at, release.map_or(0, |(_, incident)| *incident), rng, plan);
        }
    }
}

fn run_pipeline(
    world: &World<'_>,
    pipeline: &Pipeline,
    mut at: i64,
    incident: u16,
    rng: &mut impl Rng,
    plan: &mut Plan,
) {
    let (token, run) = pipeline_sessions(world.organisation, pipeline, at, rng);
    let workload = &world.organisation.workloads[pipeline.workload];
    let account = &world.organisation.accounts[workload.account];
    let role = Role { account_id: &account.id, path: "/", name: &pipeline.role, id: &pipeline.role_id };
    let cloudformation =
        Identity::role_session(role, "GitHubActions", &run.key, at, Origin::InvokedBy("cloudformation.amazonaws.com"))
            .via_service(workload.account, workload.region, "cloudformation.amazonaws.com")
            .version(run.version)
            .on_workload(pipeline.workload);
    let token = plan.open(token);
    let run = plan.open(run);
    plan.add(world, rng, Event { incident, ..Event::new(token, world.calls.assume_role_with_web_identity, at) });
    let day = (at - Day::new(world.settings.start, 0).midnight) / DAY;
    let added = pipeline.added_step.filter(|(from, _)| day >= i64::from(*from)).map(|(_, call)| call);
    // The role lacks a permission: some steps of the run are denied, and it may stop.
    let is_broken = incident == 0 && rng.random_bool(0.01);
    for call in pipeline.steps.iter().copied().chain(added) {
        at += rng.random_range(1..14);
        if is_broken && rng.random_bool(0.3) {
            plan.add(world, rng, Event { outcome: Outcome::Denied, ..Event::new(run, call, at) });
            if rng.random_bool(0.5) {
                return;
            }
            continue;
        }
        let outcome = match rng.random_range(0..1000) {
            0..4 => Outcome::Denied,
            4..8 => Outcome::Throttled,
            8..14 => Outcome::NotFound,
            _ => Outcome::Success,
        };
        plan.add(world, rng, Event { outcome, incident, ..Event::new(run, call, at) });
    }
    if !pipeline.on_behalf.is_empty() {
        let cloudformation = plan.open(cloudformation);
        for call in &pipeline.on_behalf {
            at += rng.random_range(1..10);
            plan.add(world, rng, Event { incident, ..Event::new(cloudformation, *call, at) });
        }
    }
}

/// The session that assumes the pipeline's role with a web identity, and the resulting role session.
pub(crate) fn pipeline_sessions(
    organisation: &Organisation,
    pipeline: &Pipeline,
    at: i64,
    rng: &mut impl Rng,
) -> (Session, Session) {
    let workload = &organisation.workloads[pipeline.workload];
    let account = &organisation.accounts[workload.account];
    let provider = format!("arn:aws:iam::{}:oidc-provider/token.actions.githubusercontent.com", account.id);
    let runner = match pipeline.has_own_runner {
        true => account.nat[HOME_REGION].clone(),
        false => networks::RUNNERS.address(rng),
    };
    let key = iam_id("ASIA", rng);
    let role = Role { account_id: &account.id, path: "/", name: &pipeline.role, id: &pipeline.role_id };
    let version = record_version(rng);
    let token = Identity::web_identity(&provider, &pipeline.subject)
        .at(
            workload.account,
            workload.region,
            runner.clone(),
            "aws-sdk-js/3.496.0 ua/2.0 os/linux#6.5.0-1014-azure lang/js md/nodejs#20.8.1 api/sts",
            Channel::Api,
        )
        .version(version)
        .with(Slot::Role, pipeline.role.clone())
        .with(Slot::RoleId, pipeline.role_id.clone())
        .with(Slot::Session, "GitHubActions")
        .with(Slot::SessionKey, key.clone())
        .with(Slot::Subject, pipeline.subject.clone())
        .with(Slot::Provider, provider.clone());
    let run = Identity::role_session(role, "GitHubActions", &key, at, Origin::Federated(&provider))
        .at(workload.account, workload.region, runner, pipeline.agent, Channel::Api)
        .version(version)
        .on_workload(pipeline.workload);
    (token, run)
}
