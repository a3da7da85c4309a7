//! A resource's JSON Schema file as a part of the OpenAPI document.
//!
//! A schema refers to its own parts from its root (`#/$defs/price`); inside a document that root is another one. [`carry`] gives the
//! same schema with references that hold below its new place, or nothing where it cannot: anchors, schemas elsewhere, other drafts.
//! Nobody is misled by a schema that is left out.

use std::collections::HashSet;

use jsonschema::{PatternOptions, Validator};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value};

/// The draft that OpenAPI 3.1 takes without being told.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What stands in a fragment as it is: RFC 3986 §3.5, without what a JSON Pointer escapes.
const FRAGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'$').remove(b':');

/// How deep a schema may nest; one of a record has some ten levels.
const MAX_DEPTH: usize = 64;

/// Keywords by which a schema names itself, or takes the names of another draft. They do not survive a move.
const IMMOVABLE: [&str; 8] =
    ["$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "dependencies", "additionalItems"];

/// Keywords whose value is a schema (2020-12, core §10 and §11).
const ONE: [&str; 11] = [
    "items",
    "additionalProperties",
    "propertyNames",
    "contains",
    "not",
    "if",
    "then",
    "else",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
];

/// Keywords whose value is a list of schemas.
const LIST: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];

/// Keywords whose value has schemas by name.
const NAMED: [&str; 5] = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];

/// The schema with its references below `place`, a reference itself: `#/components/schemas/products.v2`.
pub(super) fn carry(schema: &Value, place: &str) -> Option<Map<String, Value>> {
    let mut root = schema.as_object()?.clone();
    let draft = root.shift_remove("$schema");
    let siblings = if draft.is_none_or(|draft| draft == DRAFT) { Siblings::Count } else { Siblings::AreIgnored };
    root.shift_remove("$id");
    let mut root = Value::Object(root);
    if !jsonschema::draft202012::meta::is_valid(&root) {
        return None;
    }
    let mut walk = Walk { place, siblings, seen: HashSet::new(), targets: HashSet::new() };
    walk.schema(&mut root, "", MAX_DEPTH)?;
    if !walk.targets.is_subset(&walk.seen) {
        return None;
    }
    match root {
        Value::Object(root) => Some(root),
        _ => None,
    }
}

/// Checks objects as writes are checked: formats count, and patterns take linear time. `None` for what is no schema.
pub(super) fn validator(schema: &Value) -> Option<Validator> {
    let options = jsonschema::options().offline().should_validate_formats(true);
    options.with_pattern_options(PatternOptions::regex()).build(schema).ok()
}

/// A reference to a part of what `place` refers to.
pub(super) fn below(place: &str, segments: &[&str]) -> String {
    let pointer: String = segments.iter().map(|segment| format!("/{}", escape(segment))).collect();
    format!("{place}{}", in_fragment(&pointer))
}

/// What keywords beside a `$ref` do. Older drafts ignore them, and a schema that relies on it would change its meaning.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Siblings {
    Count,
    AreIgnored,
}

struct Walk<'a> {
    place: &'a str,
    siblings: Siblings,
    /// Pointers to the schemas that were walked through.
    seen: HashSet<String>,
    /// Pointers that references lead to.
    targets: HashSet<String>,
}

