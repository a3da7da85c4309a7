//! Why a request got no answer from the program.
//!
//! [`ProxyError::problem`] is the one place that says which status each reason has; the server makes the page.

use std::{sync::Arc, time::Duration};

use http::{StatusCode, Uri};

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
    #[error("waited {} s for {why}", .limit.as_secs())]
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
    Unanswered(#[source] hyper_util::client::legacy::Error),
    /// What the program answered is not HTTP.
    #[error("the program's answer is not valid HTTP")]
    Malformed(#[source] hyper_util::client::legacy::Error),
    /// The program switched to a protocol that nobody asked for.
    #[error("the program switched protocols without being asked to")]
    Unasked,
    /// The program took the request and is silent.
    #[error("the program has not answered for {} s", .limit.as_secs())]
    Silent {
        /// For how long.
        limit: Duration,
    },
    /// The browser's upload broke off.
    #[error("the request's body broke off")]
    Upload(#[source] hyper_util::client::legacy::Error),
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
    /// When to ask again, where asking again can help.
    pub retry_after: Option<Duration>,
}

impl ProxyError {
    /// What to answer.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem { status: self.status(), detail: self.to_string(), report: self.report(), retry_after: self.retry_after() }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Target | Self::Upload(_) => StatusCode::BAD_REQUEST,
            Self::CrossOrigin { .. } => StatusCode::FORBIDDEN,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Down(_) | Self::Refused { .. } | Self::Unanswered(_) | Self::Malformed(_) | Self::Unasked => {
                StatusCode::BAD_GATEWAY
            }
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
