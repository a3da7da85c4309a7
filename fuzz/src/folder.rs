//! Folders for one process, which whoever starts it removes: `scripts/fuzz` has them below a `TMPDIR` of its own.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
};

/// A new folder, links resolved, that ends with this name.
pub fn folder(name: &str) -> PathBuf {
    let path = env::temp_dir().join(format!("everlit-fuzz-{}", process::id())).join(name);
    fs::create_dir_all(&path).expect("a temporary folder can be made");
    path.canonicalize().expect("it is there")
}

/// Writes files into a folder, each with the folders above it.
pub fn fill(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder is above it")).expect("folders can be made");
        fs::write(path, text).expect("files can be written");
    }
}
