//! The tests that need the whole program or a real browser, in one binary.
//!
//! `harness/` holds what they are made of. Chromium, Firefox, Go, Node, PHP, Python and Ruby are real; a missing one fails the test
//! that needs it with the name of the package that brings it.

mod apps;
mod browser;
mod builds;
mod catching_up;
mod cli;
mod client;
mod clock;
mod detected;
mod diagnostics;
mod durability;
mod edits;
mod environment;
mod failures;
mod faults;
mod firefox;
mod forms;
mod harness;
mod marks;
mod modules;
mod morph;
mod morph_random;
mod numbering;
mod orphans;
mod output;
mod ports;
mod posts;
mod processes;
mod readiness;
mod restarts;
mod rollback;
mod shutdown;
mod site;
mod styles;
mod tabs;
mod terminal;
mod watching;
mod writes;
