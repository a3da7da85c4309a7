//! The examples and the schemas of an OpenAPI document (3.0 and 3.1).
//!
//! What `GET` of a path answers is a resource, called like the path's last fixed segment. The paths without a parameter at the end
//! come first; those with one tell of single items, which are used where the collection has none. Examples are taken from nearest
//! to farthest: the answer's own, the schema's, its members', then what a schema makes of itself.

use serde_json::{Map, Value};

use super::{Draft, schemas::Schemas, short};

/// The answers that show a resource, best first.
const GOOD: [&str; 4] = ["200", "206", "2XX", "default"];

/// How many paths are looked at. What one becomes is bounded, so this bounds the whole.
const MAX_ANSWERS: usize = 2_000;

/// What `GET` of one path answers.
struct Answer<'d> {
    path: &'d str,
    name: &'d str,
    examples: Vec<&'d Value>,
    schema: Option<&'d Value>,
}

/// The resources of a document; what is left out is noted.
pub(super) fn drafts(document: &Value, notes: &mut Vec<String>) -> Result<Vec<Draft>, String> {
    let schemas = Schemas::of(document);
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
    let answers: Vec<Answer> = paths.filter_map(|(path, item)| answer(&schemas, path, schemas.resolve(item))).collect();
    if answers.len() > MAX_ANSWERS {
        return Err(format!("it has more than {MAX_ANSWERS} paths; leave out those that are not needed"));
    }
    let (items, mut wholes): (Vec<Answer>, Vec<Answer>) =
        answers.into_iter().partition(|answer| is_parameter(last_segment(answer.path)));
    // `/users/{id}/posts` tells of a part of what `/posts` does.
    wholes.sort_by_key(|answer| answer.path.split('/').filter(|segment| is_parameter(segment)).count());
    let mut drafts: Vec<Draft> = Vec::new();
    for answer in wholes {
        if drafts.iter().any(|draft| draft.name == answer.name) {
            continue;
        }
        match whole(&schemas, &answer, &items) {
            Some(draft) => drafts.push(draft),
            None => notes.push(format!("`{}` is left out; it is neither an array of objects nor an object", short(answer.path))),
        }
    }
    for answer in items {
        add_item(&schemas, &mut drafts, &answer);
    }
    if drafts.is_empty() {
        return Err("there is no path whose GET answers objects as JSON".to_owned());
    }
    Ok(drafts)
}

fn answer<'d>(schemas: &Schemas<'d>, path: &'d str, item: &'d Value) -> Option<Answer<'d>> {
    let name = path.split('/').rfind(|segment| !segment.is_empty() && !is_parameter(segment))?;
    let responses = item.get("get")?.get("responses")?.as_object()?;
    let good = GOOD.iter().find_map(|status| responses.get(*status))?;
    let content = schemas.resolve(good).get("content")?.as_object()?;
    let media = content.iter().find(|(kind, _)| is_json(kind)).map(|(_, media)| media)?;
    let one = media.get("example");
    let several = media.get("examples").and_then(Value::as_object).into_iter().flat_map(Map::values);
    let several = several.filter_map(|example| schemas.resolve(example).get("value"));
    Some(Answer { path, name, examples: one.into_iter().chain(several).collect(), schema: media.get("schema") })
}

