//! The devices that the adb server knows, as a block of `host:track-devices-l` lists them.
//!
//! Pure. A line is the serial number padded to 22 columns, the state, and words like `model:Pixel_8`. Serial numbers of phones
//! found by mDNS may contain spaces (`adb-39071FDJH0-x (2)._adb-tls-connect._tcp`) and so do some states: a line is split at the
//! first word that is a known state.

use super::{
    limits::{DEVICES, SERIAL},
    untrusted::shown,
};

/// Every state the adb server has a name for; one is spelled with a space.
const STATES: [&str; 13] = [
    "device",
    "offline",
    "unauthorized",
    "authorizing",
    "connecting",
    "no permissions",
    "bootloader",
    "recovery",
    "sideload",
    "rescue",
    "host",
    "detached",
    "unknown",
];

/// The devices of one block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) devices: Vec<Device>,
    /// How many lines were left out because there are too many, or because they cannot be understood.
    pub(super) ignored: usize,
}

impl Listing {
    /// Whether a device is offline, be it for a moment.
    pub(super) fn has_offline(&self) -> bool {
        self.devices.iter().any(|device| device.state == State::Offline)
    }
}

/// One device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Device {
    /// By which it is asked for; as it came, at most [`SERIAL`] bytes.
    pub(super) serial: String,
    /// Its model, fit to be shown.
    pub(super) model: Option<String>,
    /// By which people know it, fit to be shown.
    pub(super) name: String,
    pub(super) state: State,
}

/// What the adb server says of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It takes requests.
    Ready,
    /// It is about to become something else.
    Passing,
    /// Its user has not allowed this computer.
    Unauthorized,
    /// It does not answer.
    Offline,
    /// This computer's user may not open its USB port.
    NoPermissions,
    /// Android does not run on it, or something newer than this program; fit to be shown.
    Other(String),
}

impl State {
    /// The adb server's word for it.
    pub(super) fn word(&self) -> &str {
        match self {
            Self::Ready => "device",
            Self::Passing => "connecting",
            Self::Unauthorized => "unauthorized",
            Self::Offline => "offline",
            Self::NoPermissions => "no permissions",
            Self::Other(word) => word,
        }
    }
}

/// Reads a block.
pub(super) fn parse(block: &str) -> Listing {
    let mut listing = Listing::default();
    for line in block.lines().filter(|line| !line.is_empty()) {
        match device(line) {
            Some(device) if listing.devices.len() < DEVICES => listing.devices.push(device),
            _ => listing.ignored += 1,
        }
    }
    listing
}

fn device(line: &str) -> Option<Device> {
    let (serial, state, rest) = split(line)?;
    (!serial.is_empty() && serial.len() <= SERIAL).then(|| Device {
        serial: serial.to_owned(),
        model: model(rest),
        name: model(rest).map_or_else(|| shown(serial), |model| shown(&format!("{model} ({serial})"))),
        state: state_of(state),
    })
}

/// Serial number, state, and what follows.
fn split(line: &str) -> Option<(&str, &str, &str)> {
    let known = line.match_indices(' ').find_map(|(at, _)| {
        let (serial, rest) = (&line[..at], &line[at + 1..]);
        let state = STATES.into_iter().find(|state| begins_with_word(rest, state))?;
        Some((serial.trim_end(), state, &rest[state.len()..]))
    });
    known.or_else(|| {
        let (serial, rest) = line.split_once(' ')?;
        let (state, rest) = rest.trim_start().split_once(' ')?;
        Some((serial, state, rest))
    })
}

fn begins_with_word(text: &str, word: &str) -> bool {
    text.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// `Pixel 8`. The adb server writes every special character of a model as `_`; nearly all were spaces.
fn model(rest: &str) -> Option<String> {
    rest.split(' ').find_map(|word| word.strip_prefix("model:")).map(|model| shown(&model.replace('_', " ")))
}

fn state_of(word: &str) -> State {
    match word {
        "device" => State::Ready,
        "authorizing" | "connecting" => State::Passing,
        "unauthorized" => State::Unauthorized,
        "offline" => State::Offline,
        "no permissions" => State::NoPermissions,
        other => State::Other(shown(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: (&str, &str, State)) {
        let listing = parse(line);
        let (serial, name, state) = expected;
        let model = name.strip_suffix(&format!(" ({serial})")).map(str::to_owned);
        let device = Device { serial: serial.to_owned(), model, name: name.to_owned(), state };
        assert_eq!(listing, Listing { devices: vec![device], ignored: 0 }, "{line:?}");
    }

    #[test]
    fn a_line_names_a_device_and_its_state() {
        check(
            "39071FDJH0             device usb:1-2 product:shiba model:Pixel_8 device:shiba transport_id:3\n",
            ("39071FDJH0", "Pixel 8 (39071FDJH0)", State::Ready),
        );
        check(
            "127.0.0.1:32875        device product:pixel_7 model:Pixel_7 device:pixel_7 transport_id:1",
            ("127.0.0.1:32875", "Pixel 7 (127.0.0.1:32875)", State::Ready),
        );
        check(
            "adb-39071FDJH0-fOo (2)._adb-tls-connect._tcp offline product:shiba model:Pixel_8 transport_id:4",
            (
                "adb-39071FDJH0-fOo (2)._adb-tls-connect._tcp",
                "Pixel 8 (adb-39071FDJH0-fOo (2)._adb-tls-connect._tcp)",
                State::Offline,
            ),
        );
        check("39071FDJH0             unauthorized usb:1-2 transport_id:3", ("39071FDJH0", "39071FDJH0", State::Unauthorized));
        check("39071FDJH0             authorizing usb:1-2 transport_id:3", ("39071FDJH0", "39071FDJH0", State::Passing));
        check(
            "39071FDJH0             no permissions (user in plugdev group; are your udev rules wrong?); see [http://x] usb:1-2",
            ("39071FDJH0", "39071FDJH0", State::NoPermissions),
        );
        check("(no serial number)     device usb:1-2 transport_id:3", ("(no serial number)", "(no serial number)", State::Ready));
        check(
            "emulator-5554          recovery transport_id:3",
            ("emulator-5554", "emulator-5554", State::Other("recovery".to_owned())),
        );
        check(
            "39071FDJH0             dreaming transport_id:3",
            ("39071FDJH0", "39071FDJH0", State::Other("dreaming".to_owned())),
        );
        check("device                 device model:\x1b[2J", ("device", "\u{fffd}[2J (device)", State::Ready));
    }

    fn check_ignored(block: &str, devices: usize, ignored: usize) {
        let listing = parse(block);
        assert_eq!((listing.devices.len(), listing.ignored), (devices, ignored), "{block:.100}");
    }

    #[test]
    fn what_cannot_be_served_is_counted() {
        check_ignored("", 0, 0);
        check_ignored("nonsense\n", 0, 1);
        check_ignored(" device transport_id:1\n", 0, 1);
        check_ignored(&format!("{} device\n", "x".repeat(SERIAL)), 1, 0);
        check_ignored(&format!("{} device\n", "x".repeat(SERIAL + 1)), 0, 1);
        let many: String = (0..DEVICES + 3).map(|n| format!("serial{n} device\n")).collect();
        check_ignored(&many, DEVICES, 3);
    }
}
