//! Why a request got no answer from the program.
//!
//! [`ProxyError::problem`] is the one place that says which status each reason has; the server makes the page.

use std::{io, sync::Arc, time::Duration};

use axum::BoxError;
use http::{StatusCode, Uri};

use super::transport::{HEAD_LIMIT, MOST_HEADERS};
use crate::report::Report;

/// Starts take seconds: a client that asks again after one finds the program or another wait.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a request got no answer from the program.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// TRACE and CONNECT make a proxy do what nobody here needs.
    #[error("the method is not forwarded")]
    Method,
    /// `OPTIONS *` and the like are not for the program.
    #[error("the request target has no path")]
    Target,
    /// A page of another origin opens a websocket.
    #[error("a websocket from another origin ({origin}) is refused")]
    CrossOrigin {
        /// The `Origin` it gave, untrusted.
        origin: String,
    },
    /// The request has come through here before.
    #[error("the request comes back to where it was sent from; the upstream is this server itself")]
    Loop,
    /// The program is down, and waiting would be in vain.
    #[error("{}", .0.title)]
    Down(Arc<Report>),
    /// The program did not come in time.
    #[error("waited {} s for {why}", .limit.as_secs_f64())]
    Waited {
        /// What was waited for.
        why: String,
        /// How long.
        limit: Duration,
    },
    /// As many requests as may wait are waiting.
    #[error("too many requests are waiting for the program to start")]
    Crowded,
    /// Everlit is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// Nothing accepts connections where the program should be.
    #[error("nothing accepts connections at {base}")]
    Refused {
        /// Where it should be.
        base: Uri,
    },
    /// The program closed the connection without an answer.
    #[error("the program closed the connection without an answer")]
    Unanswered(#[source] BoxError),
    /// What the program answered is not HTTP.
    #[error("the program's answer is not valid HTTP/1.1; one that speaks HTTP/2 alone needs `http2 = true` in everlit.toml")]
    Malformed(#[source] hyper::Error),
    /// The head of what the program answers is too large.
    #[error(
        "the head of the program's answer has more than {} KiB or {MOST_HEADERS} headers, and no more is passed on; cookies that it sets \
         again and again are the most common reason",
        HEAD_LIMIT / 1024
    )]
    Excessive(#[source] hyper::Error),
    /// The program switched to a protocol that nobody asked for.
    #[error("the program switched protocols without being asked to")]
    Unasked,
    /// The program answered a websocket's handshake with a page.
    #[error("the program answered without opening the websocket")]
    Unswitched,
    /// The certificate is not believed.
    #[error(
        "the certificate of {base} is not trusted: {reason}; add who signed it to this system, or give it a `[[proxy]]` with `verify = false` in everlit.toml"
    )]
    Untrusted {
        /// Where the program is.
        base: Uri,
        /// Why.
        reason: String,
    },
    /// No encrypted connection came about.
    #[error("no TLS connection to {base}: {source}; does it speak https?")]
    Tls {
        /// Where the program is.
        base: Uri,
        /// What went wrong.
        source: io::Error,
    },
    /// The program took the request and is silent.
    #[error("the program has not answered for {} s", .limit.as_secs_f64())]
    Silent {
        /// For how long.
        limit: Duration,
    },
    /// The browser's upload broke off.
    #[error("the request's body broke off")]
    Upload(#[source] hyper::Error),
    /// The error of a program, with what it wrote.
    #[error("{error}")]
    Spoken {
        /// What went wrong.
        #[source]
        error: Box<ProxyError>,
        /// The last lines it wrote, colours included.
        output: String,
    },
}

/// A bound that a request met, and that a person may move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// How long it waits for a program.
    Wait,
    /// How long a program may be silent.
    Answer,
    /// How many requests wait.
    Waiting,
}

/// An error as the person at the browser should see it. Plain data; nothing in it is escaped.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The response status.
    pub status: StatusCode,
    /// One sentence without a final dot.
    pub detail: String,
    /// What the program said, where it is known.
    pub report: Option<Arc<Report>>,
    /// The last lines that the program wrote, colours included, where they are known and no report has them.
    pub output: Option<String>,
    /// When to ask again, where asking again can help.
    pub retry_after: Option<Duration>,
    /// The bound that was met, where it is one that may be moved.
    pub bound: Option<Bound>,
}

impl ProxyError {
    /// What to answer.
    #[must_use]
    pub fn problem(&self) -> Problem {
        if let Self::Spoken { error, output } = self {
            return Problem { output: Some(output.clone()), ..error.problem() };
        }
        let (status, detail, report) = (self.status(), self.to_string(), self.report());
        Problem { status, detail, report, output: None, retry_after: self.retry_after(), bound: self.bound() }
    }

    fn bound(&self) -> Option<Bound> {
        match self {
            Self::Waited { .. } => Some(Bound::Wait),
            Self::Silent { .. } => Some(Bound::Answer),
            Self::Crowded => Some(Bound::Waiting),
            _ => None,
        }
    }

    /// Whether the program's own words may tell why.
    pub(super) fn is_the_programs(&self) -> bool {
        matches!(
            self,
            Self::Waited { .. }
                | Self::Refused { .. }
                | Self::Unanswered(_)
                | Self::Malformed(_)
                | Self::Excessive(_)
                | Self::Silent { .. }
        )
    }

    /// Whether nobody who speaks HTTP is there, by all that can be seen.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        self.status() == StatusCode::BAD_GATEWAY && !matches!(self, Self::Down(_) | Self::Excessive(_))
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Target | Self::Upload(_) => StatusCode::BAD_REQUEST,
            Self::CrossOrigin { .. } => StatusCode::FORBIDDEN,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Down(_)
            | Self::Refused { .. }
            | Self::Unanswered(_)
            | Self::Malformed(_)
            | Self::Excessive(_)
            | Self::Unasked
            | Self::Unswitched
            | Self::Untrusted { .. }
            | Self::Tls { .. } => StatusCode::BAD_GATEWAY,
            Self::Spoken { error, .. } => error.status(),
            Self::Waited { .. } | Self::Crowded | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::Silent { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::Loop => StatusCode::LOOP_DETECTED,
        }
    }

    fn report(&self) -> Option<Arc<Report>> {
        match self {
            Self::Down(report) => Some(report.clone()),
            _ => None,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        matches!(self, Self::Waited { .. } | Self::Crowded).then_some(RETRY_AFTER)
    }
}
