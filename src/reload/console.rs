//! What a page's console says, as it stands on the socket, and how much of that is passed on.
//!
//! Everything in it is untrusted: controls are taken out and texts cut, unknown kinds and levels are left out, and of one page only so much is
//! passed on in a while. What is beyond is counted, and the count is told.

use std::sync::Arc;

use serde::Deserialize;

use super::browser::Browser;
use crate::{
    plain::plain,
    telemetry::{Level, Notice, PageKind, PageMessage, Place, Teller},
};

/// Messages of one socket that are passed on within a window of its ear: more than anybody reads. The client script sends fewer.
const MESSAGES: usize = 100;

/// Longest text of a message, in bytes; the rest is cut. The client script says at most 1,500 characters.
const TEXT: usize = 5000;

/// Longest address of a page or script, and longest name of a device, in bytes.
const NAME: usize = 300;

/// A `console` frame.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Batch {
    page: String,
    /// The model, where the browser tells it.
    device: String,
    /// Messages that the page itself left out after these.
    left_out: u64,
    entries: Vec<Entry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    kind: String,
    level: String,
    text: String,
    source: String,
    line: u32,
    column: u32,
    times: u32,
}

/// How much of a page was passed on in the present window.
#[derive(Debug, Default)]
pub(super) struct Share {
    passed: usize,
}

impl Share {
    /// What of a batch is passed on.
    pub(super) fn take(&mut self, batch: Batch, browser: Browser) -> Vec<Notice> {
        let Batch { page, device, mut left_out, entries } = batch;
        let teller = Arc::new(teller(&page, &device, browser));
        let mut messages: Vec<_> = entries.into_iter().filter_map(|entry| entry.message(&teller)).collect();
        let room = MESSAGES.saturating_sub(self.passed).min(messages.len());
        left_out = left_out.saturating_add((messages.len() - room) as u64);
        messages.truncate(room);
        self.passed += room;
        let gap = (left_out > 0).then_some(Notice::ConsoleLeftOut { teller, messages: left_out });
        messages.into_iter().map(Notice::Console).chain(gap).collect()
    }
}

impl Entry {
    fn message(self, teller: &Arc<Teller>) -> Option<PageMessage> {
        let Self { kind, level, text, source, line, column, times } = self;
        Some(PageMessage {
            kind: PageKind::named(&kind)?,
            level: Level::named(&level)?,
            text: safe(&text),
            place: (!source.is_empty()).then(|| Place { source: name(&source), line, column }),
            times: times.max(1),
            teller: Arc::clone(teller),
        })
    }
}

fn teller(page: &str, device: &str, browser: Browser) -> Teller {
    let device = if device.is_empty() { browser.device.unwrap_or_default().to_owned() } else { name(device) };
    Teller { page: name(page), browser: browser.name.to_owned(), device, is_mobile: browser.device.is_some() }
}

/// A text with line breaks, and without any other control.
pub(crate) fn safe(text: &str) -> String {
    cut(text.lines().map(plain).collect::<Vec<_>>().join("\n"), TEXT)
}

/// A name without controls, and not too long.
pub(crate) fn name(text: &str) -> String {
    cut(plain(text), NAME)
}

fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIREFOX: Browser = Browser { name: "Firefox", device: None };

    fn taken(share: &mut Share, text: &str) -> Vec<Notice> {
        share.take(serde_json::from_str(text).expect("a batch"), FIREFOX)
    }

    fn messages(notices: Vec<Notice>) -> Vec<PageMessage> {
        let message = |notice| match notice {
            Notice::Console(message) => message,
            other => panic!("{other:?}"),
        };
        notices.into_iter().map(message).collect()
    }

    #[test]
    fn a_message_says_what_where_and_who() {
        let text = r#"{"page":"/a?b","entries":[{"kind":"error","level":"error","text":"x","source":"/a.js","line":3,"column":7,"times":12}]}"#;
        let teller = Teller { page: "/a?b".into(), browser: "Firefox".into(), ..Teller::default() };
        let place = Some(Place { source: "/a.js".into(), line: 3, column: 7 });
        let (kind, level) = (PageKind::Error, Level::Error);
        let expected = PageMessage { kind, level, text: "x".into(), place, times: 12, teller: teller.into() };
        assert_eq!(messages(taken(&mut Share::default(), text)), [expected]);
    }

    #[test]
    fn a_phone_is_called_by_its_model_or_else_by_its_kind() {
        let phone = Browser { name: "Chrome", device: Some("Android") };
        let check = |device: &str, expected: &str| {
            let teller = teller("", device, phone);
            assert_eq!((teller.device.as_str(), teller.is_mobile), (expected, true));
        };
        check("Pixel 8", "Pixel 8");
        check("", "Android");
    }

    #[test]
    fn what_is_unknown_is_left_out_and_what_is_long_is_cut() {
        let text =
            r#"{"entries":[{"kind":"run","level":"log"},{"kind":"console","level":"fatal"},{"kind":"console","level":"log"}]}"#;
        let found = messages(taken(&mut Share::default(), text));
        assert_eq!((found.len(), found[0].times, &found[0].place), (1, 1, &None));
        let long = cut("é".repeat(TEXT), TEXT);
        assert!(long.len() <= TEXT + '…'.len_utf8() && long.ends_with("é…"));
        assert_eq!(cut("é".into(), 2), "é");
    }

    #[test]
    fn nothing_acts_on_a_terminal() {
        let text = r#"{"page":"/\u009b2J","entries":[{"kind":"console","level":"log","text":"a\u001b[2Jb\r\n\tc\u0007","source":"\u001b]0;x\u0007y"}]}"#;
        let found = messages(taken(&mut Share::default(), text)).remove(0);
        let source = found.place.map(|place| place.source);
        assert_eq!((found.text.as_str(), source.as_deref(), found.teller.page.as_str()), ("ab\n c", Some("y"), "/"));
    }

    #[test]
    fn of_a_flood_the_first_are_heard_and_the_others_counted() {
        let entry = r#"{"kind":"console","level":"log","text":"x"}"#;
        let batch = format!(r#"{{"left_out":5,"entries":[{}]}}"#, vec![entry; 60].join(","));
        let mut share = Share::default();
        let counts = [0, 1, 2].map(|_| {
            let notices = taken(&mut share, &batch);
            let left_out = match notices.last() {
                Some(Notice::ConsoleLeftOut { messages, .. }) => *messages,
                other => panic!("{other:?}"),
            };
            (notices.len() - 1, left_out)
        });
        assert_eq!(counts, [(60, 5), (40, 25), (0, 65)]);
    }
}
