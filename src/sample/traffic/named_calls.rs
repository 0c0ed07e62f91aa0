//! The calls that the generator refers to by name, looked up once.

use crate::sample::cloudtrail::calls::{CallId, Catalogue};

/// Numbers of the calls that traffic refers to by name.
pub(crate) struct NamedCalls {
    /// `signin:CredentialVerification`.
    pub(crate) verification: CallId,
    /// `signin:UserAuthentication`.
    pub(crate) authentication: CallId,
    /// `sso:Federate`.
    pub(crate) federate: CallId,
    /// `signin:ConsoleLogin`.
    pub(crate) console_login: CallId,
    /// `sts:AssumeRole`.
    pub(crate) assume_role: CallId,
    /// `sts:AssumeRoleWithWebIdentity`.
    pub(crate) assume_role_with_web_identity: CallId,
    /// `kms:RotateKey`.
    pub(crate) rotate_key: CallId,
    /// Calls that go through a VPC endpoint when the workload has one.
    pub(crate) through_endpoint: Vec<CallId>,
    /// The calls of each of `SERVICE_LINKED_ROLES`.
    pub(crate) linked: Vec<Vec<CallId>>,
    /// Calls that AWS services make without a role: service, call, weight.
    pub(crate) services: Vec<(&'static str, CallId, u32)>,
    /// `secretsmanager:GetSecretValue`.
    pub(crate) get_secret: CallId,
    /// Reads and writes of the operators that look after machines and load balancers.
    pub(crate) operators: [(Vec<CallId>, Vec<CallId>); 2],
    /// Calls that open CloudShell.
    pub(crate) open_shell: Vec<CallId>,
    /// Calls of the monitoring vendor.
    pub(crate) vendor: Vec<CallId>,
    /// Calls of the nightly audit scanner.
    pub(crate) audit: Vec<CallId>,
}

impl NamedCalls {
    /// Looks up the numbers.
    pub(crate) fn new(catalogue: &mut Catalogue) -> Self {
        let linked = [
            "\
                ec2:DescribeInstances ec2:DescribeSecurityGroups ec2:DescribeVolumes ec2:DescribeSubnets \
                ec2:DescribeNatGateways ec2:DescribeVpcs iam:GetRole iam:ListRolePolicies \
                iam:GetPolicyVersion s3:GetBucketAcl s3:GetBucketPolicy s3:GetBucketVersioning \
                s3:GetBucketEncryption s3:GetBucketTagging lambda:GetFunction20150331v2 kms:GetKeyPolicy \
                kms:DescribeKey rds:DescribeDBInstances dynamodb:DescribeTable logs:DescribeLogGroups \
                config:PutEvaluations",
            "\
                ec2:DescribeInstanceStatus elasticloadbalancing:DescribeTargetHealth ec2:RunInstances \
                ec2:TerminateInstances monitoring:DescribeAlarms",
            "\
                s3:GetBucketPublicAccessBlock s3:GetBucketVersioning ec2:DescribeSecurityGroups \
                iam:GetAccountSummary rds:DescribeDBInstances",
            "ec2:CreateSnapshot ec2:DescribeSnapshots rds:DescribeDBSnapshots ec2:DescribeVolumes",
            "ec2:DescribeInstances ec2:DescribeNetworkInterfaces ec2:DescribeVpcs",
        ];
        Self {
            verification: catalogue.id("signin:CredentialVerification"),
            authentication: catalogue.id("signin:UserAuthentication"),
            federate: catalogue.id("sso:Federate"),
            console_login: catalogue.id("signin:ConsoleLogin"),
            assume_role: catalogue.id("sts:AssumeRole"),
            assume_role_with_web_identity: catalogue.id("sts:AssumeRoleWithWebIdentity"),
            rotate_key: catalogue.id("kms:RotateKey"),
            through_endpoint: catalogue.ids("s3:GetObject s3:PutObject s3:HeadObject dynamodb:GetItem dynamodb:Query"),
            linked: linked.iter().map(|names| catalogue.ids(names)).collect(),
            services: [
                ("cloudtrail.amazonaws.com", "s3:GetBucketAcl", 6),
                ("s3.amazonaws.com", "kms:Decrypt", 7),
                ("s3.amazonaws.com", "kms:GenerateDataKey", 5),
                ("dynamodb.amazonaws.com", "kms:Decrypt", 2),
                ("cloudtrail.amazonaws.com", "kms:GenerateDataKey", 3),
                ("events.amazonaws.com", "logs:CreateLogStream", 2),
                ("delivery.logs.amazonaws.com", "s3:GetBucketAcl", 1),
            ]
            .map(|(service, name, weight)| (service, catalogue.id(name), weight))
            .to_vec(),
            get_secret: catalogue.id("secretsmanager:GetSecretValue"),
            operators: [
                (
                    "autoscaling:DescribeAutoScalingGroups autoscaling:DescribeTags ec2:DescribeInstanceTypes \
                     eks:ListNodegroups",
                    "autoscaling:SetDesiredCapacity autoscaling:TerminateInstanceInAutoScalingGroup",
                ),
                (
                    "elasticloadbalancing:DescribeLoadBalancers elasticloadbalancing:DescribeTargetHealth \
                     ec2:DescribeSubnets ec2:DescribeSecurityGroups",
                    "elasticloadbalancing:RegisterTargets elasticloadbalancing:DeregisterTargets",
                ),
            ]
            .map(|(reads, writes)| (catalogue.ids(reads), catalogue.ids(writes))),
            open_shell: catalogue.ids(
                "cloudshell:DescribeEnvironments cloudshell:CreateEnvironment cloudshell:PutCredentials \
                 cloudshell:CreateSession",
            ),
            vendor: catalogue.ids(VENDOR_CALLS),
            audit: catalogue.ids(AUDIT_CALLS),
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
