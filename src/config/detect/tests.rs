use super::*;
use crate::config::fixture::TestFolder;

/// `build → run` of the program found in a folder, then the notes; a line each.
fn shown(files: &str) -> String {
    let folder = TestFolder::new(files);
    let found = detect(&Folder::new(folder.path()));
    let app = found.app.as_ref().map(|app| format!("{}: {}", app.words.what, commands(app)));
    let notes = found.notes.iter().map(|note| format!("{} ({})", note.what, note.why));
    app.into_iter().chain(notes).collect::<Vec<_>>().join("\n")
}

fn commands(app: &AppFound) -> String {
    let run = match &app.run {
        Run::Command(command) => command.to_string(),
        Run::BuiltExecutable => "what it built".to_owned(),
    };
    app.build.iter().map(|build| format!("{build} → ")).collect::<String>() + &run
}

fn check(files: &str, expected: &str) {
    assert_eq!(shown(files), expected, "{files}");
}

const CARGO: &str = "cargo build --message-format=json-diagnostic-rendered-ansi";

#[test]
fn cargo_packages() {
    const PACKAGE: &str = "-- Cargo.toml --\n[package]\nname = \"shop\"\n";
    let package = |rest: &str, expected: &str| check(&format!("{PACKAGE}{rest}"), expected);
    package("-- src/main.rs --\n", &format!("Cargo package: {CARGO} → what it built"));
    package("-- src/bin/one.rs --\n", &format!("Cargo package: {CARGO} → what it built"));
    package("-- src/bin/one/main.rs --\n", &format!("Cargo package: {CARGO} → what it built"));
    package("[[bin]]\nname = \"x\"\npath = \"x.rs\"\n-- x.rs --\n", &format!("Cargo package: {CARGO} → what it built"));
    package(
        "[[bin]]\nname = \"x\"\npath = \"src/main.rs\"\n-- src/main.rs --\n",
        &format!("Cargo package: {CARGO} → what it built"),
    );
    package(
        "default-run = \"two\"\n-- src/main.rs --\n-- src/bin/two.rs --\n",
        &format!("Cargo package: {CARGO} --bin two → what it built"),
    );
    package(
        "-- src/main.rs --\n-- src/bin/two.rs --\n",
        "Cargo package with several binaries: shop, two (Cargo.toml; choose one by `default-run` in it)",
    );
    package("-- src/lib.rs --\n", "Cargo package without a binary (Cargo.toml; there is nothing to run)");
    package("autobins = false\n-- src/main.rs --\n", "Cargo package without a binary (Cargo.toml; there is nothing to run)");
    check("-- Cargo.toml --\n[package\n", &format!("Cargo package: {CARGO} → what it built"));
}

#[test]
fn cargo_workspaces() {
    const MEMBERS: &str = "-- crates/web/Cargo.toml --\n[package]\nname = \"shop-web\"\n-- crates/web/src/main.rs --\n\
        -- crates/core/Cargo.toml --\n[package]\nname = \"core\"\n-- crates/core/src/lib.rs --\n";
    let workspace = |head: &str, rest: &str, expected: &str| {
        check(&format!("-- Cargo.toml --\n[workspace]\n{head}\n{MEMBERS}{rest}"), expected);
    };
    let one = format!("Cargo workspace: {CARGO} --package shop-web → what it built");
    let tool = "-- crates/tool/Cargo.toml --\n[package]\nname = \"tool\"\n-- crates/tool/src/main.rs --\n";
    workspace("members = [\"crates/*\"]", "", &one);
    workspace("members = [\"crates/*\"]\nexclude = [\"crates/tool\"]", tool, &one);
    workspace("members = [\"crates/*\"]\ndefault-members = [\"crates/web\"]", tool, &one);
    workspace(
        "members = [\"crates/*\"]",
        tool,
        "Cargo workspace with several binaries (Cargo.toml; name one member by `default-members`, \
         or set `[app] build = \"cargo build --bin NAME\"`)",
    );
    workspace("members = [\"crates/core\"]", "", "Cargo workspace without a binary (Cargo.toml; there is nothing to run)");
}

