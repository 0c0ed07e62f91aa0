//! Kubernetes clusters, and the roles of the operators that run in them.

use rand::Rng;

use crate::sample::organisation::accounts::Account;
use crate::sample::random::{hex, iam_id, one_of};

/// A cluster with three operators.
pub(crate) struct Cluster {
    /// Index of its account.
    pub(crate) account: usize,
    /// Name of the cluster.
    pub(crate) name: String,
    /// Its web identity provider.
    pub(crate) provider: String,
    /// Name and id of the role of each operator: secrets, scaling, load balancers.
    pub(crate) roles: [(String, String); 3],
    /// Hours between two reads of all secrets.
    pub(crate) refresh_hours: i64,
    /// It exists from this moment on, in seconds since 1970.
    pub(crate) since: i64,
    /// The number of the incident that its first days belong to; zero: none.
    pub(crate) incident: u16,
}

/// Creates a cluster in an account beside the others; `home` is the name of the home region.
pub(crate) fn create_cluster(
    rng: &mut impl Rng,
    others: &[Cluster],
    accounts: &[Account],
    account: usize,
    home: &str,
    since: i64,
    incident: u16,
) -> Cluster {
    let owner = &accounts[account];
    // With more clusters than names, two may share one.
    let is_free = |name: &&str| others.iter().all(|other| !other.name.ends_with(*name));
    let free: Vec<_> = CLUSTER_NAMES.into_iter().filter(is_free).collect();
    let name = if free.is_empty() { CLUSTER_NAMES[0] } else { *one_of(rng, &free) };
    let name = format!("{}-{name}", owner.name);
    let provider = format!(
        "arn:aws:iam::{}:oidc-provider/oidc.eks.{home}.amazonaws.com/id/{}",
        owner.id,
        hex(rng, 32).to_uppercase()
    );
    let roles = ["external-secrets", "cluster-autoscaler", "aws-load-balancer-controller"]
        .map(|operator| (format!("{name}-{operator}"), iam_id("AROA", rng)));
    Cluster { account, name, provider, roles, refresh_hours: *one_of(rng, &[3, 6, 12, 24]), since, incident }
}

const CLUSTER_NAMES: [&str; 8] = ["blue", "green", "apps", "batch", "edge", "core", "tools", "web"];
