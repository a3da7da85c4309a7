//! Finds the `<meta>` tags in the head of a document, from where it begins to where it ends.
//!
//! A policy in such a tag counts only as a child of the head (CSP Level 3 §3.3). So this follows what the parser of the HTML
//! standard does there (§13.2.6.4.4): text of scripts, styles and titles is passed over, templates are looked through for their
//! end, and the first thing that cannot stand in a head ends the search. Where it would take a whole parser to know (a script that
//! plays with comments, foreign elements in a template), the search ends as well: then no tag is found, and none by mistake.

use super::markup::{Attribute, Comment, is_space};

/// What a search came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Find {
    /// A tag takes these bytes of the piece; the search goes on behind it.
    Meta(std::ops::Range<usize>),
    /// There is none before this offset; the bytes from there on have to be searched again, with more behind them.
    Passed(usize),
    /// There are no more.
    Ended,
}

/// Longest tag that is waited for: more than any policy has, and no page is held back for more.
const LONGEST_TAG: usize = 16 * 1024;

/// Longest name of an element that is known here, `plaintext`, with what follows it.
const LONGEST_NAME: usize = 10;

/// How far the head is searched.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Metas {
    state: State,
    /// How many templates are open.
    depth: usize,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// Between tokens.
    #[default]
    Data,
    /// In a tag, behind its name, and what comes behind it.
    Tag(Attribute, Behind),
    Declaration,
    Comment(Comment),
    /// In the text of an element, up to its end tag.
    Text(Element),
}

/// What follows a start tag.
#[derive(Clone, Copy, Debug)]
enum Behind {
    Data,
    Text(Element),
}

/// Elements whose content is text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    Title,
    Script,
    Style,
    Noscript,
    Noframes,
    /// Only in templates.
    Textarea,
    Iframe,
    Xmp,
}

/// What the next bytes are.
enum Step {
    Over(usize, State),
    Meta(usize),
    Unknown,
    Ended,
}

impl Element {
    const ALL: [Self; 8] =
        [Self::Title, Self::Script, Self::Style, Self::Noscript, Self::Noframes, Self::Textarea, Self::Iframe, Self::Xmp];

    fn name(self) -> &'static [u8] {
        match self {
            Self::Title => b"title",
            Self::Script => b"script",
            Self::Style => b"style",
            Self::Noscript => b"noscript",
            Self::Noframes => b"noframes",
            Self::Textarea => b"textarea",
            Self::Iframe => b"iframe",
            Self::Xmp => b"xmp",
        }
    }

    fn is_of_head(self) -> bool {
        !matches!(self, Self::Textarea | Self::Iframe | Self::Xmp)
    }
}

impl Metas {
    /// Searches the next piece. Nothing may be searched after [`Find::Ended`].
    pub(super) fn find(&mut self, piece: &[u8]) -> Find {
        let mut at = 0;
        while at < piece.len() {
            match self.step(&piece[at..]) {
                Step::Over(length, state) => {
                    at += length;
                    self.state = state;
                }
                Step::Meta(length) => return Find::Meta(at..at + length),
                Step::Unknown if piece.len() - at > LONGEST_TAG => return Find::Ended,
                Step::Unknown => return Find::Passed(at),
                Step::Ended => return Find::Ended,
            }
        }
        Find::Passed(at)
    }

    /// The next step; `rest` is not empty.
    fn step(&mut self, rest: &[u8]) -> Step {
        match self.state {
            State::Data if rest[0] == b'<' => self.markup(rest),
            State::Data => self.text(rest),
            State::Tag(attribute, behind) => match (attribute.pass(rest), behind) {
                ((length, Some(attribute)), behind) => Step::Over(length, State::Tag(attribute, behind)),
                ((length, None), Behind::Data) => Step::Over(length, State::Data),
                ((length, None), Behind::Text(element)) => Step::Over(length, State::Text(element)),
            },
            State::Declaration => match memchr::memchr(b'>', rest) {
                Some(end) => Step::Over(end + 1, State::Data),
                None => Step::Over(rest.len(), self.state),
            },
            State::Comment(comment) => {
                let (length, comment) = comment.pass(rest);
                Step::Over(length, comment.map_or(State::Data, State::Comment))
            }
            State::Text(element) => inside(element, rest),
        }
    }

