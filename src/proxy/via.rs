//! Our name among those a message came through (RFC 9110 §7.6.3).

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    sync::Arc,
};

use http::{HeaderMap, HeaderValue, Version, header::VIA};

use super::headers::tokens;

/// The name by which we know our own `Via` again: another Everlit in front of or behind this one is no loop.
#[derive(Clone, Debug)]
pub(super) struct Signature {
    pseudonym: Arc<str>,
    /// As written on what came over HTTP/1.0, HTTP/1.1 and HTTP/2.
    lines: [HeaderValue; 3],
}

impl Signature {
    /// A new name.
    pub(super) fn new() -> Self {
        let pseudonym = format!("everlit-{:016x}", RandomState::new().build_hasher().finish());
        let line = |protocol| {
            HeaderValue::try_from(format!("{protocol} {pseudonym}")).unwrap_or(HeaderValue::from_static("1.1 everlit"))
        };
        let lines = ["1.0", "1.1", "2.0"].map(line);
        Self { pseudonym: pseudonym.into(), lines }
    }

    /// Adds us to a message that came over this version of HTTP.
    pub(super) fn sign(&self, headers: &mut HeaderMap, version: Version) {
        let [http10, http11, http2] = &self.lines;
        let line = match version {
            Version::HTTP_10 => http10,
            Version::HTTP_2 => http2,
            _ => http11,
        };
        headers.append(VIA, line.clone());
    }

    /// Whether a message has been here before.
    pub(super) fn is_on(&self, headers: &HeaderMap) -> bool {
        tokens(headers, &VIA).any(|via| via.ends_with(&*self.pseudonym))
    }
}
