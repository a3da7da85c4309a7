//! What browsers may say: bounded, rate-limited, typed reports. They cause a line in the log, a figure, or that the page which
//! said it is compared with what it would be now; nothing else.

use std::time::{Duration, Instant};

use serde::Deserialize;

use super::shelf::PageId;
use crate::{
    generation::Generation,
    telemetry::{Notice, Notices},
};

/// Reports of one socket that are heard in [`RATE_WINDOW`]; the rest is dropped.
const RATE: u32 = 30;

/// The time over which reports are counted.
const RATE_WINDOW: Duration = Duration::from_secs(1);

/// Longest text of a report, in bytes; the rest is cut.
const TEXT: usize = 2000;

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Report {
    Page {
        #[serde(default)]
        generation: Option<u64>,
        #[serde(default)]
        page: Option<String>,
        #[serde(default)]
        fetches: bool,
    },
    Painted {
        generation: u64,
    },
    Console {
        #[serde(default)]
        level: String,
        #[serde(default)]
        text: String,
        #[serde(default)]
        source: String,
    },
    #[serde(other)]
    Other,
}

/// A page that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tab {
    /// The name of the page as it was served; `None` when nobody knows.
    pub(super) page: Option<PageId>,
    /// The generation it shows; 0 when nobody knows.
    pub(super) generation: Generation,
    /// Whether its scripts have fetched anything from this server.
    pub(super) fetches: bool,
}

/// What was said that concerns the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Page(Tab),
    /// The browser shows this generation.
    Painted(Generation),
}

/// One socket's ear.
#[derive(Debug)]
pub(super) struct Ear {
    heard: u32,
    since: Instant,
}

impl Ear {
    pub(super) fn new() -> Self {
        Self { heard: 0, since: Instant::now() }
    }

    /// Takes a text frame in.
    pub(super) fn hear(&mut self, text: &str, notices: &Notices) -> Option<Said> {
        if self.since.elapsed() > RATE_WINDOW {
            *self = Self::new();
        }
        self.heard += 1;
        if self.heard > RATE {
            return None;
        }
        match serde_json::from_str(text).ok()? {
            Report::Page { generation, page, fetches } => {
                let page = page.and_then(|page| page.parse().ok());
                Some(Said::Page(Tab { page, generation: Generation(generation.unwrap_or_default()), fetches }))
            }
            Report::Painted { generation } => Some(Said::Painted(Generation(generation))),
            Report::Console { level, text, source } => {
                notices.send(Notice::Console { level: cut(level), text: cut(text), source: cut(source) });
                None
            }
            Report::Other => None,
        }
    }
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(TEXT));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hears_only_what_it_knows_and_not_too_often() {
        let (notices, mut heard) = Notices::channel();
        let mut ear = Ear::new();
        for text in ["", "no json", r#"{"type":"run","command":"rm"}"#, r#"{"type":"painted"}"#] {
            assert_eq!(ear.hear(text, &notices), None);
        }
        assert!(heard.try_recv().is_err());
        for _ in 0..100 {
            ear.hear(r#"{"type":"console","level":"error","text":"x"}"#, &notices);
        }
        let count = std::iter::from_fn(|| heard.try_recv().ok()).count();
        assert_eq!(count, RATE as usize - 4);
    }

    #[test]
    fn pages_name_themselves() {
        let check = |text: &str, page: Option<&str>, generation: u64| {
            let expected =
                Tab { page: page.map(|page| page.parse().expect("a name")), generation: Generation(generation), fetches: false };
            assert_eq!(Ear::new().hear(text, &Notices::channel().0), Some(Said::Page(expected)), "{text}");
        };
        check(r#"{"type":"page","url":"http://localhost/","generation":4,"page":"7-aa"}"#, Some("7-aa"), 4);
        check(r#"{"type":"page","url":"http://localhost/","generation":null,"page":null}"#, None, 0);
        check(r#"{"type":"page","page":"../7"}"#, None, 0);
    }
}
