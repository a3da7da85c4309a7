//! A row of the table: what a folder must have, and what is run then.

use super::{AppFound, Detected, Folder, detected, owned, program::Program, tools};
use crate::config::{AppKind, CommandLine, Run};

/// The word in `build` and `run` that stands for what was chosen: a package, a file, a module.
const PROGRAM: &str = "{program}";

/// One kind of program. `{port}` in `run` and in values of `env` becomes the port it should take, a word of [`tools`] the program
/// that the project brings along, `{program}` what was chosen of several.
pub(super) struct Row {
    /// What it is called.
    pub(super) what: &'static str,
    pub(super) kind: AppKind,
    /// All of these must hold. The files they are about are why it was found.
    pub(super) needs: &'static [Need],
    pub(super) programs: Programs,
    /// Empty when there is nothing to build.
    pub(super) build: &'static [&'static str],
    /// Empty when the build names what it made, or when each program has a command of its own.
    pub(super) run: &'static [&'static str],
    pub(super) env: &'static [(&'static str, &'static str)],
    /// Globs of what it is built from.
    pub(super) sources: &'static [&'static str],
    /// Globs of what it reads anew for each request.
    pub(super) rereads: &'static [&'static str],
    /// A development server of its own, which sees its sources and tells its pages: globs of what it does not see.
    pub(super) settings: Option<&'static [&'static str]>,
    /// Folders that its tools write to.
    pub(super) outputs: &'static [&'static str],
    /// Folders of the project that come first in the search path.
    pub(super) search_first: &'static [&'static str],
    /// What to say when there is no program.
    pub(super) lacks: Lacks,
}

/// A row with nothing in it, for those of the table to fill in what they need.
pub(super) const ROW: Row = Row {
    what: "",
    kind: AppKind::Custom,
    needs: &[],
    programs: Programs::One,
    build: &[],
    run: &[],
    env: &[],
    sources: &[],
    rereads: &[],
    settings: None,
    outputs: &[],
    search_first: &[],
    lacks: Lacks::Nothing,
};

/// What a folder must have.
pub(super) enum Need {
    /// This file.
    File(&'static str),
    /// One of these files.
    AnyFile(&'static [&'static str]),
    /// One of these files, with one of these texts in it.
    Holds(&'static [&'static str], &'static [&'static str]),
    /// A file whose name ends so.
    Ending(&'static [&'static str]),
    /// None of these files.
    Lacks(&'static [&'static str]),
}

impl Need {
    fn holds(&self, folder: &Folder) -> bool {
        matches!(self, Self::Lacks(_)) != self.file(folder).is_some()
    }

    /// The file it is about.
    fn file(&self, folder: &Folder) -> Option<String> {
        let first =
            |names: &[&str], wanted: &dyn Fn(&str) -> bool| names.iter().find(|name| wanted(name)).map(|name| (*name).to_owned());
        match self {
            Self::File(name) => first(&[name], &|name| folder.has_file(name)),
            Self::AnyFile(names) | Self::Lacks(names) => first(names, &|name| folder.has_file(name)),
            Self::Holds(names, texts) => first(names, &|name| folder.holds(name, texts)),
            Self::Ending(endings) => folder.names().into_iter().find(|name| endings.iter().any(|ending| name.ends_with(ending))),
        }
    }
}

/// Where the programs of a folder come from.
pub(super) enum Programs {
    /// There is one, and it needs no name.
    One,
    /// There is none: the row says what is lacking.
    Never,
    /// The first of these files that has one of these texts in it.
    First(&'static [&'static str], &'static [&'static str]),
    /// All that this finds.
    By(fn(&Folder) -> Vec<Program>),
}

/// What to say when a folder has what a row needs, but no program.
pub(super) enum Lacks {
    Nothing,
    /// Why there is none.
    Says(&'static str),
    By(fn(&Folder) -> Option<Detected>),
}

impl Row {
    /// Whether the folder has what it needs.
    pub(super) fn applies(&self, folder: &Folder) -> bool {
        self.needs.iter().all(|need| need.holds(folder))
    }

    /// The programs there are.
    pub(super) fn programs(&self, folder: &Folder) -> Vec<Program> {
        match self.programs {
            Programs::One => vec![Program::default()],
            Programs::Never => Vec::new(),
            Programs::First(names, texts) => {
                let found = names.iter().find(|name| folder.holds(name, texts));
                found.into_iter().map(|name| Program::new(*name, *name, &[name])).collect()
            }
            Programs::By(find) => find(folder),
        }
    }

    /// The note for a folder without a program.
    pub(super) fn note(&self, folder: &Folder) -> Option<Detected> {
        match self.lacks {
            Lacks::Nothing => None,
            Lacks::Says(why) => {
                Some(detected(format!("{} without a program", self.what), format!("{}; {why}", self.files(folder))))
            }
            Lacks::By(note) => note(folder),
        }
    }

    /// The files it was found by.
    fn files(&self, folder: &Folder) -> String {
        let wanted = self.needs.iter().filter(|need| !matches!(need, Need::Lacks(_)));
        let mut files: Vec<_> = wanted.filter_map(|need| need.file(folder)).collect();
        files.dedup();
        files.join(" and ")
    }

    /// The program, ready to be built and run. `reason` says why this one of several.
    pub(super) fn app(&self, folder: &Folder, program: &Program, reason: &str) -> AppFound {
        let why = if program.why.is_empty() { self.files(folder) } else { program.why.clone() };
        let words = detected(program.what.unwrap_or(self.what), format!("{why}{reason}"));
        let run = match &program.run {
            Some(run) => Run::Command(run.clone()),
            None => command(self.run, folder, program).map_or(Run::BuiltExecutable, Run::Command),
        };
        let folders = |name: &str| [name.to_owned(), format!("{name}/**")];
        let outputs = self.outputs.iter().copied().chain(program.outputs);
        AppFound {
            kind: self.kind,
            words,
            build: program.build.clone().or_else(|| command(self.build, folder, program)),
            run,
            sources: owned(self.sources).into_iter().chain(program.sources.iter().cloned()).collect(),
            rereads: owned(self.rereads),
            settings: program.settings.or(self.settings).map(owned),
            search_first: owned(self.search_first),
            env: self.env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            outputs: outputs.flat_map(folders).collect(),
        }
    }
}

/// The words of a command, filled in; `None` when there are none.
fn command(words: &[&str], folder: &Folder, program: &Program) -> Option<CommandLine> {
    let filled = words.iter().flat_map(|word| match *word {
        PROGRAM => program.words.clone(),
        word => tools::words(word, folder),
    });
    (!words.is_empty()).then(|| CommandLine::Argv(filled.collect()))
}
