//! Full text: whether a text stands anywhere in a row, in a text or a number, however deep.
//!
//! A row is searched as it is read; no tree is made.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use super::fold::fold;

/// A text that is searched for, without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Search {
    folded: String,
}

impl Search {
    pub(super) fn new(text: &str) -> Self {
        Self { folded: fold(text).into_owned() }
    }

    /// Searches JSON, as a text or as a tree. Names of members are not searched.
    pub(super) fn finds<'de>(&self, row: impl Deserializer<'de>) -> bool {
        Finder(&self.folded).deserialize(row).unwrap_or_default()
    }
}

#[derive(Clone, Copy)]
struct Finder<'a>(&'a str);

impl Finder<'_> {
    fn is_in(self, number: &Number) -> bool {
        number.to_string().contains(self.0)
    }
}

impl<'de> DeserializeSeed<'de> for Finder<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Finder<'_> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        Ok(fold(text).contains(self.0))
    }

    fn visit_i64<E>(self, number: i64) -> Result<bool, E> {
        Ok(self.is_in(&number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<bool, E> {
        Ok(self.is_in(&number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<bool, E> {
        Ok(Number::from_f64(number).is_some_and(|number| self.is_in(&number)))
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<bool, A::Error> {
        while let Some(found) = values.next_element_seed(self)? {
            if found {
                while values.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<bool, A::Error> {
        while members.next_key::<IgnoredAny>()?.is_some() {
            if members.next_value_seed(self)? {
                while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value};

    use super::*;

    #[test]
    fn finds() {
        const ROW: &str = r#"{"name":"Ada","n":-12.5,"deep":[[{"t":"\u00c4pfel"}],42],"ok":true,"none":null,"last":"z"}"#;
        for (text, expected) in [
            ("ada", true),
            ("ADA", true),
            ("äPF", true),
            ("12.5", true),
            ("4", true),
            ("z", true),
            ("name", false),
            ("true", false),
            ("null", false),
            ("adam", false),
        ] {
            let search = Search::new(text);
            assert_eq!(search.finds(&mut serde_json::Deserializer::from_str(ROW)), expected, "{text}");
            let tree: Map<String, Value> = serde_json::from_str(ROW).unwrap();
            assert_eq!(search.finds(&tree), expected, "{text}");
        }
    }
}
