//! Every document, however it is written, encoded and cut.

use std::io::Cursor;

use async_compression::{Level, tokio::bufread};
use futures_util::FutureExt;
use proptest::prelude::*;
use scraper::{Html, Selector};
use tokio::io::AsyncReadExt;

use super::{
    documents::DOCUMENTS,
    exchange::{Got, Page, TAG},
};

/// How a document is written: the letters' encoding, what the response says of it, and the mark before it.
#[derive(Clone, Copy, Debug)]
struct Written {
    wide: Option<fn(u16) -> [u8; 2]>,
    media_type: &'static str,
    mark: &'static [u8],
}

const NARROW: Option<fn(u16) -> [u8; 2]> = None;

const WRITTEN: [Written; 9] = [
    Written { wide: NARROW, media_type: "text/html", mark: b"" },
    Written { wide: NARROW, media_type: "text/html; charset=utf-8", mark: b"\xef\xbb\xbf" },
    Written { wide: NARROW, media_type: "text/html; charset=utf-16", mark: b"\xef\xbb\xbf" },
    Written { wide: NARROW, media_type: "Text/HTML;charset=\"ISO-8859-1\"", mark: b"" },
    Written { wide: Some(u16::to_le_bytes), media_type: "text/html; charset=utf-16le", mark: b"" },
    Written { wide: Some(u16::to_be_bytes), media_type: "text/html; charset=UTF-16BE", mark: b"" },
    Written { wide: Some(u16::to_le_bytes), media_type: "text/html", mark: b"\xff\xfe" },
    Written { wide: Some(u16::to_be_bytes), media_type: "text/html; charset=utf-8", mark: b"\xfe\xff" },
    Written { wide: Some(u16::to_be_bytes), media_type: "text/html; charset=utf-16le", mark: b"\xfe\xff" },
];

impl Written {
    fn write(&self, text: &str) -> Vec<u8> {
        let letters = match self.wide {
            Some(to_bytes) => text.encode_utf16().flat_map(to_bytes).collect(),
            // Latin-1 has one byte for each of its letters.
            None if self.media_type.contains("8859") => text.chars().map(|letter| letter as u8).collect(),
            None => text.as_bytes().to_vec(),
        };
        [self.mark, &letters].concat()
    }
}

/// A document without the `^` that marks the place.
fn bare(document: &str) -> String {
    document.replacen('^', "", 1)
}

fn in_pieces(page: &[u8], length: usize) -> Vec<Vec<u8>> {
    page.chunks(length.max(1)).map(<[u8]>::to_vec).collect()
}

/// Checks that an answer's fields are those of its body.
fn check_fields(got: &Got) {
    if let Some(length) = got.headers.get("content-length") {
        assert_eq!(length.to_str().expect("text"), got.body.len().to_string());
    }
    for name in ["accept-ranges", "last-modified", "content-md5", "digest", "content-digest", "repr-digest"] {
        assert_eq!(got.header(name), "", "{name}");
    }
}

/// A page with the fields of which each would be wrong behind our insertion.
fn page(pieces: Vec<Vec<u8>>) -> Page {
    let length = pieces.iter().map(Vec::len).sum::<usize>().to_string();
    Page::of(pieces)
        .answered("content-length", length)
        .answered("accept-ranges", "bytes")
        .answered("last-modified", "Sat, 21 Nov 2026 00:00:00 GMT")
        .answered("content-md5", "x")
        .answered("digest", "x")
        .answered("content-digest", "x")
        .answered("repr-digest", "x")
        .answered("etag", "\"v1\"")
}

