//! `--log json`: one object per line, for other programs.
//!
//! The names of the events and of their members are an interface: members may be added, none is renamed.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};

use super::Ready;
use crate::{
    report::{Diagnostic, Excerpt, Report},
    telemetry::{Change, Notice, Summary},
};

pub(super) fn ready(ready: &Ready<'_>) -> String {
    line(
        "ready",
        json!({
            "url": ready.opened.url,
            "other_urls": ready.opened.others,
            "control": ready.opened.control,
            "control_token": ready.opened.control_token.reveal(),
            "project": ready.config.project,
            "root": text(&ready.config.root),
            "version": env!("CARGO_PKG_VERSION"),
            "pid": std::process::id(),
            "ready_ms": ms(ready.took),
            "detected": ready.config.detected.iter().map(|found| json!({ "what": found.what, "why": found.why })).collect::<Vec<_>>(),
        }),
    )
}

pub(super) fn notice(notice: &Notice) -> String {
    match notice {
        Notice::Watching { folders, files, took } => {
            line("watching", json!({ "folders": folders, "files": files, "took_ms": ms(*took) }))
        }
        Notice::Changed { files } => line("changed", json!({ "files": texts(files) })),
        Notice::Building { command, step } => line("building", json!({ "command": command, "step": step })),
        Notice::StillBuilding { command, step, took } => {
            line("still_building", json!({ "command": command, "step": step, "took_ms": ms(*took) }))
        }
        Notice::Skipped { step } => line("skipped", json!({ "step": step })),
        Notice::Built { command, step, took, cause } => {
            line("built", json!({ "command": command, "step": step, "took_ms": ms(*took), "cause": texts(cause) }))
        }
        Notice::Unchanged { cause } => line("unchanged", json!({ "cause": texts(cause) })),
        Notice::BuildFailed { report, serving } => line("build_failed", json!({ "serving": serving.0, "report": wire(report) })),
        Notice::PageFailed { report } => line("page_failed", json!({ "report": wire(report) })),
        Notice::Generation { generation, ready_in, waited, cause } => line(
            "generation",
            json!({ "generation": generation.0, "ready_ms": ready_in.map(ms), "waited": waited, "cause": texts(cause) }),
        ),
        Notice::RolledBack { report, generation } => {
            line("rolled_back", json!({ "generation": generation.0, "report": wire(report) }))
        }
        Notice::Reloaded { change, generation, pages, took, cause } => line(
            "reloaded",
            json!({ "change": name(*change), "generation": generation.0, "pages": pages, "took_ms": ms(*took), "cause": texts(cause) }),
        ),
        Notice::Painted { generation, took, cause } => {
            line("painted", json!({ "generation": generation.0, "took_ms": ms(*took), "cause": texts(cause) }))
        }
        Notice::Timings { told, painted } => line("timings", json!({ "told": figures(told), "painted": figures(painted) })),
        Notice::AppOutput { source, line: text, stderr } => {
            let stream = if *stderr { "stderr" } else { "stdout" };
            line("app_output", json!({ "line": text, "stream": stream, "source": source.name() }))
        }
        Notice::LeftOut { source, lines } => line("left_out", json!({ "lines": lines, "source": source.name() })),
        Notice::AppError { diagnostic } => line("app_error", json!({ "diagnostic": finding(diagnostic) })),
        Notice::AppExited { report, retry_in } => {
            line("app_exited", json!({ "retry_ms": retry_in.map(ms), "report": wire(report) }))
        }
        Notice::Console { level, text, source } => line("console", json!({ "level": level, "text": text, "source": source })),
        Notice::Device { name, what } => line("device", json!({ "name": name, "what": what })),
        Notice::Warning(text) => line("warning", json!({ "text": text })),
        Notice::Info(text) => line("info", json!({ "text": text })),
        Notice::Stopped => line("stopped", json!({})),
    }
}

fn line(event: &str, facts: Value) -> String {
    let at = jiff::Timestamp::now().to_string();
    let mut object = json!({ "event": event });
    if let (Value::Object(object), Value::Object(facts)) = (&mut object, facts) {
        object.extend(facts);
        object.insert("at".into(), at.into());
    }
    format!("{object}\n")
}

fn wire(report: &Report) -> Value {
    json!({
        "title": report.title,
        "command": report.command,
        "diagnostics": report.diagnostics.iter().map(finding).collect::<Vec<_>>(),
        "output": report.output,
        "help": report.help,
        "took_ms": ms(report.took),
    })
}

fn finding(found: &Diagnostic) -> Value {
    let excerpt = |excerpt: &Excerpt| json!({ "first": excerpt.first, "lines": excerpt.lines });
    json!({
        "severity": found.severity.name(),
        "file": found.file.as_deref().map(text),
        "line": found.line,
        "column": found.column,
        "message": found.message,
        "help": found.help,
        "excerpt": found.excerpt.as_ref().map(excerpt),
    })
}

fn name(change: Change) -> &'static str {
    match change {
        Change::Styles => "styles",
        Change::Assets => "assets",
        Change::Reload => "reload",
    }
}

/// Milliseconds, to the microsecond.
fn figures(summary: &Summary) -> Value {
    json!({ "count": summary.count, "p50_ms": ms(summary.p50), "p95_ms": ms(summary.p95) })
}

fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

fn texts(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| text(path)).collect()
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generation::Generation;

    #[test]
    fn a_line_is_one_object() {
        let text = notice(&Notice::Reloaded {
            change: Change::Styles,
            generation: Generation(4),
            pages: 2,
            took: Duration::from_micros(1400),
            cause: vec!["a\nb.css".into()],
        });
        let (head, at) = text.split_once(",\"at\":").unwrap();
        assert_eq!(head, r#"{"event":"reloaded","change":"styles","generation":4,"pages":2,"took_ms":1.4,"cause":["a\nb.css"]"#);
        assert!(at.ends_with("\"}\n") && text.lines().count() == 1);
    }
}
