//! Which run serves a project: the first one says so to those that come later, and all of them know of one another.
//!
//! It listens on a socket whose name is made of the project. The name is gone with the process, however that ends, and leaves no
//! file behind. Programs of the same user are told where the project is served and how its control listener is reached, all
//! others nothing: the kernel says who asks. Only Linux has such names; elsewhere nobody hears of the other.

use std::{fmt, io, os::unix::net::UnixListener, path::Path, time::Duration};

use tokio::io::AsyncWriteExt;

/// How long another run may take to say where it serves.
const ANSWER_LIMIT: Duration = Duration::from_millis(200);

/// The right to be the first.
#[derive(Debug)]
pub struct Claim(UnixListener);

/// Another run on the same project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// Its process.
    pub pid: u32,
    /// Where it serves, if it said so.
    pub url: Option<String>,
    /// The name of its project, if it said so.
    pub project: Option<String>,
    /// The port to which those of phones lead, if it said so and they do.
    pub phones: Option<u16>,
    /// Its control listener, if it said so.
    pub control: Option<Control>,
}

/// A control listener, and the token that opens it, which is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Control {
    /// `http://127.0.0.1:40123/`
    pub url: String,
    /// Stands in `Authorization: Bearer`.
    pub token: String,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What a run says of itself.
#[derive(Clone, Debug)]
pub struct Said {
    /// Where it serves.
    pub url: String,
    /// The name of its project.
    pub project: String,
    /// The port to which those of phones lead, if they do.
    pub phones: Option<u16>,
    /// Its control listener.
    pub control: Control,
}

impl Claim {
    /// Tells every program of this user that asks. Runs until it is dropped.
    pub async fn tell(self, said: Said) {
        let Ok(listener) = self.listener() else { return };
        let Said { url, project, phones, control } = said;
        let phones = phones.map(|port| port.to_string()).unwrap_or_default();
        let said = format!("{url}\n{project}\n{phones}\n{}\n{}", control.url, control.token);
        let user = rustix::process::getuid().as_raw();
        while let Ok((mut asking, _)) = listener.accept().await {
            if !asking.peer_cred().is_ok_and(|peer| peer.uid() == user) {
                continue;
            }
            // Who does not wait for the answer goes without it.
            let _ = tokio::time::timeout(ANSWER_LIMIT, asking.write_all(said.as_bytes())).await;
        }
    }

    fn listener(self) -> io::Result<tokio::net::UnixListener> {
        self.0.set_nonblocking(true)?;
        tokio::net::UnixListener::from_std(self.0)
    }
}

/// Claims the project in `root`: `None` where that is not possible. Must be called within a runtime.
///
/// # Errors
/// [`Other`] when another run of the same user serves it.
#[cfg(target_os = "linux")]
pub fn claim(root: &Path) -> Result<Option<Claim>, Other> {
    let Some(address) = linux::address(root) else { return Ok(None) };
    match UnixListener::bind_addr(&address) {
        Ok(listener) => Ok(Some(Claim(listener))),
        Err(_taken) => linux::ask(&address).map_or(Ok(None), Err),
    }
}

/// Claims the project in `root`: nobody can here.
#[cfg(not(target_os = "linux"))]
pub fn claim(_root: &Path) -> Result<Option<Claim>, Other> {
    Ok(None)
}

/// The run of this user that serves the project in `root`. Must be called within a runtime, on a thread that may block.
#[cfg(target_os = "linux")]
pub fn find(root: &Path) -> Option<Other> {
    linux::ask(&linux::address(root)?)
}

/// The run that serves the project in `root`: none is known here.
#[cfg(not(target_os = "linux"))]
pub fn find(_root: &Path) -> Option<Other> {
    None
}

/// The runs of this user, this one among them. Must be called within a runtime, on a thread that may block.
#[cfg(target_os = "linux")]
pub fn runs() -> Vec<Other> {
    linux::runs()
}

