//! Changes of a row that exchange only the text of what changed: comments, order and quotes of the rest stay.
//!
//! The row is known as a tree with places ([`Node`]); a change is a list of texts for places. Whoever applies it parses the outcome
//! and takes it only if it says what it should, so nothing here has to know all of YAML.

use std::{collections::HashSet, ops::Range};

use saphyr_parser::ScalarStyle;
use serde_json::{Map, Value};

use super::{
    super::align::align,
    node::{Content, Entry, Member, Node},
    scalar::{double_quoted, single_quoted},
    write::Style,
};

/// A change that would lose a comment, or that is not understood.
#[derive(Debug)]
pub(super) struct Stuck;

/// What a value belongs to, and at which column that starts.
#[derive(Clone, Copy)]
enum Place {
    Name(usize),
    Dash(usize),
}

/// Collects the changes of one text.
pub(super) struct Edit<'t> {
    text: &'t str,
    style: Style,
    /// Where comments start.
    comments: &'t [usize],
    changes: Vec<(Range<usize>, String)>,
}

impl<'t> Edit<'t> {
    pub(super) fn new(text: &'t str, style: Style, comments: &'t [usize]) -> Self {
        Self { text, style, comments, changes: Vec::new() }
    }

    /// The text of a mapping with other members.
    pub(super) fn apply(mut self, mapping: &Node, object: &Map<String, Value>) -> Result<String, Stuck> {
        let Content::Mapping(members) = &mapping.content else { return Err(Stuck) };
        self.members(members, object)?;
        self.changes.sort_by_key(|(range, _)| range.start);
        let (mut text, mut end) = (String::with_capacity(self.text.len()), 0);
        for (range, new) in self.changes {
            text.push_str(self.text.get(end..range.start).ok_or(Stuck)?);
            text.push_str(&new);
            end = range.end;
        }
        text.push_str(self.text.get(end..).ok_or(Stuck)?);
        Ok(text)
    }

    fn put(&mut self, range: Range<usize>, text: impl Into<String>) {
        self.changes.push((range, text.into()));
    }

    fn members(&mut self, members: &[Member], object: &Map<String, Value>) -> Result<(), Stuck> {
        let first = members.iter().position(|member| object.contains_key(&member.name)).ok_or(Stuck)?;
        let column = self.column(members[first].key.start);
        if first > 0 {
            // The first member can stand behind a dash; what follows it moves there.
            let start = self.own_start(members[0].key.start, 0, column);
            let next = self.own_start(members[first].key.start, members[first - 1].end(), column);
            self.put(start..next, "");
        }
        for (place, member) in members.iter().enumerate().skip(first) {
            match object.get(&member.name) {
                Some(value) => self.value(&member.value, member.colon, Place::Name(column), value)?,
                None => {
                    let start = self.own_start(member.key.start, members[place - 1].end(), column);
                    self.take_lines(start, member.end())?;
                }
            }
        }
        let known: HashSet<&str> = members.iter().map(|member| member.name.as_str()).collect();
        let end = self.line_end(members.last().map_or(0, Member::end));
        for (name, value) in object.iter().filter(|(name, _)| !known.contains(name.as_str())) {
            let member = format!("{}{}", self.style.line(column), self.style.member(name, value, column));
            self.put(end..end, member);
        }
        Ok(())
    }

    fn entries(&mut self, entries: &[Entry], before: &[Value], after: &[Value]) -> Result<(), Stuck> {
        let aligned = align(before, after);
        let column = self.column(entries.first().ok_or(Stuck)?.dash);
        let from = aligned.start + aligned.pairs;
        for place in aligned.start..from {
            let entry = &entries[place];
            self.value(&entry.value, entry.dash + 1, Place::Dash(column), &after[place])?;
        }
        if aligned.gone > 0 && from == 0 {
            let next = entries.get(aligned.gone).ok_or(Stuck)?;
            let start = self.own_start(entries[0].dash, 0, column);
            let next = self.own_start(next.dash, entries[aligned.gone - 1].end(), column);
            self.put(start..next, "");
        } else {
            for place in from..from + aligned.gone {
                let start = self.own_start(entries[place].dash, entries[place - 1].end(), column);
                self.take_lines(start, entries[place].end())?;
            }
        }
        for value in &after[from..from + aligned.fresh] {
            let entry = format!("-{}", self.style.behind_dash(value, column));
            let line = self.style.line(column);
            match from.checked_sub(1) {
                Some(last) => {
                    let end = self.line_end(entries[last].end());
                    self.put(end..end, format!("{line}{entry}"));
                }
                None => self.put(entries[0].dash..entries[0].dash, format!("{entry}{line}")),
            }
        }
        Ok(())
    }

