//! The `Accept` header as a value: RFC 9110 §12.5.1.
//!
//! [`Accept::parse`] is total. A piece that does not follow the grammar is skipped as if it were not there, and a header that
//! keeps no piece says nothing at all, which means that anything is taken.

use std::{borrow::Cow, fmt};

use http::{HeaderMap, HeaderValue, header};

use super::field::{self, MAX_MEMBERS, Weight};

/// The specificity of a range without wildcards and parameters.
const NAMED: u16 = 2;

/// What a client takes, in its own order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accept {
    ranges: Vec<MediaRange>,
}

/// One media range with its weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MediaRange {
    /// Lower case; `*` is any.
    kind: String,
    /// Lower case; `*` is any.
    subtype: String,
    /// Names in lower case, values unquoted, without `q`.
    parameters: Vec<(String, String)>,
    /// In thousandths.
    quality: u16,
}

/// How well an offer is taken. The greater one wins; a quality of 0 is a refusal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Match {
    /// The weight of the most specific range that covers the offer, in thousandths.
    pub quality: u16,
    /// How closely that range names the offer: 0 for `*/*`, 1 for `type/*`, 2 and one more per parameter for the type itself.
    pub specificity: u16,
}

impl Match {
    /// Whether the offer's type itself is named, not only covered by a wildcard.
    #[must_use]
    pub fn is_named(self) -> bool {
        self.quality > 0 && self.specificity >= NAMED
    }
}

impl Accept {
    /// Reads all `Accept` lines of a request.
    #[must_use]
    pub fn parse(headers: &HeaderMap) -> Self {
        let ranges = field::members(headers, &header::ACCEPT).filter_map(MediaRange::parse);
        Self { ranges: ranges.take(MAX_MEMBERS).collect() }
    }

    /// Reads a `Content-Type` as the one range it covers, to find which of several offers it is; `None` for no media type.
    #[must_use]
    pub fn of_content_type(value: &HeaderValue) -> Option<Self> {
        let range = MediaRange::parse(value.as_bytes().trim_ascii())?;
        (range.subtype != "*").then(|| Self { ranges: vec![range] })
    }

    /// How well `kind/subtype` with `parameters` (all lower case) is taken.
    #[must_use]
    pub fn rate(&self, kind: &str, subtype: &str, parameters: &[(String, String)]) -> Match {
        if self.ranges.is_empty() {
            return Match { quality: 1000, specificity: 0 };
        }
        self.deciding(kind, subtype, parameters).map(|(found, _)| found).unwrap_or_default()
    }

    /// The range that says how well `kind/subtype` is taken; `None` when none covers it.
    pub(super) fn deciding(&self, kind: &str, subtype: &str, parameters: &[(String, String)]) -> Option<(Match, &MediaRange)> {
        let covering = self.ranges.iter().filter_map(|range| {
            let specificity = range.covers(kind, subtype, parameters)?;
            Some((Match { quality: range.quality, specificity }, range))
        });
        covering.max_by_key(|(found, _)| (found.specificity, found.quality))
    }

    /// Whether the client names `kind/subtype` itself, not only by a wildcard.
    #[must_use]
    pub fn names(&self, kind: &str, subtype: &str) -> bool {
        self.ranges.iter().any(|range| range.quality > 0 && range.kind == kind && range.subtype == subtype)
    }
}

impl MediaRange {
    fn parse(piece: &[u8]) -> Option<Self> {
        let mut parts = field::split(piece, b';');
        let name = std::str::from_utf8(parts.next()?).ok()?;
        let (kind, subtype) = name.split_once('/')?;
        if !field::is_token(kind) || !field::is_token(subtype) || (kind == "*" && subtype != "*") {
            return None;
        }
        let mut range = Self {
            kind: kind.to_ascii_lowercase(),
            subtype: subtype.to_ascii_lowercase(),
            parameters: Vec::new(),
            quality: 1000,
        };
        for part in parts.filter(|part| !part.is_empty()) {
            range.take_parameter(std::str::from_utf8(part).ok()?)?;
        }
        Some(range)
    }

    /// RFC 9110 §12.5.1: a parameter named `q` is the weight wherever it stands; the others belong to the type.
    fn take_parameter(&mut self, part: &str) -> Option<()> {
        let (name, value) = part.split_once('=')?;
        if !field::is_token(name) {
            return None;
        }
        if name.eq_ignore_ascii_case("q") {
            self.quality = field::quality(value)?;
        } else {
            self.parameters.push((name.to_ascii_lowercase(), field::unquote(value)?));
        }
        Some(())
    }

    /// The range as it names types.
    pub(super) fn without_weight(&self) -> String {
        let mut text = format!("{}/{}", self.kind, self.subtype);
        for (name, value) in &self.parameters {
            let value = if field::is_token(value) { Cow::Borrowed(value) } else { Cow::Owned(format!("{value:?}")) };
            text.extend([";", name, "=", &value]);
        }
        text
    }

    /// How specific this range is about the type; `None` when it does not cover it.
    fn covers(&self, kind: &str, subtype: &str, parameters: &[(String, String)]) -> Option<u16> {
        if self.kind == "*" {
            return self.parameters.is_empty().then_some(0);
        }
        if self.kind != kind || (self.subtype != "*" && self.subtype != subtype) {
            return None;
        }
        let asked = self.parameters.iter().filter(|(name, value)| !is_utf8_charset(name, value));
        let named = u16::try_from(asked.clone().count()).unwrap_or(u16::MAX - 2);
        let all_offered = asked.into_iter().all(|(name, value)| {
            parameters.iter().any(|(offered, theirs)| offered == name && theirs.eq_ignore_ascii_case(value))
        });
        let base = if self.subtype == "*" { 1 } else { NAMED };
        all_offered.then_some(base + named)
    }
}

