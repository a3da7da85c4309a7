//! The OpenAPI document as people read it: resources, their versions, and what can be done with each.
//!
//! Everything is taken from the document, so that the page cannot say anything else; only the order is by resource and version here.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Api, ResourceFacts, address, openapi};

/// How many references to references are followed.
const MAX_HOPS: usize = 8;

/// The data of the page.
#[derive(Debug, Serialize)]
pub(super) struct Docs {
    project: String,
    version: String,
    description: String,
    resources: Vec<Group>,
}

#[derive(Debug, Serialize)]
struct Group {
    name: String,
    anchor: String,
    /// The one of addresses that name no version first.
    sections: Vec<Section>,
}

#[derive(Debug, Serialize)]
struct Section {
    title: String,
    /// Whether the addresses name a version.
    is_versioned: bool,
    deprecated: Option<String>,
    sunset: Option<String>,
    about: String,
    members: Vec<Member>,
    operations: Vec<Operation>,
}

#[derive(Debug, Serialize)]
struct Member {
    name: String,
    kind: String,
    required: bool,
    description: String,
    /// Where a parameter stands.
    place: String,
}

#[derive(Debug, Serialize)]
struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    curl: String,
    parameters: Vec<Member>,
    bodies: Vec<Body>,
    answers: Vec<Answer>,
}

#[derive(Debug, Serialize)]
struct Body {
    types: Vec<String>,
    example: Option<String>,
}

#[derive(Debug, Serialize)]
struct Answer {
    status: String,
    description: String,
    headers: Vec<String>,
    bodies: Vec<Body>,
}

impl Docs {
    /// The document of an API that is reached at `origin`.
    pub(super) fn new(api: &Api, document: &Value, origin: &str) -> Self {
        let reader = Reader { document, origin, keys: openapi::keys(api) };
        let text = |member: &str| text(&document["info"], member);
        Self {
            project: text("title"),
            version: text("version"),
            description: text("description"),
            resources: api.resources.iter().enumerate().map(|(place, resource)| reader.group(place, resource)).collect(),
        }
    }
}

/// Looks things up in the document.
struct Reader<'a> {
    document: &'a Value,
    origin: &'a str,
    /// Names of schemas by resource and version.
    keys: HashMap<(&'a str, u32), String>,
}

impl<'a> Reader<'a> {
    fn group(&self, place: usize, resource: &ResourceFacts) -> Group {
        let current = resource.current().map(|version| self.section(resource, version.number, None));
        let named = resource.versions.iter().map(|version| self.section(resource, version.number, Some(version.number)));
        let sections = current.into_iter().chain(named).collect();
        Group { name: resource.name.clone(), anchor: format!("resource-{place}"), sections }
    }

    fn section(&self, resource: &ResourceFacts, number: u32, named: Option<u32>) -> Section {
        let tag = openapi::tag(&resource.name, named);
        let version = resource.versions.iter().find(|version| named == Some(version.number));
        let schema = self.keys.get(&(resource.name.as_str(), number)).map(|key| &self.document["components"]["schemas"][key]);
        Section {
            title: named
                .map_or_else(|| format!("Version {number}, the current one"), |number| format!("Version {number} by path")),
            is_versioned: named.is_some(),
            deprecated: version.and_then(|version| version.deprecated.clone()),
            sunset: version.and_then(|version| version.sunset.clone()),
            about: schema.map(|schema| text(schema, "description")).unwrap_or_default(),
            members: schema.map(|schema| self.members(schema)).unwrap_or_default(),
            operations: self.operations(&tag, &address::of_resource(&resource.name, named)),
        }
    }

    fn members(&self, schema: &Value) -> Vec<Member> {
        let required = schema.get("required").and_then(Value::as_array);
        let is_required = |name: &str| required.is_some_and(|required| required.iter().any(|one| one == name));
        let members = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        let member = |(name, schema): (&String, &Value)| {
            let schema = self.resolve(schema);
            let (kind, description) = (self.kind(schema), text(schema, "description"));
            Member { name: name.clone(), kind, required: is_required(name), description, place: String::new() }
        };
        members.map(member).collect()
    }

    /// A type with its bounds in few words.
    fn kind(&self, schema: &Value) -> String {
        let words = match schema.get("enum").and_then(Value::as_array) {
            Some(values) => values.iter().map(Value::to_string).collect::<Vec<_>>().join(" or "),
            None => openapi::words(schema),
        };
        let items =
            schema.get("items").filter(|items| items.is_object()).map(|items| format!(" of {}", self.kind(self.resolve(items))));
        let bound = |keyword: &str, sign: &str| schema.get(keyword).map(|bound| format!(" {sign} {bound}"));
        let bounds = [bound("minimum", "≥"), bound("maximum", "≤")].into_iter().flatten().collect::<String>();
        format!("{words}{}{bounds}", items.unwrap_or_default())
    }

