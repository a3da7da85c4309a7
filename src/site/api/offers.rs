//! The ways to show a target: pages by template, JSON by version.

use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Place, Target};
use crate::{
    negotiate::{
        Accept, Problem, Representation, choose,
        version::{self, Current},
    },
    site::{
        page,
        resource::{Row, Versions, compact, link, refusal::Refusal},
        route::Page,
        validator::Validators,
    },
};

/// The longest query that is repeated in the links to a resource's other representations; there may be a dozen of them.
const MAX_QUERY_BYTES: usize = 256;

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
    /// The version that the path names, which leaves the others out.
    named: Option<u32>,
    /// All versions there are, the newest first.
    versions: Vec<u32>,
}

impl Offers {
    /// Everything an address offers for reading: HTML, then JSON, then what other templates make.
    pub(super) fn to_read(target: &Target, project: &str, versions: &Versions) -> Self {
        let mut offers = Self::json(target, project, versions);
        if target.place == Place::Site {
            let pages = |wanted: bool| target.pages.iter().filter(move |page| (page.essence == "text/html") == wanted);
            let page = |page: &Page| page.representations().map(|made| (made, View::Page(page.clone()))).collect::<Vec<_>>();
            let html: (Vec<_>, Vec<_>) = pages(true).flat_map(page).unzip();
            let others: (Vec<_>, Vec<_>) = pages(false).flat_map(page).unzip();
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
        Self { representations, views, named: only, versions: versions.numbers().collect() }
    }

    /// The one that the client prefers.
    pub(super) fn choose(&self, headers: &HeaderMap) -> Result<(&Representation, &View), Problem> {
        self.at(choose(&Accept::parse(headers), &self.representations))
    }

    /// The one at a place that was decided on.
    pub(super) fn at(&self, place: Option<usize>) -> Result<(&Representation, &View), Problem> {
        let chosen = place.and_then(|place| Some((self.representations.get(place)?, self.views.get(place)?)));
        chosen.ok_or_else(|| match self.named {
            Some(named) if self.representations.is_empty() => self.no_version(named),
            Some(named) => page::not_acceptable_in(named, &self.representations),
            None => page::not_acceptable(&self.representations),
        })
    }

    /// 406 for a path that names a version there is not, with those there are.
    fn no_version(&self, named: u32) -> Problem {
        let offers = |number: &u32| Representation::new("application/json").with_parameter("version", *number);
        let available: Vec<String> = self.versions.iter().map(|number| offers(number).content_type()).collect();
        let numbers: Vec<String> = self.versions.iter().map(u32::to_string).collect();
        let detail = format!("there is no version {named}, which the path names; known: {}", numbers.join(", "));
        Problem::new(StatusCode::NOT_ACCEPTABLE, detail).with("available", available)
    }

    /// The one that a body of this type is.
    pub(super) fn named(&self, content_type: &HeaderValue) -> Option<&View> {
        self.views.get(choose(&Accept::of_content_type(content_type)?, &self.representations)?)
    }
}

/// The entity tags of all JSON representations of a version, which `body` gives.
pub(super) fn tags(offers: &Offers, version: u32, body: impl Fn(u32) -> Result<Vec<u8>, Refusal>) -> Vec<String> {
    let Ok(body) = body(version) else { return Vec::new() };
    let own = offers.representations.iter().filter(|offer| offer.version == Some(version));
    own.filter_map(|offer| Validators::of_bytes(&offer.content_type(), &body).tag).collect()
}

/// A row as JSON, in a version.
pub(super) fn body(versions: &Versions, number: u32, row: &Row) -> Result<Vec<u8>, Refusal> {
    if versions.is_stored(number) {
        let mut body = Vec::with_capacity(row.json().len());
        compact::push(row.json(), &mut body);
        return Ok(body);
    }
    shown(versions, number, row).map(|shown| to_json(&shown))
}

/// An array of texts that are JSON.
pub(super) fn array(entries: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut array = vec![b'['];
    for (place, entry) in entries.enumerate() {
        array.extend_from_slice(if place == 0 { b"" } else { b"," });
        array.extend_from_slice(&entry);
    }
    array.push(b']');
    array
}

/// A row as a version shows it.
pub(super) fn shown(versions: &Versions, number: u32, row: &Row) -> Result<Map<String, Value>, Refusal> {
    let object = row.object();
    Ok(versions.show(number, &object).ok_or(Refusal::Missing)?.into_owned())
}

/// The bytes of a JSON representation.
pub(super) fn to_json(value: &impl Serialize) -> Vec<u8> {
    // Maps with text keys always have a JSON form.
    serde_json::to_vec(value).unwrap_or_default()
}

/// `Link` values with `rel="alternate"` for what else the resource can be had as: pages at their address, JSON at the API's. A query
/// is part of the address; it names members as one version does, so that the others are no alternates then.
pub(super) fn alternates(target: &Target, versions: &Versions, chosen: &Representation, query: Option<&str>) -> Vec<String> {
    let query = query.filter(|query| !query.is_empty());
    if query.is_some_and(|query| query.len() > MAX_QUERY_BYTES) {
        return Vec::new();
    }
    let current = versions.current();
    let page = |page: &Page| (Target { place: Place::Site, ..target.clone() }.address(), page.representation(), current);
    let json =
        |version: Option<u32>| (target.address_in(version), Representation::new("application/json"), version.unwrap_or(current));
    let all = target.pages.iter().map(page).chain([json(None)]).chain(versions.numbers().map(Some).map(json));
    let is_own = |address: &str, other: &Representation| {
        address == target.address() && (other.essence(), other.language()) == (chosen.essence(), chosen.language())
    };
    let shown = chosen.version.unwrap_or(current);
    let others = all.filter(|(address, other, version)| !is_own(address, other) && (query.is_none() || *version == shown));
    let link = |(address, other, _): (String, Representation, u32)| {
        let address = query.map_or_else(|| address.clone(), |query| link::escape(&format!("{address}?{query}")));
        let language = other.language().map(|language| format!("; hreflang=\"{language}\"")).unwrap_or_default();
        format!("<{address}>; rel=\"alternate\"; type=\"{}\"{language}", other.essence())
    };
    others.map(link).collect()
}
