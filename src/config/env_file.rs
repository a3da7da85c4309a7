//! Reads the files of variables that belong to a program: `.env` and its like.
//!
//! The common ground of what dotenv's readers take: `NAME=value`, `export` before it, comments, three kinds of quotes that may
//! span lines, escapes in double quotes, `${NAME}` and `${NAME:-otherwise}`. Where readers differ, what is least likely to change a
//! value stands: `$NAME` without braces is no variable, for it is found in passwords; `#` begins a comment only behind a space,
//! for it is found in addresses. What no reader understands is an error with its place, which never shows a value: it may be
//! secret.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{ConfigError, FileError};

/// The most that is read of one file. Past it, the name belongs to something else.
const LARGEST: u64 = 1024 * 1024;

/// The variables of these files, relative to `root`; a later file wins. Those that `shell` has are left out: it wins over all.
///
/// # Errors
/// [`ConfigError::Unreadable`] and [`ConfigError::File`]. A file that is not there says nothing.
pub(super) fn read(root: &Path, files: &[PathBuf], shell: &[(String, String)]) -> Result<Vec<(String, String)>, ConfigError> {
    let mut variables = Variables { shell, read: Vec::new() };
    for file in files {
        let path = root.join(file);
        match contents(&path) {
            Ok(Some(text)) => read_text(&text, &mut variables).map_err(|fault| fault.in_file(file, &text))?,
            Ok(None) => (),
            Err(source) => return Err(ConfigError::Unreadable { path, source }),
        }
    }
    Ok(variables.read)
}

/// The text of a file; `None` when there is none. A folder of that name is a virtual environment.
fn contents(path: &Path) -> io::Result<Option<String>> {
    let found = match fs::metadata(path) {
        Ok(found) if found.is_file() => found,
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if found.len() > LARGEST {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    let text = String::from_utf8(fs::read(path)?).map_err(|_| io::Error::other("it is not UTF-8"))?;
    Ok(Some(text))
}

/// Something wrong at a byte of the text.
#[derive(Debug)]
struct Fault {
    at: usize,
    message: &'static str,
}

impl Fault {
    fn in_file(&self, file: &Path, text: &str) -> FileError {
        let before = &text[..self.at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        FileError {
            file: file.to_owned(),
            line: count(before.matches('\n').count() + 1),
            column: count(before[line_start..].chars().count() + 1),
            message: self.message.to_owned(),
        }
    }
}

/// What is known while files are read.
struct Variables<'s> {
    shell: &'s [(String, String)],
    read: Vec<(String, String)>,
}

impl Variables<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        [self.shell, &self.read].into_iter().flatten().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn set(&mut self, name: &str, value: String) {
        if self.shell.iter().any(|(known, _)| known == name) {
            return;
        }
        self.read.retain(|(known, _)| known != name);
        self.read.push((name.to_owned(), value));
    }
}

fn read_text(text: &str, variables: &mut Variables<'_>) -> Result<(), Fault> {
    // A byte order mark is no part of the text; some editors put one.
    let mut rest = Rest { text, at: if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 } };
    if let Some(at) = text.find('\0') {
        return Err(Fault { at, message: "a value cannot hold NUL" });
    }
    loop {
        rest.skip(char::is_whitespace);
        match rest.first() {
            None => return Ok(()),
            Some('#') => rest.skip(|c| c != '\n'),
            Some(_) => {
                let name = name(&mut rest)?;
                let value = value(&mut rest, variables)?;
                variables.set(name, value);
            }
        }
    }
}

/// `NAME =`, `export NAME =`.
fn name<'t>(rest: &mut Rest<'t>) -> Result<&'t str, Fault> {
    let mut at = rest.at;
    let mut name = rest.take(is_in_name);
    rest.skip(is_blank);
    if name == "export" && rest.first() != Some('=') {
        at = rest.at;
        name = rest.take(is_in_name);
        rest.skip(is_blank);
    }
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !is_name || rest.first() != Some('=') {
        return Err(Fault { at, message: "a line must be `NAME=value`, or a comment that begins with `#`" });
    }
    rest.at += 1;
    Ok(name)
}

fn value(rest: &mut Rest<'_>, variables: &Variables<'_>) -> Result<String, Fault> {
    rest.skip(is_blank);
    match rest.first() {
        Some(quote @ ('"' | '\'' | '`')) => quoted(rest, quote, variables),
        _ => Ok(expanded(unquoted(rest.take(|c| c != '\n')), variables)),
    }
}

/// Without what a comment says and the space around it.
fn unquoted(line: &str) -> &str {
    let comment = line.char_indices().find(|&(at, c)| c == '#' && line[..at].chars().next_back().is_none_or(char::is_whitespace));
    comment.map_or(line, |(at, _)| &line[..at]).trim_end()
}

/// From one quote to the next; behind it only a comment may stand.
fn quoted(rest: &mut Rest<'_>, quote: char, variables: &Variables<'_>) -> Result<String, Fault> {
    let opened = rest.at;
    rest.at += 1;
    let from = rest.at;
    let Some(end) = end_of_quote(&rest.text[from..], quote) else {
        return Err(Fault { at: opened, message: "the quote that begins here has no end" });
    };
    rest.at = from + end + 1;
    rest.skip(is_blank);
    match rest.first() {
        None | Some('\n' | '#') => rest.skip(|c| c != '\n'),
        Some(_) => return Err(Fault { at: rest.at, message: "behind a quoted value only a comment may stand" }),
    }
    let inner = &rest.text[from..from + end];
    Ok(if quote == '"' { expanded(inner, variables) } else { inner.to_owned() })
}

