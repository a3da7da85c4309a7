//! The index of a static folder in the language a client asks for: `index.de.html` beside `index.html`.
//!
//! The languages are looked up as RFC 4647 §3.4 says, in the order of the client's, until one is there. The plain index answers
//! everybody else.

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use super::{
    guard::OpenError,
    language,
    public::{self, Content, Found, Looked, Public},
};
use crate::negotiate::{AcceptLanguage, LanguageMatch, Representation};

/// How many names are tried; browsers ask for two to four languages.
const MAX_TRIED: usize = 16;

/// The file that stands for a folder.
pub(super) const INDEX: &str = "index.html";

/// Answers `GET` and `HEAD` of a folder whose plain index is open already.
pub(super) async fn serve(
    public: &Public,
    plain: Content,
    folder: &[String],
    method: &Method,
    request: &HeaderMap,
) -> Response<Body> {
    let mut looked = Looked::of(&name(folder, INDEX), &plain);
    let found = translated(public, folder, request, &mut looked);
    let language = found.as_ref().and_then(|(language, _)| HeaderValue::from_str(language).ok());
    let mut response = public::serve(found.map_or(plain, |(_, file)| file), method, request).await;
    if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
        response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept-Language"));
        if let Some(language) = language {
            response.headers_mut().insert(header::CONTENT_LANGUAGE, language);
        }
    }
    looked.prove(&mut response);
    response
}

/// The first language that is asked for and there. One that a weight of 0 refuses is none, even where a longer tag leads to it.
fn translated(public: &Public, folder: &[String], request: &HeaderMap, looked: &mut Looked) -> Option<(String, Content)> {
    let asked = AcceptLanguage::parse(request);
    let tags = asked.tags().filter_map(language::canonical).take(MAX_TRIED);
    tags.filter(|language| asked.rate(Some(language)) != LanguageMatch::Refused).find_map(|language| {
        let file = open(public, folder, &language, looked)?;
        Some((language, file))
    })
}

fn open(public: &Public, folder: &[String], language: &str, looked: &mut Looked) -> Option<Content> {
    let name = name(folder, &format!("index.{language}.html"));
    let segments: Vec<&str> = name.split('/').collect();
    match public.open(&segments) {
        Ok(Found::File(file)) => {
            looked.found(&name, &file);
            return Some(file);
        }
        Err(OpenError::Missing) => looked.missed(&name),
        _ => looked.doubted(),
    }
    None
}

/// As it is asked for below the public folder.
fn name(folder: &[String], file: &str) -> String {
    folder.iter().map(String::as_str).chain([file]).collect::<Vec<&str>>().join("/")
}

/// The representations of a folder whose plain index is there: for everybody first, then one for each language.
pub(super) fn offers(public: &Public, folder: &[String]) -> Vec<Representation> {
    let names = public.names(folder);
    let tags = names.iter().filter_map(|name| name.strip_prefix("index.")?.strip_suffix(".html"));
    // As it is looked for: in the canonical case alone, where the file system tells cases apart.
    let mut languages: Vec<String> = tags.filter_map(language::canonical).collect();
    languages.sort_unstable();
    languages.dedup();
    languages.retain(|language| open(public, folder, language, &mut Looked::default()).is_some());
    let page = || Representation::new("text/html");
    [page()].into_iter().chain(languages.iter().map(|language| page().of_language(language))).collect()
}
