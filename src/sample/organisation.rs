//! The made-up organisation: accounts, offices, workloads, pipelines, users with keys, partners.
//!
//! In: the settings. Out: an `Organisation`, the same for the same settings. Look-alikes change it before the days are
//! made (somebody joins, a VPN moves); after that it stays as it is.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::SampleSettings;
use super::calls::{CallId, Catalogue};
use super::dice::{Purpose, hex, iam_id, one_of, push_digits, stream};
use super::networks::{self, Address, Network};
use super::people::{self, Person};

/// Regions by index. The organisation works in the first four; nobody there has a reason to call the others.
pub(super) const REGIONS: [&str; 15] = [
    "eu-central-1",
    "us-east-1",
    "eu-west-1",
    "us-west-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "ap-south-1",
    "sa-east-1",
    "us-east-2",
    "us-west-1",
    "ca-central-1",
    "eu-north-1",
    "eu-west-2",
    "ap-northeast-2",
];
/// Where most workloads are.
pub(super) const HOME_REGION: usize = 0;
/// Where global services log.
pub(super) const GLOBAL_REGION: usize = 1;
/// How many of the regions are in use.
pub(super) const REGIONS_USED: usize = 4;

const ACCOUNT_NAMES: [&str; 8] = ["prod", "dev", "security", "data", "staging", "shared", "sandbox", "edge"];
const COMPANIES: [&str; 8] =
    ["nordhafen", "birkwald", "lumafield", "tidewright", "corvella", "ostmark-labs", "meridium", "halvorsen"];
const SERVICES: [&str; 24] = [
    "orders",
    "billing",
    "catalog",
    "search",
    "checkout",
    "shipping",
    "profile",
    "media",
    "pricing",
    "ledger",
    "notify",
    "reports",
    "ingest",
    "gateway",
    "sessions",
    "recommend",
    "stock",
    "returns",
    "fraud",
    "partners",
    "export",
    "invoices",
    "tracking",
    "loyalty",
];

/// An AWS account.
pub(super) struct Account {
    /// Twelve digits.
    pub(super) id: String,
    pub(super) name: String,
    /// Outgoing address for each used region.
    pub(super) nat: Vec<Address>,
    pub(super) vpc: String,
    pub(super) endpoint: String,
    pub(super) trail: String,
    pub(super) detector: String,
    pub(super) log_bucket: String,
    /// Role ids of the service-linked roles, in the order of `machines::LINKED_ROLES`.
    pub(super) linked_role_ids: Vec<String>,
    /// Indices into `Organisation::workloads`.
    pub(super) workloads: Vec<usize>,
    /// Names of the IAM users.
    pub(super) users: Vec<String>,
    /// The role ids of what partners and auditors assume.
    pub(super) vendor_role_id: String,
    pub(super) audit_role_id: String,
}

/// What a workload runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Platform {
    Ec2,
    Lambda,
    Ecs,
    /// Pods with a web identity.
    Eks,
}

/// A service of the company, with the resources it owns.
pub(super) struct Workload {
    pub(super) account: usize,
    pub(super) region: usize,
    pub(super) platform: Platform,
    pub(super) service: String,
    pub(super) role: String,
    pub(super) role_id: String,
    pub(super) bucket: String,
    pub(super) table: String,
    pub(super) function: String,
    pub(super) secret: String,
    pub(super) queue: String,
    pub(super) repo: String,
    pub(super) stack: String,
    pub(super) database: String,
    pub(super) cluster: String,
    pub(super) policy: String,
    pub(super) kms: String,
    pub(super) group: String,
    pub(super) subnet: String,
    pub(super) instances: Vec<String>,
    /// Calls through a VPC endpoint where there is one (S3, DynamoDB).
    pub(super) has_endpoint: bool,
    /// Runs at night instead of by customers' demand.
    pub(super) is_nightly: bool,
    pub(super) agent: &'static str,
    /// Share of the machines' traffic, relative to the other workloads.
    pub(super) weight: f64,
    /// What it calls, how often.
    pub(super) habits: Vec<(CallId, f64)>,
    /// From a day on, with a release, it calls something more.
    pub(super) adoption: Option<(u32, CallId)>,
}

