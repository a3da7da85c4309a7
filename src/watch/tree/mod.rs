//! The tree as it was at the last look: which folders are watched, and what each file held.
//!
//! [`Tree::scan`] finds what may be different, [`Tree::look`] decides what is. Events name what may be different as well, so that
//! it does not matter who noticed first.

mod scan;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    ffi::OsStr,
    fs::{self, Metadata},
    ops::Bound,
    path::{Path, PathBuf},
};

pub(super) use scan::Suspect;

use super::{
    change_set::{ChangeSet, Kind},
    folder::{Folder, FolderId, Name, Node, Watch, Watches},
    links::Links,
    moment::Moment,
    mounts::Mounts,
    pending::Key,
    reader::Job,
    rules::{Level, Rules, is_rule_file},
    stamp::{AT_ONCE, HASH_LIMIT, Stamp},
};

/// Names that are left out and remembered as such, so that their events cost nothing. Beyond it they are asked for anew.
const REMEMBERED: usize = 4096;

/// Folders and files below the root.
pub(super) struct Tree {
    root: PathBuf,
    rules: Rules,
    folders: BTreeMap<FolderId, Folder>,
    last: FolderId,
    files: usize,
    /// Folders somebody must look at.
    polled: BTreeSet<FolderId>,
    links: Links,
    linked: usize,
    mounts: Mounts,
    /// Files changed since then count as changed, whenever the first scan comes to them; `None` after it.
    since: Option<Moment>,
    /// Files whose name a folder has taken, relative to the root.
    replaced: Vec<PathBuf>,
    left_out: HashMap<FolderId, HashSet<Name>>,
    remembered: usize,
    /// Folders that lie on a shared file system and were not told yet.
    shared: Vec<(PathBuf, String)>,
}

/// What a look came to.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) changes: ChangeSet,
    /// Files that are too large to be read here.
    pub(super) large: Vec<Job>,
}

impl Tree {
    /// A tree nobody has looked at yet; what changed `since` is a change.
    pub(super) fn new(root: &Path, rules: Rules, since: Moment) -> Self {
        let folder = Folder::new(FolderId::ROOT, Name::from(OsStr::new("")), Level::none());
        Self {
            root: root.to_owned(),
            rules,
            folders: BTreeMap::from([(FolderId::ROOT, folder)]),
            last: FolderId::ROOT,
            files: 0,
            polled: BTreeSet::new(),
            links: Links::new(root),
            linked: 0,
            mounts: Mounts::now(),
            since: Some(since),
            replaced: Vec::new(),
            left_out: HashMap::new(),
            remembered: 0,
            shared: Vec::new(),
        }
    }

