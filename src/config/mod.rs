//! Merges defaults, project detection, `everlit.toml`, environment and flags into one checked, immutable [`Config`].
//!
//! Paths are made absolute here and nowhere else; nothing later asks for a default. Each value comes from the first of flag,
//! environment, file, detection and default that gives it.
//!
//! [`load`] reads all of it once; after a change of `everlit.toml` it is called again with the same [`Layer`]s. Nothing here
//! looks at the process's own arguments or environment: `cli` hands them in.

mod cors;
mod detect;
mod editor;
mod env_file;
mod error;
mod file;
mod itself;
mod lan;
mod layer;
mod limits;
mod merge;
mod origin;
mod pattern;
pub mod route;
mod share;
mod template;
mod url_paths;
pub mod value;

#[cfg(test)]
pub(crate) mod fixture;

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use http::{Method, StatusCode};
use jiff::Timestamp;

pub use cors::CorsConfig;
pub(crate) use detect::tools;
pub use editor::EditorCommand;
pub use error::{ConfigError, FileError};
pub use lan::{Lan, is_private};
pub use layer::Layer;
pub(crate) use limits::{ANSWER, MOST_HEADER_BYTES, MOST_HEADERS, MOST_URI_BYTES};
pub use limits::{AtOnceLimits, BodyLimits, HeadLimits, LimitsConfig, TimeLimits};
pub use origin::Origins;
pub use pattern::Pattern;
pub use route::{HostHeader, Rewrite, RouteConfig, RoutePath, Websockets};
pub use share::Share;
pub use url_paths::UrlPaths;
pub use value::{Host, Wanted};

/// The port that is listened on unless another is asked for. No service that is common on a developer's machine uses it.
pub const LISTEN_PORT: u16 = 4747;

/// What stands for the program's port in its command and in its environment.
pub(crate) const PORT: &str = "{port}";

/// What a simulated failure answers unless another status is asked for: the one that says "try again".
pub const FAILURE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

/// Reads the project in `dir` and merges it with what flags and environment say.
///
/// # Errors
/// When there is no such folder, when `everlit.toml` cannot be used, or when the settings contradict one another.
pub fn load(dir: &Path, flags: Layer, env: Layer) -> Result<Config, ConfigError> {
    let root = folder(dir)?;
    let file = file::read(&root)?;
    let in_file = file.as_ref().and_then(|file| file.layer.program.as_ref());
    let wanted = flags.program.as_ref().or(env.program.as_ref()).or(in_file);
    let found = detect::detect(&detect::Folder::new(&root), wanted);
    merge::merge(merge::Sources { root, flags, env, file, found, read_variables: &env_file::read })
}

/// The folder itself: absolute, links resolved.
fn folder(dir: &Path) -> Result<PathBuf, ConfigError> {
    let root = fs::canonicalize(dir).map_err(|source| ConfigError::Folder { path: dir.to_owned(), source })?;
    if root.is_dir() { Ok(root) } else { Err(ConfigError::NotAFolder { path: dir.to_owned() }) }
}

/// Everything that is known about a project before the first request.
#[derive(Clone, Debug)]
pub struct Config {
    /// The project's folder, absolute, links resolved.
    pub root: PathBuf,
    /// The folder's name, as it stands in vendor media types and on the console.
    pub project: String,
    /// The `everlit.toml` that was read, absolute; `None` when the project has none.
    pub file: Option<PathBuf>,
    /// Where to listen and for whom.
    pub server: ServerConfig,
    /// Whether to open a browser once ready.
    pub open: bool,
    /// What opens a place in the person's editor; `None` leaves it to be found.
    pub editor: Option<EditorCommand>,
    /// How events are printed.
    pub log: LogFormat,
    /// What Everlit answers itself; `None` when the project has no such files.
    pub site: Option<SiteConfig>,
    /// What is built, and the program that is run, if there is one; `None` when the project has neither.
    pub app: Option<AppConfig>,
    /// The base URL (`http://host:port`, no path) of a server that already runs and gets what the site does not have.
    pub upstream: Option<http::Uri>,
    /// Whether that server, by what the folder holds, watches its files itself and tells its pages.
    pub upstream_reloads_itself: bool,
    /// What goes to other servers, by path; the most particular route first.
    pub routes: Vec<RouteConfig>,
    /// The files of variables, relative to the project, that headers of routes are filled from, whether they are there or not.
    pub route_files: Vec<PathBuf>,
    /// Who may read answers from another origin.
    pub cors: CorsConfig,
    /// What pages are told.
    pub live: LiveConfig,
    /// What is kept of requests.
    pub traffic: TrafficConfig,
    /// What phones are given.
    pub device: DeviceConfig,
    /// What is watched, and how.
    pub watch: WatchConfig,
    /// Faults to simulate, first match wins.
    pub faults: Vec<FaultConfig>,
    /// Bounds that may be moved.
    pub limits: LimitsConfig,
    /// The distribution of WSL that Everlit runs in, if it does.
    pub wsl_distribution: Option<String>,
    /// What was found in the folder, and by which file, in the order it is printed.
    pub detected: Vec<Detected>,
}

