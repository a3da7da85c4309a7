//! When a save is complete: the coalescing value.
//!
//! It is pure; the worker feeds it what happened with its time, and asks when the next set is due. A complete save waits [`QUIET`].
//! A file somebody began to write a moment ago, or that is gone, is usually half of a save, so that the others wait for it a
//! little; one that takes longer comes in a set of its own, once it is closed. When sets follow each other closely the window
//! widens. Nothing that is complete waits longer than [`LIMIT`] after the first event of its set.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::folder::{FolderId, Name};

/// How long after the last event a complete save fires: what the kernel tells of one step of a save comes within less.
const QUIET: Duration = Duration::from_micros(40);

/// The same for files that are new, and for programs that save many files one after the other: nobody looks at a new file yet, it
/// may be what a save is written to first, and unpacking pauses between two.
const SEVERAL_QUIET: Duration = Duration::from_millis(10);

/// The window of a set that follows another closely, and of those that follow that one. A storm is over when it is silent for so
/// long; that and the look at a thousand files must stay below 60 ms.
const BURST_QUIET: [Duration; 2] = [Duration::from_millis(24), Duration::from_millis(36)];

/// A set that begins so soon after the last event of the one before belongs to a storm. People are slower.
const BURST_GAP: Duration = Duration::from_millis(50);

/// How long the rest of a save waits for a file that is being written.
const OPEN_JOIN: Duration = Duration::from_millis(5);

/// How long a file may stay open after its last write. A program that keeps its file open is heard all the same; one that pauses
/// for so long in the middle of a save is not known.
const OPEN_QUIET: Duration = Duration::from_millis(500);

/// How long a file that is gone may be missing before that is the news: editors rename away, then write anew.
const GONE_QUIET: Duration = Duration::from_millis(20);

/// The same for a file that was renamed to a backup; only its own save waits for so long.
const ASIDE_QUIET: Duration = Duration::from_millis(500);

/// How long a file that was found in a new folder may be silent before it counts as complete. It may have been closed before the
/// folder was watched, so that no event tells.
const FOUND_QUIET: Duration = Duration::from_millis(10);

/// The hard limit from the first event of a set: a storm of a second is one.
pub(super) const LIMIT: Duration = Duration::from_secs(1);

/// Names kept apart. Beyond it the whole tree is dirty: a scan is cheaper than the list by then.
const CAPACITY: usize = 50_000;

/// A name in a folder.
pub(super) type Key = (FolderId, Name);

/// How far a save has come that is not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Somebody writes it, or has just made it.
    Open,
    /// It was renamed away; often half of a save.
    Gone,
    /// It was renamed to a backup: certainly half of a save.
    Aside,
    /// It was deleted; sometimes half of a save.
    Deleted,
    /// It was there when its folder was first seen; somebody may still write it.
    Found,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Complete,
    /// Its program may go on with another file.
    OneOfSeveral,
    Waiting(Waiting),
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    phase: Phase,
    first: Instant,
    last: Instant,
    /// It was deleted before it was made again: that is how files are unpacked over others.
    is_anew: bool,
}

/// What is complete.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) names: Vec<Key>,
    /// Events were lost: everything may have changed.
    pub(super) lost: bool,
    /// The last event of the set.
    pub(super) last: Instant,
}

/// The saves that are going on.
#[derive(Debug, Default)]
pub(super) struct Pending {
    names: HashMap<FolderId, HashMap<Name, State>>,
    len: usize,
    complete: usize,
    several: usize,
    lost: bool,
    /// What was renamed away last.
    left: Option<Key>,
    /// A program that saves several files is at work.
    expects_more: bool,
    /// The first event that made anything complete, and the last one.
    span: Option<(Instant, Instant)>,
    /// The last event of the set before.
    before: Option<Instant>,
    /// How many sets followed each other closely.
    burst: usize,
}

