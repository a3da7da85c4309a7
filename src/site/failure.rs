//! Reports of files the site cannot use: where, what, and the lines around it.

use std::{
    collections::BTreeSet,
    fmt::Write,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use crate::report::{Diagnostic, Kind, Report};

/// Lines shown before and after the one in question.
const CONTEXT_LINES: usize = 3;

/// The longest line of an excerpt, in characters; a minified file has one line.
const MAX_LINE_CHARS: usize = 200;

/// How many failures are told of before the templates change; whoever mends so many asks again.
const MAX_KNOWN: usize = 50;

/// The failures that were told of, by their places: a mistake says other words for other data and is the same one.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<BTreeSet<String>>);

impl Known {
    /// Whether nobody heard of this failure; now somebody has.
    pub(super) fn is_news(&self, report: &Report) -> bool {
        let places: Vec<String> = report.diagnostics.iter().map(Diagnostic::place).collect();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.len() < MAX_KNOWN && known.insert(format!("{}\n{}", report.title, places.join("\n")))
    }

    /// Everything is news again.
    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

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
    draw(text, line, None)
}

/// The same with a caret under `column` (in characters, from 1).
pub(super) fn excerpt_at(text: &str, line: usize, column: usize) -> String {
    draw(text, line, Some(column))
}

fn draw(text: &str, line: usize, column: Option<usize>) -> String {
    let first = line.saturating_sub(CONTEXT_LINES).max(1);
    let lines = text.lines().enumerate().map(|(index, text)| (index + 1, text));
    let mut excerpt = String::new();
    for (number, text) in lines.skip(first - 1).take_while(|(number, _)| *number <= line + CONTEXT_LINES) {
        let column = column.filter(|_| number == line);
        // Of a line that is too long, what is around the column.
        let left_out = column.filter(|column| *column > MAX_LINE_CHARS).map_or(0, |column| column - MAX_LINE_CHARS / 2);
        let mark = if number == line { '>' } else { ' ' };
        let shown: String = text.chars().skip(left_out).take(MAX_LINE_CHARS).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(excerpt, "{mark} {number:>4} | {shown}");
        if let Some(column) = column {
            let before = shown.chars().take((column - left_out).saturating_sub(1));
            // A tab is as wide here as it is above.
            let indent: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            let _ = writeln!(excerpt, "       | {indent}^");
        }
    }
    excerpt
}

/// The message of serde_json without the place, which the diagnostic has of its own.
pub(super) fn without_place(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

/// Line and column, from 1, of a mistake in JSON. Its reader has not counted anything yet where a text is empty or a line has just
/// begun.
pub(super) fn place_in_json(error: &serde_json::Error) -> (usize, usize) {
    (error.line().max(1), error.column().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_news_once() {
        let known = Known::default();
        let report = |line: u32, message: &str| {
            let place =
                Diagnostic { file: Some("a".into()), line: Some(line), message: message.to_owned(), ..Diagnostic::default() };
            report(Kind::Template, "a".to_owned(), vec![place], String::new())
        };
        assert!(known.is_news(&report(1, "x")));
        assert!(!known.is_news(&report(1, "y")));
        assert!(known.is_news(&report(2, "x")));
        known.forget();
        assert!(known.is_news(&report(1, "x")));
        assert_eq!((0..1000).filter(|line| known.is_news(&report(*line, ""))).count(), MAX_KNOWN - 1);
    }

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
    fn a_caret_stands_under_the_column() {
        let check = |text: &str, line, column, expected| assert_eq!(excerpt_at(text, line, column), expected, "{text}");
        check("ab\ncd\n", 1, 2, ">    1 | ab\n       |  ^\n     2 | cd\n");
        check("\tä{{ x }}", 1, 3, ">    1 | \tä{{ x }}\n       | \t ^\n");
        check("ab", 1, 3, ">    1 | ab\n       |   ^\n");
        check("ab", 2, 1, "     1 | ab\n");
        let long = excerpt_at(&format!("{}X{}", "a".repeat(5000), "b".repeat(5000)), 1, 5001);
        let lines: Vec<&str> = long.lines().collect();
        assert_eq!(lines[0].find('X'), lines[1].find('^'));
        assert!(lines[0].len() < MAX_LINE_CHARS + 10);
    }

    #[test]
    fn finds_the_place() {
        for (byte, expected) in [(0, (1, 1)), (3, (1, 3)), (4, (2, 1)), (99, (2, 2))] {
            assert_eq!(place("aä\nb", byte), expected, "{byte}");
        }
    }
}
