//! A folder for one test, made from text and gone with the value.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicUsize, Ordering},
};

/// A temporary folder, links resolved.
pub(crate) struct TestFolder(PathBuf);

impl TestFolder {
    /// Files as `-- path --` lines, each followed by its content; a path that ends in `/` is a folder.
    pub(crate) fn new(files: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("everlit-test-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        let folder = Self(path.canonicalize().unwrap());
        folder.write(files);
        folder
    }

    fn write(&self, files: &str) {
        for part in files.split("-- ").map(str::trim_start).filter(|part| !part.is_empty()) {
            let (path, content) = part.split_once(" --").unwrap();
            let target = self.0.join(path);
            fs::create_dir_all(if path.ends_with('/') { &target } else { target.parent().unwrap() }).unwrap();
            if !path.ends_with('/') {
                fs::write(target, content.strip_prefix('\n').unwrap_or(content)).unwrap();
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TestFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
