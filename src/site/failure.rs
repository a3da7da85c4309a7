//! Reports of files the site cannot use: where, what, and the lines around it.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use crate::report::{Diagnostic, Kind, Report};

/// Lines shown before and after the one in question.
const CONTEXT_LINES: usize = 3;

/// The longest line of an excerpt, in characters; a minified file has one line.
const MAX_LINE_CHARS: usize = 200;

/// A report without a command.
pub(super) fn report(kind: Kind, title: String, diagnostics: Vec<Diagnostic>, output: String) -> Report {
    Report { id: new_id(), kind, title, command: String::new(), diagnostics, output, took: Duration::ZERO, help: String::new() }
}

/// Microseconds since 1970: new for each failure, also among those of other modules, and exact in JavaScript.
fn new_id() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or_default()
}

/// A file below `root` as people call it: from the folder's name on (`data/posts.json`).
pub(super) fn shown_path(root: &Path, relative: &Path) -> PathBuf {
    root.file_name().map_or_else(|| relative.to_owned(), |folder| Path::new(folder).join(relative))
}

/// Line and column, from 1, of a byte.
pub(super) fn place(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The lines around `line` (from 1), numbered, with a mark at the one in question.
pub(super) fn excerpt(text: &str, line: usize) -> String {
    let first = line.saturating_sub(CONTEXT_LINES).max(1);
    let lines = text.lines().enumerate().map(|(index, text)| (index + 1, text));
    let mut excerpt = String::new();
    for (number, text) in lines.skip(first - 1).take_while(|(number, _)| *number <= line + CONTEXT_LINES) {
        let mark = if number == line { '>' } else { ' ' };
        let shown: String = text.chars().take(MAX_LINE_CHARS).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(excerpt, "{mark} {number:>4} | {shown}");
    }
    excerpt
}

/// The message of serde_json without the place, which the diagnostic has of its own.
pub(super) fn without_place(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_lines_around() {
        let text = "1\n2\n3\n4\n5\n6\n7\n8\n";
        let shown = |line| excerpt(text, line).lines().map(|line| line.replace(' ', "")).collect::<Vec<_>>().join(" ");
        assert_eq!(shown(1), ">1|1 2|2 3|3 4|4");
        assert_eq!(shown(5), "2|2 3|3 4|4 >5|5 6|6 7|7 8|8");
        assert_eq!(shown(99), "");
        assert_eq!(excerpt(&"ä".repeat(500), 1).chars().filter(|c| *c == 'ä').count(), MAX_LINE_CHARS);
    }

    #[test]
    fn finds_the_place() {
        for (byte, expected) in [(0, (1, 1)), (3, (1, 3)), (4, (2, 1)), (99, (2, 2))] {
            assert_eq!(place("aä\nb", byte), expected, "{byte}");
        }
    }
}
