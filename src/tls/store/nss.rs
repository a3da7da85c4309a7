//! The databases of NSS: Firefox has one in each profile, Chromium and its kin share one in the home.

use std::{
    ffi::OsStr,
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use super::{Outcome, Places, Told, run};
use crate::tls::{Authority, authority};

/// Where profiles of Firefox and its kin are, below the home; distributions, snaps and flatpaks each have their own place.
const PROFILES: [&str; 6] = [
    ".mozilla/firefox",
    "snap/firefox/common/.mozilla/firefox",
    ".var/app/org.mozilla.firefox/.mozilla/firefox",
    ".librewolf",
    ".var/app/io.gitlab.librewolf-community/.librewolf",
    "Library/Application Support/Firefox/Profiles",
];

/// Where Chromium's database is, below the home. Snaps and flatpaks see none but their own.
const SHARED: [&str; 9] = [
    ".pki/nssdb",
    "snap/chromium/current/.pki/nssdb",
    "snap/chromium/current/.local/share/pki/nssdb",
    ".var/app/org.chromium.Chromium/.pki/nssdb",
    ".var/app/org.chromium.Chromium/data/pki/nssdb",
    ".var/app/com.google.Chrome/.pki/nssdb",
    ".var/app/com.google.Chrome/data/pki/nssdb",
    ".var/app/com.brave.Browser/.pki/nssdb",
    ".var/app/com.brave.Browser/data/pki/nssdb",
];

/// Programs that read the shared database. One that never ran has made none yet.
const CHROMIUM: [&str; 7] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "brave-browser", "microsoft-edge", "vivaldi"];

/// The file that makes a folder a database.
const DATABASE: &str = "cert9.db";

/// Trusted to vouch for servers, and for nothing else.
const TRUST: &str = "C,,";

/// The program that keeps the databases.
const CERTUTIL: &str = "certutil";

/// A database.
struct Database {
    folder: PathBuf,
    words: String,
}

pub(super) fn trust(authority: &Authority, places: &Places) -> Vec<Told> {
    let mut databases = databases(places);
    let missing = missing_database(&databases, places);
    databases.extend(missing);
    each(databases, places, |certutil, database| {
        if database.knows(certutil, authority)? {
            return Ok(Outcome::Already);
        }
        database.make(certutil)?;
        let (name, file) = (authority.name(), authority.public());
        database.tell(
            certutil,
            &[OsStr::new("-A"), "-t".as_ref(), TRUST.as_ref(), "-n".as_ref(), name.as_ref(), "-i".as_ref(), file.as_ref()],
        )?;
        Ok(Outcome::Done)
    })
}

pub(super) fn untrust(places: &Places) -> Vec<Told> {
    each(databases(places), places, |certutil, database| {
        let ours = database.ours(certutil)?;
        for (name, _) in &ours {
            database.tell(certutil, &[OsStr::new("-D"), "-n".as_ref(), name.as_ref()])?;
        }
        Ok(if ours.is_empty() { Outcome::Already } else { Outcome::Done })
    })
}

/// Each database, and whether it trusts the authority; empty when that cannot be told.
pub(super) fn knowing(authority: &Authority, places: &Places) -> Vec<(String, bool)> {
    let Some(certutil) = run::find(CERTUTIL, &places.path) else { return Vec::new() };
    let mut databases = databases(places);
    let missing = missing_database(&databases, places);
    databases.extend(missing);
    let knows = |database: Database| {
        let knows = database.knows(&certutil, authority).ok()?;
        Some((database.words, knows))
    };
    databases.into_iter().filter_map(knows).collect()
}

/// Does the same to each database.
fn each(databases: Vec<Database>, places: &Places, act: impl Fn(&Path, &Database) -> Result<Outcome, String>) -> Vec<Told> {
    let certutil = run::find(CERTUTIL, &places.path);
    let outcome = |database: &Database| match &certutil {
        Some(certutil) => act(certutil, database).unwrap_or_else(Outcome::Failed),
        None => Outcome::Failed(format!("certutil is missing; install {}, then run this again", installation(places))),
    };
    databases.iter().map(|database| Told { store: database.words.clone(), outcome: outcome(database) }).collect()
}