/// The resource of a path that has no parameter at its end.
fn whole(schemas: &Schemas<'_>, answer: &Answer<'_>, items: &[Answer<'_>]) -> Option<Draft> {
    let schema = answer.schema.map(|schema| schemas.resolve(schema));
    let array = schema.and_then(|schema| array_in(schemas, schema));
    let own = answer.examples.iter().find(|example| example.is_array() || example.is_object());
    let of_items = || items.iter().find(|item| item.name == answer.name).map(objects).filter(|items| !items.is_empty());
    let example = own.map(|example| Value::clone(example));
    let example = example.or_else(|| array.and_then(|_| of_items()).map(Value::Array)).or_else(|| schemas.sample(schema?));
    let items = match example {
        Some(Value::Array(items)) => Some(items),
        Some(Value::Object(members)) => match list_in(&members) {
            Some(items) => Some(items),
            None if array.is_some() => Some(Vec::new()),
            None => return Some(Draft { name: answer.name.to_owned(), content: Value::Object(members), schema: None }),
        },
        _ => array.map(|_| Vec::new()),
    }?;
    if !items.iter().all(Value::is_object) || (items.is_empty() && array.is_none_or(|items| !schemas.is_object(items))) {
        return None;
    }
    let schema = array.and_then(|items| schemas.inlined(items));
    Some(Draft { name: answer.name.to_owned(), content: Value::Array(items), schema })
}

/// What a path with a parameter at its end tells of the collection.
fn add_item(schemas: &Schemas<'_>, drafts: &mut Vec<Draft>, answer: &Answer<'_>) {
    let schema = answer.schema.filter(|schema| schemas.is_object(schema));
    let mut items = objects(answer);
    if items.is_empty() {
        items.extend(schema.and_then(|schema| schemas.sample(schema)).filter(Value::is_object));
    }
    match drafts.iter_mut().find(|draft| draft.name == answer.name) {
        Some(draft) => {
            if let Value::Array(known) = &mut draft.content {
                if known.is_empty() {
                    known.extend(items);
                }
                draft.schema = draft.schema.take().or_else(|| schemas.inlined(schema?));
            }
        }
        None if items.is_empty() => (),
        None => {
            let schema = schema.and_then(|schema| schemas.inlined(schema));
            drafts.push(Draft { name: answer.name.to_owned(), content: Value::Array(items), schema });
        }
    }
}

/// The objects among the examples of an answer.
fn objects(answer: &Answer<'_>) -> Vec<Value> {
    answer.examples.iter().filter(|example| example.is_object()).map(|example| Value::clone(example)).collect()
}

/// The schema of the entries: of an array, or of the one array in an object around it (`{ "data": […], "total": 3 }`).
fn array_in<'d>(schemas: &Schemas<'d>, schema: &'d Value) -> Option<&'d Value> {
    if let Some(items) = schema.get("items") {
        return Some(items);
    }
    let members = schema.get("properties")?.as_object()?.values().map(|member| schemas.resolve(member));
    let mut arrays = members.filter_map(|member| member.get("items")).filter(|items| schemas.is_object(items));
    // An object with an id is an item of its own, whatever it holds.
    let first = arrays.next().filter(|_| schema.pointer("/properties/id").is_none())?;
    arrays.next().is_none().then_some(first)
}

/// The one array of objects in an object around it.
fn list_in(members: &Map<String, Value>) -> Option<Vec<Value>> {
    let lists = members.values().filter_map(Value::as_array).filter(|list| !list.is_empty() && list.iter().all(Value::is_object));
    let lists: Vec<_> = lists.collect();
    match lists.as_slice() {
        [list] if !members.contains_key(super::ID) => Some((*list).clone()),
        _ => None,
    }
}

fn last_segment(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

fn is_parameter(segment: &str) -> bool {
    segment.contains('{')
}

fn is_json(kind: &str) -> bool {
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence == "*/*" || essence.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn examples_are_taken_from_near_to_far() {
        let items = json!({"type": "array", "items": {"type": "object", "properties": {"a": {"example": 9}}}});
        check(json!({"example": [{"a": 1}], "schema": items}), r#"[{"a":1}]"#);
        check(json!({"examples": {"x": {"value": [{"a": 2}]}}, "schema": items}), r#"[{"a":2}]"#);
        check(json!({"examples": {"x": {"$ref": "#/components/examples/E"}}}), r#"[{"a":3}]"#);
        check(json!({"schema": {"type": "array", "example": [{"a": 4}], "items": {"type": "object"}}}), r#"[{"a":4}]"#);
        check(json!({"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}}}), r#"[{"a":5,"b":"x"}]"#);
        check(json!({"schema": items}), r#"[{"a":9}]"#);
        check(json!({"schema": {"type": "array", "items": {"type": "object"}}}), "[]");
        check(json!({"example": {"data": [{"a": 6}], "total": 1}}), r#"[{"a":6}]"#);
        check(json!({"schema": {"properties": {"total": {"example": 1}, "data": items}}}), r#"[{"a":9}]"#);
        check(json!({"example": {"id": 1, "tags": [{}]}}), r#"{"id":1,"tags":[{}]}"#);
        check(json!({"example": ["a"]}), "there is no path whose GET answers objects as JSON");
        check(json!({"schema": {"type": "array", "items": {"type": "string", "example": "x"}}}), "there is no path");
        check(json!({"schema": {"$ref": "#/components/schemas/Endless"}}), "there is no path");

        fn check(media: Value, expected: &str) {
            let document = document(json!({"/api/v1/things": get(media)}));
            let found = drafts(&document, &mut Vec::new());
            let found = found.map_or_else(|error| error, |drafts| drafts[0].content.to_string());
            assert!(found.starts_with(expected), "{found}");
        }
    }

    #[test]
    fn paths_with_a_parameter_tell_of_items() {
        let item = json!({"schema": {"$ref": "#/components/schemas/Item"}});
        let list = json!({"schema": {"type": "array", "items": {"type": "object"}}});
        let document = document(json!({
            "/users/{id}/things": get(json!({"example": [{"part": true}]})),
            "/things/{id}": get(item.clone()),
            "/things": get(list),
            "/other/{id}": get(item),
            "/tags": get(json!({"example": ["a"]})),
            "/": get(json!({"example": {}})),
            "/odd": {"get": 1, "post": {}},
            "/pets": get(json!({"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}}})),
            "/pets/{id}": get(json!({"example": {"name": "Rex"}})),
        }));
        let mut notes = Vec::new();
        let found = drafts(&document, &mut notes).unwrap();
        let names: Vec<_> =
            found.iter().map(|draft| (draft.name.as_str(), draft.content.to_string(), draft.schema.is_some())).collect();
        let sample = r#"[{"a":5,"b":"x"}]"#.to_owned();
        let rex = r#"[{"name":"Rex"}]"#.to_owned();
        assert_eq!(names, [("things", sample.clone(), true), ("pets", rex, true), ("other", sample, true)]);
        assert_eq!(notes, ["`/tags` is left out; it is neither an array of objects nor an object"]);
    }

    fn document(paths: Value) -> Value {
        json!({
            "openapi": "3.1.0",
            "paths": paths,
            "components": {
                "examples": {"E": {"value": [{"a": 3}]}},
                "schemas": {
                    "Item": {"type": "object", "properties": {"a": {"type": "integer", "default": 5}, "b": {"enum": ["x", "y"]}, "c": {}}},
                    "Endless": {"$ref": "#/components/schemas/Endless"},
                },
            },
        })
    }

    fn get(media: Value) -> Value {
        json!({"get": {"responses": {"404": {}, "200": {"content": {"text/html": {}, "application/json": media}}}}})
    }
}
