//! The paths: what can be done at each address, with what, and what comes back.

use serde_json::{Map, Value, json};

use super::{Told, answers, parameters, reference, tag, version::Version};
use crate::{
    negotiate::{
        Representation,
        version::{Current, offers},
    },
    site::describe::{Api, Child, Form, ID, address},
};

/// Why a `GET` is refused.
const READ: [&str; 3] = ["BadQuery", "NotAcceptable", "PreconditionFailed"];

/// Why a write with a body is refused.
const WRITE: [&str; 9] =
    ["BadBody", "Forbidden", "NotAcceptable", "TooSlow", "Conflict", "TooLarge", "Unprocessable", "Unavailable", "DiskFull"];

/// Why a write to what is there is refused; a new item has no state that a condition could name.
const CHANGE: [&str; 1] = ["PreconditionFailed"];

/// An address of a resource: it names a version, or shows the current one.
struct Place<'a> {
    resource: &'a Told<'a>,
    /// The one that a plain `application/json` is.
    version: &'a Version<'a>,
    named: Option<u32>,
    /// The keys of the collections below its items.
    below: Vec<&'a str>,
    offers: Vec<Representation>,
    writable: bool,
}

/// All paths, resource by resource.
pub(super) fn paths(api: &Api, told: &[Told<'_>]) -> Map<String, Value> {
    let mut paths = Map::new();
    for resource in told {
        for place in places(api, resource, told) {
            paths.extend(place.paths());
        }
        for (child, key) in children(resource, told) {
            paths.extend(Place::current(api, child, told).map(|place| place.below(resource, key)));
        }
    }
    paths
}

/// Components for bodies whose address says what a member is.
pub(super) fn schemas_below(api: &Api, told: &[Told<'_>]) -> Vec<(String, Value)> {
    let children = told.iter().filter(|_| api.writable).flat_map(|resource| {
        let children = children(resource, told);
        children.flat_map(move |(child, key)| {
            child.versions.iter().filter_map(move |version| version.sent_below(&resource.key, &key.key))
        })
    });
    children.collect()
}

/// Only items have something below them, and only collections can be there.
fn children<'a>(resource: &'a Told<'a>, told: &'a [Told<'a>]) -> impl Iterator<Item = (&'a Told<'a>, &'a Child)> {
    let collection =
        |child: &Child| told.iter().find(|told| told.facts.name == child.resource && told.facts.form == Form::Collection);
    let children = resource.facts.children.iter().filter(|_| resource.facts.form == Form::Collection);
    children.filter_map(move |child| Some((collection(child)?, child)))
}

fn places<'a>(api: &Api, resource: &'a Told<'a>, told: &'a [Told<'a>]) -> Vec<Place<'a>> {
    let named = resource.versions.iter().map(|version| {
        let number = version.facts.number;
        Place {
            resource,
            version,
            named: Some(number),
            below: Vec::new(),
            offers: offers(&api.project, number, Current::Yes),
            writable: api.writable,
        }
    });
    Place::current(api, resource, told).into_iter().chain(named).collect()
}

impl<'a> Place<'a> {
    fn current(api: &Api, resource: &'a Told<'a>, told: &'a [Told<'a>]) -> Option<Self> {
        let version = resource.current()?;
        let versions = resource.versions.iter().map(|version| version.facts);
        let offers = versions.flat_map(|version| {
            offers(&api.project, version.number, if version.is_current { Current::Yes } else { Current::No })
        });
        let below = children(resource, told).map(|(child, _)| child.key.as_str()).collect();
        Some(Self { resource, version, named: None, below, offers: offers.collect(), writable: api.writable })
    }

    fn address(&self) -> String {
        address::of_resource(&self.resource.facts.name, self.named)
    }

    fn paths(&self) -> Vec<(String, Value)> {
        match self.resource.facts.form {
            Form::Singleton => vec![(self.address(), self.singleton())],
            Form::Collection => {
                vec![(self.address(), self.collection()), (format!("{}/{{id}}", self.address()), self.item())]
            }
        }
    }

    fn collection(&self) -> Value {
        let mut path = Map::new();
        path.insert("get".to_owned(), self.list(&[]));
        if self.writable {
            path.insert("post".to_owned(), self.add(&[], |version| version.schema("sent")));
        }
        Value::Object(path)
    }

    /// `/api/users/{id}/posts`: the same for the items that refer to one of `above`.
    fn below(&self, above: &Told<'_>, child: &Child) -> (String, Value) {
        let collection = address::of_resource(&above.facts.name, None);
        let mut path =
            Map::from_iter([("parameters".to_owned(), json!([reference("parameters", &format!("{}.id", above.key))]))]);
        let operations = [("get", self.list(&["NotFound"]))].into_iter().chain(self.writable.then(|| {
            let schema = |version: &Version<'_>| match version.sent_below(&above.key, &child.key) {
                Some((name, _)) => reference("schemas", &name),
                None => version.schema("sent"),
            };
            ("post", self.add(&["NotFound"], schema))
        }));
        for (method, mut operation) in operations {
            let verb = operation["operationId"].as_str().unwrap_or_default().to_owned();
            operation["operationId"] = format!("{}.{verb}", above.key).into();
            operation["summary"] =
                format!("{}, below one of `{}`", operation["summary"].as_str().unwrap_or_default(), above.facts.name).into();
            path.insert(method.to_owned(), operation);
        }
        (address::of_item(&collection, "") + "{id}" + &address::of_item("", &self.resource.facts.name), Value::Object(path))
    }

    fn item(&self) -> Value {
        let mut path =
            Map::from_iter([("parameters".to_owned(), json!([reference("parameters", &format!("{}.id", self.resource.key))]))]);
        path.insert("get".to_owned(), self.read(parameters::of_item(self.resource), &["NotFound"]));
        if self.writable {
            path.insert("put".to_owned(), self.replace(&["NotFound"]));
            path.insert("patch".to_owned(), self.patch(&["NotFound"]));
            path.insert("delete".to_owned(), self.remove());
        }
        Value::Object(path)
    }

    fn singleton(&self) -> Value {
        let mut path = Map::from_iter([("get".to_owned(), self.read(parameters::named(["If-None-Match", "If-Match"]), &[]))]);
        if self.writable {
            path.insert("post".to_owned(), self.post());
            path.insert("put".to_owned(), self.replace(&[]));
            path.insert("patch".to_owned(), self.patch(&[]));
        }
        Value::Object(path)
    }

    fn list(&self, also: &[&str]) -> Value {
        let schema = |version: &Version<'_>| json!({"type": "array", "items": version.schema("shown")});
        let example = |version: &Version<'_>| version.example("items");
        let found = answers::shown(
            "The items",
            self.content(schema, example),
            &self.headers(&["ETag", "Vary", "Last-Modified", "Link", "X-Total-Count"]),
        );
        let responses = self.responses([("200", found), ("304", reference("responses", "NotModified"))], &[&READ, also]);

        let parameters = parameters::of_collection(self.resource, self.version);
        self.operation("list", "The items", parameters, None, responses)
    }

    fn read(&self, parameters: Vec<Value>, also: &[&str]) -> Value {
        let found = self.one("It", &["ETag", "Vary", "Last-Modified", "Link"]);
        let responses = self.responses([("200", found), ("304", reference("responses", "NotModified"))], &[&READ, also]);
        self.operation("read", self.about("One item", "All of it"), parameters, None, responses)
    }

    fn add(&self, also: &[&str], sent: impl Fn(&Version<'_>) -> Value) -> Value {
        let schema =
            |version: &Version<'_>| json!({"oneOf": [sent(version), {"type": "array", "minItems": 1, "items": sent(version)}]});
        let body = self.content(schema, |version| version.example("sent"));
        let shown = |version: &Version<'_>| json!({"oneOf": [stored(version), {"type": "array", "items": stored(version)}]});
        let example = |version: &Version<'_>| version.example("item");
        let headers = self.headers(&["Location", "Vary", "Link", "Idempotent-Replayed"]);
        let mut added =
            answers::shown("The new item, or all of them where several were sent", self.content(shown, example), &headers);
        added["links"] = self.links();
        let responses = self.responses([("201", added)], &[&WRITE, &["NoBodyType"], also]);
        let parameters = parameters::named(["Idempotency-Key"]);
        self.operation("add", "Add one item, or several at once", parameters, Some(body), responses)
    }

    fn replace(&self, also: &[&str]) -> Value {
        let body = self.content(|version| version.schema("sent"), |version| version.example("sent"));
        let refusals: [&[&str]; 4] = [&WRITE, &CHANGE, &["NoTypeToPut"], also];
        let responses = match self.resource.facts.form {
            Form::Collection => self.responses([("200", self.now()), ("201", self.made())], &refusals),
            Form::Singleton => self.responses([("200", self.now())], &refusals),
        };
        self.operation("replace", self.about("Replace an item", "Replace it"), conditions(), Some(body), responses)
    }

    /// What can be done next with the item that an answer shows.
    fn links(&self) -> Value {
        let own = ["read", "replace", "patch", "remove"].map(|verb| (verb.to_owned(), self.id_of(verb)));
        let below = self.below.iter().map(|child| {
            let list = format!("{child}.list");
            (list.clone(), format!("{}.{list}", self.resource.key))
        });
        let link = |(name, operation)| (name, json!({"operationId": operation, "parameters": {"id": "$response.body#/id"}}));
        own.into_iter().chain(below).map(link).collect()
    }

    fn made(&self) -> Value {
        let shown = self.content(stored, |version| version.example("item"));
        let headers = self.headers(&["Location", "ETag", "Vary", "Link", "Idempotent-Replayed"]);
        answers::shown("The new item, which `If-None-Match: *` asked for", shown, &headers)
    }

    /// What json-server's clients send to a singleton.
    fn post(&self) -> Value {
        let body = self.content(|version| version.schema("sent"), |version| version.example("sent"));
        let responses = self.changed(&["NoTypeToPut"], &[]);
        self.operation("post", "Replace it, as `PUT` does", conditions(), Some(body), responses)
    }

    fn patch(&self, also: &[&str]) -> Value {
        let merge = answers::media(self.version.schema("merge"), self.version.example("merge"));
        let operations = answers::media(reference("schemas", "JsonPatch"), self.version.example("patch"));
        let mut body = Map::from_iter([
            ("application/merge-patch+json".to_owned(), merge),
            ("application/json-patch+json".to_owned(), operations),
        ]);
        body.extend(self.content(|version| version.schema("merge"), |version| version.example("merge")));
        let responses = self.changed(&["NoPatchType"], also);
        self.operation("patch", self.about("Change an item", "Change it"), conditions(), Some(body), responses)
    }

    fn remove(&self) -> Value {
        let gone = ("204", json!({"description": "It is gone"}));
        let shown = self.content(stored, |version| version.example("item"));
        let headers = self.headers(&["Vary", "Link"]);
        let told =
            ("200", answers::shown("It is gone, and was this; for clients whose `Accept` names a type of it", shown, &headers));
        let refusals = ["BadPath", "Forbidden", "NotFound", "Conflict", "PreconditionFailed", "Unavailable", "DiskFull"];
        let responses = self.responses([gone, told], &[&refusals]);
        let parameters = [parameters::of_removal(self.resource), conditions()].concat();
        self.operation("remove", "Remove an item", parameters, None, responses)
    }

    fn changed(&self, refusals: &[&str], also: &[&str]) -> Map<String, Value> {
        self.responses([("200", self.now())], &[&WRITE, &CHANGE, refusals, also])
    }

    fn now(&self) -> Value {
        let schema = |version: &Version<'_>| stored_in(self.resource.facts.form, version);
        let content = self.content(schema, |version| version.example("item"));
        answers::shown("It as it is now", content, &self.headers(&["ETag", "Vary", "Link"]))
    }

    fn one(&self, description: &str, headers: &[&str]) -> Value {
        let content = self.content(|version| version.schema("shown"), |version| version.example("item"));
        answers::shown(description, content, &self.headers(headers))
    }

    fn content(
        &self,
        schema: impl Fn(&Version<'_>) -> Value,
        example: impl Fn(&Version<'_>) -> Option<Value>,
    ) -> Map<String, Value> {
        answers::content(&self.offers, &self.resource.versions, schema, example)
    }

    /// What old versions add to these headers.
    fn headers<'h>(&self, headers: &[&'h str]) -> Vec<&'h str> {
        let shown = |number| self.offers.iter().any(|offer| offer.version == Some(number));
        let shown = || self.resource.versions.iter().map(|version| version.facts).filter(|version| shown(version.number));
        let deprecated = shown().any(|version| version.deprecated.is_some()).then_some("Deprecation");
        let sunset = shown().any(|version| version.sunset.is_some()).then_some("Sunset");
        headers.iter().copied().chain(deprecated).chain(sunset).collect()
    }

    /// By status, the lowest first.
    fn responses<const N: usize>(&self, done: [(&str, Value); N], refusals: &[&[&str]]) -> Map<String, Value> {
        let done = done.map(|(status, answer)| (status.to_owned(), answer));
        let mut responses: Vec<_> = done.into_iter().chain(answers::refused(&refusals.concat())).collect();
        responses.sort_by(|(one, _), (other, _)| one.cmp(other));
        responses.into_iter().collect()
    }

    fn id_of(&self, verb: &str) -> String {
        let name = &self.resource.key;
        self.named.map_or_else(|| format!("{name}.{verb}"), |version| format!("{name}.{verb}.v{version}"))
    }

    fn about<'t>(&self, item: &'t str, singleton: &'t str) -> &'t str {
        if self.resource.facts.form == Form::Singleton { singleton } else { item }
    }

    fn operation(
        &self,
        verb: &str,
        summary: &str,
        parameters: Vec<Value>,
        body: Option<Map<String, Value>>,
        responses: Map<String, Value>,
    ) -> Value {
        let mut operation =
            json!({"operationId": self.id_of(verb), "tags": [tag(&self.resource.facts.name, self.named)], "summary": summary});
        if self.named.is_some() && self.version.facts.deprecated.is_some() {
            operation["deprecated"] = true.into();
        }
        operation["parameters"] = parameters.into();
        if let Some(content) = body {
            operation["requestBody"] = json!({"required": true, "content": content});
        }
        operation["responses"] = Value::Object(responses);
        operation
    }
}

/// What is stored has an id, and an answer to a write has all of it.
fn stored(version: &Version<'_>) -> Value {
    json!({"allOf": [version.schema("shown"), {"required": [ID]}]})
}

fn stored_in(form: Form, version: &Version<'_>) -> Value {
    if form == Form::Collection { stored(version) } else { version.schema("shown") }
}

fn conditions() -> Vec<Value> {
    parameters::named(["If-Match", "If-None-Match", "If-Unmodified-Since"])
}