impl Walk<'_> {
    fn schema(&mut self, schema: &mut Value, pointer: &str, depth: usize) -> Option<()> {
        self.seen.insert(pointer.to_owned());
        let depth = depth.checked_sub(1)?;
        let Value::Object(keywords) = schema else { return Some(()) };
        if IMMOVABLE.iter().any(|keyword| keywords.contains_key(*keyword)) {
            return None;
        }
        if keywords.contains_key("$ref") && keywords.len() > 1 && self.siblings == Siblings::AreIgnored {
            return None;
        }
        for (keyword, value) in keywords.iter_mut() {
            let below = format!("{pointer}/{}", escape(keyword));
            match (keyword.as_str(), value) {
                ("$ref", Value::String(reference)) => *reference = self.reference(reference)?,
                (keyword, value) if ONE.contains(&keyword) => self.schema(value, &below, depth)?,
                (keyword, Value::Array(schemas)) if LIST.contains(&keyword) => {
                    let mut schemas = schemas.iter_mut().enumerate();
                    schemas.try_for_each(|(place, schema)| self.schema(schema, &format!("{below}/{place}"), depth))?;
                }
                (keyword, Value::Object(schemas)) if NAMED.contains(&keyword) => {
                    let mut schemas = schemas.iter_mut();
                    schemas.try_for_each(|(name, schema)| self.schema(schema, &format!("{below}/{}", escape(name)), depth))?;
                }
                _ => (),
            }
        }
        Some(())
    }

    fn reference(&mut self, reference: &str) -> Option<String> {
        let pointer = percent_decode_str(reference.strip_prefix('#')?).decode_utf8().ok()?.into_owned();
        let moved = format!("{}{}", self.place, in_fragment(&pointer));
        self.targets.insert(pointer);
        Some(moved)
    }
}

/// A name as a segment of a JSON Pointer: RFC 6901 §3.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn in_fragment(pointer: &str) -> String {
    pointer.split('/').map(|segment| utf8_percent_encode(segment, FRAGMENT).to_string()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_hold_at_the_new_place() {
        check(r#"{"type":"object"}"#, r#"{"type":"object"}"#);
        check(r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"x","type":"object"}"#, r#"{"type":"object"}"#);
        check(
            r##"{"properties":{"a":{"$ref":"#/$defs/a b~0"},"b":{"items":{"$ref":"#"}}},"$defs":{"a b~":true}}"##,
            r##"{"properties":{"a":{"$ref":"#/c/$defs/a%20b~0"},"b":{"items":{"$ref":"#/c"}}},"$defs":{"a b~":true}}"##,
        );
        check(r##"{"anyOf":[{"type":"null"},{"$ref":"#/anyOf/0"}]}"##, r##"{"anyOf":[{"type":"null"},{"$ref":"#/c/anyOf/0"}]}"##);
        check(
            r##"{"$schema":"http://json-schema.org/draft-07/schema#","items":{"$ref":"#/definitions/a"},"definitions":{"a":true}}"##,
            r##"{"items":{"$ref":"#/c/definitions/a"},"definitions":{"a":true}}"##,
        );
        // Values and names that look like references.
        let same = r##"{"const":{"$ref":"#/x"},"enum":[{"$ref":"y"}],"properties":{"$ref":{"type":"string"},"$id":true}}"##;
        check(same, same);
    }

    #[test]
    fn what_would_change_its_meaning_is_left_out() {
        check("true", "none");
        check(r##"{"$ref":"#/$defs/missing"}"##, "none");
        check(r##"{"$ref":"#/x","x":{"type":"null"}}"##, "none");
        check(r#"{"$ref":"other.json"}"#, "none");
        check(r#"{"properties":{"a":{"$id":"a","$ref":"b"}}}"#, "none");
        check(r##"{"$ref":"#a","$defs":{"x":{"$anchor":"a"}}}"##, "none");
        check(r#"{"items":[{"type":"null"}]}"#, "none");
        check(r#"{"exclusiveMinimum":true,"minimum":1}"#, "none");
        check(r#"{"type":"text"}"#, "none");
        check(r##"{"$schema":"http://json-schema.org/draft-07/schema#","not":{"$ref":"#","type":"null"}}"##, "none");
        check(&format!("{}true{}", r#"{"not":"#.repeat(80), "}".repeat(80)), "none");
    }

    #[test]
    fn parts_are_named_by_pointer() {
        assert_eq!(below("#/c", &["properties", "a/b~ü%"]), "#/c/properties/a~1b~0%C3%BC%25");
    }

    fn check(schema: &str, expected: &str) {
        let carried = carry(&serde_json::from_str(schema).unwrap(), "#/c");
        let found = carried.map_or("none".to_owned(), |schema| Value::Object(schema).to_string());
        assert_eq!(found, expected, "{schema}");
    }
}
