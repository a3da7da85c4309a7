//! Going back to an earlier generation, and forward again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    hand_over::{Follows, Role, Serving, Swap, Swapped, Why, target},
    past::Live,
    start::Start,
    supervisor::{App, Event, RolledBack},
};
use crate::{
    build::Cause,
    generation::Generation,
    proxy::{Backend, State},
    report::{Kind, Report},
};

/// Where a person wants to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the generation before the newest one; from an earlier one to the newest.
    Back,
    /// To the generation before the one that answers.
    FurtherBack,
}

impl App {
    /// Hands over to another generation because a person asks for it.
    ///
    /// # Errors
    /// Why that cannot be done, in words.
    pub fn switch(&mut self, way: Way) -> Result<(), &'static str> {
        if self.is_starting() {
            return Err("a generation is being started: press the key again when it answers");
        }
        let newer = self.past.newer().filter(|_| way == Way::Back);
        match (newer, self.past.earlier()) {
            (Some(newest), _) => self.return_to(newest),
            (None, Some(earlier)) => self.go_back(earlier, Why::Asked),
            (None, None) => return Err(self.nowhere_to_go()),
        }
        Ok(())
    }

    fn nowhere_to_go(&self) -> &'static str {
        match self.past.current() {
            Some(run) if run.start.artifact.is_none() => {
                "there is no earlier generation to go back to: this program runs from its sources, of which only the saved ones are there"
            }
            _ => "there is no earlier generation to go back to",
        }
    }

    fn return_to(&mut self, newest: usize) {
        if let Some(start) = self.start_of(newest) {
            self.hand_over(start, Role::Return(newest));
        }
    }

    /// Hands over to an earlier generation: to its process where that still runs, to a new one otherwise.
    pub(super) fn go_back(&mut self, to: usize, why: Why) {
        let Some(start) = self.start_of(to) else { return };
        match self.past.revive(to) {
            Some(live) => self.revive(live, start, to, why),
            None => self.hand_over(start, Role::Back(to, why)),
        }
    }

    /// No save causes it.
    fn start_of(&self, place: usize) -> Option<Start> {
        Some(Start { cause: Cause::none(), ..self.past.get(place)?.start.clone() })
    }

    /// Lets the process answer again that was kept alive.
    fn revive(&mut self, live: Live, start: Start, to: usize, why: Why) {
        let generation = self.place.generations.next();
        let target = target(live.address, &start.config);
        let backend = Backend::speaking(target, generation, live.instance.words());
        let waited = self.place.slot.waited();
        self.place.slot.replace(State::Serving(Arc::clone(&backend)));
        let Live { instance, address } = live;
        let serving = Serving { instance, backend, start: start.clone(), address, as_given: true };
        if let Some(replaced) = self.serving.replace(serving) {
            self.retiring.spawn(replaced.retire());
        }
        self.retry = None;
        let (ready_in, cause, follows) = (Duration::ZERO, start.cause.clone(), Follows::SameInstead);
        let swapped = Swapped { generation, ready_in, waited, address, as_given: true, cause, follows, at: Instant::now() };
        self.note(Swap { swapped, role: Role::Back(to, why), start }, None);
    }

    /// Says that an earlier generation answers.
    pub(super) fn went_back(&mut self, swapped: Swapped, to: usize, why: Why) {
        let number = |place: Option<Generation>| place.unwrap_or_default();
        let left = number(self.past.current().map(|run| run.generation));
        let reached = number(self.past.get(to).map(|run| run.generation));
        self.past.judge(matches!(why, Why::Failed { .. }));
        self.past.go_to(to, swapped.generation);
        self.probation = None;
        self.reports += 1;
        let report = Arc::new(report(self.reports, reached, left, &why));
        let failure = match why {
            Why::Asked => None,
            Why::Failed { report, .. } => Some(report),
        };
        self.untold.push_back(Event::RolledBack(RolledBack { swapped, report, failure }));
    }
}

fn report(id: u64, reached: Generation, left: Generation, why: &Why) -> Report {
    match why {
        Why::Asked => Report {
            id,
            kind: Kind::Choice,
            title: format!("rolled back to generation {reached} by hand"),
            command: String::new(),
            diagnostics: Vec::new(),
            output: String::new(),
            took: Duration::ZERO,
            help: format!("generation {left} is kept: press b in the terminal to return to it"),
        },
        Why::Failed { report, after } => {
            let what = report.title.strip_prefix("the app ").unwrap_or(&report.title);
            let after = after.as_secs_f64();
            Report {
                id,
                kind: Kind::Rollback,
                title: format!("rolled back to generation {reached}: generation {left} {what}, {after:.1} s after it took over"),
                help: "the next save that builds takes its place; b in the terminal starts the one that failed once more".into(),
                ..Report::clone(report)
            }
        }
    }
}
