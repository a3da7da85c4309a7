//! Runs the dev loop: wait for an event, decide, tell the others; owns every long task and the shutdown.
//!
//! [`Session::open`] binds and makes the rooms; from then on requests are answered or wait. [`Session::run`] is the loop: one
//! line per event, the handlers below it in the same order, those of builds and of the program in `program`. A handler never
//! waits for a build, a start or a drain; those come back as events.
//!
//! This module prints nothing and knows no HTTP.

mod backing;
mod detection;
mod failures;
mod history;
mod lan;
mod lookout;
mod loop_breaker;
mod open;
mod paths;
mod program;
mod reconfigure;
mod site;
mod sweep;
mod telling;

use std::{
    collections::{BTreeSet, HashSet},
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinSet, yield_now},
    time::{sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use open::{Opened, Setup};

use crate::{
    app::{self, Way},
    build::{Builder, Cause, Changed, Outcome, Plan, Planner, Work},
    config::{Config, ConfigError},
    failpoint,
    generation::{Counter, Standing},
    process::{Cgroup, Keeper},
    reload::{Hub, Message, Painted},
    report::Report,
    router::Router,
    server::{Lanes, Missing, Room, Rooms},
    site::Written,
    telemetry::{Notice, Notices, Pace},
    watch::{Change as FileChange, ChangeSet, Watcher},
};
use backing::Backing;
use failures::Failures;
use history::History;
use lan::Invitations;
use lookout::{Back, Lookout};
use loop_breaker::{LoopBreaker, Ruling};
use sweep::Swept;

/// What somebody asks the session to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Build and start again; without a program, reload.
    Rebuild,
    /// Load every page anew.
    Reload,
    /// Go back to an earlier generation of the program, or forward again.
    Switch(Way),
    /// Say how fast saves reach browsers.
    Timings,
    /// Show a code by which a phone comes in.
    Invite,
    /// Say which pages are open.
    Pages,
}

/// Files that are named as the cause of what a change set leads to, and that are swapped one by one in a page. A checkout
/// changes thousands; nobody reads their names, and a page that swaps so many loads anew faster.
const NAMED: usize = 100;

/// How long browsers may take to hear that we are leaving.
const FAREWELL_LIMIT: Duration = Duration::from_millis(500);

enum Event {
    Changed(ChangeSet),
    WatchEnded,
    /// What is to listen does not.
    ServerEnded,
    Built(Outcome),
    App(app::Event),
    Asked(Command),
    Wrote(Written),
    Painted(Painted),
    /// What waited for a file to be quiet.
    Quiet,
    /// What the site's files say that cannot be used as they are.
    Loaded(Vec<Report>),
    /// Nothing of earlier runs is left.
    Swept(Swept),
    /// A server that is not ours gave no answer.
    Missing(Missing),
    /// It answers again.
    Back(Back),
    Stop,
}

/// Reads the configuration anew.
pub type Load = Box<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>;

/// The dev loop of one project.
pub struct Session {
    config: Config,
    planner: Planner,
    load: Load,
    keeper: Keeper,
    rooms: Rooms,
    router: watch::Sender<Router>,
    standing: watch::Sender<Standing>,
    generations: Counter,
    failures: Failures,
    history: History,
    breaker: LoopBreaker,
    pace: Pace,
    /// What was saved together with code that is being built.
    untold: Plan,
    port_hinted: bool,
    /// What is printed when the event has been dealt with.
    unsaid: Vec<Notice>,
    hub: Hub,
    notices: Notices,
    watcher: Watcher,
    builder: Builder,
    backing: Backing,
    commands: mpsc::Receiver<Command>,
    control: mpsc::Receiver<()>,
    written: mpsc::Receiver<Written>,
    painted: mpsc::Receiver<Painted>,
    /// The site reads its data behind the first answers.
    loading: JoinSet<Vec<Report>>,
    /// Looks for what earlier runs left behind.
    sweeping: JoinSet<Swept>,
    /// Looks for servers that are not there.
    lookout: Lookout,
    missing: mpsc::Receiver<Missing>,
    cgroup: Option<Cgroup>,
    writer: mpsc::Sender<Written>,
    servers: JoinSet<()>,
    /// Lets phones in by the network, where they may.
    invitations: Option<Invitations>,
    /// For connections to them.
    room: Room,
    sockets: TaskTracker,
    /// For as long as there are connections.
    _lanes: Lanes,
    stop: CancellationToken,
}

