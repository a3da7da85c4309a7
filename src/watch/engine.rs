//! Where events come from: the system, or nobody, when all folders are polled.

use std::{os::fd::BorrowedFd, path::Path, sync::Arc};

use super::{
    event::Event,
    folder::{FolderId, Watch, Watches},
    inbox::Inbox,
};

#[cfg(target_os = "linux")]
use super::inotify::Inotify;
#[cfg(any(test, not(target_os = "linux")))]
use super::notifier::Notifier;

/// What the system says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Signal<'a> {
    Event(Event<'a>),
    /// Events were lost: everything may have changed.
    Lost,
    /// The watch of a folder has ended by itself.
    Ended(FolderId, Watch),
    /// The file system a folder lies on is gone.
    Unmounted(FolderId),
    /// The root was renamed or deleted.
    RootMoved,
}

/// The source of events.
pub(super) struct Engine {
    source: Source,
    /// Why the system refused to watch a folder, until it is told.
    refusal: Option<String>,
}

enum Source {
    #[cfg(target_os = "linux")]
    Inotify(Inotify),
    #[cfg(any(test, not(target_os = "linux")))]
    Notify(Notifier),
    /// Nobody tells.
    Poll,
}

impl Engine {
    /// The system's; where it refuses, [`Self::take_refusal`] says why.
    pub(super) fn of_system(inbox: &Arc<Inbox>) -> Self {
        match of_system(inbox) {
            Ok(source) => Self { source, refusal: None },
            Err(refusal) => Self { source: Source::Poll, refusal: Some(refusal) },
        }
    }

    /// Nobody tells, as was asked for.
    pub(super) fn poll() -> Self {
        Self { source: Source::Poll, refusal: None }
    }

    /// The engine of other systems.
    #[cfg(test)]
    pub(super) fn notify(inbox: &Arc<Inbox>) -> Self {
        let notifier = Notifier::new(Arc::clone(inbox)).expect("the system lets notify watch");
        Self { source: Source::Notify(notifier), refusal: None }
    }

    /// Whether nobody tells.
    pub(super) fn is_poll(&self) -> bool {
        matches!(self.source, Source::Poll)
    }

    /// Why the system refused; once.
    pub(super) fn take_refusal(&mut self) -> Option<String> {
        self.refusal.take()
    }

    /// What is readable once something has come in; others leave their events in the inbox.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match &self.source {
            #[cfg(target_os = "linux")]
            Source::Inotify(inotify) => Some(std::os::fd::AsFd::as_fd(inotify)),
            _ => None,
        }
    }

    /// Hands on a part of what has come in; whether there was anything.
    pub(super) fn read(&mut self, each: &mut dyn FnMut(Signal<'_>)) -> bool {
        match &mut self.source {
            #[cfg(target_os = "linux")]
            Source::Inotify(inotify) => inotify.read(each),
            _ => {
                let _ = each;
                false
            }
        }
    }
}

impl Watches for Engine {
    fn watch(&mut self, folder: FolderId, place: &Path) -> Option<Watch> {
        let watched = match &mut self.source {
            #[cfg(target_os = "linux")]
            Source::Inotify(inotify) => inotify.watch(folder, place).map_err(|error| remedy(&error)),
            #[cfg(any(test, not(target_os = "linux")))]
            Source::Notify(notifier) => notifier.watch(place).map(|()| 0).map_err(|error| Some(error.to_string())),
            Source::Poll => Err(None),
        };
        match watched {
            Ok(watch) => return Some(watch),
            Err(reason) => self.refusal = self.refusal.take().or(reason.filter(|_| place.is_dir())),
        }
        None
    }

    fn unwatch(&mut self, folder: FolderId, watch: Watch) {
        match &mut self.source {
            #[cfg(target_os = "linux")]
            Source::Inotify(inotify) => inotify.unwatch(folder, watch),
            // A folder that is gone is no longer watched.
            _ => (),
        }
    }
}

#[cfg(target_os = "linux")]
fn of_system(_: &Arc<Inbox>) -> Result<Source, String> {
    Inotify::new().map(Source::Inotify).map_err(|error| match rustix::io::Errno::from_io_error(&error) {
        Some(rustix::io::Errno::MFILE) => {
            "the limit of watch instances is reached, so that the whole project is polled; raise it \
            with `sudo sysctl fs.inotify.max_user_instances=1024`"
                .into()
        }
        _ => format!("the system refuses to watch ({error}), so that the whole project is polled"),
    })
}

#[cfg(not(target_os = "linux"))]
fn of_system(inbox: &Arc<Inbox>) -> Result<Source, String> {
    Notifier::new(Arc::clone(inbox))
        .map(Source::Notify)
        .map_err(|error| format!("the system refuses to watch ({error}), so that the whole project is polled"))
}

/// The reason why a folder is polled, where it is worth telling.
#[cfg(target_os = "linux")]
fn remedy(error: &std::io::Error) -> Option<String> {
    match rustix::io::Errno::from_io_error(error)? {
        rustix::io::Errno::NOSPC => Some(
            "the limit of watches is reached, so that some folders are polled; raise it with \
             `sudo sysctl fs.inotify.max_user_watches=1048576`"
                .into(),
        ),
        rustix::io::Errno::NOMEM => Some("the system has no memory left for watches, so that some folders are polled".into()),
        // Gone again, or not ours to read.
        _ => None,
    }
}
