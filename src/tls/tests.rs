//! Authorities and certificates, as a client of rustls sees them, at any time of day.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, UNIX_EPOCH},
};

use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        client::WebPkiServerVerifier,
        pki_types::{CertificateDer, ServerName},
    },
};

use super::*;
use crate::telemetry::{Heard, Notice};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A clock that stands until it is put on.
#[derive(Clone)]
struct TestClock(Arc<AtomicU64>);

impl TestClock {
    /// Some day at noon.
    fn new() -> Self {
        Self(Arc::new(AtomicU64::new(1_800_000_000)))
    }

    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }

    fn put_on(&self, by: Duration) {
        self.0.fetch_add(by.as_secs(), Ordering::Relaxed);
    }

    fn put_back(&self, by: Duration) {
        self.0.fetch_sub(by.as_secs(), Ordering::Relaxed);
    }

    fn clock(&self) -> Clock {
        let clock = self.clone();
        Arc::new(move || clock.now())
    }
}

/// A server that speaks TLS, in a folder of its own.
struct Server {
    tls: Tls,
    authority: CertificateDer<'static>,
    clock: TestClock,
    _folder: TempDir,
}

impl Server {
    fn new(machine: Option<&str>, hosts: &[&str]) -> Self {
        let (folder, clock) = (TempDir::new().unwrap(), TestClock::new());
        let authority = Authority::open(folder.path(), clock.now()).unwrap();
        let certificate = CertificateDer::from(authority.der().to_vec());
        let hosts: Vec<_> = hosts.iter().map(ToString::to_string).collect();
        let names = Names::new(machine.map(str::to_owned), &hosts);
        let mint = Mint::new(authority, names, clock.clock()).unwrap();
        let tls = Tls::new(Resolver::Mint(mint), &Notices::channel().0).unwrap();
        Self { tls, authority: certificate, clock, _folder: folder }
    }

    /// The certificate that a client gets which asks for a name and trusts the authority alone; why it refuses it otherwise.
    async fn ask(&self, name: &str, local: &str) -> Result<CertificateDer<'static>, String> {
        ask(&self.tls, &self.authority, &self.clock, name, local).await
    }
}

#[derive(Debug)]
struct At(TestClock);

impl rustls::time_provider::TimeProvider for At {
    fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
        Some(rustls::pki_types::UnixTime::since_unix_epoch(self.0.now().duration_since(UNIX_EPOCH).ok()?))
    }
}

impl std::fmt::Debug for TestClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TestClock").field(&self.0).finish()
    }
}

async fn ask(
    tls: &Tls,
    authority: &CertificateDer<'static>,
    clock: &TestClock,
    name: &str,
    local: &str,
) -> Result<CertificateDer<'static>, String> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let config = ClientConfig::builder_with_details(provider, Arc::new(At(clock.clone())))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_webpki_verifier(verifier)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let (here, there) = tokio::io::duplex(64 * 1024);
    let client = async {
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, here).await.map_err(|error| error.to_string())?;
        stream.read_u8().await.map_err(|error| error.to_string())?;
        Ok(stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned())
    };
    let server = async {
        let mut stream = tls.accept(there, local.parse().unwrap()).await?;
        stream.write_u8(1).await?;
        stream.flush().await
    };
    tokio::join!(client, server).0
}

