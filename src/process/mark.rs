//! The marks by which processes of ours are known again: variables that all they start inherits, wherever it moved. Read from
//! `/proc`; without one nobody is known.

use std::{
    ffi::OsStr,
    fs,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

use super::handle::Identity;

/// Names the run of Everlit and the project it serves.
const SESSION: &str = "EVERLIT_SESSION";

/// Names the keeper that started the command.
pub(super) const KEEPER: &str = "EVERLIT_KEEPER";

/// A run of Everlit on a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) everlit: Identity,
    pub(super) root: PathBuf,
}

impl Session {
    /// The variable that marks what this process starts for a project; `None` where processes have no identity.
    pub(super) fn variable(root: &Path) -> Option<(String, String)> {
        let everlit = Identity::of(std::process::id())?;
        Some((SESSION.to_owned(), format!("{everlit}:{}", root.to_str()?)))
    }

    /// The one that a process belongs to.
    pub(super) fn of(environment: &Environment) -> Option<Self> {
        let value = environment.get(SESSION)?;
        let colon = value.iter().position(|byte| *byte == b':')?;
        let everlit = Identity::parse(str::from_utf8(&value[..colon]).ok()?)?;
        Some(Self { everlit, root: PathBuf::from(OsStr::from_bytes(&value[colon + 1..])) })
    }
}

/// The variables a process was started with.
pub(super) struct Environment(Vec<u8>);

impl Environment {
    /// Of a process that may be looked at and counts its processes as we do: in a container the same numbers are others.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
        let environment = fs::read(format!("/proc/{pid}/environ")).ok().filter(|environment| !environment.is_empty())?;
        (namespace(&pid.to_string()) == namespace("self")).then_some(Self(environment))
    }

    /// The keeper that started it.
    pub(super) fn keeper(&self) -> Option<Identity> {
        Identity::parse(str::from_utf8(self.get(KEEPER)?).ok()?)
    }

    fn get(&self, name: &str) -> Option<&[u8]> {
        let variables = self.0.split(|byte| *byte == 0);
        variables.filter_map(|variable| variable.strip_prefix(name.as_bytes())?.strip_prefix(b"=")).next()
    }
}

/// Every process that there is.
pub(super) fn processes() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The words a process was started with; untrusted text.
pub(super) fn command_line(pid: u32) -> String {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = std::ffi::OsString::from_vec(words).to_string_lossy().into_owned();
    words.split('\0').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_carries_its_marks() {
        let root = Path::new("/a: b");
        let (name, value) = Session::variable(root).unwrap();
        let ours = Identity::of(std::process::id()).unwrap();
        let mut child = Command::new("sleep").arg("600").env(name, value).env(KEEPER, ours.to_string()).spawn().unwrap();
        // A program that is just being loaded has none yet.
        let environment = loop {
            if let Some(environment) = Environment::of(child.id()) {
                break environment;
            }
        };
        assert_eq!(Session::of(&environment), Some(Session { everlit: ours, root: root.to_owned() }));
        assert_eq!(environment.keeper(), Some(ours));
        assert!(processes().contains(&child.id()));
        assert_eq!(command_line(child.id()), "sleep 600");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(Environment::of(child.id()).is_none());
    }
}
