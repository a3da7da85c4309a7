//! What browsers may say: bounded, rate-limited, typed reports that cause a line in the log and nothing else.

use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::telemetry::{Notice, Notices};

/// Reports of one socket that are heard in [`RATE_WINDOW`]; the rest is dropped.
const RATE: u32 = 30;

/// The time over which reports are counted.
const RATE_WINDOW: Duration = Duration::from_secs(1);

/// Longest text of a report, in bytes; the rest is cut.
const TEXT: usize = 2000;

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Report {
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
    pub(super) fn hear(&mut self, text: &str, notices: &Notices) {
        if self.since.elapsed() > RATE_WINDOW {
            *self = Self::new();
        }
        self.heard += 1;
        if self.heard > RATE {
            return;
        }
        if let Ok(Report::Console { level, text, source }) = serde_json::from_str(text) {
            notices.send(Notice::Console { level: cut(level), text: cut(text), source: cut(source) });
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
        for text in ["", "no json", r#"{"type":"run","command":"rm"}"#, r#"{"type":"page","url":"/"}"#] {
            ear.hear(text, &notices);
        }
        assert!(heard.try_recv().is_err());
        for _ in 0..100 {
            ear.hear(r#"{"type":"console","level":"error","text":"x"}"#, &notices);
        }
        let count = std::iter::from_fn(|| heard.try_recv().ok()).count();
        assert_eq!(count, RATE as usize - 4);
    }
}
