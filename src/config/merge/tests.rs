use std::time::Duration;

use super::*;
use crate::config::{
    AppConfig, AppKind, AppPort, CommandLine, Lan, LogFormat, Run, SiteConfig, Wanted, fixture::TestFolder, load,
};

/// The configuration of a project, with flags and environment.
fn loaded(files: &str, flags: Layer, env: Layer) -> Result<Config, ConfigError> {
    load(TestFolder::new(files).path(), flags, env)
}

fn plain(files: &str) -> Config {
    loaded(files, Layer::default(), Layer::default()).unwrap()
}

fn shell(line: &str) -> Option<CommandLine> {
    Some(CommandLine::Shell(line.to_owned()))
}

/// A setting given in all three places, and what comes of it when the places fall away one after the other.
struct Case {
    key: &'static str,
    flag: Layer,
    env: Layer,
    toml: &'static str,
    shown: fn(&Config) -> String,
    /// With all three; without the flag; with the file alone; with nothing.
    expected: [&'static str; 4],
}

const GO: &str = "-- main.go --\npackage main\n";

fn check(case: Case) {
    let Case { key, flag, env, toml, shown, expected } = case;
    let file = format!("{GO}-- everlit.toml --\n{toml}\n");
    let given = |files: &str, flag: &Layer, env: &Layer| shown(&loaded(files, flag.clone(), env.clone()).unwrap());
    let none = Layer::default();
    let found = [given(&file, &flag, &env), given(&file, &none, &env), given(&file, &none, &none), given(GO, &none, &none)];
    assert_eq!(found, expected, "{key}");
}

#[test]
fn flag_over_environment_over_file_over_detection_over_default() {
    let none = Layer::default;
    check(Case {
        key: "port",
        flag: Layer { port: Some(1), ..none() },
        env: Layer { port: Some(2), ..none() },
        toml: "port = 3",
        shown: |config| config.server.port.to_string(),
        expected: ["1", "2", "3", "4747"],
    });
    check(Case {
        key: "tls",
        flag: Layer { tls: Some(true), ..none() },
        env: Layer { tls: Some(false), ..none() },
        toml: "tls = true",
        shown: |config| format!("{:?}", config.server.tls),
        expected: ["Local", "Off", "Local", "Off"],
    });
    check(Case {
        key: "tls_cert",
        flag: Layer { tls_cert: Some("/a".into()), ..none() },
        env: Layer { tls_cert: Some("/b".into()), tls: Some(true), ..none() },
        toml: "tls_cert = \"/c\"\ntls_key = \"/k\"",
        shown: |config| format!("{:?}", config.server.tls),
        expected: [
            r#"Files { cert: "/a", key: "/k" }"#,
            r#"Files { cert: "/b", key: "/k" }"#,
            r#"Files { cert: "/c", key: "/k" }"#,
            "Off",
        ],
    });
    check(Case {
        key: "strict_port",
        flag: Layer { strict_port: Some(true), ..none() },
        env: Layer { strict_port: Some(false), ..none() },
        toml: "strict_port = true",
        shown: |config| config.server.strict_port.to_string(),
        expected: ["true", "false", "true", "false"],
    });
    check(Case {
        key: "host",
        flag: Layer { host: Some(Host::Loopback), ..none() },
        env: Layer { host: Some(Host::Address([10, 0, 0, 2].into())), ..none() },
        toml: "host = \"10.0.0.3\"",
        shown: |config| format!("{:?}", config.server.host),
        expected: ["None", "Some(10.0.0.2)", "Some(10.0.0.3)", "None"],
    });
    check(Case {
        key: "lan",
        flag: Layer { lan: Some(Lan::Off), ..none() },
        env: Layer { lan: Some(Lan::Address([10, 0, 0, 2].into())), ..none() },
        toml: "lan = \"wlan0\"",
        shown: |config| format!("{:?}", config.server.lan),
        expected: ["Off", "Address(10.0.0.2)", "Interface(\"wlan0\")", "Off"],
    });
    check(Case {
        key: "open",
        flag: Layer { open: Some(true), ..none() },
        env: Layer { open: Some(false), ..none() },
        toml: "open = true",
        shown: |config| config.open.to_string(),
        expected: ["true", "false", "true", "false"],
    });
    check(Case {
        key: "editor",
        flag: Layer { editor: "one".parse().ok(), ..none() },
        env: Layer { editor: "two -x".parse().ok(), ..none() },
        toml: "editor = \"three\"",
        shown: |config| config.editor.as_ref().map_or_else(String::new, |command| command.0.join("+")),
        expected: ["one", "two+-x", "three", ""],
    });
    check(Case {
        key: "log",
        flag: Layer { log: Some(LogFormat::Json), ..none() },
        env: Layer { log: Some(LogFormat::Human), ..none() },
        toml: "log = \"json\"",
        shown: |config| format!("{:?}", config.log),
        expected: ["Json", "Human", "Json", "Human"],
    });
    check(Case {
        key: "build",
        flag: Layer { build: shell("one"), ..none() },
        env: Layer { build: shell("two"), ..none() },
        toml: "app.build = \"three\"",
        shown: |config| app(config).build().map_or_else(String::new, ToString::to_string),
        expected: ["one", "two", "three", "go build -o .everlit/bin/app main.go"],
    });
    check(Case {
        key: "run",
        flag: Layer { run: shell("one"), ..none() },
        env: Layer { run: shell("two"), ..none() },
        toml: "app.run = [\"three\", \"words\"]",
        shown: |config| run(app(config)),
        expected: ["one", "two", "three words", ".everlit/bin/app"],
    });
    check(Case {
        key: "inject",
        flag: Layer { inject: Some(false), ..none() },
        env: Layer { inject: Some(true), ..none() },
        toml: "live.inject = false",
        shown: |config| config.live.inject.to_string(),
        expected: ["false", "true", "false", "true"],
    });
    check(Case {
        key: "adb",
        flag: Layer { adb: Some(false), ..none() },
        env: Layer { adb: Some(true), ..none() },
        toml: "device.adb = false",
        shown: |config| config.device.adb.to_string(),
        expected: ["false", "true", "false", "true"],
    });
    check(Case {
        key: "console",
        flag: Layer { console: Some(false), ..none() },
        env: Layer { console: Some(true), ..none() },
        toml: "live.console = false",
        shown: |config| config.live.console.to_string(),
        expected: ["false", "true", "false", "true"],
    });
    check(Case {
        key: "timing",
        flag: Layer { timing: Some(false), ..none() },
        env: Layer { timing: Some(true), ..none() },
        toml: "live.timing = false",
        shown: |config| config.live.timing.to_string(),
        expected: ["false", "true", "false", "true"],
    });
    check(Case {
        key: "mirror",
        flag: Layer { mirror: Some(true), ..none() },
        env: Layer { mirror: Some(false), ..none() },
        toml: "live.mirror = true",
        shown: |config| config.live.mirror.to_string(),
        expected: ["true", "false", "true", "false"],
    });
    check(Case {
        key: "morph",
        flag: Layer { morph: Some(false), ..none() },
        env: Layer { morph: Some(true), ..none() },
        toml: "live.morph = false",
        shown: |config| config.live.morph.to_string(),
        expected: ["false", "true", "false", "true"],
    });
    check(Case {
        key: "poll",
        flag: Layer { poll: Some(true), ..none() },
        env: Layer { poll: Some(false), ..none() },
        toml: "watch.poll = true",
        shown: |config| config.watch.poll.to_string(),
        expected: ["true", "false", "true", "false"],
    });
    check(Case {
        key: "upstream",
        flag: Layer { upstream: Some(http::Uri::from_static("http://one")), ..none() },
        env: Layer { upstream: Some(http::Uri::from_static("http://two")), ..none() },
        toml: "upstream = \"http://three\"",
        shown: |config| format!("{:?}", config.upstream),
        expected: ["Some(http://one/)", "Some(http://two/)", "Some(http://three/)", "None"],
    });
    let milliseconds = |number| Some(Duration::from_millis(number));
    check(Case {
        key: "delay",
        flag: Layer { delay: milliseconds(1), ..none() },
        env: Layer { delay: milliseconds(2), ..none() },
        toml: "delay = \"3ms\"",
        shown: |config| format!("{:?}", config.faults.last().map(|fault| fault.delay)),
        expected: ["Some(1ms)", "Some(2ms)", "Some(3ms)", "None"],
    });
    check(Case {
        key: "jitter",
        flag: Layer { jitter: milliseconds(1), ..none() },
        env: Layer { jitter: milliseconds(2), ..none() },
        toml: "jitter = \"3ms\"",
        shown: |config| format!("{:?}", config.faults.last().map(|fault| fault.jitter)),
        expected: ["Some(1ms)", "Some(2ms)", "Some(3ms)", "None"],
    });
    check(Case {
        key: "fail",
        flag: Layer { fail: "1%".parse().ok(), ..none() },
        env: Layer { fail: "2%".parse().ok(), ..none() },
        toml: "fail = 3",
        shown: |config| config.faults.last().and_then(|fault| fault.failure).map_or(String::new(), |it| it.share.to_string()),
        expected: ["1%", "2%", "3%", ""],
    });
}

#[test]
fn what_becomes_of_writes() {
    let writes = |config: &Config| format!("{:?}", config.site.as_ref().unwrap().writes);
    let data = |toml: &str| format!("-- data/ --\n-- everlit.toml --\n{toml}\n");
    let check = |toml: &str, flags: Layer, expected: &str| {
        let shown = loaded(&data(toml), flags, Layer::default());
        assert_eq!(shown.as_ref().map_or_else(ToString::to_string, writes), expected, "{toml}");
    };
    let read_only = |on| Layer { read_only: Some(on), ..Layer::default() };
    check("", Layer::default(), "Durable");
    check("read_only = true", Layer::default(), "Refused");
    check("ephemeral = true", Layer::default(), "Memory");
    check("ephemeral = true", read_only(true), "Refused");
    check("read_only = true", read_only(false), "Durable");
    check(
        "read_only = true\nephemeral = true",
        Layer::default(),
        "`read_only` and `ephemeral` exclude each other: either no write is taken, or all are and none is kept",
    );
}

#[test]
fn a_network_is_open_to_everybody_or_to_paired_phones() {
    let check = |host: &str, expected: Option<&str>| {
        let toml = format!("-- index.html --\n-- everlit.toml --\nhost = \"{host}\"\nlan = true\n");
        let error = loaded(&toml, Layer::default(), Layer::default()).err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), expected, "{host}");
    };
    check("localhost", None);
    check("127.0.0.1", None);
    check(
        "0.0.0.0",
        Some(
            "`host` and `lan` exclude each other: `host` opens the project to whoever reaches that address, `lan` to paired phones \
             alone; leave out one of them",
        ),
    );
}

