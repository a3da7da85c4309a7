//! Python's tracebacks and syntax errors, chained ones too.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    Block, Ground,
    finding::{Column, Finding, Place},
    gnu::pattern,
    plain::caret,
};

const HEADER: &str = "Traceback (most recent call last):";

static FRAME: LazyLock<Regex> = LazyLock::new(|| pattern(r#"^\s*File "(?<file>[^"]+)", line (?<line>\d+)"#));

/// `NameError: name 'x' is not defined`, `json.decoder.JSONDecodeError: …`, `KeyboardInterrupt`.
static EXCEPTION: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*[A-Za-z_][\w.]*(?:: .*)?$"));

/// What stands between two exceptions of a chain.
const LINKS: [&str; 2] =
    ["The above exception was the direct cause", "During handling of the above exception, another exception"];

pub(super) fn read(lines: &[&str], ground: Ground<'_>) -> Option<Block> {
    let (first, mut taken) = traceback(lines, ground)?;
    let mut findings = vec![first];
    while let Some(link) = link(&lines[taken..])
        && let Some((next, length)) = traceback(&lines[taken + link..], ground)
    {
        findings.push(next);
        taken += link + length;
    }
    // The one that nobody caught is what the person sees happen; those that led to it follow.
    findings.reverse();
    Some(Block { findings, lines: taken })
}

/// How many lines lead from one exception to the next.
fn link(lines: &[&str]) -> Option<usize> {
    let at = lines.iter().take(2).position(|line| LINKS.iter().any(|link| bare(line).starts_with(link)))?;
    let blank = lines[at + 1..].iter().take_while(|line| bare(line).is_empty()).count();
    Some(at + 1 + blank)
}

/// One exception: its frames, and the words that end them.
fn traceback(lines: &[&str], ground: Ground<'_>) -> Option<(Finding, usize)> {
    let begins = lines.first()?;
    if !begins.ends_with(HEADER) && !FRAME.is_match(begins) {
        return None;
    }
    let mut places = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let line = unboxed(line);
        if let Some(frame) = FRAME.captures(line) {
            places.push(Place::new(&frame["file"], &frame["line"], None));
        } else if let (Some(column), Some(place)) = (caret(line), places.last_mut()) {
            // The line above it is printed with an indentation of its own.
            let shown = at.checked_sub(1).map_or(0, |above| indentation(unboxed(lines[above])));
            place.column = Column::InTrimmed(column.saturating_sub(shown));
        } else if at > 0 && !places.is_empty() && !line.starts_with("  ") && EXCEPTION.is_match(line) {
            places.retain(|place| !place.file.to_string_lossy().starts_with('<'));
            places.reverse();
            return Some((Finding::error(ground.own_first(&places), line), at + 1));
        } else if at > 0 && !line.starts_with(' ') {
            return None;
        }
    }
    None
}

fn indentation(line: &str) -> u32 {
    u32::try_from(line.chars().take_while(|c| c.is_whitespace()).count()).unwrap_or(u32::MAX)
}

/// Exception groups are drawn with an edge: `  |   File "a.py", line 1`.
fn unboxed(line: &str) -> &str {
    line.trim_start().strip_prefix("| ").unwrap_or(line)
}

fn bare(line: &str) -> &str {
    unboxed(line).trim()
}
