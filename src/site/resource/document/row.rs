//! One row of a data file.

use std::{borrow::Cow, collections::HashSet};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::text::Text;

/// Where doubles begin to leave out whole numbers: 2⁵³.
const FIRST_INEXACT: f64 = 9_007_199_254_740_992.0;

/// The member that names a row.
pub(crate) const ID: &str = "id";

/// One object of a collection, or the whole of a singleton. It never changes.
#[derive(Debug)]
pub(crate) struct Row {
    /// What stands between the row before and this one; of the first row nobody asks.
    before: Text,
    /// The row as it stands in the file.
    source: Text,
    /// The row as JSON, where the file is none.
    json: Option<Box<str>>,
    id: Option<Id>,
}

/// What names a row.
#[derive(Clone, Debug)]
struct Id {
    /// As it stands in a path.
    text: Box<str>,
    /// Its number, if it is a whole one and no text.
    integer: Option<i64>,
}

impl Id {
    fn of(value: &Value) -> Option<Self> {
        Some(Self { text: id_text(value)?.into_boxed_str(), integer: integer(value) })
    }
}

impl Row {
    /// A row that stands in the file as JSON. `id` is that of its head.
    pub(super) fn of_json(before: Text, source: Text, id: Option<&Value>) -> Self {
        Self { before, source, json: None, id: id.and_then(Id::of) }
    }

    /// A row of another format, with what it says.
    pub(super) fn of_object(before: Text, source: Text, object: &Map<String, Value>) -> Self {
        // Maps with text keys always have a JSON form.
        let json = serde_json::to_string(object).unwrap_or_default();
        Self { before, source, json: Some(json.into_boxed_str()), id: object.get(ID).and_then(Id::of) }
    }

    /// The same row behind something else.
    pub(super) fn behind(&self, before: Text) -> Self {
        Self { before, source: self.source.clone(), json: self.json.clone(), id: self.id.clone() }
    }

    /// The row as a JSON text: one object, checked, its white space as it stands in the file.
    pub(crate) fn json(&self) -> &str {
        self.json.as_deref().unwrap_or(&self.source)
    }

    /// The row taken apart.
    pub(crate) fn object(&self) -> Map<String, Value> {
        // It was checked when it was read.
        serde_json::from_str(self.json()).unwrap_or_default()
    }

    /// The row's id as it stands in a path; only numbers and texts are ids.
    pub(crate) fn id(&self) -> Option<&str> {
        self.id.as_ref().map(|id| &*id.text)
    }

    /// The row's id if it is a whole number.
    pub(crate) fn integer_id(&self) -> Option<i64> {
        self.id.as_ref()?.integer
    }

    /// The row as it stands in the file.
    pub(super) fn source(&self) -> &Text {
        &self.source
    }

    /// What stands before it, if it is not the first.
    pub(super) fn before(&self) -> &Text {
        &self.before
    }

    /// Its part of the file when it stands at `place`.
    pub(super) fn pieces(&self, place: usize) -> impl Iterator<Item = &Text> {
        (place > 0).then_some(&self.before).into_iter().chain([&self.source])
    }
}

/// An id as it stands in a path. `7` and `7.0` are one number in JSON, and so one id.
pub(crate) fn id_text(id: &Value) -> Option<String> {
    match (id, integer(id)) {
        (_, Some(integer)) => Some(integer.to_string()),
        (Value::Number(number), None) => Some(number.to_string()),
        (Value::String(text), None) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

/// The whole number that a value is, however it is written.
pub(crate) fn integer(value: &Value) -> Option<i64> {
    let is_whole = |number: &f64| number.fract() == 0.0 && number.abs() < FIRST_INEXACT;
    // `as` is exact within these bounds.
    value.as_i64().or_else(|| value.as_f64().filter(is_whole).map(|number| number as i64))
}

/// What is known of an object that was only checked: that it can be parsed (depth, numbers, escapes), and its id.
pub(super) struct Head {
    pub(super) id: Option<Value>,
}

impl<'de> Deserialize<'de> for Head {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeadVisitor)
    }
}

struct HeadVisitor;

impl<'de> Visitor<'de> for HeadVisitor {
    type Value = Head;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Head, A::Error> {
        let (mut id, mut names) = (None, Names::default());
        while let Some(Name(name)) = members.next_key()? {
            if name == ID {
                id = Some(members.next_value()?);
            } else {
                let Checked = members.next_value()?;
            }
            names.add(name)?;
        }
        Ok(Head { id })
    }
}

/// The name of a member, where it can be without a copy.
struct Name<'t>(Cow<'t, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(name.into()))
            }

            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(name.to_owned().into()))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

/// The most names that are compared one by one; nearly all objects have fewer members.
const FEW_NAMES: usize = 16;

/// The names of an object so far, each once.
#[derive(Default)]
struct Names<'t> {
    few: Vec<Cow<'t, str>>,
    many: HashSet<Cow<'t, str>>,
}

impl<'t> Names<'t> {
    fn add<E: Error>(&mut self, name: Cow<'t, str>) -> Result<(), E> {
        if self.few.contains(&name) || self.many.contains(&name) {
            return Err(E::custom(twice(&name)));
        }
        if self.few.len() < FEW_NAMES {
            self.few.push(name);
        } else {
            self.many.insert(name);
        }
        Ok(())
    }
}

/// What to say of a member that has the name of another one.
pub(super) fn twice(name: &str) -> String {
    format!("the member {name:?} is there twice")
}

/// A value that is parsed as if it were kept: `IgnoredAny` would let numbers pass that have no value, and halves of characters.
pub(super) struct Checked;

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CheckedVisitor)
    }
}

struct CheckedVisitor;

impl<'de> Visitor<'de> for CheckedVisitor {
    type Value = Checked;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Checked, E> {
        if number.is_finite() { Ok(Checked) } else { Err(E::custom("number out of range")) }
    }

    fn visit_str<E>(self, _: &str) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_unit<E>(self) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Checked, A::Error> {
        while values.next_element::<Checked>()?.is_some() {}
        Ok(Checked)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Checked, A::Error> {
        let mut names = Names::default();
        while let Some(Name(name)) = members.next_key()? {
            let Checked = members.next_value()?;
            names.add(name)?;
        }
        Ok(Checked)
    }
}
