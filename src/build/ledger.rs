//! What of a build has to be done: which steps, in which order, and what each was last made from. Pure.
//!
//! A change is *noted* for every step that reads the file. A step that has something noted is due, and so is one that never
//! ran to a good end or whose predecessors wrote something else. What is noted stays until a run that began after it has
//! succeeded: a build that fails or is cancelled loses nothing.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
};

use globset::GlobSet;

use super::{outputs::Written, plan::glob_set, program::is_compiled};
use crate::config::{AppConfig, StepConfig};

/// Files of which a step remembers what they held. Beyond it all are forgotten: it runs once more than it would have to.
const REMEMBERED: usize = 10_000;

/// A file that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Relative to the project.
    pub path: PathBuf,
    /// The hash of what it holds; `None` for one that is gone, or that nobody read.
    pub hash: Option<u64>,
}

/// What a build is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Every step, and a start whatever they give.
    All,
    /// What these files call for.
    Changed(Vec<Changed>),
}

/// What the program needs after a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Nothing: none of it is its affair.
    Nothing,
    /// A start, unless what was built is what runs.
    StartIfOther,
    /// A start.
    Start,
}

/// The steps of one program.
#[derive(Debug)]
pub(super) struct Ledger {
    app: AppConfig,
    entries: Vec<Entry>,
    /// What the program itself is made of.
    sources: GlobSet,
    /// What it needs for the sake of those once all is built.
    need: Need,
    /// Whether a step ran that may have made it anew.
    has_built: bool,
    /// The round that is under way; what an earlier one still says counts for nothing.
    round: u64,
    /// It looks for no more work, or there is none.
    is_closed: bool,
}

#[derive(Debug)]
struct Entry {
    watch: GlobSet,
    after: Vec<usize>,
    state: State,
    /// What changed since it was last made.
    noted: BTreeMap<PathBuf, Option<u64>>,
    /// What of that its run began with.
    taken: BTreeMap<PathBuf, Option<u64>>,
    /// What it was last made from, of the files that changed at all.
    made_from: HashMap<PathBuf, u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It ran to a good end.
    Made,
    /// It has to run, whatever is noted.
    Due,
    Running,
    /// It failed in this round.
    Failed,
}

/// What a round does next.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Next {
    /// Steps to start, as places in the list.
    pub(super) start: Vec<usize>,
    /// Steps that were due and turned out to be made from the same.
    pub(super) skipped: Vec<usize>,
    /// Whether that is all.
    pub(super) is_over: bool,
}

impl Ledger {
    /// For a program nothing of which is built.
    pub(super) fn new(app: &AppConfig) -> Self {
        let entries = app.steps.iter().map(Entry::new).collect();
        let sources = glob_set(app.watch.iter().map(String::as_str));
        Self { app: app.clone(), entries, sources, need: Need::Start, has_built: false, round: 0, is_closed: true }
    }

    /// Whether it is of a program that is configured so.
    pub(super) fn is_of(&self, app: &AppConfig) -> bool {
        self.app == *app
    }

    /// Notes what is asked for.
    pub(super) fn note(&mut self, work: Work) {
        match work {
            Work::All => {
                self.need = Need::Start;
                self.entries.iter_mut().for_each(|entry| entry.state = State::Due);
            }
            Work::Changed(files) => files.into_iter().for_each(|file| self.note_file(file)),
        }
    }

    fn note_file(&mut self, Changed { path, hash }: Changed) {
        if self.sources.is_match(&path) {
            self.need = self.need.max(self.need_for(&path));
        }
        for entry in self.entries.iter_mut().filter(|entry| entry.watch.is_match(&path)) {
            entry.noted.insert(path.clone(), hash);
        }
    }

    /// A compiler has put all of a source into what it built; anything else may be read by the program itself.
    fn need_for(&self, path: &Path) -> Need {
        if is_compiled(path, &self.app) { Need::StartIfOther } else { Need::Start }
    }

    /// Whether a round that is under way takes care of this as well: nothing that runs reads it, or what comes of it.
    pub(super) fn can_join(&self, work: &Work) -> bool {
        let Work::Changed(files) = work else { return false };
        let reads = |at: &usize| files.iter().any(|file| self.entries[*at].watch.is_match(&file.path));
        let concerned: BTreeSet<usize> = (0..self.entries.len()).filter(reads).collect();
        let is_touched = |at: usize| concerned.contains(&at) || concerned.iter().any(|other| self.waits_for(at, *other));
        !self.is_closed && !(0..self.entries.len()).any(|at| self.entries[at].state == State::Running && is_touched(at))
    }

    /// Begins a round, and answers its number.
    pub(super) fn open(&mut self) -> u64 {
        self.is_closed = false;
        for entry in &mut self.entries {
            if entry.state != State::Made {
                entry.state = State::Due;
            }
        }
        self.round
    }

