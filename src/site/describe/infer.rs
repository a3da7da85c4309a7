//! A JSON Schema (2020-12) from samples: what all of them have in common, and nothing that one of them contradicts.
//!
//! Types, members that are never missing, and formats are inferred. Absent are guesses about values that were not seen: no `enum`,
//! no bounds, and more members than those are always allowed.

use std::str::FromStr;

use http::Uri;
use jiff::{Timestamp, civil::Date};
use serde_json::{Map, Value, json};

/// How deep objects and arrays are looked into; deeper ones are only called by their type.
const MAX_DEPTH: usize = 6;

/// How many members of one object are told apart. People read the result; records have tens.
const MAX_MEMBERS: usize = 100;

/// The longest text that can have a format.
const MAX_FORMATTED_BYTES: usize = 2_000;

/// The schema that all of these objects satisfy.
pub(super) fn infer<'a>(samples: impl IntoIterator<Item = &'a Map<String, Value>>) -> Value {
    let mut members = Members::default();
    samples.into_iter().for_each(|sample| members.see(sample, MAX_DEPTH));
    let mut schema = Map::from_iter([("type".to_owned(), "object".into())]);
    members.put(&mut schema);
    Value::Object(schema)
}

/// What was seen in one place.
#[derive(Default)]
struct Seen {
    /// Names of types, each once, in the order of their appearance.
    types: Vec<&'static str>,
    /// Formats that all texts have; `None` before the first text.
    formats: Option<Vec<&'static str>>,
    members: Option<Members>,
    /// What stands in arrays.
    entries: Option<Box<Seen>>,
}

/// The members of the objects that were seen in one place.
#[derive(Default)]
struct Members {
    objects: usize,
    seen: Vec<(String, Seen, usize)>,
}

impl Seen {
    fn see(&mut self, value: &Value, depth: usize) {
        let kind = kind(value);
        if !self.types.contains(&kind) {
            self.types.push(kind);
        }
        match value {
            Value::String(text) => match &mut self.formats {
                Some(formats) => formats.retain(|format| is_of(format, text)),
                None => self.formats = Some(FORMATS.into_iter().filter(|format| is_of(format, text)).collect()),
            },
            Value::Object(object) if depth > 0 => self.members.get_or_insert_default().see(object, depth - 1),
            Value::Array(values) if depth > 0 => {
                let entries = self.entries.get_or_insert_default();
                values.iter().for_each(|value| entries.see(value, depth - 1));
            }
            _ => (),
        }
    }

    fn schema(&self) -> Value {
        let mut schema = Map::new();
        // Every whole number is a number.
        let is_told = |name: &&&str| **name != "integer" || !self.types.contains(&"number");
        match self.types.iter().filter(is_told).collect::<Vec<_>>().as_slice() {
            [] => (),
            [one] => drop(schema.insert("type".to_owned(), json!(one))),
            several => drop(schema.insert("type".to_owned(), json!(several))),
        }
        if let Some(format) = self.formats.as_ref().and_then(|formats| formats.first()) {
            schema.insert("format".to_owned(), json!(format));
        }
        if let Some(members) = &self.members {
            members.put(&mut schema);
        }
        if let Some(entries) = self.entries.as_ref().filter(|entries| !entries.types.is_empty()) {
            schema.insert("items".to_owned(), entries.schema());
        }
        Value::Object(schema)
    }
}

impl Members {
    fn see(&mut self, object: &Map<String, Value>, depth: usize) {
        self.objects += 1;
        for (name, seen, count) in &mut self.seen {
            if let Some(value) = object.get(name) {
                seen.see(value, depth);
                *count += 1;
            }
        }
        if self.seen.len() < MAX_MEMBERS {
            self.add(object, depth);
        }
    }

    /// Members that no object had before. While there is room none was ever left out, so the earlier objects do not have them.
    fn add(&mut self, object: &Map<String, Value>, depth: usize) {
        let known = self.seen.len();
        let new = object.iter().filter(|(name, _)| !self.seen.iter().any(|(known, ..)| known == *name));
        let new: Vec<(&String, &Value)> = new.take(MAX_MEMBERS - known).collect();
        for (name, value) in new {
            let mut seen = Seen::default();
            seen.see(value, depth);
            self.seen.push((name.clone(), seen, 1));
        }
    }

    fn put(&self, schema: &mut Map<String, Value>) {
        let properties: Map<String, Value> = self.seen.iter().map(|(name, seen, _)| (name.clone(), seen.schema())).collect();
        let always = self.seen.iter().filter(|(_, _, count)| *count == self.objects);
        let required: Vec<&str> = always.map(|(name, ..)| name.as_str()).collect();
        if !properties.is_empty() {
            schema.insert("properties".to_owned(), Value::Object(properties));
        }
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
    }
}

/// The name of a value's type in JSON Schema.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Formats of JSON Schema (validation §7.3). What one of them is, no other one is.
const FORMATS: [&str; 5] = ["date-time", "date", "uuid", "email", "uri"];

fn is_of(format: &str, text: &str) -> bool {
    let is = match format {
        "date-time" => is_date_time,
        "date" => is_date,
        "uuid" => is_uuid,
        "email" => is_email,
        _ => is_uri,
    };
    text.len() <= MAX_FORMATTED_BYTES && is(text)
}

/// RFC 3339 §5.6, with a zone.
fn is_date_time(text: &str) -> bool {
    text.as_bytes().get(10).is_some_and(|byte| byte.eq_ignore_ascii_case(&b'T'))
        && !text.contains('[')
        && Timestamp::from_str(text).is_ok()
}

