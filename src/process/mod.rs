//! Runs one command as a process tree that can always be ended.
//!
//! Between Everlit and each command stands a *keeper*: this same program, started with a hidden argument, in a process group
//! of its own. It starts the command, adopts whatever the command leaves behind (it is a child subreaper), and ends the whole
//! tree when the socket to Everlit closes, which the kernel does for us even on `kill -9`. So stopping, cancelling, crashing
//! and being killed are one mechanism, and none of it needs `unsafe`.
//!
//! ```text
//! everlit ──socketpair──► keeper ──► sh -c "go run ."  ──► grandchildren, daemons
//!         ◄─ started 4711 · exit 1 · signal 11
//! ```
//!
//! A keeper that is killed alone is replaced by us: what it kept is found below the command and by a mark in its environment. When
//! both of us are killed, the next run on the project finds what is left ([`end_orphans`]), and what even cleared its
//! environment where there is a [`Cgroup`]. No process is signalled by its number, which may be a stranger's by then.
//!
//! This module does not know what the command is for; that is `build` and `app`.

mod cgroup;
mod claim;
#[cfg(target_os = "linux")]
mod diag;
mod exit;
mod handle;
pub(crate) mod keeper;
pub(crate) mod listen_fds;
mod mark;
mod orphans;
mod output;
pub(crate) mod outside;
mod signals;
pub(crate) mod sockets;
mod terminal;
pub(crate) mod tree;

use std::{
    env,
    ffi::OsString,
    fs, io,
    os::{fd::OwnedFd, unix::net::UnixStream as StdUnixStream},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
    process::{Child, Command},
    time::{Instant, sleep_until, timeout_at},
};

pub use cgroup::Cgroup;
pub use claim::{Claim, Control, Other, Said, claim, find, runs};
pub use exit::Exit;
use handle::{Handle, Identity};
pub use orphans::{Orphan, end_orphans};
use output::Output;
pub use output::{Line, Stream};
pub(crate) use signals::EndSignals;
use terminal::Terminal;

use crate::config::CommandLine;

/// How long a keeper may take, beyond the grace it gives its tree, to say that everything is gone.
const KEEPER_MARGIN: Duration = Duration::from_secs(2);

/// How long the streams may be silent after the command has ended before its output counts as complete. What it wrote itself
/// is there by then; what it left running may hold them open for ever.
const LINGER: Duration = Duration::from_millis(50);

/// How long its output may go on in all after it has ended, should what it left running never be silent.
const LINGER_LIMIT: Duration = Duration::from_secs(2);

/// This program, also when its file has been replaced meanwhile.
///
/// # Errors
/// When it cannot be found.
pub(crate) fn program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { env::current_exe() }
}

/// The program that keeps process trees, and what every command it starts is told.
#[derive(Clone, Debug)]
pub struct Keeper {
    program: PathBuf,
    env: Vec<(String, String)>,
}

impl Keeper {
    /// A keeper whose commands get these variables, unless they are given others.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>, env: Vec<(String, String)>) -> Self {
        Self { program: program.into(), env }
    }

    /// Marks all it starts as belonging to the project in `root` and to this run, so that the next run knows it again.
    #[must_use]
    pub fn for_project(mut self, root: &Path) -> Self {
        self.env.extend(mark::Session::variable(root));
        self
    }
}

impl From<&str> for Keeper {
    fn from(program: &str) -> Self {
        Self::new(program, Vec::new())
    }
}

/// What to run, where, and how gently it is ended.
#[derive(Clone, Debug)]
pub struct Launch {
    /// Who keeps it.
    pub keeper: Keeper,
    /// The command.
    pub command: CommandLine,
    /// Its working directory.
    pub dir: PathBuf,
    /// Environment added to ours.
    pub env: Vec<(String, String)>,
    /// Whether it gets a terminal of its own instead of pipes; then all it writes comes on standard output.
    pub pty: bool,
    /// The port of a socket that it is handed, listening already.
    pub listen: Option<u16>,
    /// From SIGTERM to SIGKILL.
    pub grace: Duration,
}

