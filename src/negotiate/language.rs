//! The `Accept-Language` header as a value (RFC 9110 §12.5.4), and which languages it asks for by lookup (RFC 4647 §3.4).
//!
//! [`AcceptLanguage::parse`] is total. Lookup shortens a range until there is something in that language, so it finds what is as
//! general as the range or more so: `de-CH` finds `de`, and `de` never finds `de-CH`.
//!
//! Absent here: a refusal. No language keeps an answer from being given; it only decides between several.

use std::{cmp::Reverse, fmt};

use http::{HeaderMap, header};

use super::field::{self, MAX_MEMBERS, Weight};

/// The longest range that is read: RFC 5646 §4.4.1 asks for 35, private subtags may take more.
const MAX_RANGE_BYTES: usize = 128;

/// The longest subtag, RFC 4647 §2.1.
const MAX_SUBTAG_BYTES: usize = 8;

/// The languages a client reads, in its order: a language priority list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcceptLanguage {
    /// Heavier ones first; those of one weight as they came.
    ranges: Vec<LanguageRange>,
}

/// One basic language range with its weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LanguageRange {
    /// Lower case; `*` is any.
    tag: String,
    /// In thousandths.
    quality: u16,
}

/// How well a language is asked for. The greater one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LanguageMatch {
    /// A weight of 0 says that it is the last one wanted.
    Refused,
    /// No range leads to it, or only `*`.
    Unasked,
    /// The offer has no language: it is there for everybody.
    Default,
    /// Lookup leads to it; the earlier step wins.
    Asked(Reverse<Step>),
}

/// A step of the lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// The place of the range in the priority list.
    pub range: usize,
    /// How often the range was shortened.
    pub shortened: usize,
}

impl AcceptLanguage {
    /// Reads all `Accept-Language` lines of a request.
    #[must_use]
    pub fn parse(headers: &HeaderMap) -> Self {
        let ranges = field::members(headers, &header::ACCEPT_LANGUAGE).filter_map(LanguageRange::parse);
        let mut ranges: Vec<LanguageRange> = ranges.take(MAX_MEMBERS).collect();
        ranges.sort_by_key(|range| Reverse(range.quality));
        Self { ranges }
    }

    /// The tags that lookup tries one after the other, lower case (RFC 4647 §3.4): each range, and what it is shortened to.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        let wanted = self.ranges.iter().filter(|range| range.quality > 0 && range.tag != "*");
        wanted.flat_map(|range| std::iter::successors(Some(range.tag.as_str()), |tag| shortened(tag)))
    }

    /// How well a language is asked for; `None` is the offer without one.
    #[must_use]
    pub fn rate(&self, language: Option<&str>) -> LanguageMatch {
        let Some(language) = language else { return LanguageMatch::Default };
        let closest = self.closest(language);
        match self.lookup(language) {
            _ if closest.is_some_and(|range| range.quality == 0) => LanguageMatch::Refused,
            Some(step) => LanguageMatch::Asked(Reverse(step)),
            None if self.refusing(language).is_some() => LanguageMatch::Refused,
            None => LanguageMatch::Unasked,
        }
    }

    /// The first step that leads to the language.
    fn lookup(&self, language: &str) -> Option<Step> {
        let wanted = self.ranges.iter().take_while(|range| range.quality > 0);
        wanted.enumerate().find_map(|(range, wanted)| {
            let shortened = wanted.shortened_to(language)?;
            Some(Step { range, shortened })
        })
    }

    /// The range of a step, without its weight.
    pub(super) fn range(&self, step: Step) -> &str {
        self.ranges.get(step.range).map_or("*", |range| &range.tag)
    }

    /// The range that a weight of 0 makes a refusal: the closest one above the language, or `*`.
    pub(super) fn refusing(&self, language: &str) -> Option<&LanguageRange> {
        self.closest(language).or_else(|| self.any()).filter(|range| range.quality == 0)
    }

    /// The closest of the ranges that are the language or more general (RFC 4647 §3.3.1).
    fn closest(&self, language: &str) -> Option<&LanguageRange> {
        let general = self.ranges.iter().filter(|range| rest(language, &range.tag).is_some());
        general.max_by_key(|range| (range.tag.len(), range.quality))
    }

    fn any(&self) -> Option<&LanguageRange> {
        self.ranges.iter().find(|range| range.tag == "*")
    }
}

impl LanguageRange {
    fn parse(member: &[u8]) -> Option<Self> {
        let (tag, quality) = field::weighted(member)?;
        (tag == "*" || is_language_tag(tag)).then(|| Self { tag: tag.to_ascii_lowercase(), quality })
    }

