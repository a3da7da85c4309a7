//! Ends loops: a page whose own requests change a watched file, a build that writes one.
//!
//! Each change leads to something (a build, pages that load) which leads to the next change. A file that changes again and again
//! just while what it caused is going on is *held*: what its changes call for waits until it has been quiet for a while, longer
//! each time it goes on. Nothing is lost by that, a person who saves that often only waits a little.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::build::{Cause, Plan};

/// Changes in a row that are a loop. Nobody saves a file so often, each time just while the last save is being shown.
const ROUNDS: u32 = 5;

/// The same where only builds are suspected. Editors that save while somebody types, and programs that write sources for people, do save
/// again and again while the last save is being built.
const BUILD_ROUNDS: u32 = 12;

/// How long after a page was asked for, or a build has ended, a change may still be its doing.
const ECHO: Duration = Duration::from_millis(250);

/// How long a build may go on before a change is no longer taken for its doing.
const BUILD: Duration = Duration::from_secs(2);

/// How long a held file has to be quiet, the first time.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// The longest that gets.
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// Files that are looked at; a checkout is no loop.
const MOST: usize = 100;

/// Counts rounds, and keeps what is held back.
#[derive(Debug, Default)]
pub(super) struct LoopBreaker {
    suspects: BTreeMap<PathBuf, Suspect>,
    held: Option<Held>,
}

#[derive(Debug, Default)]
struct Suspect {
    rounds: u32,
    /// Until when the next change of the file may be the doing of the build that its last one led to.
    until: Option<Instant>,
    /// When pages were told of its last change.
    told: Option<Instant>,
    /// How long it has to be quiet; `None` as long as it is in no loop.
    pause: Option<Duration>,
    is_held: bool,
    /// Whether it was only builds that its changes came with.
    is_of_builds: bool,
    /// Whether it changed while it was held and nothing was built: somebody else writes it.
    is_of_others: bool,
    changed: Option<Instant>,
}

/// What waits for quiet.
#[derive(Debug)]
struct Held {
    plan: Plan,
    cause: Cause,
    due: Instant,
}

/// What becomes of a change.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ruling {
    /// It takes its way.
    Pass,
    /// It is held, as the ones before it.
    Hold,
    /// It is the first one that is held: the file, and for how long it has to be quiet.
    Broken(PathBuf, Duration),
}

impl LoopBreaker {
    /// Looks at a change of these files; `loaded` is when a browser last asked for a page.
    pub(super) fn rule(&mut self, files: &[PathBuf], now: Instant, loaded: Option<Instant>) -> Ruling {
        if files.is_empty() || files.len() > MOST {
            return Ruling::Pass;
        }
        let mut ruling = None;
        for file in files {
            let suspect = self.suspects.entry(file.clone()).or_default();
            let one = suspect.rule(file, now, loaded);
            // One file that is in no loop is reason enough.
            ruling = match (ruling, one) {
                (_, Ruling::Pass) | (Some(Ruling::Pass), _) => Some(Ruling::Pass),
                (Some(Ruling::Broken(file, pause)), _) => Some(Ruling::Broken(file, pause)),
                (_, one) => Some(one),
            };
        }
        self.suspects.retain(|_, suspect| suspect.is_held || suspect.changed.is_some_and(|changed| now < changed + LAST_PAUSE));
        ruling.unwrap_or(Ruling::Pass)
    }

    /// Pages are told of changes of these files: those that load anew because of it may change them again.
    pub(super) fn told(&mut self, files: &[PathBuf], now: Instant) {
        self.each(files, |suspect| suspect.told = Some(now));
    }

    /// A build because of these files begins.
    pub(super) fn build_begins(&mut self, files: &[PathBuf], now: Instant) {
        self.each(files, |suspect| suspect.until = Some(now + BUILD));
    }

    /// It has ended.
    pub(super) fn build_ends(&mut self, files: &[PathBuf], now: Instant) {
        self.each(files, |suspect| suspect.until = Some(now + ECHO));
    }

    /// What was built because of them answers: it has done by now what it does when it starts, and whoever waited for it saves again.
    pub(super) fn started(&mut self, files: &[PathBuf]) {
        self.each(files, |suspect| suspect.until = None);
    }

