//! Benign oddities: tasks that come up a few times a year, and first uses of a service.
//!
//! They look more suspicious than they are. They are not incidents: `truth.jsonl` does not mention them.
//! `traffic::people` chooses them at random. To add one, add a row to `OCCASIONAL_TASKS` or `FIRST_USES`.

use crate::sample::cloudtrail::template::Slot;
use crate::sample::organisation::jobs::Job;

/// A task that people with certain jobs do now and then.
pub(crate) struct OccasionalTask {
    /// The jobs it belongs to.
    pub(crate) jobs: &'static [Job],
    /// Its calls, in order.
    pub(crate) calls: &'static str,
    /// Minimum and maximum number of times that the calls are repeated.
    pub(crate) times: (u32, u32),
    /// Values of placeholders.
    pub(crate) values: &'static [(Slot, &'static str)],
}

/// All occasional tasks; those of one job are equally frequent.
pub(crate) static OCCASIONAL_TASKS: &[OccasionalTask] = &[
    task(PLATFORM, "iam:ListAccessKeys iam:CreateAccessKey", (1, 1)),
    task(PLATFORM, "iam:CreateUser iam:AddUserToGroup iam:CreateLoginProfile", (1, 2)),
    task(PLATFORM, "iam:GetRole iam:UpdateAssumeRolePolicy", (1, 2)),
    task(PLATFORM, "iam:ListPolicyVersions iam:CreatePolicyVersion", (1, 2)),
    task(PLATFORM, "iam:AttachRolePolicy", (1, 2)).with(&[(Slot::PolicyArn, "arn:aws:iam::aws:policy/ReadOnlyAccess")]),
    task(PLATFORM, "iam:CreateRole iam:AttachRolePolicy iam:PutRolePolicy", (1, 1))
        .with(&[(Slot::PolicyArn, "arn:aws:iam::aws:policy/PowerUserAccess")]),
    task(PLATFORM, "iam:ListMFADevices iam:DeactivateMFADevice", (1, 1)),
    task(PLATFORM, "iam:UpdateLoginProfile", (1, 1)),
    task(PLATFORM, "kms:GetKeyPolicy kms:PutKeyPolicy", (1, 2)),
    task(PLATFORM, "kms:DescribeKey kms:DisableKey kms:ScheduleKeyDeletion", (1, 1)),
    task(PLATFORM, "s3:GetBucketPolicy s3:PutBucketPolicy", (1, 3)),
    task(PLATFORM, "s3:PutBucketVersioning s3:PutBucketLifecycle", (1, 2)),
    task(PLATFORM, "ssm:SendCommand ssm:GetCommandInvocation", (1, 4)),
    task(PLATFORM, "ec2:StopInstances ec2:ModifyInstanceAttribute ec2:StartInstances", (1, 1)),
    task(PLATFORM, "ec2:DescribeSnapshots ec2:DeleteSnapshot ec2:DeleteSnapshot", (1, 6)),
    task(PLATFORM, "ec2:DescribeFlowLogs ec2:DeleteFlowLogs ec2:CreateFlowLogs", (1, 1)),
    task(PLATFORM, "cloudtrail:GetEventSelectors cloudtrail:UpdateTrail", (1, 1)),
    task(PLATFORM, "ec2:DescribeInstanceAttribute ec2:GetConsoleOutput", (1, 3)),
    task(PLATFORM, "rds:CreateDBSnapshot rds:ModifyDBInstance rds:DeleteDBSnapshot", (1, 1)),
    task(BUILDERS, "ec2:AuthorizeSecurityGroupIngress", (1, 1)).with(&[(Slot::Cidr, "0.0.0.0/0")]),
    task(BUILDERS, "logs:DeleteLogGroup monitoring:DeleteAlarms", (1, 5)),
    task(BUILDERS, "logs:PutRetentionPolicy", (1, 4)).with(&[(Slot::Days, "30")]),
    task(BUILDERS, "secretsmanager:GetSecretValue ssm:GetParametersByPath", (2, 7)),
    task(
        DEVELOPER,
        "lambda:CreateFunction20150331 lambda:AddPermission20150331v2 events:PutRule events:PutTargets",
        (1, 1),
    ),
    task(DEVELOPER, "lambda:UpdateFunctionCode20150331v2 lambda:Invoke", (1, 5)),
    task(DEVELOPER, "ecr:GetAuthorizationToken ecr:InitiateLayerUpload ecr:CompleteLayerUpload ecr:PutImage", (1, 2)),
    task(DEVELOPER, "iam:CreateAccessKey", (1, 1)),
    task(DEVELOPER, "dynamodb:CreateTable sqs:CreateQueue s3:CreateBucket", (1, 1)),
    task(DEVELOPER, "s3:DeleteObjects s3:ListObjects", (2, 20)),
    task(ANALYSTS, "s3:ListObjects s3:GetObject s3:GetObject s3:GetObject s3:GetObject s3:GetObject", (5, 30)),
    task(ANALYSTS, "s3:CopyObject", (10, 80)),
    task(ANALYSTS, "dynamodb:Scan", (20, 120)),
    task(&[Job::Data], "ec2:CreateSnapshot ec2:ModifySnapshotAttribute", (1, 2)),
    task(&[Job::Data], "rds:CreateDBSnapshot", (1, 2)),
    task(&[Job::Data], "ec2:RunInstances ec2:DescribeInstances", (1, 2)).with(&[(Slot::InstanceType, "g5.2xlarge")]),
    task(&[Job::Data], "secretsmanager:ListSecrets secretsmanager:GetSecretValue", (1, 4)),
    task(&[Job::Security], "guardduty:GetFindings guardduty:CreateFilter", (1, 1)),
    task(&[Job::Security], "iam:ListAccessKeys iam:UpdateAccessKey", (1, 3)),
    task(&[Job::Security], "iam:GenerateCredentialReport iam:GetCredentialReport", (1, 2)),
    task(&[Job::Support], "ec2:RebootInstances ec2:DescribeInstanceStatus", (1, 2)),
    task(&[Job::Support], "s3:GetObject", (20, 80)),
    task(&[Job::Finance], "organizations:DescribeCreateAccountStatus account:GetContactInformation", (1, 1)),
];