/// A build pipeline that deploys one workload.
pub(super) struct Pipeline {
    pub(super) workload: usize,
    pub(super) role: String,
    pub(super) role_id: String,
    pub(super) subject: String,
    pub(super) agent: &'static str,
    /// Days with many deployments, and the incident that says so.
    pub(super) releases: Vec<(u32, u16)>,
    pub(super) steps: Vec<CallId>,
    /// From a day on there is one more step.
    pub(super) added_step: Option<(u32, CallId)>,
    /// What CloudFormation then calls on the pipeline's behalf.
    pub(super) on_behalf: Vec<CallId>,
}

/// An IAM user that programs use, with a long-lived key.
pub(super) struct KeyUser {
    pub(super) account: usize,
    pub(super) region: usize,
    pub(super) name: String,
    pub(super) id: String,
    pub(super) key: String,
    /// From a day on it has another key.
    pub(super) rotated: Option<(u32, String)>,
    pub(super) workload: usize,
    pub(super) place: Address,
    pub(super) agent: &'static str,
    pub(super) is_nightly: bool,
    /// The last day it was used on; later only its key lies around.
    pub(super) last_day: Option<u32>,
    pub(super) habits: Vec<(CallId, f64)>,
}

/// A place where people work.
pub(super) struct Site {
    /// Hours that local time is ahead of UTC in winter; the sample knows no summer time.
    pub(super) utc_offset: i64,
    pub(super) homes: &'static [Network],
    /// Where there are phones that people share a connection with.
    pub(super) mobile: Option<&'static Network>,
    /// The office's exit; people without an office have none.
    pub(super) office: Option<Address>,
    /// From a day on the office leaves elsewhere, and the incident that says so.
    pub(super) moved: Option<(u32, Address, u16)>,
    /// How many of ten people are here.
    pub(super) share: u32,
}

/// The whole organisation.
pub(super) struct Organisation {
    pub(super) company: &'static str,
    pub(super) accounts: Vec<Account>,
    /// Index of the account that guards the others and runs Identity Center.
    pub(super) security: usize,
    pub(super) directory: String,
    pub(super) sites: Vec<Site>,
    pub(super) people: Vec<Person>,
    pub(super) workloads: Vec<Workload>,
    pub(super) pipelines: Vec<Pipeline>,
    pub(super) key_users: Vec<KeyUser>,
    pub(super) vendor_account_id: String,
    pub(super) vendor_places: Vec<Address>,
    /// Regular calls of the monitoring vendor and of the auditors.
    pub(super) vendor_calls: Vec<CallId>,
    pub(super) audit_calls: Vec<CallId>,
}

/// Twelve digits, as an account id.
pub(super) fn account_id(rng: &mut impl Rng) -> String {
    let mut id = String::with_capacity(12);
    push_digits(&mut id, rng, 12);
    id
}

/// Grows with traffic, slower than it: a company with ten times the traffic has not ten times the people.
fn scaled(settings: &SampleSettings, at_5000_a_day: f64, power: f64, least: usize) -> usize {
    let grown = at_5000_a_day * (f64::from(settings.events_per_day) / 5_000.0).powf(power);
    (grown.round() as usize).max(least)
}

impl Organisation {
    /// The organisation for these settings.
    pub(super) fn new(settings: &SampleSettings, catalogue: &mut Catalogue) -> Self {
        let mut rng = stream(settings.seed, Purpose::Organisation, &[]);
        let company = *one_of(&mut rng, &COMPANIES);
        let mut accounts: Vec<_> =
            (0..settings.accounts.max(1) as usize).map(|index| account(&mut rng, company, index)).collect();
        let security = accounts.len().min(3) - 1;
        let workloads = workloads(settings, &mut rng, catalogue, company, &mut accounts);
        let sites = sites(&mut rng);
        let pipelines = pipelines(&mut rng, catalogue, company, &workloads);
        let people_count = settings.people.map_or(scaled(settings, 36.0, 0.75, 12), |people| people.max(1) as usize);
        let key_users = key_users(settings, &mut rng, catalogue, &sites, &workloads, (people_count / 4).max(6));
        for user in &key_users {
            accounts[user.account].users.push(user.name.clone());
        }
        let people = people::hire(&mut rng, catalogue, &sites, &mut accounts, security, company, people_count);
        let vendor_places = (0..4).map(|_| networks::VENDOR.address(&mut rng)).collect();
        Self {
            company,
            security,
            directory: format!("d-{}", hex(&mut rng, 10)),
            sites,
            people,
            workloads,
            pipelines,
            key_users,
            vendor_account_id: account_id(&mut rng),
            vendor_places,
            vendor_calls: ids(catalogue, VENDOR_CALLS),
            audit_calls: ids(catalogue, AUDIT_CALLS),
            accounts,
        }
    }
}