    /// The number of the round that is under way.
    pub(super) fn round(&self) -> u64 {
        self.round
    }

    /// Ends a round that is not finished: what ran has to run again.
    pub(super) fn abandon(&mut self) {
        self.round += 1;
        self.is_closed = true;
        let running = self.entries.iter_mut().filter(|entry| entry.state == State::Running);
        running.for_each(|entry| entry.state = State::Due);
    }

    /// What to do now. Steps that are to be started count as running.
    pub(super) fn next(&mut self) -> Next {
        let mut next = Next::default();
        for at in 0..self.entries.len() {
            let is_held = (0..self.entries.len()).any(|other| self.waits_for(at, other) && self.entries[other].is_open());
            if is_held || !self.entries[at].is_due() {
                continue;
            }
            if self.entries[at].is_made_from_noted() {
                self.entries[at].noted.clear();
                next.skipped.push(at);
            } else {
                self.entries[at].begin();
                next.start.push(at);
            }
        }
        next.is_over = !self.entries.iter().any(|entry| entry.state == State::Running);
        self.is_closed = next.is_over;
        next
    }

    /// A step ran to a good end and wrote this.
    pub(super) fn finish(&mut self, at: usize, written: &Written) {
        self.entries[at].finish();
        if let Written::Files(files) = written {
            let needs = files.iter().filter(|file| self.sources.is_match(file)).map(|file| self.need_for(file));
            self.need = needs.fold(self.need, Need::max);
        }
        self.has_built = true;
        for entry in self.entries.iter_mut().filter(|entry| entry.after.contains(&at)) {
            let concerns = match written {
                Written::Unknown => true,
                Written::Files(files) => files.iter().any(|file| entry.watch.is_match(file)),
            };
            if concerns {
                entry.state = State::Due;
            }
        }
    }

    /// A step failed.
    pub(super) fn fail(&mut self, at: usize) {
        self.entries[at].state = State::Failed;
    }

    /// What the program needs, now that all is built. Asked once for each round that succeeds.
    pub(super) fn take_need(&mut self, has_artifact: bool) -> Need {
        let has_built = std::mem::take(&mut self.has_built);
        match (std::mem::replace(&mut self.need, Need::Nothing), has_artifact) {
            (Need::Nothing, true) if has_built => Need::StartIfOther,
            // There is nothing to compare.
            (Need::StartIfOther, false) => Need::Start,
            (need, _) => need,
        }
    }

    /// Whether `at` waits for `other`, be it by way of others. Steps are listed behind those they wait for.
    fn waits_for(&self, at: usize, other: usize) -> bool {
        other < at && self.entries[at].after.iter().any(|&before| before == other || self.waits_for(before, other))
    }
}

impl Entry {
    fn new(step: &StepConfig) -> Self {
        Self {
            watch: glob_set(step.watch.iter().map(String::as_str)),
            after: step.after.clone(),
            state: State::Due,
            noted: BTreeMap::new(),
            taken: BTreeMap::new(),
            made_from: HashMap::new(),
        }
    }

    fn is_due(&self) -> bool {
        self.state == State::Due || (self.state == State::Made && !self.noted.is_empty())
    }

    /// Whether those behind it have to wait.
    fn is_open(&self) -> bool {
        self.is_due() || matches!(self.state, State::Running | State::Failed)
    }

    fn is_made_from_noted(&self) -> bool {
        let is_same = |(path, hash): (&PathBuf, &Option<u64>)| hash.is_some() && self.made_from.get(path) == hash.as_ref();
        self.state == State::Made && self.noted.iter().all(is_same)
    }

    fn begin(&mut self) {
        self.state = State::Running;
        self.taken.extend(std::mem::take(&mut self.noted));
    }