#[test]
fn each_document_in_every_encoding_cut_everywhere() {
    for (name, document) in DOCUMENTS {
        for written in &WRITTEN {
            let original = written.write(&bare(document));
            let expected = written.write(&document.replacen('^', TAG, 1));
            let check = |pieces: Vec<Vec<u8>>| {
                let got = page(pieces).answered("content-type", written.media_type).get();
                let text = String::from_utf8_lossy(&got.body);
                assert!(got.body == expected, "{name} as {written:?}: {text}");
                assert_eq!(got.header("etag"), "W/\"v1-everlit-7s\"");
                check_fields(&got);
                got
            };
            let got = check(vec![original.clone()]);
            let said = if written.wide.is_some() { "injected; charset=utf-16" } else { "injected" };
            assert_eq!(got.header("everlit-inject"), said, "{name} as {written:?}");
            check(in_pieces(&original, 1));
            check(in_pieces(&original, 5));
            // What a mark says is settled before any of it is cut.
            for cut in (0..original.len()).filter(|_| written.mark.is_empty()) {
                let (left, right) = original.split_at(cut);
                check(vec![left.to_vec(), right.to_vec()]);
            }
        }
    }
}

#[test]
fn each_document_means_the_same_to_a_parser() {
    let ours = Selector::parse("script[data-generation='7']").expect("a selector");
    let first = Selector::parse("html > head > script[data-generation='7']:first-child").expect("a selector");
    for (name, document) in DOCUMENTS {
        let got = Page::of(vec![bare(document).into_bytes()]).answered("content-type", "text/html; charset=utf-8").get();
        let mut dom = Html::parse_document(&String::from_utf8(got.body).expect("UTF-8"));
        // Within a comment that never ends nothing is an element.
        let is_lost = name == "a comment that never ends" || name == "an unfinished tag";
        let scripts: Vec<_> = dom.select(&ours).map(|script| script.id()).collect();
        assert_eq!((scripts.len(), dom.select(&first).count()), if is_lost { (0, 0) } else { (1, 1) }, "{name}");
        for script in scripts {
            dom.tree.get_mut(script).expect("it was just found").detach();
        }
        if !is_lost {
            assert_eq!(dom.html(), Html::parse_document(&bare(document)).html(), "{name}");
        }
    }
}

const CODINGS: [&str; 5] = ["gzip", "x-gzip", "deflate", "br", "zstd"];

/// Through another implementation's encoder or decoder of the coding.
fn read_all(reader: impl tokio::io::AsyncRead + Unpin) -> Vec<u8> {
    let mut reader = reader;
    let mut whole = Vec::new();
    reader.read_to_end(&mut whole).now_or_never().expect("it is in memory").expect("it is whole");
    whole
}

fn encode(coding: &str, plain: &[u8]) -> Vec<u8> {
    let plain = Cursor::new(plain);
    match coding {
        "gzip" | "x-gzip" => read_all(bufread::GzipEncoder::with_quality(plain, Level::Fastest)),
        "deflate" => read_all(bufread::ZlibEncoder::with_quality(plain, Level::Fastest)),
        "br" => read_all(bufread::BrotliEncoder::with_quality(plain, Level::Fastest)),
        _ => read_all(bufread::ZstdEncoder::with_quality(plain, Level::Fastest)),
    }
}

fn decode(coding: &str, encoded: &[u8]) -> Vec<u8> {
    let encoded = Cursor::new(encoded);
    match coding {
        "" => encoded.into_inner().to_vec(),
        "gzip" => read_all(bufread::GzipDecoder::new(encoded)),
        "deflate" => read_all(bufread::ZlibDecoder::new(encoded)),
        "br" => read_all(bufread::BrotliDecoder::new(encoded)),
        "zstd" => read_all(bufread::ZstdDecoder::new(encoded)),
        other => panic!("{other}"),
    }
}

