use super::*;
use crate::config::fixture::TestFolder;

/// `build → run` of the program found in a folder, or the names of several; then the notes, a line each.
fn shown(files: &str, wanted: Option<&Wanted>) -> String {
    let folder = TestFolder::new(files);
    let found = detect(&Folder::new(folder.path()), wanted);
    let app = found.app.as_ref().map(|app| format!("{}: {}", app.words.what, commands(app)));
    let several = found.undecided.map(|several| format!("{}: {}?", several.what, several.names.join(" or ")));
    let notes = found.notes.iter().map(|note| format!("{} ({})", note.what, note.why));
    app.into_iter().chain(several).chain(notes).collect::<Vec<_>>().join("\n")
}

fn commands(app: &AppFound) -> String {
    let run = match &app.run {
        Run::Command(command) => command.to_string(),
        Run::BuiltExecutable => "what it built".to_owned(),
    };
    app.build.iter().map(|build| format!("{build} → ")).collect::<String>() + &run
}

fn check(files: &str, expected: &str) {
    assert_eq!(shown(files, None), expected, "{files}");
}

fn check_asked(name: &str, files: &str, expected: &str) {
    assert_eq!(shown(files, Some(&Wanted::Named(name.to_owned()))), expected, "{files}");
}

const CARGO: &str = "cargo build --message-format=json-diagnostic-rendered-ansi";

const GO: &str = "go build -o .everlit/bin/app";

