//! A drawn box with the place in its upper edge, `╭─[a.ts:3:5]`, below the message: Vite (Rolldown, Oxc), SWC, Biome.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    Block, Ground,
    finding::{Finding, Place},
    gnu::pattern,
};

/// Lines from the message to its box, empty ones between them.
const ABOVE: usize = 3;

/// Lines that a box may have.
const LENGTH: usize = 24;

static EDGE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\s*(?:╭─+|,-+)\[\s*(?<file>\S.*?):(?<line>\d+):(?<column>\d+)\s*\](?:─*|-*)$"));

static HELP: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*(?:│\s*)?(?:Help|help|note): (?<help>.+)$"));

pub(super) fn read(lines: &[&str], _: Ground<'_>) -> Option<Block> {
    let message = lines.first()?.trim().trim_start_matches(['×', '✖', '⚠']).trim_start();
    if message.is_empty() || message.starts_with(['│', '╭', '╰']) {
        return None;
    }
    let above = lines.iter().skip(1).take(ABOVE).position(|line| !line.trim().is_empty())? + 1;
    let edge = EDGE.captures(lines[above])?;
    let place = Place::new(&edge["file"], &edge["line"], Some(&edge["column"]));
    let mut finding = Finding::error(Some(place), message);
    let inside = lines[above + 1..].iter().take(LENGTH);
    let length = inside.clone().position(|line| line.trim_start().starts_with(['╰', '`']) || line.ends_with("───╯"));
    for help in inside.take(length.unwrap_or(0)).filter_map(|line| HELP.captures(line)) {
        finding.add_help(&help["help"]);
    }
    Some(Block { findings: vec![finding], lines: above + 1 + length.map_or(0, |length| length + 1) })
}