fn end_of_quote(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let ends = c == quote && !is_escaped;
        is_escaped = quote == '"' && c == '\\' && !is_escaped;
        ends.then_some(at)
    })
}

/// With escapes resolved and variables filled in; one that nobody knows is empty.
fn expanded(text: &str, variables: &Variables<'_>) -> String {
    let mut value = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '$']) {
        value.push_str(&rest[..at]);
        rest = &rest[at..];
        let (piece, length) = escape(rest).or_else(|| variable(rest, variables)).unwrap_or((rest[..1].to_owned(), 1));
        value.push_str(&piece);
        rest = &rest[length..];
    }
    value + rest
}

/// What the escape at the beginning of a text means, and how long it is. A backslash before anything else is one: paths of
/// Windows and patterns are full of them.
fn escape(text: &str) -> Option<(String, usize)> {
    let meant = match text.strip_prefix('\\')?.chars().next()? {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        same @ ('"' | '\\' | '$') => same,
        _ => return None,
    };
    Some((meant.to_string(), 2))
}

/// `${NAME}`, `${NAME:-otherwise}`.
fn variable(text: &str, variables: &Variables<'_>) -> Option<(String, usize)> {
    let inner = text.strip_prefix("${")?;
    let end = inner.find('}')?;
    let (name, otherwise) = inner[..end].split_once(":-").unwrap_or((&inner[..end], ""));
    let is_name = !name.is_empty() && name.chars().all(is_in_name);
    let value = variables.get(name).filter(|value| !value.is_empty()).unwrap_or(otherwise);
    is_name.then(|| (value.to_owned(), end + 3))
}

fn is_in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

fn is_blank(c: char) -> bool {
    c != '\n' && c.is_whitespace()
}

/// What is left of a text.
struct Rest<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Rest<'t> {
    fn first(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = &self.text[self.at..];
        let taken = &rest[..rest.find(|c| !wanted(c)).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    fn skip(&mut self, wanted: impl Fn(char) -> bool) {
        self.take(wanted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::fixture::TestFolder;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let shell = [("HOME".to_owned(), "/home/me".to_owned())];
        let mut variables = Variables { shell: &shell, read: Vec::new() };
        read_text(text, &mut variables).unwrap_or_else(|fault| panic!("{text:?}: {fault:?}"));
        let expected: Vec<_> = expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(variables.read, expected, "{text:?}");
    }

    fn check_fault(text: &str, expected: &str) {
        let mut variables = Variables { shell: &[], read: Vec::new() };
        let fault = read_text(text, &mut variables).expect_err(text);
        let said = fault.in_file(Path::new(".env"), text).to_string();
        assert!(said.starts_with(expected) && !said.contains("secret"), "{text:?}: {said}");
    }

    #[test]
    fn values_as_everybody_reads_them() {
        check("A=1\nB = two words \r\n\n  export C=3", &[("A", "1"), ("B", "two words"), ("C", "3")]);
        check("# note\nA=1 # why\nB=\nC=#all", &[("A", "1"), ("B", ""), ("C", "")]);
    }

    #[test]
    fn quotes_keep_what_they_hold() {
        check("A=' x '\nB=\"a # b\" # why\nC=`it's \"so\"`", &[("A", " x "), ("B", "a # b"), ("C", "it's \"so\"")]);
        check("A=\"one\ntwo\"\nB='\n${A}\\n'", &[("A", "one\ntwo"), ("B", "\n${A}\\n")]);
        check(r#"A="say \"hi\"\tC:\dir\\ \$x""#, &[("A", "say \"hi\"\tC:\\dir\\ $x")]);
        check("export=1", &[("export", "1")]);
    }

    #[test]
    fn variables_are_filled_in_where_they_have_braces() {
        check("A=1\nB=${A}-${HOME}-${NONE}-${NONE:-x}", &[("A", "1"), ("B", "1-/home/me--x")]);
        check("A=pa$$word$HOME${", &[("A", "pa$$word$HOME${")]);
        check("A=http://x/#top", &[("A", "http://x/#top")]);
        check("A=1\nA=2\nHOME=elsewhere", &[("A", "2")]);
    }

    #[test]
    fn what_nobody_understands_has_a_place() {
        check_fault("A=1\nsecret words", ".env:2:1: a line must be `NAME=value`");
        check_fault("1A=secret", ".env:1:1: a line must be");
        check_fault("ä=secret", ".env:1:1: a line must be");
        check_fault("A=1\n  B=\"secret\nC=1\n", ".env:2:5: the quote that begins here has no end");
        check_fault("A='secret' more", ".env:1:12: behind a quoted value");
        check_fault("A=secret\0", ".env:1:9: a value cannot hold NUL");
    }

    #[test]
    fn later_files_win_and_none_has_to_be_there() {
        let folder = TestFolder::new("-- .env --\nA=1\nB=1\n-- .env.local --\nB=2${A}\n-- venv/x --\n\n");
        let files = [".env", ".env.local", ".env.none", "venv"].map(PathBuf::from);
        let read = read(folder.path(), &files, &[]).unwrap();
        assert_eq!(read, [("A".to_owned(), "1".to_owned()), ("B".to_owned(), "21".to_owned())]);
    }
}
