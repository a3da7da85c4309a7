//! Opens a file at a line in the person's editor.
//!
//! [`Editors::open`] takes a [`Target`]: a place that the failure now standing names, or a file of the project. It chooses an editor
//! (`choose`), makes its arguments by the table of editors (`table`), puts those that need a terminal into a window of one
//! (`terminal`), and starts it (`start`).
//!
//! Nothing here passes through a shell, no argument begins with what a request says, and no request names a program. An editor
//! that was started is nobody's child in spirit: it is in no tree that Everlit ends, and outlives it.

mod choose;
mod start;
mod surroundings;
mod table;
mod terminal;

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{sync::watch, task::spawn_blocking};

pub use surroundings::Surroundings;

use crate::{
    config::{Config, EditorCommand},
    generation::Standing,
    process::outside::outside,
    report::{Diagnostic, Kind},
    site::find_file,
    telemetry::{Notice, Notices},
};

/// Editors started within [`WINDOW`]. A person clicks a few times; a script of the page must not fill the screen.
const STARTS: usize = 10;

/// The time over which starts are counted.
const WINDOW: Duration = Duration::from_secs(20);

/// What to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A place in the failure that stands, by its number.
    Reported {
        /// The report's own number.
        report: u64,
        /// Which of its diagnostics, from 0.
        diagnostic: usize,
    },
    /// A file of the project.
    File {
        /// Relative to the project.
        file: PathBuf,
        /// From 1.
        line: Option<u32>,
        /// From 1.
        column: Option<u32>,
    },
}

/// Why nothing was opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no such file of the project, or the place is of a failure that is over.
    #[error("there is no such file in the project, or the failure is over")]
    Missing,
    /// A person does not click that often.
    #[error("too many editors were started just now; wait a moment")]
    TooMany,
    /// Nobody knows which editor.
    #[error("no editor was found for {place}; name yours in EVERLIT_EDITOR, or as `editor` in everlit.toml")]
    NoEditor {
        /// The place, for whoever opens it by hand.
        place: String,
    },
    /// It shows itself in a terminal, and there is no way to open one.
    #[error("{editor} needs a terminal, and no window can be opened for it here; run everlit in tmux, or open {place} by hand")]
    NoTerminal {
        /// What it is called.
        editor: String,
        /// The place, for whoever opens it by hand.
        place: String,
    },
    /// It did not start, or ended at once.
    #[error("{editor} cannot be started ({reason}); open {place} by hand")]
    Failed {
        /// What it is called.
        editor: String,
        /// What the system or the editor says.
        reason: String,
        /// The place, for whoever opens it by hand.
        place: String,
    },
}

/// A file that is there, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Spot {
    /// Absolute.
    file: PathBuf,
    line: u32,
    column: u32,
    /// As the person reads it.
    place: String,
}

/// What the configuration says.
#[derive(Clone, Debug, Default)]
struct Settings {
    editor: Option<EditorCommand>,
    /// The folders, absolute, that hold the site's: its reports name files from those on (`templates/index.html`).
    sites: Vec<PathBuf>,
}

impl Settings {
    fn of(config: &Config) -> Self {
        let folders = config.site.iter().flat_map(|site| [&site.templates, &site.data]).flatten();
        let sites = folders.filter_map(|folder| folder.parent()).map(Path::to_owned).collect();
        Self { editor: config.editor.clone(), sites }
    }
}

/// The way to the person's editor; cheap to clone.
#[derive(Clone, Debug)]
pub struct Editors(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    surroundings: Surroundings,
    standing: watch::Receiver<Standing>,
    notices: Notices,
    settings: Mutex<Settings>,
    starts: Mutex<VecDeque<Instant>>,
}

