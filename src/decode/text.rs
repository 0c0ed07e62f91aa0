//! Converts an object's decompressed bytes to text, or states why they are not supported.
//!
//! UTF-16 becomes UTF-8; offsets are then offsets in the converted text. CSV exports are rejected as a whole: they
//! contain only a part of each record, and one reject per line would say nothing more.

/// The text of an object. Invalid bytes are replaced with U+FFFD, so that the rest of the object can be read.
///
/// # Errors
/// The unsupported format.
pub fn text(mut bytes: Vec<u8>) -> Result<String, &'static str> {
    if let Some((_, reason)) = UNSUPPORTED.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(reason);
    }
    if let Some(unit) = utf16(&bytes) {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        bytes = String::from_utf16_lossy(&units).into_bytes();
    }
    let text = String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
    if is_csv(&text) { Err("CSV is not supported: it lacks parts of each record; export JSON") } else { Ok(text) }
}

/// Unsupported formats found in archives, by their first bytes.
const UNSUPPORTED: &[(&[u8], &str)] = &[
    (b"PAR1", "truncated Parquet: the footer is missing"),
    (b"ORC", "ORC is not supported: expected JSON"),
    (b"BZh", "bzip2 is not supported: expected gzip or zip"),
    (b"\xfd7zXZ\0", "xz is not supported: expected gzip or zip"),
    (b"\x28\xb5\x2f\xfd", "zstd is not supported: expected gzip or zip"),
    (b"7z\xbc\xaf\x27\x1c", "7z is not supported: expected gzip or zip"),
];

/// The byte order of UTF-16, from the byte order mark or from the first character of JSON.
fn utf16(bytes: &[u8]) -> Option<fn([u8; 2]) -> u16> {
    match bytes.get(..2)? {
        [0xff, 0xfe] | [b'{' | b'[', 0] => Some(u16::from_le_bytes),
        [0xfe, 0xff] | [0, b'{' | b'['] => Some(u16::from_be_bytes),
        _ => None,
    }
}

/// CSV headers are short and contain no braces, unlike lines of a log export.
const HEADER_BYTES_MAX: usize = 8192;

/// True when the first line is a header with CloudTrail's column names, as exported by the console's event history,
/// Sentinel, Athena and CloudTrail Lake.
fn is_csv(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}');
    // The whole object can be one line, so only the length of a header is searched.
    let head = &text.as_bytes()[..text.len().min(HEADER_BYTES_MAX + 1)];
    let end = memchr::memchr2(b'\n', b'{', head).unwrap_or(head.len());
    if end > HEADER_BYTES_MAX || head.get(end) == Some(&b'{') || head.starts_with(b"[") {
        return false;
    }
    let line = &text[..end];
    let names: String = line.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    line.contains(',') && ["eventname", "eventid", "eventtime"].iter().any(|name| names.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<String, &'static str> {
        text(bytes.to_vec())
    }

    #[test]
    fn utf16_is_read_in_both_byte_orders_with_and_without_a_mark() {
        let units: Vec<u16> = "{\"a\":\"é😀\"}".encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        for bytes in [[b"\xff\xfe", &little[..]].concat(), [b"\xfe\xff", &big[..]].concat(), little, big] {
            assert_eq!(read(&bytes).unwrap().trim_start_matches('\u{feff}'), "{\"a\":\"é😀\"}");
        }
    }

    #[test]
    fn unsupported_formats_are_named() {
        assert!(read(b"PAR1\x15\x04").unwrap_err().starts_with("truncated Parquet"));
        assert!(read(b"\x28\xb5\x2f\xfdxyz").unwrap_err().starts_with("zstd"));
        assert_eq!(read(b"a\xffb").as_deref(), Ok("a\u{fffd}b"));
    }

    #[test]
    fn csv_is_recognised_by_its_header() {
        for header in ["Event name,Event time,User name\nx", "\u{feff}\"eventTime\",\"eventID\"", "a,EventName"] {
            assert!(read(header.as_bytes()).unwrap_err().starts_with("CSV"), "{header}");
        }
        for text in [
            "{\"eventName\":\"a\",\"eventID\":\"b\"}",
            "words, and eventful times",
            "",
            "2024-01-01T00:00:00Z {\"eventName\":\"a\",\"eventID\":\"b\"}",
            "[{\"eventTime\":1,",
        ] {
            assert!(read(text.as_bytes()).is_ok(), "{text}");
        }
    }
}
