//! The `Accept-Encoding` header as a value (RFC 9110 §12.5.3), and the choice among the codings an answer can be had in.
//!
//! [`AcceptEncoding::parse`] is total. The choice never fails: where nothing is acceptable, the bytes go out as they are, which is
//! better than no answer.
//!
//! Absent here: the encoding itself, and codings for the sake of transfer.

use std::{cmp::Reverse, fmt};

use http::{HeaderMap, header};

use super::field::{self, MAX_MEMBERS, WHOLE, Weight};

/// A content coding, the server's favourite last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Coding {
    /// The bytes as they are.
    Identity,
    /// RFC 1952; everybody has it.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// RFC 7932; the smallest.
    Brotli,
}

impl Coding {
    /// All but [`Coding::Identity`], the server's favourite first.
    pub const ENCODED: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// Its name in `Content-Encoding`.
    #[must_use]
    pub fn token(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Brotli => "br",
        }
    }

    fn is_named(self, name: &str) -> bool {
        name == self.token() || (self == Self::Gzip && name == "x-gzip")
    }
}

/// The codings a client can undo.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcceptEncoding {
    /// `None` when the request says nothing. Names in lower case, weights in thousandths.
    codings: Option<Vec<(String, u16)>>,
}

impl AcceptEncoding {
    /// Reads all `Accept-Encoding` lines of a request.
    #[must_use]
    pub fn parse(headers: &HeaderMap) -> Self {
        let members = field::members(headers, &header::ACCEPT_ENCODING).filter_map(field::weighted);
        let codings = members.map(|(name, weight)| (name.to_ascii_lowercase(), weight)).take(MAX_MEMBERS).collect();
        Self { codings: headers.contains_key(header::ACCEPT_ENCODING).then_some(codings) }
    }

    /// How well a coding is taken, in thousandths; 0 is a refusal. What no member names is refused, but for identity, which is
    /// taken after all that are named.
    #[must_use]
    pub fn rate(&self, coding: Coding) -> u16 {
        let Some(codings) = &self.codings else { return WHOLE };
        let weight =
            |is_meant: &dyn Fn(&str) -> bool| codings.iter().filter(|(name, _)| is_meant(name)).map(|(_, weight)| *weight).max();
        let named = weight(&|name| coding.is_named(name)).or_else(|| weight(&|name| name == "*"));
        named.unwrap_or(u16::from(coding == Coding::Identity))
    }

    /// Whether the client names this coding, of any name, or everything. One that says nothing does not.
    #[must_use]
    pub fn takes(&self, token: &str) -> bool {
        let weight = |wanted: &str| self.codings.iter().flatten().find(|(name, _)| name == wanted).map(|(_, weight)| *weight);
        weight(token).or_else(|| weight("*")).is_some_and(|weight| weight > 0)
    }

    /// Those of the available codings that the client takes rather than identity, the best one first. At the same weight the
    /// order is the server's.
    ///
    /// A client that says nothing takes everything by the standard, and may still be a script that can undo nothing: it gets none.
    #[must_use]
    pub fn ranked(&self, available: &[Coding]) -> Vec<Coding> {
        if self.codings.is_none() {
            return Vec::new();
        }
        let key = |coding: Coding| (self.rate(coding), coding);
        let taken = |coding: &Coding| self.rate(*coding) > 0 && key(*coding) > key(Coding::Identity);
        let mut ranked: Vec<Coding> = available.iter().copied().filter(taken).collect();
        ranked.sort_by_key(|coding| Reverse(key(*coding)));
        ranked
    }

    /// The coding to answer in. Identity is always available, and is what goes out where nothing is acceptable.
    #[must_use]
    pub fn choose(&self, available: &[Coding]) -> Coding {
        self.ranked(available).first().copied().unwrap_or(Coding::Identity)
    }
}

impl fmt::Display for AcceptEncoding {
    /// The codings as they were understood.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codings = self.codings.iter().flatten();
        field::list(f, &codings.map(|(name, weight)| format!("{name}{}", Weight(*weight))).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::{Coding::*, *};

    #[test]
    fn the_standards_examples() {
        check("compress, gzip", Gzip);
        check("", Identity);
        check("*", Brotli);
        check("compress;q=0.5, gzip;q=1.0", Gzip);
        check("gzip;q=1.0, identity; q=0.5, *;q=0", Gzip);
        check_among("gzip;q=1.0, identity; q=0.5, *;q=0", &[Brotli, Zstd], Identity);
        check_among("*", &[Gzip], Gzip);
        check_among("compress, gzip", &[], Identity);
    }

    #[test]
    fn weight_then_the_servers_order() {
        check("gzip, deflate, br, zstd", Brotli);
        check("gzip, zstd", Zstd);
        check("br;q=0.8, gzip;q=0.9", Gzip);
        check("br;q=0.001", Brotli);
        check("X-GZIP", Gzip);
        check("GZIP;Q=0.5, x-gzip;q=0.7, zstd;q=0.6", Gzip);
        check("identity, gzip;q=0.5", Identity);
        check("identity, gzip", Gzip);
        check("*;q=0.5, br;q=0", Zstd);
        check("*;q=0.5, gzip;q=0.4", Brotli);
        check("br;q=0, gzip;q=0", Identity);
        check("deflate", Identity);
    }

    #[test]
    fn what_is_not_acceptable_goes_out_as_it_is() {
        check("identity;q=0", Identity);
        check("*;q=0", Identity);
        check("compress, *;q=0", Identity);
        assert_eq!(parse("*;q=0").rate(Identity), 0);
        assert_eq!(parse("*;q=0, identity;q=0.1").rate(Identity), 100);
    }

    #[test]
    fn nothing_said_is_not_the_same_as_nothing_taken() {
        let silent = AcceptEncoding::parse(&HeaderMap::new());
        assert_eq!((silent.rate(Brotli), silent.choose(&Coding::ENCODED)), (1000, Identity));
        assert_eq!((silent.to_string().as_str(), parse("BR , gzip;Q=0.50,;").to_string().as_str()), ("", "br, gzip;q=0.5"));
        assert_eq!((parse("").rate(Brotli), parse("").rate(Identity)), (0, 1));
    }

    #[test]
    fn malformed_and_huge_lists_have_a_meaning() {
        for piece in ["br;q=2", "br;q=0.0001", "b r", "br;level=3", "\"br\"", "br;q", ";;;"] {
            check(piece, Identity);
            check(&format!("{piece}, gzip"), Gzip);
        }
        check(",,br,", Brotli);
        check(&format!("{}br", "a,".repeat(MAX_MEMBERS)), Identity);
        check(&format!("br,{}", "a".repeat(100_000)), Brotli);
        check(&",".repeat(100_000), Identity);
    }

    fn check(accept: &str, expected: Coding) {
        check_among(accept, &Coding::ENCODED, expected);
    }

    fn check_among(accept: &str, available: &[Coding], expected: Coding) {
        assert_eq!(parse(accept).choose(available), expected, "{accept}");
    }

    fn parse(accept: &str) -> AcceptEncoding {
        AcceptEncoding::parse(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_str(accept).unwrap())]))
    }
}
