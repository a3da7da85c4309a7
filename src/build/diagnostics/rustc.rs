//! rustc for people, and the panics of what it built.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    Block, Ground,
    finding::{Finding, Place},
    gnu::pattern,
};
use crate::report::Severity;

/// Lines between a message and its place.
const ABOVE: usize = 4;

/// Lines that a message may have.
const LENGTH: usize = 80;

/// Lines of a panic's own message.
const MESSAGE_LINES: usize = 20;

static TITLE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?<severity>error|warning)(?:\[(?<code>\w+)\])?: (?<message>.+)$"));

static PLACE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*--> (?<file>.+?):(?<line>\d+):(?<column>\d+)$"));

static HELP: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*(?:= )?(?<help>(?:help|note): .+)$"));

static PANIC: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^\s*thread '.*?'(?: \(\d+\))? panicked at (?:'(?<old>.*)', )?(?<file>[^']+?):(?<line>\d+):(?<column>\d+):?$")
});

static FRAME: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s+at (?<file>.+?):(?<line>\d+):(?<column>\d+)$"));

pub(super) fn read(lines: &[&str], _: Ground<'_>) -> Option<Block> {
    let title = TITLE.captures(lines.first()?)?;
    let at = lines.iter().skip(1).take(ABOVE).position(|line| PLACE.is_match(line))? + 1;
    let found = PLACE.captures(lines[at])?;
    let severity = if &title["severity"] == "warning" { Severity::Warning } else { Severity::Error };
    let mut finding = Finding::new(severity, place(&found), &title["message"]);
    let end = lines.iter().skip(at).take(LENGTH).position(|line| line.is_empty()).map_or(lines.len().min(LENGTH), |end| at + end);
    for help in lines[at..end.max(at)].iter().filter_map(|line| HELP.captures(line)) {
        finding.add_help(&help["help"]);
    }
    Some(Block { findings: vec![finding], lines: end.max(at + 1) })
}

/// The panic that ends a thread; what its message says may have several lines.
pub(super) fn panic(lines: &[&str], ground: Ground<'_>) -> Option<Block> {
    let found = PANIC.captures(lines.first()?)?;
    let ends = |line: &&str| line.starts_with("stack backtrace:") || line.starts_with("note: ") || PANIC.is_match(line);
    let end = lines[1..].iter().take(MESSAGE_LINES).position(ends);
    let end = end.unwrap_or_else(|| lines[1..].iter().take(1).len()) + 1;
    let message = found.name("old").map_or_else(|| lines[1..end].join("\n"), |old| old.as_str().to_owned());
    let frames = lines[end..].iter().take_while(|line| line.starts_with(' ') || line.starts_with("stack backtrace:"));
    let taken = frames.clone().count();
    let places = frames.filter_map(|line| FRAME.captures(line)).map(|frame| place(&frame));
    // A panic in somebody else's code happened because of a call from ours.
    let places: Vec<_> = [place(&found)].into_iter().chain(places).collect();
    let finding = Finding::error(ground.own_first(&places), &format!("panicked: {}", message.trim()));
    Some(Block { findings: vec![finding], lines: end + taken })
}

fn place(found: &regex::Captures<'_>) -> Place {
    Place::new(&found["file"], &found["line"], Some(&found["column"]))
}
