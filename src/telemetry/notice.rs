//! One event of the dev loop, and the way to the console.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use tokio::sync::{
    broadcast,
    mpsc::{self, error::TryRecvError},
};

use super::{
    json::json_line,
    pace::Summary,
    page::{OpenPage, PageMessage, Teller},
    timeline::Timeline,
};
use crate::{
    generation::Generation,
    report::{Diagnostic, Report},
};

/// How many notices may wait for the console: seconds of a program that logs faster than the terminal takes it.
const CAPACITY: usize = 4096;

/// The room that programs and pages leave to our own events. Those are a handful per save, so that a console must be a whole
/// day's work behind before one of them is lost.
const RESERVE: usize = 1024;

/// How many events may wait for one that listens to them as JSON; who is further behind is told how many it missed.
const OVERHEARD: usize = 512;

/// One event of the dev loop. Paths are relative to the project.
#[derive(Clone, Debug)]
pub enum Notice {
    /// The whole project is being watched; until then a save may count as a change though it changed nothing.
    Watching {
        /// Folders that are watched.
        folders: usize,
        /// Files in them.
        files: usize,
        /// How long the walk took. Requests were answered meanwhile.
        took: Duration,
    },
    /// Files really changed.
    Changed {
        /// Which, at most a handful are printed.
        files: Vec<PathBuf>,
    },
    /// A build began.
    Building {
        /// The command.
        command: String,
        /// The name of its step, where there are several.
        step: Option<String>,
    },
    /// A build takes long.
    StillBuilding {
        /// The command.
        command: String,
        /// The name of its step, where there are several.
        step: Option<String>,
        /// How long it has been running.
        took: Duration,
    },
    /// A step of a build was not run: it was last made from the same.
    Skipped {
        /// Its name.
        step: String,
    },
    /// A build succeeded.
    Built {
        /// The command.
        command: String,
        /// The name of its step, where there are several.
        step: Option<String>,
        /// How long it ran.
        took: Duration,
        /// The files that caused it; empty for the first build.
        cause: Vec<PathBuf>,
    },
    /// A build failed, or a program did not start: the last good generation, if any, keeps serving.
    BuildFailed {
        /// Why.
        report: Arc<Report>,
        /// The generation that keeps serving; 0 when there is none.
        serving: Generation,
    },
    /// What was built is byte for byte what runs.
    Unchanged {
        /// The files that caused the build.
        cause: Vec<PathBuf>,
    },
    /// A page was asked for and its template could not be rendered. Once for each mistake; nothing is stale because of it.
    PageFailed {
        /// Where, and why.
        report: Arc<Report>,
    },
    /// A new generation answers requests.
    Generation {
        /// Its number.
        generation: Generation,
        /// How long its program took to become ready; `None` without a program.
        ready_in: Option<Duration>,
        /// How many requests waited for it.
        waited: u64,
        /// The files that caused it.
        cause: Vec<PathBuf>,
    },
    /// An earlier generation of the program answers in place of the newest one.
    RolledBack {
        /// To which one, and why.
        report: Arc<Report>,
        /// The number under which it answers.
        generation: Generation,
    },
    /// Browsers were told.
    Reloaded {
        /// What they were told to do.
        change: Change,
        /// The generation they were told of.
        generation: Generation,
        /// How many pages were told.
        pages: usize,
        /// From the end of the save to the message.
        took: Duration,
        /// The files that caused it.
        cause: Vec<PathBuf>,
    },
    /// A browser was the first to show what a save caused.
    Painted {
        /// The generation it shows.
        generation: Generation,
        /// From the end of the save to the browser's word.
        took: Duration,
        /// The files that caused it.
        cause: Vec<PathBuf>,
    },
    /// How fast saves reach browsers, since the start.
    Timings {
        /// From the end of a save to the message.
        told: Summary,
        /// From the end of a save to its being on a screen.
        painted: Summary,
    },
    /// A line of a program's or build's output, without its newline.
    AppOutput {
        /// Whose.
        source: Source,
        /// The line, untrusted; of controls it has colours alone.
        line: String,
        /// Whether it came on standard error.
        stderr: bool,
    },
    /// Lines of a program's or build's output that came too fast to be read.
    LeftOut {
        /// Whose.
        source: Source,
        /// How many.
        lines: u64,
    },
    /// The program wrote a stack trace, and goes on.
    AppError {
        /// What happened, and where in the project.
        diagnostic: Diagnostic,
    },
    /// The program ended by itself.
    AppExited {
        /// Why and with which last words.
        report: Arc<Report>,
        /// When it is started again; `None` when only a change starts it.
        retry_in: Option<Duration>,
    },
    /// A page logged something, or something went wrong in it.
    Console(PageMessage),
    /// A page said more than is passed on.
    ConsoleLeftOut {
        /// Which page.
        teller: Arc<Teller>,
        /// How many of its messages.
        messages: u64,
    },
    /// A browser in the network may come in.
    Invited(Box<Invited>),
    /// DevTools may be opened for a tab of a phone.
    DevTools(Box<DevTools>),
    /// The pages that are open, for somebody who asked.
    Pages {
        /// The generation that answers.
        generation: Generation,
        /// The one that was opened first at the front.
        pages: Vec<OpenPage>,
    },
    /// A phone came, went or was reached.
    Device {
        /// Its model and serial number.
        name: String,
        /// What happened to it.
        what: String,
    },
    /// Something is not as asked; one sentence that names the cause and the next step.
    Warning(String),
    /// Something worth a line.
    Info(String),
    /// Nothing is left running; the last one.
    Stopped,
}

