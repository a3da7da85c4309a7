//! What stands on the reload socket, version 1: one JSON object a frame, tagged by `type`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Serialize;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{
    act::Act,
    shelf::PageId,
    timing::{Timing, WireTiming},
    update::Update,
};
use crate::{
    generation::{Generation, ResourceState, Standing},
    report::{Diagnostic, Excerpt, Kind, Report},
};

/// The version of the protocol.
pub const PROTOCOL: u32 = 1;

/// A message to browsers. `cause` names project-relative files, `paths` are URL paths.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[expect(missing_docs, reason = "the members are the protocol's; DESIGN and the README list them")]
pub enum Message {
    /// The first one on each socket: where things stand.
    Hello {
        protocol: u32,
        project: String,
        generation: u64,
        stale: bool,
        building: bool,
        report: Option<WireReport>,
        program: u64,
        pages: u64,
        resources: Option<BTreeMap<String, (u64, String)>>,
    },
    /// Swap these stylesheets in place.
    Styles {
        generation: u64,
        cause: Vec<String>,
        #[serde(flatten)]
        files: Files,
        #[serde(skip_serializing_if = "Option::is_none")]
        timing: Option<WireTiming>,
    },
    /// Refresh these pictures and fonts in place.
    Assets {
        generation: u64,
        cause: Vec<String>,
        #[serde(flatten)]
        files: Files,
        #[serde(skip_serializing_if = "Option::is_none")]
        timing: Option<WireTiming>,
    },
    /// Change what is shown in place: these files, and the page's own text from `base` to `target`.
    Patch {
        generation: u64,
        cause: Vec<String>,
        styles: Vec<String>,
        assets: Vec<String>,
        modules: Vec<String>,
        hashes: BTreeMap<String, String>,
        page: Option<String>,
        base: Option<String>,
        target: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        timing: Option<WireTiming>,
    },
    /// Load the page anew.
    Reload {
        generation: u64,
        cause: Vec<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        timing: Option<WireTiming>,
    },
    /// A build began.
    Building { generation: u64, cause: Vec<String> },
    /// A build, a start or the program failed; this generation keeps answering.
    Failed { generation: u64, cause: Vec<String>, report: WireReport },
    /// The failure is over and nothing has to be loaded anew.
    Ok { generation: u64, cause: Vec<String> },
    /// Somebody wrote through the API.
    Data { resource: String, ids: Vec<String> },
    /// Do what a person did in another page, which shows this path.
    Mirror { path: String, act: Act },
    /// Something the person should know, in one sentence.
    Notice { text: String },
}

/// Files that are renewed in place.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Files {
    pub(super) paths: Vec<String>,
    pub(super) hashes: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) otherwise: Option<Otherwise>,
}

/// The text of a page, before and after.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    /// The name of the page as it is now.
    pub(super) page: PageId,
    pub(super) base: String,
    pub(super) target: String,
}

/// What a page does that has loaded none of the paths.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Otherwise {
    /// Load anew: the addresses were guessed.
    Reload,
}

/// A [`Report`] as browsers get it.
#[derive(Clone, Debug, Serialize)]
pub struct WireReport {
    id: u64,
    kind: &'static str,
    title: String,
    command: String,
    diagnostics: Vec<WireDiagnostic>,
    output: String,
    help: String,
    took_ms: u64,
}

#[derive(Clone, Debug, Serialize)]
struct WireDiagnostic {
    severity: &'static str,
    file: Option<String>,
    line: Option<u32>,
    column: Option<u32>,
    message: String,
    help: String,
    excerpt: Option<WireExcerpt>,
}

#[derive(Clone, Debug, Serialize)]
struct WireExcerpt {
    first: u32,
    lines: Vec<String>,
}

impl Message {
    /// The frame's text.
    pub(super) fn text(&self) -> Utf8Bytes {
        serde_json::to_string(self).unwrap_or_default().into()
    }

    pub(super) fn hello(project: &str, standing: &Standing) -> Self {
        let resources = standing.resources.as_deref().map(|resources| {
            let state = |(path, state): (&String, &ResourceState)| (path.clone(), (state.generation.0, state.hash.clone()));
            resources.iter().map(state).collect()
        });
        Self::Hello {
            protocol: PROTOCOL,
            project: project.to_owned(),
            generation: standing.generation.0,
            stale: standing.is_stale(),
            building: standing.building,
            report: standing.failure.as_deref().map(WireReport::from),
            program: standing.program.0,
            pages: standing.pages.0,
            resources,
        }
    }

    /// Asks pages to load anew.
    #[must_use]
    pub fn reload(generation: Generation, cause: &[PathBuf], timing: Option<&Timing>) -> Self {
        Self::Reload { generation: generation.0, cause: texts(cause), timing: timing.map(WireTiming::from) }
    }

