//! How policies name what is ours.

use std::{fmt, sync::Arc};

use ring::digest::{SHA256, digest};

const SELF: &str = "'self'";

/// Gives the text of the client script.
pub(in crate::reload::inject) type Text = Arc<dyn Fn() -> Vec<u8> + Send + Sync>;

/// Our own addresses, and the client script's hash.
#[derive(Clone)]
pub(in crate::reload::inject) struct Own {
    /// The request's `Host`.
    host: String,
    /// `None` where somebody else serves the script.
    text: Option<Text>,
}

impl Own {
    pub(in crate::reload::inject) fn at(host: String, text: Option<Text>) -> Self {
        Self { host, text }
    }

    /// What lets the script through, and the modules it brings.
    pub(super) fn script(&self) -> String {
        if is_nameable(&self.host) { format!("http://{}/__everlit/", self.host) } else { SELF.to_owned() }
    }

    /// What lets the socket through, and the question who serves now. `http:` and `ws:` stand for their encrypted kinds as well.
    pub(super) fn socket(&self) -> String {
        let host = &self.host;
        match is_nameable(host) {
            true => format!("http://{host}/__everlit/ ws://{host}/__everlit/"),
            false => SELF.to_owned(),
        }
    }

    /// Whether a source expression certainly matches the script.
    pub(super) fn is_script_in(&self, source: &str) -> bool {
        let own_host = source.strip_prefix("http://").unwrap_or(source);
        let is_own = own_host.eq_ignore_ascii_case(&self.host) || source == self.script();
        is_own || [SELF, "*", "http:"].iter().any(|all| source.eq_ignore_ascii_case(all))
    }

    /// Whether source expressions let the socket through in every browser. `http:` does not.
    pub(super) fn is_socket_in(&self, sources: &[&str]) -> bool {
        let is_all = |source: &&str| [SELF, "*"].iter().any(|all| source.eq_ignore_ascii_case(all));
        sources.iter().any(is_all) || self.socket().split(' ').all(|own| sources.contains(&own))
    }

    /// The script's hash; `None` where it is not known.
    pub(in crate::reload::inject) fn hash(&self) -> Option<Hash> {
        let text = self.text.as_ref()?();
        Some(Hash(base64(digest(&SHA256, &text).as_ref())))
    }
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Own").field("host", &self.host).finish_non_exhaustive()
    }
}

/// The hash of a script, as a tag names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reload::inject) struct Hash(String);

impl Hash {
    /// As a source expression.
    pub(super) fn source(&self) -> String {
        format!("'{self}'")
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256-{}", self.0)
    }
}

/// Whether a policy can name a host. Of addresses it can only one (CSP Level 3 §6.7.2.10).
fn is_nameable(host: &str) -> bool {
    let (name, port) = host.split_once(':').unwrap_or((host, "0"));
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_address = name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    name.split('.').all(is_label) && (!is_address || name == "127.0.0.1") && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// RFC 4648 §4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |group: &[u8]| {
        let bits = group.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - group.len()));
        let digit = |index: usize| if index <= group.len() { DIGITS[bits >> (18 - 6 * index) & 63] } else { b'=' };
        [0, 1, 2, 3].map(|index| char::from(digit(index)))
    };
    bytes.chunks(3).flat_map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_some_hosts_have_a_name_in_a_policy() {
        for (host, nameable) in [
            ("localhost", true),
            ("localhost:4747", true),
            ("shop.localhost:80", true),
            ("127.0.0.1:4747", true),
            ("192.168.0.7:4747", false),
            ("[::1]:4747", false),
            ("my_shop.localhost", false),
            ("a;b", false),
            ("", false),
            (".", false),
            ("a:b", false),
        ] {
            assert_eq!(is_nameable(host), nameable, "{host}");
            let own = Own::at(host.to_owned(), None);
            assert_eq!(own.script() == SELF, !nameable, "{host}");
            assert_eq!(own.socket() == SELF, !nameable, "{host}");
        }
    }

    #[test]
    fn a_script_is_named_by_the_standards_hash() {
        let own = Own::at(String::new(), Some(Arc::new(|| b"alert('Hello, world.');".to_vec())));
        let hash = own.hash().expect("the text is known");
        assert_eq!(hash.source(), "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='");
        assert_eq!(Own::at(String::new(), None).hash(), None);
    }

    #[test]
    fn base64_has_its_padding() {
        for (text, expected) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }
}
