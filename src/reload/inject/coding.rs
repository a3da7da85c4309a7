//! Content codings undone and done again while a body streams.
//!
//! An app may encode although it was asked not to. [`Decoded`] takes its body apart, [`Encoded`] puts another one together; each
//! gives on what it has whenever the other side pauses. Neither holds more than a buffer of bytes, whatever a few bytes may unfold
//! to, and a body that is damaged or breaks off ends with an error, so that nobody takes it for whole.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::body::Body;
use bytes::{Buf, Bytes};
use compression_codecs::{
    BrotliDecoder, BrotliEncoder, DecodeV2, DeflateDecoder, EncodeV2, GzipDecoder, GzipEncoder, ZlibDecoder, ZlibEncoder,
    ZstdDecoder, ZstdEncoder,
    brotli::params::EncoderParams,
    core::{
        Level,
        util::{PartialBuffer, WriteBuffer},
    },
    zstd::params::DParameter,
};
use http::{HeaderMap, header::CONTENT_ENCODING};
use http_body::{Body as HttpBody, Frame};

type Piece = Result<Frame<Bytes>, axum::Error>;

/// Bytes that are made at once.
const BUFFER_BYTES: usize = 16 * 1024;

/// Bytes that are encoded before others get their turn: some milliseconds.
const TURN_BYTES: usize = 256 * 1024;

/// Windows of Zstandard up to 8 MiB, the most a browser takes (RFC 9659 §3).
const ZSTD_WINDOW_LOG: u32 = 23;

/// The wire is a loopback: the quickest of each, and little memory.
const BROTLI_QUALITY: i32 = 1;
const BROTLI_WINDOW_LOG: i32 = 18;
const ZSTD_LEVEL: i32 = 1;

/// A content coding (RFC 9110 §8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::reload) enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// A coding, or several, that cannot be undone here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::reload) struct Unknown;

impl Coding {
    /// The coding of a response; `None` when it is plain.
    pub(in crate::reload) fn of(headers: &HeaderMap) -> Result<Option<Self>, Unknown> {
        let lines = headers.get_all(CONTENT_ENCODING).into_iter().flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
        let mut codings = lines.map(<[u8]>::trim_ascii).filter(|coding| !coding.is_empty() && !is(coding, "identity"));
        match (codings.next(), codings.next()) {
            (None, _) => Ok(None),
            (Some(coding), None) if is(coding, "gzip") || is(coding, "x-gzip") => Ok(Some(Self::Gzip)),
            (Some(coding), None) if is(coding, "deflate") => Ok(Some(Self::Deflate)),
            (Some(coding), None) if is(coding, "br") => Ok(Some(Self::Brotli)),
            (Some(coding), None) if is(coding, "zstd") => Ok(Some(Self::Zstd)),
            _ => Err(Unknown),
        }
    }

    pub(super) fn token(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// What undoes a body that begins with `first`; `None` for what no browser takes.
    fn decoder(self, first: u8) -> Option<Box<dyn DecodeV2 + Send>> {
        Some(match self {
            Self::Gzip => Box::new(GzipDecoder::new()),
            // RFC 9110 means zlib's format; some servers send the bare one, and browsers take both.
            Self::Deflate if first & 0x0f == 8 => Box::new(ZlibDecoder::new()),
            Self::Deflate => Box::new(DeflateDecoder::new()),
            // A window of up to a gigabyte, an extension of RFC 7932.
            Self::Brotli if first & 0x7f == 0x11 => return None,
            Self::Brotli => Box::new(BrotliDecoder::new()),
            Self::Zstd => Box::new(ZstdDecoder::new_with_params(&[DParameter::window_log_max(ZSTD_WINDOW_LOG)])),
        })
    }

    fn encoder(self) -> Box<dyn EncodeV2 + Send> {
        match self {
            Self::Gzip => Box::new(GzipEncoder::new(Level::Fastest.into())),
            Self::Deflate => Box::new(ZlibEncoder::new(Level::Fastest.into())),
            Self::Brotli => {
                let params = EncoderParams::default().quality(Level::Precise(BROTLI_QUALITY)).window_size(BROTLI_WINDOW_LOG);
                Box::new(BrotliEncoder::new(params))
            }
            Self::Zstd => Box::new(ZstdEncoder::new(ZSTD_LEVEL)),
        }
    }

    /// Whether another member or frame may begin so, behind one that has ended; what else stands there is ignored.
    fn goes_on(self, first: u8) -> bool {
        match self {
            Self::Gzip => first == 0x1f,
            Self::Zstd => first == 0x28 || first & 0xf0 == 0x50,
            Self::Deflate | Self::Brotli => false,
        }
    }
}

fn is(coding: &[u8], name: &str) -> bool {
    coding.eq_ignore_ascii_case(name.as_bytes())
}

/// An encoded body, decoded.
pub(in crate::reload) struct Decoded {
    inner: Body,
    coding: Coding,
    state: Decoding,
    /// What came and is not decoded yet.
    input: Bytes,
    trailers: Option<Frame<Bytes>>,
}

enum Decoding {
    /// Nothing has come.
    Start,
    /// The decoder may hold something back if its buffer was full.
    Going { decoder: Box<dyn DecodeV2 + Send>, is_full: bool },
    /// The coding has ended; the body perhaps not.
    Ended(Box<dyn DecodeV2 + Send>),
    /// The body has ended.
    Over,
}

impl Decoded {
    pub(in crate::reload) fn new(inner: Body, coding: Coding) -> Self {
        Self { inner, coding, state: Decoding::Start, input: Bytes::new(), trailers: None }
    }

