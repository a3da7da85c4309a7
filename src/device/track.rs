//! Follows the adb server: one listing after the other, through its absences.

use std::{
    convert::Infallible,
    path::Path,
    time::{Duration, Instant as Moment},
};

use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{
    adb::{Adb, Connection, Error},
    adb_server::AdbServer,
    limits::Limits,
    listing::{self, Listing},
    phones::Phones,
    plugged,
};

/// Keeps the phones up to date until dropped.
pub(super) async fn forever(server: &AdbServer, adb: &Adb, phones: &mut Phones, limits: Limits) -> Infallible {
    let (mut absence, mut starter) = (Absence::default(), Starter::Unsure);
    loop {
        let Err(error) = follow(adb, phones, limits, &mut absence).await;
        phones.lose(&error);
        if absence.has_followed() {
            starter = Starter::Done;
        }
        sleep(absence.pause(limits)).await;
        if matches!(error, Error::Absent) && starter.is_due(server, Path::new(plugged::DEVICES)) {
            phones.tell_started(&server.start().await);
        }
    }
}

/// Since when the adb server is gone.
#[derive(Debug, Default)]
struct Absence(Option<Moment>);

impl Absence {
    /// It answers.
    fn end(&mut self) {
        self.0 = Some(Moment::now());
    }

    fn has_followed(&self) -> bool {
        self.0.is_some()
    }

    /// How long to wait before it is looked for again: one that was there a moment ago will be back in another.
    fn pause(&self, limits: Limits) -> Duration {
        let was_here = self.0.is_some_and(|last| last.elapsed() < limits.soon_for);
        if was_here { limits.soon_again } else { limits.retry }
    }
}

/// Whether an adb server is started when a phone is plugged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Starter {
    /// Nobody has looked whether it can be.
    Unsure,
    Able,
    /// One was there, or was started: one that somebody ends is left alone. Or there is no program.
    Done,
}

impl Starter {
    /// Whether it is to be started now that these USB devices are there, which is so once at most.
    fn is_due(&mut self, server: &AdbServer, devices: &Path) -> bool {
        if *self == Self::Unsure {
            *self = if server.is_installed() { Self::Able } else { Self::Done };
        }
        let is_due = *self == Self::Able && plugged::is_any(devices);
        if is_due {
            *self = Self::Done;
        }
        is_due
    }
}

/// Follows one connection to its end.
async fn follow(adb: &Adb, phones: &mut Phones, limits: Limits, absence: &mut Absence) -> Result<Infallible, Error> {
    let mut blocks = adb.track().await?;
    let mut listing = next(&mut blocks).await?;
    loop {
        absence.end();
        listing = settled(listing, &mut blocks, limits.settle).await?;
        phones.update(&listing).await;
        listing = if phones.are_settled() {
            next(&mut blocks).await
        } else {
            // No event tells that a port was freed or that a phone answers again.
            timeout(limits.retry, next(&mut blocks)).await.unwrap_or(Ok(listing))
        }
        .inspect_err(|_| absence.end())?;
    }
}

/// A device that is being connected is listed as offline for a moment: the listing that comes next is the one that counts.
async fn settled(mut listing: Listing, blocks: &mut Connection, settle: Duration) -> Result<Listing, Error> {
    let deadline = Instant::now() + settle;
    while listing.has_offline() {
        match timeout_at(deadline, next(blocks)).await {
            Ok(newer) => listing = newer?,
            Err(_) => break,
        }
    }
    Ok(listing)
}

/// Dropping the wait loses nothing.
async fn next(blocks: &mut Connection) -> Result<Listing, Error> {
    Ok(listing::parse(&blocks.block().await?))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

    use super::*;

    /// A machine, with the program `adb` or without.
    struct Machine {
        folder: tempfile::TempDir,
        server: AdbServer,
    }

    impl Machine {
        fn new(program: Option<&str>) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let server = AdbServer { port: 0, folders: vec![folder.path().to_owned()] };
            let machine = Self { folder, server };
            fs::create_dir(machine.devices()).unwrap();
            if let Some(name) = program {
                let file = machine.folder.path().join(name);
                fs::write(&file, "").unwrap();
                fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
            }
            machine
        }

        fn devices(&self) -> PathBuf {
            self.folder.path().join("devices")
        }

        fn plug_in_a_phone(&self) {
            let interface = self.devices().join("1-2:1.1");
            fs::create_dir(&interface).unwrap();
            for (file, kind) in plugged::KIND {
                fs::write(interface.join(file), format!("{kind}\n")).unwrap();
            }
        }

        fn is_due(&self, starter: &mut Starter) -> bool {
            starter.is_due(&self.server, &self.devices())
        }
    }

    #[test]
    fn an_adb_server_is_started_once_and_for_a_phone_alone() {
        let (machine, mut starter) = (Machine::new(Some("adb")), Starter::Unsure);
        assert!(!machine.is_due(&mut starter), "a start alone starts none");
        assert!(!machine.is_due(&mut starter));
        machine.plug_in_a_phone();
        assert!(machine.is_due(&mut starter));
        assert!(!machine.is_due(&mut starter), "one that somebody ends is left alone");
    }

    #[test]
    fn without_the_program_none_is_started() {
        let (machine, mut starter) = (Machine::new(None), Starter::Unsure);
        machine.plug_in_a_phone();
        assert!(!machine.is_due(&mut starter));
    }
}
