//! Puts the steps of a build in order. Pure.
//!
//! A step waits for those it names in `after`, and for those whose declared outputs it reads. The one that makes the program
//! also waits for every step that does not say what it writes.

use std::path::Path;

use globset::GlobBuilder;

use crate::config::{CommandLine, ConfigError, StepConfig, file::StepKeys};

/// Nobody writes more; each is a process that may run beside all others.
const MOST: usize = 32;

/// The steps, each behind those it waits for; `build` makes the program, unless one of them is called so, and `sources` is what
/// that is made of.
pub(super) fn merge(
    root: &Path,
    keys: Vec<StepKeys>,
    build: Option<CommandLine>,
    sources: &[String],
) -> Result<Vec<StepConfig>, ConfigError> {
    let steps = with_build(keys, build);
    check_names(&steps)?;
    let waits = waits(&steps, sources);
    let order = order(&waits).ok_or_else(|| refused(format!("{} wait for one another", cycle(&steps, &waits))))?;
    let place = |at: usize| order.iter().position(|other| *other == at).unwrap_or_default();
    Ok(order
        .iter()
        .map(|&at| configured(root, &steps[at], waits[at].iter().map(|&other| place(other)).collect(), sources))
        .collect())
}

fn with_build(keys: Vec<StepKeys>, build: Option<CommandLine>) -> Vec<StepKeys> {
    let mut steps = keys;
    let Some(command) = build else { return steps };
    match steps.iter_mut().find(|step| step.name == StepConfig::BUILD) {
        Some(step) => step.command = command,
        None => steps.push(StepKeys {
            name: StepConfig::BUILD.to_owned(),
            command,
            watch: None,
            outputs: Vec::new(),
            after: Vec::new(),
            dir: None,
        }),
    }
    steps
}

fn check_names(steps: &[StepKeys]) -> Result<(), ConfigError> {
    if steps.len() > MOST {
        return Err(refused(format!("there are {} of them; more than {MOST} are not run", steps.len())));
    }
    for (at, step) in steps.iter().enumerate() {
        if steps[..at].iter().any(|other| other.name == step.name) {
            return Err(refused(format!("two steps are called `{}`; give one of them another name", step.name)));
        }
        if step.after.contains(&step.name) {
            return Err(refused(format!("`{}` waits for itself", step.name)));
        }
        if let Some(unknown) = step.after.iter().find(|name| steps.iter().all(|other| other.name != **name)) {
            let known: Vec<_> = steps.iter().map(|step| format!("`{}`", step.name)).collect();
            return Err(refused(format!(
                "`{}` waits for `{unknown}`, which is no step; there are {}",
                step.name,
                known.join(", ")
            )));
        }
    }
    Ok(())
}

fn refused(why: String) -> ConfigError {
    ConfigError::Steps(why)
}

fn configured(root: &Path, step: &StepKeys, after: Vec<usize>, sources: &[String]) -> StepConfig {
    StepConfig {
        name: step.name.clone(),
        command: step.command.clone(),
        dir: step.dir.as_ref().map_or_else(|| root.to_owned(), |dir| root.join(dir)),
        watch: step.watch.clone().unwrap_or_else(|| sources.to_vec()),
        outputs: step.outputs.clone(),
        after,
    }
}

/// For each step those it waits for. What is concluded from outputs never makes a circle: what was written counts more.
fn waits(steps: &[StepKeys], sources: &[String]) -> Vec<Vec<usize>> {
    let place = |name: &String| steps.iter().position(|step| step.name == *name);
    let mut waits: Vec<Vec<usize>> = steps.iter().map(|step| step.after.iter().filter_map(place).collect()).collect();
    for (at, step) in steps.iter().enumerate() {
        for (other, before) in steps.iter().enumerate() {
            if at != other && !waits[at].contains(&other) && reads(step, before, sources) && !is_behind(&waits, other, at) {
                waits[at].push(other);
            }
        }
    }
    waits
}

/// Whether a step most likely reads what another one writes.
fn reads(step: &StepKeys, before: &StepKeys, sources: &[String]) -> bool {
    if before.outputs.is_empty() {
        return step.name == StepConfig::BUILD;
    }
    let watch = step.watch.as_deref().unwrap_or(sources);
    before.outputs.iter().any(|output| watch.iter().any(|input| overlap(output, input)))
}

/// Whether `at` waits for `other`, be it by way of others.
fn is_behind(waits: &[Vec<usize>], at: usize, other: usize) -> bool {
    let mut seen = vec![false; waits.len()];
    let mut left = waits[at].clone();
    while let Some(next) = left.pop() {
        if next == other {
            return true;
        }
        if !std::mem::replace(&mut seen[next], true) {
            left.extend(&waits[next]);
        }
    }
    false
}

/// The steps in an order in which each comes behind those it waits for, as written where that leaves a choice; `None` when
/// there is no such order.
fn order(waits: &[Vec<usize>]) -> Option<Vec<usize>> {
    let mut order = Vec::new();
    while order.len() < waits.len() {
        let free = |at: &usize| !order.contains(at) && waits[*at].iter().all(|other| order.contains(other));
        order.push((0..waits.len()).find(free)?);
    }
    Some(order)
}

