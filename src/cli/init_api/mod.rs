//! `everlit init --api FILE`: the data files of a project that begins with what an API already says of itself.
//!
//! [`read`] takes a json-server `db.json` or an OpenAPI document and gives an [`Api`]: files, addresses to try, and what a person
//! should know. What the two kinds of documents have in them is the business of `database` and `openapi`; here resources get ids
//! and names that can stand in a path.
//!
//! Nothing is written here.

mod database;
mod openapi;
mod schemas;

use std::{
    collections::{BTreeMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};

use crate::negotiate::version;

/// The longest document; as long as the longest data file.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The longest name of a resource, in characters: file systems take 255 bytes with the extension.
const MAX_NAME_CHARS: usize = 60;

/// The member that names an item.
const ID: &str = "id";

/// What a document becomes.
#[derive(Debug, Default)]
pub(super) struct Api {
    /// Texts by path below the project.
    pub(super) files: BTreeMap<String, String>,
    /// The names of the resources, in the document's order.
    pub(super) resources: Vec<String>,
    /// What is not as it was in the document, a sentence each.
    pub(super) notes: Vec<String>,
}

/// Why a document cannot be used.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum ApiError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}:{line}:{column}: {message}", path.display())]
    Syntax { path: PathBuf, line: usize, column: usize, message: String },
    #[error("{}: {message}", path.display())]
    Content { path: PathBuf, message: String },
}

/// A resource as the document has it.
#[derive(Debug, PartialEq)]
struct Draft {
    name: String,
    /// An array of objects, or an object.
    content: Value,
    /// What an item must be like.
    schema: Option<Value>,
}

/// Reads a document.
pub(super) fn read(path: &Path) -> Result<Api, ApiError> {
    let content = |message: &str| ApiError::Content { path: path.to_owned(), message: message.to_owned() };
    let failed = |source| ApiError::Read { path: path.to_owned(), source };
    if fs::metadata(path).map_err(failed)?.len() > MAX_BYTES {
        return Err(content("it is longer than 64 MiB"));
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if is_yaml(path, text) {
        return Err(content("it is YAML; give it as JSON (`yq -o json` makes that of it)"));
    }
    let document: Value = serde_json::from_str(text).map_err(|error| ApiError::Syntax {
        path: path.to_owned(),
        line: error.line().max(1),
        column: error.column().max(1),
        message: error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
    })?;
    api(document).map_err(|message| content(&message))
}

/// By its name, or by its first line: an OpenAPI document in YAML begins with a key without quotes.
fn is_yaml(path: &Path, text: &str) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["yaml", "yml"].contains(&extension) || text.trim_start().starts_with("openapi:")
}

fn api(document: Value) -> Result<Api, String> {
    let Value::Object(members) = document else {
        return Err("this is neither a json-server database nor an OpenAPI document; both are objects".to_owned());
    };
    let mut api = Api::default();
    let drafts = match (members.get("openapi"), members.get("swagger")) {
        (Some(Value::String(version)), _) if version.starts_with("3.") => {
            openapi::drafts(&Value::Object(members), &mut api.notes)?
        }
        (Some(Value::String(_)), _) | (None, Some(Value::String(_))) => {
            return Err("only OpenAPI 3.0 and 3.1 can be read; convert the document first".to_owned());
        }
        _ => database::drafts(members, &mut api.notes)?,
    };
    for draft in drafts {
        add(&mut api, draft)?;
    }
    Ok(api)
}

fn add(api: &mut Api, draft: Draft) -> Result<(), String> {
    let name = safe(&draft.name);
    if name != draft.name {
        api.notes.push(format!("`{}` is called `{name}`, which can be a file and a part of an address", short(&draft.name)));
    }
    // Some file systems take two names for one that differ in case.
    if let Some(other) = api.resources.iter().find(|other| other.to_lowercase() == name.to_lowercase()) {
        return Err(format!("`{}` would be written to the file of `{other}`; rename one of them", short(&draft.name)));
    }
    let content = match draft.content {
        Value::Array(items) => Value::Array(with_ids(items).map_err(|reason| format!("`{}` {reason}", short(&draft.name)))?),
        singleton => singleton,
    };
    api.files.insert(format!("data/{name}.json"), text(&content));
    if let Some(schema) = draft.schema {
        api.files.insert(format!("data/{name}.schema.json"), text(&schema));
    }
    api.resources.push(name);
    Ok(())
}

