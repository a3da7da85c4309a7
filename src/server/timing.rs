//! `Server-Timing`: what an answer's time went to, where browsers show it beside their own figures
//! (<https://www.w3.org/TR/server-timing/>).
//!
//! Durations are milliseconds. The field is a line of its own behind those of a program, whose entries stay as they are. It is made
//! once for each answer, also for a remembered one: formatted on the stack, and copied once.

use std::time::Instant;

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};

use super::origin::says;
use crate::{
    field::SEC_FETCH_SITE,
    telemetry::{Phases, in_micros},
};

static SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
static TIMING_ALLOW_ORIGIN: HeaderName = HeaderName::from_static("timing-allow-origin");
static EVERLIT_GENERATION: HeaderName = HeaderName::from_static("everlit-generation");

/// Bytes of the longest value there can be: seven entries, with the largest numbers.
const LONGEST: usize = 256;

/// Whether a file or page came from what is kept in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cache {
    Hit,
    Miss,
}

/// Times one answer, from the head of its request.
pub(super) struct Stopwatch {
    began: Instant,
    phases: Phases,
    cache: Option<Cache>,
    /// Whether the browser says that a page of another origin asks.
    is_foreign: bool,
}

impl Stopwatch {
    pub(super) fn start() -> Self {
        Self { began: Instant::now(), phases: Phases::default(), cache: None, is_foreign: false }
    }

    /// When the head of the request was there.
    pub(super) fn began(&self) -> Instant {
        self.began
    }

    /// Has everybody who answers a request count what they spend.
    pub(super) fn follow(&mut self, request: &mut Request<Body>) {
        self.phases = Phases::begin();
        self.is_foreign =
            !says(request.headers(), &SEC_FETCH_SITE, "same-origin") && !says(request.headers(), &SEC_FETCH_SITE, "none");
        request.extensions_mut().insert(self.phases.clone());
    }

    pub(super) fn note(&mut self, cache: Cache) {
        self.cache = Some(cache);
    }

    /// Keeps a place for the field in an answer that will be given again: to make one each time, all its fields would be moved.
    pub(super) fn keep_place(response: &mut Response<Body>) {
        response.headers_mut().insert(&SERVER_TIMING, HeaderValue::from_static("total"));
    }

    /// Says it all in an answer, whose head leaves now. A program may let other origins read its own figures; ours are for its pages.
    pub(super) fn mark(&self, response: &mut Response<Body>) {
        let headers = response.headers_mut();
        if self.is_foreign && headers.contains_key(&TIMING_ALLOW_ORIGIN) {
            return;
        }
        let Ok(value) = HeaderValue::from_bytes(self.words(headers).as_bytes()) else { return };
        let kept = self.cache.and_then(|_| headers.get_mut(&SERVER_TIMING));
        match kept {
            Some(kept) => *kept = value,
            None => drop(headers.append(&SERVER_TIMING, value)),
        }
    }

    fn words(&self, headers: &HeaderMap) -> Words {
        let mut words = Words::default();
        words.duration("total", in_micros(self.began.elapsed()));
        for (phase, micros) in self.phases.spent().iter() {
            words.duration(phase.name(), micros);
        }
        match self.cache {
            Some(Cache::Hit) => words.description("cache", b"hit"),
            Some(Cache::Miss) => words.description("cache", b"miss"),
            None => (),
        }
        if let Some(generation) = headers.get(&EVERLIT_GENERATION) {
            let said = generation.as_bytes();
            let digits = said.iter().take_while(|byte| byte.is_ascii_digit()).count();
            words.description("generation", &said[..digits]);
        }
        words
    }
}

/// A value of the field while it is written.
struct Words {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Default for Words {
    fn default() -> Self {
        Self { bytes: [0; LONGEST], length: 0 }
    }
}

impl Words {
    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// `app;dur=1.204`
    fn duration(&mut self, name: &str, micros: u32) {
        self.begin(name);
        self.push(b";dur=");
        self.number(micros / 1000);
        let thousandths = micros % 1000;
        if thousandths > 0 {
            let digits = [thousandths / 100, thousandths / 10 % 10, thousandths % 10].map(digit);
            self.push(b".");
            self.push(&digits[..digits.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1)]);
        }
    }

    /// `cache;desc=hit`; the description is a token.
    fn description(&mut self, name: &str, token: &[u8]) {
        self.begin(name);
        self.push(b";desc=");
        self.push(token);
    }

