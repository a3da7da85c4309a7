//! What is left alone is left alone whole: its bytes, its length, its validators, its digests.

use super::exchange::Page;

const PAGE: &str = "<!doctype html><html><head><title>a</title></head><body>b</body></html>";

/// Fields that would be others behind an insertion.
const FIELDS: [(&str, &str); 8] = [
    ("content-length", "71"),
    ("etag", "\"v1\""),
    ("last-modified", "Sat, 21 Nov 2026 00:00:00 GMT"),
    ("accept-ranges", "bytes"),
    ("content-md5", "x"),
    ("digest", "x"),
    ("content-digest", "x"),
    ("repr-digest", "x"),
];

/// What is asked and what is answered besides, and the reason.
type Case = (&'static [(&'static str, &'static str)], &'static [(&'static str, &'static str)], &'static str);

const CASES: [Case; 19] = [
    (&[("hx-request", "true")], &[], "fragment"),
    (&[("hx-request", "true"), ("hx-boosted", "true")], &[], "fragment"),
    (&[("hx-request", "true"), ("hx-history-restore-request", "true")], &[], "fragment"),
    (&[("turbo-frame", "cart"), ("accept", "text/html, application/xhtml+xml")], &[], "fragment"),
    (&[("x-turbo-request-id", "1")], &[], "fragment"),
    (&[("datastar-request", "true")], &[], "fragment"),
    (&[("x-up-version", "3.15.0"), ("x-up-target", "main")], &[], "fragment"),
    (&[("x-requested-with", "XMLHttpRequest")], &[], "fragment"),
    (&[("sec-fetch-dest", "empty"), ("accept", "*/*")], &[], "fragment"),
    (&[("upgrade", "websocket")], &[], "fragment"),
    (&[], &[("content-disposition", "attachment; filename=\"a.html\"")], "attachment"),
    (&[], &[("cache-control", "max-age=60, no-transform")], "no-transform"),
    (&[], &[("everlit-inject", "off")], "disabled-by-app"),
    (&[], &[("content-encoding", "compress")], "encoded"),
    (&[], &[("content-encoding", "gzip, br")], "encoded"),
    (&[], &[("content-type", "text/html; charset=iso-2022-jp")], "charset"),
    (&[], &[("content-type", "application/xhtml+xml")], "xhtml"),
    (&[], &[("content-security-policy", "sandbox")], "sandbox"),
    (&[], &[("content-security-policy", "script-src 'strict-dynamic'")], "csp"),
];

#[test]
fn everything_but_the_reason_is_as_it_was() {
    for (asked, answered, reason) in CASES {
        let mut page = Page::of(vec![PAGE[..20].into(), PAGE[20..].into()]);
        page = asked.iter().fold(page, |page, (name, value)| page.asked(name, *value));
        page = answered.iter().chain(&FIELDS).fold(page, |page, (name, value)| page.answered(name, *value));
        let got = page.get();
        let case = format!("{asked:?} {answered:?}");
        assert_eq!(String::from_utf8_lossy(&got.body), PAGE, "{case}");
        assert_eq!(got.header("everlit-inject"), format!("skipped; reason={reason}"), "{case}");
        for (name, value) in answered.iter().chain(&FIELDS).filter(|(name, _)| *name != "everlit-inject") {
            assert_eq!(got.header(name), *value, "{name} of {case}");
        }
    }
}

#[test]
fn what_is_no_page_does_not_even_get_a_reason() {
    for media_type in ["application/json", "text/event-stream", "text/plain", "image/svg+xml", "text/vnd.turbo-stream.html"] {
        let got = Page::of(vec![PAGE.into()]).answered("content-type", media_type).answered("etag", "\"v1\"").get();
        assert_eq!(String::from_utf8_lossy(&got.body), PAGE, "{media_type}");
        assert_eq!((got.header("everlit-inject"), got.header("etag")), ("", "\"v1\""), "{media_type}");
        assert_eq!(got.header("everlit-generation"), "7", "{media_type}");
    }
}
