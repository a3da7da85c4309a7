//! Answers from disk: static files, pages from templates, resources from data.
//!
//! [`Site::answer`] decides with `resolve` and answers in one place; a request that is not the site's is handed back untouched,
//! so that the app behind it can have it. Whoever finds that nobody has it asks [`Site::missing`]. [`Site::refresh`] is told
//! what changed on disk, and whoever opened the site is [`Told`] what happens in it.
//!
//! All files are opened by one guard (`guard`), and what is denied looks exactly like what does not exist. Absent here: watching,
//! CORS, `Host` and `Origin` checks, and the app.

mod api;
mod beneath;
mod deny;
mod describe;
mod error_page;
mod explain;
mod failure;
mod filters;
#[cfg(test)]
mod folder;
mod guard;
mod identity;
mod language;
mod markdown;
mod media;
mod page;
mod path;
mod public;
mod query;
mod resolve;
mod resource;
mod respond;
mod route;
mod source;
mod template;
#[cfg(test)]
mod tests;
mod text;
mod translation;
mod validator;

pub(crate) use public::{Forms, Proof};
#[cfg(fuzzing)]
pub use resource::fuzzing;
pub(crate) use source::{find_file, shown_text};

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use axum::body::Body;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, request::Parts};

use self::{
    failure::Known,
    guard::Guard,
    path::{BadPath, SitePath},
    public::Public,
    resolve::Found,
    resource::{Resource, Store},
    route::Routes,
    template::{Taken, Templates},
};
use crate::{
    config::{BodyLimits, SiteConfig},
    negotiate::{Accept, Prefers, Problem},
    report::Report,
    telemetry::Phases,
};

/// The methods of what is only read.
const READS: &str = "GET, HEAD, OPTIONS";

/// What Everlit answers itself. A clone is the same site.
#[derive(Clone)]
pub struct Site(Arc<Inner>);

struct Inner {
    project: String,
    public: Option<Public>,
    templates: Option<Templates>,
    routes: RwLock<Arc<Routes>>,
    data: Option<(PathBuf, Store)>,
    fallback: Option<Vec<String>>,
    keys: api::Keys,
    room: api::Rooms,
    /// For bodies as trees.
    trees: api::Rooms,
    body: BodyLimits,
    written: Box<dyn Fn(Written) + Send + Sync>,
    told: Arc<dyn Fn(Told) + Send + Sync>,
    /// The failures that were told of since the templates last changed.
    known: Known,
}

/// What a site tells of by itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// A write is on the disk.
    Wrote(Written),
    /// A template could not be rendered; told once for each place until the templates change.
    Failed(Box<Report>),
}

/// A write through the API that is on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The name of the resource: `posts`.
    pub resource: String,
    /// The items that changed, as they stand in paths; empty for a resource that is one object.
    pub ids: Vec<String>,
}

/// What became of a request.
#[derive(Debug)]
pub enum Answer {
    /// The site's answer.
    Done(Response<Body>),
    /// The request as it came, its body unread.
    NotMine(Request<Body>),
}

/// What [`Site::refresh`] found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Refreshed {
    /// The paths it was given, without data files whose content is what was served already (we wrote them ourselves), and
    /// without templates while one of them cannot be compiled.
    pub changed: Vec<PathBuf>,
    /// Every data file that cannot be used as it is now, not only those that changed, and a template that cannot be compiled; the
    /// last good content is served for them.
    pub failures: Vec<Report>,
}

impl Site {
    /// A site with the files of `config`. Data files are read when they are first asked for, or by
    /// [`Self::load`]. `told` is told of every write through the API after it is on the
    /// disk, and of pages that cannot be rendered; it must not block.
    pub fn new(config: &SiteConfig, told: impl Fn(Told) + Send + Sync + 'static) -> Self {
        let told: Arc<dyn Fn(Told) + Send + Sync> = Arc::new(told);
        let writes = Arc::clone(&told);
        let folder = |folder: &Option<PathBuf>| folder.as_deref().map(Path::to_owned);
        let others: Vec<PathBuf> = [folder(&config.templates), folder(&config.data)].into_iter().flatten().collect();
        let others: Vec<&Path> = others.iter().map(PathBuf::as_path).collect();
        let plain = |root: &Path| Guard::new(root, &[]);
        let templates = config.templates.as_deref().map(|root| Templates::new(plain(root)));
        let routes = config.templates.as_deref().map(Routes::scan).unwrap_or_default();
        Self(Arc::new(Inner {
            project: config.project.clone(),
            public: config.public.as_deref().map(|root| Public::new(Guard::new(root, &others))),
            templates,
            routes: RwLock::new(Arc::new(routes)),
            data: config
                .data
                .as_deref()
                .map(|root| (root.to_owned(), Store::open(plain(root), config.writes, config.versions.clone()))),
            fallback: config.fallback.as_deref().and_then(segments),
            keys: api::Keys::default(),
            room: api::Rooms::default(),
            trees: api::Rooms::default(),
            body: config.body,
            written: Box::new(move |written| writes(Told::Wrote(written))),
            told,
            known: Known::default(),
        }))
    }

