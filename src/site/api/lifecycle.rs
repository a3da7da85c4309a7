//! What an answer says of a version that will not stay.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::Target;
use crate::site::resource::Versions;

/// RFC 9745.
const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");

/// RFC 8594.
const SUNSET: HeaderName = HeaderName::from_static("sunset");

/// Adds `Deprecation` and `Sunset`, and gives the link to the version that follows, if one does (RFC 5829).
pub(super) fn tell(headers: &mut HeaderMap, target: &Target, versions: &Versions, number: u32) -> Option<String> {
    let lifecycle = versions.lifecycle(number);
    if let Some(since) = lifecycle.deprecated
        && let Ok(since) = HeaderValue::from_str(&format!("@{}", since.as_second()))
    {
        headers.insert(DEPRECATION, since);
    }
    if let Some(end) = lifecycle.sunset
        && let Ok(end) = HeaderValue::from_str(&httpdate::fmt_http_date(end.into()))
    {
        headers.insert(SUNSET, end);
    }
    let successor = versions.successor(number)?;
    Some(format!("<{}>; rel=\"successor-version\"", target.address_in(Some(successor))))
}
