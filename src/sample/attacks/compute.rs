//! Attacks that spend somebody else's money.

use rand::Rng;
use rand::seq::SliceRandom;

use crate::sample::calls::Slot;
use crate::sample::dice::{hex, one_of};
use crate::sample::incident::{Scene, act};
use crate::sample::organisation::{REGIONS, REGIONS_USED};

/// Big machines where nobody looks.
pub(super) fn instances_elsewhere(scene: &mut Scene<'_>) -> Option<()> {
    let victim = scene.take_key_user(|user| user.rotated.is_none())?;
    let day = scene.weekday();
    let hour = scene.rng.random_range(0..23);
    scene.begin(day, hour);
    let place = scene.server();
    let session = scene.with_key_of(
        victim,
        place,
        "Boto3/1.33.13 md/Botocore#1.33.13 ua/2.0 os/linux#5.10.0-27-amd64 md/arch#x86_64 lang/python#3.9.2",
    );
    scene.pace = (1, 12);
    scene.acts(&session, "sts:GetCallerIdentity ec2:DescribeRegions servicequotas:ListServiceQuotas iam:GetUser");
    let mut regions: Vec<_> = (REGIONS_USED..REGIONS.len()).collect();
    regions.shuffle(&mut scene.rng);
    let count = scene.rng.random_range(2..5);
    for (number, region) in regions.into_iter().take(count).enumerate() {
        for call in ["ec2:DescribeVpcs", "ec2:DescribeSubnets", "ec2:DescribeImages", "ec2:DescribeKeyPairs"] {
            scene.act(&session, act(call).in_region(region));
        }
        let group = format!("sg-{}", hex(&mut scene.rng, 17));
        scene.act(&session, act("ec2:CreateKeyPair").in_region(region));
        scene.act(&session, act("ec2:CreateSecurityGroup").in_region(region));
        let open = act("ec2:AuthorizeSecurityGroupIngress").with(Slot::Cidr, "0.0.0.0/0").with(Slot::Port, "22");
        scene.act(&session, open.with(Slot::Group, group.clone()).in_region(region).key());
        for _ in 0..scene.rng.random_range(1..5) {
            let size = *one_of(&mut scene.rng, &["p3.16xlarge", "g5.48xlarge", "c6i.32xlarge", "p4d.24xlarge"]);
            // The first region's quota is too small for the first try.
            let is_denied = number == 0 && scene.rng.random_bool(0.5);
            let launch = act("ec2:RunInstances").with(Slot::InstanceType, size).with(Slot::CountSmall, "8");
            scene.act(&session, launch.with(Slot::Group, group.clone()).in_region(region).denied_if(is_denied).key());
        }
        scene.act(&session, act("ec2:DescribeInstances").in_region(region));
    }
    Some(())
}
