//! Any frames into a reload socket: it ends in order, what it said is whole, and the next one is told of everything.
//!
//! With an even first byte an input is what a client sends, byte for byte. With an odd one each piece up to a 0xFF is a frame, whose first
//! byte is its own (FIN and opcode), and the rest its payload.
#![no_main]

use std::sync::OnceLock;

use everlit::{generation::Generation, reload::Message};
use everlit_fuzz::{
    folder::{fill, folder},
    live::{Live, bounded, converse},
};
use libfuzzer_sys::fuzz_target;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

static LIVE: OnceLock<Live> = OnceLock::new();

/// A masked frame whose mask changes nothing.
const MASKED: u8 = 0x80;
const NO_MASK: [u8; 4] = [0; 4];

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;

fuzz_target!(|input: &[u8]| {
    let live = LIVE.get_or_init(|| {
        let folder = folder("socket");
        fill(&folder, &[("index.html", "<!doctype html><p>")]);
        Live::new(&folder)
    });
    let [kind, bytes @ ..] = input else { return };
    let frames: Vec<u8> =
        if kind % 2 == 0 { bytes.to_vec() } else { bytes.split(|byte| *byte == 0xff).flat_map(frame).collect() };
    live.served.runtime.block_on(async {
        let (stream, mut heard) = open(live).await;
        heard.extend(converse(stream, &[&frames]).await);
        check(&heard);

        let (mut stream, mut heard) = open(live).await;
        live.served.hub.send(&Message::ok(Generation(2), &[]));
        let told = async {
            while frames_in(&heard).len() < 2 {
                assert!(stream.read_buf(&mut heard).await.expect("it is open") > 0, "it is told before it ends");
            }
        };
        bounded("a message", told).await;
        assert!(text(frames_in(&heard)[1]).contains("\"type\":\"ok\""));
    });
    assert_eq!(live.served.hub.tabs(), 0, "those that went are not counted");
});

/// A socket whose handshake is over, and what came behind that.
async fn open(live: &Live) -> (TcpStream, Vec<u8>) {
    let mut stream = live.connect().await;
    let asked = format!(
        "GET /__everlit/ws?token={} HTTP/1.1\r\nHost: localhost:4747\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        live.served.page_token
    );
    let mut heard = Vec::new();
    let shake = async {
        stream.write_all(asked.as_bytes()).await.expect("it is open");
        loop {
            if let Some(end) = memchr::memmem::find(&heard, b"\r\n\r\n") {
                return end + 4;
            }
            assert!(stream.read_buf(&mut heard).await.expect("it is open") > 0, "it is answered before it ends");
        }
    };
    let end = bounded("a handshake", shake).await;
    assert!(heard.starts_with(b"HTTP/1.1 101 "));
    (stream, heard.split_off(end))
}

/// A piece of an input as a frame.
fn frame(piece: &[u8]) -> Vec<u8> {
    let Some((first, payload)) = piece.split_first() else { return Vec::new() };
    let length = match payload.len() {
        length @ ..126 => vec![MASKED | length as u8],
        length => [&[MASKED | 126][..], &(length as u16).to_be_bytes()].concat(),
    };
    [&[*first][..], &length, &NO_MASK, payload].concat()
}

/// All that a server said: a hello, texts of JSON, and at most one close, which is the last.
fn check(heard: &[u8]) {
    let frames = frames_in(heard);
    // Who sends what cannot be may be gone before the hello.
    let texts = frames.iter().filter(|frame| frame[0] == TEXT);
    for (place, frame) in texts.enumerate() {
        let text = text(frame);
        let said: serde_json::Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(said["type"] == "hello", place == 0, "{text}");
    }
    let closes = frames.iter().filter(|frame| frame[0] == CLOSE).count();
    assert!(closes == 0 || closes == 1 && frames.last().is_some_and(|last| last[0] == CLOSE), "{frames:?}");
    assert_eq!(frames.iter().map(|frame| frame.len()).sum::<usize>(), heard.len(), "the last frame is whole");
}

/// The whole frames at the start of what was heard.
fn frames_in(mut heard: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    while let [first, length, rest @ ..] = heard {
        assert!([TEXT, CLOSE, 0x89, 0x8a].contains(first), "{first:#x} is no frame of a server of ours");
        assert!(length & MASKED == 0, "servers do not mask");
        let (head, length) = match (length, rest) {
            (126, [high, low, ..]) => (4, usize::from(u16::from_be_bytes([*high, *low]))),
            (126 | 127, _) => break,
            (length, _) => (2, usize::from(*length)),
        };
        let Some((frame, behind)) = heard.split_at_checked(head + length) else { break };
        frames.push(frame);
        heard = behind;
    }
    frames
}

fn text(frame: &[u8]) -> &str {
    let head = if frame[1] == 126 { 4 } else { 2 };
    std::str::from_utf8(&frame[head..]).expect("it is UTF-8")
}
