//! Credentials of a named AWS CLI profile, by asking the AWS CLI: it knows SSO, role chains and MFA.

use std::process::Stdio;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use serde::Deserialize;
use tokio::sync::Mutex;

/// Runs `aws configure export-credentials --profile P --format process` and keeps the answer until it is nearly due.
#[derive(Debug)]
pub struct ProfileCredentials {
    profile: String,
    current: Mutex<Option<Held>>,
}

#[derive(Debug)]
struct Held {
    credential: Arc<AwsCredential>,
    expires: Option<DateTime<Utc>>,
}

/// The AWS CLI's `credential_process` answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Exported {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

impl ProfileCredentials {
    /// Credentials of the profile called `profile`; nothing is run before the first request.
    pub fn new(profile: &str) -> ProfileCredentials {
        ProfileCredentials { profile: profile.into(), current: Mutex::new(None) }
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

    fn export(&self) -> object_store::Result<Held> {
        let output = std::process::Command::new("aws")
            .args(["configure", "export-credentials", "--format", "process", "--profile", &self.profile])
            .stdin(Stdio::null())
            .output()
            .map_err(|e| self.failed(format!("cannot run the AWS CLI ({e})")))?;
        if !output.status.success() {
            return Err(self.failed(String::from_utf8_lossy(&output.stderr).trim()));
        }
        let exported: Exported = serde_json::from_slice(&output.stdout).map_err(|e| self.failed(e))?;
        let expires = exported.expiration.as_deref().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        Ok(Held {
            credential: Arc::new(AwsCredential {
                key_id: exported.access_key_id,
                secret_key: exported.secret_access_key,
                token: exported.session_token,
            }),
            expires: expires.map(|at| at.with_timezone(&Utc)),
        })
    }
}

#[async_trait]
impl CredentialProvider for ProfileCredentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut current = self.current.lock().await;
        let soon = Utc::now() + Duration::minutes(5);
        if let Some(held) = current.as_ref().filter(|held| held.expires.is_none_or(|at| at > soon)) {
            return Ok(Arc::clone(&held.credential));
        }
        let held = tokio::task::block_in_place(|| self.export())?;
        Ok(Arc::clone(&current.insert(held).credential))
    }
}
