//! json-server's database: one object whose members are the resources.

use serde_json::{Map, Value};

use super::{Draft, short};

/// Not a resource there either.
const SCHEMA: &str = "$schema";

/// The resources of a database. A member that cannot be one is left out, with a note.
pub(super) fn drafts(database: Map<String, Value>, notes: &mut Vec<String>) -> Result<Vec<Draft>, String> {
    let mut drafts = Vec::new();
    for (name, content) in database.into_iter().filter(|(name, _)| name != SCHEMA) {
        match why_none(&content) {
            None => drafts.push(Draft { name, content, schema: None }),
            Some(why) => {
                notes.push(format!(
                    "`{}` is left out: it {why}, and a resource is an array of objects, or one object",
                    short(&name)
                ));
            }
        }
    }
    match (drafts.is_empty(), notes.first()) {
        (false, _) => Ok(drafts),
        (true, Some(note)) => Err(format!("there is no resource in it; {note}")),
        (true, None) => Err("there is no resource in it".to_owned()),
    }
}

/// Why a value is no resource.
fn why_none(content: &Value) -> Option<String> {
    let what = match content {
        Value::Object(_) => return None,
        Value::Array(items) => {
            let place = items.iter().position(|item| !item.is_object())?;
            return Some(format!("is an array whose entry {} is no object", place + 1));
        }
        Value::Null => "is null",
        Value::Bool(_) => "is true or false",
        Value::Number(_) => "is a number",
        Value::String(_) => "is a text",
    };
    Some(what.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn resources_are_arrays_of_objects_or_objects() {
        check(json!({"$schema": "./s.json", "posts": [{}], "profile": {}}), "posts profile");
        check(
            json!({"posts": [{}], "tags": ["a"]}),
            "posts; `tags` is left out: it is an array whose entry 1 is no object, and a",
        );
        check(
            json!({"posts": [{}, 1]}),
            "there is no resource in it; `posts` is left out: it is an array whose entry 2 is no object",
        );
        check(json!({"posts": [], "version": 1}), "posts; `version` is left out: it is a number");
        check(json!({"posts": [], "on": true}), "posts; `on` is left out: it is true or false");
        check(json!({"posts": [], "none": null}), "posts; `none` is left out: it is null");
        check(json!({"posts": [], "name": "x"}), "posts; `name` is left out: it is a text");
        check(json!({}), "there is no resource in it");

        fn check(database: Value, expected: &str) {
            let mut notes = Vec::new();
            let found = drafts(database.as_object().unwrap().clone(), &mut notes);
            let names = found.map(|drafts| drafts.into_iter().map(|draft| draft.name).collect::<Vec<_>>().join(" "));
            let found = names.map_or_else(|error| error, |names| [names].into_iter().chain(notes).collect::<Vec<_>>().join("; "));
            assert!(found.starts_with(expected), "{found}");
        }
    }
}
