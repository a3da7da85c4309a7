//! The script tag that goes into pages.

use std::sync::Arc;

use bytes::Bytes;

use super::policy::Nonce;
use crate::{assets, generation::Generation, reload::shelf::PageId};

/// Stands in the templates where the generation goes.
const GENERATION: &str = "EVERLIT_GENERATION";

/// Stands there where the name of the page goes; without one the attribute goes.
const PAGE: &str = r#" data-page="EVERLIT_PAGE""#;

/// Stands in the second one where the nonce goes.
const NONCE: &str = "EVERLIT_NONCE";

/// Renders the tag. Every page takes one, the first of a run as well: no template engine is started for it, as neither a number
/// nor a [`Nonce`] needs escapes.
#[derive(Clone)]
pub(super) struct Tags {
    plain: Arc<str>,
    with_nonce: Arc<str>,
}

impl Tags {
    /// # Panics
    ///
    /// When a template is missing from the program.
    pub(super) fn new() -> Self {
        Self { plain: template("client-script.html"), with_nonce: template("client-script-nonce.html") }
    }

    /// The tag for a page of `generation`, of which a copy is kept under the name `page`.
    pub(super) fn render(&self, generation: Generation, page: Option<PageId>, nonce: Option<&Nonce>) -> Bytes {
        let page = page.map(|page| format!(" data-page=\"{page}\"")).unwrap_or_default();
        let fill = |tag: &str| tag.replace(GENERATION, &generation.0.to_string()).replace(PAGE, &page);
        match nonce {
            Some(nonce) => fill(&self.with_nonce).replace(NONCE, nonce.as_str()).into(),
            None => fill(&self.plain).into(),
        }
    }
}

fn template(name: &str) -> Arc<str> {
    assets::template(name).expect("the template is part of the program").trim_end().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(page: Option<&str>, nonce: Option<&str>, expected: &str) {
        let nonce = nonce.and_then(Nonce::new);
        let tag = Tags::new().render(Generation(41), page.map(|page| page.parse().expect("a name")), nonce.as_ref());
        assert_eq!(tag, expected);
    }

    #[test]
    fn the_tag_is_one_external_script() {
        check(None, None, r#"<script src="/__everlit/client.js" data-generation="41" async></script>"#);
        check(
            Some("7-00000000000000aa"),
            None,
            r#"<script src="/__everlit/client.js" data-generation="41" data-page="7-00000000000000aa" async></script>"#,
        );
        check(None, Some("a+b_=="), r#"<script src="/__everlit/client.js" data-generation="41" nonce="a+b_==" async></script>"#);
        check(None, Some(r#"a"><b>"#), r#"<script src="/__everlit/client.js" data-generation="41" async></script>"#);
    }
}
