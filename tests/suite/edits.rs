//! Saves in any order and of any style: each is told once, and what is served is what is on the disk.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
};

use serde_json::json;

use crate::harness::{Random, ReloadSocket, SOON, TestProject, TestServer, get};

/// How often the edits are made anew, each time in another order.
const ORDERS: u64 = 30;

/// Edits of one order: together more than 500.
const EDITS: usize = 17;

/// Files that are served as they are; each order edits each of them once.
const FILES: [&str; EDITS] = [
    "index.html",
    "style.css",
    "main.js",
    "a/one.css",
    "a/two.css",
    "a/three.txt",
    "a/b/one.js",
    "a/b/two.svg",
    "a/b/c/deep.html",
    "a/b/c/deep.css",
    "odd name.css",
    "ümlaut.css",
    "100%.txt",
    "UPPER.CSS",
    "no-ending",
    "new/later.css",
    "data.txt",
];

type Save = fn(&Path, &[u8]) -> std::io::Result<()>;

/// The ways programs save. A file that is to be replaced may not exist yet.
const STYLES: [Save; 7] = [in_place, in_pieces, renamed_over, safely, with_backup, deleted_first, through_copy];

fn in_place(file: &Path, text: &[u8]) -> std::io::Result<()> {
    fs::write(file, text)
}

fn in_pieces(file: &Path, text: &[u8]) -> std::io::Result<()> {
    let mut open = File::create(file)?;
    text.chunks(7).try_for_each(|piece| open.write_all(piece))
}

fn renamed_over(file: &Path, text: &[u8]) -> std::io::Result<()> {
    let beside = file.with_file_name(".beside.tmp");
    fs::write(&beside, text)?;
    fs::rename(beside, file)
}

/// JetBrains' safe write.
fn safely(file: &Path, text: &[u8]) -> std::io::Result<()> {
    let (new, old) = (file.with_file_name("x___jb_tmp___"), file.with_file_name("x___jb_old___"));
    fs::write(&new, text)?;
    let had_old = fs::rename(file, &old).is_ok();
    fs::rename(new, file)?;
    if had_old { fs::remove_file(old) } else { Ok(()) }
}

/// vim's way with `backupcopy=no`.
fn with_backup(file: &Path, text: &[u8]) -> std::io::Result<()> {
    let backup = file.with_file_name("x~");
    let had_old = fs::rename(file, &backup).is_ok();
    fs::write(file, text)?;
    if had_old { fs::remove_file(backup) } else { Ok(()) }
}

fn deleted_first(file: &Path, text: &[u8]) -> std::io::Result<()> {
    let _ = fs::remove_file(file);
    fs::write(file, text)
}

/// From a file outside the project.
fn through_copy(file: &Path, text: &[u8]) -> std::io::Result<()> {
    let mut elsewhere = tempfile::NamedTempFile::new()?;
    elsewhere.write_all(text)?;
    fs::copy(elsewhere.path(), file).map(drop)
}

/// Segments of a URL, with what may not stand in one escaped.
fn url(path: &str) -> String {
    let escaped = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    format!("/{}", path.bytes().map(escaped).collect::<String>())
}

#[tokio::test]
async fn each_of_many_edits_is_told_once_and_served() {
    let project = TestProject::from_text("-- index.html --\n<p>first</p>\n");
    FILES.iter().filter(|file| !file.starts_with("new/")).for_each(|file| project.save(file, "first"));
    let server = TestServer::start_with(project.path(), &["--port", "0", "--no-inject"], &[]);
    let mut socket = ReloadSocket::open(&server).await;
    let mut random = Random::seeded();
    for order in 0..ORDERS {
        let mut left = FILES.to_vec();
        while !left.is_empty() {
            let file = left.swap_remove(usize::try_from(random.of(0..left.len() as u64)).expect("an index"));
            let style = STYLES[usize::try_from(random.of(0..STYLES.len() as u64)).expect("an index")];
            let text = format!("{order} {file} ").repeat(usize::try_from(random.of(1..400)).expect("a count"));
            let place = project.path().join(file);
            fs::create_dir_all(place.parent().expect("a file has a folder")).expect("the folder can be made");
            style(&place, text.as_bytes()).unwrap_or_else(|error| panic!("cannot save {file}: {error}"));
            let message = socket.next(SOON).await;
            assert_eq!(message["cause"], json!([file]), "the edit of {file} in order {order}: {message}");
            let served = get(&server.at(&url(file))).await;
            assert!(served.body == fs::read(&place).expect("it is there"), "{file} in order {order} is served as it was");
        }
    }
    project.save("index.html", "the last one");
    assert_eq!(socket.next(SOON).await["cause"], json!(["index.html"]), "nothing was told twice");
}
