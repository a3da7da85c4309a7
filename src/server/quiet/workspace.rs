//! `com.chrome.devtools.json`: tells Chrome's DevTools which folder a page's files are in, so that what is changed there is saved here.
//!
//! The format is described in `docs/ecosystem/automatic_workspace_folders.md` of devtools-frontend; Chrome asks since version 135,
//! and connects a folder only after its user has allowed it. The path of a folder is nobody else's business: it is told under names
//! of this machine alone, to clients on this machine alone, and not to scripts of a page as far as the browser says that one asks.

use std::path::Path;

use axum::body::Body;
use http::{HeaderValue, Request, Response, header};
use serde::Serialize;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

use super::is_page;
use crate::{
    config::Config,
    field::{SEC_FETCH_DEST, SEC_FETCH_MODE},
    server::{
        Connection,
        hosts::{Named, is_loopback},
        origin::says,
    },
};

/// Where DevTools ask.
pub(super) const PATH: &str = "/.well-known/appspecific/com.chrome.devtools.json";

/// What is told, once for each [`Seat`].
#[derive(Debug)]
pub(super) struct Workspace {
    here: String,
    /// As it is seen from the Windows around a WSL that Everlit runs in; the same elsewhere.
    windows: String,
}

/// Where a browser sits that may hear of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seat {
    /// In this system.
    Here,
    /// Perhaps in the Windows around it.
    Around,
}

#[derive(Serialize)]
struct Document<'a> {
    workspace: Folder<'a>,
}

#[derive(Serialize)]
struct Folder<'a> {
    root: &'a str,
    uuid: String,
}

impl Workspace {
    pub(super) fn new(config: &Config) -> Self {
        let uuid = uuid(&config.root);
        let root = config.root.to_string_lossy();
        let around = config.wsl_distribution.as_deref().map(|distribution| windows_path(distribution, &root));
        Self { here: document(&root, uuid), windows: document(around.as_deref().unwrap_or(&root), uuid) }
    }

    pub(super) fn answer(&self, seat: Seat) -> Response<Body> {
        let document = match seat {
            Seat::Here => &self.here,
            Seat::Around => &self.windows,
        };
        let mut response = Response::new(Body::from(document.clone()));
        for (name, value) in [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        ] {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

impl Seat {
    /// `None` for whoever may not hear of it. A phone that is reached by `adb reverse` is on this machine in this sense: the DevTools
    /// that look at its page are here.
    pub(super) fn of(request: &Request<Body>) -> Option<Self> {
        let headers = request.headers();
        let Named(host) = request.extensions().get()?;
        let Connection { remote, .. } = request.extensions().get()?;
        let is_script = headers.contains_key(&SEC_FETCH_MODE) && !is_by_devtools(request);
        if !remote.ip().to_canonical().is_loopback() || !is_loopback(host.host()) || is_script {
            return None;
        }
        // A page that is shown as on a phone is asked for in the phone's name: only a browser of X11 or Wayland says for sure that it is here.
        let is_here =
            headers.get(header::USER_AGENT).is_some_and(|agent| agent.to_str().is_ok_and(|agent| agent.contains("X11;")));
        Some(if is_here { Self::Here } else { Self::Around })
    }
}

/// What a page fetches says what it accepts; DevTools say nothing of it.
fn is_by_devtools(request: &Request<Body>) -> bool {
    let headers = request.headers();
    says(headers, &SEC_FETCH_DEST, "empty") && says(headers, &SEC_FETCH_MODE, "no-cors") && !headers.contains_key(header::ACCEPT)
}

/// Whether a project's answer is one to this question.
pub(super) fn is_in(answer: &Response<Body>) -> bool {
    answer.status().is_success() && !is_page(answer)
}

/// The same for a folder for as long as it is where it is: Chrome remembers what was allowed by path and id together.
fn uuid(root: &Path) -> Uuid {
    uuid::Builder::from_custom_bytes(xxh3_128(root.as_os_str().as_encoded_bytes()).to_be_bytes()).into_uuid()
}

/// A path of WSL as Windows writes it: a drive that is mounted below `/mnt` is that drive.
fn windows_path(distribution: &str, path: &str) -> String {
    let on_drive = path.strip_prefix("/mnt/").and_then(|rest| {
        let (drive, below) = rest.split_at_checked(1)?;
        let is_drive = drive.bytes().all(|byte| byte.is_ascii_alphabetic()) && (below.is_empty() || below.starts_with('/'));
        is_drive.then(|| format!("{}:{}", drive.to_ascii_uppercase(), if below.is_empty() { "/" } else { below }))
    });
    on_drive.unwrap_or_else(|| format!("//wsl.localhost/{distribution}{path}")).replace('/', "\\")
}

fn document(root: &str, uuid: Uuid) -> String {
    serde_json::to_string(&Document { workspace: Folder { root, uuid: uuid.to_string() } }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_has_its_own_words_for_a_folder_of_wsl() {
        let check = |path: &str, expected: &str| assert_eq!(windows_path("Ubuntu-24.04", path), expected, "{path}");
        check("/home/ada/shop", r"\\wsl.localhost\Ubuntu-24.04\home\ada\shop");
        check("/mnt/c/work/shop", r"C:\work\shop");
        check("/mnt/c", r"C:\");
        check("/mnt/data/shop", r"\\wsl.localhost\Ubuntu-24.04\mnt\data\shop");
    }

    #[test]
    fn a_folder_keeps_its_id() {
        assert_eq!(uuid(Path::new("/home/ada/shop")), uuid(Path::new("/home/ada/shop")));
        assert_ne!(uuid(Path::new("/home/ada/shop")), uuid(Path::new("/home/ada/blog")));
        let id = uuid(Path::new("/home/ada/shop"));
        assert_eq!((id.get_version_num(), id.get_variant()), (8, uuid::Variant::RFC4122), "RFC 9562 §5.8");
    }
}
