//! Makes the certificates that browsers are shown, when they are needed.
//!
//! Most get the general one, for `localhost`, this machine's name, the configured hosts and every address that a connection came in by.
//! A name below `localhost` gets one of its own. All live in memory; the next run makes others, which costs less than reading them.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use rcgen::KeyPair;
use tokio_rustls::rustls::{
    crypto::ring::sign::any_supported_type,
    pki_types::PrivateKeyDer,
    sign::{CertifiedKey, SigningKey},
};

use super::{
    Clock,
    authority::{Authority, CLOCK_DIFFERENCE},
    fault::TlsError,
    names::{KEPT, Names, is_local_address},
};

/// How long a certificate is good. Browsers take 398 days at most; a server that is suspended over a holiday needs no more than this.
pub(super) const LIFE: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// How long before its end another one takes its place.
const LEFT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Makes certificates and keeps those it made.
pub(super) struct Mint {
    authority: Authority,
    names: Names,
    clock: Clock,
    key: KeyPair,
    signer: Arc<dyn SigningKey>,
    made: Mutex<Made>,
}

#[derive(Debug)]
struct Made {
    /// Those of this machine's that a connection came in by.
    addresses: BTreeSet<IpAddr>,
    /// The name that the network knows this machine by for now.
    network: Option<String>,
    general: Leaf,
    by_name: Vec<(String, Leaf)>,
}

/// A certificate with its key, and the times within which it is shown.
#[derive(Clone, Debug)]
struct Leaf {
    certified: Arc<CertifiedKey>,
    from: SystemTime,
    until: SystemTime,
}

impl Mint {
    pub(super) fn new(authority: Authority, names: Names, clock: Clock) -> Result<Self, TlsError> {
        let key = KeyPair::generate()?;
        let signer = any_supported_type(&PrivateKeyDer::Pkcs8(key.serialize_der().into()))?;
        let addresses = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let addresses = BTreeSet::from(addresses);
        let now = clock();
        let mut general = Leaf::new(&authority, &key, &signer, &names.general(), &addresses, now)?;
        let mut names = names;
        if !authority.vouches_for(&general.certified.cert[0], now) {
            // The machine was given another name after the authority was made.
            names = names.without_machine();
            general = Leaf::new(&authority, &key, &signer, &names.general(), &addresses, now)?;
        }
        let made = Mutex::new(Made { addresses, network: None, general, by_name: Vec::new() });
        Ok(Self { authority, names, clock, key, signer, made })
    }

    /// A connection came in by this address: from now on the general certificate names it.
    pub(super) fn meet(&self, local: IpAddr) {
        let local = local.to_canonical();
        let mut made = self.lock();
        if made.addresses.contains(&local) || !is_local_address(local) {
            return;
        }
        made.addresses.insert(local);
        if let Ok(general) = self.general(&made, (self.clock)()) {
            made.general = general;
        }
    }

    /// The network knows us by this name, and by no earlier one: from now on the general certificate names it.
    pub(super) fn know(&self, name: &str) {
        let mut made = self.lock();
        made.network = Some(name.to_owned());
        if let Ok(general) = self.general(&made, (self.clock)()) {
            made.general = general;
        }
    }

    /// Who vouches for what is made here.
    pub(super) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The certificate for a name that a client asks for; for none, the general one.
    pub(super) fn certificate(&self, name: Option<&str>) -> Arc<CertifiedKey> {
        let now = (self.clock)();
        let mut made = self.lock();
        if !made.general.is_fresh(now)
            && let Ok(general) = self.general(&made, now)
        {
            made.general = general;
        }
        let name = name.map(str::to_ascii_lowercase).filter(|name| Names::has_its_own(name));
        let Some(name) = name else { return Arc::clone(&made.general.certified) };
        if let Some((_, leaf)) = made.by_name.iter().find(|(known, leaf)| *known == name && leaf.is_fresh(now)) {
            return Arc::clone(&leaf.certified);
        }
        let leaf = Leaf::new(&self.authority, &self.key, &self.signer, std::slice::from_ref(&name), &BTreeSet::new(), now);
        let Ok(leaf) = leaf else { return Arc::clone(&made.general.certified) };
        made.by_name.retain(|(known, _)| *known != name);
        if made.by_name.len() == KEPT {
            made.by_name.remove(0);
        }
        let certified = Arc::clone(&leaf.certified);
        made.by_name.push((name, leaf));
        certified
    }

    fn general(&self, made: &Made, now: SystemTime) -> Result<Leaf, TlsError> {
        let mut names = self.names.general();
        names.extend(made.network.iter().filter(|name| !self.names.general().contains(name)).cloned());
        Leaf::new(&self.authority, &self.key, &self.signer, &names, &made.addresses, now)
    }

    fn lock(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Mint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mint").field("authority", &self.authority).field("names", &self.names).finish_non_exhaustive()
    }
}

impl Leaf {
    fn new(
        authority: &Authority,
        key: &KeyPair,
        signer: &Arc<dyn SigningKey>,
        names: &[String],
        addresses: &BTreeSet<IpAddr>,
        now: SystemTime,
    ) -> Result<Self, TlsError> {
        let end = now + LIFE;
        let addresses: Vec<_> = addresses.iter().copied().collect();
        let certificate = authority.sign(key, names, &addresses, now, end)?;
        let certified = Arc::new(CertifiedKey::new(vec![certificate], Arc::clone(signer)));
        Ok(Self { certified, from: now - CLOCK_DIFFERENCE, until: end - LEFT })
    }

    /// Whether it may be shown; a clock that was put back makes it too young.
    fn is_fresh(&self, now: SystemTime) -> bool {
        (self.from..self.until).contains(&now)
    }
}
