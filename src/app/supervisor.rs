//! The one who owns the program: at most one serves, at most one is being handed over to.

use std::{
    collections::VecDeque,
    path::Path,
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
    hand_over::{Candidate, DRAIN_LIMIT, Place, Role, Serving, Swap, Swapped, Verdict, Why, hand_over, waiting},
    memory,
    past::{Live, Past},
    probation::{End, Probation},
    start::Start,
};
use crate::{
    build::{Cause, Need},
    failpoint,
    generation::{Counter, Generation},
    joined::joined,
    process::{Exit, Keeper},
    proxy::{Slot, State},
    report::Report,
    telemetry::Notices,
};

/// How long the end of everything may take: a drain that is cut short, a grace, and the keeper's margin.
const STOP_LIMIT: Duration = Duration::from_secs(6);

/// Reports of ours are numbered from here, so that they differ from those of builds and of the session.
const FIRST_REPORT: u64 = 1 << 33;

/// What became of the program.
#[derive(Debug)]
pub enum Event {
    /// A new generation answers requests; its predecessor is being drained.
    Swapped(Swapped),
    /// An earlier generation answers requests in place of the newest one.
    RolledBack(RolledBack),
    /// What was built is what runs already.
    Unchanged(Cause),
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

/// What a rollback came to.
#[derive(Debug)]
pub struct RolledBack {
    /// The program that answers now, under a number of its own.
    pub swapped: Swapped,
    /// Where it was gone back to, and why; what is served is stale as long as it is.
    pub report: Arc<Report>,
    /// How the newest generation failed; `None` when a person asked.
    pub failure: Option<Arc<Report>>,
}

/// Owns the program for the session. Dropping it ends every process.
#[derive(Debug)]
pub struct App {
    pub(super) place: Place,
    pub(super) serving: Option<Serving>,
    task: JoinSet<Verdict>,
    cancel: Option<oneshot::Sender<()>>,
    pub(super) retiring: JoinSet<()>,
    pub(super) past: Past,
    pub(super) probation: Option<Probation>,
    /// What runs, ran last or is being started, and why it would be started: what a crash starts again.
    current: Option<(Start, Role)>,
    pub(super) retry: Option<Instant>,
    /// Where the last run was found.
    known: Option<u16>,
    /// What happened and was not told yet.
    pub(super) untold: VecDeque<Event>,
    backoff: Backoff,
    pub(super) reports: u64,
    /// How many processes the kernel had ended for lack of memory when the program last was well.
    pub(super) memory_kills: Option<u64>,
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
            past: Past::default(),
            probation: None,
            current: None,
            retry: None,
            known: None,
            untold: VecDeque::new(),
            backoff: Backoff::default(),
            reports: FIRST_REPORT,
            memory_kills: None,
        }
    }

    /// Whether a program answers requests, or is just being replaced by one that will.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.serving.is_some() || !self.task.is_empty()
    }

    /// Hands over to a new run if it is needed; one that is being started is ended first.
    pub fn begin(&mut self, start: Start, need: Need) {
        let is_same = need == Need::StartIfOther && self.newest().is_some_and(|newest| newest.is_same(&start));
        if !is_same {
            self.backoff = Backoff::default();
            return self.hand_over(start, Role::New);
        }
        // One that is being started speaks for itself.
        if self.task.is_empty() {
            self.past.settle();
            self.untold.push_back(Event::Unchanged(start.cause));
        }
    }

    /// What answers, or is just being started in order to.
    fn newest(&self) -> Option<&Start> {
        match (&self.current, &self.serving) {
            (Some((candidate, _)), _) if !self.task.is_empty() => Some(candidate),
            (_, serving) => serving.as_ref().map(|serving| &serving.start),
        }
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
    pub fn renumber(&mut self, generation: Generation) {
        self.place.slot.renumber(generation);
        self.past.renumber(generation);
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
                exit = exited(&mut self.serving), if idle => self.crashed(exit),
                end = ended(&mut self.probation), if idle => self.end_probation(end),
                _ = self.past.live_ended() => self.let_go(),
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
        self.let_go();
        self.stop().await;
    }

    /// Ends every process; answers when nothing is left or `STOP_LIMIT` is over. Drains that are under way end as soon as
    /// the server has closed its connections.
    pub async fn stop(mut self) {
        self.cancel = None;
        self.let_go();
        let ended = timeout(STOP_LIMIT, async {
            let left = left_by(self.task).await;
            for serving in left.serving.into_iter().chain(left.replaced).chain(self.serving) {
                self.retiring.spawn(serving.instance.stop());
            }
            while self.retiring.join_next().await.is_some() {}
        });
        let _ = ended.await;
    }

    pub(super) fn hand_over(&mut self, start: Start, role: Role) {
        self.retry = None;
        self.reports += 1;
        let candidate = Candidate { start: start.clone(), role: role.clone(), known: self.known, report: self.reports };
        self.current = Some((start, role));
        let (cancel, cancelled) = oneshot::channel();
        // Replacing the sender cancels a hand-over that is going on; the new one waits for its end.
        self.cancel = Some(cancel);
        let earlier = std::mem::take(&mut self.task);
        let (serving, place) = (self.serving.take(), self.place.clone());
        self.task.spawn(async move {
            failpoint::pass("start");
            let left = left_by(earlier).await;
            let mut verdict = hand_over(candidate, place, left.serving.or(serving), cancelled).await;
            verdict.replaced.splice(..0, left.replaced);
            verdict.earlier = left.swaps;
            verdict
        });
    }

    fn conclude(&mut self, verdict: Result<Verdict, JoinError>) {
        self.cancel = None;
        let Some(verdict) = joined(verdict) else { return };
        self.serving = verdict.serving;
        let mut replaced = verdict.replaced;
        for swap in verdict.earlier {
            self.note(swap, None);
        }
        match verdict.result {
            Ok(swap) => {
                let before = replaced.pop().and_then(|before| self.keep_alive(before, &swap));
                self.note(swap, before);
            }
            Err((_, None)) => (),
            Err((role, Some(report))) => self.failed(role, Arc::new(report)),
        }
        for replaced in replaced {
            self.retiring.spawn(replaced.retire());
        }
    }

    /// Of a program that cannot be started again as it was, the process is kept for as long as its successor is on probation.
    fn keep_alive(&mut self, before: Serving, swap: &Swap) -> Option<Live> {
        let is_needed = matches!(swap.role, Role::New) && !swap.start.config.probation.is_zero();
        if !is_needed || before.start.artifact.is_some() {
            self.retiring.spawn(before.retire());
            return None;
        }
        let Serving { instance, backend, address, .. } = before;
        self.retiring.spawn(async move {
            backend.drain(DRAIN_LIMIT).await;
        });
        Some(Live { instance, address })
    }

    /// Takes down that another run answers.
    pub(super) fn note(&mut self, swap: Swap, before: Option<Live>) {
        let Swap { swapped, role, start } = swap;
        self.known = Some(swapped.address.port());
        self.memory_kills = memory::kills();
        self.current = Some((start.clone(), Role::Restart));
        match role {
            Role::Back(to, why) => return self.went_back(swapped, to, why),
            Role::New => {
                self.let_go();
                self.past.push(start, swapped.generation, before);
                self.begin_probation();
            }
            Role::Return(to) => {
                self.let_go();
                self.past.go_to(to, swapped.generation);
                self.past.judge(false);
                self.begin_probation();
            }
            Role::Restart | Role::Instead => {
                self.probation = None;
                self.past.renumber(swapped.generation);
            }
        }
        self.untold.push_back(Event::Swapped(swapped));
    }

    fn begin_probation(&mut self) {
        let serving = self.serving.as_ref().filter(|serving| !serving.start.config.probation.is_zero());
        self.probation = serving.map(|serving| {
            let config = &serving.start.config;
            Probation::begin(serving.address, config)
        });
    }

    fn end_probation(&mut self, end: End) {
        let Some(probation) = self.probation.take() else { return };
        let (answer, earlier) = match (end, self.past.earlier()) {
            (End::Unfit(answer), Some(earlier)) => (answer, earlier),
            // There is nothing better to answer.
            (End::Unfit(_), None) => return,
            (End::Passed, _) => return self.let_go(),
        };
        let (report, after) = (Arc::new(self.unfit_report(answer)), probation.since.elapsed());
        self.go_back(earlier, Why::Failed { report, after });
    }

    /// Ends the process that was kept alive.
    pub(super) fn let_go(&mut self) {
        if let Some(live) = self.past.take_live() {
            self.retiring.spawn(live.instance.stop());
        }
    }

    fn failed(&mut self, role: Role, report: Arc<Report>) {
        match role {
            Role::Back(_, why) => {
                self.place.notices.warn(format!("cannot roll back: {}", report.title));
                self.current = self.past.current().map(|run| (run.start.clone(), Role::Restart));
                match why {
                    Why::Failed { report: crash, .. } if self.serving.is_none() => self.is_down(&crash),
                    Why::Failed { .. } | Why::Asked => self.refuse(&report),
                }
            }
            Role::New | Role::Return(_) if self.serving.is_none() && self.can_go_on() => {
                self.untold.push_back(Event::Failed(report));
                self.go_on();
            }
            Role::New | Role::Return(_) | Role::Restart | Role::Instead => {
                self.refuse(&report);
                self.untold.push_back(Event::Failed(report));
            }
        }
    }

    /// Whether the program that answered before a candidate can do so again.
    fn can_go_on(&self) -> bool {
        self.past.current().is_some_and(|run| run.start.artifact.is_some() && !run.is_bad)
    }

    /// Starts it again: it was stopped to make room for one that did not become ready.
    fn go_on(&mut self) {
        if let Some(run) = self.past.current() {
            let start = Start { cause: Cause::none(), ..run.start.clone() };
            self.hand_over(start, Role::Instead);
        }
    }

    fn crashed(&mut self, exit: Exit) {
        let report = Arc::new(self.crash_report(exit));
        let probation = self.probation.take();
        if let Some(serving) = self.serving.take() {
            self.current = Some((serving.start.clone(), Role::Restart));
            self.retiring.spawn(serving.instance.stop());
        }
        match (probation, self.past.earlier()) {
            (Some(probation), Some(earlier)) => {
                self.past.judge(true);
                self.place.slot.replace(waiting("the generation before it is being started again"));
                let after = probation.since.elapsed();
                self.go_back(earlier, Why::Failed { report, after });
            }
            _ => self.is_down(&report),
        }
    }

    /// Nothing answers: what ran last is started again after a pause.
    fn is_down(&mut self, report: &Arc<Report>) {
        self.place.slot.replace(State::Down(Arc::clone(report)));
        self.current = self.newest_sources().or(self.current.take());
        let retry_in = self.schedule();
        self.untold.push_back(Event::Crashed { report: Arc::clone(report), retry_in });
    }

    /// Where an earlier generation was only a process that was kept alive, the newest one is all that can be started.
    fn newest_sources(&self) -> Option<(Start, Role)> {
        let newest = self.past.newer().filter(|_| !self.can_go_on())?;
        Some((self.past.get(newest)?.start.clone(), Role::Return(newest)))
    }

    fn schedule(&mut self) -> Duration {
        let now = Instant::now();
        let pause = self.backoff.pause(now);
        self.retry = Some(now + pause);
        pause
    }

    fn try_again(&mut self) {
        self.retry = None;
        if let Some((start, role)) = self.current.clone() {
            // No save caused this one.
            self.hand_over(Start { cause: Cause::none(), ..start }, role);
        }
    }
}

/// What a hand-over that was cancelled leaves behind.
#[derive(Default)]
struct Left {
    serving: Option<Serving>,
    replaced: Vec<Serving>,
    /// It had swapped before it heard; that has to be told all the same.
    swaps: Vec<Swap>,
}

/// Waits for the end of a hand-over that was cancelled.
async fn left_by(mut earlier: JoinSet<Verdict>) -> Left {
    let mut left = Left::default();
    while let Some(verdict) = earlier.join_next().await {
        let Ok(verdict) = verdict else { continue };
        left.serving = verdict.serving;
        left.replaced.extend(verdict.replaced);
        left.swaps.extend(verdict.earlier.into_iter().chain(verdict.result.ok()));
    }
    left
}

async fn exited(serving: &mut Option<Serving>) -> Exit {
    match serving {
        Some(serving) => serving.instance.exited().await,
        None => std::future::pending().await,
    }
}

async fn ended(probation: &mut Option<Probation>) -> End {
    match probation {
        Some(probation) => probation.end().await,
        None => std::future::pending().await,
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}
