//! Any `Accept`, `Accept-Language` and `Accept-Encoding`: what is chosen is the best of what is offered by a naive reading of them, and
//! never what was refused.
//!
//! The first byte of an input says what is offered. Each line behind it is one of the three, in turns.
#![no_main]

use everlit::negotiate::{Asked, Coding, Explanation, Representation, decide};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use libfuzzer_sys::fuzz_target;

/// Type, version and language, the latter two empty where there is none.
const OFFERS: [(&str, &str, &str); 8] = [
    ("text/html", "", ""),
    ("text/html", "", "de"),
    ("text/html", "", "en-GB"),
    ("application/json", "", ""),
    ("application/json", "1", ""),
    ("application/vnd.shop.v2+json", "", ""),
    ("text/csv", "", "de"),
    ("image/svg+xml", "", ""),
];

/// How many members of a list count.
const MEMBERS: usize = 64;

fuzz_target!(|input: &[u8]| {
    let [offered, lines @ ..] = input else { return };
    let mut headers = HeaderMap::new();
    let names = [header::ACCEPT, header::ACCEPT_LANGUAGE, header::ACCEPT_ENCODING];
    for (line, name) in lines.split(|byte| *byte == b'\n').zip(names.iter().cycle()) {
        let Ok(value) = HeaderValue::from_bytes(line) else { return };
        headers.append(name, value);
    }
    let offers: Vec<_> =
        OFFERS.into_iter().enumerate().filter(|(place, _)| offered & 1 << place != 0).map(|(_, offer)| offer).collect();
    let representations: Vec<Representation> = offers.iter().map(representation).collect();

    let asked = Asked::parse(&headers);
    let decision = decide(&asked, &representations);
    let told = Explanation::new(&asked, &representations, &decision);
    assert_eq!(told.candidates.len(), offers.len());

    let ranges: Vec<Range> =
        members(&headers, &header::ACCEPT).iter().filter_map(|member| Range::of(member)).take(MEMBERS).collect();
    let taken: Vec<(u32, usize)> = offers.iter().map(|offer| quality(&ranges, offer)).collect();
    let best = taken.iter().max().filter(|(quality, _)| *quality > 0);
    assert_eq!(decision.chosen.map(|place| &taken[place]), best, "{headers:?} for {offers:?}");

    if let Some(chosen) = decision.chosen {
        check_language(&headers, offers[chosen].2, |language| {
            offers.iter().zip(&taken).any(|(offer, quality)| offer.2.eq_ignore_ascii_case(language) && *quality == taken[chosen])
        });
    }
    check_coding(&headers, asked.encoding.choose(&Coding::ENCODED));
});

/// `is_there` says whether there is the same in another language, or in none.
fn check_language(headers: &HeaderMap, chosen: &str, is_there: impl Fn(&str) -> bool) {
    let asked = weighted(headers, &header::ACCEPT_LANGUAGE);
    let weights: Vec<u32> =
        asked.iter().filter(|(name, _)| name.eq_ignore_ascii_case(chosen)).map(|(_, weight)| *weight).collect();
    let is_refused = weights.iter().max() == Some(&0);
    assert!(!is_refused || !is_there(""), "{chosen:?} was refused: {headers:?}");
    if let [(language, 1..)] = &asked[..]
        && is_there(language)
    {
        assert!(chosen.eq_ignore_ascii_case(language), "{language} was asked for, and not {chosen:?}");
    }
}

fn check_coding(headers: &HeaderMap, chosen: Coding) {
    let codings = weighted(&headers, &header::ACCEPT_ENCODING);
    let weight = |names: &[&str]| {
        codings
            .iter()
            .filter(|(name, _)| names.iter().any(|known| name.eq_ignore_ascii_case(known)))
            .map(|(_, weight)| *weight)
            .max()
    };
    let of = |coding: Coding| {
        match coding {
            Coding::Gzip => weight(&["gzip", "x-gzip"]),
            Coding::Identity => weight(&["identity"]),
            other => weight(&[other.token()]),
        }
        .or_else(|| weight(&["*"]))
    };
    let plain = of(Coding::Identity).unwrap_or(1);
    let others = Coding::ENCODED.map(|coding| of(coding).unwrap_or(0));
    let best = others.into_iter().max().unwrap_or_default();
    match chosen {
        Coding::Identity => assert!(best < plain.max(1), "{headers:?}"),
        chosen => assert!(of(chosen) == Some(best) && best > 0 && best >= plain, "{chosen:?} for {headers:?}"),
    }
}

fn representation((essence, version, language): &(&str, &str, &str)) -> Representation {
    let plain = Representation::new(essence).of_language(language);
    if version.is_empty() { plain } else { plain.with_parameter("version", version) }
}

/// The members of all lines, commas in quotes left alone.
fn members(headers: &HeaderMap, name: &HeaderName) -> Vec<Vec<u8>> {
    headers.get_all(name).iter().flat_map(|line| cut(line.as_bytes(), b',')).collect()
}

