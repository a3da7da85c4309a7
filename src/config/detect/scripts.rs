//! Named scripts of a manifest, and the one that is run for development.

use serde_json::Value;

use super::node_script::{Watches, output_folder, watches};

/// The scripts that have a text, in the order of the file.
pub(super) struct Scripts<'m>(Vec<(&'m str, &'m str)>);

impl<'m> Scripts<'m> {
    /// Those of an object, whose values `text` reads.
    pub(super) fn of(scripts: Option<&'m Value>, text: impl Fn(&'m Value) -> Option<&'m str>) -> Self {
        let entries = scripts.and_then(Value::as_object).into_iter().flatten();
        let entries = entries.filter_map(|(name, value)| Some((name.as_str(), text(value)?)));
        Self(entries.filter(|(_, text)| !text.trim().is_empty()).collect())
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'m str> {
        self.0.iter().map(|(name, _)| *name)
    }

    pub(super) fn text(&self, name: &str) -> Option<&'m str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
    }

    pub(super) fn watches(&self, name: &str) -> Option<Watches> {
        Some(watches(self.text(name)?, &|name| self.text(name)))
    }

    /// The script to run, and what it does about changes.
    pub(super) fn chosen(&self) -> Option<(&'static str, Watches)> {
        match (self.watches("dev"), self.watches("start")) {
            (Some(Watches::Restarting), Some(Watches::Nothing)) if self.text("start").and_then(output_folder).is_none() => {
                Some(("start", Watches::Nothing))
            }
            (Some(dev), _) => Some(("dev", dev)),
            (None, Some(start)) => Some(("start", start)),
            (None, None) => None,
        }
    }

    /// Whether a package manager runs something around the script.
    pub(super) fn has_hooks(&self, name: &str) -> bool {
        ["pre", "post"].iter().any(|when| self.text(&format!("{when}{name}")).is_some())
    }
}
