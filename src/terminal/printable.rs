//! Log text that is safe to print.

/// Text without characters that control a terminal or change the reading direction: each becomes U+FFFD. Newlines stay.
pub fn printable(text: &str) -> String {
    let is_bidi = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if (c.is_control() && c != '\n') || is_bidi(c) { '\u{fffd}' } else { c }).collect()
}
