//! What one place says about the settings that can be given in all of them: flags, `EVERLIT_*` variables and `everlit.toml`.
//!
//! A [`Layer`] knows nothing of defaults: what it does not say is `None`. Layers are laid over one another with
//! [`Layer::over`], which is the precedence of the whole program.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use super::{
    CommandLine, ConfigError, EditorCommand, Lan, LogFormat, RouteConfig, Share, route,
    value::{self, Host, Invalid, Wanted},
};

/// The settings one place gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    /// The wanted port; 0 lets the system choose.
    pub port: Option<u16>,
    /// Whether a taken port is an error.
    pub strict_port: Option<bool>,
    /// Where to listen.
    pub host: Option<Host>,
    /// By which network phones reach it.
    pub lan: Option<Lan>,
    /// Whether TLS is spoken.
    pub tls: Option<bool>,
    /// The file with a certificate of the person's own.
    pub tls_cert: Option<PathBuf>,
    /// The file with its key.
    pub tls_key: Option<PathBuf>,
    /// Whether to open a browser once ready.
    pub open: Option<bool>,
    /// What opens a place in an editor.
    pub editor: Option<EditorCommand>,
    /// How events are printed.
    pub log: Option<LogFormat>,
    /// Which of the folder's programs is the app.
    pub program: Option<Wanted>,
    /// The command that builds the app.
    pub build: Option<CommandLine>,
    /// The command that runs the app.
    pub run: Option<CommandLine>,
    /// Whether pages say what their consoles do.
    pub console: Option<bool>,
    /// Whether the client script is put into HTML pages.
    pub inject: Option<bool>,
    /// Whether what a person does in one page is repeated in the others.
    pub mirror: Option<bool>,
    /// Whether pages whose text changed are changed in place.
    pub morph: Option<bool>,
    /// Whether phones are reached over adb.
    pub adb: Option<bool>,
    /// Whether DevTools are told what took how long.
    pub timing: Option<bool>,
    /// Whether to poll for changes.
    pub poll: Option<bool>,
    /// The server that already runs.
    pub upstream: Option<http::Uri>,
    /// What goes to other servers, by path.
    pub routes: Vec<RouteConfig>,
    /// Whether writes to data are refused.
    pub read_only: Option<bool>,
    /// Whether written data is kept in memory only.
    pub ephemeral: Option<bool>,
    /// Added before each answer.
    pub delay: Option<Duration>,
    /// The most that is added to that at random.
    pub jitter: Option<Duration>,
    /// How many requests fail.
    pub fail: Option<Share>,
    /// The search path commands get before the project's own folders are put first; only the environment gives it.
    pub search_path: Option<OsString>,
    /// The variables that commands inherit; only the environment gives them.
    pub shell: Option<Vec<(String, String)>>,
    /// The distribution of WSL that Everlit runs in; only the environment gives it.
    pub wsl_distribution: Option<String>,
}

