//! Which run serves a project: the first one says so to those that come later.
//!
//! It listens on a socket whose name is made of the project. The name is gone with the process, however that ends, and leaves no
//! file behind. Only Linux has such names; elsewhere nobody hears of the other.

use std::{io, os::unix::net::UnixListener, path::Path, time::Duration};

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
}

impl Claim {
    /// Tells whoever asks where this run serves. Runs until it is dropped.
    pub async fn tell(self, url: String) {
        let Ok(listener) = self.listener() else { return };
        while let Ok((mut asking, _)) = listener.accept().await {
            // Who does not wait for the answer goes without it.
            let _ = tokio::time::timeout(ANSWER_LIMIT, asking.write_all(url.as_bytes())).await;
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
    use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};

    let user = rustix::process::getuid().as_raw();
    let name = format!("everlit/{user}/{:016x}", xxhash_rust::xxh3::xxh3_64(root.as_os_str().as_encoded_bytes()));
    let Ok(address) = SocketAddr::from_abstract_name(name) else { return Ok(None) };
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

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        io::{self, Read},
        os::unix::net::{SocketAddr, UnixStream},
    };

    use tokio::net::unix::UCred;

    use super::{ANSWER_LIMIT, Other};

    /// The longest address that is read.
    const LONGEST: u64 = 256;

    /// Who has a name; a process of another user is nobody.
    pub(super) fn ask(address: &SocketAddr) -> Option<Other> {
        let (peer, mut asked) = peer(UnixStream::connect_addr(address).ok()?).ok()?;
        let is_ours = peer.uid() == rustix::process::getuid().as_raw();
        let pid = peer.pid().and_then(|pid| u32::try_from(pid).ok()).filter(|_| is_ours)?;
        Some(Other { pid, url: said(&mut asked).ok().filter(|url| !url.is_empty()) })
    }

    fn peer(asked: UnixStream) -> io::Result<(UCred, UnixStream)> {
        asked.set_nonblocking(true)?;
        let asked = tokio::net::UnixStream::from_std(asked)?;
        let (peer, asked) = (asked.peer_cred()?, asked.into_std()?);
        asked.set_nonblocking(false)?;
        Ok((peer, asked))
    }

    fn said(asked: &mut UnixStream) -> io::Result<String> {
        let mut url = String::new();
        asked.set_read_timeout(Some(ANSWER_LIMIT))?;
        asked.take(LONGEST).read_to_string(&mut url)?;
        Ok(url)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_second_one_hears_of_the_first() {
        let root = tempfile::tempdir().unwrap();
        let mut first = tokio::task::JoinSet::new();
        first.spawn(claim(root.path()).unwrap().unwrap().tell("http://localhost:1/".into()));
        let other = Other { pid: std::process::id(), url: Some("http://localhost:1/".into()) };
        assert_eq!(claim(root.path()).unwrap_err(), other);
        assert!(claim(&root.path().join("other")).unwrap().is_some());
        first.shutdown().await;
        assert!(claim(root.path()).unwrap().is_some(), "its name is free again");
    }
}
