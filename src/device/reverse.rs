//! Sees to it that the rule stands on one phone, and takes it back.

use super::{
    adb::{Adb, Error},
    rule::{self, Reach, Rule},
    situation::Situation,
};

/// What was last said of a phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// That it is reached.
    Reached,
    /// Something else, or nothing.
    Unreached,
}

const LIST: &str = "reverse:list-forward";

/// Asks for the rule if it is missing. `None` means that all is as it was: the rule stands, and `known` to do so.
pub(super) async fn ensure(adb: &Adb, serial: &str, port: u16, known: Known) -> Option<Situation> {
    let outcome = match standing(adb, serial, port).await {
        Ok(Rule::Ours) if known == Known::Reached => return None,
        // Left over from a session that was killed, or made by hand; how it was asked for cannot be told.
        Ok(Rule::Ours) => Ok(Situation::Reached(Reach::Loopback)),
        Ok(Rule::Foreign(target)) => Ok(Situation::Foreign(target)),
        Ok(Rule::Missing) => establish(adb, serial, port).await,
        Err(error) => Err(error),
    };
    Some(outcome.unwrap_or_else(|error| Situation::of(&error)))
}

/// Removes the rule if it leads to us.
pub(super) async fn withdraw(adb: &Adb, serial: &str, port: u16) -> Result<(), Error> {
    match standing(adb, serial, port).await? {
        Rule::Ours => adb.command(serial, &Reach::Network.remove(port)).await,
        Rule::Missing | Rule::Foreign(_) => Ok(()),
    }
}

async fn standing(adb: &Adb, serial: &str, port: u16) -> Result<Rule, Error> {
    Ok(rule::find(&adb.query(serial, LIST).await?, port))
}

/// Asks for the phone's loopback alone; only a phone that does not understand this is asked for all its interfaces.
async fn establish(adb: &Adb, serial: &str, port: u16) -> Result<Situation, Error> {
    match adb.command(serial, &Reach::Loopback.establish(port)).await {
        Ok(()) if standing(adb, serial, port).await? == Rule::Ours => return Ok(Situation::Reached(Reach::Loopback)),
        // An old phone took the words for port 0 and opened some other port, under the name it was given.
        Ok(()) => drop(adb.command(serial, &Reach::Loopback.remove(port)).await),
        Err(error @ Error::Refused(_)) if Situation::of(&error) != Situation::PortTaken => (),
        Err(error) => return Err(error),
    }
    adb.command(serial, &Reach::Network.establish(port)).await?;
    Ok(Situation::Reached(Reach::Network))
}
