//! Each kind of file has its message, and each save exactly one.

use std::{
    process::Command,
    time::{Duration, SystemTime},
};

use http::Method;
use serde_json::{Value, json};

use crate::harness::{ReloadSocket, SOON, TestProject, TestServer, get, send};

/// File, a text in it, what replaces it, the message, the URL paths it names, and a page that shows the new text.
type Save = (&'static str, &'static str, &'static str, &'static str, &'static [&'static str], &'static str);

const SAVES: [Save; 6] = [
    ("static/site.css", "--glow: #c9641e", "--glow: #c9641f", "styles", &["/site.css"], "/site.css"),
    ("static/lamps/moth.svg", "#efe5d8", "#efe5d9", "assets", &["/lamps/moth.svg"], "/lamps/moth.svg"),
    ("templates/about.html", "Two benches", "Three benches", "reload", &[], "/about"),
    ("templates/_layout.html", "one after the other", "one by one", "reload", &[], "/categories"),
    ("templates/products/[id].html", "What people say", "What they say", "reload", &[], "/products/1"),
    ("data/reviews.json", "Tobias", "Tobias W.", "reload", &[], "/products/1"),
];

async fn check(save: impl Fn(&TestProject, &str, &str)) {
    let project = TestProject::from_example("shop");
    let server = TestServer::start(project.path());
    let mut socket = ReloadSocket::open(&server).await;
    let mut generation = socket.hello["generation"].as_u64().expect("a number");
    for (file, old, new, kind, paths, page) in SAVES {
        let text = project.read(file);
        assert!(text.contains(old), "{file} has no {old:?}");
        save(&project, file, &text.replace(old, new));
        let message = socket.next(SOON).await;
        generation += 1;
        assert_eq!((&message["type"], &message["generation"]), (&json!(kind), &json!(generation)), "{file}: {message}");
        assert_eq!(message["cause"], json!([file]));
        if !paths.is_empty() {
            assert_eq!(message["paths"], json!(paths));
        }
        assert!(get(&server.at(page)).await.text().contains(new), "serve first, tell second: {page} shows {file}");
    }
}

#[tokio::test]
async fn a_save_in_place_is_one_message() {
    check(|project, file, text| project.save(file, text)).await;
}

#[tokio::test]
async fn an_atomic_save_is_one_message() {
    check(|project, file, text| project.save_atomically(file, text)).await;
}

#[tokio::test]
async fn what_did_not_change_is_not_told() {
    let project = TestProject::from_example("shop");
    let server = TestServer::start(project.path());
    let mut socket = ReloadSocket::open(&server).await;
    project.save("templates/about.html", &project.read("templates/about.html"));
    project.save("static/.site.css.swp", "an editor's");
    project.edit("static/site.css", "--glow: #c9641e", "--glow: #c9641f");
    assert_eq!(socket.next(SOON).await["cause"], json!(["static/site.css"]), "the first message is about the last save");
}

#[tokio::test]
async fn a_write_through_the_api_is_told_as_data() {
    let project = TestProject::from_example("shop");
    let server = TestServer::start(project.path());
    let mut socket = ReloadSocket::open(&server).await;
    let review = r#"{"product":4,"author":"Ana","stars":5,"text":"Leans beautifully"}"#;
    let answer = send(Method::POST, &server.at("/api/reviews"), &[("content-type", "application/json")], review).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let message = socket.next(SOON).await;
    assert_eq!((&message["type"], &message["resource"]), (&json!("data"), &json!("reviews")), "{message}");
    assert!(project.read("data/reviews.json").contains("Leans beautifully"), "it is on disk before it is acknowledged");
    assert!(get(&server.at("/products/4")).await.text().contains("Leans beautifully"));
    project.edit("static/site.css", "--glow: #c9641e", "--glow: #c9641f");
    assert_eq!(socket.next(SOON).await["type"], "styles", "the write itself is no change");
}

#[tokio::test]
async fn the_shop_answers_in_its_representations() {
    let project = TestProject::from_example("shop");
    let server = TestServer::start(project.path());
    let cases = [
        ("/", "", "text/html", "Good light is mostly shade"),
        ("/products", "text/html", "text/html", "<span class=\"name\">Ferry</span>"),
        ("/products", "text/csv", "text/csv", "5,\"Ferry\",carry,119,31\n"),
        ("/products/3", "", "text/html", "Customers stay longer"),
        ("/categories", "", "text/html", "For the garden, the boat and the power cut"),
        ("/categories/floor", "", "text/html", "Heron"),
        ("/about", "", "text/html", "4.5 of five stars"),
        ("/api/products/1", "", "application/json", "\"name\":\"Moth\""),
        ("/api/v1/products/1", "", "application/json", "\"title\":\"Moth\""),
        ("/lamps/reed.svg", "", "image/svg+xml", "#b8924a"),
    ];
    for (path, accept, media_type, text) in cases {
        let accept = if accept.is_empty() { "*/*" } else { accept };
        let answer = send(Method::GET, &server.at(path), &[("accept", accept)], "").await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(answer.header("content-type").starts_with(media_type), "{path} is {}", answer.header("content-type"));
        let compact = answer.text().replace("\": ", "\":");
        assert!(compact.contains(text), "{path} has {text:?}: {compact}");
    }
    let old: Value = serde_json::from_slice(&get(&server.at("/api/v1/products/1")).await.body).expect("JSON");
    assert_eq!((&old["price_eur"], old.get("lumens")), (&json!(189), None));
}

