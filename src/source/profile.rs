//! Credentials of a named profile: from the files that the AWS tools share, or exported by the AWS CLI, which supports SSO,
//! roles and MFA.

use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::shared_config::SharedProfile;

/// Takes the keys of the profile or the output of its `credential_process`. For any other profile it runs `aws configure
/// export-credentials --profile P --format process`. Caches what it gets until shortly before it expires.
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

/// Output of the AWS CLI, and of a `credential_process`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ExportedCredential {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

impl ProfileCredentials {
    /// Credentials of the given profile. Nothing is read or run before the first request.
    pub fn new(profile: &str) -> ProfileCredentials {
        ProfileCredentials { profile: profile.into(), cached: Mutex::new(None) }
    }

    fn failed(&self, reason: impl std::fmt::Display) -> object_store::Error {
        let reason = format!("no credentials for profile {}: {reason}", self.profile);
        object_store::Error::Generic { store: "S3", source: reason.into() }
    }

    fn read(&self) -> object_store::Result<CachedCredential> {
        let profile = SharedProfile::read(&self.profile).map_err(|e| self.failed(e))?;
        let Some(profile) = profile else {
            return Err(self.failed("it is neither in the AWS config file nor in the credentials file"));
        };
        if let Some(credential) = profile.keys() {
            return Ok(CachedCredential { credential: Arc::new(credential), expires_at: None });
        }
        match profile.get("credential_process") {
            Some(process) => {
                let output = Command::new("sh").arg("-c").arg(process).stdin(Stdio::null()).output();
                let output = output.map_err(|e| self.failed(format!("cannot run its credential_process: {e}")))?;
                self.exported(&output, "its credential_process failed")
            }
            None => {
                let arguments = ["configure", "export-credentials", "--format", "process", "--profile", &self.profile];
                let output = Command::new("aws").args(arguments).stdin(Stdio::null()).output().map_err(|e| {
                    let uses = if profile.uses_sso() { "IAM Identity Center (SSO)" } else { "no keys of its own" };
                    self.failed(format!("it uses {uses}, which needs the AWS CLI v2: cannot run `aws` ({e})"))
                })?;
                let next = format!("try `aws sso login --profile {}`", self.profile);
                self.exported(&output, if profile.uses_sso() { &next } else { "the AWS CLI failed" })
            }
        }
    }

    fn exported(&self, output: &Output, when_it_failed: &str) -> object_store::Result<CachedCredential> {
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr);
            return Err(self.failed(format!("{}; {when_it_failed}", reason.trim())));
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
        let read = tokio::task::block_in_place(|| self.read())?;
        Ok(Arc::clone(&cached.insert(read).credential))
    }
}
