//! The console for people: past tense, paths relative to the project, durations at the end.
//!
//! Colour never carries the only meaning. Nothing is cleared or redrawn: what was printed stays.

mod devtools;
mod invited;
mod page;
mod pages;

use std::{
    env,
    io::{self, IsTerminal},
    path::PathBuf,
    time::Duration,
};

use super::Ready;
use crate::{
    cli::keys::Key,
    config::{Config, Run},
    generation::Generation,
    plain::{coloured, plain},
    report::{Kind, Report},
    server::Moved,
    telemetry::{Change, Notice, Source, Summary},
};
use devtools::Reader;

/// Files named on a line; the rest is counted.
const NAMED: usize = 3;

/// Places named on lines of their own because they led to a mistake; a template that includes itself leads there dozens of times.
const LED_TO: usize = 5;

/// Width of the column of the event's name.
const NAME: usize = 12;

/// Width of the column of its facts, before its files.
const FACTS: usize = 48;

/// A walk that takes less than this is not worth a line.
const LONG_WALK: Duration = Duration::from_millis(500);

/// Prints for people.
pub(super) struct Human {
    colour: bool,
}

/// The colours used, by meaning.
#[derive(Clone, Copy)]
enum Tone {
    Good,
    Bad,
    Warning,
    Quiet,
    Link,
    Strong,
}

