//! A certificate of the person's own, read from its files, and again when they change.

use std::{
    fs,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio_rustls::rustls::{
    self, InconsistentKeys,
    crypto::ring::sign::any_supported_type,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

use super::{Clock, fault::TlsError, validity};
use crate::telemetry::Notices;

/// How often the files are looked at, at most; only when somebody connects.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The most that is read of a file: a chain of certificates is a few KiB.
const LARGEST: u64 = 1024 * 1024;

/// A certificate and where it comes from.
pub(super) struct Files {
    cert: PathBuf,
    key: PathBuf,
    clock: Clock,
    notices: Notices,
    held: Mutex<Held>,
}

struct Held {
    certified: Arc<CertifiedKey>,
    /// The state of the files that it, or the failure, was read from.
    stamp: Stamp,
    /// Set when they could not be used: whether that was said. Of two files that are replaced, one is first.
    failed: Option<Said>,
    looked: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    NotYet,
    Yes,
}

/// Changes whenever a file does.
type Stamp = [Option<(u64, u64, i64, i64)>; 2];

impl Files {
    pub(super) fn open(cert: &Path, key: &Path, clock: Clock, notices: Notices) -> Result<Self, TlsError> {
        let stamp = stamp(cert, key);
        let certified = read(cert, key, &clock)?;
        tell_names(&certified, cert, &notices);
        let held = Held { certified: Arc::new(certified), stamp, failed: None, looked: Instant::now() };
        Ok(Self { cert: cert.to_owned(), key: key.to_owned(), clock, notices, held: Mutex::new(held) })
    }

    /// The file with the certificate.
    pub(super) fn cert(&self) -> &Path {
        &self.cert
    }

    /// The certificate as it is now, or as it last could be used.
    pub(super) fn certificate(&self) -> Arc<CertifiedKey> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.looked.elapsed() >= LOOK_AGAIN {
            self.look(&mut held);
            held.looked = Instant::now();
        }
        Arc::clone(&held.certified)
    }

    fn look(&self, held: &mut Held) {
        let stamp = stamp(&self.cert, &self.key);
        if stamp == held.stamp && held.failed != Some(Said::NotYet) {
            return;
        }
        let is_same_failure = stamp == held.stamp;
        held.stamp = stamp;
        match read(&self.cert, &self.key, &self.clock) {
            Ok(certified) => {
                tell_names(&certified, &self.cert, &self.notices);
                held.certified = Arc::new(certified);
                held.failed = None;
            }
            Err(error) if is_same_failure => {
                self.notices.warn(format!("the certificate that was read before is still shown: {error}"));
                held.failed = Some(Said::Yes);
            }
            Err(_) => held.failed = Some(Said::NotYet),
        }
    }
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").field("cert", &self.cert).field("key", &self.key).finish_non_exhaustive()
    }
}

fn read(cert: &Path, key: &Path, clock: &Clock) -> Result<CertifiedKey, TlsError> {
    let chain = chain(cert)?;
    let private = private_key(key)?;
    let unfit = |path: &Path, what: String| TlsError::Unfit { path: path.to_owned(), what };
    let signer = any_supported_type(&private)
        .map_err(|_| unfit(key, "has a key of a kind that is not known; use RSA, P-256 or P-384".into()))?;
    validity::check(&chain[0], clock()).map_err(|why| unfit(cert, format!("holds a certificate that {why}")))?;
    let certified = CertifiedKey::new(chain, signer);
    match certified.keys_match() {
        Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            Err(TlsError::Mismatch { cert: cert.to_owned(), key: key.to_owned() })
        }
        _ => Ok(certified),
    }
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = contents(path)?;
    let unfit = |what: &str| TlsError::Unfit { path: path.to_owned(), what: what.to_owned() };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) if holds(&text, "PRIVATE KEY-----") => Err(unfit("holds a key and no certificate; are the two files swapped?")),
        _ => Err(unfit("holds no certificate in PEM form, which begins with -----BEGIN CERTIFICATE-----")),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = contents(path)?;
    let unfit = |what: String| TlsError::Unfit { path: path.to_owned(), what };
    let file = path.display();
    match PrivateKeyDer::from_pem_slice(&text) {
        // The older form of an encrypted key says so inside of a block that looks like a plain one.
        Ok(_) | Err(_) if holds(&text, "ENCRYPTED") => Err(unfit(format!(
            "holds an encrypted key, and nobody is asked for its passphrase; decrypt it with `openssl pkey -in {file} -out plain.pem`"
        ))),
        Ok(key) => Ok(key),
        Err(_) if holds(&text, "BEGIN CERTIFICATE") => {
            Err(unfit("holds a certificate and no key; are the two files swapped?".into()))
        }
        Err(_) => Err(unfit("holds no private key in PEM form, which begins with -----BEGIN PRIVATE KEY-----".into())),
    }
}

fn holds(text: &[u8], words: &str) -> bool {
    memchr::memmem::find(text, words.as_bytes()).is_some()
}

fn contents(path: &Path) -> Result<Vec<u8>, TlsError> {
    let read = || -> io::Result<Vec<u8>> {
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let mut bytes = Vec::new();
        fs::File::open(path)?.take(LARGEST).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })
}

fn stamp(cert: &Path, key: &Path) -> Stamp {
    [cert, key].map(|path| {
        let about = fs::metadata(path).ok()?;
        Some((about.ino(), about.size(), about.ctime(), about.ctime_nsec()))
    })
}

/// Says when the certificate is for other names than the one in the URL that is printed.
fn tell_names(certified: &CertifiedKey, path: &Path, notices: &Notices) {
    if !certified.cert.first().is_some_and(|certificate| validity::names(certificate, "localhost")) {
        notices.warn(format!(
            "the certificate in {} does not stand for localhost: ask for the names it does stand for, and list them in `hosts`",
            path.display()
        ));
    }
}