impl Pending {
    /// The save of a name is complete.
    pub(super) fn complete(&mut self, key: Key, at: Instant) {
        let is_anew = matches!(self.state(&key), Some(State::Waiting(waiting)) if waiting.is_anew);
        self.put(key, if is_anew { State::OneOfSeveral } else { State::Complete });
        self.extend(at);
        self.bound(at);
    }

    /// The save is complete, and its program may go on with another file.
    pub(super) fn complete_one_of_several(&mut self, key: Key, at: Instant) {
        self.put(key, State::OneOfSeveral);
        self.extend(at);
        self.bound(at);
    }

    /// The program of what comes next may go on with another file.
    pub(super) fn expect_more(&mut self) {
        self.expects_more = true;
    }

    /// A save has come so far.
    pub(super) fn wait_for(&mut self, key: Key, phase: Phase, at: Instant) {
        self.left = (phase == Phase::Gone).then(|| key.clone());
        let before = if let Some(State::Waiting(waiting)) = self.state(&key) { Some(waiting) } else { None };
        let first = before.filter(|before| before.phase == phase).map_or(at, |before| before.first);
        let is_anew = before.is_some_and(|before| before.is_anew || before.phase == Phase::Deleted);
        self.put(key, State::Waiting(Waiting { phase, first, last: at, is_anew }));
        self.bound(at);
    }

    /// What was renamed away last is a backup now.
    pub(super) fn set_aside(&mut self) {
        let Some((folder, name)) = self.left.take() else { return };
        if let Some(State::Waiting(waiting)) = self.names.get_mut(&folder).and_then(|names| names.get_mut(&name))
            && waiting.phase == Phase::Gone
        {
            waiting.phase = Phase::Aside;
        }
    }

    /// Everything may have changed.
    pub(super) fn lose(&mut self, at: Instant) {
        self.lost = true;
        self.extend(at);
    }

    /// Nobody needs to look at this name any more.
    pub(super) fn forget(&mut self, (folder, name): &(FolderId, Name)) {
        let Some(names) = self.names.get_mut(folder) else { return };
        let removed = names.remove(name);
        if names.is_empty() {
            self.names.remove(folder);
        }
        self.count_out(removed);
    }

    /// A folder is gone with all it held.
    pub(super) fn forget_folder(&mut self, folder: FolderId) {
        for state in self.names.remove(&folder).into_iter().flat_map(HashMap::into_values) {
            self.count_out(Some(state));
        }
    }

    /// Whether somebody writes it, or it is gone for the moment.
    pub(super) fn is_waiting(&self, key: &Key) -> bool {
        matches!(self.state(key), Some(State::Waiting(_)))
    }

    /// Whether anything happened to it that was not looked at yet.
    pub(super) fn contains(&self, key: &Key) -> bool {
        self.lost || self.state(key).is_some()
    }

    /// How many names it holds.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How long what is complete has waited.
    pub(super) fn age(&self, now: Instant) -> Duration {
        self.span.map_or(Duration::ZERO, |(first, _)| now.saturating_duration_since(first))
    }

    /// When the next set is complete; `None` when nothing goes on.
    pub(super) fn due(&self) -> Option<Instant> {
        let joined = self.waiting().map(Waiting::joins_until).max();
        if let Some((first, last)) = self.span.filter(|_| self.complete > 0 || self.lost) {
            return Some((last + self.quiet()).max(joined.unwrap_or(last)).min(first + LIMIT));
        }
        let is_long = |waiting: &&Waiting| matches!(waiting.phase, Phase::Open | Phase::Aside);
        let halves = || self.waiting().filter(|waiting| !is_long(waiting));
        match halves().map(|half| half.first).min() {
            Some(first) => joined.map(|joined| joined.min(first + LIMIT)),
            None => self.waiting().map(Waiting::ripe_at).min(),
        }
    }

