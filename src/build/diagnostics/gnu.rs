//! `file:line:column: severity: message`, the GNU shape: Go, gcc, clang, javac, and whoever has none of its own.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::{
    Block, Ground,
    finding::{Column, Finding, Place},
    plain::caret,
};
use crate::report::Severity;

/// A file has an ending, and no blanks; `http`, times of day and addresses have not. Routers put brackets into names.
const FILE: &str = r"(?:[A-Za-z]:[\\/])?[^\s:]*\.[A-Za-z][A-Za-z0-9+]{0,7}|(?:[^\s:]*/)?(?:GNUm|M|m)akefile";

/// The same with blanks in its name, which only a column behind it makes likely.
const SPACED: &str = r"[^\s:](?:[^:]*[^\s:])?\.[A-Za-z][A-Za-z0-9+]{0,7}";

/// Lines below a message that belong to it: its source, what it expected.
const BELOW: usize = 12;

static MESSAGE: LazyLock<Regex> = LazyLock::new(|| {
    let severity = r"(?:(?<severity>fatal error|[Ee]rror|[Ww]arning|note|remark|info)(?:\[[\w:-]+\])?: )?";
    pattern(&format!(r"^\s*(?:vet: )?(?<file>{FILE}):(?<line>\d+)(?::(?<column>\d+))?: {severity}(?<message>\S.*)$"))
});

static SPACED_MESSAGE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(r"^(?<file>{SPACED}):(?<line>\d+):(?<column>\d+): (?:(?<severity>error|warning): )?(?<message>\S.*)$"))
});

/// The line of a source under a message: `    3 | int x;`.
static SOURCE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*\d*\s*\|"));

/// The patterns stand in this program and are tested: one that does not compile matches nothing.
pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(text).or_else(|_| Regex::new("$^x")).expect("an empty pattern compiles")
}

pub(super) fn read(lines: &[&str], _: Ground<'_>) -> Option<Block> {
    let first = lines.first()?;
    let found = MESSAGE.captures(first).or_else(|| SPACED_MESSAGE.captures(first)).filter(|found| !is_note(found))?;
    let place = place(&found);
    let severity = match found.name("severity") {
        // Python's: `DeprecationWarning: …`
        None if found["message"].split(':').next().is_some_and(|name| name.ends_with("Warning")) => Severity::Warning,
        word => severity(word.map(|word| word.as_str())),
    };
    let mut finding = Finding::new(severity, place, &found["message"]);
    let mut taken = 1;
    while let Some(line) = lines.get(taken).filter(|_| taken < BELOW) {
        match MESSAGE.captures(line) {
            Some(note) if is_note(&note) => {
                finding.add_help(&format!("{}: {}", self::place(&note).words(), &note["message"]));
            }
            Some(_) => break,
            None if SOURCE.is_match(line) => (),
            None if line.starts_with('\t') => finding.message.push_str(&format!("\n{line}")),
            None if line.starts_with("  ") || caret(line).is_some() => below(&mut finding, line),
            None => break,
        }
        taken += 1;
    }
    Some(Block { findings: vec![finding], lines: taken })
}

/// A line that javac or Ruby printed under its message: the source, a caret, or more words.
fn below(finding: &mut Finding, line: &str) {
    let Some(place) = &mut finding.place else { return };
    match caret(line) {
        Some(column) if place.column == Column::Unknown => place.column = Column::At(column),
        // `  symbol:   variable lamp`
        None if line.trim_start().split_once(": ").is_some_and(|(word, _)| word.chars().all(char::is_alphabetic)) => {
            finding.message.push_str(&format!("\n{line}"));
        }
        Some(_) | None => (),
    }
}

fn is_note(found: &Captures<'_>) -> bool {
    found.name("severity").is_some_and(|word| matches!(word.as_str(), "note" | "remark" | "info"))
}

fn place(found: &Captures<'_>) -> Place {
    Place::new(&found["file"], &found["line"], found.name("column").map(|column| column.as_str()))
}

pub(super) fn severity(word: Option<&str>) -> Severity {
    match word {
        Some(word) if word.eq_ignore_ascii_case("warning") => Severity::Warning,
        _ => Severity::Error,
    }
}
