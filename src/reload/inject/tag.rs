//! The script tag that goes into pages.

use std::sync::Arc;

use bytes::Bytes;

use super::policy::Key;
use crate::{assets, generation::Generation, reload::shelf::PageId};

/// What stands in the template where the generation goes.
const GENERATION: &str = "EVERLIT_GENERATION";

/// The attributes that only some tags have, as they stand in the template, in this order.
const PAGE: Slot = Slot { before: r#" data-page=""#, name: "EVERLIT_PAGE", after: r#"""# };
const NONCE: Slot = Slot { before: r#" nonce=""#, name: "EVERLIT_NONCE", after: r#"""# };
const INTEGRITY: Slot = Slot { before: r#" integrity=""#, name: "EVERLIT_INTEGRITY", after: r#"" crossorigin="anonymous""# };

/// The attribute that lets the page go on while the script is on its way.
const ASYNC: &str = " async";

/// An attribute with its value left out.
struct Slot {
    before: &'static str,
    name: &'static str,
    after: &'static str,
}

/// Renders the tag. Every page takes one, the first of a run as well: no template engine is started for it, as no value needs
/// escapes.
#[derive(Clone, Debug)]
pub(super) struct Tags {
    /// What stands around the generation and the attributes that may be missing.
    pieces: Arc<[String; 3]>,
}

impl Tags {
    /// # Panics
    ///
    /// When the template is missing from the program, or lacks one of what is filled in.
    pub(super) fn new() -> Self {
        let tag = assets::template("client-script.html").expect("the template is part of the program");
        let (start, rest) = tag.trim_end().split_once(GENERATION).expect("the tag has a generation");
        let slots: String = [PAGE, NONCE, INTEGRITY].iter().flat_map(|slot| [slot.before, slot.name, slot.after]).collect();
        let (middle, end) = rest.split_once(&slots).expect("the tag has all attributes");
        Self { pieces: Arc::new([start, middle, end].map(str::to_owned)) }
    }

    /// Tags whose script runs before any other of the page, which waits for it: only so it hears what the first ones say and break.
    pub(super) fn first(self) -> Self {
        let [start, middle, end] = &*self.pieces;
        Self { pieces: Arc::new([start.clone(), middle.clone(), end.replacen(ASYNC, "", 1)]) }
    }

    /// The tag for a page of `generation`, of which a copy is kept under the name `page`.
    pub(super) fn render(&self, generation: Generation, page: Option<PageId>, key: &Key) -> Bytes {
        let [start, middle, end] = &*self.pieces;
        let mut tag = format!("{start}{}{middle}", generation.0);
        let values = [
            (PAGE, page.map(|page| page.to_string())),
            (NONCE, key.nonce.as_ref().map(|nonce| nonce.as_str().to_owned())),
            (INTEGRITY, key.integrity.as_ref().map(ToString::to_string)),
        ];
        for (slot, value) in values {
            if let Some(value) = value {
                tag.extend([slot.before, &value, slot.after]);
            }
        }
        tag.push_str(end);
        tag.into()
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::policy::{Nonce, Own},
        *,
    };

    fn check(page: Option<&str>, nonce: Option<&str>, has_integrity: bool, attributes: &str) {
        let own = Own::at(String::new(), Some(Arc::new(Vec::new)));
        let key = Key { nonce: nonce.and_then(Nonce::new), integrity: own.hash().filter(|_| has_integrity) };
        let tag = Tags::new().render(Generation(41), page.map(|page| page.parse().expect("a name")), &key);
        assert_eq!(tag, format!(r#"<script src="/__everlit/client.js" data-generation="41"{attributes} async></script>"#));
    }

    #[test]
    fn a_tag_that_comes_first_is_waited_for() {
        let tag = Tags::new().first().render(Generation(41), None, &Key::default());
        assert_eq!(tag, r#"<script src="/__everlit/client.js" data-generation="41"></script>"#);
    }

    #[test]
    fn the_tag_is_one_external_script() {
        check(None, None, false, "");
        check(Some("7-00000000000000aa"), None, false, r#" data-page="7-00000000000000aa""#);
        check(None, Some("a+b_=="), false, r#" nonce="a+b_==""#);
        check(None, Some(r#"a"><b>"#), false, "");
        let integrity = r#" integrity="sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" crossorigin="anonymous""#;
        check(None, None, true, integrity);
        check(Some("1-0000000000000002"), Some("x"), true, &format!(r#" data-page="1-0000000000000002" nonce="x"{integrity}"#));
    }
}
