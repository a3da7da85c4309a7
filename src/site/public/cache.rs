//! The files that were read last, by name: bounded, and never believed without a look at the file.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockWriteGuard},
    time::Duration,
};

use super::{
    room::{Claim, Room},
    state::State,
};

/// All that is kept, encoded forms included: the files of most projects, and little beside what a browser takes to show them.
const CAPACITY: usize = 64 * 1024 * 1024;

/// How old a state has to be to be kept. A clock tick would do, were it not for a write that the system holds up: it has its time
/// from its begin, and what is read before its end would pass for its outcome. Disks that cannot follow hold up writes for some
/// hundred milliseconds; the end of any longer one is told by the watcher.
const SETTLED: Duration = Duration::from_secs(2);

/// What an entry takes beside the content of its file, roughly; with it the number of entries is bounded as well.
const ENTRY_BYTES: usize = 1024;

/// States of files by their names below the root.
#[derive(Debug)]
pub(super) struct Cache {
    room: Room,
    settled: Duration,
    entries: RwLock<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    by_name: HashMap<Arc<str>, Entry>,
    /// The names in the order in which they came.
    order: BTreeMap<u64, Arc<str>>,
    last: u64,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    state: Arc<State>,
    _claim: Claim,
}

impl Cache {
    pub(super) fn new() -> Self {
        Self::holding(CAPACITY, SETTLED)
    }

    pub(super) fn holding(bytes: usize, settled: Duration) -> Self {
        Self { room: Room::new(bytes), settled, entries: RwLock::default() }
    }

    /// How old a state has to be to be kept.
    pub(super) fn settled(&self) -> Duration {
        self.settled
    }

    /// Where encoded forms take their place.
    pub(super) fn room(&self) -> &Room {
        &self.room
    }

    /// What the file of this name was when it was looked at last.
    pub(super) fn get(&self, name: &str) -> Option<Arc<State>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.by_name.get(name).map(|entry| Arc::clone(&entry.state))
    }

    /// Keeps a state that a look can prove, in the place of the one before. The oldest entries make room for it.
    pub(super) fn keep(&self, name: &str, state: &Arc<State>) {
        if state.identity.is_none() {
            return;
        }
        let weight = state.weight() + name.len() + ENTRY_BYTES;
        let mut entries = self.write();
        entries.remove(name);
        let claim = loop {
            match self.room.claim(weight) {
                Some(claim) => break claim,
                None if entries.order.is_empty() => return,
                None => entries.remove_oldest(),
            }
        };
        entries.insert(name.into(), Arc::clone(state), claim);
    }

    /// Forgets what the file of this name was, if it is still that.
    pub(super) fn drop_state(&self, name: &str, state: &Arc<State>) {
        let mut entries = self.write();
        if entries.by_name.get(name).is_some_and(|entry| Arc::ptr_eq(&entry.state, state)) {
            entries.remove(name);
        }
    }

    /// Forgets these files, and all below them where they are folders. Paths are relative to the root.
    pub(super) fn forget(&self, paths: &HashSet<PathBuf>) {
        let is_meant = |name: &Arc<str>| Path::new(&**name).ancestors().any(|path| paths.contains(path));
        let mut entries = self.write();
        let names: Vec<Arc<str>> = entries.by_name.keys().filter(|name| is_meant(name)).cloned().collect();
        names.iter().for_each(|name| entries.remove(name));
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn insert(&mut self, name: Arc<str>, state: Arc<State>, claim: Claim) {
        self.last += 1;
        self.order.insert(self.last, Arc::clone(&name));
        self.by_name.insert(name, Entry { number: self.last, state, _claim: claim });
    }

    fn remove(&mut self, name: &str) {
        if let Some(entry) = self.by_name.remove(name) {
            self.order.remove(&entry.number);
        }
    }

    fn remove_oldest(&mut self) {
        if let Some((_, name)) = self.order.pop_first() {
            self.by_name.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::{
        folder::Folder,
        guard::{Guard, Opened},
    };

    /// A state of a file of this length, as if it were old.
    fn state(cache: &Cache, folder: &Folder, length: usize) -> Arc<State> {
        folder.write("a.txt", &"x".repeat(length));
        let Ok(Opened::File(opened)) = Guard::new(&folder.path(""), &[]).open(&["a.txt"]) else { panic!("it is there") };
        let mut state = State::read(&opened, "a.txt", cache.room(), SETTLED).unwrap();
        state.identity = crate::site::identity::Identity::of(&opened.metadata);
        Arc::new(state)
    }

    #[test]
    fn the_oldest_make_room() {
        let (cache, folder) = (Cache::holding(4 * (ENTRY_BYTES + 1001), SETTLED), Folder::new(&[]));
        let state = state(&cache, &folder, 1000);
        let kept = |names: &str| {
            let expected: Vec<&str> = names.split(' ').collect();
            let found: Vec<&str> = ["a", "b", "c", "d", "e", "f"].into_iter().filter(|name| cache.get(name).is_some()).collect();
            assert_eq!(found, expected);
        };
        ["a", "b", "c", "d"].iter().for_each(|name| cache.keep(name, &state));
        kept("a b c d");
        cache.keep("a", &state);
        cache.keep("e", &state);
        kept("a c d e");
        cache.drop_state("d", &state);
        cache.keep("f", &state);
        kept("a c e f");
        assert_eq!(cache.write().order.len(), 4);
    }

    #[test]
    fn what_is_longer_than_the_room_is_not_kept() {
        let (cache, folder) = (Cache::holding(4000, SETTLED), Folder::new(&[]));
        let (short, long) = (state(&cache, &folder, 10), state(&cache, &folder, 4000));
        cache.keep("short", &short);
        cache.keep("long", &long);
        assert!(cache.get("long").is_none() && cache.room().claim(4000).is_some());
    }

    #[test]
    fn the_number_of_entries_is_bounded() {
        let (cache, folder) = (Cache::holding(20 * ENTRY_BYTES, SETTLED), Folder::new(&[]));
        let empty = state(&cache, &folder, 0);
        (0..1000).for_each(|number| cache.keep(&format!("{number}"), &empty));
        assert!((15..20).contains(&cache.write().by_name.len()));
    }
}
