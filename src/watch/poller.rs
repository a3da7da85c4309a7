//! Looks at folders nobody tells of, little by little.
//!
//! Files that changed lately are looked at each time, the others in slices, so that a tree of any size takes a small and constant
//! share of the time. What it finds are events like the system's. A file counts as written until two looks find it the same.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    fs,
    path::Path,
    time::{Duration, Instant},
};

use super::{
    event::What,
    folder::{FolderId, Name, Node},
    pending::Key,
    stamp::Stamp,
    tree::Tree,
};

/// From one look to the next.
const EVERY: Duration = Duration::from_millis(60);

/// From one look to the next while a file is being written.
const EVERY_WHILE_WRITTEN: Duration = Duration::from_millis(20);

/// Names that are looked at each time, though one folder at least: a millisecond's work, below 2 % of the time, and 50,000 in eight
/// seconds. It is counted and not timed, so that a busy machine is not looked at less.
const SLICE: usize = 400;

/// Files that changed lately and are looked at each time: what somebody works at.
const HOT: usize = 16;

/// Something that a look found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) key: Key,
    pub(super) what: What,
    pub(super) is_folder: bool,
}

/// A file that somebody writes, or wrote so lately that the tree does not know it yet.
#[derive(Debug)]
struct Written {
    last: Stamp,
    /// It was told that it is complete.
    is_told: bool,
}

impl Written {
    /// What to tell, if anything.
    fn compare(&mut self, now: Option<Stamp>) -> Option<What> {
        let is_same = now.is_some_and(|now| now.same_attributes(&self.last));
        let was_told = std::mem::replace(&mut self.is_told, is_same || now.is_none());
        self.last = now.unwrap_or(self.last);
        match now {
            None => Some(What::Deleted),
            Some(_) if is_same => (!was_told).then_some(What::Closed),
            Some(_) => Some(What::Written),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Poller {
    /// The folder that was looked at last.
    last: Option<FolderId>,
    hot: VecDeque<Key>,
    written: HashMap<Key, Written>,
    next: Option<Instant>,
    /// When to look at folders again.
    next_slice: Option<Instant>,
}

impl Poller {
    /// When to look again; `None` when the system tells of everything.
    pub(super) fn due(&self, tree: &Tree, now: Instant) -> Option<Instant> {
        (tree.polled() > 0).then(|| self.next.unwrap_or(now))
    }

    /// Begins anew, in a while: somebody else looks at the whole tree now.
    pub(super) fn begin_anew(&mut self) {
        *self = Self { next: Some(Instant::now() + EVERY), ..Self::default() };
    }

    /// Looks once.
    pub(super) fn look(&mut self, tree: &mut Tree) -> Vec<Found> {
        let mut found = self.look_at_written(tree);
        self.look_at_hot(tree, &mut found);
        self.look_at_slice(tree, &mut found);
        self.next =
            Some(Instant::now() + if self.written.values().all(|written| written.is_told) { EVERY } else { EVERY_WHILE_WRITTEN });
        found
    }

    fn look_at_written(&mut self, tree: &Tree) -> Vec<Found> {
        let (mut found, mut done) = (Vec::new(), Vec::new());
        for (key, written) in &mut self.written {
            let now = tree.place(key).and_then(|place| stamp(&place));
            if written.is_told && now.is_none_or(|now| is_known(tree, key, &now)) {
                done.push(key.clone());
                continue;
            }
            found.extend(written.compare(now).map(|what| Found { key: key.clone(), what, is_folder: false }));
        }
        for key in done {
            self.written.remove(&key);
            self.heat(key);
        }
        found
    }

    fn look_at_hot(&mut self, tree: &Tree, found: &mut Vec<Found>) {
        for key in self.hot.clone() {
            let Some(Node::File(known)) = tree.node(key.0, &key.1) else { continue };
            match tree.place(&key).and_then(|place| stamp(&place)) {
                Some(now) if known.is_untouched_like(&now) => (),
                Some(now) => self.note_written(key, now, found),
                None => found.push(Found { key, what: What::Deleted, is_folder: false }),
            }
        }
    }

    fn look_at_slice(&mut self, tree: &mut Tree, found: &mut Vec<Found>) {
        let now = Instant::now();
        if self.next_slice.is_none_or(|next| next <= now) {
            let slices = (self.look_at_folders(tree, found) / SLICE).max(1);
            self.next_slice = Some(now + EVERY * u32::try_from(slices).unwrap_or(u32::MAX));
        }
    }

    /// Goes round the folders, at most once; how many names it saw.
    fn look_at_folders(&mut self, tree: &mut Tree, found: &mut Vec<Found>) -> usize {
        let mut seen = 0;
        for _ in 0..tree.polled() {
            self.last = tree.polled_after(self.last).or_else(|| tree.polled_after(None));
            let Some(folder) = self.last else { break };
            let compared = tree.compare(folder);
            seen += compared.seen;
            for (name, what, is_folder) in compared.different {
                self.note(tree, (folder, name), what, is_folder, found);
            }
            if seen >= SLICE {
                break;
            }
        }
        seen
    }

    fn note(&mut self, tree: &Tree, key: (FolderId, Name), what: What, is_folder: bool, found: &mut Vec<Found>) {
        match tree.place(&key).and_then(|place| stamp(&place)) {
            Some(now) if what == What::Written => self.note_written(key, now, found),
            _ => found.push(Found { key, what, is_folder }),
        }
    }

    fn note_written(&mut self, key: Key, now: Stamp, found: &mut Vec<Found>) {
        if let Entry::Vacant(vacant) = self.written.entry(key) {
            found.push(Found { key: vacant.key().clone(), what: What::Written, is_folder: false });
            vacant.insert(Written { last: now, is_told: false });
        }
    }

    fn heat(&mut self, key: Key) {
        self.hot.retain(|hot| *hot != key);
        self.hot.push_front(key);
        self.hot.truncate(HOT);
    }
}

fn is_known(tree: &Tree, key: &Key, now: &Stamp) -> bool {
    matches!(tree.node(key.0, &key.1), Some(Node::File(known)) if known.same_attributes(now))
}

fn stamp(place: &Path) -> Option<Stamp> {
    fs::metadata(place).ok().filter(fs::Metadata::is_file).map(|metadata| Stamp::unread(&metadata))
}