const VENDOR_CALLS: &str = "\
    monitoring:GetMetricData monitoring:GetMetricData monitoring:GetMetricData monitoring:ListMetrics \
    monitoring:DescribeAlarms ec2:DescribeInstances ec2:DescribeVolumes rds:DescribeDBInstances \
    tagging:GetResources elasticloadbalancing:DescribeLoadBalancers sqs:ListQueues ecs:ListClusters \
    lambda:ListFunctions20150331";
const AUDIT_CALLS: &str = "\
    iam:ListUsers iam:ListRoles iam:GetAccountSummary iam:ListAttachedRolePolicies iam:GetPolicyVersion \
    iam:GenerateCredentialReport iam:GetCredentialReport s3:ListBuckets s3:GetBucketAcl \
    s3:GetBucketPolicy s3:GetBucketEncryption s3:GetBucketPublicAccessBlock ec2:DescribeSecurityGroups \
    ec2:DescribeFlowLogs ec2:DescribeSnapshots kms:ListKeys kms:GetKeyRotationStatus kms:GetKeyPolicy \
    cloudtrail:DescribeTrails cloudtrail:GetTrailStatus config:DescribeConfigRules \
    guardduty:ListDetectors rds:DescribeDBSnapshots lambda:ListFunctions20150331 \
    lambda:GetPolicy20150331v2";

/// The numbers of calls, listed by name in one text.
pub(super) fn ids(catalogue: &mut Catalogue, list: &'static str) -> Vec<CallId> {
    list.split_whitespace().map(|name| catalogue.id(name)).collect()
}

fn account(rng: &mut impl Rng, company: &str, index: usize) -> Account {
    let name = ACCOUNT_NAMES.get(index).map_or_else(|| format!("team-{index:02}"), |name| (*name).to_owned());
    Account {
        id: account_id(rng),
        nat: REGIONS[..REGIONS_USED].iter().map(|region| networks::of_region(region).address(rng)).collect(),
        vpc: format!("vpc-{}", hex(rng, 17)),
        endpoint: format!("vpce-{}", hex(rng, 17)),
        trail: format!("{company}-{name}-events"),
        detector: hex(rng, 32),
        log_bucket: format!("{company}-cloudtrail-{}", hex(rng, 6)),
        linked_role_ids: (0..super::machines::LINKED_ROLES.len()).map(|_| iam_id("AROA", rng)).collect(),
        workloads: Vec::new(),
        users: Vec::new(),
        vendor_role_id: iam_id("AROA", rng),
        audit_role_id: iam_id("AROA", rng),
        name,
    }
}

fn workloads(
    settings: &SampleSettings,
    rng: &mut impl Rng,
    catalogue: &mut Catalogue,
    company: &str,
    accounts: &mut [Account],
) -> Vec<Workload> {
    // Every account gets at least one; beyond that production has half of them.
    let count = scaled(settings, 22.0, 0.6, 8).max(accounts.len());
    (0..count)
        .map(|index| {
            let account = if index < accounts.len() {
                index
            } else if rng.random_bool(0.55) {
                0
            } else {
                rng.random_range(0..accounts.len())
            };
            accounts[account].workloads.push(index);
            let region = match rng.random_range(0..20) {
                0..13 => HOME_REGION,
                13..17 => GLOBAL_REGION,
                17..19 => 2,
                _ => 3,
            };
            workload(rng, catalogue, company, &accounts[account], account, region, index)
        })
        .collect()
}

