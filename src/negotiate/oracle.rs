//! A second reading of RFC 9110 §12.5 and RFC 4647 §3.4, naive and slow, to hold the first one against.
//!
//! It never parses: it makes up ranges as values, knows what they mean, and writes them down in all the ways the grammar allows.

use http::{HeaderMap, HeaderValue, header};
use proptest::prelude::*;

use super::{Accept, AcceptEncoding, Asked, Coding, Representation, choose, decide};

const TYPES: [&str; 3] = ["text", "application", "image"];
const SUBTYPES: [&str; 3] = ["html", "json", "vnd.x.v1+json"];

#[derive(Clone, Debug)]
struct Range {
    kind: Option<usize>,
    subtype: Option<usize>,
    version: Option<u8>,
    quality: u16,
    /// Picks among the spellings.
    spelling: u8,
}

impl Range {
    fn text(&self) -> String {
        let kind = self.kind.map_or("*", |kind| TYPES[kind]);
        let subtype = self.subtype.map_or("*", |subtype| SUBTYPES[subtype]);
        let essence = format!("{kind}/{subtype}");
        let essence = if self.spelling & 1 == 0 { essence } else { essence.to_uppercase() };
        let semicolon = if self.spelling & 2 == 0 { ";" } else { " ;\t" };
        let quality = match self.quality {
            1000 if self.spelling & 4 == 0 => String::new(),
            1000 => format!("{semicolon}q=1.000"),
            quality => format!("{semicolon}Q=0.{quality:03}"),
        };
        let version = self.version.map_or(String::new(), |version| match self.spelling & 8 {
            0 => format!("{semicolon}version={version}"),
            _ => format!("{semicolon}Version=\"{version}\""),
        });
        if self.spelling & 16 == 0 { format!("{essence}{version}{quality}") } else { format!("{essence}{quality}{version}") }
    }

    /// How closely it names the offer, by the table in §12.5.1.
    fn specificity(&self, offer: &Offer) -> Option<usize> {
        let kind = self.kind.is_none_or(|kind| kind == offer.kind);
        let subtype = self.subtype.is_none_or(|subtype| subtype == offer.subtype);
        let version = self.version.is_none_or(|version| Some(version) == offer.version);
        let named = [self.kind.is_some(), self.subtype.is_some(), self.version.is_some()];
        (kind && subtype && version).then(|| named.into_iter().filter(|named| *named).count())
    }
}

#[derive(Clone, Debug)]
struct Offer {
    kind: usize,
    subtype: usize,
    version: Option<u8>,
}

impl Offer {
    fn representation(&self) -> Representation {
        let plain = Representation::new(&format!("{}/{}", TYPES[self.kind], SUBTYPES[self.subtype]));
        self.version.map_or(plain.clone(), |version| plain.with_parameter("version", version))
    }

    fn quality(&self, ranges: &[Range]) -> u16 {
        let covering = ranges.iter().filter_map(|range| Some((range.specificity(self)?, range.quality)));
        covering.max().map_or(0, |(_, quality)| quality)
    }
}

fn ranges() -> impl Strategy<Value = Vec<Range>> {
    let named = (proptest::option::of(0..3_usize), proptest::option::of(0..3_usize), proptest::option::of(1..3_u8));
    let range = (named, prop_oneof![Just(1000_u16), 0..1000_u16], any::<u8>()).prop_map(
        |((kind, subtype, version), quality, spelling)| {
            let subtype = subtype.filter(|_| kind.is_some());
            Range { kind, subtype, version: version.filter(|_| subtype.is_some()), quality, spelling }
        },
    );
    proptest::collection::vec(range, 1..12)
}

fn offers() -> impl Strategy<Value = Vec<Offer>> {
    let offer = (0..3_usize, 0..3_usize, proptest::option::of(1..3_u8));
    proptest::collection::vec(offer.prop_map(|(kind, subtype, version)| Offer { kind, subtype, version }), 1..6)
}

fn parse(value: HeaderValue) -> Accept {
    Accept::parse(&HeaderMap::from_iter([(header::ACCEPT, value)]))
}

