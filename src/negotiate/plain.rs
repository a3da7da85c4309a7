//! Text of programs without the terminal's control sequences, for places that are no terminal.

use std::{iter::Peekable, str::Chars};

const ESCAPE: char = '\u{1b}';

/// `text` without escape sequences (colours, titles, links) and control characters other than newline and tab.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            ESCAPE => skip_sequence(&mut rest),
            '\u{9b}' => skip_control(&mut rest),
            '\n' | '\t' => out.push(c),
            c if c.is_control() => (),
            c => out.push(c),
        }
    }
    out
}

/// What follows an ESC: ECMA-48 §5.3 to §5.6.
fn skip_sequence(rest: &mut Peekable<Chars<'_>>) {
    match rest.next() {
        Some('[') => skip_control(rest),
        Some(']' | 'P' | 'X' | '^' | '_') => skip_string(rest),
        Some(' '..='/') => {
            rest.find(|c| !(' '..='/').contains(c));
        }
        _ => (),
    }
}

/// Parameters up to the final byte. An unfinished sequence ends with its line, so that it hides no other one.
fn skip_control(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|c| (' '..='?').contains(c)).is_some() {}
    rest.next_if(|c| ('@'..='~').contains(c));
}

/// Up to BEL or ST, or to the end of the line.
fn skip_string(rest: &mut Peekable<Chars<'_>>) {
    while let Some(c) = rest.next_if(|c| *c != '\n') {
        match c {
            '\u{7}' | '\u{9c}' => return,
            ESCAPE => {
                rest.next_if_eq(&'\\');
                return;
            }
            _ => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn keeps_the_words_and_drops_the_rest() {
        check("main.go:18:2", "main.go:18:2");
        check("\u{1b}[1;31merror\u{1b}[0m: no\n\tyes", "error: no\n\tyes");
        check("a\u{1b}]0;title\u{7}b\u{1b}]8;;http://x\u{1b}\\l", "abl");
        check("a\u{1b}Pq\u{1b}\\b\u{9b}2Jc", "abc");
        check("a\u{1b}(Bb\u{1b}cc\r\u{8}\u{0}\u{85}", "abc");
        check("cut \u{1b}[3\nnext \u{1b}]0;t\nlast \u{1b}", "cut \nnext \nlast ");
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(plain(text), expected, "{text:?}");
    }
}
