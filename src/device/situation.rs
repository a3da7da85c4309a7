//! What a device's user should know about it, as a value that is said when it changes.

use super::{
    adb::{Error, IN_USE},
    link::{Link, Purpose},
    listing::State,
    rule::Reach,
};

/// How a device stands to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Situation {
    /// A port of its localhost leads to us.
    Reached { reach: Reach, port: u16 },
    /// Another program on it has our port.
    PortTaken,
    /// A rule of somebody else leads from our port to this place on the computer.
    Foreign(String),
    /// The request was not granted, for this reason.
    Failed(String),
    /// It takes no requests.
    NotReady(State),
}

impl Situation {
    /// What came of a request that was not granted.
    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::Refused(reason) if reason.contains(IN_USE) => Self::PortTaken,
            error => Self::Failed(error.to_string()),
        }
    }

    /// The phone's port that leads to us.
    pub(super) fn port(&self) -> Option<u16> {
        match self {
            Self::Reached { port, .. } => Some(*port),
            _ => None,
        }
    }

    /// Whether nothing is to be done until the adb server tells of a change: everything but a ready device that is not reached.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self, Self::Reached { .. } | Self::NotReady(_))
    }

    /// What is said of a link, after the device's name; `None` when it will be something else in a moment.
    pub(super) fn words(&self, link: &Link) -> Option<String> {
        let wanted = link.wanted;
        let (subject, advice) = match link.purpose {
            Purpose::Page => ("not reached: ".to_owned(), "close it, or choose another port with --port"),
            Purpose::Port => (format!("port {wanted} does not lead here: "), "close it"),
        };
        Some(match self {
            Self::Reached { reach, port } => {
                let place = match link.purpose {
                    Purpose::Page => format!("http://localhost:{port}/"),
                    Purpose::Port => format!("port {port}"),
                };
                let moved = if *port == wanted { String::new() } else { format!(", as its port {wanted} is taken") };
                let shared = match reach {
                    Reach::Loopback => "",
                    Reach::Network => "; this phone cannot keep the port to itself: its Wi-Fi reaches it too",
                };
                format!("{place} through adb reverse{moved}{shared}")
            }
            Self::PortTaken => format!("{subject}another program on the phone has its port {wanted}; {advice}"),
            Self::Foreign(target) => format!(
                "{subject}its port {wanted} leads to {target} by another rule; `adb reverse --remove tcp:{wanted}` frees it"
            ),
            Self::Failed(reason) => format!("{subject}{reason}"),
            Self::NotReady(state) => return explain(state),
        })
    }
}

/// What to do about a device that takes no requests; `None` when it does, or will be something else in a moment.
pub(super) fn explain(state: &State) -> Option<String> {
    Some(match state {
        State::Ready | State::Passing => return None,
        State::Unauthorized => "unauthorized: unlock it and allow USB debugging for this computer".to_owned(),
        State::Offline => "offline: it does not answer adb; unlock it, or unplug it and plug it in again".to_owned(),
        State::NoPermissions => {
            "no permissions: this user may not open its USB port; install the udev rules for Android devices and plug it in again"
                .to_owned()
        }
        State::Other(state) => format!("in the state {state}: it is reached once Android runs"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reason: &str, expected: Situation) {
        assert_eq!(Situation::of(&Error::Refused(reason.to_owned())), expected, "{reason}");
    }

    #[test]
    fn a_refusal_is_understood() {
        check("cannot bind listener: Address already in use", Situation::PortTaken);
        check("cannot bind listener: Permission denied", Situation::Failed("cannot bind listener: Permission denied".to_owned()));
        check("closed", Situation::Failed("closed".to_owned()));
    }

    fn link(purpose: Purpose) -> Link {
        Link { purpose, wanted: 4747, others: vec![4748], here: 4747 }
    }

    fn check_words(situation: Situation, expected: &str) {
        let words = situation.words(&link(Purpose::Page));
        assert!(words.as_ref().is_some_and(|words| words.contains(expected)), "{words:?}");
    }

    #[test]
    fn every_situation_has_its_words() {
        let reached = |reach, port| Situation::Reached { reach, port };
        check_words(reached(Reach::Loopback, 4747), "http://localhost:4747/ through adb reverse");
        check_words(reached(Reach::Loopback, 4748), "http://localhost:4748/ through adb reverse, as its port 4747 is taken");
        check_words(reached(Reach::Network, 4747), "its Wi-Fi reaches it too");
        check_words(Situation::PortTaken, "has its port 4747");
        check_words(Situation::Foreign("tcp:3000".to_owned()), "leads to tcp:3000");
        check_words(Situation::Failed("closed".to_owned()), "not reached: closed");
        check_words(Situation::NotReady(State::Unauthorized), "allow USB debugging");
        check_words(Situation::NotReady(State::Offline), "plug it in again");
        check_words(Situation::NotReady(State::NoPermissions), "udev rules");
        check_words(Situation::NotReady(State::Other("recovery".to_owned())), "in the state recovery");
        assert_eq!(Situation::NotReady(State::Passing).words(&link(Purpose::Page)), None);
        let words = |situation: Situation| situation.words(&link(Purpose::Port)).unwrap_or_default();
        assert_eq!(words(reached(Reach::Loopback, 4747)), "port 4747 through adb reverse");
        assert!(words(Situation::PortTaken).starts_with("port 4747 does not lead here: another program on the phone has"));
    }
}
