//! One table of `everlit.toml`, read key by key with the places of what is wrong.

use std::time::Duration;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::keys;
use crate::config::value::{self, Invalid};

/// A value with its place.
pub(super) type Value<'i> = Spanned<DeValue<'i>>;

/// Something wrong at a byte of the text.
#[derive(Debug)]
pub(super) struct Fault {
    /// The byte.
    pub(super) at: usize,
    /// What is wrong; while it is on its way up to [`Table::get`] the key's name is still missing in front.
    pub(super) message: String,
}

impl Fault {
    /// A value that is not what it must be.
    pub(super) fn at(value: &Value<'_>, reason: &Invalid) -> Self {
        Self { at: value.span().start, message: format!("{reason}, not {}", shown(value.get_ref())) }
    }

    fn expected(value: &Value<'_>, what: &str) -> Self {
        Self::at(value, &Invalid::must(format_args!("be {what}")))
    }
}

/// A value in words: itself where it is short, its kind otherwise.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(switch) => switch.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "an array".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// A table whose keys are all known.
pub(super) struct Table<'t, 'i> {
    entries: &'t DeTable<'i>,
}

impl<'t, 'i> Table<'t, 'i> {
    /// Looks at every key first, so that a typing error is reported as one and not as what it leads to.
    pub(super) fn open(name: &'static str, entries: &'t DeTable<'i>) -> Result<Self, Fault> {
        let unknown = entries.keys().filter(|key| !keys::is_known(name, key.get_ref())).min_by_key(|key| key.span().start);
        match unknown {
            Some(key) => Err(Fault { at: key.span().start, message: keys::unknown(name, key.get_ref()) }),
            None => Ok(Self { entries }),
        }
    }

    /// The value of `key`, read by `read`.
    pub(super) fn get<T>(&self, key: &str, read: impl FnOnce(&Value<'i>) -> Result<T, Fault>) -> Result<Option<T>, Fault> {
        let named = |fault: Fault| Fault { message: format!("`{key}` {}", fault.message), ..fault };
        self.entries.get(key).map(read).transpose().map_err(named)
    }

    /// The table called `name` in this one, read by `read`; its default when there is none.
    pub(super) fn section<T: Default>(
        &self,
        name: &'static str,
        read: impl FnOnce(Table<'_, 'i>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        match self.entries.get(name) {
            None => Ok(T::default()),
            Some(value) => read(Table::of(name, value)?),
        }
    }

    /// The tables of the array called `name` in this one (of its whole name the last part), each read by `read`.
    pub(super) fn sections<T>(
        &self,
        name: &'static str,
        read: impl Fn(Table<'_, 'i>, &Value<'i>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let key = name.rsplit('.').next().unwrap_or(name);
        let Some(value) = self.entries.get(key) else { return Ok(Vec::new()) };
        let DeValue::Array(tables) = value.get_ref() else { return Err(wrong_section(value, &format!("[[{name}]]"))) };
        tables.iter().map(|value| read(Table::of(name, value)?, value)).collect()
    }

    fn of(name: &'static str, value: &'t Value<'i>) -> Result<Self, Fault> {
        match value.get_ref() {
            DeValue::Table(entries) => Self::open(name, entries),
            _ => Err(wrong_section(value, &format!("[{name}]"))),
        }
    }
}

fn wrong_section(value: &Value<'_>, header: &str) -> Fault {
    let message = format!("this must be a section, written `{header}`, not {}", shown(value.get_ref()));
    Fault { at: value.span().start, message }
}

/// A string.
pub(super) fn text<'v>(value: &'v Value<'_>) -> Result<&'v str, Fault> {
    value.get_ref().as_str().ok_or_else(|| Fault::expected(value, "a string"))
}

/// A string that `read` makes something of.
pub(super) fn parsed<T>(value: &Value<'_>, read: impl FnOnce(&str) -> Result<T, Invalid>) -> Result<T, Fault> {
    read(text(value)?).map_err(|reason| Fault::at(value, &reason))
}

/// `true` or `false`.
pub(super) fn switch(value: &Value<'_>) -> Result<bool, Fault> {
    value.get_ref().as_bool().ok_or_else(|| Fault::expected(value, "true or false"))
}

/// A whole number from `least` to `most`.
pub(super) fn number(value: &Value<'_>, least: u16, most: u16) -> Result<u16, Fault> {
    let written = value.get_ref().as_integer();
    let number = written.and_then(|number| u16::from_str_radix(number.as_str(), number.radix()).ok());
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| Fault::expected(value, &format!("a number from {least} to {most}")))
}

/// A number, whole or not; `None` when it is something else.
pub(super) fn decimal(value: &Value<'_>) -> Option<f64> {
    match value.get_ref() {
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok().map(|whole| whole as f64),
        DeValue::Float(number) => number.as_str().parse().ok(),
        _ => None,
    }
}

/// A time with its unit, or a number of seconds.
pub(super) fn duration(value: &Value<'_>) -> Result<Duration, Fault> {
    if let DeValue::String(_) = value.get_ref() {
        return parsed(value, value::duration);
    }
    let refused = || Invalid::must("be a time like \"200ms\", \"30s\" or \"2m\", or a number of seconds");
    decimal(value).ok_or_else(refused).and_then(value::seconds).map_err(|reason| Fault::at(value, &reason))
}

/// An array, each element read by `read`.
pub(super) fn list<'i, T>(value: &Value<'i>, read: impl Fn(&Value<'i>) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
    let DeValue::Array(elements) = value.get_ref() else { return Err(Fault::expected(value, "an array")) };
    elements.iter().map(read).collect()
}