/// Where to listen and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// The wanted port; 0 lets the system choose.
    pub port: u16,
    /// Whether a taken port is an error instead of a reason to take the next one.
    pub strict_port: bool,
    /// The address to listen on; `None` means 127.0.0.1 and ::1 alike.
    pub host: Option<IpAddr>,
    /// Names a request's `Host` may have besides the loopback ones.
    pub hosts: Vec<String>,
    /// By which network paired phones reach it as well.
    pub lan: Lan,
    /// Whether TLS is spoken, and with which certificate.
    pub tls: TlsConfig,
}

/// Whether TLS is spoken, and with which certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TlsConfig {
    /// Plain HTTP.
    #[default]
    Off,
    /// With certificates of the authority that this user has on this machine.
    Local,
    /// With the person's own. Paths are absolute; both may be the same.
    Files {
        /// The certificate with those that lead to its root, in PEM form.
        cert: PathBuf,
        /// Its key, in PEM form.
        key: PathBuf,
    },
}

/// How events are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One line for people.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}

/// What Everlit answers itself. All paths are absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteConfig {
    /// The project's name, for vendor media types.
    pub project: String,
    /// Files served as they are: `static/`, or the project itself when it has an `index.html` and no `static/`.
    pub public: Option<PathBuf>,
    /// Templates of pages.
    pub templates: Option<PathBuf>,
    /// Collections.
    pub data: Option<PathBuf>,
    /// The file that answers a navigation nothing else has, relative to `public`; `None` answers 404.
    pub fallback: Option<PathBuf>,
    /// Paths at which it never answers, whatever it has there.
    pub except: Vec<RoutePath>,
    /// Versions of the API that are declared, the oldest first; others may be found beside the data.
    pub versions: Vec<VersionConfig>,
    /// What becomes of writes to data.
    pub writes: Writes,
    /// What bodies of writes may be.
    pub body: BodyLimits,
}

/// One declared version of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionConfig {
    /// Its number, from 1.
    pub number: u32,
    /// Since or from when clients should leave it (RFC 9745); not before 1970.
    pub deprecated: Option<Timestamp>,
    /// From when it may be gone (RFC 8594); not before `deprecated`, not before 1970.
    pub sunset: Option<Timestamp>,
}

/// What becomes of writes to data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Writes {
    /// They are on disk before they are acknowledged.
    #[default]
    Durable,
    /// They are kept in memory, and gone when the session ends.
    Memory,
    /// They are refused.
    Refused,
}

/// The program that is built and run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppConfig {
    /// Whether there is a program; without one only the steps are run.
    pub is_run: bool,
    /// What was detected, for words and for reading compiler output.
    pub kind: AppKind,
    /// What builds it, each step behind those it waits for; empty when there is nothing to build.
    pub steps: Vec<StepConfig>,
    /// The command that runs it.
    pub run: Run,
    /// The file that a build leaves and `run` starts.
    pub artifact: ArtifactConfig,
    /// How many generations stay startable, the running one among them; at least 1.
    pub keep: usize,
    /// Where both commands run, absolute.
    pub dir: PathBuf,
    /// Environment added to both commands; what the shell has is in it only where `[app] env` has another value. A value with
    /// `{port}` in it is for the running program alone, and gets its port.
    pub env: Vec<(String, String)>,
    /// The files, relative to the project, that some of it was read from, whether they are there or not.
    pub env_files: Vec<PathBuf>,
    /// Whether the program gets a terminal of its own to write to.
    pub pty: bool,
    /// Whether the program is handed a socket that listens already, as systemd does.
    pub listen_fds: bool,
    /// Whether HTTP/2 is spoken with it from the first byte.
    pub http2: bool,
    /// Path that answers 2xx once the program is ready; `None` takes any answer but 502 and 503.
    pub ready: Option<String>,
    /// What a line says that the program prints once it is ready.
    pub ready_line: Option<Pattern>,
    /// How long a start may take.
    pub ready_timeout: Duration,
    /// How long after it took over a generation that fails is rolled back; zero for not at all.
    pub probation: Duration,
    /// How long it may be silent before 504.
    pub answer: Duration,
    /// The port it listens on.
    pub port: AppPort,
    /// Globs, relative to the project, of the files it is built from.
    pub watch: Vec<String>,
    /// Globs, relative to the project, of files that it reads anew for each request: its pages change, it need not be restarted.
    pub rereads: Vec<String>,
    /// Whether it watches its other files itself and tells its pages, as bundlers' servers do.
    pub reloads_itself: bool,
}