/// The names of the steps that wait for themselves.
fn cycle(steps: &[StepKeys], waits: &[Vec<usize>]) -> String {
    let names = (0..steps.len()).filter(|&at| is_behind(waits, at, at)).map(|at| format!("`{}`", steps[at].name));
    names.collect::<Vec<_>>().join(" and ")
}

/// Whether two globs match a common path, as far as a look at likely ones can tell.
fn overlap(one: &str, two: &str) -> bool {
    let matches = |glob: &str, path: &str| GlobBuilder::new(glob).build().is_ok_and(|glob| glob.compile_matcher().is_match(path));
    let folders = ["", split(one).0, split(two).0];
    let names = [split(one).1, split(two).1];
    folders
        .iter()
        .flat_map(|folder| names.iter().map(move |name| format!("{folder}{}", sample(name))))
        .any(|path| matches(one, &path) && matches(two, &path))
}

/// The folders of a glob that are spelled out, and the rest.
fn split(glob: &str) -> (&str, &str) {
    let wild = glob.find(['*', '?', '[', '{']).unwrap_or(glob.len());
    glob.split_at(glob[..wild].rfind('/').map_or(0, |slash| slash + 1))
}

/// A path that a glob matches.
fn sample(glob: &str) -> String {
    let mut path = String::new();
    let mut rest = glob;
    while let Some(first) = rest.chars().next() {
        let end_of = |close: char| rest.find(close).map_or(rest.len(), |at| at + close.len_utf8());
        let (taken, text) = match first {
            '*' if rest.starts_with("**/") => (3, ""),
            '*' => (rest.find(|c| c != '*').unwrap_or(rest.len()), "x"),
            '?' => (1, "x"),
            '{' => (end_of('}'), rest[1..].split([',', '}']).next().unwrap_or_default()),
            '[' => (end_of(']'), rest[1..].trim_start_matches('!').get(..1).unwrap_or("x")),
            _ => (first.len_utf8(), &rest[..first.len_utf8()]),
        };
        path.push_str(text);
        rest = &rest[taken..];
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, watch: &[&str], outputs: &[&str], after: &[&str]) -> StepKeys {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        StepKeys {
            name: name.into(),
            command: CommandLine::Shell("true".into()),
            watch: (!watch.is_empty()).then(|| owned(watch)),
            outputs: owned(outputs),
            after: owned(after),
            dir: None,
        }
    }

    /// `name < those it waits for` of each step, in their order; or what is wrong.
    fn check(keys: &[StepKeys], build: Option<&str>, expected: &str) {
        let build = build.map(|line| CommandLine::Shell(line.to_owned()));
        let shown = match merge(Path::new("/p"), keys.to_vec(), build, &["**/*.go".to_owned()]) {
            Err(error) => error.to_string(),
            Ok(steps) => {
                let waits = |step: &StepConfig| step.after.iter().map(|&at| steps[at].name.clone()).collect::<Vec<_>>().join(" ");
                steps.iter().map(|step| format!("{} < {}", step.name, waits(step))).collect::<Vec<_>>().join("; ")
            }
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn who_reads_what_another_writes_waits_for_it() {
        let templ = step("templ", &["**/*.templ"], &["**/*_templ.go"], &[]);
        let css = step("css", &["web/*.css", "**/*.templ"], &["static/site.css"], &[]);
        check(&[css.clone(), templ.clone()], Some("go build"), "css < ; templ < ; build < templ");
        let unsaid = step("css", &["web/*.css"], &[], &[]);
        check(&[unsaid.clone(), templ], Some("go build"), "css < ; templ < ; build < css templ");
        check(
            &[step("build", &[], &[], &[]), unsaid, css],
            None,
            "`[[app.step]]`: two steps are called `css`; give one of them another name",
        );
    }

    #[test]
    fn what_is_written_counts_more() {
        let a = step("a", &["x/**"], &["y/**"], &["b"]);
        let b = step("b", &["y/**"], &["x/**"], &[]);
        check(&[a.clone(), b.clone()], None, "b < ; a < b");
        let b = StepKeys { after: vec!["a".into()], ..b };
        check(&[a.clone(), b], None, "`[[app.step]]`: `a` and `b` wait for one another");
        check(&[step("a", &["x"], &[], &["a"])], None, "`[[app.step]]`: `a` waits for itself");
        check(&[a], Some("make"), "`[[app.step]]`: `a` waits for `b`, which is no step; there are `a`, `build`");
        check(&[step("late", &["x"], &[], &["build"])], Some("make"), "build < ; late < build");
    }

    #[test]
    fn globs_overlap() {
        let check = |one, two, expected| {
            assert_eq!((overlap(one, two), overlap(two, one)), (expected, expected), "{one} {two}");
        };
        check("**/*_templ.go", "**/*.go", true);
        check("**/*_templ.go", "src/**/*.go", true);
        check("gen/**", "**/*.go", true);
        check("static/site.css", "static/**", true);
        check("static/site.css", "**/*.{css,js}", true);
        check("static/site.css", "**/*.go", false);
        check("dist/**", "src/**", false);
        check("a[12].c", "a1.c", true);
    }
}