    /// Decodes some of what is there; `None` when more must come.
    fn decode(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            let first = self.input.first().copied();
            match (std::mem::replace(&mut self.state, Decoding::Over), first) {
                (Decoding::Start, Some(first)) => {
                    let decoder = self.coding.decoder(first).ok_or(io::ErrorKind::Unsupported)?;
                    self.state = Decoding::Going { decoder, is_full: false };
                }
                (Decoding::Ended(mut decoder), Some(first)) if self.coding.goes_on(first) => {
                    decoder.reinit()?;
                    self.state = Decoding::Going { decoder, is_full: false };
                }
                (Decoding::Ended(decoder), _) => {
                    self.input.clear();
                    self.state = Decoding::Ended(decoder);
                    return Ok(None);
                }
                (Decoding::Going { mut decoder, is_full }, first) if is_full || first.is_some() => {
                    let mut buffer = vec![0; BUFFER_BYTES];
                    let mut output = WriteBuffer::new_initialized(&mut buffer);
                    let ended = self.coding.run(decoder.as_mut(), &mut self.input, &mut output)?;
                    let (length, is_full) = (output.written_len(), output.has_no_spare_space());
                    self.state = if ended { Decoding::Ended(decoder) } else { Decoding::Going { decoder, is_full } };
                    if length > 0 {
                        buffer.truncate(length);
                        return Ok(Some(buffer.into()));
                    }
                }
                (state, _) => {
                    self.state = state;
                    return Ok(None);
                }
            }
        }
    }

    /// Ends with the body: an error when the coding has not ended.
    fn end(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.state, Decoding::Over) {
            Decoding::Going { mut decoder, .. } => match decoder.finish(&mut WriteBuffer::new_initialized(&mut [0; 1])) {
                Ok(true) => Ok(()),
                Ok(false) | Err(_) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the encoded page breaks off")),
            },
            Decoding::Start | Decoding::Ended(_) | Decoding::Over => Ok(()),
        }
    }
}

impl Coding {
    /// One step of a decoder; whether its coding has ended.
    fn run(self, decoder: &mut dyn DecodeV2, input: &mut Bytes, output: &mut WriteBuffer<'_>) -> io::Result<bool> {
        // Without input these take a step for damage.
        if input.is_empty() && matches!(self, Self::Gzip | Self::Deflate) {
            decoder.flush(output)?;
            return Ok(false);
        }
        let mut taken = PartialBuffer::new(&input[..]);
        let ended = decoder.decode(&mut taken, output)?;
        let length = taken.written_len();
        input.advance(length);
        Ok(ended)
    }
}

impl HttpBody for Decoded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Piece>> {
        loop {
            match self.decode() {
                Ok(Some(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Some(Err(axum::Error::new(error)))),
            }
            if let Some(trailers) = self.trailers.take() {
                return Poll::Ready(Some(Ok(trailers)));
            }
            if matches!(self.state, Decoding::Over) {
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.input = data,
                    Err(trailers) => self.trailers = Some(trailers),
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    if let Err(error) = self.end() {
                        return Poll::Ready(Some(Err(axum::Error::new(error))));
                    }
                }
            }
        }
    }
}

/// A body, encoded.
pub(super) struct Encoded<B> {
    inner: B,
    /// `None` once it has ended.
    encoder: Option<Box<dyn EncodeV2 + Send>>,
    made: Vec<u8>,
    /// Whether the encoder holds something back.
    is_dirty: bool,
    queue: VecDeque<Frame<Bytes>>,
}

impl<B> Encoded<B> {
    pub(super) fn new(inner: B, coding: Coding) -> Self {
        Self { inner, encoder: Some(coding.encoder()), made: Vec::new(), is_dirty: false, queue: VecDeque::new() }
    }

    /// Encodes all of a piece.
    fn encode(&mut self, data: &[u8]) -> io::Result<()> {
        let Some(encoder) = &mut self.encoder else { return Ok(()) };
        let mut input = PartialBuffer::new(data);
        while !input.unwritten().is_empty() {
            grow(&mut self.made, |output| encoder.encode(&mut input, output))?;
        }
        self.is_dirty = true;
        Ok(())
    }

