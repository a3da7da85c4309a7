//! What items must be like: `data/posts.schema.json`, a JSON Schema (2020-12, or the draft that `$schema` names).
//!
//! [`Schema::parse`] compiles it once, [`Schema::check`] says what is wrong with an object, one [`Violation`] for each place in it.
//! Formats are checked. Patterns run on an engine without backtracking, in linear time; look-around and back-references are
//! therefore refused when the file is read.
//!
//! Absent are the network and other files: a `$ref` leads to a place in the same file.

use std::collections::HashMap;

use jsonschema::{
    JsonType, PatternOptions, ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::{Map, Value};

use super::{lens::pointer, patch::depth};
use crate::site::failure;

/// The longest schema. Large ones have tens of kilobytes.
const MAX_BYTES: usize = 512 * 1024;

/// How many patterns a schema may have; each may take as much memory as the engine grants one.
const MAX_PATTERNS: usize = 200;

/// The size of one compiled pattern: enough for `^\w{1,100}$`, which counts every letter of Unicode a hundred times.
const MAX_PATTERN_BYTES: usize = 8 * 1024 * 1024;

/// How many violations are told; whoever mended these asks again.
const MAX_VIOLATIONS: usize = 100;

/// The longest pointer of a violation. Past it, its nearest parent that is short enough is named.
const MAX_POINTER_BYTES: usize = 1_000;

/// The most that is told of a text that comes from the schema.
const MAX_QUOTED_CHARS: usize = 200;

/// Objects with more values are checked to the first violation: all of them would be collected before the first is told.
const MAX_DETAILED_VALUES: usize = 20_000;

/// Under schemas that branch and refer, deeper objects are only told to be wrong: to say where, every branch would be followed on
/// every level, twice as many with each.
const MAX_BRANCHING_DEPTH: usize = 8;

/// A compiled schema.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    value: Value,
    validator: Validator,
    branches: bool,
}

/// Something wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The member it is about, also one that is missing (RFC 6901).
    pub(crate) pointer: String,
    /// What is wrong, with the member's name left out.
    pub(crate) detail: String,
}

/// Why a text is no schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct SchemaError {
    message: String,
    place: Option<(usize, usize)>,
}

impl SchemaError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), place: None }
    }

    /// What is wrong.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Line and column, from 1, where the text is no JSON.
    pub(crate) fn place(&self) -> Option<(usize, usize)> {
        self.place
    }
}

impl Schema {
    /// Reads the file of a schema.
    ///
    /// # Errors
    /// When it is no JSON, no schema, or one that cannot be checked safely.
    pub(crate) fn parse(text: &str) -> Result<Self, SchemaError> {
        if text.len() > MAX_BYTES {
            return Err(SchemaError::new(format!("the schema is longer than {MAX_BYTES} bytes")));
        }
        let value: Value = serde_json::from_str(text).map_err(|error| SchemaError {
            message: failure::without_place(&error.to_string()),
            place: Some(failure::place_in_json(&error)),
        })?;
        if !value.is_object() {
            return Err(SchemaError::new("a schema is an object"));
        }
        if count(&value, &["pattern", "patternProperties"]) > MAX_PATTERNS {
            return Err(SchemaError::new(format!("the schema has more than {MAX_PATTERNS} patterns")));
        }
        let patterns = PatternOptions::regex().size_limit(MAX_PATTERN_BYTES);
        let options = jsonschema::options().offline().should_validate_formats(true).with_pattern_options(patterns);
        let validator = options.build(&value).map_err(|error| SchemaError::new(why_no_schema(&error)))?;
        let branches =
            count(&value, &["$ref", "$dynamicRef", "$recursiveRef"]) > 0 && count(&value, &["anyOf", "oneOf", "allOf", "if"]) > 0;
        Ok(Self { value, validator, branches })
    }

    /// The schema as it was read.
    pub(crate) fn value(&self) -> &Value {
        &self.value
    }

    /// What is wrong with an object; nothing when it is as it must be.
    pub(crate) fn check(&self, object: &Map<String, Value>) -> Vec<Violation> {
        let object = Value::Object(object.clone());
        if self.validator.is_valid(&object) {
            return Vec::new();
        }
        let mut violations = Violations::default();
        if self.branches && depth(&object) > MAX_BRANCHING_DEPTH {
            violations.add(&[], "does not fit the schema, somewhere below".to_owned());
        } else if values(&object) > MAX_DETAILED_VALUES {
            self.validator.validate(&object).err().iter().for_each(|error| violations.add_all(error));
        } else {
            self.validator.iter_errors(&object).for_each(|error| violations.add_all(&error));
        }
        violations.list
    }
}

