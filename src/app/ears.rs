//! Hears what a program prints: shows it, keeps its last words, and looks in it for what concerns us.

use std::path::PathBuf;

use tokio::{
    sync::{oneshot, watch},
    task::spawn_blocking,
    time::sleep_until,
};

use super::{tail::Tail, trace::Trace};
use crate::{
    build::{Ground, in_last_words},
    config::Pattern,
    plain::plain,
    process::{Exit, Line, Process, Step, Stream},
    telemetry::{Notice, Notices, Output, Source},
};

/// Who hears one run of a program.
pub(super) struct Ears {
    /// Where it runs.
    pub(super) dir: PathBuf,
    pub(super) root: PathBuf,
    pub(super) tail: Tail,
    /// What it says once it is ready; `None` when nothing is waited for.
    pub(super) ready_line: Option<Pattern>,
    /// Set when it has.
    pub(super) is_ready: watch::Sender<bool>,
    pub(super) notices: Notices,
}

impl Ears {
    /// Follows the program to its end, or until it is to be stopped; then nothing of it is left.
    pub(super) async fn follow(
        mut self,
        mut process: Process,
        ended: watch::Sender<Option<Exit>>,
        mut stopped: oneshot::Receiver<()>,
    ) {
        let (mut output, mut trace) = (Output::new(Source::App, self.notices.clone()), Trace::default());
        loop {
            let due = trace.due();
            let step = tokio::select! {
                _ = &mut stopped => break,
                () = output.due() => {
                    output.release();
                    continue;
                }
                () = sleep_until(due.unwrap_or_else(tokio::time::Instant::now)), if due.is_some() => {
                    self.explain(trace.take()).await;
                    continue;
                }
                step = process.next() => step,
            };
            match step {
                Step::Line(line) => {
                    trace.add(&line.text);
                    self.hear(&mut output, line);
                }
                Step::Exited(exit) => {
                    output.release();
                    ended.send_replace(Some(exit));
                    break;
                }
            }
        }
        process.stop_with(|line| self.hear(&mut output, line)).await;
    }

    fn hear(&mut self, output: &mut Output, line: Line) {
        self.tail.push(line.text.clone());
        if self.ready_line.as_ref().is_some_and(|ready| ready.0.is_match(&plain(&line.text))) {
            self.ready_line = None;
            self.is_ready.send_replace(true);
        }
        output.say(line.text, line.stream == Stream::Err);
    }

    /// Names the place of a trace, if it is one and leads into the project.
    async fn explain(&self, trace: String) {
        let (dir, root) = (self.dir.clone(), self.root.clone());
        // It reads the files that the trace names.
        let found = spawn_blocking(move || in_last_words(&trace, Ground { dir: &dir, root: &root })).await;
        let first = found.unwrap_or_default().into_iter().next();
        let own = first.filter(|found| found.line.is_some() && found.file.as_ref().is_some_and(|file| file.is_relative()));
        own.into_iter().for_each(|diagnostic| self.notices.send(Notice::AppError { diagnostic }));
    }
}
