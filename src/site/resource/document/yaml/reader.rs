//! Reads the tree of a YAML text from the events of a parser.
//!
//! The parser knows where things start, but often not where they end: spaces and comments behind a closing quote are part of its
//! places. The exact ones are found in [`ends`](super::ends). Depth, and what aliases stand for, are bounded; nothing here recurses
//! deeper than that.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput, Tag};
use serde_json::Value;

use super::{
    super::{MAX_DEPTH, row::twice},
    ends::{Places, behind_brace, colon, end_of_scalar, skip_comments, skip_properties},
    node::{Content, Entry, Member, Node},
    scalar::resolve,
};

/// The most that all anchors and aliases of a file may stand for, in bytes: far more than anybody writes by hand, and no bomb.
const MAX_SHARED_BYTES: usize = 16 * 1024 * 1024;

/// What to say of a `?` and the like.
const ODD: &str = "this is written in a way that cannot be changed safely; write `name: value`, or `- value`";

/// What is wrong at a byte.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) byte: usize,
    pub(super) message: String,
}

impl Wrong {
    fn new(byte: usize, message: impl Into<String>) -> Self {
        Self { byte, message: message.into() }
    }
}

/// What a file is, up to its first value.
pub(super) enum Root {
    Nothing,
    /// Entries follow.
    Sequence(Layout),
    Other(Node),
}

/// How a collection is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Block,
    Flow,
}

/// What an anchor names.
struct Shared {
    value: Value,
    depth: usize,
    bytes: usize,
}

/// Reads the nodes of a text one after another.
pub(super) struct Reader<'t> {
    text: &'t str,
    parser: Parser<'t, StrInput<'t>>,
    places: Places,
    /// By number; `None` while what it names is not complete.
    anchors: HashMap<usize, Option<Shared>>,
    shared_bytes: usize,
    /// Whether there was an anchor or an alias.
    pub(super) shares: bool,
    /// Where scalars stand; a `#` elsewhere starts a comment.
    pub(super) scalars: Vec<Range<usize>>,
    /// Behind what was read last.
    end: usize,
}

