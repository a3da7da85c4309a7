//! Finds the tabs of all phones that show the project, and listens to each.
//!
//! They are looked for again and again: a phone does not tell that a browser was started or a tab opened. What a tab said before it was found
//! is heard then.

use std::{collections::HashSet, convert::Infallible, time::Duration};

use tokio::{task::JoinSet, time::sleep};

use super::{
    Ours, Target,
    ear::Ear,
    listen::{Past, listen},
    tab::tabs,
};
use crate::{
    device::{
        adb::Adb,
        asked::all,
        listing::{self, Device, State},
        reverse,
    },
    telemetry::Notices,
};

/// How long until tabs are looked for again: a new one is heard about as soon as somebody looks up from the phone.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// How many tabs are listened to at a time; each is a connection through the cable.
const TABS: usize = 16;

/// How many tabs are remembered to have been heard.
const KNOWN: usize = 1000;

/// A tab: its phone's serial number, its browser's socket and its own name.
type Place = (String, String, String);

/// Listens until dropped. `here` is the port to which those of phones lead.
pub(in crate::device) async fn follow(adb: Adb, here: u16, notices: Notices) -> Infallible {
    let (mut known, mut heard, mut listening) = (HashSet::new(), HashSet::new(), JoinSet::new());
    loop {
        while let Some(ended) = listening.try_join_next() {
            if let Ok((place, has_left)) = ended {
                heard.remove(&place);
                if has_left {
                    // Once it is back, all that it said is new.
                    known.remove(&place);
                }
            }
        }
        for (device, ours, targets) in look(&adb, here).await {
            for target in targets.into_iter().filter(|target| target.tab.is_ours) {
                let place: Place = (device.serial.clone(), target.tab.browser.clone(), target.id.clone());
                if heard.contains(&place) || heard.len() == TABS {
                    continue;
                }
                heard.insert(place.clone());
                if known.len() == KNOWN {
                    known.clear();
                }
                let past = if known.insert(place.clone()) { Past::Told } else { Past::Known };
                listening.spawn(hear(adb.clone(), device.clone(), ours.clone(), target, place, past, notices.clone()));
            }
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// Listens to one tab; says at the end whether it left the project.
async fn hear(adb: Adb, device: Device, ours: Ours, target: Target, place: Place, past: Past, notices: Notices) -> (Place, bool) {
    let model = device.model.as_deref().unwrap_or(&device.name);
    let ear = Ear::new(ours, model, browser(&target.tab.browser), &target.tab.url);
    // One that broke off is found again while it is there.
    let ended = listen(&adb, (&device.serial, &device.name), &target, ear, past, &notices).await;
    (place, ended.is_ok())
}

/// The tabs of all phones that reach us.
async fn look(adb: &Adb, here: u16) -> Vec<(Device, Ours, Vec<Target>)> {
    let Ok(block) = adb.devices().await else { return Vec::new() };
    let ready = listing::parse(&block).devices.into_iter().filter(|device| device.state == State::Ready);
    all(ready.map(|device| {
        let adb = adb.clone();
        async move {
            let rules = reverse::standing(&adb, &device.serial).await.ok();
            let ours = Ours(rules.iter().flat_map(|rules| rules.leading_to(here)).collect());
            let found = if ours.0.is_empty() { Vec::new() } else { tabs(&adb, &device.serial, &ours).await.unwrap_or_default() };
            (device, ours, found)
        }
    }))
    .await
}

/// What people call the browser of a socket.
fn browser(socket: &str) -> &str {
    match socket.split_once("_devtools_remote").map_or(socket, |(name, _)| name) {
        "chrome" => "Chrome",
        "webview" => "an app",
        "Terrace" => "Samsung Internet",
        other => other,
    }
}
