//! Files of a project for the person who works on it: not served, but opened in an editor or shown around a mistake.

use std::path::{Component, Path, PathBuf};

use super::{beneath, guard::Guard};

/// The longest source that is read to show a few lines of it, in bytes.
const LONGEST: u64 = 2 * 1024 * 1024;

/// The absolute name, links resolved, of a regular file beneath `root`; `None` when there is none, or when `relative` is no plain
/// relative name or leads out.
pub(crate) fn find_file(root: &Path, relative: &Path) -> Option<PathBuf> {
    let is_plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
    let opened = is_plain.then(|| beneath::open(root, relative).ok())??;
    opened.metadata.is_file().then(|| root.join(opened.name))
}

/// The text of a file beneath `root` that whoever sees the project's pages may see as well; `None` for secrets and settings, as
/// for what is not there.
pub(crate) fn shown_text(root: &Path, relative: &Path) -> Option<String> {
    let segments: Option<Vec<_>> = relative
        .components()
        .map(|part| match part {
            Component::Normal(name) => name.to_str(),
            _ => None,
        })
        .collect();
    Guard::new(root, &[]).read(&segments?, LONGEST).ok()
}
