//! Content Security Policy: lets the client script and its socket through, and nothing else.
//!
//! Each policy of each header must allow both (CSP Level 3). What already allows them is left as it is; a nonce is put on the tag;
//! only otherwise are our own addresses added, to `script-src-elem` and `connect-src`, the narrowest directives there are: added
//! to `default-src` they would concern images and frames, too. Under `'strict-dynamic'`, where addresses count for nothing, the
//! script is named by its hash. A list of Trusted Types gets the name of the client's one policy.
//!
//! A policy that cannot be met that way is not touched at all, and the page gets no script. Those in `<meta>` are met by the
//! page's own text, see `meta`: they do not concern the script, which stands before them, but its socket.

mod headers;
mod own;

pub(super) use headers::{Obstacle, Widened, widen};
pub(super) use own::{Hash, Own, Text};

/// The Trusted Types policy of the client runtime.
const TRUSTED_TYPE: &str = "everlit";

/// What makes the script tag acceptable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) nonce: Option<Nonce>,
    pub(super) integrity: Option<Hash>,
}

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

/// One serialized policy.
#[derive(Debug)]
pub(super) struct Policy<'p> {
    directives: Vec<&'p str>,
}

/// Sources that a policy lacks.
#[derive(Debug)]
pub(super) struct Change {
    /// The directive that gets them.
    name: &'static str,
    /// Which directive counts as that one now; of another name, it is what the new one begins with.
    effective: usize,
    sources: String,
}

impl<'p> Policy<'p> {
    pub(super) fn of(text: &'p str) -> Self {
        Self { directives: text.split(';').collect() }
    }

    /// A sandbox without scripts, or with an origin of its own, in which the socket is refused, has no use for the client.
    fn lets_scripts_run(&self) -> bool {
        let Some(sandbox) = self.find("sandbox") else { return true };
        let has = |token: &str| sources(self.directives[sandbox]).any(|flag| flag.eq_ignore_ascii_case(token));
        has("allow-scripts") && has("allow-same-origin")
    }

    /// What the script lacks, after what can be had from the tag; `None` when nothing would let it run.
    fn script(&self, own: &Own, key: &mut Key) -> Option<Option<Change>> {
        let Some(effective) = self.first_of(&["script-src-elem", "script-src", "default-src"]) else { return Some(None) };
        let list = self.directives[effective];
        let has = |wanted: &str| sources(list).any(|source| source.eq_ignore_ascii_case(wanted));
        let is_strict = has("'strict-dynamic'");
        if !is_strict && sources(list).any(|source| own.is_script_in(source)) {
            return Some(None);
        }
        match (nonces(list).next(), &key.nonce) {
            (Some(first), None) => {
                key.nonce = Some(first);
                return Some(None);
            }
            (Some(_), Some(chosen)) if nonces(list).any(|other| other == *chosen) => return Some(None),
            _ => {}
        }
        let sources = match is_strict {
            true => key.integrity.get_or_insert(own.hash()?).source(),
            false => own.script(),
        };
        Some((!is_strict || !has(&sources)).then_some(Change { name: "script-src-elem", effective, sources }))
    }

    /// What the client's socket lacks, and what it asks on the way.
    fn connection(&self, own: &Own) -> Option<Change> {
        let effective = self.first_of(&["connect-src", "default-src"])?;
        let is_met = own.is_socket_in(&sources(self.directives[effective]).collect::<Vec<_>>());
        (!is_met).then(|| Change { name: "connect-src", effective, sources: own.socket() })
    }

    /// What the client's Trusted Types policy lacks.
    fn trusted_type(&self) -> Option<Change> {
        let effective = self.find("trusted-types")?;
        let is_met = sources(self.directives[effective]).any(|name| [TRUSTED_TYPE, "*"].contains(&name));
        (!is_met).then(|| Change { name: "trusted-types", effective, sources: TRUSTED_TYPE.to_owned() })
    }

    /// The policy with these changes. Directives that are not touched stay as they were written.
    fn with(&self, changes: &[Change]) -> String {
        let mut directives: Vec<String> = self.directives.iter().map(|&directive| directive.to_owned()).collect();
        for Change { name, effective, sources: added } in changes {
            let list = self.directives[*effective];
            let wider = [&[*name], kept(list).as_slice(), &[added.as_str()]].concat().join(" ");
            if is_named(list, name) {
                let indent = if *effective == 0 { "" } else { " " };
                directives[*effective] = format!("{indent}{wider}");
            } else {
                directives.push(format!(" {wider}"));
            }
        }
        directives.join(";")
    }

    /// The same for a policy of which nothing can be taken away: what to insert, and where, in order. Of two directives of a name
    /// the first counts, and `'none'` among others means nothing.
    pub(super) fn insertions(&self, own: &Own) -> Vec<(usize, String)> {
        let changes = [self.connection(own), self.trusted_type()].into_iter().flatten();
        let mut insertions: Vec<(usize, String)> = changes.map(|change| self.insertion(change)).collect();
        insertions.sort_by_key(|(at, _)| *at);
        insertions
    }

    fn insertion(&self, Change { name, effective, sources: added }: Change) -> (usize, String) {
        let list = self.directives[effective];
        if is_named(list, name) {
            (self.offset(effective) + list.trim_ascii_end().len(), format!(" {added}"))
        } else {
            (0, format!("{} {added}; ", [&[name], kept(list).as_slice()].concat().join(" ")))
        }
    }

    /// Where a directive begins.
    fn offset(&self, index: usize) -> usize {
        self.directives[..index].iter().map(|directive| directive.len() + 1).sum()
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

/// The sources that still mean something beside others.
fn kept(directive: &str) -> Vec<&str> {
    sources(directive).filter(|source| !source.eq_ignore_ascii_case("'none'")).collect()
}

/// The nonces of a source list that can stand in a tag.
fn nonces(directive: &str) -> impl Iterator<Item = Nonce> {
    sources(directive).filter_map(|source| {
        let quoted = source.strip_prefix('\'')?.strip_suffix('\'')?;
        let (prefix, value) = quoted.split_at_checked("nonce-".len())?;
        if prefix.eq_ignore_ascii_case("nonce-") { Nonce::new(value) } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(policy: &str, expected: &str) {
        let own = Own::at("localhost:4747".to_owned(), None);
        let mut text = policy.to_owned();
        for (at, added) in Policy::of(policy).insertions(&own).into_iter().rev() {
            text.insert_str(at, &added);
        }
        assert_eq!(text, expected.replace("SOCKET", &own.socket()), "{policy}");
    }

    #[test]
    fn a_policy_can_be_widened_by_insertions_alone() {
        check("", "");
        check("script-src 'none'; img-src x", "script-src 'none'; img-src x");
        check("default-src 'self'", "default-src 'self'");
        check("connect-src 'none'", "connect-src 'none' SOCKET");
        check("connect-src 'none' ; img-src x", "connect-src 'none' SOCKET ; img-src x");
        check("default-src 'none'", "connect-src SOCKET; default-src 'none'");
        check(" default-src https: 'none'; img-src *", "connect-src https: SOCKET;  default-src https: 'none'; img-src *");
        check(
            "connect-src https://a; default-src *; connect-src *",
            "connect-src https://a SOCKET; default-src *; connect-src *",
        );
        check("trusted-types a; connect-src b", "trusted-types a everlit; connect-src b SOCKET");
        check("connect-src http://localhost:4747/__everlit/ ws://localhost:4747/__everlit/", "connect-src SOCKET");
        check("trusted-types;default-src b", "connect-src b SOCKET; trusted-types everlit;default-src b");
    }
}
