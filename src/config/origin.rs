//! Origins as `[cors]` names them: one exactly, or every one below a domain.
//!
//! An origin is compared as browsers send it (RFC 6454 §6.2): lower case, default ports left out. `*` and `null` are none that
//! can be named: the first is everybody, the second is anybody who hides.

use std::{fmt, str::FromStr};

use super::value::Invalid;

/// Names of one label that may stand behind `*.`: nobody can register a domain below them (RFC 6761 §6, RFC 6762 §3, and
/// `internal`, which ICANN keeps out of the root). Any other name of one label is a top-level domain, and so half the world.
const PRIVATE_DOMAINS: [&str; 6] = ["localhost", "test", "example", "invalid", "local", "internal"];

/// The origins that one text of `[cors] origins` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins(Named);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Named {
    /// This one.
    One(String),
    /// Those that begin with `scheme` (`https://`) and end with `domain` (`.example.test:8443`).
    Below { scheme: String, domain: String },
}

impl Origins {
    /// Whether a request's `Origin` is one of them.
    #[must_use]
    pub fn contain(&self, origin: &str) -> bool {
        match &self.0 {
            Named::One(one) => origin == one,
            Named::Below { scheme, domain } => origin
                .strip_prefix(scheme.as_str())
                .and_then(|rest| rest.strip_suffix(domain.as_str()))
                .is_some_and(|labels| labels.split('.').all(is_label)),
        }
    }

    /// Whether the text names one origin and not a whole domain of them.
    #[must_use]
    pub fn is_one(&self) -> bool {
        matches!(self.0, Named::One(_))
    }
}

/// Nothing but the letters of a name: no `@`, `/` or `:` may hide another host in front of the domain.
fn is_label(label: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    !label.is_empty() && label.bytes().all(letter)
}

impl FromStr for Origins {
    type Err = Invalid;

    /// `http://localhost:5173`, or `https://*.example.test` for every origin below that domain, at any depth.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.split_once("://*.") {
            None => one(text).map(Named::One).map(Self),
            Some((scheme, domain)) => below(&one(&format!("{scheme}://{domain}"))?).map(Self),
        }
    }
}

/// One origin, written as browsers send it.
fn one(text: &str) -> Result<String, Invalid> {
    let refused =
        || Invalid::must("be an origin like `http://localhost:5173` or `https://*.example.test`: scheme, host and port only");
    let uri: http::Uri = text.parse().map_err(|_| refused())?;
    let (scheme, authority) = uri.scheme_str().zip(uri.authority()).ok_or_else(refused)?;
    let port_is_number = authority.as_str().len() == authority.host().len() || authority.port_u16().is_some();
    let is_bare = text.eq_ignore_ascii_case(&format!("{scheme}://{authority}"));
    if !is_bare || !port_is_number || authority.host().is_empty() || authority.as_str().contains(['@', '*']) {
        return Err(refused());
    }
    let scheme = scheme.to_ascii_lowercase();
    let host = authority.host().to_ascii_lowercase();
    Ok(match authority.port_u16() {
        Some(port) if default_port(&scheme) != Some(port) => format!("{scheme}://{host}:{port}"),
        _ => format!("{scheme}://{host}"),
    })
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// Every origin below `origin`, which is one already.
fn below(origin: &str) -> Result<Named, Invalid> {
    let refused = || Invalid::must("name the domain whose subdomains are meant, as `https://*.example.test` does");
    let (scheme, authority) = origin.split_once("://").ok_or_else(refused)?;
    let host = authority.split_once(':').map_or(authority, |(host, _)| host);
    let labels: Vec<&str> = host.split('.').collect();
    // A host that ends in a number is an IPv4 address to browsers; what would stand before its dots are other machines.
    let is_address = labels.last().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit()));
    let is_wide = labels.len() == 1 && !PRIVATE_DOMAINS.contains(&host);
    if is_address || is_wide || !labels.iter().all(|label| is_label(label)) {
        return Err(refused());
    }
    Ok(Named::Below { scheme: format!("{scheme}://"), domain: format!(".{authority}") })
}

impl fmt::Display for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Named::One(one) => f.write_str(one),
            Named::Below { scheme, domain } => write!(f, "{scheme}*{domain}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_written_as_browsers_send_them() {
        const REFUSED: &str =
            "must be an origin like `http://localhost:5173` or `https://*.example.test`: scheme, host and port only";
        const DOMAIN: &str = "must name the domain whose subdomains are meant, as `https://*.example.test` does";
        let check = |text: &str, expected: &str| {
            let shown = text.parse::<Origins>().map_or_else(|invalid| invalid.to_string(), |origins| origins.to_string());
            assert_eq!(shown, expected, "{text}");
        };
        check("http://localhost:5173", "http://localhost:5173");
        check("HTTPS://Example.COM:443", "https://example.com");
        check("http://example.com:80", "http://example.com");
        check("tauri://example.com:80", "tauri://example.com:80");
        check("http://example.com:443", "http://example.com:443");
        check("http://[::1]:5173", "http://[::1]:5173");
        check("tauri://localhost", "tauri://localhost");
        check("https://*.Example.test", "https://*.example.test");
        check("https://*.example.test:443", "https://*.example.test");
        check("http://*.localhost:5173", "http://*.localhost:5173");
        for text in ["*", "null", "http://a/", "http://a/b", "localhost:5173", "http://u@a", "", "http://a:", "http://a:99999"] {
            check(text, REFUSED);
        }
        for text in
            ["http://*", "http://a.*.test", "http://x*.a.test", "http://*.*.test", "http://*.a.test/", "*.a.test", "http://*."]
        {
            check(text, REFUSED);
        }
        for text in ["https://*.com", "http://*.0.0.1", "http://*.1", "http://*.[::1]:80", "http://*..test", "http://*.a.test."] {
            check(text, DOMAIN);
        }
    }

    #[test]
    fn one_is_not_many() {
        let is_one = |text: &str| text.parse::<Origins>().unwrap().is_one();
        assert_eq!(["http://localhost:5173", "https://*.example.test"].map(is_one), [true, false]);
    }

    #[test]
    fn only_what_was_named_is_contained() {
        let check = |origins: &str, origin: &str, expected: bool| {
            assert_eq!(origins.parse::<Origins>().unwrap().contain(origin), expected, "{origin} of {origins}");
        };
        check("http://localhost:5173", "http://localhost:5173", true);
        for other in ["http://localhost:51730", "https://localhost:5173", "http://localhost", "http://LOCALHOST:5173", "null", ""]
        {
            check("http://localhost:5173", other, false);
        }
        check("https://*.example.test", "https://a.example.test", true);
        check("https://*.example.test", "https://a.b-1.c_2.example.test", true);
        for other in [
            "https://example.test",
            "https://.example.test",
            "https://a..example.test",
            "https://evilexample.test",
            "http://a.example.test",
            "https://a.example.test:8443",
            "https://a.example.test.evil.example",
            "https://evil.example/.example.test",
            "https://evil.example#.example.test",
            "https://evil.example:1.example.test",
            "https://a@b.example.test",
            "https://a.example.test, https://b.example.test",
            "https://A.example.test",
        ] {
            check("https://*.example.test", other, false);
        }
        check("https://*.example.test:8443", "https://a.example.test:8443", true);
        check("https://*.example.test:8443", "https://a.example.test", false);
    }
}
