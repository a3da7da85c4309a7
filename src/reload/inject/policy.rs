//! Content Security Policy: lets the client script and its socket through, and nothing else.
//!
//! Each policy of each header must allow both (CSP Level 3). A source that already does is left as it is; a nonce is put on the
//! tag; only otherwise is `'self'` added, to `script-src-elem` and `connect-src`, the narrowest directives there are: adding it to
//! `default-src` would open images and frames, too. A policy that cannot be met that way is not touched at all, and the page
//! gets no script.
//!
//! Policies in `<meta>` do not concern the script, which stands before them.

use http::{
    HeaderMap, HeaderValue,
    header::{CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY},
};

const SELF: &str = "'self'";

/// A nonce from a policy, safe to stand in an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Nonce(String);

impl Nonce {
    /// `None` for what is not base64 (CSP Level 3 §2.3.1).
    pub(super) fn new(value: &str) -> Option<Self> {
        let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte);
        (!value.is_empty() && value.bytes().all(is_valid)).then(|| Self(value.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What has to change so that the script runs.
#[derive(Debug, Default)]
pub(super) struct Widened {
    enforced: Vec<HeaderValue>,
    reported: Vec<HeaderValue>,
    /// The nonce the script tag needs.
    pub(super) nonce: Option<Nonce>,
}

impl Widened {
    /// Puts the widened policies in the place of those they were made of.
    pub(super) fn apply(self, headers: &mut HeaderMap) {
        for (name, values) in [(CONTENT_SECURITY_POLICY, self.enforced), (CONTENT_SECURITY_POLICY_REPORT_ONLY, self.reported)] {
            headers.remove(&name);
            for value in values {
                headers.append(&name, value);
            }
        }
    }
}

/// The policies of a response, widened; `None` if one of them would still keep the script from running. `host` is the
/// request's `Host`.
pub(super) fn widen(headers: &HeaderMap, host: &str) -> Option<Widened> {
    let mut widened = Widened::default();
    for value in headers.get_all(CONTENT_SECURITY_POLICY) {
        let value = widen_list(value.to_str().ok()?, host, &mut widened.nonce)?;
        widened.enforced.push(HeaderValue::try_from(value).ok()?);
    }
    for value in headers.get_all(CONTENT_SECURITY_POLICY_REPORT_ONLY) {
        // Only reported, never enforced: where it cannot be met, a report comes of it.
        let wider = value.to_str().ok().and_then(|list| widen_list(list, host, &mut widened.nonce));
        let wider = wider.and_then(|list| HeaderValue::try_from(list).ok());
        widened.reported.push(wider.unwrap_or_else(|| value.clone()));
    }
    Some(widened)
}

/// One header line may hold several policies; each counts.
fn widen_list(list: &str, host: &str, nonce: &mut Option<Nonce>) -> Option<String> {
    let policies: Option<Vec<String>> = list.split(',').map(|policy| widen_policy(policy, host, nonce)).collect();
    policies.map(|policies| policies.join(","))
}

fn widen_policy(text: &str, host: &str, nonce: &mut Option<Nonce>) -> Option<String> {
    let mut policy = Policy { directives: text.split(';').map(str::to_owned).collect() };
    if !policy.lets_scripts_run() {
        return None;
    }
    policy.allow_script(host, nonce)?;
    policy.allow_connection(host);
    Some(policy.directives.join(";"))
}

/// One serialized policy. Directives that are not touched stay as they were written.
struct Policy {
    directives: Vec<String>,
}

impl Policy {
    /// A sandbox without scripts, or with an origin of its own, in which the socket is refused, has no use for the client.
    fn lets_scripts_run(&self) -> bool {
        let Some(sandbox) = self.find("sandbox") else { return true };
        let has = |token: &str| sources(&self.directives[sandbox]).any(|flag| flag.eq_ignore_ascii_case(token));
        has("allow-scripts") && has("allow-same-origin")
    }

    fn allow_script(&mut self, host: &str, nonce: &mut Option<Nonce>) -> Option<()> {
        let Some(directive) = self.first_of(&["script-src-elem", "script-src", "default-src"]) else { return Some(()) };
        let list = self.directives[directive].clone();
        let is_strict = sources(&list).any(|source| source.eq_ignore_ascii_case("'strict-dynamic'"));
        if !is_strict && sources(&list).any(|source| covers(source, host)) {
            return Some(());
        }
        match (nonces(&list).next(), &nonce) {
            (Some(first), None) => *nonce = Some(first),
            (Some(_), Some(chosen)) if nonces(&list).any(|other| other == *chosen) => (),
            _ if is_strict => return None,
            _ => self.add_self("script-src-elem", directive),
        }
        Some(())
    }

    fn allow_connection(&mut self, host: &str) {
        let Some(directive) = self.first_of(&["connect-src", "default-src"]) else { return };
        if !sources(&self.directives[directive]).any(|source| covers(source, host)) {
            self.add_self("connect-src", directive);
        }
    }

    /// Adds `'self'` to the directive `name`, which begins as a copy of the one at `effective` if there is none.
    fn add_self(&mut self, name: &str, effective: usize) {
        let list = &self.directives[effective];
        let kept: Vec<&str> = sources(list).filter(|source| !source.eq_ignore_ascii_case("'none'")).collect();
        let wider = [&[name], kept.as_slice(), &[SELF]].concat().join(" ");
        if is_named(list, name) {
            let indent = if effective == 0 { "" } else { " " };
            self.directives[effective] = format!("{indent}{wider}");
        } else {
            self.directives.push(format!(" {wider}"));
        }
    }

    fn first_of(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.find(name))
    }

    /// The first directive of that name; later ones are ignored by browsers.
    fn find(&self, name: &str) -> Option<usize> {
        self.directives.iter().position(|directive| is_named(directive, name))
    }
}

fn is_named(directive: &str, name: &str) -> bool {
    directive.split_ascii_whitespace().next().is_some_and(|first| first.eq_ignore_ascii_case(name))
}

/// What stands behind a directive's name.
fn sources(directive: &str) -> impl Iterator<Item = &str> {
    directive.split_ascii_whitespace().skip(1)
}

/// The nonces of a source list that can stand in a tag.
fn nonces(directive: &str) -> impl Iterator<Item = Nonce> {
    sources(directive).filter_map(|source| {
        let quoted = source.strip_prefix('\'')?.strip_suffix('\'')?;
        let (prefix, value) = quoted.split_at_checked("nonce-".len())?;
        if prefix.eq_ignore_ascii_case("nonce-") { Nonce::new(value) } else { None }
    })
}

/// Whether a source expression certainly matches our own origin.
fn covers(source: &str, host: &str) -> bool {
    let own_host = source.strip_prefix("http://").unwrap_or(source);
    [SELF, "*", "http:"].iter().any(|all| source.eq_ignore_ascii_case(all)) || own_host.eq_ignore_ascii_case(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [http::HeaderName; 2] = [CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY];

    fn check_all(policies: [&[&'static str]; 2], expected: Option<([&[&str]; 2], Option<&str>)>) {
        let mut headers = HeaderMap::new();
        for (name, lines) in NAMES.iter().zip(policies) {
            for line in lines {
                headers.append(name, HeaderValue::from_static(line));
            }
        }
        let widened = widen(&headers, "localhost:4747");
        let Some((lines, nonce)) = expected else {
            return assert!(widened.is_none(), "{policies:?}: {widened:?}");
        };
        let widened = widened.unwrap_or_else(|| panic!("{policies:?} cannot be met"));
        assert_eq!(widened.nonce.as_ref().map(Nonce::as_str), nonce, "{policies:?}");
        widened.apply(&mut headers);
        for (name, lines) in NAMES.iter().zip(lines) {
            assert_eq!(headers.get_all(name).into_iter().collect::<Vec<_>>(), lines, "{policies:?}");
        }
    }

    fn check(policy: &'static str, expected: &str) {
        check_all([&[policy], &[]], Some(([&[expected], &[]], None)));
    }

    fn check_nonce(policy: &'static str, expected: &str, nonce: &str) {
        check_all([&[policy], &[]], Some(([&[expected], &[]], Some(nonce))));
    }

    #[test]
    fn a_policy_that_allows_it_stays_as_it_is() {
        for policy in [
            "script-src 'self'; connect-src 'self'",
            "img-src 'none'",
            "",
            "default-src *",
            "  Script-Src  'SELF' ;CONNECT-SRC http:; ",
            "default-src http://localhost:4747",
            "default-src localhost:4747",
            "script-src-elem 'self'; script-src 'none'; connect-src *",
        ] {
            check(policy, policy);
        }
    }

    #[test]
    fn it_is_widened_by_self_and_only_where_needed() {
        check("script-src 'none'", "script-src 'none'; script-src-elem 'self'");
        check("script-src-elem 'none'", "script-src-elem 'self'");
        check("script-src-elem", "script-src-elem 'self'");
        check("img-src *; script-src-elem https://cdn", "img-src *; script-src-elem https://cdn 'self'");
        check("connect-src 'none'", "connect-src 'self'");
        check("connect-src wss://api.example", "connect-src wss://api.example 'self'");
        check(
            "script-src https://cdn; connect-src 'self'",
            "script-src https://cdn; connect-src 'self'; script-src-elem https://cdn 'self'",
        );
        check("default-src 'none'", "default-src 'none'; script-src-elem 'self'; connect-src 'self'");
        check("default-src https:; script-src 'self'", "default-src https:; script-src 'self'; connect-src https: 'self'");
        check("script-src 'none'; script-src 'self'", "script-src 'none'; script-src 'self'; script-src-elem 'self'");
        check(
            "script-src http://localhost:47470",
            "script-src http://localhost:47470; script-src-elem http://localhost:47470 'self'",
        );
        check("script-src 'nonce-a\"b'", "script-src 'nonce-a\"b'; script-src-elem 'nonce-a\"b' 'self'");
    }

    #[test]
    fn a_nonce_goes_on_the_tag() {
        check_nonce("script-src 'nonce-abc='", "script-src 'nonce-abc='", "abc=");
        check_nonce("script-src 'strict-dynamic' 'self' 'Nonce-abc'", "script-src 'strict-dynamic' 'self' 'Nonce-abc'", "abc");
        check_nonce("default-src 'nonce-abc'", "default-src 'nonce-abc'; connect-src 'nonce-abc' 'self'", "abc");
        check("script-src 'self' 'nonce-abc'", "script-src 'self' 'nonce-abc'");
    }

    #[test]
    fn every_policy_counts() {
        check_all(
            [&["script-src 'self'", "script-src 'none'"], &[]],
            Some(([&["script-src 'self'", "script-src 'none'; script-src-elem 'self'"], &[]], None)),
        );
        check(
            "script-src 'self', script-src-elem 'none'",
            "script-src 'self', script-src-elem 'self'".replace(", ", ",").as_str(),
        );
        check_all(
            [&["script-src 'nonce-a'", "script-src 'nonce-b'"], &[]],
            Some(([&["script-src 'nonce-a'", "script-src 'nonce-b'; script-src-elem 'nonce-b' 'self'"], &[]], Some("a"))),
        );
        check_all(
            [&[], &["script-src-elem 'none'", "script-src 'strict-dynamic'"]],
            Some(([&[], &["script-src-elem 'self'", "script-src 'strict-dynamic'"]], None)),
        );
    }

    #[test]
    fn what_cannot_be_met_is_left_alone() {
        for policy in [
            "script-src 'strict-dynamic' 'self'",
            "script-src 'strict-dynamic' 'sha256-abc'",
            "sandbox",
            "sandbox allow-scripts",
            "Sandbox allow-same-origin",
        ] {
            check_all([&[policy], &[]], None);
        }
        check_all([&["script-src 'strict-dynamic' 'nonce-a'", "script-src 'strict-dynamic' 'nonce-b'"], &[]], None);
        check("sandbox allow-scripts allow-same-origin", "sandbox allow-scripts allow-same-origin");
    }
}