    /// Takes what is complete by now.
    pub(super) fn take(&mut self, now: Instant) -> Ready {
        let mut ready = Vec::with_capacity(self.complete);
        self.names.retain(|&folder, names| {
            let is_ready = |_: &Name, state: &mut State| state.is_ready(now);
            ready.extend(names.extract_if(is_ready).map(|(name, _)| (folder, name)));
            !names.is_empty()
        });
        self.len -= ready.len();
        let last = self.span.map_or(now, |(_, last)| last);
        (self.complete, self.several, self.expects_more) = (0, 0, false);
        (self.span, self.before) = (None, Some(last));
        Ready { names: ready, lost: std::mem::take(&mut self.lost), last }
    }

    fn state(&self, (folder, name): &Key) -> Option<State> {
        self.names.get(folder)?.get(name).copied()
    }

    fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        let states = self.names.values().flat_map(HashMap::values);
        states.filter_map(|state| if let State::Waiting(waiting) = state { Some(waiting) } else { None })
    }

    fn put(&mut self, (folder, name): Key, state: State) {
        let before = self.names.entry(folder).or_default().insert(name, state);
        self.len += 1;
        self.complete += usize::from(!state.is_waiting());
        self.several += usize::from(matches!(state, State::OneOfSeveral));
        self.count_out(before);
    }

    fn count_out(&mut self, state: Option<State>) {
        let Some(state) = state else { return };
        self.len -= 1;
        self.complete -= usize::from(!state.is_waiting());
        self.several -= usize::from(matches!(state, State::OneOfSeveral));
        if self.len == 0 && !self.lost {
            self.span = None;
        }
    }

    fn extend(&mut self, at: Instant) {
        if self.span.is_none() {
            let follows = self.before.is_some_and(|before| at.saturating_duration_since(before) < BURST_GAP);
            self.burst = if follows { (self.burst + 1).min(BURST_QUIET.len()) } else { 0 };
        }
        self.span = Some((self.span.map_or(at, |(first, _)| first), at));
    }

    fn quiet(&self) -> Duration {
        match self.burst {
            0 if self.several > 0 || self.expects_more => SEVERAL_QUIET,
            0 => QUIET,
            burst => BURST_QUIET[burst - 1],
        }
    }

    fn bound(&mut self, at: Instant) {
        if self.len > CAPACITY {
            self.names.clear();
            (self.len, self.complete, self.several) = (0, 0, 0);
            self.lose(at);
        }
    }
}

impl State {
    fn is_waiting(&self) -> bool {
        matches!(self, Self::Waiting(_))
    }

    fn is_ready(&self, now: Instant) -> bool {
        match self {
            Self::Complete | Self::OneOfSeveral => true,
            Self::Waiting(waiting) => waiting.ripe_at() <= now,
        }
    }
}

impl Waiting {
    /// When the rest of the set no longer waits for it.
    fn joins_until(&self) -> Instant {
        match self.phase {
            Phase::Open => self.first + OPEN_JOIN,
            Phase::Aside => self.first + GONE_QUIET,
            Phase::Gone | Phase::Deleted | Phase::Found => self.ripe_at(),
        }
    }

