//! `GET /api/trace`: the dev loop and the requests as a trace that Chrome's DevTools, `chrome://tracing` and Perfetto load.
//!
//! The format is Trace Event Format in its object form, with complete events (`X`), moments (`i`) and names (`M`). Times are
//! microseconds from the first event. What a request went through is drawn inside of it, one phase behind the other: how long each
//! took is known, not when it began.

use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;

use super::rows::{Span, arrange};
use crate::{
    telemetry::{Entry, Stage, Timeline},
    traffic::{Exchange, Recorder},
};

/// Rows of one kind of event, at most: what is more at once is drawn over the last one's.
const ROWS: usize = 100;

/// Events of one kind, in rows of their own.
#[derive(Clone, Copy)]
enum Track {
    Saves,
    Builds,
    Program,
    Requests,
}

impl Track {
    const ALL: [Self; 4] = [Self::Saves, Self::Builds, Self::Program, Self::Requests];

    fn name(self) -> &'static str {
        match self {
            Self::Saves => "saves",
            Self::Builds => "builds",
            Self::Program => "program",
            Self::Requests => "requests",
        }
    }

    fn of(stage: Stage) -> Self {
        match stage {
            Stage::Save | Stage::Settle | Stage::Told | Stage::Painted => Self::Saves,
            Stage::Build => Self::Builds,
            Stage::Start | Stage::Swap => Self::Program,
        }
    }

    /// The number of one of its rows among all rows.
    fn thread(self, row: usize) -> usize {
        1 + self as usize * ROWS + row.min(ROWS - 1)
    }
}

/// The whole file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Trace {
    trace_events: Vec<Event>,
    display_time_unit: &'static str,
    other_data: About,
}

/// What a person wants to know of a trace.
#[derive(Debug, Serialize)]
struct About {
    everlit: &'static str,
    project: String,
    /// When the first event was, in RFC 3339.
    began: String,
    /// Events of the dev loop, and requests, that are not kept any more.
    loop_events_left_out: u64,
    requests_left_out: u64,
}

#[derive(Debug, Serialize)]
struct Event {
    name: String,
    cat: &'static str,
    ph: &'static str,
    ts: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<f64>,
    pid: u32,
    tid: usize,
    /// A moment is drawn in its row alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'static str>,
    args: Args,
}

#[derive(Debug, Default, Serialize)]
struct Args {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sort_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<WireRequest>,
}

#[derive(Debug, Serialize)]
struct WireRequest {
    id: u64,
    method: String,
    path: String,
    status: u16,
}

impl Span for Entry {
    const HOLDS: bool = true;

    fn began(&self) -> Instant {
        self.began
    }

    fn ended(&self) -> Instant {
        self.ended
    }
}

impl Span for Exchange {
    const HOLDS: bool = false;

    fn began(&self) -> Instant {
        self.clock
    }

    fn ended(&self) -> Instant {
        self.clock + self.took
    }
}

/// All that is kept, or what ended within the `last`.
pub(super) fn trace(project: &str, timeline: &Timeline, recorder: &Recorder, last: Option<Duration>) -> Trace {
    let now = Instant::now();
    let since = last.and_then(|last| now.checked_sub(last));
    let is_wanted = |ended: Instant| since.is_none_or(|since| ended >= since);
    let (entries, loop_events_left_out) = timeline.entries();
    let exchanges = recorder.exchanges();
    let requests_left_out = exchanges.first().map_or(0, |oldest| oldest.id - 1);
    let entries: Vec<_> = entries.into_iter().filter(|entry| is_wanted(entry.ended)).collect();
    let exchanges: Vec<_> = exchanges.into_iter().filter(|exchange| is_wanted(exchange.ended())).collect();
    let beginnings = entries.iter().map(Span::began).chain(exchanges.iter().map(Span::began));
    let origin = beginnings.min().unwrap_or(now);
    let began = SystemTime::now().checked_sub(origin.elapsed()).and_then(|began| jiff::Timestamp::try_from(began).ok());
    let other_data = About {
        everlit: env!("CARGO_PKG_VERSION"),
        project: project.to_owned(),
        began: began.map(|began| began.to_string()).unwrap_or_default(),
        loop_events_left_out,
        requests_left_out,
    };
    let mut writer = Writer { origin, pid: std::process::id(), rows: [0; Track::ALL.len()], events: Vec::new() };
    for track in [Track::Saves, Track::Builds, Track::Program] {
        writer.add_entries(
            track,
            entries.iter().filter(|entry| Track::of(entry.stage) as usize == track as usize).cloned().collect(),
        );
    }
    writer.add_exchanges(exchanges);
    writer.add_names(project);
    Trace { trace_events: writer.events, display_time_unit: "ms", other_data }
}

