//! Chooses a representation and says so when there is none: RFC 9110 §12 and RFC 9457, without a socket or a file.
//!
//! [`Asked`] is what a client says, [`Representation`] what a resource offers, [`decide`] the decision between them, which keeps
//! its reasons: an [`Explanation`] tells them. [`choose`] is the same for types alone. [`AcceptEncoding`] chooses the [`Coding`] of an
//! answer's bytes. [`version`] spells API versions in paths and media types. [`Problem`] is every error answer of Everlit's own, as
//! HTML or as `application/problem+json`.
//!
//! ```
//! use everlit::negotiate::{AcceptEncoding, Asked, Coding, Explanation, Representation, decide};
//! use http::{HeaderMap, HeaderValue, header};
//!
//! let offers = [
//!     Representation::new("text/html"),
//!     Representation::new("text/html").of_language("de"),
//!     Representation::new("application/json"),
//! ];
//! let headers = HeaderMap::from_iter([
//!     (header::ACCEPT, HeaderValue::from_static("text/*, application/json;q=0.5")),
//!     (header::ACCEPT_LANGUAGE, HeaderValue::from_static("de-AT, en;q=0.8")),
//!     (header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, br")),
//! ]);
//!
//! let asked = Asked::parse(&headers);
//! let decision = decide(&asked, &offers);
//! let chosen = &offers[decision.chosen.expect("406 where there is none")];
//! assert_eq!(chosen.content_type(), "text/html; charset=utf-8");
//! assert_eq!(chosen.language(), Some("de"));
//! assert_eq!(decision.vary, [header::ACCEPT, header::ACCEPT_LANGUAGE]);
//!
//! let why = Explanation::new(&asked, &offers, &decision);
//! assert_eq!(why.candidates[2].reason, "taken with 0.5, the chosen one with 1");
//!
//! assert_eq!(AcceptEncoding::parse(&headers).choose(&Coding::ENCODED), Coding::Brotli);
//! ```
//!
//! Absent here: routes, files and state. Nothing in this module fails: whatever a client sends has a meaning, and a piece
//! without one is skipped.

mod accept;
mod decision;
mod encoding;
pub(crate) mod escape;
mod explain;
mod field;
mod language;
#[cfg(test)]
mod oracle;
mod own;
mod plain;
mod problem;
mod representation;
pub mod version;

pub use accept::{Accept, Match};
pub use decision::{Asked, Decision, Rating, decide};
pub use encoding::{AcceptEncoding, Coding};
pub use explain::{Candidate, CodingCandidate, Explanation};
pub use language::{AcceptLanguage, LanguageMatch, Step, is_language_tag};
pub(crate) use own::page;
pub use problem::{Prefers, Problem};
pub use representation::{Representation, choose};
