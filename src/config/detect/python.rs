//! A Python program: Django's `manage.py`, an `app.py`, or a module that holds a web application.

use super::{
    AppFound, Finding, Folder, argv, detected, note, owned,
    python_server::{Server, WebApp, starts_itself},
};
use crate::config::{AppKind, Run};

/// What a program is made of. Frameworks read templates once, so a changed one takes a restart.
const SOURCES: [&str; 8] =
    ["**/*.py", "pyproject.toml", "requirements*.txt", "uv.lock", "poetry.lock", ".env", "templates/**", "**/templates/**"];

/// Environments a project keeps beside its sources, before the interpreter of the system.
const INTERPRETERS: [&str; 2] = [".venv/bin/python", "venv/bin/python"];

/// Files that may hold a web application, with their module names.
const MODULES: [(&str, &str); 3] = [("app.py", "app"), ("main.py", "main"), ("app/main.py", "app.main")];

/// A Django project.
pub(super) fn find_django(folder: &Folder) -> Option<Finding> {
    folder.has_file("manage.py").then(|| {
        // Its own reloader would restart it a second time, and drop requests.
        app(folder, "Django project", "manage.py", &["manage.py", "runserver", "--noreload", "127.0.0.1:{port}"])
    })
}

/// Any other Python program.
pub(super) fn find(folder: &Folder) -> Option<Finding> {
    let served = MODULES.iter().find_map(|(file, module)| served(folder, file, module));
    served.or_else(|| script(folder)).or_else(|| unknown_project(folder))
}

/// A module that holds a web application and leaves it to others to start it.
fn served(folder: &Folder, file: &str, module: &str) -> Option<Finding> {
    let text = folder.text(file)?;
    let web = WebApp::in_text(&text).filter(|_| !starts_itself(&text))?;
    let target = format!("{module}:{}", web.variable);
    Some(match web.server {
        Server::Uvicorn => app(folder, "ASGI application", file, &["-m", "uvicorn", &target, "--port", "{port}"]),
        Server::Flask => flask(folder, file, &target),
    })
}

/// With its debugger, and without its reloader: that would restart it a second time.
fn flask(folder: &Folder, file: &str, target: &str) -> Finding {
    let arguments = ["-m", "flask", "--app", target, "run", "--no-reload", "--port", "{port}"];
    let mut finding = app(folder, "Flask application", file, &arguments);
    if let Finding::App(app) = &mut finding {
        app.env.push(("FLASK_DEBUG".to_owned(), "1".to_owned()));
    }
    finding
}

/// A file that is run as it is: `app.py` always, another one if it holds a web application.
fn script(folder: &Folder) -> Option<Finding> {
    if folder.has_file("app.py") {
        return Some(app(folder, "Python program", "app.py", &["app.py"]));
    }
    let holds_web_app = WebApp::in_text(&folder.text("main.py")?).is_some();
    holds_web_app.then(|| app(folder, "Python program", "main.py", &["main.py"]))
}

fn unknown_project(folder: &Folder) -> Option<Finding> {
    if !folder.has_file("pyproject.toml") || folder.has_file("manage.py") {
        return None;
    }
    note(
        "Python project without a program",
        "pyproject.toml; there is no manage.py, no app.py and no application in main.py, so `[app] run` has to say what to run",
    )
}

fn app(folder: &Folder, what: &str, why: &str, arguments: &[&str]) -> Finding {
    let interpreter = INTERPRETERS.into_iter().find(|path| folder.has_file(path)).unwrap_or("python3");
    let run = Run::Command(argv(&[&[interpreter], arguments].concat()));
    let app = AppFound::new(AppKind::Python, detected(what, why), run, &SOURCES);
    Finding::App(Box::new(AppFound {
        // Output into a pipe would wait until 8 KiB are there.
        env: vec![("PYTHONUNBUFFERED".to_owned(), "1".to_owned())],
        outputs: owned(&["**/__pycache__", "**/__pycache__/**", ".venv", ".venv/**", "venv", "venv/**"]),
        ..app
    }))
}
