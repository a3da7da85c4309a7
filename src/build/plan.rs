//! What a set of changes calls for. Pure.

use std::path::{Path, PathBuf};

use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::{config::Config, watch::ChangeSet};

/// What a set of changes calls for; each changed file stands in at most one list besides `steps`. Paths are relative to the
/// project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// `everlit.toml` and files of variables: the configuration is read anew.
    pub config: Vec<PathBuf>,
    /// Files the program is built from: build, start, swap.
    pub code: Vec<PathBuf>,
    /// Files that steps of the build read.
    pub steps: Vec<PathBuf>,
    /// Data files: read anew, and pages reload if their content differs from what is served.
    pub data: Vec<PathBuf>,
    /// Stylesheets: swapped in place.
    pub styles: Vec<PathBuf>,
    /// Pictures, fonts and the like: refreshed in place.
    pub assets: Vec<PathBuf>,
    /// Scripts and whatever else a page may have loaded: pages that did are loaded anew, unless a module takes its update.
    pub files: Vec<PathBuf>,
    /// Templates and HTML: pages whose text is another are changed in place.
    pub pages: Vec<PathBuf>,
}

impl Plan {
    /// Adds all of another plan.
    pub fn extend(&mut self, other: Self) {
        let lists = [
            (&mut self.config, other.config),
            (&mut self.code, other.code),
            (&mut self.steps, other.steps),
            (&mut self.data, other.data),
            (&mut self.styles, other.styles),
            (&mut self.assets, other.assets),
            (&mut self.files, other.files),
            (&mut self.pages, other.pages),
        ];
        for (list, more) in lists {
            list.extend(more);
        }
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Endings of files a page refreshes in place.
const ASSETS: &[&str] = &["png", "jpg", "jpeg", "gif", "webp", "avif", "svg", "ico", "bmp", "woff", "woff2", "ttf", "otf"];

/// Endings of pages.
const PAGES: &[&str] = &["html", "htm", "xhtml"];

/// Sorts changed files by what they call for. Made once for each configuration: to compile its globs takes longer than all
/// that a save of a stylesheet leads to.
///
/// The site's own folders are asked first: a file in `static/` is what the browser gets, whatever the program's globs say.
/// What belongs to neither calls for nothing.
#[derive(Debug)]
pub struct Planner {
    folders: Folders,
    code: Code,
    steps: GlobSet,
}

impl Planner {
    /// For a project that is configured so.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let folders = Folders::of(config);
        let code = Code::of(config, folders.public.as_deref());
        let steps = config.app.iter().flat_map(|app| &app.steps).flat_map(|step| &step.watch);
        Self { folders, code, steps: glob_set(steps.map(String::as_str)) }
    }

    /// What these changes call for.
    #[must_use]
    pub fn plan(&self, changes: &ChangeSet) -> Plan {
        let mut plan = Plan::default();
        for change in changes.iter() {
            let is_read = self.steps.is_match(change.path);
            if is_read {
                plan.steps.push(change.path.to_owned());
            }
            if let Some(list) = list_for(change.path, is_read, &self.folders, &self.code, &mut plan) {
                list.push(change.path.to_owned());
            }
        }
        plan
    }
}

/// `is_read`: whether a step of the build makes something of it.
fn list_for<'p>(path: &Path, is_read: bool, folders: &Folders, code: &Code, plan: &'p mut Plan) -> Option<&'p mut Vec<PathBuf>> {
    let kind = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    let inside = |folder: &Option<PathBuf>| folder.as_ref().is_some_and(|folder| path.starts_with(folder));
    if path == Path::new("everlit.toml") || folders.env_files.iter().any(|file| file == path) {
        return Some(&mut plan.config);
    }
    if inside(&folders.data) {
        return Some(&mut plan.data);
    }
    if inside(&folders.templates) {
        return Some(&mut plan.pages);
    }
    let is_public = !folders.public_is_root && inside(&folders.public);
    if is_public && !code.embedded.is_match(path) {
        return Some(list_of_public(&kind, plan));
    }
    if code.all.is_match(path) {
        return Some(&mut plan.code);
    }
    if folders.public_is_root {
        return Some(list_of_public(&kind, plan));
    }
    if code.reread.is_match(path) {
        return Some(&mut plan.pages);
    }
    // Under which address the program serves it is unknown: where it is no page, only a reload is sure to show it. What a step
    // reads is told by what it makes of it.
    match folders.app_serves(&kind) {
        true if is_page(&kind) => Some(&mut plan.pages),
        true if !is_read => Some(&mut plan.files),
        _ => None,
    }
}

