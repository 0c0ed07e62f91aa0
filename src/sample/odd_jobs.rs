//! What comes up a few times a year: jobs and first steps that look like more than they are.
//!
//! Out: tables of calls. Somebody at work draws from them (`people`); nothing here is an incident.

use super::calls::Slot;
use super::people::Job;

/// A job that some people get now and then.
pub(super) struct OddJob {
    /// Whose job it is.
    pub(super) jobs: &'static [Job],
    pub(super) calls: &'static str,
    /// Fewest and most times that the calls are made in a row.
    pub(super) times: (u32, u32),
    /// Parameters of its own.
    pub(super) values: &'static [(Slot, &'static str)],
}

const fn odd(jobs: &'static [Job], calls: &'static str, times: (u32, u32)) -> OddJob {
    OddJob { jobs, calls, times, values: &[] }
}

impl OddJob {
    const fn with(self, values: &'static [(Slot, &'static str)]) -> Self {
        Self { values, ..self }
    }
}

const PLATFORM: &[Job] = &[Job::Platform];
const DEVELOPER: &[Job] = &[Job::Developer];
const BUILDERS: &[Job] = &[Job::Platform, Job::Developer];
const ANALYSTS: &[Job] = &[Job::Data, Job::Developer];

/// All odd jobs, equally frequent among those whose job it is.
pub(super) static ODD_JOBS: &[OddJob] = &[
    odd(PLATFORM, "iam:ListAccessKeys iam:CreateAccessKey", (1, 1)),
    odd(PLATFORM, "iam:CreateUser iam:AddUserToGroup iam:CreateLoginProfile", (1, 2)),
    odd(PLATFORM, "iam:GetRole iam:UpdateAssumeRolePolicy", (1, 2)),
    odd(PLATFORM, "iam:ListPolicyVersions iam:CreatePolicyVersion", (1, 2)),
    odd(PLATFORM, "iam:AttachRolePolicy", (1, 2)).with(&[(Slot::PolicyArn, "arn:aws:iam::aws:policy/ReadOnlyAccess")]),
    odd(PLATFORM, "iam:CreateRole iam:AttachRolePolicy iam:PutRolePolicy", (1, 1))
        .with(&[(Slot::PolicyArn, "arn:aws:iam::aws:policy/PowerUserAccess")]),
    odd(PLATFORM, "iam:ListMFADevices iam:DeactivateMFADevice", (1, 1)),
    odd(PLATFORM, "iam:UpdateLoginProfile", (1, 1)),
    odd(PLATFORM, "kms:GetKeyPolicy kms:PutKeyPolicy", (1, 2)),
    odd(PLATFORM, "kms:DescribeKey kms:DisableKey kms:ScheduleKeyDeletion", (1, 1)),
    odd(PLATFORM, "s3:GetBucketPolicy s3:PutBucketPolicy", (1, 3)),
    odd(PLATFORM, "s3:PutBucketVersioning s3:PutBucketLifecycle", (1, 2)),
    odd(PLATFORM, "ssm:SendCommand ssm:GetCommandInvocation", (1, 4)),
    odd(PLATFORM, "ec2:StopInstances ec2:ModifyInstanceAttribute ec2:StartInstances", (1, 1)),
    odd(PLATFORM, "ec2:DescribeSnapshots ec2:DeleteSnapshot ec2:DeleteSnapshot", (1, 6)),
    odd(PLATFORM, "ec2:DescribeFlowLogs ec2:DeleteFlowLogs ec2:CreateFlowLogs", (1, 1)),
    odd(PLATFORM, "cloudtrail:GetEventSelectors cloudtrail:UpdateTrail", (1, 1)),
    odd(PLATFORM, "ec2:DescribeInstanceAttribute ec2:GetConsoleOutput", (1, 3)),
    odd(PLATFORM, "rds:CreateDBSnapshot rds:ModifyDBInstance rds:DeleteDBSnapshot", (1, 1)),
    odd(BUILDERS, "ec2:AuthorizeSecurityGroupIngress", (1, 1)).with(&[(Slot::Cidr, "0.0.0.0/0")]),
    odd(BUILDERS, "logs:DeleteLogGroup monitoring:DeleteAlarms", (1, 5)),
    odd(BUILDERS, "logs:PutRetentionPolicy", (1, 4)).with(&[(Slot::Days, "30")]),
    odd(BUILDERS, "secretsmanager:GetSecretValue ssm:GetParametersByPath", (2, 7)),
    odd(
        DEVELOPER,
        "lambda:CreateFunction20150331 lambda:AddPermission20150331v2 events:PutRule events:PutTargets",
        (1, 1),
    ),
    odd(DEVELOPER, "lambda:UpdateFunctionCode20150331v2 lambda:Invoke", (1, 5)),
    odd(DEVELOPER, "ecr:GetAuthorizationToken ecr:InitiateLayerUpload ecr:CompleteLayerUpload ecr:PutImage", (1, 2)),
    odd(DEVELOPER, "iam:CreateAccessKey", (1, 1)),
    odd(DEVELOPER, "dynamodb:CreateTable sqs:CreateQueue s3:CreateBucket", (1, 1)),
    odd(DEVELOPER, "s3:DeleteObjects s3:ListObjects", (2, 20)),
    odd(ANALYSTS, "s3:ListObjects s3:GetObject s3:GetObject s3:GetObject s3:GetObject s3:GetObject", (5, 30)),
    odd(ANALYSTS, "s3:CopyObject", (10, 80)),
    odd(ANALYSTS, "dynamodb:Scan", (20, 120)),
    odd(&[Job::Data], "ec2:CreateSnapshot ec2:ModifySnapshotAttribute", (1, 2)),
    odd(&[Job::Data], "rds:CreateDBSnapshot", (1, 2)),
    odd(&[Job::Data], "ec2:RunInstances ec2:DescribeInstances", (1, 2)).with(&[(Slot::InstanceType, "g5.2xlarge")]),
    odd(&[Job::Data], "secretsmanager:ListSecrets secretsmanager:GetSecretValue", (1, 4)),
    odd(&[Job::Security], "guardduty:GetFindings guardduty:CreateFilter", (1, 1)),
    odd(&[Job::Security], "iam:ListAccessKeys iam:UpdateAccessKey", (1, 3)),
    odd(&[Job::Security], "iam:GenerateCredentialReport iam:GetCredentialReport", (1, 2)),
    odd(&[Job::Support], "ec2:RebootInstances ec2:DescribeInstanceStatus", (1, 2)),
    odd(&[Job::Support], "s3:GetObject", (20, 80)),
    odd(&[Job::Finance], "organizations:DescribeCreateAccountStatus account:GetContactInformation", (1, 1)),
];

