use std::time::Duration;

use super::*;
use http::{HeaderName, Method, StatusCode};
use regex::Regex;

use crate::config::{
    AppPort, AtOnceLimits, BodyLimits, CommandLine, CorsConfig, EditorCommand, Failure, FaultConfig, HeadLimits, Host,
    HostHeader, Lan, Layer, LimitsConfig, LogFormat, Pattern, Rewrite, RouteConfig, Share, TimeLimits, VersionConfig, Wanted,
    Websockets, route::short, value,
};

fn message(text: &str) -> String {
    match parse(text.as_bytes()) {
        Ok(file) => format!("{file:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn mistakes_are_placed_and_explained() {
    let check = |text, expected: &str| assert_eq!(message(text), expected, "{text:?}");
    check("open = true\n\n# x\nprot = 1", "everlit.toml:4:1: unknown key `prot`; did you mean `port`?");
    check("zzz = 1\naaa = 1", &format!("everlit.toml:1:1: {}", keys::unknown("", "zzz")));
    check("[ap]\nrun = \"x\"", "everlit.toml:1:2: unknown key `ap`; did you mean `app`?");
    check("[app]\nrun = \"x\"\nredy = \"/\"", "everlit.toml:3:1: unknown key `redy`; did you mean `ready`?");
    check("app.bild = 1", "everlit.toml:1:5: unknown key `bild`; did you mean `build`?");
    check("[[fault]]\npath = \"/\"\nstaus = 500", "everlit.toml:3:1: unknown key `staus`; did you mean `status`?");
    check("port = \"4747\"", "everlit.toml:1:8: `port` must be a number from 0 to 65535, not \"4747\"");
    check("port = 70_000", "everlit.toml:1:8: `port` must be a number from 0 to 65535, not 70000");
    check("port = -1", "everlit.toml:1:8: `port` must be a number from 0 to 65535, not -1");
    check("open = \"yes\"", "everlit.toml:1:8: `open` must be true or false, not \"yes\"");
    check("host = \"here\"", "everlit.toml:1:8: `host` must be an IP address or `localhost`, not \"here\"");
    check("log = 1979-05-27", "everlit.toml:1:7: `log` must be a string, not a date");
    check("editor = \"'code\"", "everlit.toml:1:10: `editor` must have an end to each quote, not \"'code\"");
    check("editor = 3", "everlit.toml:1:10: `editor` must be a command, or an array of a program and its arguments, not 3");
    check(
        "lan = \"8.8.8.8\"",
        "everlit.toml:1:7: `lan` must be an address of a private network, like 192.168.1.20: no other is listened on for phones, not \"8.8.8.8\"",
    );
    check("hosts = [\"a\", 3]", "everlit.toml:1:15: `hosts` must be a string, not 3");
    check("hosts = \"a\"", "everlit.toml:1:9: `hosts` must be an array, not \"a\"");
    check("site = true", "everlit.toml:1:8: this must be a section, written `[site]`, not true");
    check("[fault]\npath = \"/\"", "everlit.toml:1:1: this must be a section, written `[[fault]]`, not a table");
    check("[site]\npublic = true", "everlit.toml:2:10: `public` must be a path or false, not true");
    check(
        "[site]\ndata = \"../data\"",
        "everlit.toml:2:8: `data` must be a path relative to the project that does not leave it, not \"../data\"",
    );
    check(
        "[app]\nwatch = [\"a\", \"b[\"]",
        "everlit.toml:2:15: `watch` must be a glob: unclosed character class; missing ']', not \"b[\"",
    );
    check(
        "upstream = \"http://a/b\"",
        "everlit.toml:1:12: `upstream` must be without a path, which `[[proxy]]` can put in front: `path = \"/\"`, not \"http://a/b\"",
    );
    check(
        "[cors]\norigins = [\"*\"]",
        "everlit.toml:2:12: `origins` must be an origin like `http://localhost:5173` or `https://*.example.test`: scheme, host and port \
         only, not \"*\"",
    );
    check("[app]\nready = \"up\"", "everlit.toml:2:9: `ready` must be a URL path that begins with `/`, not \"up\"");
    check("[app]\nready_timeout = 0", "everlit.toml:2:17: `ready_timeout` must be longer than nothing, not 0");
    check("[device]\nports = [0]", "everlit.toml:2:10: `ports` must be a number from 1 to 65535, not 0");
    check("[device]\nports = 3000", "everlit.toml:2:9: `ports` must be an array, not 3000");
    check(
        "[device]\nports = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]",
        "everlit.toml:2:9: `ports` must have at most 16 ports, not 17",
    );
    check("[app]\nport = 0", "everlit.toml:2:8: `port` must be a number from 1 to 65535, not 0");
    check("[app]\nport = \"any\"", "everlit.toml:2:8: `port` must be \"auto\" or a number from 1 to 65535, not \"any\"");
    check("[app]\nenv = { A = 1 }", "everlit.toml:2:13: `env` must be a string, not 1");
    check("[app]\nenv = { \"A=\" = \"1\" }", "everlit.toml:2:9: `env` must name variables without `=`, not \"1\"");
    check("[app]\nrun = \"\"", "everlit.toml:2:7: `run` must be a command, not \"\"");
    check(
        "[app]\nrun = []",
        "everlit.toml:2:7: `run` must be a shell line, or an array of a program and its arguments, not an array",
    );
    check("[[app.step]]\ncommand = \"x\"", "everlit.toml:1:1: an `[[app.step]]` needs a `name`");
    check("[[app.step]]\nname = \"x\"", "everlit.toml:1:1: an `[[app.step]]` needs a `command`");
    check("[app.step]\nname = \"x\"", "everlit.toml:1:1: this must be a section, written `[[app.step]]`, not a table");
    check(
        "[[app.step]]\nname = \"a b\"",
        "everlit.toml:2:8: `name` must be a short name of letters, digits, `-`, `_` and `.`, not \"a b\"",
    );
    check(
        "[[app.step]]\nname = \"a\"\ncommand = \"x\"\nafter = 1",
        "everlit.toml:4:9: `after` must be the name of another step, or an array of such names, not 1",
    );
    check("[app]\nkeep = 0", "everlit.toml:2:8: `keep` must be a number from 1 to 100, not 0");
    check("[[fault]]\npath = \"/\"\nstatus = 600", "everlit.toml:3:10: `status` must be a number from 400 to 599, not 600");
    let sizes = "must be a size like \"64KiB\" or a number of bytes, from 1 to";
    check("[limits]\nuri = \"61KiB\"", &format!("everlit.toml:2:7: `uri` {sizes} 61440, not \"61KiB\""));
    check("[limits]\nbody = 0", &format!("everlit.toml:2:8: `body` {sizes} 67108864, not 0"));
    check("[limits]\nheader_bytes = 1.5", &format!("everlit.toml:2:16: `header_bytes` {sizes} 262144, not 1.5"));
    check("[limits]\nheaders = 401", "everlit.toml:2:11: `headers` must be a number from 1 to 400, not 401");
    let connections = "everlit.toml:2:15: `connections` must be a number from 10 to 60000";
    check("[limits]\nconnections = 9", &format!("{connections}, not 9"));
    check("[limits]\nconnections = \"many\"", &format!("{connections}, not \"many\""));
    check("[limits]\nsockets = 0", "everlit.toml:2:11: `sockets` must be a number from 1 to 60000, not 0");
    check("[limits]\nwaiting = 60001", "everlit.toml:2:11: `waiting` must be a number from 1 to 60000, not 60001");
    check("[limits]\nwait = 0", "everlit.toml:2:8: `wait` must be longer than nothing, not 0");
    check("[[fault]]\nstatus = 500", "everlit.toml:1:1: a `[[fault]]` needs a `path`");
    check("[[fault]]\npath = \"/\"", "everlit.toml:1:1: a `[[fault]]` needs a `delay`, a `jitter`, a `fail` or a `status`");
    check(
        "[[fault]]\npath = \"/\"\nfail = 0.05",
        "everlit.toml:3:8: `fail` must have a percent sign, like \"5%\" or \"0.5%\": a number below 1 could mean either, not 0.05",
    );
    check(
        "[[fault]]\npath = \"/\"\nfail = \"half\"",
        "everlit.toml:3:8: `fail` must be a share from \"0%\" to \"100%\", like \"5%\", not \"half\"",
    );
    check(
        "[[fault]]\npath = \"/\"\nfail = true",
        "everlit.toml:3:8: `fail` must be a share from \"0%\" to \"100%\", like \"5%\", not true",
    );
    check(
        "[[fault]]\npath = \"/\"\nmethods = [\"post\"]",
        "everlit.toml:3:12: `methods` must be a method in capitals, like `PATCH`, not \"post\"",
    );
    let proxy = |keys: &str| format!("[[proxy]]\npath = \"/api\"\nto = \"http://127.0.0.1:9000\"\n{keys}");
    let check_proxy =
        |keys: &str, expected: &str| assert_eq!(message(&proxy(keys)), format!("everlit.toml:{expected}"), "{keys:?}");
    check("[[proxy]]\nto = \"http://a\"", "everlit.toml:1:1: a `[[proxy]]` needs a `path`, like `path = \"/api/\"`");
    check("[[proxy]]\npath = \"/a\"", "everlit.toml:1:1: a `[[proxy]]` needs a `to`, like `to = \"http://127.0.0.1:9000\"`");
    check(
        "[[proxy]]\npath = \"/a\"\nto = \"localhost:9000\"",
        "everlit.toml:3:6: `to` must be a URL with its scheme, like `http://127.0.0.1:9000`, not \"localhost:9000\"",
    );
    check("[proxy]\npath = \"/\"", "everlit.toml:1:1: this must be a section, written `[[proxy]]`, not a table");
    check_proxy(
        "target = \"x\"",
        "4:1: unknown key `target`; known here are `path`, `to`, `strip_prefix`, `rewrite`, `headers`, `ws`, \
         `ws_origins`, `timeout`, `host`, `verify`, `http2`, `site_first`",
    );
    check_proxy(
        "[[proxy]]\npath = \"/api\"\nto = \"http://a\"",
        "5:8: `/api` goes to http://127.0.0.1:9000 already; one path has one `[[proxy]]`",
    );
    check_proxy(
        "strip_prefix = true\nrewrite = { from = \"a\", to = \"/\" }",
        "1:1: `strip_prefix` and `rewrite` exclude each other; the pattern can take off the front too",
    );
    check_proxy("rewrite = \"x\"", "4:11: `rewrite` must be like `{ from = \"^/api/v1/(.*)\", to = \"/$1\" }`, not \"x\"");
    check_proxy(
        "rewrite = { from = \"^/(a)\", to = \"/$2\" }",
        "4:34: `rewrite` must name a group that `from` has: there is no `$2`, not \"/$2\"",
    );
    check_proxy(
        "rewrite = { from = \"(\", to = \"/\" }",
        "4:20: `rewrite` must be a regular expression: unclosed group, not \"(\"",
    );
    check_proxy("headers = { Host = \"a\" }", "4:13: `headers` `Host` must be left to `host = \"keep\"` or `host = \"rewrite\"`");
    check_proxy(
        "headers = { Content-Length = \"1\" }",
        "4:13: `headers` `Content-Length` must be left to the connection: it says how long a body is",
    );
    check_proxy(
        "headers = { Upgrade = \"1\" }",
        "4:13: `headers` `Upgrade` must be left to the connection: it ends at the next server",
    );
    check_proxy("headers = { A = \"secret${\" }", "4:17: `headers` `A` must have a `}` for each `${`");
    check_proxy("ws = false\nws_origins = []", "1:1: `ws = false` and `ws_origins` exclude each other");
    check_proxy("host = \"a\"", "4:8: `host` must be \"keep\" or \"rewrite\", not \"a\"");
    check_proxy("timeout = 0", "4:11: `timeout` must be longer than nothing, not 0");
    check("[cors]\nexpose = [\"*\"]", "everlit.toml:2:11: `expose` must be the name of a header, like `X-Request-Id`, not \"*\"");
    check("[[version]]\nsunset = 2026-01-01", "everlit.toml:1:1: a `[[version]]` needs a `number`");
    check("[[version]]\nnumber = 0", "everlit.toml:2:10: `number` must be a number from 1 to 65535, not 0");
    check("[[version]]\nnumber = 2\n[[version]]\nnumber = 2", "everlit.toml:3:1: version 2 is declared twice");
    check(
        "[[version]]\nnumber = 1\nsunset = 2026-01-01\ndeprecated = 2026-01-02",
        "everlit.toml:3:10: `sunset` must not be before `deprecated`, not a date",
    );
    check(
        "[[version]]\nnumber = 1\ndeprecated = 2026-01-01T12:00:00",
        "everlit.toml:3:14: `deprecated` must be a date like 2026-01-01, or a date and time with its offset like \
         2026-01-01T12:00:00Z, not a date",
    );
    check(
        "[[version]]\nnumber = 1\ndeprecated = true",
        "everlit.toml:3:14: `deprecated` must be a date like 2026-01-01, or a date and time with its offset like \
         2026-01-01T12:00:00Z, not true",
    );
    check("[[fault]]\npath = \"api\"\nstatus = 500", "everlit.toml:2:8: `path` must begin with `/`, not \"api\"");
}

#[test]
fn what_is_not_toml_is_placed_too() {
    let check = |bytes: &[u8], expected: &str| {
        let shown = parse(bytes).map_err(|error| error.to_string());
        assert!(shown.as_ref().is_err_and(|shown| shown.starts_with(expected)), "{shown:?}");
    };
    check(b"port = 1\nport = 2", "everlit.toml:2:1: duplicate key");
    check(b"open = true\n\"\xc3\xa4\" = ", "everlit.toml:2:7: ");
    check(b"port = 1\n# \xff", "everlit.toml:2:3: not UTF-8");
}

#[test]
fn every_key_is_read() {
    let text = r#"
        port = 0x1000
        strict_port = true
        host = "::1"
        lan = true
        hosts = ["Shop.test"]
        tls = true
        tls_cert = "cert.pem"
        tls_key = "/etc/key.pem"
        open = true
        editor = ["my editor", "+{line}"]
        log = "json"
        read_only = true
        ephemeral = false
        delay = "200ms"
        jitter = 0.1
        fail = 5
        [site]
        public = "web"
        templates = "pages/./x"
        data = false
        fallback = "index.html"
        except = ["/api/"]
        [app]
        program = "web"
        build = ["make", "it all"]
        run = "serve --port {port}"
        ready = "/healthz"
        ready_line = "^up"
        ready_timeout = "1.5s"
        port = 8080
        watch = ["src/**"]
        env = { B = "2", A = "1" }
        env_files = ["./.env.test"]
        pty = true
        listen_fds = true
        http2 = true
        artifact = "bin/app"
        keep = 5
        probation = 2
        [[app.step]]
        name = "templ"
        command = "templ generate"
        watch = ["**/*.templ"]
        outputs = ["**/*_templ.go"]
        after = "css"
        dir = "web"
        [[proxy]]
        path = "/api/"
        to = "https://api.example.test/v2"
        strip_prefix = true
        headers = { Authorization = "Bearer ${TOKEN}" }
        ws_origins = ["http://localhost:5173"]
        timeout = "5m"
        host = "keep"
        verify = false
        http2 = true
        site_first = true
        [[proxy]]
        path = "/old"
        to = "http://127.0.0.1:9000"
        rewrite = { from = "^/old/(.*)", to = "/$1" }
        ws = false
        [[version]]
        number = 2
        [[version]]
        number = 1
        deprecated = 2026-01-01
        sunset = "2026-07-01T12:00:00+02:00"
        [cors]
        origins = ["http://localhost:5173", "https://*.example.test"]
        methods = ["GET", "PATCH"]
        headers = ["Content-Type"]
        expose = ["X-Rate", "etag"]
        credentials = false
        max_age = "10m"
        [live]
        console = false
        inject = false
        inject_except = ["/admin/**", "/legacy"]
        mirror = true
        morph = false
        timing = false
        workspace = false
        [traffic]
        capture = false
        except = ["/health"]
        [device]
        adb = false
        devtools = true
        ports = [3000, 5173]
        [watch]
        poll = true
        ignore = ["out/**"]
        [[fault]]
        path = "/api/**"
        delay = 2
        [[fault]]
        path = "/b"
        delay = "200ms"
        methods = ["POST"]
        jitter = "100ms"
        fail = "2.5%"
        status = 502
        [[fault]]
        path = "/c"
        status = 500
        [[fault]]
        path = "/d"
        fail = 100
        [limits]
        uri = "1KiB"
        header_bytes = 2000
        headers = 20
        body = "3MB"
        body_timeout = "4s"
        wait = 5
        answer = "6s"
        connections = 50
        sockets = 7
        waiting = 100
    "#;
    let file = parse(text.as_bytes()).unwrap();
    let share = |text: &str| text.parse::<Share>().unwrap();
    let fault = |path: &str, delay, jitter, failure: Option<(&str, StatusCode)>| FaultConfig {
        path: path.to_owned(),
        methods: None,
        delay: Duration::from_millis(delay),
        jitter: Duration::from_millis(jitter),
        failure: failure.map(|(text, status)| Failure { share: share(text), status }),
    };
    let header = HeaderName::from_static;
    let layer = Layer {
        port: Some(4096),
        strict_port: Some(true),
        host: Some(Host::Address([0, 0, 0, 0, 0, 0, 0, 1].into())),
        lan: Some(Lan::Any),
        tls: Some(true),
        tls_cert: Some("cert.pem".into()),
        tls_key: Some("/etc/key.pem".into()),
        open: Some(true),
        log: Some(LogFormat::Json),
        program: Some(Wanted::Named("web".to_owned())),
        build: Some(CommandLine::Argv(vec!["make".to_owned(), "it all".to_owned()])),
        run: Some(CommandLine::Shell("serve --port {port}".to_owned())),
        console: Some(false),
        adb: Some(false),
        inject: Some(false),
        mirror: Some(true),
        morph: Some(false),
        timing: Some(false),
        poll: Some(true),
        upstream: None,
        routes: Vec::new(),
        read_only: Some(true),
        ephemeral: Some(false),
        delay: Some(Duration::from_millis(200)),
        jitter: Some(Duration::from_millis(100)),
        fail: Some(share("5%")),
        editor: Some(EditorCommand(vec!["my editor".to_owned(), "+{line}".to_owned()])),
        search_path: None,
        shell: None,
        wsl_distribution: None,
    };
    let step = StepKeys {
        name: "templ".to_owned(),
        command: CommandLine::Shell("templ generate".to_owned()),
        watch: Some(vec!["**/*.templ".to_owned()]),
        outputs: vec!["**/*_templ.go".to_owned()],
        after: vec!["css".to_owned()],
        dir: Some("web".into()),
    };
    let app = AppKeys {
        steps: vec![step],
        artifact: Some(Place::At("bin/app".into())),
        keep: Some(5),
        probation: Some(Duration::from_secs(2)),
        ready: Some("/healthz".to_owned()),
        ready_line: Some(Pattern(Regex::new("^up").expect("it is one"))),
        ready_timeout: Some(Duration::from_millis(1500)),
        port: Some(AppPort::Fixed(8080)),
        watch: Some(vec!["src/**".to_owned()]),
        env: vec![("A".to_owned(), "1".to_owned()), ("B".to_owned(), "2".to_owned())],
        env_files: Some(vec![".env.test".into()]),
        pty: Some(true),
        listen_fds: Some(true),
        http2: Some(true),
    };
    let at = |path: &str| Some(Place::At(path.into()));
    let site = SiteKeys {
        public: at("web"),
        templates: at("pages/x"),
        data: Some(Place::Off),
        fallback: at("index.html"),
        except: vec!["/api/".parse().unwrap()],
    };
    assert_eq!(file.layer, layer);
    assert_eq!((file.app, file.site), (app, site));
    assert_eq!(file.hosts, ["shop.test"]);
    let at = |text| Some(value::instant(text).unwrap());
    let versions = [
        VersionConfig { number: 1, deprecated: at("2026-01-01"), sunset: at("2026-07-01T10:00:00Z") },
        VersionConfig { number: 2, deprecated: None, sunset: None },
    ];
    assert_eq!(file.versions, versions);
    let mut expose = CorsConfig::default().expose;
    expose.push(header("x-rate"));
    let cors = CorsConfig {
        origins: ["http://localhost:5173", "https://*.example.test"].map(|origins| origins.parse().unwrap()).to_vec(),
        methods: Some(vec![Method::GET, Method::PATCH]),
        headers: Some(vec![header("content-type")]),
        expose,
        credentials: false,
        max_age: Some(Duration::from_secs(600)),
    };
    assert_eq!(file.cors, cors);
    assert_eq!(file.ignore, ["out/**"]);
    assert_eq!(file.inject_except, ["/admin/**", "/legacy"]);
    assert_eq!((file.workspace, file.traffic.capture), (Some(false), Some(false)));
    assert_eq!(file.traffic.except, ["/health"]);
    assert_eq!(file.device.ports, [3000, 5173]);
    assert_eq!(file.device.devtools, Some(true));
    let faults = [
        fault("/api/**", 2000, 0, None),
        FaultConfig { methods: Some(vec![Method::POST]), ..fault("/b", 200, 100, Some(("2.5%", StatusCode::BAD_GATEWAY))) },
        fault("/c", 0, 0, Some(("100%", StatusCode::INTERNAL_SERVER_ERROR))),
        fault("/d", 0, 0, Some(("100%", StatusCode::SERVICE_UNAVAILABLE))),
    ];
    assert_eq!(file.faults, faults);
    let seconds = Duration::from_secs;
    let limits = LimitsConfig {
        head: HeadLimits { uri_bytes: 1024, header_bytes: 2000, headers: 20 },
        body: BodyLimits { bytes: 3_000_000, arrival: seconds(4) },
        time: TimeLimits { wait: seconds(5), answer: seconds(6) },
        at_once: AtOnceLimits { connections: 50, sockets: 7, waiting: 100 },
    };
    assert_eq!(file.limits, limits);
    let [api, old] = &file.routes[..] else { panic!("{:?}", file.routes) };
    let origins = ["http://localhost:5173"].map(|origins| origins.parse().unwrap()).to_vec();
    let expected = RouteConfig {
        rewrite: Rewrite::Strip,
        websockets: Websockets::Pages(origins),
        timeout: Some(Duration::from_secs(300)),
        host: HostHeader::Keep,
        verify: false,
        http2: true,
        site_first: true,
        ..short("/api/=https://api.example.test/v2").unwrap()
    };
    assert_eq!((&api.route, api.headers[0].name.as_str()), (&expected, "authorization"));
    let pattern = Pattern(Regex::new("^/old/(.*)").unwrap());
    let expected = RouteConfig {
        rewrite: Rewrite::Replace(pattern, "/$1".to_owned()),
        websockets: Websockets::Nobody,
        ..short("/old=http://127.0.0.1:9000").unwrap()
    };
    assert_eq!((&old.route, old.headers.len()), (&expected, 0));
}

#[test]
fn the_reference_names_every_key_and_its_examples_can_be_read() {
    let page = include_str!("../../../docs/everlit.toml.md");
    for key in keys::TABLES.iter().flat_map(|(_, keys)| *keys) {
        assert!(page.contains(&format!("`{key}`")) || page.contains(&format!("[{key}]")), "docs/everlit.toml.md lacks {key}");
    }
    let examples: Vec<&str> = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!examples.is_empty());
    for example in examples {
        assert!(parse(example.as_bytes()).is_ok(), "{}", message(example));
    }
}
