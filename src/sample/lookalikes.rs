//! The look-alikes: what a good day at work has in common with an attack. One row and one function a kind.
//!
//! Some change the organisation, and the normal days then make the events (a trip, a release); others plant acts of
//! their own. A kind that changes the organisation stands before those that look at somebody's day.

use rand::Rng;

use super::calendar::{Day, HOUR};
use super::calls::Slot;
use super::dice::{Uuid, iam_id, one_of};
use super::identity::{Channel, Origin, Role, Who};
use super::incident::{Kind, Scene, act};
use super::machines;
use super::networks::{OFFICE_ELSEWHERE, VISITS};
use super::organisation::{self, GLOBAL_REGION, KeyUser, Platform, REGIONS, REGIONS_USED, ids};
use super::people::{Adoption, Job, Login, Mark, Person, Trip};

/// All kinds; each happens at least once.
pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "conference_trip",
        technique: "Somebody works from a conference abroad for some days",
        mitre: &[],
        description: "New country, network and hours, but the same second factor and habits, and a day without work on either side.",
        plant: conference_trip,
    },
    Kind {
        name: "new_joiner",
        technique: "A new colleague's first days",
        mitre: &[],
        description: "Everything is done for the first time, from a new address, with the team's role.",
        plant: new_joiner,
    },
    Kind {
        name: "release_day",
        technique: "A pipeline deploys many times in a day",
        mitre: &[],
        description: "Many writes by a usual role with its usual calls in working hours.",
        plant: release_day,
    },
    Kind {
        name: "vpn_exit_moved",
        technique: "The office's VPN leaves in another country from one day on",
        mitre: &[],
        description: "Everybody in one office changes country at once; provider, clients and habits stay.",
        plant: vpn_exit_moved,
    },
    Kind {
        name: "new_service",
        technique: "A team begins to use a service that nobody used before",
        mitre: &[],
        description: "Several colleagues, usual addresses, first calls to a new API, with a few denials.",
        plant: new_service,
    },
    Kind {
        name: "private_vpn",
        technique: "Somebody works through a consumer VPN for some days",
        mitre: &[],
        description: "A rented server's network as the exit, the usual client and habits.",
        plant: private_vpn,
    },
    Kind {
        name: "key_rotation",
        technique: "An administrator rotates the access keys of programs",
        mitre: &[],
        description: "Create, disable and delete in pairs over two days, from the usual place.",
        plant: key_rotation,
    },
    Kind {
        name: "onboarding",
        technique: "An administrator sets new users up",
        mitre: &[],
        description: "Users, login profiles and read-only policies within an hour of work, from the usual place.",
        plant: onboarding,
    },
    Kind {
        name: "responder_sweep",
        technique: "A security engineer reads broadly through an account",
        mitre: &[],
        description: "Many different read calls in all used regions with a few denials, by somebody whose job it is.",
        plant: responder_sweep,
    },
    Kind {
        name: "root_yearly",
        technique: "Root signs in with MFA from the office for the yearly check",
        mitre: &[],
        description: "Worth a note by policy; office address, second factor, no keys made.",
        plant: root_yearly,
    },
    Kind {
        name: "denied_job",
        technique: "A job loses a permission and is denied until somebody repairs it",
        mitre: &[],
        description: "One machine, one call, its usual address, an error every few seconds.",
        plant: denied_job,
    },
    Kind {
        name: "night_repair",
        technique: "An engineer on call repairs production at night",
        mitre: &[],
        description: "Writes at an hour when the person never works, from home, with the usual client.",
        plant: night_repair,
    },
    Kind {
        name: "weekend_repair",
        technique: "Somebody on call works through a Saturday or Sunday",
        mitre: &[],
        description: "Writes on a day when the person never works, from home, with the usual client.",
        plant: weekend_repair,
    },
    Kind {
        name: "bucket_migration",
        technique: "A bucket is copied to another by hand",
        mitre: &[],
        description: "Hundreds of object reads and writes by one person within an hour, at the usual place.",
        plant: bucket_migration,
    },
    Kind {
        name: "recovery_test",
        technique: "A recovery test in a region that is otherwise not used",
        mitre: &[],
        description: "Snapshots restored and machines started where nobody works, by a platform engineer from a usual session.",
        plant: recovery_test,
    },
    Kind {
        name: "auditor_visit",
        technique: "Outside auditors read everything through a new role",
        mitre: &[],
        description: "A caller of another account, a network never seen, broad reads in all regions with denials, for two days.",
        plant: auditor_visit,
    },
    Kind {
        name: "snapshot_lent",
        technique: "A snapshot is shared with another account of the organisation",
        mitre: &[],
        description: "The same call as theft, but to an account of ours.",
        plant: snapshot_lent,
    },
    Kind {
        name: "secret_rotation",
        technique: "Secrets are rotated one after the other",
        mitre: &[],
        description: "Reads and writes of many secrets within an hour from the usual place.",
        plant: secret_rotation,
    },
    Kind {
        name: "service_launch",
        technique: "A new service gets its roles, provider and pipeline",
        mitre: &[],
        description: "CreateRole, policies, an identity provider and keys for encryption by a platform engineer in working hours.",
        plant: service_launch,
    },
    Kind {
        name: "log_cleanup",
        technique: "Old log groups, alarms and rules are cleared away",
        mitre: &[],
        description: "Tens of deletes of what watches, in an account for development.",
        plant: log_cleanup,
    },
    Kind {
        name: "key_retired",
        technique: "An old encryption key is disabled and scheduled for deletion",
        mitre: &[],
        description: "One key, described before, after its service was shut down.",
        plant: key_retired,
    },
    Kind {
        name: "patch_run",
        technique: "A patch is run on all machines",
        mitre: &[],
        description: "SendCommand again and again by somebody who never did, from a usual session.",
        plant: patch_run,
    },
    Kind {
        name: "hotfix_by_hand",
        technique: "A developer replaces a function's code by hand",
        mitre: &[],
        description: "The pipeline is too slow for an emergency.",
        plant: hotfix_by_hand,
    },
    Kind {
        name: "forgotten_password",
        technique: "Somebody types a wrong password many times, then remembers",
        mitre: &[],
        description: "Failures and a success from the usual place.",
        plant: forgotten_password,
    },
    Kind {
        name: "holiday_login",
        technique: "Somebody without MFA signs in from a holiday",
        mitre: &[],
        description: "A new country and no second factor; the usual browser and the usual calls.",
        plant: holiday_login,
    },
    Kind {
        name: "break_glass_drill",
        technique: "The emergency user is tried out",
        mitre: &[],
        description: "A user nobody has seen before signs in with MFA from the office and looks at what it may do.",
        plant: break_glass_drill,
    },
];

