//! Attacks that run code on somebody else's machines or spend somebody else's money.

use rand::Rng;
use rand::seq::SliceRandom;

use crate::sample::calls::Slot;
use crate::sample::dice::{hex, one_of};
use crate::sample::incident::{Scene, act};
use crate::sample::organisation::{REGIONS, REGIONS_USED};
use crate::sample::people::{Job, Person};

/// Big machines where nobody looks.
pub(super) fn instances_elsewhere(scene: &mut Scene<'_>) -> Option<()> {
    let victim = scene.take_key_user(|user| user.rotated.is_none())?;
    let day = scene.weekday();
    let hour = scene.rng.random_range(0..23);
    scene.begin(day, hour);
    let place = scene.server();
    let session = scene.with_key_of(
        victim,
        place,
        "Boto3/1.33.13 md/Botocore#1.33.13 ua/2.0 os/linux#5.10.0-27-amd64 md/arch#x86_64 lang/python#3.9.2",
    );
    scene.pace = (1, 12);
    scene.acts(&session, "sts:GetCallerIdentity ec2:DescribeRegions servicequotas:ListServiceQuotas iam:GetUser");
    let mut regions: Vec<_> = (REGIONS_USED..REGIONS.len()).collect();
    regions.shuffle(&mut scene.rng);
    let count = scene.rng.random_range(2..5);
    for (number, region) in regions.into_iter().take(count).enumerate() {
        for call in ["ec2:DescribeVpcs", "ec2:DescribeSubnets", "ec2:DescribeImages", "ec2:DescribeKeyPairs"] {
            scene.act(&session, act(call).in_region(region));
        }
        let group = format!("sg-{}", hex(&mut scene.rng, 17));
        scene.act(&session, act("ec2:CreateKeyPair").in_region(region));
        scene.act(&session, act("ec2:CreateSecurityGroup").in_region(region));
        let open = act("ec2:AuthorizeSecurityGroupIngress").with(Slot::Cidr, "0.0.0.0/0").with(Slot::Port, "22");
        scene.act(&session, open.with(Slot::Group, group.clone()).in_region(region).key());
        for _ in 0..scene.rng.random_range(1..5) {
            let size = *one_of(&mut scene.rng, &["p3.16xlarge", "g5.48xlarge", "c6i.32xlarge", "p4d.24xlarge"]);
            // The first region's quota is too small for the first try.
            let is_denied = number == 0 && scene.rng.random_bool(0.5);
            let launch = act("ec2:RunInstances").with(Slot::InstanceType, size).with(Slot::CountSmall, "8");
            scene.act(&session, launch.with(Slot::Group, group.clone()).in_region(region).denied_if(is_denied).key());
        }
        scene.act(&session, act("ec2:DescribeInstances").in_region(region));
    }
    Some(())
}

/// One command for many machines.
pub(super) fn commands_sent(scene: &mut Scene<'_>) -> Option<()> {
    let session = scene.stolen_session(|person| matches!(person.job, Job::Platform | Job::Support))?;
    scene.pace = (3, 40);
    scene.acts(&session, "ssm:DescribeInstanceInformation ec2:DescribeInstances");
    for _ in 0..scene.rng.random_range(3..25) {
        let is_denied = scene.rng.random_bool(0.1);
        scene.act(&session, act("ssm:SendCommand").denied_if(is_denied).key());
        if scene.rng.random_bool(0.5) {
            scene.act(&session, act("ssm:GetCommandInvocation").key());
        }
    }
    Some(())
}

/// A function's code is exchanged by hand, by somebody who may.
pub(super) fn function_replaced(scene: &mut Scene<'_>) -> Option<()> {
    let is_developer = |person: &Person| person.job == Job::Developer;
    let is_insider = scene.rng.random_bool(0.4);
    let session = if is_insider { scene.own_session(is_developer)? } else { scene.stolen_session(is_developer)? };
    let workload = scene.a_workload(&session);
    let function = scene.organisation.workloads[workload].function.clone();
    let on_function = |call| act(call).with(Slot::Function, function.clone());
    scene.pace = (20, 120);
    scene.act(&session, on_function("lambda:GetFunction20150331v2"));
    scene.act(&session, on_function("lambda:UpdateFunctionCode20150331v2").key());
    for _ in 0..scene.rng.random_range(1..4) {
        scene.act(&session, on_function("lambda:Invoke").key());
    }
    Some(())
}

/// An image takes the place of another under its tag.
pub(super) fn image_replaced(scene: &mut Scene<'_>) -> Option<()> {
    let session = scene.stolen_session(|person| person.job == Job::Developer)?;
    scene.pace = (5, 60);
    scene.acts(&session, "ecr:GetAuthorizationToken ecr:DescribeRepositories ecr:DescribeImages ecr:BatchGetImage");
    for call in ["ecr:InitiateLayerUpload", "ecr:CompleteLayerUpload", "ecr:PutImage"] {
        scene.act(&session, act(call).key());
    }
    Some(())
}

/// How much mail could be sent from here?
pub(super) fn mail_probed(scene: &mut Scene<'_>) -> Option<()> {
    let session = scene.stolen_key(|_| true)?;
    scene.pace = (1, 20);
    scene.act(&session, act("sts:GetCallerIdentity").key());
    for _ in 0..scene.rng.random_range(1..5) {
        let region = scene.rng.random_range(0..REGIONS.len());
        let is_denied = scene.rng.random_bool(0.4);
        for call in ["ses:GetSendQuota", "ses:GetAccount", "ses:ListIdentities"] {
            scene.act(&session, act(call).in_region(region).denied_if(is_denied).key());
        }
    }
    if scene.rng.random_bool(0.5) {
        scene.act(&session, act("ses:VerifyEmailIdentity").key());
    }
    Some(())
}

/// Language models for free.
pub(super) fn models_abused(scene: &mut Scene<'_>) -> Option<()> {
    let session = scene.stolen_key(|user| user.last_day.is_none())?;
    scene.pace = (1, 40);
    let region = *one_of(&mut scene.rng, &[1, 3, 6, 9]);
    scene.act(&session, act("bedrock:ListFoundationModels").in_region(region).key());
    scene.act(&session, act("bedrock:GetModelInvocationLoggingConfiguration").in_region(region).key());
    for _ in 0..scene.rng.random_range(10..120) {
        let is_denied = scene.rng.random_bool(0.2);
        scene.act(&session, act("bedrock:InvokeModel").in_region(region).denied_if(is_denied).key());
    }
    Some(())
}
