//! Attacks that copy or share data with outsiders.

use rand::Rng;

use crate::sample::calendar::Day;
use crate::sample::cloudtrail::template::Slot;
use crate::sample::incidents::kind::Kind;
use crate::sample::incidents::scenario::{Scenario, step};
use crate::sample::networks::HOSTING;
use crate::sample::organisation::accounts::account_id;
use crate::sample::organisation::jobs::Job;
use crate::sample::organisation::workloads::Platform;
use crate::sample::random::{hex, one_of};
use crate::sample::traffic::workloads::machine_session;

/// Shares snapshots, an image and a bucket with outsiders without reading them.
pub(crate) const SHARED_OUTSIDE: Kind = Kind {
    name: "shared_outside",
    technique: "Snapshot, image and bucket opened to an outside account or to everyone",
    mitre: &["T1537", "T1530"],
    description: "Data leaves by sharing, not by reading: no volume, only a few attribute changes.",
    plant: shared_outside,
};

fn shared_outside(scenario: &mut Scenario<'_>) -> Option<()> {
    let outside = account_id(&mut scenario.rng);
    let is_usual = scenario.usual_login();
    let victim = scenario.take_person(|person| person.job == Job::Data && is_usual(person) && person.trip.is_none())?;
    let day = scenario.weekday();
    let hour = scenario.rng.random_range(0..23);
    scenario.start_at(day, hour);
    let address = scenario.hosting_address();
    let browser = scenario.organisation.people[victim].browser;
    let session = scenario.sign_in_from(victim, &address, browser);
    scenario.pace = (8, 120);
    let snapshot = format!("snap-{}", hex(&mut scenario.rng, 17));
    scenario.run_all(
        &session,
        "\
            ec2:DescribeVolumes ec2:DescribeSnapshots ec2:DescribeImages rds:DescribeDBSnapshots \
            s3:ListBuckets",
    );
    scenario.run(&session, step("ec2:CreateSnapshot"));
    let share = |call| step(call).with(Slot::Peer, outside.clone());
    scenario.run(&session, share("ec2:ModifySnapshotAttribute").with(Slot::Snapshot, snapshot).key());
    scenario.run(&session, step("ec2:CreateImage"));
    scenario.run(&session, share("ec2:ModifyImageAttribute").key());
    if scenario.rng.random_bool(0.6) {
        scenario.run(&session, share("rds:ModifyDBSnapshotAttribute").key());
    }
    let workloads = &scenario.organisation.accounts[session.account].workloads;
    let workload = workloads[scenario.rng.random_range(0..workloads.len())];
    let bucket = scenario.organisation.workloads[workload].bucket.clone();
    let on_bucket = |call| step(call).with(Slot::Bucket, bucket.clone());
    scenario.run(&session, on_bucket("s3:GetBucketPublicAccessBlock"));
    scenario.run(&session, on_bucket("s3:PutBucketPolicy").with(Slot::Grantee, r#""*""#).denied().key());
    scenario.run(&session, on_bucket("s3:PutBucketPublicAccessBlock").with(Slot::Locked, "false").key());
    scenario.run(&session, on_bucket("s3:PutBucketPolicy").with(Slot::Grantee, r#""*""#).key());
    scenario.run(&session, on_bucket("s3:GetBucketPolicyStatus"));
    Some(())
}

/// Uses an instance's credentials outside AWS.
pub(crate) const INSTANCE_CREDENTIALS_ABROAD: Kind = Kind {
    name: "instance_credentials_abroad",
    technique: "Credentials of an instance role used outside AWS to copy a bucket",
    mitre: &["T1552.005", "T1078.004", "T1530"],
    description: "The role session named after the instance appears at a hosting provider and reads far faster than it ever did.",
    plant: instance_credentials_abroad,
};

fn instance_credentials_abroad(scenario: &mut Scenario<'_>) -> Option<()> {
    let victim = scenario.take_workload(|workload| workload.platform == Platform::Ec2 && !workload.is_nightly)?;
    let day = scenario.weekday();
    let quarter = scenario.rng.random_range(0..4);
    let machine = scenario.rng.random_range(0..scenario.organisation.workloads[victim].instances.len());
    let own = machine_session(&scenario.world(), victim, machine, day, quarter);
    let address = scenario.hosting_address();
    let session =
        own.used_from(address, "aws-cli/2.15.21 Python/3.11.6 Linux/6.5.0-18-generic exe/x86_64.ubuntu.22 prompt/off");
    let hour = quarter * 6 + scenario.rng.random_range(1..5);
    scenario.start_at(day, hour);
    scenario.run(&session, step("sts:GetCallerIdentity").key());
    scenario.run(&session, step("s3:ListBuckets").denied().key());
    scenario.run(&session, step("iam:ListRoles").denied());
    for _ in 0..scenario.rng.random_range(2..6) {
        scenario.run(&session, step("s3:ListObjects").key());
    }
    scenario.pace = (0, 5);
    for number in 0..scenario.rng.random_range(190..285) {
        let read = step("s3:GetObject");
        scenario.run(&session, if number < 12 { read.key() } else { read });
    }
    Some(())
}

/// Reads a whole bucket with a stolen session.
pub(crate) const BUCKET_DRAINED: Kind = Kind {
    name: "bucket_drained",
    technique: "A bucket is copied with a stolen session",
    mitre: &["T1530"],
    description: "Hundreds of GetObject within half an hour from elsewhere, by somebody who reads objects every day.",
    plant: bucket_drained,
};

fn bucket_drained(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = scenario.stolen_session(|person| matches!(person.job, Job::Data | Job::Developer | Job::Support))?;
    let workload = scenario.any_workload(&session);
    let target = &scenario.organisation.workloads[workload];
    let (bucket, region) = (target.bucket.clone(), target.region);
    let on_bucket = |call| step(call).with(Slot::Bucket, bucket.clone()).in_region(region);
    scenario.run(&session, step("s3:ListBuckets").key());
    scenario.pace = (0, 6);
    for _ in 0..scenario.rng.random_range(2..8) {
        scenario.run(&session, on_bucket("s3:ListObjects").key());
    }
    for _ in 0..scenario.rng.random_range(80..280) {
        scenario.run(&session, on_bucket("s3:GetObject").key());
    }
    Some(())
}

/// Reads a few objects per day for many days, with a program's key, from one server in or near the same country.
pub(crate) const SLOW_READ: Kind = Kind {
    name: "slow_read",
    technique: "Objects are read a few a day for many days",
    mitre: &["T1530", "T1029"],
    description: "A program's key from a nearby server, far below the program's own volume.",
    plant: slow_read,
};

fn slow_read(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = scenario.stolen_key(|user| user.last_day.is_none())?;
    let address = one_of(&mut scenario.rng, &[&HOSTING[2], &HOSTING[4], &HOSTING[6]]).address(&mut scenario.rng);
    let session = session
        .used_from(address, "aws-cli/2.13.5 Python/3.11.4 Linux/5.15.0-91-generic exe/x86_64.debian.11 prompt/off");
    let first = scenario.any_day().index;
    scenario.pace = (200, 3_000);
    for index in first..first + scenario.rng.random_range(5..14) {
        if index >= scenario.settings.days {
            break;
        }
        let hour = scenario.rng.random_range(0..16);
        scenario.start_at(Day::new(scenario.settings.start, index), hour);
        scenario.run(&session, step("s3:ListObjects").key());
        for _ in 0..scenario.rng.random_range(4..15) {
            scenario.run(&session, step("s3:GetObject").key());
        }
    }
    Some(())
}

/// A person whose job includes snapshots shares one with an outside account.
pub(crate) const SNAPSHOT_GIVEN_AWAY: Kind = Kind {
    name: "snapshot_given_away",
    technique: "A snapshot is created and shared with an outside account",
    mitre: &["T1537"],
    description: "Two calls by somebody who often creates snapshots, at the usual place.",
    plant: snapshot_given_away,
};

fn snapshot_given_away(scenario: &mut Scenario<'_>) -> Option<()> {
    let outside = account_id(&mut scenario.rng);
    let session = scenario.insider_session(|person| person.job == Job::Data)?;
    scenario.pace = (20, 200);
    if scenario.rng.random_bool(0.5) {
        scenario.run(&session, step("rds:CreateDBSnapshot"));
        scenario.run(&session, step("rds:ModifyDBSnapshotAttribute").with(Slot::Peer, outside).key());
    } else {
        scenario.run(&session, step("ec2:CreateSnapshot"));
        scenario.run(&session, step("ec2:ModifySnapshotAttribute").with(Slot::Peer, outside).key());
    }
    Some(())
}

/// Lets one outside account read a bucket; the bucket stays private otherwise.
pub(crate) const BUCKET_LENT: Kind = Kind {
    name: "bucket_lent",
    technique: "A bucket policy lets an outside account read",
    mitre: &["T1537", "T1530"],
    description: "One policy that names an account and not everyone, from a usual session.",
    plant: bucket_lent,
};

fn bucket_lent(scenario: &mut Scenario<'_>) -> Option<()> {
    let outside = account_id(&mut scenario.rng);
    let session = scenario.insider_session(|person| matches!(person.job, Job::Platform | Job::Data))?;
    scenario.pace = (10, 100);
    let workload = scenario.any_workload(&session);
    let bucket = scenario.organisation.workloads[workload].bucket.clone();
    let on_bucket = |call| step(call).with(Slot::Bucket, bucket.clone());
    scenario.run(&session, on_bucket("s3:GetBucketPolicy"));
    let grantee = format!(r#"{{"AWS":"arn:aws:iam::{outside}:root"}}"#);
    scenario.run(&session, on_bucket("s3:PutBucketPolicy").with(Slot::Grantee, grantee).key());
    Some(())
}
