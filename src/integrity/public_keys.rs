//! CloudTrail's public keys, parsed from the output of `aws cloudtrail list-public-keys`.
//!
//! Each region has its own keys, so several outputs can be added. A fingerprint is the hex MD5 of the key's DER.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::error::{Error, Result};

/// DER of `SEQUENCE { OID rsaEncryption, NULL }`, which precedes the key in X.509 but not in PKCS #1.
const RSA_ENCRYPTION: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// Public keys by fingerprint.
#[derive(Debug, Default)]
pub struct PublicKeys {
    by_fingerprint: HashMap<String, PublicKey>,
}

/// One key and its validity.
#[derive(Debug)]
pub(super) struct PublicKey {
    /// PKCS #1 DER.
    pub der: Vec<u8>,
    pub valid_from: Option<DateTime<Utc>>,
    pub valid_to: Option<DateTime<Utc>>,
}

impl PublicKeys {
    /// Adds the keys of one output; `name` is its name in error messages.
    ///
    /// # Errors
    /// [`Error::Usage`] when the text is not such an output or lists no key.
    pub fn add(&mut self, text: &str, name: &str) -> Result<()> {
        let invalid = |problem: &str| {
            Error::Usage(format!(
                "{name} is not the output of `aws cloudtrail list-public-keys --start-time T --end-time T`: {problem}"
            ))
        };
        let parsed: Value = serde_json::from_str(text).map_err(|e| invalid(&e.to_string()))?;
        // The user guide writes the member with a lower-case p, the API and the CLI with a capital.
        let list = ["PublicKeyList", "publicKeyList"].iter().find_map(|member| parsed.get(member)).unwrap_or(&parsed);
        let list = list.as_array().ok_or_else(|| invalid("no PublicKeyList"))?;
        if list.is_empty() {
            return Err(invalid("it lists no keys; set T to the start and end of the days to verify"));
        }
        for key in list {
            let text = |member: &str| key.get(member).and_then(Value::as_str);
            let fingerprint = text("Fingerprint").ok_or_else(|| invalid("a key without Fingerprint"))?;
            let value = text("Value").and_then(|value| STANDARD.decode(value).ok());
            let der = value.ok_or_else(|| invalid(&format!("key {fingerprint} has no base64 Value")))?;
            let key = PublicKey {
                der: unwrap_x509(der),
                valid_from: key.get("ValidityStartTime").and_then(instant),
                valid_to: key.get("ValidityEndTime").and_then(instant),
            };
            self.by_fingerprint.insert(fingerprint.to_ascii_lowercase(), key);
        }
        Ok(())
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.by_fingerprint.len()
    }

    /// True when there are no keys.
    pub fn is_empty(&self) -> bool {
        self.by_fingerprint.is_empty()
    }

    pub(super) fn get(&self, fingerprint: &str) -> Option<&PublicKey> {
        self.by_fingerprint.get(&fingerprint.to_ascii_lowercase())
    }
}

/// Converts a key from X.509 to PKCS #1; a PKCS #1 key is returned unchanged. The user guide shows both.
fn unwrap_x509(der: Vec<u8>) -> Vec<u8> {
    let Some(at) = der.windows(RSA_ENCRYPTION.len()).take(8).position(|bytes| bytes == RSA_ENCRYPTION) else {
        return der;
    };
    // Next: BIT STRING, its length (one byte, or 0x80 + n and n bytes), and a zero for no unused bits.
    let bits = &der[at + RSA_ENCRYPTION.len()..];
    let length_bytes = bits.get(1).map_or(0, |first| if *first < 0x80 { 0 } else { usize::from(first & 0x7f) });
    bits.get(2 + length_bytes + 1..).map(<[u8]>::to_vec).unwrap_or(der)
}

