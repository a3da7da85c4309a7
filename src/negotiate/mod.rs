//! Chooses a representation and says so when there is none: RFC 9110 §12 and RFC 9457, without a socket or a file.
//!
//! [`Accept`] is what a client takes, [`Representation`] what a resource offers, [`choose`] the decision between them.
//! [`version`] spells API versions in paths and media types. [`Problem`] is every error answer of Everlit's own, as HTML or as
//! `application/problem+json`.
//!
//! ```
//! use everlit::negotiate::{Accept, Representation, choose};
//! use http::{HeaderMap, HeaderValue, header};
//!
//! let offers = [Representation::new("text/html"), Representation::new("application/json")];
//! let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("text/*;q=0.5, application/json"))]);
//! assert_eq!(choose(&Accept::parse(&headers), &offers), Some(1));
//! ```
//!
//! Absent here: routes, files and state. Nothing in this module fails: whatever a client sends has a meaning, and a piece
//! without one is skipped.

mod accept;
pub(crate) mod escape;
#[cfg(test)]
mod oracle;
mod plain;
mod problem;
mod representation;
pub mod version;

pub use accept::{Accept, Match};
pub use problem::{Prefers, Problem};
pub use representation::{Representation, choose};
