//! Finding what may be different: the walk.
//!
//! A folder is watched first and listed after, so that nothing written in between is missed. What is left out is never entered.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs::{self, DirEntry},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Folder, FolderId, Key, Level, Name, Node, Stamp, Tree, Watches};
use crate::watch::{event::What, links::LINKED_FOLDERS, mounts::Mounts, rules::is_rule_file};

/// A name that may be different from the last look.
#[derive(Debug)]
pub(in crate::watch) struct Suspect {
    pub(in crate::watch) key: Key,
    /// It was known and is gone.
    pub(in crate::watch) is_gone: bool,
    /// It is there and empty.
    pub(in crate::watch) is_empty: bool,
}

/// What a folder is found to hold.
#[derive(Debug)]
pub(in crate::watch) struct Compared {
    /// Names that are different, and which of them are folders.
    pub(in crate::watch) different: Vec<(Name, What, bool)>,
    /// How many names were looked at.
    pub(in crate::watch) seen: usize,
}

/// One entry of a folder.
struct Entry {
    name: Name,
    kind: Kind,
}

enum Kind {
    File(Stamp),
    Folder,
    /// A link to a folder, which is followed.
    Link,
    LeftOut,
}

impl Tree {
    /// Compares the whole tree with the last look, and watches what is not watched yet. The first time all is new: then it names
    /// the files that were saved since the tree was made, for their folders may not have been watched, so that no event tells.
    pub(in crate::watch) fn scan(&mut self, watches: &mut dyn Watches) -> Vec<Suspect> {
        self.mounts = Mounts::now();
        let real_root = self.root.canonicalize().unwrap_or_else(|_| self.root.clone());
        let kind = self.mounts.shared(&real_root).map(str::to_owned);
        if let Some(root) = self.folders.get_mut(&FolderId::ROOT) {
            root.level = Level::none();
            if let Some(kind) = kind.filter(|_| !root.is_shared) {
                root.is_shared = true;
                self.shared.push((self.root.clone(), kind));
            }
        }
        let suspects = self.scan_below(FolderId::ROOT, PathBuf::new(), watches);
        self.since = None;
        suspects
    }

    /// Takes a folder that has appeared, or may be another of the same name, and names all in it that may be different.
    pub(in crate::watch) fn adopt(&mut self, id: FolderId, name: &OsStr, watches: &mut dyn Watches) -> Vec<Suspect> {
        let Some(path) = self.path_of(id).map(|path| path.join(name)) else { return Vec::new() };
        let Some(folder) = self.folders.get(&id) else { return Vec::new() };
        let (level, place) = (Arc::clone(&folder.level), self.root.join(&path));
        let is_link = place.is_symlink();
        if !place.is_dir() {
            return Vec::new();
        }
        if self.rules.skips_folder(&level, &path) || (is_link && !self.links.follow(&place)) {
            return Vec::new();
        }
        let kind = if is_link { Kind::Link } else { Kind::Folder };
        let Some(inner) = self.set_folder(id, &path, name.into(), &kind) else { return Vec::new() };
        self.scan_below(inner, path, watches)
    }

    fn scan_below(&mut self, top: FolderId, path: PathBuf, watches: &mut dyn Watches) -> Vec<Suspect> {
        let (mut folders, mut suspects) = (vec![(top, path)], Vec::new());
        while let Some((id, path)) = folders.pop() {
            self.watch(id, &path, watches);
            self.scan_folder(id, &path, watches, &mut folders, &mut suspects);
        }
        suspects
    }

    fn watch(&mut self, id: FolderId, path: &Path, watches: &mut dyn Watches) {
        let before = self.folders.get(&id).and_then(|folder| folder.watch);
        let watch = watches.watch(id, &self.root.join(path));
        if let Some(before) = before.filter(|_| before != watch) {
            // Another folder has this name by now.
            watches.unwatch(id, before);
        }
        self.set_watch(id, watch);
    }

