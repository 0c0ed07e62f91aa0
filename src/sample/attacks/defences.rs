//! Attacks on what guards and on what could be restored.

use rand::Rng;

use crate::sample::calls::Slot;
use crate::sample::dice::{Uuid, one_of};
use crate::sample::incident::{Scene, act};
use crate::sample::networks::FAR_HOMES;
use crate::sample::organisation::{REGIONS, account_id};
use crate::sample::people::{Job, Login, Person};

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

fn guards(person: &Person) -> bool {
    matches!(person.job, Job::Platform | Job::Security) && person.trip.is_none()
}

/// One guard is put to sleep and nothing else happens.
pub(super) fn detector_suspended(scene: &mut Scene<'_>) -> Option<()> {
    let session = if scene.rng.random_bool(0.5) { scene.own_session(guards)? } else { scene.stolen_session(guards)? };
    scene.acts(&session, "guardduty:ListDetectors guardduty:GetDetector");
    let call = scene.one_call("guardduty:DeleteDetector guardduty:UpdateDetector guardduty:CreateFilter");
    scene.act(&session, act(call).key());
    Some(())
}

/// Traffic and configuration are no longer recorded.
pub(super) fn blind_spots(scene: &mut Scene<'_>) -> Option<()> {
    let session = scene.stolen_session(guards)?;
    scene.pace = (5, 120);
    scene.acts(&session, "ec2:DescribeFlowLogs config:DescribeConfigurationRecorders");
    for _ in 0..scene.rng.random_range(1..4) {
        scene.act(&session, act("ec2:DeleteFlowLogs").key());
    }
    if scene.rng.random_bool(0.7) {
        scene.act(&session, act("config:StopConfigurationRecorder").key());
    }
    if scene.rng.random_bool(0.4) {
        scene.act(&session, act("config:DeleteDeliveryChannel").key());
    }
    Some(())
}

/// The account tries to leave those who watch it.
pub(super) fn organisation_left(scene: &mut Scene<'_>) -> Option<()> {
    let session = scene.stolen_session(|person| person.job == Job::Platform)?;
    scene.acts(&session, "organizations:DescribeOrganization");
    let is_denied = scene.rng.random_bool(0.6);
    scene.act(&session, act("organizations:LeaveOrganization").denied_if(is_denied).key());
    Some(())
}

/// Objects are copied onto themselves with a key that only the attacker has.
pub(super) fn objects_ransomed(scene: &mut Scene<'_>) -> Option<()> {
    let session = scene.stolen_session(|person| matches!(person.job, Job::Data | Job::Platform | Job::Developer))?;
    let workload = scene.a_workload(&session);
    let it = &scene.organisation.workloads[workload];
    let (bucket, region) = (it.bucket.clone(), it.region);
    let key =
        format!("arn:aws:kms:{}:{}:key/{}", REGIONS[region], account_id(&mut scene.rng), Uuid::draw(&mut scene.rng));
    let on_bucket = |call| act(call).with(Slot::Bucket, bucket.clone()).in_region(region);
    scene.pace = (2, 20);
    scene.acts(&session, "s3:ListBuckets");
    scene.act(&session, on_bucket("s3:GetBucketVersioning"));
    let is_denied = scene.rng.random_bool(0.3);
    scene.act(&session, on_bucket("s3:PutBucketVersioning").with(Slot::Status, "Suspended").denied_if(is_denied).key());
    for _ in 0..scene.rng.random_range(20..140) {
        scene.act(&session, on_bucket("s3:CopyObject").with(Slot::CopyKey, key.clone()).key());
    }
    for _ in 0..scene.rng.random_range(0..4) {
        scene.act(&session, on_bucket("s3:DeleteObjects").key());
    }
    scene.act(&session, on_bucket("s3:PutObject").key());
    Some(())
}

/// Another account may use the keys.
pub(super) fn key_policy_taken(scene: &mut Scene<'_>) -> Option<()> {
    let session = if scene.rng.random_bool(0.5) { scene.own_session(guards)? } else { scene.stolen_session(guards)? };
    let outside = account_id(&mut scene.rng);
    scene.pace = (10, 90);
    scene.acts(&session, "kms:ListAliases");
    for _ in 0..scene.rng.random_range(1..4) {
        let workload = scene.a_workload(&session);
        let it = &scene.organisation.workloads[workload];
        let (key, region) = (it.kms.clone(), it.region);
        let on_key = |call| act(call).with(Slot::Kms, key.clone()).in_region(region);
        scene.act(&session, on_key("kms:GetKeyPolicy"));
        scene.act(&session, on_key("kms:PutKeyPolicy").with(Slot::Peer, outside.clone()).key());
    }
    Some(())
}

/// What one could restore from goes away, without a denial.
pub(super) fn backups_deleted(scene: &mut Scene<'_>) -> Option<()> {
    let session = scene.stolen_session(guards)?;
    scene.pace = (2, 30);
    scene.acts(&session, "rds:DescribeDBSnapshots ec2:DescribeSnapshots backup:ListBackupVaults");
    for _ in 0..scene.rng.random_range(5..40) {
        let call =
            scene.one_call("rds:DeleteDBSnapshot ec2:DeleteSnapshot ec2:DeleteSnapshot backup:DeleteRecoveryPoint");
        scene.act(&session, act(call).key());
    }
    Some(())
}
