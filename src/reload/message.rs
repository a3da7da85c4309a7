//! What stands on the reload socket, version 1: one JSON object a frame, tagged by `type`.

use std::{path::Path, path::PathBuf};

use serde::Serialize;

use crate::{
    generation::{Generation, Standing},
    report::{Diagnostic, Kind, Report},
};

/// The version of the protocol.
pub const PROTOCOL: u32 = 1;

/// A message to browsers. `cause` names project-relative files, `paths` are URL paths.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[expect(missing_docs, reason = "the members are the protocol's; DESIGN and the README list them")]
pub enum Message {
    /// The first one on each socket: where things stand.
    Hello { protocol: u32, project: String, generation: u64, stale: bool, building: bool, report: Option<WireReport> },
    /// Swap these stylesheets in place.
    Styles {
        generation: u64,
        paths: Vec<String>,
        cause: Vec<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        otherwise: Option<Otherwise>,
    },
    /// Refresh these pictures and fonts in place.
    Assets {
        generation: u64,
        paths: Vec<String>,
        cause: Vec<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        otherwise: Option<Otherwise>,
    },
    /// Load the page anew.
    Reload { generation: u64, cause: Vec<String> },
    /// A build began.
    Building { generation: u64, cause: Vec<String> },
    /// A build, a start or the program failed; this generation keeps answering.
    Failed { generation: u64, cause: Vec<String>, report: WireReport },
    /// The failure is over and nothing has to be loaded anew.
    Ok { generation: u64, cause: Vec<String> },
    /// Somebody wrote through the API.
    Data { resource: String, ids: Vec<String> },
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
}

impl Message {
    pub(super) fn hello(project: &str, standing: &Standing) -> Self {
        Self::Hello {
            protocol: PROTOCOL,
            project: project.to_owned(),
            generation: standing.generation.0,
            stale: standing.is_stale(),
            building: standing.building,
            report: standing.failure.as_deref().map(WireReport::from),
        }
    }

    /// Asks pages to load anew.
    #[must_use]
    pub fn reload(generation: Generation, cause: &[PathBuf]) -> Self {
        Self::Reload { generation: generation.0, cause: texts(cause) }
    }

    /// Asks pages to swap stylesheets.
    #[must_use]
    pub fn styles(generation: Generation, paths: Vec<String>, cause: &[PathBuf]) -> Self {
        Self::Styles { generation: generation.0, paths, cause: texts(cause), otherwise: None }
    }

    /// Asks pages to refresh pictures and fonts.
    #[must_use]
    pub fn assets(generation: Generation, paths: Vec<String>, cause: &[PathBuf]) -> Self {
        Self::Assets { generation: generation.0, paths, cause: texts(cause), otherwise: None }
    }

    /// The same, for pages that may have loaded the files under other addresses.
    #[must_use]
    pub fn or_reload(mut self) -> Self {
        if let Self::Styles { otherwise, .. } | Self::Assets { otherwise, .. } = &mut self {
            *otherwise = Some(Otherwise::Reload);
        }
        self
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
        }
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
                ..Diagnostic::default()
            }],
            output: "no".into(),
            took: std::time::Duration::from_millis(5),
            help: String::new(),
        };
        let standing = Standing { generation: Generation(3), failure: Some(Arc::new(report)), building: false };
        let text = serde_json::to_string(&Message::hello("shop", &standing)).unwrap();
        assert_eq!(
            text,
            r#"{"type":"hello","protocol":1,"project":"shop","generation":3,"stale":true,"building":false,"report":{"id":7,"kind":"build","title":"go build failed","command":"go build","diagnostics":[{"severity":"error","file":"main.go","line":18,"column":null,"message":"no"}],"output":"no","help":"","took_ms":5}}"#
        );
    }
}
