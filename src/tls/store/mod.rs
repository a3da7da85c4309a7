//! The stores in which systems and browsers keep whom they trust.
//!
//! [`trust`] brings our authority into each store of this machine that its user may write, [`untrust`] takes it out again, and neither
//! does anything twice. What needs other rights is answered as the commands that do it. No store is judged as a whole: each says for
//! itself what became of it, so that one that fails keeps no other from being done.

mod nss;
mod run;
mod system;

use std::{ffi::OsString, path::PathBuf};

use super::Authority;

/// Where this user's stores are.
#[derive(Clone, Debug)]
pub struct Places {
    /// The user's home.
    pub home: PathBuf,
    /// For data that programs keep: `$XDG_DATA_HOME`.
    pub data: PathBuf,
    /// For settings: `$XDG_CONFIG_HOME`.
    pub config: PathBuf,
    /// Where programs are.
    pub path: OsString,
    /// Whether this user may write everywhere.
    pub is_root: bool,
}

/// Which stores are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    All,
    /// Those of browsers alone, which need no rights.
    Browsers,
}

/// What became of one store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Which one, in words.
    pub store: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is as asked now.
    Done,
    /// It was as asked before.
    Already,
    /// These commands do it; each is one line for a shell.
    NeedsRoot(Vec<String>),
    /// Why it is not as asked, and what to do.
    Failed(String),
}

/// Has every store trust the authority.
#[must_use]
pub fn trust(authority: &Authority, places: &Places, scope: Scope) -> Vec<Told> {
    let system = (scope == Scope::All).then(|| system::trust(authority, places));
    system.into_iter().flatten().chain(nss::trust(authority, places)).collect()
}

/// Has no store trust an authority of ours any more. In stores of the user's own all of ours are taken out, also those whose key is
/// gone; in that of the system only `authority`, for the others may be another user's.
#[must_use]
pub fn untrust(authority: Option<&Authority>, places: &Places, scope: Scope) -> Vec<Told> {
    let system = (scope == Scope::All).then(|| system::untrust(authority, places));
    system.into_iter().flatten().chain(nss::untrust(places)).collect()
}

/// The stores of browsers that do not trust the authority; where no browser has one, that of the system.
#[must_use]
pub fn unaware(authority: &Authority, places: &Places) -> Vec<String> {
    match nss::knowing(authority, places) {
        stores if stores.is_empty() => system::unaware(authority, places).into_iter().collect(),
        stores => stores.into_iter().filter(|(_, knows)| !knows).map(|(store, _)| store).collect(),
    }
}
