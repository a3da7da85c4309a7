//! The tree as it was at the last look: which folders are watched, and what each file held.
//!
//! The walk is ours (see `rules` for what it leaves out). A new folder is watched first and listed after, so that nothing
//! written in between is missed. Links to folders are not followed.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs::{self, Metadata},
    io,
    ops::Bound,
    path::{Path, PathBuf},
};

use super::{
    change_set::{ChangeSet, Kind},
    moment::Moment,
    rules::{Rules, is_rule_file},
    stamp::Stamp,
};

/// Bytes read to know the files' contents before their first change. Beyond it the first save of a file counts as a change
/// even if it is equal; after that its content is known.
const READ_AHEAD: u64 = 64 * 1024 * 1024;

/// Called for each folder before it is listed.
pub(super) type WatchFolder<'a> = dyn FnMut(&Path) + 'a;

/// Folders and files below the root; all paths are relative to it.
pub(super) struct Tree {
    root: PathBuf,
    rules: Rules,
    folders: BTreeSet<PathBuf>,
    files: BTreeMap<PathBuf, Stamp>,
    /// Files changed since then count as changed, whenever the first walk comes to them.
    since: Moment,
    read_ahead: u64,
}

impl Tree {
    /// A tree nobody has looked at yet; what changes from now on is a change.
    pub(super) fn new(root: &Path, rules: Rules) -> Self {
        Self {
            root: root.to_owned(),
            rules,
            folders: BTreeSet::new(),
            files: BTreeMap::new(),
            since: Moment::mark(),
            read_ahead: READ_AHEAD,
        }
    }

    /// Walks the whole tree for the first time. Answers with the files that were saved meanwhile, absolute: their folders may
    /// not have been watched yet, so that no event tells.
    pub(super) fn walk(&mut self, watch: &mut WatchFolder<'_>) -> Vec<PathBuf> {
        let mut found = Vec::new();
        self.walk_folder(PathBuf::new(), watch, &mut found);
        let mut saved = Vec::new();
        for (path, metadata) in found {
            let (stamp, place) = (self.first_stamp(&path, &metadata), self.root.join(&path));
            // Asked after the file was read: what we read may be the later content.
            let is_saved = fs::metadata(&place).is_ok_and(|metadata| Moment::of_change(&metadata) >= self.since);
            self.files.insert(path, if is_saved { Stamp::UNKNOWN } else { stamp });
            saved.extend(is_saved.then_some(place));
        }
        saved
    }

    /// Puts other rules in force; the next [`Self::rescan`] obeys them.
    pub(super) fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// Looks at one absolute path that is dirty and adds what really changed.
    pub(super) fn look(&mut self, path: &Path, watch: &mut WatchFolder<'_>, changes: &mut ChangeSet) {
        let Ok(path) = path.strip_prefix(&self.root).map(Path::to_owned) else { return };
        if self.is_left_out(&path) {
            return;
        }
        let place = self.root.join(&path);
        match fs::metadata(&place) {
            Ok(metadata) if metadata.is_dir() && !place.is_symlink() => self.look_at_folder(path, watch, changes),
            Ok(metadata) if metadata.is_file() => {
                if self.folders.contains(&path) {
                    self.forget(&path, changes);
                }
                self.look_at_file(path, &metadata, changes);
            }
            _ => self.forget(&path, changes),
        }
    }

    /// Compares the whole tree with the last look and adds what really changed.
    pub(super) fn rescan(&mut self, watch: &mut WatchFolder<'_>, changes: &mut ChangeSet) {
        self.look_below(PathBuf::new(), watch, changes);
    }

