//! What is known of a file since it was read or written last, so that it need not be read to tell that nobody changed it.
//!
//! The time of a change of the inode is not asked: renaming a file changes it.

use std::{
    fs::Metadata,
    time::{Duration, SystemTime},
};

/// How long an edit may hide behind the clock tick of the one before it. Kernels before Linux 6.13 stamp files every 1 to 10 ms.
pub(super) const CLOCK_TICK: Duration = Duration::from_millis(20);

/// One state of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    file: (u64, u64),
    length: u64,
    modified: Option<SystemTime>,
    /// Of its content.
    hash: u128,
    /// Whether an edit after this one must have another time.
    is_settled: bool,
}

impl Seen {
    /// A file whose content of this hash was read after `metadata` was taken at `now`.
    pub(super) fn new(metadata: &Metadata, hash: u128, now: SystemTime) -> Self {
        let modified = metadata.modified().ok();
        let age = modified.and_then(|modified| now.duration_since(modified).ok());
        let is_settled = age.is_some_and(|age| age >= CLOCK_TICK);
        Self { file: identity(metadata), length: metadata.len(), modified, hash, is_settled }
    }

    /// Whether a file is surely in this state; where it is not sure its content has to tell.
    pub(super) fn is(&self, metadata: &Metadata) -> bool {
        let (file, modified) = (identity(metadata), metadata.modified().ok());
        self.is_settled && (file, metadata.len(), modified) == (self.file, self.length, self.modified)
    }

    pub(super) fn has(&self, hash: u128) -> bool {
        self.hash == hash
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

#[cfg(test)]
mod tests {
    use std::fs::{File, metadata};

    use super::*;
    use crate::site::folder::Folder;

    #[test]
    fn only_what_is_settled_is_known() {
        let folder = Folder::new(&[("a.json", "[]"), ("b.json", "[]")]);
        let now = metadata(folder.path("a.json")).unwrap().modified().unwrap();
        let young = Seen::new(&metadata(folder.path("a.json")).unwrap(), 1, now);
        assert!(!young.is(&metadata(folder.path("a.json")).unwrap()));
        let settled = Seen::new(&metadata(folder.path("a.json")).unwrap(), 1, now + CLOCK_TICK);
        assert!(settled.is(&metadata(folder.path("a.json")).unwrap()));
        assert!(!settled.is(&metadata(folder.path("b.json")).unwrap()));
        File::options().append(true).open(folder.path("a.json")).unwrap().set_modified(now + CLOCK_TICK).unwrap();
        assert!(!settled.is(&metadata(folder.path("a.json")).unwrap()));
    }
}
