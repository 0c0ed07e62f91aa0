//! Attacks on permissions.

use rand::Rng;

use crate::sample::calls::Slot;
use crate::sample::dice::{hex, one_of};
use crate::sample::incident::{Scene, act};
use crate::sample::people::Job;

/// A user with few rights finds the one that gives it all others.
pub(super) fn privilege_escalation(scene: &mut Scene<'_>) -> Option<()> {
    const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
    let victim = scene.take_key_user(|user| user.rotated.is_none() && user.last_day.is_none())?;
    let day = scene.weekday();
    let hour = scene.rng.random_range(0..23);
    scene.begin(day, hour);
    scene.pace = (4, 60);
    let place = scene.server();
    let agent = "aws-cli/2.15.10 Python/3.11.6 Linux/6.1.0-17-amd64 exe/x86_64.debian.12 prompt/off";
    let session = scene.with_key_of(victim, place, agent);
    scene.acts(
        &session,
        "\
            sts:GetCallerIdentity iam:GetUser iam:ListAttachedUserPolicies iam:ListUserPolicies \
            iam:ListGroupsForUser iam:GetPolicy iam:ListPolicyVersions iam:GetPolicyVersion",
    );
    match scene.rng.random_range(0..3) {
        0 => {
            scene.act(&session, act("iam:AttachUserPolicy").with(Slot::PolicyArn, ADMINISTRATOR).denied().key());
            scene.act(&session, act("iam:CreatePolicyVersion").with(Slot::Actions, "*").key());
        }
        1 => {
            scene.act(&session, act("iam:CreatePolicyVersion").with(Slot::Actions, "*").denied().key());
            scene.act(&session, act("iam:PutUserPolicy").with(Slot::Actions, "iam:*").key());
            scene.act(&session, act("iam:AttachUserPolicy").with(Slot::PolicyArn, ADMINISTRATOR).key());
        }
        _ => {
            let function = format!("maintenance-{}", hex(&mut scene.rng, 6));
            let role = format!("{}-admin", scene.organisation.company);
            scene.act(&session, act("iam:AttachUserPolicy").with(Slot::PolicyArn, ADMINISTRATOR).denied().key());
            scene.acts(&session, "iam:ListRoles lambda:ListFunctions20150331");
            let create =
                act("lambda:CreateFunction20150331").with(Slot::Function, function.clone()).with(Slot::Role, role);
            scene.act(&session, create.key());
            scene.act(&session, act("lambda:Invoke").with(Slot::Function, function).key());
        }
    }
    let proof = "\
        iam:ListUsers iam:ListRoles s3:ListBuckets secretsmanager:ListSecrets ec2:DescribeInstances \
        kms:ListKeys";
    let count = scene.rng.random_range(4..16);
    scene.roam(&session, proof, count, 0.0);
    Some(())
}

/// An older version of a policy allowed more.
pub(super) fn older_version(scene: &mut Scene<'_>) -> Option<()> {
    let session = scene.stolen_key(|user| user.last_day.is_none())?;
    scene.pace = (10, 90);
    scene.acts(
        &session,
        "sts:GetCallerIdentity iam:ListAttachedUserPolicies iam:ListPolicyVersions iam:GetPolicyVersion",
    );
    scene.act(&session, act("iam:SetDefaultPolicyVersion").key());
    scene.acts(&session, "s3:ListBuckets");
    Some(())
}

/// Somebody enters a group that may do everything, from the usual place.
pub(super) fn joined_group(scene: &mut Scene<'_>) -> Option<()> {
    let session = scene.own_session(|person| matches!(person.job, Job::Platform | Job::Developer))?;
    let user = scene.other_user(&session);
    let group = *one_of(&mut scene.rng, &["administrators", "platform-owners", "breakglass"]);
    scene.acts(&session, "iam:ListGroups");
    let join = act("iam:AddUserToGroup").with(Slot::User, user).with(Slot::GroupName, group);
    scene.act(&session, join.key());
    Some(())
}

/// A machine starts again with other instructions, and its role does the rest.
pub(super) fn instance_takeover(scene: &mut Scene<'_>) -> Option<()> {
    let session = scene.stolen_session(|person| person.job == Job::Platform)?;
    let workload = scene.a_workload(&session);
    let instance = one_of(&mut scene.rng, &scene.organisation.workloads[workload].instances).clone();
    scene.pace = (20, 150);
    scene.acts(&session, "ec2:DescribeInstances");
    for call in
        ["ec2:DescribeInstanceAttribute", "ec2:StopInstances", "ec2:ModifyInstanceAttribute", "ec2:StartInstances"]
    {
        let step = act(call).with(Slot::Instance, instance.clone());
        scene.act(&session, if call == "ec2:ModifyInstanceAttribute" { step.key() } else { step });
    }
    Some(())
}

/// A stronger role is handed to a function that runs every hour.
pub(super) fn scheduled_function(scene: &mut Scene<'_>) -> Option<()> {
    let session = scene.stolen_session(|person| person.job == Job::Developer)?;
    let workload = scene.a_workload(&session);
    let function = format!("{}-{}", scene.organisation.workloads[workload].function, hex(&mut scene.rng, 4));
    let role = format!("{}-admin", scene.organisation.company);
    scene.pace = (10, 120);
    scene.acts(&session, "iam:ListRoles lambda:ListFunctions20150331");
    let on_function = |call| act(call).with(Slot::Function, function.clone());
    scene.act(&session, on_function("lambda:CreateFunction20150331").with(Slot::Role, role).key());
    scene.act(&session, act("events:PutRule").key());
    scene.act(&session, on_function("lambda:AddPermission20150331v2").key());
    scene.act(&session, on_function("events:PutTargets").key());
    Some(())
}
