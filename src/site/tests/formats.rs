//! Data files in every format: read, changed through the API, and left as they were around the change.

use super::Project;

const FILES: [(&str, &str); 4] = [
    ("data/news.yaml", "# newest last\n- id: 1\n  text: One # first\n\n# second\n- id: 2\n  text: \"Two\"\n"),
    ("data/stores.csv", "id,name,since\r\n1,\"Lys, and Lin\",2009\r\n2,Kvist,\r\n"),
    ("data/hours.toml", "# at the door\nweekdays = \"8–16\"\nsunday = \"closed\" # always\n"),
    ("data/tags.toml", "[[tags]]\nid = \"a\"\nsince = 2026-01-02\n\n# kept\n[[tags]]\nid = \"b\"\n"),
];

#[tokio::test]
async fn all_are_read() {
    let project = Project::new(&FILES);
    project.get("/api/news").await.is(200, r#"[{"id":1,"text":"One"},{"id":2,"text":"Two"}]"#);
    project.get("/api/stores").await.is(200, r#"[{"id":1,"name":"Lys, and Lin","since":2009},{"id":2,"name":"Kvist"}]"#);
    project.get("/api/hours").await.is(200, r#"{"weekdays":"8–16","sunday":"closed"}"#);
    project.get("/api/tags/a").await.is(200, r#"{"id":"a","since":"2026-01-02"}"#);
}

#[tokio::test]
async fn a_write_changes_nothing_else() {
    let project = Project::new(&FILES);
    project.json("PATCH", "/api/news/1", r#"{"text":"Uno"}"#).await.is(200, r#"{"id":1,"text":"Uno"}"#);
    project.json("POST", "/api/news", r#"{"text":"Three"}"#).await.is(201, r#"{"id":3,"text":"Three"}"#);
    assert_eq!(
        project.folder.read("data/news.yaml"),
        "# newest last\n- id: 1\n  text: Uno # first\n\n# second\n- id: 2\n  text: \"Two\"\n\n- id: 3\n  text: Three\n"
    );
    project.json("PATCH", "/api/stores/2", r#"{"since":2014}"#).await.is(200, r#"{"id":2,"name":"Kvist","since":2014}"#);
    project.send("DELETE", "/api/stores/1", &[], "").await.is(204, "");
    assert_eq!(project.folder.read("data/stores.csv"), "id,name,since\r\n2,Kvist,2014\r\n");
    project.json("PATCH", "/api/hours", r#"{"sunday":"10–12"}"#).await.has(200, "10–12");
    assert_eq!(project.folder.read("data/hours.toml"), "# at the door\nweekdays = \"8–16\"\nsunday = \"10–12\" # always\n");
    project.json("PATCH", "/api/tags/a", r#"{"n":1}"#).await.has(200, "2026-01-02");
    assert_eq!(
        project.folder.read("data/tags.toml"),
        "[[tags]]\nid = \"a\"\nsince = 2026-01-02\nn = 1\n\n# kept\n[[tags]]\nid = \"b\"\n"
    );
}

#[tokio::test]
async fn what_a_format_cannot_say_is_refused() {
    let project = Project::new(&FILES);
    let got = project.json("POST", "/api/stores", r#"{"name":["a"]}"#).await.has(422, "CSV");
    assert_eq!(got.value()["errors"][0]["pointer"], "/name");
    project.json("POST", "/api/tags", r#"{"n":null}"#).await.has(422, "null");
    assert_eq!(project.folder.read("data/stores.csv"), FILES[1].1);
    assert_eq!(project.folder.read("data/tags.toml"), FILES[3].1);
}

#[tokio::test]
async fn one_name_is_one_file() {
    let project = Project::new(&[("data/posts.json", r#"[{"id":1}]"#), ("data/posts.csv", "id\n2\n")]);
    let failures = project.site.load();
    assert_eq!(failures.len(), 1);
    assert!(failures[0].diagnostics[0].message.contains("rename or remove one of them"), "{failures:?}");
    std::fs::remove_file(project.folder.path("data/posts.json")).unwrap();
    project.refresh(&["data/posts.json"]);
    project.get("/api/posts").await.is(200, r#"[{"id":2}]"#);
    assert!(project.site.load().is_empty());
}
