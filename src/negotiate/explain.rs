//! Why one representation won over each other candidate, for people who wonder: a page or JSON.
//!
//! An [`Explanation`] is made after a [`Decision`] and changes nothing about it. It shows what the headers were understood to
//! say, which is often the surprise: a malformed piece is not in it.
//!
//! Absent here: when it is shown, and whose representations they are.

use axum::body::Body;
use http::{HeaderMap, Response};
use serde::Serialize;
use serde_json::Value;

use super::{
    Accept, AcceptEncoding, Asked, Coding, Decision, LanguageMatch, Prefers, Representation, choose,
    decision::best,
    field::{Decimal, WHOLE},
    own,
};

const TEMPLATE: &str = "explain.html";

/// The version of the wire type: counts up when a member changes its meaning or goes.
const VERSION: u8 = 1;

/// A decision, told. It serialises with its fields' names.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The version of this type: 1.
    pub explanation: u8,
    /// `Accept` as it was understood; empty when it says nothing, which means that everything is taken.
    pub accept: String,
    /// `Accept-Language` as it was understood, in the order of its weights.
    pub accept_language: String,
    /// The headers that were looked at.
    pub vary: Vec<String>,
    /// The place of the candidate that won; `None` is 406.
    pub chosen: Option<usize>,
    /// Everything there was to choose from, in the server's order.
    pub candidates: Vec<Candidate>,
    /// `Accept-Encoding` as it was understood; empty when it says nothing.
    pub accept_encoding: String,
    /// What the bytes may be sent as, in the server's order, whichever candidate won.
    pub codings: Vec<CodingCandidate>,
}

/// A content coding and what becomes of it, where the body has a length and a type that are encoded at all.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CodingCandidate {
    /// Its name in `Content-Encoding`: `br`, or `identity` for none.
    pub coding: &'static str,
    /// The weight with which it is taken, 0 to 1; 0 is a refusal.
    pub quality: f64,
    /// Whether it is used.
    pub chosen: bool,
}

/// One representation and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// Its `Content-Type`.
    pub content_type: String,
    /// Its `Content-Language`.
    pub language: Option<String>,
    /// The version of the resource it shows.
    pub version: Option<u32>,
    /// The weight with which its type is taken, 0 to 1; 0 is a refusal.
    pub quality: f64,
    /// How closely its type is named: see [`super::Match`].
    pub specificity: u16,
    /// Whether it won.
    pub chosen: bool,
    /// One sentence: why it won or lost.
    pub reason: String,
}

