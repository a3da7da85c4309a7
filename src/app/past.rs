//! The generations that have answered, and can be started again.
//!
//! One is, where a copy of its program is kept; and, for as long as its successor is on probation, where its process was kept
//! alive.

use std::net::SocketAddr;

use super::{instance::Instance, start::Start};
use crate::{generation::Generation, process::Exit};

/// A generation that has answered.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) start: Start,
    /// The last number it had.
    pub(super) generation: Generation,
    /// It failed while it was on probation.
    pub(super) is_bad: bool,
    live: Option<Live>,
}

/// A process that answers nobody and could.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) instance: Instance,
    pub(super) address: SocketAddr,
}

/// Those of one program, the newest last.
#[derive(Debug, Default)]
pub(super) struct Past {
    runs: Vec<Run>,
    /// The one that answers, or did so last.
    at: usize,
}

impl Run {
    fn is_startable(&self) -> bool {
        self.start.artifact.is_some() || self.live.is_some()
    }
}

impl Past {
    /// The one that answers, or did so last; `None` before the first.
    pub(super) fn current(&self) -> Option<&Run> {
        self.runs.get(self.at)
    }

    pub(super) fn get(&self, place: usize) -> Option<&Run> {
        self.runs.get(place)
    }

    /// Where the newest one is, unless that is the one that answers.
    pub(super) fn newer(&self) -> Option<usize> {
        let newest = self.runs.len().checked_sub(1)?;
        (newest != self.at).then_some(newest)
    }

    /// Where the nearest good one before it is.
    pub(super) fn earlier(&self) -> Option<usize> {
        self.runs.get(..self.at)?.iter().rposition(|run| run.is_startable() && !run.is_bad)
    }

    /// What answers is what was saved last: there is nothing newer to return to.
    pub(super) fn settle(&mut self) {
        self.runs.truncate(self.at + 1);
        self.judge(false);
    }

    /// A new one answers, and `keep` are kept. The process of the one before is kept as well, where it is handed over. The same
    /// program once more takes its own place.
    pub(super) fn push(&mut self, start: Start, generation: Generation, before: Option<Live>) {
        if self.current().is_some_and(|run| run.start.is_same(&start)) {
            self.settle();
            return self.renumber(generation);
        }
        let keep = start.config.keep;
        if let Some(run) = self.runs.get_mut(self.at) {
            run.live = before;
        }
        self.runs.retain(Run::is_startable);
        self.runs.push(Run { start, generation, is_bad: false, live: None });
        self.runs.drain(..self.runs.len().saturating_sub(keep));
        self.at = self.runs.len() - 1;
    }

    /// Another one answers, under this number. Answers where it is.
    pub(super) fn go_to(&mut self, place: usize, generation: Generation) {
        self.at = place.min(self.runs.len().saturating_sub(1));
        self.renumber(generation);
    }

    /// The one that answers has this number now.
    pub(super) fn renumber(&mut self, generation: Generation) {
        if let Some(run) = self.runs.get_mut(self.at) {
            run.generation = generation;
        }
    }

    /// Notes whether the one that answers is fit to be gone back to.
    pub(super) fn judge(&mut self, is_bad: bool) {
        if let Some(run) = self.runs.get_mut(self.at) {
            run.is_bad = is_bad;
        }
    }

    /// The process that was kept alive, if any; its generation is forgotten where nothing else is left of it.
    pub(super) fn take_live(&mut self) -> Option<Live> {
        let place = self.runs.iter().position(|run| run.live.is_some())?;
        let live = self.runs[place].live.take();
        if place != self.at && !self.runs[place].is_startable() {
            self.runs.remove(place);
            self.at -= usize::from(place < self.at);
        }
        live
    }

    /// The process of this one, if it was kept alive.
    pub(super) fn revive(&mut self, place: usize) -> Option<Live> {
        self.runs.get_mut(place)?.live.take()
    }

    /// Waits for the end of the process that was kept alive. Cancel-safe.
    pub(super) async fn live_ended(&mut self) -> Exit {
        match self.runs.iter_mut().find_map(|run| run.live.as_mut()) {
            Some(live) => live.instance.exited().await,
            None => std::future::pending().await,
        }
    }
}
