//! Attacks on logging, monitoring, encryption keys and backups.

use rand::Rng;

use crate::sample::cloudtrail::template::Slot;
use crate::sample::incidents::kind::Kind;
use crate::sample::incidents::scenario::{Scenario, step};
use crate::sample::organisation::accounts::account_id;
use crate::sample::organisation::jobs::Job;
use crate::sample::organisation::people::Person;
use crate::sample::random::Uuid;

/// Disables logging and monitoring step by step.
pub(crate) const DEFENCE_EVASION: Kind = Kind {
    name: "defence_evasion",
    technique: "Trail, detector and flow logs switched off or blinded",
    mitre: &["T1562.008", "T1562.001", "T1070"],
    description: "A platform engineer's stolen login stops logging, narrows event selectors, suspends the detector, shortens the log bucket's retention.",
    plant: defence_evasion,
};

fn defence_evasion(scenario: &mut Scenario<'_>) -> Option<()> {
    let is_usual = scenario.usual_login();
    let victim =
        scenario.take_person(|person| person.job == Job::Platform && is_usual(person) && person.trip.is_none())?;
    let day = scenario.weekday();
    let hour = scenario.rng.random_range(0..23);
    scenario.start_at(day, hour);
    let address = scenario.hosting_address();
    let browser = scenario.organisation.people[victim].browser;
    let console = scenario.sign_in_from(victim, &address, browser);
    let session = console
        .used_from(address, "aws-cli/2.15.21 Python/3.11.6 Linux/6.5.0-18-generic exe/x86_64.ubuntu.22 prompt/off");
    scenario.pace = (5, 80);
    scenario.run_all(
        &session,
        "\
            sts:GetCallerIdentity cloudtrail:DescribeTrails cloudtrail:GetTrailStatus \
            cloudtrail:GetEventSelectors guardduty:ListDetectors guardduty:GetDetector \
            config:DescribeConfigurationRecorders ec2:DescribeFlowLogs",
    );
    scenario.run(&session, step("cloudtrail:DeleteTrail").denied().key());
    scenario.run(&session, step("cloudtrail:StopLogging").key());
    let log_bucket = scenario.organisation.accounts[session.account].log_bucket.clone();
    let measures = [
        step("cloudtrail:PutEventSelectors"),
        step("cloudtrail:UpdateTrail"),
        step("guardduty:UpdateDetector"),
        step("guardduty:CreateIPSet"),
        step("config:StopConfigurationRecorder"),
        step("ec2:DeleteFlowLogs"),
        step("s3:PutBucketLifecycle").with(Slot::Bucket, log_bucket).with(Slot::Days, "1"),
        step("monitoring:DeleteAlarms"),
        step("logs:DeleteLogGroup"),
    ];
    for measure in measures {
        if scenario.rng.random_bool(0.65) {
            scenario.run(&session, measure.key());
        }
    }
    let after = "\
        s3:ListBuckets s3:ListObjects secretsmanager:ListSecrets ec2:DescribeInstances \
        rds:DescribeDBSnapshots";
    let count = scenario.rng.random_range(4..14);
    scenario.run_random(&session, after, count, 0.1);
    Some(())
}

/// Disables KMS keys and schedules their deletion, then tries to delete data.
pub(crate) const KEYS_DESTROYED: Kind = Kind {
    name: "keys_destroyed",
    technique: "KMS keys disabled and scheduled for deletion, then a burst of failing deletes",
    mitre: &["T1485", "T1486", "T1490"],
    description: "Keys are disabled one after the other; deletes of buckets, snapshots and databases follow and are mostly denied.",
    plant: keys_destroyed,
};

