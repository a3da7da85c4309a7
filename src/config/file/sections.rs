//! The sections of `everlit.toml` as values, and how each is read.

use std::{path::PathBuf, time::Duration};

use toml::de::{DeTable, DeValue};

use super::{
    cors, fault, limits,
    proxy::{self, RouteKeys},
    step::{self, StepKeys},
    table::{Fault, Table, Value, duration, list, number, parsed, switch},
    version,
};
use crate::config::{
    AppPort, CommandLine, CorsConfig, EditorCommand, FaultConfig, Lan, Layer, LimitsConfig, Pattern, RoutePath, VersionConfig,
    Wanted,
    value::{self, Invalid},
};

/// What an `everlit.toml` says.
#[derive(Debug, Default)]
pub(in crate::config) struct File {
    /// What flags and variables can say too.
    pub(in crate::config) layer: Layer,
    pub(in crate::config) hosts: Vec<String>,
    pub(in crate::config) site: SiteKeys,
    pub(in crate::config) app: AppKeys,
    pub(in crate::config) routes: Vec<RouteKeys>,
    pub(in crate::config) versions: Vec<VersionConfig>,
    pub(in crate::config) cors: CorsConfig,
    pub(in crate::config) inject_except: Vec<String>,
    pub(in crate::config) workspace: Option<bool>,
    pub(in crate::config) traffic: TrafficKeys,
    pub(in crate::config) device: DeviceKeys,
    pub(in crate::config) ignore: Vec<String>,
    pub(in crate::config) faults: Vec<FaultConfig>,
    pub(in crate::config) limits: LimitsConfig,
}

/// `[traffic]`.
#[derive(Debug, Default)]
pub(in crate::config) struct TrafficKeys {
    pub(in crate::config) capture: Option<bool>,
    pub(in crate::config) except: Vec<String>,
}

/// `[device]`, beside what flags can say too.
#[derive(Debug, Default)]
pub(in crate::config) struct DeviceKeys {
    pub(in crate::config) ports: Vec<u16>,
    pub(in crate::config) devtools: Option<bool>,
}

/// A path of `[site]`, or that of the artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) enum Place {
    /// `false`: even if it is there.
    Off,
    /// Relative, inside the project.
    At(PathBuf),
}

/// `[site]`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::config) struct SiteKeys {
    pub(in crate::config) public: Option<Place>,
    pub(in crate::config) templates: Option<Place>,
    pub(in crate::config) data: Option<Place>,
    pub(in crate::config) fallback: Option<Place>,
    pub(in crate::config) except: Vec<RoutePath>,
}

/// `[app]` without the commands, which are in [`File::layer`].
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::config) struct AppKeys {
    pub(in crate::config) steps: Vec<StepKeys>,
    pub(in crate::config) artifact: Option<Place>,
    pub(in crate::config) keep: Option<u16>,
    pub(in crate::config) ready: Option<String>,
    pub(in crate::config) ready_line: Option<Pattern>,
    pub(in crate::config) ready_timeout: Option<Duration>,
    pub(in crate::config) probation: Option<Duration>,
    pub(in crate::config) port: Option<AppPort>,
    pub(in crate::config) watch: Option<Vec<String>>,
    pub(in crate::config) env: Vec<(String, String)>,
    pub(in crate::config) env_files: Option<Vec<PathBuf>>,
    pub(in crate::config) pty: Option<bool>,
    pub(in crate::config) listen_fds: Option<bool>,
    pub(in crate::config) http2: Option<bool>,
}

/// Reads the whole text.
pub(super) fn read(source: &str) -> Result<File, Fault> {
    let document = DeTable::parse(source).map_err(|error| syntax_fault(&error))?;
    let top = Table::open("", document.get_ref())?;
    let mut file = File { layer: layer(&top)?, ..File::default() };
    file.hosts = top.get("hosts", |names| list(names, |name| parsed(name, value::host_name)))?.unwrap_or_default();
    file.site = top.section("site", |table| site(&table))?;
    file.versions = version::read(&top)?;
    let App { keys, program, build, run } = top.section("app", |table| app(&table))?;
    file.app = keys;
    (file.layer.program, file.layer.build, file.layer.run) = (program, build, run);
    file.routes = proxy::read(&top, source)?;
    file.cors = top.section("cors", |table| cors::read(&table))?;
    top.section("live", |table| live(&table, &mut file))?;
    file.traffic = top.section("traffic", |table| traffic(&table))?;
    (file.layer.adb, file.device) = top.section("device", |table| device(&table))?;
    (file.layer.poll, file.ignore) = top.section("watch", |table| watch(&table))?;
    file.faults = top.sections("fault", |table, whole| fault::read(&table, whole))?;
    file.limits = top.section("limits", |table| limits::read(&table))?;
    Ok(file)
}

