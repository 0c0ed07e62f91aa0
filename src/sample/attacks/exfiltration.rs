//! Attacks that carry data out.

use rand::Rng;

use crate::sample::calendar::Day;
use crate::sample::calls::Slot;
use crate::sample::dice::{hex, one_of};
use crate::sample::incident::{Scene, act};
use crate::sample::machines;
use crate::sample::networks::HOSTING;
use crate::sample::organisation::{Platform, account_id};
use crate::sample::people::{Job, Login};

/// Nothing is read; it is only shared.
pub(super) fn shared_outside(scene: &mut Scene<'_>) -> Option<()> {
    let outside = account_id(&mut scene.rng);
    let victim = scene.take_person(|person| {
        person.job == Job::Data && person.login == Login::IdentityCenter && person.trip.is_none()
    })?;
    let day = scene.weekday();
    let hour = scene.rng.random_range(0..23);
    scene.begin(day, hour);
    let place = scene.server();
    let browser = scene.organisation.people[victim].browser;
    let session = scene.sign_in_from(victim, &place, browser);
    scene.pace = (8, 120);
    let snapshot = format!("snap-{}", hex(&mut scene.rng, 17));
    scene.acts(
        &session,
        "\
            ec2:DescribeVolumes ec2:DescribeSnapshots ec2:DescribeImages rds:DescribeDBSnapshots \
            s3:ListBuckets",
    );
    scene.act(&session, act("ec2:CreateSnapshot"));
    let share = |call| act(call).with(Slot::Peer, outside.clone());
    scene.act(&session, share("ec2:ModifySnapshotAttribute").with(Slot::Snapshot, snapshot).key());
    scene.act(&session, act("ec2:CreateImage"));
    scene.act(&session, share("ec2:ModifyImageAttribute").key());
    if scene.rng.random_bool(0.6) {
        scene.act(&session, share("rds:ModifyDBSnapshotAttribute").key());
    }
    let workloads = &scene.organisation.accounts[session.account].workloads;
    let workload = workloads[scene.rng.random_range(0..workloads.len())];
    let bucket = scene.organisation.workloads[workload].bucket.clone();
    let on_bucket = |call| act(call).with(Slot::Bucket, bucket.clone());
    scene.act(&session, on_bucket("s3:GetBucketPublicAccessBlock"));
    scene.act(&session, on_bucket("s3:PutBucketPolicy").with(Slot::Grantee, r#""*""#).denied().key());
    scene.act(&session, on_bucket("s3:PutBucketPublicAccessBlock").with(Slot::Locked, "false").key());
    scene.act(&session, on_bucket("s3:PutBucketPolicy").with(Slot::Grantee, r#""*""#).key());
    scene.act(&session, on_bucket("s3:GetBucketPolicyStatus"));
    Some(())
}

/// A server's credentials leave the server.
pub(super) fn instance_credentials_abroad(scene: &mut Scene<'_>) -> Option<()> {
    let victim = scene.take_workload(|workload| workload.platform == Platform::Ec2 && !workload.is_nightly)?;
    let day = scene.weekday();
    let quarter = scene.rng.random_range(0..4);
    let machine = scene.rng.random_range(0..scene.organisation.workloads[victim].instances.len());
    let own = machines::machine_session(&scene.world(), victim, machine, day, quarter);
    let place = scene.server();
    let session =
        own.moved(place, "aws-cli/2.15.21 Python/3.11.6 Linux/6.5.0-18-generic exe/x86_64.ubuntu.22 prompt/off");
    let hour = quarter * 6 + scene.rng.random_range(1..5);
    scene.begin(day, hour);
    scene.act(&session, act("sts:GetCallerIdentity").key());
    scene.act(&session, act("s3:ListBuckets").denied().key());
    scene.act(&session, act("iam:ListRoles").denied());
    for _ in 0..scene.rng.random_range(2..6) {
        scene.act(&session, act("s3:ListObjects").key());
    }
    scene.pace = (0, 5);
    for number in 0..scene.rng.random_range(190..285) {
        let read = act("s3:GetObject");
        scene.act(&session, if number < 12 { read.key() } else { read });
    }
    Some(())
}

/// Object after object, with a colleague's session.
pub(super) fn bucket_drained(scene: &mut Scene<'_>) -> Option<()> {
    let session = scene.stolen_session(|person| matches!(person.job, Job::Data | Job::Developer | Job::Support))?;
    let workload = scene.a_workload(&session);
    let it = &scene.organisation.workloads[workload];
    let (bucket, region) = (it.bucket.clone(), it.region);
    let on_bucket = |call| act(call).with(Slot::Bucket, bucket.clone()).in_region(region);
    scene.act(&session, act("s3:ListBuckets").key());
    scene.pace = (0, 6);
    for _ in 0..scene.rng.random_range(2..8) {
        scene.act(&session, on_bucket("s3:ListObjects").key());
    }
    for _ in 0..scene.rng.random_range(80..280) {
        scene.act(&session, on_bucket("s3:GetObject").key());
    }
    Some(())
}

/// A few objects a day for many days, with a program's key, from one server in the same country or next to it.
pub(super) fn slow_read(scene: &mut Scene<'_>) -> Option<()> {
    let session = scene.stolen_key(|user| user.last_day.is_none())?;
    let place = one_of(&mut scene.rng, &[&HOSTING[2], &HOSTING[4], &HOSTING[6]]).address(&mut scene.rng);
    let session =
        session.moved(place, "aws-cli/2.13.5 Python/3.11.4 Linux/5.15.0-91-generic exe/x86_64.debian.11 prompt/off");
    let first = scene.any_day().index;
    scene.pace = (200, 3_000);
    for index in first..first + scene.rng.random_range(5..14) {
        if index >= scene.settings.days {
            break;
        }
        let hour = scene.rng.random_range(0..16);
        scene.begin(Day::new(scene.settings.start, index), hour);
        scene.act(&session, act("s3:ListObjects").key());
        for _ in 0..scene.rng.random_range(4..15) {
            scene.act(&session, act("s3:GetObject").key());
        }
    }
    Some(())
}

/// A snapshot made and handed to another account by somebody whose work it is to make them.
pub(super) fn snapshot_given_away(scene: &mut Scene<'_>) -> Option<()> {
    let outside = account_id(&mut scene.rng);
    let session = scene.own_session(|person| person.job == Job::Data)?;
    scene.pace = (20, 200);
    if scene.rng.random_bool(0.5) {
        scene.act(&session, act("rds:CreateDBSnapshot"));
        scene.act(&session, act("rds:ModifyDBSnapshotAttribute").with(Slot::Peer, outside).key());
    } else {
        scene.act(&session, act("ec2:CreateSnapshot"));
        scene.act(&session, act("ec2:ModifySnapshotAttribute").with(Slot::Peer, outside).key());
    }
    Some(())
}

/// A bucket's policy names an outside account; everything else stays closed.
pub(super) fn bucket_lent(scene: &mut Scene<'_>) -> Option<()> {
    let outside = account_id(&mut scene.rng);
    let session = scene.own_session(|person| matches!(person.job, Job::Platform | Job::Data))?;
    scene.pace = (10, 100);
    let workload = scene.a_workload(&session);
    let bucket = scene.organisation.workloads[workload].bucket.clone();
    let on_bucket = |call| act(call).with(Slot::Bucket, bucket.clone());
    scene.act(&session, on_bucket("s3:GetBucketPolicy"));
    let grantee = format!(r#"{{"AWS":"arn:aws:iam::{outside}:root"}}"#);
    scene.act(&session, on_bucket("s3:PutBucketPolicy").with(Slot::Grantee, grantee).key());
    Some(())
}
