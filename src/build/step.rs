//! One step of a build: its command is run, what it says is read and shown.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use tokio::{task::spawn_blocking, time::sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    builder::{Log, first_words, keep_out_of_git},
    diagnostics::Ground,
    outputs::{Outputs, Written},
    provenance::Provenance,
};
use crate::{
    config::{AppKind, StepConfig},
    generation::Generation,
    process::{Keeper, Launch, Process, Step as Said, Stream},
    report::Diagnostic,
    telemetry::{Notice, Notices, Output, Source, Stage},
};

/// From SIGTERM to SIGKILL for a build that is not wanted any more. A compiler has nothing to save.
const CANCEL_GRACE: Duration = Duration::from_millis(300);

/// After this long it is said that a step is still running, after twice as long again, and so on.
const FIRST_WORD: Duration = Duration::from_secs(10);

/// By this option tools watch their files themselves, and do not end.
const ENDLESS: &str = "--watch";

/// Where detected builds put what they make.
const OUTPUTS: &str = ".everlit";

/// One run of a step.
pub(super) struct Step {
    /// Its place in the list.
    pub(super) at: usize,
    pub(super) config: StepConfig,
    pub(super) kind: AppKind,
    pub(super) env: Vec<(String, String)>,
    pub(super) provenance: Provenance,
    pub(super) next: Generation,
    /// What its lines are marked with, where it is not the only one.
    pub(super) label: Option<String>,
    pub(super) keeper: Keeper,
    pub(super) root: PathBuf,
    pub(super) cause: Vec<PathBuf>,
    pub(super) outputs: Outputs,
    pub(super) notices: Notices,
}

/// How it ended.
pub(super) enum Ran {
    Done {
        /// The executable the compiler named.
        executable: Option<PathBuf>,
        written: Written,
    },
    Failed(Failure),
    /// Nothing of it is left.
    Cancelled,
}

/// A step that failed.
#[derive(Debug)]
pub(super) struct Failure {
    /// The command in short.
    pub(super) words: String,
    pub(super) command: String,
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) output: String,
    pub(super) took: Duration,
}

impl Step {
    /// Says that it begins.
    pub(super) fn announce(&self) {
        self.outputs.begin(self.at);
        self.notices.send(Notice::Building { command: self.config.command.to_string(), step: self.label.clone() });
    }

    /// Runs it to its end, or until it is stopped.
    pub(super) async fn run(self, stop: CancellationToken) -> Ran {
        let began = Instant::now();
        let command = self.config.command.to_string();
        if command.contains(OUTPUTS) {
            keep_out_of_git(&self.config.dir.join(OUTPUTS));
        }
        let mut log = Log::new(self.kind);
        let succeeded = match Process::start(&self.launch().await).await {
            Ok(process) => self.follow(process, &mut log, stop).await,
            Err(error) => {
                log.add_text(&error.to_string());
                Some(false)
            }
        };
        match succeeded {
            Some(true) => self.done(command, log, began).await,
            Some(false) => self.failed(command, log, began),
            None => {
                self.notices.timeline().note(Stage::Build, began, None, format!("{command}: cancelled"));
                self.outputs.abandon(self.at);
                Ran::Cancelled
            }
        }
    }

    async fn launch(&self) -> Launch {
        let StepConfig { command, dir, .. } = self.config.clone();
        let mut env = self.env.clone();
        env.extend(self.provenance.of_build(self.next).await);
        Launch { keeper: self.keeper.clone(), command, dir, env, pty: false, listen: None, grace: CANCEL_GRACE }
    }

    /// Reads the output to its end; `None` when the step was stopped, and gone by then.
    async fn follow(&self, mut process: Process, log: &mut Log, stop: CancellationToken) -> Option<bool> {
        let mut output = Output::new(Source::Build, self.notices.clone());
        let began = Instant::now();
        let mut patience = FIRST_WORD;
        loop {
            tokio::select! {
                () = output.due() => output.release(),
                () = sleep_until((began + patience).into()) => {
                    self.say_still_running(began.elapsed(), patience);
                    patience *= 2;
                }
                () = stop.cancelled() => {
                    process.stop().await;
                    return None;
                }
                said = process.next() => match said {
                    Said::Line(line) => {
                        let stderr = line.stream == Stream::Err;
                        for line in log.add(line.text).iter().flat_map(|text| text.lines()) {
                            output.say(self.labelled(line), stderr);
                        }
                    }
                    Said::Exited(exit) => {
                        process.stop().await;
                        return Some(exit.is_success());
                    }
                },
            }
        }
    }

    fn say_still_running(&self, took: Duration, patience: Duration) {
        let command = self.config.command.to_string();
        if patience == FIRST_WORD && command.split_whitespace().any(|word| word == ENDLESS) {
            self.notices
                .warn(format!("`{command}` may never end: leave out `{ENDLESS}`, for it is run at each save that concerns it"));
        }
        self.notices.send(Notice::StillBuilding { command, step: self.label.clone(), took });
    }

    fn labelled(&self, line: &str) -> String {
        self.label.as_ref().map_or_else(|| line.to_owned(), |label| format!("[{label}] {line}"))
    }

    async fn done(self, command: String, log: Log, began: Instant) -> Ran {
        let (outputs, at, root) = (self.outputs, self.at, self.root);
        let written = spawn_blocking(move || outputs.finish(at, &root)).await.unwrap_or(Written::Unknown);
        self.notices.timeline().note(Stage::Build, began, Some(self.next), command.as_str());
        self.notices.send(Notice::Built { command, step: self.label, took: began.elapsed(), cause: self.cause });
        Ran::Done { executable: log.executable, written }
    }

    fn failed(self, command: String, log: Log, began: Instant) -> Ran {
        self.outputs.abandon(self.at);
        self.notices.timeline().note(Stage::Build, began, None, format!("{command}: failed"));
        let took = began.elapsed();
        let (diagnostics, output) = log.diagnostics(Ground { dir: &self.config.dir, root: &self.root });
        let words = first_words(&command);
        Ran::Failed(Failure { words, command, diagnostics, output, took })
    }
}
