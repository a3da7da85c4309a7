//! A Cargo package with a binary, or a workspace with exactly one.

use std::collections::BTreeSet;

use globset::{Glob, GlobBuilder};
use toml::{Table, Value};

use super::{AppFound, Finding, Folder, detected, note, owned};
use crate::config::{AppKind, CommandLine, Run};

/// What a package is built from. `templates/` is here because askama and its like compile it in.
const SOURCES: [&str; 7] =
    ["**/*.rs", "**/Cargo.toml", "Cargo.lock", "rust-toolchain.toml", ".cargo/config.toml", "templates/**", "**/templates/**"];

/// The build's own words on standard output, as JSON; the diagnostics in it rendered as a terminal would show them.
pub(in crate::config) const MESSAGE_FORMAT: &str = "--message-format=json-diagnostic-rendered-ansi";

/// The most folders a `members` glob is followed into.
const MOST_MEMBERS: usize = 512;

pub(super) fn find(folder: &Folder) -> Option<Finding> {
    let text = folder.text("Cargo.toml")?;
    let Ok(manifest) = text.parse::<Table>() else {
        // The build says what is wrong with it, at the place in the file.
        return Some(app("Cargo package", "Cargo.toml", &[]));
    };
    match (manifest.contains_key("package"), manifest.get("workspace")) {
        (true, _) => package(folder, &manifest),
        (false, Some(Value::Table(workspace))) => members(folder, workspace),
        (false, _) => None,
    }
}

fn package(folder: &Folder, manifest: &Table) -> Option<Finding> {
    match Binary::of(folder, manifest) {
        Binary::None => note("Cargo package without a binary", "Cargo.toml; there is nothing to run"),
        Binary::One => Some(app("Cargo package", "Cargo.toml", &[])),
        Binary::Chosen(name) => Some(app("Cargo package", "Cargo.toml", &["--bin", &name])),
        Binary::Several(names) => note(
            format!("Cargo package with several binaries: {}", names.join(", ")),
            "Cargo.toml; choose one by `default-run` in it",
        ),
    }
}

/// A workspace without a package of its own.
fn members(folder: &Folder, workspace: &Table) -> Option<Finding> {
    let found: Vec<_> = member_folders(folder, workspace).into_iter().filter_map(|path| member(folder, &path)).collect();
    match found.as_slice() {
        [] => note("Cargo workspace without a binary", "Cargo.toml; there is nothing to run"),
        [(package, Binary::One)] => Some(app("Cargo workspace", "Cargo.toml", &["--package", package])),
        [(package, Binary::Chosen(name))] => Some(app("Cargo workspace", "Cargo.toml", &["--package", package, "--bin", name])),
        _ => note(
            "Cargo workspace with several binaries",
            "Cargo.toml; name one member by `default-members`, or set `[app] build = \"cargo build --bin NAME\"`",
        ),
    }
}

/// A member's name and binary; `None` when it has none.
fn member(folder: &Folder, path: &str) -> Option<(String, Binary)> {
    let inner = folder.inner(path);
    let manifest = inner.text("Cargo.toml")?.parse::<Table>().ok()?;
    let name = manifest.get("package")?.get("name")?.as_str()?.to_owned();
    let binary = Binary::of(&inner, &manifest);
    (binary != Binary::None).then_some((name, binary))
}

/// The folders of the members that are built when none is named.
fn member_folders(folder: &Folder, workspace: &Table) -> BTreeSet<String> {
    let patterns = strings(workspace.get("default-members").or_else(|| workspace.get("members")));
    let excluded = strings(workspace.get("exclude"));
    let members = patterns.iter().flat_map(|pattern| expanded(folder, pattern)).take(MOST_MEMBERS);
    members.filter(|path| !excluded.contains(path)).collect()
}

