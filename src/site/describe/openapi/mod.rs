//! The OpenAPI 3.1 document of all resources.
//!
//! `version` and `merge` make schemas and examples of what a version shows and takes, `parameters` and `answers` what operations share,
//! `operations` the paths. Whatever a tool finds in the document it may rely on, also after it has written: a body that is refused
//! does not match its schema, and a status that is answered is listed.
//!
//! Absent here: `HEAD` and `OPTIONS`, which every path has, and pages. The order is the one of the facts, at every level.

mod answers;
mod merge;
mod operations;
mod parameters;
#[cfg(test)]
mod tests;
mod version;

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

use self::version::Version;
pub(super) use self::{answers::SAMPLE, version::words};
use super::{Api, ResourceFacts};

/// Which version of the specification the document follows.
const OPENAPI: &str = "3.1.1";

/// A resource with the names it has in the document.
struct Told<'a> {
    facts: &'a ResourceFacts,
    /// Its name in components and operation ids; no dot is in it.
    key: String,
    versions: Vec<Version<'a>>,
}

/// The document.
pub(crate) fn openapi(api: &Api) -> Value {
    let told = told(api);
    json!({
        "openapi": OPENAPI,
        "info": info(api),
        "servers": [{"url": "/"}],
        "tags": tags(&told),
        "paths": operations::paths(api, &told),
        "components": components(api, &told),
    })
}

/// The tag of what an address answers that names this version, or none.
pub(super) fn tag(resource: &str, version: Option<u32>) -> String {
    version.map_or_else(|| resource.to_owned(), |version| format!("{resource} v{version}"))
}

/// The names of the schemas that say what the items of each version of a resource are.
pub(super) fn keys(api: &Api) -> HashMap<(&str, u32), String> {
    let keys = named(api).into_iter().flat_map(|(facts, key)| {
        let numbers = facts.versions.iter().map(|version| version.number);
        numbers.map(move |number| ((facts.name.as_str(), number), version::key(&key, number)))
    });
    keys.collect()
}

impl Told<'_> {
    fn current(&self) -> Option<&Version<'_>> {
        self.versions.iter().find(|version| version.facts.is_current)
    }
}

fn told(api: &Api) -> Vec<Told<'_>> {
    let told = named(api).into_iter().map(|(facts, key)| {
        let versions = facts.versions.iter().map(|version| Version::new(facts, version, &key)).collect();
        Told { facts, key, versions }
    });
    told.collect()
}

/// The resources with their keys. Those without a version cannot be told about and are left out.
fn named(api: &Api) -> Vec<(&ResourceFacts, String)> {
    let mut taken = HashSet::new();
    let resources = api.resources.iter().filter(|facts| facts.current().is_some());
    resources.map(|facts| (facts, unique(&facts.name, &mut taken))).collect()
}

/// A name as components may have it (OpenAPI 3.1 §4.8.7), without dots, told apart from the others.
fn unique(name: &str, taken: &mut HashSet<String>) -> String {
    let key = component_name(name);
    let numbered = (2..).map(|number| format!("{key}_{number}"));
    let free = std::iter::once(key.clone()).chain(numbered).find(|key| !taken.contains(key)).unwrap_or(key);
    taken.insert(free.clone());
    free
}

fn component_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

fn info(api: &Api) -> Value {
    let newest = api.resources.iter().filter_map(ResourceFacts::current).map(|version| version.number).max();
    let access = if api.writable { "" } else { " Nothing can be changed: this server only reads." };
    let description = format!(
        "The resources of the project as JSON. An address without a version shows the current one; an older one is asked for by \
         path, by vendor type or by the parameter `version` of `application/json`. Every path also answers `HEAD` and \
         `OPTIONS`.{access}"
    );
    json!({"title": api.project, "version": newest.unwrap_or(1).to_string(), "description": description})
}

fn tags(told: &[Told<'_>]) -> Vec<Value> {
    let mut taken = HashSet::new();
    let tags = told.iter().flat_map(|resource| {
        let name = &resource.facts.name;
        let plain = json!({"name": tag(name, None), "description": format!("`{name}` in its current version")});
        let versions = resource.versions.iter().map(move |version| {
            let description = format!("`{name}` in version {}{}", version.facts.number, age(version.facts.is_current));
            json!({"name": tag(name, Some(version.facts.number)), "description": description})
        });
        std::iter::once(plain).chain(versions)
    });
    tags.filter(|tag| taken.insert(tag["name"].to_string())).collect()
}

fn age(is_current: bool) -> &'static str {
    if is_current { ", the current one" } else { "" }
}

fn components(api: &Api, told: &[Told<'_>]) -> Value {
    let mut schemas = Map::from_iter([("Problem".to_owned(), answers::problem())]);
    if api.writable {
        schemas.insert("JsonPatch".to_owned(), version::json_patch());
    }
    let mut examples = Map::new();
    for version in told.iter().flat_map(|resource| &resource.versions) {
        schemas.extend(version.schemas.clone());
        examples.extend(version.examples.clone());
    }
    schemas.extend(operations::schemas_below(api, told));
    json!({
        "schemas": schemas,
        "parameters": parameters::components(api, told),
        "headers": answers::headers(api),
        "examples": examples,
        "responses": answers::refusals(api),
    })
}

/// A reference to a component.
fn reference(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}