/// What somebody reads who wants to know how an account stands.
const SWEEP: &str = "\
        iam:ListUsers iam:ListRoles iam:ListAccessKeys iam:GetAccountAuthorizationDetails \
        iam:GetCredentialReport cloudtrail:LookupEvents cloudtrail:DescribeTrails \
        cloudtrail:GetTrailStatus ec2:DescribeInstances ec2:DescribeSecurityGroups ec2:DescribeSnapshots \
        ec2:DescribeFlowLogs ec2:DescribeNetworkInterfaces s3:ListBuckets s3:GetBucketPolicy \
        s3:GetBucketAcl s3:GetBucketPublicAccessBlock lambda:ListFunctions20150331 \
        lambda:GetPolicy20150331v2 secretsmanager:ListSecrets kms:ListKeys kms:GetKeyPolicy \
        rds:DescribeDBInstances rds:DescribeDBSnapshots guardduty:ListFindings guardduty:GetFindings \
        config:SelectResourceConfig ssm:DescribeInstanceInformation dynamodb:ListTables sqs:ListQueues \
        sns:ListTopics ecr:DescribeRepositories";

fn is_admin(person: &Person) -> bool {
    person.job == Job::Platform && person.trip.is_none()
}

fn conference_trip(scene: &mut Scene<'_>) -> Option<()> {
    let from = scene.weekday().index;
    let traveller = scene.take_person(|person| person.trip.is_none() && person.login == Login::IdentityCenter)?;
    let home = scene.organisation.people[traveller].home.country;
    let network = loop {
        let network = one_of(&mut scene.rng, &VISITS);
        if network.country() != home {
            break network;
        }
    };
    let place = network.address(&mut scene.rng);
    let utc_offset = match place.country {
        "US" => -8,
        "JP" => 9,
        "CH" => 1,
        _ => 0,
    };
    let to = from + scene.rng.random_range(2..5);
    let person = &mut scene.organisation.people[traveller];
    person.trip = Some(Trip { from, to, place, utc_offset });
    person.marks.push(Mark { from, to, incident: scene.number, is_office_only: false });
    Some(())
}

