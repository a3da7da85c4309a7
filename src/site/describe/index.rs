//! What `/api` answers: the resources with their addresses, and requests to begin with.

use serde::Serialize;
use serde_json::Value;

use super::{Api, Form, ID, ResourceFacts, VersionFacts, address, is_short};
use crate::negotiate::version::{Current, offers};

/// The longest value in a request that is shown; longer ones make no line to read.
const MAX_VALUE_BYTES: usize = 60;

/// The longest body in a request that is shown.
const MAX_BODY_BYTES: usize = 600;

/// How many members `_fields` names in an example.
const FIELDS: usize = 3;

/// The index, version 1.
#[derive(Debug, Serialize)]
pub(crate) struct Index {
    project: String,
    openapi: &'static str,
    docs: &'static str,
    writable: bool,
    resources: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    url: String,
    kind: &'static str,
    count: usize,
    versions: Vec<VersionEntry>,
    /// Media types of its pages.
    pages: Vec<String>,
    /// Where they are.
    page: Option<String>,
    children: Vec<String>,
    examples: Vec<Example>,
}

#[derive(Debug, Serialize)]
struct VersionEntry {
    number: u32,
    url: String,
    media_types: Vec<String>,
    current: bool,
    deprecated: Option<String>,
    sunset: Option<String>,
}

#[derive(Debug, Serialize)]
struct Example {
    what: String,
    /// A line for a shell.
    request: String,
    /// What a browser can follow.
    url: Option<String>,
}

impl Index {
    /// The index of an API that is reached at `origin`: `http://localhost:4747`.
    pub(crate) fn new(api: &Api, origin: &str) -> Self {
        let resources = api.resources.iter().map(|resource| Entry::new(api, resource, origin)).collect();
        let (openapi, docs) = ("/api/openapi.json", "/api/docs");
        Self { project: api.project.clone(), openapi, docs, writable: api.writable, resources }
    }
}

impl Entry {
    fn new(api: &Api, resource: &ResourceFacts, origin: &str) -> Self {
        let url = address::of_resource(&resource.name, None);
        let below = |child: &super::Child| format!("{url}/{{id}}{}", address::of_item("", &child.resource));
        Self {
            name: resource.name.clone(),
            kind: match resource.form {
                Form::Collection => "collection",
                Form::Singleton => "singleton",
            },
            count: resource.count,
            versions: resource.versions.iter().map(|version| VersionEntry::new(api, resource, version)).collect(),
            pages: resource.pages.clone(),
            page: (!resource.pages.is_empty()).then(|| address::of_item("", &resource.name)),
            children: resource.children.iter().map(below).collect(),
            examples: Requests { resource, url: &url, origin }.all(api.writable),
            url,
        }
    }
}

impl VersionEntry {
    fn new(api: &Api, resource: &ResourceFacts, version: &VersionFacts) -> Self {
        let offers = offers(&api.project, version.number, Current::No);
        Self {
            number: version.number,
            url: address::of_resource(&resource.name, Some(version.number)),
            media_types: offers.iter().map(ToString::to_string).collect(),
            current: version.is_current,
            deprecated: version.deprecated.clone(),
            sunset: version.sunset.clone(),
        }
    }
}

/// Makes requests out of the members that items really have.
struct Requests<'a> {
    resource: &'a ResourceFacts,
    url: &'a str,
    origin: &'a str,
}

impl Requests<'_> {
    fn all(&self, writable: bool) -> Vec<Example> {
        let reads = match self.resource.form {
            Form::Singleton => vec![self.get("all of it", self.url.to_owned())],
            Form::Collection => self.queries(),
        };
        let old = self.resource.versions.iter().find(|version| !version.is_current).map(|version| {
            self.get(
                &format!("as version {} shows it", version.number),
                address::of_resource(&self.resource.name, Some(version.number)),
            )
        });
        let writes = self.write().filter(|_| writable);
        reads.into_iter().chain(old).chain(writes).collect()
    }

    fn queries(&self) -> Vec<Example> {
        let query = |parameters: &[(&str, &str)]| address::with_query(self.url, parameters);
        let mut examples = vec![self.get("the first page", query(&[("_page", "1"), ("_per_page", "2")]))];
        let items = || self.resource.current().into_iter().flat_map(|version| &version.samples);
        let Some(item) = items().next() else { return examples };
        if let Some(id) = address::id_of(item) {
            examples.push(self.get("one item", address::of_item(self.url, &id)));
            let below = self.resource.children.iter().map(|child| {
                let address = address::of_item(&address::of_item(self.url, &id), &child.resource);
                self.get(&format!("its {}", child.resource), address)
            });
            examples.extend(below);
        }
        let members = || item.iter().filter(|(name, value)| is_queried(name) && is_short(value, MAX_VALUE_BYTES));
        if let Some((name, value)) = members().find(|(_, value)| value.is_number()) {
            examples.push(self.get("the greatest first", query(&[("_sort", &format!("-{name}"))])));
            examples.push(self.get("only some of them", query(&[(&format!("{name}:gte"), &value.to_string())])));
        }
        if let Some((name, text)) = members().find_map(|(name, value)| Some((name, repeated(name, value.as_str()?, items())?))) {
            examples.push(self.get("those of a kind", query(&[(name, text)])));
        }
        let fields: Vec<&str> = members().map(|(name, _)| name.as_str()).take(FIELDS - 1).collect();
        if !fields.is_empty() && !fields.iter().any(|name| name.contains(',')) {
            let fields = std::iter::once(ID).chain(fields).collect::<Vec<_>>().join(",");
            examples.push(self.get("only some members", query(&[("_fields", &fields)])));
        }
        let relation = |name: &str, values: &[String]| {
            let value = values.first()?;
            Some(self.get(&format!("each with its {value}"), query(&[(name, value)])))
        };
        examples.extend(relation("_embed", &self.resource.embeds));
        examples.extend(relation("_expand", &self.resource.expands));
        examples
    }

    fn get(&self, what: &str, url: String) -> Example {
        Example { what: what.to_owned(), request: address::curl("GET", &format!("{}{url}", self.origin), None), url: Some(url) }
    }

    fn write(&self) -> Option<Example> {
        let mut item = self.resource.current()?.samples.first()?.clone();
        let (what, method) = match self.resource.form {
            Form::Collection => {
                item.shift_remove(ID);
                ("add one", "POST")
            }
            Form::Singleton => ("replace it", "PUT"),
        };
        let body = Value::Object(item);
        let url = format!("{}{}", self.origin, self.url);
        let request = || address::curl(method, &url, Some(("application/json", &body)));
        is_short(&body, MAX_BODY_BYTES).then(|| Example { what: what.to_owned(), request: request(), url: None })
    }
}

