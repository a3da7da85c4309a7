//! Names that are never served, whoever links to them: what a project keeps beside its pages but not for its readers.
//!
//! The list is asked about every segment of a path and again about the name that was really opened. Case and trailing dots or
//! spaces never matter, because some file systems ignore them.

/// Names of keys and of our own settings.
const NAMES: [&str; 5] = ["everlit.toml", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"];

/// Kinds of files that hold keys and passwords.
const EXTENSIONS: [&str; 6] = ["pem", "key", "p12", "pfx", "jks", "kdbx"];

/// What tools put behind the name of the file they copied: the copy is as secret as the file.
const COPIES: [&str; 8] = ["gz", "br", "zst", "zz", "bak", "old", "orig", "swp"];

/// The one folder with a leading dot that is for the public: RFC 8615.
const WELL_KNOWN: &str = ".well-known";

/// Whether one segment of a path hides everything below it.
pub(super) fn is_denied(segment: &str) -> bool {
    let name = segment.to_ascii_lowercase();
    let name = name.trim_end_matches(['.', ' ']);
    // A colon names a stream of another file (NTFS) or a drive.
    name.is_empty() || name.contains(':') || is_hidden(name) || is_secret(original(name))
}

fn is_hidden(name: &str) -> bool {
    name.starts_with('.') && name != WELL_KNOWN
}

fn is_secret(name: &str) -> bool {
    NAMES.contains(&name) || name.rsplit_once('.').is_some_and(|(_, extension)| EXTENSIONS.contains(&extension))
}

/// The name of which this is a copy.
fn original(name: &str) -> &str {
    let mut name = name.trim_end_matches('~');
    while let Some((rest, extension)) = name.rsplit_once('.')
        && !rest.is_empty()
        && COPIES.contains(&extension)
    {
        name = rest;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::is_denied;

    #[test]
    fn secrets_stay_in() {
        for name in [
            ".env",
            ".EnV",
            ".env.",
            ".env ",
            ".env.local",
            ".env.gz",
            ".git",
            ".GIT",
            ".g\u{200c}it",
            ".DS_Store",
            ".htpasswd",
            "secret.pem",
            "SERVER.KEY",
            "client.p12",
            "a.pfx",
            "a.jks",
            "a.kdbx",
            "id_rsa",
            "ID_ED25519. .",
            "everlit.toml",
            "Everlit.TOML",
            "server.key.bak",
            "server.key.gz",
            "id_rsa~",
            "a.txt::$DATA",
            "c:",
            ".well-known.bak",
            ".well-knownx",
            "..well-known",
            "",
            "...",
            " ",
            ".everlit",
        ] {
            assert!(is_denied(name), "{name:?}");
        }
    }

    #[test]
    fn everything_else_is_public() {
        for name in [
            ".well-known",
            "a.txt",
            "a.tar.gz",
            "key",
            "pem",
            "keys.html",
            "id_rsa.html",
            "node_modules",
            "a b",
            "ä",
            "%2e%2e",
            "gz",
            "_x",
        ] {
            assert!(!is_denied(name), "{name:?}");
        }
    }
}