    fn each(&mut self, files: &[PathBuf], act: impl Fn(&mut Suspect)) {
        for file in files.iter().take(MOST) {
            if let Some(suspect) = self.suspects.get_mut(file) {
                act(suspect);
            }
        }
    }

    /// Keeps what a change calls for.
    pub(super) fn hold(&mut self, plan: Plan, cause: Cause, now: Instant) {
        let pauses = cause.files.iter().filter_map(|file| self.suspects.get(file)?.pause);
        let due = now + pauses.max().unwrap_or(FIRST_PAUSE);
        match &mut self.held {
            Some(held) => {
                held.plan.extend(plan);
                held.due = due;
                held.cause.files.extend(cause.files);
                held.cause.files.sort();
                held.cause.files.dedup();
                held.cause.saved = cause.saved;
            }
            None => self.held = Some(Held { plan, cause, due }),
        }
    }

    /// When what is held is to be taken.
    pub(super) fn due(&self) -> Option<Instant> {
        self.held.as_ref().map(|held| held.due)
    }

    /// Takes what is held.
    pub(super) fn take(&mut self) -> Option<(Plan, Cause)> {
        let Held { plan, cause, .. } = self.held.take()?;
        self.suspects.values_mut().for_each(Suspect::release);
        Some((plan, cause))
    }
}

/// What a person is told of the first change that is held.
pub(super) fn explanation(file: &Path, pause: Duration) -> String {
    format!(
        "{} changes again each time its last change was shown or built: from now on its changes wait until it has been quiet for \
         {} s; if a program writes it, name it in `ignore` under [watch] in everlit.toml",
        file.display(),
        pause.as_secs()
    )
}

impl Suspect {
    fn rule(&mut self, file: &Path, now: Instant, loaded: Option<Instant>) -> Ruling {
        let is_builds = self.until.is_some_and(|until| now < until);
        let told = self.told.take();
        let is_pages = loaded.is_some_and(|loaded| told.is_some_and(|told| told <= loaded) && now < loaded + ECHO);
        let is_echo = is_builds || is_pages;
        self.changed = Some(now);
        if self.is_held {
            self.is_of_others |= !is_echo;
            return Ruling::Hold;
        }
        self.until = None;
        self.is_of_builds = !is_pages && (self.is_of_builds || self.rounds == 0);
        self.rounds = if is_echo { self.rounds + 1 } else { 0 };
        let pause = match self.pause {
            Some(pause) => (pause * 2).min(LAST_PAUSE),
            None => FIRST_PAUSE,
        };
        if self.rounds < if self.is_of_builds { BUILD_ROUNDS } else { ROUNDS } {
            self.pause = None;
            return Ruling::Pass;
        }
        self.is_held = true;
        match self.pause.replace(pause) {
            None => Ruling::Broken(file.to_owned(), pause),
            Some(_) => Ruling::Hold,
        }
    }

