//! Limits on what decoding one object may cost. Whatever exceeds a limit is a reject.

/// Limits for one object.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Decompressed bytes of one object; for a zip or tar, of all its files together. A busy account's logs reach 50
    /// MB.
    pub object_bytes_max: usize,
    /// Decompressed bytes per stored byte. CloudTrail's logs have a ratio of 3 to 20; deflate can reach 1,032.
    pub ratio_max: usize,
    /// Bytes of one record. CloudTrail guarantees at most 256 KB, or 1 MB for enriched events.
    pub record_bytes_max: usize,
    /// Files in one zip or tar.
    pub members_max: usize,
    /// Rejects listed per object; all are counted.
    pub rejects_max: usize,
    /// Depth of nested envelopes. Three occur in practice: a log event, an EventBridge event and its record.
    pub envelopes_max: usize,
}

/// Decompressed bytes an object may have whatever its ratio: a few identical large records have a ratio of 600.
pub(super) const RATIO_FREE_BYTES: usize = 16 << 20;

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            object_bytes_max: 1 << 30,
            ratio_max: 200,
            record_bytes_max: 4 << 20,
            members_max: 100_000,
            rejects_max: 10_000,
            envelopes_max: 5,
        }
    }
}

impl Limits {
    /// Decompressed bytes allowed for an object with this many stored bytes.
    pub(super) fn decompressed_bytes_max(&self, stored_bytes: usize) -> usize {
        self.object_bytes_max.min(self.ratio_bytes_max(stored_bytes))
    }

    /// Bytes that the ratio allows for an object with this many stored bytes.
    pub(super) fn ratio_bytes_max(&self, stored_bytes: usize) -> usize {
        stored_bytes.saturating_mul(self.ratio_max).max(RATIO_FREE_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_limits_what_a_small_object_may_decompress_to() {
        let limits = Limits::default();
        assert_eq!(limits.decompressed_bytes_max(1000), RATIO_FREE_BYTES);
        assert_eq!(limits.decompressed_bytes_max(1 << 20), 200 << 20);
        assert_eq!(limits.decompressed_bytes_max(usize::MAX), 1 << 30);
    }
}
