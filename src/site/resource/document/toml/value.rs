//! JSON values as TOML writes them, and the other way round.

use std::ops::Range;

use serde_json::{Map, Number, Value};
use toml_edit::{Datetime, InlineTable, Item, TableLike};

use super::super::{Inexpressible, MAX_DEPTH, pointer};

/// What in a file has no JSON form.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) span: Option<Range<usize>>,
    pub(super) message: String,
}

/// What a table says. `depth` is that of the table.
pub(super) fn object_of(table: &dyn TableLike, depth: usize) -> Result<Map<String, Value>, Wrong> {
    table.iter().map(|(name, item)| Ok((name.to_owned(), value_of_item(item, depth + 1)?))).collect()
}

fn value_of_item(item: &Item, depth: usize) -> Result<Value, Wrong> {
    match item {
        Item::None => Ok(Value::Null),
        Item::Value(value) => value_of(value, depth),
        Item::Table(table) => bounded(depth, item.span()).and_then(|()| object_of(table, depth)).map(Value::Object),
        Item::ArrayOfTables(tables) => {
            bounded(depth, item.span())?;
            tables.iter().map(|table| object_of(table, depth + 1).map(Value::Object)).collect()
        }
    }
}

fn value_of(value: &toml_edit::Value, depth: usize) -> Result<Value, Wrong> {
    bounded(depth, value.span())?;
    match value {
        toml_edit::Value::String(text) => Ok(Value::String(text.value().clone())),
        toml_edit::Value::Integer(number) => Ok(Value::from(*number.value())),
        toml_edit::Value::Float(number) => Number::from_f64(*number.value())
            .map(Value::Number)
            .ok_or_else(|| Wrong { span: value.span(), message: "JSON has no number that is infinite or none".to_owned() }),
        toml_edit::Value::Boolean(truth) => Ok(Value::Bool(*truth.value())),
        toml_edit::Value::Datetime(time) => Ok(Value::String(time.value().to_string())),
        toml_edit::Value::Array(entries) => entries.iter().map(|entry| value_of(entry, depth + 1)).collect(),
        toml_edit::Value::InlineTable(table) => object_of(table, depth).map(Value::Object),
    }
}

fn bounded(depth: usize, span: Option<Range<usize>>) -> Result<(), Wrong> {
    if depth <= MAX_DEPTH {
        return Ok(());
    }
    Err(Wrong { span, message: format!("values are nested deeper than {MAX_DEPTH} levels") })
}

/// How a value is written where nothing else stood. `path` is its pointer.
pub(super) fn written(value: &Value, path: &str) -> Result<toml_edit::Value, Inexpressible> {
    match value {
        Value::Null => Err(Inexpressible::new(path, "TOML has no null")),
        Value::Bool(truth) => Ok((*truth).into()),
        Value::Number(number) => number_written(number, path),
        Value::String(text) => Ok(text_written(text)),
        Value::Array(entries) => {
            let entries = entries.iter().enumerate().map(|(place, entry)| written(entry, &pointer(path, &place.to_string())));
            Ok(toml_edit::Value::Array(entries.collect::<Result<_, _>>()?))
        }
        Value::Object(members) => {
            let mut table = InlineTable::new();
            for (name, member) in members {
                table.insert(name, written(member, &pointer(path, name))?);
            }
            Ok(table.into())
        }
    }
}

/// On one line, as JSON writes it: the line ends of a file are those of its author, and must not get into a text.
fn text_written(text: &str) -> toml_edit::Value {
    if !text.contains(['\r', '\n']) {
        return text.into();
    }
    let json = Value::from(text).to_string().replace('\u{7f}', "\\u007f");
    json.parse().unwrap_or_else(|_| text.into())
}

fn number_written(number: &Number, path: &str) -> Result<toml_edit::Value, Inexpressible> {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(integer), ..) => Ok(integer.into()),
        (None, None, Some(float)) => Ok(float.into()),
        _ => Err(Inexpressible::new(path, "a TOML integer has 64 bits with a sign; write a larger one as a text")),
    }
}

/// A text that is a time of the same kind as another one: with or without a date, a time of day, an offset.
pub(super) fn time_like(known: &Datetime, text: &str) -> Option<Datetime> {
    let time: Datetime = text.parse().ok()?;
    let kind = |time: &Datetime| (time.date.is_some(), time.time.is_some(), time.offset.is_some());
    // Some texts are times that are written in another way (`2001-01-01 00:00:00`); those stay texts.
    (kind(&time) == kind(known) && time.to_string() == text).then_some(time)
}