#[tokio::test]
async fn the_names_of_a_project_are_vouched_for() {
    let server = Server::new(None, &["shop.test", "example.com"]);
    for name in ["localhost", "shop.localhost", "a.b.localhost", "shop.test", "127.0.0.1", "::1"] {
        server.ask(name, "127.0.0.1").await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    for name in ["example.com", "localhost.evil.test", "192.168.1.20"] {
        let error = server.ask(name, "127.0.0.1").await.expect_err(name);
        assert!(error.contains("not valid for name") || error.contains("NotValidForName"), "{name}: {error}");
    }
}

#[tokio::test]
async fn an_address_that_somebody_came_in_by_joins_the_certificate() {
    let server = Server::new(None, &[]);
    for address in ["192.168.1.20", "10.0.0.7", "fd00::7"] {
        server.ask(address, address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
    }
    server.ask("192.168.1.20", "127.0.0.1").await.unwrap();
    server.ask("8.8.8.8", "8.8.8.8").await.expect_err("an authority that may vouch for this network alone");
    server.ask("localhost", "127.0.0.1").await.expect("one address that cannot be vouched for spoils nothing");
}

#[tokio::test]
async fn a_machine_that_was_renamed_still_has_a_certificate() {
    let server = Server::new(Some("renamed-since-then"), &[]);
    server.ask("localhost", "127.0.0.1").await.unwrap();
    server.ask("renamed-since-then", "127.0.0.1").await.expect_err("the authority does not know that name");
    let machine = names::machine().unwrap().to_ascii_lowercase();
    let server = Server::new(Some(&machine), &[]);
    server.ask(&machine, "127.0.0.1").await.unwrap();
}

#[tokio::test]
async fn certificates_are_made_anew_in_time() {
    let server = Server::new(None, &[]);
    let ask = async |name: &'static str| server.ask(name, "127.0.0.1").await.unwrap_or_else(|error| panic!("{name}: {error}"));
    let first = [ask("localhost").await, ask("shop.localhost").await];
    server.clock.put_on(59 * DAY);
    assert_eq!([ask("localhost").await, ask("shop.localhost").await], first, "there is time");
    server.clock.put_on(2 * DAY);
    let second = [ask("localhost").await, ask("shop.localhost").await];
    assert!(first.iter().zip(&second).all(|(first, second)| first != second));
    server.clock.put_on(300 * DAY);
    assert_ne!([ask("localhost").await, ask("shop.localhost").await], second, "nobody asked for most of a year");
    server.clock.put_back(600 * DAY);
    ask("localhost").await;
    ask("shop.localhost").await;
}

#[tokio::test]
async fn names_make_room_for_one_another() {
    let server = Server::new(None, &[]);
    let first = server.ask("n0.localhost", "127.0.0.1").await.unwrap();
    for n in 1..=names::KEPT {
        server.ask(&format!("n{n}.localhost"), "127.0.0.1").await.unwrap();
    }
    assert_ne!(server.ask("n0.localhost", "127.0.0.1").await.unwrap(), first);
    let last = format!("n{}.localhost", names::KEPT);
    let again = [server.ask(&last, "127.0.0.1").await.unwrap(), server.ask(&last, "127.0.0.1").await.unwrap()];
    assert_eq!(again[0], again[1]);
}

#[test]
fn an_authority_is_made_once_and_its_key_is_the_users_alone() {
    let (folder, now) = (TempDir::new().unwrap(), TestClock::new().now());
    let state = folder.path().join("state/everlit");
    let made: Vec<_> = thread::scope(|scope| {
        let open = || Authority::open(&state, now).unwrap().der().to_vec();
        let runs: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert!(made.iter().all(|certificate| *certificate == made[0]), "eight runs have one authority");
    let mode = |name: &str| fs::metadata(state.join(name)).unwrap().mode() & 0o777;
    assert_eq!([mode("authority.pem"), mode("authority.crt"), mode("")], [0o600, 0o644, 0o700]);
    let names: Vec<_> = fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "nothing half-written is left: {names:?}");
    let public = fs::read_to_string(state.join("authority.crt")).unwrap();
    assert!(public.starts_with("-----BEGIN CERTIFICATE-----\n") && !public.contains("KEY"), "{public}");
}

#[test]
fn a_key_that_others_could_read_is_taken_back() {
    let (folder, now) = (TempDir::new().unwrap(), TestClock::new().now());
    Authority::open(folder.path(), now).unwrap();
    let path = folder.path().join("authority.pem");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    Authority::open(folder.path(), now).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn an_authority_near_its_end_is_replaced() {
    let (folder, clock) = (TempDir::new().unwrap(), TestClock::new());
    let open = || Authority::open(folder.path(), clock.now()).unwrap().name();
    let first = open();
    clock.put_on(9 * 365 * DAY);
    assert_eq!(open(), first);
    clock.put_on(364 * DAY);
    assert_ne!(open(), first);
    clock.put_back(10 * 365 * DAY);
    open();
}

#[test]
fn a_file_that_is_no_authority_is_named_and_left() {
    let now = TestClock::new().now();
    let other = TempDir::new().unwrap();
    Authority::open(other.path(), now).unwrap();
    let other = fs::read_to_string(other.path().join("authority.pem")).unwrap();
    let (other_key, _) = other.split_once("-----BEGIN CERTIFICATE-----").unwrap();
    let folder = TempDir::new().unwrap();
    Authority::open(folder.path(), now).unwrap();
    let path = folder.path().join("authority.pem");
    let good = fs::read_to_string(&path).unwrap();
    let certificate = &good[good.find("-----BEGIN CERTIFICATE-----").unwrap()..];
    for (text, why) in [
        ("", "has no key that can be read"),
        ("garbage\n", "has no key that can be read"),
        (&good[..good.len() / 2], "has no certificate that can be read"),
        (&format!("{other_key}{certificate}"), "has a key and a certificate that do not belong together"),
    ] {
        fs::write(&path, text).unwrap();
        let error = Authority::open(folder.path(), now).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("{} {why}; remove it, and run `everlit trust` so that browsers know the new one", path.display())
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "it is somebody's, and stays");
    }
    fs::write(&path, &good).unwrap();
    Authority::open(folder.path(), now).unwrap();
}

/// A certificate of one's own, with its key, as files.
struct Own {
    folder: TempDir,
    cert: std::path::PathBuf,
    key: std::path::PathBuf,
}

impl Own {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let own = Self { cert: folder.path().join("cert.pem"), key: folder.path().join("key.pem"), folder };
        own.write("localhost", TestClock::new().now(), 30 * DAY);
        own
    }

    /// Writes a self-signed one, and answers with it.
    fn write(&self, name: &str, from: SystemTime, life: Duration) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = from.into();
        params.not_after = (from + life).into();
        let certificate = params.self_signed(&key).unwrap();
        fs::write(&self.key, key.serialize_pem()).unwrap();
        fs::write(&self.cert, certificate.pem()).unwrap();
        certificate.der().clone()
    }

    fn open(&self) -> (Result<Files, TlsError>, Heard) {
        let (notices, heard) = Notices::channel();
        (Files::open(&self.cert, &self.key, TestClock::new().clock(), notices), heard)
    }

    fn refused(&self) -> String {
        let error = self.open().0.map(|_| ()).unwrap_err().to_string();
        error.replace(&format!("{}/", self.folder.path().display()), "")
    }
}

fn openssl(args: &[&str], folder: &Path) {
    let done = Command::new("openssl").args(args).current_dir(folder).output().expect("openssl is installed");
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn own_files_that_cannot_be_used_are_named() {
    let now = TestClock::new().now();
    let own = Own::new();
    assert!(own.open().0.is_ok());

    let cert = fs::read(&own.cert).unwrap();
    let key = fs::read(&own.key).unwrap();
    own.write("localhost", now, 30 * DAY);
    fs::write(&own.cert, &cert).unwrap();
    assert_eq!(own.refused(), "the key in key.pem is not that of the certificate in cert.pem");

    fs::write(&own.key, &cert).unwrap();
    assert_eq!(own.refused(), "key.pem holds a certificate and no key; are the two files swapped?");
    fs::write(&own.cert, &key).unwrap();
    assert_eq!(own.refused(), "cert.pem holds a key and no certificate; are the two files swapped?");
    fs::write(&own.cert, "hello").unwrap();
    assert_eq!(own.refused(), "cert.pem holds no certificate in PEM form, which begins with -----BEGIN CERTIFICATE-----");
    fs::remove_file(&own.cert).unwrap();
    assert_eq!(own.refused(), "cannot read cert.pem: No such file or directory (os error 2)");

    own.write("localhost", now - 40 * DAY, 30 * DAY);
    assert_eq!(own.refused(), "cert.pem holds a certificate that expired on 2027-01-05");
    own.write("localhost", now + 5 * DAY, 30 * DAY);
    assert_eq!(own.refused(), "cert.pem holds a certificate that is not valid before 2027-01-20");

    own.write("localhost", now, 30 * DAY);
    fs::write(own.folder.path().join("plain.pem"), &key).unwrap();
    for how in [
        &["pkcs8", "-topk8"][..],
        &["pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES"],
        &["ec", "-aes256"], // in the older form
    ] {
        openssl(&[how, &["-in", "plain.pem", "-out", "key.pem", "-passout", "pass:secret"]].concat(), own.folder.path());
        let refused = own.refused();
        let expected = "key.pem holds an encrypted key, and nobody is asked for its passphrase; decrypt it with";
        assert!(refused.starts_with(expected), "{how:?}: {refused}");
    }
}

#[test]
fn own_files_may_be_one_and_of_any_common_kind() {
    let own = Own::new();
    let both = [fs::read(&own.cert).unwrap(), fs::read(&own.key).unwrap()].concat();
    let path = own.folder.path().join("both.pem");
    fs::write(&path, both).unwrap();
    let (notices, _heard) = Notices::channel();
    Files::open(&path, &path, TestClock::new().clock(), notices).unwrap();
    for kind in ["rsa:2048", "ec"] {
        let mut args = vec!["req", "-x509", "-newkey", kind, "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "9000"];
        args.extend(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
        if kind == "ec" {
            args.extend(["-pkeyopt", "ec_paramgen_curve:P-384"]);
        }
        openssl(&args, own.folder.path());
        let (notices, _heard) = Notices::channel();
        Files::open(&own.cert, &own.key, Arc::new(SystemTime::now), notices).unwrap();
    }
}

#[test]
fn a_certificate_for_other_names_is_said() {
    let own = Own::new();
    own.write("shop.test", TestClock::new().now(), 30 * DAY);
    let (files, mut heard) = own.open();
    files.unwrap();
    let Ok(Notice::Warning(text)) = heard.try_recv() else { panic!("nothing was said") };
    assert!(text.contains("cert.pem does not stand for localhost"), "{text}");
}

#[test]
fn files_that_change_are_read_again_and_broken_ones_are_not_used() {
    let now = TestClock::new().now();
    let own = Own::new();
    let (files, mut heard) = own.open();
    let files = files.unwrap();
    let shown = || files.certificate().cert[0].clone();
    let wait_for = |what: &str, condition: &mut dyn FnMut() -> bool| {
        let began = std::time::Instant::now();
        while !condition() {
            assert!(began.elapsed() < Duration::from_secs(30), "{what}");
            thread::sleep(Duration::from_millis(50));
        }
    };
    let second = own.write("localhost", now, 30 * DAY);
    wait_for("the new one is shown", &mut || shown() == second);
    fs::write(&own.cert, "half").unwrap();
    let mut said = None;
    wait_for("the broken one is said", &mut || {
        assert_eq!(shown(), second, "the last good one stays");
        said = said.take().or_else(|| heard.try_recv().ok());
        said.is_some()
    });
    let Some(Notice::Warning(text)) = said else { panic!("{said:?}") };
    assert!(
        text.starts_with("the certificate that was read before is still shown: ") && text.contains("holds no certificate"),
        "{text}"
    );
    let third = own.write("localhost", now, 30 * DAY);
    wait_for("the mended one is shown", &mut || shown() == third);
}