impl fmt::Display for Accept {
    /// The ranges as they were understood.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        field::list(f, &self.ranges)
    }
}

impl fmt::Display for MediaRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.without_weight(), Weight(self.quality))
    }
}

/// All text of ours is UTF-8, so asking for it narrows nothing.
fn is_utf8_charset(name: &str, value: &str) -> bool {
    name == "charset" && (value.eq_ignore_ascii_case("utf-8") || value.eq_ignore_ascii_case("utf8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_range_decides() {
        check("", "text/html", 1000);
        check("text/html;q=0, */*", "text/html", 0);
        check("application/json", "text/html", 0);
        check("TEXT/HTML ; Q=0.5", "text/html", 500);
        check("application/json;charset=UTF-8", "application/json", 1000);
        check("application/json;charset=latin1", "application/json", 0);
        check("application/json;version=\"1\"", "application/json;version=1", 1000);
        check("application/json;q=0.5;version=1", "application/json;version=1", 500);
        check("application/json;version=2", "application/json;version=1", 0);
        check("text/html;q=0.2, text/html;q=0.9", "text/html", 900);
    }

    #[test]
    fn the_standards_examples() {
        const SOUND: &str = "audio/*; q=0.2, audio/basic";
        check(SOUND, "audio/basic", 1000);
        check(SOUND, "audio/mpeg", 200);
        check(SOUND, "text/plain", 0);
        const TEXT: &str = "text/plain; q=0.5, text/html, text/x-dvi; q=0.8, text/x-c";
        check(TEXT, "text/html", 1000);
        check(TEXT, "text/x-c", 1000);
        check(TEXT, "text/x-dvi", 800);
        check(TEXT, "text/plain", 500);
        const PRECEDENCE: &str = "text/*, text/plain, text/plain;format=flowed, */*";
        for (offer, specificity) in [("text/plain;format=flowed", 3), ("text/plain", 2), ("text/html", 1), ("image/png", 0)] {
            assert_eq!(rate(PRECEDENCE, offer), Match { quality: 1000, specificity }, "{offer}");
        }
        const TABLE: &str = "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, */*;q=0.5";
        check(TABLE, "text/plain;format=flowed", 1000);
        check(TABLE, "text/plain", 700);
        check(TABLE, "text/html", 300);
        check(TABLE, "image/jpeg", 500);
        check(TABLE, "text/plain;format=fixed", 400);
        // As erratum 7138 has it.
        check(TABLE, "text/html;level=3", 300);
    }

    #[test]
    fn ranges_are_shown_as_they_were_understood() {
        let accept = headers("TEXT/HTML ; Q=0.50, nonsense, a/b; c=\"d e\";q=1.000, */*;q=0");
        assert_eq!(Accept::parse(&accept).to_string(), "text/html;q=0.5, a/b;c=\"d e\", */*;q=0");
    }

    #[test]
    fn malformed_pieces_are_skipped() {
        for piece in [
            ";;;q=",
            "text",
            "text/",
            "/html",
            "*/html",
            "text/html;q=-1",
            "text/html;q=1e309",
            "text/html;q=1.001",
            "text/html;q=0.0001",
            "text/html;q=2",
            "text/html;q=",
            "text/html;q",
            "text/html;a=\"b",
            "text/html;a=b c",
            "te xt/html",
            "text/html/x",
            "\u{ff}/x",
            "../../etc/passwd{{",
            "text/html;=x",
            "text/html;a=\"b\"c\"",
        ] {
            check(piece, "image/png", 1000);
            check(&format!("{piece}, text/plain;q=0.5"), "image/png", if piece.matches('"').count() % 2 == 1 { 1000 } else { 0 });
        }
        check(", ,text/plain;q=0.5,,", "text/plain", 500);
        check("text/plain;;q=0.5;", "text/plain", 500);
        check("text/plain;a=\"x,\\\"y\";q=0.5, text/html;q=0.1", "text/html", 100);
    }

    #[test]
    fn absurd_sizes_are_cut() {
        check(&format!("{}text/html;q=0.1", "a/b,".repeat(MAX_MEMBERS)), "text/html", 0);
        check(&format!("text/html;q=0.1,{}", "a".repeat(100_000)), "text/html", 100);
    }

    #[test]
    fn lines_are_one_list() {
        let mut headers = headers("text/html;q=0.1");
        headers.append(header::ACCEPT, HeaderValue::from_static("text/html;q=0.7"));
        assert_eq!(Accept::parse(&headers).rate("text", "html", &[]).quality, 700);
    }

    fn check(accept: &str, offer: &str, expected: u16) {
        assert_eq!(rate(accept, offer).quality, expected, "{accept} for {offer}");
    }

    fn rate(accept: &str, offer: &str) -> Match {
        let (essence, parameter) = offer.split_once(';').unwrap_or((offer, ""));
        let (kind, subtype) = essence.split_once('/').unwrap();
        let parameters: Vec<_> =
            parameter.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        Accept::parse(&headers(accept)).rate(kind, subtype, &parameters)
    }

    fn headers(accept: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_bytes(accept.as_bytes()) {
            headers.insert(header::ACCEPT, value);
        }
        headers
    }
}