/// Services that somebody may look into for the first time.
pub(super) static TOURS: &[&str] = &[
    "bedrock:ListFoundationModels bedrock:GetFoundationModel bedrock:InvokeModel",
    "sagemaker:ListNotebookInstances sagemaker:ListDomains sagemaker:ListModels sagemaker:CreateNotebookInstance",
    "states:ListStateMachines states:DescribeStateMachine states:ListExecutions",
    "glue:GetDatabases glue:GetTables glue:GetJobs glue:GetCrawlers",
    "ses:GetSendQuota ses:ListIdentities ses:GetAccount ses:ListConfigurationSets",
    "route53:ListHostedZones route53:GetHostedZone route53:ListResourceRecordSets",
    "backup:ListBackupVaults backup:ListBackupPlans backup:ListProtectedResources",
    "organizations:DescribeOrganization organizations:ListAccounts organizations:ListRoots",
    "redshift:DescribeClusters redshift-serverless:ListWorkgroups",
    "elasticache:DescribeCacheClusters elasticache:DescribeReplicationGroups",
    "kinesis:ListStreams kinesis:DescribeStreamSummary firehose:ListDeliveryStreams",
    "cloudfront:ListDistributions cloudfront:GetDistribution wafv2:ListWebACLs",
    "es:ListDomainNames es:DescribeDomains",
    "iam:ListUsers iam:ListRoles iam:ListGroups iam:ListPolicies iam:GetAccountSummary",
    "transfer:ListServers transfer:ListUsers",
    "servicequotas:ListServiceQuotas servicequotas:ListServices support:DescribeTrustedAdvisorChecks",
    "ec2:DescribeRegions ec2:DescribeInstanceTypes ec2:DescribeSpotPriceHistory ec2:DescribeReservedInstances",
    "apigateway:GetRestApis apigateway:GetDomainNames",
    "batch:DescribeJobQueues batch:DescribeComputeEnvironments batch:ListJobs",
    "cloudtrail:LookupEvents cloudtrail:DescribeTrails cloudtrail:ListEventDataStores",
];
