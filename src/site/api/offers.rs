//! The ways to show a target: pages by template, JSON by version.

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Response, header};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{API, Place, Target};
use crate::{
    negotiate::{
        Accept, Problem, Representation, choose,
        version::{self, Current},
    },
    site::{page, path, resource::Versions, route::Page, validator::Validators},
};

/// One way to show a target.
#[derive(Clone, Debug)]
pub(super) enum View {
    Page(Page),
    /// In this version.
    Json(u32),
}

/// All ways, best first; those of equal worth to the client are taken in this order.
pub(super) struct Offers {
    pub(super) representations: Vec<Representation>,
    views: Vec<View>,
}

impl Offers {
    /// Everything an address offers for reading: HTML, then JSON, then what other templates make.
    pub(super) fn to_read(target: &Target, project: &str, versions: &Versions) -> Self {
        let mut offers = Self::json(target, project, versions);
        if target.place == Place::Site {
            let pages = |wanted: bool| target.pages.iter().filter(move |page| (page.essence == "text/html") == wanted);
            let page = |page: &Page| (Representation::new(page.essence), View::Page(page.clone()));
            let html: (Vec<_>, Vec<_>) = pages(true).map(page).unzip();
            let others: (Vec<_>, Vec<_>) = pages(false).map(page).unzip();
            offers.representations = [html.0, offers.representations, others.0].concat();
            offers.views = [html.1, offers.views, others.1].concat();
        }
        offers
    }

    /// JSON in the version that the path names, or in all of them. An unknown version leaves nothing.
    pub(super) fn json(target: &Target, project: &str, versions: &Versions) -> Self {
        let only = match target.place {
            Place::Api(version) => version,
            Place::Site => None,
        };
        let numbers = versions.numbers().filter(|number| only.is_none_or(|only| only == *number));
        let representations: Vec<Representation> = numbers
            .flat_map(|number| {
                let current = if number == versions.current() || only.is_some() { Current::Yes } else { Current::No };
                version::offers(project, number, current)
            })
            .collect();
        let views = representations.iter().map(|offer| View::Json(offer.version.unwrap_or_default())).collect();
        Self { representations, views }
    }

    /// The one that the client prefers.
    pub(super) fn choose(&self, headers: &HeaderMap) -> Result<(&Representation, &View), Problem> {
        self.pick(&Accept::parse(headers)).ok_or_else(|| page::not_acceptable(&self.representations))
    }

    /// The one that a body of this type is.
    pub(super) fn named(&self, content_type: &HeaderValue) -> Option<&View> {
        self.pick(&Accept::of_content_type(content_type)?).map(|(_, view)| view)
    }

    fn pick(&self, accept: &Accept) -> Option<(&Representation, &View)> {
        let place = choose(accept, &self.representations)?;
        Some((&self.representations[place], &self.views[place]))
    }
}

/// The entity tags that one stored object has in all its JSON representations.
pub(super) fn tags(offers: &Offers, versions: &Versions, stored: &Map<String, Value>) -> Vec<String> {
    let shown = offers.representations.iter().filter_map(|offer| {
        let body = to_json(&*versions.shape(offer.version?)?.show(stored));
        Validators::of_bytes(&offer.content_type(), &body).tag
    });
    shown.collect()
}

/// The bytes of a JSON representation.
pub(super) fn to_json(value: &impl Serialize) -> Vec<u8> {
    // Maps with text keys always have a JSON form.
    serde_json::to_vec(value).unwrap_or_default()
}

/// Adds `Link: …; rel="alternate"` for what else the resource can be had as (RFC 8288): pages at their address, JSON at the API's.
pub(super) fn link(response: &mut Response<Body>, target: &Target, versions: &Versions, chosen: &Representation) {
    let name = &target.resource.name;
    let below = |prefix: &[String]| {
        let segments: Vec<&str> = prefix.iter().chain([name]).chain(&target.id).map(String::as_str).collect();
        path::encode(&segments)
    };
    let pages = target.pages.iter().map(|page| (below(&[]), page.essence.to_owned()));
    let older = versions.numbers().map(|number| (below(&[API.to_owned(), format!("v{number}")]), "application/json".to_owned()));
    let current = (below(&[API.to_owned()]), "application/json".to_owned());
    let own = (target.address(), chosen.essence());
    let links: Vec<String> = pages
        .chain([current])
        .chain(older)
        .filter(|link| *link != own)
        .map(|(address, essence)| format!("<{address}>; rel=\"alternate\"; type=\"{essence}\""))
        .collect();
    if let Ok(links) = HeaderValue::from_str(&links.join(", ")) {
        response.headers_mut().insert(header::LINK, links);
    }
}
