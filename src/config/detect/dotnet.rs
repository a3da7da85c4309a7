//! The projects of a .NET solution that can be run.

use super::{
    Folder,
    program::{Program, Standing},
};

/// How project files end.
pub(super) const PROJECTS: [&str; 3] = [".csproj", ".fsproj", ".vbproj"];

/// What a web application's project says.
const WEB: [&str; 1] = ["Microsoft.NET.Sdk.Web"];

/// What any other program's project says.
const PROGRAM: [&str; 2] = ["<OutputType>Exe", "<OutputType>WinExe"];

/// Projects of tests are programs too, but nobody's server.
const TESTS: [&str; 2] = ["Microsoft.NET.Test.Sdk", "<IsTestProject>true"];

/// The most folders that are looked into for projects.
const MOST_FOLDERS: usize = 128;

/// The projects in this folder, or else those one and two folders below.
pub(super) fn programs(folder: &Folder) -> Vec<Program> {
    let own = projects(folder, "");
    if !own.is_empty() {
        return own;
    }
    let below = |path: &str| -> Vec<String> {
        let place = folder.inner(path);
        let join = |name: &String| if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
        place.names().iter().filter(|name| place.has_folder(name)).map(join).collect()
    };
    let first = below("");
    let second: Vec<_> = first.iter().flat_map(|path| below(path)).collect();
    first.iter().chain(&second).take(MOST_FOLDERS).flat_map(|path| projects(folder, path)).collect()
}

fn projects(folder: &Folder, path: &str) -> Vec<Program> {
    let place = folder.inner(path);
    let names = place.names();
    let files = names.iter().filter(|name| PROJECTS.iter().any(|ending| name.ends_with(ending)));
    files.filter_map(|name| project(folder, &place, path, name)).collect()
}

fn project(folder: &Folder, place: &Folder, path: &str, name: &str) -> Option<Program> {
    let standing = match place.holds(name, &WEB) {
        true => Standing::Listens,
        false if place.holds(name, &PROGRAM) => Standing::Candidate,
        false => return None,
    };
    let file = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let is_namesake = stem == folder.name();
    let program = Program { standing, is_namesake, ..Program::new(stem, &file, &[&file]) };
    (!place.holds(name, &TESTS)).then_some(program)
}
