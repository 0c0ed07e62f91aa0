//! How to reach S3: a profile and an endpoint on top of the environment variables.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, AwsCredentialProvider};
use object_store::{Result, RetryConfig};

use super::default_credentials::DefaultCredentials;
use super::keys::KeyConnector;
use super::profile::ProfileCredentials;
use super::shared_config::SharedProfile;

/// No attempt of a request starts later than this. An attempt takes at most 30 seconds, the default of object_store, so
/// a server that accepts connections and never answers costs a minute.
const RETRY_TIME_MAX: Duration = Duration::from_secs(45);

/// The profile of the AWS files when none is named.
const DEFAULT_PROFILE: &str = "default";

/// S3 settings that take precedence over the environment.
#[derive(Debug, Clone, Default)]
pub struct S3Settings {
    /// Named profile of the AWS CLI.
    pub profile: Option<String>,
    /// Endpoint of a compatible server, such as `http://127.0.0.1:5000`.
    pub endpoint_url: Option<String>,
}

impl S3Settings {
    /// The endpoint, from these settings, the environment or the profile.
    pub(super) fn endpoint(&self) -> Option<String> {
        let of_profile = || match variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").as_deref() {
            Some("true") => None,
            _ => self.of_profile("endpoint_url"),
        };
        self.endpoint_url.clone().or_else(|| variable("AWS_ENDPOINT_URL")).or_else(of_profile)
    }

    /// A setting of the profile, or of the default profile. A file that cannot be read is an error later, when its
    /// credentials are needed.
    fn of_profile(&self, name: &str) -> Option<String> {
        let profile = self.profile().unwrap_or_else(|| DEFAULT_PROFILE.into());
        SharedProfile::read(&profile).ok().flatten()?.get(name).map(str::to_owned)
    }

    /// The profile, from these settings, the environment or the files' default. As in the AWS CLI, keys in the environment
    /// take precedence over a profile in the environment, and a web identity over the default profile.
    fn profile(&self) -> Option<String> {
        let has = |name: &str| variable(name).is_some();
        let from_environment = || variable("AWS_PROFILE").filter(|_| !has("AWS_ACCESS_KEY_ID"));
        let default = || {
            let is_asked = !has("AWS_ACCESS_KEY_ID") && !has("AWS_WEB_IDENTITY_TOKEN_FILE");
            let profile = is_asked.then(|| SharedProfile::read(DEFAULT_PROFILE).ok().flatten()).flatten()?;
            profile.has_credentials().then(|| DEFAULT_PROFILE.to_owned())
        };
        self.profile.clone().or_else(from_environment).or_else(default)
    }

    /// Whether AWS can be asked for the region of a bucket: not for another server, and only in the largest partition.
    pub(super) fn finds_region(&self) -> bool {
        let is_in_partition = |region: String| dns_suffix(&region) == "amazonaws.com" && !region.starts_with("us-gov-");
        self.endpoint().is_none() && self.region().is_none_or(is_in_partition)
    }

    /// The region of the environment or the profile.
    fn region(&self) -> Option<String> {
        self.environment().get_config_value(&AmazonS3ConfigKey::Region)
    }

    /// A store for a bucket, with the environment and these settings applied.
    ///
    /// # Errors
    /// When the settings contradict each other.
    pub(super) fn store(&self, bucket: &str, region: Option<&str>) -> Result<AmazonS3> {
        let retry = RetryConfig { retry_timeout: RETRY_TIME_MAX, ..RetryConfig::default() };
        let mut builder = self.environment().with_http_connector(KeyConnector).with_retry(retry);
        builder = builder.with_bucket_name(bucket).with_credentials(self.credentials()?);
        if let Some(region) = region {
            builder = builder.with_region(region);
        }
        let region = region.map(str::to_owned).or_else(|| self.region());
        if let (None, Some(region)) = (self.endpoint(), &region)
            && dns_suffix(region) != dns_suffix("us-east-1")
        {
            builder = builder.with_endpoint(format!("https://s3.{region}.{}", dns_suffix(region)));
        }
        builder.build()
    }

    fn environment(&self) -> AmazonS3Builder {
        let mut builder = AmazonS3Builder::from_env();
        if let (None, Some(region)) = (builder.get_config_value(&AmazonS3ConfigKey::Region), self.of_profile("region"))
        {
            builder = builder.with_region(region);
        }
        match self.endpoint() {
            Some(endpoint) => builder.with_allow_http(endpoint.starts_with("http://")).with_endpoint(endpoint),
            None => builder,
        }
    }

    /// Credentials of the profile or of the environment.
    ///
    /// # Errors
    /// When the environment has half a pair of keys.
    pub(super) fn credentials(&self) -> Result<AwsCredentialProvider> {
        if let Some(profile) = self.profile() {
            return Ok(Arc::new(ProfileCredentials::new(&profile)));
        }
        // This store is only used for its credentials, so the bucket does not matter.
        let retry = RetryConfig { max_retries: 1, ..RetryConfig::default() };
        let store = self.environment().with_bucket_name("none").with_retry(retry).build()?;
        Ok(Arc::new(DefaultCredentials::new(Arc::clone(store.credentials()))))
    }
}

/// An environment variable that is not empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The end of the host names of a region's partition.
///
/// <https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>
pub(super) fn dns_suffix(region: &str) -> &'static str {
    let suffixes = [
        ("cn-", "amazonaws.com.cn"),
        ("us-isob-", "sc2s.sgov.gov"),
        ("us-isof-", "csp.hci.ic.gov"),
        ("eu-isoe-", "cloud.adc-e.uk"),
        ("us-iso-", "c2s.ic.gov"),
        ("eusc-", "amazonaws.eu"),
    ];
    suffixes.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("amazonaws.com", |(_, suffix)| suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_its_own_host_names() {
        for (region, suffix) in [
            ("eu-west-1", "amazonaws.com"),
            ("us-gov-west-1", "amazonaws.com"),
            ("cn-north-1", "amazonaws.com.cn"),
            ("us-iso-east-1", "c2s.ic.gov"),
            ("us-isob-east-1", "sc2s.sgov.gov"),
            ("eusc-de-east-1", "amazonaws.eu"),
        ] {
            assert_eq!(dns_suffix(region), suffix, "{region}");
        }
    }
}
