//! Attacks that collect secrets.

use rand::Rng;

use crate::sample::cloudtrail::template::Slot;
use crate::sample::incidents::kind::Kind;
use crate::sample::incidents::scenario::{Scenario, step};
use crate::sample::organisation::jobs::Job;
use crate::sample::organisation::workloads::Platform;
use crate::sample::random::one_of;
use crate::sample::traffic::workloads::machine_session;

/// Reads secret after secret with a stolen session.
pub(crate) const SECRETS_HARVESTED: Kind = Kind {
    name: "secrets_harvested",
    technique: "Secrets are read one after the other with a stolen session",
    mitre: &["T1555.006"],
    description: "Between four and forty secrets in some minutes.",
    plant: secrets_harvested,
};

fn secrets_harvested(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = scenario.stolen_session(|person| matches!(person.job, Job::Developer | Job::Data | Job::Platform))?;
    scenario.pace = (1, 25);
    scenario.run(&session, step("secretsmanager:ListSecrets").key());
    let count = *one_of(&mut scenario.rng, &[4, 7, 12, 20, 40]);
    for workload in scenario.organisation.accounts[session.account].workloads.clone().into_iter().cycle().take(count) {
        let target = &scenario.organisation.workloads[workload];
        let (secret, region) = (target.secret.clone(), target.region);
        let is_denied = scenario.rng.random_bool(0.1);
        let read = step("secretsmanager:GetSecretValue").with(Slot::Secret, secret).in_region(region);
        scenario.run(&session, read.denied_if(is_denied).key());
    }
    Some(())
}

/// A machine reads the parameters of other workloads from its usual address.
pub(crate) const PARAMETERS_FROM_MACHINE: Kind = Kind {
    name: "parameters_from_machine",
    technique: "A machine reads the parameters of other workloads",
    mitre: &["T1555.006", "T1552"],
    description: "From the machine itself with its own role: no new place and no new key.",
    plant: parameters_from_machine,
};

fn parameters_from_machine(scenario: &mut Scenario<'_>) -> Option<()> {
    let victim = scenario.take_workload(|workload| matches!(workload.platform, Platform::Ec2 | Platform::Ecs))?;
    let day = scenario.any_day();
    let quarter = scenario.rng.random_range(0..4);
    let session = machine_session(&scenario.world(), victim, 0, day, quarter);
    let hour = quarter * 6 + scenario.rng.random_range(1..5);
    scenario.start_at(day, hour);
    scenario.pace = (1, 15);
    let is_denied = scenario.rng.random_bool(0.5);
    scenario.run(&session, step("ssm:DescribeParameters").denied_if(is_denied).key());
    let count = scenario.rng.random_range(6..35);
    for workload in scenario.organisation.accounts[session.account].workloads.clone().into_iter().cycle().take(count) {
        let service = scenario.organisation.workloads[workload].service.clone();
        let call = scenario.any_call("ssm:GetParametersByPath ssm:GetParameter");
        let parameter = format!("/{service}/db/password");
        let is_denied = scenario.rng.random_bool(0.2);
        let read = step(call).with(Slot::Service, service).with(Slot::Parameter, parameter);
        scenario.run(&session, read.denied_if(is_denied).key());
    }
    Some(())
}

/// Reads user data and console output, which often contain passwords.
pub(crate) const STARTUP_SECRETS: Kind = Kind {
    name: "startup_secrets",
    technique: "User data, console output and Windows passwords of machines are read",
    mitre: &["T1552.005", "T1580"],
    description: "Reads that look like an engineer's, machine by machine.",
    plant: startup_secrets,
};

fn startup_secrets(scenario: &mut Scenario<'_>) -> Option<()> {
    let session =
        scenario.stolen_session(|person| matches!(person.job, Job::Platform | Job::Support | Job::Developer))?;
    scenario.pace = (1, 30);
    scenario.run(&session, step("ec2:DescribeInstances"));
    let mut instances: Vec<_> = scenario.organisation.accounts[session.account]
        .workloads
        .iter()
        .flat_map(|workload| scenario.organisation.workloads[*workload].instances.clone())
        .collect();
    instances.truncate(scenario.rng.random_range(4..30));
    for instance in instances {
        let call = scenario.any_call(
            "ec2:DescribeInstanceAttribute ec2:DescribeInstanceAttribute ec2:GetConsoleOutput ec2:GetPasswordData",
        );
        let is_denied = scenario.rng.random_bool(0.15);
        scenario.run(&session, step(call).with(Slot::Instance, instance).denied_if(is_denied).key());
    }
    scenario.run(&session, step("ec2:DescribeLaunchTemplateVersions").key());
    Some(())
}
