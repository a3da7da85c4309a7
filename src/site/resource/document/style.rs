//! How the author of a file writes a JSON object: the same object with changes, and another object written the same way.

use std::{
    collections::HashSet,
    io::{self, Write},
    ops::Range,
};

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{
    Map, Value,
    ser::{Formatter, PrettyFormatter},
    value::RawValue,
};

use super::text;

/// The white space of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Each member on a line: before the closing brace stands `indent`, before a member `unit` more.
    Lines { newline: &'static str, indent: String, unit: String },
    /// On one line: what stands inside of the braces, behind colons, and behind commas.
    Line { brace: &'static str, colon: &'static str, comma: &'static str },
}

impl Style {
    /// What is written where nothing is found around.
    pub(super) fn lines(newline: &'static str) -> Self {
        Self::Lines { newline, indent: "  ".to_owned(), unit: "  ".to_owned() }
    }

    /// The style of an object on one line, without any space.
    pub(super) fn line() -> Self {
        Self::Line { brace: "", colon: "", comma: "" }
    }

    /// The style of an object.
    pub(super) fn of(source: &str) -> Self {
        Self::of_members(source, &members(source))
    }

    fn of_members(source: &str, members: &[Member<'_>]) -> Self {
        let space = |text: &str, sign: char| if text.contains(sign) { " " } else { "" };
        let [first, ..] = members else { return Self::line() };
        let open = &source[..first.start];
        if let Some(newline) = text::newline(open) {
            let closing = source.rsplit('\n').next().unwrap_or_default();
            let indent = blank_of(closing).to_owned();
            let last = open.rsplit('\n').next().unwrap_or_default();
            let unit = last.strip_prefix(&indent).filter(|unit| !unit.is_empty()).unwrap_or("  ").to_owned();
            return Self::Lines { newline, indent, unit };
        }
        let colon = space(first.behind_name(source), ' ');
        let comma = members.get(1).map_or(colon, |second| space(&source[first.value.end..second.start], ' '));
        Self::Line { brace: space(open, ' '), colon, comma }
    }

    /// An object in this style.
    pub(super) fn write(&self, object: &Map<String, Value>) -> String {
        if object.is_empty() {
            return "{}".to_owned();
        }
        let members = object.iter().map(|(name, value)| format!("{}{}", self.name(name), self.value(value)));
        let members = members.collect::<Vec<_>>().join(&self.between());
        match self {
            Self::Lines { newline, indent, unit } => format!("{{{newline}{indent}{unit}{members}{newline}{indent}}}"),
            Self::Line { brace, .. } => format!("{{{brace}{members}{brace}}}"),
        }
    }

    /// What stands between two members.
    fn between(&self) -> String {
        match self {
            Self::Lines { newline, indent, unit } => format!(",{newline}{indent}{unit}"),
            Self::Line { comma, .. } => format!(",{comma}"),
        }
    }

    /// A name with its colon.
    fn name(&self, name: &str) -> String {
        let colon = if let Self::Line { colon, .. } = self { colon } else { " " };
        format!("{}:{colon}", Value::from(name))
    }

    fn value(&self, value: &Value) -> String {
        match self {
            Self::Lines { newline, indent, unit } => {
                let text = printed(value, PrettyFormatter::with_indent(unit.as_bytes()));
                // A newline in JSON stands between tokens; those in texts are escaped.
                text.replace('\n', &format!("{newline}{indent}{unit}"))
            }
            Self::Line { colon, comma, .. } => printed(value, OneLine { colon, comma }),
        }
    }
}

/// The object of a source with other members. Only the text of those is changed that say something else; they keep their order, and
/// new ones stand behind them.
pub(super) fn rewrite(source: &str, object: &Map<String, Value>) -> String {
    let members = members(source);
    let style = Style::of_members(source, &members);
    let ([first, ..], [.., last]) = (members.as_slice(), members.as_slice()) else { return style.write(object) };
    let between = match members.as_slice() {
        [.., before, last] => source[before.value.end..last.start].to_owned(),
        _ => style.between(),
    };
    let mut texts = Vec::with_capacity(object.len());
    let mut end = first.start;
    for member in &members {
        if let Some(value) = object.get(&member.name) {
            let before = if texts.is_empty() { "" } else { &source[end..member.start] };
            let name = &source[member.start..member.value.start];
            let raw = &source[member.value.clone()];
            let text = if is_value(raw, value) { raw.to_owned() } else { style.value(value) };
            texts.push(format!("{before}{name}{text}"));
        }
        end = member.value.end;
    }
    if texts.is_empty() {
        return style.write(object);
    }
    let known: HashSet<&str> = members.iter().map(|member| member.name.as_str()).collect();
    let fresh = object.iter().filter(|(name, _)| !known.contains(name.as_str()));
    texts.extend(fresh.map(|(name, value)| format!("{between}{}{}", style.name(name), style.value(value))));
    format!("{}{}{}", &source[..first.start], texts.concat(), &source[last.value.end..])
}

/// On one line, with a space where the author has one.
struct OneLine {
    colon: &'static str,
    comma: &'static str,
}

impl OneLine {
    fn next<W: ?Sized + Write>(&self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { write!(writer, ",{}", self.comma) }
    }
}

impl Formatter for OneLine {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.next(writer, first)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.next(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        write!(writer, ":{}", self.colon)
    }
}

fn printed(value: &Value, formatter: impl Formatter) -> String {
    let mut text = Vec::new();
    // Values always have a JSON form, and a vector takes every byte.
    let _ = value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, formatter));
    String::from_utf8(text).unwrap_or_default()
}

