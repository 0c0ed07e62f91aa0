//! The AWS regions of the sample, by index.

/// Regions by index. The organisation uses the first four; calls in the others are unusual.
pub(crate) const REGIONS: [&str; 15] = [
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

/// The region of most workloads.
pub(crate) const HOME_REGION: usize = 0;

/// The region where global services log.
pub(crate) const GLOBAL_REGION: usize = 1;

/// Number of regions in use.
pub(crate) const REGIONS_USED: usize = 4;