#[test]
fn the_faults_of_a_run_come_last() {
    let shown = |config: Config| {
        let failure =
            |fault: &FaultConfig| fault.failure.map(|failure| format!(" {} {}", failure.share, failure.status.as_u16()));
        let fault = |fault: &FaultConfig| {
            format!("{} {:?}+{:?}{}", fault.path, fault.delay, fault.jitter, failure(fault).unwrap_or_default())
        };
        config.faults.iter().map(fault).collect::<Vec<_>>()
    };
    let check = |toml: &str, flags: Layer, env: Layer, expected: &[&str]| {
        let config = loaded(&format!("-- everlit.toml --\n{toml}\n"), flags, env).unwrap();
        assert_eq!(shown(config), expected, "{toml}");
    };
    let none = Layer::default;
    let delay = |ms| Layer { delay: Some(Duration::from_millis(ms)), ..Layer::default() };
    let fail = |share: &str| Layer { fail: share.parse().ok(), ..Layer::default() };
    check("", none(), none(), &[]);
    check("delay = \"1s\"", none(), none(), &["/** 1s+0ns"]);
    check("delay = \"1s\"\njitter = 2\nfail = 3", delay(5), none(), &["/** 5ms+2s 3% 503"]);
    check("delay = \"1s\"", delay(0), none(), &[]);
    check("fail = 10", fail("5%"), fail("7%"), &["/** 0ns+0ns 5% 503"]);
    check("fail = 10", fail("0%"), none(), &[]);
    check("[[fault]]\npath = \"/a\"\nstatus = 500", none(), delay(5), &["/a 0ns+0ns 100% 500", "/** 5ms+0ns"]);
}

