//! The adb server of this machine: where it listens, and how one is started.
//!
//! It is every Android tool's own and is meant to stay: whoever needs it first starts it, as `adb devices` would, and nobody ends it. So
//! we start one when somebody asks for phones, or when a phone with USB debugging is plugged in, and leave it when we end.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::fs::{Access, access};
use tokio::{process::Command, time::timeout};

use super::{adb::Adb, limits::START};
use crate::process::outside;

/// Where to get it.
const GET: &str = "`apt install adb` (Debian, Ubuntu), `brew install android-platform-tools` (macOS), \
                   or https://developer.android.com/tools/releases/platform-tools";

/// Where an adb server listens, and the program that is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdbServer {
    /// Its port of 127.0.0.1, whether it runs or not.
    pub port: u16,
    /// The folders in which the program `adb` may be, the best one first.
    pub folders: Vec<PathBuf>,
}

/// Why no adb server was started.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotStarted {
    #[error("adb is not installed, and phones are reached through it: {GET}")]
    Missing,
    #[error("cannot run {}: {error}", .program.display())]
    Unusable { program: PathBuf, error: io::Error },
    #[error("`{} start-server` failed ({how}); run it by hand to see why", .program.display())]
    Failed { program: PathBuf, how: String },
}

impl AdbServer {
    /// A way to it; each request may take so long.
    pub(super) fn connect(&self, patience: Duration) -> Adb {
        Adb::new(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)), patience)
    }

    /// Whether there is a program to start one by.
    pub(super) fn is_installed(&self) -> bool {
        self.program().is_some()
    }

    /// Starts one and returns once it has looked at every USB port.
    pub(super) async fn start(&self) -> Result<(), NotStarted> {
        let program = self.program().ok_or(NotStarted::Missing)?;
        let unusable = |error| NotStarted::Unusable { program: program.clone(), error };
        // Outside of our group, which ends with us. The folder must not be one that somebody wants to unmount or remove.
        let argv = outside::outside(vec![program.clone().into()]).map_err(unusable)?;
        let (first, rest) = argv.split_first().ok_or(NotStarted::Missing)?;
        let mut command = Command::new(first);
        command.args(rest).args(["-P", &self.port.to_string(), "start-server"]).current_dir("/");
        // The server keeps what it gets open for as long as it runs.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(unusable)?;
        match timeout(START, child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(NotStarted::Failed { how: status.to_string(), program }),
            Ok(Err(error)) => Err(NotStarted::Unusable { program, error }),
            Err(_) => {
                let _ = child.kill().await;
                Err(NotStarted::Failed { how: format!("no answer within {} s", START.as_secs()), program })
            }
        }
    }

    fn program(&self) -> Option<PathBuf> {
        self.folders.iter().map(|folder| folder.join("adb")).find(|file| is_program(file))
    }
}

fn is_program(file: &Path) -> bool {
    file.is_file() && access(file, Access::EXEC_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn the_program_is_the_first_that_can_be_run() {
        let folder = tempfile::tempdir().unwrap();
        let [none, plain, good] = ["none", "plain", "good"].map(|name| folder.path().join(name));
        for (place, mode) in [(&plain, 0o644), (&good, 0o755)] {
            fs::create_dir(place).unwrap();
            fs::write(place.join("adb"), "").unwrap();
            fs::set_permissions(place.join("adb"), fs::Permissions::from_mode(mode)).unwrap();
        }
        let server =
            |folders: &[&PathBuf]| AdbServer { port: 0, folders: folders.iter().map(|folder| (*folder).clone()).collect() };
        assert_eq!(server(&[&none, &plain, &good]).program(), Some(good.join("adb")));
        assert!(!server(&[&none, &plain]).is_installed());
    }

    #[tokio::test]
    async fn a_missing_program_is_named_with_the_way_to_get_it() {
        let error = AdbServer { port: 0, folders: Vec::new() }.start().await.unwrap_err();
        assert!(error.to_string().contains("`apt install adb`"), "{error}");
    }
}
