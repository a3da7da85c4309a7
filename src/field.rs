//! Names of header fields that the `http` crate does not have, made once: a name that is a text is read at each look.
//!
//! The first ones are those of Fetch Metadata (W3C, <https://www.w3.org/TR/fetch-metadata/>).

use http::HeaderName;

/// How the page that asks stands to us: `same-origin`, `same-site`, `cross-site` or `none`.
pub(crate) static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// `navigate`, `no-cors`, `cors`, `same-origin` or `websocket`.
pub(crate) static SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// What the answer is for: `document`, `script`, `empty`.
pub(crate) static SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// `prefetch`, where nobody waits for the answer yet.
pub(crate) static SEC_PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");

/// `script`, where a browser asks for the script of a service worker (Service Workers §6.3).
pub(crate) static SERVICE_WORKER: HeaderName = HeaderName::from_static("service-worker");

/// `XMLHttpRequest`, by which older libraries mark the requests of scripts.
pub(crate) static X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");
