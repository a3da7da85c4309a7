//! `{project}.localhost`: whose name a request gives, where several projects are served at once.
//!
//! Each name below `localhost` leads to this machine, whoever listens. One that is another project's is asked for by a bookmark
//! or a guess at the port: whoever navigates there is sent where that project is. A name that is nobody's stays ours, since
//! programs tell their customers apart by such names.

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header, uri::Authority};
use tokio::task::spawn_blocking;

use super::{origin::navigates, reply::head};
use crate::{
    field::SEC_FETCH_MODE,
    negotiate::{Prefers, Problem},
    process::{self, Other},
};

/// What all names below this machine's end in.
const BELOW: &str = ".localhost";

/// A page that may be another project's.
pub(super) struct Stray {
    /// What stands before `.localhost`.
    name: String,
    path: String,
    headers: HeaderMap,
}

impl Stray {
    /// What a request asks for, where a person would see the answer and the name is not that of `project`.
    pub(super) fn of(request: &Request<Body>, host: &Authority, project: &str) -> Option<Self> {
        let (name, below) = host.host().split_at_checked(host.host().len().checked_sub(BELOW.len())?)?;
        if !below.eq_ignore_ascii_case(BELOW) {
            return None;
        }
        let name = Some(name.to_ascii_lowercase()).filter(|name| !is_of(name, project))?;
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
        shows_a_page(request).then(|| Self { name, path, headers: head(request) })
    }

    /// The answer that leads to the other project; `None` where the name is nobody's.
    pub(super) async fn lead(&self, project: &str) -> Option<Response<Body>> {
        let Self { name, path, headers } = self;
        let runs = spawn_blocking(process::runs).await.ok()?;
        let url = address(&runs, name, project)?;
        let place = format!("{}{path}", url.trim_end_matches('/').replacen("//localhost", &format!("//{name}.localhost"), 1));
        let problem = Problem::new(StatusCode::TEMPORARY_REDIRECT, format!("{project} is served here; {name} is at {place}"));
        let problem = problem.header(header::LOCATION, HeaderValue::try_from(place).ok()?);
        Some(problem.respond(headers, Prefers::Html))
    }
}

/// Where another project of this name is.
fn address<'r>(runs: &'r [Other], name: &str, project: &str) -> Option<&'r str> {
    let of_name = |run: &&Other| run.project.as_deref().is_some_and(|other| other != project && is_of(name, other));
    runs.iter().find(of_name)?.url.as_deref()
}

/// Whether a name is the project's, or one of those below it.
fn is_of(name: &str, project: &str) -> bool {
    name.strip_suffix(project).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Whether a person would see the answer: what a page of ours loads from a name is none of another project's.
fn shows_a_page(request: &Request<Body>) -> bool {
    let headers = request.headers();
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    is_read && (navigates(headers) || !headers.contains_key(&SEC_FETCH_MODE) && !headers.contains_key(header::ORIGIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_below_this_machine_s_may_be_others() {
        let check = |host: &'static str, expected: Option<&str>| {
            let request = Request::get("/").body(Body::empty()).unwrap();
            let stray = Stray::of(&request, &Authority::from_static(host), "shop");
            assert_eq!(stray.map(|stray| stray.name).as_deref(), expected, "{host}");
        };
        check("blog.localhost:4747", Some("blog"));
        check("Admin.Blog.LOCALHOST", Some("admin.blog"));
        check("shop.localhost:4747", None);
        check("tenant.shop.localhost", None);
        check("localhost:4747", None);
        check("127.0.0.1:4747", None);
        check("a.test", None);
    }

    #[test]
    fn a_name_leads_to_its_project() {
        let run = |project: &str, url: &str| {
            let (url, project) = (Some(url.into()), Some(project.into()));
            Other { pid: 1, url, project, phones: None, control: None }
        };
        let runs =
            [run("shop", "http://localhost:4747/"), run("blog", "http://localhost:4748/"), run("my.app", "http://localhost:1/")];
        let check = |name: &str, expected: Option<&str>| assert_eq!(address(&runs, name, "shop"), expected, "{name}");
        check("blog", Some("http://localhost:4748/"));
        check("admin.blog", Some("http://localhost:4748/"));
        check("my.app", Some("http://localhost:1/"));
        check("app", None);
        check("weblog", None);
        check("shop", None);
        check("tenant", None);
        assert!(is_of("tenant.shop", "shop") && !is_of("workshop", "shop"));
    }
}