/// Gathers events.
struct Writer {
    origin: Instant,
    pid: u32,
    /// How many rows each track has.
    rows: [usize; Track::ALL.len()],
    events: Vec<Event>,
}

impl Writer {
    fn add_entries(&mut self, track: Track, mut entries: Vec<Entry>) {
        let rows = arrange(&mut entries);
        for (entry, row) in entries.into_iter().zip(rows) {
            let thread = self.thread(track, row);
            let args =
                Args { what: Some(entry.words), generation: entry.generation.map(|generation| generation.0), ..Args::default() };
            let took = (entry.stage != Stage::Save).then(|| entry.ended - entry.began);
            self.add(thread, name(entry.stage).to_owned(), "loop", (entry.began, took), args);
        }
    }

    fn add_exchanges(&mut self, mut exchanges: Vec<Exchange>) {
        let rows = arrange(&mut exchanges);
        for (exchange, row) in exchanges.into_iter().zip(rows) {
            let thread = self.thread(Track::Requests, row);
            let Exchange { id, clock, took, spent, status, generation, path, method, .. } = exchange;
            let request = WireRequest { id, method: method.to_string(), path, status: status.as_u16() };
            let name = format!("{method} {}", request.path);
            let args = Args { generation: Some(generation.0), request: Some(request), ..Args::default() };
            self.add(thread, name, "request", (clock, Some(took)), args);
            let mut passed = Duration::ZERO;
            for (phase, micros) in spent.iter() {
                let lasted = Duration::from_micros(micros.into()).min(took - passed);
                self.add(thread, phase.name().to_owned(), "phase", (clock + passed, Some(lasted)), Args::default());
                passed += lasted;
            }
        }
    }

    /// Adds a moment, or what took some time.
    fn add(&mut self, tid: usize, name: String, cat: &'static str, (began, took): (Instant, Option<Duration>), args: Args) {
        let ts = in_micros(began - self.origin);
        let (ph, s) = if took.is_some() { ("X", None) } else { ("i", Some("t")) };
        let dur = took.map(in_micros);
        self.events.push(Event { name, cat, ph, ts, dur, pid: self.pid, tid, s, args });
    }

    fn thread(&mut self, track: Track, row: usize) -> usize {
        let rows = &mut self.rows[track as usize];
        *rows = (*rows).max(row + 1);
        track.thread(row)
    }

    /// Names the process and the rows, in the order in which they are drawn.
    fn add_names(&mut self, project: &str) {
        self.add_name("process_name", 0, Args { name: Some(format!("everlit {project}")), ..Args::default() });
        for track in Track::ALL {
            for row in 0..self.rows[track as usize].min(ROWS) {
                let (thread, bare) = (track.thread(row), track.name());
                let name = if row == 0 { bare.to_owned() } else { format!("{bare} {}", row + 1) };
                self.add_name("thread_name", thread, Args { name: Some(name), ..Args::default() });
                self.add_name("thread_sort_index", thread, Args { sort_index: Some(thread), ..Args::default() });
            }
        }
    }

    fn add_name(&mut self, name: &str, tid: usize, args: Args) {
        self.events.push(Event {
            name: name.to_owned(),
            cat: "__metadata",
            ph: "M",
            ts: 0.0,
            dur: None,
            pid: self.pid,
            tid,
            s: None,
            args,
        });
    }
}

fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Save => "save",
        Stage::Settle => "settle",
        Stage::Build => "build",
        Stage::Start => "start",
        Stage::Swap => "swap",
        Stage::Told => "told",
        Stage::Painted => "painted",
    }
}

fn in_micros(took: Duration) -> f64 {
    took.as_secs_f64() * 1e6
}
