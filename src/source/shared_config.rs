//! The files that the AWS CLI and the SDKs share: `~/.aws/config` and `~/.aws/credentials`.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::PathBuf;

use configparser::ini::Ini;
use object_store::aws::AwsCredential;

/// The settings of one profile.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SharedProfile(HashMap<String, String>);

impl SharedProfile {
    /// Reads a profile from both files; `None` when neither has it.
    ///
    /// # Errors
    /// The reason why a file cannot be read or parsed.
    pub(super) fn read(name: &str) -> Result<Option<SharedProfile>, String> {
        let config = text("AWS_CONFIG_FILE", "config")?;
        let credentials = text("AWS_SHARED_CREDENTIALS_FILE", "credentials")?;
        SharedProfile::of(name, &config, &credentials)
    }

    /// The profile in the texts of both files; the credentials file takes precedence.
    fn of(name: &str, config: &str, credentials: &str) -> Result<Option<SharedProfile>, String> {
        let in_config = |section: &str| match section.split_once(char::is_whitespace) {
            Some(("profile", rest)) => rest.trim() == name,
            _ => section == "default" && name == "default",
        };
        let mut settings: Option<HashMap<String, String>> = None;
        for (what, text, is_profile) in [
            ("the AWS config file", config, &in_config as &dyn Fn(&str) -> bool),
            ("the AWS credentials file", credentials, &|section: &str| section == name),
        ] {
            let sections = parser().read(text.to_owned()).map_err(|e| format!("{what}: {e}"))?;
            for (_, values) in sections.into_iter().filter(|(section, _)| is_profile(section)) {
                let values = values.into_iter().filter_map(|(key, value)| Some((key.to_lowercase(), value?)));
                settings.get_or_insert_default().extend(values);
            }
        }
        Ok(settings.map(SharedProfile))
    }

    /// The value of a setting.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The keys written in the file.
    pub(super) fn keys(&self) -> Option<AwsCredential> {
        Some(AwsCredential {
            key_id: self.get("aws_access_key_id")?.to_owned(),
            secret_key: self.get("aws_secret_access_key")?.to_owned(),
            token: self.get("aws_session_token").map(str::to_owned),
        })
    }

    /// True for a profile of IAM Identity Center.
    pub(super) fn uses_sso(&self) -> bool {
        self.get("sso_session").or_else(|| self.get("sso_start_url")).is_some()
    }

    /// True when the profile says where credentials come from.
    pub(super) fn has_credentials(&self) -> bool {
        let sources = ["aws_access_key_id", "credential_process", "role_arn", "login_session"];
        self.uses_sso() || sources.iter().any(|name| self.get(name).is_some())
    }
}

/// Names are case-sensitive, and a value may contain any character.
fn parser() -> Ini {
    let mut parser = Ini::new_cs();
    let mut syntax = parser.defaults();
    syntax.delimiters = vec!['='];
    syntax.inline_comment_symbols = Some(Vec::new());
    // Lines that are indented belong to the setting above them.
    syntax.multiline = true;
    parser.load_defaults(syntax);
    parser
}

/// The text of a file that `variable` names, or of `name` in `~/.aws`; empty when there is none.
fn text(variable: &str, name: &str) -> Result<String, String> {
    let named = std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    let Some(path) = named.or_else(|| std::env::home_dir().map(|home| home.join(".aws").join(name))) else {
        return Ok(String::new());
    };
    match std::fs::read_to_string(&path) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(String::new()),
        read => read.map_err(|e| format!("{}: {e}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "\
# a comment
[default]
region = eu-central-1
s3 =
  max_concurrent_requests = 20
  addressing_style = path

[profile audit]
region=eu-west-1
aws_access_key_id = from-config
[profile  two  words]
credential_process = /opt/get credentials --name 'a=b' ; x
[sso-session acme]
sso_region = eu-west-1
[profile people]
sso_session = acme
";
    const CREDENTIALS: &str = "\
[audit]
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCY#EXAMPLE=KEY
[Audit]
aws_access_key_id = other
";

    fn profile(name: &str) -> Option<SharedProfile> {
        SharedProfile::of(name, CONFIG, CREDENTIALS).unwrap()
    }

    #[test]
    fn a_profile_is_read_from_both_files() {
        let audit = profile("audit").unwrap();
        let keys = audit.keys().unwrap();
        assert_eq!(keys.key_id, "AKIAIOSFODNN7EXAMPLE");
        assert_eq!(keys.secret_key, "wJalrXUtnFEMI/K7MDENG+bPxRfiCY#EXAMPLE=KEY");
        assert_eq!((keys.token, audit.get("region")), (None, Some("eu-west-1")));
        assert_eq!(profile("default").unwrap().get("region"), Some("eu-central-1"));
        assert!(!profile("default").unwrap().has_credentials());
        assert_eq!(
            profile("two  words").unwrap().get("credential_process"),
            Some("/opt/get credentials --name 'a=b' ; x")
        );
        assert!(profile("people").unwrap().uses_sso());
        assert_eq!(profile("acme"), None);
        assert_eq!(profile("nobody"), None);
    }
}