    /// Makes a node say a value. `after` is behind its colon or its dash.
    fn value(&mut self, node: &Node, after: usize, place: Place, value: &Value) -> Result<(), Stuck> {
        let before = node.value();
        if before == *value {
            return Ok(());
        }
        let lines = match value {
            Value::Array(entries) => !entries.is_empty(),
            Value::Object(members) => !members.is_empty(),
            _ => false,
        };
        match (&node.content, value) {
            (Content::Mapping(members), Value::Object(object))
                if members.iter().any(|member| object.contains_key(&member.name)) =>
            {
                self.members(members, object)
            }
            (Content::Sequence(entries), Value::Array(new)) if lines => match &before {
                Value::Array(old) => self.entries(entries, old, new),
                _ => Err(Stuck),
            },
            (Content::Flow(_), _) if lines => {
                self.keeps_comments(&node.span)?;
                let brace = if self.text[node.span.clone()].starts_with("{ ") { " " } else { self.style.brace };
                let text = Style { brace, ..self.style }.flow(value);
                self.put(node.span.clone(), text);
                Ok(())
            }
            (Content::Scalar(_, style), _) if !lines && !node.span.is_empty() => {
                self.keeps_comments(&node.span)?;
                let text = self.scalar(*style, value);
                self.put(node.span.clone(), text);
                Ok(())
            }
            _ => self.rewrite(node, after, place, value),
        }
    }

    /// Another value from the colon or the dash on.
    fn rewrite(&mut self, node: &Node, after: usize, place: Place, value: &Value) -> Result<(), Stuck> {
        let old = after..node.span.end.max(after);
        self.keeps_comments(&old)?;
        let new = match place {
            Place::Name(column) => self.style.behind_colon(value, column),
            Place::Dash(column) => self.style.behind_dash(value, column),
        };
        if matches!(place, Place::Name(_)) && new.starts_with(self.style.newline) && !self.text[old.clone()].contains('\n') {
            // A comment on the line stays there, and the lines come below.
            let end = self.line_end(old.end);
            self.put(old, "");
            self.put(end..end, new);
        } else {
            self.put(old, new);
        }
        Ok(())
    }

    /// In the quotes of the author, if those can hold the value.
    fn scalar(&self, style: ScalarStyle, value: &Value) -> String {
        let quoted = match (style, value) {
            (ScalarStyle::DoubleQuoted, Value::String(text)) => Some(double_quoted(text)),
            (ScalarStyle::SingleQuoted, Value::String(text)) => single_quoted(text),
            _ => None,
        };
        quoted.unwrap_or_else(|| self.style.flow_or_scalar(value))
    }

    fn keeps_comments(&self, range: &Range<usize>) -> Result<(), Stuck> {
        let first = self.comments.partition_point(|comment| *comment < range.start);
        if self.comments.get(first).is_some_and(|comment| *comment < range.end) { Err(Stuck) } else { Ok(()) }
    }

    fn take_lines(&mut self, start: usize, end: usize) -> Result<(), Stuck> {
        let line = self.line_start(start);
        let above = self.text[..line].strip_suffix('\n').ok_or(Stuck)?;
        if !self.text[line..start].trim_matches(' ').is_empty() {
            return Err(Stuck);
        }
        let from = above.strip_suffix('\r').unwrap_or(above).len();
        self.put(from..self.line_end(end), "");
        Ok(())
    }

    /// Where something starts with the comments right above it, which stand at its column and behind what ends at `previous`.
    fn own_start(&self, start: usize, previous: usize, column: usize) -> usize {
        let mut own = start;
        loop {
            let Some(above) = self.text[..self.line_start(own)].strip_suffix('\n') else { return own };
            let comment = self.line_start(above.len()) + column;
            let blank = self.text.get(comment - column..comment).is_some_and(|blank| blank.trim_matches(' ').is_empty());
            if comment - column <= previous || !blank || !self.text[comment..].starts_with('#') {
                return own;
            }
            own = comment;
        }
    }

    fn column(&self, byte: usize) -> usize {
        byte - self.line_start(byte)
    }

    fn line_start(&self, byte: usize) -> usize {
        self.text[..byte].rfind('\n').map_or(0, |newline| newline + 1)
    }

    fn line_end(&self, byte: usize) -> usize {
        line_end(self.text, byte)
    }
}

/// The end of the line that a byte is in.
pub(super) fn line_end(text: &str, byte: usize) -> usize {
    let line = text[byte..].split('\n').next().unwrap_or_default();
    let line = if byte + line.len() < text.len() { line.strip_suffix('\r').unwrap_or(line) } else { line };
    byte + line.len()
}
