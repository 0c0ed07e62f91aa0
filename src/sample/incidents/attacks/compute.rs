//! Attacks that run code on the organisation's machines or at its expense.

use rand::Rng;
use rand::seq::SliceRandom;

use crate::sample::cloudtrail::template::Slot;
use crate::sample::incidents::kind::Kind;
use crate::sample::incidents::scenario::{Scenario, step};
use crate::sample::organisation::jobs::Job;
use crate::sample::organisation::people::Person;
use crate::sample::organisation::regions::{REGION_COUNT, REGIONS_USED};
use crate::sample::random::{hex, one_of};

/// Opens a security group and launches large instances in unused regions.
pub(crate) const INSTANCES_ELSEWHERE: Kind = Kind {
    name: "instances_elsewhere",
    technique: "Large instances launched in regions that were never used",
    mitre: &["T1496", "T1535", "T1578.002", "T1562.007"],
    description: "A stolen key tries quotas region by region, opens a security group to the world and launches GPU instances.",
    plant: instances_elsewhere,
};

fn instances_elsewhere(scenario: &mut Scenario<'_>) -> Option<()> {
    let is_stealable = scenario.stealable();
    let victim = scenario.take_key_user(is_stealable)?;
    let day = scenario.weekday();
    let hour = scenario.rng.random_range(0..23);
    scenario.start_at(day, hour);
    let address = scenario.hosting_address();
    let session = scenario.session_with_key(
        victim,
        address,
        "Boto3/1.33.13 md/Botocore#1.33.13 ua/2.0 os/linux#5.10.0-27-amd64 md/arch#x86_64 lang/python#3.9.2",
    );
    scenario.pace = (1, 12);
    scenario.run_all(&session, "sts:GetCallerIdentity ec2:DescribeRegions servicequotas:ListServiceQuotas iam:GetUser");
    let mut regions: Vec<_> = (REGIONS_USED..REGION_COUNT).collect();
    regions.shuffle(&mut scenario.rng);
    let count = scenario.rng.random_range(2..5);
    for (number, region) in regions.into_iter().take(count).enumerate() {
        for call in ["ec2:DescribeVpcs", "ec2:DescribeSubnets", "ec2:DescribeImages", "ec2:DescribeKeyPairs"] {
            scenario.run(&session, step(call).in_region(region));
        }
        let group = format!("sg-{}", hex(&mut scenario.rng, 17));
        scenario.run(&session, step("ec2:CreateKeyPair").in_region(region));
        scenario.run(&session, step("ec2:CreateSecurityGroup").in_region(region));
        let open = step("ec2:AuthorizeSecurityGroupIngress").with(Slot::Cidr, "0.0.0.0/0").with(Slot::Port, "22");
        scenario.run(&session, open.with(Slot::Group, group.clone()).in_region(region).key());
        for _ in 0..scenario.rng.random_range(1..5) {
            let size = *one_of(&mut scenario.rng, &["p3.16xlarge", "g5.48xlarge", "c6i.32xlarge", "p4d.24xlarge"]);
            // The first region's quota may be too small for a launch.
            let is_denied = number == 0 && scenario.rng.random_bool(0.5);
            let launch = step("ec2:RunInstances").with(Slot::InstanceType, size).with(Slot::CountSmall, "8");
            scenario
                .run(&session, launch.with(Slot::Group, group.clone()).in_region(region).denied_if(is_denied).key());
        }
        scenario.run(&session, step("ec2:DescribeInstances").in_region(region));
    }
    Some(())
}

/// Sends commands to many machines.
pub(crate) const COMMANDS_SENT: Kind = Kind {
    name: "commands_sent",
    technique: "Commands are sent to many machines",
    mitre: &["T1651", "T1059.009"],
    description: "Repeated SendCommand with a stolen session.",
    plant: commands_sent,
};

fn commands_sent(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = scenario.stolen_session(|person| matches!(person.job, Job::Platform | Job::Support))?;
    scenario.pace = (3, 40);
    scenario.run_all(&session, "ssm:DescribeInstanceInformation ec2:DescribeInstances");
    for _ in 0..scenario.rng.random_range(3..25) {
        let is_denied = scenario.rng.random_bool(0.1);
        scenario.run(&session, step("ssm:SendCommand").denied_if(is_denied).key());
        if scenario.rng.random_bool(0.5) {
            scenario.run(&session, step("ssm:GetCommandInvocation").key());
        }
    }
    Some(())
}