/// One command of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepConfig {
    /// Its name; [`StepConfig::BUILD`] for the one that `build` gives.
    pub name: String,
    /// The command.
    pub command: CommandLine,
    /// Where it runs, absolute.
    pub dir: PathBuf,
    /// Globs, relative to the project, of the files it reads.
    pub watch: Vec<String>,
    /// Globs, relative to the project, of the files it writes; empty when that is unknown.
    pub outputs: Vec<String>,
    /// The steps it waits for, as places in the list; all of them before its own.
    pub after: Vec<usize>,
}

impl StepConfig {
    /// The name of the step that makes the program.
    pub const BUILD: &str = "build";
}

/// The file that a build leaves and `run` starts. Each generation runs a copy of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ArtifactConfig {
    /// The executable the compiler names, or the program that `run` begins with, when it is one that was built.
    #[default]
    Found,
    /// This one, absolute.
    At(PathBuf),
    /// None: the program runs from where it was built.
    Off,
}

impl Config {
    /// The program that is built and run.
    #[must_use]
    pub fn program(&self) -> Option<&AppConfig> {
        self.app.as_ref().filter(|app| app.is_run)
    }
}

impl AppConfig {
    /// The command that makes the program; `None` when there is none.
    #[must_use]
    pub fn build(&self) -> Option<&CommandLine> {
        self.steps.iter().find(|step| step.name == StepConfig::BUILD).map(|step| &step.command)
    }
}

/// The kind of program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppKind {
    /// A Cargo package; its build speaks JSON and names the executable.
    Cargo,
    /// A Go module or a lone `main.go`.
    Go,
    /// A Node program.
    Node,
    /// A Python program.
    Python,
    /// A Deno program.
    Deno,
    /// A Ruby program.
    Ruby,
    /// A PHP program.
    Php,
    /// A Java or Kotlin program.
    Java,
    /// A .NET program.
    DotNet,
    /// Only the commands are known.
    Custom,
}

/// A command as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandLine {
    /// One text for `sh -c`.
    Shell(String),
    /// A program with its arguments, no shell.
    Argv(Vec<String>),
}

impl std::fmt::Display for CommandLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Shell(text) => f.write_str(text),
            Self::Argv(words) => f.write_str(&words.join(" ")),
        }
    }
}

/// What to run once the build is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    /// This command; `{port}` in it is replaced by the port the program should take.
    Command(CommandLine),
    /// The executable that the build named (Cargo's JSON messages do).
    BuiltExecutable,
}

/// Which port the program listens on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AppPort {
    /// `PORT` and `{port}` get a free one; what it really opened is found by looking.
    #[default]
    Auto,
    /// Always this one.
    Fixed(u16),
}

/// What pages are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveConfig {
    /// Whether pages say what their consoles do, and what goes wrong in them.
    pub console: bool,
    /// Whether the client script is put into HTML pages.
    pub inject: bool,
    /// Globs of URL paths whose pages it is not put into: `/admin/**`.
    pub inject_except: Vec<String>,
    /// Whether what a person does in one page is repeated in the others.
    pub mirror: bool,
    /// Whether pages whose text changed are changed in place; otherwise they are loaded anew.
    pub morph: bool,
    /// Whether answers and pages say what took how long: `Server-Timing`, and a track of the changes in DevTools.
    pub timing: bool,
    /// Whether DevTools of a browser on this machine are told the project's folder.
    pub workspace: bool,
}

/// What is kept of requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrafficConfig {
    /// Whether heads and bodies may be kept while somebody looks.
    pub capture: bool,
    /// Globs of URL paths of which nothing is kept.
    pub except: Vec<String>,
}

/// What phones are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceConfig {
    /// Whether phones are reached over adb.
    pub adb: bool,
    /// Ports besides the server's own that lead from a phone to this machine.
    pub ports: Vec<u16>,
    /// Whether their browsers are asked what the pages say.
    pub devtools: bool,
}

/// What is watched, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchConfig {
    /// Whether to poll instead of asking the system for events.
    pub poll: bool,
    /// Globs, relative to the project, that are never watched, besides what `.gitignore` names.
    pub ignore: Vec<String>,
    /// Files, relative to the project, that are watched whatever `.gitignore` says.
    pub always: Vec<PathBuf>,
}

/// A simulated fault: what the network or a broken back end would do to requests below a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultConfig {
    /// Glob of URL paths: `/api/**`.
    pub path: String,
    /// Methods; `None` is all of them.
    pub methods: Option<Vec<Method>>,
    /// Added before the answer.
    pub delay: Duration,
    /// The most that is added to it at random.
    pub jitter: Duration,
    /// What is answered instead of the real answer, and how often.
    pub failure: Option<Failure>,
}

/// Answers that are not the real ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// How many of the answers.
    pub share: Share,
    /// Their status, 400 to 599.
    pub status: StatusCode,
}

/// Something that was found in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detected {
    /// `Go module`, `site`.
    pub what: String,
    /// `go.mod`, `static/ and templates/`.
    pub why: String,
}
