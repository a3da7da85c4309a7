//! Makes untrusted text safe for a terminal: a program's output, names of files and pages.
//!
//! Of a line that was drawn over, as progress bars are, the last state stays. Colours stay, since compilers speak in them.
//! Everything else that a terminal would act on is dropped: titles, links, clipboard writes, cursor movements, queries; in their
//! 7-bit and 8-bit forms.

use std::borrow::Cow;

/// The text with colours (`ESC [ … m`) and tabs, and without any other control.
pub(crate) fn coloured(text: &str) -> String {
    let text = match text.contains('\r') {
        true => Cow::Owned(text.split('\n').map(last_drawn).collect()),
        false => Cow::Borrowed(text),
    };
    let mut safe = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(at) = rest.find(|c: char| c.is_control()) {
        safe.push_str(&rest[..at]);
        let (kept, after) = control(&rest[at..]);
        safe.push_str(kept);
        rest = after;
    }
    safe.push_str(rest);
    safe
}

/// The text without any control.
pub(crate) fn plain(text: &str) -> String {
    let mut safe = coloured(text);
    while let Some(start) = safe.find('\u{1b}') {
        let end = safe[start..].find('m').map_or(safe.len(), |end| start + end + 1);
        safe.replace_range(start..end, "");
    }
    safe.replace('\t', " ")
}

/// What stands in a line after a cursor went back to its beginning. Nothing is drawn over by what draws nothing.
fn last_drawn(line: &str) -> &str {
    if line.contains('\r') { line.rsplit('\r').find(|state| is_drawn(state)).unwrap_or_default() } else { line }
}

fn is_drawn(state: &str) -> bool {
    let mut rest = state;
    while let Some(first) = rest.chars().next() {
        if !first.is_control() {
            return true;
        }
        rest = control(rest).1;
    }
    false
}

/// What is kept of the control at the start of a text, and the text after it.
fn control(text: &str) -> (&str, &str) {
    let first = text.chars().next().map_or(0, char::len_utf8);
    let after = &text[first..];
    match text.as_bytes()[0] {
        b'\t' => (&text[..1], after),
        0x1b => escape(text),
        // 8-bit forms of `ESC [`, `ESC ]` and their like stand in U+0080 to U+009F.
        0xc2 => match text[..first].chars().next() {
            Some('\u{9b}') => ("", after_sequence(after)),
            Some('\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}') => ("", after_string(after)),
            _ => ("", after),
        },
        _ => ("", after),
    }
}

fn escape(text: &str) -> (&str, &str) {
    let after = &text[1..];
    match after.as_bytes().first() {
        Some(b'[') => {
            let rest = after_sequence(&after[1..]);
            let sequence = &text[..text.len() - rest.len()];
            let is_colour = sequence.ends_with('m')
                && sequence[2..sequence.len() - 1].bytes().all(|byte| byte.is_ascii_digit() || b";:".contains(&byte));
            (if is_colour { sequence } else { "" }, rest)
        }
        Some(b']' | b'P' | b'X' | b'^' | b'_') => ("", after_string(&after[1..])),
        Some(_) => ("", &after[after.chars().next().map_or(0, char::len_utf8)..]),
        None => ("", after),
    }
}

/// A control sequence ends with a byte from `@` to `~`; whatever else is not of one ends it too.
fn after_sequence(text: &str) -> &str {
    match text.find(|c: char| !(' '..='?').contains(&c)) {
        Some(end) if ('@'..='~').contains(&text[end..].chars().next().unwrap_or_default()) => &text[end + 1..],
        Some(end) => &text[end..],
        None => "",
    }
}

/// A string control ends with BEL or `ESC \` (or its 8-bit form); unended it takes the rest of the line with it.
fn after_string(text: &str) -> &str {
    let ends = [("\u{7}", 1), ("\u{1b}\\", 2), ("\u{9c}", 2)];
    let end = ends.iter().filter_map(|(end, len)| Some(text.find(end)? + len)).min();
    end.map_or("", |end| &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(coloured(text), expected, "{text:?}");
    }

    #[test]
    fn colours_and_words_stay() {
        check("plain\ttext ä", "plain\ttext ä");
        check("\u{1b}[31mred\u{1b}[0m \u{1b}[38;5;9mx", "\u{1b}[31mred\u{1b}[0m \u{1b}[38;5;9mx");
    }

    #[test]
    fn of_a_line_drawn_over_the_last_state_stays() {
        check("10 %\r20 %\r\u{1b}[32mdone\u{1b}[0m", "\u{1b}[32mdone\u{1b}[0m");
        check("10 %\r20 %\r", "20 %");
        check("\r\u{1b}[2K20 %\r\u{1b}[0K", "20 %");
        check("a\r", "a");
        check("a\r\nb", "ab");
        check("\r\r", "");
    }

    #[test]
    fn everything_else_goes() {
        check("\u{1b}]0;title\u{7}a", "a");
        check("\u{1b}]52;c;cm0=\u{7}a", "a");
        check("\u{1b}]8;;http://x\u{1b}\\l\u{1b}]8;;\u{1b}\\", "l");
        check("\u{1b}Pq\u{1b}\\a", "a");
        check("\u{1b}[2Ja\u{1b}[6n\u{1b}[?25l", "a");
        check("\u{9b}2Ja\u{9d}0;x\u{9c}b", "ab");
        check("a\u{1b}", "a");
        check("b\u{8}c\u{7}", "bc");
        check("\u{1b}[31", "");
        check("\u{1b}[\u{1b}[31mx", "\u{1b}[31mx");
        assert_eq!(plain("\u{1b}[31mred\u{1b}[0m\n\tx"), "red x");
    }
}
