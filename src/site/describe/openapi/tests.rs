//! The document of the shop, and what must hold for every document.

use std::collections::{HashMap, HashSet};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::openapi;
use crate::site::describe::{
    Api, Child, Form, IdKind, ResourceFacts,
    shop::{current, resource, samples, shop},
};

#[test]
fn operations_of_the_shop() {
    let expected = "
get    products.list                  /api/products                         200 304 400 406 412
post   products.add                   /api/products                         201 400 403 406 408 409 413 415 422 503 507
get    products.read                  /api/products/{id}                    200 304 400 404 406 412
put    products.replace               /api/products/{id}                    200 201 400 403 404 406 408 409 412 413 415 422 503 507
patch  products.patch                 /api/products/{id}                    200 400 403 404 406 408 409 412 413 415 422 503 507
delete products.remove                /api/products/{id}                    200 204 400 403 404 409 412 503 507
get    products.list.v2               /api/v2/products                      200 304 400 406 412
post   products.add.v2                /api/v2/products                      201 400 403 406 408 409 413 415 422 503 507
get    products.read.v2               /api/v2/products/{id}                 200 304 400 404 406 412
put    products.replace.v2            /api/v2/products/{id}                 200 201 400 403 404 406 408 409 412 413 415 422 503 507
patch  products.patch.v2              /api/v2/products/{id}                 200 400 403 404 406 408 409 412 413 415 422 503 507
delete products.remove.v2             /api/v2/products/{id}                 200 204 400 403 404 409 412 503 507
get    products.list.v1               /api/v1/products                      200 304 400 406 412
post   products.add.v1                /api/v1/products                      201 400 403 406 408 409 413 415 422 503 507
get    products.read.v1               /api/v1/products/{id}                 200 304 400 404 406 412
put    products.replace.v1            /api/v1/products/{id}                 200 201 400 403 404 406 408 409 412 413 415 422 503 507
patch  products.patch.v1              /api/v1/products/{id}                 200 400 403 404 406 408 409 412 413 415 422 503 507
delete products.remove.v1             /api/v1/products/{id}                 200 204 400 403 404 409 412 503 507
get    products.reviews.list          /api/products/{id}/reviews            200 304 400 404 406 412
post   products.reviews.add           /api/products/{id}/reviews            201 400 403 404 406 408 409 413 415 422 503 507
";
    let found = operations(&openapi(&shop()));
    assert_eq!(found.iter().take(20).map(String::as_str).collect::<Vec<_>>(), expected.trim().lines().collect::<Vec<_>>());
    let settings: Vec<&String> = found.iter().filter(|line| line.contains("settings.")).collect();
    let expected = "
get    settings.read                  /api/settings                         200 304 400 406 412
post   settings.post                  /api/settings                         200 400 403 406 408 409 412 413 415 422 503 507
put    settings.replace               /api/settings                         200 400 403 406 408 409 412 413 415 422 503 507
patch  settings.patch                 /api/settings                         200 400 403 406 408 409 412 413 415 422 503 507
get    settings.read.v1               /api/v1/settings                      200 304 400 406 412
post   settings.post.v1               /api/v1/settings                      200 400 403 406 408 409 412 413 415 422 503 507
put    settings.replace.v1            /api/v1/settings                      200 400 403 406 408 409 412 413 415 422 503 507
patch  settings.patch.v1              /api/v1/settings                      200 400 403 406 408 409 412 413 415 422 503 507
";
    assert_eq!(settings, expected.trim().lines().collect::<Vec<_>>());
}

#[test]
fn a_server_that_only_reads_has_no_writes() {
    let document = openapi(&Api { writable: false, ..shop() });
    assert!(operations(&document).iter().all(|line| line.starts_with("get ")), "{:?}", operations(&document));
    assert_sound(&document);
    assert!(document["components"]["responses"].get("Conflict").is_none());
    assert!(document["components"]["parameters"].get("Idempotency-Key").is_none());
}

#[test]
fn media_types_are_those_of_the_versions() {
    check(
        "/api/products",
        "get",
        "application/json:2 application/vnd.shop+json:2 application/vnd.shop.v2+json:2 \
        application/json; version=2:2 application/vnd.shop.v1+json:1 application/json; version=1:1",
    );
    check(
        "/api/v1/products",
        "get",
        "application/json:1 application/vnd.shop+json:1 application/vnd.shop.v1+json:1 \
        application/json; version=1:1",
    );
    check(
        "/api/v1/products",
        "post",
        "application/json:1 application/vnd.shop+json:1 application/vnd.shop.v1+json:1 \
        application/json; version=1:1",
    );

    /// The types, each with the version of its schema.
    fn check(path: &str, method: &str, expected: &str) {
        let document = openapi(&shop());
        let operation = &document["paths"][path][method];
        let content = operation.pointer("/requestBody/content").or(operation.pointer("/responses/200/content")).unwrap();
        let version = |media: &Value| media.to_string().split(".v").nth(1).unwrap()[..1].to_owned();
        let found: Vec<String> =
            content.as_object().unwrap().iter().map(|(name, media)| format!("{name}:{}", version(media))).collect();
        assert_eq!(found.join(" "), expected, "{method} {path}");
    }
}

