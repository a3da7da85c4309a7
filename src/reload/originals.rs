//! Leads the places that pages name in their scripts to the sources those were made from.
//!
//! A script that a page names is asked for once more, as the browser's developer tools do, and then its source map. This is the only
//! request that a report causes, so it is for what is a script by its name, of this server, never with a person's cookies, and once
//! in a generation.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::HeaderMap;
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};
use tokio_util::task::TaskTracker;

use super::{
    OWN,
    console::name,
    hub::Hub,
    source::Visitor,
    source_map::{SourceMap, absolute, base64},
};
use crate::{
    generation::Generation,
    telemetry::{Notice, PageMessage, Place},
};

/// What the path of a script ends with: a report must not cause a request for anything else.
const SCRIPTS: [&str; 9] = [".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".tsx", ".vue", ".svelte"];

/// Longest script and longest map that are read, in bytes: those of a large bundle.
const LONGEST: usize = 8 * 1024 * 1024;

/// Scripts of which it is remembered what maps they have. A stack goes through a few.
const REMEMBERED: usize = 12;

/// How long the maps for one batch may take; the next ones wait for it, so that all is told in its order.
const LIMIT: Duration = Duration::from_secs(2);

/// What stands before the address of a map at the end of a script (ECMA-426 §11.1.2.1).
const COMMENT: &str = "//# sourceMappingURL=";

/// Batches that wait for their turn; what comes on top is told as the browser said it.
const WAITING: usize = 64;

/// What is known of scripts in one generation, and whose turn it is to find out more.
#[derive(Debug)]
pub(super) struct Originals {
    known: Mutex<Known>,
    room: Semaphore,
    turn: Semaphore,
    tasks: TaskTracker,
}

#[derive(Debug, Default)]
struct Known {
    generation: Generation,
    /// `None` for those that have no map, or none that could be had.
    maps: BTreeMap<String, Option<Arc<SourceMap>>>,
}

impl Default for Originals {
    fn default() -> Self {
        Self { known: Mutex::default(), room: Semaphore::new(WAITING), turn: Semaphore::new(1), tasks: TaskTracker::new() }
    }
}

impl Originals {
    /// Runs what waits for its turn; each ends by itself.
    pub(super) fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    fn get(&self, script: &str, generation: Generation) -> Option<Option<Arc<SourceMap>>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.maps.get(script).filter(|_| known.generation == generation).cloned()
    }

    fn put(&self, script: &str, generation: Generation, map: Option<Arc<SourceMap>>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = known.maps.len() >= REMEMBERED && !known.maps.contains_key(script);
        if known.generation != generation || is_full {
            *known = Known { generation, maps: BTreeMap::new() };
        }
        known.maps.insert(script.to_owned(), map);
    }
}

impl Hub {
    /// The same messages, with their places in the sources where those are known.
    pub(super) async fn with_originals(&self, mut notices: Vec<Notice>, visitor: &Visitor) -> Vec<Notice> {
        let Originals { room, turn, .. } = self.originals();
        let Ok(_place) = room.try_acquire() else { return notices };
        let Ok(_turn) = turn.acquire().await else { return notices };
        let generation = self.standing().generation;
        let named: BTreeSet<_> = notices.iter().filter_map(message).flat_map(scripts).map(str::to_owned).collect();
        let find = async {
            for script in named.iter().take(REMEMBERED) {
                self.find_map(script, generation, visitor).await;
            }
        };
        // Those that take longer stay unknown in this generation.
        let _ = timeout(LIMIT, find).await;
        let maps = named.iter().filter_map(|script| Some((script.as_str(), self.originals().get(script, generation)??)));
        let maps: BTreeMap<_, _> = maps.collect();
        for notice in &mut notices {
            if let Notice::Console(message) = notice {
                lead_back(message, &maps);
            }
        }
        notices
    }

    async fn find_map(&self, script: &str, generation: Generation, visitor: &Visitor) {
        if self.originals().get(script, generation).is_some() {
            return;
        }
        self.originals().put(script, generation, None);
        if let Some(map) = self.read_map(script, visitor).await {
            self.originals().put(script, generation, Some(Arc::new(map)));
        }
    }

    async fn read_map(&self, script: &str, visitor: &Visitor) -> Option<SourceMap> {
        let (head, text) = self.source().file(script, visitor, LONGEST).await?;
        let path = script.split('?').next().unwrap_or(script);
        let address = named_by(&head).or_else(|| named_in(&text))?;
        if let Some(data) = address.strip_prefix("data:") {
            let (kind, data) = data.split_once(',')?;
            return parse(kind.ends_with(";base64").then(|| base64(data)).flatten()?, path).await;
        }
        // Of another server nothing is asked.
        let is_path = !address.starts_with("//") && !address.contains("://");
        let address = is_path.then(|| absolute(path, &address))?;
        let (_, map) = self.source().file(&address, visitor, LONGEST).await?;
        parse(map.to_vec(), address.split('?').next().unwrap_or(&address)).await
    }
}

/// A map of megabytes is read beside what answers requests.
async fn parse(map: Vec<u8>, at: &str) -> Option<SourceMap> {
    let at = at.to_owned();
    spawn_blocking(move || SourceMap::parse(&map, &at)).await.ok()?
}

