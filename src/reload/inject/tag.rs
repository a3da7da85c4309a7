//! The script tag that goes into pages.

use std::sync::Arc;

use bytes::Bytes;
use minijinja::{Environment, context};

use super::policy::Nonce;
use crate::{assets, generation::Generation, reload::shelf::PageId};

const TEMPLATE: &str = "client-script.html";

/// Renders the tag.
#[derive(Clone)]
pub(super) struct Tags(Arc<Environment<'static>>);

impl Tags {
    /// # Panics
    ///
    /// When `templates/client-script.html` is missing from the program or broken.
    pub(super) fn new() -> Self {
        let source = assets::template(TEMPLATE).expect("the template is part of the program");
        let mut environment = Environment::new();
        environment.add_template_owned(TEMPLATE, source).expect("the template is valid");
        Self(Arc::new(environment))
    }

    /// The tag for a page of `generation`, of which a copy is kept under the number `page`.
    ///
    /// # Panics
    ///
    /// When the template asks for what it is not given; no request can bring that about.
    pub(super) fn render(&self, generation: Generation, page: Option<PageId>, nonce: Option<&Nonce>) -> Bytes {
        let template = self.0.get_template(TEMPLATE).expect("it was added");
        let values = context! { generation => generation.0, page => page.map(|page| page.0), nonce => nonce.map(Nonce::as_str) };
        template.render(values).expect("it has what it asks for").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(page: Option<u64>, nonce: Option<&str>, expected: &str) {
        let nonce = nonce.and_then(Nonce::new);
        let tag = Tags::new().render(Generation(41), page.map(PageId), nonce.as_ref());
        assert_eq!(tag, expected);
    }

    #[test]
    fn the_tag_is_one_external_script() {
        check(None, None, r#"<script src="/__everlit/client.js" data-generation="41" async></script>"#);
        check(Some(7), None, r#"<script src="/__everlit/client.js" data-generation="41" data-page="7" async></script>"#);
        check(None, Some("a+b_=="), r#"<script src="/__everlit/client.js" data-generation="41" nonce="a+b_==" async></script>"#);
        check(None, Some(r#"a"><b>"#), r#"<script src="/__everlit/client.js" data-generation="41" async></script>"#);
    }
}