#[test]
fn go_programs() {
    const MAIN: &str = "package main\nfunc main() {}\n";
    let build = "go build -o .everlit/bin/app";
    check(&format!("-- go.mod --\n-- server.go --\n{MAIN}"), &format!("Go module: {build} . → .everlit/bin/app"));
    check(&format!("-- main.go --\n{MAIN}"), &format!("Go program: {build} main.go → .everlit/bin/app"));
    check(
        &format!("-- main.go --\n{MAIN}-- more.go --\npackage main\n-- more_test.go --\npackage main\n"),
        &format!("Go program: {build} main.go more.go → .everlit/bin/app"),
    );
    check(&format!("-- server.go --\n{MAIN}"), "");
    check(
        &format!("-- go.mod --\n-- lib.go --\npackage lib\n-- cmd/web/main.go --\n{MAIN}-- cmd/README --\n"),
        &format!("Go module: {build} ./cmd/web → .everlit/bin/app"),
    );
    check(
        &format!("-- go.mod --\n-- cmd/a/main.go --\n{MAIN}-- cmd/b/b.go --\n{MAIN}"),
        "Go module with several programs below cmd/: a, b (go.mod; choose one by \
         `[app] build = \"go build -o .everlit/bin/app ./cmd/NAME\"` and `run = \".everlit/bin/app\"`)",
    );
    check(
        "-- go.mod --\n-- gen.go --\n//go:build ignore\n\npackage main\n",
        "Go module without a program (go.mod; neither the module's folder nor cmd/ has a `package main`)",
    );
}

#[test]
fn go_files_inside_a_module_are_built_by_folder() {
    let outer = TestFolder::new("-- go.mod --\n-- web/main.go --\npackage main\n");
    let found = detect(&Folder::new(outer.path().join("web")));
    assert_eq!(commands(&found.app.unwrap()), "go build -o .everlit/bin/app . → .everlit/bin/app");
}

