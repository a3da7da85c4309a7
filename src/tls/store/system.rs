//! The system's own store, which curl, language runtimes and some browsers use. Only its administrator may write it.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use super::{Outcome, Places, Told, run};
use crate::tls::Authority;

/// Folders in which systems look for more authorities, and the command that has them look: Fedora and its kin, Debian and its kin,
/// Arch, SUSE.
const ANCHORS: [(&str, &str, &[&str]); 4] = [
    ("/etc/pki/ca-trust/source/anchors", "update-ca-trust", &["extract"]),
    ("/usr/local/share/ca-certificates", "update-ca-certificates", &[]),
    ("/etc/ca-certificates/trust-source/anchors", "trust", &["extract-compat"]),
    ("/usr/share/pki/trust/anchors", "update-ca-certificates", &[]),
];

/// A store of this system's.
struct Store {
    folder: &'static Path,
    program: PathBuf,
    args: &'static [&'static str],
}

impl Store {
    fn find(places: &Places) -> Option<Self> {
        ANCHORS.iter().find_map(|&(folder, program, args)| {
            let (folder, program) = (Path::new(folder), run::find(program, &places.path)?);
            folder.is_dir().then_some(Self { folder, program, args })
        })
    }

    fn words(&self) -> String {
        format!("the system ({})", self.folder.display())
    }

    fn file(&self, authority: &Authority) -> PathBuf {
        self.folder.join(format!("everlit-{}.crt", authority.id()))
    }

    fn knows(&self, authority: &Authority) -> bool {
        fs::read_to_string(self.file(authority)).is_ok_and(|text| text == authority.pem())
    }

    /// Has the system look at its folder.
    fn refresh(&self) -> Result<(), String> {
        let args: Vec<_> = self.args.iter().map(OsStr::new).collect();
        run::run(&self.program, &args).map(drop)
    }

    fn refresh_words(&self) -> String {
        let program = self.program.file_name().unwrap_or_default().to_string_lossy();
        [&["sudo", &program], self.args].concat().join(" ")
    }
}

pub(super) fn trust(authority: &Authority, places: &Places) -> Option<Told> {
    if cfg!(target_os = "macos") {
        return Some(keychain::trust(authority, places));
    }
    let Some(store) = Store::find(places) else { return Some(unknown()) };
    let file = store.file(authority);
    let outcome = if store.knows(authority) {
        Outcome::Already
    } else if places.is_root {
        let copied = fs::write(&file, authority.pem()).map_err(|error| format!("cannot write {}: {error}", file.display()));
        copied.and_then(|()| store.refresh()).map_or_else(Outcome::Failed, |()| Outcome::Done)
    } else {
        let copy = format!("sudo install -m 644 {} {}", quoted(&authority.public()), quoted(&file));
        Outcome::NeedsRoot(vec![copy, store.refresh_words()])
    };
    Some(Told { store: store.words(), outcome })
}

pub(super) fn untrust(authority: Option<&Authority>, places: &Places) -> Option<Told> {
    if cfg!(target_os = "macos") {
        return authority.map(|authority| keychain::untrust(authority, places));
    }
    let store = Store::find(places)?;
    let Some(authority) = authority else { return store.leftovers() };
    let file = store.file(authority);
    let outcome = if !file.exists() {
        Outcome::Already
    } else if places.is_root {
        let removed = fs::remove_file(&file).map_err(|error| format!("cannot remove {}: {error}", file.display()));
        removed.and_then(|()| store.refresh()).map_or_else(Outcome::Failed, |()| Outcome::Done)
    } else {
        Outcome::NeedsRoot(vec![format!("sudo rm {}", quoted(&file)), store.refresh_words()])
    };
    Some(Told { store: store.words(), outcome })
}

/// The store, when it does not know the authority.
pub(super) fn unaware(authority: &Authority, places: &Places) -> Option<String> {
    Store::find(places).filter(|store| !store.knows(authority)).map(|store| store.words())
}

impl Store {
    /// Authorities of ours whose keys are gone, or another user's: nobody can tell.
    fn leftovers(&self) -> Option<Told> {
        let names = fs::read_dir(self.folder).ok()?.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let ours: Vec<_> = names.filter(|name| name.starts_with("everlit-") && name.ends_with(".crt")).collect();
        let words = format!(
            "cannot tell whose {} is, as there is no authority of yours any more; if it is yours: `sudo rm {}`, then `{}`",
            ours.join(", "),
            ours.iter().map(|name| quoted(&self.folder.join(name))).collect::<Vec<_>>().join(" "),
            self.refresh_words()
        );
        (!ours.is_empty()).then(|| Told { store: self.words(), outcome: Outcome::Failed(words) })
    }
}

fn unknown() -> Told {
    let words = "its kind is not known here; add the certificate by hand, as its documentation says";
    Told { store: "the system".to_owned(), outcome: Outcome::Failed(words.to_owned()) }
}

/// A path as a word for a shell.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    shlex::try_quote(&text).map_or_else(|_| text.to_string(), std::borrow::Cow::into_owned)
}

/// macOS has no folder: certificates are in the user's keychain, and the system asks for the password itself.
mod keychain {
    use std::ffi::OsStr;

    use super::{Authority, Outcome, Places, Told, run};

    const STORE: &str = "the login keychain";

    pub(super) fn trust(authority: &Authority, places: &Places) -> Told {
        let (file, keychain) = (authority.public(), places.home.join("Library/Keychains/login.keychain-db"));
        if security(places, &["verify-cert".as_ref(), "-c".as_ref(), file.as_ref(), "-p".as_ref(), "ssl".as_ref()]).is_ok() {
            return Told { store: STORE.to_owned(), outcome: Outcome::Already };
        }
        let args: [&OsStr; 8] = [
            "add-trusted-cert".as_ref(),
            "-r".as_ref(),
            "trustRoot".as_ref(),
            "-p".as_ref(),
            "ssl".as_ref(),
            "-k".as_ref(),
            keychain.as_ref(),
            file.as_ref(),
        ];
        Told { store: STORE.to_owned(), outcome: security(places, &args).map_or_else(Outcome::Failed, |()| Outcome::Done) }
    }

    pub(super) fn untrust(authority: &Authority, places: &Places) -> Told {
        let name = authority.name();
        let is_there = security(places, &["find-certificate".as_ref(), "-c".as_ref(), name.as_ref()]).is_ok();
        let outcome = if is_there {
            let removed = security(places, &["delete-certificate".as_ref(), "-t".as_ref(), "-c".as_ref(), name.as_ref()]);
            removed.map_or_else(Outcome::Failed, |()| Outcome::Done)
        } else {
            Outcome::Already
        };
        Told { store: STORE.to_owned(), outcome }
    }

    fn security(places: &Places, args: &[&OsStr]) -> Result<(), String> {
        let program = run::find("security", &places.path).ok_or("the program `security` is missing")?;
        run::run(&program, args).map(drop)
    }
}