    /// Puts other rules in force; the next scan obeys them.
    pub(super) fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
        self.left_out.clear();
    }

    /// Has the rule files read anew by the next scan.
    pub(super) fn expire_rules(&mut self) {
        self.set_rules(self.rules.anew());
    }

    /// How many folders and files it knows.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.folders.len(), self.files)
    }

    /// The folders somebody must look at, from the one after that on.
    pub(super) fn polled_after(&self, folder: Option<FolderId>) -> Option<FolderId> {
        let from = folder.map_or(Bound::Unbounded, Bound::Excluded);
        self.polled.range((from, Bound::Unbounded)).next().copied()
    }

    /// How many folders somebody must look at.
    pub(super) fn polled(&self) -> usize {
        self.polled.len()
    }

    /// The system does not tell of what is done to any of it.
    pub(super) fn distrust(&mut self) {
        self.folders.values_mut().for_each(|folder| folder.is_shared = true);
        self.polled = self.folders.keys().copied().collect();
    }

    /// The engine that watched is no more.
    pub(super) fn unwatch(&mut self) {
        self.folders.values_mut().for_each(|folder| folder.watch = None);
        self.polled = self.folders.keys().copied().collect();
    }

    /// Folders that others change without the system being told, with the type of the file system; each once.
    pub(super) fn take_shared(&mut self) -> Vec<(PathBuf, String)> {
        std::mem::take(&mut self.shared)
    }

    /// A watch ended by itself.
    pub(super) fn lost_watch(&mut self, id: FolderId, watch: Watch) {
        let Some(folder) = self.folders.get_mut(&id).filter(|folder| folder.watch == Some(watch)) else { return };
        folder.watch = None;
        self.polled.insert(id);
    }

    /// What a name stood for at the last look.
    pub(super) fn node(&self, folder: FolderId, name: &OsStr) -> Option<Node> {
        self.folders.get(&folder)?.nodes.get(name).copied()
    }

    /// Whether an event of a file can be news: it is not left out.
    pub(super) fn heeds(&mut self, id: FolderId, name: &OsStr) -> bool {
        let Some(folder) = self.folders.get(&id) else { return false };
        if folder.nodes.contains_key(name) || is_rule_file(name) {
            return true;
        }
        if self.left_out.get(&id).is_some_and(|names| names.contains(name)) {
            return false;
        }
        let is_left_out = self.path_of(id).is_none_or(|path| self.rules.skips_file(&folder.level, &path.join(name)));
        if is_left_out {
            self.remember_left_out(id, name);
        }
        !is_left_out
    }

    /// The place of a name.
    pub(super) fn place(&self, (folder, name): &Key) -> Option<PathBuf> {
        Some(self.root.join(self.path_of(*folder)?).join(&**name))
    }

    /// The folder and the name of an absolute path, as far as its folder is known.
    #[cfg(any(test, not(target_os = "linux")))]
    pub(super) fn key(&self, path: &Path) -> Option<Key> {
        let path = path.strip_prefix(&self.root).ok()?;
        let mut id = FolderId::ROOT;
        for name in path.parent()? {
            let Node::Folder(inner) = self.node(id, name)? else { return None };
            id = inner;
        }
        Some((id, path.file_name()?.into()))
    }

    /// Looks at one name that is dirty and adds what really changed.
    pub(super) fn look(&mut self, (id, name): &Key, watches: &mut dyn Watches, findings: &mut Findings) {
        let Some(path) = self.path_of(*id).map(|path| path.join(&**name)) else { return };
        match fs::metadata(self.root.join(&path)) {
            Ok(metadata) if metadata.is_dir() => self.look_at_folder(*id, name, watches, findings),
            Ok(metadata) if metadata.is_file() => {
                if let Some(Node::Folder(_)) = self.node(*id, name) {
                    self.forget(*id, name, watches, &mut findings.changes);
                }
                self.look_at_file(*id, name, path, &metadata, findings);
            }
            _ => self.forget(*id, name, watches, &mut findings.changes),
        }
    }

    fn look_at_folder(&mut self, id: FolderId, name: &OsStr, watches: &mut dyn Watches, findings: &mut Findings) {
        for suspect in self.adopt(id, name, watches) {
            self.look(&suspect.key, watches, findings);
        }
    }

    fn look_at_file(&mut self, id: FolderId, name: &Name, path: PathBuf, metadata: &Metadata, findings: &mut Findings) {
        let Some(folder) = self.folders.get(&id) else { return };
        let before = match folder.nodes.get(name) {
            Some(Node::File(stamp)) => Some(*stamp),
            _ => None,
        };
        if before.is_some_and(|before| before.untouched(metadata)) || self.rules.skips_file(&folder.level, &path) {
            return;
        }
        let place = self.root.join(&path);
        let is_large = (AT_ONCE + 1..=HASH_LIMIT).contains(&metadata.len());
        if is_large {
            findings.large.push(Job { key: (id, name.clone()), place: place.clone() });
        }
        if is_large && before.is_some_and(|before| before.len() == metadata.len()) {
            // Only reading tells.
            return;
        }
        let now = if is_large { Stamp::unread(metadata) } else { Stamp::read(&place, metadata) };
        if !before.is_some_and(|before| before.same_content(&now)) {
            findings.changes.add_written(path, now.hash());
        }
        self.set_file(id, name.clone(), now);
    }

    /// Takes in what was read of a file beside this thread, and adds it when that is a change.
    pub(super) fn learn(&mut self, (id, name): &Key, now: Stamp, changes: &mut ChangeSet) {
        let Some(Node::File(before)) = self.node(*id, name) else { return };
        let is_first_read = before.hash().is_none() && before.same_attributes(&now);
        if !is_first_read && !before.same_content(&now) {
            let Some(path) = self.path_of(*id) else { return };
            changes.add_written(path.join(&**name), now.hash());
        }
        self.set_file(*id, name.clone(), now);
    }

    /// Files whose content nobody has read yet, of at most that size: those of the next folders after the given one, with the
    /// folder they end at.
    pub(super) fn unread_after(
        &self,
        after: Option<FolderId>,
        count: usize,
        largest: u64,
    ) -> (Vec<(Job, u64)>, Option<FolderId>) {
        let (mut unread, mut end) = (Vec::new(), after);
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        for (&id, folder) in self.folders.range((from, Bound::Unbounded)) {
            if unread.len() >= count {
                break;
            }
            end = Some(id);
            for (name, node) in &folder.nodes {
                let Node::File(stamp) = node else { continue };
                let key = || (id, name.clone());
                if stamp.is_unread()
                    && stamp.len() <= largest
                    && let Some(place) = self.place(&key())
                {
                    unread.push((Job { key: key(), place }, stamp.len()));
                }
            }
        }
        (unread, end)
    }

    /// Whether a folder has taken the name of a file since then.
    pub(super) fn has_replaced(&self) -> bool {
        !self.replaced.is_empty()
    }

    /// Files whose name a folder has taken since the last call; each is gone.
    pub(super) fn take_replaced(&mut self, changes: &mut ChangeSet) {
        for path in self.replaced.drain(..) {
            changes.add(path, Kind::Removed);
        }
    }

    /// The name is gone, and all that was below it.
    fn forget(&mut self, id: FolderId, name: &OsStr, watches: &mut dyn Watches, changes: &mut ChangeSet) {
        let Some(path) = self.path_of(id).map(|path| path.join(name)) else { return };
        let node = self.folders.get_mut(&id).and_then(|folder| folder.nodes.remove(name));
        match node {
            Some(Node::File(_)) => {
                self.files -= 1;
                changes.add(path, Kind::Removed);
            }
            Some(Node::Folder(inner)) => self.drop_folder(inner, path, watches, &mut |file| changes.add(file, Kind::Removed)),
            None => (),
        }
    }

    /// Takes a folder and all below it out of the tree, and names each file.
    fn drop_folder(&mut self, top: FolderId, path: PathBuf, watches: &mut dyn Watches, each: &mut dyn FnMut(PathBuf)) {
        let mut folders = vec![(top, path)];
        while let Some((id, path)) = folders.pop() {
            let Some(folder) = self.folders.remove(&id) else { continue };
            self.polled.remove(&id);
            self.left_out.remove(&id);
            self.linked -= usize::from(folder.is_linked);
            if folder.is_linked {
                self.links.release(&self.root.join(&path));
            }
            if let Some(watch) = folder.watch {
                watches.unwatch(id, watch);
            }
            for (name, node) in folder.nodes {
                match node {
                    Node::Folder(inner) => folders.push((inner, path.join(&*name))),
                    Node::File(_) => {
                        self.files -= 1;
                        each(path.join(&*name));
                    }
                }
            }
        }
    }

    fn set_file(&mut self, id: FolderId, name: Name, stamp: Stamp) {
        let Some(folder) = self.folders.get_mut(&id) else { return };
        self.files += usize::from(folder.nodes.insert(name, Node::File(stamp)).is_none());
    }

    fn set_watch(&mut self, id: FolderId, watch: Option<Watch>) {
        let Some(folder) = self.folders.get_mut(&id) else { return };
        folder.watch = watch;
        if folder.is_polled() {
            self.polled.insert(id);
        } else {
            self.polled.remove(&id);
        }
    }

    /// Relative to the root.
    fn path_of(&self, mut id: FolderId) -> Option<PathBuf> {
        let mut names = Vec::new();
        while id != FolderId::ROOT {
            let folder = self.folders.get(&id)?;
            names.push(&folder.name);
            id = folder.parent;
        }
        Some(names.into_iter().rev().map(|name| Path::new(&**name)).collect())
    }

    fn remember_left_out(&mut self, id: FolderId, name: &OsStr) {
        if self.remembered >= REMEMBERED {
            (self.remembered, self.left_out) = (0, HashMap::new());
        }
        self.remembered += 1;
        self.left_out.entry(id).or_default().insert(name.into());
    }
}

#[cfg(test)]
impl Tree {
    /// Fails unless both know the same folders and the same files with the same content.
    pub(super) fn assert_like(&self, other: &Self) {
        assert_eq!(self.contents(), other.contents());
        assert_eq!(self.size(), other.size());
    }

    /// The hash of each file, which is read where it was not; a folder has none.
    fn contents(&self) -> BTreeMap<PathBuf, Option<u64>> {
        let hash = |key: &Key, stamp: Stamp| {
            let place = self.place(key).expect("it hangs together");
            stamp.hash().or_else(|| Stamp::read(&place, &fs::metadata(&place).expect("it is there")).hash())
        };
        let mut contents = BTreeMap::new();
        for (&id, folder) in &self.folders {
            for (name, node) in &folder.nodes {
                let key = (id, name.clone());
                let held = if let Node::File(stamp) = node { hash(&key, *stamp) } else { None };
                contents.insert(self.place(&key).expect("it hangs together"), held);
            }
        }
        contents
    }
}
