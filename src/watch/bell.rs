//! What wakes a thread that waits for file descriptors.

use std::{
    io::{self, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
};

/// Rung by any thread; heard by the one that polls it.
#[derive(Debug)]
pub(super) struct Bell {
    hammer: UnixStream,
    ear: UnixStream,
}

impl Bell {
    pub(super) fn new() -> io::Result<Self> {
        let (hammer, ear) = UnixStream::pair()?;
        hammer.set_nonblocking(true)?;
        ear.set_nonblocking(true)?;
        Ok(Self { hammer, ear })
    }

    /// Wakes the waiting thread, or the next wait.
    pub(super) fn ring(&self) {
        // A full socket rings already.
        let _ = (&self.hammer).write(&[1]);
    }

    /// From here on only a new ring wakes.
    pub(super) fn silence(&self) {
        let mut heard = [0; 64];
        while (&self.ear).read(&mut heard).is_ok_and(|read| read == heard.len()) {}
    }
}

/// Readable once it was rung.
impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ear.as_fd()
    }
}
