//! Changes that a drawn environment goes through: from one day on, normal work looks different.

use rand::Rng;

use crate::sample::calendar::{Day, HOUR};
use crate::sample::cloudtrail::template::Slot;
use crate::sample::environment::{Change, Egress};
use crate::sample::incidents::kind::Kind;
use crate::sample::incidents::scenario::{Scenario, step};
use crate::sample::organisation::accounts::Account;
use crate::sample::organisation::clusters::create_cluster;
use crate::sample::organisation::jobs::Job;
use crate::sample::organisation::people::{Login, Mark, Person, Shell};
use crate::sample::organisation::regions::HOME_REGION;
use crate::sample::organisation::sites::create_proxy;
use crate::sample::random::{hex, iam_id, one_of};

/// The kind of look-alike of a change.
pub(crate) fn kind_of(change: Change) -> &'static Kind {
    match change {
        Change::NewCluster => &NEW_CLUSTER,
        Change::ProxyRollout => &PROXY_ROLLOUT,
        Change::PermissionSetRecreated => &PERMISSION_SET_RECREATED,
        Change::ScannerUpdate => &SCANNER_UPDATE,
        Change::NewColleagues => &NEW_COLLEAGUES,
        Change::AllKeysRotated => &ALL_KEYS_ROTATED,
        Change::CloudShell => &CLOUD_SHELL,
    }
}

/// How many days after the first belong to a change: later, nothing about it is new.
const DAYS_AFTER: u32 = 1;

const NEW_CLUSTER: Kind = Kind {
    name: "new_cluster",
    technique: "A new cluster starts, and its operator reads all secrets",
    mitre: &[],
    description: "New roles of a new identity provider; one of them reads every secret of the account in its first hour.",
    plant: new_cluster,
};

fn new_cluster(scenario: &mut Scenario<'_>) -> Option<()> {
    let workloads = &scenario.organisation.workloads;
    let secrets_at_home = |account: &Account| {
        account.workloads.iter().filter(|workload| workloads[**workload].region == HOME_REGION).count()
    };
    let has_secrets: Vec<_> =
        scenario.organisation.accounts.iter().map(|account| secrets_at_home(account) > 1).collect();
    let work = scenario.during_work(0, is_admin, |session| has_secrets[session.account])?;
    scenario.clock = work.middle;
    scenario.pace = (10, 120);
    let account = work.session.account;
    let since = scenario.clock + scenario.rng.random_range(HOUR..4 * HOUR);
    let home = scenario.organisation.regions[HOME_REGION];
    let organisation = &scenario.organisation;
    let (clusters, accounts) = (&organisation.clusters, &organisation.accounts);
    let cluster = create_cluster(&mut scenario.rng, clusters, accounts, account, home, since, scenario.number);
    let session = &work.session;
    scenario.run_all(session, "eks:ListClusters ec2:DescribeSubnets");
    scenario.run(session, step("eks:CreateCluster").with(Slot::Cluster, cluster.name.clone()).in_region(HOME_REGION));
    let issuer = cluster.provider.split_once("oidc-provider/").map_or("", |(_, issuer)| issuer).to_owned();
    scenario.run(session, step("iam:CreateOpenIDConnectProvider").with(Slot::Subject, issuer));
    for (role, _) in &cluster.roles {
        let named = |call| step(call).with(Slot::Service, role.clone());
        let trust = format!(
            r#"\"Principal\":{{\"Federated\":\"{}\"}},\"Action\":\"sts:AssumeRoleWithWebIdentity\""#,
            cluster.provider
        );
        scenario.run(session, named("iam:CreateRole").with(Slot::NewRole, role.clone()).with(Slot::Trust, trust));
        scenario.run(session, named("iam:PutRolePolicy").with(Slot::Role, role.clone()));
    }
    scenario.organisation.clusters.push(cluster);
    Some(())
}

const PROXY_ROLLOUT: Kind = Kind {
    name: "proxy_rollout",
    technique: "Everybody comes out of another network from one day on",
    mitre: &[],
    description: "A VPN or a security service is rolled out to all; people, clients and habits stay the same.",
    plant: proxy_rollout,
};

fn proxy_rollout(scenario: &mut Scenario<'_>) -> Option<()> {
    if scenario.organisation.sites.iter().any(|site| site.proxy.is_some()) {
        return None;
    }
    let from = scenario.weekday().index;
    let egress = *one_of(&mut scenario.rng, &[Egress::Vpn, Egress::Sase]);
    let mut proxy = create_proxy(&mut scenario.rng, egress, &scenario.organisation.sites[0])?;
    proxy.from = from;
    for site in &mut scenario.organisation.sites {
        site.proxy = Some(proxy.clone());
    }
    let mark = Mark { from, to: from + DAYS_AFTER, incident: scenario.number, is_office_only: false };
    for person in &mut scenario.organisation.people {
        person.marks.push(mark);
    }
    Some(())
}

