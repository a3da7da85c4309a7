//! The keeper: the other end of [`Process`](super::Process), running in a process of its own.
//!
//! It is called as `everlit --everlit-keeper GRACE_MS STREAMS PROGRAM ARGS…` with a socket as standard input. It speaks one line per event on
//! that socket, and treats its end as the order to stop. It leads a process group of its own, so the terminal's signals do not
//! reach it; one that is sent to it on purpose is the same order. Only SIGKILL ends it before its tree.

use std::{
    env,
    ffi::OsString,
    io::{self, Read, Write},
    os::{
        fd::AsFd,
        unix::{net::UnixStream, process::CommandExt},
    },
    process::{Command, ExitCode, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Signal, WaitOptions, WaitStatus};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt},
    runtime::{Builder, Runtime},
};

use super::{EndSignals, Exit, handle::Identity, mark, terminal, tree};
use crate::config::tools;

/// The first argument that makes this program a keeper. It is no subcommand: nobody should meet it in `--help`.
pub(crate) const ARGUMENT: &str = "--everlit-keeper";

/// The word for a command that writes to pipes.
pub(super) const PIPES: &str = "pipes";

/// The word for a command that writes to a terminal of its own, which is the keeper's standard output.
pub(super) const TERMINAL: &str = "terminal";

/// How often a tree that was told to go is looked at again; SIGKILL takes effect in far less.
const KILL_ROUND: Duration = Duration::from_millis(20);

/// Rounds of SIGKILL before the keeper gives up: a process in an uninterruptible system call cannot be ended by anybody.
const KILL_ROUNDS: usize = 50;

/// What a keeper says on its socket.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// The command runs, as this process.
    Started(u32),
    /// The command could not be started.
    Refused(String),
    /// The command ended.
    Ended(Exit),
}

impl Report {
    /// Reads the next report.
    pub(super) async fn read(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Self> {
        let mut line = String::new();
        from.read_line(&mut line).await?;
        Self::parse(&line).ok_or_else(|| io::Error::other("the keeper ended without a word"))
    }

    /// How the command ended, from the last bytes a keeper sent.
    pub(super) fn exit(bytes: &[u8]) -> Exit {
        match Self::parse(&String::from_utf8_lossy(bytes)) {
            Some(Self::Ended(exit)) => exit,
            _ => Exit::Unknown,
        }
    }

    fn parse(line: &str) -> Option<Self> {
        let (word, value) = line.trim_end().split_once(' ')?;
        Some(match word {
            "started" => Self::Started(value.parse().ok()?),
            "refused" => Self::Refused(value.to_owned()),
            "exit" => Self::Ended(Exit::Code(value.parse().ok()?)),
            "signal" => Self::Ended(Exit::Signal(value.parse().ok()?)),
            _ => return None,
        })
    }

    fn line(&self) -> String {
        match self {
            Self::Started(pid) => format!("started {pid}\n"),
            Self::Refused(reason) => format!("refused {}\n", reason.replace('\n', " ")),
            Self::Ended(Exit::Code(code)) => format!("exit {code}\n"),
            Self::Ended(Exit::Signal(signal)) => format!("signal {signal}\n"),
            Self::Ended(Exit::Unknown) => String::new(),
        }
    }
}

enum Event {
    /// A process of the tree ended.
    Reaped(u32, Exit),
    /// No process is left.
    Empty,
    /// Everlit is gone, or somebody wants us gone.
    Stop,
}

/// Runs as keeper when the arguments say so; `None` when they are for somebody else.
pub(crate) fn run_if_asked(mut args: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    (args.next()? == ARGUMENT).then(|| match keep(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    })
}

fn keep(mut args: impl Iterator<Item = OsString>) -> io::Result<()> {
    let grace = args.next().and_then(|ms| ms.to_str()?.parse().ok()).unwrap_or(0);
    let has_terminal = args.next().is_some_and(|streams| streams == TERMINAL);
    let program = args.next().ok_or(io::ErrorKind::InvalidInput)?;
    let mut line = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let started = if has_terminal { start_on_terminal(&program, args) } else { start(command(&program, args)) };
    match started.map_err(|error| refusal(&program, &error)) {
        Ok((child, orders)) => {
            say(&mut line, &Report::Started(child))?;
            let events = watch(line.try_clone()?, orders);
            let mut tree = Tree { child, events, line };
            tree.until_ended();
            tree.end(Duration::from_millis(grace));
            Ok(())
        }
        Err(refusal) => say(&mut line, &Report::Refused(refusal)),
    }
}

/// Starts the command once nothing of it can slip away.
fn start(mut command: Command) -> io::Result<(u32, Orders)> {
    adopt_orphans();
    let orders = Orders::listen()?;
    Ok((command.spawn()?.id(), orders))
}

/// The same with standard output as the command's terminal.
fn start_on_terminal(program: &OsString, args: impl Iterator<Item = OsString>) -> io::Result<(u32, Orders)> {
    let ours = io::stdout();
    terminal::take(&ours)?;
    let mut command = command(program, args);
    command.stdin(ours.as_fd().try_clone_to_owned()?);
    let (child, orders) = start(command)?;
    if let Some(leader) = tree::pid_of(child) {
        // A command that is gone already needs no foreground.
        let _ = terminal::bring_to_front(&ours, leader);
    }
    Ok((child, orders))
}

fn command(program: &OsString, args: impl Iterator<Item = OsString>) -> Command {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).process_group(0);
    if let Some(ours) = Identity::of(std::process::id()) {
        command.env(mark::KEEPER, ours.to_string());
    }
    command
}

