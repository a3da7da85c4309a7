//! How a phone is let in: where it goes, and the code for its camera.

use std::io;

use rustix::termios::tcgetwinsize;

use super::{Human, Tone};
use crate::{plain::plain, telemetry::Invited};

/// Columns in front of each line of the code.
const INDENT: usize = 2;

/// Black on white, whatever colours the terminal's own theme gives them.
const INK: &str = "\u{1b}[38;5;16;48;5;231m";

/// Columns of the terminal; 0 where there is none.
pub(super) fn columns() -> usize {
    tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_col))
}

impl Human {
    pub(super) fn invited(&self, invited: &Invited, columns: usize) -> String {
        let Invited { url, named, interface, link, code, minutes, certificate, page } = invited;
        let named = named.as_ref().map(|named| format!(" or {}", plain(named))).unwrap_or_default();
        let facts = format!("{}{named} by {}", self.tone(Tone::Link, url), plain(interface));
        let mut text = self.event(Tone::Link, "phones", &facts, &[]);
        let width = code.first().map_or(0, |line| line.chars().count()) + INDENT;
        match columns {
            0 => (),
            columns if columns < width => {
                text.push_str(&self.line_below(&format!("the terminal is too narrow for the code, which {width} columns show")));
            }
            _ => text.push_str(&self.drawing(code)),
        }
        text.push_str(&self.line_below(&format!("the code, or {link}, pairs one browser within {minutes} minutes")));
        text.push_str(&self.line_below(&format!("`p` shows a code for the next one, and so does {}", plain(page))));
        if let Some((address, fingerprint)) = certificate {
            text.push_str(&self.line_below(&format!("a new phone first trusts the certificate at {address}, whose SHA-256 is")));
            text.push_str(&self.line_below(fingerprint));
        }
        text
    }

    fn drawing(&self, code: &[String]) -> String {
        let line = |line: &String| match self.colour {
            true => format!("{INK}{line}\u{1b}[0m"),
            // Most terminals are dark: what is light in the code is lit.
            false => line.chars().map(inverse).collect(),
        };
        code.iter().map(|text| format!("{}{}\n", " ".repeat(INDENT), line(text))).collect()
    }
}

fn inverse(letter: char) -> char {
    match letter {
        ' ' => '█',
        '▀' => '▄',
        '▄' => '▀',
        _ => ' ',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invited() -> Invited {
        Invited {
            url: "http://192.168.1.20:4747/".into(),
            named: None,
            interface: "wlan0".into(),
            link: "http://192.168.1.20:4747/__everlit/pair?token=t".into(),
            code: vec!["▀▄ █".into()],
            minutes: 10,
            certificate: Some(("http://192.168.1.20:4747/__everlit/ca".into(), "1F 0A".into())),
            page: "http://localhost:4747/__everlit/pair".into(),
        }
    }

    #[test]
    fn a_pipe_gets_the_link_and_no_drawing() {
        let text = Human { colour: false }.invited(&invited(), 0);
        for part in ["http://192.168.1.20:4747/ by wlan0", "pair?token=t", "10 minutes", "/__everlit/ca", "1F 0A"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains('█') && !text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_narrow_terminal_is_said() {
        let text = Human { colour: false }.invited(&invited(), 5);
        assert!(text.contains("6 columns") && !text.contains('█') && text.contains("pair?token=t"), "{text}");
    }

    #[test]
    fn light_is_light_with_colours_and_without() {
        let check = |colour, expected: &str| {
            let text = Human { colour }.invited(&invited(), 80);
            assert_eq!(text.lines().nth(1), Some(expected), "{text}");
        };
        check(true, "  \u{1b}[38;5;16;48;5;231m▀▄ █\u{1b}[0m");
        check(false, "  ▄▀█ ");
    }
}
