//! `[[app.step]]`: one command of a build.

use std::path::PathBuf;

use super::{
    sections::{command, globs},
    table::{Fault, Table, Value, list, parsed, text},
};
use crate::config::{
    CommandLine,
    value::{self, Invalid},
};

/// A step as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct StepKeys {
    pub(in crate::config) name: String,
    pub(in crate::config) command: CommandLine,
    /// `None`: what the program is built from.
    pub(in crate::config) watch: Option<Vec<String>>,
    pub(in crate::config) outputs: Vec<String>,
    /// Names of other steps.
    pub(in crate::config) after: Vec<String>,
    /// Relative, inside the project.
    pub(in crate::config) dir: Option<PathBuf>,
}

/// Reads one step. It must have a name, for others are ordered by it and its lines are marked with it.
pub(super) fn read(table: &Table<'_, '_>, whole: &Value<'_>) -> Result<StepKeys, Fault> {
    let lacking = |message: &str| Fault { at: whole.span().start, message: message.to_owned() };
    Ok(StepKeys {
        name: table.get("name", name)?.ok_or_else(|| lacking("an `[[app.step]]` needs a `name`"))?,
        command: table.get("command", command)?.ok_or_else(|| lacking("an `[[app.step]]` needs a `command`"))?,
        watch: table.get("watch", globs)?,
        outputs: table.get("outputs", globs)?.unwrap_or_default(),
        after: table.get("after", names)?.unwrap_or_default(),
        dir: table.get("dir", |dir| parsed(dir, value::inner_path))?,
    })
}

fn name(value: &Value<'_>) -> Result<String, Fault> {
    parsed(value, value::step_name)
}

/// One name, or an array of them.
fn names(value: &Value<'_>) -> Result<Vec<String>, Fault> {
    match text(value) {
        Ok(one) => Ok(vec![one.to_owned()]),
        Err(_) => list(value, |name| Ok(text(name)?.to_owned())).map_err(|_| Fault::at(value, &must_name())),
    }
}

fn must_name() -> Invalid {
    Invalid::must("be the name of another step, or an array of such names")
}