fn keys_destroyed(scenario: &mut Scenario<'_>) -> Option<()> {
    let victim = scenario
        .take_person(|person| matches!(person.job, Job::Platform | Job::Security) && person.trip.is_none())
        .or_else(|| scenario.take_person(|_| true))?;
    let day = scenario.weekday();
    let hour = scenario.rng.random_range(0..23);
    scenario.start_at(day, hour);
    let address = scenario.foreign_home();
    let browser = scenario.organisation.people[victim].browser;
    let console = scenario.sign_in_from(victim, &address, browser);
    let session = console.used_from(address, "aws-cli/2.14.5 Python/3.11.6 Windows/10 exe/AMD64 prompt/off");
    scenario.pace = (2, 20);
    scenario
        .run_all(&session, "sts:GetCallerIdentity kms:ListKeys kms:ListAliases s3:ListBuckets rds:DescribeDBInstances");
    let workloads = scenario.organisation.accounts[session.account].workloads.clone();
    for workload in workloads.into_iter().take(12) {
        let target = &scenario.organisation.workloads[workload];
        let (key, region) = (target.kms.clone(), target.region);
        let on_key = |call| step(call).with(Slot::Kms, key.clone()).in_region(region);
        scenario.run(&session, on_key("kms:DescribeKey"));
        let is_denied = scenario.rng.random_bool(0.2);
        scenario.run(&session, on_key("kms:DisableKey").denied_if(is_denied).key());
        scenario.run(&session, on_key("kms:ScheduleKeyDeletion").denied_if(is_denied).key());
    }
    scenario.pace = (0, 3);
    let deletes = "\
        s3:DeleteBucket s3:DeleteObjects ec2:DeleteSnapshot rds:DeleteDBSnapshot rds:DeleteDBInstance \
        dynamodb:DeleteTable backup:DeleteRecoveryPoint logs:DeleteLogGroup";
    for _ in 0..scenario.rng.random_range(40..140) {
        let call = scenario.any_call(deletes);
        let is_denied = scenario.rng.random_bool(0.93);
        scenario.run(&session, step(call).denied_if(is_denied));
    }
    Some(())
}

fn guards(person: &Person) -> bool {
    matches!(person.job, Job::Platform | Job::Security) && person.trip.is_none()
}

/// Disables GuardDuty and does nothing else.
pub(crate) const DETECTOR_SUSPENDED: Kind = Kind {
    name: "detector_suspended",
    technique: "A GuardDuty detector is deleted, suspended or set to archive all findings",
    mitre: &["T1562.001"],
    description: "Two reads and one write, half of the time from the usual place.",
    plant: detector_suspended,
};

fn detector_suspended(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = if scenario.rng.random_bool(0.5) {
        scenario.insider_session(guards)?
    } else {
        scenario.stolen_session(guards)?
    };
    scenario.run_all(&session, "guardduty:ListDetectors guardduty:GetDetector");
    let call = scenario.any_call("guardduty:DeleteDetector guardduty:UpdateDetector guardduty:CreateFilter");
    scenario.run(&session, step(call).key());
    Some(())
}

/// Deletes flow logs and stops the configuration recorder.
pub(crate) const BLIND_SPOTS: Kind = Kind {
    name: "blind_spots",
    technique: "Flow logs and the configuration recorder are switched off",
    mitre: &["T1562.008"],
    description: "Few writes with a stolen session; the trail itself keeps logging.",
    plant: blind_spots,
};

fn blind_spots(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = scenario.stolen_session(guards)?;
    scenario.pace = (5, 120);
    scenario.run_all(&session, "ec2:DescribeFlowLogs config:DescribeConfigurationRecorders");
    for _ in 0..scenario.rng.random_range(1..4) {
        scenario.run(&session, step("ec2:DeleteFlowLogs").key());
    }
    if scenario.rng.random_bool(0.7) {
        scenario.run(&session, step("config:StopConfigurationRecorder").key());
    }
    if scenario.rng.random_bool(0.4) {
        scenario.run(&session, step("config:DeleteDeliveryChannel").key());
    }
    Some(())
}

/// Tries to remove the account from the organization.
pub(crate) const ORGANISATION_LEFT: Kind = Kind {
    name: "organisation_left",
    technique: "The account tries to leave its organisation",
    mitre: &["T1562.001"],
    description: "One call, mostly denied.",
    plant: organisation_left,
};

fn organisation_left(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = scenario.stolen_session(|person| person.job == Job::Platform)?;
    scenario.run_all(&session, "organizations:DescribeOrganization");
    let is_denied = scenario.rng.random_bool(0.6);
    scenario.run(&session, step("organizations:LeaveOrganization").denied_if(is_denied).key());
    Some(())
}

