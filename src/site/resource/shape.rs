//! How an older version of an API shows what is stored, and how what it sends is stored.
//!
//! `data/posts.v1.toml` says it with three keys:
//!
//! ```toml
//! rename = { title = "headline" }   # stored name = name in version 1
//! omit = ["rating"]                 # stored, but not in version 1
//! default = { rating = 3, kind = "post" }
//! ```
//!
//! A default for an omitted member fills it in items that the old version adds; any other default is shown where the stored item
//! has no such member.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{patch::in_order_of, snapshot::ID};

/// The difference between one version and what is stored. The current version has none.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shape {
    /// Stored name to name in this version.
    #[serde(default)]
    rename: BTreeMap<String, String>,
    /// Stored names this version does not have.
    #[serde(default)]
    omit: Vec<String>,
    /// Values by name: a stored one where it is omitted, one of this version otherwise.
    #[serde(default)]
    default: Map<String, Value>,
}

impl Shape {
    /// Reads the file of a version.
    pub(crate) fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let shape: Self = toml::from_str(text)?;
        let touches_id = shape.rename.iter().any(|(stored, shown)| stored == ID || shown == ID) || shape.omits(ID);
        if touches_id {
            return Err(serde::de::Error::custom(
                "the member `id` is the same in every version; it is neither renamed nor omitted",
            ));
        }
        Ok(shape)
    }

    /// A stored object as this version shows it.
    pub(crate) fn show<'a>(&self, stored: &'a Map<String, Value>) -> Cow<'a, Map<String, Value>> {
        if *self == Self::default() {
            return Cow::Borrowed(stored);
        }
        let kept = stored.iter().filter(|(name, _)| !self.omits(name));
        let mut shown: Map<String, Value> = kept.map(|(name, value)| (self.shown_name(name).to_owned(), value.clone())).collect();
        for (name, value) in self.default.iter().filter(|(name, _)| !self.omits(name)) {
            if !shown.contains_key(name) {
                shown.insert(name.clone(), value.clone());
            }
        }
        Cow::Owned(shown)
    }

    /// What is stored when this version sends `shown` in the place of `before` (a new item where there is none).
    pub(crate) fn store(&self, shown: Map<String, Value>, before: Option<&Map<String, Value>>) -> Map<String, Value> {
        let nothing = Map::new();
        let old = before.unwrap_or(&nothing);
        let mut stored: Map<String, Value> = shown
            .into_iter()
            .filter(|(name, value)| self.is_told(name, value, old))
            .filter_map(|(name, value)| Some((self.stored_name(&name)?.to_owned(), value)))
            .collect();
        for name in &self.omit {
            let kept = if before.is_some() { old.get(name) } else { self.default.get(name) };
            stored.extend(kept.map(|value| (name.clone(), value.clone())));
        }
        in_order_of(old, stored)
    }

    /// Whether a value comes from the client, not from the defaults this version showed it.
    fn is_told(&self, name: &str, value: &Value, old: &Map<String, Value>) -> bool {
        self.default.get(name) != Some(value) || self.stored_name(name).is_some_and(|stored| old.contains_key(stored))
    }

    fn omits(&self, stored: &str) -> bool {
        self.omit.iter().any(|name| name == stored)
    }

    fn shown_name<'a>(&'a self, stored: &'a str) -> &'a str {
        self.rename.get(stored).map_or(stored, String::as_str)
    }

    /// `None` for a name that this version does not have: it is another one's, and is left alone.
    fn stored_name<'a>(&'a self, shown: &'a str) -> Option<&'a str> {
        match self.rename.iter().find(|(_, name)| *name == shown) {
            Some((stored, _)) => Some(stored),
            None if self.rename.contains_key(shown) || self.omits(shown) => None,
            None => Some(shown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = r#"
        rename = { title = "headline" }
        omit = ["rating"]
        default = { rating = 3, kind = "post" }
    "#;

    #[test]
    fn shows() {
        check(r#"{"id":1,"title":"T","rating":5,"x":0}"#, r#"{"id":1,"headline":"T","x":0,"kind":"post"}"#);
        check(r#"{"id":1,"kind":"page"}"#, r#"{"id":1,"kind":"page"}"#);

        fn check(stored: &str, expected: &str) {
            assert_eq!(text(&old().show(&object(stored))), expected);
        }
    }

    #[test]
    fn stores_what_is_new() {
        check(r#"{"headline":"T"}"#, r#"{"title":"T","rating":3}"#);
        check(r#"{"title":"T","rating":9,"kind":"post"}"#, r#"{"rating":3}"#);
        check(r#"{"kind":"page"}"#, r#"{"kind":"page","rating":3}"#);

        fn check(shown: &str, expected: &str) {
            assert_eq!(text(&old().store(object(shown), None)), expected);
        }
    }

    #[test]
    fn stores_over_what_was() {
        let before = object(r#"{"id":1,"rating":5,"title":"T","gone":1}"#);
        let stored = old().store(object(r#"{"headline":"N","id":1,"kind":"post","more":2}"#), Some(&before));
        assert_eq!(text(&stored), r#"{"id":1,"rating":5,"title":"N","more":2}"#);
        let shown = old().show(&before).into_owned();
        assert_eq!(old().store(shown, Some(&before)), before);
    }

    #[test]
    fn refuses_what_it_cannot_do() {
        for (text, expected) in [
            ("omit = ['id']", "`id`"),
            ("rename = { id = 'n' }", "`id`"),
            ("rename = { n = 'id' }", "`id`"),
            ("drop = []", "unknown field"),
        ] {
            let error = Shape::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    fn old() -> Shape {
        Shape::parse(OLD).unwrap()
    }

    fn object(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    fn text(object: &Map<String, Value>) -> String {
        serde_json::to_string(object).unwrap()
    }
}
