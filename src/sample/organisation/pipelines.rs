//! Build pipelines: the role of each, and the calls of a deployment.

use rand::Rng;

use crate::sample::cloudtrail::calls::{CallId, Catalogue};
use crate::sample::environment::Environment;
use crate::sample::organisation::workloads::{Platform, Workload};
use crate::sample::random::{iam_id, one_of};

/// A build pipeline that deploys one workload.
pub(crate) struct Pipeline {
    /// Index of the workload that it deploys.
    pub(crate) workload: usize,
    /// Name of its role.
    pub(crate) role: String,
    /// Id of its role (`AROA...`).
    pub(crate) role_id: String,
    /// Subject of its web identity token.
    pub(crate) subject: String,
    /// Runs on machines of the organisation.
    pub(crate) has_own_runner: bool,
    /// Its user agent.
    pub(crate) agent: &'static str,
    /// Days with many deployments, and the number of the incident that caused them.
    pub(crate) releases: Vec<(u32, u16)>,
    /// The calls of a run, in order.
    pub(crate) steps: Vec<CallId>,
    /// One more step from this day on.
    pub(crate) added_step: Option<(u32, CallId)>,
    /// The calls that CloudFormation then makes on behalf of the pipeline.
    pub(crate) on_behalf: Vec<CallId>,
}

/// Creates a pipeline for every third workload, or the environment's share of them; at least three.
pub(crate) fn create_pipelines(
    rng: &mut impl Rng,
    catalogue: &mut Catalogue,
    company: &str,
    workloads: &[Workload],
    environment: &Environment,
) -> Vec<Pipeline> {
    const TERRAFORM: &str = "APN/1.0 HashiCorp/1.0 Terraform/1.7.3 (+https://www.terraform.io) terraform-provider-aws/5.37.0 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.24.1 os/linux lang/go#1.21.6 md/GOOS#linux md/GOARCH#amd64";
    const CLI: &str = "aws-cli/2.15.21 Python/3.11.6 Linux/6.5.0-1014-azure exe/x86_64.ubuntu.22 prompt/off";
    let count = ((workloads.len() as f64 * environment.pipelines) as usize).max(3);
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
                has_own_runner: environment.has_own_runners,
                agent,
                releases: Vec::new(),
                steps: catalogue.ids(steps),
                added_step: {
                    let step = *one_of(rng, &NEW_STEPS);
                    rng.random_bool(0.3).then(|| (rng.random_range(0..60), catalogue.id(step)))
                },
                on_behalf: catalogue.ids(on_behalf),
            }
        })
        .collect()
}

/// Calls that a pipeline may add during the sample.
const NEW_STEPS: [&str; 6] = [
    "iam:PutRolePolicy",
    "iam:CreateRole",
    "secretsmanager:GetSecretValue",
    "s3:PutBucketPolicy",
    "logs:PutRetentionPolicy",
    "ssm:GetParametersByPath",
];