    /// How many folders and files it knows.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.folders.len(), self.files.len())
    }

    /// Whether the root is there.
    pub(super) fn root_exists(&self) -> bool {
        self.root.is_dir()
    }

    /// Whether an absolute path was a folder or a watched file at the last look.
    pub(super) fn knows(&self, path: &Path) -> bool {
        path.strip_prefix(&self.root).is_ok_and(|path| self.folders.contains(path) || self.files.contains_key(path))
    }

    /// Whether an event of an absolute path can be news: it is not of a file that is left out.
    pub(super) fn heeds(&mut self, path: &Path) -> bool {
        let Ok(relative) = path.strip_prefix(&self.root) else { return false };
        is_rule_file(relative)
            || self.knows(path)
            || !self.rules.skips_file(relative)
            || (path.is_dir() && !self.rules.skips_folder(relative))
    }

    fn is_left_out(&mut self, path: &Path) -> bool {
        let folders = path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
        let unknown: Vec<_> = folders.take_while(|folder| !self.folders.contains(*folder)).collect();
        unknown.into_iter().any(|folder| self.rules.skips_folder(folder))
    }

    fn look_at_folder(&mut self, folder: PathBuf, watch: &mut WatchFolder<'_>, changes: &mut ChangeSet) {
        if folder.as_os_str().is_empty() || !self.rules.skips_folder(&folder) {
            self.look_below(folder, watch, changes);
        }
    }

    /// Compares a folder and all below it with the last look. A known one may be another of the same name by now, which nobody
    /// watches yet and which has rules of its own.
    fn look_below(&mut self, top: PathBuf, watch: &mut WatchFolder<'_>, changes: &mut ChangeSet) {
        if self.folders.contains(&top) {
            self.forget_folders(&top);
        }
        let mut found = Vec::new();
        self.walk_folder(top.clone(), watch, &mut found);
        let seen: HashSet<_> = found.iter().map(|(path, _)| path.clone()).collect();
        for (path, metadata) in found {
            self.look_at_file(path, &metadata, changes);
        }
        for file in self.files_below(&top).filter(|file| !seen.contains(file)).collect::<Vec<_>>() {
            self.files.remove(&file);
            // One that is there all the same is left out by now, and not removed.
            if !self.root.join(&file).is_file() {
                changes.add(file, Kind::Removed);
            }
        }
    }

    fn look_at_file(&mut self, path: PathBuf, metadata: &Metadata, changes: &mut ChangeSet) {
        let before = self.files.get(&path).copied();
        if before.is_some_and(|before| before.untouched(metadata)) || self.rules.skips_file(&path) {
            return;
        }
        let now = Stamp::read(&self.root.join(&path), metadata);
        if !before.is_some_and(|before| before.same_content(&now)) {
            changes.add(&path, Kind::Written);
        }
        self.files.insert(path, now);
    }

    /// The path is gone, and all that was below it.
    fn forget(&mut self, path: &Path, changes: &mut ChangeSet) {
        for file in self.files_below(path).collect::<Vec<_>>() {
            self.files.remove(&file);
            changes.add(file, Kind::Removed);
        }
        if self.folders.contains(path) {
            self.forget_folders(path);
        }
    }

    fn forget_folders(&mut self, top: &Path) {
        self.rules.expire();
        let below = self.folders.range::<Path, _>(from(top)).take_while(|folder| folder.starts_with(top));
        for folder in below.cloned().collect::<Vec<_>>() {
            self.folders.remove(&folder);
        }
    }

    /// The known files at a path and below it.
    fn files_below(&self, top: &Path) -> impl Iterator<Item = PathBuf> {
        let below = self.files.range::<Path, _>(from(top)).map(|(file, _)| file);
        below.take_while(move |file| file.starts_with(top)).cloned()
    }

    /// Watches and lists a folder and all below it that is not left out.
    fn walk_folder(&mut self, top: PathBuf, watch: &mut WatchFolder<'_>, found: &mut Vec<(PathBuf, Metadata)>) {
        let mut folders = vec![top];
        while let Some(folder) = folders.pop() {
            watch(&self.root.join(&folder));
            // A folder that vanished meanwhile, or may not be read, has nothing to tell.
            let _ = self.list(&folder, &mut folders, found);
            self.folders.insert(folder);
        }
    }

    fn list(&mut self, folder: &Path, folders: &mut Vec<PathBuf>, found: &mut Vec<(PathBuf, Metadata)>) -> io::Result<()> {
        for entry in fs::read_dir(self.root.join(folder))?.flatten() {
            let path = folder.join(entry.file_name());
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && !self.rules.skips_folder(&path) {
                folders.push(path);
            } else if !kind.is_dir() && !self.rules.skips_file(&path) {
                let Ok(metadata) = fs::metadata(self.root.join(&path)) else { continue };
                if metadata.is_file() {
                    found.push((path, metadata));
                }
            }
        }
        Ok(())
    }

    /// A file's stamp before anybody changed it.
    fn first_stamp(&mut self, path: &Path, metadata: &Metadata) -> Stamp {
        if metadata.len() > self.read_ahead {
            return Stamp::unread(metadata);
        }
        self.read_ahead -= metadata.len();
        Stamp::read(&self.root.join(path), metadata)
    }
}

/// The range that begins with a path; what is below it follows at once, since paths are ordered by their components.
fn from(top: &Path) -> (Bound<&Path>, Bound<&Path>) {
    (Bound::Included(top), Bound::Unbounded)
}

#[cfg(test)]
impl Tree {
    /// Fails unless both know the same folders and the same files with the same content.
    pub(super) fn assert_like(&self, other: &Self) {
        assert_eq!(self.folders, other.folders);
        assert_eq!(self.files.keys().collect::<Vec<_>>(), other.files.keys().collect::<Vec<_>>());
        for (path, stamp) in &self.files {
            assert!(stamp.same_content(&other.files[path]), "{} has another content", path.display());
        }
    }
}
