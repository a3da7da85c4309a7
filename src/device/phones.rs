//! The phones that are known: what each was last said to be, and the work that a new listing makes.
//!
//! A listing may come many times a second and say nothing new. Each time every ready phone is checked (older adb servers do not
//! tell that a connection was lost and made again), but a line is sent only when a phone's [`Situation`] changes or a lost rule
//! was made again.

use std::collections::BTreeMap;

use tokio::task::JoinSet;

use super::{
    adb::{Adb, Error},
    limits::DEVICES,
    listing::{Device, Listing, State},
    reverse::{self, Known},
    situation::Situation,
};
use crate::telemetry::{Notice, Notices};

/// All phones of one adb server, by serial number.
#[derive(Debug)]
pub(super) struct Phones {
    adb: Adb,
    port: u16,
    notices: Notices,
    known: BTreeMap<String, Phone>,
    ignored: usize,
    complaint: Option<String>,
}

#[derive(Debug, Default)]
struct Phone {
    name: String,
    told: Option<Situation>,
}

impl Phones {
    pub(super) fn new(adb: Adb, port: u16, notices: Notices) -> Self {
        Self { adb, port, notices, known: BTreeMap::new(), ignored: 0, complaint: None }
    }

    /// Whether every phone is as good as it gets until the next listing.
    pub(super) fn are_settled(&self) -> bool {
        self.known.values().filter_map(|phone| phone.told.as_ref()).all(Situation::is_settled)
    }

    /// Does what a listing asks for: forgets, explains, and makes rules, all phones at a time.
    pub(super) async fn update(&mut self, listing: &Listing) {
        self.complaint = None;
        self.tell_ignored(listing);
        self.forget_absent(listing);
        let mut answers = JoinSet::new();
        for device in &listing.devices {
            let known = self.meet(device);
            match &device.state {
                State::Ready => drop(answers.spawn(ensure(self.adb.clone(), device.serial.clone(), self.port, known))),
                state => self.tell(&device.serial, Situation::NotReady(state.clone())),
            }
        }
        while let Some(answer) = answers.join_next().await {
            if let Ok((serial, Some(situation))) = answer {
                self.tell(&serial, situation);
            }
        }
    }

    /// The adb server does not answer: none of its phones is known any more.
    pub(super) fn lose(&mut self, error: &Error) {
        if !self.known.is_empty() {
            self.known.clear();
            self.notices.send(Notice::Info("the adb server ended; phones are reached again once it is back".to_owned()));
        }
        let complaint = complaint(error);
        if complaint != self.complaint {
            complaint.iter().for_each(|text| self.notices.warn(text));
        }
        self.complaint = complaint.or(self.complaint.take());
    }

    /// Removes the rules from all phones at a time.
    pub(super) async fn withdraw(self) {
        let mut removals = JoinSet::new();
        for serial in self.known.into_keys() {
            let adb = self.adb.clone();
            removals.spawn(async move { reverse::withdraw(&adb, &serial, self.port).await });
        }
        // A phone that refuses is not connected, and its rule went with the connection.
        while removals.join_next().await.is_some() {}
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
            if phone.told.is_some() {
                self.notices.send(Notice::Device { name: phone.name, what: "disconnected".to_owned() });
            }
        }
    }

    /// Makes a phone known before anything is asked of it, so that no rule is forgotten when the asking is cut short.
    fn meet(&mut self, device: &Device) -> Known {
        let phone = self.known.entry(device.serial.clone()).or_default();
        phone.name.clone_from(&device.name);
        if phone.told.as_ref().is_some_and(Situation::is_reached) { Known::Reached } else { Known::Unreached }
    }

    /// Says a situation that is new. That a phone is reached comes here only when a rule was made, so it always is.
    fn tell(&mut self, serial: &str, situation: Situation) {
        let Some(phone) = self.known.get_mut(serial) else { return };
        if phone.told.as_ref() == Some(&situation) && !situation.is_reached() {
            return;
        }
        if let Some(what) = situation.words(self.port) {
            self.notices.send(Notice::Device { name: phone.name.clone(), what });
            phone.told = Some(situation);
        }
    }
}

async fn ensure(adb: Adb, serial: String, port: u16, known: Known) -> (String, Option<Situation>) {
    let situation = reverse::ensure(&adb, &serial, port, known).await;
    (serial, situation)
}

/// What is said about an adb server that cannot be followed. That there is none is not worth a word.
fn complaint(error: &Error) -> Option<String> {
    match error {
        Error::Absent | Error::Ended => None,
        error => Some(format!("phones are not reached, as the adb server cannot be followed: {error}")),
    }
}
