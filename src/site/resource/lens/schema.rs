//! What a JSON Schema of the newer version is in this one, so that a description says of every version what is checked.
//!
//! Only what is said of members one by one can be carried over; what speaks of several (`anyOf`, `if`, `dependentRequired`) is left
//! out, which makes the schema of an older version say less, never something false.

use serde_json::{Map, Value, json};

use super::{
    Lens,
    member::{Layout, Member},
};

/// What is said of an object as a whole and holds in every version.
const KEPT: [&str; 7] = ["$schema", "$defs", "definitions", "title", "description", "type", "additionalProperties"];

impl Lens {
    /// The schema of an object of this version.
    pub(crate) fn schema(&self, newer: &Value) -> Value {
        let Some(newer) = newer.as_object().filter(|_| *self != Self::default()) else { return newer.clone() };
        let mut schema: Map<String, Value> = newer
            .iter()
            .filter(|(keyword, _)| KEPT.contains(&keyword.as_str()))
            .map(|(keyword, value)| (keyword.clone(), value.clone()))
            .collect();
        if let Some(Value::Object(properties)) = newer.get("properties") {
            let shown = properties.iter().filter(|(name, _)| !self.hides(name));
            let own = shown.map(|(name, schema)| (self.own_name(name).to_owned(), self.member_schema(name, schema)));
            schema.insert("properties".to_owned(), Value::Object(own.collect()));
        }
        if let Some(Value::Array(required)) = newer.get("required") {
            let names = required.iter().filter_map(Value::as_str).filter(|name| !self.hides(name));
            schema.insert("required".to_owned(), names.map(|name| Value::from(self.own_name(name))).collect());
        }
        Value::Object(schema)
    }

    fn member_schema(&self, name: &str, newer: &Value) -> Value {
        self.members.get(name).map_or_else(|| newer.clone(), |member| member.schema(newer))
    }
}

impl Member {
    fn schema(&self, newer: &Value) -> Value {
        match &self.layout {
            Layout::Plain => self.values.schema(newer),
            Layout::Wrapped(name) => json!({
                "type": "object",
                "properties": { name: self.values.schema(newer) },
                "required": [name],
                "additionalProperties": false,
            }),
            Layout::Unwrapped(name) => match newer.get("properties").and_then(|properties| properties.get(name)) {
                Some(inner) => self.values.schema(inner),
                None => Value::Object(Map::new()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_follow_the_rules() {
        let newer = r#"{"type":"object","required":["title","state","n"],"additionalProperties":false,"minProperties":2,
            "properties":{"id":{},"title":{"type":"string"},"n":{"minimum":0},"state":{"enum":["a","b"]},"by":{"properties":{"name":{"type":"string"}}}}}"#;
        check(newer, "", newer);
        check(
            newer,
            "rename = { title = 'name' }\nomit = ['n']\nwrap = { title = 'text' }\nunwrap = { by = 'name' }",
            r#"{"type":"object","additionalProperties":false,"properties":{"id":{},
                "name":{"type":"object","properties":{"text":{"type":"string"}},"required":["text"],"additionalProperties":false},
                "state":{"enum":["a","b"]},"by":{"type":"string"}},"required":["name","state"]}"#,
        );
        check(
            r#"{"properties":{"state":{"type":"string"}}}"#,
            "map = { state = { a = 'b', b = 'a', c = 'd' } }",
            r#"{"properties":{"state":{"anyOf":[{"enum":["b","a","d"]},{"allOf":[{"type":"string"},{"not":{"enum":["c"]}}]}]}}}"#,
        );

        fn check(newer: &str, file: &str, expected: &str) {
            let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            assert_eq!(Lens::parse(file).unwrap().schema(&value(newer)), value(expected));
        }
    }
}
