//! Who may come in by the network: invitations, each good for one browser, and the browsers that took one.
//!
//! All of it lives as long as the session: after a start every phone is paired anew. Nothing here knows HTTP or the time: both are
//! handed in, so that tables test it.

use std::{
    collections::VecDeque,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::reload::Token;

/// How long an invitation is good: a code that stands on a screen or in a scrollback should not let anybody in tomorrow.
const LIFE: Duration = Duration::from_secs(10 * 60);

/// Invitations that are remembered, for those that are over to be told from those that never were.
const INVITATIONS: usize = 32;

/// Browsers that are paired at once; the one that was paired first makes room.
const BROWSERS: usize = 64;

/// Wrong tokens that one address may try within [`PENALTY`]: more than a person mistypes.
const TRIES: u32 = 5;

/// How long the tries of an address count, and how long it waits when there were too many.
pub const PENALTY: Duration = Duration::from_secs(60);

/// Addresses whose tries are counted; the one that tried first makes room.
const ADDRESSES: usize = 256;

/// Lets browsers in. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Pairing(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    invitations: VecDeque<Invitation>,
    browsers: VecDeque<Token>,
    tries: VecDeque<Tries>,
}

#[derive(Debug)]
struct Invitation {
    token: Token,
    until: Instant,
    is_used: bool,
}

#[derive(Debug)]
struct Tries {
    from: IpAddr,
    began: Instant,
    count: u32,
}

/// Why an invitation lets nobody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Uninvited {
    /// It was taken before.
    #[error("this code was used already, and each is good for one browser")]
    Used,
    /// It is too old.
    #[error("this code is older than {} minutes, and no longer good", Pairing::MINUTES)]
    Expired,
    /// It was never given.
    #[error("this code is not known here: it may be of an earlier start of the server")]
    Unknown,
    /// There were too many others from the same address.
    #[error("too many wrong codes came from this address; wait a minute before the next")]
    TooMany,
    /// The system has no random source.
    #[error("the system has no random source")]
    NoSource,
}

impl Pairing {
    /// How long an invitation is good, in minutes.
    pub const MINUTES: u64 = LIFE.as_secs() / 60;

    /// A new invitation, for one browser within ten minutes.
    ///
    /// # Errors
    /// When the system has no random source.
    pub fn invite(&self, now: Instant) -> Result<Token, getrandom::Error> {
        let token = Token::new()?;
        let mut state = self.lock();
        if state.invitations.len() == INVITATIONS {
            state.invitations.pop_front();
        }
        state.invitations.push_back(Invitation { token: token.clone(), until: now + LIFE, is_used: false });
        Ok(token)
    }

    /// Takes an invitation; what the browser is known by from then on.
    ///
    /// # Errors
    /// Why it lets nobody in. Whoever tries too many is refused the right one as well, for a while.
    pub fn accept(&self, token: &str, from: IpAddr, now: Instant) -> Result<Token, Uninvited> {
        let mut state = self.lock();
        if state.has_tried_enough(from, now) {
            return Err(Uninvited::TooMany);
        }
        // All are compared, so that the time taken says nothing of which one is alike.
        let matching = state.invitations.iter_mut().filter(|known| known.token.matches(token));
        let outcome = match matching.last() {
            None => Err(Uninvited::Unknown),
            Some(known) if known.is_used => Err(Uninvited::Used),
            Some(known) if known.until <= now => Err(Uninvited::Expired),
            Some(known) => {
                let browser = Token::new().map_err(|_| Uninvited::NoSource)?;
                known.is_used = true;
                Ok(browser)
            }
        };
        match &outcome {
            Ok(browser) => state.remember(browser.clone()),
            Err(_) => state.note_try(from, now),
        }
        outcome
    }

