//! Where the things of a user are kept that belong to no project.

use std::{env, path::PathBuf};

use crate::tls::store::Places;

/// The folder for what lasts and is no setting: `$XDG_STATE_HOME/everlit`, or where the system has it. `None` without a home.
pub(super) fn state() -> Option<PathBuf> {
    if cfg!(target_os = "macos") {
        return Some(home()?.join("Library/Application Support/everlit"));
    }
    Some(named("XDG_STATE_HOME", ".local/state")?.join("everlit"))
}

/// Where the stores of whom to trust are. `None` without a home.
pub(super) fn places() -> Option<Places> {
    Some(Places {
        home: home()?,
        data: named("XDG_DATA_HOME", ".local/share")?,
        config: named("XDG_CONFIG_HOME", ".config")?,
        path: env::var_os("PATH").unwrap_or_default(),
        is_root: rustix::process::geteuid().is_root(),
    })
}

fn home() -> Option<PathBuf> {
    env::home_dir().filter(|home| home.is_absolute())
}

/// The folder that a variable names, or the one below the home. A relative one is to be ignored (XDG Base Directory Specification).
fn named(variable: &str, below_home: &str) -> Option<PathBuf> {
    let named = env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| home().map(|home| home.join(below_home)))
}
