//! Takes requests to build: at most one round runs, newest wins.

use std::{
    fs::{self, File},
    io::Write,
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Instant,
};

use tokio::{sync::oneshot, task::JoinSet};

use super::{
    artifact::{Archive, Artifact},
    diagnostics::{self, Finding, Ground, Message},
    ledger::{Need, Work},
    provenance::{Origin, Provenance},
    round::{Books, Ended, Round},
};
use crate::{
    config::{AppConfig, AppKind},
    generation::Generation,
    joined::joined,
    process::Keeper,
    report::{Diagnostic, Report},
    telemetry::Notices,
};

/// The compiler's words kept for the page, in bytes; the first ones, where the cause stands.
const OUTPUT_LIMIT: usize = 64 * 1024;

/// Findings read before the most important ones are chosen; warnings come first from some compilers.
const FINDINGS_READ: usize = 2000;

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
    /// The copy of the program that was built, if one was.
    pub artifact: Option<Artifact>,
    /// What the program needs now.
    pub need: Need,
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
    /// From when to when it was built; `None` where that was not needed, or is not over.
    pub build: Option<Range<Instant>>,
}

impl Cause {
    /// No save: a person asked, or a program ended.
    #[must_use]
    pub fn none() -> Self {
        Self::save(Vec::new(), Instant::now())
    }

    /// A save of these files that ended then.
    #[must_use]
    pub fn save(files: Vec<PathBuf>, saved: Instant) -> Self {
        Self { files, saved, build: None }
    }

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
    /// `None` before the first request.
    books: Option<Arc<Books>>,
    archive: Arc<Mutex<Archive>>,
    running: Option<Running>,
    tasks: JoinSet<Option<Ended>>,
    reports: u64,
}

#[derive(Debug)]
struct Running {
    cause: Cause,
    began: Instant,
    provenance: Provenance,
    cancel: oneshot::Sender<()>,
}

impl Builder {
    /// A builder for a project; `keeper` keeps process trees.
    #[must_use]
    pub fn new(keeper: &Keeper, root: &Path, notices: Notices) -> Self {
        Self {
            keeper: keeper.clone(),
            root: root.to_owned(),
            notices,
            origin: Origin::default(),
            books: None,
            archive: Arc::default(),
            running: None,
            tasks: JoinSet::new(),
            reports: 0,
        }
    }

    /// Whether a build is running.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Whether a step wrote what a file holds, or is writing it: that is no change that somebody made.
    #[must_use]
    pub fn wrote(&self, file: &Path, hash: Option<u64>) -> bool {
        self.books.as_ref().is_some_and(|books| books.outputs.has(file, hash))
    }

    /// Builds for the next generation. A build that is running takes care of it as well where nothing that runs is concerned;
    /// otherwise it is ended first, and what it was asked for becomes this one's.
    pub fn request(&mut self, app: &AppConfig, mut cause: Cause, work: Work, next: Generation) {
        let books = self.books_of(app);
        let mut ledger = books.ledger();
        if let Some(running) = self.running.as_mut().filter(|_| ledger.can_join(&work)) {
            ledger.note(work);
            cause.take_over(&running.cause);
            running.cause = cause;
            return books.more.notify_one();
        }
        ledger.abandon();
        ledger.note(work);
        drop(ledger);
        self.begin(app, cause, books, next);
    }

    fn begin(&mut self, app: &AppConfig, mut cause: Cause, books: Arc<Books>, next: Generation) {
        let previous = self.running.take();
        if let Some(previous) = &previous {
            cause.take_over(&previous.cause);
        }
        let (cancel, cancelled) = oneshot::channel();
        self.reports += 1;
        let provenance = self.origin.trace(&self.root, !cause.files.is_empty());
        let round = Round {
            app: app.clone(),
            keeper: self.keeper.clone(),
            root: self.root.clone(),
            cause: cause.files.clone(),
            provenance: provenance.clone(),
            next,
            id: self.reports,
            books,
            archive: Arc::clone(&self.archive),
            notices: self.notices.clone(),
        };
        self.running = Some(Running { cause, began: Instant::now(), provenance, cancel });
        let earlier = std::mem::take(&mut self.tasks);
        self.tasks.spawn(async move {
            end(previous, earlier).await;
            round.run(cancelled).await
        });
    }