/// Calls of a first use of a service; one row per service.
pub(crate) static FIRST_USES: &[&str] = &[
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

/// More pages of the console, for people in drawn environments.
pub(crate) static MORE_FIRST_USES: &[&str] = &[
    "inspector2:ListFindings inspector2:ListCoverage inspector2:GetConfiguration",
    "codepipeline:ListPipelines codepipeline:GetPipelineState codebuild:BatchGetProjects",
    "appsync:ListGraphqlApis appsync:ListDataSources",
    "cognito-idp:ListUserPools cognito-idp:DescribeUserPool cognito-identity:ListIdentityPools",
    "elasticfilesystem:DescribeFileSystems elasticfilesystem:DescribeMountTargets",
    "fsx:DescribeFileSystems fsx:DescribeBackups",
    "docdb-elastic:ListClusters neptune-graph:ListGraphs",
    "kafka:ListClustersV2 kafka:ListConfigurations",
    "mq:ListBrokers mq:DescribeBrokerEngineTypes",
    "quicksight:ListDashboards quicksight:ListDataSets quicksight:DescribeAccountSettings",
    "lightsail:GetInstances lightsail:GetBundles",
    "amplify:ListApps amplify:ListBranches",
    "apprunner:ListServices apprunner:ListConnections",
    "datasync:ListTasks datasync:ListLocations",
    "dms:DescribeReplicationInstances dms:DescribeEndpoints",
    "directconnect:DescribeConnections directconnect:DescribeVirtualInterfaces",
    "globalaccelerator:ListAccelerators networkmanager:ListCoreNetworks",
    "resiliencehub:ListApps synthetics:DescribeCanaries",
    "scheduler:ListSchedules pipes:ListPipes schemas:ListRegistries",
    "ram:GetResourceShares ram:ListResources license-manager:ListLicenseConfigurations",
];

const fn task(jobs: &'static [Job], calls: &'static str, times: (u32, u32)) -> OccasionalTask {
    OccasionalTask { jobs, calls, times, values: &[] }
}

impl OccasionalTask {
    const fn with(self, values: &'static [(Slot, &'static str)]) -> Self {
        Self { values, ..self }
    }
}

const PLATFORM: &[Job] = &[Job::Platform];

const DEVELOPER: &[Job] = &[Job::Developer];

const BUILDERS: &[Job] = &[Job::Platform, Job::Developer];

const ANALYSTS: &[Job] = &[Job::Data, Job::Developer];