fn is_date(text: &str) -> bool {
    text.len() == "2026-05-04".len() && text.as_bytes()[4] == b'-' && Date::from_str(text).is_ok()
}

fn is_uuid(text: &str) -> bool {
    text.len() == "00000000-0000-0000-0000-000000000000".len() && uuid::Uuid::try_parse(text).is_ok()
}

/// The addresses that people have; RFC 5321 allows stranger ones.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_+".contains(&byte));
    local.split('.').all(is_word) && domain.contains('.') && domain.split('.').all(is_word)
}

/// Web addresses: other schemes look too much like other texts.
fn is_uri(text: &str) -> bool {
    (text.starts_with("http://") || text.starts_with("https://")) && Uri::from_str(text).is_ok_and(|uri| uri.host().is_some())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn says_what_samples_have_in_common() {
        check("", r#"{"type":"object"}"#);
        check("{}", r#"{"type":"object"}"#);
        check(r#"{"a":1}"#, r#"{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}"#);
        check(r#"{"a":1} {}"#, r#"{"type":"object","properties":{"a":{"type":"integer"}}}"#);
        check(r#"{} {"a":1}"#, r#"{"type":"object","properties":{"a":{"type":"integer"}}}"#);
        member("1 2.5", r#"{"type":"number"}"#);
        member("2.5 1", r#"{"type":"number"}"#);
        member("1 null", r#"{"type":["integer","null"]}"#);
        member(r#"true "x""#, r#"{"type":["boolean","string"]}"#);
        member("null", r#"{"type":"null"}"#);
        member("[]", r#"{"type":"array"}"#);
        member(r#"[] [1,"x"] [null]"#, r#"{"type":"array","items":{"type":["integer","string","null"]}}"#);
        member(
            r#"{"b":1} {"b":2,"c":[{}]}"#,
            concat!(
                r#"{"type":"object","properties":{"b":{"type":"integer"},"#,
                r#""c":{"type":"array","items":{"type":"object"}}},"required":["b"]}"#
            ),
        );
    }

    #[test]
    fn formats_hold_for_all_texts() {
        for (values, expected) in [
            (r#""2026-05-04" "1999-12-31""#, "date"),
            (r#""2026-05-04" null"#, "date"),
            (r#""2026-05-04" "soon""#, ""),
            (r#""2026-13-04""#, ""),
            (r#""20260504""#, ""),
            (r#""2026-05-04T10:20:30Z" "2026-05-04T10:20:30.5+02:00""#, "date-time"),
            (r#""2026-05-04T10:20:30""#, ""),
            (r#""2026-05-04 10:20:30Z""#, ""),
            (r#""2026-05-04T10:20:30Z[UTC]""#, ""),
            (r#""http://example.test/a" "https://example.test""#, "uri"),
            (r#""http://" "https://example.test""#, ""),
            (r#""/lamps/moth.svg""#, ""),
            (r#""ada.l+x@example.test""#, "email"),
            (r#""a@b""#, ""),
            (r#""@example.test""#, ""),
            (r#""a@b@c.test""#, ""),
            (r#""0190163d-8694-739b-aea5-966c26f8ad91""#, "uuid"),
            (r#""0190163d8694739baea5966c26f8ad91""#, ""),
            (r#""" """#, ""),
        ] {
            let found = schema_of_member(values);
            assert_eq!(found.get("format").and_then(Value::as_str).unwrap_or_default(), expected, "{values}");
        }
    }

    #[test]
    fn looks_no_further_than_the_bounds() {
        let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
        let wide: Map<String, Value> = (0..100_000).map(|number| (format!("m{number}"), json!({}))).collect();
        let schema = infer([&Map::from_iter([("deep".to_owned(), deep)]), &wide]);
        assert_eq!(schema["properties"].as_object().unwrap().len(), MAX_MEMBERS);
        assert_eq!(schema.to_string().matches("array").count(), MAX_DEPTH + 1);
    }

    proptest! {
        #[test]
        fn every_sample_satisfies_it(samples in prop::collection::vec(prop::collection::hash_map("[a-e]", value(), 0..4), 0..6)) {
            let samples: Vec<Map<String, Value>> = samples.into_iter().map(Map::from_iter).collect();
            let schema = infer(&samples);
            prop_assert!(jsonschema::draft202012::meta::is_valid(&schema));
            let validator = jsonschema::draft202012::new(&schema).unwrap();
            for sample in samples {
                prop_assert!(validator.is_valid(&Value::Object(sample)));
            }
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-c]{0,2}".prop_map(Value::from),
            Just(json!("2026-05-04")),
        ];
        leaf.prop_recursive(8, 40, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map("[a-c]", inner, 0..4).prop_map(|members| Value::Object(Map::from_iter(members))),
            ]
        })
    }

    fn check(samples: &str, expected: &str) {
        let samples = serde_json::Deserializer::from_str(samples).into_iter::<Map<String, Value>>();
        let samples: Vec<_> = samples.map(Result::unwrap).collect();
        assert_eq!(infer(&samples).to_string(), expected, "{samples:?}");
    }

    /// The schema of a member that has these values.
    fn member(values: &str, expected: &str) {
        assert_eq!(schema_of_member(values).to_string(), expected, "{values}");
    }

    fn schema_of_member(values: &str) -> Value {
        let values = serde_json::Deserializer::from_str(values).into_iter::<Value>();
        let samples: Vec<_> = values.map(|value| Map::from_iter([("x".to_owned(), value.unwrap())])).collect();
        infer(&samples)["properties"]["x"].clone()
    }
}