fn cut(text: &[u8], separator: u8) -> Vec<Vec<u8>> {
    let mut pieces = vec![Vec::new()];
    let (mut is_quoted, mut is_escaped) = (false, false);
    for byte in text {
        if *byte == separator && !is_quoted {
            pieces.push(Vec::new());
            continue;
        }
        let was_escaped = std::mem::take(&mut is_escaped);
        match byte {
            b'"' if !was_escaped => is_quoted = !is_quoted,
            b'\\' if is_quoted && !was_escaped => is_escaped = true,
            _ => (),
        }
        pieces.last_mut().expect("there is one").push(*byte);
    }
    pieces.iter().map(|piece| piece.trim_ascii().to_vec()).collect()
}

/// A media range.
struct Range {
    kind: String,
    subtype: String,
    parameters: Vec<(String, String)>,
    /// In thousandths.
    quality: u32,
}

impl Range {
    fn of(member: &[u8]) -> Option<Self> {
        let mut parts = cut(member, b';').into_iter().map(|part| String::from_utf8(part).ok());
        let name = parts.next()??.to_ascii_lowercase();
        let (kind, subtype) = name.split_once('/').filter(|(kind, subtype)| is_token(kind) && is_token(subtype))?;
        if kind == "*" && subtype != "*" {
            return None;
        }
        let (mut parameters, mut weight) = (Vec::new(), 1000);
        for part in parts {
            let part = part?;
            let Some((name, value)) = part.split_once('=') else {
                if part.is_empty() {
                    continue;
                }
                return None;
            };
            match name.to_ascii_lowercase() {
                name if !is_token(&name) => return None,
                name if name == "q" => weight = thousandths(value)?,
                name => parameters.push((name, unquoted(value)?)),
            }
        }
        Some(Self { kind: kind.to_owned(), subtype: subtype.to_owned(), parameters, quality: weight })
    }

    /// How closely it names an offer.
    fn closeness(&self, (essence, version, _): &(&str, &str, &str)) -> Option<usize> {
        let (kind, subtype) = essence.split_once('/')?;
        if self.kind == "*" {
            return self.parameters.is_empty().then_some(0);
        }
        let base = if self.subtype == "*" { 1 } else { 2 };
        let is_covered = self.kind == kind && (self.subtype == "*" || self.subtype == subtype);
        let is_utf8 = |(name, value): &&(String, String)| {
            name == "charset" && ["utf-8", "utf8"].contains(&value.to_ascii_lowercase().as_str())
        };
        let asked: Vec<_> = self.parameters.iter().filter(|parameter| !is_utf8(parameter)).collect();
        let has_all = asked.iter().all(|(name, value)| name == "version" && value == version && !version.is_empty());
        (is_covered && has_all).then_some(base + asked.len())
    }
}

/// How well an offer is taken, and how closely it is named.
fn quality(ranges: &[Range], offer: &(&str, &str, &str)) -> (u32, usize) {
    if ranges.is_empty() {
        return (1000, 0);
    }
    let covering = ranges.iter().filter_map(|range| Some((range.closeness(offer)?, range.quality)));
    covering.max().map_or((0, 0), |(closeness, quality)| (quality, closeness))
}

/// Names with nothing but a weight.
fn weighted(headers: &HeaderMap, name: &HeaderName) -> Vec<(String, u32)> {
    let is_language = name == header::ACCEPT_LANGUAGE;
    let one = |member: Vec<u8>| {
        let text = String::from_utf8(member).ok()?;
        let mut parts = text.split(';').map(str::trim_ascii);
        let name = parts.next().filter(|name| is_token(name))?.to_owned();
        let mut weight = 1000;
        for part in parts.filter(|part| !part.is_empty()) {
            let (parameter, value) = part.split_once('=')?;
            weight = thousandths(value)?;
            if !["q", "Q"].contains(&parameter) {
                return None;
            }
        }
        Some((name, weight))
    };
    let is_tag = |name: &str| {
        let are_short = name.len() <= 128 && name.split('-').all(|part| (1..=8).contains(&part.len()));
        let begins_right = name.chars().take_while(|c| *c != '-').all(|c| c.is_ascii_alphabetic());
        are_short && begins_right && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    let members = members(headers, name).into_iter().filter_map(one);
    members.filter(|(name, _)| !is_language || name == "*" || is_tag(name)).take(MEMBERS).collect()
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !"\"(),/:;<=>?@[\\]{}".contains(c))
}

/// `0`, `0.5`, `1.000`.
fn thousandths(text: &str) -> Option<u32> {
    let is_weight =
        text.len() <= 5 && text.chars().enumerate().all(|(place, c)| if place == 1 { c == '.' } else { c.is_ascii_digit() });
    let weight: f64 = text.parse().ok().filter(|_| is_weight)?;
    (weight <= 1.0).then(|| (weight * 1000.0).round() as u32)
}

fn unquoted(value: &str) -> Option<String> {
    if is_token(value) {
        return Some(value.to_owned());
    }
    let inner = value.strip_prefix('"')?.strip_suffix('"')?;
    let (mut text, mut chars) = (String::new(), inner.chars());
    while let Some(c) = chars.next() {
        match c {
            '"' => return None,
            '\\' => text.push(chars.next()?),
            c => text.push(c),
        }
    }
    Some(text)
}
