//! What is kept is never what is served once the file is something else: each answer beside one that is read anew.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant, SystemTime},
};

use proptest::prelude::*;

use super::*;
use crate::site::folder::Folder;

/// How long a file may take to be so old that it is kept; twenty milliseconds, and what a busy machine adds.
const PATIENCE: Duration = Duration::from_secs(20);

/// Two seconds for each state that is kept would be long, and no write here is held up.
const SETTLED: Duration = Duration::from_millis(20);

fn public(folder: &Folder) -> Public {
    Public { guard: Guard::new(&folder.path("root"), &[]), cache: Cache::holding(1 << 26, SETTLED) }
}

/// What is served under a name.
fn seen(public: &Public, name: &str) -> String {
    match public.open(&name.split('/').collect::<Vec<_>>()) {
        Ok(Found::File(content)) => {
            let tag = content.state.tag.as_ref().map(|tag| tag.to_str().unwrap().to_owned());
            format!("{tag:?} {}", content.state.content.as_ref().map_or("large".into(), |text| String::from_utf8_lossy(text)))
        }
        Ok(Found::Folder) => "folder".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// Asks for a file until it is kept.
fn settle(public: &Public, name: &str) {
    let began = Instant::now();
    while public.kept(name).is_none() {
        assert!(began.elapsed() < PATIENCE, "{name} is never kept");
        thread::sleep(Duration::from_millis(1));
        seen(public, name);
    }
}

/// What can happen to a file.
#[derive(Clone, Copy, Debug)]
enum Event {
    Overwrite,
    OverwriteAndSetBack,
    RenameOver,
    Remove,
    LinkInside,
    LinkOutside,
    LinkToSecret,
    BecomeFolder,
    Forbid,
    Allow,
    Touch,
    SwapFolders,
    LinkFolderOutside,
    Settle,
}

const EVENTS: [Event; 14] = [
    Event::Overwrite,
    Event::OverwriteAndSetBack,
    Event::RenameOver,
    Event::Remove,
    Event::LinkInside,
    Event::LinkOutside,
    Event::LinkToSecret,
    Event::BecomeFolder,
    Event::Forbid,
    Event::Allow,
    Event::Touch,
    Event::SwapFolders,
    Event::LinkFolderOutside,
    Event::Settle,
];

const NAMES: [&str; 3] = ["a.txt", "sub/b.txt", "sub/c.css"];

struct World {
    folder: Folder,
    writes: u32,
}

impl World {
    fn new() -> Self {
        let files = ["root/a.txt", "root/sub/b.txt", "root/sub/c.css", "root/.env", "other/b.txt", "other/c.css", "out.txt"];
        let folder = Folder::new(&files.map(|name| (name, "text 00000")));
        Self { folder, writes: 0 }
    }

    /// Another text of the same length.
    fn text(&mut self) -> String {
        self.writes += 1;
        format!("text {:05}", self.writes)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path(&format!("root/{name}"))
    }

    /// Makes it happen, as far as it can after all that happened before.
    fn happen(&mut self, event: Event, name: &str, public: &Public) {
        let (path, text) = (self.path(name), self.text());
        let cleared = || {
            let _ = fs::remove_file(&path);
            let _ = fs::remove_dir_all(&path);
        };
        match event {
            Event::Overwrite => drop(fs::write(&path, text)),
            Event::OverwriteAndSetBack => {
                let before = fs::metadata(&path).and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
                drop(fs::write(&path, text));
                let set_back = |file: fs::File| file.set_modified(before);
                drop(fs::File::options().write(true).open(&path).and_then(set_back));
            }
            Event::RenameOver => {
                fs::write(self.folder.path("new"), text).unwrap();
                drop(fs::rename(self.folder.path("new"), &path));
            }
            Event::Remove => cleared(),
            Event::LinkInside | Event::LinkOutside | Event::LinkToSecret => {
                cleared();
                let above = if name.contains('/') { "../" } else { "" };
                let target = match event {
                    Event::LinkInside => "a.txt",
                    Event::LinkOutside => "../out.txt",
                    _ => ".env",
                };
                drop(symlink(format!("{above}{target}"), &path));
            }
            Event::BecomeFolder => {
                cleared();
                drop(fs::create_dir(&path));
            }
            Event::Forbid => drop(fs::set_permissions(&path, fs::Permissions::from_mode(0o000))),
            Event::Allow => drop(fs::set_permissions(&path, fs::Permissions::from_mode(0o644))),
            Event::Touch => {
                let touch = |file: fs::File| file.set_modified(SystemTime::now());
                drop(fs::File::options().write(true).open(&path).and_then(touch));
            }
            Event::SwapFolders => {
                let (sub, other, aside) = (self.path("sub"), self.folder.path("other"), self.folder.path("aside"));
                fs::rename(&sub, &aside).unwrap();
                fs::rename(&other, &sub).unwrap();
                fs::rename(&aside, &other).unwrap();
            }
            Event::LinkFolderOutside => {
                let (sub, other) = (self.path("sub"), self.folder.path("other"));
                if sub.is_symlink() {
                    fs::remove_file(&sub).unwrap();
                    fs::rename(&other, &sub).unwrap();
                    fs::create_dir(&other).unwrap();
                } else {
                    fs::remove_dir_all(&other).unwrap();
                    fs::rename(&sub, &other).unwrap();
                    symlink("../other", &sub).unwrap();
                }
            }
            // Only regular files that can be read are kept.
            Event::Settle if fs::symlink_metadata(&path).is_ok_and(|it| it.is_file()) && seen(public, name).contains("text") => {
                if !self.path("sub").is_symlink() {
                    settle(public, name);
                }
            }
            Event::Settle => (),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_what_is_served_is_what_is_there(
        events in prop::collection::vec((prop::sample::select(&EVENTS), prop::sample::select(&NAMES)), 1..16)
    ) {
        let mut world = World::new();
        let keeping = public(&world.folder);
        NAMES.iter().for_each(|name| settle(&keeping, name));
        for (at, (event, name)) in events.iter().enumerate() {
            world.happen(*event, name, &keeping);
            for name in NAMES {
                let (served, fresh) = (seen(&keeping, name), seen(&public(&world.folder), name));
                prop_assert_eq!(served, fresh, "{} after {:?}", name, &events[..=at]);
            }
        }
    }
}

#[test]
fn a_file_is_read_once_while_it_stays_as_it_is() {
    let world = World::new();
    let public = public(&world.folder);
    settle(&public, "a.txt");
    let first = public.kept("a.txt").unwrap().state;
    assert!(Arc::ptr_eq(&first, &public.kept("a.txt").unwrap().state));
    assert!(public.open(&["a.txt"]).is_ok_and(|found| matches!(found, Found::File(it) if Arc::ptr_eq(&it.state, &first))));
}

#[test]
fn what_a_link_leads_to_is_not_kept() {
    let world = World::new();
    symlink("a.txt", world.path("link.txt")).unwrap();
    symlink("sub", world.path("way")).unwrap();
    let public = public(&world.folder);
    NAMES.iter().for_each(|name| settle(&public, name));
    for name in ["link.txt", "way/b.txt"] {
        assert!(seen(&public, name).ends_with("text 00000") && public.kept(name).is_none(), "{name}");
    }
}

#[test]
fn a_young_file_is_not_kept() {
    let mut world = World::new();
    let public = public(&world.folder);
    let mut read_young = 0;
    for _ in 0..200 {
        let text = world.text();
        fs::write(world.path("a.txt"), &text).unwrap();
        assert!(seen(&public, "a.txt").ends_with(&text));
        read_young += usize::from(public.kept("a.txt").is_none());
    }
    assert!(read_young > 0);
}

#[test]
fn what_the_watcher_names_is_forgotten() {
    let world = World::new();
    let public = public(&world.folder);
    NAMES.iter().for_each(|name| settle(&public, name));
    public.forget([world.path("sub"), world.folder.path("out.txt")].into_iter());
    assert!(public.cache.get("a.txt").is_some() && NAMES[1..].iter().all(|name| public.cache.get(name).is_none()));
    public.forget(std::iter::once(world.path("a.txt")));
    assert!(public.cache.get("a.txt").is_none());
}

/// A file that is written in place, again and again: who asks may meet it half written; what is kept is one state of it, be it the
/// empty one between.
#[test]
fn what_is_kept_is_never_half_written() {
    const LENGTH: usize = 200_000;
    let world = World::new();
    let (public, path, done) = (public(&world.folder), world.path("a.txt"), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            for (number, letter) in ('a'..='z').cycle().enumerate() {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                fs::write(&path, letter.to_string().repeat(LENGTH)).unwrap();
                // Some saves come close upon the one before, some leave it time to be kept.
                thread::sleep(Duration::from_millis([0, 1, 30, 60][number % 4]));
            }
        });
        let (began, mut states) = (Instant::now(), std::collections::HashSet::new());
        while states.len() < 20 {
            assert!(began.elapsed() < PATIENCE, "only {} states were kept", states.len());
            seen(&public, "a.txt");
            let Some(kept) = public.cache.get("a.txt") else { continue };
            let content = kept.content.as_ref().unwrap();
            let is_one = content.iter().all(|letter| *letter == content[0]);
            states.insert(kept.tag.clone());
            if !is_one {
                done.store(true, Ordering::Relaxed);
                panic!("half written, of {} bytes", content.len());
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}