    /// Compares one folder with the last look.
    fn scan_folder(
        &mut self,
        id: FolderId,
        path: &Path,
        watches: &mut dyn Watches,
        folders: &mut Vec<(FolderId, PathBuf)>,
        suspects: &mut Vec<Suspect>,
    ) {
        let entries = self.list(id, path);
        let mut gone = self.names(id);
        for Entry { name, kind } in entries {
            gone.remove(&name);
            match kind {
                Kind::LeftOut => self.drop_silently(id, path, &name, watches),
                Kind::File(now) => self.meet_file(id, name, now, suspects),
                Kind::Folder | Kind::Link => {
                    let inner_path = path.join(&*name);
                    let inner = self.set_folder(id, &inner_path, name, &kind);
                    folders.extend(inner.map(|inner| (inner, inner_path)));
                }
            }
        }
        suspects.extend(gone.into_iter().map(|name| Suspect { key: (id, name), is_gone: true, is_empty: false }));
    }

    fn meet_file(&mut self, id: FolderId, name: Name, now: Stamp, suspects: &mut Vec<Suspect>) {
        let is_suspect = match (self.node(id, &name), self.since) {
            (Some(Node::File(before)), _) => !before.is_untouched_like(&now),
            (None, Some(since)) => {
                let is_saved = now.is_since(since);
                self.set_file(id, name.clone(), if is_saved { Stamp::UNKNOWN } else { now });
                is_saved
            }
            _ => true,
        };
        if is_suspect {
            suspects.push(Suspect { key: (id, name), is_gone: false, is_empty: now.len() == 0 });
        }
    }

    /// What a folder holds. Reads its rules.
    fn list(&mut self, id: FolderId, path: &Path) -> Vec<Entry> {
        // A folder that vanished meanwhile, or may not be read, has nothing to tell.
        let place = self.root.join(path);
        let listed: Vec<_> = fs::read_dir(&place).into_iter().flatten().flatten().collect();
        let Some(level) = self.set_level(id, &place, &listed) else { return Vec::new() };
        let entry = |entry: DirEntry| Some(Entry { kind: self.kind(&entry, path, &level)?, name: entry.file_name().into() });
        listed.into_iter().filter_map(entry).collect()
    }

    fn set_level(&mut self, id: FolderId, place: &Path, listed: &[DirEntry]) -> Option<Arc<Level>> {
        let parent = self.folders.get(&id)?.parent;
        let above =
            Arc::clone(if id == FolderId::ROOT { &self.folders.get(&id)?.level } else { &self.folders.get(&parent)?.level });
        let has_rules = listed.iter().any(|entry| is_rule_file(&entry.file_name()));
        let level = if has_rules { Level::read(place, Some(&above)) } else { above };
        self.left_out.remove(&id);
        self.folders.get_mut(&id)?.level = Arc::clone(&level);
        Some(level)
    }

    /// What an entry is; `None` when it is neither a file nor a folder, or gone again.
    fn kind(&mut self, entry: &DirEntry, path: &Path, level: &Level) -> Option<Kind> {
        let (kind, path) = (entry.file_type().ok()?, path.join(entry.file_name()));
        if kind.is_dir() {
            return Some(if self.rules.skips_folder(level, &path) { Kind::LeftOut } else { Kind::Folder });
        }
        if kind.is_symlink() {
            return self.kind_of_link(&path, level);
        }
        if kind.is_file() && self.rules.skips_file(level, &path) {
            return Some(Kind::LeftOut);
        }
        let metadata = if kind.is_file() { entry.metadata().ok()? } else { return None };
        Some(Kind::File(Stamp::unread(&metadata)))
    }

    fn kind_of_link(&mut self, path: &Path, level: &Level) -> Option<Kind> {
        let place = self.root.join(path);
        // A link that leads nowhere, or round in a circle, has no attributes.
        let metadata = fs::metadata(&place).ok()?;
        if metadata.is_dir() {
            let is_followed = !self.rules.skips_folder(level, path) && self.links.follow(&place);
            return Some(if is_followed { Kind::Link } else { Kind::LeftOut });
        }
        if self.rules.skips_file(level, path) {
            return Some(Kind::LeftOut);
        }
        metadata.is_file().then(|| Kind::File(Stamp::unread(&metadata)))
    }