/// The folders that a pattern like `crates/*` means, one path segment after the other.
fn expanded(folder: &Folder, pattern: &str) -> Vec<String> {
    let segments = pattern.split('/').filter(|segment| !segment.is_empty() && *segment != ".");
    segments.fold(vec![String::new()], |paths, segment| {
        paths.iter().flat_map(|path| matching(folder, path, segment)).take(MOST_MEMBERS).collect()
    })
}

fn matching(folder: &Folder, path: &str, segment: &str) -> Vec<String> {
    let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
    if !segment.contains(['*', '?', '[', '{']) {
        return vec![join(segment)];
    }
    let glob: Result<Glob, _> = GlobBuilder::new(segment).literal_separator(true).build();
    let Ok(glob) = glob.map(|glob| glob.compile_matcher()) else { return Vec::new() };
    let here = folder.inner(path);
    here.names().iter().filter(|name| glob.is_match(name) && here.has_folder(name)).map(|name| join(name)).collect()
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let elements = value.and_then(Value::as_array).into_iter().flatten();
    elements.filter_map(|element| Some(element.as_str()?.trim_end_matches('/').to_owned())).collect()
}

/// Which program of a package is run.
#[derive(Debug, PartialEq, Eq)]
enum Binary {
    None,
    One,
    Chosen(String),
    Several(Vec<String>),
}

impl Binary {
    fn of(folder: &Folder, manifest: &Table) -> Self {
        let package = manifest.get("package");
        let key = |name: &str| package.and_then(|package| package.get(name));
        let mut names = named(manifest);
        if key("autobins").and_then(Value::as_bool) != Some(false) {
            names.extend(by_place(folder, manifest, key("name").and_then(Value::as_str).unwrap_or_default()));
        }
        match (names.len(), key("default-run").and_then(Value::as_str)) {
            (0, _) => Self::None,
            (1, _) => Self::One,
            (_, Some(chosen)) => Self::Chosen(chosen.to_owned()),
            (_, None) => Self::Several(names.into_iter().collect()),
        }
    }
}

/// The binaries of the `[[bin]]` sections.
fn named(manifest: &Table) -> BTreeSet<String> {
    sections(manifest, "name").collect()
}

/// The binaries Cargo finds by itself, but for the files a `[[bin]]` section gave another name.
fn by_place(folder: &Folder, manifest: &Table, package: &str) -> BTreeSet<String> {
    let taken: BTreeSet<String> = sections(manifest, "path").collect();
    let bin = folder.inner("src/bin");
    let main = folder.has_file("src/main.rs").then(|| ("src/main.rs".to_owned(), package.to_owned()));
    let found = bin.names().into_iter().filter_map(|name| binary_file(&bin, name));
    main.into_iter().chain(found).filter(|(path, _)| !taken.contains(path)).map(|(_, name)| name).collect()
}

/// The path and name of a binary below `src/bin`.
fn binary_file(bin: &Folder, name: String) -> Option<(String, String)> {
    if let Some(stem) = name.strip_suffix(".rs") {
        return Some((format!("src/bin/{name}"), stem.to_owned()));
    }
    bin.has_file(&format!("{name}/main.rs")).then(|| (format!("src/bin/{name}/main.rs"), name))
}

fn sections(manifest: &Table, key: &str) -> impl Iterator<Item = String> {
    let sections = manifest.get("bin").and_then(Value::as_array).into_iter().flatten();
    sections.filter_map(move |section| Some(section.get(key)?.as_str()?.to_owned()))
}

fn app(what: &str, why: &str, options: &[&str]) -> Finding {
    let mut build = owned(&["cargo", "build", MESSAGE_FORMAT]);
    build.extend(owned(options));
    let app = AppFound::new(AppKind::Cargo, detected(what, why), Run::BuiltExecutable, &SOURCES);
    let outputs = owned(&["target", "target/**"]);
    Finding::App(Box::new(AppFound { build: Some(CommandLine::Argv(build)), outputs, ..app }))
}