/// Each row of the table: the files it is found by, and what comes of them.
const ROWS: [(&str, &str); 35] = [
    (
        "-- Cargo.toml --\n[package]\nname = \"a\"\n[package.metadata.leptos]\nsite-addr = \"x\"\n-- src/main.rs --\n",
        "Leptos application: cargo leptos watch",
    ),
    (
        "-- Dioxus.toml --\n-- Cargo.toml --\n[package]\nname = \"a\"\n-- src/main.rs --\n",
        "Dioxus application: dx serve --addr 127.0.0.1 --port {port} --open false --interactive false",
    ),
    (
        "-- Trunk.toml --\n-- Cargo.toml --\n[package]\nname = \"a\"\n-- src/main.rs --\n",
        "Trunk application: trunk serve --address 127.0.0.1 --port {port}",
    ),
    (
        "-- Cargo.toml --\n[package]\nname = \"a\"\n-- src/main.rs --\n",
        "Cargo package: cargo build --message-format=json-diagnostic-rendered-ansi → what it built",
    ),
    ("-- go.mod --\n-- a.go --\npackage main\n", "Go module: go build -o .everlit/bin/app . → .everlit/bin/app"),
    ("-- main.go --\npackage main\n", "Go program: go build -o .everlit/bin/app main.go → .everlit/bin/app"),
    ("-- manage.py --\n", "Django project: python3 manage.py runserver --noreload 127.0.0.1:{port}"),
    (
        "-- Gemfile --\n-- config/application.rb --\n-- config.ru --\n-- package.json --\n",
        "Rails application: bundle exec rails server -b 127.0.0.1 -p {port} -P tmp/pids/everlit-{port}.pid\n\
         package.json is not used (it is not JSON: EOF while parsing a value at line 1 column 0)",
    ),
    (
        "-- artisan --\n-- public/index.php --\n",
        "Laravel application: php artisan serve --no-reload --host=127.0.0.1 --port={port}",
    ),
    (
        "-- pom.xml --\n<artifactId>quarkus-maven-plugin</artifactId>\n-- mvnw --\n",
        "Quarkus application: ./mvnw -B quarkus:dev -Dquarkus.http.port={port} -Ddebug=false -Dquarkus.console.enabled=false",
    ),
    (
        "-- build.gradle --\nplugins { id 'io.quarkus' }\n",
        "Quarkus application built by Gradle: gradle --console=plain --no-daemon quarkusDev -Dquarkus.http.port={port} \
         -Ddebug=false",
    ),
    (
        "-- pom.xml --\n<artifactId>spring-boot-maven-plugin</artifactId>\n",
        "Spring Boot application: mvn -q -B compile → mvn -q -B spring-boot:run",
    ),
    (
        "-- build.gradle.kts --\nplugins { id(\"org.springframework.boot\") }\n-- gradlew --\n",
        "Spring Boot application built by Gradle: ./gradlew -q --console=plain --no-daemon classes → \
         ./gradlew -q --console=plain --no-daemon bootRun",
    ),
    (
        "-- pom.xml --\n<artifactId>micronaut-maven-plugin</artifactId>\n",
        "Micronaut application: mvn -q -B compile → mvn -q -B mn:run -Dmn.watch=false",
    ),
    (
        "-- pom.xml --\n<artifactId>jetty-maven-plugin</artifactId>\n",
        "Jetty application: mvn -q -B compile → mvn -q -B jetty:run -Djetty.http.port={port}",
    ),
    ("-- pom.xml --\n<artifactId>exec-maven-plugin</artifactId>\n", "Maven project: mvn -q -B compile → mvn -q -B exec:java"),
    (
        "-- pom.xml --\n<project/>\n",
        "Maven project without a program (pom.xml; it has no plugin that runs it (spring-boot, quarkus, micronaut, jetty or exec), \
         so `[app] run` has to say what to run)",
    ),
    (
        "-- build.gradle --\nplugins {\n    id 'application'\n}\n",
        "Gradle project: gradle -q --console=plain --no-daemon classes → gradle -q --console=plain --no-daemon run",
    ),
    (
        "-- build.gradle --\nplugins { id 'java-library' }\n",
        "Gradle project without a program (build.gradle; it has no plugin that runs it (application, spring-boot, quarkus or ktor), \
         so `[app] run` has to say what to run)",
    ),
    (
        "-- web.csproj --\n<Project Sdk=\"Microsoft.NET.Sdk.Web\">\n",
        ".NET project: dotnet build --nologo -v quiet web.csproj → \
         dotnet run --no-build --no-launch-profile --project web.csproj",
    ),
    ("-- deno.json --\n{\"tasks\":{\"dev\":\"deno run -A main.ts\"}}\n", "Deno program: deno task dev"),
    ("-- package.json --\n{\"scripts\":{\"dev\":\"node x.js\"}}\n", "Node program: node x.js"),
    ("-- bun.lock --\n-- index.ts --\nBun.serve({ fetch })\n", "Bun program: bun run index.ts"),
    ("-- main.ts --\nDeno.serve(() => new Response())\n", "Deno program: deno run -A main.ts"),
    ("-- main.py --\napp = FastAPI()\n", "ASGI application: python3 -m uvicorn main:app --port {port}"),
    ("-- app.py --\napp = Flask(__name__)\n", "Flask application: python3 -m flask --app app:app run --no-reload --port {port}"),
    ("-- app.py --\nprint(1)\n", "Python program: python3 app.py"),
    (
        "-- pyproject.toml --\n",
        "Python project without a program (pyproject.toml; there is no manage.py, no app.py and no application in main.py, \
         so `[app] run` has to say what to run)",
    ),
    ("-- config.ru --\n-- Gemfile --\ngem \"puma\"\n", "Rack application: bundle exec puma -b tcp://127.0.0.1:{port}"),
    ("-- config.ru --\n", "Rack application: rackup -o 127.0.0.1 -p {port}"),
    ("-- app.rb --\nrequire 'sinatra'\n", "Sinatra application: ruby app.rb -o 127.0.0.1 -p {port}"),
    ("-- Gemfile --\n-- server.rb --\nWEBrick::HTTPServer.new\n", "Ruby program: bundle exec ruby server.rb"),
    ("-- public/index.php --\n-- index.php --\n", "PHP application: php -S 127.0.0.1:{port} -t public"),
    ("-- web/index.php --\n", "PHP application: php -S 127.0.0.1:{port} -t web"),
    ("-- index.php --\n", "PHP pages: php -S 127.0.0.1:{port} -t ."),
];

/// The last row, for which the files of others must be absent.
const JAVA: (&str, &str) = ("-- Main.java --\nvoid main() {}\n", "Java program: java Main.java");

#[test]
fn each_row_is_found_by_its_files() {
    assert_eq!(ROWS.len() + 1, table::ROWS.len(), "a row without a case");
    for ((files, expected), row) in ROWS.iter().chain([&JAVA]).zip(&table::ROWS) {
        check(files, expected);
        assert!(expected.starts_with(row.what), "the cases stand in the order of the table: {expected}");
        let folder = TestFolder::new(files);
        assert!(row.applies(&Folder::new(folder.path())), "{expected}");
    }
}

