//! Changes of a table that keep everything else in it as it was written: order, spaces, comments, kinds of tables.

use serde_json::{Map, Value};
use toml_edit::{Array, ArrayOfTables, Decor, InlineTable, Item, RawString, Table, TableLike};

use super::{
    super::{Inexpressible, align::align, pointer},
    value::{time_like, written},
};

type Object = Map<String, Value>;

/// Makes a table that says `before` say `after`.
pub(super) fn change(table: &mut Table, before: &Object, after: &Object, path: &str) -> Result<(), Inexpressible> {
    table.retain(|name, _| after.contains_key(name));
    change_members(table, before, after, path)
}

fn change_members(table: &mut dyn TableLike, before: &Object, after: &Object, path: &str) -> Result<(), Inexpressible> {
    for (name, value) in after {
        let path = pointer(path, name);
        match (before.get(name), table.get_mut(name)) {
            (Some(old), _) if old == value => (),
            (Some(old), Some(item)) if can_become(item, value) => change_item(item, old, value, &path)?,
            _ => {
                // A key keeps what stands around it, which is not the same for a header and for a member.
                table.remove(name);
                table.insert(name, Item::Value(written(value, &path)?));
            }
        }
    }
    Ok(())
}

/// Whether the item can be changed to say a value, and stay the kind of item it is.
fn can_become(item: &Item, value: &Value) -> bool {
    match (item, value) {
        (Item::Value(_), _) => true,
        (Item::Table(_), Value::Object(members)) => !members.is_empty(),
        (Item::ArrayOfTables(_), Value::Array(entries)) => !entries.is_empty() && entries.iter().all(Value::is_object),
        _ => false,
    }
}

fn change_item(item: &mut Item, before: &Value, after: &Value, path: &str) -> Result<(), Inexpressible> {
    match (item, before, after) {
        (Item::Value(value), ..) => change_value(value, before, after, path),
        (Item::Table(table), Value::Object(before), Value::Object(after)) => change(table, before, after, path),
        (Item::ArrayOfTables(tables), Value::Array(before), Value::Array(after)) => change_tables(tables, before, after, path),
        _ => Ok(()),
    }
}

fn change_value(value: &mut toml_edit::Value, before: &Value, after: &Value, path: &str) -> Result<(), Inexpressible> {
    let next = match (&mut *value, before, after) {
        (toml_edit::Value::InlineTable(table), Value::Object(before), Value::Object(after)) if !after.is_empty() => {
            return change_inline(table, before, after, path);
        }
        (toml_edit::Value::Array(array), Value::Array(before), Value::Array(after)) if !after.is_empty() => {
            return change_array(array, before, after, path);
        }
        (toml_edit::Value::Datetime(known), _, Value::String(text)) => match time_like(known.value(), text) {
            Some(time) => time.into(),
            None => written(after, path)?,
        },
        _ => written(after, path)?,
    };
    let decor = value.decor().clone();
    *value = next;
    *value.decor_mut() = decor;
    Ok(())
}

fn change_inline(table: &mut InlineTable, before: &Object, after: &Object, path: &str) -> Result<(), Inexpressible> {
    // The space before the brace is that behind the last member, whichever that is.
    let space = table.iter_mut().last().map(|(_, last)| take_suffix(last.decor_mut()));
    table.retain(|name, _| after.contains_key(name));
    change_members(table, before, after, path)?;
    if let (Some(space), Some((_, last))) = (space.flatten(), table.iter_mut().last()) {
        last.decor_mut().set_suffix(space);
    }
    Ok(())
}

fn take_suffix(decor: &mut Decor) -> Option<String> {
    let suffix = decor.suffix().and_then(RawString::as_str).map(str::to_owned);
    decor.set_suffix("");
    suffix
}

