//! What Node (V8) prints of an uncaught exception, and stack traces as `console.error(error)` writes them.

use std::sync::LazyLock;

use percent_encoding::percent_decode_str;
use regex::{Captures, Regex};

use super::{
    Block, Ground,
    finding::{Column, Finding, Place},
    gnu::pattern,
    plain::caret,
};

/// Lines from the place at the top to the words of the error.
const PREFACE: usize = 6;

/// Lines of an error's words before its frames.
const MESSAGE_LINES: usize = 16;

/// `/x/server.js:3` alone on a line.
static TOP: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(?<file>(?:file://)?/[^:]*\.\w+|[^\s:]\S*\.\w+|node:[\w/]+):(?<line>\d+)$"));

static ERROR: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?<indent>\s*)(?:\[cause\]: |Uncaught |error: )?(?<words>(?:[A-Z]\w*)?(?:Error|Exception|AbortSignal)(?: \[\w+\])?(?:: .*)?)$",
    )
});

static FRAME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^\s+at (?:.*\()?(?:async )?(?<file>(?:file://)?(?:[A-Za-z]:[\\/]|/|\.{1,2}/).*?|[\w./@-]+\.\w+):(?<line>\d+):(?<column>\d+)\)?,?(?: \{)?$",
    )
});

/// The modules that ask for one that is not there.
static IMPORTER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^- | imported from )(?<file>(?:file://)?/\S+)$"));

pub(super) fn read(lines: &[&str], ground: Ground<'_>) -> Option<Block> {
    let first = lines.first()?;
    match TOP.captures(first) {
        Some(top) => uncaught(&top, lines, ground),
        None => {
            let (finding, taken) = error(lines, ground)?;
            has_frames(&lines[..taken]).then(|| finish(finding, taken, lines, ground))
        }
    }
}

/// The place, the source and a caret stand above the error; what was thrown may be no error at all.
fn uncaught(top: &Captures<'_>, lines: &[&str], ground: Ground<'_>) -> Option<Block> {
    let marked = lines.iter().take(PREFACE).position(|line| caret(line).is_some())?;
    let column = caret(lines[marked]).map_or(Column::Unknown, Column::At);
    let place = Place { column, ..place(&top["file"], &top["line"], None) };
    let said = lines[marked + 1..].iter().take(2).position(|line| !line.trim().is_empty())? + marked + 1;
    let Some((mut finding, taken)) = error(&lines[said..], ground) else {
        let finding = Finding::error(Some(place), &format!("uncaught: {}", lines[said].trim()));
        return Some(Block { findings: vec![finding], lines: said + 1 });
    };
    let knows_better = |known: &Place| known.file == place.file && known.line == place.line;
    if ground.is_own(&place.file) && !finding.place.as_ref().is_some_and(knows_better) {
        finding.place = Some(place);
    }
    Some(finish(finding, said + taken, lines, ground))
}

/// An error with its frames.
fn error(lines: &[&str], ground: Ground<'_>) -> Option<(Finding, usize)> {
    let found = ERROR.captures(lines.first()?)?;
    let frames = lines.iter().take(MESSAGE_LINES).position(|line| is_frame(line));
    // Without frames only the first line is sure to belong to it.
    let begin = frames.unwrap_or(1);
    let taken = begin + lines[begin..].iter().take_while(|line| is_frame(line)).count();
    let places: Vec<_> = lines[begin..taken]
        .iter()
        .filter_map(|line| FRAME.captures(line))
        .map(|frame| place(&frame["file"], &frame["line"], Some(&frame["column"])))
        .collect();
    let importers = lines[..begin].iter().filter_map(|line| IMPORTER.captures(line));
    let importers: Vec<_> = importers.map(|found| Place::file(&path(&found["file"]))).collect();
    let own = ground.own_first(&places).filter(|place| ground.is_own(&place.file));
    let place = own.or_else(|| ground.own_first(&importers)).or_else(|| places.first().cloned());
    let mut finding = Finding::error(place, &found["words"]);
    let is_told = |line: &str| line.trim().is_empty() || line == "Require stack:" || IMPORTER.is_match(line);
    for line in lines[1..begin].iter().filter(|line| !is_told(line)) {
        finding.add_help(line);
    }
    Some((finding, taken))
}

/// Takes in what caused the error, and the facts that are printed behind its frames.
fn finish(finding: Finding, taken: usize, lines: &[&str], ground: Ground<'_>) -> Block {
    let mut block = Block { findings: vec![finding], lines: taken };
    while let Some(line) = lines.get(block.lines).filter(|line| line.starts_with([' ', '}'])) {
        let cause = line.trim_start().starts_with("[cause]: ").then(|| error(&lines[block.lines..], ground)).flatten();
        block.lines += cause.as_ref().map_or(1, |(_, taken)| *taken);
        block.findings.extend(cause.map(|(finding, _)| finding));
    }
    block
}

fn is_frame(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("at ") || line.starts_with("... ")
}

fn has_frames(lines: &[&str]) -> bool {
    lines.iter().any(|line| FRAME.is_match(line) || line.trim_start().starts_with("at node:"))
}

fn place(file: &str, line: &str, column: Option<&str>) -> Place {
    Place::new(&path(file), line, column)
}

/// Modules are named by URL.
fn path(file: &str) -> String {
    match file.strip_prefix("file://") {
        Some(path) => percent_decode_str(path.split(['?', '#']).next().unwrap_or(path)).decode_utf8_lossy().into_owned(),
        None => file.to_owned(),
    }
}
