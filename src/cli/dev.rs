//! `everlit dev`: one session, its console, its keys and its signals.

use std::{env, time::Duration, time::Instant};

use anyhow::{Context, Result};
use tokio::{runtime::Runtime, sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::{
    args::DevArgs,
    browser,
    console::{self, Console, Ready},
    keys::{Key, Keys},
    signals,
};
use crate::{
    app::Way,
    config::{self, Config, Layer, LogFormat},
    editor::Surroundings,
    process::{self, EndSignals, Keeper},
    session::{Command, Opened, Session, Setup},
    telemetry::{Notice, Notices},
};

/// What a person can ask for before the first of it is done.
const COMMANDS: usize = 16;

/// How long tasks that cannot be cancelled, such as a read of a hanging disk, may hold up the exit.
const RUNTIME_LIMIT: Duration = Duration::from_millis(200);

/// The adb server's port, unless the environment says otherwise.
const ADB_PORT: u16 = 5037;

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
    let (keeper, adb_port) = (keeper(&config)?, adb_port());
    let surroundings = Surroundings::from_env(|name| env::var_os(name));
    let notices_of_session = notices.clone();
    let setup = Setup {
        config: config.clone(),
        load,
        keeper,
        surroundings,
        adb_port,
        notices: notices_of_session,
        commands: asked,
        stop,
    };
    let (session, opened) = Session::open(setup)?;
    // Before the terminal is changed and anybody hears that we are ready: from here on a signal ends us in good order.
    let signals = EndSignals::listen().context("cannot listen for signals")?;
    let keys = Keys::listen();
    let ready = Ready { config: &config, opened: &opened, took: began.elapsed(), keys: keys.is_some() };
    let console = Console::start(config.log, &ready, heard)?;
    let mut tasks = JoinSet::new();
    if config.open {
        let (url, notices) = (opened.url.clone(), notices.clone());
        tasks.spawn(async move { browser::open(&url, &notices).await });
    }
    tasks.spawn(signals::watch(signals, stopped.clone()));
    match keys {
        Some(keys) => drop(tasks.spawn(obey(keys, commands, stopped.clone(), opened, notices.clone()))),
        None => drop(commands),
    }
    run(session).await;
    tasks.shutdown().await;
    console.finish(notices).await;
    Ok(())
}

/// Runs the loop beside the sockets: on a thread of its own, each message would wait for one of theirs to be woken.
async fn run(session: Session) {
    let mut running = JoinSet::new();
    running.spawn(session.run());
    if let Some(Err(error)) = running.join_next().await
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}

/// What the keys ask for.
async fn obey(mut keys: Keys, commands: mpsc::Sender<Command>, stop: CancellationToken, opened: Opened, notices: Notices) {
    while let Some(key) = keys.next().await {
        match key {
            Key::Rebuild => drop(commands.try_send(Command::Rebuild)),
            Key::Back => drop(commands.try_send(Command::Switch(Way::Back))),
            Key::FurtherBack => drop(commands.try_send(Command::Switch(Way::FurtherBack))),
            Key::Timings => drop(commands.try_send(Command::Timings)),
            Key::Open => browser::open(&opened.url, &notices).await,
            Key::Help => notices.send(Notice::Info(Key::HELP.into())),
            Key::Quit => stop.cancel(),
        }
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

/// Where the adb server of this machine listens, as adb itself finds it.
fn adb_port() -> u16 {
    env::var("ANDROID_ADB_SERVER_PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(ADB_PORT)
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