#[test]
fn only_deprecated_versions_are_called_so() {
    let document = openapi(&shop());
    for (path, deprecated, headers) in
        [("/api/products", false, true), ("/api/v2/products", false, false), ("/api/v1/products", true, true)]
    {
        let operation = &document["paths"][path]["get"];
        assert_eq!(operation.get("deprecated").is_some(), deprecated, "{path}");
        assert_eq!(operation.pointer("/responses/200/headers/Sunset").is_some(), headers, "{path}");
    }
}

#[test]
fn bodies_say_what_is_refused_and_nothing_more() {
    let document = openapi(&shop());
    let sent = |component: &str, body: &Value, expected: bool| {
        let schema = json!({"$ref": format!("#/components/schemas/{component}")});
        assert_eq!(validator(&document, &schema).is_valid(body), expected, "{component} {body}");
    };
    let any = json!({"name": 1, "price": "x", "id": "new", "more": {}});
    sent("products.v2.sent", &any, true);
    sent("products.v2.sent", &json!({"id": true}), false);
    for (id, expected) in [
        ("", false),
        (".", false),
        ("..", false),
        ("a/b", false),
        ("a\\b", false),
        ("\0", false),
        ("...", true),
        (".a", true),
        ("..ä", true),
    ] {
        sent("products.v2.sent", &json!({"id": id}), expected);
    }
    sent("products.v2.sent", &json!([]), false);
    sent("products.v1.sent", &json!({"title": "x"}), true);
    sent("products.v1.sent", &json!({"lumens": 1}), false);
    sent("products.v1.merge", &json!({"lumens": 1}), false);
    sent("products.v1.merge", &json!({"title": null}), true);
    sent("reviews.v1.sent", &json!({"product": 1, "stars": 5, "text": "x"}), true);
    sent("reviews.v1.sent", &json!({"product": 1, "stars": 6, "text": "x"}), false);
    sent("reviews.v1.sent", &json!({"stars": 5, "text": "x"}), false);
    sent("reviews.v1.sent.below.products", &json!({"stars": 5, "text": "x"}), true);
    sent("reviews.v1.shown", &json!({"stars": 5}), true);
    sent("reviews.v1.shown", &json!({"stars": 6}), false);
    sent("reviews.v1.shown", &json!({"product": {"id": 1}, "more": 1}), true);
    sent("reviews.v1.shown", &json!({"places": [1]}), true);
    sent("products.v2.shown", &any, true);
    sent("reviews.v1.sent", &json!({"id": null, "product": 1, "stars": 5, "text": "x"}), true);
    sent("reviews.v1.sent.below.products", &json!({"product": "any", "stars": 5, "text": "x"}), true);
    sent("settings.v1.sent", &json!({"id": true}), true);
    sent("JsonPatch", &json!([{"op": "add", "path": "/a~1b", "value": null}, {"op": "move", "from": "/a", "path": ""}]), true);
    sent("JsonPatch", &json!([{"op": "add", "path": "a", "value": 1}]), false);
    sent("JsonPatch", &json!([{"op": "add", "path": "/a"}]), false);
    sent("JsonPatch", &json!([{"op": "copy", "path": "/a"}]), false);
    sent("JsonPatch", &json!([{"op": "spam", "path": "/a"}]), false);
}

#[test]
fn merge_patches_follow_the_schema_file() {
    let document = openapi(&shop());
    let check = |patch: Value, expected: bool| {
        let schema = json!({"$ref": "#/components/schemas/reviews.v1.merge"});
        assert_eq!(validator(&document, &schema).is_valid(&patch), expected, "{patch}");
    };
    check(json!({}), true);
    check(json!({"stars": 5, "author": null}), true);
    check(json!({"places": null}), true);
    check(json!({"id": null}), true);
    check(json!({"stars": 6}), false);
    check(json!({"stars": null}), false);
    check(json!({"places": [1]}), false);
    check(json!({"more": 1}), false);
    check(json!([]), false);
}