fn workload(
    rng: &mut impl Rng,
    catalogue: &mut Catalogue,
    company: &str,
    owner: &Account,
    account: usize,
    region: usize,
    index: usize,
) -> Workload {
    let base = SERVICES[index % SERVICES.len()];
    let round = index / SERVICES.len();
    let service = if round == 0 { base.to_owned() } else { format!("{base}-{round}") };
    let stage = &owner.name;
    // Production starts with a server fleet, so that instance roles exist however small the sample is.
    let platform = match if index == 0 { 0 } else { rng.random_range(0..10) } {
        0..4 => Platform::Ec2,
        4..7 => Platform::Lambda,
        7..9 => Platform::Ecs,
        _ => Platform::Eks,
    };
    let (agent, calls): (_, &[(&str, f64)]) = match platform {
        Platform::Ec2 => (
            "aws-sdk-go-v2/1.24.1 os/linux lang/go#1.21.6 md/GOOS#linux md/GOARCH#amd64",
            &[
                ("s3:GetObject", 22.0),
                ("s3:PutObject", 14.0),
                ("s3:HeadObject", 5.0),
                ("dynamodb:GetItem", 12.0),
                ("dynamodb:Query", 8.0),
                ("sqs:ReceiveMessage", 9.0),
                ("sqs:SendMessage", 4.0),
                ("kms:Decrypt", 8.0),
                ("kms:GenerateDataKey", 4.0),
                ("ssm:UpdateInstanceInformation", 6.0),
                ("ssm:GetParameter", 3.0),
                ("secretsmanager:GetSecretValue", 2.0),
                ("ecr:BatchGetImage", 1.0),
                ("ecr:GetAuthorizationToken", 1.0),
                ("ec2:DescribeTags", 1.0),
                ("sts:GetCallerIdentity", 1.0),
            ],
        ),
        Platform::Lambda => (
            "Boto3/1.34.42 md/Botocore#1.34.42 ua/2.0 os/linux#5.10.205 md/arch#x86_64 lang/python#3.11.6 exec-env/AWS_Lambda_python3.11",
            &[
                ("dynamodb:GetItem", 18.0),
                ("dynamodb:PutItem", 10.0),
                ("dynamodb:UpdateItem", 7.0),
                ("s3:GetObject", 10.0),
                ("s3:PutObject", 8.0),
                ("sns:Publish", 5.0),
                ("sqs:SendMessage", 6.0),
                ("lambda:Invoke", 8.0),
                ("kms:Decrypt", 5.0),
                ("logs:CreateLogStream", 6.0),
                ("ssm:GetParametersByPath", 2.0),
                ("secretsmanager:GetSecretValue", 2.0),
            ],
        ),
        Platform::Ecs => (
            "aws-sdk-java/2.23.12 Linux/5.10.205 OpenJDK_64-Bit_Server_VM/17.0.10 vendor/Eclipse_Adoptium exec-env/AWS_ECS_FARGATE",
            &[
                ("dynamodb:Query", 16.0),
                ("dynamodb:GetItem", 14.0),
                ("s3:GetObject", 12.0),
                ("s3:PutObject", 6.0),
                ("sqs:ReceiveMessage", 12.0),
                ("sns:Publish", 5.0),
                ("kms:Decrypt", 7.0),
                ("secretsmanager:GetSecretValue", 2.0),
                ("ssm:GetParameters", 2.0),
                ("ecs:DescribeTasks", 2.0),
            ],
        ),
        Platform::Eks => (
            "aws-sdk-js/3.511.0 ua/2.0 os/linux#5.10.205 lang/js md/nodejs#20.11.0 api/s3",
            &[
                ("s3:GetObject", 20.0),
                ("s3:PutObject", 10.0),
                ("dynamodb:Query", 12.0),
                ("sqs:ReceiveMessage", 8.0),
                ("kms:Decrypt", 6.0),
                ("sts:GetCallerIdentity", 1.0),
                ("secretsmanager:GetSecretValue", 1.0),
            ],
        ),
    };
    // A workload uses most of what its platform could, each to its own taste.
    let own_taste = &mut ChaCha8Rng::seed_from_u64(rng.random());
    let mut habits: Vec<_> = calls
        .iter()
        .filter(|_| rng.random_bool(0.8))
        .map(|(name, weight)| (catalogue.id(name), weight * own_taste.random_range(0.4..1.6)))
        .collect();
    if habits.is_empty() || index == 0 {
        habits.push((catalogue.id("s3:GetObject"), 12.0));
    }
    let new_call = *one_of(rng, &NEW_CALLS);
    let adoption = rng.random_bool(0.3).then(|| (rng.random_range(0..60), catalogue.id(new_call)));
    let tail = hex(rng, 4);
    let arn_tail = hex(rng, 6);
    Workload {
        account,
        region,
        platform,
        role: format!("{service}-{stage}-role"),
        role_id: iam_id("AROA", rng),
        bucket: format!("{company}-{stage}-{service}-{tail}"),
        table: format!("{stage}-{service}"),
        function: format!("{stage}-{service}-handler"),
        secret: format!(
            "arn:aws:secretsmanager:{}:{}:secret:{stage}/{service}/db-{arn_tail}",
            REGIONS[region], owner.id
        ),
        queue: format!("{stage}-{service}-jobs"),
        repo: format!("{company}/{service}"),
        stack: format!("{service}-{stage}"),
        database: format!("{stage}-{service}-pg"),
        cluster: format!("{stage}-main"),
        policy: format!("{service}-{stage}-access"),
        kms: super::dice::Uuid::draw(rng).to_string(),
        group: format!("sg-{}", hex(rng, 17)),
        subnet: format!("subnet-{}", hex(rng, 17)),
        instances: (0..rng.random_range(2..6)).map(|_| format!("i-{}", hex(rng, 17))).collect(),
        has_endpoint: rng.random_bool(0.5),
        is_nightly: index > 2 && rng.random_bool(0.15),
        agent,
        weight: rng.random_range(0.4..2.0) * if account == 0 { 1.5 } else { 0.7 },
        habits,
        adoption,
        service,
    }
}

