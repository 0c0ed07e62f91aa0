//! Operators in Kubernetes clusters: one reads all secrets of its account again and again, two look after machines and
//! load balancers.

use rand::Rng;

use crate::sample::calendar::{DAY, Day, HOUR};
use crate::sample::cloudtrail::identity::{Channel, Identity, Origin, Role};
use crate::sample::cloudtrail::template::Slot;
use crate::sample::organisation::clusters::Cluster;
use crate::sample::organisation::regions::HOME_REGION;
use crate::sample::random::{Purpose, iam_id, one_of, rng_for};
use crate::sample::traffic::plan::{Event, Outcome, Plan};
use crate::sample::traffic::world::World;

/// Adds a day of calls by the operators of all clusters.
pub(crate) fn plan_clusters(world: &World<'_>, day: Day, plan: &mut Plan) {
    for (index, cluster) in world.organisation.clusters.iter().enumerate() {
        let rng = &mut rng_for(world.settings.seed, Purpose::Cluster, &[index as u64, u64::from(day.index)]);
        let every = cluster.refresh_hours * HOUR;
        let first = cluster.since + ((day.midnight - cluster.since).max(0) + every - 1) / every * every;
        for at in (first..day.midnight + DAY).step_by(every as usize) {
            read_secrets(world, cluster, at, rng, plan);
        }
        for hour in 0..24 {
            let at = day.midnight + hour * HOUR + rng.random_range(0..HOUR);
            if at < cluster.since || rng.random_bool(0.5) {
                continue;
            }
            let operator = rng.random_range(1..3);
            let session = open_session(world, cluster, operator, at, rng, plan);
            let (usual, writes) = &world.calls.operators[operator - 1];
            for number in 0..rng.random_range(2..8) {
                let calls = if rng.random_bool(0.04) { writes } else { usual };
                let call = *one_of(rng, calls);
                add(world, cluster, Event::new(session, call, at + number * 2), rng, plan);
            }
        }
    }
}

/// Reads every secret of the account that lies in the home region.
fn read_secrets(world: &World<'_>, cluster: &Cluster, mut at: i64, rng: &mut impl Rng, plan: &mut Plan) {
    let organisation = world.organisation;
    let session = open_session(world, cluster, 0, at, rng, plan);
    let workloads = &organisation.accounts[cluster.account].workloads;
    for (position, workload) in workloads.iter().enumerate() {
        if organisation.workloads[*workload].region == HOME_REGION {
            at += rng.random_range(1..20);
            // A number that selects this workload's secret, and is not zero.
            let pick = (position + workloads.len()) as u32;
            let outcome = if rng.random_bool(0.005) { Outcome::Throttled } else { Outcome::Success };
            let event = Event { pick, outcome, ..Event::new(session, world.calls.get_secret, at) };
            add(world, cluster, event, rng, plan);
        }
    }
}

/// The session of an operator; it lasts an hour.
fn open_session(
    world: &World<'_>,
    cluster: &Cluster,
    operator: usize,
    at: i64,
    rng: &mut impl Rng,
    plan: &mut Plan,
) -> u32 {
    const AGENTS: [&str; 3] = [
        "aws-sdk-go/1.49.13 (go1.21.5; linux; amd64) external-secrets",
        "aws-sdk-go/1.48.7 (go1.21.6; linux; amd64) cluster-autoscaler",
        "elbv2.k8s.aws/v2.7.0 aws-sdk-go/1.50.9 (go1.21.5; linux; amd64)",
    ];
    let account = &world.organisation.accounts[cluster.account];
    let address = account.nat[HOME_REGION].clone();
    let (name, id) = &cluster.roles[operator];
    let role = Role { account_id: &account.id, path: "/", name, id };
    let key = iam_id("ASIA", rng);
    let since = at - rng.random_range(1..30);
    // The Go SDK names a session by the moment it starts.
    let session = if operator == 0 { "external-secrets-provider-aws".to_owned() } else { format!("{since}000000000") };
    let pod = format!("system:serviceaccount:kube-system:{name}");
    let token = Identity::web_identity(&cluster.provider, &pod)
        .at(cluster.account, HOME_REGION, address.clone(), AGENTS[operator], Channel::Api)
        .with(Slot::Role, name.clone())
        .with(Slot::RoleId, id.clone())
        .with(Slot::Session, session.clone())
        .with(Slot::SessionKey, key.clone())
        .with(Slot::Subject, pod)
        .with(Slot::Provider, cluster.provider.clone());
    let token = plan.open(token);
    add(world, cluster, Event::new(token, world.calls.assume_role_with_web_identity, since), rng, plan);
    let session = Identity::role_session(role, &session, &key, since, Origin::Federated(&cluster.provider))
        .at(cluster.account, HOME_REGION, address, AGENTS[operator], Channel::Api)
        .with(Slot::Cluster, cluster.name.clone());
    plan.open(session)
}

fn add(world: &World<'_>, cluster: &Cluster, event: Event, rng: &mut impl Rng, plan: &mut Plan) {
    let incident = if event.at < cluster.since + 3 * DAY { cluster.incident } else { 0 };
    plan.add(world, rng, Event { incident, ..event });
}
