//! Who may read answers from another origin, and what of them.

use std::time::Duration;

use http::{HeaderName, Method, header};

use super::Origins;

/// Headers that pages of granted origins may read, besides those that every page may (Fetch standard, CORS-safelisted
/// response-header names): the ones an API answers with.
const EXPOSED: [HeaderName; 9] = [
    header::ETAG,
    header::LINK,
    header::LOCATION,
    HeaderName::from_static("x-total-count"),
    HeaderName::from_static("deprecation"),
    HeaderName::from_static("sunset"),
    HeaderName::from_static("idempotent-replayed"),
    header::CONTENT_LANGUAGE,
    HeaderName::from_static("everlit-generation"),
];

/// Who may read answers from another origin, and what of them (Fetch standard, CORS protocol).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsConfig {
    /// Who; nobody by default.
    pub origins: Vec<Origins>,
    /// What they may ask by; `None` is whatever they ask for.
    pub methods: Option<Vec<Method>>,
    /// Headers they may send; `None` is whatever they ask for.
    pub headers: Option<Vec<HeaderName>>,
    /// Headers they may read.
    pub expose: Vec<HeaderName>,
    /// Whether they may send cookies along.
    pub credentials: bool,
    /// How long a browser may keep the answer to a preflight; `None` leaves that to the browser.
    pub max_age: Option<Duration>,
}

impl Default for CorsConfig {
    fn default() -> Self {
        let expose = EXPOSED.to_vec();
        Self { origins: Vec::new(), methods: None, headers: None, expose, credentials: true, max_age: None }
    }
}
