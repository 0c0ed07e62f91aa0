//! Jobs: permission sets, interests and the usual calls of people.

/// A person's job; it determines permissions and usual calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    /// Platform engineers, the administrators.
    Platform,
    /// Developers.
    Developer,
    /// Data scientists.
    Data,
    /// Security engineers.
    Security,
    /// Customer support.
    Support,
    /// Finance.
    Finance,
}

impl Job {
    /// All jobs.
    pub(crate) const ALL: [Self; 6] =
        [Self::Platform, Self::Developer, Self::Data, Self::Security, Self::Support, Self::Finance];

    /// Name of the permission set.
    pub(crate) fn permission_set(self) -> &'static str {
        match self {
            Self::Platform => "PlatformEngineer",
            Self::Developer => "DeveloperAccess",
            Self::Data => "DataScientist",
            Self::Security => "SecurityAudit",
            Self::Support => "SupportAccess",
            Self::Finance => "Billing",
        }
    }

    /// Relative amount of work in the account with this name.
    pub(crate) fn interest(self, account: &str) -> f64 {
        match (self, account) {
            (Self::Security, "security") => 4.0,
            (Self::Developer, "dev" | "staging" | "sandbox") => 3.0,
            (Self::Developer | Self::Support, "prod") | (_, "dev") => 1.0,
            (Self::Platform | Self::Data, "prod") => 3.0,
            (Self::Data, "data") => 4.0,
            (Self::Finance, "prod" | "security") => 1.0,
            (Self::Platform | Self::Security, _) => 0.6,
            (_, "security" | "shared") => 0.0,
            _ => 0.2,
        }
    }

    /// Calls in the console; everybody with the job makes the first two.
    pub(crate) fn console_calls(self) -> &'static str {
        match self {
            Self::Platform => {
                "\
                ec2:DescribeInstances ec2:DescribeInstanceStatus ec2:DescribeSecurityGroups \
                ec2:DescribeVolumes ec2:DescribeVpcs ec2:DescribeSubnets monitoring:DescribeAlarms \
                monitoring:GetMetricData logs:DescribeLogGroups logs:StartQuery logs:GetQueryResults \
                rds:DescribeDBInstances eks:DescribeCluster elasticloadbalancing:DescribeLoadBalancers \
                elasticloadbalancing:DescribeTargetHealth cloudformation:DescribeStacks iam:ListRoles \
                iam:GetRole ec2:RebootInstances ec2:CreateTags health:DescribeEventAggregates \
                autoscaling:DescribeAutoScalingGroups ssm:DescribeInstanceInformation \
                monitoring:PutMetricAlarm s3:ListBuckets kms:ListAliases"
            }
            Self::Developer => {
                "\
                lambda:ListFunctions20150331 lambda:GetFunction20150331v2 logs:DescribeLogGroups \
                logs:DescribeLogStreams logs:FilterLogEvents logs:StartQuery logs:GetQueryResults \
                dynamodb:ListTables dynamodb:DescribeTable dynamodb:Scan sqs:ListQueues \
                sqs:GetQueueAttributes cloudformation:DescribeStacks cloudformation:DescribeStackEvents \
                ecs:DescribeServices ecr:DescribeImages monitoring:GetMetricData s3:ListBuckets \
                s3:ListObjects ssm:DescribeParameters secretsmanager:ListSecrets \
                secretsmanager:DescribeSecret health:DescribeEventAggregates"
            }
            Self::Data => {
                "\
                s3:ListBuckets s3:ListObjects s3:GetBucketLocation athena:StartQueryExecution \
                athena:GetQueryExecution glue:GetTable glue:GetDatabases rds:DescribeDBInstances \
                rds:DescribeDBSnapshots dynamodb:DescribeTable monitoring:GetMetricData logs:StartQuery \
                logs:GetQueryResults ec2:DescribeSnapshots"
            }
            Self::Security => {
                "\
                guardduty:ListFindings guardduty:GetFindings guardduty:GetDetector \
                cloudtrail:LookupEvents cloudtrail:DescribeTrails config:DescribeConfigRules \
                config:SelectResourceConfig iam:ListUsers iam:ListRoles iam:GetRole iam:ListAccessKeys \
                iam:GetPolicyVersion access-analyzer:ListFindings securityhub:GetFindings \
                organizations:ListAccounts kms:ListKeys s3:GetBucketPolicy s3:GetBucketPublicAccessBlock \
                ec2:DescribeSecurityGroups health:DescribeEventAggregates"
            }
            Self::Support => {
                "\
                logs:DescribeLogGroups logs:FilterLogEvents logs:StartQuery logs:GetQueryResults \
                dynamodb:Query dynamodb:DescribeTable s3:ListObjects s3:GetObject ec2:DescribeInstances \
                ec2:DescribeInstanceStatus monitoring:DescribeAlarms health:DescribeEventAggregates"
            }
            Self::Finance => {
                "\
                ce:GetCostAndUsage ce:GetDimensionValues billing:GetBillingData \
                organizations:ListAccounts organizations:DescribeOrganization s3:ListBuckets \
                budgets:DescribeBudgets ce:GetReservationCoverage"
            }
        }
    }

    /// Calls with the CLI; everybody with the job makes the first two.
    pub(crate) fn cli_calls(self) -> &'static str {
        match self {
            Self::Platform => {
                "\
                sts:GetCallerIdentity ec2:DescribeInstances ec2:DescribeVpcs ec2:DescribeSecurityGroups \
                iam:GetRole iam:ListAttachedRolePolicies iam:GetPolicyVersion iam:ListRolePolicies \
                s3:GetBucketPolicy s3:GetBucketTagging s3:ListObjects ssm:StartSession ssm:GetParameter \
                ssm:PutParameter ec2:RunInstances ec2:TerminateInstances ec2:CreateSecurityGroup \
                ec2:AuthorizeSecurityGroupIngress ec2:RevokeSecurityGroupIngress iam:PutRolePolicy \
                iam:CreateRole iam:AttachRolePolicy eks:DescribeCluster rds:DescribeDBInstances \
                secretsmanager:DescribeSecret kms:DescribeKey"
            }
            Self::Developer => {
                "\
                sts:GetCallerIdentity lambda:Invoke lambda:UpdateFunctionCode20150331v2 \
                logs:FilterLogEvents s3:ListObjects s3:GetObject s3:PutObject dynamodb:Query \
                dynamodb:GetItem sqs:SendMessage ecr:GetAuthorizationToken ecr:BatchGetImage \
                ssm:GetParameter secretsmanager:GetSecretValue cloudformation:DescribeStacks \
                cloudformation:CreateChangeSet cloudformation:ExecuteChangeSet"
            }
            Self::Data => {
                "\
                sts:GetCallerIdentity s3:ListObjects s3:GetObject s3:PutObject s3:HeadObject \
                athena:StartQueryExecution athena:GetQueryExecution dynamodb:Scan \
                secretsmanager:GetSecretValue rds:CreateDBSnapshot rds:DescribeDBSnapshots \
                ec2:CreateSnapshot ec2:DescribeVolumes"
            }
            Self::Security => {
                "\
                sts:GetCallerIdentity iam:ListUsers iam:ListAccessKeys iam:GetUser \
                iam:ListAttachedUserPolicies iam:GetAccessKeyLastUsed cloudtrail:LookupEvents \
                s3:ListObjects s3:GetObject kms:GetKeyPolicy ec2:DescribeFlowLogs \
                config:SelectResourceConfig guardduty:ListFindings"
            }
            Self::Support => "sts:GetCallerIdentity logs:FilterLogEvents dynamodb:Query s3:GetObject",
            Self::Finance => "sts:GetCallerIdentity ce:GetCostAndUsage",
        }
    }

    /// Calls that the job does not allow.
    pub(crate) fn denied_calls(self) -> &'static str {
        match self {
            Self::Platform => "organizations:ListAccounts ce:GetCostAndUsage kms:ListGrants",
            Self::Developer => "iam:ListUsers kms:DescribeKey rds:DescribeDBInstances ec2:DescribeInstances",
            Self::Data => "kms:Decrypt lambda:ListFunctions20150331 glue:GetPartitions",
            Self::Security => "secretsmanager:GetSecretValue s3:GetObject",
            Self::Support => "lambda:Invoke ssm:DescribeParameters s3:ListBuckets",
            Self::Finance => "ec2:DescribeInstances s3:GetBucketLocation",
        }
    }
}
