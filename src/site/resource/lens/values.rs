//! The values of one member that a version calls something else: `map = { status = { draft = "unpublished" } }`.
//!
//! Keys of TOML are texts, so a key stands for the text it is, and for the number or switch whose JSON it is. A value that the map
//! does not name passes as it is, unless it would come back as another one: that is refused.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::{Number, Value, json};

/// The greatest whole number that JSON's readers agree on, as a float: 2^53.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// A map that is one to one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Values {
    /// What this version calls a newer value.
    shown: BTreeMap<String, Value>,
    /// The newer values, by the JSON of what this version calls them.
    newer: BTreeMap<String, String>,
}

impl Values {
    /// Adds a pair. Gives the key back that has the same value on its right.
    pub(super) fn add(&mut self, newer: &str, shown: Value) -> Result<(), String> {
        let shown = plain(shown);
        if let Some(other) = self.newer.insert(shown.to_string(), newer.to_owned()) {
            return Err(other);
        }
        self.shown.insert(newer.to_owned(), shown);
        Ok(())
    }

    /// The schema of a value of this version: its own words for newer values, and every other value there may be.
    pub(super) fn schema(&self, newer: &Value) -> Value {
        if self.shown.is_empty() {
            return newer.clone();
        }
        let own: Vec<&Value> = self.shown.values().collect();
        let foreign = self.shown.keys().map(|key| value(key, None)).filter(|foreign| !own.contains(&foreign));
        json!({ "anyOf": [{ "enum": own }, { "allOf": [newer, { "not": { "enum": foreign.collect::<Vec<_>>() } }] }] })
    }

    /// A newer value as this version shows it.
    pub(super) fn show<'v>(&'v self, newer: &'v Value) -> &'v Value {
        key(newer).and_then(|key| self.shown.get(key.as_ref())).unwrap_or(newer)
    }

    /// The newer value for a written one, of the type that it replaces where both a text and a number would do.
    ///
    /// # Errors
    /// With the name that this version has for a value that is none of its own.
    pub(super) fn newer(&self, shown: Value, before: Option<&Value>) -> Result<Value, &Value> {
        let Some(key) = key(&shown).filter(|_| !self.shown.is_empty()) else { return Ok(shown) };
        match (self.newer.get(&shown.to_string()), self.shown.get(key.as_ref())) {
            (Some(newer), _) => Ok(value(newer, before)),
            (None, Some(name)) => Err(name),
            (None, None) => Ok(shown),
        }
    }
}

/// The key that stands for a value; only texts, numbers and switches have one.
fn key(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(_) | Value::Bool(_) => Some(Cow::Owned(value.to_string())),
        _ => None,
    }
}

/// The value that a key stands for.
fn value(key: &str, before: Option<&Value>) -> Value {
    let other = serde_json::from_str(key).ok().filter(|value: &Value| matches!(value, Value::Number(_) | Value::Bool(_)));
    // `1e0` is a number too, but none that is looked up by this key.
    match other.filter(|other| self::key(other).as_deref() == Some(key)) {
        Some(other) if !before.is_some_and(Value::is_string) => other,
        _ => Value::String(key.to_owned()),
    }
}

/// TOML's `1.0` as `1`: JavaScript, which reads one as the other, would not write it back.
fn plain(value: Value) -> Value {
    match value.as_f64() {
        #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
        Some(float) if value.is_f64() && float.fract() == 0.0 && float.abs() <= MAX_EXACT => Number::from(float as i64).into(),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn there_and_back() {
        check(json!("draft"), json!("unpublished"));
        check(json!("other"), json!("other"));
        check(json!(1), json!("low"));
        check(json!(2), json!(20));
        check(json!(true), json!("yes"));
        check(json!(null), json!(null));
        check(json!({"draft": 1}), json!({"draft": 1}));
        check(json!("a"), json!("b"));
        check(json!("b"), json!("a"));
        check(json!(1.5), json!(1.5));

        fn check(newer: Value, shown: Value) {
            assert_eq!(*values().show(&newer), shown);
            assert_eq!(values().newer(shown, Some(&newer)).unwrap(), newer);
        }
    }

    #[test]
    fn the_type_is_that_of_what_was_there() {
        let values = values();
        for (before, expected) in
            [(None, json!(1)), (Some(json!(2)), json!(1)), (Some(json!("2")), json!("1")), (Some(json!(null)), json!(1))]
        {
            assert_eq!(values.newer(json!("low"), before.as_ref()).unwrap(), expected, "{before:?}");
        }
        assert_eq!(*values.show(&json!("1")), json!("low"));
        assert_eq!(value("1e0", None), json!("1e0"));
    }

    #[test]
    fn what_would_come_back_as_another_value_is_refused() {
        for (shown, name) in [(json!("draft"), json!("unpublished")), (json!(1), json!("low")), (json!("true"), json!("yes"))] {
            assert_eq!(values().newer(shown, None), Err(&name));
        }
        assert_eq!(Values::default().newer(json!("draft"), None), Ok(json!("draft")));
    }

    #[test]
    fn one_to_one() {
        let mut values = values();
        assert_eq!(values.add("x", json!("low")), Err("1".to_owned()));
        assert_eq!(values.add("y", json!(20.0)), Err("2".to_owned()));
        assert_eq!(values.add("z", json!("20")), Ok(()));
    }

    fn values() -> Values {
        let mut values = Values::default();
        for (newer, shown) in [
            ("draft", json!("unpublished")),
            ("1", json!("low")),
            ("2", json!(20.0)),
            ("true", json!("yes")),
            ("a", json!("b")),
            ("b", json!("a")),
        ] {
            values.add(newer, shown).unwrap();
        }
        values
    }
}
