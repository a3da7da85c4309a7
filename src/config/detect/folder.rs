//! The files of a folder, as detection asks for them. Nothing here fails: what cannot be read is not there.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

/// The most that is read of a file. Manifests and the head of a source file are far smaller.
const LARGEST: u64 = 256 * 1024;

/// The most names that are looked at in one folder: detection must not delay the start where somebody keeps a mail archive.
const MOST_NAMES: usize = 4096;

/// A folder whose files are looked at.
#[derive(Clone, Debug)]
pub(in crate::config) struct Folder(PathBuf);

impl Folder {
    pub(in crate::config) fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// The folder called `name` in this one.
    pub(super) fn inner(&self, name: &str) -> Self {
        Self(self.0.join(name))
    }

    pub(super) fn has_file(&self, name: &str) -> bool {
        self.0.join(name).is_file()
    }

    pub(super) fn has_folder(&self, name: &str) -> bool {
        self.0.join(name).is_dir()
    }

    /// The beginning of a regular file, bytes that are not UTF-8 replaced.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        // Asked first, because opening a named pipe would wait for its writer.
        if !self.has_file(name) {
            return None;
        }
        let mut bytes = Vec::new();
        fs::File::open(self.0.join(name)).ok()?.take(LARGEST).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whether a file has one of these texts in it; no text is in every file.
    pub(super) fn holds(&self, name: &str, texts: &[&str]) -> bool {
        self.text(name).is_some_and(|text| texts.is_empty() || texts.iter().any(|wanted| text.contains(wanted)))
    }

    /// The folder's own name.
    pub(super) fn name(&self) -> &str {
        self.0.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// The names in this folder, sorted; those that are not UTF-8 are left out.
    pub(super) fn names(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(&self.0) else { return Vec::new() };
        let mut names: Vec<_> = entries.take(MOST_NAMES).filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort_unstable();
        names
    }
}