fn message(notice: &Notice) -> Option<&PageMessage> {
    match notice {
        Notice::Console(message) => Some(message),
        _ => None,
    }
}

/// The scripts of this server that a message names.
fn scripts(message: &PageMessage) -> impl Iterator<Item = &str> {
    let place = message.place.as_ref().map(|place| place.source.as_str());
    let frames = message.text.lines().filter_map(|line| Some(frame(line)?.1));
    place.into_iter().chain(frames).filter(|source| is_script(source))
}

fn is_script(source: &str) -> bool {
    let path = source.split('?').next().unwrap_or(source);
    path.starts_with('/') && !path.starts_with(OWN) && SCRIPTS.iter().any(|end| path.ends_with(end))
}

/// `    at name (/app.js:1:2)` as what stands before the source, the source, and the line and column.
fn frame(line: &str) -> Option<(&str, &str, u32, u32)> {
    let (before, place) = line.strip_suffix(')')?.rsplit_once('(').filter(|(before, _)| before.starts_with("    at "))?;
    let (rest, column) = place.rsplit_once(':')?;
    let (source, line) = rest.rsplit_once(':')?;
    Some((before, source, line.parse().ok()?, column.parse().ok()?))
}

fn lead_back(message: &mut PageMessage, maps: &BTreeMap<&str, Arc<SourceMap>>) {
    // A map is no more to be trusted than the script.
    let safe = |place: Place| Place { source: name(&place.source), ..place };
    let original = |place: &Place| maps.get(place.source.as_str())?.original(place).map(safe);
    if let Some(found) = message.place.as_ref().and_then(original) {
        message.place = Some(found);
    }
    let led_back = |text: &str| {
        let (before, source, line, column) = frame(text)?;
        let Place { source, line, column } = original(&Place { source: source.to_owned(), line, column })?;
        Some(format!("{before}({source}:{line}:{column})"))
    };
    if !maps.is_empty() {
        let lines = message.text.lines().map(|line| led_back(line).unwrap_or_else(|| line.to_owned()));
        message.text = lines.collect::<Vec<_>>().join("\n");
    }
}

/// The address of the map that the head of an answer names.
fn named_by(head: &HeaderMap) -> Option<String> {
    let field = head.get("sourcemap").or_else(|| head.get("x-sourcemap"))?;
    field.to_str().ok().map(|address| address.trim().to_owned())
}

/// The address of the map that the last comment of a script names.
fn named_in(script: &[u8]) -> Option<String> {
    let script = String::from_utf8_lossy(script);
    let (_, rest) = script.rsplit_once(COMMENT)?;
    let address = rest.split(char::is_whitespace).next().filter(|address| !address.is_empty())?;
    Some(address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{Level, PageKind};

    #[test]
    fn only_scripts_of_this_server_are_asked_for() {
        let check = |source: &str, expected| assert_eq!(is_script(source), expected, "{source}");
        check("/app.js", true);
        check("/src/App.vue?t=1", true);
        check("/logout", false);
        check("/logout?x=.js", false);
        check("/__everlit/client.js", false);
        check("https://cdn.test/a.js", false);
        check("app.js", false);
        check("/app.js/", false);
        check("/app.json", false);
    }

    #[test]
    fn places_and_frames_are_led_back() {
        let map = br#"{"version":3,"sources":["a.ts"],"mappings":"AAUE"}"#;
        let map = Arc::new(SourceMap::parse(map, "/app.js.map").unwrap());
        let maps = BTreeMap::from([("/app.js", map)]);
        let place = Some(Place { source: "/app.js".into(), line: 1, column: 9 });
        let text = "Error: x\n    at f (/app.js:1:2)\n    at (/b.js:1:2)".into();
        let teller = Arc::default();
        let mut message = PageMessage { kind: PageKind::Error, level: Level::Error, text, place, times: 1, teller };
        assert_eq!(scripts(&message).collect::<Vec<_>>(), ["/app.js", "/app.js", "/b.js"]);
        lead_back(&mut message, &maps);
        assert_eq!(message.place, Some(Place { source: "/a.ts".into(), line: 11, column: 3 }));
        assert_eq!(message.text, "Error: x\n    at f (/a.ts:11:3)\n    at (/b.js:1:2)");
    }

    #[test]
    fn the_last_comment_names_the_map() {
        let check =
            |script: &str, expected: Option<&str>| assert_eq!(named_in(script.as_bytes()).as_deref(), expected, "{script}");
        check("a()\n//# sourceMappingURL=a.js.map\n", Some("a.js.map"));
        check("'//# sourceMappingURL=no'\n//# sourceMappingURL=yes", Some("yes"));
        check("a()\n//# sourceMappingURL=\n", None);
        check("a()", None);
    }

    #[test]
    fn what_is_known_is_of_one_generation_and_not_too_much() {
        let known = Originals::default();
        known.put("/a.js", Generation(1), None);
        assert!(known.get("/a.js", Generation(1)).is_some());
        assert!(known.get("/a.js", Generation(2)).is_none());
        for number in 0..REMEMBERED {
            known.put(&format!("/{number}.js"), Generation(1), None);
        }
        assert!(known.known.lock().unwrap().maps.len() <= REMEMBERED);
    }
}
