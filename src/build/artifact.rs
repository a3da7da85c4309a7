//! The file that a build leaves and the program is started from; [`Artifact`] is a copy that no later build overwrites.
//!
//! Copies are in `.everlit/generations/PID/NUMBER/`, `PID` being the session's. Each is gone with the last handle of its
//! [`Artifact`]; a session that was killed leaves its own behind for the next one to remove. Who runs is told by a lock on
//! `PID.lock`, which the system takes away from whoever is dead.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::fs::{FlockOperation, flock};
use xxhash_rust::xxh3::Xxh3;

use super::{
    builder::keep_out_of_git,
    program::{is_at, words},
};
use crate::{
    config::{CommandLine, Run},
    telemetry::Notices,
};

/// Where they are, below the program's folder.
const FOLDER: &str = ".everlit/generations";

/// The largest file that is copied: beyond it the copies of a few generations would fill a disk.
const LARGEST: u64 = 2 << 30;

/// Bytes read at once while hashing.
const CHUNK: usize = 256 * 1024;

/// The copy of a program; clones share it, and the last one removes it.
#[derive(Clone, Debug)]
pub struct Artifact(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    /// Where the build put it.
    original: PathBuf,
    copy: PathBuf,
    digest: u128,
}

impl Artifact {
    /// Whether both hold the same bytes.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.digest == other.0.digest
    }

    /// The command that runs the copy in place of the original, from `dir`.
    #[must_use]
    pub fn run(&self, run: &Run, dir: &Path) -> Run {
        let Kept { original, copy, .. } = &*self.0;
        Run::Command(match run {
            Run::BuiltExecutable => CommandLine::Argv(vec![copy.display().to_string()]),
            Run::Command(CommandLine::Argv(words)) => {
                let place = |word: &String| if dir.join(word) == *original { copy.display().to_string() } else { word.clone() };
                CommandLine::Argv(words.iter().map(place).collect())
            }
            Run::Command(CommandLine::Shell(line)) => {
                // The path from the project's folder has nothing in it that a shell would take for something else.
                let copy = copy.strip_prefix(dir).unwrap_or(copy).display().to_string();
                CommandLine::Shell(
                    words(line).map(|word| if is_at(word, original, dir) { copy.as_str() } else { word }).collect(),
                )
            }
        })
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(folder) = self.copy.parent() {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// Makes the copies of a session.
#[derive(Debug, Default)]
pub(super) struct Archive {
    home: Option<Home>,
    copies: u64,
    /// The newest one, and what its original looked like.
    last: Option<(Stamp, Artifact)>,
    is_swept: bool,
    /// What was said last of what cannot be copied.
    told: String,
}

/// The session's own folder.
#[derive(Debug)]
struct Home {
    folder: PathBuf,
    /// Held until the end.
    _lock: File,
}

/// What tells a file that was not written again.
type Stamp = (u64, u64, u64, (i64, i64), (i64, i64));

fn stamp(file: &Metadata) -> Stamp {
    (file.dev(), file.ino(), file.len(), (file.mtime(), file.mtime_nsec()), (file.ctime(), file.ctime_nsec()))
}

impl Archive {
    /// Copies what a build left, unless it is what the last one left. Reads and writes files.
    ///
    /// # Errors
    /// When it cannot be read or copied; the program can still be run from where it is.
    pub(super) fn keep(&mut self, original: PathBuf, dir: &Path) -> io::Result<Artifact> {
        let metadata = fs::metadata(&original)?;
        if metadata.len() > LARGEST {
            return Err(io::Error::other("it is larger than 2 GiB"));
        }
        let stamp = stamp(&metadata);
        if let Some((last, artifact)) = &self.last
            && (*last, &artifact.0.original) == (stamp, &original)
        {
            return Ok(artifact.clone());
        }
        let digest = hash(&original)?.digest128();
        if let Some((last, artifact)) = &mut self.last
            && (artifact.0.digest, &artifact.0.original) == (digest, &original)
        {
            *last = stamp;
            return Ok(artifact.clone());
        }
        let artifact = self.copy(original, digest, dir)?;
        self.last = Some((stamp, artifact.clone()));
        Ok(artifact)
    }

    /// Where the program was that was copied last.
    pub(super) fn last_original(&self) -> Option<&Path> {
        self.last.as_ref().map(|(_, artifact)| artifact.0.original.as_path())
    }

    /// Says once why there is no copy.
    pub(super) fn tell(&mut self, notices: &Notices, text: &str) {
        if self.told != text {
            self.told = text.to_owned();
            notices.warn(text);
        }
    }

    /// Removes, once, what sessions left behind that are gone.
    pub(super) fn sweep(&mut self, dir: &Path) {
        if !std::mem::replace(&mut self.is_swept, true) {
            sweep(&dir.join(FOLDER));
        }
    }

    fn copy(&mut self, original: PathBuf, digest: u128, dir: &Path) -> io::Result<Artifact> {
        self.copies += 1;
        let number = self.copies.to_string();
        let folder = self.home(dir)?.join(number);
        fs::create_dir_all(&folder)?;
        let copy = folder.join(original.file_name().unwrap_or_default());
        // From here on whatever goes wrong takes the folder along.
        let kept = Kept { original, copy, digest };
        fs::copy(&kept.original, &kept.copy)?;
        Ok(Artifact(Arc::new(kept)))
    }

    fn home(&mut self, dir: &Path) -> io::Result<&Path> {
        let home = match self.home.take() {
            Some(home) => home,
            None => Home::open(&dir.join(FOLDER))?,
        };
        Ok(&self.home.insert(home).folder)
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        self.last = None;
        if let Some(home) = &self.home {
            // Whoever still holds a copy keeps its folder; what is left is removed at the next start.
            let _ = fs::remove_dir(&home.folder).and_then(|()| fs::remove_file(lock_of(&home.folder)));
        }
    }
}

impl Home {
    fn open(generations: &Path) -> io::Result<Self> {
        keep_out_of_git(generations.parent().unwrap_or(generations));
        fs::create_dir_all(generations)?;
        let folder = generations.join(std::process::id().to_string());
        let lock = File::create(lock_of(&folder))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        // The number may have been a dead session's.
        let _ = fs::remove_dir_all(&folder);
        Ok(Self { folder, _lock: lock })
    }
}

fn sweep(generations: &Path) {
    let Ok(entries) = fs::read_dir(generations) else { return };
    for folder in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()) {
        let lock = lock_of(&folder);
        let is_free = File::create(&lock).is_ok_and(|lock| flock(lock, FlockOperation::NonBlockingLockExclusive).is_ok());
        if is_free {
            let _ = fs::remove_dir_all(&folder).and_then(|()| fs::remove_file(&lock));
        }
    }
}

fn lock_of(folder: &Path) -> PathBuf {
    folder.with_extension("lock")
}

/// The hash of a file's content, ready to be taken.
pub(super) fn hash(path: &Path) -> io::Result<Xxh3> {
    let mut file = File::open(path)?;
    let mut hasher = Xxh3::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hasher),
            read => hasher.update(&chunk[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::fixture::TestFolder;

    fn shell(line: &str) -> CommandLine {
        CommandLine::Shell(line.to_owned())
    }

    #[test]
    fn the_copy_is_run_in_place_of_the_original() {
        let kept = |original: &str| Kept { original: original.into(), copy: "/p/.everlit/generations/1/7/app".into(), digest: 0 };
        let check = |run: CommandLine, expected: &str| {
            let artifact = Artifact(Arc::new(kept("/p/bin/app")));
            let Run::Command(command) = artifact.run(&Run::Command(run), Path::new("/p")) else { unreachable!() };
            assert_eq!(command.to_string(), expected);
        };
        check(shell("./bin/app --data ./bin/app.db"), ".everlit/generations/1/7/app --data ./bin/app.db");
        check(shell("X=1 exec 'bin/app'; echo bin/app2"), "X=1 exec '.everlit/generations/1/7/app'; echo bin/app2");
        check(CommandLine::Argv(vec!["bin/app".into(), "x".into()]), "/p/.everlit/generations/1/7/app x");
    }

    /// The names in a folder.
    fn names_in(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn copies_are_made_once_and_gone_with_their_handles() {
        let project = TestFolder::new("-- app --\none\n");
        let (dir, original) = (project.path(), project.path().join("app"));
        let home = dir.join(FOLDER).join(std::process::id().to_string());
        let mut archive = Archive::default();
        let first = archive.keep(original.clone(), dir).unwrap();
        fs::write(&original, "two\n").unwrap();
        let second = archive.keep(original.clone(), dir).unwrap();
        fs::write(&original, "two\n").unwrap();
        let third = archive.keep(original.clone(), dir).unwrap();
        assert!(!second.is_same(&first) && third.is_same(&second));
        assert_eq!(names_in(&home), ["1", "2"]);
        assert_eq!(fs::read_to_string(&first.0.copy).unwrap(), "one\n", "the build that followed did not touch it");
        drop(first);
        assert_eq!(names_in(&home), ["2"]);
        drop((second, third, archive));
        assert!(names_in(&dir.join(FOLDER)).is_empty());
        assert_eq!(fs::read_to_string(dir.join(".everlit/.gitignore")).unwrap(), "*\n");
    }

    #[test]
    fn only_what_the_dead_left_is_removed() {
        let project =
            TestFolder::new("-- app --\n1\n-- .everlit/generations/1/3/app --\n1\n-- .everlit/generations/2/3/app --\n1\n");
        let generations = project.path().join(FOLDER);
        let alive = File::create(generations.join("2.lock")).unwrap();
        flock(&alive, FlockOperation::NonBlockingLockExclusive).unwrap();
        sweep(&generations);
        assert_eq!(names_in(&generations), ["2", "2.lock"]);
    }
}
