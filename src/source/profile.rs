//! Credentials of a named profile, exported by the AWS CLI, which supports SSO, role chains and MFA.

use std::process::Stdio;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use serde::Deserialize;
use tokio::sync::Mutex;

/// Runs `aws configure export-credentials --profile P --format process` and caches its output until shortly before it
/// expires.
#[derive(Debug)]
pub struct ProfileCredentials {
    profile: String,
    cached: Mutex<Option<CachedCredential>>,
}

#[derive(Debug)]
struct CachedCredential {
    credential: Arc<AwsCredential>,
    expires_at: Option<DateTime<Utc>>,
}

/// Output of the AWS CLI in its `credential_process` format.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ExportedCredential {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

impl ProfileCredentials {
    /// Credentials of the given profile. The AWS CLI is not run before the first request.
    pub fn new(profile: &str) -> ProfileCredentials {
        ProfileCredentials { profile: profile.into(), cached: Mutex::new(None) }
    }

    fn failed(&self, reason: impl std::fmt::Display) -> object_store::Error {
        object_store::Error::Generic {
            store: "S3",
            source: format!(
                "no credentials for profile {}: {reason}; try `aws sso login --profile {0}`",
                self.profile,
                reason = reason
            )
            .into(),
        }
    }

    fn export(&self) -> object_store::Result<CachedCredential> {
        let output = std::process::Command::new("aws")
            .args(["configure", "export-credentials", "--format", "process", "--profile", &self.profile])
            .stdin(Stdio::null())
            .output()
            .map_err(|e| {
                self.failed(format!("cannot run `aws` ({e}): install AWS CLI v2, or set AWS_ACCESS_KEY_ID"))
            })?;
        if !output.status.success() {
            return Err(self.failed(String::from_utf8_lossy(&output.stderr).trim()));
        }
        let exported: ExportedCredential = serde_json::from_slice(&output.stdout).map_err(|e| self.failed(e))?;
        let expires_at = exported.expiration.as_deref().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        Ok(CachedCredential {
            credential: Arc::new(AwsCredential {
                key_id: exported.access_key_id,
                secret_key: exported.secret_access_key,
                token: exported.session_token,
            }),
            expires_at: expires_at.map(|at| at.with_timezone(&Utc)),
        })
    }
}

#[async_trait]
impl CredentialProvider for ProfileCredentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut cached = self.cached.lock().await;
        let soon = Utc::now() + Duration::minutes(5);
        if let Some(valid) = cached.as_ref().filter(|cached| cached.expires_at.is_none_or(|at| at > soon)) {
            return Ok(Arc::clone(&valid.credential));
        }
        let exported = tokio::task::block_in_place(|| self.export())?;
        Ok(Arc::clone(&cached.insert(exported).credential))
    }
}
