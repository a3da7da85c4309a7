//! The script in pages: a table of documents, in every encoding and coding, cut everywhere, under every policy.
//!
//! The oracle is always the same: take away what we put in, and the bytes are those that came. A parser says that it stands where
//! it should, and real browsers that it works.

mod app;
mod browsers;
mod conformance;
mod documents;
mod exchange;
mod policies;
mod untouched;
mod wire;
