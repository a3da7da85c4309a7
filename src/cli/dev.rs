//! `everlit dev`: one session, its console, its keys and its signals.

use std::{env, time::Duration, time::Instant};

use anyhow::{Context, Result, anyhow};
use tokio::{runtime::Runtime, sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::{
    adb,
    args::DevArgs,
    browser,
    console::{self, Console, Ready},
    devices, devtools, folders,
    keys::{Key, Keys},
    mistake, signals, trust,
};
use crate::{
    app::Way,
    config::{self, Config, Layer, LogFormat, TlsConfig},
    device::{self, AdbServer},
    editor::Surroundings,
    process::{self, EndSignals, Keeper},
    session::{Command, Opened, Session, Setup},
    telemetry::{Notice, Notices},
};

/// What a person can ask for before the first of it is done.
const COMMANDS: usize = 16;

/// How long tasks that cannot be cancelled, such as a read of a hanging disk, may hold up the exit.
const RUNTIME_LIMIT: Duration = Duration::from_millis(200);

/// What is said when a part has panicked without which the others are of no use.
const MISTAKE: &str = "everlit made a mistake and ends, as do its programs; start it again";

/// Names the events to trace, as `everlit=debug`; they go to standard error.
const TRACE: &str = "EVERLIT_TRACE";

/// Serves a project until the person stops it.
///
/// # Errors
/// When the configuration cannot be used, or no port can be taken.
pub(super) fn dev(args: &DevArgs) -> Result<()> {
    let began = Instant::now();
    let (dir, flags) = (args.dir.clone(), args.layer());
    let variables = Layer { shell: Some(shell()), ..Layer::from_env(|name| env::var_os(name))? };
    let load = move || config::load(&dir, flags.clone(), variables.clone());
    let config = load()?;
    trace();
    mistake::keep_reports(folders::state());
    let runtime = Runtime::new().context("cannot start the runtime")?;
    let outcome = runtime.block_on(serve(config, Box::new(load), began));
    runtime.shutdown_timeout(RUNTIME_LIMIT);
    outcome
}

async fn serve(config: Config, load: crate::session::Load, began: Instant) -> Result<()> {
    let (notices, heard) = Notices::channel();
    let (commands, asked) = mpsc::channel(COMMANDS);
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let (keeper, adb) = (keeper(&config)?, adb::server());
    let surroundings = Surroundings::from_env(|name| env::var_os(name));
    let notices_of_session = notices.clone();
    let setup = Setup {
        config: config.clone(),
        load,
        keeper,
        surroundings,
        state: folders::state(),
        adb: adb.clone(),
        notices: notices_of_session,
        commands: asked,
        stop,
    };
    let (session, opened) = Session::open(setup)?;
    // Before the terminal is changed and anybody hears that we are ready: from here on a signal ends us in good order.
    let signals = EndSignals::listen().context("cannot listen for signals")?;
    let keys = Keys::listen();
    let ready = Ready { config: &config, opened: &opened, took: began.elapsed(), keys: keys.is_some() };
    let mut console = Console::start(config.log, &ready, heard)?;
    let mut tasks = JoinSet::new();
    if config.open {
        let (url, notices) = (opened.url.clone(), notices.clone());
        tasks.spawn(async move { browser::open(&url, &notices).await });
    }
    if config.server.tls == TlsConfig::Local {
        let notices = notices.clone();
        tasks.spawn_blocking(move || trust::remind(&notices));
    }
    tasks.spawn(signals::watch(signals, stopped.clone()));
    match keys {
        Some(keys) => drop(tasks.spawn(obey(keys, commands, stopped.clone(), opened, adb, notices.clone()))),
        None => drop(commands),
    }
    let outcome = run(session, &mut tasks, &mut console, &stopped).await;
    tasks.shutdown().await;
    console.finish(notices).await;
    outcome
}

/// Runs the loop beside the sockets: on a thread of its own, each message would wait for one of theirs to be woken. Should it or what
/// is needed beside it panic, all ends: the processes of a loop that is dropped are ended by who keeps them.
async fn run(session: Session, others: &mut JoinSet<()>, console: &mut Console, stop: &CancellationToken) -> Result<()> {
    let mut running = JoinSet::new();
    running.spawn(session.run());
    let mut is_broken = false;
    loop {
        tokio::select! {
            Some(ended) = running.join_next() => {
                let outcome = ended.unwrap_or_else(|_| Err(anyhow!(MISTAKE)));
                return if is_broken { Err(anyhow!(MISTAKE)) } else { outcome };
            }
            Some(ended) = others.join_next() => is_broken |= ended.is_err_and(|error| error.is_panic()),
            () = console.ended(), if !is_broken => is_broken = true,
        }
        if is_broken {
            stop.cancel();
        }
    }
}

/// What the keys ask for.
async fn obey(
    mut keys: Keys,
    commands: mpsc::Sender<Command>,
    stop: CancellationToken,
    opened: Opened,
    adb: AdbServer,
    notices: Notices,
) {
    let (mut opening, mut inspecting) = (JoinSet::new(), JoinSet::new());
    while let Some(key) = keys.next().await {
        match key {
            Key::Rebuild => drop(commands.try_send(Command::Rebuild)),
            Key::Back => drop(commands.try_send(Command::Switch(Way::Back))),
            Key::FurtherBack => drop(commands.try_send(Command::Switch(Way::FurtherBack))),
            Key::Pages => drop(commands.try_send(Command::Pages)),
            Key::Timings => drop(commands.try_send(Command::Timings)),
            Key::Pair => drop(commands.try_send(Command::Invite)),
            Key::Open => browser::open(&opened.url, &notices).await,
            Key::Inspect => inspect(&opened, &notices).await,
            Key::Devices => ask(&mut opening, devices::open_by_key(adb.clone(), opened.phones, notices.clone())),
            Key::DevTools => ask(&mut inspecting, devtools::open_by_key(adb.clone(), opened.clone(), notices.clone())),
            Key::Help => notices.send(Notice::Info(keys_in_words(&opened, &adb).await)),
            Key::Quit => stop.cancel(),
        }
    }
}

/// Asks phones for something, which takes them seconds. Who presses the key again meanwhile has been heard already.
fn ask(asking: &mut JoinSet<()>, work: impl Future<Output = ()> + Send + 'static) {
    while asking.try_join_next().is_some() {}
    if asking.is_empty() {
        asking.spawn(work);
    }
}

/// All keys, with those of phones where there are any.
async fn keys_in_words(opened: &Opened, adb: &AdbServer) -> String {
    let has_phones = opened.phones.is_some() && device::is_any(adb).await;
    if has_phones { format!("{} · {}", Key::HELP, Key::OF_PHONES) } else { Key::HELP.to_owned() }
}

/// Opens the page of the control listener, by a link that works once.
async fn inspect(opened: &Opened, notices: &Notices) {
    match opened.invitations.issue() {
        Ok(code) => browser::open(&format!("{}#{}", opened.control, code.reveal()), notices).await,
        Err(error) => notices.warn(format!("cannot make a link to inspect with: the system has no random source ({error})")),
    }
}

/// Who keeps process trees: this program.
fn keeper(config: &Config) -> Result<Keeper> {
    let program = process::program().context("cannot find the everlit program itself")?;
    Ok(Keeper::new(program, colours(config.log)).for_project(&config.root))
}

/// Asks programs for colours, which they leave out for a pipe, where ours has them and the person did not say otherwise.
fn colours(format: LogFormat) -> Vec<(String, String)> {
    let names = ["FORCE_COLOR", "CLICOLOR_FORCE"];
    let is_said = names.iter().chain(&["NO_COLOR"]).any(|name| env::var_os(name).is_some());
    if is_said || !console::has_colours(format) {
        return Vec::new();
    }
    names.map(|name| (name.to_owned(), "1".to_owned())).to_vec()
}

/// The variables that commands inherit.
fn shell() -> Vec<(String, String)> {
    let text = |part: std::ffi::OsString| part.to_string_lossy().into_owned();
    env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
}

fn trace() {
    let Ok(filter) = EnvFilter::try_from_env(TRACE) else { return };
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
