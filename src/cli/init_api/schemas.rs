//! The schemas of an OpenAPI document: what they refer to, examples that they make, and themselves as JSON Schema.
//!
//! OpenAPI 3.1 uses JSON Schema 2020-12; 3.0 has words of its own, which are translated. References are followed inside of the
//! document alone. One that leads to a schema it stands in ends there: what is below may be anything.

use std::cell::Cell;

use serde_json::{Map, Value, json};

/// How many references may follow each other.
const MAX_REFERENCES: usize = 16;

/// How deep examples and schemas are made; what is deeper is left out, or may be anything.
const MAX_DEPTH: usize = 24;

/// How much is made of one schema, in bytes of JSON: a few that refer to each other many times would become gigabytes.
const MAX_BYTES: usize = 1024 * 1024;

/// What a schema costs beside its texts.
const STEP_BYTES: usize = 64;

/// Words that JSON Schema does not have, or that would mean something else elsewhere.
const DROPPED: [&str; 9] =
    ["$schema", "$id", "discriminator", "example", "examples", "externalDocs", "nullable", "writeOnly", "xml"];

/// A document to find schemas in.
pub(super) struct Schemas<'d> {
    document: &'d Value,
    dialect: Dialect,
    left: Cell<usize>,
}

/// Whose words schemas use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// OpenAPI 3.0.
    OpenApi,
    /// OpenAPI 3.1.
    JsonSchema,
}

impl<'d> Schemas<'d> {
    pub(super) fn of(document: &'d Value) -> Self {
        let old = document.get("openapi").and_then(Value::as_str).is_some_and(|version| version.starts_with("3.0"));
        let dialect = if old { Dialect::OpenApi } else { Dialect::JsonSchema };
        Self { document, dialect, left: Cell::new(MAX_BYTES) }
    }

