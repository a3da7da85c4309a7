//! What the targets share: a project that is served, in memory or at a port, and exchanges made of bytes.
//!
//! All of it is made once in a process, and by the library's own doors. What is right is not judged here: each target has its own
//! idea of that, which knows nothing of how Everlit comes to its answer.

pub mod exchange;
pub mod folder;
pub mod live;
pub mod served;
