//! Finds the tabs of all phones that show the project, and listens to each.
//!
//! They are looked for again and again: a phone does not tell that a browser was started or a tab opened. What a tab said before it was found
//! is heard then.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    time::Duration,
};

use tokio::{
    task::{Id, JoinSet},
    time::sleep,
};

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
    let mut seats = Seats::default();
    loop {
        seats.clear();
        for (device, ours, targets) in look(&adb, here).await {
            for target in targets.into_iter().filter(|target| target.tab.is_ours) {
                let place: Place = (device.serial.clone(), target.tab.browser.clone(), target.id.clone());
                let (adb, device, ours, notices) = (adb.clone(), device.clone(), ours.clone(), notices.clone());
                seats.offer(place, |past| hear(adb, device, ours, target, past, notices));
            }
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// The tabs that are listened to, and those that were.
#[derive(Default)]
struct Seats {
    listening: JoinSet<End>,
    taken: HashMap<Id, Place>,
    known: HashSet<Place>,
}

impl Seats {
    /// Takes back the seats of those that have ended.
    fn clear(&mut self) {
        while let Some(ended) = self.listening.try_join_next_with_id() {
            // What a page says must not end more than the hearing of it: a mistake of ours has told of itself by now.
            let (id, end) = ended.unwrap_or_else(|error| (error.id(), End::BrokeOff));
            if let Some(place) = self.taken.remove(&id)
                && end == End::Left
            {
                // Once it is back, all that it said is new.
                self.known.remove(&place);
            }
        }
    }

    /// Has a tab listened to that is not yet, where there is a seat.
    fn offer<F: Future<Output = End> + Send + 'static>(&mut self, place: Place, listen: impl FnOnce(Past) -> F) {
        if self.taken.len() == TABS || self.taken.values().any(|taken| *taken == place) {
            return;
        }
        if self.known.len() == KNOWN {
            self.known.clear();
        }
        let past = if self.known.insert(place.clone()) { Past::Told } else { Past::Known };
        self.taken.insert(self.listening.spawn(listen(past)).id(), place);
    }
}

/// How the hearing of a tab ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The tab left the project.
    Left,
    /// It may be there still.
    BrokeOff,
}

/// Listens to one tab.
async fn hear(adb: Adb, device: Device, ours: Ours, target: Target, past: Past, notices: Notices) -> End {
    let model = device.model.as_deref().unwrap_or(&device.name);
    let ear = Ear::new(ours, model, browser(&target.tab.browser), &target.tab.url);
    // One that broke off is found again while it is there.
    let ended = listen(&adb, (&device.serial, &device.name), &target, ear, past, &notices).await;
    if ended.is_ok() { End::Left } else { End::BrokeOff }
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

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::task::yield_now;

    use super::*;

    fn place(id: usize) -> Place {
        ("39071FDJH0".to_owned(), "chrome_devtools_remote".to_owned(), id.to_string())
    }

    /// Offers a seat; what is to be told where it was taken.
    fn offer<F: Future<Output = End> + Send + 'static>(seats: &mut Seats, id: usize, life: F) -> Option<Past> {
        let mut told = None;
        seats.offer(place(id), |past| {
            told = Some(past);
            life
        });
        told
    }

    async fn cleared(seats: &mut Seats, left: usize) {
        while seats.taken.len() > left {
            yield_now().await;
            seats.clear();
        }
    }

    #[tokio::test]
    async fn a_seat_comes_back_however_its_hearing_ends() {
        let mut seats = Seats::default();
        assert_eq!(offer(&mut seats, 0, async { panic!("in the ear") }), Some(Past::Told));
        assert_eq!(offer(&mut seats, 0, pending()), None, "it is listened to");
        cleared(&mut seats, 0).await;
        assert_eq!(offer(&mut seats, 0, ready(End::BrokeOff)), Some(Past::Known));
        cleared(&mut seats, 0).await;
        assert_eq!(offer(&mut seats, 0, ready(End::Left)), Some(Past::Known));
        cleared(&mut seats, 0).await;
        assert_eq!(offer(&mut seats, 0, pending()), Some(Past::Told), "it was away meanwhile");
    }

    #[tokio::test]
    async fn there_are_only_so_many_seats() {
        let mut seats = Seats::default();
        for id in 0..TABS - 1 {
            assert!(offer(&mut seats, id, pending()).is_some());
        }
        assert!(offer(&mut seats, TABS, ready(End::BrokeOff)).is_some());
        assert_eq!(offer(&mut seats, TABS + 1, pending()), None);
        cleared(&mut seats, TABS - 1).await;
        assert!(offer(&mut seats, TABS + 1, pending()).is_some());
    }
}
