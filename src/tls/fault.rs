//! Why there is no TLS, in words that say what to do.

use std::{io, path::PathBuf};

use tokio_rustls::rustls;

use super::authority::AuthorityError;

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are what the messages show")]
pub enum TlsError {
    /// No folder for what belongs to the user.
    #[error("there is no folder to keep a certificate authority in: set HOME or XDG_STATE_HOME")]
    NoState,
    /// The authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A file of the person's own certificate.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// It has something else in it.
    #[error("{} {what}", path.display())]
    Unfit { path: PathBuf, what: String },
    /// Two files that do not belong together.
    #[error("the key in {} is not that of the certificate in {}", key.display(), cert.display())]
    Mismatch { cert: PathBuf, key: PathBuf },
    /// What should not happen.
    #[error("cannot set up TLS: {0}")]
    Library(#[from] rustls::Error),
    /// What should not happen.
    #[error("cannot make a certificate: {0}")]
    Making(#[from] rcgen::Error),
    /// The system gives no random numbers.
    #[error("the system has no random source: {0}")]
    Random(#[from] getrandom::Error),
}