    /// The folder of that name, which is new unless it is known.
    fn set_folder(&mut self, id: FolderId, path: &Path, name: Name, kind: &Kind) -> Option<FolderId> {
        if let Some(Node::Folder(known)) = self.node(id, &name) {
            return Some(known);
        }
        let parent = self.folders.get(&id)?;
        let is_linked = parent.is_linked || matches!(kind, Kind::Link);
        if is_linked && self.linked >= LINKED_FOLDERS {
            return None;
        }
        let shared = self.lies_on_shared(path, kind).filter(|_| !parent.is_shared).map(str::to_owned);
        let is_shared = parent.is_shared || shared.is_some();
        let folder = Folder { is_shared, is_linked, ..Folder::new(id, name.clone(), Arc::clone(&parent.level)) };
        self.shared.extend(shared.map(|kind| (self.root.join(path), kind)));
        self.last = self.last.next();
        self.linked += usize::from(is_linked);
        let before = self.folders.get_mut(&id)?.nodes.insert(name, Node::Folder(self.last));
        if let Some(Node::File(_)) = before {
            self.files -= 1;
            self.replaced.push(path.to_owned());
        }
        self.folders.insert(self.last, folder);
        Some(self.last)
    }

    /// The type of the file system that is mounted there, or that a link leads to, when others change it.
    fn lies_on_shared(&self, path: &Path, kind: &Kind) -> Option<&str> {
        let place = self.root.join(path);
        match kind {
            Kind::Link => self.mounts.shared(&place.canonicalize().ok()?),
            _ if self.mounts.begins_at(&place) => self.mounts.shared(&place),
            _ => None,
        }
    }

    fn names(&self, id: FolderId) -> BTreeSet<Name> {
        self.folders.get(&id).map(|folder| folder.nodes.keys().cloned().collect()).unwrap_or_default()
    }

    /// What is left out by now was not removed.
    fn drop_silently(&mut self, id: FolderId, path: &Path, name: &OsStr, watches: &mut dyn Watches) {
        let node = self.folders.get_mut(&id).and_then(|folder| folder.nodes.remove(name));
        match node {
            Some(Node::File(_)) => self.files -= 1,
            Some(Node::Folder(inner)) => self.drop_folder(inner, path.join(name), watches, &mut drop),
            None => (),
        }
    }

    /// Compares one folder, without those in it, with the last look: what a watch would have told.
    pub(in crate::watch) fn compare(&mut self, id: FolderId) -> Compared {
        let mut compared = Compared { different: Vec::new(), seen: 1 };
        let Some(path) = self.path_of(id) else { return compared };
        let entries: Vec<_> = fs::read_dir(self.root.join(&path)).into_iter().flatten().flatten().collect();
        let mut known = 0;
        for entry in &entries {
            let name = entry.file_name();
            compared.seen += 1;
            known += usize::from(self.node(id, &name).is_some());
            if let Some((what, is_folder)) = self.compare_entry(id, &path, &name, entry) {
                compared.different.push((name.into(), what, is_folder));
            }
        }
        let Some(folder) = self.folders.get(&id).filter(|folder| folder.nodes.len() > known) else { return compared };
        let listed: BTreeSet<Name> = entries.iter().map(|entry| entry.file_name().into()).collect();
        let gone = folder.nodes.iter().filter(|(name, _)| !listed.contains(*name));
        compared.different.extend(gone.map(|(name, node)| (name.clone(), What::Deleted, matches!(node, Node::Folder(_)))));
        compared
    }

    fn compare_entry(&mut self, id: FolderId, path: &Path, name: &OsStr, entry: &DirEntry) -> Option<(What, bool)> {
        let node = self.node(id, name);
        let kind = entry.file_type().ok()?;
        if kind.is_dir() || (kind.is_symlink() && entry.path().is_dir()) {
            let is_known = matches!(node, Some(Node::Folder(_)));
            let level = Arc::clone(&self.folders.get(&id)?.level);
            let is_new = !is_known && !kind.is_symlink() && !self.rules.skips_folder(&level, &path.join(name));
            return is_new.then_some((What::Created, true));
        }
        if !self.heeds(id, name) {
            return None;
        }
        let metadata = if kind.is_symlink() { fs::metadata(entry.path()) } else { entry.metadata() };
        let metadata = metadata.ok().filter(fs::Metadata::is_file)?;
        match node {
            Some(Node::File(before)) if before.is_as_seen(&Stamp::unread(&metadata)) => None,
            _ => Some((What::Written, false)),
        }
    }
}