/// A running command. Dropping it ends its tree.
#[derive(Debug)]
pub struct Process {
    /// Closing this, or our half of it, tells the keeper to end the tree.
    line: BufReader<UnixStream>,
    keeper: Child,
    output: Output,
    /// The command; `None` when it had ended before it could be seen.
    command: Option<Handle>,
    /// What the keeper marks the command with.
    mark: Option<Identity>,
    grace: Duration,
    end: Option<End>,
}

impl Process {
    /// Starts the command.
    ///
    /// # Errors
    /// When its folder cannot be entered, the keeper cannot be started, or the keeper cannot start the command: the message
    /// says which and why.
    pub async fn start(launch: &Launch) -> io::Result<Self> {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut command = keeper_command(launch, theirs.into());
        let terminal = if launch.pty { Some(on_terminal(&mut command)?) } else { None };
        let mut keeper = command.spawn().map_err(|error| refusal(launch, &error))?;
        // Our copy of the command's end: as long as it is open, the terminal has no end.
        drop(command);
        let output = match terminal {
            Some(terminal) => Output::of_terminal(terminal),
            None => Output::of_pipes(keeper.stdout.take(), keeper.stderr.take()),
        };
        let mut line = BufReader::new(UnixStream::from_std(ours)?);
        let pid = match keeper::Report::read(&mut line).await? {
            keeper::Report::Started(pid) => pid,
            keeper::Report::Refused(reason) => return Err(io::Error::other(reason)),
            keeper::Report::Ended(_) => return Err(io::Error::other("the keeper ended before its command")),
        };
        let root = keeper.id().unwrap_or_default();
        let command = Handle::open(pid).filter(|command| tree::is_below(command.pid, root));
        let mark = Identity::of(root);
        Ok(Self { line, keeper, output, command, mark, grace: launch.grace, end: None })
    }

    /// The process id of the keeper: the root of the tree.
    #[must_use]
    pub fn root(&self) -> u32 {
        self.keeper.id().or(self.command.as_ref().map(|command| command.pid)).unwrap_or_default()
    }

    /// The next line of output, or the exit once every line has been handed over. Cancel-safe.
    pub async fn next(&mut self) -> Step {
        let end = loop {
            if let Some(end) = self.end {
                break end;
            }
            tokio::select! {
                Some(line) = self.output.next() => return Step::Line(line),
                end = last_word(&mut self.line, &mut self.keeper, self.command.as_ref(), self.mark) => self.end = Some(end),
            }
        };
        tokio::select! {
            biased;
            line = self.output.next(), if !end.is_over() => {
                self.end = Some(end.heard());
                line.map_or(Step::Exited(end.exit), Step::Line)
            }
            () = sleep_until(end.silent) => Step::Exited(end.exit),
        }
    }

    /// Ends the tree: SIGTERM, the grace, SIGKILL. Answers once nothing of it is left. What it still writes is dropped.
    pub async fn stop(self) {
        self.stop_with(drop).await;
    }

    /// As [`Self::stop`], with every line it still writes; somebody must read them, or it would wait for room to say goodbye.
    pub async fn stop_with(mut self, mut take: impl FnMut(Line)) {
        let deadline = Instant::now() + self.grace + KEEPER_MARGIN;
        let _ = self.line.get_mut().shutdown().await;
        match timeout_at(deadline, self.keeper_ended(&mut take)).await {
            Ok(status) if status.success() => (),
            Ok(_) => tree::kill(self.command.as_ref(), self.mark),
            Err(_) => {
                // Not waited for yet, so that its number is its own.
                tree::kill(self.keeper.id().and_then(Handle::open).as_ref(), self.mark);
                let _ = self.keeper.wait().await;
            }
        }
        while let Step::Line(line) = self.next().await {
            take(line);
        }
    }

