//! HTTPS: certificates of an authority that this user has on this machine, or the person's own.
//!
//! [`Tls`] takes connections whose first byte says TLS. It is made once, from what the configuration says; from then on nothing that a
//! client or a file does ends it: a certificate that is about to expire is made anew, an address that was not known joins the
//! next one, files that changed are read again, and what cannot be used leaves the last good one in place.
//!
//! How the authority comes into the stores of systems and browsers is in [`store`]. The types of rustls, rcgen and webpki are known here and nowhere else; nothing here knows HTTP.

mod authority;
mod certificate;
mod fault;
mod files;
mod mint;
mod names;
mod resolver;
pub mod store;
mod validity;

use std::{
    io,
    net::IpAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{self, AlertDescription, crypto::ring},
};

pub use authority::{Authority, AuthorityError};
pub use certificate::Certificate;
pub use fault::TlsError;

use crate::{
    config::{ServerConfig, TlsConfig},
    telemetry::Notices,
};
use files::Files;
use mint::Mint;
use names::Names;
use resolver::Resolver;

/// A connection behind its handshake.
pub(crate) type Encrypted<IO> = tokio_rustls::server::TlsStream<IO>;

/// The protocols that are offered (RFC 7301), the better one first.
const ALPN: [&[u8]; 2] = [HTTP2, b"http/1.1"];
const HTTP2: &[u8] = b"h2";

/// What time it is; tests have their own.
type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Takes TLS connections. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    resolver: Arc<Resolver>,
    notices: Notices,
    is_told: Arc<AtomicBool>,
}

impl Tls {
    /// What the configuration asks for; `None` when that is nothing, and no file is looked at then. The authority is in `state`,
    /// and made there when there is none.
    ///
    /// # Errors
    /// When there is no certificate to be had: why, and what to do.
    pub fn open(config: &ServerConfig, state: Option<&Path>, notices: &Notices) -> Result<Option<Self>, TlsError> {
        let clock: Clock = Arc::new(SystemTime::now);
        let resolver = match &config.tls {
            TlsConfig::Off => return Ok(None),
            TlsConfig::Local => {
                let authority = Authority::open(state.ok_or(TlsError::NoState)?, clock())?;
                let names = Names::new(names::machine(), &config.hosts);
                names.tell_foreign(notices);
                Resolver::Mint(Mint::new(authority, names, clock)?)
            }
            TlsConfig::Files { cert, key } => Resolver::Files(Files::open(cert, key, clock, notices.clone())?),
        };
        Self::new(resolver, notices).map(Some)
    }

    fn new(resolver: Resolver, notices: &Notices) -> Result<Self, TlsError> {
        let resolver = Arc::new(resolver);
        let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&resolver) as Arc<dyn rustls::server::ResolvesServerCert>);
        config.alpn_protocols = ALPN.map(<[u8]>::to_vec).to_vec();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Self { acceptor, resolver, notices: notices.clone(), is_told: Arc::default() })
    }

    /// Shakes hands on a connection that came in at `local`. It takes as long as the client likes.
    ///
    /// # Errors
    /// When the client speaks no TLS, or does not like the certificate.
    pub(crate) async fn accept<IO>(&self, stream: IO, local: IpAddr) -> io::Result<Encrypted<IO>>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        self.resolver.meet(local);
        self.acceptor.accept(stream).await.inspect_err(|error| self.tell_refused(error))
    }

    /// The certificate of the authority, for whoever is to trust it; `None` where the certificates are the person's own.
    #[must_use]
    pub fn certificate(&self) -> Option<Certificate> {
        self.resolver.authority().map(Certificate::of)
    }

    /// From now on certificates stand for this name as well: the network knows us by it.
    pub fn know(&self, name: &str) {
        self.resolver.know(name);
    }

    /// Says once that a client does not trust what it is shown.
    fn tell_refused(&self, error: &io::Error) {
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
        let is_about_trust = matches!(
            cause,
            Some(rustls::Error::AlertReceived(
                AlertDescription::UnknownCA | AlertDescription::CertificateUnknown | AlertDescription::BadCertificate
            ))
        );
        if is_about_trust && !self.is_told.swap(true, Ordering::Relaxed) {
            self.notices.warn(self.resolver.distrusted());
        }
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// Whether the client chose HTTP/2.
pub(crate) fn speaks_http2<IO>(stream: &Encrypted<IO>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(HTTP2)
}

#[cfg(test)]
mod tests;
