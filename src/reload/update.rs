//! What a change of the project's files means to the pages that are open.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    message::{Files, Message, Otherwise},
    timing::{Timing, WireTiming},
};
use crate::generation::Generation;

/// A change that needs no build. Each page is told what of it concerns it.
#[derive(Clone, Debug, Default)]
pub struct Update {
    /// The generation that has it.
    pub generation: Generation,
    /// The files that changed, relative to the project.
    pub cause: Vec<PathBuf>,
    /// URL paths of stylesheets.
    pub styles: Vec<String>,
    /// URL paths of pictures, fonts and the like.
    pub assets: Vec<String>,
    /// URL paths of scripts and all other files a page may have loaded.
    pub modules: Vec<String>,
    /// URL paths at and beneath which scripts get what is made of changed data. No page knows which of them it will have asked for
    /// by the time it hears of it, so that each is told and looks for itself.
    pub answers: Vec<String>,
    /// What the files of these URL paths hold now.
    pub hashes: BTreeMap<String, String>,
    /// Whether the text of pages may be another: templates, data, HTML.
    pub pages: bool,
    /// Whether the addresses were guessed, so that a page that loaded none of them has to load anew.
    pub guessed: bool,
    /// When what led to it happened; `None` where pages are not told.
    pub timing: Option<Timing>,
}

/// The one thing that changed, when it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// Stylesheets.
    Styles,
    /// Pictures, fonts and the like.
    Assets,
}

impl Update {
    /// Whether nothing else changed than stylesheets, or pictures and the like.
    #[must_use]
    pub fn only(&self) -> Option<Only> {
        if self.pages || !self.modules.is_empty() || !self.answers.is_empty() {
            return None;
        }
        match (self.styles.is_empty(), self.assets.is_empty()) {
            (false, true) => Some(Only::Styles),
            (true, false) => Some(Only::Assets),
            _ => None,
        }
    }

    /// What a socket hears that names no page: all of it.
    pub(super) fn plain(&self) -> Message {
        self.in_place().unwrap_or_else(|| self.reload())
    }

    /// What a page hears whose own text stays; `None` when nothing of it can concern it.
    pub(super) fn files(&self) -> Option<Message> {
        let has_any = [&self.styles, &self.assets, &self.modules].iter().any(|paths| !paths.is_empty());
        match self.in_place() {
            None if has_any && self.guessed => Some(self.plain()),
            None if has_any || !self.answers.is_empty() => Some(Message::patch(self, None)),
            in_place => in_place,
        }
    }

    /// Asks a page to load it anew.
    pub(super) fn reload(&self) -> Message {
        Message::reload(self.generation, &self.cause, self.timing.as_ref())
    }

    /// What pages are told of its time, by now.
    pub(super) fn wire_timing(&self) -> Option<WireTiming> {
        self.timing.as_ref().map(WireTiming::from)
    }

    fn in_place(&self) -> Option<Message> {
        let files = |paths: &[String]| Files {
            paths: paths.to_vec(),
            hashes: self.hashes.clone(),
            otherwise: self.guessed.then_some(Otherwise::Reload),
        };
        match self.only()? {
            Only::Styles => Some(Message::styles(self, files(&self.styles))),
            Only::Assets => Some(Message::assets(self, files(&self.assets))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(update: &Update, plain: &str, files: Option<&str>) {
        let kind = |message: &Message| {
            let value = serde_json::to_value(message).expect("JSON");
            value["type"].as_str().expect("a type").to_owned()
        };
        assert_eq!(kind(&update.plain()), plain, "{update:?}");
        assert_eq!(update.files().as_ref().map(kind).as_deref(), files, "{update:?}");
    }

    #[test]
    fn pages_hear_what_concerns_them() {
        let css = || vec!["/a.css".to_owned()];
        check(&Update { styles: css(), ..Update::default() }, "styles", Some("styles"));
        check(&Update { assets: css(), ..Update::default() }, "assets", Some("assets"));
        check(&Update { styles: css(), assets: css(), ..Update::default() }, "reload", Some("patch"));
        check(&Update { modules: css(), ..Update::default() }, "reload", Some("patch"));
        check(&Update { pages: true, ..Update::default() }, "reload", None);
        check(&Update { styles: css(), pages: true, ..Update::default() }, "reload", Some("patch"));
        check(&Update { styles: css(), guessed: true, ..Update::default() }, "styles", Some("styles"));
        check(&Update { modules: css(), guessed: true, ..Update::default() }, "reload", Some("reload"));
        check(&Update { pages: true, guessed: true, ..Update::default() }, "reload", None);
        let data = Update { answers: vec!["/api".to_owned()], pages: true, ..Update::default() };
        check(&data, "reload", Some("patch"));
        check(&Update { guessed: true, ..data }, "reload", Some("patch"));
    }
}
