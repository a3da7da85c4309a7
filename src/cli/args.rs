//! What was typed.
//!
//! This is the first of two stages: clap checks the form and fills [`Args`]; what a flag *means* beside the environment and
//! `everlit.toml` is decided in [`config`](crate::config), which gets the flags as one [`Layer`]. No defaults stand here, and
//! no environment is read.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, Subcommand, ValueHint};
use clap_complete::Shell;

use crate::{
    config::{CommandLine, EditorCommand, Host, Lan, Layer, LogFormat, RouteConfig, Share, Wanted, route, value},
    device::PagePath,
    tls::store::Scope,
};

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
    /// List the phones that adb knows, open the page on them, take pictures of it
    Devices(DevicesArgs),
    /// Write a small project to start from; existing files are never overwritten
    Init(InitArgs),
    /// Write what a running server did and was asked, as a trace for DevTools, chrome://tracing or Perfetto
    Trace(TraceArgs),
    /// Have the system and browsers trust the certificates of `dev --tls`
    Trust(TrustArgs),
    /// Have nobody trust them any more
    Untrust(TrustArgs),
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

    /// Let paired phones in by the private network, or by the one of this address or interface; a QR code pairs them
    #[arg(long, value_name = "WHERE", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub lan: Option<Lan>,

    /// Speak HTTPS, with a certificate of our own; `everlit trust` makes browsers know it
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = value::switch)]
    pub tls: Option<bool>,

    /// Speak HTTPS with the certificate in this file, relative to the project
    #[arg(long, value_name = "FILE", value_parser = value::file, value_hint = ValueHint::FilePath)]
    pub tls_cert: Option<PathBuf>,

    /// The key of that certificate [default: it is in the same file]
    #[arg(long, value_name = "FILE", value_parser = value::file, value_hint = ValueHint::FilePath)]
    pub tls_key: Option<PathBuf>,

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

    /// Leave out what the consoles of open pages say, and what goes wrong in them
    #[arg(long)]
    pub no_console: bool,

    /// Repeat in all open pages what you do in one: scrolling, clicks, typing, forms, links
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = value::switch)]
    pub mirror: Option<bool>,

    /// Load pages anew when their text changed, instead of changing it in place
    #[arg(long)]
    pub no_morph: bool,

    /// Leave phones alone that are plugged in
    #[arg(long)]
    pub no_adb: bool,

    /// Leave out what tells DevTools what took how long
    #[arg(long)]
    pub no_timing: bool,

    /// Look for changes at intervals, where the file system reports none
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = value::switch)]
    pub poll: Option<bool>,

    /// Ask this server, which already runs, for what the site does not have
    #[arg(long, value_name = "URL", value_parser = value::upstream, value_hint = ValueHint::Url, conflicts_with_all = ["build", "run", "command"])]
    pub upstream: Option<http::Uri>,

    /// Ask this server for all below a path, like /api=http://127.0.0.1:9000; may be given several times
    #[arg(long, value_name = "PATH=URL", value_parser = route::short)]
    pub proxy: Vec<RouteConfig>,

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
            lan: self.lan.clone(),
            tls: self.tls,
            tls_cert: self.tls_cert.clone(),
            tls_key: self.tls_key.clone(),
            open: self.open,
            editor: self.editor.clone(),
            log: self.log,
            program: self.program.clone(),
            build: self.build.clone().map(CommandLine::Shell),
            run: self.run.clone().map(CommandLine::Shell).or(command),
            console: self.no_console.then_some(false),
            inject: self.no_inject.then_some(false),
            mirror: self.mirror,
            morph: self.no_morph.then_some(false),
            adb: self.no_adb.then_some(false),
            timing: self.no_timing.then_some(false),
            poll: self.poll,
            upstream: self.upstream.clone(),
            routes: self.proxy.clone(),
            read_only: self.read_only,
            ephemeral: self.ephemeral,
            delay: self.delay,
            jitter: self.jitter,
            fail: self.fail,
            search_path: None,
            shell: None,
            wsl_distribution: None,
        }
    }
}

/// `everlit devices`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = include_str!("devices.txt"), args_conflicts_with_subcommands = true)]
pub(super) struct DevicesArgs {
    /// What to do with them, beside listing them.
    #[command(subcommand)]
    pub command: Option<DevicesCommand>,

    /// The project that is served
    #[arg(value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,

    /// Open this path of it on every phone [default: /]
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = "/")]
    pub open: Option<PagePath>,

    /// The port it is served on, where it is not found by itself
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What to do with phones.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum DevicesCommand {
    /// Take a picture of the page as it is on every phone, as a PNG file
    Shot(ShotArgs),
}

/// `everlit devices shot`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = include_str!("devices.txt"))]
pub(super) struct ShotArgs {
    /// The project that is served
    #[arg(value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,

    /// Write it to this file, over what is there; of several phones, each to one with its model in the name [default: the model, like Pixel-8.png, or the next such name that is free]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    /// Of the phone with this serial number alone
    #[arg(long, value_name = "SERIAL")]
    pub device: Option<String>,

    /// The port it is served on, where it is not found by itself
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
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

/// `everlit trace`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct TraceArgs {
    /// The project, or a folder in it
    #[arg(value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,

    /// The file to write; - is standard output
    #[arg(short, long, value_name = "FILE", default_value = "trace.json", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,