#[test]
fn node_programs() {
    let scripts = |scripts: &str, rest: &str, expected: &str| {
        check(&format!("-- package.json --\n{{\"scripts\":{{{scripts}}}}}\n{rest}"), expected);
    };
    const PACKAGES: &str = "-- node_modules/.bin/ --\n";
    scripts(r#""start": "node server.js""#, "", "Node program: node server.js");
    scripts(r#""start": "node a.js", "dev": "nodemon a.js""#, PACKAGES, "Node program: node a.js");
    scripts(r#""start": "nodemon a.js", "dev": "nodemon b.js""#, PACKAGES, "Node program: nodemon b.js");
    scripts(r#""start": "node a.js", "dev": "vite""#, PACKAGES, "Node program: vite");
    scripts(r#""start": "node a.js", "dev": "node b.js""#, "", "Node program: node b.js");
    scripts(r#""start": "node dist/a.js", "dev": "tsx watch a.ts""#, PACKAGES, "Node program: tsx watch a.ts");
    scripts(r#""start": "node dist/a.js", "build": "tsc""#, PACKAGES, "Node program: tsc → node dist/a.js");
    scripts(r#""start": "node dist/a.js""#, PACKAGES, "Node program: node dist/a.js");
    scripts(r#""start": "tsx a.ts""#, PACKAGES, "Node program: tsx a.ts");
    scripts(r#""start": "tsx a.ts""#, "", "Node program: npm run start");
    scripts(r#""start": "node a.js", "prestart": "make""#, PACKAGES, "Node program: npm run start");
    scripts(r#""build": "tsc", "dev": """#, "", "");
    scripts(r#""start": "#, "", "package.json is not used (it is not JSON: expected value at line 1 column 22)");
    check("-- package.json --\n{\"dependencies\":{}}", "");
}

#[test]
fn a_bundler_is_left_to_watch_its_sources() {
    let settings = |dev: &str| {
        let folder = TestFolder::new(&format!("-- package.json --\n{{\"scripts\":{{\"dev\":\"{dev}\"}}}}"));
        detect(&Folder::new(folder.path())).app.and_then(|app| app.settings)
    };
    assert_eq!(settings("node server.js"), None);
    assert!(settings("vite").is_some_and(|globs| globs.iter().any(|glob| glob == "package.json")));
    assert!(settings("nodemon server.js").is_some());
}

#[test]
fn python_programs() {
    check("-- manage.py --\n", "Django project: python3 manage.py runserver --noreload 127.0.0.1:{port}");
    check("-- app.py --\nprint(1)\n", "Python program: python3 app.py");
    check("-- app.py --\n-- .venv/bin/python --\n", "Python program: .venv/bin/python app.py");
    check(
        "-- app.py --\nfrom flask import Flask\nweb = Flask(__name__)\n",
        "Flask application: python3 -m flask --app app:web run --no-reload --port {port}",
    );
    check("-- app.py --\napp = Flask(__name__)\nif __name__ == '__main__':\n    app.run()\n", "Python program: python3 app.py");
    check(
        "-- pyproject.toml --\n-- main.py --\napp = FastAPI()\n",
        "ASGI application: python3 -m uvicorn main:app --port {port}",
    );
    check("-- app/main.py --\napp = FastAPI()\n", "ASGI application: python3 -m uvicorn app.main:app --port {port}");
    check(
        "-- main.py --\napp = FastAPI()\nif __name__ == '__main__':\n    uvicorn.run(app)\n",
        "Python program: python3 main.py",
    );
    check("-- main.py --\nprint('Hello')\n", "");
    check(
        "-- pyproject.toml --\n-- main.py --\nprint('Hello')\n",
        "Python project without a program (pyproject.toml; there is no manage.py, no app.py and no application in main.py, \
         so `[app] run` has to say what to run)",
    );
}

#[test]
fn of_two_programs_one_is_run_and_the_other_named() {
    const ASSETS: &str = "-- package.json --\n{\"scripts\":{\"dev\":\"node x.js\"}}\n";
    const NOTE: &str = "Node program (package.json, script `dev`) is not run";
    check(
        &format!("{ASSETS}-- manage.py --\n"),
        &format!(
            "Django project: python3 manage.py runserver --noreload 127.0.0.1:{{port}}\n\
             {NOTE} (manage.py comes first; `[app] run` chooses another)"
        ),
    );
    check(
        &format!("{ASSETS}-- app.py --\n"),
        "Node program: node x.js\n\
         Python program (app.py) is not run (package.json, script `dev` comes first; `[app] run` chooses another)",
    );
    check("-- manage.py --\n-- app.py --\n", "Django project: python3 manage.py runserver --noreload 127.0.0.1:{port}");
}

#[test]
fn parts_of_a_site() {
    let parts = |files: &str| detect(&Folder::new(TestFolder::new(files).path())).site;
    let all = SiteFound { statics: true, templates: true, data: true, index: true };
    assert_eq!(parts("-- static/ --\n-- templates/ --\n-- data/ --\n-- index.html --\n"), all);
    assert!(parts("-- static --\n-- index.html/ --\n").is_empty());
}

#[test]
fn every_glob_can_be_compiled() {
    let folders = [
        "-- Cargo.toml --\n[package",
        "-- main.go --\npackage main",
        "-- package.json --\n{\"scripts\":{\"dev\":\"vite\"}}",
        "-- app.py --\n",
    ];
    for files in folders {
        let app = detect(&Folder::new(TestFolder::new(files).path())).app.unwrap();
        for glob in app.sources.iter().chain(&app.outputs).chain(app.settings.iter().flatten()) {
            assert!(globset::Glob::new(glob).is_ok(), "{glob}");
        }
    }
}
