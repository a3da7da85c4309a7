//! A second reading of RFC 9110 §12.5.1, naive and slow, to hold the first one against.
//!
//! It never parses: it makes up ranges as values, knows what they mean, and writes them down in all the ways the grammar allows.

use http::{HeaderMap, HeaderValue, header};
use proptest::prelude::*;

use super::{Accept, Representation, choose};

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

proptest! {
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
