//! A page with our insertions, piece by piece: the script tag in its head, and what policies in the page lack.
//!
//! This only ever inserts. Nothing of the page is taken away, moved or written anew, whatever it holds; and no more of it is held
//! back than an unfinished tag.

use bytes::Bytes;

use super::{
    charset::{Charset, Mark, mark},
    meta,
    metas::{Find, Metas},
    policy::Own,
    scanner::{Scan, Scanner},
};

/// Takes a page's pieces and gives them back with the insertions.
#[derive(Debug)]
pub(super) struct Splicer {
    stage: Stage,
    charset: Charset,
    tag: Bytes,
    own: Own,
    /// An unfinished mark, letter or tag.
    held: Bytes,
    /// How many bytes were inserted.
    added: usize,
    /// Whether some of them are in a policy.
    has_widened: bool,
}

#[derive(Debug)]
enum Stage {
    /// Before the first byte, where a byte order mark may stand.
    Start,
    /// Before the place of the tag.
    Tag(Scanner),
    /// In the head, behind it.
    Metas(Metas),
    /// Where nothing more is inserted.
    Done,
}

impl Splicer {
    /// For a page that writes ASCII as `charset` says, unless it begins with a mark that says something else.
    pub(super) fn new(tag: Bytes, own: Own, charset: Charset) -> Self {
        Self { stage: Stage::Start, charset, tag, own, held: Bytes::new(), added: 0, has_widened: false }
    }

    /// Whether nothing more will be inserted, so that [`Self::added`] is final.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    /// How many bytes were inserted up to now.
    pub(super) fn added(&self) -> usize {
        self.added
    }

    /// How the page writes ASCII, as far as it is known.
    pub(super) fn charset(&self) -> Charset {
        self.charset
    }

    /// Whether a policy in the page was widened up to now.
    pub(super) fn has_widened(&self) -> bool {
        self.has_widened
    }

    /// Takes the next piece, and puts out what is settled.
    pub(super) fn feed(&mut self, piece: Bytes, mut put: impl FnMut(Bytes)) {
        let mut piece = match self.held.is_empty() {
            true => piece,
            false => Bytes::from([std::mem::take(&mut self.held), piece].concat()),
        };
        let mut put = |data: Bytes| {
            if !data.is_empty() {
                put(data);
            }
        };
        loop {
            let width = self.charset.width();
            match &mut self.stage {
                Stage::Start => match mark(&piece) {
                    Mark::Is(length, charset) => {
                        self.charset = charset;
                        self.stage = Stage::Tag(Scanner::default());
                        put(piece.split_to(length));
                    }
                    Mark::Absent => self.stage = Stage::Tag(Scanner::default()),
                    Mark::Unknown => {
                        self.held = piece;
                        return;
                    }
                },
                Stage::Tag(scanner) => match scanner.scan(&self.charset.narrow(&piece)) {
                    Scan::Insert(at) => {
                        put(piece.split_to(at * width));
                        put(self.take_tag());
                        self.stage = Stage::Metas(Metas::default());
                    }
                    Scan::Passed(at) => {
                        put(piece.split_to(at * width));
                        self.held = piece;
                        return;
                    }
                },
                Stage::Metas(metas) => {
                    let (searched, lacking) = search(metas, &self.charset.narrow(&piece), &self.own);
                    let mut from = 0;
                    for (at, sources) in lacking {
                        put(piece.split_to((at - from) * width));
                        let sources = self.charset.encode(sources.into());
                        self.added += sources.len();
                        self.has_widened = true;
                        put(sources);
                        from = at;
                    }
                    if let Some(at) = searched {
                        put(piece.split_to((at - from) * width));
                        self.held = piece;
                        return;
                    }
                    self.stage = Stage::Done;
                }
                Stage::Done => return put(piece),
            }
        }
    }

    /// Ends the page. One without content gets the tag at its end; one that ends within its mark or a letter gets none.
    pub(super) fn finish(&mut self, mut put: impl FnMut(Bytes)) {
        let is_whole = match self.stage {
            Stage::Start => self.held.is_empty(),
            _ => self.held.len().is_multiple_of(self.charset.width()),
        };
        let held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            put(held);
        }
        if matches!(self.stage, Stage::Start | Stage::Tag(_)) && is_whole {
            put(self.take_tag());
        }
        self.stage = Stage::Done;
    }

    /// Ends a page that breaks off: nothing more is put out.
    pub(super) fn abandon(&mut self) {
        self.held = Bytes::new();
        self.stage = Stage::Done;
    }

    fn take_tag(&mut self) -> Bytes {
        let tag = self.charset.encode(std::mem::take(&mut self.tag));
        self.added += tag.len();
        tag
    }
}