impl Layer {
    /// Reads `EVERLIT_*` variables and `PATH` through `get`. An empty variable counts as absent, an unknown one is left alone.
    ///
    /// # Errors
    /// [`ConfigError::Variable`] for the first one that cannot be used.
    pub fn from_env(get: impl Fn(&str) -> Option<OsString>) -> Result<Self, ConfigError> {
        let env = Variables { get };
        Ok(Self {
            port: env.read("EVERLIT_PORT", value::port)?,
            strict_port: env.read("EVERLIT_STRICT_PORT", value::switch)?,
            host: env.read("EVERLIT_HOST", str::parse)?,
            lan: env.read("EVERLIT_LAN", str::parse)?,
            tls: env.read("EVERLIT_TLS", value::switch)?,
            tls_cert: env.read("EVERLIT_TLS_CERT", value::file)?,
            tls_key: env.read("EVERLIT_TLS_KEY", value::file)?,
            open: env.read("EVERLIT_OPEN", value::switch)?,
            editor: env.read("EVERLIT_EDITOR", str::parse)?,
            log: env.read("EVERLIT_LOG", str::parse)?,
            program: env.read("EVERLIT_PROGRAM", str::parse)?,
            build: env.read("EVERLIT_BUILD", value::shell_line)?.map(CommandLine::Shell),
            run: env.read("EVERLIT_RUN", value::shell_line)?.map(CommandLine::Shell),
            console: env.read("EVERLIT_CONSOLE", value::switch)?,
            inject: env.read("EVERLIT_INJECT", value::switch)?,
            mirror: env.read("EVERLIT_MIRROR", value::switch)?,
            morph: env.read("EVERLIT_MORPH", value::switch)?,
            adb: env.read("EVERLIT_ADB", value::switch)?,
            timing: env.read("EVERLIT_TIMING", value::switch)?,
            poll: env.read("EVERLIT_POLL", value::switch)?,
            upstream: env.read("EVERLIT_UPSTREAM", value::upstream)?,
            routes: env.read("EVERLIT_PROXY", route::shorts)?.unwrap_or_default(),
            read_only: env.read("EVERLIT_READ_ONLY", value::switch)?,
            ephemeral: env.read("EVERLIT_EPHEMERAL", value::switch)?,
            delay: env.read("EVERLIT_DELAY", value::duration)?,
            jitter: env.read("EVERLIT_JITTER", value::duration)?,
            fail: env.read("EVERLIT_FAIL", str::parse)?,
            search_path: (env.get)("PATH"),
            shell: None,
            wsl_distribution: (env.get)("WSL_DISTRO_NAME")
                .and_then(|name| name.into_string().ok())
                .filter(|name| !name.is_empty()),
        })
    }

    /// These settings where they are given, those `below` elsewhere.
    ///
    /// A program and an upstream exclude each other, so giving one of them takes the other from every layer below. The same is
    /// true of `read_only` and `ephemeral`.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        let has_program = self.build.is_some() || self.run.is_some();
        let below = match (&self.upstream, has_program) {
            (Some(_), _) => Self { build: None, run: None, ..below },
            (None, true) => Self { upstream: None, ..below },
            (None, false) => below,
        };
        let below = match (self.read_only, self.ephemeral) {
            (Some(true), _) => Self { ephemeral: None, ..below },
            (_, Some(true)) => Self { read_only: None, ..below },
            _ => below,
        };
        Self {
            port: self.port.or(below.port),
            strict_port: self.strict_port.or(below.strict_port),
            host: self.host.or(below.host),
            lan: self.lan.or(below.lan),
            tls: self.tls.or(below.tls),
            tls_cert: self.tls_cert.or(below.tls_cert),
            tls_key: self.tls_key.or(below.tls_key),
            open: self.open.or(below.open),
            editor: self.editor.or(below.editor),
            log: self.log.or(below.log),
            program: self.program.or(below.program),
            build: self.build.or(below.build),
            run: self.run.or(below.run),
            console: self.console.or(below.console),
            inject: self.inject.or(below.inject),
            mirror: self.mirror.or(below.mirror),
            morph: self.morph.or(below.morph),
            adb: self.adb.or(below.adb),
            timing: self.timing.or(below.timing),
            poll: self.poll.or(below.poll),
            upstream: self.upstream.or(below.upstream),
            routes: routes_over(self.routes, below.routes),
            read_only: self.read_only.or(below.read_only),
            ephemeral: self.ephemeral.or(below.ephemeral),
            delay: self.delay.or(below.delay),
            jitter: self.jitter.or(below.jitter),
            fail: self.fail.or(below.fail),
            search_path: self.search_path.or(below.search_path),
            shell: self.shell.or(below.shell),
            wsl_distribution: self.wsl_distribution.or(below.wsl_distribution),
        }
    }
}

/// Of two routes of the same path the one above is taken.
fn routes_over(mut above: Vec<RouteConfig>, below: Vec<RouteConfig>) -> Vec<RouteConfig> {
    for route in below {
        if above.iter().all(|given| given.path != route.path) {
            above.push(route);
        }
    }
    above
}

/// An environment, read by name.
struct Variables<G> {
    get: G,
}

