//! What is done when somebody asks for phones: they are listed, a page is opened on them, pictures of it are taken, and DevTools are
//! led to it.
//!
//! An adb server is started for it when none runs. No rule is made here: that is the running session's, and whoever opens a page waits
//! a moment for it.

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    adb::{Adb, Error},
    adb_server::{AdbServer, NotStarted},
    devtools::{self, Debuggee, Ours, Tab, Target},
    limits::{GLANCE, LOOK_AGAIN, Limits, OPENING, REACHED},
    listing::{self, Device, State},
    page::{self, PagePath},
    reverse,
    situation::explain,
    untrusted::shown,
};

/// A phone that adb knows. All text is fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone {
    /// By which adb is told which one is meant.
    pub serial: String,
    /// Its model, where it says so.
    pub model: Option<String>,
    /// Both of them, as it is called everywhere else.
    pub name: String,
    /// adb's word for how it stands; `device` when it takes requests.
    pub state: String,
    /// What is in the way and what to do about it; `None` for a phone that takes requests.
    pub explanation: Option<String>,
    /// Its reverse rules: the phone's end and the end on this computer.
    pub forwards: Vec<(String, String)>,
    /// Where it has the page that is served here.
    pub url: Option<String>,
    /// What is open in its browsers.
    pub tabs: Vec<Tab>,
}

/// What came of opening a page on one phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Its model and serial number.
    pub name: String,
    /// The address that was opened, or why none was.
    pub outcome: Result<String, String>,
}

/// What came of taking a picture of one phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shot {
    /// By which adb is told which one is meant.
    pub serial: String,
    /// Its model, where it says so.
    pub model: Option<String>,
    /// Both of them.
    pub name: String,
    /// The picture, or why there is none.
    pub outcome: Result<Picture, String>,
}

/// What a page looks like on a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its address there, fit to be shown.
    pub url: String,
    /// The bytes of a PNG.
    pub png: Vec<u8>,
}

/// What came of looking for the page on one phone.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its model and serial number.
    pub name: String,
    /// The tab that shows it, or why none does.
    pub outcome: Result<Debuggee, String>,
}

/// Why nothing is known of phones.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreachable(String);

impl From<NotStarted> for Unreachable {
    fn from(error: NotStarted) -> Self {
        Self(error.to_string())
    }
}

impl From<Error> for Unreachable {
    fn from(error: Error) -> Self {
        Self(format!("the adb server cannot be asked: {error}"))
    }
}

/// The phones, and which of them reach this port here.
///
/// # Errors
/// When no adb server runs and none can be started, or it does not answer.
pub async fn list(server: &AdbServer, here: Option<u16>) -> Result<Vec<Phone>, Unreachable> {
    let (adb, devices) = devices(server).await?;
    let each = devices.into_iter().map(|device| phone(adb.clone(), device, here));
    Ok(all(each).await)
}

/// Opens a page on every phone that reaches this port here.
///
/// # Errors
/// See [`list`].
pub async fn open(server: &AdbServer, here: u16, page: &PagePath) -> Result<Vec<Opening>, Unreachable> {
    let (adb, devices) = devices(server).await?;
    let each = devices.into_iter().map(|device| open_on(adb.clone(), device, here, page.clone()));
    Ok(all(each).await)
}

/// Takes a picture of the page that is served here, on every phone or the one with this serial number. Where it is open in several tabs of
/// one, the first of them counts.
///
/// # Errors
/// See [`list`]; and when no phone has that serial number.
pub async fn shoot(server: &AdbServer, here: u16, serial: Option<&str>) -> Result<Vec<Shot>, Unreachable> {
    let (adb, mut devices) = devices(server).await?;
    if let Some(serial) = serial {
        devices.retain(|device| device.serial == serial);
        if devices.is_empty() {
            return Err(Unreachable(format!("adb knows no phone {}; `everlit devices` lists those it knows", shown(serial))));
        }
    }
    Ok(all(devices.into_iter().map(|device| shoot_one(adb.clone(), device, here))).await)
}

/// The tab of each phone that shows the page that is served here. Where several do, it is the first of them.
///
/// # Errors
/// See [`list`].
pub async fn debuggees(server: &AdbServer, here: u16) -> Result<Vec<Found>, Unreachable> {
    let (adb, devices) = devices(server).await?;
    Ok(all(devices.into_iter().map(|device| find_one(adb.clone(), device, here))).await)
}

/// Whether there is a phone, by a glance: no adb server is started, and one that takes its time knows none.
pub async fn is_any(server: &AdbServer) -> bool {
    let block = server.connect(GLANCE).devices().await;
    block.is_ok_and(|block| listing::parse(&block).devices.iter().any(|device| device.state == State::Ready))
}

