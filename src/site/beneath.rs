//! Opens a file below a folder and says what it really is called: the one place that talks to the file system about names.
//!
//! On Linux the kernel itself resolves the name beneath the folder (`openat2`), so nobody can swap a link between a check and the
//! open. Elsewhere, and where a sandbox forbids that call, the name is resolved first, and the opened file is compared with it.
//!
//! Which names may be opened is no business of this file.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Component, Path, PathBuf},
};

/// An opened file or folder.
pub(super) struct Beneath {
    /// The descriptor everything else is asked from.
    pub(super) file: File,
    /// What the descriptor says it is.
    pub(super) metadata: fs::Metadata,
    /// Its real name relative to the real root, all links resolved.
    pub(super) name: PathBuf,
}

/// Opens `relative` (plain segments) beneath `root` for reading, without blocking on pipes and devices. Links are followed as long
/// as they are relative and stay beneath.
pub(super) fn open(root: &Path, relative: &Path) -> io::Result<Beneath> {
    #[cfg(target_os = "linux")]
    match linux::open(root, relative) {
        // ENOSYS before Linux 5.6; EPERM in sandboxes whose filter does not know the call.
        Err(error) if matches!(error.raw_os_error(), Some(38 | 1)) => (),
        result => return result,
    }
    portable(root, relative)
}

/// What stands at `relative` (plain segments) beneath `root`, when no link leads there; nothing is opened, and nobody needs a right
/// to read it.
pub(super) fn look(root: &Path, relative: &Path) -> io::Result<fs::Metadata> {
    #[cfg(target_os = "linux")]
    return linux::look(root, relative);
    #[cfg(not(target_os = "linux"))]
    Err(io::ErrorKind::Unsupported.into())
}