/// A save through another program, and a message of nothing but that save.
#[tokio::test]
async fn sed_is_one_message() {
    let project = TestProject::from_example("shop");
    let server = TestServer::start(project.path());
    let mut socket = ReloadSocket::open(&server).await;
    for (old, new) in [("c9641e", "c9641f"), ("c9641f", "c9641e")] {
        let script = format!("s/--glow: #{old}/--glow: #{new}/");
        let sed = Command::new("sed").args(["-i", &script]).arg(project.path().join("static/site.css")).status();
        assert!(sed.expect("sed runs").success());
        let message = socket.next(SOON).await;
        assert_eq!((&message["type"], &message["cause"]), (&json!("styles"), &json!(["static/site.css"])), "{message}");
    }
}

#[tokio::test]
async fn a_project_its_repository_ignores_is_watched() {
    let repository =
        TestProject::from_text("-- .git/HEAD --\n-- .gitignore --\n*\n*.log\n-- play/shop/index.html --\n<p>one</p>\n");
    let server = TestServer::start(&repository.path().join("play/shop"));
    let mut socket = ReloadSocket::open(&server).await;
    repository.save("play/shop/app.log", "a rule that is not about the project holds");
    repository.save("play/shop/index.html", "<p>two</p>\n");
    assert_eq!(socket.next(SOON).await["cause"], json!(["index.html"]));
}

#[tokio::test]
async fn new_settings_for_watching_lose_no_save() {
    let project = TestProject::from_example("shop");
    let server = TestServer::start(project.path());
    let mut socket = ReloadSocket::open(&server).await;
    project.save("everlit.toml", "[watch]\nignore = [\"*.log\"]\n");
    let configured = socket.next(SOON).await;
    assert_eq!(configured["cause"], json!(["everlit.toml"]), "{configured}");
    project.edit("static/site.css", "--glow: #c9641e", "--glow: #c9641f");
    assert_eq!(socket.next(SOON).await["cause"], json!(["static/site.css"]));
    project.save("static/app.log", "left out");
    project.edit("templates/about.html", "Two benches", "Three benches");
    assert_eq!(socket.next(SOON).await["cause"], json!(["templates/about.html"]), "the new settings hold");
}

#[tokio::test]
async fn new_grants_and_faults_hold_once_they_are_saved() {
    let project = TestProject::from_example("shop");
    let server = TestServer::start(project.path());
    let mut socket = ReloadSocket::open(&server).await;
    let ask = async || send(Method::GET, &server.at("/api/products/1"), &[("origin", "http://a.shop.test:5000")], "").await;
    let before = ask().await;
    assert_eq!((before.status.as_u16(), before.header("access-control-allow-origin")), (200, ""));
    project
        .save("everlit.toml", "[cors]\norigins = [\"http://*.shop.test:5000\"]\n[[fault]]\npath = \"/api/**\"\nstatus = 502\n");
    let configured = socket.next(SOON).await;
    assert_eq!(configured["cause"], json!(["everlit.toml"]), "{configured}");
    let after = ask().await;
    assert_eq!((after.status.as_u16(), after.header("everlit-fault")), (502, "status=502"));
    assert_eq!(after.header("access-control-allow-origin"), "http://a.shop.test:5000", "{:?}", after.headers);
    project.save("everlit.toml", "");
    socket.next(SOON).await;
    let gone = ask().await;
    assert_eq!((gone.status.as_u16(), gone.header("access-control-allow-origin")), (200, ""), "{:?}", gone.headers);
    assert_eq!((gone.header("vary"), gone.header("everlit-fault")), (before.header("vary"), ""));
}

#[tokio::test]
async fn a_lock_git_left_behind_holds_no_save_back() {
    let project = TestProject::from_example("shop");
    project.save(".git/index.lock", "");
    let lock = std::fs::File::open(project.path().join(".git/index.lock")).expect("the lock is there");
    lock.set_modified(SystemTime::now() - Duration::from_secs(3600)).expect("it is an hour old");
    let mut server = TestServer::start(project.path());
    let mut socket = ReloadSocket::open(&server).await;
    project.edit("static/site.css", "--glow: #c9641e", "--glow: #c9641f");
    assert_eq!(socket.next(SOON).await["cause"], json!(["static/site.css"]));
    let warning = server.wait_for("warning", SOON, |event| event["event"] == "warning" && event.to_string().contains("git"));
    assert!(warning.to_string().contains(".git/index.lock"), "{warning}");
}

/// The walk of many folders takes a while; what is saved meanwhile is told when it is done.
#[tokio::test]
async fn a_save_before_everything_is_watched_is_told() {
    let project = TestProject::from_text("-- index.html --\n<p>one</p>\n");
    for number in 0..2000 {
        project.save(&format!("{}/{}/page.html", number % 50, number), "<p>one</p>\n");
    }
    let mut server = TestServer::spawn(project.path(), &["--port", "0"], &[]);
    server.wait_event("ready", SOON);
    let saved: Vec<_> = (0..2000).step_by(40).map(|number| format!("{}/{}/page.html", number % 50, number)).collect();
    saved.iter().for_each(|path| project.save(path, "<p>two</p>\n"));
    for path in saved {
        let told = |event: &Value| {
            event["event"] == "changed" && event["files"].as_array().is_some_and(|all| all.contains(&json!(path)))
        };
        server.rewind();
        server.wait_for(&path, SOON, told);
    }
}
