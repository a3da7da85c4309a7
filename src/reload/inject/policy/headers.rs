//! The policies in a response's header fields.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY},
};

use super::{Key, Own, Policy};

/// Fields that ask for the hash of every script, and of scripts only where they name them.
static INTEGRITY_POLICIES: [HeaderName; 2] =
    [HeaderName::from_static("integrity-policy"), HeaderName::from_static("integrity-policy-report-only")];

/// Why a policy cannot be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::reload::inject) enum Obstacle {
    /// The page is in a sandbox.
    Sandbox,
    /// It is not readable, or leaves nothing that would let the script through.
    Policy,
}

/// What has to change so that the script runs.
#[derive(Debug, Default)]
pub(in crate::reload::inject) struct Widened {
    enforced: Vec<HeaderValue>,
    reported: Vec<HeaderValue>,
    /// Whether a policy is another than it was.
    pub(in crate::reload::inject) is_wider: bool,
    /// What the script tag needs.
    pub(in crate::reload::inject) key: Key,
}

impl Widened {
    /// Puts the widened policies in the place of those they were made of.
    pub(in crate::reload::inject) fn apply(self, headers: &mut HeaderMap) {
        if !self.is_wider {
            return;
        }
        for (name, values) in [(CONTENT_SECURITY_POLICY, self.enforced), (CONTENT_SECURITY_POLICY_REPORT_ONLY, self.reported)] {
            headers.remove(&name);
            for value in values {
                headers.append(&name, value);
            }
        }
    }

    fn widen_line(&mut self, line: &HeaderValue, own: &Own) -> Result<HeaderValue, Obstacle> {
        let list = line.to_str().map_err(|_| Obstacle::Policy)?;
        // One line may hold several policies; each counts.
        let policies: Result<Vec<String>, Obstacle> = list.split(',').map(|policy| self.widen_policy(policy, own)).collect();
        HeaderValue::try_from(policies?.join(",")).map_err(|_| Obstacle::Policy)
    }

    fn widen_policy(&mut self, text: &str, own: &Own) -> Result<String, Obstacle> {
        let policy = Policy::of(text);
        if !policy.lets_scripts_run() {
            return Err(Obstacle::Sandbox);
        }
        let script = policy.script(own, &mut self.key).ok_or(Obstacle::Policy)?;
        let changes: Vec<_> = [script, policy.connection(own), policy.trusted_type()].into_iter().flatten().collect();
        self.is_wider |= !changes.is_empty();
        Ok(policy.with(&changes))
    }
}

/// The policies of a response, widened.
pub(in crate::reload::inject) fn widen(headers: &HeaderMap, own: &Own) -> Result<Widened, Obstacle> {
    let mut widened = Widened::default();
    if INTEGRITY_POLICIES.iter().any(|name| asks_for_integrity(headers, name)) {
        widened.key.integrity = own.hash();
    }
    for line in headers.get_all(CONTENT_SECURITY_POLICY) {
        let line = widened.widen_line(line, own)?;
        widened.enforced.push(line);
    }
    for line in headers.get_all(CONTENT_SECURITY_POLICY_REPORT_ONLY) {
        // Only reported, never enforced: where it cannot be met, a report comes of it.
        let wider = widened.widen_line(line, own).unwrap_or_else(|_| line.clone());
        widened.reported.push(wider);
    }
    Ok(widened)
}

