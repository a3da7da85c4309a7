//! Which certificate a client is shown.

use std::{net::IpAddr, sync::Arc};

use tokio_rustls::rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::{authority::Authority, files::Files, mint::Mint};

/// Where certificates come from.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it")]
pub(super) enum Resolver {
    /// Made by our authority.
    Mint(Mint),
    /// The person's own.
    Files(Files),
}

impl Resolver {
    /// A connection came in by this address of ours.
    pub(super) fn meet(&self, local: IpAddr) {
        match self {
            Self::Mint(mint) => mint.meet(local),
            Self::Files(_) => (),
        }
    }

    /// The network knows us by this name.
    pub(super) fn know(&self, name: &str) {
        match self {
            Self::Mint(mint) => mint.know(name),
            Self::Files(_) => (),
        }
    }

    /// Who vouches for them.
    pub(super) fn authority(&self) -> Option<&Authority> {
        match self {
            Self::Mint(mint) => Some(mint.authority()),
            Self::Files(_) => None,
        }
    }

    /// What to say when a client does not trust what it is shown.
    pub(super) fn distrusted(&self) -> String {
        match self {
            Self::Mint(_) => {
                "a browser does not trust this server's certificate yet: run `everlit trust`, then start the browser again \
                 (on a phone, install the authority.crt that it names)"
                    .to_owned()
            }
            Self::Files(files) => format!("a browser does not trust the certificate in {}", files.cert().display()),
        }
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(match self {
            Self::Mint(mint) => mint.certificate(client_hello.server_name()),
            Self::Files(files) => files.certificate(),
        })
    }
}