fn change_array(array: &mut Array, before: &[Value], after: &[Value], path: &str) -> Result<(), Inexpressible> {
    let aligned = align(before, after);
    let mut entries: Vec<toml_edit::Value> = array.iter().cloned().collect();
    for place in aligned.start..aligned.start + aligned.pairs {
        if let Some(entry) = entries.get_mut(place) {
            change_value(entry, &before[place], &after[place], &pointer(path, &place.to_string()))?;
        }
    }
    let from = aligned.start + aligned.pairs;
    let opening = entries.first().map(prefix_of).unwrap_or_default().to_owned();
    let space = entries.get(from.saturating_sub(1)).map_or("", |neighbour| indent(prefix_of(neighbour)));
    let space = if space.is_empty() && from > 0 { " " } else { space }.to_owned();
    let closing = entries.last_mut().filter(|_| aligned.gone == 0 && aligned.fresh > 0 && from == before.len());
    let closing = closing.and_then(|last| take_suffix(last.decor_mut()));
    let mut fresh = Vec::with_capacity(aligned.fresh);
    for (place, entry) in after.iter().enumerate().skip(from).take(aligned.fresh) {
        let mut entry = written(entry, &pointer(path, &place.to_string()))?;
        entry.decor_mut().set_prefix(space.as_str());
        fresh.push(entry);
    }
    entries.splice(from..(from + aligned.gone).min(entries.len()), fresh);
    if let Some(first) = entries.first_mut().filter(|first| aligned.gone > 0 && from == 0 && prefix_of(first) == " ") {
        first.decor_mut().set_prefix(opening);
    }
    if let (Some(closing), Some(last)) = (closing, entries.last_mut()) {
        last.decor_mut().set_suffix(closing);
    }
    array.clear();
    entries.into_iter().for_each(|entry| array.push_formatted(entry));
    Ok(())
}

fn prefix_of(value: &toml_edit::Value) -> &str {
    value.decor().prefix().and_then(RawString::as_str).unwrap_or_default()
}

/// What brings an entry to its column: the last line of what stands before its neighbour.
fn indent(prefix: &str) -> &str {
    let line = prefix.rfind('\n').map_or(0, |newline| newline);
    if prefix[line..].contains('#') { "" } else { &prefix[line..] }
}

fn change_tables(tables: &mut ArrayOfTables, before: &[Value], after: &[Value], path: &str) -> Result<(), Inexpressible> {
    let aligned = align(before, after);
    let from = aligned.start + aligned.pairs;
    let mut entries: Vec<Table> = tables.iter().cloned().collect();
    for place in aligned.start..from {
        if let (Some(table), Value::Object(before), Value::Object(after)) =
            (entries.get_mut(place), &before[place], &after[place])
        {
            change(table, before, after, &pointer(path, &place.to_string()))?;
        }
    }
    let mut fresh = Vec::with_capacity(aligned.fresh);
    for (place, entry) in after.iter().enumerate().skip(from).take(aligned.fresh) {
        if let Value::Object(entry) = entry {
            fresh.push(table_of(entry, None, &pointer(path, &place.to_string()))?);
        }
    }
    entries.splice(from..(from + aligned.gone).min(entries.len()), fresh);
    tables.clear();
    entries.into_iter().for_each(|table| tables.push(table));
    Ok(())
}

/// A new table. Its members are tables of their own where those of `sibling` are.
pub(super) fn table_of(object: &Object, sibling: Option<&Table>, path: &str) -> Result<Table, Inexpressible> {
    let mut table = Table::new();
    for (name, value) in object {
        let path = pointer(path, name);
        let item = match (sibling.and_then(|sibling| sibling.get(name)), value) {
            (Some(Item::Table(sibling)), Value::Object(members)) if !sibling.is_dotted() => {
                Item::Table(table_of(members, Some(sibling), &path)?)
            }
            (Some(Item::ArrayOfTables(siblings)), Value::Array(entries))
                if !entries.is_empty() && entries.iter().all(Value::is_object) =>
            {
                let mut tables = ArrayOfTables::new();
                for (place, entry) in entries.iter().filter_map(Value::as_object).enumerate() {
                    tables.push(table_of(entry, siblings.get(0), &pointer(&path, &place.to_string()))?);
                }
                Item::ArrayOfTables(tables)
            }
            _ => Item::Value(written(value, &path)?),
        };
        table.insert(name, item);
    }
    Ok(table)
}
