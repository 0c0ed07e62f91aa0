//! Workloads: the company's services, what they run on, the resources they own and the calls they make.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::sample::cloudtrail::calls::{CallId, Catalogue};
use crate::sample::organisation::accounts::Account;
use crate::sample::organisation::regions::{GLOBAL_REGION, HOME_REGION, RegionNames};
use crate::sample::random::{Uuid, hex, iam_id, one_of};

/// One of the company's services, with the resources it owns.
pub(crate) struct Workload {
    /// Index of its account.
    pub(crate) account: usize,
    /// Index of its region.
    pub(crate) region: usize,
    /// What it runs on.
    pub(crate) platform: Platform,
    /// Name of the service.
    pub(crate) service: String,
    /// Name of its role.
    pub(crate) role: String,
    /// Id of its role (`AROA...`).
    pub(crate) role_id: String,
    /// Its S3 bucket.
    pub(crate) bucket: String,
    /// Its DynamoDB table.
    pub(crate) table: String,
    /// Its Lambda function.
    pub(crate) function: String,
    /// ARN of its secret.
    pub(crate) secret: String,
    /// Its SQS queue.
    pub(crate) queue: String,
    /// Its container repository.
    pub(crate) repo: String,
    /// Its CloudFormation stack.
    pub(crate) stack: String,
    /// Its RDS instance.
    pub(crate) database: String,
    /// Its ECS or EKS cluster.
    pub(crate) cluster: String,
    /// Its IAM policy.
    pub(crate) policy: String,
    /// Id of its KMS key.
    pub(crate) kms: String,
    /// Its security group.
    pub(crate) group: String,
    /// Its subnet.
    pub(crate) subnet: String,
    /// Ids of its EC2 instances.
    pub(crate) instances: Vec<String>,
    /// Calls S3 and DynamoDB through a VPC endpoint.
    pub(crate) has_endpoint: bool,
    /// Runs at night instead of following customer traffic.
    pub(crate) is_nightly: bool,
    /// User agent of its programs.
    pub(crate) agent: &'static str,
    /// Share of workload traffic, relative to the other workloads.
    pub(crate) weight: f64,
    /// Its usual calls with their weights.
    pub(crate) usual_calls: Vec<(CallId, f64)>,
    /// A release adds this call from this day on.
    pub(crate) adoption: Option<(u32, CallId)>,
}

/// What a workload runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Platform {
    /// EC2 instances with an instance profile.
    Ec2,
    /// Lambda functions.
    Lambda,
    /// ECS tasks.
    Ecs,
    /// Pods that use a web identity.
    Eks,
}

/// Creates `count` workloads and registers them in their accounts.
pub(crate) fn create_workloads(
    rng: &mut impl Rng,
    catalogue: &mut Catalogue,
    company: &str,
    regions: &RegionNames,
    accounts: &mut [Account],
    count: usize,
) -> Vec<Workload> {
    // Every account gets at least one; half of the others are in production.
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
            create_workload(rng, catalogue, company, regions, &accounts[account], account, region, index)
        })
        .collect()
}

#[expect(clippy::too_many_arguments, reason = "all of them determine the workload")]
fn create_workload(
    rng: &mut impl Rng,
    catalogue: &mut Catalogue,
    company: &str,
    regions: &RegionNames,
    owner: &Account,
    account: usize,
    region: usize,
    index: usize,
) -> Workload {
    let base = SERVICES[index % SERVICES.len()];
    let round = index / SERVICES.len();
    let service = if round == 0 { base.to_owned() } else { format!("{base}-{round}") };
    let stage = &owner.name;
    // The first workload runs on EC2, so that instance roles exist in the smallest sample.
    let platform = match if index == 0 { 0 } else { rng.random_range(0..10) } {
        0..4 => Platform::Ec2,
        4..7 => Platform::Lambda,
        7..9 => Platform::Ecs,
        _ => Platform::Eks,
    };
    let (agent, calls) = platform.usual_calls();
    // A workload makes most of the calls of its platform, with weights of its own.
    let weight_rng = &mut ChaCha8Rng::seed_from_u64(rng.random());
    let mut usual_calls: Vec<_> = calls
        .iter()
        .filter(|_| rng.random_bool(0.8))
        .map(|(name, weight)| (catalogue.id(name), weight * weight_rng.random_range(0.4..1.6)))
        .collect();
    if usual_calls.is_empty() || index == 0 {
        usual_calls.push((catalogue.id("s3:GetObject"), 12.0));
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
            regions[region], owner.id
        ),
        queue: format!("{stage}-{service}-jobs"),
        repo: format!("{company}/{service}"),
        stack: format!("{service}-{stage}"),
        database: format!("{stage}-{service}-pg"),
        cluster: format!("{stage}-main"),
        policy: format!("{service}-{stage}-access"),
        kms: Uuid::draw(rng).to_string(),
        group: format!("sg-{}", hex(rng, 17)),
        subnet: format!("subnet-{}", hex(rng, 17)),
        instances: (0..rng.random_range(2..6)).map(|_| format!("i-{}", hex(rng, 17))).collect(),
        has_endpoint: rng.random_bool(0.5),
        is_nightly: index > 2 && rng.random_bool(0.15),
        agent,
        weight: rng.random_range(0.4..2.0) * if account == 0 { 1.5 } else { 0.7 },
        usual_calls,
        adoption,
        service,
    }
}

impl Platform {
    /// The user agent of programs on this platform, and the calls they usually make with their weights.
    fn usual_calls(self) -> (&'static str, &'static [(&'static str, f64)]) {
        match self {
            Self::Ec2 => (
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
            Self::Lambda => (
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
            Self::Ecs => (
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
            Self::Eks => (
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
        }
    }
}

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
