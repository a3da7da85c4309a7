//! Ruby's uncaught exceptions. Its syntax errors have GNU's shape.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    Block, Ground,
    finding::{Finding, Place},
    gnu::pattern,
};

static TITLE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^(?<file>\S+?\.\w+):(?<line>\d+):in [`'](?<name>.+)': (?<message>.+?) \((?<class>[A-Z][\w:]*)\)$")
});

static FRAME: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s+from (?<file>\S+?):(?<line>\d+):in "));

/// Lines between the message and the frames: the source, a caret, `Did you mean?`.
const BETWEEN: usize = 8;

pub(super) fn read(lines: &[&str], ground: Ground<'_>) -> Option<Block> {
    let title = TITLE.captures(lines.first()?)?;
    let begin = lines.iter().take(BETWEEN).position(|line| FRAME.is_match(line)).unwrap_or(1);
    let frames: Vec<_> = lines[begin..].iter().map_while(|line| FRAME.captures(line)).collect();
    let places = frames.iter().map(|frame| Place::new(&frame["file"], &frame["line"], None));
    let places: Vec<_> = [Place::new(&title["file"], &title["line"], None)].into_iter().chain(places).collect();
    let mut finding = Finding::error(ground.own_first(&places), &format!("{}: {}", &title["class"], &title["message"]));
    for hint in lines[1..begin].iter().filter(|line| line.starts_with("Did you mean?")) {
        finding.add_help(hint);
    }
    Some(Block { findings: vec![finding], lines: begin + frames.len() })
}