    /// Text between tags: in the head only white space.
    fn text(&self, rest: &[u8]) -> Step {
        let end = memchr::memchr(b'<', rest).unwrap_or(rest.len());
        if self.depth > 0 || rest[..end].iter().all(|byte| is_space(*byte)) { Step::Over(end, State::Data) } else { Step::Ended }
    }

    fn markup(&mut self, rest: &[u8]) -> Step {
        const COMMENT: &[u8] = b"<!--";
        match rest.get(1) {
            None => Step::Unknown,
            Some(b'!') if rest.starts_with(COMMENT) => Step::Over(COMMENT.len(), State::Comment(Comment::Start)),
            Some(b'!') if COMMENT.starts_with(rest) => Step::Unknown,
            Some(b'!') if self.depth > 0 && rest[2..].starts_with(b"[") => Step::Ended,
            Some(b'!' | b'?') => Step::Over(2, State::Declaration),
            Some(b'/') => self.end_tag(rest),
            Some(letter) if letter.is_ascii_alphabetic() => self.start_tag(rest),
            // A `<` of its own is text.
            Some(_) if self.depth > 0 => Step::Over(1, State::Data),
            Some(_) => Step::Ended,
        }
    }

    fn start_tag(&mut self, rest: &[u8]) -> Step {
        let Some(name) = name(&rest[1..]) else { return self.unnamed(rest) };
        let is = |wanted: &[u8]| name.eq_ignore_ascii_case(wanted);
        let to = |behind| Step::Over(1 + name.len(), State::Tag(Attribute::BeforeName, behind));
        if let Some(element) = Element::ALL.into_iter().find(|element| is(element.name())) {
            return if element.is_of_head() || self.depth > 0 { to(Behind::Text(element)) } else { Step::Ended };
        }
        if is(b"meta") && self.depth == 0 {
            return end_of_tag(rest, 1 + name.len()).map_or(Step::Unknown, Step::Meta);
        }
        if is(b"template") {
            self.depth += 1;
            return to(Behind::Data);
        }
        let is_of_head = [&b"base"[..], b"link", b"meta", b"html", b"head", b"basefont", b"bgsound"].into_iter().any(is);
        let is_too_much = [&b"svg"[..], b"math", b"noembed", b"plaintext", b"select"].into_iter().any(is);
        if is_of_head || (self.depth > 0 && !is_too_much) { to(Behind::Data) } else { Step::Ended }
    }

    fn end_tag(&mut self, rest: &[u8]) -> Step {
        match rest.get(2) {
            None => Step::Unknown,
            Some(b'>') => Step::Over(3, State::Data),
            Some(letter) if letter.is_ascii_alphabetic() => {
                let Some(name) = name(&rest[2..]) else { return self.unnamed(rest) };
                let is = |wanted: &[u8]| name.eq_ignore_ascii_case(wanted);
                if is(b"template") {
                    self.depth = self.depth.saturating_sub(1);
                } else if self.depth == 0 && [&b"body"[..], b"html", b"br"].into_iter().any(is) {
                    return Step::Ended;
                }
                Step::Over(2 + name.len(), State::Tag(Attribute::BeforeName, Behind::Data))
            }
            Some(_) => Step::Over(2, State::Declaration),
        }
    }

    /// A tag whose name is unfinished, or longer than any that is known.
    fn unnamed(&self, rest: &[u8]) -> Step {
        match (rest.len() > LONGEST_NAME + 2, self.depth) {
            (false, _) => Step::Unknown,
            (true, 0) => Step::Ended,
            (true, _) => Step::Over(1 + LONGEST_NAME, State::Tag(Attribute::Name, Behind::Data)),
        }
    }
}

/// The name of a tag, once it has ended; `None` also for one longer than any that is known.
fn name(rest: &[u8]) -> Option<&[u8]> {
    let known = &rest[..rest.len().min(LONGEST_NAME)];
    let end = known.iter().position(|&byte| is_space(byte) || matches!(byte, b'/' | b'>'))?;
    Some(&known[..end])
}

/// The length of a tag, once it has ended.
fn end_of_tag(rest: &[u8], mut at: usize) -> Option<usize> {
    let mut attribute = Attribute::BeforeName;
    while at < rest.len() {
        let (length, next) = attribute.pass(&rest[at..]);
        at += length;
        attribute = match next {
            Some(next) => next,
            None => return Some(at),
        };
    }
    None
}