    /// Wait this long first, and write what happened meanwhile, like 10s [default: all that is kept]
    #[arg(long = "for", value_name = "TIME", value_parser = value::duration)]
    pub span: Option<Duration>,
}

/// `everlit trust` and `everlit untrust`.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(after_help = include_str!("trust.txt"))]
pub(super) struct TrustArgs {
    /// Leave the system's own store alone: only those of browsers, which need no other rights
    #[arg(long)]
    pub browsers: bool,
}

impl TrustArgs {
    /// Which stores are meant.
    pub(super) fn scope(self) -> Scope {
        if self.browsers { Scope::Browsers } else { Scope::All }
    }
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
        check(&["--lan"], Layer { lan: Some(Lan::Any), ..none() });
        check(&["--lan=wlan0"], Layer { lan: Some(Lan::Interface("wlan0".into())), ..none() });
        check(&["--lan=false"], Layer { lan: Some(Lan::Off), ..none() });
        check(&["--tls"], Layer { tls: Some(true), ..none() });
        check(&["--tls-cert", "a.pem"], Layer { tls_cert: Some("a.pem".into()), ..none() });
        check(&["--tls-key", "a.key"], Layer { tls_key: Some("a.key".into()), ..none() });
        check(&["--open"], Layer { open: Some(true), ..none() });
        check(&["--editor", "code -n"], Layer { editor: "code -n".parse().ok(), ..none() });
        check(&["--log", "json"], Layer { log: Some(LogFormat::Json), ..none() });
        check(&["--program", "web"], Layer { program: Some(Wanted::Named("web".to_owned())), ..none() });
        check(&["--program", "false"], Layer { program: Some(Wanted::Nothing), ..none() });
        check(&["--build", "make all"], Layer { build: shell("make all"), ..none() });
        check(&["--run", "./x"], Layer { run: shell("./x"), ..none() });
        check(&["--mirror"], Layer { mirror: Some(true), ..none() });
        check(&["--no-console"], Layer { console: Some(false), ..none() });
        check(&["--no-inject"], Layer { inject: Some(false), ..none() });
        check(&["--no-morph"], Layer { morph: Some(false), ..none() });
        check(&["--no-adb"], Layer { adb: Some(false), ..none() });
        check(&["--no-timing"], Layer { timing: Some(false), ..none() });
        check(&["--poll"], Layer { poll: Some(true), ..none() });
        check(&["--upstream", "http://a"], Layer { upstream: Some(http::Uri::from_static("http://a")), ..none() });
        let routes = ["/api=http://a", "/b=https://b/c"].map(|text| route::short(text).unwrap()).to_vec();
        check(&["--proxy", "/api=http://a", "--proxy", "/b=https://b/c"], Layer { routes, ..none() });
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
    fn a_page_of_phones_is_a_path() {
        let open = |line: &[&str]| match Args::try_parse_from(["everlit", "devices"].iter().chain(line)).map(|args| args.command)
        {
            Ok(Command::Devices(args)) => Ok((args.dir, args.open)),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.kind()),
        };
        let path = |path: &str| Some(path.parse().unwrap());
        assert_eq!(open(&[]), Ok((".".into(), None)));
        assert_eq!(open(&["--open"]), Ok((".".into(), path("/"))));
        assert_eq!(open(&["shop", "--open", "/it's?a=1&b"]), Ok(("shop".into(), path("/it's?a=1&b"))));
        assert_eq!(open(&["--open=/a", "shop"]), Ok(("shop".into(), path("/a"))));
        assert_eq!(open(&["--open", "http://evil.example/"]), Err(ErrorKind::ValueValidation));
        assert_eq!(open(&["--open", "/a\nb"]), Err(ErrorKind::ValueValidation));
        assert_eq!(open(&["--port", "0"]), Err(ErrorKind::ValueValidation));
    }

    #[test]
    fn a_picture_has_words_of_its_own() {
        let shot = |line: &[&str]| match Args::try_parse_from(["everlit", "devices"].iter().chain(line)).map(|args| args.command)
        {
            Ok(Command::Devices(DevicesArgs { command: Some(DevicesCommand::Shot(args)), .. })) => {
                Ok((args.dir, args.output, args.device))
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.kind()),
        };
        assert_eq!(shot(&["shot"]), Ok((".".into(), None, None)));
        let all = ["shot", "shop", "-o", "a.png", "--device", "39071FDJH0"];
        assert_eq!(shot(&all), Ok(("shop".into(), Some("a.png".into()), Some("39071FDJH0".to_owned()))));
        assert_eq!(shot(&["shop", "shot"]), Err(ErrorKind::ArgumentConflict));
        assert_eq!(shot(&["shot", "--open"]), Err(ErrorKind::UnknownArgument));
    }

    #[test]
    fn wrong_usage_is_refused() {
        let check = |line: &[&str], kind| assert_eq!(dev(line).unwrap_err().kind(), kind, "{line:?}");
        check(&["--port", "70000"], ErrorKind::ValueValidation);
        check(&["--host", "example.com"], ErrorKind::ValueValidation);
        check(&["--lan=8.8.8.8"], ErrorKind::ValueValidation);
        check(&["--log", "xml"], ErrorKind::ValueValidation);
        check(&["--run", ""], ErrorKind::ValueValidation);
        check(&["--upstream", "http://a/b"], ErrorKind::ValueValidation);
        check(&["--upstream", "a:3000"], ErrorKind::ValueValidation);
        check(&["--proxy", "api=http://a"], ErrorKind::ValueValidation);
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