fn new_joiner(scene: &mut Scene<'_>) -> Option<()> {
    let day = scene.weekday().index;
    let joiner = scene.take_person(|person| person.trip.is_none() && person.login == Login::IdentityCenter)?;
    let person = &mut scene.organisation.people[joiner];
    person.joined = day;
    person.marks.push(Mark { from: day, to: day + 3, incident: scene.number, is_office_only: false });
    Some(())
}

fn release_day(scene: &mut Scene<'_>) -> Option<()> {
    let day = scene.weekday().index;
    let pipeline = scene.take_pipeline(|pipeline| pipeline.releases.is_empty())?;
    scene.organisation.pipelines[pipeline].releases.push((day, scene.number));
    Some(())
}

fn vpn_exit_moved(scene: &mut Scene<'_>) -> Option<()> {
    let day = scene.weekday().index;
    // One office does it first, another follows; not all of them within weeks.
    let sites = &scene.organisation.sites;
    if sites.iter().filter(|site| site.moved.is_some()).count() == 2 {
        return None;
    }
    let site = sites.iter().position(|site| site.office.is_some() && site.moved.is_none())?;
    let exit = OFFICE_ELSEWHERE.address(&mut scene.rng);
    scene.organisation.sites[site].moved = Some((day, exit, scene.number));
    let mark = Mark { from: day, to: day + 4, incident: scene.number, is_office_only: true };
    for person in scene.organisation.people.iter_mut().filter(|person| person.site == site) {
        person.marks.push(mark);
    }
    Some(())
}

fn new_service(scene: &mut Scene<'_>) -> Option<()> {
    const SERVICES: [&str; 3] = [
        "\
            bedrock:ListFoundationModels bedrock:InvokeModel bedrock:InvokeModel \
            bedrock:GetFoundationModel",
        "\
            states:ListStateMachines states:CreateStateMachine states:StartExecution \
            states:DescribeExecution",
        "kinesis:ListStreams kinesis:CreateStream kinesis:DescribeStreamSummary kinesis:PutRecords",
    ];
    let from = scene.weekday().index;
    let names = *one_of(&mut scene.rng, &SERVICES);
    let calls = ids(scene.catalogue, names);
    let colleagues: Vec<_> = (0..scene.rng.random_range(2..5))
        .filter_map(|_| scene.take_person(|person| person.job == Job::Developer && person.adoption.is_none()))
        .collect();
    for colleague in &colleagues {
        let adoption = Adoption { from, calls: calls.clone(), incident: scene.number };
        scene.organisation.people[*colleague].adoption = Some(adoption);
    }
    (!colleagues.is_empty()).then_some(())
}