#[test]
fn every_glob_can_be_compiled() {
    for row in &table::ROWS {
        let settings = row.settings.into_iter().flatten();
        for glob in row.sources.iter().chain(row.rereads).chain(row.outputs).chain(settings) {
            assert!(globset::Glob::new(glob).is_ok(), "{glob}");
        }
    }
}

#[test]
fn cargo_packages() {
    const PACKAGE: &str = "-- Cargo.toml --\n[package]\nname = \"shop\"\n";
    const LISTENS: &str = "axum::serve(listener, app)\n";
    let package = |rest: &str, expected: &str| check(&format!("{PACKAGE}{rest}"), expected);
    let built = |options: &str| format!("Cargo package: {CARGO}{options} → what it built");
    package("-- src/bin/one.rs --\n", &built(""));
    package("-- src/bin/one/main.rs --\n", &built(""));
    package("[[bin]]\nname = \"x\"\npath = \"x.rs\"\n-- x.rs --\n", &built(""));
    package("[[bin]]\nname = \"x\"\npath = \"src/main.rs\"\n-- src/main.rs --\n", &built(""));
    package("default-run = \"two\"\n-- src/main.rs --\n-- src/bin/two.rs --\n", &built(" --bin two"));
    package("-- src/main.rs --\n-- src/bin/two.rs --\n", &built(" --bin shop"));
    package(&format!("-- src/bin/one.rs --\n-- src/bin/two.rs --\n{LISTENS}"), &built(" --bin two"));
    package(&format!("-- src/main.rs --\n-- src/bin/two.rs --\n{LISTENS}"), "Cargo package: shop or two?");
    package("-- src/bin/one.rs --\n-- src/bin/two.rs --\n", "Cargo package: one or two?");
    const NONE: &str = "Cargo package without a program (Cargo.toml; no package of it has a binary or an example)";
    package("-- src/lib.rs --\n", NONE);
    package("autobins = false\n-- src/main.rs --\n", NONE);
    check("-- Cargo.toml --\n[package\n", &built(""));
    check_asked("two", &format!("{PACKAGE}-- src/main.rs --\n-- src/bin/two.rs --\n"), &built(" --bin two"));
    check_asked("three", &format!("{PACKAGE}-- src/main.rs --\n-- src/bin/two.rs --\n"), "");
}

#[test]
fn cargo_examples_show_a_library() {
    let library = |rest: &str, expected: &str| {
        check(&format!("-- Cargo.toml --\n[package]\nname = \"shop\"\n-- src/lib.rs --\n{rest}"), expected);
    };
    let example = |name: &str| format!("Cargo example: {CARGO} --example {name} → what it built");
    library("-- examples/show.rs --\n", &example("show"));
    library("-- examples/a.rs --\n-- examples/b/main.rs --\nlet x = TcpListener::bind(a)\n", &example("b"));
    library("-- examples/a.rs --\n-- examples/b.rs --\n", "Cargo package: a or b?");
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
    workspace("members = [\"crates/*\"]", tool, "Cargo package: tool or shop-web?");
    workspace(
        "members = [\"crates/*\"]",
        &format!("{tool}HttpServer::new(app)\n"),
        &format!("Cargo workspace: {CARGO} --package tool → what it built"),
    );
    workspace(
        "members = [\"crates/core\"]",
        "",
        "Cargo package without a program (Cargo.toml; no package of it has a binary or an example)",
    );
    workspace("members = [\"crates/*\"]\n[package]\nname = \"root\"", "-- src/lib.rs --\n", &one);
}

const MAIN: &str = "package main\nfunc main() {}\n";

