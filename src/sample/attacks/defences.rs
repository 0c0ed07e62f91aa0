//! Attacks on what guards and on what could be restored.

use rand::Rng;

use crate::sample::calls::Slot;
use crate::sample::dice::one_of;
use crate::sample::incident::{Scene, act};
use crate::sample::networks::FAR_HOMES;
use crate::sample::people::{Job, Login};

/// Lights out, one after the other.
pub(super) fn defence_evasion(scene: &mut Scene<'_>) -> Option<()> {
    let victim = scene.take_person(|person| {
        person.job == Job::Platform && person.login == Login::IdentityCenter && person.trip.is_none()
    })?;
    let day = scene.weekday();
    let hour = scene.rng.random_range(0..23);
    scene.begin(day, hour);
    let place = scene.server();
    let browser = scene.organisation.people[victim].browser;
    let console = scene.sign_in_from(victim, &place, browser);
    let session =
        console.moved(place, "aws-cli/2.15.21 Python/3.11.6 Linux/6.5.0-18-generic exe/x86_64.ubuntu.22 prompt/off");
    scene.pace = (5, 80);
    scene.acts(
        &session,
        "\
            sts:GetCallerIdentity cloudtrail:DescribeTrails cloudtrail:GetTrailStatus \
            cloudtrail:GetEventSelectors guardduty:ListDetectors guardduty:GetDetector \
            config:DescribeConfigurationRecorders ec2:DescribeFlowLogs",
    );
    scene.act(&session, act("cloudtrail:DeleteTrail").denied().key());
    scene.act(&session, act("cloudtrail:StopLogging").key());
    let log_bucket = scene.organisation.accounts[session.account].log_bucket.clone();
    let measures = [
        act("cloudtrail:PutEventSelectors"),
        act("cloudtrail:UpdateTrail"),
        act("guardduty:UpdateDetector"),
        act("guardduty:CreateIPSet"),
        act("config:StopConfigurationRecorder"),
        act("ec2:DeleteFlowLogs"),
        act("s3:PutBucketLifecycle").with(Slot::Bucket, log_bucket).with(Slot::Days, "1"),
        act("monitoring:DeleteAlarms"),
        act("logs:DeleteLogGroup"),
    ];
    for measure in measures {
        if scene.rng.random_bool(0.65) {
            scene.act(&session, measure.key());
        }
    }
    let after = "\
        s3:ListBuckets s3:ListObjects secretsmanager:ListSecrets ec2:DescribeInstances \
        rds:DescribeDBSnapshots";
    let count = scene.rng.random_range(4..14);
    scene.roam(&session, after, count, 0.1);
    Some(())
}

/// What cannot be stolen is made unreadable.
pub(super) fn keys_destroyed(scene: &mut Scene<'_>) -> Option<()> {
    let victim = scene
        .take_person(|person| matches!(person.job, Job::Platform | Job::Security) && person.trip.is_none())
        .or_else(|| scene.take_person(|_| true))?;
    let day = scene.weekday();
    let hour = scene.rng.random_range(0..23);
    scene.begin(day, hour);
    let place = one_of(&mut scene.rng, &FAR_HOMES).address(&mut scene.rng);
    let browser = scene.organisation.people[victim].browser;
    let console = scene.sign_in_from(victim, &place, browser);
    let session = console.moved(place, "aws-cli/2.14.5 Python/3.11.6 Windows/10 exe/AMD64 prompt/off");
    scene.pace = (2, 20);
    scene.acts(&session, "sts:GetCallerIdentity kms:ListKeys kms:ListAliases s3:ListBuckets rds:DescribeDBInstances");
    let workloads = scene.organisation.accounts[session.account].workloads.clone();
    for workload in workloads.into_iter().take(12) {
        let it = &scene.organisation.workloads[workload];
        let (key, region) = (it.kms.clone(), it.region);
        let on_key = |call| act(call).with(Slot::Kms, key.clone()).in_region(region);
        scene.act(&session, on_key("kms:DescribeKey"));
        let is_denied = scene.rng.random_bool(0.2);
        scene.act(&session, on_key("kms:DisableKey").denied_if(is_denied).key());
        scene.act(&session, on_key("kms:ScheduleKeyDeletion").denied_if(is_denied).key());
    }
    scene.pace = (0, 3);
    let deletes = "\
        s3:DeleteBucket s3:DeleteObjects ec2:DeleteSnapshot rds:DeleteDBSnapshot rds:DeleteDBInstance \
        dynamodb:DeleteTable backup:DeleteRecoveryPoint logs:DeleteLogGroup";
    for _ in 0..scene.rng.random_range(40..140) {
        let call = scene.one_call(deletes);
        let is_denied = scene.rng.random_bool(0.93);
        scene.act(&session, act(call).denied_if(is_denied));
    }
    Some(())
}
