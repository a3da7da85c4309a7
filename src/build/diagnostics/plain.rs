//! Text as the readers want it.

/// The text without escape sequences.
pub(super) fn without_ansi(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            plain.push(c);
        } else if chars.next() == Some('[') {
            // A control sequence ends with a letter or one of `@[\]^_`{|}~`.
            let _ = chars.by_ref().find(|c| ('@'..='~').contains(c));
        }
    }
    plain
}

/// At most so many bytes of a line.
pub(super) fn cut(line: &str, limit: usize) -> &str {
    &line[..line.floor_char_boundary(limit)]
}

/// The column, from 1, that a line of nothing but marks points to: `      ^~~~`.
pub(super) fn caret(line: &str) -> Option<u32> {
    let marks = line.trim();
    let is_mark = !marks.is_empty() && marks.chars().all(|c| matches!(c, '^' | '~' | '-' | ' ')) && marks.contains('^');
    let before = line.chars().take_while(|c| c.is_whitespace()).count();
    let to_caret = line.chars().take_while(|&c| c != '^').count();
    // `~~~~^~~` underlines an expression: it begins where the line does.
    let at = if line.trim_start().starts_with('~') { before } else { to_caret };
    is_mark.then(|| u32::try_from(at + 1).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_colours_out() {
        assert_eq!(without_ansi("\u{1b}[1msrc/a.rs:1:2:\u{1b}[0m bad"), "src/a.rs:1:2: bad");
        assert_eq!(without_ansi("a\u{1b}"), "a");
    }

    #[test]
    fn finds_carets() {
        for (line, column) in
            [("  ^", Some(3)), ("    ~~^^~~", Some(5)), ("^^^^", Some(1)), ("a ^", None), ("", None), ("~~~", None)]
        {
            assert_eq!(caret(line), column, "{line:?}");
        }
    }
}
