//! The `Accept` header as a value: RFC 9110 §12.5.1.
//!
//! [`Accept::parse`] is total. A piece that does not follow the grammar is skipped as if it were not there, and a header that
//! keeps no piece says nothing at all, which means that anything is taken.

use http::{HeaderMap, HeaderValue, header};

/// How many media ranges are read; browsers send eight. What follows cannot win attention for itself.
const MAX_RANGES: usize = 64;

/// How many bytes of one header line are read: far more than [`MAX_RANGES`] sensible ranges need.
const MAX_LINE_BYTES: usize = 8 * 1024;

/// What a client takes, in its own order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accept {
    ranges: Vec<MediaRange>,
}

/// One media range with its weight.
#[derive(Clone, Debug, PartialEq, Eq)]
struct MediaRange {
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

impl Accept {
    /// Reads all `Accept` lines of a request.
    #[must_use]
    pub fn parse(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::ACCEPT).iter().map(|value| value.as_bytes());
        let ranges = lines
            .flat_map(|line| split(&line[..line.len().min(MAX_LINE_BYTES)], b','))
            .filter_map(MediaRange::parse)
            .take(MAX_RANGES)
            .collect();
        Self { ranges }
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
        let covering = self.ranges.iter().filter_map(|range| {
            let specificity = range.covers(kind, subtype, parameters)?;
            Some(Match { quality: range.quality, specificity })
        });
        covering.max_by_key(|found| (found.specificity, found.quality)).unwrap_or_default()
    }

    /// Whether the client names `kind/subtype` itself, not only by a wildcard.
    #[must_use]
    pub fn names(&self, kind: &str, subtype: &str) -> bool {
        self.ranges.iter().any(|range| range.quality > 0 && range.kind == kind && range.subtype == subtype)
    }
}

impl MediaRange {
    fn parse(piece: &[u8]) -> Option<Self> {
        let mut parts = split(piece, b';');
        let name = std::str::from_utf8(parts.next()?).ok()?;
        let (kind, subtype) = name.split_once('/')?;
        if !is_token(kind) || !is_token(subtype) || (kind == "*" && subtype != "*") {
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
        if !is_token(name) {
            return None;
        }
        if name.eq_ignore_ascii_case("q") {
            self.quality = quality(value)?;
        } else {
            self.parameters.push((name.to_ascii_lowercase(), unquote(value)?));
        }
        Some(())
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
        let base = if self.subtype == "*" { 1 } else { 2 };
        all_offered.then_some(base + named)
    }
}

/// All text of ours is UTF-8, so asking for it narrows nothing.
fn is_utf8_charset(name: &str, value: &str) -> bool {
    name == "charset" && (value.eq_ignore_ascii_case("utf-8") || value.eq_ignore_ascii_case("utf8"))
}

/// `qvalue`, RFC 9110 §12.4.2, in thousandths.
fn quality(text: &str) -> Option<u16> {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    if digits.len() > 3 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{digits:0<3}").parse().ok()?;
    match (whole, thousandths) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

/// A token, or the content of a quoted string.
fn unquote(value: &str) -> Option<String> {
    let Some(inner) = value.strip_prefix('"') else { return is_token(value).then(|| value.to_owned()) };
    let inner = inner.strip_suffix('"')?;
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        text.push(match c {
            '\\' => chars.next()?,
            '"' => return None,
            c => c,
        });
    }
    Some(text)
}

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// The pieces between separators that stand outside quoted strings, without the white space around them.
fn split(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = end_of_piece(text, separator);
        rest = text.get(end + 1..);
        Some(text[..end].trim_ascii())
    })
}

fn end_of_piece(text: &[u8], separator: u8) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (place, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            byte if *byte == separator && !quoted => return place,
            _ => (),
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_range_decides() {
        check("", "text/html", 1000);
        check("text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, */*;q=0.5", "text/plain", 700);
        check("text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, */*;q=0.5", "text/plain;format=flowed", 1000);
        check("text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, */*;q=0.5", "text/html", 300);
        check("text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, */*;q=0.5", "image/png", 500);
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
        check(&format!("{}text/html;q=0.1", "a/b,".repeat(MAX_RANGES)), "text/html", 0);
        check(&format!("text/html;q=0.1,{}", "a".repeat(100_000)), "text/html", 100);
    }

    #[test]
    fn lines_are_one_list() {
        let mut headers = headers("text/html;q=0.1");
        headers.append(header::ACCEPT, HeaderValue::from_static("text/html;q=0.7"));
        assert_eq!(Accept::parse(&headers).rate("text", "html", &[]).quality, 700);
    }

    fn check(accept: &str, offer: &str, expected: u16) {
        let (essence, parameter) = offer.split_once(';').unwrap_or((offer, ""));
        let (kind, subtype) = essence.split_once('/').unwrap();
        let parameters: Vec<_> =
            parameter.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        assert_eq!(Accept::parse(&headers(accept)).rate(kind, subtype, &parameters).quality, expected, "{accept} for {offer}");
    }

    fn headers(accept: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_bytes(accept.as_bytes()) {
            headers.insert(header::ACCEPT, value);
        }
        headers
    }
}
