//! Replaces a file so that a reader, a crash or a power cut finds the old one or the new one and nothing between, and so that an
//! edit somebody else made meanwhile is never lost.
//!
//! The new file is written beside the old one and made durable; then both change names at one stroke. Only now nobody can edit the
//! old one by its name any more, and it is looked at: when it is not the one the new file was made from, the names change back. Two
//! programs of ours that serve one folder take turns. A system that cannot exchange names looks first and renames then.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
    process,
    time::SystemTime,
};

use rustix::fs::FlockOperation;
use xxhash_rust::xxh3::Xxh3;

use super::{
    document::Text,
    seen::{CLOCK_TICK, Seen},
};

/// What the name of a file that is being written ends with; it begins with a dot, so that nobody serves or lists it.
const UNFINISHED: &str = ".everlit-unfinished";

/// Pieces shorter than this are gathered before they are written.
const BUFFER_BYTES: usize = 256 * 1024;

/// Why a file was not replaced. It is as it was, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReplaceError {
    /// It is not in the state that was known any more.
    #[error("the file was changed meanwhile")]
    Edited,
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The new file is in its place, but the system does not say that it survives a crash.
    #[error("the folder cannot be made durable: {0}")]
    Unsure(io::Error),
}

/// Puts a file of these pieces in the place of `path`, which must be in the state `known`. When this returns, the new file survives
/// a crash; its state is given back.
pub(super) fn replace(path: &Path, known: &Seen, pieces: impl Iterator<Item = Text>) -> Result<Seen, ReplaceError> {
    let rights = fs::metadata(path)?.permissions();
    if rights.readonly() {
        return Err(io::Error::from(io::ErrorKind::PermissionDenied).into());
    }
    let folder = Folder::open(path)?;
    let unfinished = unfinished(path)?;
    let written = write(&unfinished, rights, pieces).map_err(ReplaceError::from);
    let replaced = written.and_then(|own| {
        let _turn = folder.turn()?;
        exchange(&unfinished, path, known, &own)?;
        Ok(own)
    });
    // The old file where the names were exchanged, the new one where they were not.
    let _ = fs::remove_file(&unfinished);
    let seen = replaced?;
    folder.sync().map_err(ReplaceError::Unsure)?;
    Ok(seen)
}

/// Whether a file is one that is being written, or was when its writer was killed.
pub(super) fn is_unfinished(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(UNFINISHED))
}

/// Removes what writers left that were killed: files whose process does not run any more.
pub(super) fn clear(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| is_unfinished(path)) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let writer = name.strip_suffix(UNFINISHED).and_then(|name| name.rsplit_once('.')).and_then(|(_, id)| id.parse().ok());
        if writer.and_then(rustix::process::Pid::from_raw).is_some_and(|writer| !is_running(writer)) {
            let _ = fs::remove_file(path);
        }
    }
}

fn is_running(process: rustix::process::Pid) -> bool {
    rustix::process::test_kill_process(process) != Err(rustix::io::Errno::SRCH)
}

/// No two writers have the same name: not two of one process, and not two programs that serve one folder. The process stands last.
fn unfinished(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{:016x}.{}{UNFINISHED}", u64::from_le_bytes(random), process::id()));
    Ok(path.with_file_name(hidden))
}

fn write(unfinished: &Path, rights: fs::Permissions, pieces: impl Iterator<Item = Text>) -> io::Result<Seen> {
    // Never through a link that somebody put there: `create_new` follows none.
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, OpenOptions::new().write(true).create_new(true).open(unfinished)?);
    let mut hash = Xxh3::new();
    for piece in pieces {
        hash.update(piece.as_bytes());
        out.write_all(piece.as_bytes())?;
    }
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.set_permissions(rights)?;
    // A little in the past: whoever edits it after us, within the same tick of the clock even, leaves another time.
    let now = SystemTime::now();
    let _ = file.set_modified(now - CLOCK_TICK);
    file.sync_all()?;
    Ok(Seen::new(&file.metadata()?, hash.digest128(), now))
}

/// Gives `unfinished`, which is in the state `own`, the name `path`, if the file of that name is in the state `known`.
fn exchange(unfinished: &Path, path: &Path, known: &Seen, own: &Seen) -> Result<(), ReplaceError> {
    if !is(path, known) {
        return Err(ReplaceError::Edited);
    }
    match swap(unfinished, path) {
        Ok(()) if is(unfinished, known) => Ok(()),
        Ok(()) => {
            swap(unfinished, path)?;
            if !is(unfinished, own) {
                // Somebody saved over ours while it had the name: that is the newest word.
                swap(unfinished, path)?;
            }
            Err(ReplaceError::Edited)
        }
        Err(error) if is_unsupported(&error) => Ok(fs::rename(unfinished, path)?),
        Err(error) => Err(error.into()),
    }
}