fn key_rotation(scene: &mut Scene<'_>) -> Option<()> {
    // Nobody rotates what nobody uses.
    let is_due = |user: &KeyUser| user.rotated.is_none() && user.last_day.is_none();
    let has_users: Vec<_> = (0..scene.organisation.accounts.len())
        .map(|account| scene.organisation.key_users.iter().any(|user| user.account == account && is_due(user)))
        .collect();
    let mut working = scene.at_work(0, is_admin, |session| has_users[session.account])?;
    let account = working.session.account;
    let users: Vec<_> = (0..scene.organisation.key_users.len())
        .filter(|user| {
            let user = &scene.organisation.key_users[*user];
            user.account == account && is_due(user)
        })
        .take(3)
        .collect();
    if users.is_empty() {
        return None;
    }
    scene.clock = working.middle;
    scene.pace = (10, 90);
    let mut old_keys = Vec::new();
    for user in users {
        let new_key = iam_id("AKIA", &mut scene.rng);
        let it = &mut scene.organisation.key_users[user];
        let name = it.name.clone();
        old_keys.push((name.clone(), it.key.clone()));
        it.rotated = Some((working.day.index + 1, new_key.clone()));
        scene.act(&working.session, act("iam:ListAccessKeys").with(Slot::User, name.clone()));
        scene.act(&working.session, act("iam:CreateAccessKey").with(Slot::User, name).with(Slot::NewKey, new_key));
    }
    // The old keys go with the next working day's session, or at the end of this one.
    let next = Day::new(scene.settings.start, working.day.index + 1);
    if next.index < scene.settings.days
        && let Some(later) = scene.working_on(working.person, next, 0, |session| session.account == account)
    {
        working = later;
    }
    scene.clock = scene.clock.max(working.last);
    for (name, key) in old_keys {
        for call in ["iam:GetAccessKeyLastUsed", "iam:UpdateAccessKey", "iam:DeleteAccessKey"] {
            scene.act(&working.session, act(call).with(Slot::User, name.clone()).with(Slot::OldKey, key.clone()));
        }
    }
    Some(())
}

fn onboarding(scene: &mut Scene<'_>) -> Option<()> {
    const NAMES: [&str; 8] =
        ["alex.stone", "maya.lind", "ravi.das", "zoe.hart", "milan.novak", "tessa.boyd", "karim.aziz", "freya.dahl"];
    let working = scene.at_work(0, is_admin, |_| true)?;
    scene.clock = working.middle;
    scene.pace = (15, 120);
    let first = scene.rng.random_range(0..NAMES.len());
    for number in 0..scene.rng.random_range(2..5) {
        let name = NAMES[(first + number) % NAMES.len()];
        scene.act(&working.session, act("iam:CreateUser").with(Slot::User, name));
        scene.act(&working.session, act("iam:CreateLoginProfile").with(Slot::User, name));
        scene.act(&working.session, act("iam:AddUserToGroup").with(Slot::User, name));
        let policy = "arn:aws:iam::aws:policy/ReadOnlyAccess";
        scene.act(&working.session, act("iam:AttachUserPolicy").with(Slot::User, name).with(Slot::PolicyArn, policy));
    }
    scene.act(&working.session, act("iam:ListUsers"));
    Some(())
}

fn responder_sweep(scene: &mut Scene<'_>) -> Option<()> {
    let is_responder = |person: &Person| person.job == Job::Security;
    let working = scene.at_work(0, is_responder, |_| true).or_else(|| scene.at_work(0, is_admin, |_| true))?;
    scene.clock = working.middle;
    scene.pace = (1, 25);
    for _ in 0..scene.rng.random_range(60..130) {
        let call = scene.one_call(SWEEP);
        let region = scene.rng.random_range(0..REGIONS_USED);
        let is_denied = scene.rng.random_bool(0.06);
        scene.act(&working.session, act(call).in_region(region).denied_if(is_denied));
    }
    Some(())
}

fn root_yearly(scene: &mut Scene<'_>) -> Option<()> {
    let day = scene.weekday();
    let hour = scene.rng.random_range(8..15);
    scene.begin(day, hour);
    let site = &scene.organisation.sites[1];
    let office = match &site.moved {
        Some((from, exit, _)) if day.index >= *from => exit.clone(),
        _ => site.office.clone()?,
    };
    let account = scene.rng.random_range(0..scene.organisation.accounts.len());
    let key = iam_id("ASIA", &mut scene.rng);
    let root = Who::root(&scene.organisation.accounts[account].id, &key, scene.clock, true);
    let browser = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/121.0.0.0 Safari/537.36";
    let page = root.signing_in().at(account, GLOBAL_REGION, office.clone(), browser, Channel::Console);
    scene.act(&page.with(Slot::Mfa, "Yes").with(Slot::Saml, ""), act("signin:ConsoleLogin"));
    let session = root.at(account, GLOBAL_REGION, office, browser, Channel::Console);
    scene.pace = (20, 120);
    scene.acts(
        &session,
        "\
            iam:GetAccountSummary iam:ListMFADevices account:GetContactInformation \
            account:PutContactInformation billing:GetBillingData",
    );
    Some(())
}

