//! Attacks on permissions.

use rand::Rng;

use crate::sample::calls::Slot;
use crate::sample::dice::hex;
use crate::sample::incident::{Scene, act};

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
