//! Finds out what a folder is from the files in it: a site, an app, both or neither.
//!
//! [`detect`] reads and never fails; a file that makes no sense is passed over or becomes a [`Detected`] note. Each kind of app
//! has a file of its own, which answers with a [`Finding`]. What is *done* with the findings, and which of them the
//! configuration overrides, is `merge`'s affair.

mod cargo;
mod folder;
mod go;
mod node;
mod node_script;
mod python;
mod python_server;
mod site;

pub(super) use cargo::MESSAGE_FORMAT;
pub(super) use folder::Folder;
pub(super) use site::SiteFound;

use super::{AppKind, CommandLine, Detected, Run};

/// What was found in a folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The parts of a site.
    pub(super) site: SiteFound,
    /// The program, if there is one that can be run.
    pub(super) app: Option<AppFound>,
    /// What was seen and why it is not used.
    pub(super) notes: Vec<Detected>,
}

/// A program that can be run as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AppFound {
    pub(super) kind: AppKind,
    pub(super) words: Detected,
    pub(super) build: Option<CommandLine>,
    pub(super) run: Run,
    /// Globs of everything it is made of.
    pub(super) sources: Vec<String>,
    /// For a program that reloads its own sources: globs of what it does not notice by itself.
    pub(super) settings: Option<Vec<String>>,
    /// Folders of the project that come first in the search path.
    pub(super) search_first: Vec<String>,
    /// Environment it is better run with.
    pub(super) env: Vec<(String, String)>,
    /// Globs of what its tools write into the project.
    pub(super) outputs: Vec<String>,
}

impl AppFound {
    /// A program of which only the command is known.
    pub(super) fn custom(run: CommandLine) -> Self {
        let words = detected("command", "given");
        Self::new(AppKind::Custom, words, Run::Command(run), &["**/*"])
    }

    /// A program without the extras.
    fn new(kind: AppKind, words: Detected, run: Run, sources: &[&str]) -> Self {
        Self {
            kind,
            words,
            build: None,
            run,
            sources: owned(sources),
            settings: None,
            search_first: Vec::new(),
            env: Vec::new(),
            outputs: Vec::new(),
        }
    }
}

/// What one kind made of a folder.
#[derive(Debug, PartialEq, Eq)]
enum Finding {
    /// A program; boxed, for it is large beside a note.
    App(Box<AppFound>),
    /// Its files are here, but there is nothing to run.
    Note(Detected),
}

/// The kinds in the order in which they win. Beside Rust, Go or Django a `package.json` builds the assets; beside a server in a
/// `package.json`, other Python files are tools.
const KINDS: [fn(&Folder) -> Option<Finding>; 5] = [cargo::find, go::find, python::find_django, node::find, python::find];

/// Looks at the files of a folder.
pub(super) fn detect(folder: &Folder) -> Found {
    let mut found = Found { site: SiteFound::in_folder(folder), ..Found::default() };
    for finding in KINDS.iter().filter_map(|find| find(folder)) {
        match (finding, &found.app) {
            (Finding::Note(note), _) => found.notes.push(note),
            (Finding::App(app), None) => found.app = Some(*app),
            (Finding::App(app), Some(chosen)) => found.notes.extend(second_choice(&app, chosen)),
        }
    }
    found
}

/// The note for a program that another one came before; none when both are of the same kind.
fn second_choice(app: &AppFound, chosen: &AppFound) -> Option<Detected> {
    let what = format!("{} ({}) is not run", app.words.what, app.words.why);
    let why = format!("{} comes first; `[app] run` chooses another", chosen.words.why);
    (app.kind != chosen.kind).then_some(Detected { what, why })
}

fn detected(what: impl Into<String>, why: impl Into<String>) -> Detected {
    Detected { what: what.into(), why: why.into() }
}

fn note(what: impl Into<String>, why: impl Into<String>) -> Option<Finding> {
    Some(Finding::Note(detected(what, why)))
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// A program with its arguments.
fn argv(words: &[&str]) -> CommandLine {
    CommandLine::Argv(owned(words))
}

#[cfg(test)]
mod tests;