    fn begin(&mut self, name: &str) {
        if self.length > 0 {
            self.push(b", ");
        }
        self.push(name.as_bytes());
    }

    fn number(&mut self, mut number: u32) {
        let mut digits = [0; 10];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = digit(number % 10);
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.push(&digits[at..]);
    }

    /// What finds no room is left out.
    fn push(&mut self, bytes: &[u8]) {
        if let Some(room) = self.bytes[self.length..].get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
            self.length += bytes.len();
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it is less than 10")]
fn digit(number: u32) -> u8 {
    b'0' + number as u8
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::telemetry::Phase;

    #[test]
    fn durations_have_at_most_three_decimals() {
        let check = |micros: u32, expected: &str| {
            let mut words = Words::default();
            words.duration("app", micros);
            assert_eq!(std::str::from_utf8(words.as_bytes()).unwrap(), format!("app;dur={expected}"));
        };
        check(0, "0");
        check(7, "0.007");
        check(40, "0.04");
        check(500, "0.5");
        check(1_000, "1");
        check(12_345, "12.345");
        check(2_000_010, "2000.01");
        check(u32::MAX, "4294967.295");
    }

    /// The field's lines in an answer with these headers, the total without its figure.
    fn marked(stopwatch: &Stopwatch, headers: &[(&HeaderName, &'static str)]) -> Vec<String> {
        let mut response = Response::new(Body::empty());
        for (name, value) in headers {
            response.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        stopwatch.mark(&mut response);
        let lines = response.headers().get_all(&SERVER_TIMING).iter().map(|line| line.to_str().unwrap());
        let bare = |line: &str| match line.strip_prefix("total;dur=") {
            Some(rest) => format!("total{}", rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.')),
            None => line.to_owned(),
        };
        lines.map(bare).collect()
    }

    #[test]
    fn only_what_applies_is_said() {
        let mut stopwatch = Stopwatch::start();
        assert_eq!(marked(&stopwatch, &[]), ["total"]);
        stopwatch.note(Cache::Hit);
        assert_eq!(marked(&stopwatch, &[(&EVERLIT_GENERATION, "41")]), ["total, cache;desc=hit, generation;desc=41"]);
        assert_eq!(
            marked(&stopwatch, &[(&SERVER_TIMING, "total")]),
            ["total, cache;desc=hit"],
            "it is said in the place that is kept"
        );
        let mut request = Request::get("/").header("sec-fetch-site", "same-origin").body(Body::empty()).unwrap();
        stopwatch.follow(&mut request);
        stopwatch.note(Cache::Miss);
        let phases = Phases::of(request.extensions());
        phases.add(Phase::Inject, Duration::from_micros(70));
        phases.add(Phase::Queue, Duration::from_millis(1200));
        let all = "total, queue;dur=1200, inject;dur=0.07, cache;desc=miss, generation;desc=41";
        assert_eq!(marked(&stopwatch, &[(&EVERLIT_GENERATION, "41; stale")]), [all]);
    }

    #[test]
    fn what_a_program_says_stays_before_ours() {
        let (stopwatch, theirs) = (Stopwatch::start(), "db;dur=53, total;dur=60");
        assert_eq!(marked(&stopwatch, &[(&SERVER_TIMING, theirs)]), [theirs, "total"]);
    }

    #[test]
    fn other_origins_do_not_read_ours_where_they_may_read_the_program_s() {
        let check = |site: Option<&str>, lines: usize| {
            let mut request = Request::get("/");
            if let Some(site) = site {
                request = request.header("sec-fetch-site", site);
            }
            let mut stopwatch = Stopwatch::start();
            stopwatch.follow(&mut request.body(Body::empty()).unwrap());
            assert_eq!(marked(&stopwatch, &[(&TIMING_ALLOW_ORIGIN, "*")]).len(), lines, "{site:?}");
            assert_eq!(marked(&stopwatch, &[]).len(), 1, "{site:?}");
        };
        check(Some("same-origin"), 1);
        check(Some("none"), 1);
        check(Some("cross-site"), 0);
        check(Some("same-site"), 0);
        check(None, 0);
    }

    #[test]
    fn the_longest_value_has_room() {
        let mut words = Words::default();
        words.duration("total", u32::MAX);
        for phase in Phase::ALL {
            words.duration(phase.name(), u32::MAX);
        }
        words.description("cache", b"miss");
        words.description("generation", u64::MAX.to_string().as_bytes());
        assert!(std::str::from_utf8(words.as_bytes()).unwrap().ends_with(&u64::MAX.to_string()));
    }
}
