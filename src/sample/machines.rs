//! What runs without people: workloads, pipelines, users of long-lived keys, AWS services, partners and auditors.
//!
//! In: the world and a day. Out: sessions and events added to the day's plan. Credentials rotate as AWS rotates them;
//! a machine's credentials of some hour are the same whoever asks.

use rand::Rng;

use super::calendar::{CUSTOMERS, DAY, Day, EVEN, HOUR, NIGHT};
use super::calls::{CallId, Catalogue, Slot};
use super::day::{Event, Fate, Plan, World};
use super::dice::{Purpose, hex, iam_id, one_of, stream, whole};
use super::identity::{Channel, Origin, Role, Session, Who};
use super::networks;
use super::organisation::{GLOBAL_REGION, HOME_REGION, Organisation, Pipeline, Platform, REGIONS, Workload, ids};
use super::people::{pick, record_version};

/// Service-linked roles: name, service, session name.
pub(super) const LINKED_ROLES: [(&str, &str, &str); 5] = [
    ("AWSServiceRoleForConfig", "config.amazonaws.com", "AWSConfig-Describe"),
    ("AWSServiceRoleForAutoScaling", "autoscaling.amazonaws.com", "AutoScaling"),
    ("AWSServiceRoleForTrustedAdvisor", "trustedadvisor.amazonaws.com", "TrustedAdvisor"),
    ("AWSServiceRoleForBackup", "backup.amazonaws.com", "AWSBackup-AWSServiceRoleForBackup"),
    ("AWSServiceRoleForAmazonGuardDuty", "guardduty.amazonaws.com", "GuardDuty"),
];