    /// How often this range is shortened until it is `language`. A single letter or digit introduces what follows, and goes
    /// together with it.
    fn shortened_to(&self, language: &str) -> Option<usize> {
        let removed = rest(&self.tag, language)?;
        let introduces_removed = is_single(last(language)) && !removed.is_empty();
        let subtags = removed.split('-').skip(1);
        // The end of the range is removed first, whatever it is.
        let steps = subtags.clone().filter(|subtag| !is_single(subtag)).count();
        let ends_single = subtags.last().is_some_and(is_single);
        (!introduces_removed).then_some(steps + usize::from(ends_single))
    }
}

/// A tag without its last subtag, and without the single letter or digit that introduced that.
fn shortened(tag: &str) -> Option<&str> {
    let (shorter, _) = tag.rsplit_once('-')?;
    match shorter.rsplit_once('-') {
        Some((shortest, introducing)) if is_single(introducing) => Some(shortest),
        _ => Some(shorter),
    }
}

impl fmt::Display for AcceptLanguage {
    /// The ranges as they were understood, in their order.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        field::list(f, &self.ranges)
    }
}

impl fmt::Display for LanguageRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.tag, Weight(self.quality))
    }
}

/// Whether a text can name a language: letters, then letters and digits, in subtags of at most eight (RFC 4647 §2.1).
#[must_use]
pub fn is_language_tag(text: &str) -> bool {
    let mut subtags = text.split('-');
    let is_short = |subtag: &str| (1..=MAX_SUBTAG_BYTES).contains(&subtag.len());
    let first = subtags.next().is_some_and(|first| is_short(first) && first.bytes().all(|byte| byte.is_ascii_alphabetic()));
    let all = subtags.all(|subtag| is_short(subtag) && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    text.len() <= MAX_RANGE_BYTES && first && all
}

/// What follows `prefix` in `tag`, with its hyphen in front, when the prefix ends with a subtag. Case never matters.
fn rest<'a>(tag: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = tag.split_at_checked(prefix.len())?;
    (start.eq_ignore_ascii_case(prefix) && (rest.is_empty() || rest.starts_with('-'))).then_some(rest)
}

fn last(tag: &str) -> &str {
    tag.rsplit('-').next().unwrap_or(tag)
}

