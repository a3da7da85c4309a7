//! What is taken out of an exchange before it is kept: whatever lets its owner in.
//!
//! Names stay, so that one sees that a cookie was sent; values go. A header that lost its value is marked as sensitive, for those
//! who build a request from what was kept. Secrets in a path, or under a name that says nothing, are not known here.

use std::{borrow::Cow, sync::LazyLock};

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, CONTENT_LOCATION, CONTENT_TYPE, COOKIE, LOCATION, PROXY_AUTHORIZATION, REFERER, SET_COOKIE},
};
use percent_encoding::percent_decode_str;
use regex::bytes::{Captures, Regex};

use crate::detached;

/// Stands where a secret stood; safe in a URL, a header and JSON.
pub(super) const REDACTED: &str = "redacted";

/// What names of secrets contain, in lower case and without what is no letter or digit.
const PARTS: [&str; 14] = [
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "session",
    "credential",
    "apikey",
    "accesskey",
    "privatekey",
    "signature",
    "authorization",
    "csrf",
    "xsrf",
];

/// Names of secrets that are parts of harmless names too.
const WHOLE: [&str; 9] = ["key", "pwd", "pass", "auth", "sid", "sig", "jwt", "otp", "pin"];

/// A member of a JSON object with a text or a number; a text may be cut off.
static MEMBER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?s-u)"((?:[^"\\]|\\.)*)"(\s*:\s*)(?:"(?:[^"\\]|\\.)*(?:"|\\?\z)|-?[0-9][0-9.eE+-]*)"#).ok());

/// Whether something of this name lets its owner in.
pub(super) fn is_secret(name: &str) -> bool {
    let plain = percent_decode_str(name).decode_utf8_lossy();
    let plain: String = plain.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    WHOLE.contains(&plain.as_str()) || PARTS.iter().any(|part| plain.contains(part))
}

/// A URL or a request's target: query and fragment without secrets.
pub(super) fn url(url: &str) -> Cow<'_, str> {
    let Some(end) = url.find(['?', '#']) else { return Cow::Borrowed(url) };
    let (before, behind) = url.split_at(end);
    let (query, fragment) = behind.split_once('#').map_or((behind, None), |(query, fragment)| (query, Some(fragment)));
    let query = query.strip_prefix('?').map(|query| format!("?{}", pairs(query))).unwrap_or_default();
    let fragment = fragment.map(|fragment| format!("#{}", pairs(fragment))).unwrap_or_default();
    Cow::Owned(format!("{before}{query}{fragment}"))
}

/// `name=value&…` without the values of secrets.
fn pairs(text: &str) -> String {
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={REDACTED}"),
        _ => pair.to_owned(),
    };
    text.split('&').map(pair).collect::<Vec<_>>().join("&")
}

/// Headers without secrets.
pub(super) fn headers(headers: &HeaderMap) -> HeaderMap {
    let redacted: HeaderMap = headers.iter().map(|(name, value)| (name.clone(), header(name, value))).collect();
    // Beside what a value is a view of, its secrets stand yet.
    detached::headers(&redacted, |_| true)
}

fn header(name: &HeaderName, value: &HeaderValue) -> HeaderValue {
    let text = String::from_utf8_lossy(value.as_bytes());
    let is_url = [REFERER, LOCATION, CONTENT_LOCATION].contains(name);
    let kept = match name {
        &COOKIE => text.split(';').map(cookie).collect::<Vec<_>>().join(";"),
        &SET_COOKIE => {
            let (pair, attributes) = text.split_at(text.find(';').unwrap_or(text.len()));
            cookie(pair) + attributes
        }
        &AUTHORIZATION | &PROXY_AUTHORIZATION => {
            let scheme = text.split_once(' ').map_or("", |(scheme, _)| scheme);
            format!("{scheme} {REDACTED}").trim_start().to_owned()
        }
        _ if is_url => match url(&text) {
            kept if kept == text => return value.clone(),
            kept => kept.into_owned(),
        },
        _ if is_secret(name.as_str()) => REDACTED.to_owned(),
        _ => return value.clone(),
    };
    let mut kept = HeaderValue::try_from(kept).unwrap_or(const { word() });
    kept.set_sensitive(true);
    kept
}

const fn word() -> HeaderValue {
    HeaderValue::from_static(REDACTED)
}

/// A cookie's name is told, its value is not; one without a name is all value.
fn cookie(pair: &str) -> String {
    pair.split_once('=').map_or_else(|| REDACTED.to_owned(), |(name, _)| format!("{name}={REDACTED}"))
}

