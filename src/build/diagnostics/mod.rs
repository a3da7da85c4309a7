//! Finds the places in what compilers and interpreters print, and shows the lines that stand there.
//!
//! Each family of tools has a reader of its own. A reader looks at the lines from one on and answers with a block: its findings, and
//! how many lines they took. The readers are pure; `settle` looks at the disk afterwards: which file is meant, and its lines
//! around the place.
//!
//! What no reader knows is no loss: the text itself is shown as well.

mod boxed;
mod cargo;
mod esbuild;
mod finding;
mod gnu;
mod go;
mod java;
mod node;
mod paren;
mod php;
mod plain;
mod python;
mod ruby;
mod rustc;
mod settle;
#[cfg(test)]
mod tests;

pub(super) use cargo::Message;
pub(super) use finding::Finding;
pub use finding::Ground;

use self::plain::{cut, without_ansi};
use crate::report::Diagnostic;

/// Findings kept; nobody reads further, and a page must stay small.
const LIMIT: usize = 50;

/// Blocks read before the most important findings are chosen; warnings come first from some compilers.
const BLOCKS: usize = 2000;

/// The most of a line that is looked at, in bytes: a minified script is one line.
const LINE: usize = 4096;

/// The most lines a block has; a stack overflow prints more frames than anybody reads.
const BLOCK: usize = 400;

/// What a reader found.
struct Block {
    /// The most important one first.
    findings: Vec<Finding>,
    /// How many lines they took, at least one.
    lines: usize,
}

/// Reads a block that begins at the first of these lines.
type Reader = fn(&[&str], Ground<'_>) -> Option<Block>;

/// In this order: a block of several lines has single lines in it that another reader would take.
const TRACES: [Reader; 6] = [
    python::read, // `File "x.py", line 3`: no other tool writes that
    go::read,     // before gnu: frames are `x.go:3 +0x1d`
    rustc::panic, // before gnu: `src/main.rs:3:5:` stands in its first line
    node::read,   // before gnu: `/x/a.js:3` stands before the message
    java::trace,  // `at x.Y.z(Y.java:3)`
    ruby::read,   // before gnu: `a.rb:3:in 'f': …` has its shape
];

/// Findings of compilers.
const MESSAGES: [Reader; 7] = [
    rustc::read,   // `error: …`, then `--> src/main.rs:3:5`
    esbuild::read, // `✘ [ERROR] …`, then the place
    boxed::read,   // `× …`, then `╭─[a.ts:3:5]`
    java::message, // `[ERROR] /x/A.java:[3,5] …`
    php::read,     // `… in /x/a.php on line 3`
    paren::read,   // `a.ts(3,5): …`
    gnu::read,     // `a.c:3:5: …`: the shape of whoever else
];

/// The findings in the output of a build, first to last.
pub(super) fn in_build(text: &str, ground: Ground<'_>) -> Vec<Diagnostic> {
    of_build(read(text, ground, &[&TRACES, &MESSAGES]).into_iter().flatten().collect(), ground)
}

/// The diagnostics of the findings of a build: errors first, in the order the compiler named them.
pub(super) fn of_build(mut findings: Vec<Finding>, ground: Ground<'_>) -> Vec<Diagnostic> {
    findings.sort_by_key(|finding| finding.severity);
    findings.truncate(LIMIT);
    settle::settle(findings, ground)
}

/// The findings in the last words of a program: the last thing it said comes first, for that is what ended it.
#[must_use]
pub fn in_last_words(text: &str, ground: Ground<'_>) -> Vec<Diagnostic> {
    let mut traces = read(text, ground, &[&TRACES]);
    traces.reverse();
    // An interpreter's words of a mistake, or those of a compiler that the program runs by itself.
    let blocks = if traces.is_empty() { read(text, ground, &[&MESSAGES]) } else { traces };
    settle::settle(blocks.into_iter().flatten().take(LIMIT).collect(), ground)
}

/// The blocks in a text, first to last.
fn read(text: &str, ground: Ground<'_>, readers: &[&[Reader]]) -> Vec<Vec<Finding>> {
    let plain = without_ansi(text);
    let lines: Vec<_> = plain.lines().map(|line| cut(line, LINE)).collect();
    let mut left = lines.as_slice();
    let mut blocks: Vec<Vec<Finding>> = Vec::new();
    while !left.is_empty() && blocks.len() < BLOCKS {
        let window = &left[..left.len().min(BLOCK)];
        let block = readers.iter().copied().flatten().find_map(|read| read(window, ground));
        let taken = block.as_ref().map_or(1, |block| block.lines.clamp(1, window.len()));
        left = &left[taken..];
        // Some tools say everything twice: to the terminal and to their log.
        blocks.extend(block.map(|block| block.findings).filter(|findings| !blocks.contains(findings)));
    }
    blocks
}
