//! What a merge patch (RFC 7396) may say of an item that a schema file describes.
//!
//! A patch is as the item, with two differences on every level: any member may be left out, and one that the item can do without may
//! be `null`. [`Merge::of`] makes the schema of that. It says less than a write is checked for (what speaks of several members is left
//! out), never something false.

use serde_json::{Map, Value, json};

use super::version::{members, resolved, types};
use crate::site::describe::{ID, schema_file::below};

/// How deep a patch is told about; below it may be anything.
const MAX_DEPTH: usize = 8;

/// The schema file of an item, and the reference to it.
#[derive(Clone, Copy)]
pub(super) struct Merge<'a> {
    pub(super) file: &'a Map<String, Value>,
    pub(super) place: &'a str,
}

impl Merge<'_> {
    /// Keywords for the patch of an object with this schema, a part of the file that stands at `place`.
    pub(super) fn of(self, schema: &Map<String, Value>, place: &str) -> Map<String, Value> {
        self.object(schema, place, MAX_DEPTH)
    }

    fn object(self, schema: &Map<String, Value>, place: &str, depth: usize) -> Map<String, Value> {
        let required = schema.get("required").and_then(Value::as_array);
        let may_go = |name: &str| name == ID || !required.is_some_and(|names| names.iter().any(|known| known == name));
        let of_members = members(schema).map(|(name, member)| {
            let patch = self.member(member, &below(place, &["properties", name]), depth);
            let patch = if may_go(name) { json!({"anyOf": [patch, {"type": "null"}]}) } else { without_null(member, patch) };
            (name.clone(), patch)
        });
        let mut patch = Map::from_iter([("properties".to_owned(), of_members.collect())]);
        match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => drop(patch.insert("additionalProperties".to_owned(), false.into())),
            Some(other @ Value::Object(_)) => {
                let other = self.member(other, &below(place, &["additionalProperties"]), depth);
                patch.insert("additionalProperties".to_owned(), json!({"anyOf": [other, {"type": "null"}]}));
            }
            _ => (),
        }
        if let Some(Value::Object(patterns)) = schema.get("patternProperties") {
            let any = patterns.keys().map(|pattern| (pattern.clone(), Value::Bool(true)));
            patch.insert("patternProperties".to_owned(), any.collect());
        }
        patch
    }

    /// What may stand for a member. What is no object takes its place as a whole; of one that may be an object among other things
    /// nothing is said.
    fn member(self, member: &Value, place: &str, depth: usize) -> Value {
        let Some(known) = resolved(self.file, member, self.place) else { return Value::Bool(true) };
        match (types(known).as_slice(), member.as_object()) {
            ([one], Some(object)) if one == "object" && !object.contains_key("$ref") && depth > 0 => {
                let mut patch = self.object(object, place, depth - 1);
                patch.insert("type".to_owned(), "object".into());
                Value::Object(patch)
            }
            _ if may_be_object(known, depth) => Value::Bool(true),
            _ => json!({"$ref": place}),
        }
    }
}

/// Whether an object may satisfy a schema, as far as its types say.
fn may_be_object(schema: &Value, depth: usize) -> bool {
    let branches = |keyword: &str| schema.get(keyword).and_then(Value::as_array).filter(|_| depth > 0);
    let may_be = |branch: &Value| may_be_object(branch, depth - 1);
    let types = types(schema);
    (types.is_empty() || types.iter().any(|name| name == "object"))
        && schema.get("enum").and_then(Value::as_array).is_none_or(|values| values.iter().any(Value::is_object))
        && ["anyOf", "oneOf"].into_iter().filter_map(branches).all(|branches| branches.iter().any(may_be))
        && branches("allOf").is_none_or(|branches| branches.iter().all(may_be))
}

/// `null` would take away what the item must have.
fn without_null(member: &Value, patch: Value) -> Value {
    let types = types(member);
    let is_no_null = !types.is_empty() && !types.iter().any(|name| name == "null");
    if is_no_null { patch } else { json!({"allOf": [patch, {"not": {"type": "null"}}]}) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_may_be_left_out_and_removed() {
        check(r#"{"type":"object"}"#, r#"{"properties":{}}"#);
        check(
            r#"{"required":["id","a"],"properties":{"id":{"type":"integer"},"a":{"type":"string"},"b":{"type":"array"}}}"#,
            r##"{"properties":{
                "id":{"anyOf":[{"$ref":"#/c/properties/id"},{"type":"null"}]},
                "a":{"$ref":"#/c/properties/a"},
                "b":{"anyOf":[{"$ref":"#/c/properties/b"},{"type":"null"}]}}}"##,
        );
        check(
            r#"{"additionalProperties":false,"patternProperties":{"^x":{"type":"null"}}}"#,
            r#"{"properties":{},"additionalProperties":false,"patternProperties":{"^x":true}}"#,
        );
        check(
            r#"{"additionalProperties":{"type":"string"}}"#,
            r##"{"properties":{},"additionalProperties":{"anyOf":[{"$ref":"#/c/additionalProperties"},{"type":"null"}]}}"##,
        );
    }

    #[test]
    fn objects_need_not_be_whole() {
        check(
            r#"{"required":["a"],"properties":{"a":{"type":"object","required":["n"],"properties":{"n":{"type":"number"},"m":true}}}}"#,
            r##"{"properties":{"a":{"type":"object","properties":{
                "n":{"$ref":"#/c/properties/a/properties/n"},
                "m":{"anyOf":[true,{"type":"null"}]}}}}}"##,
        );
        let deep =
            (0..2 * MAX_DEPTH).fold(json!({"type": "string"}), |inner, _| json!({"type": "object", "properties": {"a": inner}}));
        let patch = patch(&deep.to_string()).to_string();
        assert_eq!(patch.matches("properties").count(), MAX_DEPTH + 1);
        assert!(patch.contains("true"), "{patch}");
    }

    #[test]
    fn branches_that_are_no_objects_count_as_a_whole() {
        let none = r#"{"anyOf":[{"enum":["a",1]},{"allOf":[{"type":"string"},{"not":{"enum":["b"]}}]}]}"#;
        let some = r#"{"oneOf":[{"enum":[{}]},{"type":"string"}]}"#;
        check(
            &format!(r#"{{"properties":{{"a":{none},"b":{some}}}}}"#),
            r##"{"properties":{"a":{"anyOf":[{"$ref":"#/c/properties/a"},{"type":"null"}]},"b":{"anyOf":[true,{"type":"null"}]}}}"##,
        );
    }

    #[test]
    fn what_is_unknown_is_open() {
        check(
            r##"{"required":["a","b","c"],"properties":{"a":{"$ref":"#/c/$defs/x"},"b":{"$ref":"#/c/$defs/y"},"c":{"type":["string","null"]}},
                "$defs":{"x":{"type":"string"},"y":{"type":["object","null"]}}}"##,
            r##"{"properties":{
                "a":{"allOf":[{"$ref":"#/c/properties/a"},{"not":{"type":"null"}}]},
                "b":{"allOf":[true,{"not":{"type":"null"}}]},
                "c":{"allOf":[{"$ref":"#/c/properties/c"},{"not":{"type":"null"}}]}}}"##,
        );
    }

    fn check(file: &str, expected: &str) {
        assert_eq!(patch(file), serde_json::from_str::<Value>(expected).unwrap(), "{file}");
    }

    fn patch(file: &str) -> Value {
        let file: Map<String, Value> = serde_json::from_str(file).unwrap();
        Value::Object(Merge { file: &file, place: "#/c" }.of(&file, "#/c"))
    }
}