#[test]
fn go_programs() {
    let module = |package: &str| format!("Go module: {GO} {package} → .everlit/bin/app");
    check(
        &format!("-- main.go --\n{MAIN}-- more.go --\npackage main\n-- more_test.go --\npackage main\n"),
        &format!("Go program: {GO} main.go more.go → .everlit/bin/app"),
    );
    check(&format!("-- server.go --\n{MAIN}"), "");
    check(
        &format!("-- go.mod --\n-- lib.go --\npackage lib\n-- cmd/web/main.go --\n{MAIN}-- cmd/README --\n"),
        &module("./cmd/web"),
    );
    check(&format!("-- go.mod --\n-- main.go --\n{MAIN}-- cmd/tool/main.go --\n{MAIN}"), &module("."));
    check(&format!("-- go.mod --\n-- server/main.go --\n{MAIN}-- testdata/main.go --\n{MAIN}"), &module("./server"));
    const TWO: &str = "-- cmd/api/main.go --\npackage main\n-- cmd/worker/w.go --\npackage main\n";
    check(&format!("-- go.mod --\n{TWO}"), "Go module: api or worker?");
    check(&format!("-- go.mod --\nmodule example.com/worker/v2\n{TWO}"), &module("./cmd/worker"));
    check(&format!("-- go.mod --\n{TWO}http.ListenAndServe(a, nil)\n"), &module("./cmd/worker"));
    check(&format!("-- go.mod --\nmodule api\n{TWO}http.ListenAndServe(a, nil)\n"), "Go module: api or worker?");
    check_asked("worker", &format!("-- go.mod --\n{TWO}"), &module("./cmd/worker"));
    check_asked("tool", &format!("-- go.mod --\n-- main.go --\n{MAIN}-- cmd/tool/main.go --\n{MAIN}"), &module("./cmd/tool"));
    check(
        "-- go.mod --\n-- gen.go --\n//go:build ignore\n\npackage main\n",
        "Go module without a program (go.mod; neither the module's folder nor cmd/ nor a folder below has a `package main`)",
    );
}

#[test]
fn go_workspaces() {
    let workspace = |uses: &str, rest: &str, expected: &str| check(&format!("-- go.work --\ngo 1.22\n{uses}\n{rest}"), expected);
    let module = |package: &str| format!("Go module: {GO} {package} → .everlit/bin/app");
    let members = format!("-- api/go.mod --\n-- api/main.go --\n{MAIN}-- lib/go.mod --\n-- lib/lib.go --\npackage lib\n");
    workspace("use (\n\t./api // the service\n\t./lib\n)", &members, &module("./api"));
    workspace("use ./api", &members, &module("./api"));
    let nested = format!("{members}-- tools/go.mod --\n-- tools/cmd/gen/main.go --\n{MAIN}");
    workspace("use (\n./api\n./tools\n)", &nested, "Go module: api or gen?");
    workspace(
        "use ../elsewhere",
        "",
        "Go module without a program (go.work; neither the module's folder nor cmd/ nor a folder below has a `package main`)",
    );
}

#[test]
fn go_files_inside_a_module_are_built_by_folder() {
    let outer = TestFolder::new("-- go.mod --\n-- web/main.go --\npackage main\n");
    let found = detect(&Folder::new(outer.path().join("web")), None);
    assert_eq!(commands(&found.app.unwrap()), "go build -o .everlit/bin/app . → .everlit/bin/app");
}

#[test]
fn embedded_folders_are_sources() {
    let files = format!("-- go.mod --\n-- cmd/web/main.go --\n{MAIN}//go:embed pages\n-- assets/a.go --\n//go:embed css\n");
    let folder = TestFolder::new(&files);
    let sources = detect(&Folder::new(folder.path()), None).app.unwrap().sources;
    for glob in ["cmd/web/pages/**", "assets/css"] {
        assert!(sources.iter().any(|source| source == glob), "{glob} in {sources:?}");
    }
}