impl<G: Fn(&str) -> Option<OsString>> Variables<G> {
    fn read<T>(&self, name: &'static str, read: impl Fn(&str) -> Result<T, Invalid>) -> Result<Option<T>, ConfigError> {
        let Some(raw) = (self.get)(name).filter(|raw| !raw.is_empty()) else { return Ok(None) };
        let text = raw.to_string_lossy();
        read(&text).map(Some).map_err(|reason| ConfigError::Variable { name, reason, value: text.into_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<Layer, String> {
        Layer::from_env(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_bad_variable_is_named() {
        let check = |name, value, expected: &str| assert_eq!(from(&[(name, value)]), Err(expected.to_owned()));
        check("EVERLIT_PORT", "70000", "EVERLIT_PORT must be a number from 0 to 65535, not `70000`");
        check("EVERLIT_STRICT_PORT", "maybe", "EVERLIT_STRICT_PORT must be `true` or `false`, not `maybe`");
        check("EVERLIT_HOST", "here", "EVERLIT_HOST must be an IP address or `localhost`, not `here`");
        check(
            "EVERLIT_LAN",
            "a b",
            "EVERLIT_LAN must be `true`, `false`, an address of this machine, or the name of a network interface, not `a b`",
        );
        check("EVERLIT_TLS", "maybe", "EVERLIT_TLS must be `true` or `false`, not `maybe`");
        check("EVERLIT_TLS_CERT", " ", "EVERLIT_TLS_CERT must be the path of a file, not ` `");
        check("EVERLIT_LOG", "xml", "EVERLIT_LOG must be `human` or `json`, not `xml`");
        check("EVERLIT_PROGRAM", " ", "EVERLIT_PROGRAM must be the name of a program, or `false`, not ` `");
        check("EVERLIT_RUN", " ", "EVERLIT_RUN must be a command, not ` `");
        check("EVERLIT_DELAY", "200", "EVERLIT_DELAY must be a time like \"200ms\", \"30s\" or \"2m\", not `200`");
        check("EVERLIT_FAIL", "all", "EVERLIT_FAIL must be a share from \"0%\" to \"100%\", like \"5%\", not `all`");
        check("EVERLIT_ADB", "often", "EVERLIT_ADB must be `true` or `false`, not `often`");
        check("EVERLIT_POLL", "often", "EVERLIT_POLL must be `true` or `false`, not `often`");
        check(
            "EVERLIT_UPSTREAM",
            "localhost:3000",
            "EVERLIT_UPSTREAM must be a URL with its scheme, like `http://127.0.0.1:9000`, not `localhost:3000`",
        );
        check("EVERLIT_PROXY", "/api", "EVERLIT_PROXY must be a path and a URL, like `/api=http://127.0.0.1:9000`, not `/api`");
    }

    #[test]
    fn empty_and_unknown_variables_say_nothing() {
        assert_eq!(from(&[("EVERLIT_PORT", ""), ("EVERLIT_SOMETHING", "x")]), Ok(Layer::default()));
    }

    #[test]
    fn a_program_and_an_upstream_exclude_each_other() {
        let program = || Layer { run: Some(CommandLine::Shell("serve".to_owned())), ..Layer::default() };
        let upstream = || Layer { upstream: Some(http::Uri::from_static("http://a")), ..Layer::default() };
        assert_eq!(program().over(upstream()), program());
        assert_eq!(upstream().over(program()), upstream());
    }

    #[test]
    fn a_layer_that_says_what_becomes_of_writes_has_the_last_word() {
        let says = |read_only, ephemeral| Layer { read_only, ephemeral, ..Layer::default() };
        assert_eq!(says(Some(true), None).over(says(None, Some(true))), says(Some(true), None));
        assert_eq!(says(None, Some(true)).over(says(Some(true), None)), says(None, Some(true)));
        assert_eq!(says(Some(false), None).over(says(None, Some(true))), says(Some(false), Some(true)));
        assert_eq!(says(Some(true), Some(true)).over(says(None, None)), says(Some(true), Some(true)), "which is an error later");
    }
}