fn is_page(kind: &str) -> bool {
    PAGES.contains(&kind)
}

fn list_of_public<'p>(kind: &str, plan: &'p mut Plan) -> &'p mut Vec<PathBuf> {
    match kind {
        "css" => &mut plan.styles,
        kind if ASSETS.contains(&kind) => &mut plan.assets,
        kind if is_page(kind) => &mut plan.pages,
        _ => &mut plan.files,
    }
}

/// The site's folders, relative to the project.
#[derive(Debug)]
struct Folders {
    public: Option<PathBuf>,
    public_is_root: bool,
    templates: Option<PathBuf>,
    data: Option<PathBuf>,
    /// Files of variables.
    env_files: Vec<PathBuf>,
    /// Whether there is a program, ours or not, that does not tell its pages itself.
    has_plain_app: bool,
}

impl Folders {
    fn of(config: &Config) -> Self {
        let relative = |folder: &Option<PathBuf>| folder.as_ref()?.strip_prefix(&config.root).ok().map(Path::to_owned);
        let site = config.site.as_ref();
        let public = site.and_then(|site| relative(&site.public));
        Self {
            public_is_root: public.as_ref().is_some_and(|public| public.as_os_str().is_empty()),
            public,
            templates: site.and_then(|site| relative(&site.templates)),
            data: site.and_then(|site| relative(&site.data)),
            env_files: config.program().iter().flat_map(|app| &app.env_files).chain(&config.route_files).cloned().collect(),
            has_plain_app: match config.program() {
                Some(app) => !app.reloads_itself,
                None => config.upstream.is_some() && !config.upstream_reloads_itself,
            },
        }
    }

    /// Files the program itself most likely reads at each request: no build, but its pages change.
    fn app_serves(&self, kind: &str) -> bool {
        self.has_plain_app && (ASSETS.contains(&kind) || is_page(kind) || ["css", "js", "mjs"].contains(&kind))
    }
}

/// The files a program is built from.
#[derive(Debug)]
struct Code {
    all: GlobSet,
    /// Those named inside of the public folder: the program carries a copy of them, so serving the new file is not enough.
    embedded: GlobSet,
    /// Those the program reads anew for each request.
    reread: GlobSet,
}

impl Code {
    fn of(config: &Config, public: Option<&Path>) -> Self {
        let globs = || config.app.iter().flat_map(|app| app.watch.iter().map(String::as_str));
        let inside = |glob: &&str| public.is_some_and(|public| Path::new(glob).starts_with(public));
        let reread = config.app.iter().flat_map(|app| app.rereads.iter().map(String::as_str));
        Self { all: glob_set(globs()), embedded: glob_set(globs().filter(inside)), reread: glob_set(reread) }
    }
}

