//! What the system says happened: the vocabulary all engines share.
//!
//! An event is a hint that a name is dirty, never a log that could be replayed.

use std::ffi::OsStr;

use super::folder::FolderId;

/// Something happened to a name in a folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event<'a> {
    pub(super) folder: FolderId,
    pub(super) name: &'a OsStr,
    pub(super) what: What,
    /// The name is a folder's, as far as the system says.
    pub(super) is_folder: bool,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The name is new; somebody may be writing it.
    Created,
    /// Somebody wrote, and has not closed it.
    Written,
    /// Somebody who wrote has closed it.
    Closed,
    /// It was renamed to this name, complete.
    Arrived,
    /// Its attributes changed.
    Touched,
    /// It was deleted.
    Deleted,
    /// It was renamed away.
    Left,
}
