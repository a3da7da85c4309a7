//! What was typed.
//!
//! This is the first of two stages: clap checks the form and fills [`Args`]; what a flag *means* beside the environment and
//! `everlit.toml` is decided in [`config`](crate::config), which gets the flags as one [`Layer`]. No defaults stand here, and
//! no environment is read.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, Subcommand, ValueHint};
use clap_complete::Shell;

use crate::config::{CommandLine, EditorCommand, Host, Layer, LogFormat, Share, Wanted, value};

/// A local development web server with hot reload that never goes dark
#[derive(Clone, Debug, Parser)]
#[command(name = "everlit", version, max_term_width = 110, after_help = include_str!("help.txt"))]
pub(super) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// Serve a project, watch it, rebuild it and tell every browser what changed
    Dev(Box<DevArgs>),
    /// Write a small project to start from; existing files are never overwritten
    Init(InitArgs),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
}

/// `everlit dev`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = include_str!("help.txt"))]
pub(super) struct DevArgs {
    /// The project
    #[arg(value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,

    /// Listen on this port, or the next free one when somebody else has it; 0 lets the system choose [default: 4747]
    #[arg(long, value_name = "N", value_parser = value::port)]
    pub port: Option<u16>,

    /// Fail when the port is taken
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = value::switch)]
    pub strict_port: Option<bool>,

    /// Listen on this IP address alone [default: localhost, which is 127.0.0.1 and ::1]
    #[arg(long, value_name = "ADDR")]
    pub host: Option<Host>,

    /// Open a browser once ready
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = value::switch)]
    pub open: Option<bool>,

    /// Open places of failures in this editor; {file}, {line} and {column} in it are replaced [default: the one that is found]
    #[arg(long, value_name = "CMD", value_hint = ValueHint::CommandString)]
    pub editor: Option<EditorCommand>,

    /// Print events for people, or as one JSON object per line: human or json [default: human]
    #[arg(long, value_name = "FORMAT")]
    pub log: Option<LogFormat>,

    /// Run this one of the programs in the folder: a binary, a folder below cmd/, a script; false runs none [default: detected]
    #[arg(long, value_name = "NAME")]
    pub program: Option<Wanted>,

    /// Build the app by this shell line [default: detected]
    #[arg(long, value_name = "CMD", value_parser = value::shell_line, value_hint = ValueHint::CommandString)]
    pub build: Option<String>,

    /// Run the app by this shell line; {port} in it is replaced by a free port, which is in PORT too [default: detected]
    #[arg(long, value_name = "CMD", value_parser = value::shell_line, value_hint = ValueHint::CommandString)]
    pub run: Option<String>,

    /// Leave HTML pages as they are: they do not reload by themselves
    #[arg(long)]
    pub no_inject: bool,

    /// Load pages anew when their text changed, instead of changing it in place
    #[arg(long)]
    pub no_morph: bool,

    /// Look for changes at intervals, where the file system reports none
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = value::switch)]
    pub poll: Option<bool>,

    /// Ask this server, which already runs, for what the site does not have
    #[arg(long, value_name = "URL", value_parser = value::upstream, value_hint = ValueHint::Url, conflicts_with_all = ["build", "run", "command"])]
    pub upstream: Option<http::Uri>,

    /// Refuse writes to data
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = value::switch)]
    pub read_only: Option<bool>,

    /// Keep written data in memory: no file changes, and the next start has the files again
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = value::switch)]
    pub ephemeral: Option<bool>,

    /// Simulate a slow network: wait this long before each answer, like 200ms
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    pub delay: Option<Duration>,

    /// Wait up to this much longer, at random
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    pub jitter: Option<Duration>,

    /// Simulate a broken back end: answer this share of all requests with 503, like 5%
    #[arg(long, value_name = "SHARE")]
    pub fail: Option<Share>,

    /// Run the app by this program with its arguments, without a shell
    #[arg(last = true, value_name = "CMD", conflicts_with = "run", value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<String>,
}

impl DevArgs {
    /// The flags as settings.
    #[must_use]
    pub(super) fn layer(&self) -> Layer {
        let command = (!self.command.is_empty()).then(|| CommandLine::Argv(self.command.clone()));
        Layer {
            port: self.port,
            strict_port: self.strict_port,
            host: self.host,
            open: self.open,
            editor: self.editor.clone(),
            log: self.log,
            program: self.program.clone(),
            build: self.build.clone().map(CommandLine::Shell),
            run: self.run.clone().map(CommandLine::Shell).or(command),
            inject: self.no_inject.then_some(false),
            morph: self.no_morph.then_some(false),
            poll: self.poll,
            upstream: self.upstream.clone(),
            read_only: self.read_only,
            ephemeral: self.ephemeral,
            delay: self.delay,
            jitter: self.jitter,
            fail: self.fail,
            search_path: None,
            shell: None,
        }
    }
}

