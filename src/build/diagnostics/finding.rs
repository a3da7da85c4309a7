//! A finding as a reader gives it, and the project it is about. Pure.

use std::path::{Component, Path, PathBuf};

use crate::report::Severity;

/// Folders inside of a project that hold other people's code.
const FOREIGN: [&str; 8] =
    ["node_modules", "site-packages", "dist-packages", "vendor", ".venv", "venv", "target", "__pypackages__"];

/// One finding, as far as the text alone tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::build) struct Finding {
    pub(in crate::build::diagnostics) severity: Severity,
    pub(in crate::build::diagnostics) place: Option<Place>,
    pub(in crate::build::diagnostics) message: String,
    pub(in crate::build::diagnostics) help: String,
}

/// Where, in the words of the tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    pub(super) line: Option<u32>,
    pub(super) column: Column,
}

/// The column, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Unknown,
    At(u32),
    /// Counted from the first character that is not blank: the tool printed the line without its indentation.
    InTrimmed(u32),
}

impl Finding {
    pub(super) fn new(severity: Severity, place: Place, message: &str) -> Self {
        Self { severity, place: Some(place), message: message.trim().to_owned(), help: String::new() }
    }

    pub(super) fn error(place: Option<Place>, message: &str) -> Self {
        Self { place, message: message.trim().to_owned(), ..Self::default() }
    }

    /// Adds a line to what else is said about it.
    pub(super) fn add_help(&mut self, words: &str) {
        let separator = if self.help.is_empty() { "" } else { "\n" };
        self.help.push_str(separator);
        self.help.push_str(words.trim());
    }
}

impl Place {
    /// A place whose numbers are texts; one that is no number is unknown.
    pub(super) fn new(file: &str, line: &str, column: Option<&str>) -> Self {
        let column = column.and_then(|column| column.parse().ok()).map_or(Column::Unknown, Column::At);
        Self { file: PathBuf::from(file), line: line.parse().ok(), column }
    }

    /// A whole file.
    pub(super) fn file(file: &str) -> Self {
        Self { file: PathBuf::from(file), line: None, column: Column::Unknown }
    }

    /// As it stands in a sentence.
    pub(super) fn words(&self) -> String {
        let numbers = [self.line, if let Column::At(column) = self.column { Some(column) } else { None }];
        let numbers = numbers.into_iter().map_while(|number| number).map(|number| format!(":{number}"));
        format!("{}{}", self.file.display(), numbers.collect::<String>())
    }
}

/// Where a command ran, and of which project.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'p> {
    /// The folder the command ran in.
    pub dir: &'p Path,
    /// The project.
    pub root: &'p Path,
}

impl Ground<'_> {
    /// Whether a file is of the project itself, and of no package it uses.
    pub(super) fn is_own(&self, file: &Path) -> bool {
        if !is_file(file) {
            return false;
        }
        let absolute = normal(&self.dir.join(file));
        let Ok(inside) = absolute.strip_prefix(self.root) else { return false };
        let is_foreign = |part: Component<'_>| FOREIGN.iter().any(|foreign| part.as_os_str() == *foreign);
        !inside.components().any(is_foreign)
    }

    /// The place that the person can do something about: the first of their own, or else the first of all.
    pub(super) fn own_first(&self, places: &[Place]) -> Option<Place> {
        places.iter().find(|place| self.is_own(&place.file)).or(places.first()).cloned()
    }
}

/// Node's own modules are no files, nor is what an interpreter compiled from a text.
fn is_file(file: &Path) -> bool {
    let name = file.to_string_lossy();
    !name.starts_with("node:") && !name.starts_with('<')
}

/// The path without `.` and `..`, by its words alone.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => (),
            Component::ParentDir if normal.file_name().is_some() => drop(normal.pop()),
            part => normal.push(part),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_own_files() {
        let ground = Ground { dir: Path::new("/p/app"), root: Path::new("/p") };
        for (file, own) in [
            ("src/a.rs", true),
            ("../lib/a.rs", true),
            ("/p/a.py", true),
            ("../../q/a.rs", false),
            ("/usr/lib/python3/a.py", false),
            ("node_modules/x/a.js", false),
            ("/p/.venv/lib/a.py", false),
            ("vendor/x.go", false),
            ("node:internal/modules/cjs/loader", false),
            ("<string>", false),
        ] {
            assert_eq!(ground.is_own(Path::new(file)), own, "{file}");
        }
        assert_eq!(normal(Path::new("/a/./b/../c")), Path::new("/a/c"));
    }
}