#[test]
fn declared_versions_belong_to_the_site() {
    let config = plain("-- data/ --\n-- everlit.toml --\n[[version]]\nnumber = 2\n[[version]]\nnumber = 1\n");
    assert_eq!(config.site.unwrap().versions.iter().map(|version| version.number).collect::<Vec<_>>(), [1, 2]);
}

fn app(config: &Config) -> &AppConfig {
    config.app.as_ref().unwrap()
}

fn run(app: &AppConfig) -> String {
    match &app.run {
        Run::Command(command) => command.to_string(),
        Run::BuiltExecutable => "what it built".to_owned(),
    }
}

#[test]
fn a_folder_is_needed() {
    let folder = TestFolder::new("-- page.html --\n-- db.json --\n-- everlit.toml/ --\n");
    let shown = |path: &Path| load(path, Layer::default(), Layer::default()).unwrap_err().to_string();
    let [page, database, gone] = ["page.html", "db.json", "gone"].map(|name| folder.path().join(name));
    assert_eq!(shown(&page), format!("cannot serve {}: it is a file; give the folder it is in", page.display()));
    let next = format!("`everlit init --api {} DIR`", database.display());
    assert!(shown(&database).contains(&next), "{}", shown(&database));
    assert!(shown(&gone).starts_with(&format!("cannot serve {}: No such file", gone.display())));
    let toml = folder.path().join("everlit.toml");
    assert_eq!(shown(folder.path()), format!("cannot read {}: it is not a regular file", toml.display()));
}

