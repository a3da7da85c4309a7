//! esbuild: `✘ [ERROR] message`, an empty line, and the place with the source below it.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    Block, Ground,
    finding::{Column, Finding, Place},
    gnu::pattern,
};
use crate::report::Severity;

/// Lines that one message may have.
const LENGTH: usize = 24;

static TITLE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\s*(?:✘|▲|X|!) \[(?<severity>ERROR|WARNING)\] (?<message>.*?)(?: \[[\w-]+\])?$"));

static PLACE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^    (?<file>.+):(?<line>\d+):(?<column>\d+):$"));

pub(super) fn read(lines: &[&str], _: Ground<'_>) -> Option<Block> {
    let title = TITLE.captures(lines.first()?)?;
    let severity = if &title["severity"] == "WARNING" { Severity::Warning } else { Severity::Error };
    let mut finding = Finding { severity, message: title["message"].to_owned(), ..Finding::default() };
    let ends = |line: &&str| TITLE.is_match(line) || (!line.is_empty() && !line.starts_with(' '));
    let end = lines.iter().skip(1).take(LENGTH).position(ends).map_or(lines.len().min(LENGTH), |at| at + 1);
    for line in &lines[1..end] {
        match PLACE.captures(line) {
            Some(found) if finding.place.is_none() => finding.place = Some(place(&found)),
            Some(found) => finding.add_help(&place(&found).words()),
            None if line.starts_with("  ") && !line.starts_with("   ") => finding.add_help(line),
            None => (),
        }
    }
    Some(Block { findings: vec![finding], lines: end })
}

/// Its columns begin at 0.
fn place(found: &regex::Captures<'_>) -> Place {
    let column = found["column"].parse().map_or(Column::Unknown, |column: u32| Column::At(column.saturating_add(1)));
    Place { column, ..Place::new(&found["file"], &found["line"], None) }
}
