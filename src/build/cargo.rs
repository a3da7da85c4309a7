//! Cargo's JSON messages (`--message-format=json`, one object per line).

use std::path::PathBuf;

use serde::Deserialize;

use crate::report::{Diagnostic, Severity};

/// A message that matters here.
#[derive(Debug, PartialEq)]
pub(super) enum Message {
    /// The compiler's words, and the finding in them unless they are only a summary.
    Diagnostic { rendered: String, diagnostic: Option<Diagnostic> },
    /// A program that was built.
    Executable(PathBuf),
    /// Something else.
    Other,
}

#[derive(Deserialize)]
struct Line {
    reason: String,
    executable: Option<PathBuf>,
    message: Option<Compiler>,
}

#[derive(Deserialize)]
struct Compiler {
    rendered: Option<String>,
    message: String,
    level: String,
    #[serde(default)]
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    file_name: PathBuf,
    line_start: u32,
    column_start: u32,
    is_primary: bool,
}

impl Message {
    /// Reads a line; `None` when it is no message of Cargo's.
    pub(super) fn parse(line: &str) -> Option<Self> {
        if !line.starts_with('{') {
            return None;
        }
        let line: Line = serde_json::from_str(line).ok()?;
        Some(match (line.reason.as_str(), line.message, line.executable) {
            ("compiler-message", Some(message), _) => message.into_message(),
            ("compiler-artifact", _, Some(executable)) => Self::Executable(executable),
            _ => Self::Other,
        })
    }
}

impl Compiler {
    fn into_message(self) -> Message {
        let severity = if self.level.starts_with("error") { Severity::Error } else { Severity::Warning };
        let place = self.spans.into_iter().find(|span| span.is_primary);
        let diagnostic = place.map(|place| Diagnostic {
            severity,
            file: Some(place.file_name),
            line: Some(place.line_start),
            column: Some(place.column_start),
            message: self.message,
        });
        Message::Diagnostic { rendered: self.rendered.unwrap_or_default(), diagnostic }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_matters() {
        let error = r#"{"reason":"compiler-message","message":{"rendered":"error: no\n","message":"no","level":"error",
            "spans":[{"file_name":"src/main.rs","line_start":3,"column_start":5,"is_primary":true}]}}"#;
        let Some(Message::Diagnostic { rendered, diagnostic: Some(found) }) = Message::parse(error) else { panic!("{error}") };
        assert_eq!((rendered.as_str(), found.place().as_str(), found.message.as_str()), ("error: no\n", "src/main.rs:3:5", "no"));
        let artifact = r#"{"reason":"compiler-artifact","executable":"/t/app"}"#;
        assert_eq!(Message::parse(artifact), Some(Message::Executable("/t/app".into())));
        assert_eq!(Message::parse(r#"{"reason":"build-finished","success":true}"#), Some(Message::Other));
        assert_eq!(Message::parse("error: could not compile"), None);
    }
}