#[test]
fn parameters_have_the_types_that_a_schema_file_keeps() {
    check("reviews.v1.stars", &json!(["number", "null"]));
    check("reviews.v1.author", &json!("string"));
    // Nothing keeps these.
    check("products.v2.price", &json!("string"));
    let mut api = shop();
    let members = &mut api.resources[1].versions[0].schema.as_mut().unwrap()["properties"];
    members["author"] = json!({"type": "boolean"});
    members["stars"] = json!({"type": "integer", "maximum": 4});
    let document = openapi(&api);
    let items = |name: &str| document["components"]["parameters"][name]["schema"]["items"]["type"].clone();
    assert_eq!(items("reviews.v1.stars"), "string", "the data does not keep it");
    let open = json!({"type": "object", "properties": {"open": {"type": "boolean"}}});
    let shops = ResourceFacts { versions: vec![current(1, samples(r#"[{"id":1,"open":true}]"#))], ..resource("shops") };
    let document = openapi(&Api { resources: vec![with_schema(shops, open)], ..shop() });
    assert_eq!(document["components"]["parameters"]["shops.v1.open"]["schema"]["items"]["type"], json!(["boolean", "null"]));
    assert_sound(&document);

    let id = |name: &str| openapi(&shop())["components"]["parameters"][name]["schema"].clone();
    assert_eq!(id("reviews.id"), json!({"$ref": "#/components/schemas/reviews.v1/properties/id"}));
    assert_eq!(id("products.id"), json!({"type": "integer"}));

    fn check(name: &str, expected: &Value) {
        let document = openapi(&shop());
        assert_eq!(document["components"]["parameters"][name]["schema"]["items"]["type"], *expected, "{name}");
    }
}

#[test]
fn what_is_added_can_be_followed() {
    let document = openapi(&shop());
    let links = |path: &str| {
        let links = document["paths"][path]["post"]["responses"]["201"]["links"].as_object().unwrap();
        links.values().map(|link| link["operationId"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
    };
    let of_products = "products.read products.replace products.patch products.remove products.reviews.list";
    assert_eq!(links("/api/products"), of_products);
    assert_eq!(links("/api/categories/{id}/products"), of_products);
    assert_eq!(links("/api/v1/products"), "products.read.v1 products.replace.v1 products.patch.v1 products.remove.v1");
}

#[test]
fn a_schema_file_that_the_data_does_not_keep_promises_nothing() {
    let mut api = shop();
    api.resources[1].versions[0].schema =
        Some(json!({"type": "object", "properties": {"stars": {"maximum": 4}}, "required": ["id"]}));
    let document = openapi(&api);
    assert_sound(&document);
    let schemas = &document["components"]["schemas"];
    assert!(schemas["reviews.v1.shown"]["properties"]["stars"].get("$ref").is_none());
    assert_eq!(schemas["reviews.v1.sent"]["properties"]["stars"]["maximum"], 4);
    assert_eq!(schemas["reviews.v1.sent"]["required"], json!([]));
}

#[test]
fn a_schema_file_that_cannot_be_carried_is_named() {
    let mut api = shop();
    api.resources[1].versions[0].schema = Some(json!({"$ref": "elsewhere.json"}));
    let document = openapi(&api);
    assert_sound(&document);
    assert!(
        document["components"]["schemas"]["reviews.v1.sent"]["description"].as_str().unwrap().contains("reviews.schema.json")
    );
}

#[test]
fn every_document_is_sound() {
    assert_sound(&openapi(&shop()));
    assert_sound(&openapi(&odd()));
    assert_sound(&openapi(&Api { resources: Vec::new(), ..shop() }));
    assert_sound(&openapi(&Api { resources: vec![resource("without versions")], ..shop() }));
    assert_eq!(openapi(&odd()).to_string(), openapi(&odd()).to_string());
}

#[test]
fn long_items_are_no_examples() {
    let long = samples(&format!(r#"[{{"id":1,"text":"{}"}},{{"id":2,"text":"x"}}]"#, "x".repeat(100_000)));
    let api = Api { resources: vec![ResourceFacts { versions: vec![current(1, long)], ..resource("texts") }], ..shop() };
    let document = openapi(&api).to_string();
    assert!(document.len() < 60_000, "{}", document.len());
    assert!(document.contains(r#"{"value":[{"id":2,"text":"x"}]}"#));
}

/// Names and values that people did not think of.
fn odd() -> Api {
    let items = r##"[
        {"id": "a/b #1", "a~/b%": 1, "{x}": [], "": 2, "q": 1, "_x": 1, "a:gte": 1, "ä ö": null, "</script>": "<b>", "$ref": "#/x"},
        {"ä_ö": 2.5, "ä ö": "x", "a b": 1, "a_b": true}
    ]"##;
    let child = |resource: &str| Child { resource: resource.to_owned(), key: "a b".to_owned() };
    let named = |name: &str| ResourceFacts {
        id_kind: IdKind::Text,
        versions: vec![current(3, samples(items))],
        children: vec![child("a b"), child("a_b"), child("gone"), child("one")],
        ..resource(name)
    };
    let schema = json!({"properties": {"a~/b%": {"$ref": "#/$defs/x y"}, "ä ö": true}, "$defs": {"x y": {"type": "integer"}}});
    Api {
        project: "</title>{}".to_owned(),
        writable: true,
        resources: vec![
            named("a b"),
            named("a_b"),
            with_schema(named("a.b{id}/ü"), schema),
            ResourceFacts { form: Form::Singleton, ..named("one") },
            ResourceFacts { versions: vec![current(1, Vec::new())], ..resource("empty") },
            ResourceFacts { versions: vec![current(1, Vec::new())], form: Form::Singleton, ..resource("v1") },
        ],
    }
}

/// What the specification asks for, and that no example lies.
fn assert_sound(document: &Value) {
    let ids: Vec<&str> = each_operation(document).map(|(.., operation)| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "{ids:?}");
    visit(document, "", &mut |pointer, value| {
        if let Some(followed) = value.get("operationId").filter(|_| pointer.contains("/links/")) {
            assert!(ids.contains(&followed.as_str().unwrap()), "{pointer}: {followed}");
        }
    });
    let known: HashSet<&str> = document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    for (path, _, operation) in each_operation(document) {
        assert!(operation["tags"].as_array().unwrap().iter().all(|tag| known.contains(tag.as_str().unwrap())), "{operation}");
        let parameters = parameters_of(document, path, operation);
        let names: HashSet<(&str, &str)> =
            parameters.iter().map(|found| (found["in"].as_str().unwrap(), found["name"].as_str().unwrap())).collect();
        assert_eq!(names.len(), parameters.len(), "{path}");
        assert_eq!(path.matches("{id}").count(), names.iter().filter(|(place, _)| *place == "path").count(), "{path}");
        assert!(
            path.bytes().all(|byte| byte.is_ascii_graphic()) && path.replace("{id}", "").find(['{', '}']).is_none(),
            "{path}"
        );
    }
    for kind in ["schemas", "parameters", "headers", "examples", "responses"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)), "{name}");
        }
    }
    for schema in document["components"]["schemas"].as_object().unwrap().values() {
        assert!(jsonschema::draft202012::meta::is_valid(schema), "{schema}");
    }
    let mut validators = HashMap::new();
    visit(document, "", &mut |pointer, value| {
        let is_data = pointer.split('/').any(|segment| ["example", "value", "enum", "const"].contains(&segment));
        if let Some(reference) = value.get("$ref").and_then(Value::as_str).filter(|_| !is_data) {
            let decoded = percent_encoding::percent_decode_str(reference.strip_prefix('#').unwrap()).decode_utf8().unwrap();
            assert!(document.pointer(&decoded).is_some(), "{pointer}: {reference}");
        }
        let shared = value.pointer("/examples/sample/$ref").and_then(Value::as_str).filter(|_| !is_data);
        let shared = shared.map(|reference| &document.pointer(&reference[1..]).unwrap()["value"]);
        if let (Some(schema), Some(example)) = (value.get("schema"), shared.or(value.get("example"))) {
            let validator = validators.entry(schema.to_string()).or_insert_with(|| validator(document, schema));
            assert!(validator.is_valid(example), "{pointer}: {example} is no {schema}");
        }
    });
}

/// Of a schema that refers to components.
fn validator(document: &Value, schema: &Value) -> Validator {
    let mut root = schema.as_object().unwrap().clone();
    root.insert("components".to_owned(), json!({"schemas": document["components"]["schemas"]}));
    jsonschema::draft202012::new(&Value::Object(root)).unwrap()
}

fn visit(value: &Value, pointer: &str, see: &mut impl FnMut(&str, &Value)) {
    see(pointer, value);
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| visit(value, &format!("{pointer}/{name}"), see)),
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(place, value)| visit(value, &format!("{pointer}/{place}"), see))
        }
        _ => (),
    }
}

fn parameters_of<'a>(document: &'a Value, path: &str, operation: &'a Value) -> Vec<&'a Value> {
    let all = [document["paths"][path].get("parameters"), operation.get("parameters")];
    let all = all.into_iter().flatten().flat_map(|parameters| parameters.as_array().unwrap());
    all.map(|parameter| document.pointer(&parameter["$ref"].as_str().unwrap()[1..]).unwrap()).collect()
}

fn each_operation(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    document["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter().filter(|(method, _)| *method != "parameters");
        operations.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

fn operations(document: &Value) -> Vec<String> {
    let line = |(path, method, operation): (&str, &str, &Value)| {
        let statuses: Vec<&str> = operation["responses"]
            .as_object()
            .map(|responses: &Map<String, Value>| responses.keys().map(String::as_str).collect())
            .unwrap();
        format!("{method:<6} {:<30} {path:<37} {}", operation["operationId"].as_str().unwrap(), statuses.join(" "))
    };
    each_operation(document).map(line).collect()
}

fn with_schema(mut resource: ResourceFacts, schema: Value) -> ResourceFacts {
    resource.versions[0].schema = Some(schema);
    resource
}