/// Copies objects onto themselves with a KMS key that only the attacker controls.
pub(crate) const OBJECTS_RANSOMED: Kind = Kind {
    name: "objects_ransomed",
    technique: "Objects are re-encrypted with an outside key",
    mitre: &["T1486", "T1490"],
    description: "Versioning suspended, then repeated CopyObject in one bucket.",
    plant: objects_ransomed,
};

fn objects_ransomed(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = scenario.stolen_session(|person| matches!(person.job, Job::Data | Job::Platform | Job::Developer))?;
    let workload = scenario.any_workload(&session);
    let target = &scenario.organisation.workloads[workload];
    let (bucket, region) = (target.bucket.clone(), target.region);
    let key = format!(
        "arn:aws:kms:{}:{}:key/{}",
        scenario.organisation.regions[region],
        account_id(&mut scenario.rng),
        Uuid::draw(&mut scenario.rng)
    );
    let on_bucket = |call| step(call).with(Slot::Bucket, bucket.clone()).in_region(region);
    scenario.pace = (2, 20);
    scenario.run_all(&session, "s3:ListBuckets");
    scenario.run(&session, on_bucket("s3:GetBucketVersioning"));
    let is_denied = scenario.rng.random_bool(0.3);
    scenario
        .run(&session, on_bucket("s3:PutBucketVersioning").with(Slot::Status, "Suspended").denied_if(is_denied).key());
    for _ in 0..scenario.rng.random_range(20..140) {
        scenario.run(&session, on_bucket("s3:CopyObject").with(Slot::CopyKey, key.clone()).key());
    }
    for _ in 0..scenario.rng.random_range(0..4) {
        scenario.run(&session, on_bucket("s3:DeleteObjects").key());
    }
    scenario.run(&session, on_bucket("s3:PutObject").key());
    Some(())
}

/// Lets an outside account use KMS keys.
pub(crate) const KEY_POLICY_TAKEN: Kind = Kind {
    name: "key_policy_taken",
    technique: "KMS key policies let an outside account decrypt",
    mitre: &["T1098.003"],
    description: "One to three PutKeyPolicy calls, half of the time from the usual place.",
    plant: key_policy_taken,
};

fn key_policy_taken(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = if scenario.rng.random_bool(0.5) {
        scenario.insider_session(guards)?
    } else {
        scenario.stolen_session(guards)?
    };
    let outside = account_id(&mut scenario.rng);
    scenario.pace = (10, 90);
    scenario.run_all(&session, "kms:ListAliases");
    for _ in 0..scenario.rng.random_range(1..4) {
        let workload = scenario.any_workload(&session);
        let target = &scenario.organisation.workloads[workload];
        let (key, region) = (target.kms.clone(), target.region);
        let on_key = |call| step(call).with(Slot::Kms, key.clone()).in_region(region);
        scenario.run(&session, on_key("kms:GetKeyPolicy"));
        scenario.run(&session, on_key("kms:PutKeyPolicy").with(Slot::Peer, outside.clone()).key());
    }
    Some(())
}

/// Deletes snapshots and recovery points; no call is denied.
pub(crate) const BACKUPS_DELETED: Kind = Kind {
    name: "backups_deleted",
    technique: "Snapshots and recovery points are deleted",
    mitre: &["T1490", "T1485"],
    description: "Dozens of deletes with a stolen session, none denied.",
    plant: backups_deleted,
};

fn backups_deleted(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = scenario.stolen_session(guards)?;
    scenario.pace = (2, 30);
    scenario.run_all(&session, "rds:DescribeDBSnapshots ec2:DescribeSnapshots backup:ListBackupVaults");
    for _ in 0..scenario.rng.random_range(5..40) {
        let call =
            scenario.any_call("rds:DeleteDBSnapshot ec2:DeleteSnapshot ec2:DeleteSnapshot backup:DeleteRecoveryPoint");
        scenario.run(&session, step(call).key());
    }
    Some(())
}
