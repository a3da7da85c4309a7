//! The one who owns the program: at most one serves, at most one is being handed over to.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::oneshot,
    task::{JoinError, JoinSet},
    time::{sleep_until, timeout},
};

use super::{
    backoff::Backoff,
    hand_over::{Candidate, Place, Serving, Swapped, Verdict, hand_over, waiting},
};
use crate::{
    build::{Cause, Ground, Provenance, in_last_words},
    config::AppConfig,
    generation::{Counter, Generation},
    process::{Exit, Keeper},
    proxy::{Slot, State},
    report::{Kind, Report},
    telemetry::Notices,
};

/// How long the end of everything may take: a drain that is cut short, a grace, and the keeper's margin.
const STOP_LIMIT: Duration = Duration::from_secs(6);

/// What to start.
#[derive(Clone, Debug)]
pub struct Start {
    /// How.
    pub config: AppConfig,
    /// The executable the build named.
    pub executable: Option<PathBuf>,
    /// Why.
    pub cause: Cause,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// What became of the program.
#[derive(Debug)]
pub enum Event {
    /// A new generation answers requests; its predecessor is being drained.
    Swapped(Swapped),
    /// A candidate did not become ready. Its predecessor keeps serving; without one it is tried again after a pause.
    Failed(Arc<Report>),
    /// The program ended by itself after it had been ready.
    Crashed {
        /// How, and with which last words.
        report: Arc<Report>,
        /// When it is started again.
        retry_in: Duration,
    },
}

/// Owns the program for the session. Dropping it ends every process.
#[derive(Debug)]
pub struct App {
    place: Place,
    serving: Option<Serving>,
    task: JoinSet<Verdict>,
    cancel: Option<oneshot::Sender<()>>,
    retiring: JoinSet<()>,
    /// What runs, or ran last: what a crash starts again.
    current: Option<Start>,
    retry: Option<Instant>,
    /// Where the last run was found.
    known: Option<u16>,
    /// What happened and was not told yet.
    untold: VecDeque<Event>,
    backoff: Backoff,
    reports: u64,
}

impl App {
    /// An app that is not started yet; its requests wait.
    #[must_use]
    pub fn new(keeper: &Keeper, root: &Path, slot: Slot, generations: Counter, notices: Notices) -> Self {
        let place = Place { keeper: keeper.clone(), root: root.to_owned(), slot: Arc::new(slot), generations, notices };
        Self {
            place,
            serving: None,
            task: JoinSet::new(),
            cancel: None,
            retiring: JoinSet::new(),
            current: None,
            retry: None,
            known: None,
            untold: VecDeque::new(),
            backoff: Backoff::default(),
            reports: 0,
        }
    }

    /// Whether a program answers requests, or is just being replaced by one that will.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.serving.is_some() || !self.task.is_empty()
    }

    /// Hands over to a new run; one that is being started is ended first.
    pub fn begin(&mut self, start: Start) {
        self.backoff = Backoff::default();
        self.hand_over(start);
    }

    /// Says that requests wait for a build, when nothing else answers them.
    pub fn wait_for_build(&mut self) {
        self.retry = None;
        if !self.is_serving() {
            self.place.slot.replace(waiting("the build that is under way"));
        }
    }

    /// Says why nothing answers, when nothing does; what ran last is started again after a pause.
    pub fn refuse(&mut self, report: &Arc<Report>) {
        if !self.is_serving() {
            self.place.slot.replace(State::Down(Arc::clone(report)));
            self.retry = self.current.is_some().then(|| Instant::now() + self.backoff.pause(Instant::now()));
        }
    }

    /// Gives the serving program the number of a generation in which it is unchanged.
    pub fn renumber(&self, generation: Generation) {
        self.place.slot.renumber(generation);
    }

    /// Whether a run is being handed over to.
    #[must_use]
    pub fn is_starting(&self) -> bool {
        !self.task.is_empty()
    }