/// The first line of what the parser says; the others repeat the text.
fn syntax_fault(error: &toml::de::Error) -> Fault {
    let message = error.message().lines().next().unwrap_or("not TOML").to_owned();
    Fault { at: error.span().map_or(0, |span| span.start), message }
}

fn layer(top: &Table<'_, '_>) -> Result<Layer, Fault> {
    Ok(Layer {
        port: top.get("port", |port| number(port, 0, u16::MAX))?,
        strict_port: top.get("strict_port", switch)?,
        host: top.get("host", |host| parsed(host, str::parse))?,
        lan: top.get("lan", lan)?,
        tls: top.get("tls", switch)?,
        tls_cert: top.get("tls_cert", |path| parsed(path, value::file))?,
        tls_key: top.get("tls_key", |path| parsed(path, value::file))?,
        open: top.get("open", switch)?,
        editor: top.get("editor", editor)?,
        log: top.get("log", |log| parsed(log, str::parse))?,
        upstream: top.get("upstream", |url| parsed(url, value::upstream))?,
        read_only: top.get("read_only", switch)?,
        ephemeral: top.get("ephemeral", switch)?,
        delay: top.get("delay", duration)?,
        jitter: top.get("jitter", duration)?,
        fail: top.get("fail", fault::share)?,
        ..Layer::default()
    })
}

fn lan(value: &Value<'_>) -> Result<Lan, Fault> {
    match value.get_ref() {
        DeValue::Boolean(true) => Ok(Lan::Any),
        DeValue::Boolean(false) => Ok(Lan::Off),
        _ => parsed(value, str::parse),
    }
}

fn site(table: &Table<'_, '_>) -> Result<SiteKeys, Fault> {
    Ok(SiteKeys {
        public: table.get("public", place)?,
        templates: table.get("templates", place)?,
        data: table.get("data", place)?,
        fallback: table.get("fallback", place)?,
        except: table.get("except", |paths| list(paths, |path| parsed(path, str::parse)))?.unwrap_or_default(),
    })
}

fn place(value: &Value<'_>) -> Result<Place, Fault> {
    match value.get_ref() {
        DeValue::Boolean(false) => Ok(Place::Off),
        DeValue::String(_) => parsed(value, value::inner_path).map(Place::At),
        _ => Err(Fault::at(value, &Invalid::must("be a path or false"))),
    }
}

/// Copies of programs are large, and nobody goes back further.
const MOST_KEPT: u16 = 100;

/// `[app]` whole.
#[derive(Default)]
struct App {
    keys: AppKeys,
    program: Option<Wanted>,
    build: Option<CommandLine>,
    run: Option<CommandLine>,
}

fn app(table: &Table<'_, '_>) -> Result<App, Fault> {
    let keys = AppKeys {
        steps: table.sections("app.step", |table, whole| step::read(&table, whole))?,
        artifact: table.get("artifact", place)?,
        keep: table.get("keep", |keep| number(keep, 1, MOST_KEPT))?,
        ready: table.get("ready", |path| parsed(path, value::url_path))?,
        ready_line: table.get("ready_line", |line| parsed(line, value::line_pattern))?.map(Pattern),
        ready_timeout: table.get("ready_timeout", wait)?,
        probation: table.get("probation", duration)?,
        port: table.get("port", app_port)?,
        watch: table.get("watch", globs)?,
        env: table.get("env", env)?.unwrap_or_default(),
        env_files: table.get("env_files", |files| list(files, |file| parsed(file, value::inner_path)))?,
        pty: table.get("pty", switch)?,
        listen_fds: table.get("listen_fds", switch)?,
        http2: table.get("http2", switch)?,
    };
    Ok(App {
        keys,
        program: table.get("program", program)?,
        build: table.get("build", command)?,
        run: table.get("run", command)?,
    })
}

fn program(value: &Value<'_>) -> Result<Wanted, Fault> {
    match value.get_ref() {
        DeValue::Boolean(false) => Ok(Wanted::Nothing),
        _ => parsed(value, str::parse),
    }
}

