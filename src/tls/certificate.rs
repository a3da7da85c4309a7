//! The authority's certificate as it is given away: public, and nothing else of it.

use data_encoding::HEXUPPER;
use ring::digest::{SHA256, digest};

use super::authority::Authority;

/// The certificate of the authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// What it is called in the list of a phone.
    pub name: String,
    /// Which it is, in letters that may stand in a file's name.
    pub id: String,
    /// In the form of X.509 (DER).
    pub der: Vec<u8>,
    /// Its SHA-256: what is compared by eye with what a phone received.
    pub fingerprint: [u8; 32],
}

impl Certificate {
    pub(super) fn of(authority: &Authority) -> Self {
        let der = authority.der().to_vec();
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest(&SHA256, &der).as_ref());
        Self { name: authority.name(), id: authority.id().to_owned(), der, fingerprint }
    }

    /// The fingerprint as systems show it: `1F 0A …`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.fingerprint.map(|byte| HEXUPPER.encode(&[byte])).join(" ")
    }
}
