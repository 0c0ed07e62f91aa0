//! SHA-256 as hex text and as a UUID.

use sha2::{Digest, Sha256};

/// The SHA-256 of `bytes`, lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A UUID that is the same for the same text: the first bits of the SHA-256 of `text`, marked as `version`.
pub fn uuid(text: &str, version: uuid::Version) -> uuid::Uuid {
    let mut bytes = [0; 16];
    let hash = Sha256::digest(text.as_bytes());
    bytes.iter_mut().zip(hash.iter()).for_each(|(byte, of_hash)| *byte = *of_hash);
    uuid::Builder::from_bytes(bytes).with_variant(uuid::Variant::RFC4122).with_version(version).into_uuid()
}
