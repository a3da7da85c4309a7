//! From the words of a tool to a place in the project: which file is meant, and the lines that stand there.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use super::finding::{Column, Finding, Ground, Place, normal};
use crate::{
    report::{Diagnostic, Excerpt},
    site::shown_text,
};

/// Findings whose lines are shown; whoever mends ten mistakes builds again before the eleventh.
const EXCERPTS: usize = 10;

/// Where compilers count from besides the folder they run in: Java's and Kotlin's packages begin there.
const SOURCES: [&str; 4] = ["src/main/java", "src/main/kotlin", "src", "app/src/main/java"];

/// What is in the folder from which rustc counts: the workspace, which may be above the project.
const WORKSPACE: &str = "Cargo.toml";

/// The diagnostics of these findings.
pub(super) fn settle(findings: Vec<Finding>, ground: Ground<'_>) -> Vec<Diagnostic> {
    let mut texts = Texts { root: ground.root, read: HashMap::new() };
    let count = findings.len();
    findings
        .into_iter()
        .zip((0..count).rev())
        .map(|(finding, later)| {
            let is_shown = count - later <= EXCERPTS;
            diagnostic(finding, ground, if is_shown { Some(&mut texts) } else { None })
        })
        .collect()
}

fn diagnostic(finding: Finding, ground: Ground<'_>, texts: Option<&mut Texts<'_>>) -> Diagnostic {
    let Finding { severity, place, message, help } = finding;
    let bare = Diagnostic { severity, message, help, ..Diagnostic::default() };
    let Some(Place { file, line, column }) = place else { return bare };
    let file = resolve(&file, ground);
    let text = texts.and_then(|texts| texts.of(&file));
    let source = line.and_then(|line| text?.lines().nth(line.checked_sub(1)?.try_into().ok()?));
    let column = match column {
        Column::At(column) => Some(column),
        Column::InTrimmed(column) => source.map(|source| column.saturating_add(indentation(source))),
        Column::Unknown => None,
    };
    let excerpt = line.and_then(|line| Excerpt::around(text?, line));
    Diagnostic { file: Some(file), line, column, excerpt, ..bare }
}

fn indentation(line: &str) -> u32 {
    u32::try_from(line.chars().take_while(|c| c.is_whitespace()).count()).unwrap_or(u32::MAX)
}

/// The file, relative to the project where it is inside.
fn resolve(file: &Path, ground: Ground<'_>) -> PathBuf {
    let bases = [ground.dir, ground.root].into_iter().map(Path::to_owned);
    let sources = SOURCES.iter().map(|folder| ground.dir.join(folder));
    let above = ground.root.ancestors().skip(1).filter(|folder| folder.join(WORKSPACE).is_file()).map(Path::to_owned);
    let found = bases.chain(sources).chain(above).map(|base| normal(&base.join(file))).find(|path| path.is_file());
    let absolute = found.unwrap_or_else(|| normal(&ground.dir.join(file)));
    absolute.strip_prefix(ground.root).map_or_else(|_| absolute.clone(), Path::to_owned)
}

/// The texts of the files that are pointed to, each read once.
struct Texts<'p> {
    root: &'p Path,
    read: HashMap<PathBuf, Option<String>>,
}

impl Texts<'_> {
    /// The text, if the file is one of the project's that may be shown.
    fn of(&mut self, file: &Path) -> Option<&str> {
        let root = self.root;
        self.read.entry(file.to_owned()).or_insert_with(|| shown_text(root, file)).as_deref()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn settled(root: &Path, place: Place) -> Diagnostic {
        let ground = Ground { dir: root, root };
        settle(vec![Finding::error(Some(place), "no")], ground).remove(0)
    }

    #[test]
    fn shows_the_lines_around() {
        let folder = folder(&[("a.py", "one\ntwo\n    three\nfour\nfive\nsix\n")]);
        let root = folder.path().canonicalize().unwrap();
        let place = Place { file: "./a.py".into(), line: Some(3), column: Column::InTrimmed(2) };
        let found = settled(&root, place);
        assert_eq!(found.place(), "a.py:3:6");
        let lines = ["one", "two", "    three", "four", "five"].map(str::to_owned).to_vec();
        assert_eq!(found.excerpt, Some(Excerpt { first: 1, lines }));
        let last = settled(&root, Place::new("a.py", "6", None)).excerpt.unwrap();
        assert_eq!((last.first, last.lines.len()), (4, 3));
        assert_eq!(settled(&root, Place::new("a.py", "7", None)).excerpt, None);
        assert_eq!(settled(&root, Place::new("a.py", "0", None)).excerpt, None);
    }

    #[test]
    fn shows_nothing_that_is_not_the_projects_to_show() {
        let folder = folder(&[("p/.env", "SECRET=1\n"), ("p/everlit.toml", "[app]\n"), ("outside.py", "x\n"), ("p/a.py", "y\n")]);
        let root = folder.path().canonicalize().unwrap().join("p");
        std::os::unix::fs::symlink("../outside.py", root.join("link.py")).unwrap();
        for file in [".env", "everlit.toml", "../outside.py", "link.py", "/etc/passwd", "none.py", ""] {
            assert_eq!(settled(&root, Place::new(file, "1", None)).excerpt, None, "{file}");
        }
        assert!(settled(&root, Place::new("a.py", "1", None)).excerpt.is_some());
    }

    #[test]
    fn finds_the_file_that_is_meant() {
        let folder = folder(&[
            ("w/Cargo.toml", ""),
            ("w/app/src/main.rs", ""),
            ("w/lib/src/lib.rs", ""),
            ("w/app/src/main/java/com/shop/Run.java", ""),
        ]);
        let root = folder.path().canonicalize().unwrap().join("w/app");
        let file = |name: &str| settled(&root, Place::new(name, "1", None)).file.unwrap();
        assert_eq!(file("src/main.rs"), Path::new("src/main.rs"));
        assert_eq!(file("app/src/main.rs"), Path::new("src/main.rs"), "counted from the workspace");
        assert_eq!(file("lib/src/lib.rs"), root.join("../lib/src/lib.rs").canonicalize().unwrap());
        assert_eq!(file("com/shop/Run.java"), Path::new("src/main/java/com/shop/Run.java"));
        assert_eq!(file("gone.rs"), Path::new("gone.rs"));
    }

    #[test]
    fn long_lines_and_many_findings_are_bounded() {
        let folder = folder(&[("a.js", &"x".repeat(100_000))]);
        let root = folder.path().canonicalize().unwrap();
        let findings = vec![Finding::error(Some(Place::new("a.js", "1", Some("90000"))), "no"); 50];
        let found = settle(findings, Ground { dir: &root, root: &root });
        assert_eq!(found.iter().filter(|found| found.excerpt.is_some()).count(), EXCERPTS);
        assert!(found[0].excerpt.as_ref().unwrap().lines[0].len() < 1000);
    }
}
