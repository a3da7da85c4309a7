//! Any path: what is served is a file beneath the root that nobody keeps back; all else looks as if there were nothing.
//!
//! A second project has the same name and none of the files: what it answers is how nothing looks.
#![no_main]

use std::{
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    sync::OnceLock,
};

use axum::body::Body;
use bytes::Bytes;
use everlit_fuzz::{
    folder::{fill, folder},
    served::Served,
};
use http::{Request, Response, StatusCode, Uri, header};
use libfuzzer_sys::fuzz_target;

const SETTINGS: (&str, &str) =
    ("everlit.toml", "[site]\npublic = \".\"\ndata = \"data\"\n[live]\ninject = false\ntiming = false\nworkspace = false\n");

/// What the files of the root are called, and their texts: no two are alike.
const FILES: [(&str, &str); 32] = [
    SETTINGS,
    ("index.html", "the index"),
    ("a.txt", "a"),
    ("b.js", "b()"),
    ("a b.txt", "a space"),
    ("ä.txt", "an umlaut"),
    ("日本.txt", "Japan"),
    ("100%.txt", "a per cent sign"),
    ("%2e%2e", "escaped dots"),
    ("q?.txt", "a question mark"),
    ("h#.txt", "a hash"),
    ("s;.txt", "a semicolon"),
    ("c:x.txt", "SECRET stream"),
    ("back\\slash.txt", "SECRET separator"),
    ("dot.", "a dot at the end"),
    (".env", "SECRET env"),
    (".env.gz", "SECRET copy"),
    (".git/config", "SECRET git"),
    (".well-known/security.txt", "well known"),
    (".well-known/.env", "SECRET below well known"),
    ("server.key", "SECRET key"),
    ("SERVER.PEM.bak", "SECRET backup"),
    ("id_rsa", "SECRET rsa"),
    ("id_ed25519~", "SECRET ed25519"),
    ("id_rsa.html", "about keys"),
    ("sub/index.html", "the index below"),
    ("sub/b.txt", "b"),
    ("sub/.hidden/c.txt", "SECRET hidden"),
    ("sub/deep/er/c.txt", "c"),
    ("no/index", "no index"),
    ("data/notes.txt", "SECRET reserved"),
    ("data2/d.txt", "d"),
];

/// What links are called, and where they lead.
const LINKS: [(&str, &str); 18] = [
    ("link.txt", "a.txt"),
    ("sub/up.txt", "../a.txt"),
    ("out.txt", "../outside.txt"),
    ("out", "../outside"),
    ("sub/out", "../../outside/deep"),
    ("there-and-back", "../site/a.txt"),
    ("chain", "sub/up.txt"),
    ("chain-out", "out"),
    ("env.txt", ".env"),
    ("key.txt", "sub/../server.key"),
    ("hidden", "sub/.hidden"),
    ("notes.txt", "data/notes.txt"),
    ("loop", "loop"),
    ("ping", "pong"),
    ("pong", "ping"),
    ("self", "."),
    ("subdir", "sub"),
    ("nowhere", "none.txt"),
];

struct Trees {
    root: PathBuf,
    full: Served,
    bare: Served,
}

static TREES: OnceLock<Trees> = OnceLock::new();

fuzz_target!(|input: &str| {
    let trees = TREES.get_or_init(plant);
    let Ok(uri) = input.parse::<Uri>() else { return };
    let path = uri.path();
    // What the data is described by is made, and not read.
    let Some(path) =
        Some(path).filter(|path| path.starts_with('/') && !path.starts_with("/api") && !path.starts_with("/__everlit/"))
    else {
        return;
    };
    let answer = ask(&trees.full, path);
    assert!(memchr::memmem::find(answer.body(), b"SECRET").is_none(), "{path} gives {:?}", answer.body());
    match naive(&trees.root, path) {
        Naive::File(text) => assert_eq!((answer.status(), &answer.body()[..]), (StatusCode::OK, &text[..]), "{path}"),
        Naive::Redirect => assert!(answer.status().is_redirection() && answer.body().is_empty(), "{path}: {answer:?}"),
        Naive::Nothing => {
            let nothing = ask(&trees.bare, path);
            let seen = |answer: &Response<Bytes>| (answer.status(), answer.headers().clone(), answer.body().clone());
            assert_eq!(seen(&answer), seen(&nothing), "{path}");
            assert!(answer.status().is_client_error(), "{path}");
        }
    }
});

fn plant() -> Trees {
    let (root, bare) = (folder("full/site"), folder("bare/site"));
    fill(&root, &FILES);
    fill(&root, &[(&"n".repeat(255), "a long name")]);
    fill(&bare, &[SETTINGS]);
    let above = root.parent().expect("there is a folder above");
    fill(
        above,
        &[("outside.txt", "SECRET outside"), ("outside/b.txt", "SECRET outside"), ("outside/deep/c.txt", "SECRET outside")],
    );
    fs::create_dir_all(bare.join("data")).expect("a folder");
    for (name, target) in LINKS {
        symlink(target, root.join(name)).expect("a link");
    }
    symlink(root.join("a.txt"), root.join("absolute.txt")).expect("a link");
    symlink("/proc/self/environ", root.join("magic")).expect("a link");
    fs::write(root.join(std::ffi::OsStr::from_bytes(b"\xff.txt")), "SECRET bytes").expect("a file");
    let _socket = UnixListener::bind(root.join("socket")).expect("a socket");
    let unreadable = root.join("unreadable");
    fs::create_dir(&unreadable).expect("a folder");
    fs::set_permissions(&unreadable, fs::Permissions::from_mode(0)).expect("ours");
    Trees { full: Served::new(&root), bare: Served::new(&bare), root }
}