    /// What is held is taken. Of a file that somebody else writes nothing is remembered: it goes on being edited.
    fn release(&mut self) {
        if self.is_held && self.is_of_builds && self.is_of_others {
            (self.rounds, self.pause) = (0, None);
        }
        (self.is_held, self.is_of_others) = (false, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "data.log";

    fn files() -> Vec<PathBuf> {
        vec![FILE.into()]
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// A change at each of these milliseconds, each told at once, after which a page is asked for; gives what became of each.
    fn rulings(changes: &[u64], load_after: Option<u64>) -> Vec<&'static str> {
        let (mut breaker, start, mut loaded) = (LoopBreaker::default(), Instant::now(), None);
        let rule = |&at: &u64| {
            let now = start + ms(at);
            match breaker.rule(&files(), now, loaded) {
                Ruling::Pass => {
                    breaker.told(&files(), now);
                    loaded = load_after.map(|after| now + ms(after));
                    "pass"
                }
                Ruling::Hold => "hold",
                Ruling::Broken(..) => "broken",
            }
        };
        changes.iter().map(rule).collect()
    }

    #[test]
    fn only_changes_in_a_row_that_follow_on_a_page_that_loaded_are_a_loop() {
        let each = |pause: u64| (0..8).map(|round| round * pause).collect::<Vec<_>>();
        assert_eq!(rulings(&each(100), Some(10)), ["pass", "pass", "pass", "pass", "pass", "broken", "hold", "hold"]);
        assert_eq!(rulings(&each(100), None), ["pass"; 8], "nobody loads anything");
        assert_eq!(rulings(&each(300), Some(10)), ["pass"; 8], "a person who saves as fast as that");
        assert_eq!(rulings(&[0, 100, 200, 300, 1_300, 1_400, 1_500], Some(10)), ["pass"; 7]);
    }

    #[test]
    fn a_build_that_writes_what_it_is_made_of_is_a_loop() {
        let (mut breaker, mut now) = (LoopBreaker::default(), Instant::now());
        let mut round = || {
            let ruling = breaker.rule(&files(), now, None);
            breaker.build_begins(&files(), now);
            breaker.build_ends(&files(), now + ms(900));
            now += ms(1_000);
            ruling == Ruling::Pass
        };
        let rounds: Vec<_> = (0..=BUILD_ROUNDS).map(|_| round()).collect();
        assert_eq!(rounds.iter().position(|passes| !passes), Some(12), "{rounds:?}");
    }

    #[test]
    fn who_saves_as_soon_as_the_last_save_answers_makes_no_loop() {
        let (mut breaker, mut now) = (LoopBreaker::default(), Instant::now());
        for _ in 0..50 {
            assert_eq!(breaker.rule(&files(), now, None), Ruling::Pass);
            breaker.build_begins(&files(), now);
            breaker.build_ends(&files(), now + ms(20));
            breaker.started(&files());
            now += ms(25);
        }
    }

    #[test]
    fn who_goes_on_saving_while_nothing_is_built_is_not_held_for_longer_and_longer() {
        let (mut breaker, mut now, mut pauses) = (LoopBreaker::default(), Instant::now(), Vec::new());
        // Each save comes while the one before is being built, until that takes no more.
        for _ in 0..100 {
            now += ms(300);
            if let Some(due) = breaker.due() {
                assert_eq!(breaker.rule(&files(), now, None), Ruling::Hold);
                pauses.push((due + ms(10) - now).as_secs());
                now = due.max(now + ms(2_500));
                breaker.take().expect("it is held");
            } else if breaker.rule(&files(), now, None) == Ruling::Pass {
                breaker.build_begins(&files(), now);
            } else {
                now += BUILD;
                breaker.hold(Plan::default(), Cause::save(files(), now), now);
            }
        }
        assert!(pauses.len() > 3 && pauses.iter().all(|pause| *pause <= FIRST_PAUSE.as_secs()), "{pauses:?}");
    }

    #[test]
    fn a_loop_that_goes_on_is_slowed_down_and_a_file_that_comes_to_rest_is_free() {
        let (mut breaker, mut now) = (LoopBreaker::default(), Instant::now());
        let mut wait = || {
            let ruling = breaker.rule(&files(), now, None);
            let cause = Cause::save(files(), now);
            let mut waits = Duration::ZERO;
            if ruling != Ruling::Pass {
                breaker.hold(Plan { data: files(), ..Plan::default() }, cause, now);
                let due = breaker.due().expect("it is held");
                waits = due - now;
                now = due;
                let (plan, cause) = breaker.take().expect("it is held");
                assert_eq!((plan.data, cause.files), (files(), files()));
            }
            breaker.build_ends(&files(), now);
            now += ms(50);
            waits.as_secs()
        };
        let waits: Vec<_> = (0..BUILD_ROUNDS + 7).map(|_| wait()).skip_while(|wait| *wait == 0).collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60]);
        now += Duration::from_secs(1);
        assert_eq!(breaker.rule(&files(), now, None), Ruling::Pass);
    }

    #[test]
    fn a_file_in_no_loop_frees_what_is_saved_with_it() {
        let (mut breaker, now) = (LoopBreaker::default(), Instant::now());
        for _ in 0..=BUILD_ROUNDS {
            breaker.rule(&files(), now, None);
            breaker.build_begins(&files(), now);
        }
        assert_eq!(breaker.rule(&files(), now, None), Ruling::Hold);
        assert_eq!(breaker.rule(&[FILE.into(), "index.html".into()], now, None), Ruling::Pass);
    }
}
