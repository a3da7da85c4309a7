//! Programs that have TLS.

use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use super::*;

/// A program with a certificate that it signed itself, which says what it was asked for.
async fn encrypted() -> (SocketAddr, JoinSet<()>) {
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der()));
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
    let mut config = builder.with_single_cert(vec![signed.cert.der().clone()], key).expect("a configuration");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let (acceptor, listener) = (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.expect("a port"));
    let address = listener.local_addr().expect("bound");
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            connections.spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let service = service_fn(|request: Request<Incoming>| async move {
                    let said = format!("{:?} {}", request.version(), request.uri().path());
                    let cookie = "a=1; Domain=localhost; Secure; SameSite=None; Path=/";
                    Response::builder().header("set-cookie", cookie).body(said)
                });
                let stream = TokioIo::new(stream);
                let _ = match is_http2 {
                    true => {
                        hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await
                    }
                    false => http1_server().serve_connection(stream, service).await,
                };
            });
        }
    });
    (address, tasks)
}

fn http1_server() -> hyper::server::conn::http1::Builder {
    hyper::server::conn::http1::Builder::new()
}

fn target(address: SocketAddr, trust: Trust, protocol: Protocol) -> Target {
    let base = Uri::try_from(format!("https://localhost:{}", address.port())).expect("an address");
    Target { trust, protocol, ..Target::from(base) }
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_is_refused_and_said_to_be_so() {
    let (address, _tasks) = encrypted().await;
    let front = Front::start().await;
    front.serve_at(target(address, Trust::System, Protocol::Http1), 1);
    let (status, detail) = front.get("/").await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert!(detail.starts_with(&format!("the certificate of https://localhost:{}", address.port())), "{detail}");
    assert!(detail.contains("is not trusted") && detail.contains("`verify = false`"), "{detail}");
}

#[tokio::test]
async fn a_program_with_tls_is_spoken_to_in_either_protocol() {
    let (address, _tasks) = encrypted().await;
    let front = Front::start().await;
    for (protocol, said) in [(Protocol::Http1, "HTTP/1.1 /x"), (Protocol::Http2, "HTTP/2.0 /x")] {
        front.serve_at(target(address, Trust::Anyone, protocol), 1);
        let response = front.ask(request("GET", "/x", "")).await;
        assert_eq!(response.headers()["set-cookie"], "a=1; Domain=localhost; Path=/", "we have no TLS here");
        assert_eq!(text(response).await, (StatusCode::OK, said.to_owned()));
    }
}

#[tokio::test]
async fn a_program_without_tls_is_said_to_have_none() {
    let program = Program::start().await;
    let front = Front::start().await;
    front.serve_at(target(program.address, Trust::System, Protocol::Http1), 1);
    let (status, detail) = front.get("/").await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert!(detail.contains("no TLS connection"), "{detail}");
}
