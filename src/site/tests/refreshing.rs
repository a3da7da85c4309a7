//! Changes on disk: what is noticed, what was ours, and what cannot be read.

use std::{fs, path::PathBuf};

use super::Project;

const FILES: [(&str, &str); 3] = [("templates/index.html", "old"), ("data/posts.json", r#"[{"id":1}]"#), ("static/a.txt", "A")];

#[tokio::test]
async fn templates_are_compiled_again() {
    let project = Project::new(&FILES);
    project.get("/").await.is(200, "old");
    project.folder.write("templates/index.html", "new");
    project.folder.write("templates/more.html", "more");
    project.get("/more").await.has(404, "");
    let refreshed = project.refresh(&["templates/index.html", "templates/more.html", "static/a.txt"]);
    assert_eq!(refreshed.changed.len(), 3);
    project.get("/").await.is(200, "new");
    project.get("/more").await.is(200, "more");
}

#[tokio::test]
async fn our_own_writes_are_not_news() {
    let project = Project::new(&FILES);
    project.json("POST", "/api/posts", "{}").await.has(201, "");
    assert_eq!(
        project.refresh(&["data/posts.json", "data/.posts.json.everlit-unfinished", "data"]).changed,
        Vec::<PathBuf>::new()
    );
    project.folder.write("data/posts.json", "[]");
    assert_eq!(project.refresh(&["data/posts.json"]).changed, [project.folder.path("data/posts.json")]);
    assert_eq!(project.refresh(&["data/posts.json"]).changed, Vec::<PathBuf>::new());
    project.get("/api/posts").await.is(200, "[]");
}

#[tokio::test]
async fn paths_may_be_relative_to_the_project() {
    let project = Project::new(&FILES);
    let (data, template) = (PathBuf::from("data/posts.json"), PathBuf::from("templates/index.html"));
    let refresh = || project.site.refresh(&[data.clone(), template.clone()]).changed;
    assert_eq!(refresh(), std::slice::from_ref(&template));
    project.folder.write("data/posts.json", "[]");
    project.folder.write("templates/index.html", "new");
    assert_eq!(refresh(), [data.clone(), template.clone()]);
    project.get("/").await.is(200, "new");
    assert!(project.site.reads_any(&[data]) && project.site.reads_any(&[template]));
    assert!(!project.site.reads_any(&[PathBuf::from("static/style.css"), PathBuf::from("index.html")]));
}

#[tokio::test]
async fn files_and_versions_come_and_go() {
    let project = Project::new(&FILES);
    project.folder.write("data/tags.json", r#"[{"id":"x"}]"#);
    project.folder.write("data/posts.v1.toml", "rename = { id2 = 'x' }");
    assert_eq!(project.refresh(&["data/tags.json", "data/posts.v1.toml", "data/notes.txt"]).changed.len(), 2);
    project.get("/api/tags/x").await.has(200, "x");
    project.get("/api/v2/posts").await.has(200, "");
    fs::remove_file(project.folder.path("data/tags.json")).unwrap();
    fs::remove_file(project.folder.path("data/posts.v1.toml")).unwrap();
    assert_eq!(project.refresh(&["data/tags.json", "data/posts.v1.toml"]).changed.len(), 2);
    project.get("/api/tags/x").await.has(404, "");
    project.get("/api/v2/posts").await.has(406, "");
}

#[tokio::test]
async fn the_last_good_content_stays() {
    let project = Project::new(&FILES);
    project.folder.write("data/posts.json", "[\n{\"id\": 2\n");
    project.folder.write("data/posts.v1.toml", "drop = 1");
    let refreshed = project.refresh(&["data/posts.json"]);
    assert_eq!(refreshed.changed.len(), 1);
    let places: Vec<String> = refreshed.failures.iter().map(|report| report.diagnostics[0].place()).collect();
    assert_eq!(places, ["data/posts.json:3:1", "data/posts.v1.toml:1:1"]);
    assert!(refreshed.failures[0].output.contains("{\"id\": 2"));
    project.get("/api/posts").await.is(200, r#"[{"id":1}]"#);
    // What is being edited is not written over.
    project.json("POST", "/api/posts", "{}").await.has(409, "left alone");
    assert_eq!(project.folder.read("data/posts.json"), "[\n{\"id\": 2\n");
    project.folder.write("data/posts.json", r#"[{"id":2}]"#);
    project.folder.write("data/posts.v1.toml", "");
    let refreshed = project.refresh(&["data/posts.json"]);
    assert_eq!((refreshed.changed.len(), refreshed.failures.len()), (1, 0));
    project.get("/api/posts").await.is(200, r#"[{"id":2}]"#);
}

#[tokio::test]
async fn an_edit_that_nobody_told_of_is_not_lost() {
    let project = Project::new(&FILES);
    project.folder.write("data/posts.json", r#"[{"id":1},{"id":7,"title":"edited"}]"#);
    project.json("POST", "/api/posts", "{}").await.is(201, r#"{"id":8}"#);
    project.get("/api/posts/7").await.has(200, "edited");
    // The browsers still have to be told of the edit.
    assert_eq!(project.refresh(&["data/posts.json"]).changed.len(), 1);
    assert_eq!(project.refresh(&["data/posts.json"]).changed.len(), 0);
}