const PERMISSION_SET_RECREATED: Kind = Kind {
    name: "permission_set_recreated",
    technique: "A permission set is created anew, and its people get new roles",
    mitre: &[],
    description: "The same people, networks and habits as sessions of a role that did not exist the day before.",
    plant: permission_set_recreated,
};

fn permission_set_recreated(scenario: &mut Scenario<'_>) -> Option<()> {
    let job = *one_of(&mut scenario.rng, &[Job::Developer, Job::Data, Job::Support, Job::Platform]);
    let has_set = |person: &Person| person.job == job && person.login == Login::IdentityCenter;
    let security = scenario.organisation.security;
    let work = scenario.during_work(
        0,
        |person| is_admin(person) && person.login == Login::IdentityCenter,
        |it| it.account == security,
    )?;
    scenario.organisation.people.iter().find(|person| has_set(person))?;
    scenario.clock = work.middle;
    scenario.pace = (10, 90);
    for call in [
        "sso:DeleteAccountAssignment",
        "sso:DeletePermissionSet",
        "sso:CreatePermissionSet",
        "sso:PutInlinePolicyToPermissionSet",
        "sso:CreateAccountAssignment",
        "sso:ProvisionPermissionSet",
    ] {
        let prod = scenario.organisation.accounts[0].id.clone();
        scenario.run(&work.session, step(call).with(Slot::PermissionSet, job.permission_set()).with(Slot::Peer, prod));
    }
    let from = work.day.index + 1;
    let accounts = scenario.organisation.accounts.len();
    let roles: Vec<_> = (0..accounts)
        .map(|_| {
            let suffix = hex(&mut scenario.rng, 16);
            (format!("AWSReservedSSO_{}_{suffix}", job.permission_set()), iam_id("AROA", &mut scenario.rng))
        })
        .collect();
    let mark = Mark { from, to: from + DAYS_AFTER, incident: scenario.number, is_office_only: false };
    for person in scenario.organisation.people.iter_mut().filter(|person| has_set(person)) {
        let mut new = person.roles.clone();
        for role in &mut new {
            (role.role, role.role_id) = roles[role.account].clone();
        }
        person.new_roles = Some((from, new));
        person.marks.push(mark);
    }
    Some(())
}

const SCANNER_UPDATE: Kind = Kind {
    name: "scanner_update",
    technique: "The posture scanner gets new checks and lacks their permissions",
    mitre: &[],
    description: "A known role at its usual time and address is denied by ten services that it never called.",
    plant: scanner_update,
};

fn scanner_update(scenario: &mut Scenario<'_>) -> Option<()> {
    const CHECKS: &str = "\
        sagemaker:ListNotebookInstances redshift:DescribeClusters elasticache:DescribeCacheClusters \
        es:ListDomainNames glue:GetDatabases athena:ListWorkGroups kinesis:ListStreams codebuild:ListProjects \
        backup:ListBackupVaults route53:ListHostedZones apigateway:GetRestApis batch:DescribeJobQueues \
        ecr:DescribeRepositories transfer:ListServers";
    let from = scenario.weekday().index;
    let checks = scenario.catalogue.ids(CHECKS);
    scenario.organisation.scanner_update = Some((from, checks, scenario.number));
    Some(())
}

const NEW_COLLEAGUES: Kind = Kind {
    name: "new_colleagues",
    technique: "Several new colleagues start on the same day at the office",
    mitre: &[],
    description: "An administrator creates their users; they work from the office line with the roles of their teams.",
    plant: new_colleagues,
};

