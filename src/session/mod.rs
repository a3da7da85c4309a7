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
mod loop_breaker;
mod open;
mod paths;
mod program;
mod reconfigure;
mod sweep;

use std::{
    collections::{BTreeSet, HashSet},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

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
    generation::{Counter, Generation, Standing},
    process::{Cgroup, Keeper},
    reload::{Hub, Message, Only, Painted, Router, Update},
    report::Report,
    server::Rooms,
    site::{Site, Told, Written},
    telemetry::{Change, Notice, Notices, Pace},
    watch::{Change as FileChange, ChangeSet, Watcher},
};
use backing::Backing;
use failures::{Failures, News};
use history::History;
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
}

/// Files that are named as the cause of what a change set leads to, and that are swapped one by one in a page. A checkout
/// changes thousands; nobody reads their names, and a page that swaps so many loads anew faster.
const NAMED: usize = 100;

/// How long browsers may take to hear that we are leaving.
const FAREWELL_LIMIT: Duration = Duration::from_millis(500);

enum Event {
    Changed(ChangeSet),
    WatchEnded,
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
    cgroup: Option<Cgroup>,
    writer: mpsc::Sender<Written>,
    servers: JoinSet<()>,
    sockets: TaskTracker,
    stop: CancellationToken,
}

impl Session {
    /// Runs until told to stop; nothing is left running or listening after it.
    pub async fn run(mut self) {
        self.sweep();
        self.load_site();
        loop {
            match self.next_event().await {
                Event::Changed(changes) => self.changed(&changes),
                Event::WatchEnded => self.notices.warn("watching has stopped: saves are no longer seen; start everlit again"),
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
                Event::Painted(painted) => self.painted(painted),
                Event::Quiet => self.release(),
                Event::Wrote(Written { resource, ids }) => drop(self.hub.send(&Message::Data { resource, ids })),
                Event::Stop => return self.shut_down().await,
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
                () = sleep_until(quiet.into()), if is_held => return Event::Quiet,
                Some(Ok(reports)) = self.loading.join_next() => return Event::Loaded(reports),
                // One that panicked must not keep the first build from being made.
                Some(swept) = self.sweeping.join_next() => return Event::Swept(swept.unwrap_or_default()),
                Some(_) = self.servers.join_next() => (),
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
            self.notices.send(Notice::Info(text));
        }
        self.cgroup = swept.cgroup;
        if self.config.app.is_some() && !self.builder.is_running() {
            self.request_build(Cause::none(), Work::All);
        }
    }

    fn changed(&mut self, changes: &ChangeSet) {
        let mut plan = self.planner.plan(changes);
        self.leave_out_outputs(&mut plan, changes);
        let files = changes.iter().take(NAMED).map(|change| change.path.to_owned()).collect();
        let mut cause = Cause { files, saved: changes.saved };
        let is_other = detection::may_differ(&self.config, changes) && self.detects_otherwise();
        self.refresh_site(&mut plan, &mut cause);
        if plan.is_empty() && !is_other {
            return;
        }
        self.history.learn(changes);
        self.unsaid.push(Notice::Changed { files: cause.files.clone() });
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
                self.notices.warn(text);
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

    fn painted(&mut self, painted: Painted) {
        let Some(shown) = self.pace.painted(painted.generation, painted.at) else { return };
        self.notices.send(Notice::Painted { generation: painted.generation, took: shown.took, cause: shown.cause });
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

    /// Lets the site read its files anew. Data that says what is served already (we wrote it, most likely) leaves the plan, and
    /// so do templates that cannot be used: the last good ones stay. What leaves the plan caused nothing.
    fn refresh_site(&mut self, plan: &mut Plan, cause: &mut Cause) {
        let Some(site) = &self.rooms.site else { return };
        let touched: Vec<_> = plan.data.iter().chain(&plan.pages).cloned().collect();
        if !site.reads_any(&touched) {
            return;
        }
        // It reads files, and may wait for a write that is under way.
        let refreshed = tokio::task::block_in_place(|| site.refresh(&touched));
        let changed: HashSet<_> = refreshed.changed.into_iter().collect();
        plan.data.retain(|path| changed.contains(path));
        plan.pages.retain(|path| changed.contains(path));
        let left: HashSet<_> = touched.into_iter().filter(|path| !changed.contains(path)).collect();
        let edited = std::mem::take(&mut cause.files);
        cause.files = edited.iter().filter(|path| !left.contains(*path)).cloned().collect();
        match self.failures.set_site(refreshed.failures) {
            News::Failed(report) => self.show_failure(report, &edited),
            News::Mended => self.show_standing(&edited),
            News::None => (),
        }
    }

    /// Reads the site's data on a thread that may block; what cannot be used comes back as an event.
    fn load_site(&mut self) {
        // Nobody wants to hear any more what a site says that is replaced.
        self.loading = JoinSet::new();
        match self.rooms.site.clone() {
            Some(site) => drop(self.loading.spawn_blocking(move || site.load())),
            None => self.site_loaded(Vec::new()),
        }
    }

    fn site_loaded(&mut self, reports: Vec<Report>) {
        match self.failures.set_site(reports) {
            News::Failed(report) => self.show_failure(report, &[]),
            News::Mended => self.show_standing(&[]),
            News::None => (),
        }
    }

    /// No build: the new files are served already.
    fn site_changed(&mut self, plan: &Plan, cause: &Cause) {
        if plan.is_empty() {
            return;
        }
        let generation = self.generations.next();
        if plan.styles.len() + plan.assets.len() + plan.files.len() > NAMED {
            return self.reload_all(generation, cause);
        }
        let update = self.update(plan, generation, cause);
        self.history.record(&update);
        self.adopt_generation(generation);
        let change = match update.only() {
            Some(Only::Styles) => Change::Styles,
            Some(Only::Assets) => Change::Assets,
            None => Change::Reload,
        };
        let pages = self.hub.update(update);
        self.told(change, generation, pages, cause);
    }

    fn update(&self, plan: &Plan, generation: Generation, cause: &Cause) -> Update {
        let urls = |files: &[PathBuf]| paths::urls(&self.config, files);
        let files = [&plan.styles, &plan.assets, &plan.files].into_iter().flatten();
        let held = |file: &PathBuf| {
            let hash = self.history.hash(file, generation);
            urls(std::slice::from_ref(file)).into_iter().map(move |url| (url, hash.clone()))
        };
        let answers = paths::answers(&plan.data);
        // An answer is made of many files: another one each time.
        let made = answers.iter().map(|path| (path.clone(), format!("generation {generation}")));
        let hashes = files.flat_map(held).chain(made).collect();
        Update {
            generation,
            cause: cause.files.clone(),
            styles: urls(&plan.styles),
            assets: urls(&plan.assets),
            modules: urls(&plan.files),
            answers,
            hashes,
            pages: !(plan.pages.is_empty() && plan.data.is_empty()),
            // What a program serves may have any address: where none of those is found, only a reload is sure to show it.
            guessed: self.config.program().is_some(),
        }
    }

    /// Every page has to be loaded anew.
    fn reload_all(&mut self, generation: Generation, cause: &Cause) {
        self.history.all(generation);
        self.adopt_generation(generation);
        let pages = self.hub.send(&Message::reload(generation, &cause.files));
        self.told(Change::Reload, generation, pages, cause);
    }

    fn obey(&mut self, command: Command) {
        if command == Command::Timings {
            let (told, painted) = (self.pace.until_told(), self.pace.until_painted());
            return self.notices.send(Notice::Timings { told, painted });
        }
        if let Command::Switch(way) = command {
            return self.switch(way);
        }
        let cause = Cause::none();
        if command == Command::Rebuild && self.config.app.is_some() {
            return self.request_build(cause, Work::All);
        }
        let generation = self.generations.next();
        self.reload_all(generation, &cause);
    }

    fn switch(&mut self, way: Way) {
        if let Err(why) = self.backing.switch(way) {
            self.notices.send(Notice::Info(why.into()));
        }
    }

    /// What answers is of this generation from here on.
    fn adopt_generation(&mut self, generation: Generation) {
        self.backing.renumber(generation);
        self.stand_at(generation);
    }

    /// Serve first: what requests get is that generation from here on.
    fn stand_at(&mut self, generation: Generation) {
        let building = self.builder.is_running() || self.backing.is_starting();
        let failure = self.failures.standing();
        let History { program, pages, resources, .. } = &self.history;
        let (program, pages, resources) = (*program, *pages, resources.clone());
        self.standing.send_replace(Standing { generation, failure, building, program, pages, resources });
    }

    /// What pages were told, second to its being served.
    fn told(&mut self, change: Change, generation: Generation, pages: usize, cause: &Cause) {
        let took = cause.saved.elapsed();
        if pages > 0 && !cause.files.is_empty() {
            // A tool that asks for a page after each message is no page that loads anew because of one.
            if self.hub.tabs() > 0 {
                self.breaker.told(&cause.files, Instant::now());
            }
            self.pace.told(generation, cause.saved, took, &cause.files);
        }
        self.unsaid.push(Notice::Reloaded { change, generation, pages, took, cause: cause.files.clone() });
    }

    /// The last good generation, if any, keeps serving, and everybody knows that it is stale.
    fn show_failure(&mut self, report: Arc<Report>, cause: &[PathBuf]) {
        let is_served = self.config.program().is_none() || self.backing.is_serving();
        let serving = if is_served { self.standing.borrow().generation } else { Generation::default() };
        self.notices.send(Notice::BuildFailed { report, serving });
        self.show_standing(cause);
    }

    /// Tells pages of the failure that stands now, or that none does.
    fn show_standing(&mut self, cause: &[PathBuf]) {
        let generation = self.standing.borrow().generation;
        self.stand_at(generation);
        let message = match self.failures.standing() {
            Some(report) => Message::failed(generation, cause, &report),
            None => Message::ok(generation, cause),
        };
        self.hub.send(&message);
        if self.standing.borrow().building {
            // Either message ends what a page says of a build.
            self.hub.send(&Message::building(generation, cause));
        }
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

fn open_site(config: &crate::config::SiteConfig, writer: &mpsc::Sender<Written>, notices: &Notices) -> Site {
    let (writer, notices) = (writer.clone(), notices.clone());
    Site::new(config, move |told| match told {
        // Who subscribed reads the resource anew anyway: one message of a burst is as good as all.
        Told::Wrote(written) => drop(writer.try_send(written)),
        // One page has a mistake; what is served is as fresh as before.
        Told::Failed(report) => notices.send(Notice::PageFailed { report: Arc::from(report) }),
    })
}
