//! The AWS regions of the sample, by index.

/// The names of the regions by index. The organisation uses the first four; calls in the others are unusual.
pub(crate) type RegionNames = [&'static str; REGION_COUNT];

/// Number of regions.
pub(crate) const REGION_COUNT: usize = 15;

/// The regions in the order of an organisation with its home in Frankfurt.
const REGIONS: RegionNames = [
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

/// The regions of an organisation with this home: the home first, then the global region, then two others in use.
pub(crate) fn region_names(home: &str, others: [&str; 2]) -> RegionNames {
    let mut names = REGIONS;
    for (index, name) in [(HOME_REGION, home), (2, others[0]), (3, others[1])] {
        if let Some(current) = names.iter().position(|other| *other == name) {
            names.swap(index, current);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_in_use_come_first_and_none_is_lost() {
        assert_eq!(region_names("eu-central-1", ["eu-west-1", "us-west-2"]), REGIONS);
        let mut names = region_names("sa-east-1", ["us-east-2", "eu-central-1"]);
        assert_eq!(names[..REGIONS_USED], ["sa-east-1", "us-east-1", "us-east-2", "eu-central-1"]);
        names.sort_unstable();
        let mut all = REGIONS;
        all.sort_unstable();
        assert_eq!(names, all);
    }
}
