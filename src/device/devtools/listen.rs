//! Listens to one tab until it is closed, leaves the project, or cannot be reached.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::{
    Error, Target,
    ear::{Ear, Heard},
    quota::Quota,
    wire::Wire,
};
use crate::{
    device::adb::Adb,
    telemetry::{Notice, Notices},
};

/// How long one event may be. Pages log whole data sets; that one is not heard.
const EVENT: usize = 4 * 1024 * 1024;

/// How long after a load its largest part may still be painted.
const PAINTED: Duration = Duration::from_secs(2);

/// Whether what a page said before is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Past {
    Told,
    /// It was told before the connection broke off.
    Known,
}

/// Tells what a tab says. `phone` is how its phone is called in the terminal.
pub(super) async fn listen(
    adb: &Adb,
    (serial, phone): (&str, &str),
    target: &Target,
    mut ear: Ear,
    past: Past,
    notices: &Notices,
) -> Result<(), Error> {
    let stream = adb.within_patience(async { Ok::<_, Error>(adb.socket(serial, &target.tab.browser).await?) }).await?;
    let mut wire = Wire::open(stream, &target.path(), EVENT).await?;
    attach(&mut wire, &mut ear, past).await?;
    let (mut quota, mut painted_by) = (Quota::new(), None);
    loop {
        let (loaded, full) = (painted_by, quota.due());
        tokio::select! {
            event = wire.next() => match ear.hear(&event?) {
                Heard::Nothing => (),
                Heard::Say(message) => quota.take(message).into_iter().for_each(|notice| notices.send(notice)),
                Heard::Loaded => painted_by = Some(Instant::now() + PAINTED),
                Heard::Left => return Ok(()),
            },
            () = sleep_until(loaded.unwrap_or_else(Instant::now)), if loaded.is_some() => {
                painted_by = None;
                tell_load(&mut ear, phone, notices);
            }
            () = sleep_until(full.unwrap_or_else(Instant::now)), if full.is_some() => notices.send(quota.close(ear.teller())),
        }
    }
}

/// Asks for all that is listened to. A browser repeats what its console had before, ahead of the answer.
async fn attach(wire: &mut Wire, ear: &mut Ear, past: Past) -> Result<(), Error> {
    let none = || json!({});
    wire.call("Page.enable", none()).await?;
    // The phone need not keep what was loaded: nobody asks for it.
    let nothing = json!({ "maxTotalBufferSize": 0, "maxResourceBufferSize": 0, "maxPostDataSize": 0 });
    wire.call("Network.enable", nothing).await?;
    ear.look(&wire.call("Page.getResourceTree", none()).await?);
    // Those of older Chromes know no such thing.
    let _ = wire.call("PerformanceTimeline.enable", json!({ "eventTypes": ["largest-contentful-paint"] })).await;
    for domain in ["Log.enable", "Runtime.enable"] {
        match past {
            Past::Told => wire.send(domain, none()).await?,
            Past::Known => drop::<Value>(wire.call(domain, none()).await?),
        }
    }
    Ok(())
}

fn tell_load(ear: &mut Ear, phone: &str, notices: &Notices) {
    if let Some(words) = ear.load.take() {
        let what = format!("{} {words}", ear.teller().page);
        notices.send(Notice::Device { name: phone.to_owned(), what });
    }
}
