//! A project in a temporary folder, and the ways editors save into it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

/// What builds leave behind; a copied example starts without.
const OUTPUTS: [&str; 4] = ["target", ".everlit", "node_modules", "__pycache__"];

/// A project in a temporary folder that is removed when dropped.
pub(crate) struct TestProject {
    folder: TempDir,
}

impl TestProject {
    /// A project of the files in an archive: each line `-- path --` begins one.
    pub(crate) fn from_text(archive: &str) -> Self {
        let project = Self::empty();
        let mut files: Vec<(&str, String)> = Vec::new();
        for line in archive.lines() {
            match (line.strip_prefix("-- ").and_then(|line| line.strip_suffix(" --")), files.last_mut()) {
                (Some(path), _) => files.push((path, String::new())),
                (None, Some((_, text))) => text.extend([line, "\n"]),
                (None, None) => assert!(line.is_empty(), "text before the first `-- path --`: {line}"),
            }
        }
        for (path, text) in files {
            project.save(path, &text);
        }
        project
    }

    /// A copy of a folder in `examples/`.
    pub(crate) fn from_example(name: &str) -> Self {
        let project = Self::empty();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
        copy_folder(&example, project.path());
        project
    }

    fn empty() -> Self {
        let folder = tempfile::Builder::new().prefix("everlit-suite-").tempdir().expect("a temporary folder");
        Self { folder }
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The text of a file.
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.file(path)).unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
    }

    /// Saves as nano and VS Code do: truncate, write, close.
    pub(crate) fn save(&self, path: &str, text: &str) {
        let file = self.file(path);
        fs::create_dir_all(file.parent().expect("a file has a folder")).expect("the folder can be made");
        fs::write(file, text).unwrap_or_else(|error| panic!("cannot write {path}: {error}"));
    }

    /// Saves as Vim and JetBrains do: write beside, rename over.
    pub(crate) fn save_atomically(&self, path: &str, text: &str) {
        let file = self.file(path);
        let beside = file.with_file_name(".everlit-suite.tmp~");
        fs::write(&beside, text).expect("the new file can be written");
        fs::rename(&beside, file).unwrap_or_else(|error| panic!("cannot rename over {path}: {error}"));
    }

    /// Replaces a text that stands in a file, and saves in place.
    pub(crate) fn edit(&self, path: &str, old: &str, new: &str) {
        let text = self.read(path);
        assert!(text.contains(old), "{path} has no {old:?} to replace");
        self.save(path, &text.replace(old, new));
    }

    /// The names in a folder, sorted.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        names(&self.file(folder))
    }

    fn file(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }
}

/// The names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("cannot read {}: {error}", folder.display()));
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder can be made");
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("cannot read {}: {error}", from.display())) {
        let entry = entry.expect("the folder can be read");
        let name = entry.file_name();
        match entry.file_type().expect("the entry has a type").is_dir() {
            true if OUTPUTS.iter().any(|output| name == *output) => {}
            true => copy_folder(&entry.path(), &to.join(name)),
            false => drop(fs::copy(entry.path(), to.join(name)).expect("the file can be copied")),
        }
    }
}
