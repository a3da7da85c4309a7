//! A home of one's own, in which an authority is made and trusted.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

use tempfile::TempDir;
use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

/// A home in a temporary folder that is removed when dropped.
pub(crate) struct Home {
    folder: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::Builder::new().prefix("everlit-home-").tempdir().expect("a temporary folder") }
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The variables by which programs find it.
    pub(crate) fn env(&self) -> Vec<(&'static str, String)> {
        let at = |path: &str| self.path().join(path).display().to_string();
        vec![("HOME", at("")), ("XDG_STATE_HOME", at(".local/state")), ("XDG_DATA_HOME", at(".local/share"))]
    }

    /// The file with the authority and its key.
    pub(crate) fn secret(&self) -> PathBuf {
        self.path().join(".local/state/everlit/authority.pem")
    }

    /// The file with the authority's certificate.
    pub(crate) fn authority(&self) -> PathBuf {
        self.path().join(".local/state/everlit/authority.crt")
    }

    /// Runs `everlit` to its end.
    pub(crate) fn everlit(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_everlit")).args(args).envs(self.env()).output().expect("the binary starts")
    }

    /// A client's settings that trust this home's authority alone, and speak these protocols.
    pub(crate) fn client(&self, protocols: &[&str]) -> Arc<ClientConfig> {
        let text = fs::read(self.authority()).expect("there is an authority");
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&text).expect("a certificate")).expect("an authority");
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}
