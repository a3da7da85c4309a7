//! What tells that a file is the one it was, byte for byte, by what its file system says of it.
//!
//! Who writes into a file moves its inode's time of change, which nobody can set back; who puts another file in its place brings
//! another inode. That holds of a state once its times are older than a tick of the file system's clock, and than any write that is
//! still under way: a write has its time from its begin. Writes through a shared mapping are told when the system gets to it.

use std::fs::Metadata;

/// Equal for equal states of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    length: u64,
    /// Seconds and nanoseconds, of the content and of the inode.
    times: [(i64, i64); 2],
}

impl Identity {
    /// `None` where the system has no inodes.
    #[cfg(unix)]
    pub(super) fn of(metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let times = [(metadata.mtime(), metadata.mtime_nsec()), (metadata.ctime(), metadata.ctime_nsec())];
        Some(Self { device: metadata.dev(), inode: metadata.ino(), length: metadata.len(), times })
    }

    #[cfg(not(unix))]
    pub(super) fn of(_: &Metadata) -> Option<Self> {
        None
    }
}
