//! Killing the server among writes: nothing that was acknowledged is lost, nothing is torn, nothing comes back.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
    time::Duration,
};

use http::{Method, StatusCode, Uri};
use serde_json::{Value, json};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{JSON, MERGE};
use crate::harness::{Connection, Random, SOON, TestProject, TestServer, get, send};

const KILLS: u64 = 200;
const WRITERS: usize = 4;

/// How long the writers write before the kill: from the middle of a commit to dozens of them.
const WRITING_MS: Range<u64> = 0..60;

/// A writer with so many items removes one for each that it adds, so that the file stays small and all operations occur.
const OWNED: usize = 12;

/// What an item is: nothing, or a revision of itself.
type State = Option<u64>;

/// What the writer of an item knows about it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Fate {
    /// What the last answer, or the last look into the file, said.
    settled: State,
    /// What was asked for and not answered.
    asked: Option<State>,
}

/// A client that adds, changes and removes items of its own, one after the other.
struct Writer {
    name: String,
    random: Random,
    fates: BTreeMap<String, Fate>,
    ids: BTreeMap<String, u64>,
    made: u64,
    acknowledged: usize,
}

impl Writer {
    fn new(number: usize, random: &Random) -> Self {
        let random = random.fork(number as u64 + 1);
        let (fates, ids) = Default::default();
        Self { name: format!("writer {number}"), random, fates, ids, made: 0, acknowledged: 0 }
    }

    /// Writes until the connection breaks.
    async fn write(mut self, url: Uri, answered: Arc<Notify>) -> Self {
        let Ok(mut connection) = Connection::open(&url).await else { return self };
        while self.step(&mut connection).await.is_some() {
            self.acknowledged += 1;
            answered.notify_one();
        }
        self
    }

    /// One write; none when it was not answered.
    async fn step(&mut self, connection: &mut Connection) -> Option<()> {
        let owned: Vec<String> = self.ids.keys().cloned().collect();
        let any = self.random.of(0..owned.len().max(1) as u64) as usize;
        match self.random.of(0..3) {
            0 if owned.len() >= OWNED => self.remove(connection, owned[any].clone()).await,
            0 | 1 if !owned.is_empty() => self.change(connection, owned[any].clone()).await,
            _ if owned.len() >= OWNED => self.remove(connection, owned[any].clone()).await,
            _ => self.add(connection).await,
        }
    }

    async fn add(&mut self, connection: &mut Connection) -> Option<()> {
        self.made += 1;
        let text = format!("{} item {}", self.name, self.made);
        self.fates.insert(text.clone(), Fate { settled: None, asked: Some(Some(0)) });
        let body = json!({ "text": text, "revision": 0 }).to_string();
        let answer = connection.send(Method::POST, "/api/posts", &JSON, body).await.ok()?;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        let id = answer.json()["id"].as_u64().expect("ids are integers here");
        self.ids.insert(text.clone(), id);
        self.settle(text, Some(0))
    }

    async fn change(&mut self, connection: &mut Connection, text: String) -> Option<()> {
        let fate = self.fates.get_mut(&text).expect("an own item");
        let revision = fate.settled.expect("it exists") + 1;
        fate.asked = Some(Some(revision));
        let target = format!("/api/posts/{}", self.ids[&text]);
        let body = json!({ "revision": revision }).to_string();
        let answer = connection.send(Method::PATCH, &target, &[("content-type", MERGE)], body).await.ok()?;
        assert!(answer.status.is_success(), "{target}: {} {}", answer.status, answer.text());
        self.settle(text, Some(revision))
    }

    async fn remove(&mut self, connection: &mut Connection, text: String) -> Option<()> {
        self.fates.get_mut(&text).expect("an own item").asked = Some(None);
        let target = format!("/api/posts/{}", self.ids[&text]);
        let answer = connection.send(Method::DELETE, &target, &[], "").await.ok()?;
        assert!(answer.status.is_success(), "{target}: {} {}", answer.status, answer.text());
        self.settle(text, None)
    }

    fn settle(&mut self, text: String, state: State) -> Option<()> {
        if state.is_none() {
            self.ids.remove(&text);
        }
        self.fates.insert(text, Fate { settled: state, asked: None });
        Some(())
    }

