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
        if matches!(error, Error::Absent) && starter.is_due(server) {
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
    /// Whether it is to be started now, which is so once at most.
    fn is_due(&mut self, server: &AdbServer) -> bool {
        if *self == Self::Unsure {
            *self = if server.is_installed() { Self::Able } else { Self::Done };
        }
        let is_due = *self == Self::Able && plugged::is_any(Path::new(plugged::DEVICES));
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
