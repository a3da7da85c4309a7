//! The certificate authority that a user has on a machine: made once, kept in the user's state folder, trusted by whom the user tells
//! to.
//!
//! It can do little harm to those who trust it, even with its key in wrong hands: it may vouch for servers only, and of those for
//! names and addresses alone that lead to this machine or its own network (RFC 5280 §4.2.1.10).
//!
//! Key and certificate are one file, so that no two of them can be of different age; the certificate stands beside it once more, for
//! people and programs that import it. What two runs do at once is done by one of them.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read, Write},
    net::IpAddr,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType, SerialNumber,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{
    fault::TlsError,
    names::{self, LOCAL, NETWORKS},
    validity::{self, Invalid},
};

/// The key with the certificate: the user's alone.
const SECRET: &str = "authority.pem";

/// The certificate, for whoever wants to import it.
const PUBLIC: &str = "authority.crt";

/// Held while one of several runs looks for the files and makes them.
const LOCK: &str = "authority.lock";

/// The beginning of every authority's name, by which those of ours are known in a store.
pub(super) const NAME: &str = "Everlit local authority";

/// How long an authority is good. Whoever trusts it should not have to do so again with each new laptop season.
const LIFE: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// What it must be good for at least: the certificates it makes live as long.
const LEFT: Duration = super::mint::LIFE;

/// Clocks of phones and virtual machines differ by hours.
pub(super) const CLOCK_DIFFERENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// The most that is read of a file: a hundred times what it holds.
const LARGEST: u64 = 256 * 1024;

/// Makes certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    text: String,
    /// Which it is: some digits of its key's hash.
    id: String,
    folder: PathBuf,
}

/// Why there is no authority.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are what the messages show")]
pub enum AuthorityError {
    /// The folder, or a file of it.
    #[error("cannot {what} {}: {source}; the local certificate authority is kept there", path.display())]
    File { what: &'static str, path: PathBuf, source: io::Error },
    /// There is something else in it.
    #[error("{} {why}; remove it, and run `everlit trust` so that browsers know the new one", path.display())]
    Broken { path: PathBuf, why: String },
}

impl Authority {
    /// The one in `folder`; it is made when there is none, or the one there is has no long life any more.
    ///
    /// # Errors
    /// When the folder cannot be used, or the file has something else in it.
    pub fn open(folder: &Path, now: SystemTime) -> Result<Self, TlsError> {
        let path = |name| folder.join(name);
        make_folder(folder).map_err(|source| AuthorityError::File { what: "make", path: folder.to_owned(), source })?;
        let lock = private(&path(LOCK)).and_then(|lock| lock.lock().map(|()| lock));
        let _lock = lock.map_err(|source| AuthorityError::File { what: "lock", path: path(LOCK), source })?;
        match Self::read(folder, now)? {
            Some(authority) => Ok(authority),
            None => Self::make(folder, now),
        }
    }

    /// The one in `folder`, if there is one.
    ///
    /// # Errors
    /// When the file has something else in it.
    pub fn find(folder: &Path, now: SystemTime) -> Result<Option<Self>, TlsError> {
        if folder.join(SECRET).exists() { Self::read(folder, now) } else { Ok(None) }
    }

    /// `None` when there is none that will be good for as long as the certificates it makes.
    fn read(folder: &Path, now: SystemTime) -> Result<Option<Self>, TlsError> {
        let path = folder.join(SECRET);
        let text = match read_private(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(AuthorityError::File { what: "read", path, source }.into()),
        };
        let broken = |why: &str| AuthorityError::Broken { path: path.clone(), why: why.to_owned() };
        let key = KeyPair::from_pem(&text).map_err(|_| broken("has no key that can be read"))?;
        let public = certificate_in(&text).ok_or_else(|| broken("has no certificate that can be read"))?;
        let certificate =
            CertificateDer::from_pem_slice(public.as_bytes()).map_err(|_| broken("has no certificate that can be read"))?;
        match validity::check(&certificate, now + LEFT) {
            Err(Invalid::Expired(_)) => return Ok(None),
            Err(Invalid::Unreadable) => return Err(broken("has no certificate that can be read").into()),
            // A clock that is wrong is no fault of the file's.
            Err(Invalid::NotYet(_)) | Ok(()) => (),
        }
        let authority = Self::of(key, certificate, public.to_owned(), folder);
        let leaf = KeyPair::generate()?;
        let probe = authority.sign(&leaf, &["localhost".to_owned()], &[], now, now + CLOCK_DIFFERENCE)?;
        if validity::check(&authority.certificate, now).is_ok() && !authority.vouches_for(&probe, now) {
            return Err(broken("has a key and a certificate that do not belong together").into());
        }
        authority.publish()?;
        Ok(Some(authority))
    }

