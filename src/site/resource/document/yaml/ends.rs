//! Where the signs of YAML end, which its parser does not say exactly.

use saphyr_parser::ScalarStyle;

/// Characters between two known places; finding one in between is a short walk.
const STRIDE: usize = 128;

/// Where a scalar that starts at `start` ends; `end` is where the parser says so.
pub(super) fn end_of_scalar(text: &str, style: ScalarStyle, start: usize, end: usize) -> usize {
    let end = end.max(start);
    match style {
        ScalarStyle::Plain => end,
        ScalarStyle::SingleQuoted => closing(&text[start..end], '\'').map_or(end, |at| start + at + 1),
        ScalarStyle::DoubleQuoted => {
            let mut escaped = false;
            for (at, sign) in text[start..end].char_indices().skip(1) {
                match sign {
                    '"' if !escaped => return start + at + 1,
                    sign => escaped = sign == '\\' && !escaped,
                }
            }
            end
        }
        // Without the last line end, and what stands before the next token.
        ScalarStyle::Literal | ScalarStyle::Folded => {
            let lines = text[start..end].trim_end_matches(' ');
            let length = lines.strip_suffix('\n').map_or(end - start, |lines| lines.strip_suffix('\r').unwrap_or(lines).len());
            start + length
        }
    }
}

/// The quote that closes a text that starts with one; two of them are one of the text.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut signs = text.char_indices().skip(1).peekable();
    while let Some((at, sign)) = signs.next() {
        if sign == quote && signs.next_if(|(_, next)| *next == quote).is_none() {
            return Some(at);
        }
    }
    None
}

/// Behind the colon of a name that ends at `end`.
pub(super) fn colon(text: &str, end: usize) -> Option<usize> {
    let blank = text[end..].len() - text[end..].trim_start_matches([' ', '\t']).len();
    text[end + blank..].starts_with(':').then_some(end + blank + 1)
}

/// Behind a closing brace; the parser's place of that is the comma before it, if there is one.
pub(super) fn behind_brace(text: &str, end: usize) -> usize {
    let at = skip_comments(text, end);
    if text[at..].starts_with(',') { skip_comments(text, at + 1) + 1 } else { at + 1 }
}

/// Behind the spaces, lines and comments from `start` on.
pub(super) fn skip_comments(text: &str, start: usize) -> usize {
    let mut at = start;
    loop {
        let rest = text[at..].trim_start_matches([' ', '\t', '\r', '\n', '\u{feff}']);
        at = text.len() - rest.len();
        if !rest.starts_with('#') {
            return at;
        }
        at += rest.find('\n').unwrap_or(rest.len());
    }
}

/// Behind the tag and the anchor of a value.
pub(super) fn skip_properties(text: &str, start: usize) -> usize {
    let mut at = start;
    while text[at..].starts_with(['!', '&']) {
        let rest = &text[at..];
        let verbatim = if rest.starts_with("!<") { rest.find('>').unwrap_or(0) } else { 0 };
        let ends = |sign: char| sign.is_ascii_whitespace() || ",[]{}".contains(sign);
        let length = verbatim + rest[verbatim..].find(ends).unwrap_or(rest.len() - verbatim);
        at = skip_comments(text, at + length);
    }
    at
}

/// Bytes of characters: the parser counts those.
pub(super) struct Places {
    /// Of every so many characters; empty if each has one byte.
    bytes: Vec<usize>,
}

impl Places {
    pub(super) fn of(text: &str) -> Self {
        let places = || text.char_indices().step_by(STRIDE).map(|(byte, _)| byte).collect();
        Self { bytes: if text.is_ascii() { Vec::new() } else { places() } }
    }

    /// The byte at which a character starts.
    pub(super) fn byte(&self, text: &str, index: usize) -> usize {
        if self.bytes.is_empty() {
            return index.min(text.len());
        }
        let Some(from) = self.bytes.get(index / STRIDE) else { return text.len() };
        text[*from..].char_indices().nth(index % STRIDE).map_or(text.len(), |(byte, _)| from + byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_end_at_their_quotes() {
        for (style, text, expected) in [
            (ScalarStyle::SingleQuoted, "'a''b' # c", "'a''b'"),
            (ScalarStyle::SingleQuoted, "'' ", "''"),
            (ScalarStyle::DoubleQuoted, r#""a\"\\" : ""#, r#""a\"\\""#),
            (ScalarStyle::Plain, "a b", "a b"),
            (ScalarStyle::Literal, "|+\n  a\n\n  ", "|+\n  a\n"),
            (ScalarStyle::Folded, ">\r\n  a\r\n", ">\r\n  a"),
            (ScalarStyle::Literal, "|\n  a", "|\n  a"),
        ] {
            assert_eq!(&text[..end_of_scalar(text, style, 0, text.len())], expected);
        }
    }

    #[test]
    fn comments_and_properties_are_skipped() {
        let rest = |text: &'static str, end: usize| &text[end..];
        let text = " # a\n\t#b\r\n  - c";
        assert_eq!(rest(text, skip_comments(text, 0)), "- c");
        let text = "!<tag:x,y> &a # c\n  b";
        assert_eq!(rest(text, skip_properties(text, 0)), "b");
        let text = "!a,b";
        assert_eq!(rest(text, skip_properties(text, 0)), ",b");
        assert_eq!([colon("a: b", 1), colon("a \t:", 1), colon("a b", 1)], [Some(2), Some(4), None]);
        assert_eq!([behind_brace("}", 0), behind_brace(", # }\n }", 0)], [1, 8]);
    }

    #[test]
    fn characters_have_bytes() {
        for text in ["ascii".repeat(100), "aä日🦀".repeat(100)] {
            let places = Places::of(&text);
            for (index, (byte, _)) in text.char_indices().enumerate() {
                assert_eq!(places.byte(&text, index), byte);
            }
            assert_eq!(places.byte(&text, 9999), text.len());
        }
    }
}
