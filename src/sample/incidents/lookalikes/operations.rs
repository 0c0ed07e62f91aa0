//! Benign operations: deployments, repairs, migrations.

use rand::Rng;

use crate::sample::calendar::HOUR;
use crate::sample::cloudtrail::calls::call_names;
use crate::sample::cloudtrail::identity::Channel;
use crate::sample::cloudtrail::template::Slot;
use crate::sample::incidents::kind::Kind;
use crate::sample::incidents::scenario::{Scenario, step};
use crate::sample::organisation::jobs::Job;
use crate::sample::organisation::people::{Adoption, Person};
use crate::sample::organisation::regions::{REGION_COUNT, REGIONS_USED};
use crate::sample::organisation::workloads::Platform;
use crate::sample::random::one_of;
use crate::sample::traffic::workloads::machine_session;

/// A pipeline deploys many times on one day.
pub(crate) const RELEASE_DAY: Kind = Kind {
    name: "release_day",
    technique: "A pipeline deploys many times in a day",
    mitre: &[],
    description: "Many writes by a usual role with its usual calls in working hours.",
    plant: release_day,
};

fn release_day(scenario: &mut Scenario<'_>) -> Option<()> {
    let day = scenario.weekday().index;
    let pipeline = scenario.take_pipeline(|pipeline| pipeline.releases.is_empty())?;
    scenario.organisation.pipelines[pipeline].releases.push((day, scenario.number));
    Some(())
}

/// Several developers start to use a service that is new to the organisation.
pub(crate) const NEW_SERVICE: Kind = Kind {
    name: "new_service",
    technique: "A team begins to use a service that nobody used before",
    mitre: &[],
    description: "Several colleagues, usual addresses, first calls to a new API, with a few denials.",
    plant: new_service,
};

fn new_service(scenario: &mut Scenario<'_>) -> Option<()> {
    const SERVICES: [&str; 3] = [
        "\
            bedrock:ListFoundationModels bedrock:InvokeModel bedrock:InvokeModel \
            bedrock:GetFoundationModel",
        "\
            states:ListStateMachines states:CreateStateMachine states:StartExecution \
            states:DescribeExecution",
        "kinesis:ListStreams kinesis:CreateStream kinesis:DescribeStreamSummary kinesis:PutRecords",
    ];
    let from = scenario.weekday().index;
    let names = *one_of(&mut scenario.rng, &SERVICES);
    let calls = scenario.catalogue.ids(names);
    let colleagues: Vec<_> = (0..scenario.rng.random_range(2..5))
        .filter_map(|_| scenario.take_person(|person| person.job == Job::Developer && person.adoption.is_none()))
        .collect();
    for colleague in &colleagues {
        let adoption = Adoption { from, calls: calls.clone(), incident: scenario.number };
        scenario.organisation.people[*colleague].adoption = Some(adoption);
    }
    (!colleagues.is_empty()).then_some(())
}

/// A job is denied every few seconds until its permission is repaired.
pub(crate) const DENIED_JOB: Kind = Kind {
    name: "denied_job",
    technique: "A job loses a permission and is denied until somebody restores it",
    mitre: &[],
    description: "One machine, one call, its usual address, an error every few seconds.",
    plant: denied_job,
};

fn denied_job(scenario: &mut Scenario<'_>) -> Option<()> {
    let workload = scenario.take_workload(|workload| workload.platform == Platform::Ec2)?;
    let day = scenario.weekday();
    let quarter = scenario.rng.random_range(0..3);
    let session = machine_session(&scenario.world(), workload, 0, day, quarter);
    scenario.clock = day.midnight + quarter * 6 * HOUR + scenario.rng.random_range(HOUR..4 * HOUR);
    scenario.pace = (8, 45);
    let call = scenario.any_call("s3:PutObject sqs:SendMessage dynamodb:PutItem");
    for _ in 0..scenario.rng.random_range(60..160) {
        scenario.run(&session, step(call).denied());
    }
    Some(())
}

/// An engineer on call repairs production at night from home.
pub(crate) const NIGHT_REPAIR: Kind = Kind {
    name: "night_repair",
    technique: "An engineer on call repairs production at night",
    mitre: &[],
    description: "Writes at an hour when the person never works, from home, with the usual client.",
    plant: night_repair,
};

