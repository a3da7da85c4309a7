//! Finds the place in an HTML document where a script becomes the first child of its head.
//!
//! That is right behind `<head …>`; without one, right before the first thing that is neither white space, comment, doctype nor
//! `<html …>`, since the parser then begins the head by itself. The scanner follows the tokenizer of the HTML standard (§13.2.5)
//! up to there, byte by byte over any number of pieces, and looks at nothing behind it. So it needs no states for script, style or
//! text, and holds back nothing but an unfinished mark or tag name.

/// What a scan came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// The place is before this offset of the piece.
    Insert(usize),
    /// The place is not before this offset; the bytes from there on have to be scanned again, with more behind them.
    Passed(usize),
    /// The document is in an encoding in which a tag of ASCII bytes means nothing.
    NotAscii,
}

/// How far the document is scanned.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scanner {
    state: State,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// Before the first byte, where a byte order mark may stand.
    #[default]
    Start,
    /// Between tokens.
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

/// Where in the attributes of a tag.
#[derive(Clone, Copy, Debug)]
enum Attribute {
    BeforeName,
    Name,
    AfterName,
    BeforeValue,
    Quoted(u8),
    Unquoted,
}

/// Where in a comment.
#[derive(Clone, Copy, Debug)]
enum Comment {
    /// Behind `<!--`: here `>` and `->` end it.
    Start,
    StartDash,
    Inside,
    /// Behind `-`.
    Dash,
    /// Behind `--`.
    End,
    /// Behind `--!`.
    EndBang,
}

/// What the next bytes are.
enum Step {
    /// This many bytes before the place, and the state behind them.
    Over(usize, State),
    /// The place is behind this many bytes.
    Here(usize),
    /// Too little is known.
    Unknown,
    NotAscii,
}

const UTF_8_MARK: &[u8] = &[0xef, 0xbb, 0xbf];
const UTF_16_MARKS: [&[u8]; 2] = [&[0xfe, 0xff], &[0xff, 0xfe]];

impl Scanner {
    /// Scans the next piece. Nothing may be scanned after [`Scan::Insert`] or [`Scan::NotAscii`].
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
                Step::NotAscii => return Scan::NotAscii,
            }
        }
        Scan::Passed(at)
    }
}

impl State {
    /// The next step; `rest` is not empty.
    fn step(self, rest: &[u8]) -> Step {
        match (self, rest[0]) {
            (Self::Start | Self::Data, b' ' | b'\t' | b'\n' | b'\r' | 0x0c) => Step::Over(1, Self::Data),
            (Self::Start | Self::Data, b'<') => markup(rest),
            (Self::Start, _) => mark(rest),
            (Self::Data, _) => Step::Here(0),
            (Self::Tag(name, attribute), byte) => match (attribute.next(byte), name) {
                (Some(attribute), name) => Step::Over(1, Self::Tag(name, attribute)),
                (None, Name::Html) => Step::Over(1, Self::Data),
                (None, Name::Head) => Step::Here(1),
            },
            (Self::Declaration, _) => match memchr::memchr(b'>', rest) {
                Some(end) => Step::Over(end + 1, Self::Data),
                None => Step::Over(rest.len(), self),
            },
            (Self::Comment(comment), byte) => Step::Over(1, comment.next(byte).map_or(Self::Data, Self::Comment)),
        }
    }
}

/// What the first bytes of a document are, if not markup.
fn mark(rest: &[u8]) -> Step {
    if rest.starts_with(UTF_8_MARK) {
        Step::Over(UTF_8_MARK.len(), State::Data)
    } else if UTF_16_MARKS.iter().any(|mark| rest.starts_with(mark)) {
        Step::NotAscii
    } else if [UTF_8_MARK, UTF_16_MARKS[0], UTF_16_MARKS[1]].iter().any(|mark| mark.starts_with(rest)) {
        Step::Unknown
    } else {
        Step::Here(0)
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
        Some(b' ' | b'\t' | b'\n' | b'\r' | 0x0c | b'/' | b'>') => {
            Step::Over(1 + NAME_LENGTH, State::Tag(tag, Attribute::BeforeName))
        }
        Some(_) => Step::Here(0),
    }
}

impl Attribute {
    /// Where a byte leads; `None` is the end of the tag.
    fn next(self, byte: u8) -> Option<Self> {
        let is_space = matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c);
        match (self, byte) {
            (Self::Quoted(quote), byte) if byte == quote => Some(Self::BeforeName),
            (Self::Quoted(quote), _) => Some(Self::Quoted(quote)),
            (_, b'>') => None,
            (Self::BeforeValue, b'"' | b'\'') => Some(Self::Quoted(byte)),
            (Self::BeforeValue, _) if is_space => Some(Self::BeforeValue),
            (Self::BeforeValue, _) => Some(Self::Unquoted),
            (Self::Unquoted, _) if is_space => Some(Self::BeforeName),
            (Self::Unquoted, _) => Some(Self::Unquoted),
            (_, b'/') => Some(Self::BeforeName),
            (Self::Name | Self::AfterName, b'=') => Some(Self::BeforeValue),
            (Self::Name | Self::AfterName, _) if is_space => Some(Self::AfterName),
            (Self::BeforeName, _) if is_space => Some(Self::BeforeName),
            (Self::BeforeName | Self::Name | Self::AfterName, _) => Some(Self::Name),
        }
    }
}

impl Comment {
    /// Where a byte leads; `None` is the end of the comment.
    fn next(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Start | Self::StartDash | Self::End | Self::EndBang, b'>') => None,
            (Self::Start, b'-') => Some(Self::StartDash),
            (Self::StartDash | Self::Dash | Self::End, b'-') => Some(Self::End),
            (Self::Inside | Self::EndBang, b'-') => Some(Self::Dash),
            (Self::End, b'!') => Some(Self::EndBang),
            _ => Some(Self::Inside),
        }
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
                Scan::NotAscii => return None,
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
        check("\u{feff}<!doctype html><head>^<title>");
        check("\u{feff} <head>^");
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
        check("\u{feff}^text");
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
    fn utf_16_is_told_by_its_mark() {
        for document in [&[0xff, 0xfe, b'<', 0][..], &[0xfe, 0xff, 0, b'<']] {
            assert_eq!(place(document, &[]), None);
            assert_eq!(place(document, &[1]), None);
        }
        assert_eq!(place(&[0xff, b'a'], &[1]), Some(0));
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
