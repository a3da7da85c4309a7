//! What is said of a program that failed while it answered.

use super::{memory, probe::Answer, supervisor::App};
use crate::{
    build::{Ground, in_last_words},
    config::{CommandLine, Run},
    process::Exit,
    report::{Kind, Report},
};

/// The signal by which the kernel ends a program when there is no memory left.
const SIGKILL: i32 = 9;

impl App {
    pub(super) fn crash_report(&mut self, exit: Exit) -> Report {
        let exit = self.serving.as_ref().map_or(exit, |serving| through_shell(exit, &serving.start.config.run));
        let is_out_of_memory = exit == Exit::Signal(SIGKILL) && memory::kills() > self.memory_kills;
        let title = match is_out_of_memory {
            true => "the app ran out of memory: the kernel ended it by SIGKILL".to_owned(),
            false => format!("the app {exit}"),
        };
        self.report_of_serving(title)
    }

    pub(super) fn unfit_report(&mut self, answer: Answer) -> Report {
        let path = self.serving.as_ref().and_then(|serving| serving.start.config.ready.clone()).unwrap_or_default();
        let title = match answer {
            Answer::Status(status) => format!("the app answers {status} on {path}"),
            Answer::Refused | Answer::Mute => format!("the app does not answer on {path}"),
            Answer::Closed => format!("the app does not listen any more, {path} cannot be asked for"),
        };
        self.report_of_serving(title)
    }

    fn report_of_serving(&mut self, title: String) -> Report {
        self.reports += 1;
        let serving = self.serving.as_ref();
        let output = serving.map(|serving| serving.instance.last_words()).unwrap_or_default();
        let took = serving.map(|serving| serving.instance.started.elapsed()).unwrap_or_default();
        let dir = serving.map_or(self.place.root.as_path(), |serving| &serving.start.config.dir);
        let diagnostics = in_last_words(&output, Ground { dir, root: &self.place.root });
        let command = serving.map(|serving| serving.start.command()).unwrap_or_default();
        Report { id: self.reports, kind: Kind::Crash, title, command, diagnostics, output, took, help: String::new() }
    }
}

/// How a program ended that a shell ran for us: the shell says 128 and the signal where a signal ended it (POSIX, 2.8.2).
pub(super) fn through_shell(exit: Exit, run: &Run) -> Exit {
    match (exit, run) {
        (Exit::Code(code @ 129..=159), Run::Command(CommandLine::Shell(_))) => Exit::Signal(code - 128),
        _ => exit,
    }
}