/// What brings certutil, in words.
fn installation(places: &Places) -> String {
    let commands = [
        ("apt-get", "sudo apt-get install libnss3-tools"),
        ("dnf", "sudo dnf install nss-tools"),
        ("pacman", "sudo pacman -S nss"),
        ("zypper", "sudo zypper install mozilla-nss-tools"),
        ("apk", "sudo apk add nss-tools"),
        ("brew", "brew install nss"),
    ];
    let found = commands.into_iter().find(|(program, _)| run::find(program, &places.path).is_some());
    found.map_or_else(|| "the tools of NSS".to_owned(), |(_, command)| format!("it with `{command}`"))
}

/// Those that are there.
fn databases(places: &Places) -> Vec<Database> {
    let home = |path: &&str| places.home.join(path);
    let shared = SHARED.iter().map(home).chain([places.data.join("pki/nssdb")]);
    let shared = shared.map(|folder| Database { words: format!("Chromium ({})", short(&folder, places)), folder });
    let roots = PROFILES.iter().map(home).chain([places.config.join("mozilla/firefox")]);
    let mut profiles: Vec<_> =
        roots.filter_map(|root| fs::read_dir(root).ok()).flatten().flatten().map(|entry| entry.path()).collect();
    profiles.sort();
    let profiles = profiles.into_iter().map(|folder| Database { words: format!("Firefox ({})", short(&folder, places)), folder });
    shared.chain(profiles).filter(|database| database.folder.join(DATABASE).is_file()).collect()
}

/// The one that Chromium would make at its first start. Of the two places it looks at, old versions know this one alone.
fn missing_database(there: &[Database], places: &Places) -> Option<Database> {
    let own = [places.home.join(".pki/nssdb"), places.data.join("pki/nssdb")];
    let is_there = there.iter().any(|database| own.contains(&database.folder));
    let is_used = CHROMIUM.iter().any(|program| run::find(program, &places.path).is_some());
    let [folder, _] = own;
    (!is_there && is_used).then(|| Database { words: format!("Chromium ({})", short(&folder, places)), folder })
}

/// A path as people write it.
fn short(path: &Path, places: &Places) -> String {
    path.strip_prefix(&places.home).map_or_else(|_| path.display().to_string(), |inner| format!("~/{}", inner.display()))
}

impl Database {
    fn tell(&self, certutil: &Path, args: &[&OsStr]) -> Result<String, String> {
        let place = format!("sql:{}", self.folder.display());
        run::run(certutil, &[args, &[OsStr::new("-d"), place.as_ref()]].concat())
    }

    /// Makes it, when it is not there: without a password, as browsers do.
    fn make(&self, certutil: &Path) -> Result<(), String> {
        if self.folder.join(DATABASE).is_file() {
            return Ok(());
        }
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.folder);
        made.map_err(|error| format!("cannot make {}: {error}", self.folder.display()))?;
        self.tell(certutil, &[OsStr::new("-N"), "--empty-password".as_ref()]).map(drop)
    }

    fn knows(&self, certutil: &Path, authority: &Authority) -> Result<bool, String> {
        if !self.folder.join(DATABASE).is_file() {
            return Ok(false);
        }
        let name = authority.name();
        Ok(self.ours(certutil)?.iter().any(|(known, trust)| *known == name && *trust == TRUST))
    }

    /// Authorities of ours, each with what it is trusted for.
    fn ours(&self, certutil: &Path) -> Result<Vec<(String, String)>, String> {
        Ok(ours(&self.tell(certutil, &[OsStr::new("-L")])?))
    }
}

/// Finds our authorities in a list: lines of a name and what it is trusted for, with blanks between.
fn ours(list: &str) -> Vec<(String, String)> {
    let entry = |line: &str| {
        let (name, trust) = line.trim_end().rsplit_once(' ')?;
        let name = name.trim();
        let id = name.strip_prefix(authority::NAME)?.strip_prefix(' ')?;
        id.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| (name.to_owned(), trust.to_owned()))
    };
    list.lines().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_authorities_are_found_in_a_list() {
        let list = "\nCertificate Nickname                                         Trust Attributes\n\
                    \x20                                                            SSL,S/MIME,JAR/XPI\n\n\
                    mkcert development CA 1234                                   C,,\n\
                    Everlit local authority 0123456789ab                         C,,\n\
                    Everlit local authority of somebody                          C,,\n\
                    Everlit local authority fedcba987654                         ,,\n";
        let expected = [("Everlit local authority 0123456789ab", "C,,"), ("Everlit local authority fedcba987654", ",,")];
        assert_eq!(ours(list), expected.map(|(name, trust)| (name.to_owned(), trust.to_owned())));
        assert_eq!(ours(""), []);
    }
}
