//! A configuration takes the place of another one while everything runs.

use std::path::Path;

use super::{Session, site::open_site};
use crate::{
    build::{Cause, Plan, Planner, Work},
    config::{Config, Detected},
    server::{Room, Rooms, Routes, app_service},
    telemetry::Notice,
};

impl Session {
    /// Reads the configuration anew and answers whether that took care of the whole plan. One that cannot be used leaves
    /// everything as it was, and says so.
    pub(super) fn reconfigure(&mut self, plan: &Plan, cause: &Cause) -> bool {
        self.say_all();
        match (self.load)() {
            Ok(config) => {
                let is_mended = self.failures.config.take().is_some();
                match self.says_the_same(&config, plan) {
                    true if is_mended => self.show_standing(&cause.files),
                    true => (),
                    false => self.adopt(config, plan, cause),
                }
                true
            }
            Err(error) => {
                let report = self.failures.config_report(&error);
                self.failures.config = Some(report.clone());
                self.show_failure(report, &cause.files);
                false
            }
        }
    }

    /// Whether only files of variables were saved, and those that count are as before.
    fn says_the_same(&self, config: &Config, plan: &Plan) -> bool {
        let is_about_variables = !plan.config.is_empty() && plan.config.iter().all(|file| file != Path::new("everlit.toml"));
        let rest = Plan { config: Vec::new(), ..plan.clone() };
        is_about_variables && rest.is_empty() && self.config.app == config.app && self.config.routes == config.routes
    }

    /// Whether the folder is another kind of project by now.
    pub(super) fn detects_otherwise(&self) -> bool {
        let before = &self.config;
        let is_other = |config: Config| (config.site, config.app) != (before.site.clone(), before.app.clone());
        (self.load)().is_ok_and(is_other)
    }

    fn adopt(&mut self, config: Config, plan: &Plan, cause: &Cause) {
        let before = std::mem::replace(&mut self.config, config);
        let had_program = before.program().is_some();
        self.planner = Planner::new(&self.config);
        if before.server != self.config.server {
            let text = "the new port, host, names, network or certificate take effect when everlit is started again";
            self.say(Notice::Warning(text.into()));
            self.config.server = before.server;
        }
        if before.device != self.config.device {
            self.say(Notice::Warning("what phones reach takes effect when everlit is started again".into()));
            self.config.device = before.device;
        }
        if before.watch != self.config.watch {
            self.watcher.adopt(&self.config.watch);
        }
        self.tell_detected(&before.detected);
        // What was written to memory only, and writes that are under way, belong to the site that is open.
        if before.site != self.config.site {
            self.rooms.site = self.config.site.as_ref().map(|config| open_site(config, &self.writer, &self.notices));
            self.load_site();
        }
        let other_backing = had_program != self.config.program().is_some()
            || before.upstream != self.config.upstream
            || before.limits.time != self.config.limits.time
            || before.limits.at_once.waiting != self.config.limits.at_once.waiting;
        if other_backing {
            self.failures.forget_program();
            self.builder.cancel();
            self.rooms.upstream = self.backing.replace(&self.config, &self.keeper, &self.generations, &self.notices);
        }
        self.rooms.routes = Routes::new(&self.config, &self.rooms.routes);
        apply_settings(&self.config, &self.rooms, &self.room);
        self.router.send_replace(app_service(&self.config, &self.rooms));
        self.look_for_servers();
        let code = other_backing || before.app != self.config.app || !(plan.code.is_empty() && plan.steps.is_empty());
        if code && self.config.app.is_some() {
            // The rest of it is in force already: it is told with the build, or when that fails.
            self.untold.extend(Plan { code: Vec::new(), steps: Vec::new(), ..plan.clone() });
            let work = self.work(plan).filter(|_| !other_backing && before.app == self.config.app).unwrap_or(Work::All);
            return self.request_build(cause.clone(), work);
        }
        let generation = self.generations.next();
        self.reload_all(generation, cause, None);
    }

    fn tell_detected(&mut self, before: &[Detected]) {
        let new = self.config.detected.iter().filter(|found| !before.contains(found));
        self.unsaid.extend(new.map(|found| Notice::Info(format!("found {}: {}", found.what, found.why))));
    }
}

/// What is only looked at when it is needed is told of its settings: at the start, and whenever they are others.
pub(super) fn apply_settings(config: &Config, rooms: &Rooms, room: &Room) {
    rooms.hub.set_morph(config.live.morph);
    rooms.hub.set_console(config.live.console);
    rooms.hub.set_mirror(config.live.mirror);
    rooms.hub.set_most_sockets(config.limits.at_once.sockets);
    rooms.recorder.allow_capture(config.traffic.capture);
    rooms.recorder.leave_out(config.traffic.except.iter().map(String::as_str).collect());
    rooms.editors.configure(config);
    room.allow(&config.limits);
}
