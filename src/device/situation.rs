//! What a device's user should know about it, as a value that is said when it changes.

use super::{adb::Error, listing::State, rule::Reach};

/// How a device stands to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Situation {
    /// Its localhost leads to us.
    Reached(Reach),
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
            Error::Refused(reason) if reason.contains("Address already in use") => Self::PortTaken,
            error => Self::Failed(error.to_string()),
        }
    }

    /// Whether a rule leads to us.
    pub(super) fn is_reached(&self) -> bool {
        matches!(self, Self::Reached(_))
    }

    /// Whether nothing is to be done until the adb server tells of a change: everything but a ready device that is not reached.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self, Self::Reached(_) | Self::NotReady(_))
    }

    /// What is said, after the device's name; `None` when it will be something else in a moment.
    pub(super) fn words(&self, port: u16) -> Option<String> {
        Some(match self {
            Self::Reached(Reach::Loopback) => format!("http://localhost:{port}/ through adb reverse"),
            Self::Reached(Reach::Network) => format!(
                "http://localhost:{port}/ through adb reverse; this phone cannot keep the port to itself: its Wi-Fi reaches it too"
            ),
            Self::PortTaken => format!(
                "not reached: another program on the phone has its port {port}; close it, or choose another port with --port"
            ),
            Self::Foreign(target) => format!(
                "not reached: its port {port} leads to {target} by another rule; `adb reverse --remove tcp:{port}` frees it"
            ),
            Self::Failed(reason) => format!("not reached: {reason}"),
            Self::NotReady(state) => return explain(state),
        })
    }
}

fn explain(state: &State) -> Option<String> {
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

    fn check_words(situation: Situation, expected: &str) {
        let words = situation.words(4747);
        assert!(words.as_ref().is_some_and(|words| words.contains(expected)), "{words:?}");
    }

    #[test]
    fn every_situation_has_its_words() {
        check_words(Situation::Reached(Reach::Loopback), "http://localhost:4747/ through adb reverse");
        check_words(Situation::Reached(Reach::Network), "its Wi-Fi reaches it too");
        check_words(Situation::PortTaken, "has its port 4747");
        check_words(Situation::Foreign("tcp:3000".to_owned()), "leads to tcp:3000");
        check_words(Situation::Failed("closed".to_owned()), "not reached: closed");
        check_words(Situation::NotReady(State::Unauthorized), "allow USB debugging");
        check_words(Situation::NotReady(State::Offline), "plug it in again");
        check_words(Situation::NotReady(State::NoPermissions), "udev rules");
        check_words(Situation::NotReady(State::Other("recovery".to_owned())), "in the state recovery");
        assert_eq!(Situation::NotReady(State::Passing).words(4747), None);
    }
}
