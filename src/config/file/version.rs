//! `[[version]]`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use toml::de::DeValue;

use super::table::{Fault, Table, Value, number, text};
use crate::config::{
    VersionConfig,
    value::{self, Invalid},
};

/// All of them, the oldest first.
pub(super) fn read(top: &Table<'_, '_>) -> Result<Vec<VersionConfig>, Fault> {
    let mut versions = BTreeMap::new();
    for (version, at) in top.sections("version", one)? {
        let number = version.number;
        if versions.insert(number, version).is_some() {
            return Err(Fault { at, message: format!("version {number} is declared twice") });
        }
    }
    Ok(versions.into_values().collect())
}

/// One version with its place.
fn one(table: Table<'_, '_>, whole: &Value<'_>) -> Result<(VersionConfig, usize), Fault> {
    let at = whole.span().start;
    let lacking = || Fault { at, message: "a `[[version]]` needs a `number`".to_owned() };
    let number = table.get("number", |value| number(value, 1, u16::MAX))?.ok_or_else(lacking)?;
    let deprecated = table.get("deprecated", instant)?;
    let sunset = table.get("sunset", |value| not_before(deprecated, value))?;
    Ok((VersionConfig { number: u32::from(number), deprecated, sunset }, at))
}

/// RFC 9745 §4: a version is not gone before it is deprecated.
fn not_before(deprecated: Option<Timestamp>, value: &Value<'_>) -> Result<Timestamp, Fault> {
    let sunset = instant(value)?;
    match deprecated {
        Some(deprecated) if sunset < deprecated => Err(Fault::at(value, &Invalid::must("not be before `deprecated`"))),
        _ => Ok(sunset),
    }
}

/// A date of TOML, or one in a string.
fn instant(value: &Value<'_>) -> Result<Timestamp, Fault> {
    let written = match value.get_ref() {
        DeValue::Datetime(date) => date.to_string(),
        DeValue::String(_) => text(value)?.to_owned(),
        _ => String::new(),
    };
    value::instant(&written).map_err(|reason| Fault::at(value, &reason))
}
