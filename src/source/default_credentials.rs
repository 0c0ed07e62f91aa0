//! Credentials of the environment: keys, a web identity, a container's or an instance's role.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use object_store::aws::{AwsCredential, AwsCredentialProvider};
use object_store::{CredentialProvider, Error, Result};

use crate::error::root_cause;

/// The metadata service answers within milliseconds. Outside of AWS its address often leads nowhere.
const TIME_MAX: Duration = Duration::from_secs(10);

/// Credentials of the environment, with a time limit and an error that says where they can come from.
#[derive(Debug)]
pub(super) struct DefaultCredentials {
    environment: AwsCredentialProvider,
    time_max: Duration,
    /// Set when the first request failed: later ones fail with the same reason, at once.
    missing: OnceLock<String>,
    found: OnceLock<()>,
}

impl DefaultCredentials {
    pub(super) fn new(environment: AwsCredentialProvider) -> DefaultCredentials {
        DefaultCredentials { environment, time_max: TIME_MAX, missing: OnceLock::new(), found: OnceLock::new() }
    }
}

#[async_trait]
impl CredentialProvider for DefaultCredentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> Result<Arc<AwsCredential>> {
        let failed = |reason: &str| Error::Generic { store: "S3", source: reason.into() };
        if let Some(reason) = self.missing.get() {
            return Err(failed(reason));
        }
        let reason = match tokio::time::timeout(self.time_max, self.environment.get_credential()).await {
            Ok(Ok(credential)) => {
                self.found.get_or_init(|| ());
                return Ok(credential);
            }
            Ok(Err(e)) => root_cause(&e),
            Err(_) => format!("the metadata service did not answer within {} s", self.time_max.as_secs()),
        };
        let reason = format!("no credentials found; use --profile, AWS_PROFILE or AWS_ACCESS_KEY_ID ({reason})");
        // A role's credentials expire, and the next request for them can succeed.
        if self.found.get().is_none() {
            self.missing.get_or_init(|| reason.clone());
        }
        Err(failed(&reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Silent;

    #[async_trait]
    impl CredentialProvider for Silent {
        type Credential = AwsCredential;

        async fn get_credential(&self) -> Result<Arc<AwsCredential>> {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn a_silent_metadata_service_is_given_up_once() {
        let time_max = Duration::from_millis(200);
        let credentials = DefaultCredentials { time_max, ..DefaultCredentials::new(Arc::new(Silent)) };
        let started = std::time::Instant::now();
        for _ in 0..20 {
            let error = root_cause(&credentials.get_credential().await.unwrap_err());
            let expected = "no credentials found; use --profile, AWS_PROFILE or AWS_ACCESS_KEY_ID";
            assert!(error.starts_with(expected), "{error}");
        }
        assert!(started.elapsed() < 10 * time_max, "waited {:?}", started.elapsed());
    }
}