/// What lets one browser in the network in.
#[derive(Clone, Debug)]
pub struct Invited {
    /// Where it leads: `http://192.168.1.20:4747/`.
    pub url: String,
    /// The same by name, once there is one.
    pub named: Option<String>,
    /// The interface behind which the network is.
    pub interface: String,
    /// The link that lets it in: a secret.
    pub link: String,
    /// The code of that link, a line for every two rows of modules.
    pub code: Vec<String>,
    /// How long it is good, in minutes.
    pub minutes: u64,
    /// Where the certificate is that a phone has to trust, and its fingerprint.
    pub certificate: Option<(String, String)>,
    /// Where this machine's browser shows such a code.
    pub page: String,
}

/// DevTools for a tab of a phone.
#[derive(Clone, Debug)]
pub struct DevTools {
    /// The phone's model and serial number.
    pub name: String,
    /// The address of its page.
    pub page: String,
    /// Where they are, with the way to the tab: a secret.
    pub link: String,
    /// Whether Chromium takes the link from a person alone.
    pub is_typed: bool,
}

/// Who wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The program.
    App,
    /// The build.
    Build,
}

impl Source {
    /// Columns that the mark before a line takes on a terminal.
    pub const MARK: u16 = 10;

    /// `app`, `build`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Build => "build",
        }
    }
}

/// What browsers were told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Swap stylesheets in place.
    Styles,
    /// Refresh images and the like in place.
    Assets,
    /// Load the page anew.
    Reload,
}

impl Change {
    /// `styles`, `assets`, `reload`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Styles => "styles",
            Self::Assets => "assets",
            Self::Reload => "reload",
        }
    }
}

impl Notice {
    /// Whether a program or a page said it, as fast and as often as it likes.
    fn is_foreign(&self) -> bool {
        matches!(self, Self::AppOutput { .. } | Self::LeftOut { .. } | Self::Console(_) | Self::ConsoleLeftOut { .. })
    }
}

/// The way to the console: cheap to clone, never blocks.
#[derive(Clone, Debug)]
pub struct Notices {
    sender: mpsc::Sender<Notice>,
    gap: Gap,
    timeline: Timeline,
    /// Where there ever was somebody who listens besides the console.
    overheard: Arc<OnceLock<broadcast::Sender<Arc<str>>>>,
}

impl Notices {
    /// A handle, and the end the console reads.
    #[must_use]
    pub fn channel() -> (Self, Heard) {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        let gap = Gap::default();
        (Self { sender, gap: gap.clone(), timeline: Timeline::default(), overheard: Arc::default() }, Heard { receiver, gap })
    }

    /// Hands a notice over. When the console is too far behind it is left out, and counted: a line of a program or a page when
    /// only `RESERVE` is free or such lines are being left out already, an event of ours when nothing is.
    pub fn send(&self, notice: Notice) {
        // The link that pairs a phone is for the terminal, and for who reads that.
        let is_told = !matches!(notice, Notice::Invited(_));
        let overheard = self.overheard.get().filter(|overheard| is_told && overheard.receiver_count() > 0);
        if let Some(overheard) = overheard {
            // Whoever listened has gone meanwhile: nobody misses it.
            let _ = overheard.send(json_line(&notice).trim_end().into());
        }
        // Held while we send: otherwise the reader could find everything read, and no gap, just before we make one.
        let mut gap = self.gap.lock();
        let refused = notice.is_foreign() && (*gap > 0 || self.sender.capacity() <= RESERVE);
        if refused || matches!(self.sender.try_send(notice), Err(mpsc::error::TrySendError::Full(_))) {
            *gap += 1;
        }
    }

