//! What the dev loop did, and when: kept for whoever wants to see it as a trace.
//!
//! A [`Timeline`] is always written to, since a save makes a handful of entries. It is bounded in entries and in bytes, takes no
//! memory before the first save, and what is oldest goes first. Requests are not in it: [`traffic`](crate::traffic) keeps those.

use std::{
    collections::VecDeque,
    fmt::Write,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use crate::generation::Generation;

/// Entries that are kept: a day's saves.
const ENTRIES: usize = 2_000;

/// Bytes of their words that are kept.
const BYTES: usize = 256 * 1024;

/// The longest words of one entry, in bytes.
const WORDS: usize = 1_024;

/// Files that are named in one entry.
const FILES: usize = 5;

/// A part of the dev loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A save ended.
    Save,
    /// From the end of a save until it was known what it changed.
    Settle,
    /// One step of a build.
    Build,
    /// A program started, until it was ready or was given up.
    Start,
    /// A program took over.
    Swap,
    /// From the end of a save until pages were told.
    Told,
    /// From the end of a save until a browser showed it.
    Painted,
}

/// What was done once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it was.
    pub stage: Stage,
    /// When it began.
    pub began: Instant,
    /// When it ended; not before it began.
    pub ended: Instant,
    /// The generation that has it, once that is known.
    pub generation: Option<Generation>,
    /// Files or a command, and what came of it; untrusted.
    pub words: String,
}

/// What is kept; clones write to the same.
#[derive(Clone, Debug, Default)]
pub struct Timeline(Arc<Mutex<Ring>>);

#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Entry>,
    bytes: usize,
    left_out: u64,
}

impl Timeline {
    /// Keeps what began then and ends now.
    pub fn note(&self, stage: Stage, began: Instant, generation: Option<Generation>, words: impl Into<String>) {
        let ended = Instant::now().max(began);
        self.keep(Entry { stage, began, ended, generation, words: words.into() });
    }

    /// Keeps what happened at that moment.
    pub fn note_moment(&self, stage: Stage, at: Instant, words: impl Into<String>) {
        self.keep(Entry { stage, began: at, ended: at, generation: None, words: words.into() });
    }

    fn keep(&self, mut entry: Entry) {
        entry.words.truncate(entry.words.floor_char_boundary(WORDS));
        let mut ring = self.lock();
        ring.bytes += entry.words.len();
        ring.entries.push_back(entry);
        while ring.entries.len() > ENTRIES || ring.bytes > BYTES {
            let Some(oldest) = ring.entries.pop_front() else { return };
            ring.bytes -= oldest.words.len();
            ring.left_out += 1;
        }
    }

    /// What is kept, in the order in which it ended, and how many entries are not any more.
    #[must_use]
    pub fn entries(&self) -> (Vec<Entry>, u64) {
        let ring = self.lock();
        (ring.entries.iter().cloned().collect(), ring.left_out)
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first few files, and how many more there are.
#[must_use]
pub fn in_words(files: &[PathBuf]) -> String {
    let mut words = files.iter().take(FILES).map(|file| file.to_string_lossy()).collect::<Vec<_>>().join(", ");
    if let Some(more) = files.len().checked_sub(FILES).filter(|more| *more > 0) {
        let _ = write!(words, " and {more} more");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first() {
        let (timeline, now) = (Timeline::default(), Instant::now());
        for number in 0..ENTRIES + 3 {
            timeline.note_moment(Stage::Save, now, number.to_string());
        }
        let (entries, left_out) = timeline.entries();
        assert_eq!((entries.len(), entries[0].words.as_str(), left_out), (ENTRIES, "3", 3));
    }

    #[test]
    fn long_words_leave_room_for_fewer() {
        let (timeline, now) = (Timeline::default(), Instant::now());
        for _ in 0..2 * BYTES / WORDS {
            timeline.note(Stage::Build, now, None, "ä".repeat(WORDS));
        }
        let (entries, left_out) = timeline.entries();
        assert_eq!((entries.len(), left_out), (BYTES / WORDS, (BYTES / WORDS) as u64));
        assert!(entries.iter().all(|entry| entry.words.len() == WORDS && entry.ended >= entry.began));
    }

    #[test]
    fn a_few_files_are_named() {
        let files: Vec<PathBuf> = (1..=7).map(|number| format!("{number}.css").into()).collect();
        assert_eq!(in_words(&files), "1.css, 2.css, 3.css, 4.css, 5.css and 2 more");
        assert_eq!(in_words(&files[..1]), "1.css");
        assert_eq!(in_words(&[]), "");
    }
}