/// A body without secrets, as far as its type has names for them: forms and JSON.
pub(super) fn body<'b>(headers: &HeaderMap, body: &'b [u8]) -> Cow<'b, [u8]> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if essence == "application/x-www-form-urlencoded" {
        return match std::str::from_utf8(body) {
            Ok(text) => Cow::Owned(pairs(text).into_bytes()),
            Err(_) => Cow::Owned(REDACTED.into()),
        };
    }
    match &*MEMBER {
        Some(member) if essence.ends_with("json") => member.replace_all(body, |found: &Captures<'_>| {
            let part = |at| found.get(at).map_or(&b""[..], |part| part.as_bytes());
            match is_secret(&String::from_utf8_lossy(part(1))) {
                true => [b"\"", part(1), b"\"", part(2), b"\"", REDACTED.as_bytes(), b"\""].concat(),
                false => part(0).to_vec(),
            }
        }),
        _ => Cow::Borrowed(body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets() {
        for name in [
            "token",
            "access_token",
            "X-Api-Key",
            "apiKey",
            "key",
            "KEY",
            "password",
            "user[password]",
            "user%5Bpassword%5D",
            "client-secret",
            "PHPSESSIONID",
            "session",
            "sid",
            "X-CSRF-Token",
            "AWSAccessKeyId",
            "X-Amz-Signature",
            "%74oken",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["", "q", "page", "sort_key", "monkey", "compass", "author", "Sec-WebSocket-Key", "keyword", "spin", "sign"] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn addresses_keep_their_form() {
        let check = |whole: &str, kept: &str| assert_eq!(url(whole), kept);
        check("/a", "/a");
        check("/a?b=c&d", "/a?b=c&d");
        check("/a?token=x&b=c&key=&password", "/a?token=redacted&b=c&key=redacted&password");
        check("/a?b=c?token=x", "/a?b=c?token=x");
        check("/a?%74oken=x=y", "/a?%74oken=redacted");
        check("https://a.test/b?code=1#access_token=x&state=y", "https://a.test/b?code=1#access_token=redacted&state=y");
        check("/a#token=x?key=y", "/a#token=redacted");
        check("?", "?");
    }

    #[test]
    fn headers_lose_what_lets_in() {
        let check = |name: &'static str, value: &str, kept: &str, is_sensitive: bool| {
            let name = HeaderName::from_static(name);
            let found = header(&name, &HeaderValue::try_from(value).unwrap());
            assert_eq!((found.to_str().unwrap(), found.is_sensitive()), (kept, is_sensitive), "{name}: {value}");
        };
        check("authorization", "Bearer abc", "Bearer redacted", true);
        check("authorization", "abc", "redacted", true);
        check("proxy-authorization", "Basic YTpi", "Basic redacted", true);
        check("cookie", "a=b; c=d=e; f", "a=redacted; c=redacted;redacted", true);
        check("set-cookie", "a=b; Path=/; HttpOnly", "a=redacted; Path=/; HttpOnly", true);
        check("set-cookie", "a=b", "a=redacted", true);
        check("x-api-key", "k", "redacted", true);
        check("x-csrf-token", "k", "redacted", true);
        check("referer", "http://localhost/?token=a", "http://localhost/?token=redacted", true);
        check("referer", "http://localhost/?page=2", "http://localhost/?page=2", false);
        check("location", "/b#access_token=a", "/b#access_token=redacted", true);
        check("sec-websocket-key", "k", "k", false);
        check("x-note", "token=a", "token=a", false);
    }

    #[test]
    fn bodies_lose_members_of_such_names() {
        let check = |kind: &'static str, whole: &str, kept: &str| {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]);
            assert_eq!(String::from_utf8_lossy(&body(&headers, whole.as_bytes())), kept, "{kind}");
        };
        let json = "application/json; charset=utf-8";
        check(json, r#"{"password": "a\"b", "n": 1}"#, r#"{"password": "redacted", "n": 1}"#);
        check(json, r#"{"a":{"api_key":-1.5e3},"token":["x"]}"#, r#"{"a":{"api_key":"redacted"},"token":["x"]}"#);
        check(json, r#"{"say":"\"token\":\"a\"","b":"token"}"#, r#"{"say":"\"token\":\"a\"","b":"token"}"#);
        check(json, r#"{"secret":"cut of"#, r#"{"secret":"redacted""#);
        check(json, r#"{"secret":"cut \"#, r#"{"secret":"redacted""#);
        check("application/problem+json", r#"{"token":"a"}"#, r#"{"token":"redacted"}"#);
        check("application/x-www-form-urlencoded", "a=b&password=c", "a=b&password=redacted");
        check("text/plain", r#"{"token":"a"}"#, r#"{"token":"a"}"#);
    }
}
