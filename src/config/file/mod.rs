//! Reads `everlit.toml`.
//!
//! [`read`] turns the text into [`File`], or into the first fault with its line and column: an unknown key gets the nearest
//! right one, a wrong type what it should have been. The keys themselves are listed in [`keys`], the walk over tables is in
//! [`table`], each of the larger sections in a file of its own. Nothing is filled in here: what the file does not say is `None` or empty.

mod cors;
mod fault;
mod keys;
mod limits;
mod proxy;
mod sections;
mod step;
mod table;
mod version;

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

pub(super) use proxy::{HeaderKeys, RouteKeys};
pub(super) use sections::{AppKeys, File, Place, SiteKeys};
pub(super) use step::StepKeys;
use table::Fault;

use super::{ConfigError, FileError};

/// The file's name in the project's folder.
pub(super) const NAME: &str = "everlit.toml";

/// The most that is read of it. A thousand times what one holds; past it, the name belongs to something else.
const LARGEST: u64 = 1024 * 1024;

/// Reads the file in `root`; `None` when there is none.
///
/// # Errors
/// [`ConfigError::Unreadable`] and [`ConfigError::File`].
pub(super) fn read(root: &Path) -> Result<Option<File>, ConfigError> {
    let path = root.join(NAME);
    match contents(&path) {
        Ok(bytes) => Ok(Some(parse(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ConfigError::Unreadable { path, source }),
    }
}

fn contents(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    Ok(bytes)
}

fn parse(bytes: &[u8]) -> Result<File, FileError> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let (good, _) = bytes.split_at(error.valid_up_to());
            return Err(place(&String::from_utf8_lossy(good), good.len(), "not UTF-8".to_owned()));
        }
    };
    // A byte order mark is no part of the text; some editors put one.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    sections::read(text).map_err(|Fault { at, message }| place(text, at, message))
}

/// The line and column of the byte at `at`.
fn place(text: &str, at: usize, message: String) -> FileError {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    FileError {
        file: PathBuf::from(NAME),
        line: count(before.matches('\n').count() + 1),
        column: count(before.get(line_start..).unwrap_or("").chars().count() + 1),
        message,
    }
}

#[cfg(test)]
mod tests;
