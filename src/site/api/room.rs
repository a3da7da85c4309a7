//! Memory for bodies that are on their way to the disk: so many bytes at once, whoever sends them.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::site::resource::refusal::Refusal;

/// Bytes of all bodies at once. As trees they are several times that.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// What is counted.
const UNIT_BYTES: usize = 1024;

/// The room of a site.
#[derive(Clone)]
pub(in crate::site) struct Rooms(Arc<Semaphore>);

/// Room that is taken, until it is dropped.
pub(super) struct Room {
    _taken: OwnedSemaphorePermit,
}

impl Default for Rooms {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_BYTES / UNIT_BYTES)))
    }
}

impl Rooms {
    /// Takes room for so many bytes, or none if there is too little.
    pub(super) fn take(&self, bytes: usize) -> Result<Room, Refusal> {
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX);
        match Arc::clone(&self.0).try_acquire_many_owned(units) {
            Ok(taken) => Ok(Room { _taken: taken }),
            Err(_) => Err(Refusal::Busy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_back() {
        let rooms = Rooms::default();
        let most = rooms.take(MAX_BYTES - 1).unwrap();
        assert!(matches!(rooms.take(1), Err(Refusal::Busy)));
        assert!(rooms.take(0).is_ok());
        drop(most);
        assert!(rooms.take(MAX_BYTES).is_ok());
    }
}