fn denied_job(scene: &mut Scene<'_>) -> Option<()> {
    let workload = scene.take_workload(|workload| workload.platform == Platform::Ec2)?;
    let day = scene.weekday();
    let quarter = scene.rng.random_range(0..3);
    let session = machines::machine_session(&scene.world(), workload, 0, day, quarter);
    scene.clock = day.midnight + quarter * 6 * HOUR + scene.rng.random_range(HOUR..4 * HOUR);
    scene.pace = (8, 45);
    let call = scene.one_call("s3:PutObject sqs:SendMessage dynamodb:PutItem");
    for _ in 0..scene.rng.random_range(60..160) {
        scene.act(&session, act(call).denied());
    }
    Some(())
}

fn night_repair(scene: &mut Scene<'_>) -> Option<()> {
    let engineer = scene.take_person(|person| {
        person.job == Job::Platform && person.login == Login::IdentityCenter && person.trip.is_none()
    })?;
    let day = scene.weekday();
    let person = &scene.organisation.people[engineer];
    let (home, browser, cli) = (person.home.clone(), person.browser, person.cli);
    // Two in the morning at home.
    let local = 2 - scene.organisation.sites[person.site].utc_offset;
    scene.begin(day, local);
    let console = scene.sign_in_from(engineer, &home, browser);
    scene.pace = (5, 90);
    scene.acts(
        &console,
        "\
            monitoring:DescribeAlarms ec2:DescribeInstances ec2:DescribeInstanceStatus logs:StartQuery \
            logs:GetQueryResults",
    );
    let session = console.moved(home, cli);
    let repairs = "\
        ec2:RebootInstances ec2:DescribeInstanceStatus elasticloadbalancing:DescribeTargetHealth \
        ssm:StartSession autoscaling:SetDesiredCapacity ssm:PutParameter \
        ec2:AuthorizeSecurityGroupIngress rds:DescribeDBInstances rds:ModifyDBInstance ecs:UpdateService";
    let count = scene.rng.random_range(25..60);
    scene.roam(&session, repairs, count, 0.02);
    Some(())
}

fn weekend_repair(scene: &mut Scene<'_>) -> Option<()> {
    let engineer = scene.take_person(|person| is_admin(person) || person.job == Job::Developer)?;
    let day = scene.weekend();
    let person = &scene.organisation.people[engineer];
    let (home, browser, cli) = (person.home.clone(), person.browser, person.cli);
    let local = 10 - scene.organisation.sites[person.site].utc_offset;
    scene.begin(day, local);
    let console = scene.sign_in_from(engineer, &home, browser);
    scene.pace = (10, 200);
    scene.acts(&console, "monitoring:DescribeAlarms logs:StartQuery logs:GetQueryResults");
    let session = console.moved(home, cli);
    let work = "\
        lambda:UpdateFunctionConfiguration20150331v2 ec2:DescribeInstances logs:FilterLogEvents \
        ecs:UpdateService ssm:PutParameter dynamodb:Query s3:ListObjects autoscaling:SetDesiredCapacity \
        cloudformation:DescribeStackEvents ec2:RebootInstances";
    let count = scene.rng.random_range(20..70);
    scene.roam(&session, work, count, 0.02);
    Some(())
}

