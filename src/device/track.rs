//! Follows the adb server: one listing after the other, through its absences.

use std::{convert::Infallible, time::Duration};

use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{
    adb::{Adb, Connection, Error},
    limits::Limits,
    listing::{self, Listing},
    phones::Phones,
};

/// Keeps the phones up to date until dropped.
pub(super) async fn forever(adb: &Adb, phones: &mut Phones, limits: Limits) -> Infallible {
    loop {
        let Err(error) = follow(adb, phones, limits).await;
        phones.lose(&error);
        sleep(limits.retry).await;
    }
}

/// Follows one connection to its end.
async fn follow(adb: &Adb, phones: &mut Phones, limits: Limits) -> Result<Infallible, Error> {
    let mut blocks = adb.track().await?;
    let mut listing = next(&mut blocks).await?;
    loop {
        listing = settled(listing, &mut blocks, limits.settle).await?;
        phones.update(&listing).await;
        listing = if phones.are_settled() {
            next(&mut blocks).await?
        } else {
            // No event tells that a port was freed or that a phone answers again.
            timeout(limits.retry, next(&mut blocks)).await.unwrap_or(Ok(listing))?
        };
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
