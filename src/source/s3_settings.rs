//! How to reach S3: a profile and an endpoint on top of the environment variables.

use std::sync::Arc;

use object_store::aws::AmazonS3Builder;

use super::profile::ProfileCredentials;

/// S3 settings that take precedence over the environment.
#[derive(Debug, Clone, Default)]
pub struct S3Settings {
    /// Named profile of the AWS CLI.
    pub profile: Option<String>,
    /// Endpoint of a compatible server, such as `http://127.0.0.1:5000`.
    pub endpoint_url: Option<String>,
}

impl S3Settings {
    /// The endpoint, from these settings or the environment.
    pub(super) fn endpoint(&self) -> Option<String> {
        self.endpoint_url.clone().or_else(|| std::env::var("AWS_ENDPOINT_URL").ok())
    }

    /// A store builder with the environment and these settings applied.
    pub(super) fn builder(&self) -> AmazonS3Builder {
        let mut builder = AmazonS3Builder::from_env();
        if let Some(endpoint) = self.endpoint() {
            builder = builder.with_allow_http(endpoint.starts_with("http://")).with_endpoint(endpoint);
        }
        match &self.profile {
            Some(profile) => builder.with_credentials(Arc::new(ProfileCredentials::new(profile))),
            None => builder,
        }
    }
}