/// What a release makes a workload call for the first time.
const NEW_CALLS: [&str; 8] = [
    "secretsmanager:GetSecretValue",
    "ssm:GetParametersByPath",
    "states:StartExecution",
    "events:PutEvents",
    "bedrock:InvokeModel",
    "ses:SendEmail",
    "s3:ListObjects",
    "sts:AssumeRole",
];
/// What a pipeline begins to do.
const NEW_STEPS: [&str; 6] = [
    "iam:PutRolePolicy",
    "iam:CreateRole",
    "secretsmanager:GetSecretValue",
    "s3:PutBucketPolicy",
    "logs:PutRetentionPolicy",
    "ssm:GetParametersByPath",
];

fn pipelines(rng: &mut impl Rng, catalogue: &mut Catalogue, company: &str, workloads: &[Workload]) -> Vec<Pipeline> {
    const TERRAFORM: &str = "APN/1.0 HashiCorp/1.0 Terraform/1.7.3 (+https://www.terraform.io) terraform-provider-aws/5.37.0 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.24.1 os/linux lang/go#1.21.6 md/GOOS#linux md/GOARCH#amd64";
    const CLI: &str = "aws-cli/2.15.21 Python/3.11.6 Linux/6.5.0-1014-azure exe/x86_64.ubuntu.22 prompt/off";
    let count = (workloads.len() / 3).max(3);
    (0..count)
        .map(|index| {
            let workload = (index * 3 + index / 2) % workloads.len();
            let Workload { service, platform, .. } = &workloads[workload];
            let (agent, steps, on_behalf) = match (index % 3, platform) {
                (2, _) => (
                    TERRAFORM,
                    "\
                        sts:GetCallerIdentity ec2:DescribeVpcs ec2:DescribeSubnets \
                        ec2:DescribeSecurityGroups iam:GetRole iam:ListRolePolicies \
                        iam:ListAttachedRolePolicies iam:GetPolicy iam:GetPolicyVersion \
                        s3:GetBucketPolicy s3:GetBucketVersioning s3:GetBucketEncryption \
                        s3:GetBucketTagging dynamodb:DescribeTable sqs:GetQueueAttributes \
                        kms:DescribeKey kms:GetKeyPolicy logs:DescribeLogGroups \
                        monitoring:DescribeAlarms iam:PutRolePolicy monitoring:PutMetricAlarm \
                        ec2:CreateTags",
                    "",
                ),
                (_, Platform::Lambda) => (
                    CLI,
                    "\
                        sts:GetCallerIdentity s3:PutObject s3:PutObject cloudformation:DescribeStacks \
                        cloudformation:CreateChangeSet cloudformation:DescribeChangeSet \
                        cloudformation:ExecuteChangeSet cloudformation:DescribeStackEvents \
                        cloudformation:DescribeStackEvents lambda:GetFunction20150331v2",
                    "\
                        lambda:UpdateFunctionCode20150331v2 lambda:UpdateFunctionConfiguration20150331v2 \
                        iam:GetRole lambda:GetFunction20150331v2",
                ),
                _ => (
                    CLI,
                    "\
                        ecr:GetAuthorizationToken ecr:InitiateLayerUpload ecr:InitiateLayerUpload \
                        ecr:CompleteLayerUpload ecr:CompleteLayerUpload ecr:PutImage ecr:DescribeImages \
                        ecs:RegisterTaskDefinition ecs:UpdateService ecs:DescribeServices \
                        ecs:DescribeServices ecs:DescribeTasks",
                    "",
                ),
            };
            Pipeline {
                workload,
                role: format!("deploy-{service}"),
                role_id: iam_id("AROA", rng),
                subject: format!("repo:{company}/{service}:ref:refs/heads/main"),
                agent,
                releases: Vec::new(),
                steps: ids(catalogue, steps),
                added_step: {
                    let step = *one_of(rng, &NEW_STEPS);
                    rng.random_bool(0.3).then(|| (rng.random_range(0..60), catalogue.id(step)))
                },
                on_behalf: ids(catalogue, on_behalf),
            }
        })
        .collect()
}