fn bucket_migration(scene: &mut Scene<'_>) -> Option<()> {
    let working = scene.at_work(
        60,
        |person| matches!(person.job, Job::Data | Job::Developer),
        |session| session.channel == Channel::Api,
    )?;
    scene.clock = working.middle;
    let workload = scene.a_workload(&working.session);
    let bucket = scene.organisation.workloads[workload].bucket.clone();
    let on_bucket = |call| act(call).with(Slot::Bucket, bucket.clone());
    scene.pace = (0, 8);
    scene.act(&working.session, on_bucket("s3:ListObjects"));
    for _ in 0..scene.rng.random_range(80..300) {
        scene.act(&working.session, on_bucket("s3:GetObject"));
        scene.act(&working.session, act("s3:PutObject"));
    }
    Some(())
}

fn recovery_test(scene: &mut Scene<'_>) -> Option<()> {
    let working = scene.at_work(0, is_admin, |_| true)?;
    scene.clock = working.middle;
    scene.pace = (20, 200);
    let region = scene.rng.random_range(REGIONS_USED..REGIONS.len());
    let steps = "\
        ec2:DescribeVpcs ec2:DescribeSubnets ec2:CopySnapshot ec2:DescribeSnapshots \
        ec2:CreateSecurityGroup rds:RestoreDBInstanceFromDBSnapshot rds:DescribeDBInstances \
        ec2:RunInstances ec2:RunInstances ec2:DescribeInstances ec2:DescribeInstanceStatus \
        ec2:TerminateInstances";
    for call in super::calls::names(steps) {
        scene.act(&working.session, act(call).in_region(region));
    }
    Some(())
}

fn auditor_visit(scene: &mut Scene<'_>) -> Option<()> {
    let day = scene.weekday();
    let account = scene.rng.random_range(0..scene.organisation.accounts.len());
    let account_id = scene.organisation.accounts[account].id.clone();
    let (firm, principal) = (organisation::account_id(&mut scene.rng), iam_id("AIDA", &mut scene.rng));
    let (role_id, place) = (iam_id("AROA", &mut scene.rng), one_of(&mut scene.rng, &VISITS).address(&mut scene.rng));
    let client = scene.client();
    let name = *one_of(&mut scene.rng, &["external-audit", "CloudReview", "compliance-ro", "PartnerReadOnly"]);
    for index in day.index..(day.index + 2).min(scene.settings.days) {
        let hour = scene.rng.random_range(8..14);
        scene.begin(Day::new(scene.settings.start, index), hour);
        let key = iam_id("ASIA", &mut scene.rng);
        let asks = Who::other_account(&firm, &principal)
            .at(account, GLOBAL_REGION, place.clone(), client, Channel::Api)
            .with(Slot::Role, name)
            .with(Slot::RoleId, role_id.clone())
            .with(Slot::Session, "review")
            .with(Slot::SessionKey, key.clone());
        scene.act(&asks, act("sts:AssumeRole"));
        let role = Role { account_id: &account_id, path: "/", name, id: &role_id };
        let session = Who::role_session(role, "review", &key, scene.clock, Origin::Plain).at(
            account,
            GLOBAL_REGION,
            place.clone(),
            client,
            Channel::Api,
        );
        scene.pace = (1, 15);
        for _ in 0..scene.rng.random_range(60..180) {
            let call = scene.one_call(SWEEP);
            let region = scene.rng.random_range(0..REGIONS.len());
            let is_denied = scene.rng.random_bool(0.12);
            scene.act(&session, act(call).in_region(region).denied_if(is_denied));
        }
    }
    Some(())
}

fn snapshot_lent(scene: &mut Scene<'_>) -> Option<()> {
    let working = scene.at_work(0, |person| matches!(person.job, Job::Data | Job::Platform), |_| true)?;
    scene.clock = working.middle;
    let accounts = &scene.organisation.accounts;
    let other = accounts[(working.session.account + 1) % accounts.len()].id.clone();
    let (make, share) = *one_of(
        &mut scene.rng,
        &[
            ("ec2:CreateSnapshot", "ec2:ModifySnapshotAttribute"),
            ("rds:CreateDBSnapshot", "rds:ModifyDBSnapshotAttribute"),
            ("ec2:CreateImage", "ec2:ModifyImageAttribute"),
        ],
    );
    scene.act(&working.session, act(make));
    scene.act(&working.session, act(share).with(Slot::Peer, other));
    Some(())
}

