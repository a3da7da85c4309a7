//! Templates: loaded through the guard, compiled once, rendered within bounds.
//!
//! A name in `{% include %}`, `{% extends %}` or `{% import %}` is a path below the templates folder, or begins with `./` or
//! `../` and is one from the template it stands in; it never leaves the folder. What the guard does not open does not exist.
//! [`Templates::refresh`] compiles them anew; while one cannot be compiled, all stay as they were: the last good ones.

use std::{
    borrow::Cow,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, Value};

use super::{
    failure, filters,
    guard::{Guard, OpenError},
    text,
};
use crate::negotiate::escape;
use crate::report::{Diagnostic, Excerpt, Kind, Report};

/// How many instructions one page may take: a table of 100,000 rows needs about half of it, an endless loop ends within a second.
const FUEL: u64 = 10_000_000;

/// How deep blocks, loops and macros may nest; an include counts as ten. A cycle ends here.
const MAX_RECURSION: usize = 300;

/// The longest template.
const MAX_TEMPLATE_BYTES: u64 = 4 * 1024 * 1024;

/// The longest page.
const MAX_PAGE_BYTES: usize = 64 * 1024 * 1024;

/// The longest message of a mistake: some repeat the value that was wrong.
const MAX_MESSAGE_CHARS: usize = 1000;

/// Templates that are checked after a change; more are compiled when they are first rendered.
const MOST_NAMES: usize = 2000;

/// Whether new templates are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Yes,
    No,
}

/// The templates of a project.
pub(super) struct Templates {
    guard: Arc<Guard>,
    compiled: RwLock<Arc<Environment<'static>>>,
    /// Why the newest ones are not used.
    failure: Mutex<Option<Report>>,
}

impl Templates {
    /// Templates that `guard` opens.
    pub(super) fn new(guard: Guard) -> Self {
        let guard = Arc::new(guard);
        let compiled = RwLock::new(Arc::new(environment(&guard)));
        Self { guard, compiled, failure: Mutex::new(None) }
    }

    pub(super) fn root(&self) -> &Path {
        self.guard.root()
    }

    /// Compiles all templates anew and answers whether they are used from now on; renderings under way finish with the old ones.
    pub(super) fn refresh(&self) -> Taken {
        let fresh = environment(&self.guard);
        let broken = names(self.guard.root()).into_iter().find_map(|name| {
            let error = fresh.get_template(&name).err().filter(|error| error.kind() == ErrorKind::SyntaxError)?;
            Some(self.report(&name, &error))
        });
        let taken = if broken.is_none() { Taken::Yes } else { Taken::No };
        if taken == Taken::Yes {
            *self.compiled.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
        }
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = broken;
        taken
    }

    /// Why the newest templates are not used.
    pub(super) fn failure(&self) -> Option<Report> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Renders a page. Blocks for as long as [`FUEL`] lasts.
    pub(super) fn render(&self, name: &str, context: Value) -> Result<Vec<u8>, Box<Report>> {
        let environment = Arc::clone(&self.compiled.read().unwrap_or_else(PoisonError::into_inner));
        let mut page = Bounded(Vec::new());
        let result =
            environment.get_template(name).and_then(|template| template.render_captured_to(context, &mut page).map(drop));
        result.map(|()| page.0).map_err(|error| Box::new(self.report(name, &error)))
    }

    fn report(&self, name: &str, error: &Error) -> Report {
        let chain: Vec<&Error> = std::iter::successors(Some(error), cause).collect();
        // The innermost error is where the mistake is; the ones around it say who included it.
        let places: Vec<Place> = chain.iter().rev().map(|error| self.place(error)).collect();
        let excerpt = places.iter().find_map(Place::excerpt).unwrap_or_default();
        let diagnostics = chain.iter().rev().zip(&places).map(|(error, place)| self.diagnostic(error, place)).collect();
        let title = format!("{} cannot be rendered", self.shown_path(name).display());
        failure::report(Kind::Template, title, diagnostics, excerpt)
    }

