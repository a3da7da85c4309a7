//! The phones that are known: what each was last said to be, and the work that a new listing makes.
//!
//! A listing may come many times a second and say nothing new. Each time every ready phone is checked (older adb servers do not
//! tell that a connection was lost and made again), but a line is sent only when a phone's [`Situation`] changes or a lost rule
//! was made again.

use std::{collections::BTreeMap, sync::Arc};

use tokio::task::JoinSet;

use super::{
    OtherPorts,
    adb::{Adb, Error},
    adb_server::NotStarted,
    limits::DEVICES,
    link::Link,
    listing::{Device, Listing, State},
    reverse,
    situation::Situation,
};
use crate::{
    joined::joined,
    telemetry::{Notice, Notices},
};

/// All phones of one adb server, by serial number.
#[derive(Debug)]
pub(super) struct Phones {
    adb: Adb,
    /// The page's first.
    links: Arc<[Link]>,
    other_ports: OtherPorts,
    notices: Notices,
    known: BTreeMap<String, Phone>,
    ignored: usize,
    complaint: Option<String>,
}

#[derive(Debug, Default)]
struct Phone {
    name: String,
    /// What was last said of each link, by its place among them.
    told: BTreeMap<usize, Situation>,
}

/// The place of the page's link.
const PAGE: usize = 0;

impl Phones {
    pub(super) fn new(adb: Adb, links: Vec<Link>, other_ports: OtherPorts, notices: Notices) -> Self {
        let links = links.into();
        Self { adb, links, other_ports, notices, known: BTreeMap::new(), ignored: 0, complaint: None }
    }

    /// Whether every phone is as good as it gets until the next listing.
    pub(super) fn are_settled(&self) -> bool {
        self.known.values().flat_map(|phone| phone.told.values()).all(Situation::is_settled)
    }

    /// Does what a listing asks for: forgets, explains, and makes rules, all phones at a time.
    pub(super) async fn update(&mut self, listing: &Listing) {
        self.complaint = None;
        self.tell_ignored(listing);
        self.forget_absent(listing);
        let mut answers = JoinSet::new();
        for device in &listing.devices {
            let told = self.meet(device);
            match &device.state {
                State::Ready => {
                    drop(answers.spawn(ensure(self.adb.clone(), device.serial.clone(), Arc::clone(&self.links), told)))
                }
                state => self.tell_not_ready(&device.serial, state),
            }
        }
        while let Some(answer) = answers.join_next().await {
            if let Some((serial, news)) = joined(answer) {
                news.into_iter().for_each(|(place, situation)| self.tell(&serial, place, situation));
            }
        }
    }

    /// The adb server does not answer: none of its phones is known any more.
    pub(super) fn lose(&mut self, error: &Error) {
        if !self.known.is_empty() {
            self.known.clear();
            self.publish();
            self.notices.send(Notice::Info("the adb server ended; phones are reached again once it is back".to_owned()));
        }
        let complaint = complaint(error);
        if complaint != self.complaint {
            complaint.iter().for_each(|text| self.notices.warn(text));
        }
        self.complaint = complaint.or(self.complaint.take());
    }

    /// Says that an adb server was started, or why none was.
    pub(super) fn tell_started(&self, started: &Result<(), NotStarted>) {
        match started {
            Ok(()) => self.notices.send(Notice::Info("a phone is plugged in: the adb server was started".to_owned())),
            Err(error) => self.notices.warn(format!("phones are not reached: {error}")),
        }
    }

    /// Removes the rules from all phones at a time.
    pub(super) async fn withdraw(self) {
        let mut removals = JoinSet::new();
        for serial in self.known.into_keys() {
            let (adb, links) = (self.adb.clone(), Arc::clone(&self.links));
            removals.spawn(async move { reverse::withdraw(&adb, &serial, &links).await });
        }
        while let Some(removed) = removals.join_next().await {
            // A phone that refuses is not connected, and its rule went with the connection.
            joined(removed);
        }
    }

    fn tell_ignored(&mut self, listing: &Listing) {
        if listing.ignored > self.ignored {
            let ignored = listing.ignored;
            self.notices
                .warn(format!("{ignored} of the lines in adb's list are not served: more than {DEVICES} devices, or unreadable"));
        }
        self.ignored = listing.ignored;
    }

    fn forget_absent(&mut self, listing: &Listing) {
        let is_absent = |serial: &String| listing.devices.iter().all(|device| device.serial != *serial);
        for (_, phone) in self.known.extract_if(.., |serial, _| is_absent(serial)) {
            if !phone.told.is_empty() {
                self.notices.send(Notice::Device { name: phone.name, what: "disconnected".to_owned() });
            }
        }
        self.publish();
    }

    /// Makes a phone known before anything is asked of it, so that no rule is forgotten when the asking is cut short.
    fn meet(&mut self, device: &Device) -> BTreeMap<usize, Situation> {
        let phone = self.known.entry(device.serial.clone()).or_default();
        phone.name.clone_from(&device.name);
        phone.told.clone()
    }

    /// What was said of its links counts no more: they are said anew once it is ready.
    fn tell_not_ready(&mut self, serial: &str, state: &State) {
        if let Some(phone) = self.known.get_mut(serial) {
            phone.told.retain(|place, _| *place == PAGE);
        }
        self.tell(serial, PAGE, Situation::NotReady(state.clone()));
    }

    /// Says a situation that is new. That a phone is reached comes here only when a rule was made, so it always is.
    fn tell(&mut self, serial: &str, place: usize, situation: Situation) {
        let (Some(phone), Some(link)) = (self.known.get_mut(serial), self.links.get(place)) else { return };
        if phone.told.get(&place) == Some(&situation) && situation.port().is_none() {
            return;
        }
        if let Some(what) = situation.words(link) {
            let notice = Notice::Device { name: phone.name.clone(), what };
            phone.told.insert(place, situation);
            // Before anybody hears of the port.
            self.publish();
            self.notices.send(notice);
        }
    }

    /// Lets the page's port be another one where a phone knows it by another.
    fn publish(&self) {
        let pages = self.known.values().filter_map(|phone| phone.told.get(&PAGE)?.port());
        let wanted = self.links.first().map(|link| link.wanted);
        self.other_ports.set(pages.filter(|port| Some(*port) != wanted).collect());
    }
}

/// One link after the other: each takes the ports that those before it left.
async fn ensure(
    adb: Adb,
    serial: String,
    links: Arc<[Link]>,
    told: BTreeMap<usize, Situation>,
) -> (String, Vec<(usize, Situation)>) {
    let mut news = Vec::new();
    for (place, link) in links.iter().enumerate() {
        if let Some(situation) = reverse::ensure(&adb, &serial, link, told.get(&place)).await {
            news.push((place, situation));
        }
    }
    (serial, news)
}

/// What is said about an adb server that cannot be followed. That there is none is not worth a word.
fn complaint(error: &Error) -> Option<String> {
    match error {
        Error::Absent | Error::Ended => None,
        error => Some(format!("phones are not reached, as the adb server cannot be followed: {error}")),
    }
}
