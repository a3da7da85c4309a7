//! What a resource offers, and the decision between the offers: RFC 9110 §12.

use std::{cmp::Reverse, fmt};

use super::{Accept, Match, accept::MediaRange, is_language_tag};

/// One media type a resource can be had as, with its language and the API version it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Representation {
    kind: String,
    subtype: String,
    parameters: Vec<(String, String)>,
    language: Option<String>,
    /// The version of the resource it shows; `None` where versions have no meaning (pages).
    pub version: Option<u32>,
}

impl Representation {
    /// A representation of the type `essence`: `text/html`. One without a slash is an unknown kind of bytes.
    #[must_use]
    pub fn new(essence: &str) -> Self {
        let (kind, subtype) = essence.split_once('/').unwrap_or(("application", "octet-stream"));
        let (kind, subtype) = (kind.to_ascii_lowercase(), subtype.to_ascii_lowercase());
        Self { kind, subtype, parameters: Vec::new(), language: None, version: None }
    }

    /// The same with a parameter that is part of the type.
    #[must_use]
    pub fn with_parameter(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.parameters.push((name.to_ascii_lowercase(), value.to_string()));
        self
    }

    /// The same, showing a version.
    #[must_use]
    pub fn of_version(mut self, version: u32) -> Self {
        self.version = Some(version);
        self
    }

    /// The same, in a language: `de`, `en-GB`. A text that is no language tag (see [`is_language_tag`]) leaves it without one, as
    /// the representation for everybody.
    #[must_use]
    pub fn of_language(mut self, tag: &str) -> Self {
        self.language = is_language_tag(tag).then(|| tag.to_owned());
        self
    }

    /// The value of `Content-Language`.
    #[must_use]
    pub fn language(&self) -> Option<&str> {
        self.language.as_deref()
    }

    /// `type/subtype`.
    #[must_use]
    pub fn essence(&self) -> String {
        format!("{}/{}", self.kind, self.subtype)
    }

    /// The value of `Content-Type`: text says its encoding, and no space precedes a `;`.
    #[must_use]
    pub fn content_type(&self) -> String {
        let charset = if self.kind == "text" { "; charset=utf-8" } else { "" };
        format!("{self}{charset}")
    }

    /// How well a client takes it.
    #[must_use]
    pub fn rate(&self, accept: &Accept) -> Match {
        accept.rate(&self.kind, &self.subtype, &self.parameters)
    }

    /// The media range that decides how well a client takes it.
    pub(super) fn range_in<'a>(&self, accept: &'a Accept) -> Option<&'a MediaRange> {
        accept.deciding(&self.kind, &self.subtype, &self.parameters).map(|(_, range)| range)
    }
}

impl fmt::Display for Representation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.subtype)?;
        self.parameters.iter().try_for_each(|(name, value)| write!(f, "; {name}={value}"))
    }
}

/// The place of the offer to answer with; `None` means 406. Quality decides, then how closely the client names the offer (a
/// script that asks for `application/json, */*` wants JSON), then the order of the offers. Languages are [`super::decide`]'s.
#[must_use]
pub fn choose(accept: &Accept, offers: &[Representation]) -> Option<usize> {
    let rated = offers.iter().map(|offer| offer.rate(accept)).enumerate();
    let taken = rated.filter(|(_, found)| found.quality > 0);
    taken.max_by_key(|(place, found)| (*found, Reverse(*place))).map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header};

    use super::*;
    use crate::negotiate::version::{Current, offers};

    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

    #[test]
    fn quality_then_specificity_then_order() {
        check("", "text/html");
        check("*/*", "text/html");
        check(BROWSER, "text/html");
        check("application/json", "application/json of 2");
        check("application/json, text/plain, */*", "application/json of 2");
        check("application/json;q=0.5, text/html;q=0.6", "text/html");
        check("application/*", "application/json of 2");
        check("application/json; version=1", "application/json; version=1 of 1");
        check("application/json; version=2", "application/json; version=2 of 2");
        check("application/vnd.my-shop.v1+json", "application/vnd.my-shop.v1+json of 1");
        check("application/vnd.my-shop.v2+json", "application/vnd.my-shop.v2+json of 2");
        check("application/vnd.my-shop+json", "application/vnd.my-shop+json of 2");
        check("application/vnd.my-shop.v9+json, */*;q=0.1", "text/html");
        check("application/vnd.my-shop.v9+json", "none");
        check("application/json; version=9", "none");
        check("application/json; version=\"../../x\"", "none");
        check("text/html;q=0, application/json;q=0", "none");
        check("image/*", "none");
        check("text/html;q=0, */*;q=0.1", "application/json of 2");
    }

    #[test]
    fn content_types_are_exact() {
        assert_eq!(Representation::new("text/CSV").content_type(), "text/csv; charset=utf-8");
        assert_eq!(
            Representation::new("application/json").with_parameter("version", 1).content_type(),
            "application/json; version=1"
        );
        assert_eq!(Representation::new("nonsense").content_type(), "application/octet-stream");
    }

    #[test]
    fn languages_are_tags() {
        for (tag, expected) in [("de", Some("de")), ("en-GB", Some("en-GB")), ("", None), ("de\r\nx", None), ("min.js", None)] {
            assert_eq!(Representation::new("text/html").of_language(tag).language(), expected, "{tag:?}");
        }
    }

    fn check(accept: &str, expected: &str) {
        let mut offered = vec![Representation::new("text/html")];
        offered.extend(offers("My Shop!", 2, Current::Yes));
        offered.extend(offers("My Shop!", 1, Current::No));
        let mut headers = HeaderMap::new();
        if !accept.is_empty() {
            headers.insert(header::ACCEPT, HeaderValue::from_str(accept).unwrap());
        }
        let chosen = choose(&Accept::parse(&headers), &offered).map(|place| &offered[place]);
        let found = chosen.map_or("none".to_owned(), |offer| match offer.version {
            Some(version) => format!("{offer} of {version}"),
            None => offer.to_string(),
        });
        assert_eq!(found, expected, "{accept}");
    }
}