impl Human {
    /// For a terminal or a pipe; `NO_COLOR` is respected (no-color.org).
    pub(super) fn new(is_terminal: bool) -> Self {
        let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colour: is_terminal && !unwanted }
    }

    pub(super) fn has_colours(&self) -> bool {
        self.colour
    }

    pub(super) fn ready(&self, ready: &Ready<'_>) -> String {
        let Ready { config, opened, took, keys } = ready;
        let version = format!("everlit {}", env!("CARGO_PKG_VERSION"));
        let project = plain(&config.project);
        let gap = " ".repeat(50_usize.saturating_sub(version.len() + 2 + project.chars().count()).max(2));
        let mut text = format!("\n  {}  {project}{gap}ready in {}\n", self.tone(Tone::Strong, &version), duration(*took));
        text.push_str(&self.row("local", &opened.url));
        if let Some(named) = &opened.named {
            text.push_str(&self.row("named", &plain(named)));
        }
        for other in &opened.others {
            text.push_str(&self.row("network", other));
        }
        for (name, what) in what_runs(config) {
            text.push_str(&format!("  {name:<10} {what}\n"));
        }
        for found in &config.detected {
            let found = format!("{:<10} {}, {}", "detected", plain(&found.what), plain(&found.why));
            text.push_str(&format!("  {}\n", self.tone(Tone::Quiet, &found)));
        }
        if *keys {
            text.push_str(&format!("  {}\n", self.tone(Tone::Quiet, Key::HELP)));
        }
        text.push('\n');
        text
    }

    pub(super) fn notice(&self, notice: &Notice) -> String {
        match notice {
            Notice::Watching { took, .. } if *took < LONG_WALK => String::new(),
            Notice::Watching { folders, files, took } => self.event(
                Tone::Quiet,
                "watching",
                &format!("{files} files in {folders} folders, found in {}", duration(*took)),
                &[],
            ),
            // What follows from a change says which files it was; a line of its own would say it twice.
            Notice::Changed { .. } => String::new(),
            Notice::Building { command, step } => {
                self.event(Tone::Quiet, "building", &format!("{}{}", label(step.as_ref()), plain(command)), &[])
            }
            Notice::StillBuilding { command, step, took } => {
                let facts = format!("{}{}, {} so far", label(step.as_ref()), plain(&short(command)), duration(*took));
                self.event(Tone::Quiet, "building", &facts, &[])
            }
            Notice::Skipped { step } => self.event(Tone::Quiet, "skipped", &format!("{step}: made from the same already"), &[]),
            Notice::Built { command, step, took, cause } => {
                let facts = format!("{}{} in {}", label(step.as_ref()), plain(&short(command)), duration(*took));
                self.event(Tone::Good, "built", &facts, cause)
            }
            Notice::Unchanged { cause } => self.event(Tone::Quiet, "unchanged", "the program is the same and runs on", cause),
            Notice::BuildFailed { report, serving } => self.failed(report, *serving),
            Notice::PageFailed { report } => self.page_failed(report),
            Notice::Generation { generation, ready_in, waited, .. } => {
                let ready_in = ready_in.map(|took| format!(" in {}", duration(took))).unwrap_or_default();
                let waited = count(*waited, "request");
                self.event(Tone::Good, "generation", &format!("{generation} ready{ready_in}, {waited} waited"), &[])
            }
            Notice::RolledBack { report, generation } => self.rolled_back(report, *generation),
            Notice::Reloaded { change, pages, took, cause, .. } => self.reloaded(*change, *pages, *took, cause),
            Notice::Painted { took, cause, .. } => {
                self.event(Tone::Quiet, "painted", &format!("{} after the save", duration(*took)), cause)
            }
            Notice::Timings { told, painted } => self.timings("message", told) + &self.timings("painted", painted),
            Notice::AppOutput { source, line, stderr } => format!("{}{}\n", self.mark(*source, *stderr), self.untrusted(line)),
            Notice::LeftOut { source, lines } => {
                let facts = format!("… {} left out", grouped(*lines, "line"));
                format!("{}{}\n", self.mark(*source, false), self.tone(Tone::Quiet, &facts))
            }
            Notice::AppError { diagnostic } => {
                let message = diagnostic.message.lines().next().unwrap_or_default();
                self.event(Tone::Bad, "app error", &format!("{}  {}", plain(&diagnostic.place()), plain(message)), &[])
            }
            Notice::AppExited { report, retry_in } => {
                let again = retry_in.map(|pause| format!("; starting again in {}", duration(pause))).unwrap_or_default();
                self.event(Tone::Bad, "app ended", &format!("{}{again}", plain(&report.title)), &[])
            }
            Notice::Console(message) => self.page_message(message),
            Notice::ConsoleLeftOut { teller, messages } => self.page_left_out(teller, *messages),
            Notice::DevTools(found) => {
                let reader = if io::stdout().is_terminal() { Reader::Terminal } else { Reader::Other };
                self.devtools(found, reader)
            }
            Notice::Invited(invited) => self.invited(invited, invited::columns()),
            Notice::Pages { generation, pages } => self.pages(*generation, pages),
            Notice::Device { name, what } => self.event(Tone::Link, "device", &format!("{}  {}", plain(name), plain(what)), &[]),
            Notice::Warning(text) => self.event(Tone::Warning, "warning", &plain(text), &[]),
            Notice::Info(text) => self.event(Tone::Quiet, "", &plain(text), &[]),
            Notice::Stopped => self.event(Tone::Quiet, "stopped", "", &[]),
        }
    }

    fn failed(&self, report: &Report, serving: Generation) -> String {
        let what = cause_of(report);
        let rest = match serving {
            Generation(0) => "nothing to serve until it is mended".to_owned(),
            generation => format!("generation {generation} keeps serving, marked stale"),
        };
        let mut text =
            self.event(Tone::Bad, "failed", &format!("{}  {what}  {}", plain(&report.title), self.tone(Tone::Quiet, &rest)), &[]);
        if !report.help.is_empty() {
            text.push_str(&self.event(Tone::Quiet, "", &plain(&report.help), &[]));
        }
        // What a build says was printed when it said it.
        if report.kind == Kind::Template {
            text.push_str(&self.excerpt(&report.output));
        }
        text
    }

    fn rolled_back(&self, report: &Report, generation: Generation) -> String {
        let rest = self.tone(Tone::Quiet, &format!("it answers as generation {generation}, marked stale"));
        let title = plain(&report.title);
        // The event's name says it.
        let facts = format!("{}  {rest}", title.strip_prefix("rolled back ").unwrap_or(&title));
        let text = self.event(Tone::Bad, "rolled back", &facts, &[]);
        text + &self.event(Tone::Quiet, "", &plain(&report.help), &[])
    }

    fn page_failed(&self, report: &Report) -> String {
        let text = self.event(Tone::Bad, "failed", &format!("{}  {}", plain(&report.title), cause_of(report)), &[]);
        let others = report.diagnostics.iter().skip(1).take(LED_TO);
        let others = others.map(|found| format!("{}  {}", plain(&found.place()), plain(&found.message)));
        let others = others.map(|other| self.event(Tone::Quiet, "", &other, &[]));
        text + &others.collect::<String>() + &self.excerpt(&report.output)
    }

    /// Lines of a source, under the line that says what is wrong with them.
    fn excerpt(&self, source: &str) -> String {
        source.lines().map(|line| format!("{} {}\n", self.tone(Tone::Quiet, "  │"), plain(line))).collect()
    }

    fn reloaded(&self, change: Change, pages: usize, took: Duration, cause: &[PathBuf]) -> String {
        let name = match change {
            Change::Styles => "styles",
            Change::Assets => "assets",
            Change::Reload => "reloaded",
        };
        match (pages, cause.is_empty()) {
            // Nobody saved and nobody looks: the generation's own line says all.
            (0, true) => String::new(),
            (0, false) => self.event(Tone::Good, "changed", "no page is open", cause),
            (pages, true) => self.event(Tone::Good, name, &count(pages as u64, "page"), cause),
            (pages, false) => {
                let what = format!("→ {} in {}", count(pages as u64, "page"), duration(took));
                self.event(Tone::Good, name, &what, cause)
            }
        }
    }

    fn timings(&self, end: &str, Summary { count, p50, p95 }: &Summary) -> String {
        let facts = match count {
            0 => format!("save → {end}: none yet"),
            _ => format!("save → {end}: p50 {}, p95 {}, of {count}", duration(*p50), duration(*p95)),
        };
        self.event(Tone::Quiet, "timings", &facts, &[])
    }

    /// Who wrote the line behind it; the heavy one is that of standard error.
    fn mark(&self, source: Source, stderr: bool) -> String {
        let (tone, bar) = if stderr { (Tone::Warning, '┃') } else { (Tone::Quiet, '│') };
        let mark = format!("  {:<width$}{bar}", source.name(), width = usize::from(Source::MARK) - 4);
        format!("{} ", self.tone(tone, &mark))
    }

    /// What a program wrote, in its colours where there are any.
    fn untrusted(&self, line: &str) -> String {
        if self.colour { format!("{}\u{1b}[0m", coloured(line)) } else { plain(line) }
    }

    /// `12:03:17  built       go build in 412 ms            main.go`
    fn event(&self, tone: Tone, name: &str, facts: &str, files: &[PathBuf]) -> String {
        let time = jiff::Zoned::now().strftime("%H:%M:%S").to_string();
        let name = self.tone(tone, &format!("{name:<NAME$}"));
        let files = named(files);
        let facts = if files.is_empty() { facts.to_owned() } else { format!("{facts:<FACTS$}") };
        let line = format!("{}  {name}{facts} {}", self.tone(Tone::Quiet, &time), self.tone(Tone::Quiet, &files));
        format!("{}\n", line.trim_end())
    }

    fn row(&self, name: &str, value: &str) -> String {
        format!("  {} {name:<8} {}\n", self.tone(Tone::Good, "➜"), self.tone(Tone::Link, value))
    }

    fn tone(&self, tone: Tone, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "1;31",
            Tone::Warning => "33",
            Tone::Quiet => "2",
            Tone::Link => "36",
            Tone::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// The place and the words of the most important finding, or else the first words of the output.
fn cause_of(report: &Report) -> String {
    let first_line = |text: &str| text.lines().map(plain).find(|line| !line.trim().is_empty()).unwrap_or_default();
    match report.diagnostics.first() {
        Some(first) => format!("{}  {}", plain(&first.place()), first_line(&first.message)),
        None => first_line(&report.output),
    }
}

/// Says that the port is another one, and whose fault that is.
pub(super) fn moved(moved: &Moved, url: &str) -> String {
    let owner = moved.owner.as_ref().map(|owner| format!(" by {owner}")).unwrap_or_default();
    format!("port {} is taken{owner}; listening on {url} instead", moved.wanted)
}

fn what_runs(config: &Config) -> Vec<(&'static str, String)> {
    let app = config.app.as_ref().map(|app| {
        let build = app.steps.iter().map(|step| plain(&step.command.to_string())).collect::<Vec<_>>().join(", ");
        let build = if build.is_empty() { build } else { format!("{build} → ") };
        let run = match &app.run {
            _ if !app.is_run => "the site".into(),
            Run::Command(command) => plain(&command.to_string()),
            Run::BuiltExecutable => "the program it builds".into(),
        };
        (if app.is_run { "app" } else { "build" }, format!("{build}{run}"))
    });
    let upstream = config.upstream.as_ref().map(|upstream| ("upstream", upstream.to_string()));
    app.into_iter().chain(upstream).collect()
}

fn named(files: &[PathBuf]) -> String {
    let mut text = files.iter().take(NAMED).map(|file| plain(&file.to_string_lossy())).collect::<Vec<_>>().join(", ");
    if files.len() > NAMED {
        text.push_str(&format!(" and {} more", files.len() - NAMED));
    }
    text
}

/// `templ: `
fn label(step: Option<&String>) -> String {
    step.map(|name| format!("{name}: ")).unwrap_or_default()
}

/// The command without its long options: they stand in the banner.
fn short(command: &str) -> String {
    command.split_whitespace().take(2).filter(|word| !word.starts_with("--")).collect::<Vec<_>>().join(" ")
}

fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// `12,345 lines`.
fn grouped(number: u64, noun: &str) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{text} {noun}{}", if number == 1 { "" } else { "s" })
}