#[test]
fn a_change_of_the_file_is_seen_by_the_next_load() {
    let folder = TestFolder::new("-- everlit.toml --\nport = 1\n");
    let port = || load(folder.path(), Layer::default(), Layer::default()).map(|config| config.server.port);
    assert_eq!(port().unwrap(), 1);
    std::fs::write(folder.path().join("everlit.toml"), "prt = 2").unwrap();
    assert_eq!(port().unwrap_err().to_string(), "everlit.toml:1:1: unknown key `prt`; did you mean `port`?");
    std::fs::write(folder.path().join("everlit.toml"), "port = 2").unwrap();
    assert_eq!(port().unwrap(), 2);
}

/// Folders of the site, relative to the project, then what was said about the folder.
fn site(files: &str) -> (String, Vec<String>) {
    let config = plain(files);
    let show = |path: Option<PathBuf>| match path {
        Some(path) if path == config.root => ".".to_owned(),
        Some(path) => path.strip_prefix(&config.root).unwrap().display().to_string(),
        None => "-".to_owned(),
    };
    let shown = config.site.clone().map_or("none".to_owned(), |SiteConfig { public, templates, data, .. }| {
        format!("{} {} {}", show(public), show(templates), show(data))
    });
    (shown, config.detected.iter().map(|found| format!("{}: {}", found.what, found.why)).collect())
}

fn check_site(files: &str, expected: &str, words: &[&str]) {
    assert_eq!(site(files), (expected.to_owned(), words.iter().map(|word| (*word).to_owned()).collect()), "{files}");
}

#[test]
fn sites_alone() {
    const ALL: &str = "-- static/ --\n-- templates/ --\n-- data/ --\n";
    check_site(ALL, "static templates data", &["site: static/, templates/ and data/"]);
    check_site("-- index.html --\n", ". - -", &["site: index.html"]);
    check_site("-- data/ --\n", "- - data", &["site: data/"]);
    check_site("-- index.html --\n-- data/ --\n", ". - data", &["site: index.html and data/"]);
    check_site(
        "-- notes.txt --\n",
        ". - -",
        &["plain folder: neither a site nor a program was recognised; its files are served as they are"],
    );
    check_site(
        "-- static/ --\n-- index.html --\n",
        "static - -",
        &[
            "site: static/",
            "index.html is not served: static/ is; move it there, or serve the whole folder by `[site] public = \".\"`",
        ],
    );
    let with = |toml: &str| format!("{ALL}-- everlit.toml --\n{toml}\n");
    check_site(&with("site.templates = false"), "static - data", &["site: static/ and data/"]);
    check_site(&with("site.public = \"web\""), "web templates data", &["site: web/, templates/ and data/"]);
    check_site("-- everlit.toml --\nsite.public = false\n", "none", &[]);
}

