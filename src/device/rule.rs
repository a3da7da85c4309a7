//! The reverse rules of a phone: how one is asked for, and what a phone's list of them says.
//!
//! Pure. The device daemon of old phones reads the port of `tcp:localhost:4747` as 0 and opens some other one, so what was asked
//! for is known to stand only once the list says so.

use super::untrusted::shown;

/// Who can connect to the phone's end of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Only programs on the phone.
    Loopback,
    /// Also the phone's neighbours on its Wi-Fi: all that the `adb reverse` command can ask for.
    Network,
}

impl Reach {
    /// The service that makes the rule.
    pub(super) fn establish(self, port: u16) -> String {
        format!("reverse:forward:{};tcp:{port}", self.listener(port))
    }

    /// The service that removes a rule by the name it was asked for.
    pub(super) fn remove(self, port: u16) -> String {
        format!("reverse:killforward:{}", self.listener(port))
    }

    fn listener(self, port: u16) -> String {
        match self {
            Self::Loopback => format!("tcp:localhost:{port}"),
            Self::Network => format!("tcp:{port}"),
        }
    }
}

/// What stands on a phone's port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// No rule.
    Missing,
    /// The one that leads to us, whoever asked for it.
    Ours,
    /// One that leads elsewhere on this computer, as the phone says.
    Foreign(String),
}

/// Finds the rule of a port in the answer to `reverse:list-forward`: lines of a transport's name (which is not the serial
/// number), the phone's end and our end. The service lists a rule as `tcp:PORT` however it was asked for.
pub(super) fn find(list: &str, port: u16) -> Rule {
    let end = format!("tcp:{port}");
    let target = list.lines().find_map(|line| {
        let mut words = line.split(' ').skip(1);
        (words.next()? == end).then(|| words.next()).flatten()
    });
    match target {
        None => Rule::Missing,
        Some(target) if target == end => Rule::Ours,
        Some(target) => Rule::Foreign(shown(target)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(list: &str, expected: Rule) {
        assert_eq!(find(list, 4747), expected, "{list:?}");
    }

    #[test]
    fn the_rule_of_a_port_is_found() {
        check("", Rule::Missing);
        check("host-14 tcp:4747 tcp:4747\n", Rule::Ours);
        check("host-14 tcp:8080 tcp:4747\n", Rule::Missing);
        check("UsbFfs tcp:8081 tcp:8081\nUsbFfs tcp:4747 tcp:4747\n", Rule::Ours);
        check("host-14 tcp:4747 tcp:3000\n", Rule::Foreign("tcp:3000".to_owned()));
        check("host-14 tcp:4747 localabstract:\x1b[2J\n", Rule::Foreign("localabstract:\u{fffd}[2J".to_owned()));
        check("host-14 tcp:localhost:4747 tcp:4747\n", Rule::Missing);
        check("tcp:4747 tcp:4747\n", Rule::Missing);
        check("nonsense\n\n \n", Rule::Missing);
    }

    #[test]
    fn services_have_the_words_of_the_protocol() {
        assert_eq!(Reach::Loopback.establish(4747), "reverse:forward:tcp:localhost:4747;tcp:4747");
        assert_eq!(Reach::Network.establish(4747), "reverse:forward:tcp:4747;tcp:4747");
        assert_eq!(Reach::Network.remove(4747), "reverse:killforward:tcp:4747");
    }
}
