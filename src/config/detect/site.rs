//! The parts of a site that are in a folder.

use super::Folder;

/// Which of a site's parts there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::config) struct SiteFound {
    /// `static/`
    pub(in crate::config) statics: bool,
    /// `templates/`
    pub(in crate::config) templates: bool,
    /// `data/`
    pub(in crate::config) data: bool,
    /// An `index.html` at the top.
    pub(in crate::config) index: bool,
}

impl SiteFound {
    pub(super) fn in_folder(folder: &Folder) -> Self {
        Self {
            statics: folder.has_folder("static"),
            templates: folder.has_folder("templates"),
            data: folder.has_folder("data"),
            index: folder.has_file("index.html"),
        }
    }

    /// Whether there is none of them.
    pub(in crate::config) fn is_empty(self) -> bool {
        self == Self::default()
    }
}