fn secret_rotation(scene: &mut Scene<'_>) -> Option<()> {
    let working = scene.at_work(0, is_admin, |_| true)?;
    scene.clock = working.middle;
    scene.pace = (10, 90);
    let workloads = scene.organisation.accounts[working.session.account].workloads.clone();
    let count = scene.rng.random_range(5..25);
    scene.act(&working.session, act("secretsmanager:ListSecrets"));
    for workload in workloads.into_iter().take(count) {
        let it = &scene.organisation.workloads[workload];
        let (secret, region) = (it.secret.clone(), it.region);
        for call in ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"] {
            scene.act(&working.session, act(call).with(Slot::Secret, secret.clone()).in_region(region));
        }
    }
    Some(())
}

fn service_launch(scene: &mut Scene<'_>) -> Option<()> {
    let working = scene.at_work(0, is_admin, |_| true)?;
    scene.clock = working.middle;
    scene.pace = (10, 120);
    let session = &working.session;
    scene.acts(session, "iam:ListRoles iam:CreateRole");
    let policy = *one_of(&mut scene.rng, &["AmazonS3FullAccess", "PowerUserAccess", "AmazonSQSFullAccess"]);
    scene.act(session, act("iam:AttachRolePolicy").with(Slot::PolicyArn, format!("arn:aws:iam::aws:policy/{policy}")));
    scene.acts(session, "iam:PutRolePolicy kms:CreateKey kms:CreateAlias s3:CreateBucket");
    if scene.rng.random_bool(0.4) {
        let issuer = "token.actions.githubusercontent.com";
        scene.act(session, act("iam:CreateOpenIDConnectProvider").with(Slot::Subject, issuer));
    }
    if scene.rng.random_bool(0.4) {
        let other = scene.organisation.accounts[0].id.clone();
        scene.act(session, act("iam:UpdateAssumeRolePolicy").with(Slot::Peer, other));
    }
    scene.acts(session, "s3:PutBucketPolicy logs:CreateLogGroup monitoring:PutMetricAlarm");
    Some(())
}

fn log_cleanup(scene: &mut Scene<'_>) -> Option<()> {
    let working = scene.at_work(0, |person| matches!(person.job, Job::Platform | Job::Developer), |_| true)?;
    scene.clock = working.middle;
    scene.pace = (2, 30);
    let deletes = "logs:DeleteLogGroup logs:DeleteLogGroup monitoring:DeleteAlarms logs:PutRetentionPolicy";
    scene.acts(&working.session, "logs:DescribeLogGroups monitoring:DescribeAlarms");
    for _ in 0..scene.rng.random_range(4..35) {
        let call = scene.one_call(deletes);
        scene.act(&working.session, act(call).with(Slot::Days, "14"));
    }
    Some(())
}

fn key_retired(scene: &mut Scene<'_>) -> Option<()> {
    let working = scene.at_work(0, is_admin, |_| true)?;
    scene.clock = working.middle;
    scene.pace = (20, 120);
    let key = Uuid::draw(&mut scene.rng).to_string();
    for call in ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:DisableKey", "kms:ScheduleKeyDeletion"] {
        scene.act(&working.session, act(call).with(Slot::Kms, key.clone()));
    }
    Some(())
}

fn patch_run(scene: &mut Scene<'_>) -> Option<()> {
    let working = scene.at_work(0, is_admin, |_| true)?;
    scene.clock = working.middle;
    scene.pace = (3, 40);
    scene.acts(&working.session, "ssm:DescribeInstanceInformation");
    for _ in 0..scene.rng.random_range(4..30) {
        scene.acts(&working.session, "ssm:SendCommand ssm:GetCommandInvocation");
    }
    Some(())
}