    fn finish(&mut self) {
        self.state = State::Made;
        if self.made_from.len() + self.taken.len() > REMEMBERED {
            self.made_from.clear();
        }
        for (path, hash) in std::mem::take(&mut self.taken) {
            match hash {
                Some(hash) => drop(self.made_from.insert(path, hash)),
                None => drop(self.made_from.remove(&path)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::fixture;

    const TEMPL: &str = "templ";

    /// templ < build, and css beside them.
    fn ledger() -> Ledger {
        let mut ledger = Ledger::new(&fixture::app(&[
            ("css", &["*.css"], &["site.css"], &[]),
            (TEMPL, &["*.templ"], &["*_templ.go"], &[]),
            ("build", &["*.go"], &[], &[1]),
        ]));
        ledger.open();
        ledger
    }

    fn changed(files: &[(&str, u64)]) -> Work {
        Work::Changed(files.iter().map(|(path, hash)| Changed { path: path.into(), hash: Some(*hash) }).collect())
    }

    fn starts(ledger: &mut Ledger) -> Vec<usize> {
        ledger.next().start
    }

    fn files(files: &[&str]) -> Written {
        Written::Files(files.iter().map(PathBuf::from).collect())
    }

    /// A ledger all of which is built and asked for.
    fn built() -> Ledger {
        let mut ledger = ledger();
        assert_eq!(starts(&mut ledger), [0, 1], "what is independent runs at once");
        ledger.finish(1, &files(&[]));
        assert_eq!(starts(&mut ledger), [2]);
        ledger.finish(0, &files(&["site.css"]));
        ledger.finish(2, &Written::Unknown);
        assert!(ledger.next().is_over);
        assert_eq!(ledger.take_need(true), Need::Start, "the first one");
        ledger
    }

    #[test]
    fn a_change_runs_those_who_read_it_and_those_behind() {
        let mut ledger = built();
        ledger.note(changed(&[("a.templ", 1)]));
        ledger.open();
        assert_eq!(starts(&mut ledger), [1]);
        ledger.finish(1, &files(&["a_templ.go"]));
        assert_eq!(starts(&mut ledger), [2]);
        ledger.finish(2, &Written::Unknown);
        assert!(ledger.next().is_over);
        assert_eq!(ledger.take_need(true), Need::StartIfOther);
    }

    #[test]
    fn what_is_written_as_before_calls_for_nothing() {
        let mut ledger = built();
        ledger.note(changed(&[("a.templ", 1)]));
        ledger.open();
        assert_eq!(starts(&mut ledger), [1]);
        ledger.finish(1, &files(&[]));
        assert_eq!(ledger.next(), Next { is_over: true, ..Next::default() });
        assert_eq!(ledger.take_need(false), Need::Nothing);
    }

    #[test]
    fn what_was_made_from_the_same_is_skipped() {
        let mut ledger = built();
        for (hash, expected) in
            [(1, Next { start: vec![0], ..Next::default() }), (1, Next { skipped: vec![0], is_over: true, ..Next::default() })]
        {
            ledger.note(changed(&[("a.css", 7)]));
            ledger.note(changed(&[("a.css", hash)]));
            ledger.open();
            assert_eq!(ledger.next(), expected);
            if !expected.is_over {
                ledger.finish(0, &files(&[]));
                assert!(ledger.next().is_over);
            }
        }
    }

    #[test]
    fn a_step_that_failed_runs_again_even_for_the_same() {
        let mut ledger = built();
        ledger.note(changed(&[("a.templ", 1)]));
        ledger.open();
        assert_eq!(starts(&mut ledger), [1]);
        ledger.fail(1);
        assert!(ledger.next().is_over, "what is behind it does not run");
        ledger.note(changed(&[("a.css", 1)]));
        ledger.open();
        assert_eq!(starts(&mut ledger), [0, 1], "nothing of an earlier change is lost");
    }

    #[test]
    fn a_cancelled_round_loses_nothing() {
        let mut ledger = built();
        ledger.note(changed(&[("a.css", 1), ("a.go", 1)]));
        ledger.open();
        assert_eq!(starts(&mut ledger), [0, 2]);
        ledger.abandon();
        ledger.note(changed(&[("a.templ", 1)]));
        ledger.open();
        assert_eq!(starts(&mut ledger), [0, 1]);
        ledger.finish(1, &files(&[]));
        assert_eq!(starts(&mut ledger), [2], "it had been cancelled");
    }

    #[test]
    fn who_is_not_concerned_is_not_cancelled() {
        let mut ledger = built();
        assert!(!ledger.can_join(&changed(&[("a.css", 1)])), "there is no round");
        ledger.note(changed(&[("a.templ", 1)]));
        ledger.open();
        assert_eq!(starts(&mut ledger), [1]);
        assert!(ledger.can_join(&changed(&[("b_templ.go", 1)])), "what reads it has not begun");
        assert!(ledger.can_join(&changed(&[("a.css", 1)])));
        assert!(!ledger.can_join(&changed(&[("b.templ", 1)])));
        assert!(!ledger.can_join(&Work::All));
        ledger.finish(1, &files(&["a_templ.go"]));
        assert_eq!(starts(&mut ledger), [2]);
        assert!(!ledger.can_join(&changed(&[("b.templ", 1)])), "what runs is made from what comes of it");
    }

    #[test]
    fn what_is_no_source_of_a_compiler_starts_the_program_anew() {
        let mut ledger = built();
        ledger.note(changed(&[("page.tmpl", 1)]));
        ledger.open();
        assert!(ledger.next().is_over);
        assert_eq!(ledger.take_need(true), Need::Start);
    }
}