/// The globs were checked when the configuration was read.
pub(super) fn glob_set<'g>(globs: impl Iterator<Item = &'g str>) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    globs.filter_map(|glob| Glob::new(glob).ok()).for_each(|glob| {
        set.add(glob);
    });
    set.build().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::{
        build::fixture,
        config::{
            AppConfig, BodyLimits, CorsConfig, DeviceConfig, Lan, LimitsConfig, LiveConfig, LogFormat, ServerConfig, SiteConfig,
            TlsConfig, TrafficConfig, WatchConfig, Writes,
        },
        watch::Kind,
    };

    fn config(public: Option<&str>, watch: Option<&[&str]>) -> Config {
        let app = |watch: &[&str]| AppConfig {
            watch: watch.iter().map(|glob| (*glob).to_owned()).collect(),
            rereads: vec!["**/*.php".to_owned()],
            ..fixture::app(&[("css", &["less/*.css"], &[], &[])])
        };
        let site = |public: &str| SiteConfig {
            project: "p".into(),
            public: Some(Path::new("/p").join(public)),
            templates: Some("/p/templates".into()),
            data: Some("/p/data".into()),
            fallback: None,
            except: Vec::new(),
            versions: Vec::new(),
            writes: Writes::default(),
            body: BodyLimits::default(),
        };
        Config {
            root: "/p".into(),
            project: "p".into(),
            file: None,
            server: ServerConfig {
                port: 0,
                strict_port: false,
                host: None,
                hosts: Vec::new(),
                lan: Lan::Off,
                tls: TlsConfig::Off,
            },
            open: false,
            editor: None,
            log: LogFormat::Human,
            site: public.map(site),
            app: watch.map(app),
            upstream: None,
            upstream_reloads_itself: false,
            routes: Vec::new(),
            route_files: Vec::new(),
            cors: CorsConfig::default(),
            live: LiveConfig {
                console: true,
                inject: true,
                inject_except: Vec::new(),
                mirror: false,
                morph: true,
                timing: true,
                workspace: true,
            },
            traffic: TrafficConfig { capture: true, except: Vec::new() },
            device: DeviceConfig { adb: true, ports: Vec::new(), devtools: false },
            watch: WatchConfig::default(),
            faults: Vec::new(),
            limits: LimitsConfig::default(),
            wsl_distribution: None,
            detected: Vec::new(),
        }
    }

    /// Names of the lists the files land in, `-` for none.
    fn check(config: &Config, expected: &[(&str, &str)]) {
        for (file, list) in expected {
            let mut changes = ChangeSet::new(Instant::now());
            changes.add(*file, Kind::Written);
            let plan = Planner::new(config).plan(&changes);
            let lists = [
                ("config", &plan.config),
                ("code", &plan.code),
                ("data", &plan.data),
                ("styles", &plan.styles),
                ("assets", &plan.assets),
                ("files", &plan.files),
                ("pages", &plan.pages),
            ];
            let found: Vec<_> = lists.iter().filter(|(_, files)| !files.is_empty()).map(|(name, _)| *name).collect();
            assert_eq!(if found.is_empty() { vec!["-"] } else { found }, [*list], "{file}");
        }
    }

    #[test]
    fn a_site() {
        check(
            &config(Some("static"), None),
            &[
                ("static/a.css", "styles"),
                ("static/img/a.PNG", "assets"),
                ("static/a.js", "files"),
                ("static/a.html", "pages"),
                ("templates/a.html", "pages"),
                ("data/posts.json", "data"),
                ("everlit.toml", "config"),
                ("README.md", "-"),
                ("main.go", "-"),
            ],
        );
        check(&config(Some(""), None), &[("a.css", "styles"), ("index.html", "pages"), ("data/x.json", "data")]);
    }

    #[test]
    fn what_a_step_reads_calls_for_it_besides() {
        let mut changes = ChangeSet::new(Instant::now());
        ["less/a.css", "less/a.html", "b.css"].iter().for_each(|file| changes.add(*file, Kind::Written));
        let mut config = config(None, Some(&["**/*.go"]));
        config.app.iter_mut().for_each(|app| app.steps[0].watch.push("less/*.html".into()));
        let plan = Planner::new(&config).plan(&changes);
        let paths = |files: &[&str]| files.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(plan.steps, paths(&["less/a.css", "less/a.html"]));
        assert_eq!((plan.files, plan.pages), (paths(&["b.css"]), paths(&["less/a.html"])));
    }

    #[test]
    fn an_app() {
        let watch: &[&str] = &["**/*.go"];
        check(
            &config(None, Some(watch)),
            &[("main.go", "code"), ("x/y.go", "code"), ("web/a.css", "files"), ("web/a.html", "pages"), ("README.md", "-")],
        );
        check(&config(Some("static"), Some(watch)), &[("static/a.css", "styles"), ("static/a.go", "files"), ("x/y.go", "code")]);
        check(&config(None, Some(&["config/*.php"])), &[("a/b.php", "pages"), ("config/a.php", "code"), ("a.inc", "-")]);
        let embedding: &[&str] = &["**/*.go", "static/**"];
        check(&config(Some("static"), Some(embedding)), &[("static/a.css", "code")]);
        let mut settings = config(None, Some(watch));
        settings.app.iter_mut().for_each(|app| app.env_files = vec![".env".into()]);
        check(&settings, &[(".env", "config"), ("sub/.env", "-"), (".env.local", "-")]);
        let mut elsewhere = config(None, None);
        elsewhere.upstream = Some(http::Uri::from_static("http://127.0.0.1:3000"));
        elsewhere.route_files = vec![".env".into()];
        check(&elsewhere, &[("web/a.css", "files"), ("web/a.html", "pages"), ("main.go", "-"), (".env", "config")]);
        elsewhere.upstream_reloads_itself = true;
        check(&elsewhere, &[("web/a.css", "-"), ("web/a.html", "-")]);
        let mut bundler = config(None, Some(&["package.json"]));
        bundler.app.iter_mut().for_each(|app| app.reloads_itself = true);
        check(&bundler, &[("package.json", "code"), ("src/a.css", "-"), ("index.html", "-")]);
    }
}
