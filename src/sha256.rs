//! SHA-256 as text.

use sha2::{Digest, Sha256};

/// The hash of `bytes`, lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
