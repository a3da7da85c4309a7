//! `everlit devices`, and the key that does the same for the session it is pressed in.

use std::{
    io::{self, Write},
    path::Path,
};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use tokio::runtime::Runtime;

use super::{
    adb,
    args::{DevicesArgs, DevicesCommand},
    shot,
};
use crate::{
    config::{self, Layer},
    device::{self, AdbServer, Opening, PagePath, Phone, Tab},
    plain::plain,
    process::{self, Other},
    telemetry::{Notice, Notices},
};

/// What is said when there is nothing to list.
pub(super) const NONE: &str = "adb knows no phone: plug one in, with USB debugging on (Settings, Developer options)";

/// What is said to whoever asks for phones all the same.
pub(super) const LEFT_ALONE: &str = "phones are left alone, as `[device] adb` or `--no-adb` says";

/// Lists phones, opens a page on them, or takes pictures of it.
///
/// # Errors
/// When adb cannot be asked, nothing serves the project, or some phone did not do it.
pub(super) fn devices(args: &DevicesArgs) -> Result<()> {
    let runtime = Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(async {
        // It asks other runs, which is done in a moment; nothing else is under way here.
        if let Some(DevicesCommand::Shot(args)) = &args.command {
            return shot::shot(args, Served::find(&args.dir, args.port)??.port).await;
        }
        let served = Served::find(&args.dir, args.port)?;
        match &args.open {
            Some(page) => open(served, page, args.json).await,
            None => list(served.ok().as_ref(), args.json).await,
        }
    })
}

/// Where the project is served.
struct Served {
    url: Option<String>,
    /// To where the ports of phones lead.
    port: u16,
}

impl Served {
    /// By the port that was typed, else by what runs: on the project, or the only one there is. The inner error says why there is none.
    fn find(dir: &Path, port: Option<u16>) -> Result<Result<Self>> {
        if let Some(port) = port {
            return Ok(Ok(Self { url: None, port }));
        }
        let root = std::fs::canonicalize(dir).with_context(|| format!("cannot open the folder {}", dir.display()))?;
        if !cfg!(target_os = "linux") {
            return Ok(Ok(Self { url: None, port: configured(dir)? }));
        }
        let run = process::find(&root).map_or_else(|| only(process::runs(), dir), Ok);
        Ok(run.and_then(Self::of))
    }

    fn of(run: Other) -> Result<Self> {
        let port = run.phones.context("`everlit dev` runs, and was told to leave phones alone (`--no-adb`)")?;
        Ok(Self { url: run.url, port })
    }
}

/// The only run there is.
fn only(mut runs: Vec<Other>, dir: &Path) -> Result<Other> {
    let Some(run) = runs.pop() else {
        bail!("nothing serves {}: start `everlit dev` there, or name its port by --port", dir.display())
    };
    if runs.is_empty() {
        return Ok(run);
    }
    runs.push(run);
    let names: Vec<_> = runs.iter().filter_map(|run| run.project.as_deref()).map(plain).collect();
    bail!("nothing serves {}, but {} are served elsewhere: name the folder of one of them", dir.display(), names.join(", "))
}

/// The port that the project's configuration names, where a run that moved from it cannot be asked.
fn configured(dir: &Path) -> Result<u16> {
    Ok(config::load(dir, Layer::default(), Layer::from_env(|name| std::env::var_os(name))?)?.server.port)
}

async fn list(served: Option<&Served>, json: bool) -> Result<()> {
    let phones = device::list(&adb::server(), served.map(|served| served.port)).await?;
    let mut out = io::stdout().lock();
    if json {
        let url = served.and_then(|served| served.url.as_deref());
        return print_json(&mut out, &Listed { version: 1, server: url, devices: phones.iter().map(ListedPhone::of).collect() });
    }
    if phones.is_empty() {
        return Ok(writeln!(out, "{NONE}")?);
    }
    for phone in &phones {
        writeln!(out, "{}", line(phone))?;
        phone.tabs.iter().try_for_each(|tab| writeln!(out, "    {}", tab_line(tab)))?;
    }
    if served.is_none() {
        writeln!(
            out,
            "\nNo `everlit dev` runs here: start one, and its page is at http://localhost on each phone that is ready."
        )?;
    }
    Ok(())
}

/// A phone in one line.
fn line(phone: &Phone) -> String {
    let Phone { name, explanation, forwards, url, .. } = phone;
    if let Some(explanation) = explanation {
        return format!("  {name}  {explanation}");
    }
    let port = |end: &str| end.strip_prefix("tcp:").unwrap_or(end).to_owned();
    let rules: Vec<_> = forwards.iter().map(|(phone, here)| format!("{} → {}", port(phone), port(here))).collect();
    let rules = if rules.is_empty() { String::new() } else { format!("  ports {}", rules.join(", ")) };
    let url = url.as_ref().map(|url| format!("  {url}")).unwrap_or_default();
    format!("  {name}  ready{url}{rules}")
}

/// A tab in one line.
fn tab_line(Tab { title, url, is_ours, .. }: &Tab) -> String {
    let title = if title.is_empty() { "a page without a title" } else { title };
    let ours = if *is_ours { "  (this project)" } else { "" };
    format!("{title}  {url}{ours}")
}

async fn open(served: Result<Served>, page: &PagePath, json: bool) -> Result<()> {
    let openings = device::open(&adb::server(), served?.port, page).await?;
    let mut out = io::stdout().lock();
    let failed = openings.iter().filter(|opening| opening.outcome.is_err()).count();
    if json {
        print_json(&mut out, &Opened { version: 1, devices: openings.iter().map(OpenedPhone::of).collect() })?;
    } else {
        openings.iter().try_for_each(|opening| writeln!(out, "  {}  {}", opening.name, words(opening)))?;
    }
    match openings.len() {
        0 => bail!(NONE),
        _ if failed == 0 => Ok(()),
        all => bail!("not opened on {failed} of {all} phones"),
    }
}