/// Violations by place.
#[derive(Default)]
struct Violations {
    list: Vec<Violation>,
    places: HashMap<String, usize>,
}

impl Violations {
    /// All that one error of the validator says.
    fn add_all(&mut self, error: &ValidationError<'_>) {
        let place: Vec<String> = tokens(error.instance_path().as_str()).collect();
        let mut below = |name: &str, detail: &str| {
            let place: Vec<&str> = place.iter().map(String::as_str).chain([name]).collect();
            self.add(&place, detail.to_owned());
        };
        match error.kind() {
            Kind::Required { property } => below(property.as_str().unwrap_or_default(), "is missing"),
            Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
                unexpected.iter().for_each(|name| below(name, "is not allowed here"));
            }
            Kind::PropertyNames { error } => {
                below(error.instance().as_str().unwrap_or_default(), "has a name that is not allowed here");
            }
            kind => {
                let place: Vec<&str> = place.iter().map(String::as_str).collect();
                self.add(&place, detail(kind));
            }
        }
    }

    fn add(&mut self, place: &[&str], detail: String) {
        let pointer = short_pointer(place);
        if let Some(known) = self.places.get(&pointer).and_then(|place| self.list.get_mut(*place)) {
            if !known.detail.contains(&detail) {
                known.detail = shortened(&format!("{}, and {detail}", known.detail), 2 * MAX_QUOTED_CHARS);
            }
        } else if self.list.len() < MAX_VIOLATIONS {
            self.places.insert(pointer.clone(), self.list.len());
            self.list.push(Violation { pointer, detail });
        }
    }
}

/// What is wrong, in words that follow the name of a member.
fn detail(kind: &Kind) -> String {
    match kind {
        Kind::Type { kind } => format!("must be {}", types(kind)),
        Kind::Enum { options } => format!("must be one of {}", options.as_array().map(|all| listed(all)).unwrap_or_default()),
        Kind::Constant { expected_value } => format!("must be {}", quoted(expected_value)),
        Kind::Format { format } => format!("must have the format `{}`", shortened(format, MAX_QUOTED_CHARS)),
        Kind::Pattern { pattern } => format!("must match the pattern `{}`", shortened(pattern, MAX_QUOTED_CHARS)),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("must be greater than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        Kind::MaxLength { limit } => format!("must have at most {}", counted(*limit, "character", "characters")),
        Kind::MinLength { limit } => format!("must have at least {}", counted(*limit, "character", "characters")),
        Kind::MaxItems { limit } => format!("must have at most {}", counted(*limit, "entry", "entries")),
        Kind::MinItems { limit } => format!("must have at least {}", counted(*limit, "entry", "entries")),
        Kind::AdditionalItems { limit } => format!("must have at most {}", counted(*limit as u64, "entry", "entries")),
        Kind::MaxProperties { limit } => format!("must have at most {}", counted(*limit, "member", "members")),
        Kind::MinProperties { limit } => format!("must have at least {}", counted(*limit, "member", "members")),
        Kind::UniqueItems => "must not have the same entry twice".to_owned(),
        Kind::Contains => "must have other entries of the kind the schema asks for".to_owned(),
        Kind::UnevaluatedItems { .. } => "has more entries than are allowed".to_owned(),
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => "fits none of the forms that are allowed".to_owned(),
        Kind::OneOfMultipleValid { .. } => "fits several of the forms of which only one may fit".to_owned(),
        Kind::Not { .. } => "is what the schema excludes".to_owned(),
        Kind::FalseSchema => "is not allowed here".to_owned(),
        Kind::ContentEncoding { content_encoding } => {
            format!("must be encoded as {}", shortened(content_encoding, MAX_QUOTED_CHARS))
        }
        Kind::ContentMediaType { content_media_type } => {
            format!("must be {} as text", shortened(content_media_type, MAX_QUOTED_CHARS))
        }
        Kind::FromUtf8 { .. } => "must be UTF-8 when it is decoded".to_owned(),
        Kind::Custom { message, .. } => shortened(message, MAX_QUOTED_CHARS),
        // Those that `Violations` puts elsewhere, and what the checker itself could not do.
        other => format!("could not be checked by the schema's `{}`", other.keyword()),
    }
}

/// The types, `null` last: it is what most people mean by "or nothing".
fn types(kind: &TypeKind) -> String {
    let mut kinds: Vec<JsonType> = match kind {
        TypeKind::Single(kind) => vec![*kind],
        TypeKind::Multiple(kinds) => kinds.iter().collect(),
    };
    kinds.sort_by_key(|kind| *kind == JsonType::Null);
    kinds.into_iter().map(type_name).collect::<Vec<_>>().join(" or ")
}

fn type_name(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "an array",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a string",
    }
}

