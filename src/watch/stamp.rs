//! What identifies a file's content.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::Path,
    time::Duration,
};

use rustix::fs::{Mode, OFlags};
use xxhash_rust::xxh3::Xxh3;

use super::moment::Moment;

/// Largest file that is hashed where a save waits for it: some tenths of a millisecond. Larger ones are read by a thread of their own.
pub(super) const AT_ONCE: u64 = 1024 * 1024;

/// Largest file that is hashed at all. Beyond it a new time of change counts as a new content: reading more than this takes
/// longer than a needless reload.
pub(super) const HASH_LIMIT: u64 = 1024 * 1024 * 1024;

/// How long two changes may bear the same time: the kernel stamps by its tick, 1 to 10 ms.
const TICK: Duration = Duration::from_millis(10);

/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;

/// A file as it was at the last look. There is one for each file of the tree, so it is small.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    len: u64,
    changed: Moment,
    inode: u64,
    /// Of the content, when it was read.
    hash: u64,
    was_read: bool,
    /// Looked at within a tick of its change: the next change may leave the same attributes.
    fresh: bool,
}

impl Stamp {
    /// Of a file whose content at the last look nobody knows. No file is like it.
    pub(super) const UNKNOWN: Self = Self { len: 0, changed: Moment::NEVER, inode: 0, hash: 0, was_read: false, fresh: true };

    /// Reads a file. Its attributes must be from before, so that a change in between leaves others.
    pub(super) fn read(path: &Path, metadata: &Metadata) -> Self {
        let stamp = Self::unread(metadata);
        if metadata.len() > HASH_LIMIT { stamp } else { stamp.with_hash(hash(path).ok()) }
    }

    /// The same without its content.
    pub(super) fn unread(metadata: &Metadata) -> Self {
        let changed = Moment::of_change(metadata);
        // A time that lies ahead is another machine's, or the clock was set back; it tells changes apart all the same.
        let fresh = (Moment::ago(TICK)..Moment::ahead(TICK)).contains(&changed);
        Self { len: metadata.len(), changed, inode: metadata.ino(), hash: 0, was_read: false, fresh }
    }

    fn with_hash(self, hash: Option<u64>) -> Self {
        Self { hash: hash.unwrap_or_default(), was_read: hash.is_some(), ..self }
    }

    /// Whether the file's attributes prove that nobody touched it.
    pub(super) fn untouched(&self, metadata: &Metadata) -> bool {
        self.is_untouched_like(&Self::unread(metadata))
    }

    /// Whether attributes that were read later prove that nobody touched it.
    pub(super) fn is_untouched_like(&self, later: &Self) -> bool {
        !self.fresh && self.same_attributes(later)
    }

    /// Whether attributes that were read later are no reason to look at the file, where nobody tells of changes. One that nobody has
    /// read yet is read in any case: that it was looked at within a tick of its change is no news.
    pub(super) fn is_as_seen(&self, later: &Self) -> bool {
        self.is_untouched_like(later) || (self.is_unread() && self.same_attributes(later))
    }

    /// Whether the content is the same, as far as both were read.
    pub(super) fn same_content(&self, other: &Self) -> bool {
        match (self.hash(), other.hash()) {
            (Some(one), Some(two)) => self.len == other.len && one == two,
            // What was saved within a tick of the first look may bear the same time.
            _ => !self.fresh && self.same_attributes(other),
        }
    }

    /// Whether both are of the same size, the same inode and the same time.
    pub(super) fn same_attributes(&self, other: &Self) -> bool {
        (self.len, self.changed, self.inode) == (other.len, other.changed, other.inode)
    }

    /// Of the content, when it was read.
    pub(super) fn hash(&self) -> Option<u64> {
        self.was_read.then_some(self.hash)
    }

    /// Whether nobody has read the content.
    pub(super) fn is_unread(&self) -> bool {
        !self.was_read
    }

    /// In bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Whether its file was changed then or later.
    pub(super) fn is_since(&self, moment: Moment) -> bool {
        self.changed >= moment
    }
}

/// Opens without waiting: what was a file a moment ago may be a pipe by now.
fn hash(path: &Path) -> io::Result<u64> {
    let mut file = File::from(rustix::fs::open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut hasher = Xxh3::new();
    let room = usize::try_from(metadata.len()).unwrap_or(CHUNK).saturating_add(1).min(CHUNK);
    let mut chunk = vec![0; room];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hasher.digest()),
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