/// Searches a piece of the head: how far it is settled, `None` when the head ends in it; and what its policies lack, where.
fn search(metas: &mut Metas, piece: &[u8], own: &Own) -> (Option<usize>, Vec<(usize, String)>) {
    let (mut at, mut lacking) = (0, Vec::new());
    loop {
        match metas.find(&piece[at..]) {
            Find::Meta(tag) => {
                let start = at + tag.start;
                at += tag.end;
                lacking
                    .extend(meta::insertions(&piece[start..at], own).into_iter().map(|(offset, added)| (start + offset, added)));
            }
            Find::Passed(length) => return (Some(at + length), lacking),
            Find::Ended => return (None, lacking),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "<script data-x></script>";
    const SOCKET: &str = "http://localhost:4747/__everlit/ ws://localhost:4747/__everlit/";

    fn spliced(pieces: &[&[u8]], charset: Charset) -> Vec<u8> {
        let own = Own::at("localhost:4747".to_owned(), None);
        let mut splicer = Splicer::new(Bytes::from_static(TAG.as_bytes()), own, charset);
        let mut out = Vec::new();
        for piece in pieces {
            splicer.feed(Bytes::copy_from_slice(piece), |data| out.extend_from_slice(&data));
        }
        splicer.finish(|data| out.extend_from_slice(&data));
        let added = out.len() - pieces.concat().len();
        assert_eq!((splicer.added(), splicer.is_done()), (added, true));
        out
    }

    /// Checks a page, in which `^` stands for the tag and `SOCKET` for what its policy lacks, whole and cut in two and in single
    /// bytes, as it is written in every charset.
    fn check(marked: &str) {
        let page = marked.replace('^', "").replace("connect-src SOCKET; ", "").replace(" SOCKET", "");
        let expected = marked.replace('^', TAG).replace("SOCKET", SOCKET);
        let le = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let be = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
        let marks = |bytes: &[u8], mark: &[u8]| [mark, bytes].concat();
        for (page, expected, charset) in [
            (page.clone().into_bytes(), expected.clone().into_bytes(), Charset::Ascii),
            (marks(page.as_bytes(), b"\xef\xbb\xbf"), marks(expected.as_bytes(), b"\xef\xbb\xbf"), Charset::Utf16Le),
            (le(&page), le(&expected), Charset::Utf16Le),
            (be(&page), be(&expected), Charset::Utf16Be),
            (marks(&le(&page), b"\xff\xfe"), marks(&le(&expected), b"\xff\xfe"), Charset::Ascii),
            (marks(&be(&page), b"\xfe\xff"), marks(&be(&expected), b"\xfe\xff"), Charset::Utf16Le),
        ] {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            assert_eq!(text(&spliced(&[&page], charset)), text(&expected), "{marked} in {charset:?}");
            for cut in 0..page.len() {
                let (left, right) = page.split_at(cut);
                assert_eq!(text(&spliced(&[left, right], charset)), text(&expected), "{marked} in {charset:?} cut at {cut}");
            }
            let bytes: Vec<&[u8]> = page.chunks(1).collect();
            assert_eq!(text(&spliced(&bytes, charset)), text(&expected), "{marked} in {charset:?} in single bytes");
        }
    }

    #[test]
    fn the_tag_and_the_policies_in_every_charset() {
        check("<!doctype html><html><head>^<title>a</title></head>x");
        check("<!-- \u{20ac} -->^<p>");
        check("^\u{20ac}");
        check(
            "<head>^<title>\u{1f4a1}</title><meta charset=x><meta http-equiv=content-security-policy \
             content=\"connect-src SOCKET; default-src 'none'\"><meta content='connect-src a SOCKET; img-src b' \
             http-equiv='Content-Security-Policy'></head><body><meta http-equiv=content-security-policy content='connect-src a'>",
        );
        check("^<meta http-equiv=content-security-policy content='connect-src b SOCKET'><p>");
        check("^<p><meta http-equiv=content-security-policy content='connect-src b'>");
    }

    #[test]
    fn a_page_that_ends_within_a_letter_or_its_mark_stays() {
        assert_eq!(spliced(&[b"\xff"], Charset::Ascii), b"\xff");
        assert_eq!(spliced(&[b"\xef\xbb"], Charset::Ascii), b"\xef\xbb");
        assert_eq!(spliced(&[b"\xff\xfe \0 "], Charset::Ascii), b"\xff\xfe \0 ");
        assert_eq!(spliced(&[], Charset::Utf16Be), Charset::Utf16Be.encode(TAG.into()));
    }
}
