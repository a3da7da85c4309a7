//! Finds the place in an HTML document where a script becomes the first child of its head.
//!
//! That is right behind `<head …>`; without one, right before the first thing that is neither white space, comment, doctype nor
//! `<html …>`, since the parser then begins the head by itself. The scanner follows the tokenizer of the HTML standard (§13.2.5)
//! up to there, over any number of pieces, and looks at nothing behind it. So it needs no states for script, style or text, and
//! holds back nothing but an unfinished tag name. A byte order mark is not its affair.

use super::markup::{Attribute, Comment, is_space};

/// What a scan came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// The place is before this offset of the piece.
    Insert(usize),
    /// The place is not before this offset; the bytes from there on have to be scanned again, with more behind them.
    Passed(usize),
}

/// How far the document is scanned.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scanner {
    state: State,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// Between tokens.
    #[default]
    Data,
    /// In a tag, behind its name.
    Tag(Name, Attribute),
    /// In `<!doctype …>` or what the standard calls a bogus comment: both end at the first `>`.
    Declaration,
    Comment(Comment),
}

/// The tags that are looked into.
#[derive(Clone, Copy, Debug)]
enum Name {
    Html,
    Head,
}

/// What the next bytes are.
enum Step {
    /// This many bytes before the place, and the state behind them.
    Over(usize, State),
    /// The place is behind this many bytes.
    Here(usize),
    /// Too little is known.
    Unknown,
}

impl Scanner {
    /// Scans the next piece. Nothing may be scanned after [`Scan::Insert`].
    pub(super) fn scan(&mut self, piece: &[u8]) -> Scan {
        let mut at = 0;
        while at < piece.len() {
            match self.state.step(&piece[at..]) {
                Step::Over(length, state) => {
                    at += length;
                    self.state = state;
                }
                Step::Here(length) => return Scan::Insert(at + length),
                Step::Unknown => return Scan::Passed(at),
            }
        }
        Scan::Passed(at)
    }
}

impl State {
    /// The next step; `rest` is not empty.
    fn step(self, rest: &[u8]) -> Step {
        match self {
            Self::Data if is_space(rest[0]) => Step::Over(1, Self::Data),
            Self::Data if rest[0] == b'<' => markup(rest),
            Self::Data => Step::Here(0),
            Self::Tag(name, attribute) => match (attribute.pass(rest), name) {
                ((length, Some(attribute)), name) => Step::Over(length, Self::Tag(name, attribute)),
                ((length, None), Name::Html) => Step::Over(length, Self::Data),
                ((length, None), Name::Head) => Step::Here(length),
            },
            Self::Declaration => match memchr::memchr(b'>', rest) {
                Some(end) => Step::Over(end + 1, Self::Data),
                None => Step::Over(rest.len(), self),
            },
            Self::Comment(comment) => {
                let (length, comment) = comment.pass(rest);
                Step::Over(length, comment.map_or(Self::Data, Self::Comment))
            }
        }
    }
}

/// What a `<` begins.
fn markup(rest: &[u8]) -> Step {
    match rest.get(1) {
        None => Step::Unknown,
        Some(b'!') => declaration(rest),
        Some(b'?') => Step::Over(2, State::Declaration),
        Some(b'/') => end_tag(rest),
        Some(_) => start_tag(rest),
    }
}

fn declaration(rest: &[u8]) -> Step {
    const COMMENT: &[u8] = b"<!--";
    if rest.starts_with(COMMENT) {
        Step::Over(COMMENT.len(), State::Comment(Comment::Start))
    } else if COMMENT.starts_with(rest) {
        Step::Unknown
    } else {
        Step::Over(2, State::Declaration)
    }
}

/// `</>` is nothing, `</?` and the like are comments, and before the head a real end tag either begins it or is ignored.
fn end_tag(rest: &[u8]) -> Step {
    match rest.get(2) {
        None => Step::Unknown,
        Some(b'>') => Step::Over(3, State::Data),
        Some(letter) if letter.is_ascii_alphabetic() => Step::Here(0),
        Some(_) => Step::Over(2, State::Declaration),
    }
}