/// The runs of this user: none is known here.
#[cfg(not(target_os = "linux"))]
pub fn runs() -> Vec<Other> {
    Vec::new()
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        io::{self, Read},
        os::{
            linux::net::SocketAddrExt,
            unix::net::{SocketAddr, UnixStream},
        },
        path::Path,
    };

    use tokio::net::unix::UCred;

    use super::{ANSWER_LIMIT, Control, Other};

    /// The longest addresses, name and token that are read.
    const LONGEST: u64 = 1024;

    /// The most runs that are asked. Nobody has so many projects open.
    const RUNS: usize = 64;

    /// What the names of this user's sockets begin with.
    fn prefix(user: u32) -> String {
        format!("everlit/{user}/")
    }

    /// The name of this user's run on the project in `root`.
    pub(super) fn address(root: &Path) -> Option<SocketAddr> {
        let user = rustix::process::getuid().as_raw();
        let name = format!("{}{:016x}", prefix(user), xxhash_rust::xxh3::xxh3_64(root.as_os_str().as_encoded_bytes()));
        SocketAddr::from_abstract_name(name).ok()
    }

    /// Asks everybody whose socket has such a name.
    pub(super) fn runs() -> Vec<Other> {
        let sockets = std::fs::read_to_string("/proc/net/unix").unwrap_or_default();
        let prefix = format!("@{}", prefix(rustix::process::getuid().as_raw()));
        let names: std::collections::BTreeSet<&str> =
            sockets.lines().filter_map(|line| line.rsplit(' ').next()).filter(|name| name.starts_with(&prefix)).collect();
        let address = |name: &str| SocketAddr::from_abstract_name(&name[1..]).ok();
        names.into_iter().take(RUNS).filter_map(address).filter_map(|address| ask(&address)).collect()
    }

    /// Who has a name; a process of another user is nobody.
    pub(super) fn ask(address: &SocketAddr) -> Option<Other> {
        let (peer, mut asked) = peer(UnixStream::connect_addr(address).ok()?).ok()?;
        let is_ours = peer.uid() == rustix::process::getuid().as_raw();
        let pid = peer.pid().and_then(|pid| u32::try_from(pid).ok()).filter(|_| is_ours)?;
        let said = said(&mut asked).unwrap_or_default();
        let mut lines = said.split('\n');
        let mut next = || lines.next().filter(|text| !text.is_empty()).map(str::to_owned);
        let (url, project, phones) = (next(), next(), next().and_then(|port| port.parse().ok()));
        let control = next().zip(next()).map(|(url, token)| Control { url, token });
        Some(Other { pid, url, project, phones, control })
    }

    fn peer(asked: UnixStream) -> io::Result<(UCred, UnixStream)> {
        asked.set_nonblocking(true)?;
        let asked = tokio::net::UnixStream::from_std(asked)?;
        let (peer, asked) = (asked.peer_cred()?, asked.into_std()?);
        asked.set_nonblocking(false)?;
        Ok((peer, asked))
    }

    fn said(asked: &mut UnixStream) -> io::Result<String> {
        let mut said = String::new();
        asked.set_read_timeout(Some(ANSWER_LIMIT))?;
        asked.take(LONGEST).read_to_string(&mut said)?;
        Ok(said)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_second_one_hears_of_the_first() {
        let root = tempfile::tempdir().unwrap();
        let mut first = tokio::task::JoinSet::new();
        let (url, project) = ("http://localhost:1/".to_owned(), "shop".to_owned());
        let control = Control { url: "http://127.0.0.1:2/".to_owned(), token: "secret".to_owned() };
        let said = Said { url: url.clone(), project: project.clone(), phones: Some(2), control: control.clone() };
        first.spawn(claim(root.path()).unwrap().unwrap().tell(said));
        let pid = std::process::id();
        let other = Other { pid, url: Some(url), project: Some(project), phones: Some(2), control: Some(control) };
        assert_eq!(claim(root.path()).unwrap_err(), other);
        assert_eq!(find(root.path()).as_ref(), Some(&other));
        assert!(!format!("{other:?}").contains("secret"));
        assert!(runs().contains(&other), "{:?}", runs());
        assert_eq!(find(&root.path().join("other")), None);
        assert!(claim(&root.path().join("other")).unwrap().is_some());
        first.shutdown().await;
        assert!(claim(root.path()).unwrap().is_some(), "its name is free again");
    }
}