    /// Those at the resource's own `address` first, then those below others.
    fn operations(&self, tag: &str, address: &str) -> Vec<Operation> {
        let paths = self.document["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten();
            methods.map(move |(method, operation)| (path, item, method, operation))
        });
        let tagged = operations
            .filter(|(.., operation)| operation["tags"].as_array().is_some_and(|tags| tags.iter().any(|one| one == tag)));
        let (own, below): (Vec<_>, Vec<_>) = tagged.partition(|(path, ..)| path.starts_with(address));
        own.into_iter()
            .chain(below)
            .map(|(path, item, method, operation)| self.operation(path, item, method, operation))
            .collect()
    }

    fn operation(&self, path: &str, item: &'a Value, method: &str, operation: &'a Value) -> Operation {
        let parameters = [item.get("parameters"), operation.get("parameters")].into_iter().flatten().filter_map(Value::as_array);
        let parameters: Vec<&Value> = parameters.flatten().map(|parameter| self.resolve(parameter)).collect();
        let answers = operation["responses"].as_object().into_iter().flatten();
        Operation {
            id: text(operation, "operationId"),
            method: method.to_ascii_uppercase(),
            path: path.to_owned(),
            summary: text(operation, "summary"),
            curl: self.curl(path, method, operation, &parameters),
            parameters: parameters.iter().map(|parameter| self.parameter(parameter)).collect(),
            bodies: self.bodies(operation.pointer("/requestBody/content")),
            answers: answers.map(|(status, answer)| self.answer(status, answer)).collect(),
        }
    }

    fn parameter(&self, parameter: &Value) -> Member {
        Member {
            name: text(parameter, "name"),
            kind: self.kind(&parameter["schema"]),
            required: parameter.get("required") == Some(&Value::Bool(true)),
            description: text(parameter, "description"),
            place: text(parameter, "in"),
        }
    }

    fn answer(&self, status: &str, answer: &Value) -> Answer {
        let answer = self.resolve(answer);
        Answer {
            status: status.to_owned(),
            description: text(answer, "description"),
            headers: answer.get("headers").and_then(Value::as_object).into_iter().flat_map(Map::keys).cloned().collect(),
            bodies: self.bodies(answer.get("content")),
        }
    }

    fn curl(&self, path: &str, method: &str, operation: &Value, parameters: &[&Value]) -> String {
        let id = parameters.iter().find(|parameter| parameter["in"] == "path").map(|parameter| match parameter.get("example") {
            Some(Value::String(id)) => address::of_item("", id).trim_start_matches('/').to_owned(),
            Some(id) => id.to_string(),
            None => "ID".to_owned(),
        });
        let url = format!("{}{}", self.origin, path.replace("{id}", &id.unwrap_or_default()));
        let content = operation.pointer("/requestBody/content").and_then(Value::as_object);
        let body = content.and_then(|content| content.iter().next());
        let empty = Value::Object(Map::new());
        let body = body.map(|(media_type, media)| (media_type.as_str(), self.example(media).unwrap_or(&empty)));
        address::curl(&method.to_ascii_uppercase(), &url, body)
    }

    /// Bodies of several types that are the same apart from the type are told once.
    fn bodies(&self, content: Option<&Value>) -> Vec<Body> {
        let mut bodies: Vec<(&Value, Body)> = Vec::new();
        for (media_type, media) in content.and_then(Value::as_object).into_iter().flatten() {
            match bodies.iter_mut().find(|(known, _)| *known == media) {
                Some((_, body)) => body.types.push(media_type.clone()),
                None => bodies.push((media, Body { types: vec![media_type.clone()], example: self.example(media).map(pretty) })),
            }
        }
        bodies.into_iter().map(|(_, body)| body).collect()
    }

    fn example<'v>(&self, media: &'v Value) -> Option<&'v Value>
    where
        'a: 'v,
    {
        let shared = media.get("examples").and_then(|examples| examples.get(openapi::SAMPLE));
        shared.and_then(|example| self.resolve(example).get("value")).or(media.get("example"))
    }

    fn resolve<'v>(&self, value: &'v Value) -> &'v Value
    where
        'a: 'v,
    {
        let mut found = value;
        for _ in 0..MAX_HOPS {
            let Some(reference) = found.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'))
            else {
                return found;
            };
            let pointer = percent_encoding::percent_decode_str(reference).decode_utf8_lossy();
            let Some(target) = self.document.pointer(&pointer) else { return found };
            found = target;
        }
        found
    }
}

fn text(value: &Value, member: &str) -> String {
    value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn pretty(value: &Value) -> String {
    // Maps with text keys always have a JSON form.
    serde_json::to_string_pretty(value).unwrap_or_default()
}
