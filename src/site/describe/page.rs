//! The pages `/api` and `/api/docs`: our own templates, rendered with what the builders made.

use minijinja::{Environment, Error, value::Serde};
use serde::Serialize;
use serde_json::Value;

use super::{Api, Index, docs::Docs};
use crate::{assets, negotiate::escape};

const INDEX: &str = "api/index.html";
const DOCS: &str = "api/docs.html";
const STYLE: &str = "api/style.css";

/// The page of an index.
pub(crate) fn index_page(index: &Index) -> Result<String, Error> {
    render(INDEX, index)
}

/// The page of the OpenAPI document of an API that is reached at `origin`: `http://localhost:4747`.
pub(crate) fn docs_page(api: &Api, document: &Value, origin: &str) -> Result<String, Error> {
    render(DOCS, &Docs::new(api, document, origin))
}

fn render(name: &'static str, data: &impl Serialize) -> Result<String, Error> {
    let mut environment = Environment::new();
    environment.set_formatter(escape::formatter);
    for name in [name, STYLE] {
        environment.add_template_owned(name, assets::template(name).unwrap_or_default())?;
    }
    environment.get_template(name)?.render(Serde(data))
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::site::describe::{
        ResourceFacts, openapi,
        shop::{current, resource, shop},
    };

    const ORIGIN: &str = "http://localhost:4747";

    #[test]
    fn the_index_leads_everywhere() {
        let page = index_page(&Index::new(&shop(), ORIGIN)).unwrap();
        for expected in [
            "href=\"/api/docs\"",
            "href=\"/api/openapi.json\"",
            "href=\"/api/products\"",
            "href=\"/api/v1/products\"",
            "href=\"/products\"",
            "curl http://localhost:4747/api/products/1",
            "2027-01-01",
        ] {
            assert!(page.contains(expected), "{expected}");
        }
    }

    #[test]
    fn the_docs_have_every_operation() {
        let document = openapi(&shop());
        let page = docs_page(&shop(), &document, ORIGIN).unwrap();
        for (path, item) in document["paths"].as_object().unwrap() {
            for operation in item.as_object().unwrap().values().filter(|operation| operation.is_object()) {
                let anchor = format!("id=\"{}\"", operation["operationId"].as_str().unwrap());
                assert_eq!(page.matches(&anchor).count(), 1, "{anchor}");
            }
            assert!(page.contains(path.as_str()), "{path}");
        }
        assert!(page.contains("curl -X DELETE http://localhost:4747/api/categories/table"));
        assert!(page.contains("integer ≥ 1 ≤ 5"));
    }

    #[test]
    fn pages_need_nothing_from_elsewhere_and_no_script() {
        for page in pages(&shop()) {
            for unwanted in ["<script", "src=", "@import", "url(", "<link", "onclick"] {
                assert!(!page.contains(unwanted), "{unwanted}");
            }
        }
    }

    #[test]
    fn pages_escape_every_text() {
        const EVIL: &str = "</style></details>\"'<script>alert(1)</script>";
        let item = Map::from_iter([("id".to_owned(), json!(EVIL)), (EVIL.to_owned(), json!(EVIL))]);
        let mut version = current(1, vec![item]);
        version.deprecated = Some(EVIL.to_owned());
        version.sunset = Some(EVIL.to_owned());
        let resource = ResourceFacts {
            versions: vec![version],
            pages: vec![EVIL.to_owned()],
            embeds: vec![EVIL.to_owned()],
            ..resource(EVIL)
        };
        for page in pages(&Api { project: EVIL.to_owned(), writable: true, resources: vec![resource] }) {
            assert!(!page.contains("<script"), "{page}");
            assert!(!page.contains("\"'<"), "{page}");
            assert!(page.contains("&lt;script&gt;"));
        }
    }

    fn pages(api: &Api) -> [String; 2] {
        let origin = "http://\"><script>";
        [index_page(&Index::new(api, origin)).unwrap(), docs_page(api, &openapi(api), origin).unwrap()]
    }
}
