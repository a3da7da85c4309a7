//! The site from outside: requests to temporary folders, answered by [`Site::answer`].

mod committing;
mod files;
mod formats;
mod pages;
mod reading;
mod refreshing;
mod relating;
mod writing;

use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;

use super::{Answer, Refreshed, Site, Told, Written, folder::Folder};
use crate::{
    config::{BodyLimits, SiteConfig, Writes},
    report::Report,
};

/// A project with its site.
struct Project {
    folder: Folder,
    site: Site,
    told: Arc<Mutex<Vec<Told>>>,
}

/// An answer, read to its end. `mine` tells the site's own from those of [`Site::missing`].
struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
    mine: bool,
}

impl Project {
    /// A project of these files, with `static/`, `templates/` and `data/` where there are such.
    fn new(files: &[(&str, &str)]) -> Self {
        Self::configured(files, |_, _| ())
    }

    /// The same, configured otherwise.
    fn configured(files: &[(&str, &str)], change: impl FnOnce(&Folder, &mut SiteConfig)) -> Self {
        let folder = Folder::new(files);
        let found = |name: &str| Some(folder.path(name)).filter(|path| path.is_dir());
        let mut config = SiteConfig {
            project: "shop".to_owned(),
            public: found("static"),
            templates: found("templates"),
            data: found("data"),
            fallback: None,
            except: Vec::new(),
            body: BodyLimits::default(),
            versions: Vec::new(),
            writes: Writes::default(),
        };
        change(&folder, &mut config);
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        let site = Site::new(&config, move |told| heard.lock().unwrap().push(told));
        drop(site.load());
        Self { folder, site, told }
    }

    /// A plain folder that is served as it is.
    fn flat(files: &[(&str, &str)]) -> Self {
        Self::configured(files, |folder, config| config.public = Some(folder.path("")))
    }

    async fn get(&self, path: &str) -> Got {
        self.send("GET", path, &[], "").await
    }

    /// The site's answer, or the one for requests that nobody has.
    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Got {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, value.as_bytes());
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let (mine, response) = match self.site.answer(request).await {
            Answer::Done(response) => (true, response),
            Answer::NotMine(request) => {
                let (parts, untouched) = request.into_parts();
                assert_eq!(untouched.collect().await.unwrap().to_bytes(), body.as_bytes());
                (false, self.site.missing(&parts).await)
            }
        };
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        assert_eq!(parts.headers["x-content-type-options"], "nosniff", "{method} {path}");
        assert_eq!(parts.headers["cross-origin-resource-policy"], "same-origin", "{method} {path}");
        assert!(parts.headers.contains_key("cache-control"), "{method} {path}");
        Got { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&bytes).into_owned(), mine }
    }

    async fn json(&self, method: &str, path: &str, body: &str) -> Got {
        self.send(method, path, &[("content-type", "application/json")], body).await
    }

    fn refresh(&self, paths: &[&str]) -> Refreshed {
        self.site.refresh(&paths.iter().map(|path| self.folder.path(path)).collect::<Vec<_>>())
    }

    fn told(&self) -> Vec<Told> {
        std::mem::take(&mut self.told.lock().unwrap())
    }

    fn written(&self) -> Vec<Written> {
        let written = |told| if let Told::Wrote(written) = told { Some(written) } else { None };
        self.told().into_iter().filter_map(written).collect()
    }

    fn failed(&self) -> Vec<Report> {
        let failed = |told| if let Told::Failed(report) = told { Some(*report) } else { None };
        self.told().into_iter().filter_map(failed).collect()
    }
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn value(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    #[track_caller]
    fn is(self, status: u16, body: &str) -> Self {
        assert_eq!((self.status.as_u16(), self.body.as_str()), (status, body));
        self
    }

    #[track_caller]
    fn has(self, status: u16, part: &str) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        assert!(self.body.contains(part), "{}", self.body);
        self
    }
}
