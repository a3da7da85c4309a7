//! The programs of a Python project: modules that hold a web application, and files that start something themselves.

use super::{
    Folder,
    program::{Program, Standing},
    python_server::{Server, WebApp, starts_itself},
};

/// Files that may hold a program, with their module names, the most usual first.
const MODULES: [(&str, &str); 8] = [
    ("app.py", "app"),
    ("main.py", "main"),
    ("server.py", "server"),
    ("app/main.py", "app.main"),
    ("app/__init__.py", "app"),
    ("src/main.py", "src.main"),
    ("asgi.py", "asgi"),
    ("wsgi.py", "wsgi"),
];

/// The file that is a program whatever is in it.
const USUAL: &str = "app.py";

/// What a file that opens a port itself has in it.
const LISTENS: [&str; 8] =
    ["HTTPServer(", "socketserver", "wsgiref", "run_simple(", "web.run_app(", "waitress", "tornado", "uvicorn.run("];

/// Modules with an ASGI application that leave it to others to start it.
pub(super) fn asgi(folder: &Folder) -> Vec<Program> {
    served(folder, Server::Uvicorn)
}

/// The same for Flask.
pub(super) fn flask(folder: &Folder) -> Vec<Program> {
    served(folder, Server::Flask)
}

/// The first one, the others on request.
fn served(folder: &Folder, server: Server) -> Vec<Program> {
    let found = MODULES.iter().filter_map(|(file, module)| {
        let text = folder.text(file)?;
        let web = WebApp::in_text(&text).filter(|web| web.server == server && !starts_itself(&text))?;
        let target = format!("{module}:{}", web.variable);
        Some(Program::new(&target, *file, &[&target]))
    });
    first_of(found.collect())
}

/// Files that are run as they are: `app.py` always, another one if it holds a web application or opens a port.
pub(super) fn files(folder: &Folder) -> Vec<Program> {
    let found = MODULES.iter().filter(|(file, _)| {
        let holds_program = |text: &str| WebApp::in_text(text).is_some() || LISTENS.iter().any(|hint| text.contains(hint));
        folder.text(file).is_some_and(|text| *file == USUAL || (!file.contains('/') && holds_program(&text)))
    });
    first_of(found.map(|(file, _)| Program::new(*file, *file, &[file])).collect())
}

fn first_of(programs: Vec<Program>) -> Vec<Program> {
    let mut found = programs;
    found.iter_mut().skip(1).for_each(|program| program.standing = Standing::OnRequest);
    found
}