    /// Hands lines over until the keeper has ended.
    async fn keeper_ended(&mut self, take: &mut impl FnMut(Line)) -> ExitStatus {
        loop {
            tokio::select! {
                status = self.keeper.wait() => return status.unwrap_or_default(),
                Some(line) = self.output.next() => take(line),
            }
        }
    }
}

/// The end of a command whose last lines may still be on their way.
#[derive(Clone, Copy, Debug)]
struct End {
    exit: Exit,
    /// When its output counts as complete unless another line comes.
    silent: Instant,
    /// When it does in any case.
    limit: Instant,
}

impl End {
    fn now(exit: Exit) -> Self {
        let now = Instant::now();
        Self { exit, silent: now + LINGER, limit: now + LINGER_LIMIT }
    }

    fn is_over(self) -> bool {
        Instant::now() >= self.limit
    }

    /// The same end after another line.
    fn heard(self) -> Self {
        Self { silent: (Instant::now() + LINGER).min(self.limit), ..self }
    }
}

/// What the keeper says last. One that was killed says nothing, and the tree it kept is left to us. Cancel-safe.
async fn last_word(
    line: &mut BufReader<UnixStream>,
    keeper: &mut Child,
    command: Option<&Handle>,
    mark: Option<Identity>,
) -> End {
    let exit = line.fill_buf().await.map_or(Exit::Unknown, keeper::Report::exit);
    if exit == Exit::Unknown {
        // Only its death closes its end of the line, and it is not complete yet.
        let _ = keeper.wait().await;
        tree::kill(command, mark);
    }
    End::now(exit)
}

/// What a running command did.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// It wrote a line.
    Line(Line),
    /// It ended; every line it wrote has been handed over.
    Exited(Exit),
}

fn keeper_command(launch: &Launch, line: OwnedFd) -> Command {
    let mut command = Command::new(&launch.keeper.program);
    command
        .arg(keeper::ARGUMENT)
        .arg(launch.grace.as_millis().to_string())
        .arg(if launch.pty { keeper::TERMINAL } else { keeper::PIPES })
        .args(listening(launch))
        .args(argv(&launch.command))
        .current_dir(&launch.dir)
        .envs(launch.keeper.env.iter().map(|(name, value)| (name, value)))
        .envs(launch.env.iter().map(|(name, value)| (name, value)))
        .stdin(line)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if !launch.pty {
        command.process_group(0);
    }
    command
}

/// Lets a keeper write to a new terminal, which it will make its own.
fn on_terminal(command: &mut Command) -> io::Result<Terminal> {
    let (terminal, theirs) = Terminal::open()?;
    command.stdout(theirs.try_clone()?).stderr(theirs);
    Ok(terminal)
}

/// What stands before a command that is handed a socket: this program, which opens it and becomes the command.
fn listening(launch: &Launch) -> Vec<OsString> {
    let before = |port: u16| vec![launch.keeper.program.clone().into(), listen_fds::ARGUMENT.into(), port.to_string().into()];
    launch.listen.map(before).unwrap_or_default()
}

fn argv(command: &CommandLine) -> Vec<&str> {
    match command {
        CommandLine::Shell(text) => vec!["sh", "-c", text],
        CommandLine::Argv(words) => words.iter().map(String::as_str).collect(),
    }
}

/// Why the keeper was not started, in words that name the folder when it is the folder.
fn refusal(launch: &Launch, error: &io::Error) -> io::Error {
    let (command, dir) = (&launch.command, launch.dir.display());
    // The dot makes a file that is no folder, and one that may not be entered, an error too.
    let reason = match fs::metadata(launch.dir.join(".")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => format!("cannot run `{command}`: there is no folder {dir}"),
        Err(error) => format!("cannot run `{command}` in the folder {dir}: {error}"),
        Ok(_) if error.kind() == io::ErrorKind::WouldBlock => format!(
            "cannot run `{command}`: the system starts no more processes for this user; end some, or raise `ulimit -u`, and save again"
        ),
        Ok(_) => format!("cannot start {} to run `{command}`: {error}", launch.keeper.program.display()),
    };
    io::Error::new(error.kind(), reason)
}
