//! AWS accounts, and the roles that AWS services and auditors use in them.

use rand::Rng;

use crate::sample::networks::{self, Address};
use crate::sample::organisation::regions::{REGIONS_USED, RegionNames};
use crate::sample::random::{hex, iam_id, push_digits};

/// An AWS account.
pub(crate) struct Account {
    /// Twelve digits.
    pub(crate) id: String,
    /// `prod`, `dev`, ...
    pub(crate) name: String,
    /// Public address of the NAT gateway in each region in use.
    pub(crate) nat: Vec<Address>,
    /// Id of its VPC.
    pub(crate) vpc: String,
    /// Id of its VPC endpoint.
    pub(crate) endpoint: String,
    /// Name of its trail.
    pub(crate) trail: String,
    /// Id of its GuardDuty detector.
    pub(crate) detector: String,
    /// The bucket of its trail.
    pub(crate) log_bucket: String,
    /// Role ids of the service-linked roles, in the order of `SERVICE_LINKED_ROLES`.
    pub(crate) service_linked_role_ids: Vec<String>,
    /// Indexes into `Organisation::workloads`.
    pub(crate) workloads: Vec<usize>,
    /// Names of the IAM users.
    pub(crate) users: Vec<String>,
    /// Id of the role that the monitoring vendor assumes.
    pub(crate) vendor_role_id: String,
    /// Id of the role that the audit scanner assumes.
    pub(crate) audit_role_id: String,
}

/// Service-linked roles in every account: name, service, session name.
pub(crate) const SERVICE_LINKED_ROLES: [(&str, &str, &str); 5] = [
    ("AWSServiceRoleForConfig", "config.amazonaws.com", "AWSConfig-Describe"),
    ("AWSServiceRoleForAutoScaling", "autoscaling.amazonaws.com", "AutoScaling"),
    ("AWSServiceRoleForTrustedAdvisor", "trustedadvisor.amazonaws.com", "TrustedAdvisor"),
    ("AWSServiceRoleForBackup", "backup.amazonaws.com", "AWSBackup-AWSServiceRoleForBackup"),
    ("AWSServiceRoleForAmazonGuardDuty", "guardduty.amazonaws.com", "GuardDuty"),
];

/// Creates the account with this index, without workloads and users.
pub(crate) fn create_account(rng: &mut impl Rng, company: &str, regions: &RegionNames, index: usize) -> Account {
    let name = ACCOUNT_NAMES.get(index).map_or_else(|| format!("team-{index:02}"), |name| (*name).to_owned());
    Account {
        id: account_id(rng),
        nat: regions[..REGIONS_USED].iter().map(|region| networks::aws_region(region).address(rng)).collect(),
        vpc: format!("vpc-{}", hex(rng, 17)),
        endpoint: format!("vpce-{}", hex(rng, 17)),
        trail: format!("{company}-{name}-events"),
        detector: hex(rng, 32),
        log_bucket: format!("{company}-cloudtrail-{}", hex(rng, 6)),
        service_linked_role_ids: (0..SERVICE_LINKED_ROLES.len()).map(|_| iam_id("AROA", rng)).collect(),
        workloads: Vec::new(),
        users: Vec::new(),
        vendor_role_id: iam_id("AROA", rng),
        audit_role_id: iam_id("AROA", rng),
        name,
    }
}

/// A random account id: twelve digits.
pub(crate) fn account_id(rng: &mut impl Rng) -> String {
    let mut id = String::with_capacity(12);
    push_digits(&mut id, rng, 12);
    id
}

const ACCOUNT_NAMES: [&str; 8] = ["prod", "dev", "security", "data", "staging", "shared", "sandbox", "edge"];
