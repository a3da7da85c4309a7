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
