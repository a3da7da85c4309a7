//! Runs the programs that keep the stores.

use std::{
    env,
    ffi::OsStr,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long one may take. Rebuilding the system's list takes seconds on a slow disk; one that asks for a password has no terminal.
const LIMIT: Duration = Duration::from_secs(60);

/// How often it is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The most that is read of what it says.
const LARGEST: u64 = 1024 * 1024;

/// Where administrators' programs are, which not everybody has in `PATH`.
const ADMINISTRATION: [&str; 3] = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

/// The file of a program.
pub(super) fn find(name: &str, path: &OsStr) -> Option<PathBuf> {
    let folders = env::split_paths(path).chain(ADMINISTRATION.iter().map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// What a program wrote; the last line of its complaint when it failed.
pub(super) fn run(program: &Path, args: &[&OsStr]) -> Result<String, String> {
    let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("{name} does not start: {error}"))?;
    let said = child.stdout.take().map(|pipe| thread::spawn(move || text(pipe)));
    let complained = child.stderr.take().map(|pipe| thread::spawn(move || text(pipe)));
    let began = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if began.elapsed() < LIMIT => thread::sleep(LOOK_AGAIN),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{name} did not end within {} s", LIMIT.as_secs()));
            }
            Err(error) => return Err(format!("{name} is lost: {error}")),
        }
    };
    let read = |pipe: Option<thread::JoinHandle<String>>| pipe.and_then(|pipe| pipe.join().ok()).unwrap_or_default();
    let (said, complained) = (read(said), read(complained));
    if status.success() {
        return Ok(said);
    }
    let last = complained.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it says no more");
    Err(format!("{name} failed: {}", last.trim()))
}

fn text(pipe: impl Read) -> String {
    let mut bytes = Vec::new();
    let _ = pipe.take(LARGEST).read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}