    /// What a value refers to, or itself; also of answers and examples.
    pub(super) fn resolve(&self, value: &'d Value) -> &'d Value {
        let mut value = value;
        for _ in 0..MAX_REFERENCES {
            match reference(value).and_then(|pointer| self.document.pointer(pointer)) {
                Some(target) => value = target,
                None => break,
            }
        }
        value
    }

    /// Whether a schema is one of objects.
    pub(super) fn is_object(&self, schema: &'d Value) -> bool {
        self.left.set(MAX_BYTES);
        self.is_object_at(schema, 0)
    }

    fn is_object_at(&self, schema: &'d Value, depth: usize) -> bool {
        let schema = self.resolve(schema);
        let parts = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
        let is_named = has_type(schema, "object") || schema.get("properties").is_some();
        is_named
            || (depth < MAX_DEPTH && self.pay(STEP_BYTES) && parts.into_iter().any(|part| self.is_object_at(part, depth + 1)))
    }

    /// An example that a schema gives or makes; `None` when it says nothing of its values.
    pub(super) fn sample(&self, schema: &'d Value) -> Option<Value> {
        self.left.set(MAX_BYTES);
        self.sample_at(schema, &mut Vec::new())
    }

    fn sample_at(&self, schema: &'d Value, above: &mut Vec<&'d Value>) -> Option<Value> {
        let schema = self.resolve(schema);
        if is_endless(schema, above) || above.len() > MAX_DEPTH || !self.pay(STEP_BYTES) {
            return None;
        }
        above.push(schema);
        let sample = self.sample_of(schema, above);
        above.pop();
        sample
    }

    fn sample_of(&self, schema: &'d Value, above: &mut Vec<&'d Value>) -> Option<Value> {
        let first = |name: &str| schema.get(name)?.as_array()?.first();
        let given = schema.get("example").or_else(|| first("examples")).or_else(|| schema.get("const"));
        if let Some(given) = given.or_else(|| schema.get("default")).or_else(|| first("enum")) {
            return self.pay(given.to_string().len()).then(|| given.clone());
        }
        let branches = ["oneOf", "anyOf"].into_iter().filter_map(|name| schema.get(name)?.as_array()).flatten();
        if let Some(sample) = branches.into_iter().find_map(|branch| self.sample_at(branch, above)) {
            return Some(sample);
        }
        if let Some(items) = schema.get("items") {
            return Some(Value::Array(vec![self.sample_at(items, above)?]));
        }
        let members = self.sample_members(schema, above);
        (!members.is_empty()).then_some(Value::Object(members))
    }

    /// The members of an object and of the parts it is made of. One that must be there gets a plain value if nothing better.
    fn sample_members(&self, schema: &'d Value, above: &mut Vec<&'d Value>) -> Map<String, Value> {
        let parts = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
        let mut members = Map::new();
        for part in parts {
            if let Some(Value::Object(sample)) = self.sample_at(part, above) {
                members.extend(sample);
            }
        }
        let required = schema.get("required").and_then(Value::as_array);
        let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|required| required == name));
        for (name, member) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let plain = || is_required(name).then(|| plain(self.resolve(member)));
            members.extend(self.sample_at(member, above).or_else(plain).map(|value| (name.clone(), value)));
        }
        members
    }

    /// A schema that stands for itself; `None` when it says nothing of its members.
    pub(super) fn inlined(&self, schema: &'d Value) -> Option<Value> {
        self.left.set(MAX_BYTES);
        let Value::Object(inlined) = self.inlined_at(schema, &mut Vec::new()) else { return None };
        let dialect = ("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        let says_something = ["properties", "allOf", "anyOf", "oneOf"].iter().any(|name| inlined.contains_key(*name));
        says_something.then(|| Value::Object([dialect].into_iter().chain(inlined).collect()))
    }

    fn inlined_at(&self, schema: &'d Value, above: &mut Vec<&'d Value>) -> Value {
        let target = self.resolve(schema);
        let Value::Object(keywords) = target else { return target.clone() };
        if is_endless(target, above) || above.len() > MAX_DEPTH || !self.pay(STEP_BYTES) {
            return Value::Bool(true);
        }
        above.push(target);
        let kept = keywords.iter().filter(|(name, _)| !DROPPED.contains(&name.as_str()) && !name.starts_with("x-"));
        let inlined: Map<String, Value> = kept.map(|(name, value)| (name.clone(), self.keyword(name, value, above))).collect();
        above.pop();
        Value::Object(match self.dialect {
            Dialect::OpenApi => translated(inlined, keywords),
            Dialect::JsonSchema => inlined,
        })
    }

    fn keyword(&self, name: &str, value: &'d Value, above: &mut Vec<&'d Value>) -> Value {
        match (name, value) {
            ("properties" | "patternProperties" | "$defs" | "dependentSchemas", Value::Object(schemas)) => {
                schemas.iter().map(|(name, schema)| (name.clone(), self.inlined_at(schema, above))).collect()
            }
            ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(schemas)) => {
                schemas.iter().map(|schema| self.inlined_at(schema, above)).collect()
            }
            (
                "items"
                | "additionalProperties"
                | "not"
                | "if"
                | "then"
                | "else"
                | "contains"
                | "propertyNames"
                | "unevaluatedItems"
                | "unevaluatedProperties",
                schema,
            ) => self.inlined_at(schema, above),
            (_, value) if self.pay(value.to_string().len()) => value.clone(),
            _ => Value::Null,
        }
    }

    /// Takes from what may still be made; whether there was enough.
    fn pay(&self, bytes: usize) -> bool {
        let left = self.left.get().checked_sub(bytes);
        self.left.set(left.unwrap_or_default());
        left.is_some()
    }
}

/// Whether a schema stands in itself, or is a reference that leads nowhere.
fn is_endless(schema: &Value, above: &[&Value]) -> bool {
    reference(schema).is_some() || above.iter().any(|outer| std::ptr::eq(*outer, schema))
}

/// The pointer of a reference inside of the document.
fn reference(value: &Value) -> Option<&str> {
    value.get("$ref")?.as_str()?.strip_prefix('#')
}

fn has_type(schema: &Value, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::Array(names)) => names.iter().any(|other| other == name),
        Some(other) => other == name,
        None => false,
    }
}

/// The words of OpenAPI 3.0 as JSON Schema has them.
fn translated(mut schema: Map<String, Value>, original: &Map<String, Value>) -> Map<String, Value> {
    if original.get("nullable") == Some(&Value::Bool(true)) {
        if let Some(kind) = schema.get_mut("type").filter(|kind| kind.is_string()) {
            *kind = json!([kind, "null"]);
        }
        if let Some(Value::Array(options)) = schema.get_mut("enum")
            && !options.contains(&Value::Null)
        {
            options.push(Value::Null);
        }
    }
    for (exclusive, limit) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        if let Some(Value::Bool(is_exclusive)) = schema.get(exclusive).cloned() {
            schema.shift_remove(exclusive);
            if let Some(value) = schema.get(limit).cloned().filter(|_| is_exclusive) {
                schema.shift_remove(limit);
                schema.insert(exclusive.to_owned(), value);
            }
        }
    }
    schema
}

