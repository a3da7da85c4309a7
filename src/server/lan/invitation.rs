//! Invitations: how a phone brings one, and the page that shows one at this machine.

use std::net::IpAddr;

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header, uri::Authority};
use serde::Serialize;

use crate::{
    device::lan::{Code, Invitation, Lan, Pairing},
    field::{SEC_FETCH_DEST, SEC_FETCH_SITE, SEC_PURPOSE},
    negotiate,
    server::{hosts::is_loopback, origin::says, reply::refuse},
};

const TEMPLATE: &str = "lan/pair.html";

/// What the page shows.
#[derive(Serialize)]
struct Page {
    link: String,
    named_link: Option<String>,
    network: String,
    size: usize,
    path: String,
    is_tls: bool,
    certificate: String,
    minutes: u64,
}

/// The token of an invitation's address.
pub(super) fn token_in(uri: &Uri) -> Option<&str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix("token="))
}

/// A page with a new invitation. Who reads it can come in by the network: it is for the person at this machine, who opens it by one of its
/// own names; for no script of a page that loads it, for no browser that loads ahead, and for nobody behind a tunnel that ends here.
pub(super) fn page(request: &Request<Body>, lan: &Lan, host: &Authority, remote: IpAddr) -> Response<Body> {
    let headers = request.headers();
    let is_here = remote.to_canonical().is_loopback() && is_loopback(host.host());
    if !is_here || request.method() != Method::GET || !is_opened_by_a_person(headers) {
        return refuse(
            headers,
            StatusCode::FORBIDDEN,
            "a code is shown to the person at this machine only, who opens this address",
        );
    }
    let Some(invitation) = lan.invite() else {
        let why = "phones have no way in for now: this machine is in no private network, or not in the one that `lan` names";
        return refuse(headers, StatusCode::SERVICE_UNAVAILABLE, why);
    };
    let text = Page::of(invitation).and_then(|page| negotiate::page(TEMPLATE, &page).ok());
    let Some(text) = text else {
        return refuse(headers, StatusCode::INTERNAL_SERVER_ERROR, "the code cannot be drawn; the terminal shows its link");
    };
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

/// Whether a browser shows the answer as a page that no other site led to; programs say nothing of either.
fn is_opened_by_a_person(headers: &HeaderMap) -> bool {
    let is_ahead = headers.contains_key(&SEC_PURPOSE);
    let is_page = !headers.contains_key(&SEC_FETCH_DEST) || says(headers, &SEC_FETCH_DEST, "document");
    let is_from_here = |site: &str| says(headers, &SEC_FETCH_SITE, site);
    is_page && !is_ahead && (!headers.contains_key(&SEC_FETCH_SITE) || is_from_here("none") || is_from_here("same-origin"))
}

impl Page {
    fn of(invitation: Invitation) -> Option<Self> {
        let Invitation { place, link, named_link } = invitation;
        let code = Code::of(&link)?;
        Some(Self {
            named_link,
            network: place.network.to_string(),
            size: code.size(),
            path: code.path(),
            is_tls: place.scheme == http::uri::Scheme::HTTPS,
            certificate: place.certificate(),
            minutes: Pairing::MINUTES,
            link,
        })
    }
}