fn night_repair(scenario: &mut Scenario<'_>) -> Option<()> {
    let is_usual = scenario.usual_login();
    let engineer =
        scenario.take_person(|person| person.job == Job::Platform && is_usual(person) && person.trip.is_none())?;
    let day = scenario.weekday();
    let person = &scenario.organisation.people[engineer];
    let (home, browser, cli) = (scenario.home_of(engineer, day), person.browser, person.cli);
    // 02:00 local time.
    let local = 2 - scenario.organisation.sites[person.site].utc_offset;
    scenario.start_at(day, local);
    let console = scenario.sign_in_from(engineer, &home, browser);
    scenario.pace = (5, 90);
    scenario.run_all(
        &console,
        "\
            monitoring:DescribeAlarms ec2:DescribeInstances ec2:DescribeInstanceStatus logs:StartQuery \
            logs:GetQueryResults",
    );
    let session = console.used_from(home, cli);
    let repairs = "\
        ec2:RebootInstances ec2:DescribeInstanceStatus elasticloadbalancing:DescribeTargetHealth \
        ssm:StartSession autoscaling:SetDesiredCapacity ssm:PutParameter \
        ec2:AuthorizeSecurityGroupIngress rds:DescribeDBInstances rds:ModifyDBInstance ecs:UpdateService";
    let count = scenario.rng.random_range(25..60);
    scenario.run_random(&session, repairs, count, 0.02);
    Some(())
}

/// An engineer on call works at a weekend from home.
pub(crate) const WEEKEND_REPAIR: Kind = Kind {
    name: "weekend_repair",
    technique: "Somebody on call works through a Saturday or Sunday",
    mitre: &[],
    description: "Writes on a day when the person never works, from home, with the usual client.",
    plant: weekend_repair,
};

fn weekend_repair(scenario: &mut Scenario<'_>) -> Option<()> {
    let engineer = scenario.take_person(|person| is_admin(person) || person.job == Job::Developer)?;
    let day = scenario.weekend();
    let person = &scenario.organisation.people[engineer];
    let (home, browser, cli) = (scenario.home_of(engineer, day), person.browser, person.cli);
    let local = 10 - scenario.organisation.sites[person.site].utc_offset;
    scenario.start_at(day, local);
    let console = scenario.sign_in_from(engineer, &home, browser);
    scenario.pace = (10, 200);
    scenario.run_all(&console, "monitoring:DescribeAlarms logs:StartQuery logs:GetQueryResults");
    let session = console.used_from(home, cli);
    let work = "\
        lambda:UpdateFunctionConfiguration20150331v2 ec2:DescribeInstances logs:FilterLogEvents \
        ecs:UpdateService ssm:PutParameter dynamodb:Query s3:ListObjects autoscaling:SetDesiredCapacity \
        cloudformation:DescribeStackEvents ec2:RebootInstances";
    let count = scenario.rng.random_range(20..70);
    scenario.run_random(&session, work, count, 0.02);
    Some(())
}

/// A person copies a bucket object by object.
pub(crate) const BUCKET_MIGRATION: Kind = Kind {
    name: "bucket_migration",
    technique: "A bucket is copied to another manually",
    mitre: &[],
    description: "Hundreds of object reads and writes by one person within an hour, at the usual place.",
    plant: bucket_migration,
};

fn bucket_migration(scenario: &mut Scenario<'_>) -> Option<()> {
    let work = scenario.during_work(
        60,
        |person| matches!(person.job, Job::Data | Job::Developer),
        |session| session.channel == Channel::Api,
    )?;
    scenario.clock = work.middle;
    let workload = scenario.any_workload(&work.session);
    let bucket = scenario.organisation.workloads[workload].bucket.clone();
    let on_bucket = |call| step(call).with(Slot::Bucket, bucket.clone());
    scenario.pace = (0, 8);
    scenario.run(&work.session, on_bucket("s3:ListObjects"));
    for _ in 0..scenario.rng.random_range(80..300) {
        scenario.run(&work.session, on_bucket("s3:GetObject"));
        scenario.run(&work.session, step("s3:PutObject"));
    }
    Some(())
}

