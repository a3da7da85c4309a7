//! Puts the client script into HTML pages while they stream by, and says which generation made each answer.
//!
//! [`InjectLayer`] goes around whatever answers, site and program alike. Every answer gets `Everlit-Generation`; HTML answers
//! also get `Everlit-Inject: injected`, or `skipped; reason=…` (see [`Reason`]). Bytes outside the insertion are untouched, and
//! no more of a page is held back than the few bytes of an unfinished tag name.
//!
//! A page is never parsed into a tree, never gathered, and never decoded: encoded pages are left alone. The script tag stands
//! in `templates/client-script.html`.

mod asked;
mod body;
mod decision;
mod layer;
mod policy;
mod scanner;
mod tag;
mod validator;

pub use decision::Reason;
pub use layer::{Inject, InjectLayer, InjectService};