fn ask(served: &Served, path: &str) -> Response<Bytes> {
    let request = Request::get(path).header(header::HOST, "localhost:4747");
    served.ask(request.body(Body::empty()).expect("a request"))
}

enum Naive {
    File(Vec<u8>),
    /// A folder with an index, asked for without its slash.
    Redirect,
    Nothing,
}

fn naive(root: &Path, path: &str) -> Naive {
    let Some((names, is_folder)) = names(path) else { return Naive::Nothing };
    if names.iter().any(|name| is_kept_back(name)) || goes_astray(root, &names) {
        return Naive::Nothing;
    }
    let Some(found) = real(root, &names) else { return Naive::Nothing };
    match (found.is_dir(), is_folder) {
        (true, _) => {
            let index = [names, vec!["index.html".to_owned()]].concat();
            let index = real(root, &index).filter(|found| found.is_file() && !goes_astray(root, &index));
            match index {
                Some(index) if is_folder => Naive::File(fs::read(index).expect("a file")),
                Some(_) => Naive::Redirect,
                None => Naive::Nothing,
            }
        }
        (false, false) if found.is_file() => Naive::File(fs::read(found).expect("a file")),
        _ => Naive::Nothing,
    }
}

/// The names between the slashes, and whether one stands at the end.
fn names(path: &str) -> Option<(Vec<String>, bool)> {
    let mut pieces: Vec<&str> = path.split('/').skip(1).collect();
    let is_folder = pieces.last() == Some(&"");
    if is_folder {
        pieces.pop();
    }
    let names = pieces.into_iter().map(unescaped).collect::<Option<Vec<String>>>()?;
    let is_bad = |name: &String| ["", ".", ".."].contains(&name.as_str()) || name.contains(['/', '\\', '\0']);
    (!names.iter().any(is_bad)).then_some((names, is_folder))
}

fn unescaped(piece: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = piece.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        (rest, _) = match first {
            b'%' => {
                let digits = std::str::from_utf8(behind.get(..2)?).ok().filter(|digits| !digits.starts_with('+'))?;
                (&behind[2..], bytes.push(u8::from_str_radix(digits, 16).ok()?))
            }
            _ => (behind, bytes.push(*first)),
        };
    }
    String::from_utf8(bytes).ok()
}

/// What a name leads to, if that lies beneath the root and nobody keeps it back.
fn real(root: &Path, names: &[String]) -> Option<PathBuf> {
    let real = fs::canonicalize(root.join(names.iter().collect::<PathBuf>())).ok()?;
    let below = real.strip_prefix(root).ok()?;
    let is_open = below.iter().all(|name| name.to_str().is_some_and(|name| !is_kept_back(name)));
    (is_open && !below.starts_with("data")).then_some(real)
}

/// Whether a link on the way is absolute or leaves the root, even where it comes back.
fn goes_astray(root: &Path, names: &[String]) -> bool {
    let mut to_go: Vec<PathBuf> = names.iter().rev().map(PathBuf::from).collect();
    let mut at = root.to_owned();
    for _ in 0..100 {
        let Some(name) = to_go.pop() else { return false };
        match name.as_os_str().as_bytes() {
            b"." => continue,
            b".." if at == root => return true,
            b".." => {
                at.pop();
                continue;
            }
            _ => (),
        }
        match fs::read_link(at.join(&name)) {
            Ok(target) if target.is_absolute() => return true,
            Ok(target) => to_go.extend(target.iter().collect::<Vec<_>>().into_iter().rev().map(PathBuf::from)),
            Err(_) => at.push(name),
        }
    }
    true
}

/// What is never served, whatever leads to it.
fn is_kept_back(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let name = name.trim_end_matches(|c| c == '.' || c == ' ');
    let is_hidden = name.starts_with('.') && name != ".well-known";
    let mut original = name.trim_end_matches('~').to_owned();
    while let Some((before, "gz" | "br" | "zst" | "zz" | "bak" | "old" | "orig" | "swp")) = original.rsplit_once('.') {
        if before.is_empty() {
            break;
        }
        original = before.to_owned();
    }
    let is_key = matches!(original.as_str(), "everlit.toml" | "id_rsa" | "id_dsa" | "id_ecdsa" | "id_ed25519")
        || [".pem", ".key", ".p12", ".pfx", ".jks", ".kdbx"].iter().any(|kind| original.ends_with(kind));
    name.is_empty() || name.contains(':') || is_hidden || is_key
}