pub(super) fn refusal(program: &OsString, error: &io::Error) -> String {
    let program = program.to_string_lossy();
    match error.kind() {
        io::ErrorKind::NotFound if !program.contains('/') => match tools::place(&program) {
            Some(place) => format!("cannot find `{program}` on the PATH; get it by {place}"),
            None => format!("cannot find `{program}` on the PATH; is it installed?"),
        },
        io::ErrorKind::NotFound => {
            let dir = env::current_dir().unwrap_or_default();
            format!("there is no `{program}` (looked for from {})", dir.display())
        }
        _ => format!("cannot run `{program}`: {error}"),
    }
}

fn say(line: &mut UnixStream, report: &Report) -> io::Result<()> {
    line.write_all(report.line().as_bytes())
}

/// Makes processes whose parent ends our children, so that a daemon cannot slip away.
fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// The signals that order a keeper to stop, and the runtime they need.
struct Orders {
    runtime: Runtime,
    signals: EndSignals,
}

impl Orders {
    fn listen() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let signals = {
            let _inside = runtime.enter();
            EndSignals::listen()?
        };
        Ok(Self { runtime, signals })
    }

    fn wait(mut self) {
        self.runtime.block_on(self.signals.next());
    }
}

/// One thread reaps, one listens for the end of the socket and one for signals; all end with the program.
fn watch(mut line: UnixStream, orders: Orders) -> Receiver<Event> {
    let (sender, events) = mpsc::channel();
    let (hung_up, ordered) = (sender.clone(), sender.clone());
    thread::spawn(move || {
        // Nothing is ever sent to a keeper: whatever ends the read means the same.
        let _ = line.read_exact(&mut [0]);
        let _ = hung_up.send(Event::Stop);
    });
    thread::spawn(move || {
        orders.wait();
        let _ = ordered.send(Event::Stop);
    });
    thread::spawn(move || {
        while let Some((pid, status)) = reap() {
            if sender.send(Event::Reaped(pid, exit_of(status))).is_err() {
                return;
            }
        }
        let _ = sender.send(Event::Empty);
    });
    events
}

/// The next process of the tree that ended; `None` when there is none left.
fn reap() -> Option<(u32, WaitStatus)> {
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) => return Some((pid.as_raw_nonzero().get().unsigned_abs(), status)),
            Ok(None) | Err(rustix::io::Errno::INTR) => (),
            Err(_) => return None,
        }
    }
}

fn exit_of(status: WaitStatus) -> Exit {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Unknown,
    }
}

/// The command with all it left behind, and the socket on which its end is told.
struct Tree {
    child: u32,
    events: Receiver<Event>,
    line: UnixStream,
}

impl Tree {
    /// Waits until the command ends or the keeper is to stop.
    fn until_ended(&mut self) {
        while let Ok(event) = self.events.recv() {
            match event {
                Event::Reaped(pid, exit) if self.reaped(pid, exit) => return,
                Event::Reaped(..) => (),
                Event::Empty | Event::Stop => return,
            }
        }
    }

    /// Says how the command ended, if this was the command.
    fn reaped(&mut self, pid: u32, exit: Exit) -> bool {
        let ended = pid == self.child;
        if ended {
            // Everlit may be gone; what is left of the tree is ended all the same.
            let _ = say(&mut self.line, &Report::Ended(exit));
        }
        ended
    }

    /// Ends what is left: SIGTERM, the grace, then SIGKILL until nothing is left.
    fn end(&mut self, grace: Duration) {
        self.signal(Signal::TERM);
        if self.emptied(grace) {
            return;
        }
        for _ in 0..KILL_ROUNDS {
            self.signal(Signal::KILL);
            if self.emptied(KILL_ROUND) {
                return;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        tree::signal_group(self.child, signal);
        tree::signal_descendants(std::process::id(), signal);
    }

    /// Whether nothing is left before the time is over.
    fn emptied(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            match self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Event::Reaped(pid, exit)) => drop(self.reaped(pid, exit)),
                Ok(Event::Stop) => (),
                Ok(Event::Empty) | Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_survive_the_socket() {
        for report in
            [Report::Started(7), Report::Refused("no".into()), Report::Ended(Exit::Code(3)), Report::Ended(Exit::Signal(9))]
        {
            assert_eq!(Report::parse(&report.line()), Some(report));
        }
        assert_eq!(Report::exit(b""), Exit::Unknown);
        assert_eq!(Report::exit(b"exit 0\n"), Exit::Code(0));
    }

    #[test]
    fn other_arguments_are_for_somebody_else() {
        assert!(run_if_asked(["dev".into()].into_iter()).is_none());
        assert!(run_if_asked(std::iter::empty()).is_none());
    }
}