    /// All that is sent from now on, as JSON.
    #[must_use]
    pub fn overhear(&self) -> broadcast::Receiver<Arc<str>> {
        self.overheard.get_or_init(|| broadcast::channel(OVERHEARD).0).subscribe()
    }

    /// Where what is done is noted with its time, whether the console says it or not.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Says that something is not as asked.
    pub fn warn(&self, text: impl Into<String>) {
        self.send(Notice::Warning(text.into()));
    }
}

/// How many lines were left out since the console last had read everything. While there are any, more of a program's lines are
/// left out, so that there is one gap and not one for each line the console takes.
#[derive(Clone, Debug, Default)]
struct Gap(Arc<Mutex<u64>>);

impl Gap {
    fn lock(&self) -> MutexGuard<'_, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the gap, and says how wide it was.
    fn close(&self) -> Option<Notice> {
        let lines = std::mem::take(&mut *self.lock());
        let text = match lines {
            0 => return None,
            1 => "1 line of output was left out".to_owned(),
            lines => format!("{lines} lines of output were left out"),
        };
        Some(Notice::Warning(format!("{text}: the console could not keep up")))
    }
}

/// The console's end. It hears of what was left out right where it is missing: behind all that was sent before.
#[derive(Debug)]
pub struct Heard {
    receiver: mpsc::Receiver<Notice>,
    gap: Gap,
}

impl Heard {
    /// The next notice; `None` when there will be none. Cancel-safe.
    pub async fn recv(&mut self) -> Option<Notice> {
        match self.try_recv() {
            Ok(notice) => Some(notice),
            Err(_) => self.receiver.recv().await,
        }
    }

    /// The next notice, waiting for it outside of a runtime; `None` when there will be none.
    pub fn blocking_recv(&mut self) -> Option<Notice> {
        match self.try_recv() {
            Ok(notice) => Some(notice),
            Err(_) => self.receiver.blocking_recv(),
        }
    }

    /// The next notice that is there already.
    ///
    /// # Errors
    /// When there is none, or will be none.
    pub fn try_recv(&mut self) -> Result<Notice, TryRecvError> {
        self.receiver.try_recv().or_else(|none| self.gap.close().ok_or(none))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: usize) -> Notice {
        Notice::AppOutput { source: Source::App, line: number.to_string(), stderr: false }
    }

    fn texts(heard: &mut Heard) -> Vec<String> {
        let text = |notice| match notice {
            Notice::AppOutput { line, .. } => line,
            Notice::Warning(text) | Notice::Info(text) => text,
            other => format!("{other:?}"),
        };
        std::iter::from_fn(|| heard.try_recv().ok()).map(text).collect()
    }

    #[test]
    fn a_busy_program_leaves_room_for_our_own_events() {
        let (notices, mut heard) = Notices::channel();
        (0..CAPACITY).for_each(|number| notices.send(line(number)));
        notices.send(Notice::Info("ours".into()));
        let mut expected: Vec<_> = (0..CAPACITY - RESERVE).map(|number| number.to_string()).collect();
        expected.push("ours".into());
        expected.push(format!("{RESERVE} lines of output were left out: the console could not keep up"));
        assert_eq!(texts(&mut heard), expected);

        notices.send(line(1));
        assert_eq!(texts(&mut heard), ["1"], "there is room again");
    }

    #[test]
    fn lines_are_left_out_in_one_piece() {
        let (notices, mut heard) = Notices::channel();
        (0..=CAPACITY - RESERVE).for_each(|number| notices.send(line(number)));
        heard.try_recv().unwrap();
        notices.send(line(0));
        let rest = texts(&mut heard);
        assert_eq!(rest.len(), CAPACITY - RESERVE);
        assert!(rest[rest.len() - 1].starts_with("2 lines"), "{rest:?}");
    }

    #[tokio::test]
    async fn even_the_last_lines_are_accounted_for() {
        let (notices, mut heard) = Notices::channel();
        (0..=CAPACITY - RESERVE).for_each(|number| notices.send(line(number)));
        drop(notices);
        for _ in 0..CAPACITY - RESERVE {
            heard.recv().await.unwrap();
        }
        assert!(matches!(heard.recv().await, Some(Notice::Warning(text)) if text.starts_with("1 line of")));
        assert!(heard.recv().await.is_none());
    }

    #[test]
    fn our_own_events_are_counted_too_when_nothing_is_free() {
        let (notices, mut heard) = Notices::channel();
        (0..=CAPACITY).for_each(|_| notices.warn("ours"));
        assert_eq!(texts(&mut heard).last().unwrap(), "1 line of output was left out: the console could not keep up");
    }
}