    fn place<'a>(&self, error: &'a Error) -> Place<'a> {
        let kept = error.template_source().map(Cow::Borrowed);
        let source = kept.or_else(|| self.source(error.name()?).map(Cow::Owned)).unwrap_or_default();
        match error.range() {
            // The engine counts lines no further than to 65,535.
            Some(range) => {
                let (line, column) = failure::place(&source, range.start);
                Place { source, line: Some(line), column: Some(column) }
            }
            None => Place { source, line: error.line(), column: None },
        }
    }

    fn diagnostic(&self, error: &Error, place: &Place<'_>) -> Diagnostic {
        let message = match error.detail() {
            Some(detail) => format!("{}: {detail}", error.kind()).chars().take(MAX_MESSAGE_CHARS).collect(),
            None => error.kind().to_string(),
        };
        let number = |number: Option<usize>| number.and_then(|number| u32::try_from(number).ok());
        Diagnostic {
            file: error.name().map(|name| self.shown_path(name)),
            line: number(place.line),
            column: number(place.column),
            message,
            excerpt: number(place.line).and_then(|line| Excerpt::around(&place.source, line)),
            ..Diagnostic::default()
        }
    }

    fn source(&self, name: &str) -> Option<String> {
        self.guard.read(&name.split('/').collect::<Vec<_>>(), MAX_TEMPLATE_BYTES).ok()
    }

    fn shown_path(&self, name: &str) -> PathBuf {
        failure::shown_path(self.guard.root(), Path::new(name))
    }
}

/// Where an error is.
struct Place<'a> {
    /// The template as it was compiled.
    source: Cow<'a, str>,
    line: Option<usize>,
    column: Option<usize>,
}

impl Place<'_> {
    fn excerpt(&self) -> Option<String> {
        let line = self.line?;
        let drawn = match self.column {
            Some(column) => failure::excerpt_at(&self.source, line, column),
            None => failure::excerpt(&self.source, line),
        };
        Some(drawn).filter(|drawn| !drawn.is_empty())
    }
}

/// The names of the templates, as includes would write them; at most [`MOST_NAMES`].
fn names(root: &Path) -> Vec<String> {
    let (mut names, mut folders) = (Vec::new(), vec![String::new()]);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(root.join(&folder)) else { continue };
        for entry in entries.flatten().take(MOST_NAMES.saturating_sub(names.len())) {
            let Some(name) = entry.file_name().to_str().map(|name| format!("{folder}{name}")) else { continue };
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(format!("{name}/")),
                Ok(_) => names.push(name),
                Err(_) => (),
            }
        }
    }
    names.sort();
    names
}

fn environment(guard: &Arc<Guard>) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(MAX_RECURSION);
    environment.set_auto_escape_callback(auto_escape);
    environment.set_formatter(formatter);
    environment.set_path_join_callback(join);
    // An error then says which expression is undefined, and keeps the source it was found in; without errors it costs nothing.
    environment.set_debug(true);
    let guard = Arc::clone(guard);
    environment.set_loader(move |name| load(&guard, name));
    filters::add(&mut environment);
    environment
}

fn load(guard: &Guard, name: &str) -> Result<Option<String>, Error> {
    match guard.read(&name.split('/').collect::<Vec<_>>(), MAX_TEMPLATE_BYTES) {
        Ok(source) => Ok(Some(source)),
        Err(OpenError::Missing) => Ok(None),
        Err(error) => Err(Error::new(ErrorKind::InvalidOperation, error.to_string())),
    }
}

/// The name that `name` is in the template `parent`. One that would leave the templates folder stays as it is: nothing has it.
fn join<'a>(name: &'a str, parent: &'a str) -> Cow<'a, str> {
    if !name.starts_with("./") && !name.starts_with("../") {
        return Cow::Borrowed(name);
    }
    let mut segments: Vec<&str> = parent.rsplit_once('/').map_or_else(Vec::new, |(folder, _)| folder.split('/').collect());
    for segment in name.split('/') {
        match segment {
            "." => (),
            ".." if segments.pop().is_some() => (),
            ".." => return Cow::Borrowed(name),
            segment => segments.push(segment),
        }
    }
    Cow::Owned(segments.join("/"))
}

