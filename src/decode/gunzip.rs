//! Inflates an object, whatever its name says, within a bound.

use std::io::Read;

use flate2::bufread::MultiGzDecoder;
use libdeflater::Decompressor;

/// What a gzip member begins with.
const MAGIC: &[u8] = &[0x1f, 0x8b];
/// Bytes that one deflated byte can stand for at most.
const DEFLATE_RATIO_MAX: usize = 1032;

/// Inflates one object after the other.
pub struct Gunzip {
    at_once: Decompressor,
}

impl Gunzip {
    pub fn new() -> Gunzip {
        Gunzip { at_once: Decompressor::new() }
    }

    /// Puts the inflated bytes into `out`, all members of a gzip file one after the other; plain bytes are copied.
    ///
    /// Stops at `bytes_max`. Returns what is wrong, when something is; what came before the damage is in `out`.
    pub fn inflate(&mut self, bytes: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> Option<String> {
        if bytes.starts_with(MAGIC) && self.at_once(bytes, bytes_max, out) {
            return None;
        }
        out.clear();
        if !bytes.starts_with(MAGIC) {
            out.extend_from_slice(&bytes[..bytes.len().min(bytes_max)]);
            return (bytes.len() > bytes_max).then(|| over(bytes_max, bytes));
        }
        let mut bounded = MultiGzDecoder::new(bytes).take(bytes_max as u64 + 1);
        match bounded.read_to_end(out) {
            Ok(_) if out.len() > bytes_max => {
                out.truncate(bytes_max);
                Some(over(bytes_max, bytes))
            }
            Ok(_) => None,
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Some("truncated gzip".into()),
            Err(e) => Some(format!("damaged gzip: {e}")),
        }
    }

    /// A file of one sound member, which says its size at its end, into one buffer: twice as fast as piece by piece. False
    /// for any other; `out` then holds anything.
    fn at_once(&mut self, bytes: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> bool {
        let Some(last) = bytes.last_chunk::<4>() else { return false };
        let size = u32::from_le_bytes(*last) as usize;
        if size > bytes_max || size / DEFLATE_RATIO_MAX > bytes.len() {
            return false;
        }
        out.resize(size, 0);
        // It stops behind the first member, which ends in its size: where anything follows, this size stands there too. What
        // looks like it may be chance; the careful way reads it either way.
        self.at_once.gzip_decompress(bytes, out).is_ok_and(|inflated| inflated == size)
            && memchr::memmem::find(bytes, last) == Some(bytes.len() - last.len())
    }
}

fn over(bytes_max: usize, stored: &[u8]) -> String {
    format!("larger than {bytes_max} bytes when inflated, {} as stored; the rest was not read", stored.len())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn inflate(bytes: &[u8], max: usize) -> (Vec<u8>, Option<String>) {
        let mut out = Vec::new();
        let problem = Gunzip::new().inflate(bytes, max, &mut out);
        (out, problem)
    }

    #[test]
    fn members_are_joined_and_plain_bytes_are_kept() {
        let two = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(inflate(&two, 100), (b"one two".to_vec(), None));
        assert_eq!(inflate(b"{\"a\":1}", 100), (b"{\"a\":1}".to_vec(), None));
    }

    #[test]
    fn what_follows_a_member_is_never_lost() {
        let member = gzip(b"four");
        assert_eq!(inflate(&[&member[..], &member].concat(), 100), (b"fourfour".to_vec(), None));
        let (out, problem) = inflate(&[&member[..], b"\0\0", &member].concat(), 100);
        assert!(out.starts_with(b"four") && problem.is_some());
        let (out, problem) = inflate(&[&member[..], b"garbage"].concat(), 100);
        assert_eq!(out, b"four");
        assert!(problem.is_some());
    }

    #[test]
    fn a_buffer_keeps_nothing_of_the_object_before() {
        let (mut gunzip, mut out) = (Gunzip::new(), Vec::new());
        for text in [&b"a long one"[..], b"short", b"", b"longer again"] {
            assert_eq!(gunzip.inflate(&gzip(text), 100, &mut out), None);
            assert_eq!(out, text);
            assert_eq!(gunzip.inflate(text, 100, &mut out), None);
            assert_eq!(out, text);
        }
    }

    #[test]
    fn a_bomb_stops_at_the_bound_and_says_so() {
        let (out, problem) = inflate(&gzip(&vec![b'x'; 1 << 20]), 1000);
        assert_eq!(out.len(), 1000);
        assert!(problem.unwrap().contains("larger than 1000 bytes"));
    }

    #[test]
    fn what_came_before_a_cut_is_kept() {
        let text: Vec<u8> = (0..20_000u32).flat_map(|n| n.to_le_bytes()).collect();
        let whole = gzip(&text);
        let (out, problem) = inflate(&whole[..whole.len() / 2], 1 << 20);
        assert_eq!(problem.as_deref(), Some("truncated gzip"));
        assert!(!out.is_empty() && text.starts_with(&out));
    }

    #[test]
    fn a_wrong_checksum_is_told_and_the_text_kept() {
        let mut whole = gzip(b"text");
        let at = whole.len() - 8;
        whole[at] ^= 1;
        let (out, problem) = inflate(&whole, 100);
        assert_eq!(out, b"text");
        assert!(problem.unwrap().starts_with("damaged gzip"));
    }
}