impl Explanation {
    /// Explains a decision between `offers`, which must be those it was made of.
    #[must_use]
    pub fn new(asked: &Asked, offers: &[Representation], decision: &Decision) -> Self {
        let case = Case { asked, offers, decision };
        let candidate = |place: usize| Candidate {
            content_type: offers[place].content_type(),
            language: offers[place].language().map(str::to_owned),
            version: offers[place].version,
            quality: f64::from(decision.ratings[place].taken.quality) / f64::from(WHOLE),
            specificity: decision.ratings[place].taken.specificity,
            chosen: decision.chosen == Some(place),
            reason: case.reason(place),
        };
        Self {
            explanation: VERSION,
            accept: asked.accept.to_string(),
            accept_language: asked.language.to_string(),
            vary: decision.vary.iter().map(ToString::to_string).collect(),
            chosen: decision.chosen,
            candidates: (0..offers.len().min(decision.ratings.len())).map(candidate).collect(),
            accept_encoding: asked.encoding.to_string(),
            codings: codings(&asked.encoding),
        }
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// As a page.
    ///
    /// # Errors
    ///
    /// Where our own template is broken: in a debug build it is read from the disk.
    pub fn html(&self) -> Result<String, minijinja::Error> {
        own::page(TEMPLATE, self)
    }

    /// The answer to a request with these headers: 200, as a page or as JSON, which nobody keeps. A client that takes neither
    /// gets the default; its `Accept` is what it asks about. The caller leaves the body out where the request was `HEAD`.
    #[must_use]
    pub fn respond(&self, request: &HeaderMap, default: Prefers) -> Response<Body> {
        let page = match form(&Accept::parse(request), default) {
            Prefers::Html => self.html().inspect_err(|error| tracing::error!(%error, "the explanation cannot be rendered")).ok(),
            Prefers::Json => None,
        };
        match page {
            Some(page) => own::answer("text/html; charset=utf-8", page),
            None => own::answer("application/json", self.json().to_string()),
        }
    }
}

fn codings(asked: &AcceptEncoding) -> Vec<CodingCandidate> {
    let best = asked.choose(&Coding::ENCODED);
    let candidate = |coding: Coding| CodingCandidate {
        coding: coding.token(),
        quality: f64::from(asked.rate(coding)) / f64::from(WHOLE),
        chosen: coding == best,
    };
    Coding::ENCODED.into_iter().chain([Coding::Identity]).map(candidate).collect()
}

fn form(accept: &Accept, default: Prefers) -> Prefers {
    let mut forms = [(Prefers::Html, "text/html"), (Prefers::Json, "application/json")];
    forms.sort_by_key(|(form, _)| *form != default);
    choose(accept, &forms.map(|(_, essence)| Representation::new(essence))).map_or(default, |place| forms[place].0)
}

/// What the sentences are made of.
struct Case<'a> {
    asked: &'a Asked,
    offers: &'a [Representation],
    decision: &'a Decision,
}