/// Calls of machines by number.
pub(super) struct Calls {
    assume_role: CallId,
    assume_role_with_web_identity: CallId,
    rotate_key: CallId,
    s3: Vec<CallId>,
    linked: Vec<Vec<CallId>>,
    services: Vec<(&'static str, CallId, u32)>,
}

impl Calls {
    /// Looks their numbers up.
    pub(super) fn new(catalogue: &mut Catalogue) -> Self {
        let linked = [
            "\
                ec2:DescribeInstances ec2:DescribeSecurityGroups ec2:DescribeVolumes ec2:DescribeSubnets \
                ec2:DescribeNatGateways ec2:DescribeVpcs iam:GetRole iam:ListRolePolicies \
                iam:GetPolicyVersion s3:GetBucketAcl s3:GetBucketPolicy s3:GetBucketVersioning \
                s3:GetBucketEncryption s3:GetBucketTagging lambda:GetFunction20150331v2 kms:GetKeyPolicy \
                kms:DescribeKey rds:DescribeDBInstances dynamodb:DescribeTable logs:DescribeLogGroups \
                config:PutEvaluations",
            "\
                ec2:DescribeInstanceStatus elasticloadbalancing:DescribeTargetHealth ec2:RunInstances \
                ec2:TerminateInstances monitoring:DescribeAlarms",
            "\
                s3:GetBucketPublicAccessBlock s3:GetBucketVersioning ec2:DescribeSecurityGroups \
                iam:GetAccountSummary rds:DescribeDBInstances",
            "ec2:CreateSnapshot ec2:DescribeSnapshots rds:DescribeDBSnapshots ec2:DescribeVolumes",
            "ec2:DescribeInstances ec2:DescribeNetworkInterfaces ec2:DescribeVpcs",
        ];
        Self {
            assume_role: catalogue.id("sts:AssumeRole"),
            assume_role_with_web_identity: catalogue.id("sts:AssumeRoleWithWebIdentity"),
            rotate_key: catalogue.id("kms:RotateKey"),
            s3: ids(catalogue, "s3:GetObject s3:PutObject s3:HeadObject dynamodb:GetItem dynamodb:Query"),
            linked: linked.iter().map(|names| ids(catalogue, names)).collect(),
            services: [
                ("cloudtrail.amazonaws.com", "s3:GetBucketAcl", 6),
                ("s3.amazonaws.com", "kms:Decrypt", 7),
                ("s3.amazonaws.com", "kms:GenerateDataKey", 5),
                ("dynamodb.amazonaws.com", "kms:Decrypt", 2),
                ("cloudtrail.amazonaws.com", "kms:GenerateDataKey", 3),
                ("events.amazonaws.com", "logs:CreateLogStream", 2),
                ("delivery.logs.amazonaws.com", "s3:GetBucketAcl", 1),
            ]
            .map(|(service, name, weight)| (service, catalogue.id(name), weight))
            .to_vec(),
        }
    }
}

/// The session of one of a workload's machines, with the credentials of that quarter of the day.
pub(super) fn machine_session(world: &World<'_>, workload: usize, machine: usize, day: Day, quarter: i64) -> Session {
    let organisation = world.organisation;
    let it = &organisation.workloads[workload];
    let account = &organisation.accounts[it.account];
    let names = [workload as u64, machine as u64, u64::from(day.index), quarter as u64];
    let rng = &mut stream(world.settings.seed, Purpose::Key, &names);
    let since = day.midnight + quarter * 6 * HOUR - rng.random_range(60..1_200);
    let key = iam_id("ASIA", rng);
    let provider = eks_provider(organisation, it);
    let (session, origin) = match it.platform {
        Platform::Ec2 => (it.instances[machine].clone(), Origin::Ec2),
        Platform::Lambda => (it.function.clone(), Origin::Plain),
        Platform::Ecs => (hex(rng, 32), Origin::Plain),
        Platform::Eks => (format!("botocore-session-{since}"), Origin::Federated(&provider)),
    };
    let role = Role { account_id: &account.id, path: "/", name: &it.role, id: &it.role_id };
    let place = match it.platform {
        // Functions without a VPC leave from AWS's own addresses.
        Platform::Lambda => networks::of_region(REGIONS[it.region]).address(rng),
        _ => account.nat[it.region].clone(),
    };
    Who::role_session(role, &session, &key, since, origin)
        .at(it.account, it.region, place, it.agent, Channel::Api)
        .version(record_version(rng))
        .on_workload(workload)
}

fn eks_provider(organisation: &Organisation, workload: &Workload) -> String {
    let account = &organisation.accounts[workload.account];
    let region = REGIONS[workload.region];
    let cluster = account.detector.to_uppercase();
    format!("arn:aws:iam::{}:oidc-provider/oidc.eks.{region}.amazonaws.com/id/{cluster}", account.id)
}

/// `total` events shared among the workloads by their weights.
pub(super) fn plan_workloads(world: &World<'_>, day: Day, total: f64, plan: &mut Plan) {
    let workloads = &world.organisation.workloads;
    let weights: f64 = workloads.iter().map(|workload| workload.weight).sum();
    for (index, workload) in workloads.iter().enumerate() {
        let rng = &mut stream(world.settings.seed, Purpose::Machine, &[index as u64, u64::from(day.index)]);
        let count = whole(rng, total * workload.weight / weights);
        plan_workload(world, index, day, count, rng, plan);
    }
}

fn plan_workload(world: &World<'_>, index: usize, day: Day, count: u32, rng: &mut impl Rng, plan: &mut Plan) {
    let workload = &world.organisation.workloads[index];
    let account = &world.organisation.accounts[workload.account];
    let curve = if workload.is_nightly { &NIGHT } else { &CUSTOMERS };
    let adopted = workload.adoption.filter(|(from, _)| day.index >= *from);
    // A backlog that is worked off within an hour.
    let rush = rng.random_bool(0.02).then(|| curve.draw(rng) / HOUR * HOUR);
    let count = if rush.is_some() { count * 2 } else { count };
    let total: f64 = workload.habits.iter().map(|(_, weight)| weight).sum();
    let machines = if workload.platform == Platform::Ec2 { workload.instances.len() } else { 2 };
    // Sessions by machine, quarter of the day and way (direct or through the endpoint), opened when first used.
    let mut open = vec![None; machines * 8];
    for _ in 0..count {
        let second = match rush.filter(|_| rng.random_bool(0.5)) {
            Some(hour) => hour + rng.random_range(0..HOUR),
            None => curve.draw(rng),
        };
        let machine = rng.random_range(0..machines);
        let Some((call, _)) = pick(rng, &workload.habits, total, |(_, weight)| *weight) else { return };
        let call = adopted.as_ref().filter(|_| rng.random_bool(0.05)).map_or(call, |(_, call)| call);
        let by_endpoint =
            workload.has_endpoint && workload.platform != Platform::Lambda && world.machines.s3.contains(call);
        let quarter = second / (6 * HOUR);
        let slot = &mut open[machine * 8 + quarter as usize * 2 + usize::from(by_endpoint)];
        let session = *slot.get_or_insert_with(|| {
            let session = machine_session(world, index, machine, day, quarter);
            plan.open(if by_endpoint {
                let source = format!("10.{}.{}.{}", workload.account, index % 250, machine + 10);
                Session { source, place: None, endpoint: Some(account.endpoint.clone()), ..session }
            } else {
                session
            })
        });
        let fate = match rng.random_range(0..10_000) {
            0..25 => Fate::NotFound,
            25..40 => Fate::Throttled,
            40..46 => Fate::Denied,
            _ => Fate::Done,
        };
        plan.add(world, rng, Event { fate, ..Event::new(session, *call, day.midnight + second) });
    }
}

/// Deployments on working days.
pub(super) fn plan_pipelines(world: &World<'_>, day: Day, plan: &mut Plan) {
    let organisation = world.organisation;
    let budget = f64::from(world.settings.events_per_day) * 0.07 / organisation.pipelines.len() as f64;
    for (index, pipeline) in organisation.pipelines.iter().enumerate() {
        let rng = &mut stream(world.settings.seed, Purpose::Pipeline, &[index as u64, u64::from(day.index)]);
        let events_per_run = (2 + pipeline.steps.len() + pipeline.on_behalf.len()) as f64;
        let release = pipeline.releases.iter().find(|(on, _)| *on == day.index);
        let usual = budget / events_per_run * if day.is_weekend() { 0.08 } else { 1.0 };
        let runs = match release {
            Some(_) => 6 + whole(rng, usual * 5.0),
            None => whole(rng, usual),
        };
        for _ in 0..runs {
            // Merges happen while Europe works, some from America.
            let at = day.midnight + 8 * HOUR + rng.random_range(0..11 * HOUR);
            run_pipeline(world, pipeline, at, release.map_or(0, |(_, incident)| *incident), rng, plan);
        }
    }
}

/// The web identity call that starts a run, and the session that it yields.
pub(super) fn pipeline_sessions(
    organisation: &Organisation,
    pipeline: &Pipeline,
    at: i64,
    rng: &mut impl Rng,
) -> (Session, Session) {
    let workload = &organisation.workloads[pipeline.workload];
    let account = &organisation.accounts[workload.account];
    let provider = format!("arn:aws:iam::{}:oidc-provider/token.actions.githubusercontent.com", account.id);
    let runner = networks::RUNNERS.address(rng);
    let key = iam_id("ASIA", rng);
    let role = Role { account_id: &account.id, path: "/", name: &pipeline.role, id: &pipeline.role_id };
    let version = record_version(rng);
    let token = Who::web_identity(&provider, &pipeline.subject)
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
    let run = Who::role_session(role, "GitHubActions", &key, at, Origin::Federated(&provider))
        .at(workload.account, workload.region, runner, pipeline.agent, Channel::Api)
        .version(version)
        .on_workload(pipeline.workload);
    (token, run)
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
    let behind =
        Who::role_session(role, "GitHubActions", &run.key, at, Origin::InvokedBy("cloudformation.amazonaws.com"))
            .behind(workload.account, workload.region, "cloudformation.amazonaws.com")
            .version(run.version)
            .on_workload(pipeline.workload);
    let token = plan.open(token);
    let run = plan.open(run);
    plan.add(world, rng, Event { incident, ..Event::new(token, world.machines.assume_role_with_web_identity, at) });
    let day = (at - super::calendar::Day::new(world.settings.start, 0).midnight) / DAY;
    let added = pipeline.added_step.filter(|(from, _)| day >= i64::from(*from)).map(|(_, call)| call);
    // A change that the role may not make yet: the run is denied some steps and stops.
    let is_broken = incident == 0 && rng.random_bool(0.01);
    for call in pipeline.steps.iter().copied().chain(added) {
        at += rng.random_range(1..14);
        if is_broken && rng.random_bool(0.3) {
            plan.add(world, rng, Event { fate: Fate::Denied, ..Event::new(run, call, at) });
            if rng.random_bool(0.5) {
                return;
            }
            continue;
        }
        let fate = match rng.random_range(0..1000) {
            0..4 => Fate::Denied,
            4..8 => Fate::Throttled,
            8..14 => Fate::NotFound,
            _ => Fate::Done,
        };
        plan.add(world, rng, Event { fate, incident, ..Event::new(run, call, at) });
    }
    if !pipeline.on_behalf.is_empty() {
        let behind = plan.open(behind);
        for call in &pipeline.on_behalf {
            at += rng.random_range(1..10);
            plan.add(world, rng, Event { incident, ..Event::new(behind, *call, at) });
        }
    }
}

/// Programs with long-lived keys.
pub(super) fn plan_key_users(world: &World<'_>, day: Day, plan: &mut Plan) {
    let organisation = world.organisation;
    let budget = f64::from(world.settings.events_per_day) * 0.05 / organisation.key_users.len() as f64;
    for (index, user) in organisation.key_users.iter().enumerate() {
        if user.last_day.is_some_and(|last| day.index > last) {
            continue;
        }
        let rng = &mut stream(world.settings.seed, Purpose::Machine, &[1 << 32 | index as u64, u64::from(day.index)]);
        let account = &organisation.accounts[user.account];
        let key = match &user.rotated {
            Some((from, key)) if day.index >= *from => key,
            _ => &user.key,
        };
        let session = Who::iam_user(&account.id, &user.id, &user.name, key, None)
            .at(user.account, user.region, user.place.clone(), user.agent, Channel::Api)
            .version(record_version(rng))
            .on_workload(user.workload);
        let session = plan.open(session);
        let curve = if user.is_nightly { &NIGHT } else { &EVEN };
        let total: f64 = user.habits.iter().map(|(_, weight)| weight).sum();
        let calls = budget * rng.random_range(0.8..1.2);
        for _ in 0..whole(rng, calls) {
            let Some((call, _)) = pick(rng, &user.habits, total, |(_, weight)| *weight) else { break };
            let fate = if rng.random_range(0..200) == 0 { Fate::NotFound } else { Fate::Done };
            let at = day.midnight + curve.draw(rng);
            plan.add(world, rng, Event { fate, ..Event::new(session, *call, at) });
        }
    }
}

/// The monitoring vendor every hour, the auditors every night; both come from another account.
pub(super) fn plan_visitors(world: &World<'_>, day: Day, plan: &mut Plan) {
    let rng = &mut stream(world.settings.seed, Purpose::Service, &[1 << 32, u64::from(day.index)]);
    let organisation = world.organisation;
    let accounts = organisation.accounts.len() as f64;
    let per_hour = f64::from(world.settings.events_per_day) * 0.04 / accounts / 24.0;
    for account in 0..organisation.accounts.len() {
        for hour in 0..24 {
            let calls = whole(rng, per_hour);
            if calls > 0 {
                let at = day.midnight + hour * HOUR + rng.random_range(0..900);
                visit_by_vendor(world, account, at, calls, rng, plan);
            }
        }
        let calls = whole(rng, f64::from(world.settings.events_per_day) * 0.03 / accounts);
        let at = day.midnight + 3 * HOUR + rng.random_range(0..600);
        visit_by_auditors(world, account, at, calls, rng, plan);
    }
}

fn visit_by_vendor(world: &World<'_>, account: usize, mut at: i64, calls: u32, rng: &mut impl Rng, plan: &mut Plan) {
    const AGENT: &str = "aws-sdk-go/1.50.9 (go1.21.6; linux; amd64)";
    let organisation = world.organisation;
    let visited = &organisation.accounts[account];
    let place = one_of(rng, &organisation.vendor_places).clone();
    let key = iam_id("ASIA", rng);
    let role = Role { account_id: &visited.id, path: "/", name: "MonitoringIntegration", id: &visited.vendor_role_id };
    let principal = format!("AIDA{}", &visited.vendor_role_id[4..]);
    let asks = Who::other_account(&organisation.vendor_account_id, &principal)
        .at(account, GLOBAL_REGION, place.clone(), AGENT, Channel::Api)
        .with(Slot::Role, role.name)
        .with(Slot::RoleId, role.id)
        .with(Slot::Session, "monitoring")
        .with(Slot::SessionKey, key.clone())
        .with(Slot::External, format!(r#","externalId":"{}""#, &visited.detector[..20]));
    let asks = plan.open(asks);
    let session = Who::role_session(role, "monitoring", &key, at, Origin::Plain)
        .at(account, HOME_REGION, place, AGENT, Channel::Api)
        .version(record_version(rng));
    let session = plan.open(session);
    plan.add(world, rng, Event { is_shared: true, ..Event::new(asks, world.machines.assume_role, at) });
    for _ in 1..calls {
        at += rng.random_range(1..20);
        let call = *one_of(rng, &organisation.vendor_calls);
        plan.add(world, rng, Event::new(session, call, at));
    }
}

fn visit_by_auditors(world: &World<'_>, account: usize, mut at: i64, calls: u32, rng: &mut impl Rng, plan: &mut Plan) {
    const AGENT: &str = "Boto3/1.34.42 md/Botocore#1.34.42 ua/2.0 os/linux#5.10.205 md/arch#x86_64 lang/python#3.11.6 exec-env/AWS_Lambda_python3.11";
    let organisation = world.organisation;
    let home = &organisation.accounts[organisation.security];
    let visited = &organisation.accounts[account];
    let place = home.nat[HOME_REGION].clone();
    let (own_key, key) = (iam_id("ASIA", rng), iam_id("ASIA", rng));
    let own_role = Role { account_id: &home.id, path: "/", name: "audit-scanner", id: &home.audit_role_id };
    let role = Role { account_id: &visited.id, path: "/", name: "OrganizationAudit", id: &visited.audit_role_id };
    let shared_pick = rng.random_range(1..u32::MAX);
    let scanner = Who::role_session(own_role, "audit-scanner", &own_key, at - 60, Origin::Plain);
    // The account that is visited sees the caller only as somebody of another account, when it is another.
    let ours = scanner.at(organisation.security, HOME_REGION, place.clone(), AGENT, Channel::Api);
    let mut asks = vec![ours];
    if account != organisation.security {
        let principal = format!("{}:audit-scanner", home.audit_role_id);
        asks.push(Who::other_account(&home.id, &principal).at(
            account,
            HOME_REGION,
            place.clone(),
            AGENT,
            Channel::Api,
        ));
    }
    for session in asks {
        let session = session
            .with(Slot::Account, visited.id.clone())
            .with(Slot::Role, role.name)
            .with(Slot::RoleId, role.id)
            .with(Slot::Session, "nightly-audit")
            .with(Slot::SessionKey, key.clone());
        let session = plan.open(session);
        let event = Event::new(session, world.machines.assume_role, at);
        plan.add(world, rng, Event { is_shared: true, pick: shared_pick, ..event });
    }
    let session = Who::role_session(role, "nightly-audit", &key, at, Origin::SourceIdentity("audit-scanner"))
        .at(account, HOME_REGION, place, AGENT, Channel::Api)
        .version(record_version(rng));
    let session = plan.open(session);
    for number in 0..calls as usize {
        at += rng.random_range(1..6);
        let call = organisation.audit_calls[number % organisation.audit_calls.len()];
        let fate = if rng.random_range(0..80) == 0 { Fate::NotFound } else { Fate::Done };
        plan.add(world, rng, Event { fate, ..Event::new(session, call, at) });
    }
}

/// AWS services by themselves and with their linked roles, in every region in use.
pub(super) fn plan_services(world: &World<'_>, day: Day, total: f64, plan: &mut Plan) {
    let rng = &mut stream(world.settings.seed, Purpose::Service, &[u64::from(day.index)]);
    let organisation = world.organisation;
    let shares: Vec<_> = organisation.accounts.iter().map(|account| account.workloads.len() as f64).collect();
    let sum: f64 = shares.iter().sum();
    for (account, share) in shares.iter().enumerate() {
        let own = total * 0.2 * share / sum;
        plan_linked_roles(world, account, day, own * 0.45, rng, plan);
        plan_role_handouts(world, account, day, own * 0.25, rng, plan);
        plan_principals(world, account, day, own * 0.3, rng, plan);
    }
}

fn a_region(rng: &mut impl Rng) -> usize {
    match rng.random_range(0..10) {
        0..6 => HOME_REGION,
        6..8 => GLOBAL_REGION,
        8 => 2,
        _ => 3,
    }
}

fn plan_linked_roles(world: &World<'_>, account: usize, day: Day, total: f64, rng: &mut impl Rng, plan: &mut Plan) {
    let it = &world.organisation.accounts[account];
    let shares = [0.62, 0.2, 0.08, 0.05, 0.05];
    for (position, (name, service, session)) in LINKED_ROLES.iter().enumerate() {
        let path = format!("/aws-service-role/{service}/");
        let role = Role { account_id: &it.id, path: &path, name, id: &it.linked_role_ids[position] };
        let mut left = whole(rng, total * shares[position]);
        while left > 0 {
            let calls = rng.random_range(1..=12).min(left);
            left -= calls;
            let mut at = day.midnight + EVEN.draw(rng);
            let key = iam_id("ASIA", rng);
            let since = at - at % (4 * HOUR);
            let session = Who::role_session(role, session, &key, since, Origin::InvokedBy(service))
                .behind(account, a_region(rng), service)
                .version(record_version(rng));
            let session = plan.open(session);
            for _ in 0..calls {
                at += rng.random_range(0..8);
                let call = *one_of(rng, &world.machines.linked[position]);
                let fate = if rng.random_range(0..60) == 0 { Fate::NotFound } else { Fate::Done };
                plan.add(world, rng, Event { fate, ..Event::new(session, call, at) });
            }
        }
    }
}

/// `AssumeRole` by the service that runs a workload.
fn plan_role_handouts(world: &World<'_>, account: usize, day: Day, total: f64, rng: &mut impl Rng, plan: &mut Plan) {
    let it = &world.organisation.accounts[account];
    for _ in 0..whole(rng, total) {
        let workload = *one_of(rng, &it.workloads);
        let owner = &world.organisation.workloads[workload];
        let (service, session) = match owner.platform {
            Platform::Ec2 => ("ec2.amazonaws.com", one_of(rng, &owner.instances).clone()),
            Platform::Lambda => ("lambda.amazonaws.com", owner.function.clone()),
            Platform::Ecs => ("ecs-tasks.amazonaws.com", hex(rng, 32)),
            Platform::Eks => ("eks.amazonaws.com", format!("eks-{}", owner.service)),
        };
        let asks = Who::service(service)
            .behind(account, owner.region, service)
            .version(record_version(rng))
            .on_workload(workload)
            .with(Slot::Session, session)
            .with(Slot::SessionKey, iam_id("ASIA", rng));
        let asks = plan.open(asks);
        let at = day.midnight + EVEN.draw(rng);
        plan.add(world, rng, Event { is_shared: true, ..Event::new(asks, world.machines.assume_role, at) });
    }
}

fn plan_principals(world: &World<'_>, account: usize, day: Day, total: f64, rng: &mut impl Rng, plan: &mut Plan) {
    let it = &world.organisation.accounts[account];
    let weights: u32 = world.machines.services.iter().map(|(.., weight)| weight).sum();
    for (service, call, weight) in &world.machines.services {
        let sessions: Vec<_> = (0..3)
            .map(|region| {
                let session = Who::service(service).behind(account, region, service).version(record_version(rng));
                plan.open(match *service {
                    "cloudtrail.amazonaws.com" => session.with(Slot::Bucket, it.log_bucket.clone()),
                    _ => session,
                })
            })
            .collect();
        for _ in 0..whole(rng, total * f64::from(*weight) / f64::from(weights)) {
            let session = sessions[a_region(rng).min(2)];
            let mut at = day.midnight + EVEN.draw(rng);
            // Some services report in the early morning what they did in the evening.
            if at < day.midnight + 1_200 && day.index > 0 {
                at -= rng.random_range(1_200..6 * HOUR);
            }
            plan.add(world, rng, Event { is_shared: true, ..Event::new(session, *call, at) });
        }
    }
    // Yearly rotation of a few hundred keys.
    if rng.random_bool(0.06) {
        let session = plan.open(Who::internal(&it.id).behind(account, HOME_REGION, "AWS Internal"));
        let at = day.midnight + rng.random_range(0..DAY);
        plan.add(world, rng, Event::new(session, world.machines.rotate_key, at));
    }
}
