//! The project's own page in the place of Everlit's: `templates/404.html` and `templates/500.html`.
//!
//! Wherever in the site a problem is answered, it passes here last: one that is shown as HTML, with a status that has a template,
//! gets that template's page and keeps its status and headers. A template that fails leaves the built-in page. The template
//! learns nothing of whether a file is denied or missing, for nobody knows it here.

use std::sync::Arc;

use axum::body::Body;
use http::{Response, Uri, header};
use minijinja::{Value, context};

use super::{Inner, page};
use crate::{
    negotiate::Problem,
    report::{Diagnostic, Excerpt, Report},
    telemetry::{Phase, Phases},
};

/// The answer to a request of this address as the project wants it shown.
pub(super) async fn put(inner: &Arc<Inner>, uri: &Uri, phases: &Phases, mut response: Response<Body>) -> Response<Body> {
    let Some(problem) = response.extensions_mut().remove::<Problem>().filter(|_| is_html(&response)) else { return response };
    let Some(template) = inner.routes().error_page(problem.status()) else { return response };
    match phases.during(Phase::Render, page::run(inner, template, context(inner, uri, &problem))).await {
        Ok(page) => {
            *response.body_mut() = Body::from(page);
            response
        }
        Err(_) => response,
    }
}

fn is_html(response: &Response<Body>) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|essence| essence.as_bytes().starts_with(b"text/html"))
}

fn context(inner: &Inner, uri: &Uri, problem: &Problem) -> Value {
    context! {
        status => problem.status().as_u16(),
        title => problem.status().canonical_reason(),
        detail => problem.detail(),
        error => problem.failure().map(error),
        ..page::surroundings(inner, uri)
    }
}

/// A failure as a developer wants to see it.
fn error(report: &Report) -> Value {
    let diagnostic = |found: &Diagnostic| {
        context! {
            severity => found.severity.name(),
            place => found.place(),
            message => &found.message,
            help => &found.help,
            lines => found.excerpt.as_ref().map(|excerpt| lines(excerpt, found.line)),
        }
    };
    context! {
        title => &report.title,
        diagnostics => report.diagnostics.iter().map(diagnostic).collect::<Value>(),
        excerpt => &report.output,
    }
}

/// The lines of the source, with the one that is meant.
fn lines(excerpt: &Excerpt, marked: Option<u32>) -> Value {
    let line = |(number, text): (u32, &String)| context! { number, text, marked => marked == Some(number) };
    (excerpt.first..).zip(&excerpt.lines).map(line).collect()
}
