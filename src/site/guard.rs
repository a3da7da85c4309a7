//! The one guard that opens files: static files, templates and data alike.
//!
//! [`Guard::open`] takes plain segments and gives an open, regular file or the word that there is a folder. What is denied, what
//! leaves the root, what is no regular file and what does not exist are all the same [`OpenError::Missing`].
//!
//! Nothing is remembered between two calls, and nobody else in this module opens a file by name. [`Guard::look`] opens nothing: it
//! says whether a file that was opened before is still the one of its name.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    path::{Path, PathBuf},
};

use rustix::fs::Dir;

use super::{beneath, deny, identity::Identity, path};

/// How many names of a folder are looked at.
const MAX_NAMES: usize = 10_000;

/// A folder out of which files are opened.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    root: PathBuf,
    /// Folders below the root that belong to somebody else, in lower case.
    reserved: Vec<PathBuf>,
}

/// What was found.
pub(super) enum Opened {
    /// A regular file.
    File(Box<OpenFile>),
    /// A folder.
    Folder,
}

/// A regular file, opened and looked at.
pub(super) struct OpenFile {
    pub(super) file: File,
    pub(super) metadata: Metadata,
    /// Its absolute name with all links resolved.
    pub(super) path: PathBuf,
}

impl OpenFile {
    /// Its text, if it has at most `limit` bytes.
    pub(super) fn read(&self, limit: u64) -> Result<String, OpenError> {
        let mut text = String::with_capacity(usize::try_from(self.metadata.len().min(limit)).unwrap_or_default());
        (&self.file).take(limit + 1).read_to_string(&mut text).map_err(OpenError::Unreadable)?;
        if text.len() as u64 > limit { Err(OpenError::TooLong(limit)) } else { Ok(text) }
    }
}

/// Why nothing was opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    /// There is no such file for anybody out there.
    #[error("there is no such file")]
    Missing,
    /// The system has no descriptor or memory left; the next moment may.
    #[error("the system cannot open more files: {0}")]
    Exhausted(io::Error),
    /// The file is longer than its reader takes.
    #[error("the file is longer than {0} bytes")]
    TooLong(u64),
    /// The file broke off or is no text.
    #[error("the file cannot be read: {0}")]
    Unreadable(io::Error),
}

