//! Finds the places in what compilers and interpreters print.
//!
//! Three shapes cover nearly all: `file:line:column: message` (Go, C, esbuild, GNU), `file(line,column): message` (tsc), and
//! tracebacks, where the place stands lines above the message (Python, Node).

use std::path::{Path, PathBuf};

use crate::report::{Diagnostic, Severity};

/// Findings kept; nobody reads further, and a page must stay small.
const LIMIT: usize = 50;

/// The findings in a text, first to last; files are made relative to `root` where they are below it. `dir` is where the
/// command ran.
#[must_use]
pub fn parse(text: &str, dir: &Path, root: &Path) -> Vec<Diagnostic> {
    let plain = without_ansi(text);
    let lines: Vec<_> = plain.lines().collect();
    let mut found: Vec<_> = python(&lines).into_iter().collect();
    found.extend(lines.iter().filter_map(|line| gnu(line).or_else(|| tsc(line))).take(LIMIT));
    found.extend(node(&lines));
    for diagnostic in &mut found {
        diagnostic.file = diagnostic.file.take().map(|file| relative(&file, dir, root));
    }
    found
}

/// `main.go:18:2: undefined: fooo`, `./x.c:3: error: no`, `vet: ./main.go:3:1: …`.
fn gnu(line: &str) -> Option<Diagnostic> {
    let line = line.trim_start().trim_start_matches("vet: ");
    let (file, rest) = line.split_once(':')?;
    let (number, rest) = rest.split_once(':')?;
    let number = number.parse().ok()?;
    let (column, message) = match rest.split_once(':') {
        Some((column, message)) if !column.is_empty() && column.bytes().all(|byte| byte.is_ascii_digit()) => {
            (column.parse().ok(), message)
        }
        _ => (None, rest),
    };
    looks_like_file(file).then(|| finding(file, number, column, message))
}

/// `src/a.ts(3,5): error TS2304: Cannot find name 'x'.`
fn tsc(line: &str) -> Option<Diagnostic> {
    let (file, rest) = line.split_once('(')?;
    let (place, message) = rest.split_once("): ")?;
    let (number, column) = place.split_once(',')?;
    let number = number.parse().ok()?;
    looks_like_file(file).then(|| finding(file, number, column.parse().ok(), message))
}

/// `  File "app.py", line 3, in f` … `NameError: name 'x' is not defined`: the innermost place and the last line.
fn python(lines: &[&str]) -> Option<Diagnostic> {
    let at = lines.iter().rposition(|line| line.trim_start().starts_with("File \"") && line.contains("\", line "))?;
    let (file, rest) = lines[at].trim_start().strip_prefix("File \"")?.split_once("\", line ")?;
    let number = rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    let message = lines[at + 1..].iter().find(|line| line.starts_with(|c: char| c.is_ascii_alphabetic()))?;
    Some(finding(file, number, None, message))
}

/// `/x/server.js:3` alone on a line, then the excerpt and `SyntaxError: …`; or `    at f (/x/server.js:3:5)` below a message.
fn node(lines: &[&str]) -> Option<Diagnostic> {
    let is_error = |line: &&&str| line.split_once(": ").is_some_and(|(name, _)| name.ends_with("Error") && !name.contains(' '));
    let message = lines.iter().find(is_error)?;
    let place = lines.iter().find_map(|line| {
        let line = line.trim();
        let place = line.strip_prefix("at ").map_or(line, |at| at.rsplit_once('(').map_or(at, |(_, inside)| inside));
        node_place(place.trim_end_matches(')').trim_start_matches("file://"))
    })?;
    Some(finding(place.0, place.1, place.2, message))
}

/// `/x/server.js:3:5` and `/x/server.js:3`.
fn node_place(text: &str) -> Option<(&str, u32, Option<u32>)> {
    if text.contains(' ') || text.starts_with("node:") {
        return None;
    }
    let (head, last) = text.rsplit_once(':')?;
    let last = last.parse().ok()?;
    match head.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse().ok()?))) {
        Some((file, line)) => looks_like_file(file).then_some((file, line, Some(last))),
        None => looks_like_file(head).then_some((head, last, None)),
    }
}

fn finding(file: &str, line: u32, column: Option<u32>, message: &str) -> Diagnostic {
    let message = message.trim();
    let severity = if message.starts_with("warning") { Severity::Warning } else { Severity::Error };
    let message = ["error: ", "warning: "].iter().find_map(|word| message.strip_prefix(word)).unwrap_or(message);
    Diagnostic { severity, file: Some(PathBuf::from(file)), line: Some(line), column, message: message.to_owned() }
}

/// A file has an ending and no spaces; `http` and times of day have not.
fn looks_like_file(text: &str) -> bool {
    let name = text.rsplit('/').next().unwrap_or_default();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending).unwrap_or_default();
    !text.contains(char::is_whitespace) && (1..=6).contains(&ending.len()) && !ending.bytes().all(|byte| byte.is_ascii_digit())
}

fn relative(file: &Path, dir: &Path, root: &Path) -> PathBuf {
    let absolute = dir.join(file.strip_prefix("./").unwrap_or(file));
    absolute.strip_prefix(root).map_or_else(|_| file.to_owned(), Path::to_owned)
}

/// The text without escape sequences.
fn without_ansi(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            plain.push(c);
        } else if chars.next() == Some('[') {
            // A control sequence ends with a letter or one of `@[\]^_`{|}~`.
            let _ = chars.by_ref().find(|c| ('@'..='~').contains(c));
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let found = parse(text, Path::new("/p/app"), Path::new("/p"));
        let found: Vec<_> = found.iter().map(|found| (found.place(), found.message.clone())).collect();
        let found: Vec<_> = found.iter().map(|(place, message)| (place.as_str(), message.as_str())).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn finds_places() {
        check("# hello\n./main.go:18:2: undefined: fooo\n", &[("app/main.go:18:2", "undefined: fooo")]);
        check("x.c:3: error: no\n", &[("app/x.c:3", "no")]);
        check("\u{1b}[1msrc/a.rs:1:2:\u{1b}[0m bad", &[("app/src/a.rs:1:2", "bad")]);
        check("src/a.ts(3,5): error TS2304: Cannot", &[("app/src/a.ts:3:5", "error TS2304: Cannot")]);
        check("/p/app/x.go:1:2: y", &[("app/x.go:1:2", "y")]);
        check("/q/x.go:1:2: y", &[("/q/x.go:1:2", "y")]);
    }

    #[test]
    fn finds_the_innermost_place_of_a_traceback() {
        let python = "Traceback (most recent call last):\n  File \"app.py\", line 9, in <module>\n    f()\n  \
            File \"/p/app/lib.py\", line 3, in f\n    x\nNameError: name 'x' is not defined\n";
        check(python, &[("app/lib.py:3", "NameError: name 'x' is not defined")]);
        let node =
            "/p/app/server.js:4\nlet = ;\n    ^\n\nSyntaxError: Unexpected token ';'\n    at wrapSafe (node:internal/x:1:2)\n";
        check(node, &[("app/server.js:4", "SyntaxError: Unexpected token ';'")]);
        let thrown = "TypeError: no\n    at f (/p/app/a.js:3:5)\n    at node:internal/x:1:1\n";
        check(thrown, &[("app/a.js:3:5", "TypeError: no")]);
    }

    #[test]
    fn leaves_other_lines_alone() {
        check("12:30:05: all well\nhttp://localhost:8080: up\nlistening on 127.0.0.1:80: yes", &[]);
    }
}