fn start_tag(rest: &[u8]) -> Step {
    const NAME_LENGTH: usize = 4;
    let name = &rest[1..];
    let known = name.len().min(NAME_LENGTH);
    let may_be = |wanted: &[u8; NAME_LENGTH]| name[..known].eq_ignore_ascii_case(&wanted[..known]);
    let tag = match (may_be(b"html"), may_be(b"head")) {
        (false, false) => return Step::Here(0),
        (true, _) => Name::Html,
        (false, true) => Name::Head,
    };
    match name.get(NAME_LENGTH) {
        None => Step::Unknown,
        Some(&byte) if is_space(byte) || matches!(byte, b'/' | b'>') => {
            Step::Over(1 + NAME_LENGTH, State::Tag(tag, Attribute::BeforeName))
        }
        Some(_) => Step::Here(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the script goes, scanning `document` in pieces that end at each of `cuts`; the end if nothing is found.
    fn place(document: &[u8], cuts: &[usize]) -> Option<usize> {
        let mut scanner = Scanner::default();
        let mut passed = 0;
        for &cut in cuts.iter().chain([&document.len()]) {
            match scanner.scan(&document[passed..cut]) {
                Scan::Insert(at) => return Some(passed + at),
                Scan::Passed(at) => passed += at,
            }
        }
        Some(document.len())
    }

    /// Checks where the script goes (`^` in `marked`), for the whole document and for every way to cut it in two or in single bytes.
    fn check(marked: &str) {
        let expected = marked.find('^').expect("a mark");
        let document = marked.replacen('^', "", 1).into_bytes();
        assert_eq!(place(&document, &[]), Some(expected), "{marked}");
        for cut in 0..=document.len() {
            assert_eq!(place(&document, &[cut]), Some(expected), "{marked} cut at {cut}");
        }
        let everywhere: Vec<usize> = (0..document.len()).collect();
        assert_eq!(place(&document, &everywhere), Some(expected), "{marked} in single bytes");
    }

    #[test]
    fn behind_the_head_tag() {
        check("<!doctype html><html><head>^<title>a</title></head><body>b</body></html>");
        check("<!DOCTYPE HTML>\n<HTML LANG=en>\n<HeAd\n>^\n<meta charset=utf-8>");
        check("<head>^");
        check("<head/>^<title>");
        check("<html data-a=\"<head>\" b='>' c=x>^y>z<head>");
        check("<html a=\"1>2\" b = '3>4' c= \"5>\"><head profile=\"a>b\" x='>'>^<link>");
        check("<html a\"b><head c'd>^e'>");
        check("<html a=b/c=\"><head>^");
        check("<html =\">^\"><head>");
        check("<html/a=\"x>\"/><head>^");
        check("<!-- <head> --><head>^");
        check("<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0\"><html xmlns=\"x\"><head>^");
    }

    #[test]
    fn comments_end_where_the_standard_says() {
        check("<!--><head>^");
        check("<!---><head>^");
        check("<!----><head>^");
        check("<!--a--!><head>^");
        check("<!--a-->^b-->");
        check("<!-- a -- b --- c ---><head>^");
        check("<!-- <!-- --><head>^-->");
        check("<!--a--!-><head>--><head>^");
        check("<!-a><head>^-->");
        check("<![CDATA[<head>^]]>");
        check("<!><head>^");
        check("</><head>^");
        check("</ a><head>^");
        check("<!-- never ends <head>^");
    }

    #[test]
    fn before_the_first_content_without_a_head() {
        check("^<title>a</title>");
        check("<!doctype html>\n^<meta charset=utf-8>");
        check("<!doctype html><html>\n<!-- a -->\n^<body>text");
        check("<html>^<header>a</header>");
        check("^<header>a</header>");
        check("<!doctype html>^text <head>");
        check("^text");
        check("^< head>");
        check("^<>");
        check("^<htmls><head>");
        check("^<headless>");
        check("^<script>'<head>'</script><head>");
        check("<html>^</head><body>");
        check("^</body>");
        check("^\u{fffd}");
    }

    #[test]
    fn at_the_end_of_a_document_without_content() {
        check("^");
        check("<!doctype html>^");
        check("<html>\n^");
        check("<hea^");
        check("<!-^");
    }

    #[test]
    fn nothing_but_an_unfinished_name_is_held_back() {
        for (piece, passed) in
            [("<!doctype html><!-- a", 21), ("<html lang=\"a", 13), ("  <hea", 2), ("<!doctype", 9), ("<!-", 0)]
        {
            assert_eq!(Scanner::default().scan(piece.as_bytes()), Scan::Passed(passed), "{piece}");
        }
    }
}