    /// Reads what was not asked for yet, and gives everything that cannot be used as it is. Blocks on the disk.
    #[must_use]
    pub fn load(&self) -> Vec<Report> {
        if let Some((_, store)) = &self.0.data {
            store.load();
        }
        self.0.failures()
    }

    /// Answers a request, or hands it back.
    pub async fn answer(&self, request: Request<Body>) -> Answer {
        let Ok(path) = SitePath::parse(request.uri().path()) else { return Answer::NotMine(request) };
        let (method, uri, phases) = (request.method().clone(), request.uri().clone(), Phases::of(request.extensions()));
        match self.0.resolve(&path, &method) {
            Found::Nothing => Answer::NotMine(request),
            found => {
                let response = self.0.respond(found, request).await;
                Answer::Done(respond::finish(self.0.as_project_wants(&uri, &phases, response).await, &method))
            }
        }
    }

    /// The answer to a request that nobody has: 404, 405 when the address answers other methods, 400 when the path is
    /// malformed, or the fallback page when a browser navigates.
    pub async fn missing(&self, request: &Parts) -> Response<Body> {
        let response = self.0.missing(request).await;
        respond::finish(self.0.as_project_wants(&request.uri, &Phases::of(&request.extensions), response).await, &request.method)
    }

    /// Whether any of these is a template or data, of which [`Self::refresh`] has to be told; all else is read at each request.
    pub fn reads_any(&self, changed: &[PathBuf]) -> bool {
        let templates = self.0.templates.as_ref().map(Templates::root);
        let data = self.0.data.as_ref().map(|(root, _)| root.as_path());
        templates.into_iter().chain(data).any(|root| any_beneath(root, changed))
    }

    /// Whether all files that an answer was made of are as they were.
    pub(crate) fn proves(&self, proof: &Proof) -> bool {
        self.0.public.as_ref().is_some_and(|public| public.proves(proof))
    }

    /// Makes room of what is kept of files that changed. Nothing depends on it: what is kept is proved each time. Paths are absolute.
    pub fn forget(&self, changed: impl Iterator<Item = PathBuf>) {
        if let Some(public) = &self.0.public {
            public.forget(changed);
        }
    }

    /// Looks again at what changed on disk. `changed` are paths below the templates or data folder, absolute or relative to the
    /// project; others are given back as they are. Blocks on the disk, and on a write that is under way.
    pub fn refresh(&self, changed: &[PathBuf]) -> Refreshed {
        self.0.refresh(changed)
    }
}

impl Inner {
    /// One place that answers what `resolve` found. What takes longer than a file has a box for its wait: a future is moved as many
    /// times as there are layers, and every request would move the room of the largest.
    async fn respond(self: &Arc<Self>, found: Found<'_>, request: Request<Body>) -> Response<Body> {
        if let Some(explained) = explain::of_file(&found, &request) {
            return explained;
        }
        let query = request.uri().query();
        match found {
            Found::Resource(target) => Box::pin(api::answer(self, target, request)).await,
            Found::Description(description) => api::describe(self, description, &request.into_parts().0),
            Found::File { public, file, name } => public.serve_coded(file, &name, request.method(), request.headers()).await,
            Found::Index { public, file, folder } => {
                translation::serve(public, file, &folder, request.method(), request.headers()).await
            }
            Found::Page(pages) => Box::pin(page::answer(self, &pages, &request.into_parts().0)).await,
            Found::Redirect(location) => respond::redirect(&location, query),
            Found::Failed(error) => respond::open_failed(&error, request.headers(), Prefers::Html),
            Found::Nothing => respond::missing().respond(request.headers(), Prefers::Html),
        }
    }

    /// A problem is shown by the project's own page, if it has one for it.
    async fn as_project_wants(self: &Arc<Self>, uri: &Uri, phases: &Phases, response: Response<Body>) -> Response<Body> {
        let is_problem = response.extensions().get::<Problem>().is_some();
        if is_problem { Box::pin(error_page::put(self, uri, phases, response)).await } else { response }
    }

