//! One folder of the tree: what it holds, and who tells of it. Names are relative, so that a tree of many files stays small.

use std::{collections::BTreeMap, ffi::OsStr, sync::Arc};

use super::{rules::Level, stamp::Stamp};

/// The name of a file or folder in its folder.
pub(super) type Name = Box<OsStr>;

/// A folder of the tree. None is used twice, so that what is remembered of a folder that is gone is of no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FolderId(u32);

impl FolderId {
    pub(super) const ROOT: Self = Self(0);

    pub(super) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Node {
    File(Stamp),
    Folder(FolderId),
}

/// How the system names a watch.
pub(super) type Watch = i32;

#[derive(Debug)]
pub(super) struct Folder {
    /// The root is in itself.
    pub(super) parent: FolderId,
    pub(super) name: Name,
    pub(super) nodes: BTreeMap<Name, Node>,
    /// The rules that hold in it.
    pub(super) level: Arc<Level>,
    /// `None` where the system cannot watch it.
    pub(super) watch: Option<Watch>,
    /// Others change it without our system being told.
    pub(super) is_shared: bool,
    /// It is reached through a link that leads out of the project.
    pub(super) is_linked: bool,
}

impl Folder {
    pub(super) fn new(parent: FolderId, name: Name, level: Arc<Level>) -> Self {
        Self { parent, name, nodes: BTreeMap::new(), level, watch: None, is_shared: false, is_linked: false }
    }

    /// Whether somebody must look at it now and then.
    pub(super) fn is_polled(&self) -> bool {
        self.is_shared || self.watch.is_none()
    }
}

/// Who is asked to watch folders.
pub(super) trait Watches {
    /// Watches a folder at an absolute place, or goes on with it; `None` where the system refuses.
    fn watch(&mut self, folder: FolderId, place: &std::path::Path) -> Option<Watch>;

    /// Ends a watch, unless it is another folder's by now.
    fn unwatch(&mut self, folder: FolderId, watch: Watch);
}
