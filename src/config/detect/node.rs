//! A Node program: the `dev` or `start` script of a `package.json`.
//!
//! Everlit restarts programs without a failed request, so a script that only restarts its program on a change is passed over
//! for a plain one. A bundler's server is different: it updates pages itself and is left running. A script that runs built
//! files is never plain by itself, for what it runs may be old: the `build` script comes before it.

use serde_json::{Map, Value};

use super::{
    AppFound, Finding, Folder, argv, detected,
    node_script::{Watches, is_plain_node, output_folder, watches},
    note, owned,
};
use crate::config::{AppKind, CommandLine, Run};

/// What a program is made of.
const SOURCES: [&str; 4] = ["**/*.{js,mjs,cjs,ts,mts,cts,jsx,tsx,json}", "package-lock.json", ".env", "**/views/**"];

/// What a program that watches itself does not notice, or answers by asking to be restarted.
const SETTINGS: [&str; 8] = [
    "package.json",
    "package-lock.json",
    "pnpm-lock.yaml",
    "yarn.lock",
    "bun.lock",
    ".env",
    "{vite,next,nuxt,astro,webpack,svelte,remix,react-router,gatsby,rsbuild,rspack,farm,snowpack,eleventy}.config.*",
    "{angular.json,gatsby-config.*,.eleventy.js,tsconfig.json,nodemon.json}",
];

/// Where bundlers keep what they make between two requests.
const OUTPUTS: [&str; 4] = [".next", ".nuxt", ".svelte-kit", ".astro"];

/// Where package managers put the commands of dependencies.
const COMMANDS: &str = "node_modules/.bin";

pub(super) fn find(folder: &Folder) -> Option<Finding> {
    let text = folder.text("package.json")?;
    let manifest: Value = match serde_json::from_str(&text) {
        Ok(manifest) => manifest,
        Err(error) => return note("package.json is not used", format!("it is not JSON: {error}")),
    };
    let scripts = Scripts(manifest.get("scripts")?.as_object()?);
    let (name, watches) = scripts.chosen()?;
    Some(Finding::App(Box::new(app(folder, &scripts, name, watches))))
}

/// The scripts of a `package.json`.
struct Scripts<'m>(&'m Map<String, Value>);

impl<'m> Scripts<'m> {
    fn text(&self, name: &str) -> Option<&'m str> {
        self.0.get(name)?.as_str().filter(|text| !text.trim().is_empty())
    }

    fn watches(&self, name: &str) -> Option<Watches> {
        Some(watches(self.text(name)?, &|name| self.text(name)))
    }

    /// The script to run, and what it does about changes.
    fn chosen(&self) -> Option<(&'static str, Watches)> {
        match (self.watches("dev"), self.watches("start")) {
            (Some(Watches::Restarting), Some(Watches::Nothing)) if self.output_folder("start").is_none() => {
                Some(("start", Watches::Nothing))
            }
            (Some(dev), _) => Some(("dev", dev)),
            (None, Some(start)) => Some(("start", start)),
            (None, None) => None,
        }
    }

    fn output_folder(&self, name: &str) -> Option<&'static str> {
        output_folder(self.text(name)?)
    }

    /// Whether npm runs something around the script.
    fn has_hooks(&self, name: &str) -> bool {
        ["pre", "post"].iter().any(|when| self.text(&format!("{when}{name}")).is_some())
    }
}

fn app(folder: &Folder, scripts: &Scripts<'_>, name: &str, watches: Watches) -> AppFound {
    let words = detected("Node program", format!("package.json, script `{name}`"));
    let app = AppFound::new(AppKind::Node, words, Run::Command(command(folder, scripts, name)), &SOURCES);
    let built = scripts.output_folder(name).filter(|_| watches == Watches::Nothing && scripts.text("build").is_some());
    AppFound {
        build: built.map(|_| command(folder, scripts, "build")),
        settings: (watches != Watches::Nothing).then(|| owned(&SETTINGS)),
        search_first: owned(&[COMMANDS]),
        outputs: OUTPUTS.into_iter().chain(built).flat_map(|folder| [folder.to_owned(), format!("{folder}/**")]).collect(),
        ..app
    }
}

/// The script's own text, without npm between us and the program, which passes signals on late or not at all. npm has to do it
/// when there are hooks, or when the commands of dependencies are not in this folder (a workspace keeps them further up).
fn command(folder: &Folder, scripts: &Scripts<'_>, name: &str) -> CommandLine {
    let direct = scripts.text(name).filter(|text| folder.has_folder(COMMANDS) || is_plain_node(text));
    match direct {
        Some(text) if !scripts.has_hooks(name) => CommandLine::Shell(text.to_owned()),
        _ => argv(&["npm", "run", name]),
    }
}
