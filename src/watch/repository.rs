//! The git repository the project lies in, as far as watching needs it: where it begins and where its own files are.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A repository with a working tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repository {
    /// The folder the working tree begins at.
    pub(super) top: PathBuf,
    /// Its own files: `.git`, or what the file `.git` of a worktree or submodule names.
    pub(super) own: PathBuf,
}

impl Repository {
    /// The innermost repository a folder lies in.
    pub(super) fn around(folder: &Path) -> Option<Self> {
        folder.ancestors().find_map(|top| Some(Self { top: top.to_owned(), own: own_folder(top)? }))
    }

    /// The rules it keeps to itself; worktrees share them.
    pub(super) fn exclude(&self) -> PathBuf {
        let common = fs::read_to_string(self.own.join("commondir")).unwrap_or_default();
        self.own.join(common.trim()).join("info/exclude")
    }
}

fn own_folder(top: &Path) -> Option<PathBuf> {
    let entry = top.join(".git");
    if entry.is_dir() {
        return Some(entry);
    }
    let text = fs::read_to_string(entry).ok()?;
    Some(top.join(text.strip_prefix("gitdir:")?.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes folders and files (`path=text`); expects the repository around `from` to begin and keep its files there.
    fn check(files: &[&str], from: &str, expected: Option<(&str, &str)>) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = |path: &str| folder.path().join(path);
        fs::create_dir_all(at(from)).expect("a folder");
        for file in files {
            let (path, text) = file.split_once('=').expect("path=text");
            fs::create_dir_all(at(path).parent().expect("a folder")).expect("a folder");
            fs::write(at(path), text).expect("a file");
        }
        let found = Repository::around(&at(from)).filter(|found| found.top.starts_with(folder.path()));
        let expected = expected.map(|(top, own)| Repository { top: at(top), own: at(own) });
        assert_eq!(found, expected, "{files:?} from {from}");
    }

    #[test]
    fn it_is_found_upwards_and_through_a_worktrees_file() {
        check(&[".git/HEAD="], "a/b", Some(("", ".git")));
        check(&[".git/HEAD=", "a/.git/HEAD="], "a/b", Some(("a", "a/.git")));
        check(&[".git/HEAD=", "a/.git=gitdir: ../.git/worktrees/a\n"], "a", Some(("a", "a/../.git/worktrees/a")));
        check(&["x="], "a/b", None);
    }

    #[test]
    fn worktrees_share_what_is_excluded() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let own = folder.path().join(".git/worktrees/a");
        fs::create_dir_all(&own).expect("a folder");
        let repository = Repository { top: folder.path().to_owned(), own: own.clone() };
        assert_eq!(repository.exclude(), own.join("info/exclude"));
        fs::write(own.join("commondir"), "../..\n").expect("a file");
        assert_eq!(repository.exclude(), own.join("../../info/exclude"));
    }
}