#[test]
fn sites_beside_a_program() {
    let beside = |rest: &str| format!("{GO}{rest}");
    check_site(&beside(""), "none", &["Go program: main.go"]);
    check_site(&beside("-- static/ --\n-- data/ --\n"), "static - data", &["Go program: main.go", "site: static/ and data/"]);
    check_site(
        &beside("-- templates/ --\n-- index.html --\n"),
        "none",
        &[
            "Go program: main.go",
            "index.html is left to the app: `[site] public = \".\"` serves it, with everything beside it",
            "templates/ is left to the app: `[site] templates = \"templates\"` makes it pages",
        ],
    );
    check_site(
        &beside("-- templates/ --\n-- everlit.toml --\nsite.templates = \"templates\"\n"),
        "- templates -",
        &["Go program: main.go", "site: templates/"],
    );
    check_site(
        &beside("-- templates/ --\n-- everlit.toml --\nupstream = \"http://localhost:8080\"\n"),
        "none",
        &[
            "Go program is not run: http://localhost:8080/ answers in its place",
            "templates/ is left to the app: `[site] templates = \"templates\"` makes it pages",
        ],
    );
    check_site(
        "-- index.html --\n-- everlit.toml --\napp.run = \"serve\"\n",
        "none",
        &["index.html is left to the app: `[site] public = \".\"` serves it, with everything beside it"],
    );
    check_site(
        "-- templates/ --\n-- everlit.toml --\nupstream = \"http://localhost:8080\"\n",
        "- templates -",
        &["site: templates/"],
    );
    check_site("-- everlit.toml --\nupstream = \"http://localhost:8080\"\n", "none", &[]);
}

#[test]
fn a_fallback_is_a_file_of_the_public_folder() {
    let config = plain("-- static/ --\n-- everlit.toml --\nsite.fallback = \"app.html\"\n");
    assert_eq!(config.site.unwrap().fallback, Some(PathBuf::from("app.html")));
    let lacking = loaded("-- data/ --\n-- everlit.toml --\nsite.fallback = \"a\"\n", Layer::default(), Layer::default());
    assert!(matches!(lacking, Err(ConfigError::FallbackWithoutPublic)));
}

/// `build → run, kind` of a project with flags.
fn program(files: &str, flags: Layer) -> String {
    match loaded(files, flags, Layer::default()) {
        Err(error) => error.to_string(),
        Ok(Config { app: None, .. }) => "none".to_owned(),
        Ok(config) => {
            let build = app(&config).build().iter().map(|build| format!("{build} → ")).collect::<String>();
            format!("{build}{}, {:?}", run(app(&config)), app(&config).kind)
        }
    }
}

#[test]
fn what_is_given_replaces_its_half_of_what_was_detected() {
    let check = |files, flags, expected: &str| assert_eq!(program(files, flags), expected);
    let run = |line| Layer { run: shell(line), ..Layer::default() };
    let build = |line| Layer { build: shell(line), ..Layer::default() };
    check(GO, run("./x"), "go build -o .everlit/bin/app main.go → ./x, Go");
    check(GO, build("make"), "make → .everlit/bin/app, Go");
    check("", run("./x"), "./x, Custom");
    check("-- index.html --\n", Layer::default(), "none");
    const NOTHING: &str =
        "there is a `build` command or an `[app]` section, but nothing to run was given or found; set `[app] run`";
    check("", build("make"), NOTHING);
    check("-- everlit.toml --\napp.ready = \"/up\"\n", Layer::default(), NOTHING);
    let both = "-- everlit.toml --\nupstream = \"http://a\"\napp.run = \"x\"\n";
    assert!(matches!(loaded(both, Layer::default(), Layer::default()), Err(ConfigError::TwoBackends)));
    check(both, run("y"), "y, Custom");
}

