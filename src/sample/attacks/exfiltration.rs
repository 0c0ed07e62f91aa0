//! Attacks that carry data out.

use rand::Rng;

use crate::sample::calls::Slot;
use crate::sample::dice::hex;
use crate::sample::incident::{Scene, act};
use crate::sample::machines;
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
