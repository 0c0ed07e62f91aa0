//! Attacks that gain more permissions.

use rand::Rng;

use crate::sample::cloudtrail::template::Slot;
use crate::sample::incidents::kind::Kind;
use crate::sample::incidents::scenario::{Scenario, step};
use crate::sample::organisation::jobs::Job;
use crate::sample::random::{hex, one_of};

/// A user with few permissions finds one that yields administrator rights.
pub(crate) const PRIVILEGE_ESCALATION: Kind = Kind {
    name: "privilege_escalation",
    technique: "A user gives itself administrator rights",
    mitre: &["T1098.003", "T1548.005", "T1078.004"],
    description: "After looking at its own permissions and one denied attempt: a policy version that allows everything, the administrator policy attached, or a function with a stronger role.",
    plant: privilege_escalation,
};

fn privilege_escalation(scenario: &mut Scenario<'_>) -> Option<()> {
    const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
    let is_stealable = scenario.stealable();
    let victim = scenario.take_key_user(|user| is_stealable(user) && user.last_day.is_none())?;
    let day = scenario.weekday();
    let hour = scenario.rng.random_range(0..23);
    scenario.start_at(day, hour);
    scenario.pace = (4, 60);
    let address = scenario.hosting_address();
    let agent = "aws-cli/2.15.10 Python/3.11.6 Linux/6.1.0-17-amd64 exe/x86_64.debian.12 prompt/off";
    let session = scenario.session_with_key(victim, address, agent);
    scenario.run_all(
        &session,
        "\
            sts:GetCallerIdentity iam:GetUser iam:ListAttachedUserPolicies iam:ListUserPolicies \
            iam:ListGroupsForUser iam:GetPolicy iam:ListPolicyVersions iam:GetPolicyVersion",
    );
    match scenario.rng.random_range(0..3) {
        0 => {
            scenario.run(&session, step("iam:AttachUserPolicy").with(Slot::PolicyArn, ADMINISTRATOR).denied().key());
            scenario.run(&session, step("iam:CreatePolicyVersion").with(Slot::Actions, "*").key());
        }
        1 => {
            scenario.run(&session, step("iam:CreatePolicyVersion").with(Slot::Actions, "*").denied().key());
            scenario.run(&session, step("iam:PutUserPolicy").with(Slot::Actions, "iam:*").key());
            scenario.run(&session, step("iam:AttachUserPolicy").with(Slot::PolicyArn, ADMINISTRATOR).key());
        }
        _ => {
            let function = format!("maintenance-{}", hex(&mut scenario.rng, 6));
            let role = format!("{}-admin", scenario.organisation.company);
            scenario.run(&session, step("iam:AttachUserPolicy").with(Slot::PolicyArn, ADMINISTRATOR).denied().key());
            scenario.run_all(&session, "iam:ListRoles lambda:ListFunctions20150331");
            let create =
                step("lambda:CreateFunction20150331").with(Slot::Function, function.clone()).with(Slot::Role, role);
            scenario.run(&session, create.key());
            scenario.run(&session, step("lambda:Invoke").with(Slot::Function, function).key());
        }
    }
    let proof = "\
        iam:ListUsers iam:ListRoles s3:ListBuckets secretsmanager:ListSecrets ec2:DescribeInstances \
        kms:ListKeys";
    let count = scenario.rng.random_range(4..16);
    scenario.run_random(&session, proof, count, 0.0);
    Some(())
}

/// Restores an older version of a policy that allowed more.
pub(crate) const OLDER_VERSION: Kind = Kind {
    name: "older_version",
    technique: "An older, wider version of a policy is made the default",
    mitre: &["T1098.003", "T1548.005"],
    description: "Some reads and one write with a program's key from elsewhere.",
    plant: older_version,
};

fn older_version(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = scenario.stolen_key(|user| user.last_day.is_none())?;
    scenario.pace = (10, 90);
    scenario.run_all(
        &session,
        "sts:GetCallerIdentity iam:ListAttachedUserPolicies iam:ListPolicyVersions iam:GetPolicyVersion",
    );
    scenario.run(&session, step("iam:SetDefaultPolicyVersion").key());
    scenario.run_all(&session, "s3:ListBuckets");
    Some(())
}

/// Adds a user to an administrator group, from the usual address.
pub(crate) const JOINED_GROUP: Kind = Kind {
    name: "joined_group",
    technique: "A user is added to a group with full permissions",
    mitre: &["T1098.003"],
    description: "One write from a usual session.",
    plant: joined_group,
};

fn joined_group(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = scenario.insider_session(|person| matches!(person.job, Job::Platform | Job::Developer))?;
    let user = scenario.other_user(&session);
    let group = *one_of(&mut scenario.rng, &["administrators", "platform-owners", "breakglass"]);
    scenario.run_all(&session, "iam:ListGroups");
    let join = step("iam:AddUserToGroup").with(Slot::User, user).with(Slot::GroupName, group);
    scenario.run(&session, join.key());
    Some(())
}

/// Replaces an instance's user data between stop and start; its role does the rest.
pub(crate) const INSTANCE_TAKEOVER: Kind = Kind {
    name: "instance_takeover",
    technique: "A machine's user data is replaced between stop and start",
    mitre: &["T1578", "T1059.009", "T1098.003"],
    description: "Five calls with a stolen session; the rest happens on the machine, with its role.",
    plant: instance_takeover,
};

fn instance_takeover(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = scenario.stolen_session(|person| person.job == Job::Platform)?;
    let workload = scenario.any_workload(&session);
    let instance = one_of(&mut scenario.rng, &scenario.organisation.workloads[workload].instances).clone();
    scenario.pace = (20, 150);
    scenario.run_all(&session, "ec2:DescribeInstances");
    for call in
        ["ec2:DescribeInstanceAttribute", "ec2:StopInstances", "ec2:ModifyInstanceAttribute", "ec2:StartInstances"]
    {
        let step = step(call).with(Slot::Instance, instance.clone());
        scenario.run(&session, if call == "ec2:ModifyInstanceAttribute" { step.key() } else { step });
    }
    Some(())
}

/// Gives a stronger role to a function that runs every hour.
pub(crate) const SCHEDULED_FUNCTION: Kind = Kind {
    name: "scheduled_function",
    technique: "A function with a stronger role, run by a schedule",
    mitre: &["T1648", "T1548.005", "T1053"],
    description: "CreateFunction, a rule and its target with a developer's stolen session.",
    plant: scheduled_function,
};

fn scheduled_function(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = scenario.stolen_session(|person| person.job == Job::Developer)?;
    let workload = scenario.any_workload(&session);
    let function = format!("{}-{}", scenario.organisation.workloads[workload].function, hex(&mut scenario.rng, 4));
    let role = format!("{}-admin", scenario.organisation.company);
    scenario.pace = (10, 120);
    scenario.run_all(&session, "iam:ListRoles lambda:ListFunctions20150331");
    let on_function = |call| step(call).with(Slot::Function, function.clone());
    scenario.run(&session, on_function("lambda:CreateFunction20150331").with(Slot::Role, role).key());
    scenario.run(&session, step("events:PutRule").key());
    scenario.run(&session, on_function("lambda:AddPermission20150331v2").key());
    scenario.run(&session, on_function("events:PutTargets").key());
    Some(())
}
