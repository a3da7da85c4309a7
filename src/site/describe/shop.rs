//! The API of `examples/shop` for tests, with a schema for one of its resources.

use serde_json::{Map, Value, json};

use super::{Api, Child, Form, IdKind, ResourceFacts, VersionFacts};

/// Two versions of products, reviews below them with a schema, categories with texts as ids, and settings.
pub(super) fn shop() -> Api {
    let products = samples(include_str!("../../../examples/shop/data/products.json"));
    let reviews = samples(include_str!("../../../examples/shop/data/reviews.json"));
    let categories = samples(include_str!("../../../examples/shop/data/categories.json"));
    let settings = samples(r#"[{"currency":"EUR","open":true}]"#);
    let old = products.iter().map(as_version_1).collect();
    let version_1 = VersionFacts {
        number: 1,
        samples: old,
        refused: vec!["lumens".to_owned(), "colour".to_owned()],
        deprecated: Some("2026-01-01".to_owned()),
        sunset: Some("2027-01-01".to_owned()),
        ..VersionFacts::default()
    };
    let below = |resource: &str, key: &str| Child { resource: resource.to_owned(), key: key.to_owned() };
    Api {
        project: "shop".to_owned(),
        writable: true,
        resources: vec![
            ResourceFacts {
                pages: vec!["text/html".to_owned(), "text/csv".to_owned()],
                children: vec![below("reviews", "product")],
                embeds: vec!["reviews".to_owned()],
                expands: vec!["category".to_owned()],
                versions: vec![current(2, products), version_1],
                ..resource("products")
            },
            ResourceFacts {
                expands: vec!["product".to_owned()],
                versions: vec![VersionFacts { schema: Some(review_schema()), ..current(1, reviews) }],
                ..resource("reviews")
            },
            ResourceFacts {
                id_kind: IdKind::Text,
                pages: vec!["text/html".to_owned()],
                children: vec![below("products", "category")],
                embeds: vec!["products".to_owned()],
                versions: vec![current(1, categories)],
                ..resource("categories")
            },
            ResourceFacts { form: Form::Singleton, versions: vec![current(1, settings)], ..resource("settings") },
        ],
    }
    .counted()
}

impl Api {
    fn counted(mut self) -> Self {
        for resource in &mut self.resources {
            resource.count = resource.versions[0].samples.len();
        }
        self
    }
}

pub(super) fn resource(name: &str) -> ResourceFacts {
    ResourceFacts {
        name: name.to_owned(),
        form: Form::Collection,
        count: 0,
        versions: Vec::new(),
        id_kind: IdKind::Integer,
        pages: Vec::new(),
        children: Vec::new(),
        embeds: Vec::new(),
        expands: Vec::new(),
    }
}

pub(super) fn current(number: u32, samples: Vec<Map<String, Value>>) -> VersionFacts {
    VersionFacts { number, is_current: true, samples, ..VersionFacts::default() }
}

pub(super) fn samples(text: &str) -> Vec<Map<String, Value>> {
    serde_json::from_str(text).unwrap()
}

fn review_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A review",
        "type": "object",
        "required": ["id", "product", "stars", "text"],
        "additionalProperties": false,
        "properties": {
            "id": {"type": "integer"},
            "product": {"type": "integer", "description": "the lamp it is about"},
            "author": {"type": ["string", "null"], "maxLength": 80},
            "stars": {"$ref": "#/$defs/stars"},
            "text": {"type": "string", "minLength": 1},
            "places": {"type": "array", "minItems": 2},
        },
        "$defs": {"stars": {"type": "integer", "minimum": 1, "maximum": 5}},
    })
}

fn as_version_1(product: &Map<String, Value>) -> Map<String, Value> {
    let kept = product.iter().filter(|(name, _)| !["lumens", "colour"].contains(&name.as_str()));
    let rename = |name: &str| match name {
        "name" => "title".to_owned(),
        "price" => "price_eur".to_owned(),
        name => name.to_owned(),
    };
    kept.map(|(name, value)| (rename(name), value.clone())).collect()
}
