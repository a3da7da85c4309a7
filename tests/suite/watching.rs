//! What takes the watcher's events away: limits, floods, folders that vanish, and file systems that report nothing.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};

use crate::harness::{ReloadSocket, SOON, Signal, TestProject, TestServer, get, require};

fn site() -> TestProject {
    TestProject::from_text("-- index.html --\n<p>one</p>\n-- a/style.css --\na {}\n-- a/b/style.css --\nb {}\n")
}

fn is_warning(event: &Value, text: &str) -> bool {
    matches!(event["event"].as_str(), Some("warning" | "info")) && event.to_string().contains(text)
}

/// Saves each of these files and expects to be told of it alone.
async fn check_told(project: &TestProject, server: &TestServer, files: &[&str]) {
    let mut socket = ReloadSocket::open(server).await;
    for (number, file) in files.iter().enumerate() {
        project.save(file, &format!("/* save {number} */"));
        assert_eq!(socket.next(SOON).await["cause"], json!([file]), "{}", server.transcript());
    }
}

#[tokio::test]
async fn where_watches_run_out_the_rest_is_polled_and_said() {
    let project = site();
    for number in 0..20 {
        project.save(&format!("many/{number}/page.css"), "x {}");
    }
    let mut server = TestServer::start_limited(project.path(), "echo 5 > /proc/sys/user/max_inotify_watches");
    let remedy = |event: &Value| is_warning(event, "sudo sysctl fs.inotify.max_user_watches=");
    server.wait_for("the remedy", SOON, remedy);
    let files: Vec<_> = (0..20).map(|number| format!("many/{number}/page.css")).chain(["index.html".into()]).collect();
    check_told(&project, &server, &files.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(server.transcript().matches("max_user_watches").count(), 1, "it is said once: {}", server.transcript());
}

#[tokio::test]
async fn where_no_instance_is_left_all_is_polled_and_said() {
    let project = site();
    let mut server = TestServer::start_limited(project.path(), "echo 0 > /proc/sys/user/max_inotify_instances");
    server.wait_for("the remedy", SOON, |event| is_warning(event, "sudo sysctl fs.inotify.max_user_instances="));
    check_told(&project, &server, &["index.html", "a/style.css", "new/style.css", "a/b/style.css"]).await;
}

#[tokio::test]
async fn polling_can_be_asked_for() {
    let project = site();
    let server = TestServer::start_with(project.path(), &["--port", "0", "--poll"], &[]);
    check_told(&project, &server, &["index.html", "a/style.css", "new/style.css", "new/more.css"]).await;
}

/// More events than the kernel keeps, while nobody reads them.
#[tokio::test]
async fn a_flood_of_events_loses_nothing() {
    let project = site();
    let server = TestServer::start(project.path());
    let mut socket = ReloadSocket::open(&server).await;
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").expect("the kernel's limit");
    let floods = limit.trim().parse::<usize>().expect("a number") / 2 + 500;
    server.suspend();
    for number in 0..floods {
        project.save(&format!("flood/{}.css", number % 50), &number.to_string());
        project.save("a/style.css", &number.to_string());
    }
    fs::remove_file(project.path().join("a/b/style.css")).expect("it is removed");
    project.save("index.html", "<p>after the flood</p>\n");
    server.signal(Signal::CONT);
    let expected: BTreeSet<_> = (0..50).map(|number| format!("flood/{number}.css")).collect();
    let expected: BTreeSet<_> =
        expected.into_iter().chain(["a/style.css", "a/b/style.css", "index.html"].map(str::to_owned)).collect();
    let mut told = BTreeSet::new();
    while told != expected {
        let message = socket.next(SOON).await;
        for file in message["cause"].as_array().expect("files") {
            assert!(told.insert(file.as_str().expect("a path").to_owned()), "{file} is told twice");
        }
    }
    assert!(get(&server.at("/")).await.text().contains("after the flood"));
}

/// Touches that change nothing, faster than anybody makes them.
const TOUCHES: usize = 50_000;

/// How much larger the server may be after them, in KiB: a bounded queue, and what the allocator keeps.
const TOUCHED_KIB: u64 = 32 * 1024;

#[tokio::test]
async fn fifty_thousand_touches_are_no_news_and_keep_nobody_waiting() {
    let project = site();
    let files: Vec<_> = (0..50).map(|number| format!("touched/{number}.css")).collect();
    files.iter().for_each(|file| project.save(file, "x {}"));
    let server = TestServer::start(project.path());
    let mut socket = ReloadSocket::open(&server).await;
    let before = resident_kib(server.pid());
    let opened: Vec<_> = files.iter().map(|file| fs::File::open(project.path().join(file)).expect("it is there")).collect();
    let began = std::time::SystemTime::now();
    for touch in 0..TOUCHES {
        let moment = began + std::time::Duration::from_micros(touch.try_into().expect("a number"));
        opened[touch % opened.len()].set_modified(moment).expect("it is touched");
        if touch % 5_000 == 0 {
            assert_eq!(get(&server.at("/touched/1.css")).await.text(), "x {}");
        }
    }
    project.save("index.html", "<p>after the touches</p>\n");
    assert_eq!(socket.next(SOON).await["cause"], json!(["index.html"]), "nothing else has changed");
    let after = resident_kib(server.pid());
    assert!(after < before + TOUCHED_KIB, "{before} KiB before, {after} after");
}

fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// A tenth of what the kernel would take: a million take a minute to be made, and longer than that to be removed.
const MANY_FILES: usize = 100_000;

#[tokio::test]
async fn a_hundred_thousand_files_hold_up_no_start() {
    let project = site();
    for folder in 0..MANY_FILES / 100 {
        let folder = project.path().join(format!("many/{folder}"));
        fs::create_dir_all(&folder).expect("a folder");
        (0..100).for_each(|number| fs::write(folder.join(format!("{number}.css")), "x {}").expect("a file"));
    }
    let mut server = TestServer::start_answering(project.path());
    assert!(get(&server.url).await.text().contains("<p>one</p>"), "it answers before it has seen them all");
    let is_watching = |event: &Value| event["event"] == "watching";
    assert!(!server.events().iter().any(is_watching), "they are walked behind the first answer");
    let watching = server.wait_event("watching", SOON * 3);
    assert!(watching["files"].as_u64().is_some_and(|files| files > MANY_FILES as u64), "{watching}");
    check_told(&project, &server, &["many/77/77.css", "index.html"]).await;
}

#[tokio::test]
async fn a_root_that_goes_and_comes_back_is_said_and_watched_again() {
    let project = site();
    let (root, aside) = (project.path().join("site"), project.path().join("aside"));
    project.save("site/index.html", "<p>one</p>");
    project.save("site/deep/style.css", "a {}");
    let mut server = TestServer::start(&root);
    let mut socket = ReloadSocket::open(&server).await;
    fs::rename(&root, &aside).expect("it is moved away");
    server.wait_for("gone", SOON, |event| is_warning(event, "is gone"));
    fs::write(aside.join("deep/style.css"), "b {}").expect("it is written");
    fs::rename(&aside, &root).expect("it is moved back");
    server.wait_for("back", SOON, |event| is_warning(event, "is back"));
    assert_eq!(socket.next(SOON).await["cause"], json!(["deep/style.css"]), "only what differs is told");
    fs::remove_dir_all(&root).expect("it is deleted");
    server.wait_for("gone", SOON, |event| is_warning(event, "is gone"));
    project.save("aside/index.html", "<p>two</p>");
    project.save("aside/deep/style.css", "b {}");
    fs::rename(&aside, &root).expect("it is made anew");
    assert_eq!(socket.next(SOON).await["cause"], json!(["index.html"]));
    project.save("site/deep/style.css", "c {}");
    assert_eq!(socket.next(SOON).await["cause"], json!(["deep/style.css"]), "the new folders are watched");
}

#[tokio::test]
async fn a_root_whose_parent_is_renamed_is_waited_for() {
    let project = site();
    project.save("parent/site/index.html", "<p>one</p>");
    let (parent, aside) = (project.path().join("parent"), project.path().join("aside"));
    let mut server = TestServer::start(&parent.join("site"));
    let mut socket = ReloadSocket::open(&server).await;
    fs::rename(&parent, &aside).expect("it is moved away");
    server.wait_for("gone", SOON, |event| is_warning(event, "is gone"));
    fs::rename(&aside, &parent).expect("it is moved back");
    server.wait_for("back", SOON, |event| is_warning(event, "is back"));
    project.save("parent/site/index.html", "<p>two</p>");
    assert_eq!(socket.next(SOON).await["cause"], json!(["index.html"]));
}

/// Does something in the mount namespace of a server.
fn in_space_of(server: &TestServer, script: &str) {
    let mut command = std::process::Command::new(require("nsenter"));
    command.args(["--mount", "--target", &server.pid().to_string(), "sh", "-ec", script]);
    assert!(command.status().expect("nsenter runs").success(), "{script}");
}

#[tokio::test]
async fn an_unmounted_root_is_waited_for() {
    let project = site();
    fs::create_dir(project.path().join("mounted")).expect("a folder");
    let root = project.path().join("mounted");
    let mount = "mount -t tmpfs tmpfs .; cd ..; cd mounted; echo '<p>one</p>' > index.html; echo 'a {}' > style.css; cd /";
    let mut server = TestServer::start_mounted(&root, mount);
    let mut socket = ReloadSocket::open(&server).await;
    let place = root.display();
    in_space_of(&server, &format!("cd /; umount --lazy {place}"));
    server.wait_for("gone", SOON, |event| is_warning(event, "is gone"));
    in_space_of(
        &server,
        &format!("mount -t tmpfs tmpfs {place}; cd {place}; echo 'a {{}}' > style.css; echo '<p>two</p>' > index.html"),
    );
    server.wait_for("back", SOON, |event| is_warning(event, "is back"));
    let mut told = BTreeSet::new();
    while !told.contains("index.html") {
        let message = socket.next(SOON).await;
        told.extend(message["cause"].as_array().expect("files").iter().map(|file| file.as_str().expect("a path").to_owned()));
    }
    in_space_of(&server, &format!("echo 'b {{}}' > {place}/style.css"));
    assert_eq!(socket.next(SOON).await["cause"], json!(["style.css"]), "the new file system is watched");
}

/// What is saved beneath a FUSE mount reaches the server without an event.
#[tokio::test]
async fn a_file_system_that_reports_nothing_is_polled() {
    let project = site();
    fs::create_dir(project.path().join("mounted")).expect("a folder");
    project.save("beneath/index.html", "<p>one</p>");
    project.save("beneath/a/style.css", "a {}");
    let bindfs = require("bindfs");
    let mount = format!("{} -f ../beneath . & until mountpoint -q \"$PWD\"; do :; done; cd ..; cd mounted", bindfs.display());
    let mut server = TestServer::start_mounted(&project.path().join("mounted"), &mount);
    server.rewind();
    server.wait_for("polled", SOON, |event| is_warning(event, "fuse"));
    let mut socket = ReloadSocket::open(&server).await;
    for (number, file) in ["index.html", "a/style.css", "a/style.css", "b/new.css"].into_iter().enumerate() {
        project.save(&format!("beneath/{file}"), &format!("/* {number} */"));
        assert_eq!(socket.next(SOON).await["cause"], json!([file]), "{}", server.transcript());
    }
    in_space_of(&server, &format!("umount --lazy {}", project.path().join("mounted").display()));
}

/// Whatever names and kinds a tree holds, it is walked and watched.
#[tokio::test]
async fn odd_trees_are_watched() {
    use std::os::unix::{ffi::OsStrExt, fs::symlink};
    let project = site();
    let at = |path: &Path| project.path().join(path);
    let long = format!("{}.css", "n".repeat(251));
    project.save(&long, "a {}");
    fs::write(at(Path::new(std::ffi::OsStr::from_bytes(b"latin-\xe9.css"))), "a {}").expect("a name that is no text");
    symlink("loop", at(Path::new("loop"))).expect("a link to itself");
    symlink("..", at(Path::new("a/up"))).expect("a link upwards");
    symlink("nowhere", at(Path::new("dangling"))).expect("a link to nothing");
    let fifo = std::process::Command::new("mkfifo").arg(at(Path::new("a/pipe.css"))).status();
    assert!(fifo.expect("mkfifo runs").success());
    let deep = (0..60).map(|_| "folder-of-a-long-name").collect::<Vec<_>>().join("/");
    project.save(&format!("{deep}/style.css"), "a {}");
    let server = TestServer::start(project.path());
    let mut socket = ReloadSocket::open(&server).await;
    fs::remove_file(at(Path::new("a/style.css"))).expect("it is removed");
    assert_eq!(socket.next(SOON).await["cause"], json!(["a/style.css"]));
    let fifo = std::process::Command::new("mkfifo").arg(at(Path::new("a/style.css"))).status();
    assert!(fifo.expect("mkfifo runs").success());
    fs::write(at(Path::new(std::ffi::OsStr::from_bytes(b"latin-\xe9.css"))), "b {}").expect("it is written");
    assert_eq!(socket.next(SOON).await["cause"], json!(["latin-\u{fffd}.css"]));
    project.save(&long, "b {}");
    assert_eq!(socket.next(SOON).await["cause"], json!([long]));
    project.save(&format!("{deep}/style.css"), "b {}");
    assert_eq!(socket.next(SOON).await["cause"], json!([format!("{deep}/style.css")]));
}
