//! Replaces a file so that a reader, a crash or a power cut finds the old one or the new one and nothing between.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// What the name of a file that is being written ends with; it begins with a dot, so that nobody serves or lists it.
const UNFINISHED: &str = ".everlit-unfinished";

/// Writes `content` beside `path`, makes it durable and renames it over `path`. When this returns, the content survives a crash.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = unfinished(path)?;
    let result = write(&unfinished, path, content).and_then(|()| fs::rename(&unfinished, path));
    if result.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    result?;
    sync_folder(path)
}

/// Whether a file is one that is being written, or was when we were killed.
pub(super) fn is_unfinished(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(UNFINISHED))
}

fn unfinished(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(UNFINISHED);
    Ok(path.with_file_name(hidden))
}

fn write(unfinished: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    match fs::remove_file(unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => (),
    }
    // Never through a link that somebody put there: `create_new` follows none.
    let mut file = OpenOptions::new().write(true).create_new(true).open(unfinished)?;
    file.write_all(content)?;
    file.set_permissions(fs::metadata(path)?.permissions())?;
    file.sync_all()
}

/// The rename itself is durable only once the folder is.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::site::folder::Folder;

    #[test]
    fn replaces_content_and_keeps_the_rights() {
        let folder = Folder::new(&[("posts.json", "old"), ("other.txt", "other")]);
        let path = folder.path("posts.json");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        // What a crash or a joker left behind is no obstacle, and is not written through.
        symlink(folder.path("other.txt"), unfinished(&path).unwrap()).unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(folder.read("posts.json"), "new");
        assert_eq!(folder.read("other.txt"), "other");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 2);
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let folder = Folder::new(&[("posts.json/inner", "")]);
        assert!(replace(&folder.path("posts.json"), b"new").is_err());
        assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 1);
        assert!(is_unfinished(&unfinished(&folder.path("posts.json")).unwrap()));
        assert!(!is_unfinished(&folder.path("posts.json")));
    }
}