const RANGES: [&str; 12] = [
    "en",
    "en-GB",
    "en-US",
    "de",
    "de-AT",
    "de-AT-x-a",
    "de-x-private",
    "zh-Hant-CN-x-private1-private2",
    "zh-Hant-CN",
    "zh",
    "*",
    "*",
];
const LANGUAGES: [&str; 9] = ["en", "EN-gb", "de", "de-at", "zh-Hant", "zh-hant-cn", "zh-Hant-CN-x-private1", "de-x", "zh-Hans"];
const CODINGS: [&str; 8] = ["br", "zstd", "gzip", "x-gzip", "identity", "compress", "*", "*"];

/// A name with its weight, written in one of the ways the grammar allows.
#[derive(Clone, Debug)]
struct Weighted {
    name: &'static str,
    quality: u16,
    spelling: u8,
}

impl Weighted {
    fn text(&self) -> String {
        let name = if self.spelling & 1 == 0 { self.name.to_owned() } else { self.name.to_uppercase() };
        let semicolon = if self.spelling & 2 == 0 { ";" } else { " ;\t" };
        match self.quality {
            1000 if self.spelling & 4 == 0 => name,
            1000 => format!("{name}{semicolon}q=1.0"),
            quality => format!("{name}{semicolon}Q=0.{quality:03}"),
        }
    }
}

fn weighted(names: &'static [&'static str]) -> impl Strategy<Value = Vec<Weighted>> {
    let quality = prop_oneof![Just(1000_u16), Just(0_u16), 0..1000_u16];
    let one = (0..names.len(), quality, any::<u8>());
    let one = one.prop_map(|(place, quality, spelling)| Weighted { name: names[place], quality, spelling });
    proptest::collection::vec(one, 1..8)
}

fn list(members: &[Weighted]) -> HeaderValue {
    HeaderValue::from_str(&members.iter().map(Weighted::text).collect::<Vec<_>>().join(" ,, ")).unwrap()
}

/// A range and everything it is shortened to, one subtag at a time.
fn shortened(range: &str) -> Vec<String> {
    let range = range.to_lowercase();
    let mut subtags: Vec<&str> = range.split('-').collect();
    let mut all = Vec::new();
    while !subtags.is_empty() {
        all.push(subtags.join("-"));
        subtags.pop();
        while subtags.last().is_some_and(|subtag| subtag.len() == 1) {
            subtags.pop();
        }
    }
    all
}

/// Whether the closest range above a language, or `*` where no lookup leads to it, has a weight of 0.
fn is_refused(language: &str, ranges: &[Weighted], is_found: bool) -> bool {
    let above =
        |range: &&Weighted| format!("{}-", language.to_lowercase()).starts_with(&format!("{}-", range.name.to_lowercase()));
    let closest = ranges.iter().filter(above).map(|range| (range.name.len(), range.quality)).max();
    let any = ranges.iter().filter(|range| range.name == "*" && !is_found).map(|range| range.quality).max();
    closest.map(|(_, quality)| quality).or(any) == Some(0)
}

/// The place of the offer in the best language, by going through ranges, steps and offers in this order.
fn best_language(ranges: &[Weighted], offers: &[Option<&str>]) -> usize {
    let mut order: Vec<&Weighted> = ranges.iter().filter(|range| range.quality > 0 && range.name != "*").collect();
    order.sort_by_key(|range| std::cmp::Reverse(range.quality));
    let steps: Vec<String> = order.iter().flat_map(|range| shortened(range.name)).collect();
    let is_found = |language: &str| steps.contains(&language.to_lowercase());
    let is_refused = |offer: &&str| is_refused(offer, ranges, is_found(offer));
    for step in &steps {
        let is_it =
            |offer: &Option<&str>| offer.filter(|offer| !is_refused(offer)).is_some_and(|offer| offer.to_lowercase() == *step);
        if let Some(place) = offers.iter().position(is_it) {
            return place;
        }
    }
    let default = offers.iter().position(Option::is_none);
    let other = || offers.iter().position(|offer| !offer.as_ref().is_some_and(is_refused));
    default.or_else(other).unwrap_or(0)
}

