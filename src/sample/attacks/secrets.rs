//! Attacks on what opens the next door.

use rand::Rng;

use crate::sample::calls::Slot;
use crate::sample::dice::one_of;
use crate::sample::incident::{Scene, act};
use crate::sample::machines;
use crate::sample::organisation::Platform;
use crate::sample::people::Job;

/// All secrets that a colleague may read, or some.
pub(super) fn secrets_harvested(scene: &mut Scene<'_>) -> Option<()> {
    let session = scene.stolen_session(|person| matches!(person.job, Job::Developer | Job::Data | Job::Platform))?;
    scene.pace = (1, 25);
    scene.act(&session, act("secretsmanager:ListSecrets").key());
    let count = *one_of(&mut scene.rng, &[4, 7, 12, 20, 40]);
    for workload in scene.organisation.accounts[session.account].workloads.clone().into_iter().cycle().take(count) {
        let it = &scene.organisation.workloads[workload];
        let (secret, region) = (it.secret.clone(), it.region);
        let is_denied = scene.rng.random_bool(0.1);
        let read = act("secretsmanager:GetSecretValue").with(Slot::Secret, secret).in_region(region);
        scene.act(&session, read.denied_if(is_denied).key());
    }
    Some(())
}

/// A machine asks for the parameters of its neighbours, from where it always is.
pub(super) fn parameters_from_machine(scene: &mut Scene<'_>) -> Option<()> {
    let victim = scene.take_workload(|workload| matches!(workload.platform, Platform::Ec2 | Platform::Ecs))?;
    let day = scene.any_day();
    let quarter = scene.rng.random_range(0..4);
    let session = machines::machine_session(&scene.world(), victim, 0, day, quarter);
    let hour = quarter * 6 + scene.rng.random_range(1..5);
    scene.begin(day, hour);
    scene.pace = (1, 15);
    let is_denied = scene.rng.random_bool(0.5);
    scene.act(&session, act("ssm:DescribeParameters").denied_if(is_denied).key());
    let count = scene.rng.random_range(6..35);
    for workload in scene.organisation.accounts[session.account].workloads.clone().into_iter().cycle().take(count) {
        let service = scene.organisation.workloads[workload].service.clone();
        let call = scene.one_call("ssm:GetParametersByPath ssm:GetParameter");
        let parameter = format!("/{service}/db/password");
        let is_denied = scene.rng.random_bool(0.2);
        let read = act(call).with(Slot::Service, service).with(Slot::Parameter, parameter);
        scene.act(&session, read.denied_if(is_denied).key());
    }
    Some(())
}

/// What machines are started with often holds a password.
pub(super) fn startup_secrets(scene: &mut Scene<'_>) -> Option<()> {
    let session = scene.stolen_session(|person| matches!(person.job, Job::Platform | Job::Support | Job::Developer))?;
    scene.pace = (1, 30);
    scene.act(&session, act("ec2:DescribeInstances"));
    let mut instances: Vec<_> = scene.organisation.accounts[session.account]
        .workloads
        .iter()
        .flat_map(|workload| scene.organisation.workloads[*workload].instances.clone())
        .collect();
    instances.truncate(scene.rng.random_range(4..30));
    for instance in instances {
        let call = scene.one_call(
            "ec2:DescribeInstanceAttribute ec2:DescribeInstanceAttribute ec2:GetConsoleOutput ec2:GetPasswordData",
        );
        let is_denied = scene.rng.random_bool(0.15);
        scene.act(&session, act(call).with(Slot::Instance, instance).denied_if(is_denied).key());
    }
    scene.act(&session, act("ec2:DescribeLaunchTemplateVersions").key());
    Some(())
}