#[test]
fn of_several_programs_one_has_to_be_chosen() {
    const TWO: &str = "-- go.mod --\n-- cmd/api/a.go --\npackage main\n-- cmd/worker/w.go --\npackage main\n";
    const UNDECIDED: &str = "there are several programs here (Go module): api, worker; choose one by `--program api`, \
        or by `program = \"api\"` below `[app]` in everlit.toml";
    let check = |files: &str, flags, expected: &str| assert_eq!(program(files, flags), expected);
    let named = |name: &str| Layer { program: Some(Wanted::Named(name.to_owned())), ..Layer::default() };
    let worker = "go build -o .everlit/bin/app ./cmd/worker → .everlit/bin/app, Go";
    check(TWO, Layer::default(), UNDECIDED);
    check(&format!("{TWO}-- static/ --\n"), Layer::default(), UNDECIDED);
    check(TWO, Layer { build: shell("make"), ..Layer::default() }, UNDECIDED);
    check(TWO, Layer { run: shell("./x"), ..Layer::default() }, "./x, Custom");
    check(TWO, named("worker"), worker);
    check(&format!("{TWO}-- everlit.toml --\napp.program = \"worker\"\n"), Layer::default(), worker);
    check(&format!("{TWO}-- everlit.toml --\napp.program = \"api\"\n"), named("worker"), worker);
    check(&format!("{TWO}-- everlit.toml --\napp.program = false\n"), Layer::default(), "none");
    check(TWO, named("web"), "there is no program `web` here; there are api, worker");
    check("", named("web"), "there is no program `web` here; none was found that has a name; set `[app] run`");
    let upstream = Layer { upstream: Some(http::Uri::from_static("http://a")), ..Layer::default() };
    check(TWO, upstream, "none");
}

#[test]
fn a_site_may_have_steps() {
    const CSS: &str = "[[app.step]]\nname = \"css\"\ncommand = \"make\"\n";
    let config = plain(&format!("-- index.html --\n-- everlit.toml --\n{CSS}watch = [\"a.less\"]\n"));
    assert!(config.program().is_none() && config.site.is_some(), "an index.html is the site's");
    assert_eq!(app(&config).steps.len(), 1);
    let lacking = loaded(&format!("-- everlit.toml --\n{CSS}"), Layer::default(), Layer::default()).unwrap_err();
    assert_eq!(lacking.to_string(), "`[[app.step]]`: `css` needs a `watch`: there is no program whose files it could read");
}

#[test]
fn cargo_is_asked_to_name_the_program() {
    const CARGO: &str = "-- Cargo.toml --\n[package]\nname = \"a\"\n-- src/main.rs --\n";
    const JSON: &str = "--message-format=json-diagnostic-rendered-ansi";
    let build = |line| program(CARGO, Layer { build: shell(line), ..Layer::default() });
    assert_eq!(build("cargo build"), format!("cargo build {JSON} → what it built, Cargo"));
    assert_eq!(build("cargo  +nightly build -F 'a  b'"), format!("cargo +nightly build {JSON} -F 'a  b' → what it built, Cargo"));
    assert_eq!(build("cargo build --message-format=json"), "cargo build --message-format=json → what it built, Cargo");
    assert_eq!(build("make"), "`make` replaces `cargo build`, whose messages name the program to run; set `[app] run` as well");
    let toml = format!("{CARGO}-- everlit.toml --\napp.build = [\"cargo\", \"build\", \"--release\"]\n");
    assert_eq!(program(&toml, Layer::default()), format!("cargo build {JSON} --release → what it built, Cargo"));
    let both = Layer { build: shell("make"), run: shell("./x"), ..Layer::default() };
    assert_eq!(program(CARGO, both), "make → ./x, Cargo");
}

#[test]
fn programs_have_defaults() {
    let config = plain(GO);
    let AppConfig { kind, dir, env, ready, ready_timeout, port, watch, .. } = app(&config);
    assert_eq!((*kind, *port, *ready_timeout), (AppKind::Go, AppPort::Auto, Duration::from_secs(60)));
    assert_eq!((dir, ready, env.len()), (&config.root, &None, 0));
    assert!(watch.contains(&"**/*.go".to_owned()));
    let toml = "-- everlit.toml --\n[app]\nready = \"/up\"\nready_timeout = 5\nport = 80\nwatch = [\"a\"]\n";
    let config = plain(&format!("{GO}{toml}"));
    let AppConfig { ready, ready_timeout, port, watch, .. } = app(&config);
    assert_eq!((ready.as_deref(), *ready_timeout, *port), (Some("/up"), Duration::from_secs(5), AppPort::Fixed(80)));
    assert_eq!(*watch, ["a"]);
}

