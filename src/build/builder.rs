//! Runs the build command: at most one, newest wins.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::oneshot::{self, error::TryRecvError},
    task::JoinSet,
};

use super::{
    diagnostics::{self, Finding, Ground, Message},
    provenance::{Origin, Provenance},
};
use crate::{
    config::{AppConfig, AppKind, PORT, tools},
    generation::Generation,
    process::{Keeper, Launch, Process, Step, Stream},
    report::{Diagnostic, Kind, Report},
    telemetry::{Notice, Notices, Output, Source},
};

/// From SIGTERM to SIGKILL for a build that is not wanted any more. A compiler has nothing to save.
const CANCEL_GRACE: Duration = Duration::from_millis(300);

/// The compiler's words kept for the page, in bytes; the first ones, where the cause stands.
const OUTPUT_LIMIT: usize = 64 * 1024;

/// Findings read before the most important ones are chosen; warnings come first from some compilers.
const FINDINGS_READ: usize = 2000;

/// Where detected builds put what they make.
const OUTPUTS: &str = ".everlit/";

/// What came of a build.
#[derive(Debug)]
pub enum Outcome {
    /// It succeeded.
    Done(Product),
    /// It did not.
    Failed(Arc<Report>, Cause),
}

/// What a successful build gave.
#[derive(Debug)]
pub struct Product {
    /// The executable the compiler named, if it names one.
    pub executable: Option<PathBuf>,
    /// Why it was built.
    pub cause: Cause,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// Why something is built: the files that changed, and the end of the save.
#[derive(Clone, Debug)]
pub struct Cause {
    /// Relative to the project; empty for the first build.
    pub files: Vec<PathBuf>,
    /// When the newest of the saves ended.
    pub saved: Instant,
}

impl Cause {
    /// Adds the files of an earlier cause that came to nothing.
    fn take_over(&mut self, earlier: &Self) {
        let missing: Vec<_> = earlier.files.iter().filter(|file| !self.files.contains(file)).cloned().collect();
        self.files.extend(missing);
    }
}

/// Runs builds for the session. Dropping it ends a running build.
#[derive(Debug)]
pub struct Builder {
    keeper: Keeper,
    root: PathBuf,
    notices: Notices,
    origin: Origin,
    running: Option<Running>,
    tasks: JoinSet<Option<Outcome>>,
    reports: u64,
}

#[derive(Debug)]
struct Running {
    cause: Cause,
    cancel: oneshot::Sender<()>,
}

impl Builder {
    /// A builder for a project; `keeper` keeps process trees.
    #[must_use]
    pub fn new(keeper: &Keeper, root: &Path, notices: Notices) -> Self {
        let (origin, tasks) = (Origin::default(), JoinSet::new());
        Self { keeper: keeper.clone(), root: root.to_owned(), notices, origin, running: None, tasks, reports: 0 }
    }

    /// Whether a build is running.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Starts a build for the next generation; one that is running is ended first, and its causes become this one's.
    pub fn request(&mut self, app: &AppConfig, mut cause: Cause, next: Generation) {
        let previous = self.running.take();
        if let Some(previous) = &previous {
            cause.take_over(&previous.cause);
        }
        let (cancel, cancelled) = oneshot::channel();
        self.running = Some(Running { cause: cause.clone(), cancel });
        self.reports += 1;
        let provenance = self.origin.trace(&self.root, !cause.files.is_empty());
        let (root, notices) = (self.root.clone(), self.notices.clone());
        let job = Job { app: app.clone(), cause, provenance, next, id: self.reports, root, notices };
        let keeper = self.keeper.clone();
        let earlier = std::mem::take(&mut self.tasks);
        self.tasks.spawn(async move {
            end(previous, earlier).await;
            job.run(keeper, cancelled).await
        });
    }

    /// The outcome of the build that is running; for ever pending without one. Cancel-safe.
    pub async fn next(&mut self) -> Outcome {
        loop {
            match self.tasks.join_next().await {
                Some(Ok(Some(outcome))) if self.running.take().is_some() => return outcome,
                Some(Ok(Some(_))) => (),
                Some(Ok(None)) => (),
                // A job that panicked has ended its build by being dropped; the next change starts another.
                Some(Err(_)) => self.running = None,
                None => std::future::pending().await,
            }
        }
    }

    /// Ends a running build; its outcome is not told.
    pub fn cancel(&mut self) {
        self.running = None;
    }

    /// Ends a running build and waits until nothing of it is left.
    pub async fn stop(&mut self) {
        end(self.running.take(), std::mem::take(&mut self.tasks)).await;
    }
}

/// Never two builds into one output: the earlier one is gone before the next begins.
async fn end(running: Option<Running>, mut tasks: JoinSet<Option<Outcome>>) {
    drop(running.map(|running| running.cancel));
    while tasks.join_next().await.is_some() {}
}

/// One run of the build command.
struct Job {
    app: AppConfig,
    cause: Cause,
    provenance: Provenance,
    next: Generation,
    id: u64,
    root: PathBuf,
    notices: Notices,
}

impl Job {
    /// Runs the command; `None` when it was cancelled.
    async fn run(self, keeper: Keeper, mut cancelled: oneshot::Receiver<()>) -> Option<Outcome> {
        if cancelled.try_recv() != Err(TryRecvError::Empty) {
            return None;
        }
        let Some(command) = self.app.build.clone() else {
            return Some(Outcome::Done(Product { executable: None, cause: self.cause, provenance: self.provenance }));
        };
        let began = Instant::now();
        let words = command.to_string();
        self.notices.send(Notice::Building { command: words.clone() });
        if words.contains(OUTPUTS) {
            keep_out_of_git(&self.app.dir.join(OUTPUTS));
        }
        let (dir, mut env) = (self.app.dir.clone(), self.app.env.clone());
        env.retain(|(_, value)| !value.contains(PORT));
        env.extend(self.provenance.of_build(self.next).await);
        let launch = Launch { keeper, command, dir, env, pty: false, listen: None, grace: CANCEL_GRACE };
        let mut log = Log::new(self.app.kind);
        let success = match Process::start(&launch).await {
            Ok(process) => self.follow(process, &mut log, cancelled).await?,
            Err(error) => {
                log.add_text(&error.to_string());
                false
            }
        };
        Some(self.outcome(words, log, began.elapsed(), success))
    }

