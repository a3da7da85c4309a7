//! Makes connections to one program.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::OnceLock,
    time::Duration,
};

use http::{Uri, uri::Scheme};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{
    TlsConnector,
    rustls::{self, ClientConfig, pki_types::ServerName},
};

use super::{Failure, stream::Stream, trust};
use crate::proxy::{Protocol, ProxyError, Target, Trust};

/// Where a program listens, and what is believed of it.
pub(super) struct Dial {
    base: Uri,
    place: Place,
    tls: Option<Tls>,
    limit: Duration,
}

/// An address needs no resolver, and so no other thread.
enum Place {
    Address(SocketAddr),
    Name(String, u16),
}

/// What is believed of the other side; read from the system when it is first needed.
struct Tls {
    trust: Trust,
    http1: OnceLock<Result<TlsConnector, rustls::Error>>,
    http2: OnceLock<Result<TlsConnector, rustls::Error>>,
}

impl Dial {
    pub(super) fn new(target: &Target) -> Self {
        let is_encrypted = target.base.scheme() == Some(&Scheme::HTTPS);
        let host = bare(target.base.host().unwrap_or_default()).to_owned();
        let port = target.base.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 });
        let place = match host.parse::<IpAddr>() {
            Ok(address) => Place::Address(SocketAddr::new(address, port)),
            Err(_) => Place::Name(host, port),
        };
        let tls = is_encrypted.then(|| Tls { trust: target.trust, http1: OnceLock::new(), http2: OnceLock::new() });
        Self { base: target.base.clone(), place, tls, limit: target.connect }
    }

    /// A new connection over which `protocol` is spoken.
    pub(super) async fn connect(&self, protocol: Protocol) -> Result<Stream, Failure> {
        let connected = timeout(self.limit, self.reach()).await;
        let stream = connected.map_err(|_| Failure::Unsent)?.map_err(|_| Failure::Unsent)?;
        let Some(tls) = &self.tls else { return Ok(Stream::plain(stream)) };
        let broken = |error: io::Error| Failure::Final(self.broken(error));
        let connector = tls.connector(protocol).map_err(|error| broken(io::Error::other(error)))?;
        let name = ServerName::try_from(self.place.name()).map_err(|error| broken(io::Error::other(error)))?;
        match timeout(self.limit, connector.connect(name, stream)).await {
            Ok(Ok(stream)) => Ok(Stream::encrypted(stream)),
            Ok(Err(error)) => Err(broken(error)),
            Err(_) => Err(broken(io::ErrorKind::TimedOut.into())),
        }
    }

    async fn reach(&self) -> io::Result<TcpStream> {
        let stream = match &self.place {
            Place::Address(address) => TcpStream::connect(address).await?,
            Place::Name(name, port) => TcpStream::connect((name.as_str(), *port)).await?,
        };
        // Without it Nagle's algorithm and delayed acknowledgements make 44 ms of every second request.
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn broken(&self, error: io::Error) -> ProxyError {
        let base = self.base.clone();
        match trust::doubt(&error) {
            Some(reason) => ProxyError::Untrusted { base, reason },
            None => ProxyError::Tls { base, source: error },
        }
    }
}

impl Place {
    fn name(&self) -> String {
        match self {
            Self::Address(address) => address.ip().to_string(),
            Self::Name(name, _) => name.clone(),
        }
    }
}

impl Tls {
    fn connector(&self, protocol: Protocol) -> Result<&TlsConnector, rustls::Error> {
        let (cell, name): (_, &[u8]) = match protocol {
            Protocol::Http1 => (&self.http1, b"http/1.1"),
            Protocol::Http2 => (&self.http2, b"h2"),
        };
        let made = cell.get_or_init(|| {
            let mut config: ClientConfig = trust::config(self.trust)?;
            config.alpn_protocols = vec![name.to_vec()];
            Ok(TlsConnector::from(std::sync::Arc::new(config)))
        });
        made.as_ref().map_err(Clone::clone)
    }
}

/// An address without the brackets that a URI has around it.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}