/// Does the same for all phones at a time, and keeps their order.
pub(super) async fn all<T: Send + 'static>(each: impl Iterator<Item = impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let mut asked = JoinSet::new();
    for (place, task) in each.enumerate() {
        asked.spawn(async move { (place, task.await) });
    }
    let mut answers = asked.join_all().await;
    answers.sort_unstable_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// The devices of the adb server, which is started when there is none.
async fn devices(server: &AdbServer) -> Result<(Adb, Vec<Device>), Unreachable> {
    let adb = server.connect(Limits::default().answer);
    let block = match adb.devices().await {
        Err(Error::Absent) => {
            server.start().await?;
            adb.devices().await
        }
        answer => answer,
    };
    Ok((adb, listing::parse(&block?).devices))
}

async fn phone(adb: Adb, device: Device, here: Option<u16>) -> Phone {
    let Device { serial, model, name, state } = device;
    let mut explanation = explain(&state);
    let (mut forwards, mut url, mut tabs) = (Vec::new(), None, Vec::new());
    if state == State::Ready {
        match reverse::standing(&adb, &serial).await {
            Ok(rules) => {
                let ours = Ours(here.iter().flat_map(|here| rules.leading_to(*here)).collect());
                // A phone without a browser has no tabs, and whose browser cannot be asked is none the less reached.
                tabs = devtools::tabs(&adb, &serial, &ours).await.unwrap_or_default();
                url = here.and_then(|here| rules.leading_to(here).next()).map(|port| PagePath::default().url(port));
                forwards = rules.shown();
            }
            Err(error) => explanation = Some(error.to_string()),
        }
    }
    Phone {
        serial: shown(&serial),
        model,
        name,
        state: state.word().to_owned(),
        explanation,
        forwards,
        url,
        tabs: tabs.into_iter().map(|target| target.tab).collect(),
    }
}

async fn open_on(adb: Adb, device: Device, here: u16, page: PagePath) -> Opening {
    let outcome = match device.state {
        State::Ready => open_ready(&adb, &device.serial, here, &page).await,
        state => Err(not_ready(&state)),
    };
    Opening { name: device.name, outcome }
}

fn not_ready(state: &State) -> String {
    explain(state).unwrap_or_else(|| "it is being connected; ask again in a moment".to_owned())
}

async fn open_ready(adb: &Adb, serial: &str, here: u16, page: &PagePath) -> Result<String, String> {
    let url = page.url(reached(adb, serial, here).await?);
    let printed = adb.clone().within(OPENING).output(serial, &page::open(&url)).await.map_err(|error| error.to_string())?;
    page::outcome(&printed).map_err(|why| shown(&why))?;
    Ok(url)
}

async fn shoot_one(adb: Adb, device: Device, here: u16) -> Shot {
    let Device { serial, model, name, state } = device;
    let outcome = match state {
        State::Ready => shoot_ready(&adb, &serial, here).await,
        state => Err(not_ready(&state)),
    };
    Shot { serial: shown(&serial), model, name, outcome }
}

async fn shoot_ready(adb: &Adb, serial: &str, here: u16) -> Result<Picture, String> {
    let target = shown_on(adb, serial, here).await?;
    let png = devtools::picture(adb, serial, &target).await.map_err(|error| error.to_string())?;
    Ok(Picture { url: target.tab.url, png })
}

async fn find_one(adb: Adb, device: Device, here: u16) -> Found {
    let Device { serial, name, state, .. } = device;
    let outcome = match state {
        State::Ready => shown_on(&adb, &serial, here).await.map(|target| Debuggee { adb, serial, target }),
        state => Err(not_ready(&state)),
    };
    Found { name, outcome }
}

/// The tab of a phone that shows the page.
async fn shown_on(adb: &Adb, serial: &str, here: u16) -> Result<Target, String> {
    let rules = reverse::standing(adb, serial).await.map_err(|error| error.to_string())?;
    let ours = Ours(rules.leading_to(here).collect());
    let target = devtools::shows_us(adb, serial, &ours).await.map_err(|error| error.to_string())?;
    Ok(target.ok_or("none of its tabs shows this project; `d` in its terminal, or `everlit devices --open`, opens one")?)
}

/// The phone's port that leads here, once there is one.
async fn reached(adb: &Adb, serial: &str, here: u16) -> Result<u16, String> {
    let deadline = Instant::now() + REACHED;
    loop {
        let rules = reverse::standing(adb, serial).await.map_err(|error| error.to_string())?;
        match rules.leading_to(here).next() {
            Some(port) => return Ok(port),
            None if Instant::now() > deadline => return Err(format!("none of its ports leads to port {here} here")),
            None => sleep(LOOK_AGAIN).await,
        }
    }
}
