//! Values as YAML: with lines for members and entries, or between braces and brackets.

use serde_json::{Map, Value};

use super::scalar::{Context, text_written, written};

/// Spaces that the members of a mapping stand behind those of the one it is in.
const UNIT: usize = 2;

/// What the author of a row does where there is a choice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) newline: &'static str,
    /// Spaces that the dash of a list stands behind the name it is under.
    pub(super) dash: usize,
    /// What stands inside of braces.
    pub(super) brace: &'static str,
}

impl Style {
    /// What follows the colon of a name at a column.
    pub(super) fn behind_colon(&self, value: &Value, column: usize) -> String {
        match value {
            Value::Object(members) if !members.is_empty() => {
                format!("{}{}", self.line(column + UNIT), self.mapping(members, column + UNIT))
            }
            Value::Array(entries) if !entries.is_empty() => {
                format!("{}{}", self.line(column + self.dash), self.sequence(entries, column + self.dash))
            }
            value => format!(" {}", self.flow_or_scalar(value)),
        }
    }

    /// What follows a dash at a column.
    pub(super) fn behind_dash(&self, value: &Value, column: usize) -> String {
        match value {
            Value::Object(members) if !members.is_empty() => format!(" {}", self.mapping(members, column + UNIT)),
            Value::Array(entries) if !entries.is_empty() => format!(" {}", self.sequence(entries, column + UNIT)),
            value => format!(" {}", self.flow_or_scalar(value)),
        }
    }

    /// Members, each on a line at this column but the first, which stands where the caller is.
    pub(super) fn mapping(&self, members: &Map<String, Value>, column: usize) -> String {
        let members = members.iter().map(|(name, value)| self.member(name, value, column));
        members.collect::<Vec<_>>().join(&self.line(column))
    }

    pub(super) fn member(&self, name: &str, value: &Value, column: usize) -> String {
        format!("{}:{}", text_written(name, Context::Block), self.behind_colon(value, column))
    }

    fn sequence(&self, entries: &[Value], column: usize) -> String {
        let entries = entries.iter().map(|entry| format!("-{}", self.behind_dash(entry, column)));
        entries.collect::<Vec<_>>().join(&self.line(column))
    }

    /// The next line, up to a column.
    pub(super) fn line(&self, column: usize) -> String {
        format!("{}{:column$}", self.newline, "")
    }

    /// A scalar among lines, or a collection on one line.
    pub(super) fn flow_or_scalar(&self, value: &Value) -> String {
        if value.is_array() || value.is_object() { self.flow(value) } else { written(value, Context::Block) }
    }

    /// A value on one line.
    pub(super) fn flow(&self, value: &Value) -> String {
        match value {
            Value::Object(members) if members.is_empty() => "{}".to_owned(),
            Value::Object(members) => {
                let brace = self.brace;
                let members =
                    members.iter().map(|(name, value)| format!("{}: {}", text_written(name, Context::Flow), self.flow(value)));
                format!("{{{brace}{}{brace}}}", members.collect::<Vec<_>>().join(", "))
            }
            Value::Array(entries) => format!("[{}]", entries.iter().map(|entry| self.flow(entry)).collect::<Vec<_>>().join(", ")),
            scalar => written(scalar, Context::Flow),
        }
    }
}