impl Editors {
    /// For a project whose failures are told by `standing`.
    #[must_use]
    pub fn new(root: &Path, surroundings: Surroundings, standing: watch::Receiver<Standing>, notices: Notices) -> Self {
        let (settings, starts) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { root: root.to_owned(), surroundings, standing, notices, settings, starts }))
    }

    /// Takes the configuration: the editor it names, and where the site is.
    pub fn configure(&self, config: &Config) {
        *self.0.settings.lock().unwrap_or_else(PoisonError::into_inner) = Settings::of(config);
    }

    fn settings(&self) -> Settings {
        self.0.settings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens it; answers with what the editor is called. The terminal is told as well, whatever comes of it.
    ///
    /// # Errors
    /// Why nothing was opened, in words for the person.
    pub async fn open(&self, target: &Target) -> Result<String, OpenError> {
        let opened = self.try_open(target).await;
        match &opened {
            Ok((editor, place)) => self.0.notices.send(Notice::Info(format!("opened {place} in {editor}"))),
            Err(OpenError::Missing) => (),
            Err(error) => self.0.notices.warn(error.to_string()),
        }
        opened.map(|(editor, _)| editor)
    }

    async fn try_open(&self, target: &Target) -> Result<(String, String), OpenError> {
        let spot = self.spot(target).ok_or(OpenError::Missing)?;
        self.count(Instant::now())?;
        let configured = self.settings().editor;
        let surroundings = self.0.surroundings.clone();
        let place = spot.place.clone();
        // It looks at processes and along the search path.
        let chosen = spawn_blocking({
            let surroundings = surroundings.clone();
            move || choose::choose(configured.as_ref(), &surroundings)
        });
        let chosen = chosen.await.ok().flatten().ok_or_else(|| OpenError::NoEditor { place: place.clone() })?;
        let editor = chosen.name.clone();
        let argv = chosen.argv(&spot.file, spot.line, spot.column);
        let argv = if chosen.needs_terminal {
            let window = terminal::window(&argv, &surroundings);
            window.ok_or_else(|| OpenError::NoTerminal { editor: editor.clone(), place: place.clone() })?
        } else {
            argv
        };
        let started = match outside(argv) {
            Ok(argv) => start::start(&argv, &self.0.root).await,
            Err(error) => Err(error.to_string()),
        };
        match started {
            Ok(()) => Ok((editor, place)),
            Err(reason) => Err(OpenError::Failed { editor, reason, place }),
        }
    }

    fn spot(&self, target: &Target) -> Option<Spot> {
        match target {
            Target::File { file, line, column } => {
                let named = Diagnostic { file: Some(file.clone()), line: *line, column: *column, ..Diagnostic::default() };
                Some(spot(&named, find_file(&self.0.root, file)?))
            }
            Target::Reported { report, diagnostic } => {
                let failure = self.0.standing.borrow().failure.clone().filter(|failure| failure.id == *report)?;
                let named = failure.diagnostics.get(*diagnostic)?;
                let file = named.file.as_deref()?;
                // What a compiler or a program of the project names may lie outside: its standard library, a workspace.
                let outside = || file.is_absolute().then(|| file.to_owned()).filter(|file| file.is_file());
                let of_site = matches!(failure.kind, Kind::Template | Kind::Config).then(|| self.find_in_site(file)).flatten();
                Some(spot(named, of_site.or_else(|| find_file(&self.0.root, file)).or_else(outside)?))
            }
        }
    }

    fn find_in_site(&self, file: &Path) -> Option<PathBuf> {
        self.settings().sites.iter().find_map(|folder| find_file(folder, file))
    }

    fn count(&self, now: Instant) -> Result<(), OpenError> {
        let mut starts = self.0.starts.lock().unwrap_or_else(PoisonError::into_inner);
        starts.retain(|start| now.duration_since(*start) < WINDOW);
        if starts.len() >= STARTS {
            return Err(OpenError::TooMany);
        }
        starts.push_back(now);
        Ok(())
    }
}

