//! The tasks of a `deno.json`, or a file that serves.

use serde_json::Value;

use super::{Folder, argv, node_script::Watches, program::Program, scripts::Scripts};

/// Where Deno looks for its settings.
const MANIFESTS: [&str; 2] = ["deno.json", "deno.jsonc"];

/// Files that may serve by themselves.
const FILES: [&str; 6] = ["main.ts", "main.tsx", "main.js", "server.ts", "mod.ts", "src/main.ts"];

/// What a task that watches itself does not notice.
const SETTINGS: [&str; 3] = ["deno.json", "deno.jsonc", "deno.lock"];

/// All tasks, or else the file that serves.
pub(super) fn programs(folder: &Folder) -> Vec<Program> {
    let manifest = MANIFESTS.iter().find_map(|name| Some((*name, folder.text(name)?)));
    let found = manifest.map(|(name, text)| tasks(name, &text)).unwrap_or_default();
    if found.is_empty() { file(folder).into_iter().collect() } else { found }
}

fn tasks(name: &str, text: &str) -> Vec<Program> {
    let manifest: Value = serde_json::from_str(&plain_json(text)).unwrap_or_default();
    let scripts = Scripts::of(manifest.get("tasks"), |task| task.as_str().or_else(|| task.get("command")?.as_str()));
    let Some((chosen, _)) = scripts.chosen() else { return Vec::new() };
    let program = |task: &str| {
        let watches = scripts.watches(task).unwrap_or(Watches::Nothing);
        let program = Program {
            run: Some(argv(&["deno", "task", task])),
            settings: (watches != Watches::Nothing).then_some(&SETTINGS),
            ..Program::new(task, format!("{name}, task `{task}`"), &[])
        };
        if task == chosen { program } else { program.on_request() }
    };
    scripts.names().map(program).collect()
}

/// A file that opens a port itself, or one whose default export answers requests.
fn file(folder: &Folder) -> Option<Program> {
    let program = |name: &str, options: &[&str]| {
        let words = [&["deno"], options, &[name]].concat();
        Program { run: Some(argv(&words)), ..Program::new(name, name, &[]) }
    };
    FILES.iter().find_map(|name| {
        let text = folder.text(name)?;
        let exports = text.contains("export default") && text.contains("fetch");
        match text.contains("Deno.serve") {
            true => Some(program(name, &["run", "-A"])),
            false => exports.then(|| program(name, &["serve", "-A", "--host", "127.0.0.1", "--port", "{port}"])),
        }
    })
}

/// JSON without the comments and trailing commas that Deno takes.
fn plain_json(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '"' => string_length(rest),
            '/' if rest.starts_with("//") => {
                rest = rest.find('\n').map_or("", |end| &rest[end..]);
                continue;
            }
            '/' if rest.starts_with("/*") => {
                rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
                continue;
            }
            '}' | ']' => {
                let kept = out.trim_end().trim_end_matches(',').len();
                out.truncate(kept);
                1
            }
            next => next.len_utf8(),
        };
        let (taken, left) = rest.split_at(length);
        out.push_str(taken);
        rest = left;
    }
    out
}

/// The bytes of the string that a text begins with, its quotes included.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !is_escaped => return at + 1,
            c => is_escaped = c == '\\' && !is_escaped,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_trailing_commas_are_left_out() {
        let check = |text: &str, expected: &str| assert_eq!(plain_json(text), expected, "{text}");
        check("{\"a\": 1, // one\n/* two */ }", "{\"a\": 1}");
        check("[1, 2,\n]", "[1, 2]");
        check(r#"{"url": "http://a", "q": "\"//\\"}"#, r#"{"url": "http://a", "q": "\"//\\"}"#);
        check("{\"é\": \"/*\"} // é", "{\"é\": \"/*\"} ");
        check("\"never ends", "\"never ends");
    }
}