impl Session {
    /// Runs until told to stop; nothing is left running or listening after it.
    ///
    /// # Errors
    /// When a part without which saves or requests would be waited for has ended. All else was stopped in order.
    pub async fn run(mut self) -> Result<()> {
        self.sweep();
        self.load_site();
        self.look_for_servers();
        loop {
            match self.next_event().await {
                Event::Changed(changes) => self.changed(&changes),
                Event::WatchEnded => return self.broken("watching has stopped, and saves would not be seen").await,
                Event::ServerEnded => return self.broken("a part that lets requests or phones in has stopped").await,
                Event::Built(Outcome::Done(product)) => self.built(product),
                Event::Built(Outcome::Failed(report, cause)) => self.build_failed(report, &cause),
                Event::App(app::Event::Swapped(swapped)) => self.swapped(&swapped),
                Event::App(app::Event::RolledBack(back)) => self.rolled_back(back),
                Event::App(app::Event::Unchanged(cause)) => self.unchanged(&cause),
                Event::App(app::Event::Failed(report)) => self.start_failed(report),
                Event::App(app::Event::Crashed { report, retry_in }) => self.crashed(report, retry_in),
                Event::Asked(command) => self.obey(command),
                Event::Loaded(reports) => self.site_loaded(reports),
                Event::Swept(swept) => self.first_build(swept),
                Event::Missing(missing) => self.missed(missing),
                Event::Back(back) => self.came_back(&back),
                Event::Painted(painted) => self.painted(painted),
                Event::Quiet => self.release(),
                Event::Wrote(Written { resource, ids }) => drop(self.hub.send(&Message::Data { resource, ids })),
                Event::Stop => {
                    self.shut_down().await;
                    return Ok(());
                }
            }
            self.speak().await;
        }
    }

    async fn next_event(&mut self) -> Event {
        loop {
            let (quiet, is_held) = (self.breaker.due().unwrap_or_else(Instant::now), self.breaker.due().is_some());
            tokio::select! {
                () = self.stop.cancelled() => return Event::Stop,
                changes = self.watcher.next() => return changes.map_or(Event::WatchEnded, Event::Changed),
                outcome = self.builder.next() => return Event::Built(outcome),
                event = self.backing.next() => return Event::App(event),
                Some(command) = self.commands.recv() => return Event::Asked(command),
                Some(()) = self.control.recv() => return Event::Asked(Command::Reload),
                Some(written) = self.written.recv() => return Event::Wrote(written),
                Some(painted) = self.painted.recv() => return Event::Painted(painted),
                Some(missing) = self.missing.recv() => return Event::Missing(missing),
                back = self.lookout.next() => return Event::Back(back),
                () = sleep_until(quiet.into()), if is_held => return Event::Quiet,
                Some(Ok(reports)) = self.loading.join_next() => return Event::Loaded(reports),
                // One that panicked must not keep the first build from being made.
                Some(swept) = self.sweeping.join_next() => return Event::Swept(swept.unwrap_or_default()),
                Some(ended) = self.servers.join_next() => {
                    if ended.is_err_and(|error| error.is_panic()) {
                        return Event::ServerEnded;
                    }
                }
            }
        }
    }

    /// Prints what a change came to, once the sockets had their turn: the console's thread is not woken before theirs.
    async fn speak(&mut self) {
        if !self.unsaid.is_empty() {
            yield_now().await;
            self.say_all();
        }
    }

    /// Has it printed once the event has been dealt with, so that whoever reads it finds what it speaks of.
    fn say(&mut self, notice: Notice) {
        self.unsaid.push(notice);
    }

    fn say_all(&mut self) {
        self.unsaid.drain(..).for_each(|notice| self.notices.send(notice));
    }

    /// Ends what earlier runs left behind, on a thread that may block: it may hold the port that the program wants.
    fn sweep(&mut self) {
        let root = self.config.root.clone();
        if self.config.app.is_some() {
            self.sweeping.spawn_blocking(move || Swept::of(&root));
        }
    }

    fn first_build(&mut self, swept: Swept) {
        if let Some(text) = swept.words() {
            self.say(Notice::Info(text));
        }
        self.cgroup = swept.cgroup;
        if self.config.app.is_some() && !self.builder.is_running() {
            self.request_build(Cause::none(), Work::All);
        }
    }

    fn changed(&mut self, changes: &ChangeSet) {
        failpoint::pass("session");
        if let Some(site) = &self.rooms.site {
            site.forget(changes.iter().map(|change| self.config.root.join(change.path)));
        }
        let mut plan = self.planner.plan(changes);
        self.leave_out_outputs(&mut plan, changes);
        let files = changes.iter().take(NAMED).map(|change| change.path.to_owned()).collect();
        let mut cause = Cause::save(files, changes.saved);
        let is_other = detection::may_differ(&self.config, changes) && self.detects_otherwise();
        self.refresh_site(&mut plan, &mut cause);
        if plan.is_empty() && !is_other {
            return;
        }
        self.note_save(&cause);
        self.history.learn(changes);
        self.say(Notice::Changed { files: cause.files.clone() });
        if (is_other || !plan.config.is_empty()) && self.reconfigure(&plan, &cause) {
            return;
        }
        plan.config.clear();
        self.check_loop(plan, cause);
    }