/// The items, each with an id: those that have none are counted from 1, past the numbers that are taken.
fn with_ids(items: Vec<Value>) -> Result<Vec<Value>, String> {
    let mut taken = HashSet::new();
    for (place, id) in items.iter().enumerate().filter_map(|(place, item)| Some((place, item.get(ID)?))) {
        let id = match id {
            Value::Null => continue,
            Value::Number(number) => number.to_string(),
            Value::String(text) if !text.is_empty() => text.clone(),
            _ => return Err(format!("has an item whose `id` is neither a number nor a text, at place {}", place + 1)),
        };
        if let Some(id) = taken.replace(id) {
            return Err(format!("has two items with the id {}", short(&id)));
        }
    }
    let texts = items.iter().any(|item| item.get(ID).is_some_and(Value::is_string));
    let mut free = (1_u64..).filter(|number| !taken.contains(&number.to_string()));
    let with_id = |item: Value| match item {
        Value::Object(mut members) if members.get(ID).is_none_or(Value::is_null) => {
            members.shift_remove(ID);
            let number = free.next().unwrap_or_default();
            let id = if texts { json!(number.to_string()) } else { json!(number) };
            Value::Object(Map::from_iter([(ID.to_owned(), id)]).into_iter().chain(members).collect())
        }
        item => item,
    };
    Ok(items.into_iter().map(with_id).collect())
}

/// A name that can be a file's and a segment's.
fn safe(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || c == '_' || c == '-' { c } else { '-' };
    let safe: String = name.chars().take(MAX_NAME_CHARS).map(plain).collect();
    match safe.trim_matches('-') {
        "" => "items".to_owned(),
        // `/api/v1` is a version.
        safe if version::of_segment(safe).is_some() => format!("{safe}-items"),
        safe => safe.to_owned(),
    }
}

/// A name of the document in a sentence.
fn short(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(MAX_NAME_CHARS).collect()
}

/// As data files are written.
fn text(value: &Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_becomes_files() {
        let api = api(json!({"posts": [{"title": "A"}, {"id": 1}, {"id": null}], "my profile": {"name": "typicode"}, "a": []}))
            .unwrap();
        let names: Vec<_> = api.files.keys().map(String::as_str).collect();
        assert_eq!(names, ["data/a.json", "data/my-profile.json", "data/posts.json"]);
        assert_eq!(api.resources, ["posts", "my-profile", "a"]);
        let posts: Value = serde_json::from_str(&api.files["data/posts.json"]).unwrap();
        assert_eq!(posts.to_string(), r#"[{"id":2,"title":"A"},{"id":1},{"id":3}]"#);
        assert_eq!(api.files["data/my-profile.json"], "{\n  \"name\": \"typicode\"\n}\n");
        assert_eq!(api.notes, ["`my profile` is called `my-profile`, which can be a file and a part of an address"]);
    }

    #[test]
    fn ids_are_counted_in_the_type_of_the_others() {
        for (items, expected) in [
            (json!([{}, {}]), r#"[{"id":1},{"id":2}]"#),
            (json!([{"id": "1"}, {"a": 0}]), r#"[{"id":"1"},{"id":"2","a":0}]"#),
            (json!([{"a": 0, "id": 7}]), r#"[{"a":0,"id":7}]"#),
        ] {
            let items = with_ids(items.as_array().unwrap().clone()).unwrap();
            assert_eq!(Value::Array(items).to_string(), expected);
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        check(json!([1]), "neither a json-server database nor an OpenAPI document");
        check(json!({"swagger": "2.0"}), "only OpenAPI 3.0 and 3.1");
        check(json!({"openapi": "2.9"}), "only OpenAPI 3.0 and 3.1");
        check(json!({"a b": [], "A-b": []}), "`A-b` would be written to the file of `a-b`");
        check(json!({"a": [{"id": 1}, {"id": "1"}]}), "`a` has two items with the id 1");
        check(json!({"a": [{}, {"id": []}]}), "`a` has an item whose `id` is neither a number nor a text, at place 2");

        fn check(document: Value, expected: &str) {
            let error = api(document).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn names_are_made_safe() {
        for (name, expected) in [
            ("posts", "posts"),
            ("Über_uns", "Über_uns"),
            ("../../etc/passwd", "etc-passwd"),
            ("a.b", "a-b"),
            ("", "items"),
            ("..", "items"),
            ("v1", "v1-items"),
            ("a\u{0}b\n", "a-b"),
        ] {
            assert_eq!(safe(name), expected);
        }
        assert_eq!(safe(&"ä".repeat(300)).chars().count(), MAX_NAME_CHARS);
    }
}
