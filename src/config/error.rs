//! Why a project cannot be configured.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use super::value::Invalid;

/// What to do with a file that was named in the place of a folder. Who comes from json-server names the database.
fn instead_of_file(path: &Path) -> String {
    match path.extension() {
        Some(extension) if extension == "json" => {
            format!("`everlit init --api {} DIR` makes a project of a json-server database", path.display())
        }
        _ => "give the folder it is in".to_owned(),
    }
}

/// Why there is no [`Config`](super::Config). Each message names the place a person has to change.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The folder cannot be entered.
    #[error("cannot serve {}: {source}", path.display())]
    Folder {
        /// As it was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What should be served is a file.
    #[error("cannot serve {}: it is a file; {}", path.display(), instead_of_file(path))]
    NotAFolder {
        /// As it was given.
        path: PathBuf,
    },
    /// `everlit.toml` or a file of variables cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Absolute.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// `everlit.toml` or a file of variables says something that cannot be meant.
    #[error(transparent)]
    File(#[from] FileError),
    /// An environment variable says something that cannot be meant.
    #[error("{name} {reason}, not `{value}`")]
    Variable {
        /// Its name.
        name: &'static str,
        /// What it must be.
        reason: Invalid,
        /// What it is.
        value: String,
    },
    /// Requests would go round and round.
    #[error(
        "{what} goes to {address}, which is this server itself; name another port there, or choose by --port where to listen"
    )]
    Itself {
        /// `upstream`, or the path of a route.
        what: String,
        /// Where it goes.
        address: String,
    },
    /// A program and an upstream were given by the same place.
    #[error("`upstream` and a command to run or build exclude each other: both would get what the site does not have")]
    TwoBackends,
    /// Writes cannot be refused and kept in memory alike.
    #[error("`read_only` and `ephemeral` exclude each other: either no write is taken, or all are and none is kept")]
    TwoKindsOfWrites,
    /// A key belongs to a certificate.
    #[error("`tls_key` needs a `tls_cert`: the certificate that the key belongs to")]
    KeyWithoutCertificate,
    /// A network is open to everybody, or to paired phones.
    #[error(
        "`host` and `lan` exclude each other: `host` opens the project to whoever reaches that address, `lan` to paired phones alone; \
         leave out one of them"
    )]
    HostAndLan,
    /// There are settings for a program, but none to run.
    #[error("there is a `build` command or an `[app]` section, but nothing to run was given or found; set `[app] run`")]
    NothingToRun,
    /// There are several programs, and nothing decides between them.
    #[error(
        "there are several programs here ({what}): {}; choose one by `--program {}`, or by `program = \"{}\"` below `[app]` in \
         everlit.toml",
        names.join(", "),
        first(names),
        first(names)
    )]
    SeveralPrograms {
        /// What they are.
        what: String,
        /// What they are asked for by.
        names: Vec<String>,
    },
    /// There is no program of the name that was asked for.
    #[error("there is no program `{name}` here; {}", known(names))]
    NoSuchProgram {
        /// The name.
        name: String,
        /// What there is.
        names: Vec<String>,
    },
    /// Cargo's own messages would have named the program.
    #[error("`{build}` replaces `cargo build`, whose messages name the program to run; set `[app] run` as well")]
    UnnamedProgram {
        /// The build command that was given.
        build: String,
    },
    /// The steps of the build cannot be put in order.
    #[error("`[[app.step]]`: {0}")]
    Steps(String),
    /// A fallback without files to find it in.
    #[error("`[site] fallback` needs files to choose from; set `[site] public`")]
    FallbackWithoutPublic,
}

impl ConfigError {
    /// The file of the project that has to be mended, where it is one that a person wrote for us or for the program.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(error) => Some(&error.file),
            Self::Unreadable { path, .. } => path.file_name().map(Path::new),
            _ => None,
        }
    }
}

fn first(names: &[String]) -> &str {
    names.first().map(String::as_str).unwrap_or_default()
}

fn known(names: &[String]) -> String {
    match names {
        [] => "none was found that has a name; set `[app] run`".to_owned(),
        names => format!("there are {}", names.join(", ")),
    }
}

/// A place in a file of the project, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FileError {
    /// Relative to the project.
    pub file: PathBuf,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file.display(), self.line, self.column, self.message)
    }
}