/// RFC 9110 §12.5.3, rule by rule, the server's favourite first.
fn best_coding(accepted: &[Weighted], available: &[Coding]) -> Coding {
    let quality =
        |names: &[&str]| accepted.iter().filter(|member| names.contains(&member.name)).map(|member| member.quality).max();
    let order = [(Coding::Brotli, &["br"][..]), (Coding::Zstd, &["zstd"]), (Coding::Gzip, &["gzip", "x-gzip"])];
    let named = |names: &[&str]| quality(names).or_else(|| quality(&["*"]));
    let mut best = (Coding::Identity, named(&["identity"]).unwrap_or(1));
    for (coding, names) in order.into_iter().rev() {
        match named(names) {
            Some(quality) if quality > 0 && quality >= best.1 && available.contains(&coding) => best = (coding, quality),
            _ => (),
        }
    }
    best.0
}

proptest! {
    #[test]
    fn the_best_language_is_chosen(ranges in weighted(&RANGES), offered in proptest::collection::vec(0..LANGUAGES.len() + 1, 1..6)) {
        let languages: Vec<Option<&str>> = offered.iter().map(|place| LANGUAGES.get(*place).copied()).collect();
        let offer = |language: &Option<&str>| Representation::new("text/html").of_language(language.unwrap_or_default());
        let offers: Vec<Representation> = languages.iter().map(offer).collect();
        let asked = Asked::parse(&HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, list(&ranges))]));
        prop_assert_eq!(decide(&asked, &offers).chosen, Some(best_language(&ranges, &languages)), "{:?}", languages);
    }

    #[test]
    fn the_best_coding_is_chosen(accepted in weighted(&CODINGS), available in proptest::sample::subsequence(Coding::ENCODED.to_vec(), 0..=3)) {
        let accept = AcceptEncoding::parse(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, list(&accepted))]));
        prop_assert_eq!(accept.choose(&available), best_coding(&accepted, &available));
    }

    #[test]
    fn any_language_and_coding_has_a_meaning(text in "[a*;,=q\" .0-9-]{0,60}", language in "\\PC{0,12}") {
        let value = HeaderValue::from_str(&text).unwrap();
        let lines = [(header::ACCEPT_LANGUAGE, value.clone()), (header::ACCEPT_ENCODING, value)];
        let headers = HeaderMap::from_iter(lines);
        let offers = [Representation::new("text/html").of_language(&language), Representation::new("text/html").of_language("a-a")];
        prop_assert!(decide(&Asked::parse(&headers), &offers).chosen.is_some());
        prop_assert!(AcceptEncoding::parse(&headers).choose(&[Coding::Gzip]) <= Coding::Gzip);
    }

    #[test]
    fn the_best_offer_is_chosen(ranges in ranges(), offers in offers()) {
        let line = ranges.iter().map(Range::text).collect::<Vec<_>>().join(" ,, ");
        let accept = parse(HeaderValue::from_str(&line).unwrap());
        let representations: Vec<Representation> = offers.iter().map(Offer::representation).collect();
        for (offer, representation) in offers.iter().zip(&representations) {
            prop_assert_eq!(representation.rate(&accept).quality, offer.quality(&ranges), "{} for {}", line, representation);
        }
        let best = offers.iter().map(|offer| offer.quality(&ranges)).max().filter(|quality| *quality > 0);
        let chosen = choose(&accept, &representations).map(|place| offers[place].quality(&ranges));
        prop_assert_eq!(chosen, best, "{}", line);
    }

    #[test]
    fn any_bytes_have_a_meaning(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            let accept = parse(value);
            let chosen = choose(&accept, &[Representation::new("text/html"), Representation::new("application/json")]);
            prop_assert!(chosen.is_none_or(|place| place < 2));
        }
    }

    #[test]
    fn near_misses_have_a_meaning(text in "[a*/;,=q\"\\\\ .0-9-]{0,60}") {
        let accept = parse(HeaderValue::from_str(&text).unwrap());
        prop_assert!(accept.rate("text", "html", &[]).quality <= 1000);
    }
}
