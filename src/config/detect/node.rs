//! The scripts of a `package.json`.
//!
//! Everlit restarts programs without a failed request, so a script that only restarts its program on a change is passed over
//! for a plain one. A bundler's server is different: it updates pages itself and is left running. A script that runs built
//! files is never plain by itself, for what it runs may be old: the `build` script comes before it.

use serde_json::Value;

use super::{
    Detected, Folder, argv, detected,
    node_script::{Watches, is_plain, output_folder},
    program::Program,
    scripts::Scripts,
};
use crate::config::CommandLine;

/// Where package managers put the commands of dependencies.
pub(super) const COMMANDS: &str = "node_modules/.bin";

/// What says which packages a program gets; none notices that they are others now.
const PACKAGES: [&str; 5] = ["package.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock"];

/// What a program that watches itself does not notice, or answers by asking to be restarted.
const SETTINGS: [&str; 8] = [
    "package.json",
    "package-lock.json",
    "pnpm-lock.yaml",
    "yarn.lock",
    "bun.lock",
    ".env",
    "{webpack,remix,gatsby,rspack,snowpack}.config.*",
    "{angular.json,gatsby-config.*,tsconfig.json,nodemon.json}",
];

/// What npm runs for `npm start` when there is no such script.
const SERVER: &str = "server.js";

/// Package managers, by the files they leave.
const MANAGERS: [(&str, &str); 5] =
    [("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn"), ("bun.lock", "bun"), ("bun.lockb", "bun"), ("package-lock.json", "npm")];

/// All scripts: the one for development first, the others on request.
pub(super) fn programs(folder: &Folder) -> Vec<Program> {
    let Some(manifest) = folder.text("package.json").and_then(|text| serde_json::from_str::<Value>(&text).ok()) else {
        return Vec::new();
    };
    let scripts = Scripts::of(manifest.get("scripts"), |value| value.as_str());
    let manager = manager(folder, &manifest);
    let Some((chosen, _)) = scripts.chosen() else {
        let server = folder.has_file(SERVER).then(|| argv(&["node", SERVER]));
        return server.map(|run| Program { run: Some(run), ..Program::new(SERVER, SERVER, &[]) }).into_iter().collect();
    };
    let program = |name: &str| {
        let program = program(folder, &scripts, name, manager);
        if name == chosen { program } else { program.on_request() }
    };
    scripts.names().map(program).collect()
}

/// Why a `package.json` is not used.
pub(super) fn lacking(folder: &Folder) -> Option<Detected> {
    let error = serde_json::from_str::<Value>(&folder.text("package.json")?).err()?;
    Some(detected("package.json is not used", format!("it is not JSON: {error}")))
}

fn program(folder: &Folder, scripts: &Scripts<'_>, name: &str, manager: &str) -> Program {
    let watches = scripts.watches(name).unwrap_or(Watches::Nothing);
    let runs_built = scripts.text(name).and_then(output_folder);
    let built = runs_built.filter(|_| watches == Watches::Nothing && scripts.text("build").is_some());
    Program {
        build: built.map(|_| command(folder, scripts, "build", manager)),
        run: Some(command(folder, scripts, name, manager)),
        settings: settings(watches),
        outputs: built,
        ..Program::new(name, format!("package.json, script `{name}`"), &[])
    }
}

/// The files whose change starts a program anew that watches its sources itself.
fn settings(watches: Watches) -> Option<&'static [&'static str]> {
    match watches {
        Watches::Nothing => None,
        Watches::Restarting | Watches::Updating => Some(&SETTINGS),
        Watches::Everything => Some(&PACKAGES),
    }
}

/// The script's own text, without a package manager between us and the program, which passes signals on late or not at all. It has
/// to do it when there are hooks, or when the commands of dependencies are not in this folder (a workspace keeps them further up).
fn command(folder: &Folder, scripts: &Scripts<'_>, name: &str, manager: &str) -> CommandLine {
    let direct = scripts.text(name).filter(|text| folder.has_folder(COMMANDS) || is_plain(text));
    match direct {
        Some(text) if !scripts.has_hooks(name) => CommandLine::Shell(text.to_owned()),
        _ => argv(&[manager, "run", name]),
    }
}

/// The package manager that a project is kept with: the one it names, or whose lock file is here or, in a workspace, further up.
fn manager(folder: &Folder, manifest: &Value) -> &'static str {
    let named = manifest.get("packageManager").and_then(Value::as_str).and_then(|text| text.split('@').next());
    let by_name = MANAGERS.iter().find(|(_, name)| Some(*name) == named);
    let by_file = || {
        let folders = project_folders(folder);
        MANAGERS.iter().find(|(file, _)| folders.iter().any(|place| place.has_file(file)))
    };
    by_name.or_else(by_file).map_or("npm", |(_, name)| name)
}

/// This folder and those around it, as far as the repository goes.
fn project_folders(folder: &Folder) -> Vec<Folder> {
    let top = folder.path().ancestors().position(|place| place.join(".git").exists()).unwrap_or(0);
    folder.path().ancestors().take(top + 1).map(Folder::new).collect()
}
