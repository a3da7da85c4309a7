//! The decision between representations by everything a client says of them: type first, then language.
//!
//! [`decide`] is pure, and keeps how it rated each offer, so that [`super::Explanation`] can tell why.

use std::cmp::Reverse;

use http::{HeaderMap, HeaderName, header};

use super::{Accept, AcceptEncoding, AcceptLanguage, LanguageMatch, Match, Representation};

/// Whatever can be looked at, in the order in which it is.
static LOOKED_AT: [HeaderName; 2] = [header::ACCEPT, header::ACCEPT_LANGUAGE];

/// What a client says about the answer it wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The media types it takes.
    pub accept: Accept,
    /// The languages it reads.
    pub language: AcceptLanguage,
    /// The codings it can undo. They choose nothing here: the bytes of what was chosen are encoded afterwards, or not.
    pub encoding: AcceptEncoding,
}

impl Asked {
    /// Reads the headers of a request.
    #[must_use]
    pub fn parse(headers: &HeaderMap) -> Self {
        Self {
            accept: Accept::parse(headers),
            language: AcceptLanguage::parse(headers),
            encoding: AcceptEncoding::parse(headers),
        }
    }
}

/// Which offer is the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Its place; `None` means 406.
    pub chosen: Option<usize>,
    /// The request headers that were looked at, for `Vary`.
    pub vary: &'static [HeaderName],
    /// How each offer was rated, in their order.
    pub ratings: Vec<Rating>,
}

/// How well one offer fits. Of two that are taken the greater one wins: the type decides before the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rating {
    /// How well its media type is taken; a quality of 0 is a refusal.
    pub taken: Match,
    /// How well its language is asked for; never a refusal.
    pub language: LanguageMatch,
}

/// Decides between the offers. The quality of the media type comes first, then how closely the client names it, then the
/// language by lookup (RFC 4647 §3.4), then the order of the offers.
///
/// An offer without a language is the one for everybody: it loses to a language that is asked for, and wins over the others. No
/// language leads to 406.
#[must_use]
pub fn decide(asked: &Asked, offers: &[Representation]) -> Decision {
    let rate =
        |offer: &Representation| Rating { taken: offer.rate(&asked.accept), language: asked.language.rate(offer.language()) };
    let ratings: Vec<Rating> = offers.iter().map(rate).collect();
    let chosen = best(ratings.iter().copied().enumerate());
    let looked_at = match offers {
        [] => 0,
        _ if offers.iter().all(|offer| offer.language().is_none()) => 1,
        _ => LOOKED_AT.len(),
    };
    Decision { chosen, vary: &LOOKED_AT[..looked_at], ratings }
}

/// The place of the best of those that are taken.
pub(super) fn best(ratings: impl Iterator<Item = (usize, Rating)>) -> Option<usize> {
    let taken = ratings.filter(|(_, rating)| rating.taken.quality > 0);
    taken.max_by_key(|(place, rating)| (*rating, Reverse(*place))).map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const OFFERS: [&str; 5] = ["text/html", "text/html de", "text/html en-GB", "application/json", "text/markdown de"];

    #[test]
    fn the_type_decides_before_the_language() {
        check("", "", OFFERS[0]);
        check("", "de", OFFERS[1]);
        check("", "de-AT, en;q=0.9", OFFERS[1]);
        check("", "en-GB-oxendict, de", OFFERS[2]);
        check("", "fr, *;q=0.1", OFFERS[0]);
        check("", "*;q=0", OFFERS[0]);
        check("text/html;q=0.8, application/json", "de", OFFERS[3]);
        check("text/*;q=0.8, text/html;q=0.8", "de", OFFERS[1]);
        check("text/markdown, text/*", "en", OFFERS[4]);
        check("text/*", "de;q=0.2, en-GB;q=0.3", OFFERS[2]);
        check("image/png", "de", "none");
    }

    #[test]
    fn a_language_never_leads_to_406() {
        let only_german = ["text/html de"];
        for accept in ["", "en", "de;q=0", "*;q=0", "en, *;q=0"] {
            assert_eq!(decide(&asked("text/html", accept), &offers(&only_german)).chosen, Some(0), "{accept}");
        }
        let both = ["text/html de", "text/html en"];
        assert_eq!(decide(&asked("", "de;q=0"), &offers(&both)).chosen, Some(1));
        assert_eq!(decide(&asked("", "fr"), &offers(&both)).chosen, Some(0));
    }

    #[test]
    fn vary_names_what_was_looked_at() {
        for (offered, expected) in [
            (&[][..], &[][..]),
            (&["text/html"], &["accept"]),
            (&["text/html", "application/json"], &["accept"]),
            (&["text/html", "text/html de"], &["accept", "accept-language"]),
            (&["text/html de"], &["accept", "accept-language"]),
        ] {
            assert_eq!(decide(&asked("image/png", ""), &offers(offered)).vary, expected, "{offered:?}");
        }
    }

    /// RFC 9110 §12.5.2 has an example of a field that is best not looked at: what we send is UTF-8, as nearly everything is.
    #[test]
    fn a_charset_is_not_asked_for() {
        let mut headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("text/html"))]);
        let without = decide(&Asked::parse(&headers), &offers(&OFFERS));
        headers.insert(header::ACCEPT_CHARSET, HeaderValue::from_static("iso-8859-5, unicode-1-1;q=0.8"));
        assert_eq!(decide(&Asked::parse(&headers), &offers(&OFFERS)), without);
        assert!(!without.vary.contains(&header::ACCEPT_CHARSET));
    }

    #[test]
    fn every_offer_is_rated() {
        let decision = decide(&asked("application/json, text/html;q=0", "de"), &offers(&OFFERS));
        let qualities: Vec<u16> = decision.ratings.iter().map(|rating| rating.taken.quality).collect();
        assert_eq!((decision.chosen, qualities), (Some(3), vec![0, 0, 0, 1000, 0]));
        assert_eq!(decision.ratings[3].language, LanguageMatch::Default);
    }

    fn check(accept: &str, language: &str, expected: &str) {
        let chosen = decide(&asked(accept, language), &offers(&OFFERS)).chosen;
        assert_eq!(chosen.map_or("none", |place| OFFERS[place]), expected, "{accept} in {language}");
    }

    fn offers(spelled: &[&str]) -> Vec<Representation> {
        let offer = |text: &&str| {
            let (essence, language) = text.split_once(' ').unwrap_or((text, ""));
            Representation::new(essence).of_language(language)
        };
        spelled.iter().map(offer).collect()
    }

    fn asked(accept: &str, language: &str) -> Asked {
        let lines = [(header::ACCEPT, accept), (header::ACCEPT_LANGUAGE, language)];
        let lines = lines.into_iter().filter(|(_, value)| !value.is_empty());
        Asked::parse(&lines.map(|(name, value)| (name, HeaderValue::from_str(value).unwrap())).collect())
    }
}
