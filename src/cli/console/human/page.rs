//! What open pages say: one line for each message, the rest of it below.

use super::{Human, Tone, grouped};
use crate::{
    plain::plain,
    telemetry::{Level, PageKind, PageMessage, Place, Teller},
};

/// Lines of a message that are printed below its first one: the top of a stack, or what a person logged on several.
const BELOW: usize = 8;

impl Human {
    /// `page        console.error  TypeError: x is undefined (×12)  /app.js:12:5  / in Firefox`
    pub(super) fn page_message(&self, message: &PageMessage) -> String {
        let PageMessage { kind, level, text, place, times, teller } = message;
        let mut lines = text.lines();
        let times = if *times > 1 { format!(" (×{times})") } else { String::new() };
        let first = format!("{}{times}", plain(lines.next().unwrap_or_default()));
        let place = place.as_ref().map(place_of).unwrap_or_default();
        let who = self.tone(Tone::Quiet, &who(teller));
        let facts = [what(*kind, *level), first, place, who].into_iter().filter(|fact| !fact.is_empty());
        let facts = facts.collect::<Vec<_>>().join("  ");
        self.event(tone(*level), name(teller), &facts, &[]) + &self.below(lines)
    }

    /// Says how many messages nobody will see.
    pub(super) fn page_left_out(&self, teller: &Teller, messages: u64) -> String {
        let facts = format!("… {} left out  {}", grouped(messages, "message"), who(teller));
        self.event(Tone::Quiet, name(teller), &facts, &[])
    }

    fn below<'l>(&self, lines: impl Iterator<Item = &'l str>) -> String {
        let lines: Vec<_> = lines.map(plain).filter(|line| !line.trim().is_empty()).collect();
        let mut text: String = lines.iter().take(BELOW).map(|line| self.line_below(line)).collect();
        if lines.len() > BELOW {
            text.push_str(&self.line_below(&format!("… {} more", grouped((lines.len() - BELOW) as u64, "line"))));
        }
        text
    }

    pub(super) fn line_below(&self, line: &str) -> String {
        format!("{} {line}\n", self.tone(Tone::Quiet, "  │"))
    }
}

fn tone(level: Level) -> Tone {
    match level {
        Level::Error => Tone::Bad,
        Level::Warn => Tone::Warning,
        Level::Info | Level::Log | Level::Debug => Tone::Quiet,
    }
}

fn name(teller: &Teller) -> &'static str {
    if teller.is_mobile { "phone" } else { "page" }
}

fn what(kind: PageKind, level: Level) -> String {
    match kind {
        PageKind::Console => format!("console.{}", level.name()),
        PageKind::Error => "uncaught".into(),
        PageKind::Rejection => "unhandled rejection".into(),
        PageKind::Request => "request failed".into(),
        PageKind::Resource => "not loaded".into(),
    }
}

fn place_of(place: &Place) -> String {
    format!("{}:{}:{}", plain(&place.source), place.line, place.column)
}

fn who(teller: &Teller) -> String {
    let comma = if teller.device.is_empty() { "" } else { ", " };
    format!("{} in {}{comma}{}", plain(&teller.page), plain(&teller.browser), plain(&teller.device))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn message(text: &str) -> PageMessage {
        let teller = Teller { page: "/a".into(), browser: "Firefox".into(), ..Teller::default() };
        PageMessage {
            kind: PageKind::Console,
            level: Level::Log,
            text: text.into(),
            place: None,
            times: 1,
            teller: teller.into(),
        }
    }

    fn check(message: &PageMessage, expected: &str) {
        let text = Human { colour: false }.page_message(message);
        assert_eq!(&text["12:03:17  ".len()..], expected, "{message:?}");
    }

    #[test]
    fn a_message_is_one_line() {
        check(&message("hello"), "page        console.log  hello  /a in Firefox\n");
        let place = Some(Place { source: "/app.js".into(), line: 12, column: 5 });
        let repeated = PageMessage { level: Level::Warn, times: 12, place, ..message("old") };
        check(&repeated, "page        console.warn  old (×12)  /app.js:12:5  /a in Firefox\n");
    }

    #[test]
    fn it_says_what_went_wrong_and_on_which_phone() {
        let phone = Teller { page: "/".into(), browser: "Safari".into(), device: "iPhone".into(), is_mobile: true };
        let phone = Arc::new(phone);
        let check = |kind, expected: &str| {
            let failed = PageMessage { kind, level: Level::Error, teller: Arc::clone(&phone), ..message("x") };
            check(&failed, &format!("phone       {expected}  x  / in Safari, iPhone\n"));
        };
        check(PageKind::Error, "uncaught");
        check(PageKind::Rejection, "unhandled rejection");
        check(PageKind::Request, "request failed");
        check(PageKind::Resource, "not loaded");
    }

    #[test]
    fn further_lines_stand_below_and_not_too_many() {
        check(
            &message("Error: x\n    at f (/a.js:1:2)\n\n"),
            "page        console.log  Error: x  /a in Firefox\n  │     at f (/a.js:1:2)\n",
        );
        let text = Human { colour: false }.page_message(&message(&"x\n".repeat(BELOW + 3)));
        assert_eq!((text.lines().count(), text.lines().last()), (BELOW + 2, Some("  │ … 2 lines more")));
    }

    #[test]
    fn nothing_in_it_acts_on_the_terminal() {
        let mut evil = message("a\u{1b}[2Jb\n\u{1b}]0;title\u{7}c");
        evil.place = Some(Place { source: "/\u{9b}2J.js".into(), line: 1, column: 1 });
        evil.teller = Arc::new(Teller { page: "/\u{1b}[31m".into(), device: "\u{8}x".into(), ..Teller::default() });
        let text = Human { colour: true }.page_message(&evil);
        let own = ["\u{1b}[2m", "\u{1b}[0m"].iter().fold(text, |text, tone| text.replace(tone, ""));
        assert!(own.chars().all(|c| c == '\n' || !c.is_control()), "{own:?}");
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let text = Human { colour: false }.page_left_out(&message("").teller, 1234);
        assert_eq!(&text["12:03:17  ".len()..], "page        … 1,234 messages left out  /a in Firefox\n");
    }
}