type Next<'t> = (Event<'t>, Range<usize>);

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            parser: Parser::new_from_str(text),
            places: Places::of(text),
            anchors: HashMap::new(),
            shared_bytes: 0,
            shares: false,
            scalars: Vec::new(),
            end: 0,
        }
    }

    fn next(&mut self) -> Result<Next<'t>, Wrong> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                let start = self.places.byte(self.text, span.start.index());
                Ok((event, start..self.places.byte(self.text, span.end.index()).max(start)))
            }
            Some(Err(error)) => Err(Wrong::new(self.places.byte(self.text, error.marker().index()), error.info())),
            None => Err(Wrong::new(self.text.len(), "the file ends too early")),
        }
    }

    /// What the one document of the text is.
    pub(super) fn root(&mut self) -> Result<Root, Wrong> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(Root::Nothing),
                (Event::StreamStart | Event::DocumentStart(_), span) => self.end = span.end,
                (Event::SequenceStart(0, None), span) => {
                    let layout = self.layout(span.start);
                    self.end = if layout == Layout::Flow { span.start + 1 } else { span.start };
                    return Ok(Root::Sequence(layout));
                }
                (Event::SequenceStart(..), span) => {
                    return Err(Wrong::new(span.start, "the list itself has a tag or an anchor; leave it out"));
                }
                (Event::Scalar(text, ScalarStyle::Plain, 0, None), _) if text.is_empty() => {
                    self.finish()?;
                    return Ok(Root::Nothing);
                }
                next => {
                    let after = next.1.start;
                    let node = self.node(next, 0, after, Layout::Block)?;
                    self.finish()?;
                    return Ok(Root::Other(node));
                }
            }
        }
    }

    /// Sees to it that nothing follows.
    fn finish(&mut self) -> Result<(), Wrong> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentStart(_), span) => {
                    return Err(Wrong::new(span.start, "there is more than one document in the file"));
                }
                _ => (),
            }
        }
    }

    /// The next entry of the root, or `None` and nothing else follows.
    pub(super) fn entry(&mut self, layout: Layout) -> Result<Option<Entry>, Wrong> {
        match self.next()? {
            (Event::SequenceEnd, span) => {
                if layout == Layout::Flow {
                    self.end = span.start;
                }
                self.finish()?;
                Ok(None)
            }
            next => self.entry_of(next, 1, layout).map(Some),
        }
    }

    /// Behind what was read last; behind the opening bracket at the start, and before the closing one at the end.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    fn entry_of(&mut self, next: Next<'t>, depth: usize, layout: Layout) -> Result<Entry, Wrong> {
        if layout == Layout::Flow {
            let start = next.1.start;
            let value = self.node(next, depth, start, layout)?;
            return Ok(Entry { dash: start, value });
        }
        let dash = skip_comments(self.text, self.end);
        if self.text.as_bytes().get(dash) != Some(&b'-') {
            return Err(Wrong::new(dash, ODD));
        }
        let value = self.node(next, depth, dash + 1, layout)?;
        self.end = self.end.max(dash + 1);
        Ok(Entry { dash, value })
    }

    /// What starts with an event. `after` is behind the sign that makes it a value of something, and `around` how that is written.
    fn node(&mut self, next: Next<'t>, depth: usize, after: usize, around: Layout) -> Result<Node, Wrong> {
        let (event, span) = next;
        if depth > MAX_DEPTH {
            return Err(Wrong::new(span.start, format!("values are nested deeper than {MAX_DEPTH} levels")));
        }
        let start = span.start;
        match event {
            Event::Alias(anchor) => {
                let value = self.shared(anchor, depth, start)?;
                self.end = span.end;
                Ok(Node { span, content: Content::Opaque(value) })
            }
            Event::Scalar(text, style, anchor, tag) => {
                let place = if anchor > 0 || tag.is_some() { Some(span.start) } else { None };
                let span = self.place_of(&text, style, place, span.end, after);
                let value = value_of(&text, style, tag.as_deref()).map_err(|message| Wrong::new(start, message))?;
                self.end = self.end.max(span.end);
                let node = Node { span, content: Content::Scalar(value, style) };
                self.named(node, anchor, tag.as_deref())
            }
            Event::SequenceStart(anchor, tag) => {
                check_tag(tag.as_deref(), "seq").map_err(|message| Wrong::new(start, message))?;
                self.anchors.extend((anchor > 0).then_some((anchor, None)));
                let node = self.sequence(span, depth, after, around)?;
                self.named(node, anchor, tag.as_deref())
            }
            Event::MappingStart(anchor, tag) => {
                check_tag(tag.as_deref(), "map").map_err(|message| Wrong::new(start, message))?;
                self.anchors.extend((anchor > 0).then_some((anchor, None)));
                let node = self.mapping(span, depth, after, around)?;
                self.named(node, anchor, tag.as_deref())
            }
            _ => Err(Wrong::new(start, "a value is missing")),
        }
    }

    /// What an alias stands for.
    fn shared(&mut self, anchor: usize, depth: usize, byte: usize) -> Result<Value, Wrong> {
        self.shares = true;
        let Some(Some(shared)) = self.anchors.get(&anchor) else {
            return Err(Wrong::new(byte, "an alias stands for something that it is a part of"));
        };
        if depth + shared.depth > MAX_DEPTH {
            return Err(Wrong::new(byte, format!("values are nested deeper than {MAX_DEPTH} levels")));
        }
        self.shared_bytes += shared.bytes;
        if self.shared_bytes > MAX_SHARED_BYTES {
            return Err(too_much(byte));
        }
        Ok(shared.value.clone())
    }

    /// Keeps what an anchor names. What has an anchor or a tag is not changed in parts.
    fn named(&mut self, node: Node, anchor: usize, tag: Option<&Tag>) -> Result<Node, Wrong> {
        if anchor == 0 && tag.is_none() {
            return Ok(node);
        }
        let span = node.span.clone();
        let value = node.into_value();
        if anchor > 0 {
            let bytes = bytes_of(&value);
            self.shares = true;
            self.shared_bytes += bytes;
            if self.shared_bytes > MAX_SHARED_BYTES {
                return Err(too_much(span.start));
            }
            self.anchors.insert(anchor, Some(Shared { value: value.clone(), depth: depth_of(&value), bytes }));
        }
        Ok(Node { span, content: Content::Opaque(value) })
    }

    fn layout(&self, start: usize) -> Layout {
        if self.text[start..].starts_with(['[', '{']) { Layout::Flow } else { Layout::Block }
    }

    /// The parser's place of a list is that of its first dash, or behind that; it always starts at what follows `after`.
    fn sequence(&mut self, span: Range<usize>, depth: usize, after: usize, around: Layout) -> Result<Node, Wrong> {
        let start = skip_properties(self.text, skip_comments(self.text, after));
        let layout = if around == Layout::Flow { Layout::Flow } else { self.layout(start) };
        self.end = if layout == Layout::Flow { start + 1 } else { start };
        let mut entries: Vec<Entry> = Vec::new();
        let end = loop {
            match self.next()? {
                (Event::SequenceEnd, end) => break end.start,
                next => entries.push(self.entry_of(next, depth + 1, layout)?),
            }
        };
        match layout {
            Layout::Flow => {
                self.end = end + 1;
                let values = entries.into_iter().map(|entry| entry.value.into_value()).collect();
                Ok(Node { span: span.start..self.end, content: Content::Flow(values) })
            }
            Layout::Block => {
                let start = entries.first().map_or(span.start, |entry| entry.dash);
                Ok(Node { span: start..self.end, content: Content::Sequence(entries) })
            }
        }
    }

    fn mapping(&mut self, span: Range<usize>, depth: usize, after: usize, around: Layout) -> Result<Node, Wrong> {
        let start = skip_properties(self.text, skip_comments(self.text, after));
        let braces = self.text[start..].starts_with('{');
        let layout = if braces { Layout::Flow } else { around };
        self.end = if braces { start + 1 } else { self.end.max(after) };
        let (mut members, mut odd) = (Vec::new(), false);
        let end = loop {
            match self.next()? {
                (Event::MappingEnd, end) => break end.start,
                (Event::Scalar(name, style, anchor, tag), span) => {
                    let key = self.key(&name, style, span)?;
                    let colon = colon(self.text, key.end);
                    if colon.is_none() && layout == Layout::Block {
                        return Err(Wrong::new(key.start, ODD));
                    }
                    self.shares |= anchor > 0;
                    odd |= anchor > 0 || tag.is_some();
                    let colon = colon.unwrap_or(key.end);
                    self.end = colon;
                    let next = self.next()?;
                    let value = self.node(next, depth + 1, colon, layout)?;
                    members.push(Member { name: name.into_owned(), key, colon, value });
                }
                (_, span) => return Err(Wrong::new(span.start, "the name of a member is no text")),
            }
        };
        let mut names = HashSet::with_capacity(members.len());
        if let Some(member) = members.iter().find(|member| !names.insert(member.name.as_str())) {
            return Err(Wrong::new(member.key.start, twice(&member.name)));
        }
        if braces {
            self.end = behind_brace(self.text, end);
        }
        let span = span.start..self.end;
        let node = Node { span: span.clone(), content: Content::Mapping(members) };
        match (layout, odd) {
            (Layout::Block, false) => Ok(node),
            (Layout::Block, true) => Ok(Node { span, content: Content::Opaque(node.into_value()) }),
            (Layout::Flow, _) => Ok(Node { span, content: Content::Flow(node.into_value()) }),
        }
    }

    fn key(&mut self, name: &str, style: ScalarStyle, span: Range<usize>) -> Result<Range<usize>, Wrong> {
        if name == "<<" && style == ScalarStyle::Plain {
            return Err(Wrong::new(span.start, "merge keys are not supported; write the members out"));
        }
        let end = end_of_scalar(self.text, style, skip_properties(self.text, span.start), span.end);
        self.scalars.push(span.start..end);
        Ok(span.start..end)
    }

    /// Where a scalar stands. `properties` is where its tag or its anchor does.
    fn place_of(&mut self, text: &str, style: ScalarStyle, properties: Option<usize>, end: usize, after: usize) -> Range<usize> {
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        if style == ScalarStyle::Plain && text.is_empty() {
            // What is not there has no place of its own.
            return properties.map_or(after..after, |start| start..end.max(start));
        }
        let start = match properties {
            Some(start) => start,
            // The parser starts a block scalar behind its first line.
            None if block => skip_comments(self.text, after),
            None => skip_comments(self.text, after).min(end),
        };
        let content = skip_properties(self.text, start);
        let end = end_of_scalar(self.text, style, content, end);
        let first_line = if block { self.text[content..end].find('\n').unwrap_or(end - content) } else { 0 };
        self.scalars.push(content + first_line..end);
        start..end
    }
}