/// `everlit init`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct InitArgs {
    /// Start from the db.json of json-server, or from the examples of an OpenAPI document in JSON
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub api: Option<PathBuf>,

    /// Where to write it; made when it is not there
    #[arg(value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
}

/// `everlit completions`.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, error::ErrorKind};

    use super::*;

    fn dev(line: &[&str]) -> Result<DevArgs, clap::Error> {
        match Args::try_parse_from(["everlit", "dev"].iter().chain(line))?.command {
            Command::Dev(args) => Ok(*args),
            other => panic!("{other:?}"),
        }
    }

    fn check(line: &[&str], expected: Layer) {
        assert_eq!(dev(line).unwrap().layer(), expected, "{line:?}");
    }

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn each_flag_says_one_thing() {
        let none = Layer::default;
        let shell = |line: &str| Some(CommandLine::Shell(line.to_owned()));
        check(&[], none());
        check(&["--port", "0"], Layer { port: Some(0), ..none() });
        check(&["--strict-port"], Layer { strict_port: Some(true), ..none() });
        check(&["--strict-port=false"], Layer { strict_port: Some(false), ..none() });
        check(&["--host", "localhost"], Layer { host: Some(Host::Loopback), ..none() });
        check(&["--open"], Layer { open: Some(true), ..none() });
        check(&["--editor", "code -n"], Layer { editor: "code -n".parse().ok(), ..none() });
        check(&["--log", "json"], Layer { log: Some(LogFormat::Json), ..none() });
        check(&["--program", "web"], Layer { program: Some(Wanted::Named("web".to_owned())), ..none() });
        check(&["--program", "false"], Layer { program: Some(Wanted::Nothing), ..none() });
        check(&["--build", "make all"], Layer { build: shell("make all"), ..none() });
        check(&["--run", "./x"], Layer { run: shell("./x"), ..none() });
        check(&["--no-inject"], Layer { inject: Some(false), ..none() });
        check(&["--no-morph"], Layer { morph: Some(false), ..none() });
        check(&["--poll"], Layer { poll: Some(true), ..none() });
        check(&["--upstream", "http://a"], Layer { upstream: Some(http::Uri::from_static("http://a")), ..none() });
        check(&["--read-only"], Layer { read_only: Some(true), ..none() });
        check(&["--ephemeral=false"], Layer { ephemeral: Some(false), ..none() });
        check(&["--delay", "200ms"], Layer { delay: Some(Duration::from_millis(200)), ..none() });
        check(&["--jitter", "1.5s"], Layer { jitter: Some(Duration::from_millis(1500)), ..none() });
        check(&["--fail", "5%"], Layer { fail: "5%".parse().ok(), ..none() });
        let argv = vec!["./x".to_owned(), "--port".to_owned(), "{port}".to_owned()];
        check(&["--", "./x", "--port", "{port}"], Layer { run: Some(CommandLine::Argv(argv)), ..none() });
    }

    #[test]
    fn the_folder_stands_anywhere_before_the_command() {
        let check = |line: &[&str], expected: &str| assert_eq!(dev(line).unwrap().dir, PathBuf::from(expected), "{line:?}");
        check(&[], ".");
        check(&["--open", "shop"], "shop");
        check(&["shop", "--poll"], "shop");
        check(&["--", "./server"], ".");
    }

    #[test]
    fn wrong_usage_is_refused() {
        let check = |line: &[&str], kind| assert_eq!(dev(line).unwrap_err().kind(), kind, "{line:?}");
        check(&["--port", "70000"], ErrorKind::ValueValidation);
        check(&["--host", "example.com"], ErrorKind::ValueValidation);
        check(&["--log", "xml"], ErrorKind::ValueValidation);
        check(&["--run", ""], ErrorKind::ValueValidation);
        check(&["--upstream", "http://a/b"], ErrorKind::ValueValidation);
        check(&["--upstream", "http://a", "--run", "x"], ErrorKind::ArgumentConflict);
        check(&["--upstream", "http://a", "--", "x"], ErrorKind::ArgumentConflict);
        check(&["--run", "x", "--", "y"], ErrorKind::ArgumentConflict);
        check(&["--delay", "200"], ErrorKind::ValueValidation);
        check(&["--fail", "0.05"], ErrorKind::ValueValidation);
        check(&["--prot", "1"], ErrorKind::UnknownArgument);
    }

    #[test]
    fn every_flag_is_in_the_reference_with_its_variable() {
        let page = include_str!("../../docs/everlit.toml.md");
        let command = Args::command();
        let dev = command.find_subcommand("dev").unwrap();
        for flag in dev.get_opts().filter_map(|option| option.get_long()) {
            let variable = format!("EVERLIT_{}", flag.trim_start_matches("no-").replace('-', "_").to_uppercase());
            assert!(page.contains(&format!("`--{flag}")), "--{flag}");
            assert!(page.contains(&format!("`{variable}`")), "{variable}");
            let layer = Layer::from_env(|name| (name == variable).then(|| " ".into()));
            assert!(layer.is_err(), "{variable} is not read");
        }
    }
}
