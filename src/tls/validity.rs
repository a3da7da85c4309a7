//! What a certificate says of itself: from when to when it is good, and for which names.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert, ring::ECDSA_P256_SHA256};

/// Why a certificate is no good now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Invalid {
    #[error("expired on {}", day(.0))]
    Expired(UnixTime),
    #[error("is not valid before {}", day(.0))]
    NotYet(UnixTime),
    #[error("is no certificate that can be read")]
    Unreadable,
}

/// Whether a certificate is good at a time. Who signed it is not asked.
pub(super) fn check(certificate: &CertificateDer<'_>, at: SystemTime) -> Result<(), Invalid> {
    let certificate = EndEntityCert::try_from(certificate).map_err(|_| Invalid::Unreadable)?;
    // Without an anchor nothing is trusted, but the time is looked at before that.
    let found = certificate.verify_for_usage(&[ECDSA_P256_SHA256], &[], &[], unix(at), KeyUsage::server_auth(), None, None);
    match found.err() {
        Some(webpki::Error::CertExpired { not_after, .. }) => Err(Invalid::Expired(not_after)),
        Some(webpki::Error::CertNotValidYet { not_before, .. }) => Err(Invalid::NotYet(not_before)),
        _ => Ok(()),
    }
}

/// Whether a certificate is good for a server at a time, in the eyes of somebody who trusts `authority` alone.
pub(super) fn leads_to(leaf: &CertificateDer<'_>, authority: &CertificateDer<'_>, at: SystemTime) -> bool {
    let (Ok(leaf), Ok(anchor)) = (EndEntityCert::try_from(leaf), anchor_from_trusted_cert(authority)) else { return false };
    let usage = KeyUsage::server_auth();
    leaf.verify_for_usage(&[ECDSA_P256_SHA256], &[anchor], &[], unix(at), usage, None, None).is_ok()
}

/// Whether a certificate names a host.
pub(super) fn names(certificate: &CertificateDer<'_>, host: &str) -> bool {
    let name = ServerName::try_from(host);
    let certificate = EndEntityCert::try_from(certificate);
    matches!((name, certificate), (Ok(name), Ok(certificate)) if certificate.verify_is_valid_for_subject_name(&name).is_ok())
}

fn unix(at: SystemTime) -> UnixTime {
    UnixTime::since_unix_epoch(at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO))
}

fn day(time: &UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
}