fn hotfix_by_hand(scene: &mut Scene<'_>) -> Option<()> {
    let working = scene.at_work(0, |person| person.job == Job::Developer, |_| true)?;
    scene.clock = working.middle;
    scene.pace = (20, 200);
    let workload = scene.a_workload(&working.session);
    let function = scene.organisation.workloads[workload].function.clone();
    for call in [
        "logs:FilterLogEvents",
        "lambda:GetFunction20150331v2",
        "lambda:UpdateFunctionCode20150331v2",
        "lambda:Invoke",
        "logs:FilterLogEvents",
    ] {
        scene.act(&working.session, act(call).with(Slot::Function, function.clone()));
    }
    Some(())
}

fn forgotten_password(scene: &mut Scene<'_>) -> Option<()> {
    let person = scene.take_person(|person| person.login != Login::IdentityCenter)?;
    let day = scene.weekday();
    let it = &scene.organisation.people[person];
    let (home, browser) = (it.home.clone(), it.browser);
    let local = 9 - scene.organisation.sites[it.site].utc_offset;
    scene.begin(day, local);
    scene.pace = (6, 40);
    let page = scene.sign_in_page(person, &home, browser);
    for _ in 0..scene.rng.random_range(4..11) {
        scene.act(&page, act("signin:ConsoleLogin").denied());
    }
    let session = scene.sign_in_from(person, &home, browser);
    scene.acts(&session, "health:DescribeEventAggregates");
    Some(())
}

fn holiday_login(scene: &mut Scene<'_>) -> Option<()> {
    let person = scene.take_person(|person| person.login != Login::IdentityCenter)?;
    let day = scene.any_day();
    let (place, browser) =
        (one_of(&mut scene.rng, &VISITS).address(&mut scene.rng), scene.organisation.people[person].browser);
    let hour = scene.rng.random_range(6..21);
    scene.begin(day, hour);
    let session = scene.sign_in_from(person, &place, browser);
    scene.pace = (10, 120);
    let looks =
        "health:DescribeEventAggregates logs:StartQuery logs:GetQueryResults monitoring:GetMetricData s3:ListBuckets";
    let count = scene.rng.random_range(3..15);
    scene.roam(&session, looks, count, 0.02);
    Some(())
}

fn private_vpn(scene: &mut Scene<'_>) -> Option<()> {
    let from = scene.weekday().index;
    let person = scene.take_person(|person| person.trip.is_none())?;
    let place = scene.server();
    let to = from + scene.rng.random_range(1..6);
    let it = &mut scene.organisation.people[person];
    let utc_offset = scene.organisation.sites[it.site].utc_offset;
    it.trip = Some(Trip { from, to, place, utc_offset });
    it.marks.push(Mark { from, to, incident: scene.number, is_office_only: false });
    Some(())
}

fn break_glass_drill(scene: &mut Scene<'_>) -> Option<()> {
    let day = scene.weekday();
    let hour = scene.rng.random_range(8..15);
    scene.begin(day, hour);
    let office = scene.organisation.sites[0].office.clone()?;
    let account = scene.rng.random_range(0..scene.organisation.accounts.len());
    let key = iam_id("ASIA", &mut scene.rng);
    let id = iam_id("AIDA", &mut scene.rng);
    let account_id = scene.organisation.accounts[account].id.clone();
    let name = *one_of(&mut scene.rng, &["emergency-1", "break-glass", "admin-fallback", "ops-recovery"]);
    let who = Who::iam_user(&account_id, &id, name, &key, Some((scene.clock, true)));
    let browser = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/121.0.0.0 Safari/537.36";
    let page = who.signing_in().at(account, GLOBAL_REGION, office.clone(), browser, Channel::Console);
    scene.act(&page.with(Slot::Mfa, "Yes").with(Slot::Saml, ""), act("signin:ConsoleLogin"));
    let session = who.at(account, GLOBAL_REGION, office, browser, Channel::Console);
    scene.pace = (10, 90);
    scene.acts(
        &session,
        "\
            iam:GetAccountSummary iam:ListUsers iam:ListRoles ec2:DescribeInstances s3:ListBuckets \
            cloudtrail:DescribeTrails iam:CreateRole organizations:DescribeOrganization",
    );
    Some(())
}
