//! The reverse rules of a phone: how one is asked for, and what a phone's list of them says.
//!
//! Pure. The device daemon of old phones reads the port of `tcp:localhost:4747` as 0 and opens some other one, so what was asked
//! for is known to stand only once the list says so.

use super::{link::Link, untrusted::shown};

/// Who can connect to the phone's end of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Only programs on the phone.
    Loopback,
    /// Also the phone's neighbours on its Wi-Fi: all that the `adb reverse` command can ask for.
    Network,
}

impl Reach {
    /// The service that makes a rule.
    pub(super) fn establish(self, phone: u16, here: u16) -> String {
        format!("reverse:forward:{};tcp:{here}", self.listener(phone))
    }

    /// The service that removes a rule by the name it was asked for.
    pub(super) fn remove(self, phone: u16) -> String {
        format!("reverse:killforward:{}", self.listener(phone))
    }

    fn listener(self, port: u16) -> String {
        match self {
            Self::Loopback => format!("tcp:localhost:{port}"),
            Self::Network => format!("tcp:{port}"),
        }
    }
}

/// The rules that stand on a phone: its end, as it says, and ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rules(Vec<(String, String)>);

impl Rules {
    /// Reads the answer to `reverse:list-forward`: lines of a transport's name (which is not the serial number), the phone's end
    /// and our end. The service lists a rule as `tcp:PORT` however it was asked for.
    pub(super) fn parse(list: &str) -> Self {
        let ends = |line: &str| {
            let mut words = line.split(' ').skip(1);
            Some((words.next()?.to_owned(), words.next()?.to_owned()))
        };
        Self(list.lines().filter_map(ends).collect())
    }

    /// Where a port of the phone leads, as the phone says.
    pub(super) fn target(&self, port: u16) -> Option<&str> {
        let name = format!("tcp:{port}");
        self.0.iter().find(|(phone, _)| *phone == name).map(|(_, target)| target.as_str())
    }

    /// The phone's ports that lead where a link is to lead, whoever asked for it, the best one first.
    pub(super) fn ours(&self, link: &Link) -> impl Iterator<Item = u16> {
        let here = format!("tcp:{}", link.here);
        link.ports().filter(move |port| self.target(*port) == Some(here.as_str()))
    }

    /// The phone's ports that lead to this port here.
    pub(super) fn leading_to(&self, here: u16) -> impl Iterator<Item = u16> {
        let here = format!("tcp:{here}");
        let to_here = self.0.iter().filter(move |(_, target)| *target == here);
        to_here.filter_map(|(phone, _)| phone.strip_prefix("tcp:")?.parse().ok())
    }

    /// All of them, fit to be shown.
    pub(super) fn shown(&self) -> Vec<(String, String)> {
        self.0.iter().map(|(phone, here)| (shown(phone), shown(here))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::link::Purpose;

    fn link(here: u16) -> Link {
        Link { purpose: Purpose::Page, wanted: 4747, others: vec![4748, 4749], here }
    }

    fn check(list: &str, ours: &[u16], target: Option<&str>) {
        let rules = Rules::parse(list);
        assert_eq!(rules.ours(&link(4747)).collect::<Vec<_>>(), ours, "{list:?}");
        assert_eq!(rules.target(4747), target, "{list:?}");
    }

    #[test]
    fn the_rule_of_a_port_is_found() {
        check("", &[], None);
        check("host-14 tcp:4747 tcp:4747\n", &[4747], Some("tcp:4747"));
        check("host-14 tcp:8080 tcp:4747\n", &[], None);
        check("UsbFfs tcp:8081 tcp:8081\nUsbFfs tcp:4747 tcp:4747\n", &[4747], Some("tcp:4747"));
        check("UsbFfs tcp:4748 tcp:4747\nUsbFfs tcp:4747 tcp:3000\n", &[4748], Some("tcp:3000"));
        check("UsbFfs tcp:4749 tcp:4747\nUsbFfs tcp:4747 tcp:4747\n", &[4747, 4749], Some("tcp:4747"));
        check("host-14 tcp:4747 localabstract:x\n", &[], Some("localabstract:x"));
        check("host-14 tcp:localhost:4747 tcp:4747\n", &[], None);
        check("tcp:4747 tcp:4747\n", &[], None);
        check("nonsense\n\n \n", &[], None);
        assert_eq!(Rules::parse("host-14 tcp:4747 tcp:4748\n").ours(&link(4748)).next(), Some(4747));
        assert_eq!(
            Rules::parse("host-14 tcp:9 tcp:4748\nhost-14 localabstract:x tcp:4748\n").leading_to(4748).collect::<Vec<_>>(),
            [9]
        );
    }

    #[test]
    fn what_a_phone_says_of_its_rules_cannot_act() {
        let rules = Rules::parse("host-14 tcp:4747 localabstract:\x1b[2J\n").shown();
        assert_eq!(rules, [("tcp:4747".to_owned(), "localabstract:\u{fffd}[2J".to_owned())]);
    }

    #[test]
    fn services_have_the_words_of_the_protocol() {
        assert_eq!(Reach::Loopback.establish(4747, 4747), "reverse:forward:tcp:localhost:4747;tcp:4747");
        assert_eq!(Reach::Network.establish(4747, 4747), "reverse:forward:tcp:4747;tcp:4747");
        assert_eq!(Reach::Loopback.establish(4747, 4748), "reverse:forward:tcp:localhost:4747;tcp:4748");
        assert_eq!(Reach::Network.remove(4747), "reverse:killforward:tcp:4747");
    }
}