    /// Whether a browser is paired.
    #[must_use]
    pub fn knows(&self, browser: &str) -> bool {
        self.lock().browsers.iter().fold(false, |found, known| found | known.matches(browser))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remember(&mut self, browser: Token) {
        if self.browsers.len() == BROWSERS {
            self.browsers.pop_front();
        }
        self.browsers.push_back(browser);
    }

    fn has_tried_enough(&mut self, from: IpAddr, now: Instant) -> bool {
        self.tries.retain(|tries| now.duration_since(tries.began) < PENALTY);
        self.tries.iter().any(|tries| tries.from == from && tries.count >= TRIES)
    }

    fn note_try(&mut self, from: IpAddr, now: Instant) {
        match self.tries.iter_mut().find(|tries| tries.from == from) {
            Some(tries) => {
                tries.count += 1;
                // From here on it waits for the whole time.
                tries.began = if tries.count == TRIES { now } else { tries.began };
            }
            None => {
                if self.tries.len() == ADDRESSES {
                    self.tries.pop_front();
                }
                self.tries.push_back(Tries { from, began: now, count: 1 });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 1, 30));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 1, 31));

    #[test]
    fn an_invitation_is_for_one_browser_and_not_for_ever() {
        let (pairing, now) = (Pairing::default(), Instant::now());
        let [first, second] = [(); 2].map(|()| pairing.invite(now).unwrap());
        let browser = pairing.accept(first.reveal(), PHONE, now).unwrap();
        assert!(pairing.knows(browser.reveal()));
        assert!(!pairing.knows(first.reveal()) && !pairing.knows(second.reveal()) && !pairing.knows(""));
        let check = |token: &str, later: Duration, expected| {
            assert_eq!(pairing.accept(token, PHONE, now + later).err(), Some(expected), "{later:?}");
        };
        check(first.reveal(), Duration::ZERO, Uninvited::Used);
        check(second.reveal(), LIFE, Uninvited::Expired);
        check(browser.reveal(), LIFE, Uninvited::Unknown);
        check("", LIFE, Uninvited::Unknown);
        assert!(pairing.accept(second.reveal(), PHONE, now + LIFE - Duration::from_secs(1)).is_ok());
    }

    #[test]
    fn whoever_guesses_waits_and_nobody_else_does() {
        let (pairing, now) = (Pairing::default(), Instant::now());
        let right = pairing.invite(now).unwrap();
        for _ in 0..TRIES {
            assert_eq!(pairing.accept("wrong", OTHER, now).err(), Some(Uninvited::Unknown));
        }
        assert_eq!(pairing.accept(right.reveal(), OTHER, now).err(), Some(Uninvited::TooMany));
        let almost = now + PENALTY - Duration::from_millis(1);
        assert_eq!(pairing.accept(right.reveal(), OTHER, almost).err(), Some(Uninvited::TooMany));
        assert!(pairing.accept(right.reveal(), PHONE, almost).is_ok());
        assert_eq!(pairing.accept(right.reveal(), OTHER, now + PENALTY).err(), Some(Uninvited::Used));
    }

    #[test]
    fn what_is_remembered_has_bounds() {
        let (pairing, now) = (Pairing::default(), Instant::now());
        let first = pairing.invite(now).unwrap();
        for _ in 0..INVITATIONS {
            pairing.invite(now).unwrap();
        }
        assert_eq!(pairing.accept(first.reveal(), PHONE, now).err(), Some(Uninvited::Unknown));
        let pair = || pairing.accept(pairing.invite(now).unwrap().reveal(), PHONE, now).unwrap();
        let browser = pair();
        for _ in 1..BROWSERS {
            pair();
        }
        assert!(pairing.knows(browser.reveal()));
        pair();
        assert!(!pairing.knows(browser.reveal()));
        for last in 0..=u32::try_from(ADDRESSES).unwrap() {
            let _ = pairing.accept("wrong", IpAddr::V4(std::net::Ipv4Addr::from_bits(last)), now);
        }
        assert_eq!(pairing.lock().tries.len(), ADDRESSES);
    }
}