/// Whether a name in a query means the member.
fn is_queried(name: &str) -> bool {
    name != ID && name != "q" && !name.is_empty() && !name.starts_with('_') && !name.contains(':')
}

/// The text, where several items have it and so it is a kind of theirs.
fn repeated<'v>(name: &str, text: &'v str, items: impl Iterator<Item = &'v serde_json::Map<String, Value>>) -> Option<&'v str> {
    let having = items.filter(|item| item.get(name).and_then(Value::as_str) == Some(text));
    (having.take(2).count() == 2).then_some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::site::describe::shop::{current, resource, shop};

    #[test]
    fn tells_what_there_is() {
        let index = serde_json::to_value(Index::new(&shop(), "http://localhost:4747")).unwrap();
        assert_eq!(index["project"], "shop");
        let products = &index["resources"][0];
        assert_eq!(
            (&products["count"], &products["url"], &products["page"]),
            (&json!(6), &json!("/api/products"), &json!("/products"))
        );
        assert_eq!(
            products["versions"][1],
            json!({
                "number": 1,
                "url": "/api/v1/products",
                "media_types": ["application/vnd.shop.v1+json", "application/json; version=1"],
                "current": false,
                "deprecated": "2026-01-01",
                "sunset": "2027-01-01",
            })
        );
        assert_eq!(products["children"], json!(["/api/products/{id}/reviews"]));
        assert_eq!(index["resources"][3]["kind"], "singleton");
    }

    #[test]
    fn requests_are_made_of_real_members() {
        check(
            0,
            "
the first page: curl 'http://localhost/api/products?_page=1&_per_page=2'
one item: curl http://localhost/api/products/1
its reviews: curl http://localhost/api/products/1/reviews
the greatest first: curl 'http://localhost/api/products?_sort=-price'
only some of them: curl 'http://localhost/api/products?price:gte=189'
those of a kind: curl 'http://localhost/api/products?category=table'
only some members: curl 'http://localhost/api/products?_fields=id,name,category'
each with its reviews: curl 'http://localhost/api/products?_embed=reviews'
each with its category: curl 'http://localhost/api/products?_expand=category'
as version 1 shows it: curl http://localhost/api/v1/products",
        );
        check(3, "
all of it: curl http://localhost/api/settings
replace it: curl -X PUT http://localhost/api/settings -H 'Content-Type: application/json' -d '{\"currency\":\"EUR\",\"open\":true}'");

        fn check(place: usize, expected: &str) {
            let index = Index::new(&shop(), "http://localhost");
            let examples = index.resources[place].examples.iter();
            let found: Vec<String> = examples.map(|example| format!("{}: {}", example.what, example.request)).collect();
            let found: Vec<&str> = found.iter().map(String::as_str).filter(|line| !line.starts_with("add one")).collect();
            assert_eq!(found, expected.trim().lines().collect::<Vec<_>>());
        }
    }

    #[test]
    fn writes_are_shown_where_they_can_be_done() {
        let writes = |writable: bool| {
            let index = Index::new(&Api { writable, ..shop() }, "");
            index.resources.iter().flat_map(|entry| &entry.examples).filter(|example| example.request.contains(" -X ")).count()
        };
        assert_eq!((writes(true), writes(false)), (4, 0));
    }

    #[test]
    fn odd_data_makes_no_example() {
        let item = json!({"_a": 1, "q": 2, "a:b": 3, "": 4, "long": "x".repeat(100)});
        let items: Vec<Map<String, Value>> = vec![item.as_object().unwrap().clone(), Map::new()];
        let resource = ResourceFacts { versions: vec![current(1, items)], ..resource("a b") };
        let index = Index::new(&Api { writable: false, resources: vec![resource], ..shop() }, "");
        let found: Vec<&str> = index.resources[0].examples.iter().map(|example| example.request.as_str()).collect();
        assert_eq!(found, ["curl '/api/a%20b?_page=1&_per_page=2'"]);
    }
}