    /// Holds the file against what is known, and takes what it says for what was not answered.
    fn compare(&mut self, stored: &Stored) -> Result<(), String> {
        for (text, fate) in &mut self.fates {
            let found = stored.items.get(text).map(|item| item.revision);
            if found != fate.settled && fate.asked != Some(found) {
                return Err(format!("{text}: the file has {found:?}, where {fate:?} is known"));
            }
            *fate = Fate { settled: found, asked: None };
        }
        self.ids = self.fates.keys().filter_map(|text| Some((text.clone(), stored.items.get(text)?.id))).collect();
        // What is gone and known to be gone is checked once more by `Stored::unknown`.
        self.fates.retain(|_, fate| fate.settled.is_some());
        Ok(())
    }
}

/// What the file says.
struct Stored {
    items: BTreeMap<String, Item>,
}

struct Item {
    id: u64,
    revision: u64,
}

impl Stored {
    /// Reads a whole file of whole items, each only once.
    fn read(text: &str) -> Result<Self, String> {
        let list: Vec<Value> = serde_json::from_str(text).map_err(|error| format!("torn: {error}\n{text}"))?;
        let (mut items, mut ids) = (BTreeMap::new(), BTreeSet::new());
        for item in list {
            let (Some(id), Some(text), Some(revision)) = (item["id"].as_u64(), item["text"].as_str(), item["revision"].as_u64())
            else {
                return Err(format!("no whole item: {item}"));
            };
            if !ids.insert(id) || items.insert(text.to_owned(), Item { id, revision }).is_some() {
                return Err(format!("twice in the file: {item}"));
            }
        }
        Ok(Self { items })
    }

    /// Items that no writer knows: made twice, or back after they were removed.
    fn unknown<'a>(&'a self, writers: &[Writer]) -> Vec<&'a String> {
        self.items.keys().filter(|text| !writers.iter().any(|writer| writer.fates.contains_key(*text))).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_kills_lose_nothing_that_was_acknowledged() {
    let mut random = Random::seeded();
    let project = TestProject::from_text("-- data/posts.json --\n[]\n");
    let mut writers: Vec<Writer> = (0..WRITERS).map(|number| Writer::new(number, &random)).collect();
    for round in 0..KILLS {
        let mut server = TestServer::start_answering(project.path());
        let url: Uri = server.url.parse().expect("a valid URL");
        let (mut writing, answered) = (JoinSet::new(), Arc::new(Notify::new()));
        for writer in writers.drain(..) {
            writing.spawn(writer.write(url.clone(), Arc::clone(&answered)));
        }
        // Most kills come among writes however slow the disk is, some before the first answer.
        if random.of(0..4) > 0 {
            timeout(SOON, answered.notified()).await.expect("a first answer");
        }
        sleep(Duration::from_millis(random.of(WRITING_MS))).await;
        server.kill();
        writers.extend(writing.join_all().await);

        let stored = Stored::read(&project.read("data/posts.json")).unwrap_or_else(|error| panic!("kill {round}: {error}"));
        for writer in &mut writers {
            writer.compare(&stored).unwrap_or_else(|error| panic!("kill {round}: {error}"));
        }
        assert_eq!(stored.unknown(&writers), Vec::<&String>::new(), "kill {round}");
    }
    let acknowledged: usize = writers.iter().map(|writer| writer.acknowledged).sum();
    println!("{acknowledged} acknowledged writes in {KILLS} kills");
    assert!(acknowledged > KILLS as usize, "only {acknowledged} writes were acknowledged: the kills came before the writes");

    let server = TestServer::start(project.path());
    let served = get(&server.at("/api/posts")).await.json();
    let written: Value = serde_json::from_str(&project.read("data/posts.json")).expect("a whole file");
    assert_eq!(served, written, "the next start has what the file says");
    let answer = send(Method::POST, &server.at("/api/posts"), &JSON, r#"{ "text": "last", "revision": 0 }"#).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(project.names("data"), ["posts.json"], "what the kills left half written is gone with the next write");
}
