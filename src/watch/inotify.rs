//! Linux's own engine: one descriptor that is read by the thread that acts on it.
//!
//! Folders are watched one by one; which they are is the tree's affair. Opening and reading files causes no events, and a folder
//! that is deleted is forgotten in no time, however many there are.

use std::{
    collections::HashMap,
    ffi::OsStr,
    io,
    mem::MaybeUninit,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

use rustix::{
    fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags},
    io::Errno,
};

use super::{
    engine::Signal,
    event::{Event, What},
    folder::{FolderId, Watch},
};

/// Bytes read at a time: some five thousand events, so that a storm costs few calls. Only what is used takes memory.
const BUFFER: usize = 256 * 1024;

/// What a change is. Not among them: opening, reading, closing what was only read.
const CHANGES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::EXCL_UNLINK);

/// Of the root, whose folder nobody watches: that it is moved or deleted itself.
const ITSELF: WatchFlags = WatchFlags::DELETE_SELF.union(WatchFlags::MOVE_SELF);

pub(super) struct Inotify {
    descriptor: OwnedFd,
    folders: HashMap<Watch, FolderId>,
    buffer: Vec<MaybeUninit<u8>>,
}

impl Inotify {
    pub(super) fn new() -> io::Result<Self> {
        let descriptor = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        Ok(Self { descriptor, folders: HashMap::new(), buffer: vec![MaybeUninit::uninit(); BUFFER] })
    }

    /// Watches the folder at a place, which the tree says it is.
    pub(super) fn watch(&mut self, folder: FolderId, place: &Path) -> io::Result<Watch> {
        let flags = if folder == FolderId::ROOT { CHANGES.union(ITSELF) } else { CHANGES };
        let watch = inotify::add_watch(&self.descriptor, place, flags)?;
        self.folders.insert(watch, folder);
        Ok(watch)
    }

    /// A folder that was renamed keeps its watch, which is another's in the tree then.
    pub(super) fn unwatch(&mut self, folder: FolderId, watch: Watch) {
        if self.folders.get(&watch) == Some(&folder) {
            self.folders.remove(&watch);
            // It has ended by itself where the folder is gone.
            let _ = inotify::remove_watch(&self.descriptor, watch);
        }
    }

    /// Hands on what has come in, as much as fits in one read; whether there was anything.
    pub(super) fn read(&mut self, each: &mut dyn FnMut(Signal<'_>)) -> bool {
        let mut reader = Reader::new(&self.descriptor, &mut self.buffer);
        loop {
            match reader.next() {
                Ok(event) => hand_on(&event, &mut self.folders, each),
                Err(Errno::INTR) => continue,
                Err(_) => return false,
            }
            if reader.is_buffer_empty() {
                return true;
            }
        }
    }
}

/// Readable once something has come in.
impl AsFd for Inotify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

fn hand_on(event: &inotify::Event<'_>, folders: &mut HashMap<Watch, FolderId>, each: &mut dyn FnMut(Signal<'_>)) {
    let flags = event.events();
    if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
        return each(Signal::Lost);
    }
    let Some(&folder) = folders.get(&event.wd()) else { return };
    if flags.contains(ReadFlags::UNMOUNT) {
        each(Signal::Unmounted(folder));
    }
    if flags.contains(ReadFlags::IGNORED) {
        folders.remove(&event.wd());
        return each(Signal::Ended(folder, event.wd()));
    }
    if folder == FolderId::ROOT && flags.intersects(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF) {
        return each(Signal::RootMoved);
    }
    if let (Some(name), Some(what)) = (event.file_name(), what(flags)) {
        let (name, is_folder) = (OsStr::from_bytes(name.to_bytes()), flags.contains(ReadFlags::ISDIR));
        each(Signal::Event(Event { folder, name, what, is_folder }));
    }
}

fn what(flags: ReadFlags) -> Option<What> {
    let table = [
        (ReadFlags::CREATE, What::Created),
        (ReadFlags::MODIFY, What::Written),
        (ReadFlags::CLOSE_WRITE, What::Closed),
        (ReadFlags::MOVED_TO, What::Arrived),
        (ReadFlags::ATTRIB, What::Touched),
        (ReadFlags::DELETE, What::Deleted),
        (ReadFlags::MOVED_FROM, What::Left),
    ];
    table.into_iter().find(|(flag, _)| flags.contains(*flag)).map(|(_, what)| what)
}