fn words(opening: &Opening) -> String {
    match &opening.outcome {
        Ok(url) => format!("opened {url}"),
        Err(why) => format!("not opened: {why}"),
    }
}

/// Opens the page of this session on every phone, and says what came of it.
pub(super) async fn open_by_key(adb: AdbServer, port: Option<u16>, notices: Notices) {
    let Some(port) = port else {
        return notices.send(Notice::Info(LEFT_ALONE.to_owned()));
    };
    match device::open(&adb, port, &PagePath::default()).await {
        Ok(openings) if openings.is_empty() => notices.send(Notice::Info(NONE.to_owned())),
        Ok(openings) => {
            for opening in openings {
                let what = words(&opening);
                notices.send(Notice::Device { name: opening.name, what });
            }
        }
        Err(error) => notices.send(Notice::Info(error.to_string())),
    }
}

/// What `--json` prints: members may be added, none is renamed.
#[derive(Serialize)]
struct Listed<'a> {
    version: u8,
    server: Option<&'a str>,
    devices: Vec<ListedPhone<'a>>,
}

#[derive(Serialize)]
struct ListedPhone<'a> {
    serial: &'a str,
    model: Option<&'a str>,
    state: &'a str,
    explanation: Option<&'a str>,
    forwards: Vec<Forward<'a>>,
    url: Option<&'a str>,
    tabs: Vec<ListedTab<'a>>,
}

#[derive(Serialize)]
struct ListedTab<'a> {
    title: &'a str,
    url: &'a str,
    browser: &'a str,
    shows_project: bool,
}

#[derive(Serialize)]
struct Forward<'a> {
    phone: &'a str,
    here: &'a str,
}

impl<'a> ListedPhone<'a> {
    fn of(phone: &'a Phone) -> Self {
        Self {
            serial: &phone.serial,
            model: phone.model.as_deref(),
            state: &phone.state,
            explanation: phone.explanation.as_deref(),
            forwards: phone.forwards.iter().map(|(phone, here)| Forward { phone, here }).collect(),
            url: phone.url.as_deref(),
            tabs: phone.tabs.iter().map(ListedTab::of).collect(),
        }
    }
}

impl<'a> ListedTab<'a> {
    fn of(Tab { browser, title, url, is_ours }: &'a Tab) -> Self {
        Self { title, url, browser, shows_project: *is_ours }
    }
}

/// What `--open --json` prints.
#[derive(Serialize)]
struct Opened<'a> {
    version: u8,
    devices: Vec<OpenedPhone<'a>>,
}

#[derive(Serialize)]
struct OpenedPhone<'a> {
    name: &'a str,
    url: Option<&'a str>,
    error: Option<&'a str>,
}

impl<'a> OpenedPhone<'a> {
    fn of(opening: &'a Opening) -> Self {
        let (url, error) = match &opening.outcome {
            Ok(url) => (Some(url.as_str()), None),
            Err(why) => (None, Some(why.as_str())),
        };
        Self { name: &opening.name, url, error }
    }
}

pub(super) fn print_json(out: &mut impl Write, value: &impl Serialize) -> Result<()> {
    Ok(writeln!(out, "{}", serde_json::to_string(value)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(project: &str) -> Other {
        Other { pid: 1, url: None, project: Some(project.to_owned()), phones: Some(4747), control: None }
    }

    #[test]
    fn the_only_run_is_meant() {
        let check = |runs: Vec<Other>| only(runs, Path::new(".")).map_err(|error| error.to_string());
        assert_eq!(check(vec![run("shop")]), Ok(run("shop")));
        assert!(check(Vec::new()).unwrap_err().contains("start `everlit dev`"));
        assert!(check(vec![run("shop"), run("blog")]).unwrap_err().contains("but shop, blog are served elsewhere"));
    }

    #[test]
    fn a_phone_is_one_line() {
        let phone = Phone {
            serial: "39071FDJH0".to_owned(),
            model: Some("Pixel 8".to_owned()),
            name: "Pixel 8 (39071FDJH0)".to_owned(),
            state: "device".to_owned(),
            explanation: None,
            forwards: vec![("tcp:4748".to_owned(), "tcp:4747".to_owned()), ("localabstract:x".to_owned(), "tcp:9".to_owned())],
            url: Some("http://localhost:4748/".to_owned()),
            tabs: Vec::new(),
        };
        assert_eq!(line(&phone), "  Pixel 8 (39071FDJH0)  ready  http://localhost:4748/  ports 4748 → 4747, localabstract:x → 9");
        let bare = Phone { forwards: Vec::new(), url: None, ..phone.clone() };
        assert_eq!(line(&bare), "  Pixel 8 (39071FDJH0)  ready");
        let locked = Phone { explanation: Some("unauthorized: unlock it".to_owned()), ..phone };
        assert_eq!(line(&locked), "  Pixel 8 (39071FDJH0)  unauthorized: unlock it");
    }

    #[test]
    fn a_tab_is_one_line() {
        let url = "http://localhost:4747/cart".to_owned();
        let tab = Tab { browser: "chrome_devtools_remote".to_owned(), title: "Cart".to_owned(), url, is_ours: true };
        assert_eq!(tab_line(&tab), "Cart  http://localhost:4747/cart  (this project)");
        let other = Tab { title: String::new(), url: "https://example.com/".to_owned(), is_ours: false, ..tab };
        assert_eq!(tab_line(&other), "a page without a title  https://example.com/");
    }
}
