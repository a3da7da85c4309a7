//! Links to folders: which are followed.
//!
//! A link that leads out of the project is; what is saved there is told under the link's name. One that leads to another folder of
//! the project is not: that one is watched under its own name, and a save would be told twice. Nor is one to a folder the
//! project or a followed one lies in, for that has no end.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

/// Links that are followed at once. A project has a handful; a store of packages has thousands.
const LINKS: usize = 64;

/// Folders that are watched through links. A link to `/` must not make us watch the machine.
pub(super) const LINKED_FOLDERS: usize = 5_000;

#[derive(Debug)]
pub(super) struct Links {
    /// The root, without links.
    root: PathBuf,
    /// Each link with the folder it leads to, without links.
    followed: HashMap<PathBuf, PathBuf>,
}

impl Links {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.canonicalize().unwrap_or_else(|_| root.to_owned()), followed: HashMap::new() }
    }

    /// Whether the link at an absolute place, which leads to a folder, is followed from now on.
    pub(super) fn follow(&mut self, link: &Path) -> bool {
        self.release(link);
        let Ok(target) = link.canonicalize() else { return false };
        let overlaps = |folder: &PathBuf| target.starts_with(folder) || folder.starts_with(&target);
        let overlaps = self.followed.values().chain([&self.root]).any(overlaps);
        if overlaps || self.followed.len() >= LINKS {
            return false;
        }
        self.followed.insert(link.to_owned(), target);
        true
    }

    /// The link is gone.
    pub(super) fn release(&mut self, link: &Path) {
        self.followed.remove(link);
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn only_a_link_that_leads_out_is_followed_and_each_folder_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = |path: &str| folder.path().join(path);
        for path in ["around/project/inside", "other/deep", "third"] {
            fs::create_dir_all(at(path)).expect("a folder");
        }
        let mut links = Links::new(&at("around/project"));
        let mut check = |name: &str, target: &str, expected: bool| {
            let link = at("around/project").join(name);
            symlink(at(target), &link).expect("a link");
            assert_eq!(links.follow(&link), expected, "{name} to {target}");
        };
        check("out", "other", true);
        check("within", "around/project/inside", false);
        check("self", "around/project", false);
        check("up", "around", false);
        check("again", "other", false);
        check("below", "other/deep", false);
        check("another", "third", true);
        check("nowhere", "missing", false);
        assert!(links.follow(&at("around/project/out")), "the same link again");
        links.release(&at("around/project/out"));
        assert!(links.follow(&at("around/project/again")));
    }
}
