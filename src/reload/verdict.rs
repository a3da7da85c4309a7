//! What became of a page that is open: it is asked for once more and compared with what its browser was given.

use super::{ear::Tab, hub::Hub, message::Texts, shelf::Page, source::Visitor};

/// What a page has to do about its own text.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Nothing: it is byte-equal.
    Same,
    /// Change in place.
    Changed(Texts),
    /// Load anew: it is another kind of answer, or nobody knows what it was.
    Reload,
}

impl Hub {
    /// Compares what a tab was given with what it would be given now.
    pub(super) async fn judge(&self, tab: Tab, visitor: &Visitor) -> Verdict {
        let Some(base) = tab.page.and_then(|id| self.shelf().get(id)) else { return Verdict::Reload };
        let Some(target) = self.source().ask(&base.asked, visitor).await else { return Verdict::Reload };
        if base.look != target.look {
            return Verdict::Reload;
        }
        if base.html == target.html {
            return Verdict::Same;
        }
        match (self.morphs(), text(&base), text(&target)) {
            (true, Some(base), Some(text)) => {
                let page = self.shelf().name();
                self.shelf().put(page, target);
                Verdict::Changed(Texts { page, base, target: text })
            }
            _ => Verdict::Reload,
        }
    }
}

/// The text of a page; `None` when it is in another encoding, which only a browser's own loader decodes as it does.
fn text(page: &Page) -> Option<String> {
    String::from_utf8(page.html.to_vec()).ok()
}