    fn make(folder: &Path, now: SystemTime) -> Result<Self, TlsError> {
        let key = KeyPair::generate()?;
        let mut params = params(&key);
        params.not_before = (now - CLOCK_DIFFERENCE).into();
        params.not_after = (now + LIFE).into();
        params.serial_number = Some(serial()?);
        params.name_constraints = Some(constraints());
        let certificate = params.self_signed(&key)?;
        let path = folder.join(SECRET);
        let text = format!("{}{}", key.serialize_pem(), certificate.pem());
        write(&path, &text, 0o600).map_err(|source| AuthorityError::File { what: "write", path, source })?;
        let authority = Self::of(key, certificate.der().clone(), certificate.pem().replace("\r\n", "\n"), folder);
        authority.publish()?;
        Ok(authority)
    }

    fn of(key: KeyPair, certificate: CertificateDer<'static>, text: String, folder: &Path) -> Self {
        let params = params(&key);
        let id = id(&params, &key);
        Self { issuer: Issuer::new(params, key), certificate, text, id, folder: folder.to_owned() }
    }

    /// A certificate for a server's key.
    pub(super) fn sign(
        &self,
        key: &KeyPair,
        names: &[String],
        addresses: &[IpAddr],
        now: SystemTime,
        end: SystemTime,
    ) -> Result<CertificateDer<'static>, TlsError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Everlit");
        params.distinguished_name.push(DnType::CommonName, "Everlit local server");
        params.not_before = (now - CLOCK_DIFFERENCE).into();
        params.not_after = end.into();
        params.serial_number = Some(serial()?);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        for name in names {
            params.subject_alt_names.push(SanType::DnsName(name.as_str().try_into()?));
        }
        params.subject_alt_names.extend(addresses.iter().copied().map(SanType::IpAddress));
        Ok(params.signed_by(key, &self.issuer)?.der().clone())
    }

    /// Whether those who trust this authority trust a certificate: an older one may know the machine by another name.
    pub(super) fn vouches_for(&self, leaf: &CertificateDer<'_>, now: SystemTime) -> bool {
        validity::leads_to(leaf, &self.certificate, now)
    }

    /// Writes the certificate beside the key, where it is not there yet.
    fn publish(&self) -> Result<(), AuthorityError> {
        let path = self.public();
        if fs::read_to_string(&path).is_ok_and(|there| there == self.text) {
            return Ok(());
        }
        write(&path, &self.text, 0o644).map_err(|source| AuthorityError::File { what: "write", path, source })
    }

    /// Its name, which no other one has.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{NAME} {}", self.id)
    }

    /// Which it is, in letters that may stand in a file's name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The file with its certificate.
    #[must_use]
    pub fn public(&self) -> PathBuf {
        self.folder.join(PUBLIC)
    }

    /// Its certificate, as text.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.text
    }

    /// Its certificate.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.certificate
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What is the same in every authority with this key: what a certificate says of who signed it is made of it.
fn params(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let id = id(&params, key);
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Everlit");
    params.distinguished_name.push(DnType::CommonName, format!("{NAME} {id}"));
    params
}

/// Twelve digits: nobody has so many authorities that two of them agree.
fn id(params: &CertificateParams, key: &KeyPair) -> String {
    params.key_identifier(key).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The names and addresses that lead to this machine or its network, this machine's own name among them.
fn constraints() -> NameConstraints {
    let machine = names::machine().map(|name| name.to_ascii_lowercase()).filter(|name| names::is_name(name));
    let names = LOCAL.into_iter().map(str::to_owned).chain(machine).map(GeneralSubtree::DnsName);
    let subnet = |(address, length)| GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, length));
    let permitted_subtrees = names.chain(NETWORKS.into_iter().map(subnet)).collect();
    NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() }
}

/// Sixteen random bytes: browsers refuse two certificates of one issuer with the same number.
fn serial() -> Result<SerialNumber, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    // A number that begins with a zero bit, and with no zero byte: positive, and as short as DER wants it (RFC 5280 §4.1.2.2).
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

/// The text of the certificate alone, without what else is in a file.
fn certificate_in(text: &str) -> Option<&str> {
    const END: &str = "-----END CERTIFICATE-----\n";
    let from = &text[text.find("-----BEGIN CERTIFICATE-----")?..];
    from.find(END).map(|end| &from[..end + END.len()])
}

fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// A file that is the user's alone, made when it is not there.
fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// What is in the file with the key. One that others could read is theirs no more.
fn read_private(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if about.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    let mut text = String::new();
    file.take(LARGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// Writes a file beside the place and moves it there: nobody ever reads half of it.
fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}
