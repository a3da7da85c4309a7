//! The authority's certificate for phones: a page that says why and how, and the certificate in the forms that phones take.
//!
//! It is asked for before anything is trusted, so without TLS as well; whoever changes it on the way is found out by its fingerprint,
//! which stands in the terminal too.

use axum::body::Body;
use data_encoding::{BASE64, HEXLOWER};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use serde::Serialize;

use super::LanRooms;
use crate::{
    negotiate::{self, Prefers, Problem},
    reload::OWN,
    server::reply::refuse,
    tls::Certificate,
};

const TEMPLATE: &str = "lan/certificate.html";
const PROFILE: &str = "lan/profile.xml";

/// Why there is nothing to install.
const NONE: &str = "there is no certificate to install: plain HTTP is spoken here, or HTTPS with a certificate of the person's own. \
                    `everlit dev --lan --tls` speaks HTTPS with one that phones can install";

/// What the page and the profile say.
#[derive(Serialize)]
struct Page<'c> {
    name: &'c str,
    id: &'c str,
    fingerprint: String,
    content: String,
    /// What tells profiles apart; the same certificate is the same profile.
    profile: String,
    payload: String,
}

/// Whether a path below our own routes is about the certificate.
pub(super) fn is_about_certificate(path: &str) -> bool {
    path == "ca" || path.starts_with("ca/")
}

/// The page, or the certificate in one of its forms.
pub(super) fn answer(request: &Request<Body>, rooms: &LanRooms) -> Response<Body> {
    let headers = request.headers();
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this address takes GET only");
        return problem.header(header::ALLOW, HeaderValue::from_static("GET, HEAD")).respond(headers, Prefers::Html);
    }
    let Some(certificate) = &rooms.certificate else { return refuse(headers, StatusCode::NOT_FOUND, NONE) };
    match request.uri().path().strip_prefix(OWN) {
        Some("ca") => written(headers, TEMPLATE, certificate, "text/html; charset=utf-8"),
        Some("ca/everlit.crt") => file(certificate, "crt", "application/x-x509-ca-cert", Body::from(certificate.der.clone())),
        Some("ca/everlit.mobileconfig") => {
            let response = written(headers, PROFILE, certificate, "application/x-apple-aspen-config");
            if response.status() == StatusCode::OK { named(response, certificate, "mobileconfig") } else { response }
        }
        _ => refuse(headers, StatusCode::NOT_FOUND, "there is nothing here"),
    }
}

fn written(headers: &HeaderMap, template: &str, certificate: &Certificate, media_type: &'static str) -> Response<Body> {
    let Ok(text) = negotiate::page(template, &Page::of(certificate)) else {
        return refuse(headers, StatusCode::INTERNAL_SERVER_ERROR, "the page cannot be written");
    };
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

fn file(certificate: &Certificate, extension: &str, media_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    named(response, certificate, extension)
}

/// An answer that is saved under a name.
fn named(mut response: Response<Body>, certificate: &Certificate, extension: &str) -> Response<Body> {
    let name = format!("attachment; filename=\"everlit-{}.{extension}\"", certificate.id);
    if let Ok(name) = HeaderValue::try_from(name) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    response
}

impl<'c> Page<'c> {
    fn of(certificate: &'c Certificate) -> Self {
        let [profile, payload] = [&certificate.fingerprint[..16], &certificate.fingerprint[16..]].map(identity);
        Self {
            name: &certificate.name,
            id: &certificate.id,
            fingerprint: certificate.fingerprint(),
            content: BASE64.encode(&certificate.der),
            profile,
            payload,
        }
    }
}

/// Sixteen bytes as identities are written (RFC 9562 §4).
fn identity(bytes: &[u8]) -> String {
    let digits = HEXLOWER.encode(bytes);
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}
