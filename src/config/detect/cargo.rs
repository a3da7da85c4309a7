//! The programs of a Cargo package or workspace: its binaries, or the examples of a library.

use std::collections::{BTreeMap, BTreeSet};

use globset::{Glob, GlobBuilder};
use toml::{Table, Value};

use super::{
    Folder,
    program::{Program, Standing},
};

/// The build's own words on standard output, as JSON; the diagnostics in it rendered as a terminal would show them.
pub(in crate::config) const MESSAGE_FORMAT: &str = "--message-format=json-diagnostic-rendered-ansi";

/// The most folders a `members` glob is followed into.
const MOST_MEMBERS: usize = 512;

/// What a program that opens a port has in its main file, unless its library does it.
const LISTENS: [&str; 12] = [
    "TcpListener",
    "axum::serve",
    "axum_server",
    "HttpServer::new",
    "warp::serve",
    "rocket::build",
    "#[launch]",
    "Server::bind",
    "Server::http",
    "salvo::Server",
    "poem::Server",
    "tide::",
];

const WORKSPACE: &str = "Cargo workspace";

pub(super) fn programs(folder: &Folder) -> Vec<Program> {
    let Some(manifest) = manifest(folder) else {
        // The build says what is wrong with it, at the place in the file.
        return vec![Program::default()];
    };
    let found = package(folder, &manifest);
    let found = if found.is_empty() { members(folder, &manifest) } else { found };
    if found.is_empty() { examples(folder) } else { found }
}

fn manifest(folder: &Folder) -> Option<Table> {
    folder.text("Cargo.toml")?.parse().ok()
}

fn package(folder: &Folder, manifest: &Table) -> Vec<Program> {
    let binaries = Binaries::of(folder, manifest);
    binaries.programs(folder, &[], folder.name())
}

/// The binaries of the members that are built when none is named.
fn members(folder: &Folder, manifest: &Table) -> Vec<Program> {
    let Some(workspace) = manifest.get("workspace").and_then(Value::as_table) else { return Vec::new() };
    let paths = member_folders(folder, workspace);
    paths.iter().flat_map(|path| member(&folder.inner(path), path, folder.name())).collect()
}

fn member(inner: &Folder, path: &str, project: &str) -> Vec<Program> {
    let Some(manifest) = manifest(inner) else { return Vec::new() };
    let binaries = Binaries::of(inner, &manifest);
    let found = binaries.programs(inner, &["--package", &binaries.package], project);
    found
        .into_iter()
        .map(|program| Program { what: Some(WORKSPACE), why: format!("Cargo.toml and {path}/"), ..program })
        .collect()
}

/// What a library shows itself with.
fn examples(folder: &Folder) -> Vec<Program> {
    let place = folder.inner("examples");
    let files = place.names().into_iter().filter_map(|name| source_file(&place, "examples", name));
    let program = |(path, name): (String, String)| {
        let (standing, why) = (standing(folder, &path), format!("Cargo.toml and {path}"));
        Program { what: Some("Cargo example"), standing, ..Program::new(&name, why, &["--example", &name]) }
    };
    files.map(program).collect()
}

fn standing(folder: &Folder, path: &str) -> Standing {
    if folder.holds(path, &LISTENS) { Standing::Listens } else { Standing::Candidate }
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

/// The binaries of a package.
struct Binaries {
    package: String,
    /// The main file of each, by its name.
    files: BTreeMap<String, String>,
    default_run: Option<String>,
}

impl Binaries {
    fn of(folder: &Folder, manifest: &Table) -> Self {
        let key = |name: &str| manifest.get("package")?.get(name);
        let package = key("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_package = manifest.contains_key("package");
        let mut files = if is_package { named(folder, manifest, &package) } else { BTreeMap::new() };
        if is_package && key("autobins").and_then(Value::as_bool) != Some(false) {
            let taken: Vec<_> = files.values().cloned().collect();
            let found = by_place(folder, &package).filter(|(path, _)| !taken.contains(path));
            for (path, name) in found {
                files.entry(name).or_insert(path);
            }
        }
        Self { package, files, default_run: key("default-run").and_then(Value::as_str).map(str::to_owned) }
    }

    /// All of them, for a project of that name; `options` name the package.
    fn programs(&self, folder: &Folder, options: &[&str], project: &str) -> Vec<Program> {
        let several = self.files.len() > 1;
        let program = |(name, path): (&String, &String)| {
            let bin = ["--bin", name];
            let words = [options, if several { bin.as_slice() } else { &[] }].concat();
            let is_namesake = *name == project || (options.is_empty() && *name == self.package);
            let program = Program { standing: standing(folder, path), is_namesake, ..Program::new(name, "", &words) };
            let is_preferred = self.default_run.as_ref().is_none_or(|chosen| chosen == name);
            if is_preferred { program } else { program.on_request() }
        };
        self.files.iter().map(program).collect()
    }
}

/// The binaries of the `[[bin]]` sections, with their main files.
fn named(folder: &Folder, manifest: &Table, package: &str) -> BTreeMap<String, String> {
    let sections = manifest.get("bin").and_then(Value::as_array).into_iter().flatten();
    let text = |section: &Value, key: &str| Some(section.get(key)?.as_str()?.to_owned());
    sections
        .filter_map(|section| {
            let name = text(section, "name")?;
            let path = text(section, "path").unwrap_or_else(|| usual_path(folder, &name, package));
            Some((name, path))
        })
        .collect()
}

/// Where Cargo looks for the main file of a binary whose path is not given.
fn usual_path(folder: &Folder, name: &str, package: &str) -> String {
    let paths = [format!("src/bin/{name}.rs"), format!("src/bin/{name}/main.rs")];
    let found = paths.into_iter().find(|path| folder.has_file(path));
    found.unwrap_or_else(|| if name == package { "src/main.rs".to_owned() } else { String::new() })
}

/// The main files and names of the binaries Cargo finds by itself.
fn by_place(folder: &Folder, package: &str) -> impl Iterator<Item = (String, String)> {
    let bin = folder.inner("src/bin");
    let main = folder.has_file("src/main.rs").then(|| ("src/main.rs".to_owned(), package.to_owned()));
    let found: Vec<_> = bin.names().into_iter().filter_map(|name| source_file(&bin, "src/bin", name)).collect();
    main.into_iter().chain(found)
}

/// The main file and name of what lies in a folder of programs: `a.rs` or `a/main.rs`.
fn source_file(place: &Folder, path: &str, name: String) -> Option<(String, String)> {
    if let Some(stem) = name.strip_suffix(".rs") {
        return Some((format!("{path}/{name}"), stem.to_owned()));
    }
    place.has_file(&format!("{name}/main.rs")).then(|| (format!("{path}/{name}/main.rs"), name))
}