impl Case<'_> {
    fn reason(&self, place: usize) -> String {
        match self.decision.chosen {
            Some(chosen) if chosen == place => self.victory(place),
            Some(chosen) if self.decision.ratings[place].taken.quality > 0 => {
                let first = "equally good; the chosen one stands first in the server's order";
                self.difference(place, chosen, "the chosen one").unwrap_or_else(|| first.to_owned())
            }
            _ => self.refusal(place),
        }
    }

    fn refusal(&self, place: usize) -> String {
        match self.offers[place].range_in(&self.asked.accept) {
            Some(range) => format!("`{range}` refuses it"),
            None => "`Accept` does not name it".to_owned(),
        }
    }

    fn victory(&self, place: usize) -> String {
        let others = self.decision.ratings.iter().copied().enumerate().filter(|(other, _)| *other != place);
        let Some(next) = best(others) else { return "the only one that is taken".to_owned() };
        let first = "as good as the next one, and first in the server's order";
        self.difference(place, next, "the next one").unwrap_or_else(|| first.to_owned())
    }

    /// What decides between two that are both taken; `None` where nothing but their order does.
    fn difference(&self, place: usize, other: usize, who: &str) -> Option<String> {
        let (mine, theirs) = (self.decision.ratings[place], self.decision.ratings[other]);
        if mine.taken.quality != theirs.taken.quality {
            return Some(format!("taken with {}, {who} with {}", Decimal(mine.taken.quality), Decimal(theirs.taken.quality)));
        }
        if mine.taken.specificity != theirs.taken.specificity {
            return Some(format!("named {}, {who} {}", self.naming(place, other), self.naming(other, place)));
        }
        (mine.language != theirs.language).then(|| format!("{}, {who} {}", self.speaking(place), self.speaking(other)))
    }

    /// How closely the client names the type of `place`. `exactly` is said beside a wildcard; two that name the type itself differ
    /// by their parameters.
    fn naming(&self, place: usize, beside: usize) -> String {
        let specificity = |place: usize| self.decision.ratings[place].taken.specificity;
        match self.offers[place].range_in(&self.asked.accept) {
            Some(_) if specificity(place) >= 2 && specificity(beside) < 2 => "exactly".to_owned(),
            Some(range) => format!("as `{}`", range.without_weight()),
            None => "by nothing".to_owned(),
        }
    }

    fn speaking(&self, place: usize) -> String {
        let language = self.offers[place].language().unwrap_or_default();
        match self.decision.ratings[place].language {
            LanguageMatch::Refused => match self.asked.language.refusing(language) {
                Some(range) => format!("in a language that `{range}` refuses"),
                None => "in a language that is refused".to_owned(),
            },
            LanguageMatch::Unasked => "in a language that is not asked for".to_owned(),
            LanguageMatch::Default => "in the language for everybody".to_owned(),
            LanguageMatch::Asked(step) => {
                let (range, place) = (self.asked.language.range(step.0), step.0.range + 1);
                match step.0.shortened {
                    0 => format!("in a language asked for as `{range}` (number {place})"),
                    _ => format!("in a language found by shortening `{range}` (number {place})"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};
    use http_body_util::BodyExt;
    use serde_json::json;

    use super::*;
    use crate::negotiate::decide;

    #[test]
    fn every_candidate_has_its_sentence() {
        check("", "", &["text/html"], &["the only one that is taken"]);
        check(
            "text/html;q=0, application/json;q=0.5, application/xml;q=0.9",
            "",
            &["text/html", "application/json", "application/xml", "text/csv"],
            &[
                "`text/html;q=0` refuses it",
                "taken with 0.5, the chosen one with 0.9",
                "taken with 0.9, the next one with 0.5",
                "`Accept` does not name it",
            ],
        );
        check(
            "text/html, application/*, */*",
            "",
            &["application/json", "text/html", "image/png"],
            &[
                "named as `application/*`, the chosen one exactly",
                "named exactly, the next one as `application/*`",
                "named as `*/*`, the chosen one exactly",
            ],
        );
        check(
            "application/json, application/json;version=1",
            "",
            &["application/json", "application/json;version=1"],
            &[
                "named as `application/json`, the chosen one as `application/json;version=1`",
                "named as `application/json;version=1`, the next one as `application/json`",
            ],
        );
        check(
            "*/*",
            "",
            &["text/html", "application/json"],
            &[
                "as good as the next one, and first in the server's order",
                "equally good; the chosen one stands first in the server's order",
            ],
        );
        check("image/png", "", &["text/html"], &["`Accept` does not name it"]);
        check("*/*;q=0", "", &["text/html"], &["`*/*;q=0` refuses it"]);
    }

    #[test]
    fn languages_have_theirs() {
        check(
            "",
            "de-AT, en, fr;q=0",
            &["text/html", "text/html de", "text/html en", "text/html it", "text/html fr"],
            &[
                "in the language for everybody, the chosen one in a language found by shortening `de-at` (number 1)",
                "in a language found by shortening `de-at` (number 1), the next one in a language asked for as `en` (number 2)",
                "in a language asked for as `en` (number 2), the chosen one in a language found by shortening `de-at` (number 1)",
                "in a language that is not asked for, the chosen one in a language found by shortening `de-at` (number 1)",
                "in a language that `fr;q=0` refuses, the chosen one in a language found by shortening `de-at` (number 1)",
            ],
        );
        check(
            "",
            "*;q=0",
            &["text/html de", "text/html"],
            &[
                "in a language that `*;q=0` refuses, the chosen one in the language for everybody",
                "in the language for everybody, the next one in a language that `*;q=0` refuses",
            ],
        );
    }

    #[test]
    fn the_wire_type_is_stable() {
        let explanation = explain("text/html;q=0.5, nonsense", "DE", &["text/html de", "application/json"]);
        assert_eq!(
            explanation.json(),
            json!({
                "explanation": 1,
                "accept": "text/html;q=0.5",
                "accept_language": "de",
                "vary": ["accept", "accept-language"],
                "chosen": 0,
                "candidates": [
                    {
                        "content_type": "text/html; charset=utf-8",
                        "language": "de",
                        "version": null,
                        "quality": 0.5,
                        "specificity": 2,
                        "chosen": true,
                        "reason": "the only one that is taken",
                    },
                    {
                        "content_type": "application/json",
                        "language": null,
                        "version": null,
                        "quality": 0.0,
                        "specificity": 0,
                        "chosen": false,
                        "reason": "`Accept` does not name it",
                    },
                ],
                "accept_encoding": "",
                "codings": [
                    { "coding": "br", "quality": 1.0, "chosen": false },
                    { "coding": "zstd", "quality": 1.0, "chosen": false },
                    { "coding": "gzip", "quality": 1.0, "chosen": false },
                    { "coding": "identity", "quality": 1.0, "chosen": true },
                ],
            })
        );
        assert_eq!(explain("image/png", "", &["text/html"]).json()["chosen"], Value::Null);
    }

    #[test]
    fn codings_are_told() {
        let mut headers = headers("text/html", "");
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, zstd;q=0.5, *;q=0"));
        let (asked, offers) = (Asked::parse(&headers), [Representation::new("text/html")]);
        let explanation = Explanation::new(&asked, &offers, &decide(&asked, &offers));
        let told: Vec<_> = explanation.codings.iter().map(|told| (told.coding, told.quality, told.chosen)).collect();
        assert_eq!(told, [("br", 0.0, false), ("zstd", 0.5, false), ("gzip", 1.0, true), ("identity", 0.0, false)]);
        let page = explanation.html().unwrap();
        assert!(page.contains("<code>gzip, zstd;q=0.5, *;q=0</code>: <code>gzip</code>"), "{page}");
    }

    #[tokio::test]
    async fn it_is_negotiated_itself() {
        for (accept, default, expected) in [
            ("", Prefers::Html, "text/html; charset=utf-8"),
            ("", Prefers::Json, "application/json"),
            ("text/html, */*;q=0.8", Prefers::Json, "text/html; charset=utf-8"),
            ("application/json", Prefers::Html, "application/json"),
            ("text/csv", Prefers::Html, "text/html; charset=utf-8"),
            ("text/csv", Prefers::Json, "application/json"),
        ] {
            let response = explain(accept, "", &["text/html", "text/csv"]).respond(&headers(accept, ""), default);
            assert_eq!(response.headers()["content-type"], expected, "{accept}");
            assert_eq!(response.headers()["vary"], "Accept");
            assert_eq!(response.headers()["cache-control"], "no-store");
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert!(String::from_utf8_lossy(&body).contains("text/csv"), "{accept}");
        }
    }

    #[test]
    fn a_page_escapes_what_a_client_sent() {
        let page = explain("a/b;c=\"</td><script>\", */*;q=0.1", "", &["text/html"]).html().unwrap();
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("&lt;script&gt;"), "{page}");
        assert!(explain("image/png", "", &["text/html"]).html().unwrap().contains("406"));
    }

    fn check(accept: &str, language: &str, offered: &[&str], expected: &[&str]) {
        let candidates = explain(accept, language, offered).candidates;
        let reasons: Vec<&str> = candidates.iter().map(|candidate| candidate.reason.as_str()).collect();
        assert_eq!(reasons, expected, "{accept} in {language}");
    }

    fn explain(accept: &str, language: &str, offered: &[&str]) -> Explanation {
        let asked = Asked::parse(&headers(accept, language));
        let offer = |text: &&str| {
            let (media_type, language) = text.split_once(' ').unwrap_or((text, ""));
            let (essence, version) = media_type.split_once(";version=").unwrap_or((media_type, ""));
            let offer = Representation::new(essence).of_language(language);
            if version.is_empty() { offer } else { offer.with_parameter("version", version) }
        };
        let offers: Vec<Representation> = offered.iter().map(offer).collect();
        Explanation::new(&asked, &offers, &decide(&asked, &offers))
    }

    fn headers(accept: &str, language: &str) -> HeaderMap {
        let lines = [(header::ACCEPT, accept), (header::ACCEPT_LANGUAGE, language)];
        let lines = lines.into_iter().filter(|(_, value)| !value.is_empty());
        lines.map(|(name, value)| (name, HeaderValue::from_str(value).unwrap())).collect()
    }
}