#[cfg(target_os = "linux")]
fn swap(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(target_os = "linux"))]
fn swap(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// File systems say it in different words: network and old overlay ones do not know the call.
fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput)
}

fn is(path: &Path, known: &Seen) -> bool {
    let metadata = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file);
    metadata.is_some_and(|metadata| known.is(&metadata) || hash_of(path).is_ok_and(|hash| known.has(hash)))
}

fn hash_of(path: &Path) -> io::Result<u128> {
    let (mut file, mut hash, mut buffer) = (File::open(path)?, Xxh3::new(), vec![0; BUFFER_BYTES]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.digest128()),
            read => hash.update(&buffer[..read]),
        }
    }
}

/// The folder of a file, opened before anything is changed.
struct Folder(File);

impl Folder {
    fn open(path: &Path) -> io::Result<Self> {
        File::open(path.parent().ok_or(io::ErrorKind::InvalidInput)?).map(Self)
    }

    /// Waits until no other program of ours changes names in here; ends when it is dropped.
    fn turn(&self) -> io::Result<Turn<'_>> {
        rustix::fs::flock(&self.0, FlockOperation::LockExclusive)?;
        Ok(Turn(self))
    }

    /// The exchange itself is durable only once the folder is.
    fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}

struct Turn<'f>(&'f Folder);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let _ = rustix::fs::flock(&self.0.0, FlockOperation::Unlock);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use xxhash_rust::xxh3::xxh3_128;

    use super::*;
    use crate::site::folder::Folder;

    #[test]
    fn replaces_content_and_keeps_the_rights() {
        let folder = Folder::new(&[("posts.json", "old"), ("other.txt", "other")]);
        let path = folder.path("posts.json");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let seen = replace(&path, &seen(&path, "old"), pieces(&["n", "ew"])).unwrap();
        assert_eq!(folder.read("posts.json"), "new");
        assert!(seen.is(&fs::metadata(&path).unwrap()) && seen.has(xxh3_128(b"new")));
        assert_eq!(folder.read("other.txt"), "other");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 2);
    }

    #[test]
    fn an_edit_is_not_overwritten() {
        let folder = Folder::new(&[("posts.json", "old")]);
        let path = folder.path("posts.json");
        let known = seen(&path, "old");
        folder.write("posts.json", "own");
        assert!(matches!(replace(&path, &known, pieces(&["new"])), Err(ReplaceError::Edited)));
        assert_eq!(folder.read("posts.json"), "own");
        // The same content saved again is no edit.
        folder.write("posts.json", "old");
        replace(&path, &known, pieces(&["new"])).unwrap();
        assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 1);
    }

    #[test]
    fn an_edit_right_after_a_write_is_seen() {
        let folder = Folder::new(&[("posts.json", "old")]);
        let path = folder.path("posts.json");
        let mut known = seen(&path, "old");
        for _ in 0..50 {
            known = replace(&path, &known, pieces(&["new"])).unwrap();
            fs::write(&path, "own").unwrap();
            assert!(matches!(replace(&path, &known, pieces(&["x"])), Err(ReplaceError::Edited)));
            known = seen(&path, "own");
        }
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let folder = Folder::new(&[("posts.json/inner", ""), ("closed.json", "[]")]);
        let (path, closed) = (folder.path("posts.json"), folder.path("closed.json"));
        assert!(replace(&path, &seen(&path, ""), pieces(&["new"])).is_err());
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o444)).unwrap();
        let refused = replace(&closed, &seen(&closed, "[]"), pieces(&["new"]));
        assert!(matches!(refused, Err(ReplaceError::Io(error)) if error.kind() == io::ErrorKind::PermissionDenied));
        assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 2);
        assert!(is_unfinished(&unfinished(&path).unwrap()));
        assert!(!is_unfinished(&path));
    }

    #[test]
    fn what_a_killed_writer_left_is_removed() {
        let mut child = process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let (dead, own) = (format!(".a.json.{}{UNFINISHED}", child.id()), format!(".a.json.{}{UNFINISHED}", process::id()));
        let folder = Folder::new(&[("a.json", "[]"), (&dead, "["), (&own, "["), (".everlit-unfinished", "")]);
        clear(&folder.path(""));
        let mut left: Vec<_> = fs::read_dir(folder.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [own.as_str(), ".everlit-unfinished", "a.json"]);
    }

    fn seen(path: &Path, content: &str) -> Seen {
        Seen::new(&fs::metadata(path).unwrap(), xxh3_128(content.as_bytes()), SystemTime::now())
    }

    fn pieces(texts: &[&'static str]) -> impl Iterator<Item = Text> {
        texts.iter().map(|text| Text::from(*text)).collect::<Vec<_>>().into_iter()
    }
}
