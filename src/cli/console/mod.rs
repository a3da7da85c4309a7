//! Prints what happens: one line per event, for people or as JSON.
//!
//! It has a thread of its own, so that a terminal that takes nothing (Ctrl-S, a full pipe) stops no request. A terminal or
//! pipe that is gone is no error: there is nobody left to tell.

mod human;
mod json;

use std::{
    io::{self, IsTerminal, Write},
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

use crate::{
    config::{Config, LogFormat},
    failpoint,
    session::Opened,
    telemetry::{Heard, Notice, Notices, json_line},
};
use human::Human;

/// How long the last lines may take to leave.
const FINISH_LIMIT: Duration = Duration::from_millis(500);

/// Whether what is printed so has colours.
pub(super) fn has_colours(format: LogFormat) -> bool {
    matches!(Printer::new(format), Printer::Human(human) if human.has_colours())
}

/// What is said once the server answers.
pub(super) struct Ready<'a> {
    pub(super) config: &'a Config,
    pub(super) opened: &'a Opened,
    pub(super) took: Duration,
    pub(super) keys: bool,
}

/// The console's thread.
pub(super) struct Console(oneshot::Receiver<()>);

impl Console {
    /// Says that the server is ready, then prints notices until the last one, or until all their senders are gone.
    pub(super) fn start(format: LogFormat, ready: &Ready<'_>, notices: Heard) -> io::Result<Self> {
        let printer = Printer::new(format);
        printer.ready(ready);
        let (done, finished) = oneshot::channel();
        thread::Builder::new().name("console".into()).spawn(move || {
            printer.follow(notices);
            let _ = done.send(());
        })?;
        Ok(Self(finished))
    }

    /// Waits until nothing is printed any more, which before [`Self::finish`] is a mistake of ours. Cancel-safe.
    pub(super) async fn ended(&mut self) {
        let _ = (&mut self.0).await;
    }

    /// Says that all is over, and waits until everything before it is printed. Whoever still holds a way to the console by then
    /// (a thread that is about to end) is not waited for.
    pub(super) async fn finish(self, notices: Notices) {
        notices.send(Notice::Stopped);
        drop(notices);
        if !self.0.is_terminated() {
            let _ = tokio::time::timeout(FINISH_LIMIT, self.0).await;
        }
    }
}

enum Printer {
    Human(Human),
    Json,
}

impl Printer {
    fn new(format: LogFormat) -> Self {
        match format {
            LogFormat::Human => Self::Human(Human::new(io::stdout().is_terminal())),
            LogFormat::Json => Self::Json,
        }
    }

    fn ready(&self, ready: &Ready<'_>) {
        match self {
            Self::Human(human) => print(&human.ready(ready)),
            Self::Json => print(&json::ready(ready)),
        }
        self.warn_of_network(ready);
        if let Some(moved) = &ready.opened.moved {
            self.notice(&Notice::Warning(human::moved(moved, &ready.opened.url)));
        }
    }

    fn warn_of_network(&self, ready: &Ready<'_>) {
        if ready.config.server.host.is_some_and(|address| !address.is_loopback()) {
            self.notice(&Notice::Warning(
                "everybody who reaches this address can open the project; leave out --host to keep it here".into(),
            ));
        }
    }

    fn follow(&self, mut notices: Heard) {
        failpoint::pass("console");
        let is_over = |notice: &Notice| matches!(notice, Notice::Stopped);
        while let Some(notice) = notices.blocking_recv().filter(|notice| !is_over(notice)) {
            self.notice(&notice);
        }
        self.notice(&Notice::Stopped);
    }

    fn notice(&self, notice: &Notice) {
        match self {
            Self::Human(human) => print(&human.notice(notice)),
            Self::Json => print(&json_line(notice)),
        }
    }
}

/// Writes a text whole; `println!` would panic when nobody reads any more.
fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
