//! json-server's database: one object whose members are the resources.

use serde_json::{Map, Value};

use super::{Draft, short};

/// Not a resource there either.
const SCHEMA: &str = "$schema";

/// The resources of a database.
pub(super) fn drafts(database: Map<String, Value>) -> Result<Vec<Draft>, String> {
    let resources = database.into_iter().filter(|(name, _)| name != SCHEMA);
    let drafts: Vec<Draft> = resources.map(|(name, value)| draft(name, value)).collect::<Result<_, _>>()?;
    if drafts.is_empty() { Err("there is no resource in it".to_owned()) } else { Ok(drafts) }
}

fn draft(name: String, content: Value) -> Result<Draft, String> {
    let refused = |what: &str| Err(format!("`{}` {what}; a resource is an array of objects, or one object", short(&name)));
    match &content {
        Value::Object(_) => Ok(Draft { name, content, schema: None }),
        Value::Array(items) => match items.iter().position(|item| !item.is_object()) {
            None => Ok(Draft { name, content, schema: None }),
            Some(place) => refused(&format!("is an array whose entry {} is no object", place + 1)),
        },
        Value::Null => refused("is null"),
        Value::Bool(_) => refused("is true or false"),
        Value::Number(_) => refused("is a number"),
        Value::String(_) => refused("is a text"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn resources_are_arrays_of_objects_or_objects() {
        check(json!({"$schema": "./s.json", "posts": [{}], "profile": {}}), "posts profile");
        check(json!({"posts": [{}, 1]}), "`posts` is an array whose entry 2 is no object; a resource is");
        check(json!({"tags": ["a"]}), "`tags` is an array whose entry 1 is no object; a resource is");
        check(json!({"version": 1}), "`version` is a number; a resource is");
        check(json!({"on": true}), "`on` is true or false; a resource is");
        check(json!({"none": null}), "`none` is null; a resource is");
        check(json!({"name": "x"}), "`name` is a text; a resource is");
        check(json!({}), "there is no resource in it");

        fn check(database: Value, expected: &str) {
            let found = drafts(database.as_object().unwrap().clone());
            let found = found.map(|drafts| drafts.into_iter().map(|draft| draft.name).collect::<Vec<_>>().join(" "));
            let found = found.unwrap_or_else(|error| error);
            assert!(found.starts_with(expected), "{found}");
        }
    }
}