#[test]
fn each_document_in_every_coding() {
    for (name, document) in DOCUMENTS {
        let expected = document.replacen('^', TAG, 1);
        for coding in CODINGS {
            let encoded = encode(coding, bare(document).as_bytes());
            for (accept, length) in [("gzip, deflate, br, zstd", 1), ("", usize::MAX)] {
                let got = page(in_pieces(&encoded, length))
                    .asked("accept-encoding", accept)
                    .answered("content-encoding", coding)
                    .answered("content-type", "text/html; charset=utf-8")
                    .get();
                let token = if coding == "x-gzip" { "gzip" } else { coding };
                let (is_encoded, said) = match accept {
                    "" => ("", format!("injected; decoded={token}")),
                    _ => (token, format!("injected; coding={token}")),
                };
                assert_eq!(got.header("content-encoding"), is_encoded, "{name} in {coding}");
                assert_eq!(String::from_utf8_lossy(&decode(is_encoded, &got.body)), expected, "{name} in {coding}");
                assert_eq!((got.header("everlit-inject"), got.header("vary")), (said.as_str(), "Accept-Encoding"), "{name}");
                check_fields(&got);
            }
        }
    }
}

#[test]
fn a_coding_that_cannot_be_undone_passes_untouched() {
    for coding in ["compress", "gzip, br", "dcz"] {
        let got = page(vec![b"<head>".to_vec()]).answered("content-encoding", coding).get();
        assert_eq!((got.body.as_slice(), got.header("content-encoding")), (&b"<head>"[..], coding));
        assert_eq!((got.header("everlit-inject"), got.header("etag")), ("skipped; reason=encoded", "\"v1\""));
        assert_eq!((got.header("content-length"), got.header("digest")), ("6", "x"));
    }
}

/// Bits of markup in any order, so that heads, comments, scripts and quotes meet in every way.
fn markup() -> impl Strategy<Value = String> {
    let bits = proptest::sample::select(vec![
        "<!doctype html>",
        "<html",
        "<head",
        "</head>",
        "<body",
        "<header",
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
        "<style>",
        "</style>",
        "<noscript>",
        "</noscript>",
        "<template>",
        "</template>",
        "<svg>",
        "<meta",
        " http-equiv=content-security-policy",
        " content=\"connect-src a\"",
        "text",
        " ",
        "\n",
        "\u{e9}",
        "<",
        "=",
        "&#39;",
    ]);
    proptest::collection::vec(bits, 0..24).prop_map(|bits| bits.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_page_without_our_insertions_is_what_came(
        text in markup(),
        written in proptest::sample::select(WRITTEN.to_vec()),
        coding in proptest::option::of(proptest::sample::select(vec!["gzip", "deflate", "br", "zstd"])),
        takes in any::<bool>(),
        length in 1_usize..40,
    ) {
        let original = written.write(&text);
        let sent = coding.map_or(original.clone(), |coding| encode(coding, &original));
        let mut page = page(in_pieces(&sent, length)).answered("content-type", written.media_type);
        if let Some(coding) = coding {
            page = page.answered("content-encoding", coding);
        }
        if takes {
            page = page.asked("accept-encoding", "gzip, deflate, br, zstd");
        }
        let got = page.get();
        check_fields(&got);
        let body = decode(got.header("content-encoding"), &got.body);
        let ours = |text: &str| Written { mark: b"", ..written }.write(text);
        let [tag, sources] = [TAG.to_owned(), format!(" http://{0}/__everlit/ ws://{0}/__everlit/", super::exchange::HOST)].map(|text| ours(&text));
        let without = without(&body, &tag);
        prop_assert!(without.is_some(), "the tag is in it once");
        prop_assert_eq!(without.map(|body| without_all(&body, &sources)), Some(original));
    }
}

/// The bytes without the first `part`.
fn without(whole: &[u8], part: &[u8]) -> Option<Vec<u8>> {
    let at = memchr::memmem::find(whole, part)?;
    Some([&whole[..at], &whole[at + part.len()..]].concat())
}

fn without_all(whole: &[u8], part: &[u8]) -> Vec<u8> {
    without(whole, part).map_or_else(|| whole.to_vec(), |rest| without_all(&rest, part))
}
