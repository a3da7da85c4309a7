//! One round of a build: every step that is due, beside or behind one another, and the copy of what they made.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use tokio::{
    sync::{
        Notify,
        oneshot::{Receiver, error::TryRecvError},
    },
    task::{JoinSet, spawn_blocking},
};
use tokio_util::sync::CancellationToken;

use super::{
    artifact::{Archive, Artifact},
    ledger::Ledger,
    outputs::Outputs,
    program,
    provenance::Provenance,
    step::{Failure, Ran, Step},
};
use crate::{
    config::{AppConfig, ArtifactConfig, PORT, tools},
    failpoint,
    generation::Generation,
    joined::joined,
    process::Keeper,
    report::{Kind, Report},
    telemetry::{Notice, Notices},
};

/// Bytes of output shown of all steps that failed.
const OUTPUT_LIMIT: usize = 64 * 1024;

/// What the rounds of a program share.
#[derive(Debug)]
pub(super) struct Books {
    ledger: Mutex<Ledger>,
    pub(super) outputs: Outputs,
    /// Something was noted for the round that is under way.
    pub(super) more: Notify,
    /// What the compiler named last.
    executable: Mutex<Option<PathBuf>>,
}

impl Books {
    /// For a program nothing of which is built.
    pub(super) fn new(app: &AppConfig) -> Self {
        let outputs = Outputs::of(app);
        Self { ledger: Mutex::new(Ledger::new(app)), outputs, more: Notify::new(), executable: Mutex::default() }
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn executable(&self) -> MutexGuard<'_, Option<PathBuf>> {
        self.executable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a round ended that was not cancelled.
#[derive(Debug)]
pub(super) enum Ended {
    Built { executable: Option<PathBuf>, artifact: Option<Artifact> },
    Failed(Arc<Report>),
}

/// One round.
pub(super) struct Round {
    pub(super) app: AppConfig,
    pub(super) keeper: Keeper,
    pub(super) root: PathBuf,
    /// The files that caused it.
    pub(super) cause: Vec<PathBuf>,
    pub(super) provenance: Provenance,
    /// The generation it most likely makes.
    pub(super) next: Generation,
    /// The number of its report, should it fail.
    pub(super) id: u64,
    pub(super) books: Arc<Books>,
    pub(super) archive: Arc<Mutex<Archive>>,
    pub(super) notices: Notices,
}

impl Round {
    /// Runs what is due; `None` when it was cancelled, and every process of it is gone by then.
    pub(super) async fn run(self, mut cancelled: Receiver<()>) -> Option<Ended> {
        if is_cancelled(&mut cancelled) {
            return None;
        }
        let began = SystemTime::now();
        let failures = self.run_steps(&mut cancelled).await?;
        if !failures.is_empty() {
            return Some(Ended::Failed(Arc::new(self.report(failures))));
        }
        let executable = self.books.executable().clone();
        // The next round may overwrite the program, so that it waits for the copy.
        let artifact = self.keep(executable.clone(), began).await;
        (!is_cancelled(&mut cancelled)).then_some(Ended::Built { executable, artifact })
    }

    /// The steps that failed; `None` when they were cancelled.
    async fn run_steps(&self, cancelled: &mut Receiver<()>) -> Option<Vec<Failure>> {
        failpoint::pass("build");
        let number = self.books.ledger().open();
        let (mut running, stop) = (JoinSet::new(), CancellationToken::new());
        let mut failures = Vec::new();
        while !self.start_due(number, &mut running, &stop) {
            tokio::select! {
                _ = &mut *cancelled => {
                    stop.cancel();
                    while running.join_next().await.is_some() {}
                    self.abandon(number);
                    return None;
                }
                Some(ran) = running.join_next() => {
                    if let Some((at, ran)) = joined(ran) {
                        failures.extend(self.take(number, at, ran));
                    }
                }
                () = self.books.more.notified() => (),
            }
        }
        Some(failures)
    }

    /// Starts the steps that can run now; answers whether all is done.
    fn start_due(&self, number: u64, running: &mut JoinSet<(usize, Ran)>, stop: &CancellationToken) -> bool {
        let mut ledger = self.books.ledger();
        if ledger.round() != number {
            // Somebody cancels us, and says so in a moment.
            return false;
        }
        let next = ledger.next();
        drop(ledger);
        for at in next.skipped {
            self.notices.send(Notice::Skipped { step: self.app.steps[at].name.clone() });
        }
        for at in next.start {
            let step = self.step(at);
            step.announce();
            let stop = stop.clone();
            running.spawn(async move { (at, step.run(stop).await) });
        }
        next.is_over
    }

    fn step(&self, at: usize) -> Step {
        Step {
            at,
            config: self.app.steps[at].clone(),
            kind: self.app.kind,
            env: self.env(),
            provenance: self.provenance.clone(),
            next: self.next,
            label: (self.app.steps.len() > 1).then(|| self.app.steps[at].name.clone()),
            keeper: self.keeper.clone(),
            root: self.root.clone(),
            cause: self.cause.clone(),
            outputs: self.books.outputs.clone(),
            notices: self.notices.clone(),
        }
    }

    /// What names the port is for the program alone.
    fn env(&self) -> Vec<(String, String)> {
        self.app.env.iter().filter(|(_, value)| !value.contains(PORT)).cloned().collect()
    }

    /// Takes down what came of a step.
    fn take(&self, number: u64, at: usize, ran: Ran) -> Option<Failure> {
        let mut ledger = self.books.ledger();
        let is_current = ledger.round() == number;
        match ran {
            Ran::Done { executable, written } => {
                if let Some(executable) = executable {
                    *self.books.executable() = Some(executable);
                }
                if is_current {
                    ledger.finish(at, &written);
                }
                None
            }
            Ran::Failed(failure) => {
                if is_current {
                    ledger.fail(at);
                }
                Some(failure)
            }
            Ran::Cancelled => None,
        }
    }

    fn abandon(&self, number: u64) {
        let mut ledger = self.books.ledger();
        if ledger.round() == number {
            ledger.abandon();
        }
    }

    /// Copies the program that was built, if there is one.
    async fn keep(&self, executable: Option<PathBuf>, began: SystemTime) -> Option<Artifact> {
        let (app, archive, notices) = (self.app.clone(), Arc::clone(&self.archive), self.notices.clone());
        let kept = spawn_blocking(move || {
            let mut archive = archive.lock().unwrap_or_else(PoisonError::into_inner);
            archive.sweep(&app.dir);
            let original = program::find(&app, executable.as_deref(), began, archive.last_original());
            if let (ArtifactConfig::At(path), None) = (&app.artifact, &original) {
                archive
                    .tell(&notices, &format!("`run` does not name {}, the artifact: it runs from where it is", path.display()));
            }
            let original = original?;
            let words = original.display().to_string();
            let kept = archive.keep(original, &app.dir);
            kept.inspect_err(|error| {
                archive.tell(&notices, &format!("{words} cannot be copied and runs from where it is: {error}"))
            })
            .ok()
        });
        kept.await.ok().flatten()
    }

    /// One report of all steps that failed.
    fn report(&self, failures: Vec<Failure>) -> Report {
        let title = match failures.as_slice() {
            [one] => format!("{} failed", one.words),
            _ => format!("{} failed", failures.iter().map(|failure| failure.words.as_str()).collect::<Vec<_>>().join(" and ")),
        };
        let command = failures.iter().map(|failure| failure.command.as_str()).collect::<Vec<_>>().join("; ");
        let took = failures.iter().map(|failure| failure.took).max().unwrap_or_default();
        let (mut diagnostics, mut output) = (Vec::new(), String::new());
        for failure in failures {
            diagnostics.extend(failure.diagnostics);
            output.push_str(&failure.output);
        }
        diagnostics.sort_by_key(|finding| finding.severity);
        output.truncate(output.floor_char_boundary(OUTPUT_LIMIT));
        let help = tools::advice(&output).unwrap_or_default();
        Report { id: self.id, kind: Kind::Build, title, command, diagnostics, output, took, help }
    }
}

fn is_cancelled(cancelled: &mut Receiver<()>) -> bool {
    cancelled.try_recv() != Err(TryRecvError::Empty)
}
