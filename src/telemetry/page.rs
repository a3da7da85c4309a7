//! What an open page is, and what it said: on its console, or by an error. The texts are untrusted, and bounded by whoever made the value.

use std::{sync::Arc, time::Duration};

use crate::generation::Generation;

/// One message of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageMessage {
    /// What kind it is.
    pub kind: PageKind,
    /// How much it matters.
    pub level: Level,
    /// What it says; further lines are a stack or what a person wrote on several.
    pub text: String,
    /// Where in the page's scripts, as the browser says; `None` when it does not.
    pub place: Option<Place>,
    /// How often it was said in a row; 1 or more.
    pub times: u32,
    /// Who said it.
    pub teller: Arc<Teller>,
}

/// An open page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Teller {
    /// Its path and query.
    pub page: String,
    /// `Firefox`, as its browser calls itself.
    pub browser: String,
    /// `Pixel 8`, `iPhone`; empty where nobody knows.
    pub device: String,
    /// Whether that is a phone or a tablet.
    pub is_mobile: bool,
}

/// A page that is open in a browser, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenPage {
    /// Its path, without its query.
    pub path: String,
    /// `Firefox`, as its browser calls itself.
    pub browser: &'static str,
    /// `iPhone`; empty on a computer.
    pub device: &'static str,
    /// The generation it shows; 0 when nobody knows.
    pub generation: Generation,
    /// Whether that is the one that answers now.
    pub is_newest: bool,
    /// How long the last ping and its answer took; `None` before the first.
    pub latency: Option<Duration>,
}

/// A place in a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The path of the script, or its address where it is of another server.
    pub source: String,
    /// Counted from 1.
    pub line: u32,
    /// Counted from 1.
    pub column: u32,
}

/// What kind of message a page sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageKind {
    /// It wrote to its console.
    Console,
    /// An error that nobody caught.
    Error,
    /// A promise that was rejected, and nobody cared.
    Rejection,
    /// A request of a script that was answered by an error, or not at all.
    Request,
    /// A picture, script or stylesheet that could not be loaded.
    Resource,
}

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// `console.debug`
    Debug,
    /// `console.log`
    Log,
    /// `console.info`
    Info,
    /// `console.warn`
    Warn,
    /// `console.error`, and all that is no [`PageKind::Console`].
    Error,
}

impl PageKind {
    const ALL: [Self; 5] = [Self::Console, Self::Error, Self::Rejection, Self::Request, Self::Resource];

    /// The one of a name, `None` when there is none.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// `console`, `error`, `rejection`, `request`, `resource`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Error => "error",
            Self::Rejection => "rejection",
            Self::Request => "request",
            Self::Resource => "resource",
        }
    }
}

impl Level {
    const ALL: [Self; 5] = [Self::Debug, Self::Log, Self::Info, Self::Warn, Self::Error];

    /// The one of a name, `None` when there is none.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }

    /// `debug`, `log`, `info`, `warn`, `error`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Log => "log",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}
