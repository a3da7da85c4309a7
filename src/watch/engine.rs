//! Where events come from: notify on single folders, or nobody, when the tree is polled.
//!
//! notify's recursive mode is not used: on Linux it reports every file that is opened, loses what is written into new
//! folders, and takes minutes to forget deleted ones. Single folders have none of that.

use std::{path::Path, sync::Arc, time::Duration};

use notify::{
    ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode, CreateKind, ModifyKind, RenameMode},
};

use super::inbox::{Inbox, Phase};

/// The shortest time between two polls of the tree.
pub(super) const POLL: Duration = Duration::from_millis(250);

/// The source of events.
pub(super) enum Engine {
    /// The system tells.
    Native(RecommendedWatcher),
    /// Nobody tells; the worker looks at the tree again and again.
    Poll,
}

impl Engine {
    /// The system's engine, or the reason why there is none.
    pub(super) fn native(inbox: Arc<Inbox>) -> Result<Self, String> {
        let handler = move |event: notify::Result<Event>| match event {
            Ok(event) => deliver(event, &inbox),
            Err(_) => inbox.put_lost(),
        };
        notify::recommended_watcher(handler).map(Self::Native).map_err(|error| remedy(&error))
    }

    /// Watches one folder.
    ///
    /// # Errors
    /// The reason, with the next step, when the system refuses. A folder that is gone again is no error.
    pub(super) fn watch(&mut self, folder: &Path) -> Result<(), String> {
        let Self::Native(watcher) = self else { return Ok(()) };
        match watcher.watch(folder, RecursiveMode::NonRecursive) {
            Err(error) if folder.is_dir() => Err(remedy(&error)),
            _ => Ok(()),
        }
    }
}

fn deliver(event: Event, inbox: &Inbox) {
    if event.need_rescan() {
        return inbox.put_lost();
    }
    let Some(phase) = phase(&event.kind) else { return };
    for path in event.paths {
        inbox.put(path, phase);
    }
}

/// How far the save has come; `None` for what is no change, such as reading.
fn phase(kind: &EventKind) -> Option<Phase> {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(Phase::Complete),
        EventKind::Access(_) => None,
        // Both halves have told already.
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => None,
        EventKind::Create(CreateKind::File) => Some(Phase::Open),
        EventKind::Modify(ModifyKind::Data(_)) => Some(Phase::Open),
        EventKind::Modify(ModifyKind::Name(RenameMode::From)) | EventKind::Remove(_) => Some(Phase::Gone),
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Other => Some(Phase::Complete),
    }
}

fn remedy(error: &notify::Error) -> String {
    match &error.kind {
        ErrorKind::MaxFilesWatch => {
            "the limit of watches is reached; raise it with `sudo sysctl fs.inotify.max_user_watches=1048576`".into()
        }
        ErrorKind::Io(io) if io.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) => {
            "the limit of watch instances is reached; raise it with `sudo sysctl fs.inotify.max_user_instances=1024`".into()
        }
        _ => format!("the system refuses to watch: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_rename_leaves_the_old_name_gone_and_the_new_one_complete() {
        let inbox = Inbox::default();
        let rename = |mode, paths: &[&str]| {
            let event = Event::new(EventKind::Modify(ModifyKind::Name(mode)));
            paths.iter().fold(event, |event, path| event.add_path(PathBuf::from(path)))
        };
        for event in [rename(RenameMode::From, &["f"]), rename(RenameMode::To, &["f~"]), rename(RenameMode::Both, &["f", "f~"])] {
            deliver(event, &inbox);
        }
        let batch = inbox.take(Some(Duration::ZERO));
        assert_eq!(batch.dirty, [("f".into(), Phase::Gone), ("f~".into(), Phase::Complete)].into());
    }
}
