//! The index of a static folder in the language a client asks for: `index.de.html` beside `index.html`.
//!
//! The languages are looked up as RFC 4647 §3.4 says, in the order of the client's, until one is there. The plain index answers
//! everybody else.

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use super::{
    guard::{Guard, OpenFile, Opened},
    language, public,
};
use crate::negotiate::AcceptLanguage;

/// How many names are tried; browsers ask for two to four languages.
const MAX_TRIED: usize = 16;

/// The file that stands for a folder.
pub(super) const INDEX: &str = "index.html";

/// Answers `GET` and `HEAD` of a folder whose plain index is open already.
pub(super) async fn serve(
    guard: Option<&Guard>,
    plain: Box<OpenFile>,
    folder: &[String],
    method: &Method,
    request: &HeaderMap,
) -> Response<Body> {
    let found = guard.and_then(|guard| translated(guard, folder, request));
    let language = found.as_ref().and_then(|(language, _)| HeaderValue::from_str(language).ok());
    let mut response = public::serve(found.map_or(plain, |(_, file)| file), INDEX, method, request).await;
    if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
        response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept-Language"));
        if let Some(language) = language {
            response.headers_mut().insert(header::CONTENT_LANGUAGE, language);
        }
    }
    response
}

/// The first language that is asked for and there.
fn translated(guard: &Guard, folder: &[String], request: &HeaderMap) -> Option<(String, Box<OpenFile>)> {
    let asked = AcceptLanguage::parse(request);
    asked.tags().filter_map(language::canonical).take(MAX_TRIED).find_map(|language| {
        let name = format!("index.{language}.html");
        let segments: Vec<&str> = folder.iter().map(String::as_str).chain([name.as_str()]).collect();
        match guard.open(&segments) {
            Ok(Opened::File(file)) => Some((language, file)),
            _ => None,
        }
    })
}