/// Writes a value that fits into a page; one of several parts is made whole before any of it gets there.
fn formatter(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.as_object().is_some() && text::of(value, MAX_PAGE_BYTES).is_none() {
        return Err(Error::new(ErrorKind::InvalidOperation, format!("the value is longer than {MAX_PAGE_BYTES} bytes")));
    }
    escape::formatter(out, state, value)
}

/// By extension of the template that is rendered.
fn auto_escape(name: &str) -> AutoEscape {
    match name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).as_deref() {
        Some("html" | "htm" | "xhtml" | "xml" | "svg" | "rss" | "atom") => AutoEscape::Html,
        Some("json" | "js" | "mjs" | "webmanifest") => AutoEscape::Json,
        _ => AutoEscape::None,
    }
}

/// The error that an include or import brought along.
fn cause<'a>(error: &&'a Error) -> Option<&'a Error> {
    std::error::Error::source(*error)?.downcast_ref()
}

/// A page that ends at [`MAX_PAGE_BYTES`].
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_PAGE_BYTES {
            return Err(io::Error::other(format!("the page is longer than {MAX_PAGE_BYTES} bytes")));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use minijinja::context;

    use super::*;
    use crate::site::folder::Folder;

    #[test]
    fn renders_and_escapes_by_extension() {
        check("{{ x }}", "&lt;b&gt;");
        check("{% include 'sub/part.txt' %}", "<b>");
        check("{% extends '_layout.html' %}{% block a %}1{% endblock %}", "[1]");
        check(
            "{% include '../secret.txt' ignore missing %}|{% include '/etc/passwd' ignore missing %}|{% include 'sub//part.txt' ignore missing %}|",
            "|||",
        );
        check("{% include '.env' ignore missing %}{% include 'sub' ignore missing %}", "");
    }

    #[test]
    fn names_may_be_relative() {
        check("{% include './sub/part.txt' %}", "<b>");
        check("{% include 'sub/relative.txt' %}", "<b>[<b>]");
        check("{% extends './sub/child.html' %}{% block a %}2{% endblock %}", "[2]");
        check("{% from './sub/macros.html' import part %}{{ part() }}", "<b>");
        check("{% include '../secret.txt' ignore missing %}{% include './../secret.txt' ignore missing %}", "");
        check("{% include './sub/../../secret.txt' ignore missing %}{% include './sub//part.txt' ignore missing %}", "");
        check("{% include './../templates/sub/part.txt' ignore missing %}", "");
        check("{% include './sub/../page.html' %}", "");
    }

    #[test]
    fn mistakes_say_where_they_are() {
        check("a\n{{ x | nothing }}", "templates/page.html:2:8 unknown filter: filter nothing is unknown");
        check("{% if %}", "templates/page.html:1:7 syntax error");
        check("ä {{ x.y.z }}", "templates/page.html:1:7 undefined value: `x.y` is undefined");
        check("{% include 'broken.html' %}", "templates/broken.html:2:8 syntax error");
        check("{% include '../secret.txt' %}", "templates/page.html:1:4 template not found");
        check("{% include '/etc/hostname' %}", "templates/page.html:1:4 template not found");
        check("{% include 'sub/../.env' %}", "templates/page.html:1:4 template not found");
        check("{% include 'binary.html' %}", "");
        check("{{ ('x' * 99999) | date }}", "templates/page.html:1:20 invalid operation: xxx");
        check(&format!("{}{{{{ x.y.z }}}}", "\n".repeat(70_000)), "templates/page.html:70001:5 undefined value");
    }

    #[test]
    fn a_mistake_is_shown_with_all_who_lead_to_it() {
        let folder = folder("{% extends '_layout.html' %}\n{% block a %}{% include './sub/wrong.html' %}{% endblock %}");
        let templates = Templates::new(Guard::new(&folder.path("templates"), &[]));
        let report = templates.render("page.html", ().into()).unwrap_err();
        let places: Vec<String> = report.diagnostics.iter().map(Diagnostic::place).collect();
        assert_eq!(places, ["templates/sub/wrong.html:2:8", "templates/page.html:2:17"]);
        assert!(report.output.contains(">    2 |    {{ x.nothing() }}\n       |        ^\n"), "{}", report.output);
    }

    #[test]
    fn everything_ends() {
        check("{% include 'page.html' %}", "");
        check(
            "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
            "templates/page.html:1 engine ran out of fuel",
        );
        check("{% for a in range(99999) %}{{ 'x' * 9999 }}{% endfor %}", "");
        check("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "");
        check(
            "{% set n = namespace(x='x' * 9999) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
            "templates/page.html:1:103 invalid operation: the value is longer",
        );
        check(
            "{% set x = 'a ' * 250000 %}{% for a in range(99999) %}{% set y = x | wordcount %}{% endfor %}",
            "templates/page.html:1:70 invalid operation: the filters of this page",
        );
    }

    #[test]
    fn the_last_good_ones_stay() {
        let folder = Folder::new(&[("templates/page.html", "old")]);
        let templates = Templates::new(Guard::new(&folder.path("templates"), &[]));
        let render = || String::from_utf8(templates.render("page.html", ().into()).unwrap()).unwrap();
        assert_eq!(render(), "old");
        folder.write("templates/page.html", "new");
        assert_eq!(render(), "old");
        assert_eq!(templates.refresh(), Taken::Yes);
        assert_eq!(render(), "new");
        folder.write("templates/page.html", "newest {{ 1 }");
        assert_eq!(templates.refresh(), Taken::No);
        assert_eq!(render(), "new");
        assert_eq!(templates.failure().unwrap().diagnostics[0].place(), "templates/page.html:1:13");
        folder.write("templates/page.html", "newest");
        assert_eq!((templates.refresh(), templates.failure()), (Taken::Yes, None));
        assert_eq!(render(), "newest");
    }

    /// `expected` is the page, or begins with the first diagnostic; an empty one of a page that must fail says nothing about it.
    fn check(page: &str, expected: &str) {
        let folder = folder(page);
        let templates = Templates::new(Guard::new(&folder.path("templates"), &[]));
        match templates.render("page.html", context! { x => "<b>" }) {
            Ok(page) => assert_eq!(String::from_utf8_lossy(&page), expected),
            Err(report) => {
                let first = &report.diagnostics[0];
                let found = format!("{} {}", first.place(), first.message);
                assert!(found.starts_with(expected), "{found}");
                assert!(report.title.starts_with("templates/page.html"));
                assert!(first.message.len() <= MAX_MESSAGE_CHARS);
                assert!(expected.is_empty() || report.output.contains("> "), "{}", report.output);
            }
        }
    }

    fn folder(page: &str) -> Folder {
        let folder = Folder::new(&[
            ("templates/sub/part.txt", "{{ x }}"),
            ("templates/_layout.html", "[{% block a %}{% endblock %}]"),
            ("templates/broken.html", "1\n{{ 1 + }}\n"),
            ("templates/sub/relative.txt", "{% include './part.txt' %}[{% include '../sub/part.txt' %}]"),
            ("templates/sub/child.html", "{% extends '../_layout.html' %}"),
            ("templates/sub/macros.html", "{% macro part() %}{% include './part.txt' %}{% endmacro %}"),
            ("templates/sub/wrong.html", "\n   {{ x.nothing() }}"),
            ("templates/.env", "S"),
            ("secret.txt", "S"),
        ]);
        folder.write("templates/page.html", page);
        std::fs::write(folder.path("templates/binary.html"), b"\xff").unwrap();
        folder
    }
}
