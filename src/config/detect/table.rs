//! The table of what a folder can be: one row for each kind of program, the first that holds wins.
//!
//! Beside Rust, Go, Django, Rails, Java and .NET a `package.json` builds the assets; beside a server in a `package.json`, lone files of
//! other languages are tools. [`row`](super::row) says what the columns mean.

use super::{
    cargo::{self, MESSAGE_FORMAT},
    deno, dotnet, go, node, python,
    row::{Lacks, Need, Programs, ROW, Row},
};
use crate::config::AppKind;

/// Where a build of ours puts a program: out of sight, and in a folder that is never watched.
const PROGRAM: &str = ".everlit/bin/app";

/// What a Cargo package is built from. `templates/` is here because askama and its like compile it in.
const CARGO: &[&str] =
    &["**/*.rs", "**/Cargo.toml", "Cargo.lock", "rust-toolchain.toml", ".cargo/config.toml", "templates/**", "**/templates/**"];

/// What a server that compiles Rust itself does not see.
const CARGO_SETTINGS: &[&str] =
    &["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", ".cargo/config.toml", "{Trunk,Dioxus}.toml", ".env"];

/// What a Go program is built from, and what is commonly embedded in one or read by one.
const GO: &[&str] = &["**/*.go", "go.mod", "go.sum", "go.work", "**/*.tmpl", "**/*.gohtml", "templates/**", "**/templates/**"];

const JAVASCRIPT: &[&str] = &["**/*.{js,mjs,cjs,ts,mts,cts,jsx,tsx,json}", "package-lock.json", ".env", "**/views/**"];

/// Where bundlers keep what they make between two requests.
const BUNDLERS: &[&str] = &[".next", ".nuxt", ".svelte-kit", ".astro"];

const DENO: &[&str] = &["**/*.{js,mjs,ts,mts,jsx,tsx,json}", "deno.{json,jsonc,lock}", ".env"];

/// Where Deno listens when the program does not say it.
const DENO_ENV: &[(&str, &str)] = &[("DENO_SERVE_ADDRESS", "tcp:127.0.0.1:{port}")];

/// What a Python program is made of. Frameworks read templates once, so a changed one takes a restart.
const PYTHON: &[&str] =
    &["**/*.py", "pyproject.toml", "requirements*.txt", "{uv,poetry,Pipfile}.lock", ".env", "templates/**", "**/templates/**"];

const PYTHON_OUTPUTS: &[&str] = &["**/__pycache__", ".venv", "venv"];

/// Output into a pipe would wait until 8 KiB are there.
const PYTHON_ENV: (&str, &str) = ("PYTHONUNBUFFERED", "1");

const RUBY: &[&str] = &["**/*.rb", "config.ru", "Gemfile", "Gemfile.lock", ".env", "views/**", "**/*.{erb,haml,slim}"];

/// Files of Ruby programs that are run by their name.
const RUBY_FILES: &[&str] = &["app.rb", "server.rb", "main.rb"];

/// What PHP reads once. Its own files it reads anew for each request.
const PHP: &[&str] = &["composer.json", "composer.lock", ".env", ".env.*", "php.ini", ".user.ini"];
const PHP_REREADS: &[&str] = &["**/*.{php,phtml,inc,tpl,twig,latte,html}", "templates/**", "resources/views/**", "config/**"];
const PHP_OUTPUTS: &[&str] = &["vendor", "var/cache", "var/log", "storage/framework", "storage/logs", "bootstrap/cache"];

/// PHP's own server answers one request at a time unless it is told otherwise.
const PHP_ENV: &[(&str, &str)] = &[("PHP_CLI_SERVER_WORKERS", "4")];

const JAVA: &[&str] = &[
    "**/*.{java,kt,kts,groovy,scala}",
    "**/pom.xml",
    "**/*.gradle",
    "gradle.properties",
    "gradle/**",
    "**/src/main/resources/**",
];

/// What a server that compiles Java itself does not see.
const JAVA_SETTINGS: &[&str] = &["**/pom.xml", "**/*.{gradle,gradle.kts}", "gradle.properties", "gradle/**", ".env"];