/// A platform engineer restores snapshots and starts machines in an unused region.
pub(crate) const RECOVERY_TEST: Kind = Kind {
    name: "recovery_test",
    technique: "A recovery test in a region that is otherwise not used",
    mitre: &[],
    description: "Snapshots restored and machines started where nobody works, by a platform engineer from a usual session.",
    plant: recovery_test,
};

fn recovery_test(scenario: &mut Scenario<'_>) -> Option<()> {
    let work = scenario.during_work(0, is_admin, |_| true)?;
    scenario.clock = work.middle;
    scenario.pace = (20, 200);
    let region = scenario.rng.random_range(REGIONS_USED..REGION_COUNT);
    let steps = "\
        ec2:DescribeVpcs ec2:DescribeSubnets ec2:CopySnapshot ec2:DescribeSnapshots \
        ec2:CreateSecurityGroup rds:RestoreDBInstanceFromDBSnapshot rds:DescribeDBInstances \
        ec2:RunInstances ec2:RunInstances ec2:DescribeInstances ec2:DescribeInstanceStatus \
        ec2:TerminateInstances";
    for call in call_names(steps) {
        scenario.run(&work.session, step(call).in_region(region));
    }
    Some(())
}

/// A snapshot is shared with another account of the organisation.
pub(crate) const SNAPSHOT_LENT: Kind = Kind {
    name: "snapshot_lent",
    technique: "A snapshot is shared with another account of the organisation",
    mitre: &[],
    description: "The same call as in a theft, but for an account of the organisation.",
    plant: snapshot_lent,
};

fn snapshot_lent(scenario: &mut Scenario<'_>) -> Option<()> {
    let work = scenario.during_work(0, |person| matches!(person.job, Job::Data | Job::Platform), |_| true)?;
    scenario.clock = work.middle;
    let accounts = &scenario.organisation.accounts;
    let other = accounts[(work.session.account + 1) % accounts.len()].id.clone();
    let (make, share) = *one_of(
        &mut scenario.rng,
        &[
            ("ec2:CreateSnapshot", "ec2:ModifySnapshotAttribute"),
            ("rds:CreateDBSnapshot", "rds:ModifyDBSnapshotAttribute"),
            ("ec2:CreateImage", "ec2:ModifyImageAttribute"),
        ],
    );
    scenario.run(&work.session, step(make));
    scenario.run(&work.session, step(share).with(Slot::Peer, other));
    Some(())
}

/// A platform engineer sends commands to all machines.
pub(crate) const PATCH_RUN: Kind = Kind {
    name: "patch_run",
    technique: "A patch is run on all machines",
    mitre: &[],
    description: "Repeated SendCommand by somebody who never used it before, from a usual session.",
    plant: patch_run,
};

fn patch_run(scenario: &mut Scenario<'_>) -> Option<()> {
    let work = scenario.during_work(0, is_admin, |_| true)?;
    scenario.clock = work.middle;
    scenario.pace = (3, 40);
    scenario.run_all(&work.session, "ssm:DescribeInstanceInformation");
    for _ in 0..scenario.rng.random_range(4..30) {
        scenario.run_all(&work.session, "ssm:SendCommand ssm:GetCommandInvocation");
    }
    Some(())
}

/// A developer replaces a function's code without the pipeline.
pub(crate) const HOTFIX_BY_HAND: Kind = Kind {
    name: "hotfix_by_hand",
    technique: "A developer replaces a function's code manually",
    mitre: &[],
    description: "The pipeline is too slow for an emergency.",
    plant: hotfix_by_hand,
};

fn hotfix_by_hand(scenario: &mut Scenario<'_>) -> Option<()> {
    let work = scenario.during_work(0, |person| person.job == Job::Developer, |_| true)?;
    scenario.clock = work.middle;
    scenario.pace = (20, 200);
    let workload = scenario.any_workload(&work.session);
    let function = scenario.organisation.workloads[workload].function.clone();
    for call in [
        "logs:FilterLogEvents",
        "lambda:GetFunction20150331v2",
        "lambda:UpdateFunctionCode20150331v2",
        "lambda:Invoke",
        "logs:FilterLogEvents",
    ] {
        scenario.run(&work.session, step(call).with(Slot::Function, function.clone()));
    }
    Some(())
}

fn is_admin(person: &Person) -> bool {
    person.job == Job::Platform && person.trip.is_none()
}
