//! What Everlit answers itself.
//!
//! Alone, everything that looks like a site is one. Beside a program, an `index.html` at the top and `templates/` are left to
//! it, because they are as often Vite's or Flask's: only `[site]` makes them pages then.

use std::path::{Path, PathBuf};

use crate::config::{
    AppConfig, BodyLimits, ConfigError, Detected, SiteConfig, Writes,
    detect::{AppFound, SiteFound},
    file::{Place, SiteKeys},
};

/// Who answers what the site does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    Nobody,
    /// A server that runs elsewhere, and whose sources are not in this folder.
    Upstream,
    /// A program whose sources are in this folder, whoever runs it.
    Program,
}

impl Behind {
    pub(super) fn new(app: Option<&AppConfig>, upstream: Option<&http::Uri>, found: Option<&AppFound>) -> Self {
        match (app, upstream, found) {
            (Some(_), _, _) | (_, Some(_), Some(_)) => Self::Program,
            (None, Some(_), None) => Self::Upstream,
            (None, None, _) => Self::Nobody,
        }
    }
}

/// The site, and what to say about it.
pub(super) fn merge(
    root: &Path,
    project: &str,
    keys: SiteKeys,
    found: SiteFound,
    behind: Behind,
) -> Result<(Option<SiteConfig>, Vec<Detected>), ConfigError> {
    let default = default_site(&keys, found, behind);
    let words = words(&keys, found, behind);
    let chosen = |place: Option<Place>, default: Option<&str>| match place {
        Some(Place::Off) => None,
        Some(Place::At(path)) => Some(below(root, &path)),
        None => default.map(|path| below(root, Path::new(path))),
    };
    let public = chosen(keys.public, default.public);
    let fallback = fallback(keys.fallback, public.as_deref())?;
    let templates = chosen(keys.templates, default.templates);
    let data = chosen(keys.data, default.data);
    let (versions, writes, body) = (Vec::new(), Writes::default(), BodyLimits::default());
    let project = project.to_owned();
    let site = SiteConfig { project, public, templates, data, fallback, except: keys.except, versions, writes, body };
    let is_something = site.public.is_some() || site.templates.is_some() || site.data.is_some();
    let summary = is_something.then(|| summary(root, &site, found));
    Ok((is_something.then_some(site), summary.into_iter().chain(words).collect()))
}

/// Folders relative to the project; `""` is the project itself.
struct DefaultSite {
    public: Option<&'static str>,
    templates: Option<&'static str>,
    data: Option<&'static str>,
}

fn default_site(keys: &SiteKeys, found: SiteFound, behind: Behind) -> DefaultSite {
    let index = found.index && behind != Behind::Program;
    let plain = found.is_empty() && behind == Behind::Nobody && names_no_folder(keys);
    DefaultSite {
        public: if found.statics { Some("static") } else { (index || plain).then_some("") },
        templates: (found.templates && behind != Behind::Program).then_some("templates"),
        data: found.data.then_some("data"),
    }
}

fn names_no_folder(keys: &SiteKeys) -> bool {
    [&keys.public, &keys.templates, &keys.data].into_iter().all(|place| !matches!(place, Some(Place::At(_))))
}

fn fallback(place: Option<Place>, public: Option<&Path>) -> Result<Option<PathBuf>, ConfigError> {
    match (place, public) {
        (Some(Place::At(_)), None) => Err(ConfigError::FallbackWithoutPublic),
        (Some(Place::At(path)), Some(_)) => Ok(Some(path)),
        (Some(Place::Off) | None, _) => Ok(None),
    }
}

/// Joining an empty path would leave a slash at the end.
fn below(root: &Path, path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { root.to_owned() } else { root.join(path) }
}

/// The site in one line.
fn summary(root: &Path, site: &SiteConfig, found: SiteFound) -> Detected {
    let name = |path: &PathBuf| match path.strip_prefix(root) {
        Ok(inner) if !inner.as_os_str().is_empty() => format!("{}/", inner.display()),
        _ if found.index => "index.html".to_owned(),
        _ => "the folder itself".to_owned(),
    };
    let parts: Vec<_> = [&site.public, &site.templates, &site.data].into_iter().flatten().map(name).collect();
    let is_plain = found.is_empty() && site.public.as_deref() == Some(root);
    match parts.split_last() {
        _ if is_plain => {
            detected("plain folder", "neither a site nor a program was recognised; its files are served as they are")
        }
        Some((last, [])) => detected("site", last),
        Some((last, others)) => detected("site", &format!("{} and {last}", others.join(", "))),
        None => detected("site", ""),
    }
}

/// What is there and is not used, and the key that changes it.
fn words(keys: &SiteKeys, found: SiteFound, behind: Behind) -> Vec<Detected> {
    let index = found.index && keys.public.is_none();
    let left = |is: bool, what: &str, why: &str| is.then(|| detected(what, why));
    let program = behind == Behind::Program;
    [
        left(index && program, "index.html is left to the app", "`[site] public = \".\"` serves it, with everything beside it"),
        left(
            index && found.statics && !found.templates && !program,
            "index.html is not served",
            "static/ is; move it there, or serve the whole folder by `[site] public = \".\"`",
        ),
        left(
            found.templates && keys.templates.is_none() && program,
            "templates/ is left to the app",
            "`[site] templates = \"templates\"` makes it pages",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn detected(what: &str, why: &str) -> Detected {
    Detected { what: what.to_owned(), why: why.to_owned() }
}