fn spot(named: &Diagnostic, file: PathBuf) -> Spot {
    let number = |number: Option<u32>| number.unwrap_or(1).max(1);
    Spot { file, line: number(named.line), column: number(named.column), place: named.place() }
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use super::*;
    use crate::{
        config::{Layer, fixture::TestFolder, load},
        report::Report,
    };

    fn standing(files: &[&str]) -> Standing {
        let diagnostics = files.iter().map(|file| Diagnostic { file: Some(file.into()), line: Some(3), ..Diagnostic::default() });
        let (kind, title, took) = (Kind::Build, "no".to_owned(), Duration::ZERO);
        let (command, output, help) = Default::default();
        let report = Report { id: 7, kind, title, command, diagnostics: diagnostics.collect(), output, took, help };
        Standing { failure: Some(Arc::new(report)), ..Standing::default() }
    }

    fn editors(root: &Path, files: &[&str]) -> Editors {
        let surroundings = Surroundings::from_env(|_| None);
        Editors::new(root, surroundings, watch::channel(standing(files)).1, Notices::channel().0)
    }

    #[test]
    fn opens_files_of_the_project_and_places_of_the_report() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("p/src")).unwrap();
        let project = root.join("p");
        for file in ["p/src/a.rs", "p/-a", "p/a; touch b", "outside.rs"] {
            fs::write(root.join(file), "").unwrap();
        }
        std::os::unix::fs::symlink("../outside.rs", project.join("link.rs")).unwrap();
        let outside = root.join("outside.rs");
        let outside = outside.to_str().unwrap();
        let editors = editors(&project, &["src/a.rs", outside, "none.rs", "../outside.rs", "/proc/self/mem/x", "/dev/null"]);

        let check = |target: Target, expected: Option<&Path>| {
            let found = editors.spot(&target).map(|spot| spot.file);
            assert_eq!(found.as_deref(), expected, "{target:?}");
        };
        let file = |file: &str| Target::File { file: file.into(), line: None, column: None };
        check(file("src/a.rs"), Some(&project.join("src/a.rs")));
        check(file("-a"), Some(&project.join("-a")));
        check(file("a; touch b"), Some(&project.join("a; touch b")));
        for bad in
            ["../outside.rs", outside, "link.rs", "src", "", "src/../src/a.rs", "file:///etc/passwd", "$(touch x)", "/etc/passwd"]
        {
            check(file(bad), None);
        }
        let reported = |report, diagnostic| Target::Reported { report, diagnostic };
        check(reported(7, 0), Some(&project.join("src/a.rs")));
        check(reported(7, 1), Some(Path::new(outside)));
        for diagnostic in [2, 3, 4, 5, 6] {
            check(reported(7, diagnostic), None);
        }
        check(reported(8, 0), None);
    }

    #[test]
    fn a_site_may_be_anywhere_in_the_project() {
        let folder = TestFolder::new(
            "-- web/templates/a.html --\n-- templates/a.html --\n-- everlit.toml --\n[site]\ntemplates = \"web/templates\"\n",
        );
        let config = load(folder.path(), Layer::default(), Layer::default()).unwrap();
        let mut standing = standing(&["templates/a.html", "everlit.toml"]);
        standing.failure.iter_mut().for_each(|report| Arc::get_mut(report).unwrap().kind = Kind::Template);
        let reader = watch::channel(standing).1;
        let editors = Editors::new(&config.root, Surroundings::from_env(|_| None), reader, Notices::channel().0);
        editors.configure(&config);
        let found = |diagnostic| editors.spot(&Target::Reported { report: 7, diagnostic }).map(|spot| spot.file);
        assert_eq!(found(0), Some(config.root.join("web/templates/a.html")));
        assert_eq!(found(1), Some(config.root.join("everlit.toml")));
    }

    #[test]
    fn nobody_starts_editors_without_end() {
        let editors = editors(Path::new("/"), &[]);
        let now = Instant::now();
        let started = (0..100).filter(|_| editors.count(now).is_ok()).count();
        assert_eq!(started, STARTS);
        assert!(editors.count(now + WINDOW).is_ok());
    }
}
