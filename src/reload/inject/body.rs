//! The body of a page on its way, with our insertions.

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

use super::splice::Splicer;

type Piece = Result<Frame<Bytes>, axum::Error>;

/// A page with the insertions made while it streams.
pub(super) struct InjectBody {
    inner: Body,
    /// What is ready to go out: at most a piece of the page, cut where something stands between, and trailers.
    queue: VecDeque<Piece>,
    splicer: Splicer,
    /// All of the page, where it came as one piece.
    whole: Option<Bytes>,
}

impl InjectBody {
    /// Takes what is there, without waiting for it.
    pub(super) fn new(inner: Body, splicer: Splicer) -> Self {
        let mut body = Self { inner, queue: VecDeque::new(), splicer, whole: None };
        match body.inner.frame().now_or_never() {
            Some(Some(piece)) => {
                let data = piece.as_ref().ok().and_then(Frame::data_ref);
                body.whole = data.filter(|_| body.inner.is_end_stream()).cloned();
                body.take(piece);
            }
            Some(None) => body.finish(),
            None => {}
        }
        body
    }

    /// The page without `tag`, and where that stands: where the page came whole and nothing else was inserted.
    pub(super) fn without(&self, tag: &Bytes) -> Option<(Bytes, usize)> {
        let whole = self.whole.clone().filter(|_| self.splicer.is_done() && self.splicer.added() == tag.len())?;
        let pieces = self.queue.iter().map_while(|piece| piece.as_ref().ok()?.data_ref());
        let before: usize = pieces.take_while(|piece| *piece != tag).map(Bytes::len).sum();
        Some((whole, before))
    }

    /// What is known of the page up to now.
    pub(super) fn splicer(&self) -> &Splicer {
        &self.splicer
    }

    fn take(&mut self, piece: Piece) {
        match piece.map(Frame::into_data) {
            Ok(Ok(data)) => {
                let queue = &mut self.queue;
                self.splicer.feed(data, |data| queue.push_back(Ok(Frame::data(data))));
            }
            Ok(Err(trailers)) => {
                self.finish();
                self.queue.push_back(Ok(trailers));
            }
            Err(error) => {
                self.splicer.abandon();
                self.queue.push_back(Err(error));
            }
        }
        if self.inner.is_end_stream() {
            self.finish();
        }
    }

    fn finish(&mut self) {
        let queue = &mut self.queue;
        self.splicer.finish(|data| queue.push_back(Ok(Frame::data(data))));
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
            match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                piece if self.splicer.is_done() => return Poll::Ready(piece),
                Some(piece) => self.take(piece),
                None => self.finish(),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.splicer.is_done() && self.queue.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let queued = self.queue.iter().filter_map(|piece| piece.as_ref().ok()?.data_ref()).map(Bytes::len).sum::<usize>();
        match self.inner.size_hint().exact() {
            Some(rest) if self.splicer.is_done() => SizeHint::with_exact(rest + queued as u64),
            _ => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use proptest::prelude::*;

    use super::{
        super::{charset::Charset, policy::Own, splice::Splicer},
        *,
    };

    const TAG: &str = "<script data-x></script>";

    fn inject(body: Body) -> InjectBody {
        let own = Own::at("localhost:4747".to_owned(), None);
        InjectBody::new(body, Splicer::new(Bytes::from_static(TAG.as_bytes()), own, Charset::Ascii))
    }

    fn injected(pieces: Vec<Vec<u8>>) -> Vec<u8> {
        let pieces = pieces.into_iter().map(|piece| Ok::<_, std::io::Error>(Bytes::from(piece)));
        let body = inject(Body::from_stream(stream::iter(pieces)));
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
    fn the_length_is_known_where_it_was() {
        let mut body = inject(Body::from("<p>"));
        let whole = 3 + TAG.len() as u64;
        assert!(body.splicer().is_done());
        assert_eq!(body.size_hint().exact(), Some(whole));
        let first = body.frame().now_or_never().flatten().expect("a frame").expect("no error");
        let left = whole - first.into_data().expect("data").len() as u64;
        assert_eq!(body.size_hint().exact(), Some(left));
        let (_sender, unfinished) = futures_channel();
        assert_eq!((inject(unfinished).splicer().is_done(), inject(Body::from("<head>")).splicer().is_done()), (false, true));
    }

    #[test]
    fn a_page_that_breaks_off_ends_with_the_error() {
        let pieces = [Ok(Bytes::from_static(b"<he")), Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe))];
        let mut body = inject(Body::from_stream(stream::iter(pieces)));
        let mut next = || body.frame().now_or_never().expect("nothing to wait for");
        assert!(next().expect("a frame").is_err());
        assert!(next().is_none(), "no tag comes behind it");
    }

    #[test]
    fn what_came_before_a_stall_is_passed_on_at_once() {
        let (sender, receiver) = futures_channel();
        let mut body = inject(receiver);
        let mut next = || body.frame().now_or_never().flatten().map(|frame| frame.expect("no error").into_data().expect("data"));
        assert_eq!(next(), None);
        for (sent, received) in [
            ("<!doctype html><!-- a", &["<!doctype html><!-- a"][..]),
            ("b--><htm", &["b-->"]),
            ("l><he", &["<html>"]),
            ("ad>", &["<head>", TAG]),
            ("<title>a</ti", &["<title>a"]),
            ("tle><meta cont", &["</title>"]),
            ("ent=a>", &["<meta content=a>"]),
            ("<p>x</ti", &["<p>x</ti"]),
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
            let is_wide = page.starts_with(&[0xff]) || page.starts_with(&[0xfe]) || page == [0xef] || page == [0xef, 0xbb];
            prop_assume!(!is_wide);
            prop_assert_eq!(without_tag(&injected(pieces)), Some(page));
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