/// Resolves first, opens the resolved name without following a last link, and compares.
fn portable(root: &Path, relative: &Path) -> io::Result<Beneath> {
    refuse_absolute_links(root, relative)?;
    let real_root = root.canonicalize()?;
    let real = real_root.join(relative).canonicalize()?;
    let name = real.strip_prefix(&real_root).map_err(|_| io::Error::from(io::ErrorKind::NotFound))?.to_owned();
    if !is_servable(&fs::symlink_metadata(&real)?) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let file = open_last(&real)?;
    let metadata = file.metadata()?;
    if !is_same(&metadata, &fs::symlink_metadata(&real)?) {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(Beneath { file, metadata, name })
}

fn is_servable(metadata: &fs::Metadata) -> bool {
    metadata.is_file() || metadata.is_dir()
}

/// An absolute link leaves the folder by its own words, even where it points back into it.
fn refuse_absolute_links(root: &Path, relative: &Path) -> io::Result<()> {
    let mut walked = root.to_owned();
    for segment in relative.components().filter(|segment| matches!(segment, Component::Normal(_))) {
        walked.push(segment);
        if fs::symlink_metadata(&walked)?.is_symlink() && fs::read_link(&walked)?.is_absolute() {
            return Err(io::ErrorKind::NotFound.into());
        }
    }
    Ok(())
}

#[cfg(unix)]
fn open_last(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::OFlags;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

#[cfg(not(unix))]
fn open_last(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

#[cfg(unix)]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    one.file_type() == other.file_type()
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        ffi::OsString,
        fs, io,
        os::{
            fd::{AsRawFd, OwnedFd},
            unix::{
                ffi::{OsStrExt, OsStringExt},
                fs::MetadataExt,
            },
        },
        path::{Path, PathBuf},
    };

    use rustix::{
        fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2, readlinkat},
        io::Errno,
    };

    use super::Beneath;

    /// The kernel gives up with EAGAIN when a rename races with a `..` in a link, and a save that renames over may come between the
    /// open and the look; a storm of renames is no reason to fail.
    const ATTEMPTS: usize = 32;

    pub(super) fn look(root: &Path, relative: &Path) -> io::Result<fs::Metadata> {
        if !relative.as_os_str().as_bytes().contains(&b'/') {
            return look_in(root, relative);
        }
        let (flags, resolve) = (OFlags::PATH | OFlags::CLOEXEC, ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS);
        // Names without `..` stay beneath where there are no links.
        let found = match openat2(CWD, root.join(relative), flags, Mode::empty(), resolve) {
            Err(Errno::LOOP) => {
                let folder = openat(CWD, root, flags | OFlags::DIRECTORY, Mode::empty())?;
                openat2(folder, relative, flags, Mode::empty(), resolve | ResolveFlags::BENEATH)?
            }
            found => found?,
        };
        fs::File::from(found).metadata()
    }

    /// The same for one segment, on whose way there is no folder that could be a link: one call in place of three.
    fn look_in(root: &Path, name: &Path) -> io::Result<fs::Metadata> {
        let found = fs::symlink_metadata(root.join(name))?;
        if found.is_symlink() { Err(Errno::LOOP.into()) } else { Ok(found) }
    }

    pub(super) fn open(root: &Path, relative: &Path) -> io::Result<Beneath> {
        if let Some(opened) = open_plain(root, relative)? {
            return Ok(opened);
        }
        let folder = openat(CWD, root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let relative = if relative.as_os_str().is_empty() { Path::new(".") } else { relative };
        for _ in 0..ATTEMPTS {
            match attempt(&folder, relative) {
                Ok(Some(opened)) => return Ok(opened),
                Ok(None) | Err(Errno::AGAIN) => (),
                Err(error) => return Err(error.into()),
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }

    /// Opens what no link leads to, by one name from the top; `None` where that cannot be told, or where a link may lead there.
    fn open_plain(root: &Path, relative: &Path) -> io::Result<Option<Beneath>> {
        let path = root.join(relative);
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let file = match openat2(CWD, &path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS) {
            Err(Errno::LOOP | Errno::AGAIN) => return Ok(None),
            file => fs::File::from(file?),
        };
        let is_named = name_of(&file)? == path;
        let metadata = file.metadata()?;
        let is_there = metadata.nlink() > 0;
        Ok((is_named && is_there).then(|| Beneath { file, metadata, name: relative.to_owned() }))
    }

    /// `None` when another file took its name between the open and the look: what we hold is no longer what was asked for.
    fn attempt(folder: &OwnedFd, relative: &Path) -> rustix::io::Result<Option<Beneath>> {
        let (file, is_link) = match open_once(folder, relative, ResolveFlags::NO_SYMLINKS) {
            Err(Errno::LOOP) => (open_once(folder, relative, ResolveFlags::empty())?, true),
            opened => (opened?, false),
        };
        let name = name_of(&file)?;
        let metadata = file.metadata().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        let below = name.strip_prefix(name_of(folder)?).ok().map(Path::to_owned);
        // Looked at after its name: a file that was removed has no name any more, only a note in its place.
        let is_there = metadata.nlink() > 0;
        let found = below.filter(|below| is_there && (is_link || relative == Path::new(".") || below == relative));
        Ok(found.map(|name| Beneath { file, metadata, name }))
    }

    fn open_once(folder: &OwnedFd, relative: &Path, resolve: ResolveFlags) -> rustix::io::Result<fs::File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let resolve = resolve | ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        openat2(folder, relative, flags, Mode::empty(), resolve).map(fs::File::from)
    }

    /// The kernel's own name of an open file.
    fn name_of(file: &impl AsRawFd) -> rustix::io::Result<PathBuf> {
        let name = readlinkat(CWD, format!("/proc/self/fd/{}", file.as_raw_fd()), Vec::new())?;
        Ok(PathBuf::from(OsString::from_vec(name.into_bytes())))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::site::folder::Folder;

    /// Both ways of opening give the same answers.
    #[test]
    fn links_stay_beneath() {
        let folder = Folder::new(&[("proj/a.txt", "A"), ("proj/sub/b.txt", "B"), ("outside/secret.txt", "S")]);
        let root = folder.path("proj");
        for (target, link) in [
            ("a.txt", "in"),
            ("../a.txt", "sub/up"),
            ("../outside/secret.txt", "out"),
            ("../outside", "dir"),
            ("dir/secret.txt", "chain"),
            ("loop", "loop"),
            ("/proc/self/environ", "magic"),
            ("sub", "subdir"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        symlink(root.join("a.txt"), root.join("absolute")).unwrap();
        check(&root, "a.txt", Some("a.txt"));
        check(&root, "in", Some("a.txt"));
        check(&root, "sub/up", Some("a.txt"));
        check(&root, "subdir/b.txt", Some("sub/b.txt"));
        check(&root, "sub", Some("sub"));
        check(&root, "", Some(""));
        for name in ["out", "dir/secret.txt", "chain", "loop", "magic", "absolute", "none", "a.txt/x"] {
            check(&root, name, None);
        }
    }

    /// No program that is started meanwhile inherits the file, whichever way it was opened.
    #[test]
    fn what_is_opened_is_ours_alone() {
        use rustix::io::{FdFlags, fcntl_getfd};

        let folder = Folder::new(&[("a.txt", "A")]);
        symlink("a.txt", folder.path("link")).unwrap();
        for (open, name) in [(open as fn(&Path, &Path) -> _, "a.txt"), (open, "link"), (portable, "a.txt")] {
            let opened: Beneath = open(&folder.path(""), Path::new(name)).unwrap();
            assert!(fcntl_getfd(&opened.file).unwrap().contains(FdFlags::CLOEXEC), "{name}");
        }
    }

    /// A pipe keeps nobody waiting, and is nothing that is read.
    #[test]
    fn a_pipe_is_not_waited_for() {
        use rustix::fs::{CWD, Mode, mkfifoat};

        let folder = Folder::new(&[]);
        mkfifoat(CWD, folder.path("pipe"), Mode::from_raw_mode(0o644)).unwrap();
        symlink("pipe", folder.path("link")).unwrap();
        for name in ["pipe", "link"] {
            assert!(portable(&folder.path(""), Path::new(name)).is_err(), "{name}");
            #[cfg(target_os = "linux")]
            assert!(!open(&folder.path(""), Path::new(name)).unwrap().metadata.is_file(), "{name}");
        }
        #[cfg(target_os = "linux")]
        assert!(!look(&folder.path(""), Path::new("pipe")).unwrap().is_file());
    }

    /// A folder may be reached through a link; what stands in it may not.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_look_follows_no_link_below_the_folder() {
        let folder = Folder::new(&[("real/a.txt", "A"), ("real/sub/b.txt", "B")]);
        for (target, link) in [("real", "root"), ("a.txt", "real/link"), ("sub", "real/subdir")] {
            symlink(target, folder.path(link)).unwrap();
        }
        for root in ["real", "root"] {
            let is_seen = |name: &str| look(&folder.path(root), Path::new(name)).is_ok();
            let seen = ["a.txt", "sub/b.txt", "link", "subdir/b.txt", "none"].map(is_seen);
            assert_eq!(seen, [true, true, false, false, false], "{root}");
        }
    }

    /// A name that is always there is never missed, however its file is replaced.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_save_between_open_and_look_hides_nothing() {
        use std::sync::atomic::{AtomicBool, Ordering};

        use rustix::fs::{CWD, RenameFlags, renameat_with};

        let folder = Folder::new(&[("a.txt", "A"), (".a.txt.beside", "B")]);
        let (name, beside, done) = (folder.path("a.txt"), folder.path(".a.txt.beside"), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    renameat_with(CWD, &beside, CWD, &name, RenameFlags::EXCHANGE).unwrap();
                    fs::write(folder.path("new"), "N").unwrap();
                    fs::rename(folder.path("new"), &name).unwrap();
                    // Faster than any editor, and slow enough for a look between two saves.
                    std::thread::sleep(std::time::Duration::from_micros(20));
                }
            });
            let mut opened = (0..20_000).map(|_| open(&folder.path(""), Path::new("a.txt")).map(|opened| opened.name));
            let missed = opened.find(|opened| opened.as_ref().ok().is_none_or(|name| name != Path::new("a.txt")));
            done.store(true, Ordering::Relaxed);
            assert!(missed.is_none(), "{missed:?}");
        });
    }

    fn check(root: &Path, relative: &str, expected: Option<&str>) {
        for open in [open, portable] {
            let name = open(root, Path::new(relative)).ok().map(|opened| opened.name);
            assert_eq!(name.as_deref(), expected.map(Path::new), "{relative}");
        }
    }
}