fn sites(rng: &mut impl Rng) -> Vec<Site> {
    let site =
        |utc_offset, homes, mobile, office, share| Site { utc_offset, homes, mobile, office, moved: None, share };
    let mut office = |network: &Network| Some(network.address(rng));
    vec![
        site(1, &networks::HOMES_DE, Some(&networks::MOBILE_DE), office(&networks::OFFICE_DE), 4),
        site(0, &networks::HOMES_IE, Some(&networks::MOBILE_IE), office(&networks::OFFICE_IE), 2),
        site(-5, &networks::HOMES_US, None, office(&networks::OFFICE_US), 2),
        site(5, &networks::HOMES_IN, None, office(&networks::OFFICE_IN), 1),
        site(0, &networks::HOMES_PT, None, None, 0),
        site(1, &networks::HOMES_PL, None, None, 0),
        site(1, &networks::HOMES_ES, None, None, 0),
        site(1, &networks::HOMES_NL, None, None, 1),
    ]
}

/// What a program with a key does.
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

fn key_users(
    settings: &SampleSettings,
    rng: &mut impl Rng,
    catalogue: &mut Catalogue,
    sites: &[Site],
    workloads: &[Workload],
    count: usize,
) -> Vec<KeyUser> {
    (0..count)
        .map(|index| {
            let Program { user, agent, is_nightly, calls } = &PROGRAMS[index % PROGRAMS.len()];
            let workload = if rng.random_bool(0.6) { 0 } else { rng.random_range(0..workloads.len()) };
            let round = index / PROGRAMS.len();
            // Every fourth user was left behind: used in the first days or not at all.
            let last_day = (index % 4 == 3).then(|| rng.random_range(0..=settings.days / 5));
            let office = sites.iter().filter_map(|site| site.office.clone()).nth(index % 4);
            KeyUser {
                account: workloads[workload].account,
                region: workloads[workload].region,
                name: if round == 0 { (*user).to_owned() } else { format!("{user}-{round}") },
                id: iam_id("AIDA", rng),
                key: iam_id("AKIA", rng),
                rotated: None,
                workload,
                // Partners call from a hosting provider of their own, all others from an office's machine room.
                place: match office {
                    Some(office) if *user != "partner-upload" => office,
                    _ => networks::HOSTING[5].address(rng),
                },
                agent,
                is_nightly: *is_nightly,
                last_day,
                habits: calls.iter().map(|(name, weight)| (catalogue.id(name), *weight)).collect(),
            }
        })
        .collect()
}