#[test]
fn a_given_command_is_watched_whole() {
    const VITE: &str = "-- package.json --\n{\"scripts\":{\"dev\":\"vite\"}}\n";
    let watch = |flags| loaded(VITE, flags, Layer::default()).unwrap().app.unwrap().watch;
    assert!(!watch(Layer::default()).iter().any(|glob| glob.starts_with("**/*.{js")));
    assert!(watch(Layer { run: shell("node x.js"), ..Layer::default() }).iter().any(|glob| glob.starts_with("**/*.{js")));
    let custom = loaded("", Layer { run: shell("x"), ..Layer::default() }, Layer::default());
    assert_eq!(custom.unwrap().app.unwrap().watch, ["**/*"]);
}

#[test]
fn the_commands_of_dependencies_come_first_in_the_search_path() {
    const NODE: &str = "-- package.json --\n{\"scripts\":{\"start\":\"node x.js\"}}\n";
    let path = |toml: &str, path: Option<&str>| {
        let env = Layer { search_path: path.map(Into::into), ..Layer::default() };
        let config = loaded(&format!("{NODE}-- everlit.toml --\n{toml}\n"), Layer::default(), env).unwrap();
        let paths: Vec<_> = app(&config).env.iter().filter(|(name, _)| name == "PATH").collect();
        let [(_, path)] = paths.as_slice() else { panic!("{paths:?}") };
        path.strip_prefix(config.root.join("node_modules/.bin").to_str().unwrap()).unwrap().to_owned()
    };
    assert_eq!(path("", Some("/a:/b")), ":/a:/b");
    assert_eq!(path("", None), ":/usr/local/bin:/usr/bin:/bin");
    assert_eq!(path("app.env = { PATH = \"/c\" }", Some("/a")), ":/c");
}

#[test]
fn the_file_has_the_last_word_on_a_programs_environment() {
    let env = |toml: &str| app(&plain(&format!("-- app.py --\n-- everlit.toml --\n{toml}\n"))).env.clone();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(env(""), [pair("PYTHONUNBUFFERED", "1")]);
    assert_eq!(env("app.env = { A = \"b\", PYTHONUNBUFFERED = \"\" }"), [pair("A", "b"), pair("PYTHONUNBUFFERED", "")]);
}

#[test]
fn outputs_are_ignored() {
    let config = plain("-- Cargo.toml --\n[package\n-- everlit.toml --\nwatch.ignore = [\"out/**\"]\n");
    assert_eq!(config.watch.ignore, ["target", "target/**", "out/**"]);
    assert_eq!(config.file, Some(config.root.join("everlit.toml")));
}

#[test]
fn a_projects_name_fits_into_a_media_type() {
    let check = |path: &str, expected: &str| assert_eq!(project_name(Path::new(path)), expected);
    check("/srv/shop", "shop");
    check("/srv/My Shop (2)", "my-shop--2");
    check("/srv/example.com", "example.com");
    check("/srv/店", "project");
    check("/", "project");
    check(&format!("/{}", "x".repeat(100)), &"x".repeat(LONGEST_NAME));
}

#[test]
fn a_certificate_switches_tls_on() {
    let tls = |toml: &str| {
        loaded(&format!("-- everlit.toml --\n{toml}\n"), Layer::default(), Layer::default()).map(|it| (it.root, it.server.tls))
    };
    let (root, found) = tls("tls_cert = \"both.pem\"").unwrap();
    assert_eq!(found, TlsConfig::Files { cert: root.join("both.pem"), key: root.join("both.pem") });
    assert_eq!(tls("tls = false\ntls_cert = \"both.pem\"").unwrap().1, TlsConfig::Off);
    assert!(matches!(tls("tls_key = \"a.key\""), Err(ConfigError::KeyWithoutCertificate)));
}