/// Replaces the code of a function, with the permissions of a developer.
pub(crate) const FUNCTION_REPLACED: Kind = Kind {
    name: "function_replaced",
    technique: "A function's code is replaced manually",
    mitre: &["T1648", "T1525"],
    description: "UpdateFunctionCode and a test call with a developer's session, sometimes from the usual place.",
    plant: function_replaced,
};

fn function_replaced(scenario: &mut Scenario<'_>) -> Option<()> {
    let is_developer = |person: &Person| person.job == Job::Developer;
    let is_insider = scenario.rng.random_bool(0.4);
    let session =
        if is_insider { scenario.insider_session(is_developer)? } else { scenario.stolen_session(is_developer)? };
    let workload = scenario.any_workload(&session);
    let function = scenario.organisation.workloads[workload].function.clone();
    let on_function = |call| step(call).with(Slot::Function, function.clone());
    scenario.pace = (20, 120);
    scenario.run(&session, on_function("lambda:GetFunction20150331v2"));
    scenario.run(&session, on_function("lambda:UpdateFunctionCode20150331v2").key());
    for _ in 0..scenario.rng.random_range(1..4) {
        scenario.run(&session, on_function("lambda:Invoke").key());
    }
    Some(())
}

/// Pushes an image over an existing tag.
pub(crate) const IMAGE_REPLACED: Kind = Kind {
    name: "image_replaced",
    technique: "A tag of a container image is overwritten",
    mitre: &["T1525"],
    description: "The daily calls of a pipeline, but with a person's stolen session.",
    plant: image_replaced,
};

fn image_replaced(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = scenario.stolen_session(|person| person.job == Job::Developer)?;
    scenario.pace = (5, 60);
    scenario
        .run_all(&session, "ecr:GetAuthorizationToken ecr:DescribeRepositories ecr:DescribeImages ecr:BatchGetImage");
    for call in ["ecr:InitiateLayerUpload", "ecr:CompleteLayerUpload", "ecr:PutImage"] {
        scenario.run(&session, step(call).key());
    }
    Some(())
}

/// Reads SES quotas in several regions.
pub(crate) const MAIL_PROBED: Kind = Kind {
    name: "mail_probed",
    technique: "A stolen key reads how much e-mail it may send",
    mitre: &["T1078.004", "T1496"],
    description: "A few SES calls in some regions.",
    plant: mail_probed,
};

fn mail_probed(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = scenario.stolen_key(|_| true)?;
    scenario.pace = (1, 20);
    scenario.run(&session, step("sts:GetCallerIdentity").key());
    for _ in 0..scenario.rng.random_range(1..5) {
        let region = scenario.rng.random_range(0..REGION_COUNT);
        let is_denied = scenario.rng.random_bool(0.4);
        for call in ["ses:GetSendQuota", "ses:GetAccount", "ses:ListIdentities"] {
            scenario.run(&session, step(call).in_region(region).denied_if(is_denied).key());
        }
    }
    if scenario.rng.random_bool(0.5) {
        scenario.run(&session, step("ses:VerifyEmailIdentity").key());
    }
    Some(())
}

/// Invokes language models with a stolen key.
pub(crate) const MODELS_ABUSED: Kind = Kind {
    name: "models_abused",
    technique: "A stolen key runs language models",
    mitre: &["T1496", "T1078.004"],
    description: "Dozens of InvokeModel calls in a region where nobody uses models.",
    plant: models_abused,
};

fn models_abused(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = scenario.stolen_key(|user| user.last_day.is_none())?;
    scenario.pace = (1, 40);
    let region = *one_of(&mut scenario.rng, &[1, 3, 6, 9]);
    scenario.run(&session, step("bedrock:ListFoundationModels").in_region(region).key());
    scenario.run(&session, step("bedrock:GetModelInvocationLoggingConfiguration").in_region(region).key());
    for _ in 0..scenario.rng.random_range(10..120) {
        let is_denied = scenario.rng.random_bool(0.2);
        scenario.run(&session, step("bedrock:InvokeModel").in_region(region).denied_if(is_denied).key());
    }
    Some(())
}