fn listed(options: &[Value]) -> String {
    shortened(&options.iter().map(quoted).collect::<Vec<_>>().join(", "), MAX_QUOTED_CHARS)
}

fn quoted(value: &Value) -> String {
    shortened(&value.to_string(), MAX_QUOTED_CHARS)
}

fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Why a value is no schema, with the place in it.
fn why_no_schema(error: &ValidationError<'_>) -> String {
    let place = shortened(error.instance_path().as_str(), MAX_QUOTED_CHARS);
    let message = match error.kind() {
        Kind::Referencing(error) => {
            format!("a reference leads nowhere in this file, and no other is read: {}", shortened(&error.to_string(), MAX_QUOTED_CHARS))
        }
        Kind::Format { format } if format == "regex" => {
            "the pattern cannot be used; it has a mistake, or look-around or back-references, which are not checked in bounded time"
                .to_owned()
        }
        Kind::Required { property } => format!("{} is missing", quoted(property)),
        kind => detail(kind),
    };
    if place.is_empty() { message } else { format!("{place}: {message}") }
}

/// How many members with one of these names there are; too many are counted when a member of items is called so, which does no
/// harm.
fn count(schema: &Value, names: &[&str]) -> usize {
    match schema {
        Value::Array(values) => values.iter().map(|value| count(value, names)).sum(),
        Value::Object(members) => {
            let own = |(name, value): (&String, &Value)| match value {
                Value::Object(entries) if names.contains(&name.as_str()) => entries.len().max(1),
                _ => usize::from(names.contains(&name.as_str())),
            };
            members.iter().map(own).sum::<usize>() + members.values().map(|value| count(value, names)).sum::<usize>()
        }
        _ => 0,
    }
}

/// How many values there are in a value, itself included.
fn values(value: &Value) -> usize {
    match value {
        Value::Array(entries) => 1 + entries.iter().map(values).sum::<usize>(),
        Value::Object(members) => 1 + members.values().map(values).sum::<usize>(),
        _ => 1,
    }
}

fn tokens(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~"))
}

