//! Sees to it that the rules stand on one phone, and takes them back.

use super::{
    adb::{Adb, Error},
    link::Link,
    rule::{Reach, Rules},
    situation::Situation,
    untrusted::shown,
};

const LIST: &str = "reverse:list-forward";

/// The rules that stand on a phone.
pub(super) async fn standing(adb: &Adb, serial: &str) -> Result<Rules, Error> {
    Ok(Rules::parse(&adb.query(serial, LIST).await?))
}

/// Asks for a link's rule if it is missing. `None` means that all is as it was told: the rule stands.
pub(super) async fn ensure(adb: &Adb, serial: &str, link: &Link, told: Option<&Situation>) -> Option<Situation> {
    let rules = match standing(adb, serial).await {
        Ok(rules) => rules,
        Err(error) => return Some(Situation::of(&error)),
    };
    match rules.ours(link).next() {
        Some(port) if told.and_then(Situation::port) == Some(port) => None,
        // Left over from a session that was killed, or made by hand; how it was asked for cannot be told.
        Some(port) => Some(Situation::Reached { reach: Reach::Loopback, port }),
        None => Some(establish(adb, serial, link, &rules).await.unwrap_or_else(|error| Situation::of(&error))),
    }
}

/// Removes every rule that leads to us.
pub(super) async fn withdraw(adb: &Adb, serial: &str, links: &[Link]) -> Result<(), Error> {
    let rules = standing(adb, serial).await?;
    for port in links.iter().flat_map(|link| rules.ours(link)) {
        match adb.command(serial, &Reach::Network.remove(port)).await {
            // One that cannot be removed keeps no other in place.
            Ok(()) | Err(Error::Refused(_)) => (),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Asks for the first of the link's ports that can be had. A port with a rule of somebody else is passed over: the phone would let us
/// take it from them. What is said when none can be had is what keeps us from the first.
async fn establish(adb: &Adb, serial: &str, link: &Link, rules: &Rules) -> Result<Situation, Error> {
    let mut why = None;
    for port in link.ports() {
        let in_the_way = match rules.target(port) {
            Some(target) => Situation::Foreign(shown(target)),
            None => match bind(adb, serial, port, link.here).await {
                Ok(reach) => return Ok(Situation::Reached { reach, port }),
                Err(error) if error.is_about_the_port() => Situation::of(&error),
                Err(error) => return Err(error),
            },
        };
        why.get_or_insert(in_the_way);
    }
    Ok(why.unwrap_or(Situation::PortTaken))
}

/// Asks for the phone's loopback alone; only a phone that does not understand this is asked for all its interfaces.
async fn bind(adb: &Adb, serial: &str, port: u16, here: u16) -> Result<Reach, Error> {
    match adb.command(serial, &Reach::Loopback.establish(port, here)).await {
        Ok(()) if standing(adb, serial).await?.target(port) == Some(&format!("tcp:{here}")) => return Ok(Reach::Loopback),
        // An old phone took the words for port 0 and opened some other port, under the name it was given.
        Ok(()) => drop(adb.command(serial, &Reach::Loopback.remove(port)).await),
        Err(error @ Error::Refused(_)) if !error.is_about_the_port() => (),
        Err(error) => return Err(error),
    }
    adb.command(serial, &Reach::Network.establish(port, here)).await?;
    Ok(Reach::Network)
}
