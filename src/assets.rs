//! The files of `static/` and `templates/` that are part of the program.
//!
//! In a debug build they are read from the source tree at each use, so that a change shows at once; in a release build they
//! are embedded in the binary.

use std::borrow::Cow;

use rust_embed::{Embed, EmbeddedFile};

/// What browsers load from us: the client runtime and its like.
#[derive(Embed)]
#[folder = "static/"]
struct Static;

/// Pages we render ourselves, and the starter project below `starter/`.
#[derive(Embed)]
#[folder = "templates/"]
struct Templates;

/// The bytes of a file in `static/`.
pub(crate) fn static_file(path: &str) -> Option<Cow<'static, [u8]>> {
    Static::get(path).map(|file: EmbeddedFile| file.data)
}

/// The texts of the files of `static/` below `folder/`, one after the other in the order of their names.
pub(crate) fn static_texts(folder: &str) -> String {
    let prefix = format!("{folder}/");
    let mut paths: Vec<_> = Static::iter().filter(|path| path.starts_with(&prefix)).collect();
    paths.sort_unstable();
    paths.iter().filter_map(|path| Static::get(path)).map(|file| String::from_utf8_lossy(&file.data).into_owned()).collect()
}

/// The text of a file in `templates/`.
pub(crate) fn template(path: &str) -> Option<String> {
    Templates::get(path).map(|file| String::from_utf8_lossy(&file.data).into_owned())
}

/// The files of `templates/` below `folder/`, with their paths relative to it.
pub(crate) fn templates_below(folder: &str) -> Vec<(String, Cow<'static, [u8]>)> {
    let prefix = format!("{folder}/");
    Templates::iter()
        .filter_map(|path| {
            let name = path.strip_prefix(&prefix)?.to_owned();
            Some((name, Templates::get(&path)?.data))
        })
        .collect()
}
