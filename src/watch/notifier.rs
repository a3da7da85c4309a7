//! The engine of systems other than Linux: notify, on single folders, which calls back with paths.

use std::{path::Path, sync::Arc};

use notify::{
    EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode, CreateKind, ModifyKind, RenameMode},
};

use super::{event::What, inbox::Inbox};

pub(super) struct Notifier(RecommendedWatcher);

impl Notifier {
    pub(super) fn new(inbox: Arc<Inbox>) -> notify::Result<Self> {
        let handler = move |event: notify::Result<notify::Event>| match event {
            Ok(event) => deliver(event, &inbox),
            Err(_) => inbox.put_lost(),
        };
        notify::recommended_watcher(handler).map(Self)
    }

    pub(super) fn watch(&mut self, place: &Path) -> notify::Result<()> {
        self.0.watch(place, RecursiveMode::NonRecursive)
    }
}

fn deliver(event: notify::Event, inbox: &Inbox) {
    // Before its paths: it has none.
    if event.need_rescan() {
        return inbox.put_lost();
    }
    let Some(what) = what(&event.kind) else { return };
    for path in event.paths {
        inbox.put_event(path, what);
    }
}

/// `None` for what is no change, such as reading. What is not known is complete: the look decides.
fn what(kind: &EventKind) -> Option<What> {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(What::Closed),
        EventKind::Access(_) => None,
        // Both halves have told already.
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => None,
        EventKind::Modify(ModifyKind::Name(RenameMode::From)) => Some(What::Left),
        EventKind::Create(CreateKind::File) => Some(What::Created),
        EventKind::Modify(ModifyKind::Data(_)) if cfg!(target_os = "linux") => Some(What::Written),
        EventKind::Modify(ModifyKind::Metadata(_)) => Some(What::Touched),
        EventKind::Remove(_) => Some(What::Deleted),
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Other => Some(What::Arrived),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use notify::Event;

    use super::*;

    #[test]
    fn a_rename_leaves_the_old_name_gone_and_the_new_one_complete() {
        let inbox = Inbox::new().expect("a pair of sockets");
        let rename = |mode, paths: &[&str]| {
            let event = Event::new(EventKind::Modify(ModifyKind::Name(mode)));
            paths.iter().fold(event, |event, path| event.add_path(PathBuf::from(path)))
        };
        for event in [rename(RenameMode::From, &["f"]), rename(RenameMode::To, &["f~"]), rename(RenameMode::Both, &["f", "f~"])] {
            deliver(event, &inbox);
        }
        assert_eq!(inbox.take().events, [("f".into(), What::Left), ("f~".into(), What::Arrived)]);
    }
}