/// `1.4 ms`, `412 ms`, `2.3 s`, `42 s`.
fn duration(time: Duration) -> String {
    match time.as_secs_f64() * 1e3 {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 1000.0 => format!("{ms:.0} ms"),
        ms if ms < 10_000.0 => format!("{:.1} s", ms / 1e3),
        ms => format!("{:.0} s", ms / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::report::Diagnostic;

    fn human() -> Human {
        Human { colour: false }
    }

    fn check(notice: &Notice, expected: &str) {
        let text = human().notice(notice);
        assert_eq!(&text["12:03:17  ".len()..], expected, "{notice:?}");
    }

    #[test]
    fn one_line_per_event() {
        let cause = vec!["main.go".into()];
        check(
            &Notice::Built { command: "go build -o x .".into(), step: None, took: Duration::from_millis(412), cause },
            "built       go build in 412 ms                               main.go\n",
        );
        check(
            &Notice::Generation {
                generation: Generation(2),
                ready_in: Some(Duration::from_millis(31)),
                waited: 0,
                cause: Vec::new(),
            },
            "generation  2 ready in 31 ms, 0 requests waited\n",
        );
        check(
            &Notice::Reloaded {
                change: Change::Styles,
                generation: Generation(3),
                pages: 2,
                took: Duration::from_micros(1400),
                cause: vec!["site.css".into()],
            },
            "styles      → 2 pages in 1.4 ms                              site.css\n",
        );
        check(
            &Notice::Painted { generation: Generation(3), took: Duration::from_millis(18), cause: vec!["site.css".into()] },
            "painted     18 ms after the save                             site.css\n",
        );
        let diagnostic = Diagnostic {
            file: Some("web.py".into()),
            line: Some(6),
            message: "NameError: name 'x' is not defined\nmore".into(),
            ..Diagnostic::default()
        };
        check(&Notice::AppError { diagnostic }, "app error   web.py:6  NameError: name 'x' is not defined\n");
        check(&Notice::Warning("a\u{1b}[2Jb".into()), "warning     ab\n");
    }

    #[test]
    fn lines_say_whose_they_are() {
        let text = |notice| human().notice(&notice);
        let line = |source, stderr| text(Notice::AppOutput { source, line: "\u{1b}[31mx\u{1b}[0m".into(), stderr });
        assert_eq!(line(Source::App, false), "  app   │ x\n");
        assert_eq!(line(Source::Build, true), "  build ┃ x\n");
        assert_eq!(text(Notice::LeftOut { source: Source::App, lines: 12_345 }), "  app   │ … 12,345 lines left out\n");
        assert_eq!([1, 999, 1_000_000].map(|lines| grouped(lines, "line")), ["1 line", "999 lines", "1,000,000 lines"]);
        assert_eq!(line(Source::App, false).chars().count() - 2, usize::from(Source::MARK));
    }

    #[test]
    fn timings_are_figures_or_said_to_be_missing() {
        let told = Summary { count: 3, p50: Duration::from_micros(300), p95: Duration::from_millis(2) };
        let text = human().notice(&Notice::Timings { told, painted: Summary::default() });
        let facts: Vec<_> = text.lines().map(|line| line[10..].to_owned()).collect();
        assert_eq!(facts, ["timings     save → message: p50 0.3 ms, p95 2.0 ms, of 3", "timings     save → painted: none yet"]);
    }

    #[test]
    fn a_page_that_failed_shows_where() {
        let place = |file: &str, message: &str| Diagnostic {
            file: Some(file.into()),
            line: Some(2),
            column: Some(4),
            message: message.to_owned(),
            ..Diagnostic::default()
        };
        let report = Report {
            id: 1,
            kind: Kind::Template,
            title: "templates/a.html cannot be rendered".into(),
            command: String::new(),
            diagnostics: vec![place("templates/_b.html", "unknown filter"), place("templates/a.html", "could not include")],
            output: ">    2 | \t{{ \u{1b}[2Jx }}\n       | \t ^\n".into(),
            took: Duration::ZERO,
            help: String::new(),
        };
        let report = Arc::new(report);
        let lines = |notice| {
            let text = Human { colour: false }.notice(&notice);
            let without_time = |line: &str| line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':').to_owned();
            text.lines().map(without_time).collect::<Vec<_>>()
        };
        let expected = [
            "  failed      templates/a.html cannot be rendered  templates/_b.html:2:4  unknown filter",
            "              templates/a.html:2:4  could not include",
            "  │ >    2 |  {{ x }}",
            "  │        |   ^",
        ];
        assert_eq!(lines(Notice::PageFailed { report: Arc::clone(&report) }), expected);
        let failed = lines(Notice::BuildFailed { report, serving: Generation(2) });
        assert!(failed[0].ends_with("generation 2 keeps serving, marked stale"), "{failed:?}");
        assert_eq!(failed[1..], expected[2..]);
    }

    #[test]
    fn durations_are_short() {
        let check = |ms, expected: &str| assert_eq!(duration(Duration::from_millis(ms)), expected);
        check(5, "5.0 ms");
        check(412, "412 ms");
        check(2345, "2.3 s");
        check(42_000, "42 s");
    }
}