fn is_single(subtag: &str) -> bool {
    subtag.len() == 1
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// The languages of `offered` (`-` is the offer without one) in the order in which they win.
    fn check(accept: &str, offered: &str, expected: &str) {
        let mut headers = HeaderMap::new();
        if !accept.is_empty() {
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_str(accept).unwrap());
        }
        let asked = AcceptLanguage::parse(&headers);
        let mut offered: Vec<&str> = offered.split(' ').collect();
        offered.sort_by_key(|language| Reverse(asked.rate(Some(*language).filter(|language| *language != "-"))));
        assert_eq!(offered.join(" "), expected, "{accept}");
    }

    /// The first of `offered` that lookup leads to, as RFC 4647 §3.4 has it.
    fn check_lookup(accept: &str, offered: &str, expected: &str) {
        let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, HeaderValue::from_str(accept).unwrap())]);
        let asked = AcceptLanguage::parse(&headers);
        let rated = offered.split(' ').map(|language| (asked.rate(Some(language)), language));
        let found = rated.max_by_key(|(rating, _)| *rating).filter(|(rating, _)| *rating > LanguageMatch::Default);
        assert_eq!(found.map_or("default", |(_, language)| language), expected, "{accept} of {offered}");
    }

    #[test]
    fn lookup_shortens_the_range() {
        let tags = |header: &str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, http::HeaderValue::from_str(header).unwrap())]);
            AcceptLanguage::parse(&headers).tags().collect::<Vec<_>>().join(" ")
        };
        // The example of RFC 4647 §3.4.
        let example = "zh-hant-cn-x-private1-private2 zh-hant-cn-x-private1 zh-hant-cn zh-hant zh";
        assert_eq!(tags("zh-Hant-CN-x-private1-private2"), example);
        assert_eq!(tags("fr;q=0.5, *, de-CH, en;q=0"), "de-ch de fr");
    }

    #[test]
    fn ranges_are_shortened_as_the_standard_shows() {
        const RANGE: &str = "zh-Hant-CN-x-private1-private2";
        let steps = [RANGE, "zh-Hant-CN-x-private1", "zh-Hant-CN", "zh-Hant", "zh"];
        for (place, step) in steps.into_iter().enumerate() {
            check_lookup(RANGE, step, step);
            check_lookup(RANGE, &steps[place..].join(" "), step);
            let asked = AcceptLanguage { ranges: LanguageRange::parse(RANGE.as_bytes()).into_iter().collect() };
            let expected = LanguageMatch::Asked(Reverse(Step { range: 0, shortened: place }));
            assert_eq!(asked.rate(Some(step)), expected, "{step}");
        }
        for other in ["zh-Hant-CN-x", "zh-CN", "zh-Hant-CN-x-private1-private2-y", "zh-Hans", "z", "zh-Han", "ja"] {
            check_lookup(RANGE, other, "default");
        }
    }

    #[test]
    fn a_priority_list_is_gone_through_range_by_range() {
        let steps = ["fr-FR", "fr", "zh-Hant", "zh"];
        for (place, step) in steps.into_iter().enumerate() {
            let offered: Vec<&str> = steps[place..].iter().rev().copied().collect();
            check_lookup("fr-FR, zh-Hant", &offered.join(" "), step);
        }
        check_lookup("fr-FR, zh-Hant", "ja-JP ja", "default");
        check_lookup("de-ch", "de-CH de", "de-CH");
        check_lookup("de-ch", "de", "de");
        check_lookup("de-ch", "de-CH-1996", "default");
        check_lookup("de-ch", "de-Latn-CH", "default");
        check_lookup("de-de", "de-DE-1996 de-Deva", "default");
        check_lookup("*", "en fr", "default");
        check_lookup("*, fr", "en fr", "fr");
        check_lookup("de, *", "en fr", "default");
        check_lookup("da, en-gb;q=0.8, en;q=0.7", "en-GB en da", "da");
        check_lookup("da, en-gb;q=0.8, en;q=0.7", "en-US en-GB en", "en-GB");
        check_lookup("da, en-gb;q=0.8, en;q=0.7", "en-US en", "en");
        check_lookup("en-a-bbb-x", "en-a-bbb en", "en-a-bbb");
        check_lookup("en-a-bbb-x", "en-a", "default");
        check_lookup("x-a", "x", "default");
    }

    #[test]
    fn what_nobody_asked_for_comes_after_the_default_and_what_is_refused_last() {
        check("", "en - de", "- en de");
        check("de", "en - de", "de - en");
        check("fr", "en - de", "- en de");
        check("en;q=0", "en - de", "- de en");
        check("*;q=0", "en - de", "- en de");
        check("de, *;q=0", "en - de", "de - en");
        check("de-AT, *;q=0", "en de -", "de - en");
        check("de, *;q=0", "en de-AT -", "- de-AT en");
        check("en-GB, en;q=0", "en-US en en-GB -", "en-GB - en-US en");
        check("en;q=0, fr", "de en fr", "fr de en");
        check("en;q=0, en", "de en", "en de");
        check("de;q=0.5, en;q=0.501, fr;q=0.001", "fr de en", "en de fr");
        check("en, de", "de en", "en de");
        check("en-US, de, en", "de en", "en de");
    }

    #[test]
    fn malformed_ranges_are_skipped() {
        for piece in [
            "de;q=2",
            "de;q=0.0001",
            "de;level=1",
            "d_e",
            "1de",
            "de-",
            "-de",
            "de--at",
            "deutschland",
            "*-de",
            "de-*",
            "\"de\"",
            "de;q=1;q=x",
        ] {
            check(piece, "- de", "- de");
            check(&format!("{piece}, en"), "- de en", "en - de");
        }
        check(", ,DE;q=0.5,,", "- de", "de -");
    }

    #[test]
    fn absurd_sizes_are_cut() {
        check(&format!("{}de", "a,".repeat(MAX_MEMBERS)), "- de", "- de");
        check(&format!("de,{}", "a-".repeat(50_000)), "- de", "de -");
        check(&"a-".repeat(50_000), "- a", "- a");
        check(&format!("de{}", "-aaaaaaa".repeat(15)), "- de", "de -");
        check(&format!("de{}", "-aaaaaaa".repeat(16)), "- de", "- de");
    }

    #[test]
    fn lines_are_one_list() {
        let mut headers = HeaderMap::new();
        headers.append(header::ACCEPT_LANGUAGE, HeaderValue::from_static("en;q=0.5"));
        headers.append(header::ACCEPT_LANGUAGE, HeaderValue::from_static("DE, *;q=0.1"));
        assert_eq!(AcceptLanguage::parse(&headers).to_string(), "de, en;q=0.5, *;q=0.1");
    }

    #[test]
    fn tags() {
        for (text, expected) in [
            ("de", true),
            ("en-US", true),
            ("zh-Hant-CN-x-private1-private2", true),
            ("de-CH-1996", true),
            ("i-klingon", true),
            ("html", true),
            ("", false),
            ("*", false),
            ("1a", false),
            ("de_AT", false),
            ("de-", false),
            ("ünder", false),
            ("abcdefghi", false),
            ("de-abcdefghi", false),
        ] {
            assert_eq!(is_language_tag(text), expected, "{text}");
        }
    }
}
