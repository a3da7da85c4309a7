//! Finds out what a folder is from the files in it: a site, an app, both or neither.
//!
//! [`detect`] reads and never fails; a file that makes no sense is passed over or becomes a [`Detected`] note. The kinds of programs
//! are the rows of [`table`]; a kind whose programs have to be looked for has a file of its own. What is *done* with the findings,
//! and which of them the configuration overrides, is `merge`'s affair.

mod cargo;
mod deno;
mod dotnet;
mod folder;
mod go;
mod node;
mod node_script;
mod program;
mod python;
mod python_server;
mod row;
mod scripts;
mod site;
mod table;
pub(crate) mod tools;

pub(super) use cargo::MESSAGE_FORMAT;
pub(super) use folder::Folder;
pub(super) use site::SiteFound;

use program::{Choice, choose};
use row::Row;

use super::{AppKind, CommandLine, Detected, Run, Wanted};

/// What was found in a folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The parts of a site.
    pub(super) site: SiteFound,
    /// The program, if there is one that can be run.
    pub(super) app: Option<AppFound>,
    /// Programs of which none was chosen.
    pub(super) undecided: Option<Undecided>,
    /// What was seen and why it is not used.
    pub(super) notes: Vec<Detected>,
    /// The names of all programs there are.
    pub(super) names: Vec<String>,
}

/// Several programs, and nothing that decides between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Undecided {
    /// What they are: "Go module".
    pub(super) what: String,
    pub(super) names: Vec<String>,
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
    /// Globs of what it reads anew for each request.
    pub(super) rereads: Vec<String>,
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
        Self {
            kind: AppKind::Custom,
            words: detected("command", "given"),
            build: None,
            run: Run::Command(run),
            sources: owned(&["**/*"]),
            rereads: Vec::new(),
            settings: None,
            search_first: Vec::new(),
            env: Vec::new(),
            outputs: Vec::new(),
        }
    }
}

/// Looks at the files of a folder. Of each kind of program the first row counts that has one, of all kinds the first.
pub(super) fn detect(folder: &Folder, wanted: Option<&Wanted>) -> Found {
    let mut found = Found { site: SiteFound::in_folder(folder), ..Found::default() };
    let name = match wanted {
        Some(Wanted::Nothing) => return found,
        Some(Wanted::Named(name)) => Some(name.as_str()),
        None => None,
    };
    let mut kinds = Vec::new();
    for row in table::ROWS.iter().filter(|row| row.applies(folder)) {
        if !kinds.contains(&row.kind) && found.look(folder, row, name) {
            kinds.push(row.kind);
        }
    }
    found
}

impl Found {
    /// Takes in what a row makes of the folder; answers whether that was a program.
    fn look(&mut self, folder: &Folder, row: &Row, wanted: Option<&str>) -> bool {
        let programs = row.programs(folder);
        self.names.extend(programs.iter().map(|program| program.name.clone()).filter(|name| !name.is_empty()));
        let (app, undecided) = match choose(&programs, wanted) {
            Choice::None => {
                self.notes.extend(row.note(folder).filter(|_| programs.is_empty()));
                return false;
            }
            Choice::One(program, reason) => (Some(row.app(folder, program, &reason)), None),
            Choice::Several(names) => (None, Some(Undecided { what: row.what.to_owned(), names: owned(&names) })),
        };
        match (self.first(), &app, &undecided) {
            (Some(first), Some(second), _) => self.notes.push(second_choice(&second.words, &first)),
            (Some(_), None, _) => (),
            (None, ..) => (self.app, self.undecided) = (app, undecided),
        }
        true
    }

    /// What the program that is run was found by.
    fn first(&self) -> Option<String> {
        let undecided = self.undecided.as_ref().map(|several| several.what.clone());
        self.app.as_ref().map(|app| app.words.why.clone()).or(undecided)
    }
}

/// The note for a program that another one came before.
fn second_choice(second: &Detected, first: &str) -> Detected {
    let what = format!("{} ({}) is not run", second.what, second.why);
    Detected { what, why: format!("{first} comes first; `[app] program` or `[app] run` chooses another") }
}

fn detected(what: impl Into<String>, why: impl Into<String>) -> Detected {
    Detected { what: what.into(), why: why.into() }
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
