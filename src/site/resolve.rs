//! Decides who answers a request: `/api`, then a static file, then a page or a resource, then nobody.

use http::Method;

use super::{
    Inner,
    api::{API, Above, Description, Place, Target},
    guard::OpenError,
    path::{self, SitePath},
    public::{self, Content, Public},
    resource::{Form, relation},
    route::{Matched, Page},
    translation::INDEX,
};
use crate::negotiate::version;

/// Who answers.
pub(super) enum Found<'s> {
    /// A collection, an item or a singleton.
    Resource(Target),
    /// What the API says of itself.
    Description(Description),
    /// A static file, asked for by this name.
    File { public: &'s Public, file: Content, name: String },
    /// The index of a static folder with these segments.
    Index { public: &'s Public, file: Content, folder: Vec<String> },
    /// Templates without a resource behind them; at least one.
    Page(Vec<Page>),
    /// The same thing has its address here, path-absolute.
    Redirect(String),
    /// The system could not open what may be there.
    Failed(OpenError),
    /// Nobody here.
    Nothing,
}

impl Inner {
    /// Decides by path and method; opens a static file on the way.
    pub(super) fn resolve(&self, path: &SitePath, method: &Method) -> Found<'_> {
        let reads = matches!(*method, Method::GET | Method::HEAD);
        if let Some(description) = self.description(path.segments()) {
            return Found::Description(description);
        }
        if let Some(target) = self.api_target(path.segments()) {
            return Found::Resource(target);
        }
        let file = if reads { self.file(path) } else { Found::Nothing };
        if !matches!(file, Found::Nothing) {
            return file;
        }
        match self.page(path.segments()) {
            Found::Page(_) if !reads => Found::Nothing,
            Found::Nothing => Found::Nothing,
            // Relative links in a template mean one address.
            _ if reads && path.is_folder() && !path.segments().is_empty() => Found::Redirect(path::encode(path.segments())),
            found => found,
        }
    }

    fn file(&self, path: &SitePath) -> Found<'_> {
        let Some(public) = &self.public else { return Found::Nothing };
        // An index that is there stands in a folder.
        if path.is_folder()
            && let Some(file) = public.kept(&index(path).join("/"))
        {
            return Found::Index { public, file, folder: path.segments().to_vec() };
        }
        match public.open(path.segments()) {
            Ok(public::Found::File(_)) if path.is_folder() => Found::Nothing,
            Ok(public::Found::File(file)) => Found::File { public, file, name: path.segments().join("/") },
            Ok(public::Found::Folder) => Self::folder(public, path),
            Err(OpenError::Missing) => Found::Nothing,
            Err(error) => Found::Failed(error),
        }
    }

    /// A folder answers with its index, or not at all: its names are nobody's business.
    fn folder<'p>(public: &'p Public, path: &SitePath) -> Found<'p> {
        match public.open(&index(path)) {
            Ok(public::Found::File(file)) if path.is_folder() => Found::Index { public, file, folder: path.segments().to_vec() },
            Ok(public::Found::File(_)) => Found::Redirect(format!("{}/", path::encode(path.segments()))),
            Err(error @ OpenError::Exhausted(_)) => Found::Failed(error),
            _ => Found::Nothing,
        }
    }

    /// A resource where one has this address, with the templates that show it, or else the templates alone.
    fn page(&self, segments: &[String]) -> Found<'_> {
        let pages = self.routes().find(segments);
        let target = match segments {
            [name] => self.target(name, None, Place::Site, self.views(name, None)),
            [name, id] if !pages.as_ref().is_some_and(Matched::is_literal) => {
                self.target(name, Some(id), Place::Site, self.views(name, Some(id)))
            }
            [above, id, name] => self.target_below(above, id, name, Place::Site),
            _ => None,
        };
        match (target, pages) {
            (Some(target), _) => Found::Resource(target),
            (None, Some(matched)) => Found::Page(matched.pages),
            (None, None) => Found::Nothing,
        }
    }

    /// `/api`, `/api/openapi.json`, `/api/docs`, where there is data.
    fn description(&self, segments: &[String]) -> Option<Description> {
        let (first, below) = segments.split_first().filter(|_| self.data.is_some())?;
        Description::at(below).filter(|_| first == API)
    }

    /// The templates that show a resource, or one item of it: those that stand in the folder of its name, or have it.
    pub(super) fn views(&self, name: &str, id: Option<&String>) -> Vec<Page> {
        let address: Vec<String> = [name.to_owned()].into_iter().chain(id.cloned()).collect();
        let shows = |found: &Matched| if id.is_some() { found.shows_item_of(name) } else { found.is_literal() };
        self.routes().find(&address).filter(shows).map(|found| found.pages).unwrap_or_default()
    }

    /// `/api/posts`, `/api/posts/7`, `/api/v1/posts`, `/api/v1/posts/7`.
    fn api_target(&self, segments: &[String]) -> Option<Target> {
        let (API, below) = segments.split_first().map(|(first, below)| (first.as_str(), below))? else { return None };
        let version = below.first().and_then(|segment| version::of_segment(segment)).filter(|_| below.len() > 1);
        let below = if version.is_some() { &below[1..] } else { below };
        let (name, id) = match below {
            [name] => (name, None),
            [name, id] => (name, Some(id)),
            [above, id, name] => return self.target_below(above, id, name, Place::Api(version)),
            _ => return None,
        };
        self.target(name, id, Place::Api(version), self.views(name, id))
    }

    fn target(&self, name: &str, id: Option<&String>, place: Place, pages: Vec<Page>) -> Option<Target> {
        let resource = self.data.as_ref()?.1.get(name)?;
        // A singleton has nothing below it.
        let below_singleton = id.is_some() && resource.snapshot().is_ok_and(|snapshot| snapshot.form() == Form::Singleton);
        (!below_singleton).then(|| Target { resource, id: id.cloned(), above: None, place, pages })
    }

    /// The rows of a collection that belong to an item of another.
    fn target_below(&self, above: &str, id: &str, name: &str, place: Place) -> Option<Target> {
        let collection = |name: &str| {
            let resource = self.data.as_ref()?.1.get(name)?;
            resource.snapshot().is_ok_and(|snapshot| snapshot.form() == Form::Collection).then_some(resource)
        };
        let (resource, above) = (collection(name)?, Above { resource: collection(above)?, id: id.to_owned() });
        let rows = resource.snapshot().ok()?;
        let is_below = relation::is_below(&above.resource.name, rows.rows().iter().map(|row| row.json()));
        let found = self.routes().find(&[above.resource.name.clone(), id.to_owned(), name.to_owned()]);
        let pages =
            found.filter(|found| found.shows_below(&above.resource.name, name)).map(|found| found.pages).unwrap_or_default();
        is_below.then_some(Target { resource, id: None, above: Some(above), place, pages })
    }
}

/// The segments of the index of a folder.
fn index(path: &SitePath) -> Vec<&str> {
    path.segments().iter().map(String::as_str).chain([INDEX]).collect()
}