    /// Has the encoder give out what it holds back.
    fn flush(&mut self) -> io::Result<()> {
        let Some(encoder) = &mut self.encoder else { return Ok(()) };
        while !grow(&mut self.made, |output| encoder.flush(output))? {}
        self.is_dirty = false;
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        let Some(mut encoder) = self.encoder.take() else { return Ok(()) };
        while !grow(&mut self.made, |output| encoder.finish(output))? {}
        self.is_dirty = false;
        self.queue_made();
        Ok(())
    }

    fn queue_made(&mut self) {
        if !self.made.is_empty() {
            self.queue.push_back(Frame::data(std::mem::take(&mut self.made).into()));
        }
    }
}

/// Appends what an encoder makes.
fn grow<T>(made: &mut Vec<u8>, make: impl FnOnce(&mut WriteBuffer<'_>) -> io::Result<T>) -> io::Result<T> {
    let length = made.len();
    made.resize(length + BUFFER_BYTES, 0);
    let mut output = WriteBuffer::new_initialized(&mut made[length..]);
    let result = make(&mut output);
    let written = output.written_len();
    made.truncate(length + written);
    result
}

impl<B: HttpBody<Data = Bytes, Error = axum::Error> + Unpin> HttpBody for Encoded<B> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Piece>> {
        let mut encoded = 0;
        loop {
            if let Some(frame) = self.queue.pop_front() {
                return Poll::Ready(Some(Ok(frame)));
            }
            if self.encoder.is_none() {
                return Poll::Ready(None);
            }
            if encoded >= TURN_BYTES {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let result = match Pin::new(&mut self.inner).poll_frame(cx) {
                Poll::Pending if !self.is_dirty => return Poll::Pending,
                Poll::Pending => self.flush().map(|()| self.queue_made()),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => {
                        encoded += data.len();
                        let result = self.encode(&data);
                        if self.made.len() >= BUFFER_BYTES {
                            self.queue_made();
                        }
                        result
                    }
                    Err(trailers) => {
                        let result = self.finish();
                        self.queue.push_back(trailers);
                        result
                    }
                },
                Poll::Ready(Some(Err(error))) => {
                    self.encoder = None;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => self.finish(),
            };
            if let Err(error) = result {
                self.encoder = None;
                return Poll::Ready(Some(Err(axum::Error::new(error))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, stream};
    use http_body_util::BodyExt;
    use proptest::prelude::*;

    use super::*;

    const ALL: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];

    fn pieces(bytes: &[u8], length: usize) -> Body {
        let pieces: Vec<_> = bytes.chunks(length).map(|piece| Ok::<_, io::Error>(Bytes::copy_from_slice(piece))).collect();
        Body::from_stream(stream::iter(pieces))
    }

    fn collect(body: impl HttpBody<Data = Bytes, Error = axum::Error>) -> Result<Vec<u8>, axum::Error> {
        let collected = body.collect().now_or_never().expect("nothing to wait for")?;
        Ok(collected.to_bytes().to_vec())
    }

    fn encode(coding: Coding, plain: &[u8]) -> Vec<u8> {
        let mut encoded = Encoded::new(pieces(plain, 5000), coding);
        let mut whole = Vec::new();
        let mut cx = Context::from_waker(std::task::Waker::noop());
        loop {
            match Pin::new(&mut encoded).poll_frame(&mut cx) {
                Poll::Ready(Some(frame)) => whole.extend_from_slice(&frame.expect("no error").into_data().expect("data")),
                Poll::Ready(None) => return whole,
                // It lets others have their turn.
                Poll::Pending => {}
            }
        }
    }

    fn decode(coding: Coding, encoded: &[u8], length: usize) -> Result<Vec<u8>, axum::Error> {
        collect(Decoded::new(pieces(encoded, length), coding))
    }

    #[test]
    fn names() {
        let of = |value: &'static str| Coding::of(&[(CONTENT_ENCODING, value.parse().unwrap())].into_iter().collect());
        for coding in ALL {
            assert_eq!(of(coding.token()), Ok(Some(coding)));
        }
        assert_eq!(
            (of("X-Gzip"), of("identity"), of(""), of("gzip,")),
            (Ok(Some(Coding::Gzip)), Ok(None), Ok(None), Ok(Some(Coding::Gzip)))
        );
        assert_eq!((of("gzip, gzip"), of("compress"), of("dcb")), (Err(Unknown), Err(Unknown), Err(Unknown)));
        assert_eq!(Coding::of(&HeaderMap::new()), Ok(None));
    }

    #[test]
    fn what_is_encoded_can_be_decoded_however_it_is_cut() {
        let text: String = (0..20_000).map(|number| format!("line {number}\n")).collect();
        for coding in ALL {
            for plain in ["", "x", &text, &"a".repeat(3 * TURN_BYTES)] {
                let encoded = encode(coding, plain.as_bytes());
                for length in [1, 7, 16 * 1024, usize::MAX] {
                    let decoded = decode(coding, &encoded, length).unwrap_or_else(|error| panic!("{coding:?} {length}: {error}"));
                    assert!(decoded == plain.as_bytes(), "{coding:?} in pieces of {length}");
                }
            }
        }
    }

    #[test]
    fn what_breaks_off_or_is_damaged_ends_with_an_error() {
        let text: String = (0..5_000).map(|number| format!("line {number}\n")).collect();
        for coding in ALL {
            let encoded = encode(coding, text.as_bytes());
            for length in [1, 2, encoded.len() / 2, encoded.len() - 1] {
                assert!(decode(coding, &encoded[..length], 999).is_err(), "{length} bytes of {coding:?}");
            }
            assert!(decode(coding, b"<!doctype html><p>not encoded at all</p>", 999).is_err(), "{coding:?}");
            assert_eq!(decode(coding, b"", 1).unwrap(), b"", "nothing at all is nothing in {coding:?}");
        }
        assert!(decode(Coding::Brotli, &[0x11, 0x1e, 0, 0, 0, 0], 9).is_err(), "a window of a gigabyte");
    }

    #[test]
    fn members_follow_one_another_and_what_else_follows_is_ignored() {
        for (coding, goes_on) in [(Coding::Gzip, true), (Coding::Zstd, true), (Coding::Brotli, false), (Coding::Deflate, false)] {
            let twice = [encode(coding, b"one"), encode(coding, b"two")].concat();
            let expected = if goes_on { "onetwo" } else { "one" };
            assert_eq!(decode(coding, &twice, 3).unwrap(), expected.as_bytes(), "{coding:?}");
            let padded = [encode(coding, b"one"), vec![0; 9]].concat();
            assert_eq!(decode(coding, &padded, 4).unwrap(), b"one", "{coding:?}");
        }
    }

    #[test]
    fn the_bare_format_of_deflate_is_taken_too() {
        let mut encoder = compression_codecs::DeflateEncoder::new(Level::Fastest.into());
        let mut made = Vec::new();
        grow(&mut made, |output| encoder.encode(&mut PartialBuffer::new(&b"hello"[..]), output)).unwrap();
        while !grow(&mut made, |output| encoder.finish(output)).unwrap() {}
        assert_eq!(decode(Coding::Deflate, &made, 2).unwrap(), b"hello");
    }

    #[test]
    fn a_few_bytes_that_unfold_to_many_come_piece_by_piece() {
        for coding in ALL {
            let encoded = encode(coding, &vec![b'a'; 8 * 1024 * 1024]);
            let mut body = Decoded::new(Body::from(encoded), coding);
            let mut total = 0;
            while let Some(frame) = body.frame().now_or_never().expect("nothing to wait for") {
                let length = frame.expect("no error").into_data().expect("data").len();
                assert!(length <= BUFFER_BYTES);
                total += length;
            }
            assert_eq!(total, 8 * 1024 * 1024, "{coding:?}");
        }
    }

    #[test]
    fn what_came_before_a_pause_goes_out_at_once() {
        for coding in ALL {
            let (sender, mut receiver) = tokio::sync::mpsc::channel::<Result<Bytes, io::Error>>(8);
            let body = Body::from_stream(stream::poll_fn(move |cx| receiver.poll_recv(cx)));
            let mut body = Decoded::new(
                Body::new(Encoded::new(Body::new(Decoded::new(Body::new(Encoded::new(body, coding)), coding)), coding)),
                coding,
            );
            let mut heard = String::new();
            for said in ["one ", "two ", "three"] {
                sender.try_send(Ok(Bytes::from(said))).expect("room");
                let expected = format!("{heard}{said}");
                while let Some(Some(frame)) = body.frame().now_or_never() {
                    heard.push_str(std::str::from_utf8(&frame.expect("no error").into_data().expect("data")).expect("text"));
                }
                assert_eq!(heard, expected, "{coding:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn garbage_harms_nobody(bytes in proptest::collection::vec(any::<u8>(), 0..200), length in 1_usize..50, coding in 0_usize..4) {
            let _ = decode(ALL[coding], &bytes, length);
        }

        #[test]
        fn damage_is_no_panic(flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), coding in 0_usize..4) {
            let mut encoded = encode(ALL[coding], b"<!doctype html><title>a page of some length, a page of some length</title>");
            for (at, mask) in flips {
                let at = at.index(encoded.len());
                encoded[at] ^= mask;
            }
            let _ = decode(ALL[coding], &encoded, 16);
        }
    }
}
