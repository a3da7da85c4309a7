//! Saves as programs make them.

use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    path::Path,
    process::Command,
    thread,
    time::{Duration, SystemTime},
};

use super::{Bench, LAST, reported, write};
use crate::watch::engine::Engine;

#[test]
fn sed_saves_one_file_once() {
    let mut bench = Bench::new(&["project/static/site.css=a { color: red }"]);
    let sed = Command::new("sed").args(["-i", "s/red/blue/"]).arg(bench.at("static/site.css")).status().expect("sed runs");
    assert!(sed.success());
    assert_eq!(bench.next(), reported(&["+static/site.css"]));
    assert_eq!(bench.rest(), reported(&[]));
}

#[test]
fn a_write_through_the_api_is_of_the_data_alone() {
    let mut bench = Bench::new(&["project/data/posts.json=[]"]);
    write(&bench.at("data/.posts.json.everlit-unfinished"), "[1]");
    fs::rename(bench.at("data/.posts.json.everlit-unfinished"), bench.at("data/posts.json")).expect("it is renamed");
    write(&bench.at(".everlit/bin/app"), "built");
    assert_eq!(bench.next(), reported(&["+data/posts.json"]));
    assert_eq!(bench.rest(), reported(&[]));
}

#[test]
fn what_vim_does_is_of_the_saved_file_alone() {
    let mut bench = Bench::new(&["project/site.css=old"]);
    write(&bench.at(".site.css.swp"), "swap");
    write(&bench.at("4913"), "");
    fs::remove_file(bench.at("4913")).expect("the probe is removed");
    fs::rename(bench.at("site.css"), bench.at("site.css~")).expect("the backup is made");
    write(&bench.at("site.css"), "new");
    fs::remove_file(bench.at("site.css~")).expect("the backup is removed");
    assert_eq!(bench.rest(), reported(&["+site.css"]));
}

#[test]
fn what_is_left_out_keeps_nobody_waiting() {
    let mut bench = Bench::new(&["project/f=old", "project/.gitignore=*\n!*/\n!f"]);
    let log = File::create(bench.at("app.log")).expect("a log that stays open");
    write(&bench.at("folder/f"), "new");
    assert_eq!(bench.next(), reported(&["+folder/f"]), "a folder that is left out only as a file is watched");
    assert_eq!(bench.worker.pending.len(), 0);
    drop(log);
}

#[test]
fn a_replaced_folder_is_compared_whole() {
    let mut bench = Bench::new(&["project/d/a=a", "project/d/e/b=b", "project/d/same=same", "other/a=new", "other/same=same"]);
    fs::rename(bench.at("d"), bench.folder.path().join("away")).expect("it is moved away");
    fs::rename(bench.folder.path().join("other"), bench.at("d")).expect("another takes its place");
    assert_eq!(bench.rest(), reported(&["+d/a", "-d/e/b"]));
    write(&bench.at("d/e/b"), "b");
    write(&bench.at("d/a"), "newer");
    assert_eq!(bench.rest(), reported(&["+d/a", "+d/e/b"]), "the other is watched, and what was removed is new");
}

#[test]
fn a_folder_and_a_file_take_each_others_place() {
    let mut bench = Bench::new(&["project/d/a=a", "project/f=f"]);
    fs::rename(bench.at("d"), bench.folder.path().join("away")).expect("it is moved away");
    write(&bench.at("d"), "a file now");
    fs::remove_file(bench.at("f")).expect("it is removed");
    write(&bench.at("f/a"), "in a folder now");
    assert_eq!(bench.rest(), reported(&["+d", "-d/a", "-f", "+f/a"]));
}

#[test]
fn a_lock_git_left_behind_holds_nothing_back() {
    let mut bench = Bench::new(&[".git/HEAD=", "project/f=old"]);
    let lock = bench.folder.path().join(".git/index.lock");
    let old = SystemTime::now() - Duration::from_secs(3600);
    File::create(&lock).and_then(|file| file.set_modified(old)).expect("a lock of an hour ago");
    for text in ["new", "newer"] {
        write(&bench.at("f"), text);
        assert_eq!(bench.next(), reported(&["+f"]));
    }
    let warnings = bench.warnings();
    assert!(matches!(&warnings[..], [one] if one.contains(&*lock.to_string_lossy())), "{warnings:?}");
}

