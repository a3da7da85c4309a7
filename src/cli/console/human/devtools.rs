//! Where DevTools for a tab of a phone are.

use super::{Human, Tone};
use crate::{plain::plain, telemetry::DevTools};

/// Who reads what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    Terminal,
    /// A file or another program, which may keep it.
    Other,
}

impl Human {
    /// `devtools    Pixel 8 (39071FDJH0)  http://localhost:4747/cart`, and for a person the link below.
    pub(super) fn devtools(&self, found: &DevTools, reader: Reader) -> String {
        let DevTools { name, page, link, is_typed } = found;
        let line = self.event(Tone::Link, "devtools", &format!("{}  {}", plain(name), plain(page)), &[]);
        let how = if *is_typed { "paste it into the address line of Chrome or its kin:" } else { "in Chrome or its kin:" };
        match reader {
            Reader::Terminal => line + &self.line_below(&format!("{how} {}", plain(link))),
            Reader::Other => line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_is_for_a_person_alone() {
        let found = |is_typed| DevTools {
            name: "Pixel 8 (39071FDJH0)".into(),
            page: "http://localhost:4747/cart".into(),
            link: "https://devtools.example/inspector.html?ws=127.0.0.1:9/t".into(),
            is_typed,
        };
        let check = |is_typed, reader, expected: &[&str]| {
            let text = Human { colour: false }.devtools(&found(is_typed), reader);
            let lines: Vec<_> = text["12:03:17  ".len()..].lines().map(str::trim_start).collect();
            assert_eq!(lines, expected);
        };
        let facts = "devtools    Pixel 8 (39071FDJH0)  http://localhost:4747/cart";
        let link = "https://devtools.example/inspector.html?ws=127.0.0.1:9/t";
        check(false, Reader::Terminal, &[facts, &format!("│ in Chrome or its kin: {link}")]);
        check(true, Reader::Terminal, &[facts, &format!("│ paste it into the address line of Chrome or its kin: {link}")]);
        check(false, Reader::Other, &[facts]);
        check(true, Reader::Other, &[facts]);
    }
}
