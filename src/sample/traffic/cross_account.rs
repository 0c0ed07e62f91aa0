//! Calls from another account: the monitoring vendor every hour, the audit scanner every night.

use rand::Rng;

use crate::sample::calendar::{Day, HOUR};
use crate::sample::cloudtrail::identity::{Channel, Identity, Origin, Role, record_version};
use crate::sample::cloudtrail::template::Slot;
use crate::sample::organisation::regions::{GLOBAL_REGION, HOME_REGION};
use crate::sample::random::{Purpose, iam_id, one_of, rng_for, round_at_random};
use crate::sample::traffic::plan::{Event, Outcome, Plan};
use crate::sample::traffic::world::World;

/// Adds a day of calls by the monitoring vendor and the audit scanner.
pub(crate) fn plan_cross_account(world: &World<'_>, day: Day, plan: &mut Plan) {
    let rng = &mut rng_for(world.settings.seed, Purpose::Service, &[1 << 32, u64::from(day.index)]);
    let organisation = world.organisation;
    let accounts = organisation.accounts.len() as f64;
    let per_hour = f64::from(world.settings.events_per_day) * 0.04 / accounts / 24.0;
    for account in 0..organisation.accounts.len() {
        for hour in 0..24 {
            let calls = round_at_random(rng, per_hour);
            if calls > 0 {
                let at = day.midnight + hour * HOUR + rng.random_range(0..900);
                vendor_visit(world, account, at, calls, rng, plan);
            }
        }
        let calls = round_at_random(rng, f64::from(world.settings.events_per_day) * 0.03 / accounts);
        let at = day.midnight + 3 * HOUR + rng.random_range(0..600);
        audit_visit(world, account, day, at, calls, rng, plan);
    }
}

fn vendor_visit(world: &World<'_>, account: usize, mut at: i64, calls: u32, rng: &mut impl Rng, plan: &mut Plan) {
    const AGENT: &str = "aws-sdk-go/1.50.9 (go1.21.6; linux; amd64)";
    let organisation = world.organisation;
    let visited = &organisation.accounts[account];
    let address = one_of(rng, &organisation.vendor_addresses).clone();
    let key = iam_id("ASIA", rng);
    let role = Role { account_id: &visited.id, path: "/", name: "MonitoringIntegration", id: &visited.vendor_role_id };
    let principal = format!("AIDA{}", &visited.vendor_role_id[4..]);
    let caller = Identity::other_account(&organisation.vendor_account_id, &principal)
        .at(account, GLOBAL_REGION, address.clone(), AGENT, Channel::Api)
        .with(Slot::Role, role.name)
        .with(Slot::RoleId, role.id)
        .with(Slot::Session, "monitoring")
        .with(Slot::SessionKey, key.clone())
        .with(Slot::External, format!(r#","externalId":"{}""#, &visited.detector[..20]));
    let caller = plan.open(caller);
    let session = Identity::role_session(role, "monitoring", &key, at, Origin::Plain)
        .at(account, HOME_REGION, address, AGENT, Channel::Api)
        .version(record_version(rng));
    let session = plan.open(session);
    plan.add(world, rng, Event { is_shared: true, ..Event::new(caller, world.calls.assume_role, at) });
    for _ in 1..calls {
        at += rng.random_range(1..20);
        let call = *one_of(rng, &world.calls.vendor);
        plan.add(world, rng, Event::new(session, call, at));
    }
}

fn audit_visit(
    world: &World<'_>,
    account: usize,
    day: Day,
    mut at: i64,
    calls: u32,
    rng: &mut impl Rng,
    plan: &mut Plan,
) {
    const AGENT: &str = "Boto3/1.34.42 md/Botocore#1.34.42 ua/2.0 os/linux#5.10.205 md/arch#x86_64 lang/python#3.11.6 exec-env/AWS_Lambda_python3.11";
    let organisation = world.organisation;
    let home = &organisation.accounts[organisation.security];
    let visited = &organisation.accounts[account];
    let address = home.nat[HOME_REGION].clone();
    let (own_key, key) = (iam_id("ASIA", rng), iam_id("ASIA", rng));
    let own_role = Role { account_id: &home.id, path: "/", name: "audit-scanner", id: &home.audit_role_id };
    let role = Role { account_id: &visited.id, path: "/", name: "OrganizationAudit", id: &visited.audit_role_id };
    let shared_pick = rng.random_range(1..u32::MAX);
    let scanner = Identity::role_session(own_role, "audit-scanner", &own_key, at - 60, Origin::Plain);
    // The audited account, unless it is the scanner's own, logs the caller as a principal of another account.
    let own_session = scanner.at(organisation.security, HOME_REGION, address.clone(), AGENT, Channel::Api);
    let mut callers = vec![own_session];
    if account != organisation.security {
        let principal = format!("{}:audit-scanner", home.audit_role_id);
        callers.push(Identity::other_account(&home.id, &principal).at(
            account,
            HOME_REGION,
            address.clone(),
            AGENT,
            Channel::Api,
        ));
    }
    for session in callers {
        let session = session
            .with(Slot::Account, visited.id.clone())
            .with(Slot::Role, role.name)
            .with(Slot::RoleId, role.id)
            .with(Slot::Session, "nightly-audit")
            .with(Slot::SessionKey, key.clone());
        let session = plan.open(session);
        let event = Event::new(session, world.calls.assume_role, at);
        plan.add(world, rng, Event { is_shared: true, pick: shared_pick, ..event });
    }
    let session = Identity::role_session(role, "nightly-audit", &key, at, Origin::SourceIdentity("audit-scanner"))
        .at(account, HOME_REGION, address, AGENT, Channel::Api)
        .version(record_version(rng));
    let session = plan.open(session);
    for number in 0..calls as usize {
        at += rng.random_range(1..6);
        let call = world.calls.audit[number % world.calls.audit.len()];
        let outcome = if rng.random_range(0..80) == 0 { Outcome::NotFound } else { Outcome::Success };
        plan.add(world, rng, Event { outcome, ..Event::new(session, call, at) });
    }
    let Some((from, checks, number)) = &organisation.scanner_update else { return };
    // The permissions are added after three days.
    let (outcome, incident) = match day.index.checked_sub(*from) {
        None => return,
        Some(0..3) => (Outcome::Denied, *number),
        Some(_) => (Outcome::Success, 0),
    };
    for call in checks {
        at += rng.random_range(1..6);
        plan.add(world, rng, Event { outcome, incident, ..Event::new(session, *call, at) });
    }
}