fn is_value(raw: &str, value: &Value) -> bool {
    serde_json::from_str::<Value>(raw).is_ok_and(|before| before == *value)
}

/// The white space a line begins with.
fn blank_of(line: &str) -> &str {
    let end = line.find(|c: char| c != ' ' && c != '\t').unwrap_or(line.len());
    &line[..end]
}

/// A member as it stands in an object: where its name starts, and where its value is.
struct Member<'t> {
    name: String,
    start: usize,
    value: Range<usize>,
    raw: &'t RawValue,
}

impl Member<'_> {
    /// The colon and the white space behind it.
    fn behind_name<'s>(&self, source: &'s str) -> &'s str {
        let before = &source[self.start..self.value.start];
        before.rfind(':').map_or("", |colon| &before[colon..])
    }
}

/// The members of an object that was read before.
fn members(source: &str) -> Vec<Member<'_>> {
    let mut members = serde_json::from_str::<Members<'_>>(source).map(|members| members.0).unwrap_or_default();
    let mut end = 0;
    for member in &mut members {
        // Between two members stand white space and a comma, then the quote of the name.
        member.start = source[end..].find('"').map_or(end, |quote| end + quote);
        let start = member.raw.get().as_ptr() as usize - source.as_ptr() as usize;
        end = start + member.raw.get().len();
        member.value = start..end;
    }
    members
}

struct Members<'t>(Vec<Member<'t>>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((name, raw)) = access.next_entry()? {
                    members.push(Member { name, start: 0, value: 0..0, raw });
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_changed_is_written() {
        let check = |source: &str, object: Value, expected: &str| {
            assert_eq!(rewrite(source, object.as_object().unwrap()), expected, "{source}");
        };
        check(r#"{"a": 1.50, "b":2}"#, json!({"b": 3, "a": 1.5}), r#"{"a": 1.50, "b":3}"#);
        check(r#"{"a": 1}"#, json!({"a": 1, "b": {"c": [1, 2]}}), r#"{"a": 1, "b": {"c": [1, 2]}}"#);
        check(r#"{ "a":1,"b":2,"c":3 }"#, json!({"b": 2}), r#"{ "b":2 }"#);
        check(r#"{"a":1,"b":2}"#, json!({"a": 1}), r#"{"a":1}"#);
        check(r#"{"a":1}"#, json!({"b": 1}), r#"{"b":1}"#);
        check(r#"{"a":1}"#, json!({}), "{}");
        check("{\r\n  \"a\": 1\r\n}", json!({"a": 1, "b": [1]}), "{\r\n  \"a\": 1,\r\n  \"b\": [\r\n    1\r\n  ]\r\n}");
        check("{\"a\": [\n1\n], \"b\": 2}", json!({"a": [1], "b": 3}), "{\"a\": [\n1\n], \"b\": 3}");
        check("{\"a\": 1,\n \"b\": 2}", json!({"a": 1, "b": 2, "c": 3}), "{\"a\": 1,\n \"b\": 2,\n \"c\": 3}");
        check(
            r#"{"n":12345678901234567890123,"m":1}"#,
            json!({"n": 12345678901234567890123f64, "m": 2}),
            r#"{"n":12345678901234567890123,"m":2}"#,
        );
        check(r#"{"a:b":1}"#, json!({"a:b": 1, "c": 2}), r#"{"a:b":1,"c":2}"#);
    }
}