    /// Asks pages to swap the stylesheets of an update.
    pub(super) fn styles(update: &Update, files: Files) -> Self {
        Self::Styles { generation: update.generation.0, files, cause: texts(&update.cause), timing: update.wire_timing() }
    }

    /// Asks pages to refresh the pictures and fonts of an update.
    pub(super) fn assets(update: &Update, files: Files) -> Self {
        Self::Assets { generation: update.generation.0, files, cause: texts(&update.cause), timing: update.wire_timing() }
    }

    /// Asks a page to change in place.
    pub(super) fn patch(update: &Update, text: Option<Texts>) -> Self {
        let Update { generation, cause, styles, assets, mut modules, answers, hashes, .. } = update.clone();
        // A page asks the same of both: whether it loaded them.
        modules.extend(answers);
        let (page, base, target) = match text {
            Some(Texts { page, base, target }) => (Some(page.to_string()), Some(base), Some(target)),
            None => (None, None, None),
        };
        let (generation, cause, timing) = (generation.0, texts(&cause), update.wire_timing());
        Self::Patch { generation, cause, styles, assets, modules, hashes, page, base, target, timing }
    }

    /// Says something the person should know.
    #[must_use]
    pub fn notice(text: impl Into<String>) -> Self {
        Self::Notice { text: text.into() }
    }

    /// Says that a build began.
    #[must_use]
    pub fn building(generation: Generation, cause: &[PathBuf]) -> Self {
        Self::Building { generation: generation.0, cause: texts(cause) }
    }

    /// Says what failed.
    #[must_use]
    pub fn failed(generation: Generation, cause: &[PathBuf], report: &Report) -> Self {
        Self::Failed { generation: generation.0, cause: texts(cause), report: report.into() }
    }

    /// Says that the failure is over.
    #[must_use]
    pub fn ok(generation: Generation, cause: &[PathBuf]) -> Self {
        Self::Ok { generation: generation.0, cause: texts(cause) }
    }
}

impl From<&Report> for WireReport {
    fn from(report: &Report) -> Self {
        Self {
            id: report.id,
            kind: match report.kind {
                Kind::Build => "build",
                Kind::Start => "start",
                Kind::Crash => "crash",
                Kind::Rollback => "rollback",
                Kind::Choice => "choice",
                Kind::Config => "config",
                Kind::Template => "template",
            },
            title: report.title.clone(),
            command: report.command.clone(),
            diagnostics: report.diagnostics.iter().map(WireDiagnostic::from).collect(),
            output: report.output.clone(),
            help: report.help.clone(),
            took_ms: u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl From<&Diagnostic> for WireDiagnostic {
    fn from(diagnostic: &Diagnostic) -> Self {
        Self {
            severity: diagnostic.severity.name(),
            file: diagnostic.file.as_deref().map(text),
            line: diagnostic.line,
            column: diagnostic.column,
            message: diagnostic.message.clone(),
            help: diagnostic.help.clone(),
            excerpt: diagnostic.excerpt.as_ref().map(WireExcerpt::from),
        }
    }
}

impl From<&Excerpt> for WireExcerpt {
    fn from(excerpt: &Excerpt) -> Self {
        Self { first: excerpt.first, lines: excerpt.lines.clone() }
    }
}

fn texts(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| text(path)).collect()
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn says_where_things_stand() {
        let report = Report {
            id: 7,
            kind: Kind::Build,
            title: "go build failed".into(),
            command: "go build".into(),
            diagnostics: vec![Diagnostic {
                file: Some("main.go".into()),
                line: Some(18),
                message: "no".into(),
                help: "yes".into(),
                excerpt: Some(Excerpt { first: 18, lines: vec!["\tfooo()".into()] }),
                ..Diagnostic::default()
            }],
            output: "no".into(),
            took: std::time::Duration::from_millis(5),
            help: String::new(),
        };
        let state = ResourceState { generation: Generation(2), hash: "c0ffee".into() };
        let standing = Standing {
            generation: Generation(3),
            failure: Some(Arc::new(report)),
            program: Generation(1),
            resources: Some(Arc::new([("/a.css".to_owned(), state)].into())),
            ..Standing::default()
        };
        let text = serde_json::to_string(&Message::hello("shop", &standing)).unwrap();
        assert_eq!(
            text,
            r#"{"type":"hello","protocol":1,"project":"shop","generation":3,"stale":true,"building":false,"report":{"id":7,"kind":"build","title":"go build failed","command":"go build","diagnostics":[{"severity":"error","file":"main.go","line":18,"column":null,"message":"no","help":"yes","excerpt":{"first":18,"lines":["\tfooo()"]}}],"output":"no","help":"","took_ms":5},"program":1,"pages":0,"resources":{"/a.css":[2,"c0ffee"]}}"#
        );
    }
}
