//! Makes log text safe to show: no character of it can move the cursor, change colours, reorder the text, hide in it, or
//! begin a formula.

/// Text with every control, bidirectional formatting and zero-width character but the line feed replaced by U+FFFD.
///
/// Controls are Unicode's category Cc (C0, DEL and C1: a C1 control such as U+009B starts an escape sequence on its own).
/// Bidirectional characters are those of Unicode's property `Bidi_Control` (UAX #9): they can make text look like another,
/// and so can zero-width characters. The page of the report has the same list, `visible` in html/dom.js.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c != '\n' && is_unsafe(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// As [`printable`], on one line: line feeds are replaced too.
pub fn printable_line(text: &str) -> String {
    text.chars().map(|c| if is_unsafe(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// As [`printable`], for a cell of a spreadsheet. An apostrophe in front keeps it from evaluating a formula, as OWASP advises
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
pub fn spreadsheet_cell(text: &str) -> String {
    let begins_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\u{fffd}', '＝', '＋', '－', '＠']);
    let text = printable(text);
    if begins_formula || text.starts_with('\u{fffd}') { format!("'{text}") } else { text }
}

/// Text that Markdown shows unchanged: one line without markup, HTML, links or mentions.
pub fn inert(text: &str) -> String {
    let mut inert = String::with_capacity(text.len());
    for c in printable_line(text).chars() {
        match c {
            '&' => inert.push_str("&amp;"),
            '<' => inert.push_str("&lt;"),
            // A zero-width joiner would also prevent the mention, but spoil a copied name.
            '@' => inert.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '!' | '#' => inert.extend(['\\', c]),
            _ => inert.push(c),
        }
    }
    // Most sites turn bare URLs into links.
    inert.replace("://", ":&#47;&#47;").replace("www.", "www&#46;")
}

pub(super) fn is_unsafe(c: char) -> bool {
    let is_invisible = matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}');
    c.is_control() || is_invisible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_and_bells_are_replaced() {
        assert_eq!(printable("\u{1b}[31mred\u{7}\u{7f}\r"), "\u{fffd}[31mred\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(printable("\u{9b}2J\u{85}"), "\u{fffd}2J\u{fffd}", "C1 controls act like ESC [");
    }

    #[test]
    fn characters_that_reorder_text_are_replaced() {
        for c in
            "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}".chars()
        {
            assert_eq!(printable(&format!("a{c}b")), "a\u{fffd}b", "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn characters_that_hide_in_text_are_replaced() {
        for c in "\u{200b}\u{200c}\u{200d}\u{2060}\u{2028}\u{2029}\u{feff}".chars() {
            assert_eq!(printable(&format!("a{c}b")), "a\u{fffd}b", "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn a_formula_becomes_a_text() {
        for text in ["=1+1", "+1", "-1", "@x", "＝1", "\n=1"] {
            assert_eq!(spreadsheet_cell(text), format!("'{text}"));
        }
        assert_eq!(spreadsheet_cell("\t=1"), "'\u{fffd}=1");
        assert_eq!(spreadsheet_cell("arn:aws:iam::1:user/a=b"), "arn:aws:iam::1:user/a=b");
    }

    #[test]
    fn a_line_feed_stays_unless_one_line_is_wanted() {
        assert_eq!(printable("a\nb"), "a\nb");
        assert_eq!(printable_line("a\nb\u{202e}"), "a\u{fffd}b\u{fffd}");
    }

    #[test]
    fn other_text_stays() {
        let text = "<b>é 日本 مرحبا 😀 \u{fffd}";
        assert_eq!(printable(text), text);
        assert_eq!(printable_line(text), text);
    }

    #[test]
    fn log_text_is_not_markup() {
        assert_eq!(inert("<img src=x>|[a](http://b)"), "&lt;img src=x>\\|\\[a\\](http:&#47;&#47;b)");
        assert_eq!(inert("@team\n# now"), "&#64;team\u{fffd}\\# now");
    }
}