fn new_colleagues(scenario: &mut Scenario<'_>) -> Option<()> {
    let work = scenario.during_work(0, is_admin, |_| true)?;
    scenario.clock = work.middle;
    scenario.pace = (15, 120);
    let start = work.day.index + 1;
    let has_office: Vec<_> = scenario.organisation.sites.iter().map(|site| site.office.is_some()).collect();
    let mut joined = false;
    for _ in 0..scenario.rng.random_range(2..5) {
        // The administrator who creates the users is not new.
        let administrator = work.person;
        let admin_name = scenario.organisation.people[administrator].name.clone();
        let fits = |person: &Person| person.trip.is_none() && has_office[person.site] && person.name != admin_name;
        let Some(joiner) = scenario.take_person(fits) else { break };
        let person = &mut scenario.organisation.people[joiner];
        person.joined = start;
        person.office_share = 1.0;
        let mark = Mark { from: start, to: start + DAYS_AFTER, incident: scenario.number, is_office_only: false };
        person.marks.push(mark);
        let (name, login) = (person.name.clone(), person.login);
        let group = if person.job == Job::Platform { "administrators" } else { "developers" };
        let calls: &[_] = match login {
            Login::IdentityCenter => &["identitystore:CreateUser", "identitystore:CreateGroupMembership"],
            Login::IamUser { .. } => &["iam:CreateUser", "iam:CreateLoginProfile", "iam:AddUserToGroup"],
        };
        for call in calls {
            scenario.run(&work.session, step(call).with(Slot::User, name.clone()).with(Slot::GroupName, group));
        }
        joined = true;
    }
    joined.then_some(())
}

const ALL_KEYS_ROTATED: Kind = Kind {
    name: "all_keys_rotated",
    technique: "A platform engineer rotates the access keys of all users of an account",
    mitre: &[],
    description: "A new key for every user, then the old keys disabled and deleted on the next day of work.",
    plant: all_keys_rotated,
};

fn all_keys_rotated(scenario: &mut Scenario<'_>) -> Option<()> {
    let organisation = &scenario.organisation;
    let is_due = |account| {
        organisation.key_users.iter().any(|user| user.account == account && user.last_day.is_none())
            || organisation.people.iter().any(|it| it.access_key.is_some() && it.roles[0].account == account)
    };
    let has_keys: Vec<_> = (0..organisation.accounts.len()).map(is_due).collect();
    let mut work = scenario.during_work(0, is_admin, |session| has_keys[session.account])?;
    let account = work.session.account;
    scenario.clock = work.middle;
    scenario.pace = (5, 60);
    let from = work.day.index + 1;
    let mut old_keys = Vec::new();
    for user in &mut scenario.organisation.key_users {
        if user.account == account && user.rotated.is_none() && user.last_day.is_none() {
            let new_key = iam_id("AKIA", &mut scenario.rng);
            old_keys.push((user.name.clone(), user.key.clone(), new_key.clone()));
            user.rotated = Some((from, new_key));
        }
    }
    for person in scenario.organisation.people.iter_mut().filter(|person| person.roles[0].account == account) {
        if let Some(key) = person.access_key.clone() {
            let new_key = iam_id("AKIA", &mut scenario.rng);
            old_keys.push((person.name.clone(), key, new_key.clone()));
            person.new_key = Some((from, new_key));
        }
    }
    if old_keys.is_empty() {
        return None;
    }
    scenario.run_all(&work.session, "iam:ListUsers");
    for (user, _, new_key) in &old_keys {
        scenario.run(&work.session, step("iam:ListAccessKeys").with(Slot::User, user.clone()));
        let create = step("iam:CreateAccessKey").with(Slot::User, user.clone());
        scenario.run(&work.session, create.with(Slot::NewKey, new_key.clone()));
    }
    let later = (from..scenario.settings.days.min(from + 5)).find_map(|index| {
        let day = Day::new(scenario.settings.start, index);
        scenario.work_session_on(work.person, day, 0, |session| session.account == account)
    });
    work = later.unwrap_or(work);
    scenario.clock = scenario.clock.max(work.middle);
    for (user, key, _) in old_keys {
        for call in ["iam:GetAccessKeyLastUsed", "iam:UpdateAccessKey", "iam:DeleteAccessKey"] {
            scenario.run(&work.session, step(call).with(Slot::User, user.clone()).with(Slot::OldKey, key.clone()));
        }
    }
    Some(())
}

const CLOUD_SHELL: Kind = Kind {
    name: "cloud_shell",
    technique: "People start to use CloudShell",
    mitre: &[],
    description: "Their CLI sessions come from addresses of AWS and with a client that nobody used before.",
    plant: cloud_shell,
};

fn cloud_shell(scenario: &mut Scenario<'_>) -> Option<()> {
    let from = scenario.weekday().index;
    let mut started = false;
    for _ in 0..scenario.rng.random_range(1..5) {
        let Some(person) = scenario.take_person(|person| person.cli_share > 0.15 && person.shell.is_none()) else {
            break;
        };
        scenario.organisation.people[person].shell = Some(Shell { from, incident: scenario.number });
        started = true;
    }
    started.then_some(())
}

fn is_admin(person: &Person) -> bool {
    person.job == Job::Platform && person.trip.is_none()
}
