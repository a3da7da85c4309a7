//! The page that is opened on phones, and the words that have a phone open it.
//!
//! Pure. A phone hands the words to its shell, so that nothing of the address may mean anything to one. It arrives as it was typed, or is
//! refused.

use super::limits::PATH;

/// What is printed before the exit code: shells of older phones tell it in no other way.
const EXIT: &str = "everlit-exit ";

/// The path of a page, with its query and fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PagePath(String);

/// A path that cannot be opened on a phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// It may be an address of another server.
    #[error("must begin with `/`, like /posts?page=2")]
    NotAPath,
    /// A line break or the like.
    #[error("must be without control characters")]
    Control,
    /// A phone would not take it.
    #[error("must be shorter than {PATH} bytes")]
    Long,
}

impl Default for PagePath {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

impl std::str::FromStr for PagePath {
    type Err = BadPath;

    fn from_str(text: &str) -> Result<Self, BadPath> {
        match text {
            _ if !text.starts_with('/') => Err(BadPath::NotAPath),
            _ if text.chars().any(char::is_control) => Err(BadPath::Control),
            _ if text.len() >= PATH => Err(BadPath::Long),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

impl PagePath {
    /// Its address on a phone whose port leads here.
    pub(super) fn url(&self, port: u16) -> String {
        format!("http://localhost:{port}{}", self.0)
    }
}

/// The service that has a phone's browser open an address.
pub(super) fn open(url: &str) -> String {
    format!("shell:am start -a android.intent.action.VIEW -d {} 2>&1; echo \"{EXIT}$?\"", quoted(url))
}

/// One word for any shell: between single quotes nothing has a meaning but a single quote.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Whether it was opened, by what the phone printed; otherwise why not.
pub(super) fn outcome(printed: &str) -> Result<(), String> {
    let (words, code) = printed.rsplit_once(EXIT).unwrap_or((printed, ""));
    // Older phones say that it went wrong, and exit with 0.
    let error = words.lines().map(str::trim).find(|line| line.starts_with("Error"));
    match (error, code.trim()) {
        (None, "0") => Ok(()),
        (Some(error), _) => Err(error.to_owned()),
        (None, "") => Err("the phone broke off before it was opened".to_owned()),
        (None, code) => Err(format!("am failed with {code}: {}", words.trim())),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn check(text: &str, expected: Result<&str, BadPath>) {
        let path = text.parse::<PagePath>();
        assert_eq!(path.map(|path| path.url(4747)), expected.map(|path| format!("http://localhost:4747{path}")), "{text:?}");
    }

    #[test]
    fn a_path_is_taken_as_it_is() {
        for path in ["/", "/posts?page=2#top", "//x", "/it's", "/ü ö/手机", "/$(reboot);`id`&|<>\"\\!*~{}"] {
            check(path, Ok(path));
        }
        for path in ["", "posts", "http://evil.example/", "@evil.example/"] {
            check(path, Err(BadPath::NotAPath));
        }
        for path in ["/a\nb", "/a\r", "/\0", "/\u{1b}[2J", "/\u{85}"] {
            check(path, Err(BadPath::Control));
        }
        check(&format!("/{}", "x".repeat(PATH - 2)), Ok(&format!("/{}", "x".repeat(PATH - 2))));
        check(&format!("/{}", "x".repeat(PATH - 1)), Err(BadPath::Long));
    }

    /// A real shell, with a real `am` that prints its words.
    fn check_arrives(path: &str) {
        let url = path.parse::<PagePath>().unwrap().url(4747);
        let line = open(&url).strip_prefix("shell:").unwrap().to_owned();
        let am = r#"am() { [ "$1 $2 $3 $4" = "start -a android.intent.action.VIEW -d" ] && [ $# = 5 ] && printf '%s\n' "$5"; }"#;
        let output = Command::new("sh").args(["-c", &format!("{am}\n{line}")]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{url}\n{EXIT}0\n"), "{path}");
    }

    #[test]
    fn a_shell_finds_nothing_in_an_address() {
        for path in [
            "/",
            "/it's",
            "/'; reboot; '",
            "/$(reboot)",
            "/`reboot`",
            "/a;b&c|d>e<f",
            "/ a  b ",
            "/\"quoted\" \\ back\\slash\\",
            "/ü/手机/🦀",
            "/*?[a-z]~{a,b}!#",
            "/%s%n%20",
            "/$HOME${IFS}",
        ] {
            check_arrives(path);
        }
    }

    #[test]
    fn what_a_phone_prints_is_understood() {
        let check = |printed: &str, expected: Result<(), &str>| {
            assert_eq!(outcome(printed), expected.map_err(str::to_owned), "{printed}")
        };
        check("Starting: Intent { act=android.intent.action.VIEW dat=http://localhost:4747/... }\neverlit-exit 0\n", Ok(()));
        check("Starting: Intent { dat=http://localhost:4747/everlit-exit 1 }\neverlit-exit 0\n", Ok(()));
        check(
            "Starting: Intent { }\nError: Activity not started, unable to resolve Intent { }\neverlit-exit 0\n",
            Err("Error: Activity not started, unable to resolve Intent { }"),
        );
        check("sh: am: not found\r\neverlit-exit 127\r\n", Err("am failed with 127: sh: am: not found"));
        check("Starting: Intent { }\n", Err("the phone broke off before it was opened"));
    }
}