/// Seconds since 1970 as a number or string, or RFC 3339, depending on the version and settings of the AWS CLI.
fn instant(value: &Value) -> Option<DateTime<Utc>> {
    let seconds = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    match seconds {
        Some(seconds) => DateTime::from_timestamp(seconds as i64, 0),
        None => DateTime::parse_from_rfc3339(value.as_str()?).ok().map(|time| time.to_utc()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first and the last key of the user guide's sample response (cloudtrail-log-file-custom-validation).
    const USER_GUIDE_SAMPLE: &str = r#"{"publicKeyList": [
        {"ValidityStartTime": "1436317441.0", "ValidityEndTime": "1438909441.0", "Fingerprint": "8eba5db5bea9b640d1c96a77256fe7f2",
         "Value": "MIIBCgKCAQEAn11L2YZ9h7onug2ILi1MWyHiMRsTQjfWE+pHVRLk1QjfWhirG+lpOa8NrwQ/r7Ah5bNL6HepznOU9XTDSfmmnP97mqyc7z/upfZdS/AHhYcGaz7n6Wc/RRBU6VmiPCrAUojuSk6/GjvA8iOPFsYDuBtviXarvuLPlrT9kAd4Lb+rFfR5peEgBEkhlzc5HuWO7S0y+KunqxX6jQBnXGMtxmPBPP0FylgWGNdFtks/4YSKcgqwH0YDcawP9GGGDAeCIqPWIXDLG1jOjRRzWfCmD0iJUkz8vTsn4hq/5ZxRFE7UBAUiVcGbdnDdvVfhF9C3dQiDq3k7adQIziLT0cShgQIDAQAB"},
        {"ValidityStartTime": "1434589370.0", "ValidityEndTime": "1437181370.0", "Fingerprint": "31E8b5433410dfb61a9dc45cc65b22ff",
         "Value": "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAqlzPJbvZJ42UdcmLfPUqXYNfOs6I8lCfao/tOs8CmzPOEdtLWugB9xoIUz78qVHdKIqxbaG4jWHfJBiOSSFBM0lt8cdVo4TnRa7oG9io5pysS6DJhBBAeXsicufsiFJR+wrUNh8RSLxL4k6G1+BhLX20tJkZ/erT97tDGBujAelqseGg3vPZbTx9SMfOLN65PdLFudLP7Gat0Z9p5jw/rjpclKfo9Bfc3heeBxWGKwBBOKnFAaN9V57pOaosCvPKmHd9bg7jsQkI9Xp22IzGLsTFJZYVA3KiTAElDMu80iFXPHEq9hKNbt9e4URFam+1utKVEiLkR2disdCmPTK0VQIDAQAB"}
    ]}"#;

    #[test]
    fn keys_of_the_user_guide_are_parsed_in_both_encodings() {
        let mut keys = PublicKeys::default();
        keys.add(USER_GUIDE_SAMPLE, "keys.json").unwrap();
        for fingerprint in ["8eba5db5bea9b640d1c96a77256fe7f2", "31e8b5433410dfb61a9dc45cc65b22ff"] {
            let key = keys.get(fingerprint).unwrap();
            // SEQUENCE of 266 bytes, INTEGER of 257: a modulus of 2,048 bits, then the exponent 65,537.
            assert!(key.der.starts_with(&[0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00]), "{fingerprint}");
            assert_eq!(key.der.len(), 270);
        }
        assert_eq!(
            keys.get("8eba5db5bea9b640d1c96a77256fe7f2").unwrap().valid_from.unwrap().timestamp(),
            1_436_317_441
        );
    }

    #[test]
    fn times_are_parsed_in_every_format_the_cli_prints() {
        for text in
            ["1453076702.0", "\"1453076702.0\"", "\"2016-01-18T00:25:02+00:00\"", "\"2016-01-18T01:25:02+01:00\""]
        {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(instant(&value).unwrap().timestamp(), 1_453_076_702, "{text}");
        }
    }

    #[test]
    fn other_files_are_refused_with_the_command_to_run() {
        for text in ["{}", "[]", "no JSON", r#"[{"Fingerprint": "a", "Value": "?"}]"#] {
            let error = PublicKeys::default().add(text, "keys.json").unwrap_err().to_string();
            assert!(error.starts_with("keys.json is not the output of `aws cloudtrail list-public-keys"), "{error}");
        }
    }
}