    /// When it counts as complete though nobody said so.
    fn ripe_at(&self) -> Instant {
        let quiet = match self.phase {
            Phase::Open => OPEN_QUIET,
            Phase::Gone | Phase::Deleted => GONE_QUIET,
            Phase::Aside => ASIDE_QUIET,
            Phase::Found => FOUND_QUIET,
        };
        self.last + quiet
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Save {
        Complete,
        Several,
        Is(Phase),
    }
    use Phase::{Aside, Deleted, Found, Gone, Open};
    use Save::{Complete, Is, Several};

    /// Feeds events given as (microseconds, name, how far its save is), as far as they come before what is due; expects sets of
    /// these names to fire at these microseconds.
    fn check(events: &[(u64, &str, Save)], expected: &[(u64, &str)]) {
        let start = Instant::now();
        let at = |us| start + Duration::from_micros(us);
        let (mut pending, mut events, mut fired) = (Pending::default(), events.iter().peekable(), Vec::new());
        loop {
            let due = pending.due();
            match events.next_if(|event| due.is_none_or(|due| at(event.0) < due)) {
                Some(&(us, name, Complete)) => pending.complete(key(name), at(us)),
                Some(&(us, name, Several)) => pending.complete_one_of_several(key(name), at(us)),
                Some(&(us, name, Is(phase))) => pending.wait_for(key(name), phase, at(us)),
                None => {
                    let Some(due) = due else { break };
                    let mut names: Vec<_> =
                        pending.take(due).names.into_iter().map(|(_, name)| name.to_string_lossy().into_owned()).collect();
                    names.sort();
                    fired.push((due.duration_since(start).as_micros(), names.join(" ")));
                }
            }
        }
        let expected: Vec<_> = expected.iter().map(|&(us, names)| (u128::from(us), names.to_owned())).collect();
        assert_eq!(fired, expected);
        assert_eq!((pending.len, pending.complete), (0, 0));
    }

    fn key(name: &str) -> Key {
        (FolderId::ROOT, Name::from(OsStr::new(name)))
    }

    #[test]
    fn a_complete_save_fires_at_once() {
        check(&[(0, "f", Complete)], &[(40, "f")]);
        check(&[(0, "f", Is(Open)), (90, "f", Complete)], &[(130, "f")]);
        check(&[(0, "f", Complete), (20, "g", Complete)], &[(60, "f g")]);
        check(&[(0, "f", Several), (2_000, "g", Several)], &[(12_000, "f g")]);
    }

    #[test]
    fn half_a_save_waits_for_the_other_half() {
        check(&[(0, "f", Is(Gone))], &[(20_000, "f")]);
        check(&[(0, "f", Is(Gone)), (3_000, "f", Is(Open)), (9_000, "f", Complete)], &[(9_040, "f")]);
        check(&[(0, "f", Is(Gone)), (100, "g", Complete)], &[(20_000, "f g")]);
        check(&[(0, "f", Is(Gone)), (900, "g", Is(Gone))], &[(20_900, "f g")]);
        check(&[(0, "f", Is(Found))], &[(10_000, "f")]);
        check(&[(0, "f", Is(Aside)), (90, "g", Complete)], &[(20_000, "g"), (500_000, "f")]);
        check(&[(0, "f", Is(Deleted)), (100, "f", Is(Open)), (200, "f", Complete)], &[(10_200, "f")]);
    }

    #[test]
    fn an_open_file_is_not_fired_and_holds_nobody_for_long() {
        check(&[(0, "f", Is(Open))], &[(500_000, "f")]);
        check(&[(0, "big", Is(Open)), (100, "f", Complete), (70_000, "big", Complete)], &[(5_000, "f"), (70_040, "big")]);
        let growing = (0..40).map(|ms| (ms * 1000, "big", Is(Open)));
        let events: Vec<_> = growing.chain([(39_500, "f", Complete), (99_000, "big", Complete)]).collect();
        check(&events, &[(39_540, "f"), (99_040, "big")]);
    }

    #[test]
    fn what_is_written_again_without_end_is_told_within_the_limit() {
        let rewritten = (0..40_000).flat_map(|at| [(at * 30, "f", Is(Open)), (at * 30 + 15, "f", Complete)]);
        check(&rewritten.collect::<Vec<_>>(), &[(1_000_015, "f"), (1_223_985, "f")]);
    }

    #[test]
    fn a_storm_is_at_most_three_sets() {
        let names: Vec<_> = (0..1_000).map(|number| number.to_string()).collect();
        let storm: Vec<_> = names.iter().zip(0..).map(|(name, ms)| (ms * 1_000, name.as_str(), Complete)).collect();
        let mut rest: Vec<_> = names[1..].iter().map(String::as_str).collect();
        rest.sort_unstable();
        check(&storm, &[(40, "0"), (1_001_000, &rest.join(" "))]);
    }

    #[test]
    fn people_who_save_twice_wait_for_nothing() {
        check(&[(0, "f", Complete), (50_000, "f", Complete)], &[(40, "f"), (50_040, "f")]);
        check(&[(0, "f", Complete), (49_000, "f", Complete)], &[(40, "f"), (73_000, "f")]);
    }
}