    /// Reads the output to its end; `None` when the build was cancelled, and gone by then.
    async fn follow(&self, mut process: Process, log: &mut Log, mut cancelled: oneshot::Receiver<()>) -> Option<bool> {
        let mut output = Output::new(Source::Build, self.notices.clone());
        loop {
            tokio::select! {
                () = output.due() => output.release(),
                _ = &mut cancelled => {
                    process.stop().await;
                    return None;
                }
                step = process.next() => match step {
                    Step::Line(line) => {
                        let stderr = line.stream == Stream::Err;
                        for line in log.add(line.text).iter().flat_map(|text| text.lines()) {
                            output.say(line.to_owned(), stderr);
                        }
                    }
                    Step::Exited(exit) => {
                        process.stop().await;
                        return Some(exit.is_success());
                    }
                },
            }
        }
    }

    fn outcome(self, command: String, log: Log, took: Duration, success: bool) -> Outcome {
        if success {
            self.notices.send(Notice::Built { command, took, cause: self.cause.files.clone() });
            return Outcome::Done(Product { executable: log.executable, cause: self.cause, provenance: self.provenance });
        }
        let (diagnostics, output) = log.diagnostics(Ground { dir: &self.app.dir, root: &self.root });
        let title = format!("{} failed", first_words(&command));
        let help = tools::advice(&output).unwrap_or_default();
        let report = Report { id: self.id, kind: Kind::Build, title, command, diagnostics, output, took, help };
        Outcome::Failed(Arc::new(report), self.cause)
    }
}

/// What is in the folder for our outputs is nobody's source. A folder that cannot be written fails the build, in its own words.
fn keep_out_of_git(folder: &Path) {
    let _ = fs::create_dir_all(folder)
        .and_then(|()| File::create_new(folder.join(".gitignore")))
        .and_then(|mut file| file.write_all(b"*\n"));
}

/// `go build -o x .` → `go build`; `./build.sh` → `./build.sh`.
fn first_words(command: &str) -> String {
    let is_plain = |word: &&str| !word.starts_with('-') && !word.contains('=');
    command.split_whitespace().take(2).take_while(is_plain).collect::<Vec<_>>().join(" ")
}

/// The output of a build, as read so far.
struct Log {
    kind: AppKind,
    text: String,
    findings: Vec<Finding>,
    executable: Option<PathBuf>,
}

impl Log {
    fn new(kind: AppKind) -> Self {
        Self { kind, text: String::new(), findings: Vec::new(), executable: None }
    }

    /// Takes a line in; answers what of it is worth showing.
    fn add(&mut self, line: String) -> Option<String> {
        if self.kind == AppKind::Cargo {
            match Message::parse(&line) {
                Some(Message::Diagnostic { rendered, finding }) => {
                    self.findings.extend(finding.filter(|_| self.findings.len() < FINDINGS_READ));
                    return Some(self.add_text(rendered.trim_end()));
                }
                Some(Message::Executable(path)) => {
                    self.executable = Some(path);
                    return None;
                }
                Some(Message::Other) => return None,
                None => (),
            }
        }
        Some(self.add_text(&line))
    }

    fn add_text(&mut self, text: &str) -> String {
        let room = OUTPUT_LIMIT.saturating_sub(self.text.len() + 1);
        if room > 0 {
            self.text.push_str(&text[..text.floor_char_boundary(room)]);
            self.text.push('\n');
        }
        text.to_owned()
    }

    /// The places it points to, errors first, in the order the compiler named them.
    fn diagnostics(self, ground: Ground<'_>) -> (Vec<Diagnostic>, String) {
        let found = if self.findings.is_empty() {
            diagnostics::in_build(&self.text, ground)
        } else {
            diagnostics::of_build(self.findings, ground)
        };
        (found, self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_a_command_shortly() {
        assert_eq!(first_words("go build -o .everlit/bin/app ."), "go build");
        assert_eq!(first_words("cargo build --message-format=json"), "cargo build");
        assert_eq!(first_words("./build.sh"), "./build.sh");
        assert_eq!(first_words("make -j2"), "make");
    }

    #[test]
    fn outputs_are_kept_out_of_git() {
        let project = tempfile::tempdir().unwrap();
        let outputs = project.path().join(OUTPUTS);
        keep_out_of_git(&outputs);
        assert_eq!(fs::read_to_string(outputs.join(".gitignore")).unwrap(), "*\n");
        fs::write(outputs.join(".gitignore"), "mine").unwrap();
        keep_out_of_git(&outputs);
        assert_eq!(fs::read_to_string(outputs.join(".gitignore")).unwrap(), "mine");
    }

    #[test]
    fn a_cancelled_cause_is_taken_over() {
        let now = Instant::now();
        let mut cause = Cause { files: vec!["b".into()], saved: now };
        cause.take_over(&Cause { files: vec!["a".into(), "b".into()], saved: now });
        assert_eq!(cause.files, [PathBuf::from("b"), "a".into()]);
    }
}
