//! The program that is built and run: what was detected, with what was given in its place.

use std::{
    env::{join_paths, split_paths},
    ffi::OsStr,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{ReadVariables, steps};
use crate::config::{
    AppConfig, ArtifactConfig, CommandLine, ConfigError, Layer, Run, StepConfig, TimeLimits, Wanted,
    detect::{AppFound, Found, MESSAGE_FORMAT},
    file::{AppKeys, Place, StepKeys},
};

/// How long a start may take unless the file says otherwise: a large Node or Python program on a busy machine needs most of it,
/// and past it a person has long begun to look for the reason.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// The files of variables that are read unless the file names others; the later one wins.
pub(super) const ENV_FILES: [&str; 2] = [".env", ".env.local"];

/// How many generations stay startable: the one that runs, the one to go back to, and one before that.
const KEEP: u16 = 3;

/// How long after it took over a generation is watched. What is wrong with a program at all shows within its first requests, and
/// until then a page that just loaded it is still being looked at.
const PROBATION: Duration = Duration::from_secs(5);

/// What a shell searches when the environment has no `PATH`.
const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The program; only its steps where there is none, or where an upstream answers in its place; `None` without those.
pub(super) fn merge(
    root: &Path,
    layer: &Layer,
    keys: AppKeys,
    found: &Found,
    read_variables: &ReadVariables,
) -> Result<Option<AppConfig>, ConfigError> {
    let is_given = layer.build.is_some() || layer.run.is_some();
    let program = program(layer, found);
    if let (None, None, Some(error)) = (&layer.upstream, &program, undecided(layer, found)) {
        return Err(error);
    }
    match (&layer.upstream, program) {
        (Some(_), _) if is_given => Err(ConfigError::TwoBackends),
        (None, Some(program)) => configured(root, layer, keys, program, read_variables).map(Some),
        (_, _) if !is_given && !keys.steps.is_empty() => steps_alone(root, layer, keys, read_variables).map(Some),
        (Some(_), _) => Ok(None),
        (None, None) if is_given || keys != AppKeys::default() => Err(ConfigError::NothingToRun),
        (None, None) => Ok(None),
    }
}

/// Why none of the programs that are there is run, when there are some or one was asked for.
fn undecided(layer: &Layer, found: &Found) -> Option<ConfigError> {
    if let Some(Wanted::Named(name)) = &layer.program {
        return Some(ConfigError::NoSuchProgram { name: name.clone(), names: found.names.clone() });
    }
    let several = found.undecided.clone()?;
    Some(ConfigError::SeveralPrograms { what: several.what, names: several.names })
}

/// What is built for a site, or for a program that runs elsewhere.
fn steps_alone(root: &Path, layer: &Layer, keys: AppKeys, read_variables: &ReadVariables) -> Result<AppConfig, ConfigError> {
    if let Some(step) = keys.steps.iter().find(|step| step.watch.is_none()) {
        let why = format!("`{}` needs a `watch`: there is no program whose files it could read", step.name);
        return Err(ConfigError::Steps(why));
    }
    let nothing = AppFound::custom(CommandLine::Argv(Vec::new()));
    let keys = AppKeys { watch: Some(Vec::new()), artifact: Some(Place::Off), ..keys };
    configured(root, layer, keys, nothing, read_variables).map(|app| AppConfig { is_run: false, ..app })
}

/// What was found, or what only a command is known of.
fn program(layer: &Layer, found: &Found) -> Option<AppFound> {
    found.app.clone().or_else(|| layer.run.clone().map(AppFound::custom))
}

fn configured(
    root: &Path,
    layer: &Layer,
    keys: AppKeys,
    program: AppFound,
    read_variables: &ReadVariables,
) -> Result<AppConfig, ConfigError> {
    let reloads_itself = program.settings.is_some() && layer.run.is_none() && keys.watch.is_none();
    let env_files = keys.env_files.unwrap_or_else(|| env_files(reloads_itself));
    let read = read_variables(root, &env_files, layer.shell.as_deref().unwrap_or_default())?;
    let watch = keys.watch.unwrap_or_else(|| watched(layer, &program));
    let build = build(&build_given(layer, &keys.steps)?, &program)?;
    Ok(AppConfig {
        is_run: true,
        kind: program.kind,
        steps: steps::merge(root, keys.steps, build, &watch)?,
        rereads: program.rereads.clone(),
        reloads_itself,
        watch,
        env: environment(root, layer, over(keys.env, read), &program),
        env_files,
        pty: keys.pty.unwrap_or(false),
        listen_fds: keys.listen_fds.unwrap_or(false),
        http2: keys.http2.unwrap_or(false),
        run: layer.run.clone().map_or(program.run, Run::Command),
        dir: root.to_owned(),
        artifact: artifact(root, keys.artifact),
        keep: keys.keep.unwrap_or(KEEP).into(),
        ready: keys.ready,
        ready_line: keys.ready_line,
        ready_timeout: keys.ready_timeout.unwrap_or(READY_TIMEOUT),
        probation: keys.probation.unwrap_or(PROBATION),
        answer: TimeLimits::default().answer,
        port: keys.port.unwrap_or_default(),
    })
}

/// Servers that reload themselves read such files by rules of their own, which what the environment says already would override.
fn env_files(reloads_itself: bool) -> Vec<PathBuf> {
    if reloads_itself { Vec::new() } else { ENV_FILES.map(PathBuf::from).to_vec() }
}

fn artifact(root: &Path, given: Option<Place>) -> ArtifactConfig {
    match given {
        None => ArtifactConfig::Found,
        Some(Place::Off) => ArtifactConfig::Off,
        Some(Place::At(path)) => ArtifactConfig::At(root.join(path)),
    }
}

/// The commands as if the step that is called so were the `build` command; it takes that one's place.
fn build_given(layer: &Layer, steps: &[StepKeys]) -> Result<Layer, ConfigError> {
    let own = steps.iter().find(|step| step.name == StepConfig::BUILD).map(|step| step.command.clone());
    match (&layer.build, own) {
        (Some(_), Some(_)) => {
            Err(ConfigError::Steps("a step is called `build`, and there is a `build` command; give one of them".into()))
        }
        (_, None) => Ok(layer.clone()),
        (None, own) => Ok(Layer { build: own, ..layer.clone() }),
    }
}

/// A command given in place of the detected one that reloads its own sources is not known to do so.
fn watched(layer: &Layer, program: &AppFound) -> Vec<String> {
    match (&program.settings, &layer.run) {
        (Some(settings), None) => settings.clone(),
        _ => program.sources.clone(),
    }
}

/// The given build command or the detected one. Cargo is asked to name what it built, for nothing else can tell where it is.
fn build(layer: &Layer, program: &AppFound) -> Result<Option<CommandLine>, ConfigError> {
    let Some(given) = layer.build.clone() else { return Ok(program.build.clone()) };
    if program.run != Run::BuiltExecutable {
        return Ok(Some(given));
    }
    match (naming(&given), &layer.run) {
        (Some(naming), _) => Ok(Some(naming)),
        (None, Some(_)) => Ok(Some(given)),
        (None, None) => Err(ConfigError::UnnamedProgram { build: given.to_string() }),
    }
}

/// The same `cargo build` with its messages as JSON; `None` for any other command.
fn naming(build: &CommandLine) -> Option<CommandLine> {
    let words: Vec<&str> = match build {
        CommandLine::Shell(line) => line.split_whitespace().collect(),
        CommandLine::Argv(words) => words.iter().map(String::as_str).collect(),
    };
    if words.iter().any(|word| word.starts_with("--message-format")) {
        return words.iter().any(|word| word.contains("json")).then(|| build.clone());
    }
    let at = words.first().filter(|word| **word == "cargo").and_then(|_| words.iter().position(|word| is_build(word)))?;
    let at_most_toolchain = words.get(1..at)?.iter().all(|word| word.starts_with('+'));
    at_most_toolchain.then(|| inserted(build, &words, at))
}

fn is_build(word: &str) -> bool {
    matches!(word, "build" | "b" | "rustc")
}

/// The command with the option behind its subcommand. Of a shell line only the beginning is touched: its rest may hold quotes.
fn inserted(build: &CommandLine, words: &[&str], at: usize) -> CommandLine {
    let (head, tail) = words.split_at(at + 1);
    match build {
        CommandLine::Argv(_) => {
            CommandLine::Argv(head.iter().chain([&MESSAGE_FORMAT]).chain(tail).map(|word| (*word).to_owned()).collect())
        }
        CommandLine::Shell(line) => {
            let rest = head.iter().fold(line.as_str(), |rest, word| rest.trim_start().strip_prefix(word).unwrap_or(rest));
            CommandLine::Shell(format!("{} {MESSAGE_FORMAT}{rest}", head.join(" ")))
        }
    }
}

/// The variables of one place and those of another that it does not have.
fn over(mut first: Vec<(String, String)>, second: Vec<(String, String)>) -> Vec<(String, String)> {
    let others: Vec<_> = second.into_iter().filter(|(name, _)| !first.iter().any(|(known, _)| known == name)).collect();
    first.extend(others);
    first
}

/// What the program is better run with, then what was given, then the search path with the project's own folders first.
fn environment(root: &Path, layer: &Layer, given: Vec<(String, String)>, program: &AppFound) -> Vec<(String, String)> {
    let shell = layer.shell.as_deref().unwrap_or_default();
    let better = program.env.iter().filter(|(name, _)| !shell.iter().any(|(known, _)| known == name)).cloned().collect();
    let mut env = over(given, better);
    if program.search_first.is_empty() {
        return env;
    }
    let inherited = layer.search_path.as_deref().unwrap_or(OsStr::new(SEARCH_PATH));
    let base = env.iter().find(|(name, _)| name == "PATH").map_or(inherited, |(_, path)| OsStr::new(path));
    if let Some(path) = search_path(root, program, base) {
        env.retain(|(name, _)| name != "PATH");
        env.push(("PATH".to_owned(), path));
    }
    env
}

/// `None` when the project's own path holds the separator and cannot stand in a search path. Folders whose names are not UTF-8
/// are lost to the program, which no value of its kind can name.
fn search_path(root: &Path, program: &AppFound, base: &OsStr) -> Option<String> {
    let first = program.search_first.iter().map(|folder| root.join(folder));
    let joined = join_paths(first.chain(split_paths(base))).ok()?;
    Some(joined.to_string_lossy().into_owned())
}