/// A value of the right type for a member that must be there.
fn plain(schema: &Value) -> Value {
    let text = match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => "2024-01-31T12:00:00Z",
        Some("date") => "2024-01-31",
        Some("email") => "ada@example.test",
        Some("uri" | "url") => "https://example.test/",
        Some("uuid") => "00000000-0000-4000-8000-000000000001",
        _ => "text",
    };
    let values = [
        ("string", json!(text)),
        ("integer", schema.get("minimum").cloned().unwrap_or(json!(1))),
        ("number", schema.get("minimum").cloned().unwrap_or(json!(1))),
        ("boolean", json!(false)),
        ("array", json!([])),
        ("object", json!({})),
    ];
    values.into_iter().find(|(name, _)| has_type(schema, name)).map_or(Value::Null, |(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_make_examples() {
        check(json!({"example": 1, "default": 2}), "1");
        check(json!({"examples": [3]}), "3");
        check(json!({"const": 4}), "4");
        check(json!({"anyOf": [{}, {"enum": ["x"]}]}), r#""x""#);
        check(
            json!({"allOf": [{"$ref": "#/node"}, {"properties": {"b": {"default": 2}}}], "properties": {"c": {"const": 3}}}),
            r#"{"name":"n","b":2,"c":3}"#,
        );
        check(
            json!({"required": ["a", "b", "c", "d"], "properties": {"a": {"type": "string", "format": "date"}, "b": {"type": ["integer", "null"], "minimum": 1}, "c": {"type": "boolean"}, "e": {"type": "string"}}}),
            r#"{"a":"2024-01-31","b":1,"c":false}"#,
        );
        check(json!({"type": "string"}), "");
        check(json!({"$ref": "#/node"}), r#"{"name":"n"}"#);

        fn check(schema: Value, expected: &str) {
            let document = document("3.1.0", schema);
            let sample = Schemas::of(&document).sample(&document["schema"]);
            assert_eq!(sample.map(|sample| sample.to_string()).unwrap_or_default(), expected);
        }
    }

    #[test]
    fn schemas_stand_for_themselves() {
        let schema = json!({"properties": {"n": {"$ref": "#/node", "x-a": 1}, "s": {"type": "string", "nullable": true, "enum": ["a"]}, "i": {"minimum": 1, "exclusiveMinimum": true, "maximum": 2, "exclusiveMaximum": false}}});
        check(
            "3.0.3",
            schema.clone(),
            r#"{"n":{"properties":{"name":{},"next":true}},"s":{"type":["string","null"],"enum":["a",null]},"i":{"maximum":2,"exclusiveMinimum":1}}"#,
        );
        check("3.1.0", json!({"properties": {"s": {"type": "string", "nullable": true}}}), r#"{"s":{"type":"string"}}"#);
        check("3.1.0", json!({"properties": {"a": {"items": {"$ref": "#/schema"}}}}), r#"{"a":{"items":true}}"#);
        check(
            "3.1.0",
            json!({"properties": {"a": {"$ref": "other.json"}, "b": {"$ref": "#/nowhere"}, "c": {"$ref": "#/loop"}}}),
            r#"{"a":{"$ref":"other.json"},"b":true,"c":true}"#,
        );
        check("3.1.0", json!({"type": "object"}), "null");

        fn check(version: &str, schema: Value, expected: &str) {
            let document = document(version, schema);
            let inlined = Schemas::of(&document).inlined(&document["schema"]).unwrap_or_default();
            assert_eq!(inlined["properties"].to_string(), expected);
        }
    }

    #[test]
    fn references_that_multiply_end() {
        let mut document = json!({"openapi": "3.1.0"});
        for level in 0..20 {
            let next = json!({"$ref": format!("#/s{}", level + 1)});
            let members: Map<_, _> = (0..20).map(|n| (format!("m{n}"), next.clone())).collect();
            document[format!("s{level}")] =
                json!({"type": "object", "required": ["m0"], "properties": members, "allOf": [next, next]});
        }
        let schemas = Schemas::of(&document);
        assert!(schemas.inlined(&document["s0"]).is_some());
        schemas.sample(&document["s0"]);
        assert_eq!(schemas.left.get(), 0);
    }

    fn document(version: &str, schema: Value) -> Value {
        let node = json!({"properties": {"name": {"example": "n"}, "next": {"$ref": "#/node"}}});
        json!({"openapi": version, "schema": schema, "node": node, "loop": {"$ref": "#/loop"}})
    }
}
