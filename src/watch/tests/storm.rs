//! Whatever is done to the tree, what differs in the end was told, and what is known is what is there.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    thread,
};

use proptest::{collection::vec, prelude::*, test_runner::Config};

use super::{Bench, LAST, write};
use crate::{
    config::WatchConfig,
    watch::{Kind, engine::Engine, moment::Moment, rules::Rules, tree::Tree},
};

/// Enough for each pair of operations to meet on the same path; each takes some tens of milliseconds.
const CASES: u32 = 40;

/// Few enough that operations meet; some are another's folder.
const PATHS: &[&str] = &["f", "a/f", "a/g", "a/b/f", "a/b/c/f", "d/f", "d/b/f", "a", "a/b", "d"];

#[derive(Clone, Debug)]
enum Operation {
    Write(&'static str, u8),
    Replace(&'static str, u8),
    Remove(&'static str),
    Rename(&'static str, &'static str),
}

fn operation() -> impl Strategy<Value = Operation> {
    let path = || prop::sample::select(PATHS);
    prop_oneof![
        4 => (path(), 0..4_u8).prop_map(|(path, text)| Operation::Write(path, text)),
        2 => (path(), 0..4_u8).prop_map(|(path, text)| Operation::Replace(path, text)),
        2 => path().prop_map(Operation::Remove),
        2 => (path(), path()).prop_map(|(from, to)| Operation::Rename(from, to)),
    ]
}

/// Does it as far as the tree allows: one that cannot be done is none.
fn perform(root: &Path, operation: &Operation) {
    let at = |path: &str| root.join(path);
    let make_folder = |path: &Path| path.parent().map_or(Ok(()), fs::create_dir_all);
    let _ = match *operation {
        Operation::Write(path, text) => make_folder(&at(path)).and_then(|()| fs::write(at(path), [text])),
        Operation::Replace(path, text) => make_folder(&at(path))
            .and_then(|()| fs::write(at(path).with_extension("new"), [text]))
            .and_then(|()| fs::rename(at(path).with_extension("new"), at(path))),
        Operation::Remove(path) => fs::remove_file(at(path)).or_else(|_| fs::remove_dir_all(at(path))),
        Operation::Rename(from, to) => make_folder(&at(to)).and_then(|()| fs::rename(at(from), at(to))),
    };
}

fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else {
                let path = entry.strip_prefix(folder).expect("below it").to_owned();
                found.insert(path, fs::read(&entry).expect("a file"));
            }
        }
    }
    found
}

/// The operations run beside the worker; the last of them is one that is certainly told.
fn check(first: &[Operation], then: Vec<Operation>) -> Result<(), TestCaseError> {
    let mut bench = Bench::unwalked(&[]);
    let root = bench.root();
    first.iter().for_each(|operation| perform(&root, operation));
    let before = contents(&root);
    bench.worker.tree = Tree::new(&root, Rules::new(&root, &WatchConfig::default()), Moment::mark());
    bench.settle();
    let storm = thread::spawn(move || {
        then.iter().for_each(|operation| perform(&root, operation));
        write(&root.join(LAST), "");
    });
    let told = bench.until_last();
    storm.join().expect("the storm ends");
    let mut after = contents(&bench.root());
    after.remove(Path::new(LAST));
    for path in before.keys().chain(after.keys()) {
        let untold = before.get(path) != after.get(path) && !told.contains_key(path);
        prop_assert!(!untold, "{} changed and nobody was told", path.display());
    }
    for (path, kind) in &told {
        prop_assert_eq!(*kind == Kind::Written, after.contains_key(path), "the last word on {}", path.display());
    }
    let mut fresh = Tree::new(&bench.root(), Rules::new(&bench.root(), &WatchConfig::default()), Moment::mark());
    fresh.scan(&mut Engine::poll());
    bench.worker.tree.assert_like(&fresh);
    Ok(())
}

proptest! {
    #![proptest_config(Config { cases: CASES, failure_persistence: None, ..Config::default() })]
    #[test]
    fn nothing_is_lost_in_a_storm(first in vec(operation(), 0..12), then in vec(operation(), 1..40)) {
        check(&first, then)?;
    }
}
