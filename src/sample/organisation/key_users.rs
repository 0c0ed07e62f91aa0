//! IAM users with a long-lived access key, and the programs that use them.

use rand::Rng;

use crate::sample::cloudtrail::calls::{CallId, Catalogue};
use crate::sample::networks::{self, Address};
use crate::sample::organisation::sites::Site;
use crate::sample::organisation::workloads::Workload;
use crate::sample::random::iam_id;

/// An IAM user of a program, with a long-lived access key.
pub(crate) struct KeyUser {
    /// Index of its account.
    pub(crate) account: usize,
    /// Index of the region of its calls.
    pub(crate) region: usize,
    /// User name.
    pub(crate) name: String,
    /// User id (`AIDA...`).
    pub(crate) id: String,
    /// Access key id.
    pub(crate) key: String,
    /// Another key replaces it from this day on.
    pub(crate) rotated: Option<(u32, String)>,
    /// Index of the workload whose resources it uses.
    pub(crate) workload: usize,
    /// Where the program runs.
    pub(crate) address: Address,
    /// Its user agent.
    pub(crate) agent: &'static str,
    /// Runs at night.
    pub(crate) is_nightly: bool,
    /// The last day of use; after that the key still exists but nothing uses it.
    pub(crate) last_day: Option<u32>,
    /// Its usual calls with their weights.
    pub(crate) usual_calls: Vec<(CallId, f64)>,
}

impl KeyUser {
    /// The access key on that day.
    pub(crate) fn key_on(&self, day: u32) -> &str {
        match &self.rotated {
            Some((from, key)) if day >= *from => key,
            _ => &self.key,
        }
    }
}

/// Creates `count` users, cycling through `PROGRAMS`.
pub(crate) fn create_key_users(
    rng: &mut impl Rng,
    catalogue: &mut Catalogue,
    sites: &[Site],
    workloads: &[Workload],
    count: usize,
    days: u32,
) -> Vec<KeyUser> {
    (0..count)
        .map(|index| {
            let Program { user, agent, is_nightly, calls } = &PROGRAMS[index % PROGRAMS.len()];
            let workload = if rng.random_bool(0.6) { 0 } else { rng.random_range(0..workloads.len()) };
            let round = index / PROGRAMS.len();
            // Every fourth user is abandoned: last used in the first days of the sample.
            let last_day = (index % 4 == 3).then(|| rng.random_range(0..=days / 5));
            let office = sites.iter().filter_map(|site| site.office.clone()).nth(index % 4);
            KeyUser {
                account: workloads[workload].account,
                region: workloads[workload].region,
                name: if round == 0 { (*user).to_owned() } else { format!("{user}-{round}") },
                id: iam_id("AIDA", rng),
                key: iam_id("AKIA", rng),
                rotated: None,
                workload,
                // Partners call from a hosting provider, the others from an office.
                address: match office {
                    Some(office) if *user != "partner-upload" => office,
                    _ => networks::HOSTING[5].address(rng),
                },
                agent,
                is_nightly: *is_nightly,
                last_day,
                usual_calls: calls.iter().map(|(name, weight)| (catalogue.id(name), *weight)).collect(),
            }
        })
        .collect()
}

/// What a program with an access key does.
struct Program {
    user: &'static str,
    agent: &'static str,
    is_nightly: bool,
    calls: &'static [(&'static str, f64)],
}

static PROGRAMS: [Program; 6] = [
    Program {
        user: "svc-backup",
        agent: "aws-cli/2.13.5 Python/3.11.4 Linux/5.15.0-91-generic exe/x86_64.debian.11 prompt/off command/s3.sync",
        is_nightly: true,
        calls: &[
            ("s3:ListObjects", 4.0),
            ("s3:GetObject", 10.0),
            ("s3:PutObject", 8.0),
            ("ec2:DescribeVolumes", 1.0),
            ("ec2:CreateSnapshot", 1.0),
            ("ec2:DescribeSnapshots", 1.0),
        ],
    },
    Program {
        user: "svc-reporting",
        agent: "Boto3/1.28.85 md/Botocore#1.31.85 ua/2.0 os/linux#5.15.0-91-generic md/arch#x86_64 lang/python#3.10.12",
        is_nightly: true,
        calls: &[
            ("s3:GetObject", 8.0),
            ("athena:StartQueryExecution", 2.0),
            ("athena:GetQueryExecution", 5.0),
            ("glue:GetTable", 1.0),
        ],
    },
    Program {
        user: "svc-metrics",
        agent: "aws-sdk-go/1.49.21 (go1.21.5; linux; amd64)",
        is_nightly: false,
        calls: &[("monitoring:GetMetricData", 8.0), ("monitoring:ListMetrics", 3.0), ("ec2:DescribeInstances", 2.0)],
    },
    Program {
        user: "partner-upload",
        agent: "aws-sdk-java/1.12.638 Linux/4.18.0-513.el8.x86_64 OpenJDK_64-Bit_Server_VM/11.0.22+7-LTS",
        is_nightly: false,
        calls: &[("s3:PutObject", 10.0), ("s3:ListObjects", 2.0)],
    },
    Program {
        user: "legacy-cms",
        agent: "aws-sdk-php/3.298.1 OS/Linux#4.19.0 lang/php#7.4.33 GuzzleHttp/7",
        is_nightly: false,
        calls: &[("s3:GetObject", 9.0), ("s3:PutObject", 3.0), ("s3:HeadObject", 4.0), ("s3:DeleteObject", 1.0)],
    },
    Program {
        user: "svc-ops",
        agent: "aws-cli/1.29.62 Python/3.9.16 Linux/5.14.0-362.el9.x86_64 botocore/1.31.62",
        is_nightly: false,
        calls: &[
            ("ec2:DescribeInstances", 5.0),
            ("ec2:DescribeInstanceStatus", 3.0),
            ("ssm:GetParameter", 3.0),
            ("sqs:GetQueueAttributes", 3.0),
            ("rds:DescribeDBInstances", 2.0),
        ],
    },
];
