//! What one place says about the settings that can be given in all of them: flags, `EVERLIT_*` variables and `everlit.toml`.
//!
//! A [`Layer`] knows nothing of defaults: what it does not say is `None`. Layers are laid over one another with
//! [`Layer::over`], which is the precedence of the whole program.

use std::{ffi::OsString, time::Duration};

use super::{
    CommandLine, ConfigError, EditorCommand, LogFormat, Share,
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
    /// Whether the client script is put into HTML pages.
    pub inject: Option<bool>,
    /// Whether pages whose text changed are changed in place.
    pub morph: Option<bool>,
    /// Whether to poll for changes.
    pub poll: Option<bool>,
    /// The server that already runs.
    pub upstream: Option<http::Uri>,
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
            open: env.read("EVERLIT_OPEN", value::switch)?,
            editor: env.read("EVERLIT_EDITOR", str::parse)?,
            log: env.read("EVERLIT_LOG", str::parse)?,
            program: env.read("EVERLIT_PROGRAM", str::parse)?,
            build: env.read("EVERLIT_BUILD", value::shell_line)?.map(CommandLine::Shell),
            run: env.read("EVERLIT_RUN", value::shell_line)?.map(CommandLine::Shell),
            inject: env.read("EVERLIT_INJECT", value::switch)?,
            morph: env.read("EVERLIT_MORPH", value::switch)?,
            poll: env.read("EVERLIT_POLL", value::switch)?,
            upstream: env.read("EVERLIT_UPSTREAM", value::upstream)?,
            read_only: env.read("EVERLIT_READ_ONLY", value::switch)?,
            ephemeral: env.read("EVERLIT_EPHEMERAL", value::switch)?,
            delay: env.read("EVERLIT_DELAY", value::duration)?,
            jitter: env.read("EVERLIT_JITTER", value::duration)?,
            fail: env.read("EVERLIT_FAIL", str::parse)?,
            search_path: (env.get)("PATH"),
            shell: None,
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
            open: self.open.or(below.open),
            editor: self.editor.or(below.editor),
            log: self.log.or(below.log),
            program: self.program.or(below.program),
            build: self.build.or(below.build),
            run: self.run.or(below.run),
            inject: self.inject.or(below.inject),
            morph: self.morph.or(below.morph),
            poll: self.poll.or(below.poll),
            upstream: self.upstream.or(below.upstream),
            read_only: self.read_only.or(below.read_only),
            ephemeral: self.ephemeral.or(below.ephemeral),
            delay: self.delay.or(below.delay),
            jitter: self.jitter.or(below.jitter),
            fail: self.fail.or(below.fail),
            search_path: self.search_path.or(below.search_path),
            shell: self.shell.or(below.shell),
        }
    }
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
        check("EVERLIT_LOG", "xml", "EVERLIT_LOG must be `human` or `json`, not `xml`");
        check("EVERLIT_PROGRAM", " ", "EVERLIT_PROGRAM must be the name of a program, or `false`, not ` `");
        check("EVERLIT_RUN", " ", "EVERLIT_RUN must be a command, not ` `");
        check("EVERLIT_DELAY", "200", "EVERLIT_DELAY must be a time like \"200ms\", \"30s\" or \"2m\", not `200`");
        check("EVERLIT_FAIL", "all", "EVERLIT_FAIL must be a share from \"0%\" to \"100%\", like \"5%\", not `all`");
        check("EVERLIT_POLL", "often", "EVERLIT_POLL must be `true` or `false`, not `often`");
        check(
            "EVERLIT_UPSTREAM",
            "localhost:3000",
            "EVERLIT_UPSTREAM must be a URL like `http://localhost:3000`, without a path, not `localhost:3000`",
        );
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
