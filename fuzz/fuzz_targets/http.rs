//! Any bytes as HTTP: the connection ends once they do, and whoever comes next is answered.
//!
//! The first byte of an input says where it is cut in two.
#![no_main]

use std::sync::OnceLock;

use everlit_fuzz::{
    folder::{fill, folder},
    live::Live,
};
use libfuzzer_sys::fuzz_target;

static LIVE: OnceLock<Live> = OnceLock::new();

/// Nothing is written: an input is to change nothing for the next one.
const FILES: [(&str, &str); 6] = [
    ("everlit.toml", "read_only = true\n[cors]\norigins = [\"http://app.example:5000\"]\n"),
    ("static/a.txt", "what is asked for"),
    ("static/app.js", "import.meta.hot.accept();\n"),
    ("templates/index.html", "<!doctype html><title>{{ 1 + 1 }}</title>"),
    ("templates/posts/[id].html", "<h1>{{ item.title }}</h1>"),
    ("data/posts.json", "[{\"id\": 1, \"title\": \"one\"}, {\"id\": 2, \"title\": \"two\"}]"),
];

const PROPER: &[u8] = b"GET /a.txt HTTP/1.1\r\nHost: localhost:4747\r\nConnection: close\r\n\r\n";

fuzz_target!(|input: &[u8]| {
    let live = LIVE.get_or_init(|| {
        let folder = folder("http");
        fill(&folder, &FILES);
        Live::new(&folder)
    });
    let [cut, bytes @ ..] = input else { return };
    let (first, second) = bytes.split_at(usize::from(*cut).min(bytes.len()));
    let (heard, proper) = live.served.runtime.block_on(async {
        let heard = live.say(&[first, second]).await;
        (heard, live.say(&[PROPER]).await)
    });
    assert!(proper.starts_with(b"HTTP/1.1 200 OK\r\n") && proper.ends_with(b"\r\n\r\nwhat is asked for"));
    // HTTP/2 has another beginning.
    let is_old = !bytes.starts_with(b"PRI ");
    assert!(!is_old || heard.is_empty() || heard.starts_with(b"HTTP/1."), "{:?}", String::from_utf8_lossy(&heard));
});
