//! What is wanted on every phone: ports of its own that lead to ports here.
//!
//! Pure. The page may move to another port of the phone when its own is taken there; a port that pages name in their addresses may not.

use super::{Links, limits::OTHERS};

/// Where the ports for everybody begin; Android lets no program of a shell have those below.
const UNPRIVILEGED: u16 = 1024;

/// Where another port is looked for in place of a privileged one: the next address that people think of.
const INSTEAD: u16 = 8080;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The project's own pages.
    Page,
    /// Something that they ask for by its port.
    Port,
}

/// One rule that every phone is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) purpose: Purpose,
    /// The phone's port that is wanted.
    pub(super) wanted: u16,
    /// Those of its other ports that will do, in their order.
    pub(super) others: Vec<u16>,
    /// The port here.
    pub(super) here: u16,
}

impl Link {
    /// The phone's ports that will do, the wanted one first.
    pub(super) fn ports(&self) -> impl Iterator<Item = u16> {
        std::iter::once(self.wanted).chain(self.others.iter().copied())
    }
}

/// All links, the page's first.
pub(super) fn all(links: &Links) -> Vec<Link> {
    let Links { page, ports, .. } = links;
    let first = if page.phone < UNPRIVILEGED { INSTEAD } else { page.phone.saturating_add(1) };
    let others = (first..first.saturating_add(OTHERS)).filter(|port| *port != page.phone && !ports.contains(port)).collect();
    let own = Link { purpose: Purpose::Page, wanted: page.phone, others, here: page.here };
    let mut all = vec![own];
    for &port in ports.iter().filter(|port| **port != page.phone) {
        if all.iter().all(|link| link.wanted != port) {
            all.push(Link { purpose: Purpose::Port, wanted: port, others: Vec::new(), here: port });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Ends;

    fn check(phone: u16, ports: &[u16], expected: &[&[u16]]) {
        let links = Links { page: Ends { phone, here: 4747 }, ports: ports.to_vec(), devtools: false };
        let found: Vec<Vec<u16>> = all(&links).iter().map(|link| link.ports().collect()).collect();
        assert_eq!(found, expected, "{phone} {ports:?}");
    }

    #[test]
    fn the_page_may_move_and_nothing_else() {
        check(4747, &[], &[&[4747, 4748, 4749, 4750, 4751, 4752, 4753, 4754, 4755, 4756]]);
        check(4747, &[3000, 4748], &[&[4747, 4749, 4750, 4751, 4752, 4753, 4754, 4755, 4756], &[3000], &[4748]]);
        check(4747, &[4747, 3000, 3000], &[&[4747, 4748, 4749, 4750, 4751, 4752, 4753, 4754, 4755, 4756], &[3000]]);
        check(443, &[], &[&[443, 8080, 8081, 8082, 8083, 8084, 8085, 8086, 8087, 8088]]);
        check(65534, &[], &[&[65534]]);
    }
}
