//! What others do beside a save: large files, floods of what is left out, many folders that come and go.

use std::{
    env,
    fs::{self, File},
    io::{Seek, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant, SystemTime},
};

use super::{Bench, LAST, Reported, reported, write};
use crate::watch::{ChangeSet, Kind};

/// Too large to be read while a save waits, and within what is read ahead.
const LARGE: u64 = 4 * 1024 * 1024;

fn overwrite_begin(bench: &Bench, text: &str) {
    let mut file = File::options().write(true).open(bench.at("large")).expect("it is there");
    file.rewind().and_then(|()| file.write_all(text.as_bytes())).expect("it is written");
}

#[test]
fn a_large_file_delays_no_other_save() {
    let make = |root: &Path| File::create(root.join("large")).and_then(|file| file.set_len(LARGE)).expect("a large file");
    let mut bench = Bench::below(&env::temp_dir(), &["project/site.css=old"], make);
    bench.settle();
    overwrite_begin(&bench, "changed");
    write(&bench.at("site.css"), "new");
    assert_eq!(bench.next(), reported(&["+site.css"]), "its size says nothing, so that it must be read");
    assert_eq!(bench.next(), reported(&["+large"]));
    overwrite_begin(&bench, "changed");
    File::open(bench.at("large")).and_then(|file| file.set_modified(SystemTime::now())).expect("it is touched");
    overwrite_begin(&bench, "CHANGED");
    assert_eq!(bench.next(), reported(&["+large"]));
    File::options().write(true).open(bench.at("large")).and_then(|file| file.set_len(LARGE + 1)).expect("it grows");
    assert_eq!(bench.next(), reported(&["+large"]), "its size says all");
    assert_eq!(bench.rest(), reported(&[]));
}

#[test]
fn reading_causes_no_events_and_what_is_left_out_no_work() {
    let mut bench = Bench::new(&["project/a/f=old", "project/.gitignore=*.log\nbuild/"]);
    for _ in 0..100 {
        fs::read(bench.at("a/f")).expect("it is read");
        fs::read_dir(bench.at("a")).expect("it is listed").for_each(drop);
    }
    let mut events = 0;
    bench.worker.engine.read(&mut |_| events += 1);
    assert_eq!(events, 0);
    for number in 0..2_000 {
        write(&bench.at("app.log"), &number.to_string());
        write(&bench.at(&format!("build/{}", number % 100)), "output");
    }
    assert_eq!(bench.rest(), reported(&[]));
    assert_eq!(bench.worker.tree.size(), (2, 3), "nothing is kept of it");
}

#[test]
fn what_is_written_into_new_folders_is_told_once_and_complete() {
    let mut bench = Bench::new(&[]);
    for number in 0..100 {
        let path = PathBuf::from(format!("new{number}/b/c/f"));
        write(&bench.root().join(&path), "written at once");
        let set = bench.next_set();
        let told: Vec<_> = set.iter().map(|change| (change.path, change.kind, change.hash)).collect();
        let hash = xxhash_rust::xxh3::xxh3_64(b"written at once");
        assert_eq!(told, [(&*path, Kind::Written, Some(hash))]);
    }
}

#[test]
fn a_file_that_is_still_written_is_not_told_when_its_folder_appears() {
    let mut bench = Bench::new(&[]);
    fs::create_dir(bench.at("new")).expect("a folder");
    let file = File::create(bench.at("new/f")).expect("a file");
    let (root, mut open) = (bench.root(), file);
    let writer = thread::spawn(move || {
        for _ in 0..20 {
            open.write_all(&[b'x'; 1000]).expect("it is written");
            thread::sleep(Duration::from_millis(4));
        }
        drop(open);
        write(&root.join(LAST), "");
    });
    let mut told = Vec::new();
    while told.iter().all(|set: &Reported| !set.contains_key(Path::new(LAST))) {
        let set: ChangeSet = bench.next_set();
        for change in set.iter().filter(|change| change.path.ends_with("f")) {
            assert_eq!(change.hash, Some(xxhash_rust::xxh3::xxh3_64(&[b'x'; 20_000])), "half a file is told");
        }
        told.push(set.iter().map(|change| (change.path.to_owned(), change.kind)).collect());
    }
    writer.join().expect("it ends");
    let once = told.iter().filter(|set| set.contains_key(Path::new("new/f"))).count();
    assert_eq!(once, 1, "{told:?}");
}

#[test]
fn many_folders_that_go_are_forgotten() {
    let files: Vec<_> = (0..300).map(|number| format!("project/many/{}/{number}/f=old", number % 7)).collect();
    let mut bench = Bench::new(&files.iter().map(String::as_str).chain(["project/f=old"]).collect::<Vec<_>>());
    assert_eq!(bench.worker.tree.size(), (1 + 1 + 7 + 300, 301));
    fs::remove_dir_all(bench.at("many")).expect("they are removed");
    let told = bench.rest();
    assert_eq!(told.len(), 300);
    assert!(told.values().all(|kind| *kind == Kind::Removed));
    assert_eq!(bench.worker.tree.size(), (1, 2), "the root with the file and the last save");
    assert_eq!(bench.worker.pending.len(), 0);
}

#[test]
fn a_root_nobody_tells_of_is_polled_once_that_is_known() {
    let mut bench = Bench::new(&["project/a/f=old"]);
    bench.worker.tree.distrust();
    write(&bench.at("a/f"), "new");
    assert_eq!(bench.next(), reported(&["+a/f"]), "told twice, once by the system and once by looking, it is one change");
    assert_eq!(bench.worker.tree.polled(), 2);
    assert_eq!(bench.rest(), reported(&[]));
}

#[test]
fn a_root_that_is_gone_is_waited_for_at_leisure() {
    let mut bench = Bench::new(&["project/f=old"]);
    bench.worker.tree.distrust();
    let (root, aside) = (bench.root(), bench.folder.path().join("aside"));
    fs::rename(&root, &aside).expect("it is moved away");
    while bench.warnings().is_empty() {
        assert!(bench.worker.turn().is_continue(), "nobody says that it is gone");
    }
    let began = Instant::now();
    for _ in 0..3 {
        assert!(bench.worker.turn().is_continue());
    }
    assert!(began.elapsed() > Duration::from_millis(150), "it looks again and again without a pause");
    fs::rename(&aside, &root).expect("it is moved back");
    assert_eq!(bench.rest(), reported(&[]), "nothing has changed");
}
