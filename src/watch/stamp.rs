//! What identifies a file's content.

use std::{
    fs::{File, Metadata},
    io::Read,
    os::unix::fs::MetadataExt,
    path::Path,
    time::Duration,
};

use xxhash_rust::xxh3::Xxh3;

use super::moment::Moment;

/// Largest file that is hashed. Beyond it a new time of change counts as a new content: reading more than this takes longer
/// than a needless reload.
const HASH_LIMIT: u64 = 4 * 1024 * 1024;

/// How long two changes may bear the same time: the kernel stamps by its tick, 1 to 10 ms.
const TICK: Duration = Duration::from_millis(10);

/// A file as it was at the last look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    len: u64,
    changed: Moment,
    inode: u64,
    /// Of the content; `None` when it was not read.
    hash: Option<u64>,
    /// Looked at within a tick of its change: the next change may leave the same attributes.
    fresh: bool,
}

impl Stamp {
    /// Of a file whose content at the last look nobody knows. No file is like it.
    pub(super) const UNKNOWN: Self = Self { len: 0, changed: Moment::NEVER, inode: 0, hash: None, fresh: true };

    /// Reads a file. Its attributes must be from before, so that a change in between leaves others.
    pub(super) fn read(path: &Path, metadata: &Metadata) -> Self {
        let hash = (metadata.len() <= HASH_LIMIT).then(|| hash(path)).flatten();
        Self { hash, ..Self::unread(metadata) }
    }

    /// The same without its content.
    pub(super) fn unread(metadata: &Metadata) -> Self {
        let changed = Moment::of_change(metadata);
        let fresh = changed >= Moment::ago(TICK);
        Self { len: metadata.len(), changed, inode: metadata.ino(), hash: None, fresh }
    }

    /// Whether the file's attributes prove that nobody touched it.
    pub(super) fn untouched(&self, metadata: &Metadata) -> bool {
        !self.fresh && self.same_attributes(&Self::unread(metadata))
    }

    /// Whether the content is the same, as far as both were read.
    pub(super) fn same_content(&self, other: &Self) -> bool {
        match (self.hash, other.hash) {
            (Some(one), Some(two)) => self.len == other.len && one == two,
            _ => self.same_attributes(other),
        }
    }

    fn same_attributes(&self, other: &Self) -> bool {
        (self.len, self.changed, self.inode) == (other.len, other.changed, other.inode)
    }
}

fn hash(path: &Path) -> Option<u64> {
    let mut file = File::open(path).ok()?;
    let mut hasher = Xxh3::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match file.read(&mut chunk).ok()? {
            0 => return Some(hasher.digest()),
            read => hasher.update(&chunk[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn attributes_prove_nothing_within_a_tick_of_the_change() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("f");
        fs::write(&path, "saved").expect("it is written");
        let metadata = fs::metadata(&path).expect("it is there");
        let changed = Moment::of_change(&metadata);
        let fresh = Stamp::read(&path, &metadata);
        assert!(!fresh.untouched(&metadata) || Moment::ago(TICK) > changed);
        while Moment::ago(TICK) <= changed {
            std::thread::yield_now();
        }
        let settled = Stamp::read(&path, &metadata);
        assert!(settled.untouched(&metadata) && settled.same_content(&fresh));
    }

    #[test]
    fn no_file_is_like_an_unknown_one() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("empty");
        fs::write(&path, "").expect("it is written");
        let metadata = fs::metadata(&path).expect("it is there");
        for stamp in [Stamp::read(&path, &metadata), Stamp::unread(&metadata)] {
            assert!(!Stamp::UNKNOWN.untouched(&metadata) && !Stamp::UNKNOWN.same_content(&stamp));
        }
    }
}