    /// What a step of the build wrote is built from no further: whoever reads it runs after that step.
    fn leave_out_outputs(&self, plan: &mut Plan, changes: &ChangeSet) {
        if plan.code.is_empty() && plan.steps.is_empty() {
            return;
        }
        let wrote = |change: &FileChange<'_>| self.builder.wrote(change.path, change.hash);
        let outputs: HashSet<_> = changes.iter().filter(wrote).map(|change| change.path.to_owned()).collect();
        plan.code.retain(|path| !outputs.contains(path));
        plan.steps.retain(|path| !outputs.contains(path));
    }

    /// Acts on a change, unless it is one of a loop's.
    fn check_loop(&mut self, plan: Plan, cause: Cause) {
        let now = Instant::now();
        match self.breaker.rule(&cause.files, now, self.hub.last_load()) {
            Ruling::Pass => return self.act_on(plan, cause),
            Ruling::Hold => (),
            Ruling::Broken(file, pause) => {
                let text = loop_breaker::explanation(&file, pause);
                self.hub.send(&Message::notice(&text));
                self.say(Notice::Warning(text));
            }
        }
        self.breaker.hold(plan, cause, now);
    }

    /// A file is quiet.
    fn release(&mut self) {
        if let Some((plan, cause)) = self.breaker.take() {
            self.act_on(plan, cause);
        }
    }

    fn act_on(&mut self, mut plan: Plan, cause: Cause) {
        let work = self.work(&plan);
        let is_code = !std::mem::take(&mut plan.code).is_empty();
        plan.steps.clear();
        match (work, is_code) {
            (Some(work), true) => {
                // One save is one reload: the rest of it is told with the build, or when that fails.
                self.untold.extend(plan);
                self.request_build(cause, work);
            }
            (Some(work), false) => {
                // It is no affair of the program's, and served already.
                self.site_changed(&plan, &cause);
                self.request_build(cause, work);
            }
            (None, _) => self.site_changed(&plan, &cause),
        }
    }

    /// What a build has to do for a change; `None` when there is nothing to build.
    fn work(&self, plan: &Plan) -> Option<Work> {
        let files: BTreeSet<_> = plan.code.iter().chain(&plan.steps).collect();
        let changed = |path: &PathBuf| Changed { path: path.clone(), hash: self.history.content(path) };
        (self.config.app.is_some() && !files.is_empty()).then(|| Work::Changed(files.into_iter().map(changed).collect()))
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Rebuild if self.config.app.is_some() => self.request_build(Cause::none(), Work::All),
            Command::Rebuild | Command::Reload => {
                let generation = self.generations.next();
                self.reload_all(generation, &Cause::none(), None);
            }
            Command::Switch(way) => self.switch(way),
            Command::Timings => self.say_timings(),
            Command::Invite => self.invite(),
            Command::Pages => self.list_pages(),
        }
    }

    fn say_timings(&mut self) {
        let (told, painted) = (self.pace.until_told(), self.pace.until_painted());
        self.say(Notice::Timings { told, painted });
    }

    fn list_pages(&mut self) {
        let generation = self.standing.borrow().generation;
        let pages = self.hub.pages();
        self.say(Notice::Pages { generation, pages });
    }

    fn invite(&mut self) {
        match &self.invitations {
            Some(invitations) => invitations.show(),
            None => self.say(Notice::Info("phones come in by the network when everlit is started with --lan".into())),
        }
    }

    fn switch(&mut self, way: Way) {
        if let Err(why) = self.backing.switch(way) {
            self.say(Notice::Info(why.into()));
        }
    }

    /// Ends in order: something would be waited for in vain.
    async fn broken(self, what: &str) -> Result<()> {
        self.shut_down().await;
        bail!("{what}: everlit ends, as do its programs; start it again")
    }

    /// Order: no new connections and no sockets, then builds and programs, then what is left of requests.
    async fn shut_down(mut self) {
        self.stop.cancel();
        self.sockets.close();
        let backing = self.backing;
        let farewell = timeout(FAREWELL_LIMIT, self.sockets.wait());
        let servers = async { while self.servers.join_next().await.is_some() {} };
        let _ = tokio::join!(self.builder.stop(), backing.stop(), farewell, servers);
        if let Some(cgroup) = self.cgroup {
            cgroup.leave();
        }
    }
}