pub(super) fn command(value: &Value<'_>) -> Result<CommandLine, Fault> {
    match value.get_ref() {
        DeValue::String(_) => parsed(value, value::shell_line).map(CommandLine::Shell),
        DeValue::Array(words) if !words.is_empty() => list(value, word).map(CommandLine::Argv),
        _ => Err(Fault::at(value, &Invalid::must("be a shell line, or an array of a program and its arguments"))),
    }
}

fn editor(value: &Value<'_>) -> Result<EditorCommand, Fault> {
    match value.get_ref() {
        DeValue::String(_) => parsed(value, str::parse),
        DeValue::Array(_) => EditorCommand::new(list(value, word)?).map_err(|reason| Fault::at(value, &reason)),
        _ => Err(Fault::at(value, &Invalid::must("be a command, or an array of a program and its arguments"))),
    }
}

fn word(value: &Value<'_>) -> Result<String, Fault> {
    parsed(value, |text| match text.contains('\0') {
        true => Err(Invalid::must("be without NUL")),
        false => Ok(text.to_owned()),
    })
}

/// A time that something may take; none at all would fail every time.
pub(super) fn wait(value: &Value<'_>) -> Result<Duration, Fault> {
    let time = duration(value)?;
    if time.is_zero() { Err(Fault::at(value, &Invalid::must("be longer than nothing"))) } else { Ok(time) }
}

fn app_port(value: &Value<'_>) -> Result<AppPort, Fault> {
    match value.get_ref() {
        DeValue::String(text) if text == "auto" => Ok(AppPort::Auto),
        DeValue::Integer(_) => number(value, 1, u16::MAX).map(AppPort::Fixed),
        _ => Err(Fault::at(value, &Invalid::must("be \"auto\" or a number from 1 to 65535"))),
    }
}

pub(super) fn globs(value: &Value<'_>) -> Result<Vec<String>, Fault> {
    list(value, |glob| parsed(glob, value::project_glob))
}

fn env(value: &Value<'_>) -> Result<Vec<(String, String)>, Fault> {
    let DeValue::Table(entries) = value.get_ref() else { return Err(Fault::at(value, &Invalid::must("be a table"))) };
    entries.iter().map(|(name, value)| Ok((variable_name(name, value)?, word(value)?))).collect()
}

fn variable_name(name: &toml::Spanned<std::borrow::Cow<'_, str>>, value: &Value<'_>) -> Result<String, Fault> {
    let text = name.get_ref();
    if text.is_empty() || text.contains(['=', '\0']) {
        return Err(Fault { at: name.span().start, ..Fault::at(value, &Invalid::must("name variables without `=`")) });
    }
    Ok(text.clone().into_owned())
}

fn live(table: &Table<'_, '_>, file: &mut File) -> Result<(), Fault> {
    file.layer.console = table.get("console", switch)?;
    file.layer.inject = table.get("inject", switch)?;
    file.inject_except = table.get("inject_except", url_globs)?.unwrap_or_default();
    file.layer.mirror = table.get("mirror", switch)?;
    file.layer.morph = table.get("morph", switch)?;
    file.layer.timing = table.get("timing", switch)?;
    file.workspace = table.get("workspace", switch)?;
    Ok(())
}

/// Each costs a rule on every phone.
const MOST_DEVICE_PORTS: usize = 16;

fn traffic(table: &Table<'_, '_>) -> Result<TrafficKeys, Fault> {
    let except = table.get("except", url_globs)?.unwrap_or_default();
    Ok(TrafficKeys { capture: table.get("capture", switch)?, except })
}

fn url_globs(value: &Value<'_>) -> Result<Vec<String>, Fault> {
    list(value, |glob| parsed(glob, value::url_glob))
}

fn device(table: &Table<'_, '_>) -> Result<(Option<bool>, DeviceKeys), Fault> {
    let ports = table.get("ports", device_ports)?.unwrap_or_default();
    Ok((table.get("adb", switch)?, DeviceKeys { ports, devtools: table.get("devtools", switch)? }))
}

fn device_ports(value: &Value<'_>) -> Result<Vec<u16>, Fault> {
    let ports = list(value, |port| number(port, 1, u16::MAX))?;
    if ports.len() > MOST_DEVICE_PORTS {
        return Err(Fault {
            at: value.span().start,
            message: format!("must have at most {MOST_DEVICE_PORTS} ports, not {}", ports.len()),
        });
    }
    Ok(ports)
}

fn watch(table: &Table<'_, '_>) -> Result<(Option<bool>, Vec<String>), Fault> {
    Ok((table.get("poll", switch)?, table.get("ignore", globs)?.unwrap_or_default()))
}