fn too_much(byte: usize) -> Wrong {
    Wrong::new(byte, format!("anchors and aliases stand for more than {MAX_SHARED_BYTES} bytes"))
}

/// What a value costs when it is copied, roughly.
fn bytes_of(value: &Value) -> usize {
    let inner = match value {
        Value::String(text) => text.len(),
        Value::Array(entries) => entries.iter().map(bytes_of).sum(),
        Value::Object(members) => members.iter().map(|(name, member)| name.len() + bytes_of(member)).sum(),
        _ => 0,
    };
    inner + size_of::<Value>()
}

fn depth_of(value: &Value) -> usize {
    match value {
        Value::Array(entries) => entries.iter().map(depth_of).max().map_or(0, |depth| depth + 1),
        Value::Object(members) => members.values().map(depth_of).max().map_or(0, |depth| depth + 1),
        _ => 0,
    }
}

/// What a scalar says, by its tag if it has one.
fn value_of(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let resolved = || resolve(text).ok_or_else(|| "JSON has no number that is infinite, none at all or that large".to_owned());
    let Some(tag) = tag else {
        return if style == ScalarStyle::Plain { resolved() } else { Ok(text.into()) };
    };
    let suffix = if tag.is_yaml_core_schema() { tag.suffix.as_str() } else { "" };
    let value = match suffix {
        "str" => return Ok(text.into()),
        "int" | "float" | "bool" | "null" => resolved()?,
        // A lone `!` makes a text of anything.
        _ if tag.handle.is_empty() && tag.suffix == "!" => return Ok(text.into()),
        _ => return Err(format!("a tag that is not known: {tag}")),
    };
    match (suffix, &value) {
        ("int", Value::Number(number)) if !number.is_f64() => Ok(value),
        ("float", Value::Number(number)) => Ok(number.as_f64().map_or(Value::Null, Value::from)),
        ("bool", Value::Bool(_)) | ("null", Value::Null) => Ok(value),
        _ => Err(format!("a value that is not what its tag says: {suffix}")),
    }
}

fn check_tag(tag: Option<&Tag>, expected: &str) -> Result<(), String> {
    match tag {
        Some(tag) if !tag.is_yaml_core_schema() || tag.suffix != expected => Err(format!("a tag that is not known: {tag}")),
        _ => Ok(()),
    }
}