#[test]
fn node_programs() {
    let scripts = |scripts: &str, rest: &str, expected: &str| {
        check(&format!("-- package.json --\n{{\"scripts\":{{{scripts}}}}}\n{rest}"), expected);
    };
    const PACKAGES: &str = "-- node_modules/.bin/ --\n";
    scripts(r#""start": "node a.js", "dev": "nodemon a.js""#, PACKAGES, "Node program: node a.js");
    scripts(r#""start": "nodemon a.js", "dev": "nodemon b.js""#, PACKAGES, "Node program: nodemon b.js");
    scripts(r#""start": "node a.js", "dev": "vite""#, PACKAGES, "Node program: vite");
    scripts(r#""start": "node a.js", "dev": "node b.js""#, "", "Node program: node b.js");
    scripts(r#""start": "node dist/a.js", "dev": "tsx watch a.ts""#, PACKAGES, "Node program: tsx watch a.ts");
    scripts(r#""start": "node dist/a.js", "build": "tsc""#, PACKAGES, "Node program: tsc → node dist/a.js");
    scripts(r#""start": "node dist/a.js""#, PACKAGES, "Node program: node dist/a.js");
    scripts(r#""start": "tsx a.ts""#, PACKAGES, "Node program: tsx a.ts");
    scripts(r#""start": "bun a.ts""#, "", "Node program: bun a.ts");
    scripts(r#""start": "node a.js", "prestart": "make""#, PACKAGES, "Node program: npm run start");
    scripts(r#""build": "tsc", "dev": """#, "", "");
    scripts(r#""build": "tsc""#, "-- server.js --\n", "Node program: node server.js");
    scripts(r#""start": "#, "", "package.json is not used (it is not JSON: expected value at line 1 column 22)");
    check("-- package.json --\n{\"dependencies\":{}}", "");
    check_asked(
        "admin",
        "-- package.json --\n{\"scripts\":{\"dev\":\"vite\",\"admin\":\"node x.js\"}}",
        "Node program: node x.js",
    );
}

#[test]
fn a_script_is_run_by_the_package_manager_of_the_project() {
    let script = |manifest: &str, rest: &str, expected: &str| {
        check(&format!("-- package.json --\n{{\"scripts\":{{\"dev\":\"tsx a.ts\"}}{manifest}}}\n{rest}"), expected);
    };
    script("", "", "Node program: npm run dev");
    script("", "-- package-lock.json --\n", "Node program: npm run dev");
    script("", "-- pnpm-lock.yaml --\n", "Node program: pnpm run dev");
    script("", "-- yarn.lock --\n", "Node program: yarn run dev");
    script("", "-- bun.lock --\n", "Node program: bun run dev");
    script("", "-- bun.lockb --\n", "Node program: bun run dev");
    script(r#","packageManager":"pnpm@9.1.0""#, "-- package-lock.json --\n", "Node program: pnpm run dev");
    let repository = TestFolder::new(
        "-- .git/HEAD --\n-- pnpm-lock.yaml --\n-- apps/web/package.json --\n{\"scripts\":{\"dev\":\"tsx a.ts\"}}\n",
    );
    let found = detect(&Folder::new(repository.path().join("apps/web")), None);
    assert_eq!(commands(&found.app.unwrap()), "pnpm run dev");
}

#[test]
fn a_server_that_reloads_itself_is_left_to_watch_its_sources() {
    let settings = |files: &str| {
        let folder = TestFolder::new(files);
        detect(&Folder::new(folder.path()), None).app.and_then(|app| app.settings)
    };
    let script = |dev: &str| settings(&format!("-- package.json --\n{{\"scripts\":{{\"dev\":\"{dev}\"}}}}"));
    assert_eq!(script("node server.js"), None);
    assert!(script("vite").is_some_and(|globs| globs.iter().any(|glob| glob == "package.json")));
    // Which it starts itself anew for.
    assert!(script("vite").is_some_and(|globs| !globs.iter().any(|glob| glob.contains("config") || glob == ".env")));
    assert!(script("webpack serve").is_some_and(|globs| globs.iter().any(|glob| glob == ".env")));
    assert!(script("nodemon server.js").is_some());
    assert!(settings("-- deno.json --\n{\"tasks\":{\"dev\":\"deno run --watch a.ts\"}}").is_some());
    assert!(settings("-- pom.xml --\nquarkus-maven-plugin").is_some());
    assert_eq!(settings("-- pom.xml --\nspring-boot-maven-plugin"), None);
}

#[test]
fn deno_programs() {
    check(
        "-- deno.jsonc --\n{\n  // for development\n  \"tasks\": { \"dev\": \"deno run a.ts\", },\n}\n",
        "Deno program: deno task dev",
    );
    check(
        "-- deno.json --\n{\"tasks\":{\"dev\":\"deno run --watch a.ts\",\"start\":{\"command\":\"deno run a.ts\"}}}",
        "Deno program: deno task start",
    );
    check(
        "-- deno.json --\n{}\n-- main.ts --\nexport default { fetch() {} };\n",
        "Deno program: deno serve -A --host 127.0.0.1 --port {port} main.ts",
    );
    check(
        "-- deno.json --\n{}\n",
        "Deno program without a program (deno.json; it has no task `dev` or `start`, and no main.ts or server.ts serves, \
         so `[app] run` has to say what to run)",
    );
    check_asked(
        "api",
        "-- deno.json --\n{\"tasks\":{\"dev\":\"vite\",\"api\":\"deno run a.ts\"}}",
        "Deno program: deno task api",
    );
}

#[test]
fn python_programs() {
    check("-- app.py --\n-- .venv/bin/python --\n", "Python program: .venv/bin/python app.py");
    check("-- app.py --\n-- uv.lock --\n", "Python program: uv run python app.py");
    check("-- app.py --\napp = Flask(__name__)\nif __name__ == '__main__':\n    app.run()\n", "Python program: python3 app.py");
    check("-- app/main.py --\napp = FastAPI()\n", "ASGI application: python3 -m uvicorn app.main:app --port {port}");
    check("-- asgi.py --\napp = Starlette()\n", "ASGI application: python3 -m uvicorn asgi:app --port {port}");
    check(
        "-- main.py --\napp = FastAPI()\nif __name__ == '__main__':\n    uvicorn.run(app)\n",
        "Python program: python3 main.py",
    );
    check("-- server.py --\nHTTPServer(('', 80), Handler)\n", "Python program: python3 server.py");
    check("-- main.py --\nprint('Hello')\n", "");
    check("-- manage.py --\n-- pyproject.toml --\n", "Django project: python3 manage.py runserver --noreload 127.0.0.1:{port}");
    check_asked(
        "server.py",
        "-- app.py --\n-- server.py --\nHTTPServer(('', 80), Handler)\n",
        "Python program: python3 server.py",
    );
}

#[test]
fn dotnet_programs() {
    const WEB: &str = "<Project Sdk=\"Microsoft.NET.Sdk.Web\">\n";
    const TOOL: &str = "<Project Sdk=\"Microsoft.NET.Sdk\"><OutputType>Exe</OutputType>\n";
    let run = |file: &str| {
        format!(
            ".NET project: dotnet build --nologo -v quiet {file} → dotnet run --no-build --no-launch-profile --project {file}"
        )
    };
    check(&format!("-- a.sln --\n-- src/Web/Web.csproj --\n{WEB}-- src/Lib/Lib.csproj --\n"), &run("src/Web/Web.csproj"));
    check(&format!("-- a.sln --\n-- Web/Web.csproj --\n{WEB}-- Tool/Tool.csproj --\n{TOOL}"), &run("Web/Web.csproj"));
    check(&format!("-- a.sln --\n-- A/A.csproj --\n{WEB}-- B/B.fsproj --\n{WEB}"), ".NET project: A or B?");
    check("-- a.sln --\n", ".NET project without a program (a.sln; no project of it is a program)");
}

#[test]
fn of_two_programs_one_is_run_and_the_other_named() {
    const ASSETS: &str = "-- package.json --\n{\"scripts\":{\"dev\":\"node x.js\"}}\n";
    const NOTE: &str = "Node program (package.json, script `dev`) is not run";
    check(
        &format!("{ASSETS}-- manage.py --\n"),
        &format!(
            "Django project: python3 manage.py runserver --noreload 127.0.0.1:{{port}}\n\
             {NOTE} (manage.py comes first; `[app] program` or `[app] run` chooses another)"
        ),
    );
    check(
        &format!("{ASSETS}-- app.py --\n"),
        "Node program: node x.js\n\
         Python program (app.py) is not run (package.json, script `dev` comes first; `[app] program` or `[app] run` chooses another)",
    );
    check("-- manage.py --\n-- app.py --\n", "Django project: python3 manage.py runserver --noreload 127.0.0.1:{port}");
    check(
        &format!("{ASSETS}-- go.mod --\n-- cmd/a/a.go --\n{MAIN}-- cmd/b/b.go --\n{MAIN}"),
        &format!("Go module: a or b?\n{NOTE} (Go module comes first; `[app] program` or `[app] run` chooses another)"),
    );
    check_asked("dev", &format!("{ASSETS}-- manage.py --\n"), "Node program: node x.js");
}

#[test]
fn nothing_is_run_when_that_is_asked_for() {
    assert_eq!(shown("-- manage.py --\n", Some(&Wanted::Nothing)), "");
}

#[test]
fn parts_of_a_site() {
    let parts = |files: &str| detect(&Folder::new(TestFolder::new(files).path()), None).site;
    let all = SiteFound { statics: true, templates: true, data: true, index: true };
    assert_eq!(parts("-- static/ --\n-- templates/ --\n-- data/ --\n-- index.html --\n"), all);
    assert!(parts("-- static --\n-- index.html/ --\n").is_empty());
}
