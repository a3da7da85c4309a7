//! Which paths are not watched.
//!
//! Three sources, the first with a word on a path counts: fixed names, the `ignore` globs and rule files of the project, and
//! the rule files above it (see `outer_rules`). Rule files are read when they are first asked, and again after
//! [`Rules::expire`].

use std::path::{Path, PathBuf};

use ignore::{IncrementalIgnore, WalkBuilder, overrides::OverrideBuilder};

use super::{outer_rules::OuterRules, temporaries::is_temporary};

/// Folders that no tool's user wants watched: other tools' stores and our own.
const FOLDERS: &[&str] = &[
    ".git",
    ".hg",
    ".svn",
    ".jj",
    ".everlit",
    "node_modules",
    "bower_components",
    "__pycache__",
    ".venv",
    ".tox",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".idea",
    ".vscode",
    ".next",
    ".nuxt",
    ".svelte-kit",
    ".turbo",
    ".parcel-cache",
    ".gradle",
];

/// Ours among the rule files.
const OWN_RULE_FILE: &str = ".everlitignore";

/// Files whose change is a change of the rules; the last one weighs most.
pub(super) const RULE_FILES: &[&str] = &[".gitignore", ".ignore", OWN_RULE_FILE];

/// Answers whether a path is watched.
pub(super) struct Rules {
    root: PathBuf,
    ignore: Vec<String>,
    files: Option<RuleFiles>,
}

/// What the rule files say.
struct RuleFiles {
    inner: Option<IncrementalIgnore>,
    outer: OuterRules,
}

impl Rules {
    pub(super) fn new(root: &Path, ignore: &[String]) -> Self {
        Self { root: root.to_owned(), ignore: ignore.to_vec(), files: None }
    }

    /// Has the rule files read anew.
    pub(super) fn expire(&mut self) {
        self.files = None;
    }

    /// Whether a folder, relative to the root, is left out with all it holds.
    pub(super) fn skips_folder(&mut self, folder: &Path) -> bool {
        name(folder).is_some_and(|name| FOLDERS.contains(&name))
            || is_cargo_target(&self.root.join(folder))
            || self.files_leave_out(folder, true)
    }

    /// Whether a file, relative to the root, is left out; its folder is not. A worktree's `.git` is a file.
    pub(super) fn skips_file(&mut self, file: &Path) -> bool {
        name(file).is_none_or(|name| FOLDERS.contains(&name) || is_temporary(name)) || self.files_leave_out(file, false)
    }

    fn files_leave_out(&mut self, path: &Path, is_dir: bool) -> bool {
        let files = self.files.get_or_insert_with(|| RuleFiles::read(&self.root, &self.ignore));
        match files.inner.as_mut().map(|inner| inner.matched(path, is_dir)) {
            Some(found) if !found.is_none() => found.is_ignore(),
            _ => files.outer.leave_out(&self.root.join(path), is_dir),
        }
    }
}

impl RuleFiles {
    fn read(root: &Path, ignore: &[String]) -> Self {
        Self { inner: inner(root, ignore), outer: OuterRules::above(root) }
    }
}

/// Whether a change of this file changes the rules.
pub(super) fn is_rule_file(path: &Path) -> bool {
    name(path).is_some_and(|name| RULE_FILES.contains(&name))
}

fn name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

/// Cargo marks its output folder; its name may be any.
fn is_cargo_target(folder: &Path) -> bool {
    folder.join("CACHEDIR.TAG").exists() || (name(folder) == Some("target") && folder.with_file_name("Cargo.toml").exists())
}

/// The rules in the project itself; it need not be a repository.
fn inner(root: &Path, ignore: &[String]) -> Option<IncrementalIgnore> {
    let mut overrides = OverrideBuilder::new(root);
    for glob in ignore {
        // The globs were checked when the configuration was read; an override ignores what starts with `!`.
        let _ = overrides.add(&format!("!{glob}"));
    }
    let mut builder = WalkBuilder::new(root);
    builder.hidden(false).require_git(false).parents(false).add_custom_ignore_filename(OWN_RULE_FILE);
    builder.overrides(overrides.build().ok()?);
    builder.build_matchers().into_iter().next()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A project `repository/project` with these files (`path=text`, relative to the repository).
    fn check(files: &[&str], ignore: &[&str], path: &str, expected: bool) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().join("project");
        fs::create_dir(&root).expect("a folder");
        for file in files {
            let (path, text) = file.split_once('=').expect("path=text");
            fs::create_dir_all(folder.path().join(path).parent().expect("a folder")).expect("a folder");
            fs::write(folder.path().join(path), text).expect("a file");
        }
        let ignore: Vec<_> = ignore.iter().map(|&glob| glob.to_owned()).collect();
        let mut rules = Rules::new(&root, &ignore);
        let skipped = match path.strip_suffix('/') {
            Some(path) => rules.skips_folder(Path::new(path)),
            None => rules.skips_file(Path::new(path)),
        };
        assert_eq!(skipped, expected, "{files:?}, {ignore:?}: {path}");
    }

    #[test]
    fn fixed_names_are_left_out() {
        check(&[], &[], ".everlit/", true);
        check(&[], &[], "data/.posts.json.everlit-unfinished", true);
        check(&[], &[], ".git", true);
        check(&["project/Cargo.toml="], &[], "target/", true);
        check(&["project/out/CACHEDIR.TAG="], &[], "out/", true);
        check(&[], &[], "target/", false);
    }

    #[test]
    fn the_projects_own_rules_come_before_those_around_it() {
        check(&["project/.gitignore=*.css"], &[], "a.css", true);
        check(&["project/.gitignore=*.css"], &[], "a.html", false);
        check(&["project/.everlitignore=!a.css", "project/.gitignore=*.css"], &[], "a.css", false);
        check(&[], &["*.css"], "a.css", true);
        check(&[".git/HEAD=", ".gitignore=*.css"], &[], "a.css", true);
        check(&[".git/HEAD=", ".gitignore=*.css", "project/.gitignore=!a.css"], &[], "a.css", false);
        check(&[".git/HEAD=", ".gitignore=*"], &[], "a.css", false);
        check(&[".git/HEAD=", ".gitignore=project/"], &[], "static/", false);
        check(&[".gitignore=*.css"], &[], "a.css", false);
    }
}
