//! What the environment says of editors, terminals and screens. `cli` reads it once.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use crate::config::EditorCommand;

/// The variables that are looked at.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// `VISUAL`, then `EDITOR`: what is there, in the order in which it counts.
    pub(super) preferred: Vec<EditorCommand>,
    /// Where programs are.
    pub(super) path: OsString,
    /// `TERM_PROGRAM`: the terminal that Everlit runs in; some editors have one inside.
    pub(super) term_program: String,
    /// What else says in which editor's terminal Everlit runs, as `name=value`.
    pub(super) host: Vec<(&'static str, String)>,
    /// Whether windows can be shown.
    pub(super) display: bool,
    /// Whether it runs inside of tmux, screen, Zellij or WezTerm.
    pub(super) multiplexers: Vec<&'static str>,
}

/// Editors whose own terminals say so.
const HOSTS: [&str; 4] = ["TERMINAL_EMULATOR", "ZED_TERM", "INSIDE_EMACS", "VSCODE_GIT_ASKPASS_NODE"];

/// What is set inside of a multiplexer.
const MULTIPLEXERS: [&str; 4] = ["TMUX", "STY", "ZELLIJ", "WEZTERM_PANE"];

impl Surroundings {
    /// Reads variables through `get`; an empty one counts as absent.
    pub fn from_env(get: impl Fn(&str) -> Option<OsString>) -> Self {
        let read = |name: &str| get(name).filter(|value| !value.is_empty());
        let text = |name: &str| read(name).map(|value| value.to_string_lossy().into_owned());
        let is_set = |name: &&str| read(name).is_some();
        Self {
            preferred: ["VISUAL", "EDITOR"].into_iter().filter_map(text).filter_map(|text| text.parse().ok()).collect(),
            path: read("PATH").unwrap_or_default(),
            term_program: text("TERM_PROGRAM").unwrap_or_default(),
            host: HOSTS.into_iter().filter_map(|name| Some((name, text(name)?))).collect(),
            display: cfg!(target_os = "macos") || ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(is_set),
            multiplexers: MULTIPLEXERS.into_iter().filter(is_set).collect(),
        }
    }

    /// The value of a variable of [`HOSTS`].
    pub(super) fn host(&self, name: &str) -> Option<&str> {
        self.host.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// The program of this name on the search path, or the name itself where it has a folder.
    pub(super) fn find(&self, program: &OsStr) -> Option<PathBuf> {
        if Path::new(program).components().count() > 1 {
            return Some(PathBuf::from(program)).filter(|path| is_program(path));
        }
        env::split_paths(&self.path).map(|folder| folder.join(program)).find(|path| is_program(path))
    }
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}
