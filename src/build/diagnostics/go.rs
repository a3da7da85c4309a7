//! Go's panics and fatal errors, with the goroutine they happened in.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    Block, Ground,
    finding::{Finding, Place},
    gnu::pattern,
};

/// `panic: …`, `fatal error: …`, and what `net/http` logs of a handler that panicked and was recovered.
static TITLE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(?:.*http: panic serving \S+: (?<served>.+)|(?<word>panic|fatal error): (?<message>.+))$"));

static GOROUTINE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^goroutine \d+ (?:\S+ )*\[.*\]:$"));

static FRAME: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s+(?<file>\S.*?\.\w+):(?<line>\d+)(?: \+0x[0-9a-f]+)?$"));

/// Lines of the message before its goroutine: `[signal SIGSEGV: …]`, a panic while panicking.
const PREFACE: usize = 12;

pub(super) fn read(lines: &[&str], ground: Ground<'_>) -> Option<Block> {
    let title = TITLE.captures(lines.first()?)?;
    let begin = lines.iter().take(PREFACE).position(|line| GOROUTINE.is_match(line))?;
    // The first goroutine is the one that panicked; an empty line ends it.
    let end = lines[begin..].iter().position(|line| line.trim().is_empty()).map_or(lines.len(), |at| begin + at);
    let frames = lines[begin..end].iter().filter_map(|line| FRAME.captures(line));
    let places: Vec<_> = frames.map(|frame| Place::new(&frame["file"], &frame["line"], None)).collect();
    let message = match (title.name("served"), title.name("word")) {
        (Some(served), _) => format!("panic: {}", served.as_str()),
        (None, word) => format!("{}: {}", word.map_or("panic", |word| word.as_str()), &title["message"]),
    };
    let mut finding = Finding::error(ground.own_first(&places), &message);
    for line in lines[1..begin].iter().filter(|line| !line.trim().is_empty()) {
        finding.add_help(line);
    }
    Some(Block { findings: vec![finding], lines: end })
}
