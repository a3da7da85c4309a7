//! What builds and the program come to: what is served, and what pages and the terminal hear of it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::Session;
use crate::{
    app::{Follows, RolledBack, Swapped},
    build::{Cause, Need, Plan, Product, Work},
    config::AppPort,
    generation::Generation,
    reload::Message,
    report::Report,
    telemetry::Notice,
};

impl Session {
    pub(super) fn request_build(&mut self, cause: Cause, work: Work) {
        // Before whatever the build says.
        self.say_all();
        let Some(app) = &self.config.app else { return };
        self.backing.wait_for_build();
        let message = Message::building(self.standing.borrow().generation, &cause.files);
        self.breaker.build_begins(&cause.files, Instant::now());
        self.builder.request(app, cause, work, self.generations.upcoming());
        self.standing.send_modify(|standing| standing.building = true);
        self.hub.send(&message);
    }

    pub(super) fn built(&mut self, product: Product) {
        self.breaker.build_ends(&product.cause.files, Instant::now());
        if self.config.program().is_none() || product.need == Need::Nothing && self.backing.is_serving() {
            return self.built_beside(&product.cause);
        }
        self.failures.built();
        self.backing.begin(&self.config, product);
    }

    /// What was built is no affair of the program's: watching tells what became of it.
    fn built_beside(&mut self, cause: &Cause) {
        self.failures.build = None;
        self.show_standing(&cause.files);
        self.tell_untold(cause);
    }

    pub(super) fn build_failed(&mut self, report: Arc<Report>, cause: &Cause) {
        self.backing.refuse(&report);
        self.breaker.build_ends(&cause.files, Instant::now());
        self.failures.build = Some(report.clone());
        self.show_failure(report, &cause.files);
        self.tell_untold(cause);
    }

    pub(super) fn swapped(&mut self, swapped: &Swapped) {
        match swapped.follows {
            Follows::Newer => self.failures.started(),
            Follows::Same => self.failures.restarted(),
            Follows::SameInstead => return self.went_on(swapped),
        }
        self.breaker.started(&swapped.cause.files);
        self.untold = Plan::default();
        let generation = self.say_generation(swapped);
        self.reload_all(generation, &swapped.cause, Some(swapped.at));
        self.hint_at_port(swapped);
    }

    /// The program before one that did not start answers again: pages show what it answers already.
    fn went_on(&mut self, swapped: &Swapped) {
        let generation = self.say_generation(swapped);
        self.adopt_generation(generation);
    }

    fn say_generation(&mut self, swapped: &Swapped) -> Generation {
        let Swapped { ready_in, waited, cause, .. } = swapped;
        // A change of the site may have overtaken the swap.
        let is_newest = swapped.generation > self.standing.borrow().generation;
        let generation = if is_newest { swapped.generation } else { self.generations.next() };
        let (waited, cause) = (*waited, cause.files.clone());
        self.say(Notice::Generation { generation, ready_in: Some(*ready_in), waited, cause });
        generation
    }

    /// Pages load anew what answers now, and are told that it is not the newest.
    pub(super) fn rolled_back(&mut self, back: RolledBack) {
        let RolledBack { swapped, report, failure } = back;
        if let Some(report) = failure {
            self.say(Notice::AppExited { report, retry_in: None });
        }
        self.failures.rolled_back(&report);
        let generation = self.say_generation(&swapped);
        self.say(Notice::RolledBack { report, generation });
        self.reload_all(generation, &swapped.cause, None);
        self.show_standing(&[]);
    }

    /// Once: why requests wait at each restart of this program, and what to do about it.
    fn hint_at_port(&mut self, swapped: &Swapped) {
        if swapped.as_given || self.port_hinted || self.config.app.as_ref().is_none_or(|app| app.port != AppPort::Auto) {
            return;
        }
        self.port_hinted = true;
        self.say(Notice::Info(format!(
            "the app took port {} instead of the one in PORT: each restart stops it first while requests wait; \
             one that listens on PORT stays up meanwhile",
            swapped.address.port()
        )));
    }

    /// What was built is what runs: the newest save is served, and nobody has to load anything anew for it.
    pub(super) fn unchanged(&mut self, cause: &Cause) {
        self.failures.started();
        self.say(Notice::Unchanged { cause: cause.files.clone() });
        self.show_standing(&cause.files);
        self.tell_untold(cause);
    }

    pub(super) fn start_failed(&mut self, report: Arc<Report>) {
        self.failures.start_failed(&report);
        self.show_failure(report, &[]);
        self.tell_untold(&Cause::none());
    }

    /// What was saved together with code that came to nothing is served all the same.
    fn tell_untold(&mut self, cause: &Cause) {
        let plan = std::mem::take(&mut self.untold);
        self.site_changed(&plan, cause);
    }

    pub(super) fn crashed(&mut self, report: Arc<Report>, retry_in: Duration) {
        self.failures.app = Some(report.clone());
        self.say(Notice::AppExited { report, retry_in: Some(retry_in) });
        self.show_standing(&[]);
    }
}