/// The text of an element: its end tag is the first one of its name.
fn inside(element: Element, rest: &[u8]) -> Step {
    let Some(start) = memchr::memchr(b'<', rest) else { return Step::Over(rest.len(), State::Text(element)) };
    if start > 0 {
        return Step::Over(start, State::Text(element));
    }
    let name = element.name();
    let tag = &rest[1..rest.len().min(2 + name.len())];
    let wanted = [b"/", name].concat();
    match rest.get(2 + name.len()) {
        // In the text of a script a comment may hide its end tag.
        _ if element == Element::Script && rest.starts_with(b"<!--") => Step::Ended,
        None if element == Element::Script && b"<!--".starts_with(rest) => Step::Unknown,
        None if tag.eq_ignore_ascii_case(&wanted[..tag.len()]) => Step::Unknown,
        Some(&byte) if tag.eq_ignore_ascii_case(&wanted) && (is_space(byte) || matches!(byte, b'/' | b'>')) => {
            Step::Over(2 + name.len(), State::Tag(Attribute::BeforeName, Behind::Data))
        }
        _ => Step::Over(1, State::Text(element)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tags found when the document comes in pieces that end at each of `cuts`.
    fn found(document: &str, cuts: &[usize]) -> Vec<String> {
        let (mut metas, mut found, mut at) = (Metas::default(), Vec::new(), 0);
        for &cut in cuts.iter().chain([&document.len()]) {
            loop {
                match metas.find(&document.as_bytes()[at..cut]) {
                    Find::Meta(tag) => {
                        found.push(document[at + tag.start..at + tag.end].to_owned());
                        at += tag.end;
                    }
                    Find::Passed(length) => break at += length,
                    Find::Ended => return found,
                }
            }
        }
        found
    }

    fn check(document: &str, expected: &[&str]) {
        assert_eq!(found(document, &[]), expected, "{document}");
        for cut in (0..=document.len()).filter(|cut| document.is_char_boundary(*cut)) {
            assert_eq!(found(document, &[cut]), expected, "{document} cut at {cut}");
        }
        let everywhere: Vec<usize> = (0..document.len()).collect();
        assert_eq!(found(document, &everywhere), expected, "{document} in single bytes");
    }

    #[test]
    fn tags_of_the_head() {
        check("<meta a><META b='>' c>", &["<meta a>", "<META b='>' c>"]);
        check(" <title>a <meta no></title>\n<link x=\">\"><meta/>", &["<meta/>"]);
        check("<!-- <meta no> --><!x><?y><base><style><meta no></style ><meta>", &["<meta>"]);
        check("<script>'<meta no>' < '</scrip>'</SCRIPT><meta>", &["<meta>"]);
        check("<noscript><meta no></noscript><meta></head><meta late>", &["<meta>", "<meta late>"]);
        check("</p></><head><html><meta>", &["<meta>"]);
        check("<metadata><meta no>", &[]);
        check("<title/>a</title/><meta>", &["<meta>"]);
    }

    #[test]
    fn the_head_ends_with_what_cannot_stand_in_it() {
        for start in
            ["x", "<body>", "<div>", "<svg>", "</body>", "</html>", "<br>", "</br>", "<frameset>", "< ", "<textarea>", "\u{e9}"]
        {
            check(&format!("<meta a>{start}<meta no>"), &["<meta a>"]);
        }
        check("<a-very-long-name><meta no>", &[]);
    }

    #[test]
    fn templates_have_heads_of_their_own() {
        check("<template><div>x<meta no><template></template>y</div></template><meta>", &["<meta>"]);
        check("<template><textarea></template><meta no></textarea></template><meta>", &["<meta>"]);
        check("<template><a-very-long-name b='</template>'>1 < 2</template><meta>", &["<meta>"]);
        check("<template><svg><title><meta no>", &[]);
        check("<template><![CDATA[</template><meta no>]]>", &[]);
        check("</template><meta>", &["<meta>"]);
    }

    #[test]
    fn a_script_that_plays_with_comments_ends_the_search() {
        check("<script><!-- <script></script><meta no></script>", &[]);
        check("<style><!-- </style><meta>", &["<meta>"]);
    }

    #[test]
    fn no_tag_is_waited_for_without_end() {
        let mut metas = Metas::default();
        let piece = format!("<meta content=\"{}", "x".repeat(LONGEST_TAG));
        assert_eq!(metas.find(&piece.as_bytes()[..100]), Find::Passed(0));
        assert_eq!(metas.find(piece.as_bytes()), Find::Ended);
    }
}