fn short_pointer(place: &[&str]) -> String {
    let mut bytes = 0;
    let fits = |token: &&&str| {
        bytes += token.len() + 1;
        bytes <= MAX_POINTER_BYTES
    };
    let short: Vec<&&str> = place.iter().take_while(fits).collect();
    pointer(&short)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::json;

    use super::*;

    #[test]
    fn each_keyword_has_its_words() {
        check(json!({"type": "string"}), json!(1), "/a must be a string");
        check(json!({"type": ["integer", "null"]}), json!("1"), "/a must be a whole number or null");
        check(json!({"enum": ["x", 2]}), json!("y"), "/a must be one of \"x\", 2");
        check(json!({"const": null}), json!(1), "/a must be null");
        check(json!({"format": "email"}), json!("x"), "/a must have the format `email`");
        check(json!({"format": "date-time"}), json!("2024-01-01"), "/a must have the format `date-time`");
        check(json!({"pattern": "^x+$"}), json!("y"), "/a must match the pattern `^x+$`");
        check(json!({"maximum": 3}), json!(4), "/a must be at most 3");
        check(json!({"minimum": 0.5}), json!(0), "/a must be at least 0.5");
        check(json!({"exclusiveMaximum": 3}), json!(3), "/a must be less than 3");
        check(json!({"exclusiveMinimum": 3}), json!(3), "/a must be greater than 3");
        check(json!({"multipleOf": 0.01}), json!(0.005), "/a must be a multiple of 0.01");
        check(json!({"maxLength": 1}), json!("äö"), "/a must have at most 1 character");
        check(json!({"minLength": 2}), json!(""), "/a must have at least 2 characters");
        check(json!({"maxItems": 1}), json!([1, 2]), "/a must have at most 1 entry");
        check(json!({"minItems": 2}), json!([]), "/a must have at least 2 entries");
        check(json!({"prefixItems": [{}], "items": false}), json!([1, 2]), "/a/1 is not allowed here");
        check(json!({"maxProperties": 0}), json!({"x": 1}), "/a must have at most 0 members");
        check(json!({"minProperties": 1}), json!({}), "/a must have at least 1 member");
        check(json!({"uniqueItems": true}), json!([1, 1]), "/a must not have the same entry twice");
        check(json!({"contains": {"type": "null"}}), json!([1]), "/a must have other entries of the kind the schema asks for");
        check(json!({"anyOf": [{"type": "null"}, {"minLength": 9}]}), json!("x"), "/a fits none of the forms that are allowed");
        check(json!({"oneOf": [{"type": "null"}, {"minLength": 9}]}), json!("x"), "/a fits none of the forms that are allowed");
        check(json!({"oneOf": [{}, true]}), json!(1), "/a fits several of the forms of which only one may fit");
        check(json!({"not": {"type": "null"}}), json!(null), "/a is what the schema excludes");
        check(json!(false), json!(1), "/a is not allowed here");
        check(json!({"items": {"type": "null"}}), json!([null, 1]), "/a/1 must be null");
        check(json!({"required": ["b/c"]}), json!({}), "/a/b~1c is missing");
        check(json!({"dependentRequired": {"b": ["c"]}}), json!({"b": 1}), "/a/c is missing");
        check(json!({"propertyNames": {"maxLength": 1}}), json!({"bb": 1}), "/a/bb has a name that is not allowed here");
        check(
            json!({"properties": {"b": {}}, "additionalProperties": false}),
            json!({"b": 1, "c": 2, "~": 3}),
            "/a/c is not allowed here; /a/~0 is not allowed here",
        );
        check(json!({"unevaluatedProperties": false}), json!({"c": 2}), "/a/c is not allowed here");
        check(json!({"unevaluatedItems": false}), json!([1]), "/a has more entries than are allowed");
        check(
            json!({"minLength": 2, "pattern": "x"}),
            json!("y"),
            "/a must have at least 2 characters, and must match the pattern `x`",
        );
        check(json!({"allOf": [{"type": "null"}, {"type": "null"}]}), json!(1), "/a must be null");
        check(json!({"$ref": "#/$defs/n"}), json!(1), "/a must be null");
        check(json!({"if": {"type": "string"}, "then": {"minLength": 2}}), json!(""), "/a must have at least 2 characters");
        check(json!({"type": "string", "format": "no such", "pattern": "."}), json!("x"), "");

        fn check(schema: Value, value: Value, expected: &str) {
            let schema = json!({"properties": {"a": schema}, "$defs": {"n": {"type": "null"}}}).to_string();
            let object = Map::from_iter([("a".to_owned(), value)]);
            assert_eq!(said(&Schema::parse(&schema).unwrap().check(&object)), expected, "{schema}");
        }
    }

    #[test]
    fn missing_and_wrong_members_of_the_whole() {
        let schema = r#"{"type":"object","required":["title","views"],"properties":{"views":{"type":"integer"}}}"#;
        let schema = Schema::parse(schema).unwrap();
        assert_eq!(said(&schema.check(&Map::new())), "/title is missing; /views is missing");
        assert_eq!(schema.value()["type"], "object");
    }

    #[test]
    fn drafts_go_by_their_name() {
        for (draft, expected) in [
            ("http://json-schema.org/draft-04/schema#", "/a must be less than 3"),
            ("https://json-schema.org/draft/2020-12/schema", "/properties/a/exclusiveMaximum: must be a number"),
        ] {
            let schema = json!({"$schema": draft, "properties": {"a": {"maximum": 3, "exclusiveMaximum": true}}}).to_string();
            let object = Map::from_iter([("a".to_owned(), json!(3))]);
            let found = Schema::parse(&schema).map_or_else(|error| error.to_string(), |schema| said(&schema.check(&object)));
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn refuses_what_is_no_schema() {
        check("{", Some((1, 1)), "EOF");
        check("{\n  \"a\": x}", Some((2, 8)), "expected value");
        check("[]", None, "a schema is an object");
        check(r#"{"type":"text"}"#, None, "/type: fits none of the forms that are allowed");
        check(r#"{"properties":{"a":{"pattern":"("}}}"#, None, "/properties/a/pattern: the pattern cannot be used");
        check(r#"{"properties":{"a":{"pattern":"(?=x)"}}}"#, None, "the pattern cannot be used");
        check(r#"{"patternProperties":{"(a)\\1":{}}}"#, None, "the pattern cannot be used");
        check(r##"{"$ref":"#/$defs/none"}"##, None, "a reference leads nowhere");
        check(r#"{"$ref":"http://127.0.0.1:1/x.json"}"#, None, "a reference leads nowhere");
        check(r#"{"$ref":"file:///etc/passwd"}"#, None, "a reference leads nowhere");
        check(r#"{"$schema":"http://127.0.0.1:1/x.json"}"#, None, "a reference leads nowhere");
        check(&json!({"allOf": vec![json!({"pattern": "x"}); 201]}).to_string(), None, "more than 200 patterns");
        check(&json!({"$comment": "x".repeat(MAX_BYTES)}).to_string(), None, "longer than");

        fn check(text: &str, place: Option<(usize, usize)>, expected: &str) {
            let error = Schema::parse(text).unwrap_err();
            assert!(error.message().contains(expected), "{text:.100}: {error}");
            assert_eq!(error.place(), place);
        }
    }

    #[test]
    fn hostile_objects_end_quickly() {
        let begun = Instant::now();
        check(json!({"pattern": "^(a+)+$"}), json!("a".repeat(100_000) + "b"), "/a must match");
        check(json!({"additionalProperties": false}), json!({"x".repeat(2_000): 1}), "/a is not allowed here");
        let many: Map<_, _> = (0..200).map(|n| (format!("n{n}"), json!(1))).collect();
        check(json!({"additionalProperties": {"type": "null"}}), Value::Object(many), "/a/n0 must be null");
        check(json!({"items": {"type": "null"}}), json!(vec![1; 100_000]), "/a/0 must be null");
        check(json!({"items": {"type": "null"}}), json!(vec![1; 10_000]), "/a/0 must be null");
        check(json!({"enum": ["x".repeat(10_000)]}), json!(1), "/a must be one of \"xxx");
        let deep = |levels| (0..levels).fold(json!(1), |inner, _| json!({"op": "and", "left": inner, "right": inner_text()}));
        let branch = |op: &str| json!({"type": "object", "properties": {"op": {"const": op}, "left": {"$ref": "#/$defs/n"}, "right": {"$ref": "#/$defs/n"}}});
        let tree = json!({"anyOf": [branch("and"), branch("or"), {"type": "string"}]});
        check_tree(&tree, deep(5), "/a fits none");
        check_tree(&tree, deep(90), " does not fit the schema");
        check_tree(&json!({"type": "object", "properties": {"left": {"$ref": "#/$defs/n"}}}), deep(90), "/a/left");
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());

        fn inner_text() -> Value {
            json!("x")
        }

        fn check(schema: Value, value: Value, expected: &str) {
            check_tree(&schema, value, expected);
        }

        fn check_tree(schema: &Value, value: Value, expected: &str) {
            let schema = json!({"properties": {"a": schema}, "$defs": {"n": schema}}).to_string();
            let violations = Schema::parse(&schema).unwrap().check(&Map::from_iter([("a".to_owned(), value)]));
            assert!(said(&violations).starts_with(expected), "{:.300}", said(&violations));
            assert!(violations.len() <= MAX_VIOLATIONS && said(&violations).len() < 200_000);
        }
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        for text in [r##"{"$ref":"#"}"##, r##"{"allOf":[{"$ref":"#"},{"$ref":"#"}]}"##, r##"{"anyOf":[{"$ref":"#"}]}"##] {
            if let Ok(schema) = Schema::parse(text) {
                schema.check(&Map::new());
            }
        }
    }

    fn said(violations: &[Violation]) -> String {
        violations.iter().map(|violation| format!("{} {}", violation.pointer, violation.detail)).collect::<Vec<_>>().join("; ")
    }
}