#[test]
fn a_checkout_in_a_worktree_is_one_change_set() {
    let mut bench = Bench::new(&["repository/HEAD=", "project/.git=gitdir: ../repository", "project/f=old"]);
    let (root, lock) = (bench.root(), bench.folder.path().join("repository/index.lock"));
    write(&lock, "");
    let git = thread::spawn(move || check_out(&root, &lock));
    let expected: Vec<_> = (0..200).map(|number| format!("+{number}")).chain([format!("+{LAST}")]).collect();
    assert_eq!(bench.next(), reported(&expected.iter().map(String::as_str).collect::<Vec<_>>()));
    git.join().expect("git ends");
}

fn check_out(root: &Path, lock: &Path) {
    for number in 0..200 {
        write(&root.join(number.to_string()), "new");
        // Longer than a save's quiet time: without the lock each would be a set of its own.
        thread::sleep(Duration::from_millis(3));
    }
    write(&root.join(LAST), "");
    fs::remove_file(lock).expect("git is done");
}

#[test]
fn a_link_to_a_folder_is_followed_where_that_has_an_end() {
    let mut bench = Bench::new(&["project/d/f=f", "other/g=g"]);
    symlink(bench.root(), bench.at("d/up")).expect("a link");
    symlink(bench.at("d"), bench.at("same")).expect("a link");
    symlink("loop", bench.at("loop")).expect("a link");
    assert_eq!(bench.rest(), reported(&[]));
    symlink(bench.folder.path().join("other"), bench.at("other")).expect("a link");
    assert_eq!(bench.rest(), reported(&["+other/g"]));
    write(&bench.folder.path().join("other/g"), "new");
    write(&bench.at("same/f"), "new");
    assert_eq!(bench.rest(), reported(&["+d/f", "+other/g"]), "each save is told once");
    fs::remove_file(bench.at("other")).expect("it is removed");
    assert_eq!(bench.rest(), reported(&["-other/g"]));
}

#[test]
fn rules_hold_from_their_save_on() {
    let mut bench = Bench::new(&["project/a.log=old", "project/d/a.out=old", "new/.gitignore=*.out", "new/a.out=new"]);
    write(&bench.at(".gitignore"), "*.log");
    assert_eq!(bench.rest(), reported(&["+.gitignore"]));
    write(&bench.at("a.log"), "new");
    assert_eq!(bench.rest(), reported(&[]));
    fs::rename(bench.at("d"), bench.folder.path().join("away")).expect("it is moved away");
    fs::rename(bench.folder.path().join("new"), bench.at("d")).expect("another takes its place");
    assert_eq!(bench.rest(), reported(&["+d/.gitignore"]), "what another folder leaves out is not compared");
    fs::remove_file(bench.at(".gitignore")).expect("it is removed");
    assert_eq!(bench.rest(), reported(&["-.gitignore", "+a.log"]));
}

/// The engine of other systems, on this one.
#[test]
fn notify_tells_of_saves_and_new_folders() {
    let mut bench = Bench::unwalked(&["project/f=old", "project/g=old"]);
    bench.worker.engine = Engine::notify(&bench.inbox);
    bench.settle();
    write(&bench.at("f"), "new");
    assert_eq!(bench.next(), reported(&["+f"]));
    write(&bench.at("g.new"), "new");
    fs::rename(bench.at("g.new"), bench.at("g")).expect("it is renamed");
    write(&bench.at("a/b/c"), "new");
    fs::remove_file(bench.at("f")).expect("it is removed");
    assert_eq!(bench.rest(), reported(&["+g", "+a/b/c", "-f"]));
    write(&bench.at("a/b/c"), "newer");
    assert_eq!(bench.rest(), reported(&["+a/b/c"]), "a new folder is watched");
}