const JAVA_OUTPUTS: &[&str] = &["**/target", "**/build", ".gradle"];

const GRADLE: &[&str] = &["build.gradle", "build.gradle.kts"];

const MAVEN_BUILD: &[&str] = &["{mvn}", "-q", "-B", "compile"];
/// A daemon would outlive the build, and the program would be its child instead of ours.
const GRADLE_BUILD: &[&str] = &["{gradle}", "-q", "--console=plain", "--no-daemon", "classes"];

/// Spring reads its port from here.
const SPRING_ENV: &[(&str, &str)] = &[("SERVER_PORT", "{port}")];

pub(super) static ROWS: [Row; 36] = [
    // Rust: development servers of frameworks first, which build two programs from one package.
    Row {
        what: "Leptos application",
        kind: AppKind::Cargo,
        needs: &[Need::Holds(&["Cargo.toml"], &["[package.metadata.leptos]", "[[workspace.metadata.leptos]]"])],
        run: &["cargo", "leptos", "watch"],
        env: &[("LEPTOS_SITE_ADDR", "127.0.0.1:{port}")],
        settings: Some(CARGO_SETTINGS),
        sources: CARGO,
        outputs: &["target"],
        ..ROW
    },
    Row {
        what: "Dioxus application",
        kind: AppKind::Cargo,
        needs: &[Need::File("Dioxus.toml"), Need::File("Cargo.toml")],
        run: &["dx", "serve", "--addr", "127.0.0.1", "--port", "{port}", "--open", "false", "--interactive", "false"],
        settings: Some(CARGO_SETTINGS),
        sources: CARGO,
        outputs: &["target", "dist"],
        ..ROW
    },
    Row {
        what: "Trunk application",
        kind: AppKind::Cargo,
        needs: &[Need::File("Trunk.toml"), Need::File("Cargo.toml")],
        run: &["trunk", "serve", "--address", "127.0.0.1", "--port", "{port}"],
        settings: Some(CARGO_SETTINGS),
        sources: CARGO,
        outputs: &["target", "dist"],
        ..ROW
    },
    Row {
        what: "Cargo package",
        kind: AppKind::Cargo,
        needs: &[Need::File("Cargo.toml")],
        programs: Programs::By(cargo::programs),
        build: &["cargo", "build", MESSAGE_FORMAT, "{program}"],
        sources: CARGO,
        outputs: &["target"],
        lacks: Lacks::Says("no package of it has a binary or an example"),
        ..ROW
    },
    // Go.
    Row {
        what: "Go module",
        kind: AppKind::Go,
        needs: &[Need::AnyFile(&["go.mod", "go.work"])],
        programs: Programs::By(go::programs),
        build: &["go", "build", "-o", PROGRAM, "{program}"],
        run: &[PROGRAM],
        sources: GO,
        lacks: Lacks::Says("neither the module's folder nor cmd/ nor a folder below has a `package main`"),
        ..ROW
    },
    Row {
        what: "Go program",
        kind: AppKind::Go,
        needs: &[Need::File("main.go"), Need::Lacks(&["go.mod", "go.work"])],
        programs: Programs::By(go::loose),
        build: &["go", "build", "-o", PROGRAM, "{program}"],
        run: &[PROGRAM],
        sources: GO,
        ..ROW
    },
    // Frameworks that keep a package.json for their assets.
    Row {
        what: "Django project",
        kind: AppKind::Python,
        needs: &[Need::File("manage.py")],
        // Its own reloader would restart it a second time, and drop requests.
        run: &["{python}", "manage.py", "runserver", "--noreload", "127.0.0.1:{port}"],
        env: &[PYTHON_ENV],
        sources: PYTHON,
        outputs: PYTHON_OUTPUTS,
        ..ROW
    },
    Row {
        what: "Rails application",
        kind: AppKind::Ruby,
        needs: &[Need::File("config/application.rb"), Need::File("Gemfile")],
        // With one file for all, the new server would take the old one for itself, and refuse to start.
        run: &["bundle", "exec", "rails", "server", "-b", "127.0.0.1", "-p", "{port}", "-P", "tmp/pids/everlit-{port}.pid"],
        sources: &["Gemfile", "Gemfile.lock", "config.ru", "config/**/*.{rb,yml}", "lib/**/*.rb", ".env*"],
        // It loads its own classes anew when they changed.
        rereads: &["app/**"],
        outputs: &["tmp", "log", "storage", "vendor/bundle"],
        ..ROW
    },
    Row {
        what: "Laravel application",
        kind: AppKind::Php,
        needs: &[Need::File("artisan")],
        run: &["php", "artisan", "serve", "--no-reload", "--host=127.0.0.1", "--port={port}"],
        env: PHP_ENV,
        sources: PHP,
        rereads: PHP_REREADS,
        outputs: PHP_OUTPUTS,
        ..ROW
    },
    // Java: development servers of frameworks first, which compile and reload by themselves.
    Row {
        what: "Quarkus application",
        kind: AppKind::Java,
        needs: &[Need::Holds(&["pom.xml"], &["quarkus-maven-plugin"])],
        run: &["{mvn}", "-B", "quarkus:dev", "-Dquarkus.http.port={port}", "-Ddebug=false", "-Dquarkus.console.enabled=false"],
        settings: Some(JAVA_SETTINGS),
        sources: JAVA,
        outputs: JAVA_OUTPUTS,
        ..ROW
    },
    Row {
        what: "Quarkus application built by Gradle",
        kind: AppKind::Java,
        needs: &[Need::Holds(GRADLE, &["io.quarkus"])],
        run: &["{gradle}", "--console=plain", "--no-daemon", "quarkusDev", "-Dquarkus.http.port={port}", "-Ddebug=false"],
        settings: Some(JAVA_SETTINGS),
        sources: JAVA,
        outputs: JAVA_OUTPUTS,
        ..ROW
    },
    Row {
        what: "Spring Boot application",
        kind: AppKind::Java,
        needs: &[Need::Holds(&["pom.xml"], &["spring-boot-maven-plugin"])],
        build: MAVEN_BUILD,
        run: &["{mvn}", "-q", "-B", "spring-boot:run"],
        env: SPRING_ENV,
        sources: JAVA,
        outputs: JAVA_OUTPUTS,
        ..ROW
    },
    Row {
        what: "Spring Boot application built by Gradle",
        kind: AppKind::Java,
        needs: &[Need::Holds(GRADLE, &["org.springframework.boot"])],
        build: GRADLE_BUILD,
        run: &["{gradle}", "-q", "--console=plain", "--no-daemon", "bootRun"],
        env: SPRING_ENV,
        sources: JAVA,
        outputs: JAVA_OUTPUTS,
        ..ROW
    },
    Row {
        what: "Micronaut application",
        kind: AppKind::Java,
        needs: &[Need::Holds(&["pom.xml"], &["micronaut-maven-plugin"])],
        build: MAVEN_BUILD,
        run: &["{mvn}", "-q", "-B", "mn:run", "-Dmn.watch=false"],
        env: &[("MICRONAUT_SERVER_PORT", "{port}")],
        sources: JAVA,
        outputs: JAVA_OUTPUTS,
        ..ROW
    },
    Row {
        what: "Jetty application",
        kind: AppKind::Java,
        needs: &[Need::Holds(&["pom.xml"], &["jetty-maven-plugin", "jetty-ee10-maven-plugin"])],
        build: MAVEN_BUILD,
        run: &["{mvn}", "-q", "-B", "jetty:run", "-Djetty.http.port={port}"],
        sources: JAVA,
        outputs: JAVA_OUTPUTS,
        ..ROW
    },
    Row {
        what: "Maven project",
        kind: AppKind::Java,
        needs: &[Need::Holds(&["pom.xml"], &["exec-maven-plugin"])],
        build: MAVEN_BUILD,
        run: &["{mvn}", "-q", "-B", "exec:java"],
        sources: JAVA,
        outputs: JAVA_OUTPUTS,
        ..ROW
    },
    Row {
        what: "Maven project",
        kind: AppKind::Java,
        needs: &[Need::File("pom.xml")],
        programs: Programs::Never,
        lacks: Lacks::Says(
            "it has no plugin that runs it (spring-boot, quarkus, micronaut, jetty or exec), so `[app] run` has to say what to run",
        ),
        ..ROW
    },
    Row {
        what: "Gradle project",
        kind: AppKind::Java,
        needs: &[Need::Holds(
            GRADLE,
            &[
                "'application'",
                "\"application\"",
                " application\n",
                "\tapplication\n",
                "io.ktor.plugin",
                "io.micronaut.application",
            ],
        )],
        build: GRADLE_BUILD,
        run: &["{gradle}", "-q", "--console=plain", "--no-daemon", "run"],
        env: &[("MICRONAUT_SERVER_PORT", "{port}")],
        sources: JAVA,
        outputs: JAVA_OUTPUTS,
        ..ROW
    },
    Row {
        what: "Gradle project",
        kind: AppKind::Java,
        needs: &[Need::AnyFile(GRADLE)],
        programs: Programs::Never,
        lacks: Lacks::Says(
            "it has no plugin that runs it (application, spring-boot, quarkus or ktor), so `[app] run` has to say what to run",
        ),
        ..ROW
    },
    // .NET.
    Row {
        what: ".NET project",
        kind: AppKind::DotNet,
        needs: &[Need::Ending(&[".csproj", ".fsproj", ".vbproj", ".sln", ".slnx"])],
        programs: Programs::By(dotnet::programs),
        build: &["dotnet", "build", "--nologo", "-v", "quiet", "{program}"],
        run: &["dotnet", "run", "--no-build", "--no-launch-profile", "--project", "{program}"],
        env: &[("ASPNETCORE_URLS", "http://127.0.0.1:{port}"), ("ASPNETCORE_ENVIRONMENT", "Development")],
        sources: &["**/*.{cs,fs,vb,csproj,fsproj,vbproj,razor,cshtml,props,targets}", "**/appsettings*.json", "global.json"],
        outputs: &["**/bin", "**/obj"],
        lacks: Lacks::Says("no project of it is a program"),
        ..ROW
    },
    // JavaScript.
    Row {
        what: "Deno program",
        kind: AppKind::Deno,
        needs: &[Need::AnyFile(&["deno.json", "deno.jsonc", "deno.lock"])],
        programs: Programs::By(deno::programs),
        env: DENO_ENV,
        sources: DENO,
        lacks: Lacks::Says(
            "it has no task `dev` or `start`, and no main.ts or server.ts serves, so `[app] run` has to say what to run",
        ),
        ..ROW
    },
    Row {
        what: "Node program",
        kind: AppKind::Node,
        needs: &[Need::File("package.json")],
        programs: Programs::By(node::programs),
        sources: JAVASCRIPT,
        outputs: BUNDLERS,
        search_first: &[node::COMMANDS],
        lacks: Lacks::By(node::lacking),
        ..ROW
    },
    Row {
        what: "Bun program",
        kind: AppKind::Node,
        needs: &[Need::AnyFile(&["bun.lock", "bun.lockb", "bunfig.toml", "package.json"])],
        programs: Programs::First(&["index.ts", "server.ts", "src/index.ts", "index.js", "index.tsx"], &["Bun.serve"]),
        run: &["bun", "run", "{program}"],
        sources: JAVASCRIPT,
        outputs: BUNDLERS,
        ..ROW
    },
    Row {
        what: "Deno program",
        kind: AppKind::Deno,
        needs: &[Need::Holds(&["main.ts", "server.ts", "mod.ts", "main.js"], &["Deno.serve"]), Need::Lacks(&["package.json"])],
        programs: Programs::By(deno::programs),
        env: DENO_ENV,
        sources: DENO,
        ..ROW
    },
    // Python.
    Row {
        what: "ASGI application",
        kind: AppKind::Python,
        programs: Programs::By(python::asgi),
        run: &["{python}", "-m", "uvicorn", "{program}", "--port", "{port}"],
        env: &[PYTHON_ENV],
        sources: PYTHON,
        outputs: PYTHON_OUTPUTS,
        ..ROW
    },
    Row {
        what: "Flask application",
        kind: AppKind::Python,
        programs: Programs::By(python::flask),
        // With its debugger, and without its reloader: that would restart it a second time.
        run: &["{python}", "-m", "flask", "--app", "{program}", "run", "--no-reload", "--port", "{port}"],
        env: &[PYTHON_ENV, ("FLASK_DEBUG", "1")],
        sources: PYTHON,
        outputs: PYTHON_OUTPUTS,
        ..ROW
    },
    Row {
        what: "Python program",
        kind: AppKind::Python,
        programs: Programs::By(python::files),
        run: &["{python}", "{program}"],
        env: &[PYTHON_ENV],
        sources: PYTHON,
        outputs: PYTHON_OUTPUTS,
        ..ROW
    },
    Row {
        what: "Python project",
        kind: AppKind::Python,
        needs: &[Need::File("pyproject.toml")],
        programs: Programs::Never,
        lacks: Lacks::Says(
            "there is no manage.py, no app.py and no application in main.py, so `[app] run` has to say what to run",
        ),
        ..ROW
    },
    // Ruby.
    Row {
        what: "Rack application",
        kind: AppKind::Ruby,
        needs: &[Need::File("config.ru"), Need::Holds(&["Gemfile"], &["puma"])],
        run: &["bundle", "exec", "puma", "-b", "tcp://127.0.0.1:{port}"],
        sources: RUBY,
        outputs: &["tmp", "log", "vendor/bundle"],
        ..ROW
    },
    Row {
        what: "Rack application",
        kind: AppKind::Ruby,
        needs: &[Need::File("config.ru")],
        run: &["{bundle}", "rackup", "-o", "127.0.0.1", "-p", "{port}"],
        sources: RUBY,
        outputs: &["tmp", "log", "vendor/bundle"],
        ..ROW
    },
    Row {
        what: "Sinatra application",
        kind: AppKind::Ruby,
        programs: Programs::First(RUBY_FILES, &["require 'sinatra", "require \"sinatra"]),
        run: &["{bundle}", "ruby", "{program}", "-o", "127.0.0.1", "-p", "{port}"],
        sources: RUBY,
        outputs: &["tmp", "log", "vendor/bundle"],
        ..ROW
    },
    Row {
        what: "Ruby program",
        kind: AppKind::Ruby,
        programs: Programs::First(RUBY_FILES, &["WEBrick", "TCPServer", "Rack", "Roda", "Puma"]),
        run: &["{bundle}", "ruby", "{program}"],
        sources: RUBY,
        outputs: &["tmp", "log", "vendor/bundle"],
        ..ROW
    },
    // PHP.
    Row {
        what: "PHP application",
        kind: AppKind::Php,
        needs: &[Need::File("public/index.php")],
        run: &["php", "-S", "127.0.0.1:{port}", "-t", "public"],
        env: PHP_ENV,
        sources: PHP,
        rereads: PHP_REREADS,
        outputs: PHP_OUTPUTS,
        ..ROW
    },
    Row {
        what: "PHP application",
        kind: AppKind::Php,
        needs: &[Need::File("web/index.php")],
        run: &["php", "-S", "127.0.0.1:{port}", "-t", "web"],
        env: PHP_ENV,
        sources: PHP,
        rereads: PHP_REREADS,
        outputs: PHP_OUTPUTS,
        ..ROW
    },
    Row {
        what: "PHP pages",
        kind: AppKind::Php,
        needs: &[Need::File("index.php")],
        run: &["php", "-S", "127.0.0.1:{port}", "-t", "."],
        env: PHP_ENV,
        sources: PHP,
        rereads: PHP_REREADS,
        outputs: PHP_OUTPUTS,
        ..ROW
    },
    // A lone file of Java.
    Row {
        what: "Java program",
        kind: AppKind::Java,
        needs: &[Need::Lacks(&["pom.xml", "build.gradle", "build.gradle.kts"])],
        programs: Programs::First(&["Main.java", "App.java", "Server.java"], &["void main("]),
        run: &["java", "{program}"],
        sources: JAVA,
        ..ROW
    },
];