    async fn missing(&self, request: &Parts) -> Response<Body> {
        let prefers = prefers(request.uri.path());
        let path = match SitePath::parse(request.uri.path()) {
            Ok(path) => path,
            Err(BadPath::Malformed) => return malformed().respond(&request.headers, prefers),
            Err(BadPath::Nowhere) => return respond::missing().respond(&request.headers, prefers),
        };
        let reads = matches!(request.method, Method::GET | Method::HEAD);
        if !reads && !matches!(self.resolve(&path, &Method::GET), Found::Nothing) {
            return match request.method {
                Method::OPTIONS => respond::options(READS),
                _ => respond::method_not_allowed(READS).respond(&request.headers, prefers),
            };
        }
        match self.fallback(&request.headers).filter(|_| reads && prefers == Prefers::Html) {
            Some(file) => public::serve(file, &request.method, &request.headers).await,
            None if request.uri.path() == "/" => {
                respond::no_front_page(self.data.as_ref().map(|_| api::API)).respond(&request.headers, prefers)
            }
            None => respond::missing().respond(&request.headers, prefers),
        }
    }

    /// The file that answers a navigation; a script or picture that is missing stays missing.
    fn fallback(&self, headers: &HeaderMap) -> Option<public::Content> {
        let fallback = self.fallback.as_ref().filter(|_| Accept::parse(headers).names("text", "html"))?;
        match self.public.as_ref()?.open(fallback) {
            Ok(public::Found::File(file)) => Some(file),
            _ => None,
        }
    }

    /// Tells of a template that could not be rendered.
    fn failed(&self, report: Report) {
        if self.known.is_news(&report) {
            (self.told)(Told::Failed(Box::new(report)));
        }
    }

    fn refresh(&self, changed: &[PathBuf]) -> Refreshed {
        let mut kept = changed.to_vec();
        if let Some(templates) = self.templates.as_ref().filter(|templates| any_beneath(templates.root(), changed)) {
            match templates.refresh() {
                Taken::Yes => {
                    self.known.forget();
                    *self.routes.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Routes::scan(templates.root()));
                }
                Taken::No => kept.retain(|path| beneath(templates.root(), path).is_none()),
            }
        }
        if let Some((root, store)) = self.data.as_ref().filter(|(root, _)| any_beneath(root, changed)) {
            let other = store.refresh();
            kept.retain(|path| beneath(root, path).is_none_or(|below| is_among(&below, &other)));
        }
        Refreshed { changed: kept, failures: self.failures() }
    }

    fn failures(&self) -> Vec<Report> {
        let templates = self.templates.as_ref().and_then(Templates::failure);
        let data = self.data.iter().flat_map(|(_, store)| store.failures());
        templates.into_iter().chain(data).collect()
    }

    fn routes(&self) -> Arc<Routes> {
        Arc::clone(&self.routes.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// All resources.
    fn resources(&self) -> impl Iterator<Item = Arc<Resource>> {
        self.data.iter().flat_map(|(_, store)| store.all())
    }
}

/// Below `/api` programs ask.
fn prefers(raw_path: &str) -> Prefers {
    let below = raw_path.strip_prefix('/').and_then(|path| path.strip_prefix(api::API));
    if below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) { Prefers::Json } else { Prefers::Html }
}

fn malformed() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "the path has an escape that stands for nothing")
}

/// The plain segments of a relative path; `None` for one that climbs.
fn segments(path: &Path) -> Option<Vec<String>> {
    path.iter().map(|segment| segment.to_str().filter(|segment| path::is_name(segment)).map(str::to_owned)).collect()
}

fn any_beneath(root: &Path, paths: &[PathBuf]) -> bool {
    paths.iter().any(|path| beneath(root, path).is_some())
}

/// The rest of `path` below `root`, where `path` is absolute, or relative to a folder above `root`.
fn beneath(root: &Path, path: &Path) -> Option<PathBuf> {
    if path.is_absolute() {
        return path.strip_prefix(root).ok().map(Path::to_owned);
    }
    let named = path.ancestors().find(|ancestor| !ancestor.as_os_str().is_empty() && root.ends_with(ancestor))?;
    path.strip_prefix(named).ok().map(Path::to_owned)
}

/// Whether a path below the data folder is one of the files that are something else now; the folder itself is, when any is.
fn is_among(below: &Path, other: &std::collections::BTreeSet<String>) -> bool {
    if below.as_os_str().is_empty() { !other.is_empty() } else { below.to_str().is_some_and(|name| other.contains(name)) }
}
