//! What happens to one member between two versions: its name, where its value stands, and what values are called.
//!
//! Two rules carry the laws. What is written as it was shown leaves the newer value alone, whatever that is. Everything else must
//! be shown again as it was written, or it is refused.

use serde_json::{Map, Value};

use super::values::Values;

/// The difference of one member. The one by default has none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Member {
    /// The name in this version where it is another one.
    pub(super) name: Option<String>,
    pub(super) layout: Layout,
    pub(super) values: Values,
    /// What this version shows where there is nothing, in this version's terms.
    pub(super) default: Option<Value>,
}

/// Where the value stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Layout {
    #[default]
    Plain,
    /// In an object that this version puts around it, under this name.
    Wrapped(String),
    /// In an object of the newer version, under this name.
    Unwrapped(String),
}

/// Why a value cannot be written.
#[derive(Debug, PartialEq)]
pub(super) struct Misfit {
    /// The inner member it is about.
    pub(super) inner: Option<String>,
    pub(super) detail: String,
}

impl Member {
    /// A newer value as this version shows it; `None` where there is nothing to show.
    pub(super) fn show(&self, newer: &Value) -> Option<Value> {
        match &self.layout {
            Layout::Plain => Some(self.values.show(newer).clone()),
            Layout::Wrapped(name) => Some(Value::Object(Map::from_iter([(name.clone(), self.values.show(newer).clone())]))),
            Layout::Unwrapped(_) => self.innermost(newer).map(|inner| self.values.show(inner).clone()),
        }
    }

    /// The newer value when this version writes `shown` where `before` stood; `None` when there is to be nothing.
    pub(super) fn store(&self, shown: Value, before: Option<&Value>) -> Result<Option<Value>, Misfit> {
        let seen = before.and_then(|before| self.show(before));
        if seen.as_ref().or(self.default.as_ref()) == Some(&shown) {
            return Ok(before.cloned());
        }
        self.newer(shown, before).map(Some)
    }

    /// What is left of the newer value when this version writes none.
    pub(super) fn rest(&self, before: &Value) -> Option<Value> {
        let (Layout::Unwrapped(name), Value::Object(object)) = (&self.layout, before) else { return None };
        if !object.contains_key(name) {
            return Some(before.clone());
        }
        let others = object.iter().filter(|(other, _)| *other != name);
        let others: Map<_, _> = others.map(|(name, value)| (name.clone(), value.clone())).collect();
        (!others.is_empty()).then_some(Value::Object(others))
    }

    /// The newer value for a written one.
    pub(super) fn newer(&self, shown: Value, before: Option<&Value>) -> Result<Value, Misfit> {
        let inner = match &self.layout {
            Layout::Wrapped(name) => only_member(name, shown)?,
            Layout::Plain | Layout::Unwrapped(_) => shown,
        };
        let innermost_before = before.and_then(|before| self.innermost(before));
        let value = self.values.newer(inner, innermost_before).map_err(|name| self.renamed_value(name))?;
        Ok(match &self.layout {
            Layout::Plain | Layout::Wrapped(_) => value,
            Layout::Unwrapped(name) => {
                let mut object = before.and_then(Value::as_object).cloned().unwrap_or_default();
                object.insert(name.clone(), value);
                Value::Object(object)
            }
        })
    }

    /// The part of a newer value that this version shows.
    fn innermost<'v>(&self, newer: &'v Value) -> Option<&'v Value> {
        match (&self.layout, newer) {
            (Layout::Unwrapped(name), Value::Object(object)) => object.get(name),
            _ => Some(newer),
        }
    }

    fn renamed_value(&self, name: &Value) -> Misfit {
        let inner = match &self.layout {
            Layout::Wrapped(inner) => Some(inner.clone()),
            Layout::Plain | Layout::Unwrapped(_) => None,
        };
        Misfit { inner, detail: format!("is no value of this version; it is called {name} here") }
    }
}

/// The value of an object's only member.
fn only_member(name: &str, shown: Value) -> Result<Value, Misfit> {
    let misfit = |inner: Option<&str>, detail| Err(Misfit { inner: inner.map(str::to_owned), detail });
    let Value::Object(mut object) = shown else {
        return misfit(None, format!("must be an object with the one member `{name}`"));
    };
    if let Some(other) = object.keys().find(|other| *other != name) {
        return misfit(Some(other), format!("has no place in the newer version; only `{name}` may stand here"));
    }
    match object.shift_remove(name) {
        Some(value) => Ok(value),
        None => misfit(Some(name), "is missing".to_owned()),
    }
}