    /// What becomes of the program next. Cancel-safe.
    pub async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.untold.pop_front() {
                return event;
            }
            let idle = self.task.is_empty();
            tokio::select! {
                Some(verdict) = self.task.join_next() => self.conclude(verdict),
                exit = exited(&mut self.serving), if idle => return self.crashed(exit),
                () = until(self.retry), if idle => self.try_again(),
                Some(_) = self.retiring.join_next() => (),
            }
        }
    }

    /// Lets the program finish its requests and ends it: something else answers from now on.
    pub async fn leave(mut self) {
        if let Some(serving) = self.serving.take() {
            self.retiring.spawn(serving.retire());
        }
        self.stop().await;
    }

    /// Ends every process; answers when nothing is left or `STOP_LIMIT` is over. Drains that are under way end as soon as
    /// the server has closed its connections.
    pub async fn stop(mut self) {
        self.cancel = None;
        let ended = timeout(STOP_LIMIT, async {
            let left = left_by(self.task).await;
            for serving in left.serving.into_iter().chain(left.replaced).chain(self.serving) {
                self.retiring.spawn(serving.instance.stop());
            }
            while self.retiring.join_next().await.is_some() {}
        });
        let _ = ended.await;
    }

    fn hand_over(&mut self, start: Start) {
        self.retry = None;
        self.reports += 1;
        let candidate = Candidate { start: start.clone(), known: self.known, report: self.reports };
        self.current = Some(start);
        let (cancel, cancelled) = oneshot::channel();
        // Replacing the sender cancels a hand-over that is going on; the new one waits for its end.
        self.cancel = Some(cancel);
        let earlier = std::mem::take(&mut self.task);
        let (serving, place) = (self.serving.take(), self.place.clone());
        self.task.spawn(async move {
            let left = left_by(earlier).await;
            let mut verdict = hand_over(candidate, place, left.serving.or(serving), cancelled).await;
            verdict.replaced.extend(left.replaced);
            verdict.earlier = left.swapped;
            verdict
        });
    }

    fn conclude(&mut self, verdict: Result<Verdict, JoinError>) {
        self.cancel = None;
        let Ok(verdict) = verdict else { return };
        self.serving = verdict.serving;
        for replaced in verdict.replaced {
            self.retiring.spawn(replaced.retire());
        }
        let swapped = verdict.earlier.into_iter().chain(verdict.result.as_ref().ok().cloned());
        for swapped in swapped {
            self.known = Some(swapped.address.port());
            self.untold.push_back(Event::Swapped(swapped));
        }
        if let Err(Some(report)) = verdict.result {
            let report = Arc::new(report);
            self.refuse(&report);
            self.untold.push_back(Event::Failed(report));
        }
    }

    fn crashed(&mut self, exit: Exit) -> Event {
        let report = Arc::new(self.crash_report(exit));
        self.place.slot.replace(State::Down(Arc::clone(&report)));
        if let Some(serving) = self.serving.take() {
            self.retiring.spawn(serving.instance.stop());
        }
        Event::Crashed { report, retry_in: self.schedule() }
    }

    fn crash_report(&mut self, exit: Exit) -> Report {
        self.reports += 1;
        let output = self.serving.as_ref().map(|serving| serving.instance.last_words()).unwrap_or_default();
        let took = self.serving.as_ref().map(|serving| serving.instance.started.elapsed()).unwrap_or_default();
        let dir = self.current.as_ref().map_or(self.place.root.as_path(), |start| &start.config.dir);
        let diagnostics = in_last_words(&output, Ground { dir, root: &self.place.root });
        let command = self.current.as_ref().map(Start::command).unwrap_or_default();
        let title = format!("the app {exit}");
        Report { id: self.reports, kind: Kind::Crash, title, command, diagnostics, output, took, help: String::new() }
    }

    fn schedule(&mut self) -> Duration {
        let now = Instant::now();
        let pause = self.backoff.pause(now);
        self.retry = Some(now + pause);
        pause
    }

    fn try_again(&mut self) {
        self.retry = None;
        if let Some(start) = self.current.clone() {
            // No save caused this one.
            self.hand_over(Start { cause: Cause { files: Vec::new(), saved: Instant::now() }, ..start });
        }
    }
}

impl Start {
    /// The command it runs, in words.
    pub(super) fn command(&self) -> String {
        match (&self.config.run, &self.executable) {
            (crate::config::Run::Command(command), _) => command.to_string(),
            (crate::config::Run::BuiltExecutable, Some(path)) => path.display().to_string(),
            (crate::config::Run::BuiltExecutable, None) => String::new(),
        }
    }
}

/// What a hand-over that was cancelled leaves behind.
#[derive(Default)]
struct Left {
    serving: Option<Serving>,
    replaced: Vec<Serving>,
    /// It had swapped before it heard; that has to be told all the same.
    swapped: Vec<Swapped>,
}

/// Waits for the end of a hand-over that was cancelled.
async fn left_by(mut earlier: JoinSet<Verdict>) -> Left {
    let mut left = Left::default();
    while let Some(verdict) = earlier.join_next().await {
        let Ok(verdict) = verdict else { continue };
        left.serving = verdict.serving;
        left.replaced.extend(verdict.replaced);
        left.swapped.extend(verdict.earlier.into_iter().chain(verdict.result.ok()));
    }
    left
}

async fn exited(serving: &mut Option<Serving>) -> Exit {
    match serving {
        Some(serving) => serving.instance.exited().await,
        None => std::future::pending().await,
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}
