//! Files of a project for the person who works on it: not served, but shown around a mistake.

use std::path::{Component, Path};

use super::guard::Guard;

/// The longest source that is read to show a few lines of it, in bytes.
const LONGEST: u64 = 2 * 1024 * 1024;

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
