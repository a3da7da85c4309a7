//! What browsers may say: bounded, rate-limited, typed reports. They cause a line in the log, a figure, or that the page which
//! said it is compared with what it would be now, or that a script it names is looked up in its source map; nothing else. The exception is asked
//! for: acts, which pages repeat (`mirror`).

use std::time::{Duration, Instant};

use serde::Deserialize;

use super::{
    act::Act,
    browser::Browser,
    console::{Batch, Share, name},
    shelf::PageId,
};
use crate::{generation::Generation, telemetry::Notice};

/// Reports of one socket that are heard in [`RATE_WINDOW`]; the rest is dropped.
const RATE: u32 = 30;

/// Acts of one socket that are heard in the same time. The client script tells fewer.
const ACTS: u32 = 100;

/// The time over which reports are counted.
const RATE_WINDOW: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Report {
    Page {
        #[serde(default)]
        url: String,
        #[serde(default)]
        generation: Option<u64>,
        #[serde(default)]
        page: Option<String>,
    },
    Painted {
        generation: u64,
    },
    Console(Batch),
    Mirror {
        act: Act,
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
}

/// What was said.
#[derive(Clone, Debug)]
pub(super) enum Said {
    /// A page names itself, and the path of its address.
    Page(Tab, String),
    /// The browser shows this generation.
    Painted(Generation),
    /// What a person did in the page.
    Did(Act),
    /// The page's console, as much of it as is passed on.
    Console(Vec<Notice>),
}

/// One socket's ear.
#[derive(Debug)]
pub(super) struct Ear {
    browser: Browser,
    heard: u32,
    acts: u32,
    console: Share,
    since: Instant,
}

impl Ear {
    pub(super) fn new(browser: Browser) -> Self {
        Self { browser, heard: 0, acts: 0, console: Share::default(), since: Instant::now() }
    }

    /// Takes a text frame in.
    pub(super) fn hear(&mut self, text: &str) -> Option<Said> {
        if self.since.elapsed() > RATE_WINDOW {
            *self = Self::new(self.browser);
        }
        if self.heard + self.acts >= RATE + ACTS {
            return None;
        }
        let report = serde_json::from_str(text).ok();
        let (count, most) =
            if let Some(Report::Mirror { .. }) = report { (&mut self.acts, ACTS) } else { (&mut self.heard, RATE) };
        *count += 1;
        if *count > most {
            return None;
        }
        match report? {
            Report::Page { url, generation, page } => {
                let page = page.and_then(|page| page.parse().ok());
                Some(Said::Page(Tab { page, generation: Generation(generation.unwrap_or_default()) }, path_of(&url)))
            }
            Report::Painted { generation } => Some(Said::Painted(Generation(generation))),
            Report::Console(batch) => Some(Said::Console(self.console.take(batch, self.browser))),
            Report::Mirror { act } => act.is_sound().then_some(Said::Did(act)),
            Report::Other => None,
        }
    }
}

/// The path of an address; empty when it is none.
fn path_of(url: &str) -> String {
    url.parse::<http::Uri>().map(|url| name(url.path())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ear() -> Ear {
        Ear::new(Browser { name: "Firefox", device: None })
    }

    #[test]
    fn hears_only_what_it_knows_and_not_too_often() {
        let mut ear = ear();
        for text in ["", "no json", r#"{"type":"run","command":"rm"}"#, r#"{"type":"painted"}"#] {
            assert!(ear.hear(text).is_none(), "{text}");
        }
        let said = r#"{"type":"console","entries":[{"kind":"console","level":"error","text":"x"}]}"#;
        let heard =
            (0..100).filter_map(|_| ear.hear(said)).filter(|said| matches!(said, Said::Console(lines) if lines.len() == 1));
        assert_eq!(heard.count(), RATE as usize - 4);
    }

    #[test]
    fn acts_are_counted_apart() {
        let mut ear = ear();
        let act = r#"{"type":"mirror","act":{"kind":"scroll","element":null,"x":0,"y":1}}"#;
        let heard = (0..ACTS + RATE).filter_map(|_| ear.hear(act)).filter(|said| matches!(said, Said::Did(_)));
        assert_eq!(heard.count(), ACTS as usize);
        assert!(ear.hear(r#"{"type":"painted","generation":1}"#).is_none(), "it said too much of anything");
        let sound = r#"{"type":"mirror","act":{"kind":"visit","address":"/"}}"#;
        assert!(self::ear().hear(sound).is_some());
        assert!(self::ear().hear(&sound.replace("\"/\"", "\"//evil.example\"")).is_none());
    }

    #[test]
    fn pages_name_themselves() {
        let check = |text: &str, page: Option<&str>, generation: u64, path: &str| {
            let expected = Tab { page: page.map(|page| page.parse().expect("a name")), generation: Generation(generation) };
            assert!(matches!(ear().hear(text), Some(Said::Page(tab, at)) if tab == expected && at == path), "{text}");
        };
        check(r#"{"type":"page","url":"http://localhost/","generation":4,"page":"7-aa"}"#, Some("7-aa"), 4, "/");
        check(r#"{"type":"page","url":"http://localhost/","generation":null,"page":null}"#, None, 0, "/");
        check(r#"{"type":"page","page":"../7"}"#, None, 0, "");
        check(r#"{"type":"page","url":"https://localhost:4747/a/b?secret#c"}"#, None, 0, "/a/b");
        check(r#"{"type":"page","url":"no \u001b address"}"#, None, 0, "");
        let long = format!(r#"{{"type":"page","url":"http://localhost/{}"}}"#, "a".repeat(60_000));
        assert!(matches!(ear().hear(&long), Some(Said::Page(_, path)) if path.len() < 400));
    }
}