fn asks_for_integrity(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get_all(name).iter().any(|policy| policy.to_str().is_ok_and(|policy| policy.contains("script")))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const NAMES: [HeaderName; 2] = [CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY];

    /// Stands in what is expected for our own addresses and the script's hash.
    fn filled(expected: &str) -> String {
        expected
            .replace("OWN", "http://localhost:4747/__everlit/")
            .replace("SOCKET", "http://localhost:4747/__everlit/ ws://localhost:4747/__everlit/")
            .replace("HASH", "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
    }

    fn own() -> Own {
        Own::at("localhost:4747".to_owned(), Some(Arc::new(Vec::new)))
    }

    fn headers(policies: [&[&'static str]; 2]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, lines) in NAMES.iter().zip(policies) {
            for line in lines {
                headers.append(name, HeaderValue::from_static(line));
            }
        }
        headers
    }

    fn check_all(policies: [&[&'static str]; 2], expected: [&[&str]; 2], nonce: Option<&str>, integrity: bool) {
        let mut headers = headers(policies);
        let before = headers.clone();
        let widened = widen(&headers, &own()).unwrap_or_else(|error| panic!("{policies:?} cannot be met: {error:?}"));
        assert_eq!(widened.key.nonce.as_ref().map(super::super::Nonce::as_str), nonce, "{policies:?}");
        assert_eq!(widened.key.integrity.as_ref().map(ToString::to_string), integrity.then(|| filled("HASH")), "{policies:?}");
        let is_wider = widened.is_wider;
        widened.apply(&mut headers);
        assert_eq!(is_wider, headers != before, "{policies:?}");
        for (name, lines) in NAMES.iter().zip(expected) {
            let lines: Vec<String> = lines.iter().map(|line| filled(line)).collect();
            let got: Vec<&str> = headers.get_all(name).into_iter().map(|line| line.to_str().expect("text")).collect();
            assert_eq!(got, lines, "{policies:?}");
        }
    }

    fn check(policy: &'static str, expected: &str) {
        check_all([&[policy], &[]], [&[expected], &[]], None, false);
    }

    fn check_nonce(policy: &'static str, expected: &str, nonce: &str) {
        check_all([&[policy], &[]], [&[expected], &[]], Some(nonce), false);
    }

    fn check_hash(policy: &'static str, expected: &str) {
        check_all([&[policy], &[]], [&[expected], &[]], None, true);
    }

    #[test]
    fn a_policy_that_allows_it_stays_as_it_is() {
        for policy in [
            "script-src 'self'; connect-src 'self'",
            "img-src 'none'",
            "",
            "default-src *",
            "  Script-Src  'SELF' ;CONNECT-SRC *; ",
            "script-src http://localhost:4747",
            "script-src localhost:4747",
            "script-src-elem 'self'; script-src 'none'; connect-src *",
            "require-trusted-types-for 'script'",
            "trusted-types everlit dompurify",
            "trusted-types *",
            "script-src http://localhost:4747/__everlit/; connect-src ws://localhost:4747/__everlit/ http://localhost:4747/__everlit/",
        ] {
            check(policy, policy);
        }
    }

    #[test]
    fn it_is_widened_by_what_is_ours_and_only_where_needed() {
        check("script-src 'none'", "script-src 'none'; script-src-elem OWN");
        check("script-src-elem 'none'", "script-src-elem OWN");
        check("script-src-elem", "script-src-elem OWN");
        check("img-src *; script-src-elem https://cdn", "img-src *; script-src-elem https://cdn OWN");
        check("connect-src 'none'", "connect-src SOCKET");
        check("connect-src http:", "connect-src http: SOCKET");
        check("connect-src wss://api.example", "connect-src wss://api.example SOCKET");
        check(
            "script-src https://cdn; connect-src 'self'",
            "script-src https://cdn; connect-src 'self'; script-src-elem https://cdn OWN",
        );
        check("default-src 'none'", "default-src 'none'; script-src-elem OWN; connect-src SOCKET");
        check("default-src https:; script-src 'self'", "default-src https:; script-src 'self'; connect-src https: SOCKET");
        check("script-src 'none'; script-src 'self'", "script-src 'none'; script-src 'self'; script-src-elem OWN");
        check(
            "script-src http://localhost:47470",
            "script-src http://localhost:47470; script-src-elem http://localhost:47470 OWN",
        );
        check("script-src 'nonce-a\"b'", "script-src 'nonce-a\"b'; script-src-elem 'nonce-a\"b' OWN");
        check("script-src 'sha256-abc'", "script-src 'sha256-abc'; script-src-elem 'sha256-abc' OWN");
    }

    #[test]
    fn a_nonce_goes_on_the_tag() {
        check_nonce("script-src 'nonce-abc='", "script-src 'nonce-abc='", "abc=");
        check_nonce("script-src 'strict-dynamic' 'self' 'Nonce-abc'", "script-src 'strict-dynamic' 'self' 'Nonce-abc'", "abc");
        check_nonce("default-src 'nonce-abc'", "default-src 'nonce-abc'; connect-src 'nonce-abc' SOCKET", "abc");
        check("script-src 'self' 'nonce-abc'", "script-src 'self' 'nonce-abc'");
    }

    #[test]
    fn where_addresses_do_not_count_the_script_is_named_by_its_hash() {
        check_hash(
            "script-src 'strict-dynamic' 'sha256-abc'",
            "script-src 'strict-dynamic' 'sha256-abc'; script-src-elem 'strict-dynamic' 'sha256-abc' 'HASH'",
        );
        check_hash("script-src-elem 'self' 'Strict-Dynamic'", "script-src-elem 'self' 'Strict-Dynamic' 'HASH'");
        check_all(
            [&["script-src-elem 'strict-dynamic' 'nonce-a'", "script-src-elem 'strict-dynamic' 'nonce-b'"], &[]],
            [&["script-src-elem 'strict-dynamic' 'nonce-a'", "script-src-elem 'strict-dynamic' 'nonce-b' 'HASH'"], &[]],
            Some("a"),
            true,
        );
        let bare = Own::at("localhost".to_owned(), None);
        assert_eq!(widen(&headers([&["script-src 'strict-dynamic'"], &[]]), &bare).unwrap_err(), Obstacle::Policy);
    }

    #[test]
    fn where_every_script_needs_a_hash_ours_has_one() {
        for (value, integrity) in [("blocked-destinations=(script)", true), ("blocked-destinations=(style)", false)] {
            let headers = [(INTEGRITY_POLICIES[0].clone(), HeaderValue::from_static(value))].into_iter().collect();
            let widened = widen(&headers, &own()).expect("it can be met");
            assert_eq!((widened.key.integrity.is_some(), widened.is_wider), (integrity, false), "{value}");
        }
    }

    #[test]
    fn the_clients_trusted_type_is_named() {
        check("trusted-types 'none'", "trusted-types everlit");
        check("trusted-types", "trusted-types everlit");
        check(
            "require-trusted-types-for 'script'; trusted-types dompurify 'allow-duplicates'",
            "require-trusted-types-for 'script'; trusted-types dompurify 'allow-duplicates' everlit",
        );
    }

    #[test]
    fn every_policy_counts() {
        check_all(
            [&["script-src 'self'", "script-src 'none'"], &[]],
            [&["script-src 'self'", "script-src 'none'; script-src-elem OWN"], &[]],
            None,
            false,
        );
        check("script-src 'self', script-src-elem 'none'", "script-src 'self',script-src-elem OWN");
        check_all(
            [&["script-src 'nonce-a'", "script-src 'nonce-b'"], &[]],
            [&["script-src 'nonce-a'", "script-src 'nonce-b'; script-src-elem 'nonce-b' OWN"], &[]],
            Some("a"),
            false,
        );
        check_all([&[], &["script-src-elem 'none'", "sandbox"]], [&[], &["script-src-elem OWN", "sandbox"]], None, false);
    }

    #[test]
    fn a_sandbox_needs_no_client() {
        for policy in ["sandbox", "sandbox allow-scripts", "Sandbox allow-same-origin"] {
            assert_eq!(widen(&headers([&[policy], &[]]), &own()).unwrap_err(), Obstacle::Sandbox, "{policy}");
        }
        check("sandbox allow-scripts allow-same-origin", "sandbox allow-scripts allow-same-origin");
    }
}
