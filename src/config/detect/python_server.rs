//! Whether a Python file holds a web application, and which server runs it.

/// A web application in a module.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WebApp {
    /// The variable it is in.
    pub(super) variable: String,
    /// Who runs it.
    pub(super) server: Server,
}

/// Who runs a web application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    /// FastAPI, Starlette and their like.
    Uvicorn,
    /// Flask.
    Flask,
}

/// Classes of web applications.
const CLASSES: [(&str, Server); 5] = [
    ("FastAPI", Server::Uvicorn),
    ("Starlette", Server::Uvicorn),
    ("Litestar", Server::Uvicorn),
    ("Quart", Server::Uvicorn),
    ("Flask", Server::Flask),
];

impl WebApp {
    /// The first `name = Class(` that stands at the beginning of a line.
    pub(super) fn in_text(text: &str) -> Option<Self> {
        text.lines().find_map(|line| {
            let (left, right) = line.split_once('=')?;
            let variable = left.split(':').next()?.trim_end();
            let (class, _) = right.trim_start().split_once('(')?;
            let class = class.rsplit('.').next()?;
            let (_, server) = CLASSES.iter().find(|(known, _)| *known == class)?;
            is_name(variable).then(|| Self { variable: variable.to_owned(), server: *server })
        })
    }
}

/// A name, without the white space in front that would put it into a function.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Whether running the file starts something: it asks whether it is the main program.
pub(super) fn starts_itself(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("if") && line.contains("__name__") && line.contains("__main__"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_apps_in_text() {
        let check = |text, expected: Option<(&str, Server)>| {
            let found = WebApp::in_text(text);
            assert_eq!(found.as_ref().map(|app| (app.variable.as_str(), app.server)), expected, "{text:?}");
        };
        check("import x\n\napp = Flask(__name__)\n", Some(("app", Server::Flask)));
        check("api: FastAPI = fastapi.FastAPI(title='x')", Some(("api", Server::Uvicorn)));
        check("def create():\n    app = Flask(__name__)\n", None);
        check("app = Thing()\n# app = Flask(__name__)", None);
        check("print('FastAPI(')", None);
    }

    #[test]
    fn files_that_start_themselves() {
        assert!(starts_itself("app = 1\nif __name__ == \"__main__\":\n    app.run()\n"));
        assert!(!starts_itself("# if __name__ == '__main__'\n"));
    }
}