impl Guard {
    /// A guard of `root` that keeps `others` (absolute, where they lie below the root) closed.
    pub(super) fn new(root: &Path, others: &[&Path]) -> Self {
        let below = others.iter().filter_map(|other| other.strip_prefix(root).ok());
        let reserved = below.filter(|other| !other.as_os_str().is_empty()).map(folded).collect();
        Self { root: root.to_owned(), reserved }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Opens the file or folder that `segments` name.
    pub(super) fn open<S: AsRef<str>>(&self, segments: &[S]) -> Result<Opened, OpenError> {
        let plain = segments.iter().all(|segment| path::is_name(segment.as_ref()));
        let relative: PathBuf = segments.iter().map(AsRef::as_ref).collect();
        if !plain || !self.is_open(&relative) {
            return Err(OpenError::Missing);
        }
        let opened = beneath::open(&self.root, &relative).map_err(OpenError::from)?;
        match opened.metadata {
            _ if !self.is_open(&opened.name) => Err(OpenError::Missing),
            metadata if metadata.is_dir() => Ok(Opened::Folder),
            metadata if metadata.is_file() => {
                Ok(Opened::File(Box::new(OpenFile { file: opened.file, metadata, path: self.root.join(opened.name) })))
            }
            _ => Err(OpenError::Missing),
        }
    }

    /// The names in the folder that `segments` name, as far as they may be opened; some of those of a folder with very many.
    pub(super) fn names<S: AsRef<str>>(&self, segments: &[S]) -> Vec<String> {
        let relative: PathBuf = segments.iter().map(AsRef::as_ref).collect();
        let Ok(Opened::Folder) = self.open(segments) else { return Vec::new() };
        let folder = beneath::open(&self.root, &relative).and_then(|opened| Ok(Dir::read_from(&opened.file)?));
        let entries = folder.into_iter().flatten().flatten().take(MAX_NAMES);
        let names = entries.filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned));
        names.filter(|name| path::is_name(name) && self.is_open(&relative.join(name))).collect()
    }

    /// What the regular file of this name is now, when no link leads to it. A name that was opened before is not judged again.
    pub(super) fn look(&self, name: &str) -> io::Result<Identity> {
        let metadata = beneath::look(&self.root, Path::new(name))?;
        Identity::of(&metadata).filter(|_| metadata.is_file()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Whether nothing at all stands at this name, neither a file nor a link.
    pub(super) fn is_absent(&self, name: &str) -> bool {
        beneath::look(&self.root, Path::new(name)).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    }

    /// The text of the file that `segments` name, if it has at most `limit` bytes.
    pub(super) fn read<S: AsRef<str>>(&self, segments: &[S], limit: u64) -> Result<String, OpenError> {
        match self.open(segments)? {
            Opened::File(opened) => opened.read(limit),
            Opened::Folder => Err(OpenError::Missing),
        }
    }

    /// Whether neither the deny list nor another owner closes this name.
    fn is_open(&self, relative: &Path) -> bool {
        let named = relative.iter().all(|segment| segment.to_str().is_some_and(|segment| !deny::is_denied(segment)));
        named && !self.reserved.iter().any(|other| folded(relative).starts_with(other))
    }
}

/// In the one case that comparisons use: some file systems ignore it.
fn folded(path: &Path) -> PathBuf {
    PathBuf::from(path.to_string_lossy().to_ascii_lowercase())
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            // ENOMEM, ENFILE, EMFILE
            Some(12 | 23 | 24) => Self::Exhausted(error),
            _ => Self::Missing,
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::{fs::symlink, net::UnixListener};

    use super::*;
    use crate::site::folder::Folder;

    #[test]
    fn opens_what_is_public() {
        let folder = Folder::new(&[
            ("a.txt", "A"),
            (".env", "S"),
            ("secret.pem", "S"),
            (".well-known/security.txt", "W"),
            (".well-known/.env", "S"),
            (".well-known/tls.key", "S"),
            ("templates/x.html", "T"),
            ("data/posts.json", "[]"),
            ("data2/x.txt", "D"),
            ("everlit.toml", ""),
        ]);
        for (target, link) in [(".env", "env"), ("secret.pem", "pem.txt"), ("data/posts.json", "posts.txt"), ("a.txt", "link")] {
            symlink(target, folder.path(link)).unwrap();
        }
        rustix::fs::mkfifoat(rustix::fs::CWD, folder.path("fifo"), rustix::fs::Mode::from_raw_mode(0o644)).unwrap();
        let _socket = UnixListener::bind(folder.path("sock")).unwrap();
        std::fs::write(folder.path("a\\b"), "A").unwrap();
        let (templates, data) = (folder.path("templates"), folder.path("data"));
        let guard = Guard::new(&folder.path(""), &[&templates, &data]);

        for name in ["a.txt", "link", ".well-known/security.txt", "data2/x.txt"] {
            check(&guard, name, "file");
        }
        check(&guard, "", "folder");
        check(&guard, "data2", "folder");
        for name in [".env", "env", "pem.txt", "secret.pem", "everlit.toml", "templates/x.html", "TEMPLATES", "data", "posts.txt"]
        {
            check(&guard, name, "missing");
        }
        for name in [
            ".well-known/.env",
            ".well-known/tls.key",
            ".WELL-KNOWN/.ENV",
            "fifo",
            "sock",
            "none",
            "a.txt/none",
            "..",
            "../x",
            "a\\b",
        ] {
            check(&guard, name, "missing");
        }
    }

    #[test]
    fn lists_what_it_opens() {
        let folder = Folder::new(&[("a/b.txt", "B"), ("a/.env", "S"), ("a/c/d.txt", "D"), ("a/own/x", "X"), ("e.txt", "E")]);
        std::fs::write(folder.path("a/x\\y"), "A").unwrap();
        let guard = Guard::new(&folder.path(""), &[&folder.path("a/own")]);
        let mut names = guard.names(&["a"]);
        names.sort();
        assert_eq!(names, ["b.txt", "c"]);
        assert_eq!(guard.names(&["e.txt"]), [""; 0]);
        assert_eq!(guard.names(&["none"]), [""; 0]);
    }

    #[test]
    fn looks_at_what_stands_there() {
        let folder = Folder::new(&[("a.txt", "A"), ("b/c.txt", "C")]);
        for (target, link) in [("a.txt", "link"), ("none", "broken"), ("b", "folder")] {
            symlink(target, folder.path(link)).unwrap();
        }
        let guard = Guard::new(&folder.path(""), &[]);
        let found = |name: &str| (guard.look(name).is_ok(), guard.is_absent(name));
        let looks = ["a.txt", "b/c.txt", "b", "link", "broken", "folder/c.txt", "none"].map(found);
        assert_eq!(
            looks,
            [(true, false), (true, false), (false, false), (false, false), (false, false), (false, false), (false, true)]
        );
    }

    #[test]
    fn what_the_system_lacks_is_not_missing() {
        let kind = |code| match OpenError::from(io::Error::from_raw_os_error(code)) {
            OpenError::Missing => "missing",
            OpenError::Exhausted(_) => "exhausted",
            _ => "other",
        };
        assert_eq!(
            [2, 12, 13, 20, 23, 24, 40].map(kind),
            ["missing", "exhausted", "missing", "missing", "exhausted", "exhausted", "missing"]
        );
    }

    #[test]
    fn reads_up_to_the_limit() {
        let folder = Folder::new(&[("a.txt", "12345")]);
        std::fs::write(folder.path("b.txt"), b"\xff").unwrap();
        let guard = Guard::new(&folder.path(""), &[]);
        assert_eq!(guard.read(&["a.txt"], 5).unwrap(), "12345");
        assert!(matches!(guard.read(&["a.txt"], 4), Err(OpenError::TooLong(4))));
        assert!(matches!(guard.read(&["b.txt"], 4), Err(OpenError::Unreadable(_))));
    }

    fn check(guard: &Guard, name: &str, expected: &str) {
        let segments: Vec<&str> = name.split('/').filter(|segment| !segment.is_empty()).collect();
        let found = match guard.open(&segments) {
            Ok(Opened::File(_)) => "file",
            Ok(Opened::Folder) => "folder",
            Err(_) => "missing",
        };
        assert_eq!(found, expected, "{name}");
    }
}
