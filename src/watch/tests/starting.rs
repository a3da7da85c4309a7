//! From the start to the end of the first walk, other settings on the way, and the end.

use std::{fs, sync::Arc, time::Instant};

use futures_util::FutureExt;
use tokio::sync::mpsc;

use super::{Bench, SOON, reported, write};
use crate::{
    config::WatchConfig,
    telemetry::Notices,
    watch::{ChangeSet, Watcher, inbox::Inbox, moment::Moment, rules::Rules, tree::Tree},
};

/// Saves a file in place, again where the system's clock does not tell yet that it was after the mark.
fn save_after(mark: Moment, path: &std::path::Path) {
    loop {
        write(path, "new");
        if Moment::of_change(&fs::metadata(path).expect("it is there")) >= mark {
            return;
        }
    }
}

#[test]
fn what_is_saved_during_the_walk_is_told_and_what_was_before_is_not() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path();
    for path in ["copied", "saved", "a/saved", "a/copied"] {
        write(&root.join(path), "old");
    }
    let mut tree = Tree::new(root, Rules::new(root, &[]));
    let mark = Moment::mark();
    let saved = tree.walk(&mut |watched| {
        if watched == root {
            // Not watched yet, so no event tells.
            ["a/saved", "a/created"].iter().for_each(|path| save_after(mark, &root.join(path)));
        }
    });
    let mut changes = ChangeSet::new(Instant::now());
    assert_eq!(saved.len(), 2, "{saved:?}");
    for path in saved {
        tree.look(&path, &mut |_| (), &mut changes);
    }
    assert_eq!(changes.iter().map(|change| change.path).collect::<Vec<_>>(), ["a/created", "a/saved"].map(std::path::Path::new));
}

#[test]
fn a_save_between_start_and_walk_comes_out_as_a_change_set() {
    let mut bench = Bench::unwalked(&["project/deep/er/f=old", "project/g=old"]);
    save_after(Moment::mark(), &bench.at("deep/er/f"));
    bench.worker.walk();
    assert_eq!(bench.next(), reported(&["+deep/er/f"]));
    assert_eq!(bench.rest(), reported(&[]));
}

#[test]
fn other_settings_lose_no_save() {
    let mut bench = Bench::new(&["project/a.css=old", "project/b.css=old", "project/a.log=old"]);
    write(&bench.at("a.css"), "new");
    bench.inbox.put_config(WatchConfig { ignore: vec!["*.log".into()], poll: true });
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
    let mut watcher = Watcher { sets: Some(sets), inbox: Arc::new(Inbox::default()) };
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
