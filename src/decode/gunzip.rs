//! Decompresses an object if it is gzip, whatever its name, up to a limit. Gzip within gzip is decompressed too: Firehose
//! compresses again what CloudWatch Logs compressed.

use std::io::Read;

use flate2::bufread::MultiGzDecoder;
use libdeflater::Decompressor;

/// The first bytes of a gzip member.
const MAGIC: &[u8] = &[0x1f, 0x8b];
/// Maximum compression ratio of deflate.
const DEFLATE_RATIO_MAX: usize = 1032;
/// Maximum number of nested layers of gzip. Two occur in practice.
const LAYERS_MAX: usize = 3;

/// Decompresses objects, reusing its state.
pub struct Gunzip {
    decompressor: Decompressor,
    /// Bytes that the outer layers decompressed to in the last call.
    outer_layers_bytes: usize,
}

impl Gunzip {
    pub fn new() -> Gunzip {
        Gunzip { decompressor: Decompressor::new(), outer_layers_bytes: 0 }
    }

    /// Writes the decompressed bytes of all members of a gzip file to `out`; bytes that are not gzip are copied.
    ///
    /// Stops when all layers together have `bytes_max`. Returns the problem, if any; `out` then has the bytes before the
    /// damage.
    pub fn decompress(&mut self, bytes: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> Option<String> {
        self.outer_layers_bytes = 0;
        let mut problem = self.decompress_layer(bytes, bytes_max, out);
        for _ in 1..LAYERS_MAX {
            if !out.starts_with(MAGIC) {
                return problem;
            }
            let layer = std::mem::take(out);
            self.outer_layers_bytes += layer.len();
            let inner_problem = self.decompress_layer(&layer, bytes_max - self.outer_layers_bytes, out);
            problem = problem.or(inner_problem);
        }
        if out.starts_with(MAGIC) {
            out.clear();
            problem = problem.or_else(|| Some(format!("gzip within gzip: more than {LAYERS_MAX} layers")));
        }
        problem
    }

    /// Bytes that the outer layers decompressed to in the last call, which count towards the limit too.
    pub fn outer_layers_bytes(&self) -> usize {
        self.outer_layers_bytes
    }

    fn decompress_layer(&mut self, bytes: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> Option<String> {
        if bytes.starts_with(MAGIC) && self.decompress_single_member(bytes, bytes_max, out) {
            return None;
        }
        out.clear();
        if !bytes.starts_with(MAGIC) {
            out.extend_from_slice(&bytes[..bytes.len().min(bytes_max)]);
            return (bytes.len() > bytes_max).then(|| too_large(bytes_max, bytes));
        }
        let mut limited = MultiGzDecoder::new(bytes).take(bytes_max as u64 + 1);
        match limited.read_to_end(out) {
            Ok(_) if out.len() > bytes_max => {
                out.truncate(bytes_max);
                Some(too_large(bytes_max, bytes))
            }
            Ok(_) => None,
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Some("truncated gzip".into()),
            Err(e) => Some(format!("damaged gzip: {e}")),
        }
    }

    /// The fast path, twice as fast as streaming: an undamaged file with one member, which ends with its decompressed
    /// size. False for any other file; the content of `out` is then undefined.
    fn decompress_single_member(&mut self, bytes: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> bool {
        let Some(last) = bytes.last_chunk::<4>() else { return false };
        let size = u32::from_le_bytes(*last) as usize;
        if size > bytes_max || size / DEFLATE_RATIO_MAX > bytes.len() {
            return false;
        }
        out.resize(size, 0);
        // The decompressor stops after the first member, which ends with its size. If more bytes follow, the size also
        // occurs before the end of the file. An accidental occurrence only costs the fast path.
        self.decompressor.gzip_decompress(bytes, out).is_ok_and(|written| written == size)
            && memchr::memmem::find(bytes, last) == Some(bytes.len() - last.len())
    }
}

fn too_large(bytes_max: usize, stored: &[u8]) -> String {
    format!("larger than {bytes_max} bytes after decompression ({} stored); the rest was not read", stored.len())
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

    fn decompress(bytes: &[u8], max: usize) -> (Vec<u8>, Option<String>) {
        let mut out = Vec::new();
        let problem = Gunzip::new().decompress(bytes, max, &mut out);
        (out, problem)
    }

    #[test]
    fn members_are_concatenated_and_plain_bytes_are_copied() {
        let two = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(decompress(&two, 100), (b"one two".to_vec(), None));
        assert_eq!(decompress(b"{\"a\":1}", 100), (b"{\"a\":1}".to_vec(), None));
    }

    #[test]
    fn bytes_after_a_member_are_never_lost() {
        let member = gzip(b"four");
        assert_eq!(decompress(&[&member[..], &member].concat(), 100), (b"fourfour".to_vec(), None));
        let (out, problem) = decompress(&[&member[..], b"\0\0", &member].concat(), 100);
        assert!(out.starts_with(b"four") && problem.is_some());
        let (out, problem) = decompress(&[&member[..], b"garbage"].concat(), 100);
        assert_eq!(out, b"four");
        assert!(problem.is_some());
    }

    #[test]
    fn gzip_within_gzip_is_decompressed_within_the_same_limits() {
        let lines = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(decompress(&gzip(&lines), 100), (b"one two".to_vec(), None));
        assert_eq!(decompress(&gzip(&gzip(&lines)), 200), (b"one two".to_vec(), None));
        let (out, problem) = decompress(&gzip(&gzip(&gzip(&lines))), 1000);
        assert_eq!((out.len(), problem.as_deref()), (0, Some("gzip within gzip: more than 3 layers")));
        let (out, problem) = decompress(&gzip(&gzip(&[b'x'; 1000])), 100);
        assert!(out.len() < 100 && problem.unwrap().starts_with("larger than "));
        let (_, problem) = decompress(&gzip(&lines)[..lines.len() / 2], 100);
        assert_eq!(problem.as_deref(), Some("truncated gzip"));
    }

    #[test]
    fn the_buffer_is_cleared_between_objects() {
        let (mut gunzip, mut out) = (Gunzip::new(), Vec::new());
        for text in [&b"a long one"[..], b"short", b"", b"longer again"] {
            assert_eq!(gunzip.decompress(&gzip(text), 100, &mut out), None);
            assert_eq!(out, text);
            assert_eq!(gunzip.decompress(text, 100, &mut out), None);
            assert_eq!(out, text);
        }
    }

    #[test]
    fn a_zip_bomb_stops_at_the_limit_with_a_reason() {
        let (out, problem) = decompress(&gzip(&vec![b'x'; 1 << 20]), 1000);
        assert_eq!(out.len(), 1000);
        assert!(problem.unwrap().contains("larger than 1000 bytes"));
    }

    #[test]
    fn the_bytes_of_a_truncated_file_are_kept() {
        let text: Vec<u8> = (0..20_000u32).flat_map(|n| n.to_le_bytes()).collect();
        let whole = gzip(&text);
        let (out, problem) = decompress(&whole[..whole.len() / 2], 1 << 20);
        assert_eq!(problem.as_deref(), Some("truncated gzip"));
        assert!(!out.is_empty() && text.starts_with(&out));
    }

    #[test]
    fn a_wrong_checksum_is_reported_and_the_text_is_kept() {
        let mut whole = gzip(b"text");
        let at = whole.len() - 8;
        whole[at] ^= 1;
        let (out, problem) = decompress(&whole, 100);
        assert_eq!(out, b"text");
        assert!(problem.unwrap().starts_with("damaged gzip"));
    }
}
