//! The parameters of operations: queries as `site::query` reads them, conditions, ids.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::{
    Told, reference,
    version::{Version, id_text, is_single, member_name, words},
};
use crate::site::describe::{Api, Form, ID, IdKind};

/// How many members a query is told to filter by; people read them.
const MAX_FILTERS: usize = 50;

/// How many relations a query may ask for; the same one twice is one.
const MAX_RELATIONS: usize = 16;

/// What an `Idempotency-Key` is: visible, and no longer than this.
const KEY: (&str, usize) = ("^[!-~]([ -~]*[!-~])?$", 255);

/// The parameters of a query on any collection, by the names of their components.
const LIST: [&str; 9] = ["q", "_sort", "_order", "_page", "_per_page", "_limit", "_start", "_end", "_fields"];

/// All components.
pub(super) fn components(api: &Api, told: &[Told<'_>]) -> Map<String, Value> {
    let mut parameters = Map::new();
    if told.iter().any(|resource| resource.facts.form == Form::Collection) {
        parameters.extend(LIST.map(|name| (name.to_owned(), of_list(name))));
    }
    let conditions = ["If-Match", "If-None-Match"]
        .into_iter()
        .chain(api.writable.then_some(["If-Unmodified-Since", "Idempotency-Key"]).into_iter().flatten());
    parameters.extend(conditions.map(|name| (name.to_owned(), header(name))));
    for resource in told.iter().filter(|resource| resource.facts.form == Form::Collection) {
        parameters.insert(format!("{}.id", resource.key), id(resource));
        parameters.extend(relations(resource));
        parameters.extend(dependents(resource).filter(|_| api.writable));
        parameters.extend(resource.versions.iter().flat_map(filters));
    }
    parameters
}

/// References to the parameters of `GET` on a collection in this version.
pub(super) fn of_collection(resource: &Told<'_>, version: &Version<'_>) -> Vec<Value> {
    let names = LIST.map(str::to_owned).into_iter();
    let relations = relations(resource).into_iter().map(|(name, _)| name);
    let filters = filters(version).into_iter().map(|(name, _)| name);
    let conditions = ["If-None-Match", "If-Match"].map(str::to_owned);
    names.chain(relations).chain(filters).chain(conditions).map(|name| reference("parameters", &name)).collect()
}

/// References to the parameters of `GET` on an item.
pub(super) fn of_item(resource: &Told<'_>) -> Vec<Value> {
    let relations = relations(resource).into_iter().map(|(name, _)| name);
    let names = std::iter::once("_fields".to_owned()).chain(relations);
    names.chain(["If-None-Match", "If-Match"].map(str::to_owned)).map(|name| reference("parameters", &name)).collect()
}

/// References to the parameters of `DELETE` on an item, besides its conditions.
pub(super) fn of_removal(resource: &Told<'_>) -> Vec<Value> {
    dependents(resource).into_iter().map(|(name, _)| reference("parameters", &name)).collect()
}

/// References to these parameters.
pub(super) fn named<const N: usize>(names: [&str; N]) -> Vec<Value> {
    names.map(|name| reference("parameters", name)).to_vec()
}

/// The parameter of a path that names an item.
fn id(resource: &Told<'_>) -> Value {
    let item = resource.current().and_then(|version| version.facts.samples.iter().find_map(|sample| sample.get(ID)));
    let kind = if resource.facts.id_kind == IdKind::Integer { "integer" } else { "string" };
    let kept = resource.current().and_then(|version| version.kept.get(ID)).filter(|kept| kept.types == [kind]);
    let schema = match (kept, resource.facts.id_kind) {
        (Some(kept), IdKind::Integer) => kept.schema.clone(),
        (Some(kept), IdKind::Text) => json!({"allOf": [kept.schema, id_text()]}),
        (None, IdKind::Integer) => json!({"type": "integer"}),
        (None, IdKind::Text) => json!({"type": "string", "minLength": 1}),
    };
    let mut parameter =
        json!({"name": "id", "in": "path", "required": true, "schema": schema, "description": "The id of the item"});
    let fits = |id: &Value| match resource.facts.id_kind {
        IdKind::Integer => id.is_i64() || id.is_u64(),
        IdKind::Text => id.as_str().is_some_and(|id| !id.is_empty()),
    };
    if let Some(item) = item.filter(|id| fits(id)) {
        parameter["example"] = item.clone();
    }
    parameter
}

fn relations(resource: &Told<'_>) -> Vec<(String, Value)> {
    let embed = relation(resource, "_embed", &resource.facts.embeds, "Puts into each item the items that refer to it");
    let expand = relation(resource, "_expand", &resource.facts.expands, "Puts into each item the one it refers to");
    embed.into_iter().chain(expand).collect()
}

fn dependents(resource: &Told<'_>) -> Option<(String, Value)> {
    relation(resource, "_dependent", &resource.facts.embeds, "Removes the items of these as well that refer to it")
}

/// A parameter that takes the names of relations; `None` where there are none.
fn relation(resource: &Told<'_>, name: &str, values: &[String], description: &str) -> Option<(String, Value)> {
    // What is empty asks for nothing, and what is repeated once.
    let names: Vec<&str> = values.iter().map(String::as_str).chain([""]).collect();
    let mut schema = json!({"type": "array", "items": {"type": "string", "enum": names}});
    if values.len() > MAX_RELATIONS {
        schema["maxItems"] = MAX_RELATIONS.into();
    }
    let mut parameter = query(name, schema, description);
    parameter["explode"] = false.into();
    (!values.is_empty()).then_some((format!("{}.{name}", resource.key), parameter))
}

/// One for each member that holds single values, if its name means nothing else in a query.
fn filters(version: &Version<'_>) -> Vec<(String, Value)> {
    let members = version.seen.get("properties").and_then(Value::as_object).into_iter().flatten();
    let mut taken = HashSet::new();
    let single = members.filter(|(name, schema)| {
        is_single(schema) && !name.starts_with('_') && !name.contains(':') && *name != "q" && !name.is_empty()
    });
    let named = single.map(|(name, schema)| (member_name(version, name), filter(version, name, schema)));
    named.filter(|(name, _)| taken.insert(name.clone())).take(MAX_FILTERS).collect()
}

fn filter(version: &Version<'_>, name: &str, schema: &Value) -> Value {
    let description = format!(
        "Only items whose `{name}` is this (so far {}); once more for another value. An operator may follow the name: `{name}:gte`, \
         `{name}:contains`",
        words(schema)
    );
    query(name, json!({"type": "array", "minItems": 1, "items": compared(version, name)}), &description)
}

/// What a member can be compared with: its own kind where a schema file keeps it, and `null` always.
fn compared(version: &Version<'_>, name: &str) -> Value {
    let types = version.kept.get(name).map_or(&[][..], |kept| kept.types.as_slice());
    let are = |kinds: &[&str]| !types.is_empty() && types.iter().all(|name| *name == "null" || kinds.contains(&name.as_str()));
    if are(&["integer", "number"]) {
        json!({"type": ["number", "null"]})
    } else if are(&["boolean"]) {
        json!({"type": ["boolean", "null"]})
    } else {
        json!({"type": "string"})
    }
}

fn of_list(name: &str) -> Value {
    // The empty text is what a form sends where nobody filled in anything; it is as good as not sent.
    let place = json!({"type": ["integer", "string"], "format": "int64", "maxLength": 0});
    let mut count = place.clone();
    count["minimum"] = 1.into();
    let text = json!({"type": "string"});
    let (schema, description) = match name {
        "q" => (text, "Only items with this text in one of their values"),
        "_sort" => (text, "Members to order by, with commas between; a `-` in front turns the order round"),
        "_order" => (
            json!({"type": "string", "pattern": "^ *([Aa][Ss][Cc]|[Dd][Ee][Ss][Cc])? *(,[\\s\\S]*)?$"}),
            "`asc` or `desc` for each member in `_sort`, with commas between",
        ),
        "_page" => (count, "Which page, from 1"),
        "_per_page" => (count, "Items on a page"),
        "_limit" => (count, "Items on a page, or how many from `_start` on"),
        "_start" => (place, "The place of the first item, from 0; a negative one counts from the end"),
        "_end" => (place, "The place after the last item; a negative one counts from the end"),
        _ => (text, "Only these members of each item, with commas between"),
    };
    query(name, schema, description)
}

fn query(name: &str, schema: Value, description: &str) -> Value {
    json!({"name": name, "in": "query", "style": "form", "schema": schema, "description": description})
}

fn header(name: &str) -> Value {
    let (pattern, longest) = KEY;
    let schema = match name {
        "Idempotency-Key" => json!({"type": "string", "minLength": 1, "maxLength": longest, "pattern": pattern}),
        _ => json!({"type": "string"}),
    };
    let description = match name {
        "If-Match" => "Entity tags of the states that are meant, or `*`; 412 for any other (RFC 9110 §13.1.1)",
        "If-None-Match" => "Entity tags of the states that are not meant, or `*` (RFC 9110 §13.1.2)",
        "If-Unmodified-Since" => "A date after which nothing may have changed (RFC 9110 §13.1.4)",
        _ => "A key of your own, such as a UUID: the same request with the same key is done once and answered the same",
    };
    json!({"name": name, "in": "header", "schema": schema, "description": description})
}
