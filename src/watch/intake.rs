//! What an event means for the saves that are going on.

use std::{fs, os::unix::fs::MetadataExt, path::Path, time::Instant};

use super::{
    event::{Event, What},
    folder::Node,
    pending::{Key, Pending, Phase},
    temporaries::{is_rsyncs, is_temporary},
    tree::Tree,
};

/// A folder that has appeared, and must be watched and listed.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) key: Key,
    /// With all it holds, for it was renamed.
    pub(super) is_complete: bool,
}

/// What a new name is.
enum Shape {
    /// A link to a folder.
    LinkToFolder,
    /// A link, of whatever kind: nobody writes it.
    Complete,
    /// Somebody may be writing it.
    Open,
}

/// Takes in one event. Of what is left out nothing is kept.
pub(super) fn note(event: &Event<'_>, tree: &mut Tree, pending: &mut Pending, arrivals: &mut Vec<Arrival>, at: Instant) {
    let known = tree.node(event.folder, event.name);
    if event.is_folder || matches!(known, Some(Node::Folder(_))) {
        note_folder(event, known, pending, arrivals, at);
    } else if tree.heeds(event.folder, event.name) {
        note_file(event, known.is_some(), tree, pending, arrivals, at);
    } else if event.what == What::Arrived && event.name.to_str().is_some_and(is_temporary) {
        pending.set_aside();
    }
}

fn note_folder(event: &Event<'_>, known: Option<Node>, pending: &mut Pending, arrivals: &mut Vec<Arrival>, at: Instant) {
    let key = (event.folder, event.name.into());
    match (event.what, known) {
        (What::Created | What::Arrived, _) if event.is_folder => {
            arrivals.push(Arrival { key, is_complete: event.what == What::Arrived });
        }
        // What was below it went before it.
        (What::Deleted, Some(Node::Folder(folder))) => {
            pending.forget_folder(folder);
            pending.complete(key, at);
        }
        (What::Left, Some(_)) => pending.wait_for(key, Phase::Gone, at),
        // A file has taken the name of a folder.
        (What::Created | What::Arrived | What::Closed, Some(_)) => pending.complete(key, at),
        _ => (),
    }
}

fn note_file(event: &Event<'_>, is_known: bool, tree: &Tree, pending: &mut Pending, arrivals: &mut Vec<Arrival>, at: Instant) {
    let key: Key = (event.folder, event.name.into());
    let shape = || tree.place(&key).map_or(Shape::Open, |place| shape(&place));
    match event.what {
        What::Created | What::Arrived => match (shape(), event.what) {
            (Shape::LinkToFolder, _) => arrivals.push(Arrival { key, is_complete: true }),
            (Shape::Open, What::Created) => pending.wait_for(key, Phase::Open, at),
            _ if is_known => pending.complete(key, at),
            _ => pending.complete_one_of_several(key, at),
        },
        What::Written => pending.wait_for(key, Phase::Open, at),
        What::Closed if is_known => pending.complete(key, at),
        // It is about to be renamed over another one, sooner or later.
        What::Closed if event.name.to_str().is_some_and(is_rsyncs) => pending.wait_for(key, Phase::Open, at),
        What::Closed => pending.complete_one_of_several(key, at),
        What::Touched if pending.is_waiting(&key) => (),
        What::Touched => pending.complete(key, at),
        What::Deleted if is_known => pending.wait_for(key, Phase::Deleted, at),
        What::Left if is_known => pending.wait_for(key, Phase::Gone, at),
        // What a save was written to first. Only a file that was there can be half of its own save.
        What::Deleted | What::Left => {
            if event.name.to_str().is_some_and(is_rsyncs) {
                pending.expect_more();
            }
            pending.forget(&key);
        }
    }
}

fn shape(place: &Path) -> Shape {
    match fs::symlink_metadata(place) {
        Ok(metadata) if metadata.is_symlink() && place.is_dir() => Shape::LinkToFolder,
        Ok(metadata) if metadata.is_symlink() || metadata.nlink() > 1 => Shape::Complete,
        _ => Shape::Open,
    }
}
