//! A server that speaks what most do not: TLS with a certificate that it signed itself, or HTTP/2 from the first byte.

use std::{convert::Infallible, net::Ipv4Addr, sync::Arc};

use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    rt::{Read, Write},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// A running server, which answers `VERSION HOST PATH`; dropping it ends it and its connections.
pub(crate) struct FarServer {
    /// `https://localhost:PORT`, or `http:`.
    pub(crate) url: String,
    /// Its certificate in PEM form; empty without TLS.
    pub(crate) certificate: String,
    _tasks: JoinSet<()>,
}

impl FarServer {
    /// One that has TLS, and speaks HTTP/1.1 or HTTP/2 in it.
    pub(crate) async fn with_tls() -> Self {
        let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der()));
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
        let mut config = builder.with_single_cert(vec![signed.cert.der().clone()], key).expect("a configuration");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let (acceptor, (listener, port)) = (TlsAcceptor::from(Arc::new(config)), bind().await);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                connections.spawn(async move {
                    // Who does not believe the certificate goes away.
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    if is_http2 { speak_http2(TokioIo::new(stream)).await } else { speak_http1(TokioIo::new(stream)).await }
                });
            }
        });
        Self { url: format!("https://localhost:{port}"), certificate: signed.cert.pem(), _tasks: tasks }
    }

    /// One without TLS that speaks HTTP/2 alone.
    pub(crate) async fn with_http2() -> Self {
        let (listener, port) = bind().await;
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(speak_http2(TokioIo::new(stream)));
            }
        });
        Self { url: format!("http://127.0.0.1:{port}"), certificate: String::new(), _tasks: tasks }
    }
}

async fn bind() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let port = listener.local_addr().expect("a bound address").port();
    (listener, port)
}

async fn speak_http1(stream: impl Read + Write + Unpin) {
    // A connection that breaks is the other side's affair.
    let _ = http1::Builder::new().serve_connection(stream, service_fn(answer)).await;
}

async fn speak_http2(stream: impl Read + Write + Unpin + 'static) {
    let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service_fn(answer)).await;
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let authority = request.uri().authority().map(|authority| authority.to_string());
    let host = request.headers().get("host").and_then(|host| host.to_str().ok()).map(str::to_owned);
    let host = authority.or(host).unwrap_or_default();
    let said = format!("{:?} {host} {}", request.version(), request.uri().path());
    Ok(Response::new(Full::from(said)))
}
