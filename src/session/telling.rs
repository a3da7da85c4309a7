//! What pages and the terminal hear of a change, and what stands in between: serve first, tell second.

use std::{path::PathBuf, sync::Arc, time::Instant};

use super::{Session, history::History};
use crate::{
    build::Cause,
    generation::{Generation, Standing},
    reload::{Message, Painted, Timing},
    report::Report,
    telemetry::{Change, Notice, Stage, in_words},
};

impl Session {
    pub(super) fn note_save(&self, cause: &Cause) {
        let (timeline, words) = (self.notices.timeline(), in_words(&cause.files));
        timeline.note_moment(Stage::Save, cause.saved, words.as_str());
        timeline.note(Stage::Settle, cause.saved, None, words);
    }

    pub(super) fn painted(&mut self, painted: Painted) {
        let Some(shown) = self.pace.painted(painted.generation, painted.at) else { return };
        let began = painted.at.checked_sub(shown.took).unwrap_or(painted.at);
        self.notices.timeline().note(Stage::Painted, began, Some(painted.generation), in_words(&shown.cause));
        self.say(Notice::Painted { generation: painted.generation, took: shown.took, cause: shown.cause });
    }

    /// What pages are told of a change's time; a person who asks has saved nothing.
    pub(super) fn timing(&self, cause: &Cause, swapped: Option<Instant>) -> Option<Timing> {
        let is_told = self.config.live.timing && !cause.files.is_empty();
        is_told.then(|| Timing { saved: cause.saved, build: cause.build.clone(), swapped })
    }

    /// Every page has to be loaded anew.
    pub(super) fn reload_all(&mut self, generation: Generation, cause: &Cause, swapped: Option<Instant>) {
        self.history.all(generation);
        self.adopt_generation(generation);
        let pages = self.hub.send(&Message::reload(generation, &cause.files, self.timing(cause, swapped).as_ref()));
        self.told(Change::Reload, generation, pages, cause);
    }

    /// What answers is of this generation from here on.
    pub(super) fn adopt_generation(&mut self, generation: Generation) {
        self.backing.renumber(generation);
        self.stand_at(generation);
    }

    /// Serve first: what requests get is that generation from here on.
    pub(super) fn stand_at(&mut self, generation: Generation) {
        let building = self.builder.is_running() || self.backing.is_starting();
        let failure = self.failures.standing();
        let History { program, pages, resources, .. } = &self.history;
        let (program, pages, resources) = (*program, *pages, resources.clone());
        self.standing.send_replace(Standing { generation, failure, building, program, pages, resources });
    }

    /// What pages were told, second to its being served.
    pub(super) fn told(&mut self, change: Change, generation: Generation, pages: usize, cause: &Cause) {
        let took = cause.saved.elapsed();
        if pages > 0 && !cause.files.is_empty() {
            // A tool that asks for a page after each message is no page that loads anew because of one.
            if self.hub.tabs() > 0 {
                self.breaker.told(&cause.files, Instant::now());
            }
            self.pace.told(generation, cause.saved, took, &cause.files);
        }
        if !cause.files.is_empty() {
            let words = format!("{}: {}, sockets told: {pages}", in_words(&cause.files), change.name());
            self.notices.timeline().note(Stage::Told, cause.saved, Some(generation), words);
        }
        self.say(Notice::Reloaded { change, generation, pages, took, cause: cause.files.clone() });
    }

    /// The last good generation, if any, keeps serving, and everybody knows that it is stale.
    pub(super) fn show_failure(&mut self, report: Arc<Report>, cause: &[PathBuf]) {
        let is_served = self.config.program().is_none() || self.backing.is_serving();
        let serving = if is_served { self.standing.borrow().generation } else { Generation::default() };
        self.say(Notice::BuildFailed { report, serving });
        self.show_standing(cause);
    }

    /// Tells pages of the failure that stands now, or that none does.
    pub(super) fn show_standing(&mut self, cause: &[PathBuf]) {
        let generation = self.standing.borrow().generation;
        self.stand_at(generation);
        let message = match self.failures.standing() {
            Some(report) => Message::failed(generation, cause, &report),
            None => Message::ok(generation, cause),
        };
        self.hub.send(&message);
        if self.standing.borrow().building {
            // Either message ends what a page says of a build.
            self.hub.send(&Message::building(generation, cause));
        }
    }
}
