//! The few members of an object that a query looks at, read out of its text without making the rest.
//!
//! [`Names`] gives each top-level name a place; [`members`] fills the places of one row. A [`Path`] is a name with dots, which
//! finds what it names in them. Nothing here is compared.

use std::{collections::BTreeMap, fmt};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::error::{QueryError, shown};

/// The longest name that is looked for; no one types a longer one, and every row would be asked for it.
pub(super) const MAX_NAME_BYTES: usize = 256;

/// Top-level names, each with its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names(BTreeMap<String, usize>);

/// The members of one row by place; `None` where it has none of the name.
pub(crate) type Members = Vec<Option<Value>>;

impl Names {
    /// The place of a name, a new one where it had none.
    pub(crate) fn place(&mut self, name: &str) -> usize {
        let next = self.0.len();
        *self.0.entry(name.to_owned()).or_insert(next)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<S: AsRef<str>> FromIterator<S> for Names {
    /// Names that take their places in this order.
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        let mut all = Self::default();
        for name in names {
            all.place(name.as_ref());
        }
        all
    }
}

/// Reads the members of these names from the text of an object. Of equal names the last one counts, as everywhere in JSON. A text
/// that is no object has no members.
pub(crate) fn members(json: &str, names: &Names) -> Members {
    let mut found = vec![None; names.len()];
    if !names.is_empty() {
        // What a broken text says up to where it breaks is kept: the store read it whole before.
        let _ = serde_json::Deserializer::from_str(json).deserialize_map(Row { names, found: &mut found });
    }
    found
}

/// The members of these names in an object.
pub(super) fn picked(object: &Map<String, Value>, names: &Names) -> Members {
    let mut found = vec![None; names.len()];
    for (name, place) in &names.0 {
        found[*place] = object.get(name).cloned();
    }
    found
}

struct Row<'a> {
    names: &'a Names,
    found: &'a mut Members,
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(place) = members.next_key_seed(Place(self.names))? {
            match place {
                Some(place) => self.found[place] = Some(members.next_value()?),
                None => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// A key that becomes its place without being kept.
struct Place<'a>(&'a Names);

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Place<'_> {
    type Value = Option<usize>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.0.get(name).copied())
    }
}

/// A name as queries write it: `title`, or `author.name` for a member of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    name: String,
    /// Where a member with all of the name is.
    whole: usize,
    /// Where the first part of the name is, and what follows it.
    nested: Option<(usize, String)>,
}

impl Path {
    /// Reads a name, and gives what it looks at a place. `parameter` is where it stands, for the message.
    pub(super) fn parse(name: &str, parameter: &str, names: &mut Names) -> Result<Self, QueryError> {
        if name.len() > MAX_NAME_BYTES {
            return Err(QueryError::LongName { name: shown(parameter), limit: MAX_NAME_BYTES });
        }
        let whole = names.place(name);
        let nested = name.split_once('.').map(|(first, rest)| (names.place(first), rest.to_owned()));
        Ok(Self { name: name.to_owned(), whole, nested })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Everything the name leads to. Arrays on the way stand for each of their elements; the values at the end are as they are.
    pub(super) fn each<'a>(&self, members: &'a Members, mut found: impl FnMut(&'a Value)) {
        match (&members[self.whole], &self.nested) {
            (Some(value), _) => found(value),
            (None, Some((first, rest))) => {
                if let Some(value) = &members[*first] {
                    descend(value, rest, &mut found);
                }
            }
            (None, None) => (),
        }
    }

    /// The first of what the name leads to.
    pub(super) fn first<'a>(&self, members: &'a Members) -> Option<&'a Value> {
        let mut first = None;
        self.each(members, |value| first = first.or(Some(value)));
        first
    }
}

fn descend<'a>(value: &'a Value, name: &str, found: &mut impl FnMut(&'a Value)) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| descend(value, name, found)),
        Value::Object(object) => match (object.get(name), name.split_once('.')) {
            (Some(value), _) => found(value),
            (None, Some((first, rest))) => {
                if let Some(value) = object.get(first) {
                    descend(value, rest, found);
                }
            }
            (None, None) => (),
        },
        _ => (),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = r#"{"a":1,"\u0062":{"c":{"d":2},"c.d":3},"e.f":4,"e":{"f":5},"g":[{"h":6},{"h":7},8],"a":9,"n":null}"#;

    #[test]
    fn only_what_is_named_is_read() {
        check(ROW, &["a", "b", "z"], r#"[9,{"c":{"d":2},"c.d":3},null]"#);
        check(ROW, &["z", "n"], "[null,null]");
        check(ROW, &[], "[]");
        check("[1]", &["a"], "[null]");
        check("\"a\"", &["a"], "[null]");
        check(r#"{"a":1,"b":"#, &["a", "b"], "[1,null]");

        fn check(json: &str, names: &[&str], expected: &str) {
            let names: Names = names.iter().collect();
            assert_eq!(serde_json::to_string(&members(json, &names)).unwrap(), expected, "{json}");
            if let Ok(Value::Object(object)) = serde_json::from_str(json) {
                assert_eq!(serde_json::to_string(&picked(&object, &names)).unwrap(), expected, "{json}");
            }
        }
    }

    #[test]
    fn names_with_dots_lead_inwards() {
        check("a", "9");
        check("n", "null");
        check("b.c", r#"{"d":2}"#);
        check("b.c.d", "3");
        check("e.f", "4");
        check("g", r#"[{"h":6},{"h":7},8]"#);
        check("g.h", "6 7");
        check("g.h.i", "");
        check("a.b", "");
        check("", "");
        check(".", "");
        check("b.", "");

        fn check(name: &str, expected: &str) {
            let mut names = Names::default();
            let path = Path::parse(name, name, &mut names).unwrap();
            let members = members(ROW, &names);
            let mut found = Vec::new();
            path.each(&members, |value| found.push(value.to_string()));
            assert_eq!(found.join(" "), expected, "{name}");
            assert_eq!(path.first(&members).map(Value::to_string), found.first().cloned(), "{name}");
        }
    }

    #[test]
    fn names_are_bounded() {
        let mut names = Names::default();
        assert!(Path::parse(&"a".repeat(MAX_NAME_BYTES), "_sort", &mut names).is_ok());
        let error = Path::parse(&"a".repeat(MAX_NAME_BYTES + 1), "_sort", &mut names).unwrap_err();
        assert_eq!(error.to_string(), "a name in the parameter _sort is longer than 256 bytes");
    }
}
