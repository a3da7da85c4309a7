//! From the start to the end of the first walk, other settings on the way, and the end.

use std::{fs, path::Path, sync::Arc, time::Instant};

use futures_util::FutureExt;
use tokio::sync::mpsc;

use super::{Bench, SOON, reported, write};
use crate::{
    config::WatchConfig,
    telemetry::Notices,
    watch::{
        ChangeSet, Watcher,
        folder::{FolderId, Watch, Watches},
        inbox::Inbox,
        moment::Moment,
        rules::Rules,
        tree::{Findings, Tree},
    },
};

/// Saves a file in place, again where the system's clock does not tell yet that it was after the mark.
fn save_after(mark: Moment, path: &Path) {
    loop {
        write(path, "new");
        if Moment::of_change(&fs::metadata(path).expect("it is there")) >= mark {
            return;
        }
    }
}

/// Saves while the root is being watched; watches nothing, so that no event tells.
struct SavesMeanwhile<'a> {
    root: &'a Path,
    mark: Moment,
}

impl Watches for SavesMeanwhile<'_> {
    fn watch(&mut self, folder: FolderId, _: &Path) -> Option<Watch> {
        if folder == FolderId::ROOT {
            ["a/saved", "a/created"].iter().for_each(|path| save_after(self.mark, &self.root.join(path)));
        }
        None
    }

    fn unwatch(&mut self, _: FolderId, _: Watch) {}
}

#[test]
fn what_is_saved_during_the_walk_is_told_and_what_was_before_is_not() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path();
    for path in ["copied", "saved", "a/saved", "a/copied"] {
        write(&root.join(path), "old");
    }
    let mut tree = Tree::new(root, Rules::new(root, &WatchConfig::default()), Moment::mark());
    let mut saves = SavesMeanwhile { root, mark: Moment::mark() };
    let saved = tree.scan(&mut saves);
    let mut findings = Findings { changes: ChangeSet::new(Instant::now()), large: Vec::new() };
    assert_eq!(saved.len(), 2, "{saved:?}");
    for suspect in saved {
        tree.look(&suspect.key, &mut saves, &mut findings);
    }
    let told: Vec<_> = findings.changes.iter().map(|change| change.path).collect();
    assert_eq!(told, ["a/created", "a/saved"].map(Path::new));
}

#[test]
fn a_save_between_start_and_walk_comes_out_as_a_change_set() {
    let mut bench = Bench::unwalked(&["project/deep/er/f=old", "project/g=old"]);
    save_after(Moment::mark(), &bench.at("deep/er/f"));
    bench.settle();
    assert_eq!(bench.next(), reported(&["+deep/er/f"]));
    assert_eq!(bench.rest(), reported(&[]));
}

/// A look at files that were saved just before the walk comes before anybody has read them.
#[test]
fn what_was_saved_just_before_the_walk_is_no_news_to_a_look() {
    let mut bench = Bench::unwalked(&["project/f=old", "project/g=old"]);
    bench.worker.walk();
    assert!(bench.worker.tree.compare(FolderId::ROOT).different.is_empty());
    write(&bench.at("g"), "another size");
    assert_eq!(bench.worker.tree.compare(FolderId::ROOT).different.len(), 1);
}

#[test]
fn other_settings_lose_no_save() {
    let mut bench = Bench::new(&["project/a.css=old", "project/b.css=old", "project/a.log=old"]);
    write(&bench.at("a.css"), "new");
    bench.inbox.put_config(WatchConfig { ignore: vec!["*.log".into()], poll: true, ..WatchConfig::default() });
    write(&bench.at("b.css"), "new");
    write(&bench.at("a.log"), "new");
    assert_eq!(bench.rest(), reported(&["+a.css", "+b.css"]), "what is left out now was not removed");
    bench.inbox.put_config(WatchConfig::default());
    write(&bench.at("a.css"), "newer");
    assert_eq!(bench.rest(), reported(&["+a.css", "+a.log"]), "what is watched again may have changed");
}

#[test]
fn the_end_of_the_thread_is_told_once() {
    let (sender, sets) = mpsc::channel(1);
    let mut watcher = Watcher { sets: Some(sets), inbox: Arc::new(Inbox::new().expect("a pair of sockets")) };
    assert!(watcher.next().now_or_never().is_none());
    drop(sender);
    assert!(watcher.next().now_or_never().expect("it is told").is_none());
    assert!(watcher.next().now_or_never().is_none(), "then it waits for ever");
}

#[test]
fn a_dropped_watcher_leaves_nothing_running() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let watcher = Watcher::start(folder.path(), &WatchConfig::default(), Notices::channel().0).expect("a thread");
    write(&folder.path().join("f"), "a save that is under way");
    let inbox = Arc::downgrade(&watcher.inbox);
    drop(watcher);
    let deadline = Instant::now() + SOON;
    while inbox.strong_count() > 0 {
        assert!(Instant::now() < deadline, "the thread or the system's watch still runs");
        std::thread::yield_now();
    }
}
