//! The body of a page on its way, with the script tag put in.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::body::Body;
use bytes::Bytes;
use futures_util::FutureExt;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;

use super::scanner::{Scan, Scanner};

type Piece = Result<Frame<Bytes>, axum::Error>;

/// A body whose beginning was looked at, without waiting for it.
pub(super) struct Peeked {
    rest: Body,
    first: Option<Piece>,
    start: Start,
}

/// What the beginning of a page tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// A tag of ASCII bytes means something in it.
    Ascii,
    /// It is UTF-16.
    Wide,
    /// It has not come yet.
    Unknown,
}

/// Looks at what is there.
pub(super) fn peek(mut body: Body) -> Peeked {
    let first = body.frame().now_or_never();
    let start = match &first {
        Some(Some(Ok(frame))) => frame.data_ref().map_or(Start::Ascii, |data| Start::of(data)),
        Some(_) => Start::Ascii,
        None => Start::Unknown,
    };
    Peeked { rest: body, first: first.flatten(), start }
}

impl Start {
    fn of(data: &[u8]) -> Self {
        match data {
            [] | [0xfe | 0xff] => Self::Unknown,
            [0xfe, 0xff, ..] | [0xff, 0xfe, ..] => Self::Wide,
            _ => Self::Ascii,
        }
    }
}

impl Peeked {
    pub(super) fn start(&self) -> Start {
        self.start
    }

    /// The body as it came.
    pub(super) fn unchanged(self) -> Body {
        Body::new(InjectBody { inner: self.rest, queue: self.first.into_iter().collect(), search: None, is_certain: false })
    }

    /// The body with `tag` in its place.
    pub(super) fn with(self, tag: Bytes) -> Body {
        let search = Search { scanner: Scanner::default(), held: Bytes::new(), tag };
        let is_certain = self.start == Start::Ascii;
        let mut body = InjectBody { inner: self.rest, queue: VecDeque::new(), search: Some(search), is_certain };
        if let Some(first) = self.first {
            body.take(first);
        }
        Body::new(body)
    }
}

/// A page with the tag put in while it streams.
struct InjectBody {
    inner: Body,
    /// What is ready to go out: at most a piece of the page cut in two with the tag between, and trailers.
    queue: VecDeque<Piece>,
    /// `None` once the tag is in, or cannot be.
    search: Option<Search>,
    /// Whether it is sure that the tag goes in.
    is_certain: bool,
}

struct Search {
    scanner: Scanner,
    /// An unfinished mark or tag name.
    held: Bytes,
    tag: Bytes,
}

impl InjectBody {
    fn take(&mut self, piece: Piece) {
        match piece.map(Frame::into_data) {
            Ok(Ok(data)) => self.scan(data),
            Ok(Err(trailers)) => {
                self.finish();
                self.queue.push_back(Ok(trailers));
            }
            Err(error) => {
                self.search = None;
                self.queue.push_back(Err(error));
            }
        }
    }

    fn scan(&mut self, data: Bytes) {
        let Some(mut search) = self.search.take() else { return self.push(data) };
        let mut piece = if search.held.is_empty() { data } else { Bytes::from([search.held, data].concat()) };
        match search.scanner.scan(&piece) {
            Scan::Insert(at) => {
                self.push(piece.split_to(at));
                self.push(search.tag);
                self.push(piece);
            }
            Scan::Passed(at) => {
                self.push(piece.split_to(at));
                self.search = Some(Search { held: piece, ..search });
            }
            Scan::NotAscii => self.push(piece),
        }
    }

    /// A page that ends without content gets the tag at its end.
    fn finish(&mut self) {
        if let Some(search) = self.search.take() {
            self.push(search.held);
            self.push(search.tag);
        }
    }

    fn push(&mut self, data: Bytes) {
        if !data.is_empty() {
            self.queue.push_back(Ok(Frame::data(data)));
        }
    }
}

