//! What went wrong with a save, in words a person can act on: plain data that crosses module borders.
//!
//! A [`Report`] is made by `build` (a compiler said no), by `app` (a program did not start, or ended) or by `session` (the
//! configuration cannot be read). It is shown in the terminal, in the page's overlay and on error pages. Nothing in it is
//! escaped: whoever shows it escapes it for the place it is shown in.

use std::{path::PathBuf, time::Duration};

/// One failure, complete: what was tried, what came of it, and every place it points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Tells this failure from the next one; new for each. A dismissed overlay comes back when it changes.
    pub id: u64,
    /// What kind of step failed.
    pub kind: Kind,
    /// One line: `go build failed`, `the app exited with code 1`.
    pub title: String,
    /// The command as it was typed or detected; empty when there is none.
    pub command: String,
    /// The places the failure points to, most important first.
    pub diagnostics: Vec<Diagnostic>,
    /// The words of the compiler or the last lines of the program, as it wrote them, ANSI colours included.
    pub output: String,
    /// How long the step ran.
    pub took: Duration,
    /// What the person can do next; empty when the diagnostics say it.
    pub help: String,
}

/// The step that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The build command said no.
    Build,
    /// The program did not become ready.
    Start,
    /// The program ended by itself after it had been ready.
    Crash,
    /// An earlier generation answers in place of the newest one, which failed.
    Rollback,
    /// An earlier generation answers because a person wants it to.
    Choice,
    /// `everlit.toml` cannot be used.
    Config,
    /// A template cannot be rendered.
    Template,
}

/// One finding at one place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The file, relative to the project where it is inside.
    pub file: Option<PathBuf>,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The column, from 1, in the unit the compiler counts in.
    pub column: Option<u32>,
    /// What is wrong, without place and severity.
    pub message: String,
    /// What else the compiler says about it, and what it proposes; empty when it says no more.
    pub help: String,
    /// The lines around the place, where they may be shown.
    pub excerpt: Option<Excerpt>,
}

/// Lines of a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The number of the first one, from 1.
    pub first: u32,
    /// The lines, without their ends. Long ones are cut.
    pub lines: Vec<String>,
}

/// Lines shown before and after the one that is meant.
const AROUND: u32 = 2;

/// The most of a line that is shown, in bytes: enough for every line that people write.
const WIDTH: usize = 400;

impl Excerpt {
    /// The lines around `line` (from 1); `None` when the text has no such line.
    #[must_use]
    pub fn around(text: &str, line: u32) -> Option<Self> {
        let first = line.saturating_sub(AROUND).max(1);
        let is_there = line > 0 && text.lines().nth(usize::try_from(line - 1).ok()?).is_some();
        let last = line.saturating_add(AROUND);
        let lines = text.lines().zip(1..=last).filter(|(_, number)| *number >= first);
        let lines = lines.map(|(line, _)| line[..line.floor_char_boundary(WIDTH)].to_owned());
        is_there.then(|| Self { first, lines: lines.collect() })
    }
}

/// How bad a [`Diagnostic`] is; the worst is the least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It failed the step.
    #[default]
    Error,
    /// It did not.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl Diagnostic {
    /// The place as editors and terminals understand it: `main.go:18:2`; empty without a file.
    #[must_use]
    pub fn place(&self) -> String {
        let Some(file) = &self.file else { return String::new() };
        let mut place = file.display().to_string();
        for number in [self.line, self.column].into_iter().map_while(|n| n) {
            place.push_str(&format!(":{number}"));
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_around_their_line() {
        let check = |text: &str, line: u32, expected: Option<(u32, &[&str])>| {
            let expected =
                expected.map(|(first, lines)| Excerpt { first, lines: lines.iter().map(|&line| line.to_owned()).collect() });
            assert_eq!(Excerpt::around(text, line), expected, "{text:?} {line}");
        };
        let six = "1\n2\n3\n4\n5\n6\n";
        check(six, 3, Some((1, &["1", "2", "3", "4", "5"])));
        check(six, 1, Some((1, &["1", "2", "3"])));
        check(six, 6, Some((4, &["4", "5", "6"])));
        check("a", 1, Some((1, &["a"])));
        for (text, line) in [(six, 7), (six, 0), (six, u32::MAX), ("", 1)] {
            check(text, line, None);
        }
        check(&"ä".repeat(1000), 1, Some((1, &["ä".repeat(WIDTH / 2).as_str()])));
    }
}
