//! Notices as JSON: a line each, for other programs (`--log json`, and `/api/events` of the control listener).
//!
//! The names of the events and of their members are an interface: members may be added, none is renamed.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};

use super::{DevTools, Notice, OpenPage, PageMessage, Summary, Teller};
use crate::report::{Diagnostic, Excerpt, Report};

/// A notice as a line, with its newline.
#[must_use]
pub fn json_line(notice: &Notice) -> String {
    match notice {
        Notice::Watching { folders, files, took } => {
            event_line("watching", json!({ "folders": folders, "files": files, "took_ms": in_milliseconds(*took) }))
        }
        Notice::Changed { files } => event_line("changed", json!({ "files": texts(files) })),
        Notice::Building { command, step } => event_line("building", json!({ "command": command, "step": step })),
        Notice::StillBuilding { command, step, took } => {
            event_line("still_building", json!({ "command": command, "step": step, "took_ms": in_milliseconds(*took) }))
        }
        Notice::Skipped { step } => event_line("skipped", json!({ "step": step })),
        Notice::Built { command, step, took, cause } => event_line(
            "built",
            json!({ "command": command, "step": step, "took_ms": in_milliseconds(*took), "cause": texts(cause) }),
        ),
        Notice::Unchanged { cause } => event_line("unchanged", json!({ "cause": texts(cause) })),
        Notice::BuildFailed { report, serving } => {
            event_line("build_failed", json!({ "serving": serving.0, "report": wire(report) }))
        }
        Notice::PageFailed { report } => event_line("page_failed", json!({ "report": wire(report) })),
        Notice::Generation { generation, ready_in, waited, cause } => event_line(
            "generation",
            json!({ "generation": generation.0, "ready_ms": ready_in.map(in_milliseconds), "waited": waited, "cause": texts(cause) }),
        ),
        Notice::RolledBack { report, generation } => {
            event_line("rolled_back", json!({ "generation": generation.0, "report": wire(report) }))
        }
        Notice::Reloaded { change, generation, pages, took, cause } => event_line(
            "reloaded",
            json!({ "change": change.name(), "generation": generation.0, "pages": pages, "took_ms": in_milliseconds(*took), "cause": texts(cause) }),
        ),
        Notice::Painted { generation, took, cause } => {
            event_line("painted", json!({ "generation": generation.0, "took_ms": in_milliseconds(*took), "cause": texts(cause) }))
        }
        Notice::Timings { told, painted } => event_line("timings", json!({ "told": figures(told), "painted": figures(painted) })),
        Notice::AppOutput { source, line: text, stderr } => {
            let stream = if *stderr { "stderr" } else { "stdout" };
            event_line("app_output", json!({ "line": text, "stream": stream, "source": source.name() }))
        }
        Notice::LeftOut { source, lines } => event_line("left_out", json!({ "lines": lines, "source": source.name() })),
        Notice::AppError { diagnostic } => event_line("app_error", json!({ "diagnostic": finding(diagnostic) })),
        Notice::AppExited { report, retry_in } => {
            event_line("app_exited", json!({ "retry_ms": retry_in.map(in_milliseconds), "report": wire(report) }))
        }
        Notice::Console(message) => page_message(message),
        Notice::ConsoleLeftOut { teller, messages } => {
            let Teller { page, browser, device, .. } = &**teller;
            event_line("console_left_out", json!({ "messages": messages, "page": page, "browser": browser, "device": device }))
        }
        Notice::Invited(invited) => event_line(
            "invited",
            json!({
                "url": invited.url,
                "named_url": invited.named,
                "interface": invited.interface,
                "link": invited.link,
                "minutes": invited.minutes,
                "certificate": invited.certificate.as_ref().map(|(url, _)| url),
                "fingerprint": invited.certificate.as_ref().map(|(_, fingerprint)| fingerprint),
            }),
        ),
        // Without the link: lines of this kind end in logs.
        Notice::DevTools(found) => {
            let DevTools { name, page, .. } = &**found;
            event_line("devtools", json!({ "name": name, "page": page }))
        }
        Notice::Pages { generation, pages } => {
            event_line("pages", json!({ "generation": generation.0, "pages": pages.iter().map(open_page).collect::<Vec<_>>() }))
        }
        Notice::Device { name, what } => event_line("device", json!({ "name": name, "what": what })),
        Notice::Warning(text) => event_line("warning", json!({ "text": text })),
        Notice::Info(text) => event_line("info", json!({ "text": text })),
        Notice::Stopped => event_line("stopped", json!({})),
    }
}

fn page_message(message: &PageMessage) -> String {
    let PageMessage { kind, level, text, place, times, teller } = message;
    let Teller { page, browser, device, .. } = &**teller;
    event_line(
        "console",
        json!({
            "kind": kind.name(),
            "level": level.name(),
            "text": text,
            "source": place.as_ref().map(|place| &place.source),
            "line": place.as_ref().map(|place| place.line),
            "column": place.as_ref().map(|place| place.column),
            "times": times,
            "page": page,
            "browser": browser,
            "device": device,
        }),
    )
}

fn open_page(page: &OpenPage) -> Value {
    let OpenPage { path, browser, device, generation, is_newest, latency } = page;
    json!({
        "path": path,
        "browser": browser,
        "device": device,
        "generation": (generation.0 > 0).then_some(generation.0),
        "newest": is_newest,
        "latency_ms": latency.map(in_milliseconds),
    })
}

/// An event with its facts as a line, with its newline.
#[must_use]
pub fn event_line(event: &str, facts: Value) -> String {
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
        "took_ms": in_milliseconds(report.took),
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

fn figures(summary: &Summary) -> Value {
    json!({ "count": summary.count, "p50_ms": in_milliseconds(summary.p50), "p95_ms": in_milliseconds(summary.p95) })
}

/// Milliseconds, to the microsecond.
#[must_use]
pub fn in_milliseconds(time: Duration) -> f64 {
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
    use crate::{generation::Generation, telemetry::Change};

    #[test]
    fn a_line_is_one_object() {
        let text = json_line(&Notice::Reloaded {
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