impl HttpBody for InjectBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Piece>> {
        loop {
            if let Some(piece) = self.queue.pop_front() {
                return Poll::Ready(Some(piece));
            }
            let piece = ready!(Pin::new(&mut self.inner).poll_frame(cx));
            match piece {
                Some(piece) if self.search.is_some() => self.take(piece),
                None if self.search.is_some() => self.finish(),
                piece => return Poll::Ready(piece),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.search.is_none() && self.queue.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let queued = self.queue.iter().filter_map(|piece| piece.as_ref().ok()?.data_ref()).map(Bytes::len).sum::<usize>();
        let added = self.search.as_ref().map_or(0, |search| search.held.len() + search.tag.len());
        match self.inner.size_hint().exact() {
            Some(rest) if self.is_certain || self.search.is_none() => SizeHint::with_exact(rest + (queued + added) as u64),
            _ => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use proptest::prelude::*;

    use super::*;

    const TAG: &str = "<script data-x></script>";

    fn injected(pieces: Vec<Vec<u8>>) -> Vec<u8> {
        let pieces = pieces.into_iter().map(|piece| Ok::<_, std::io::Error>(Bytes::from(piece)));
        let body = peek(Body::from_stream(stream::iter(pieces))).with(Bytes::from_static(TAG.as_bytes()));
        let collected = body.collect().now_or_never().expect("nothing to wait for").expect("no error");
        collected.to_bytes().to_vec()
    }

    fn without_tag(page: &[u8]) -> Option<Vec<u8>> {
        let at = memchr::memmem::find(page, TAG.as_bytes())?;
        Some([&page[..at], &page[at + TAG.len()..]].concat())
    }

    /// How many scripts of ours a parser sees, and how many of them stand right in a head that is spelled out.
    fn scripts(page: &str) -> (usize, usize) {
        let (mut all, mut in_head) = (0, 0);
        let settings = lol_html::RewriteStrSettings::new()
            .append_element_content_handler(lol_html::element!("script[data-x]", |_| {
                all += 1;
                Ok(())
            }))
            .append_element_content_handler(lol_html::element!("head > script[data-x]:first-child", |_| {
                in_head += 1;
                Ok(())
            }));
        lol_html::rewrite_str(page, settings).expect("a page");
        (all, in_head)
    }

    #[test]
    fn every_way_to_cut_a_page_gives_the_same() {
        let page =
            "\u{feff}<!DOCTYPE html><!-- <head> --><html a='>'><head b=\">\"><title></head></title></head><body>x</body></html>";
        let whole = injected(vec![page.into()]);
        assert_eq!(scripts(&String::from_utf8_lossy(&whole)), (1, 1));
        for cut in 0..=page.len() {
            let (left, right) = page.as_bytes().split_at(cut);
            assert_eq!(injected(vec![left.into(), right.into()]), whole, "cut at {cut}");
        }
        assert_eq!(injected(page.bytes().map(|byte| vec![byte]).collect()), whole);
    }

    #[test]
    fn a_wide_page_passes_unchanged() {
        for pieces in [vec![vec![0xff, 0xfe, b'<', 0]], vec![vec![0xff], vec![0xfe, b'<', 0]]] {
            assert_eq!(injected(pieces), [0xff, 0xfe, b'<', 0]);
        }
        assert_eq!(peek(Body::from(vec![0xfe, 0xff])).start(), Start::Wide);
    }

    #[test]
    fn the_length_is_known_where_it_was() {
        let mut body = peek(Body::from("<p>")).with(Bytes::from_static(TAG.as_bytes()));
        let whole = 3 + TAG.len() as u64;
        assert_eq!(body.size_hint().exact(), Some(whole));
        let first = body.frame().now_or_never().flatten().expect("a frame").expect("no error");
        let left = whole - first.into_data().expect("data").len() as u64;
        assert_eq!(body.size_hint().exact(), Some(left));
    }

    #[test]
    fn what_came_before_a_stall_is_passed_on_at_once() {
        let (sender, receiver) = futures_channel();
        let mut body = peek(receiver).with(Bytes::from_static(TAG.as_bytes()));
        let mut next = || body.frame().now_or_never().flatten().map(|frame| frame.expect("no error").into_data().expect("data"));
        assert_eq!(next(), None);
        for (sent, received) in [
            ("<!doctype html><!-- a", &["<!doctype html><!-- a"][..]),
            ("b--><htm", &["b-->"]),
            ("l><he", &["<html>"]),
            ("ad>", &["<head>", TAG]),
            ("<title>", &["<title>"]),
        ] {
            sender.try_send(Ok::<_, std::io::Error>(Bytes::from(sent))).expect("room");
            for piece in received {
                assert_eq!(next().as_deref(), Some(piece.as_bytes()), "{sent}");
            }
            assert_eq!(next(), None, "{sent}");
        }
    }

    /// A body that is fed by hand.
    fn futures_channel() -> (tokio::sync::mpsc::Sender<Result<Bytes, std::io::Error>>, Body) {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(8);
        (sender, Body::from_stream(stream::poll_fn(move |cx| receiver.poll_recv(cx))))
    }

    /// Bits of markup in any order, so that heads, comments and quotes meet in every way.
    fn markup() -> impl Strategy<Value = String> {
        let bits = proptest::sample::select(vec![
            "<!doctype html>",
            "<html",
            "<head",
            "<header",
            "<body",
            "<!--",
            "-->",
            "--!>",
            "<!",
            "<?",
            "</",
            ">",
            " a=",
            "\"",
            "'",
            "/",
            "-",
            "<title>",
            "</title>",
            "<script>",
            "</script>",
            "text",
            " ",
            "\n",
            "\u{feff}",
            "<",
            "=",
        ]);
        proptest::collection::vec(bits, 0..24).prop_map(|bits| bits.concat())
    }

    proptest! {
        #[test]
        fn without_the_tag_the_bytes_are_those_that_came(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9), 0..9)) {
            let page = pieces.concat();
            let out = injected(pieces);
            let is_wide = page.starts_with(&[0xff, 0xfe]) || page.starts_with(&[0xfe, 0xff]);
            prop_assert_eq!(if is_wide { Some(out) } else { without_tag(&out) }, Some(page));
        }

        #[test]
        fn markup_is_kept_and_cuts_do_not_matter(page in markup(), cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..4)) {
            let whole = injected(vec![page.clone().into()]);
            prop_assert_eq!(without_tag(&whole), Some(page.clone().into_bytes()));
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(page.len() + 1)).collect();
            cuts.extend([0, page.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|cut| page.as_bytes()[cut[0]..cut[1]].to_vec()).collect();
            prop_assert_eq!(injected(pieces), whole);
        }

        #[test]
        fn a_parser_sees_the_script_in_the_head(before in "( |\n|<!--[a-z][a-z<> ]{0,9}-->|<!doctype html>|<html( [a-z]=(\"[a-z>]{0,3}\"|'[a-z>]{0,3}'))?>){0,4}", after in markup()) {
            let page = format!("{before}<head>{after}");
            let out = String::from_utf8(injected(vec![page.into_bytes()])).expect("text");
            prop_assert_eq!(scripts(&out), (1, 1), "{}", out);
        }
    }
}