    /// The books of a program; another one is built from scratch.
    fn books_of(&mut self, app: &AppConfig) -> Arc<Books> {
        let known = self.books.take().filter(|books| books.ledger().is_of(app));
        let books = known.unwrap_or_else(|| Arc::new(Books::new(app)));
        self.books = Some(Arc::clone(&books));
        books
    }

    /// The outcome of the build that is running; for ever pending without one. Cancel-safe.
    pub async fn next(&mut self) -> Outcome {
        loop {
            match self.tasks.join_next().await {
                Some(ended) => {
                    if let (Some(ended), Some(running)) = (joined(ended).flatten(), self.running.take()) {
                        return self.outcome(ended, running);
                    }
                }
                None => std::future::pending().await,
            }
        }
    }

    fn outcome(&self, ended: Ended, Running { mut cause, began, provenance, .. }: Running) -> Outcome {
        cause.build = Some(began..Instant::now());
        match ended {
            Ended::Failed(report) => Outcome::Failed(report, cause),
            Ended::Built { executable, artifact } => {
                let need = self.books.as_ref().map_or(Need::Start, |books| books.ledger().take_need(artifact.is_some()));
                Outcome::Done(Product { executable, artifact, need, cause, provenance })
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
async fn end(running: Option<Running>, mut tasks: JoinSet<Option<Ended>>) {
    drop(running.map(|running| running.cancel));
    while tasks.join_next().await.is_some() {}
}

/// What is in the folder for our outputs is nobody's source. A folder that cannot be written fails the build, in its own words.
pub(super) fn keep_out_of_git(folder: &Path) {
    let _ = fs::create_dir_all(folder)
        .and_then(|()| File::create_new(folder.join(".gitignore")))
        .and_then(|mut file| file.write_all(b"*\n"));
}

/// `go build -o x .` → `go build`; `./build.sh` → `./build.sh`.
pub(super) fn first_words(command: &str) -> String {
    let is_plain = |word: &&str| !word.starts_with('-') && !word.contains('=');
    command.split_whitespace().take(2).take_while(is_plain).collect::<Vec<_>>().join(" ")
}

/// The output of a step, as read so far.
#[derive(Debug)]
pub(super) struct Log {
    kind: AppKind,
    pub(super) text: String,
    findings: Vec<Finding>,
    pub(super) executable: Option<PathBuf>,
}

impl Log {
    pub(super) fn new(kind: AppKind) -> Self {
        Self { kind, text: String::new(), findings: Vec::new(), executable: None }
    }

    /// Takes a line in; answers what of it is worth showing.
    pub(super) fn add(&mut self, line: String) -> Option<String> {
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

    pub(super) fn add_text(&mut self, text: &str) -> String {
        let room = OUTPUT_LIMIT.saturating_sub(self.text.len() + 1);
        if room > 0 {
            self.text.push_str(&text[..text.floor_char_boundary(room)]);
            self.text.push('\n');
        }
        text.to_owned()
    }

    /// The places it points to, errors first, in the order the compiler named them.
    pub(super) fn diagnostics(self, ground: Ground<'_>) -> (Vec<Diagnostic>, String) {
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
        let outputs = project.path().join(".everlit");
        keep_out_of_git(&outputs);
        assert_eq!(fs::read_to_string(outputs.join(".gitignore")).unwrap(), "*\n");
        fs::write(outputs.join(".gitignore"), "mine").unwrap();
        keep_out_of_git(&outputs);
        assert_eq!(fs::read_to_string(outputs.join(".gitignore")).unwrap(), "mine");
    }

    #[test]
    fn a_cancelled_cause_is_taken_over() {
        let now = Instant::now();
        let mut cause = Cause::save(vec!["b".into()], now);
        cause.take_over(&Cause::save(vec!["a".into(), "b".into()], now));
        assert_eq!(cause.files, [PathBuf::from("b"), "a".into()]);
    }
}
