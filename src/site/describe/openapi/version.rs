//! What a version of a resource shows and takes: schemas and examples.
//!
//! Four components for each: `products.v2` is the schema file, or what the samples look like where there is none; `.shown` is an item
//! in an answer, `.sent` one in a body, `.merge` a merge patch. Without a schema file any object may be stored, and so members have
//! descriptions there and no types.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{component_name, merge::Merge, reference};
use crate::site::describe::{
    Form, ID, ResourceFacts, VersionFacts,
    infer::infer,
    is_short,
    schema_file::{below, carry, validator},
};

/// The longest item that is an example. A document is read by people, and every operation has examples.
const MAX_EXAMPLE_BYTES: usize = 4 * 1024;

/// The longest value that is an example of a member.
const MAX_VALUE_BYTES: usize = 200;

/// A text that is an id: it stands in an address as one segment, and so is neither a dot nor two, and has no slash of either kind.
const ID_PATTERN: &str = r"^(\.{0,2}[^./\\\x00][^/\\\x00]*|\.{3}[^/\\\x00]*)$";

/// The most characters of an id that have no more than 256 bytes, whichever they are.
const MAX_ID_CHARS: usize = 64;

/// Items in the example of a collection.
const EXAMPLES: usize = 2;

/// A version with its names in the document.
pub(super) struct Version<'a> {
    pub(super) facts: &'a VersionFacts,
    /// The name of its first component: `products.v2`.
    pub(super) key: String,
    /// Its components.
    pub(super) schemas: Map<String, Value>,
    /// Its examples: `.items` and `.item` in answers, `.sent`, `.merge` and `.patch` in bodies. Not all can be made of every sample.
    pub(super) examples: Map<String, Value>,
    /// What the members of its samples look like.
    pub(super) seen: Value,
    /// What a schema file says of members, by name; all samples satisfy it.
    pub(super) kept: HashMap<String, Kept>,
}

/// What is sure of a member.
pub(super) struct Kept {
    /// The names of its types.
    pub(super) types: Vec<String>,
    /// A reference to its schema.
    pub(super) schema: Value,
}

impl<'a> Version<'a> {
    pub(super) fn new(resource: &ResourceFacts, facts: &'a VersionFacts, resource_key: &str) -> Self {
        let key = key(resource_key, facts.number);
        let seen = infer(&facts.samples);
        let file = facts.schema.as_ref();
        let place = format!("#/components/schemas/{key}");
        let basis = Basis::new(file, &facts.samples, &place);
        let schemas = Map::from_iter([
            (key.clone(), basis.described(&seen)),
            (format!("{key}.shown"), basis.shown(resource, &seen, &key)),
            (format!("{key}.sent"), basis.sent(resource, facts, &seen)),
            (format!("{key}.merge"), basis.merge(facts, &place)),
        ]);
        let kept = basis.kept(&place);
        let examples = examples(resource, facts, file).into_iter();
        let examples = examples.map(|(name, value)| (format!("{key}.{name}"), json!({"value": value}))).collect();
        Self { facts, key, schemas, examples, seen, kept }
    }

    pub(super) fn schema(&self, of: &str) -> Value {
        reference("schemas", &format!("{}.{of}", self.key))
    }

    /// A reference to an example, if there is one.
    pub(super) fn example(&self, of: &str) -> Option<Value> {
        let name = format!("{}.{of}", self.key);
        self.examples.contains_key(&name).then(|| reference("examples", &name))
    }

    /// Of a body that is added below an item, whose address says what `member` is; `None` where it is the usual one.
    pub(super) fn sent_below(&self, above: &str, member: &str) -> Option<(String, Value)> {
        let mut schema = self.schemas.get(&format!("{}.sent", self.key))?.clone();
        if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
            required.retain(|name| name != member);
        }
        let said = schema.get_mut("properties").and_then(|members| members.get_mut(member))?;
        *said = json!({"description": "the address says it, whatever stands here"});
        Some((format!("{}.sent.below.{above}", self.key), schema))
    }
}

fn examples(resource: &ResourceFacts, facts: &VersionFacts, file: Option<&Value>) -> Vec<(&'static str, Value)> {
    let is_example = |sample: &&Value| is_short(sample, MAX_EXAMPLE_BYTES);
    let samples: Vec<Value> = facts.samples.iter().cloned().map(Value::Object).collect();
    let shown: Vec<Value> = samples.iter().filter(is_example).take(EXAMPLES).cloned().collect();
    let item = shown.first().cloned();
    let sent = item.as_ref().map(|item| to_send(item, resource.form, &facts.refused)).filter(|item| is_taken(item, file));
    let change = sent.as_ref().and_then(Value::as_object).and_then(change);
    let merge = change.as_ref().map(|(name, value)| Value::Object(Map::from_iter([(name.clone(), value.clone())])));
    let patch = change.map(|(name, value)| {
        let path = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        json!([{"op": "replace", "path": path, "value": value}])
    });
    let found = [("items", Some(Value::Array(shown))), ("item", item), ("sent", sent), ("merge", merge), ("patch", patch)];
    found.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// The name of the first component.
pub(super) fn key(resource_key: &str, number: u32) -> String {
    format!("{resource_key}.v{number}")
}

/// What is known of the items of a version.
enum Basis {
    /// Nothing checks them.
    Seen,
    /// Writes are checked against this schema.
    File(Map<String, Value>),
    /// The same, and all samples satisfy it.
    Kept(Map<String, Value>),
    /// Writes are checked against a schema that cannot stand in the document.
    Elsewhere,
}

impl Basis {
    fn new(file: Option<&Value>, samples: &[Map<String, Value>], place: &str) -> Self {
        let Some(file) = file else { return Self::Seen };
        let Some(carried) = carry(file, place) else { return Self::Elsewhere };
        let Some(validator) = validator(file) else { return Self::Elsewhere };
        let are_kept = samples.iter().all(|sample| validator.is_valid(&Value::Object(sample.clone())));
        if are_kept { Self::Kept(carried) } else { Self::File(carried) }
    }

    fn described(&self, seen: &Value) -> Value {
        match self {
            Self::File(schema) | Self::Kept(schema) => Value::Object(schema.clone()),
            Self::Seen | Self::Elsewhere => {
                let mut schema = seen.clone();
                schema["description"] = "What items look like so far; nothing keeps new ones from being different".into();
                schema
            }
        }
    }

    /// An item in an answer. A query may leave members out, and put others in the place of those it follows.
    fn shown(&self, resource: &ResourceFacts, seen: &Value, key: &str) -> Value {
        let mut members = annotated(seen);
        if let Self::Kept(schema) = self {
            let place = format!("#/components/schemas/{key}");
            let is_replaced = |name: &String| resource.embeds.contains(name) || resource.expands.contains(name);
            for name in whole(schema, &place).filter(|name| !is_replaced(name)) {
                members.insert(name.clone(), json!({"$ref": below(&place, &["properties", name])}));
            }
        }
        if resource.form == Form::Collection && members.get(ID).is_none_or(|id| id.get("$ref").is_none()) {
            put_first(&mut members, ID, json!({"type": ["number", "string"], "description": "names the item; never changes"}));
        }
        json!({"type": "object", "properties": members})
    }

    /// An item in a body.
    fn sent(&self, resource: &ResourceFacts, facts: &VersionFacts, seen: &Value) -> Value {
        let mut schema = match self {
            Self::File(schema) | Self::Kept(schema) => with_free_id(schema, resource.form),
            Self::Seen => Map::from_iter([("properties".to_owned(), Value::Object(sent_members(resource.form, seen)))]),
            Self::Elsewhere => Map::from_iter([(
                "description".to_owned(),
                format!("The project checks it against `{}.schema.json`, which cannot be a part of this document", resource.name)
                    .into(),
            )]),
        };
        schema.insert("type".to_owned(), "object".into());
        refuse(&mut schema, &facts.refused);
        Value::Object(schema)
    }

    /// RFC 7396: an object whose members replace others, or remove them with `null`.
    fn merge(&self, facts: &VersionFacts, place: &str) -> Value {
        let mut schema = Map::from_iter([("type".to_owned(), "object".into())]);
        if let Self::File(file) | Self::Kept(file) = self {
            schema.extend(Merge { file, place }.of(file, place));
        }
        schema.insert("description".to_owned(), "The members to change (RFC 7396); `null` removes one".into());
        refuse(&mut schema, &facts.refused);
        Value::Object(schema)
    }

    fn kept(&self, place: &str) -> HashMap<String, Kept> {
        let Self::Kept(schema) = self else { return HashMap::new() };
        let kept = |(name, member): (&String, &Value)| {
            let types = types(resolved(schema, member, place)?);
            let reference = json!({"$ref": below(place, &["properties", name])});
            (!types.is_empty()).then(|| (name.clone(), Kept { types, schema: reference }))
        };
        members(schema).filter_map(kept).collect()
    }
}

/// RFC 6902.
pub(super) fn json_patch() -> Value {
    let pointer = json!({"type": "string", "pattern": "^(/([^~/]|~[01])*)*$", "description": "a JSON Pointer (RFC 6901)"});
    let operation = |names: [&str; 3], members: &[&str], description: &str| {
        let names: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
        let mut properties = Map::from_iter([("op".to_owned(), json!({"type": "string", "enum": names}))]);
        for member in members {
            let schema = if *member == "value" { json!({}) } else { pointer.clone() };
            properties.insert((*member).to_owned(), schema);
        }
        let required: Vec<&str> = std::iter::once("op").chain(members.iter().copied()).collect();
        json!({"type": "object", "description": description, "required": required, "properties": properties})
    };
    json!({
        "type": "array",
        "description": "Changes, done in this order or not at all (RFC 6902)",
        "items": {
            "oneOf": [
                operation(["add", "replace", "test"], &["path", "value"], "puts a value there, or asks for it"),
                operation(["remove", "", ""], &["path"], "takes a value away"),
                operation(["move", "copy", ""], &["path", "from"], "takes a value from elsewhere"),
            ],
        },
    })
}

/// The members of a schema with what is said of them instead of types: no one checks those.
fn annotated(seen: &Value) -> Map<String, Value> {
    let members = seen.get("properties").and_then(Value::as_object);
    let members = members.into_iter().flatten();
    members.map(|(name, schema)| (name.clone(), json!({"description": format!("so far {}", words(schema))}))).collect()
}

fn sent_members(form: Form, seen: &Value) -> Map<String, Value> {
    let mut members = annotated(seen);
    if form == Form::Collection {
        let description = "may be left out: a new item gets one, and another one keeps what it has";
        let mut id = id_text();
        id["type"] = json!(["number", "string", "null"]);
        id["description"] = description.into();
        put_first(&mut members, ID, id);
    }
    members
}

/// A type as people say it: `integer or null`, `string (date)`.
pub(crate) fn words(schema: &Value) -> String {
    let types = match schema.get("type") {
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        Some(Value::String(name)) => name.clone(),
        _ => "any".to_owned(),
    };
    match schema.get("format").and_then(Value::as_str) {
        Some(format) => format!("{types} ({format})"),
        None => types,
    }
}

/// The members that a query takes or leaves, but never cuts: those that are neither objects nor arrays.
fn whole<'s>(schema: &'s Map<String, Value>, place: &str) -> impl Iterator<Item = &'s String> {
    members(schema).filter(move |(_, member)| resolved(schema, member, place).is_some_and(is_single)).map(|(name, _)| name)
}

pub(super) fn members(schema: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

/// What is said of a member in `schema`, which stands at `place`. A reference is followed once, and only to a place whose name needs
/// no escapes; of what lies farther nothing is known.
pub(super) fn resolved<'s>(schema: &'s Map<String, Value>, member: &'s Value, place: &str) -> Option<&'s Value> {
    let Some(target) = member.get("$ref") else { return Some(member) };
    let mut segments = target.as_str()?.strip_prefix(place)?.strip_prefix('/')?.split('/');
    segments.clone().all(|segment| !segment.contains(['~', '%'])).then_some(())?;
    let first = schema.get(segments.next()?)?;
    segments.try_fold(first, |value, segment| value.get(segment))
}

/// Whether a schema takes neither objects nor arrays.
pub(super) fn is_single(schema: &Value) -> bool {
    let types = types(schema);
    !types.is_empty() && !types.iter().any(|name| ["object", "array"].contains(&name.as_str()))
}

/// The types that a schema names; none where it takes any.
pub(super) fn types(schema: &Value) -> Vec<String> {
    match schema.get("type") {
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(name)) => vec![name.clone()],
        _ => Vec::new(),
    }
}

/// What a file says of items that are sent: the `id` may be left out, or be `null` for the same.
fn with_free_id(schema: &Map<String, Value>, form: Form) -> Map<String, Value> {
    let mut schema = without_required_id(schema, form);
    let id = schema.get_mut("properties").and_then(|members| members.get_mut(ID));
    if let Some(id) = id.filter(|_| form == Form::Collection) {
        let said = id.take();
        let own = if types(&said) == ["integer"] { said } else { json!({"allOf": [said, id_text()]}) };
        *id = json!({"anyOf": [own, {"type": "null"}]});
    }
    schema
}

/// What a text must be to be an id.
pub(super) fn id_text() -> Value {
    json!({"pattern": ID_PATTERN, "maxLength": MAX_ID_CHARS})
}

fn without_required_id(schema: &Map<String, Value>, form: Form) -> Map<String, Value> {
    let mut schema = schema.clone();
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| form == Form::Singleton || name != ID);
    }
    schema
}

fn refuse(schema: &mut Map<String, Value>, refused: &[String]) {
    if refused.is_empty() {
        return;
    }
    if let Value::Object(members) = schema.entry("properties").or_insert_with(|| json!({})) {
        members.extend(refused.iter().map(|name| (name.clone(), Value::Bool(false))));
    }
}

fn put_first(members: &mut Map<String, Value>, name: &str, value: Value) {
    members.shift_remove(name);
    members.shift_insert(0, name.to_owned(), value);
}

/// A shown item as it would be sent to be a new one.
fn to_send(item: &Value, form: Form, refused: &[String]) -> Value {
    let members = item.as_object().into_iter().flatten();
    let kept = members.filter(|(name, _)| (form == Form::Singleton || *name != ID) && !refused.contains(name));
    Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn is_taken(item: &Value, file: Option<&Value>) -> bool {
    let Some(file) = file.and_then(Value::as_object) else { return file.is_none() };
    let file = Value::Object(without_required_id(file, Form::Collection));
    validator(&file).is_some_and(|validator| validator.is_valid(item))
}

/// A number if there is one: it changes most.
fn change(item: &Map<String, Value>) -> Option<(String, Value)> {
    let is_short =
        |value: &Value| !value.is_object() && !value.is_array() && !value.is_null() && is_short(value, MAX_VALUE_BYTES);
    let mut members = item.iter().filter(|(_, value)| is_short(value));
    let first = members.clone().next();
    members.find(|(_, value)| value.is_number()).or(first).map(|(name, value)| (name.clone(), value.clone()))
}

/// A member's name as a part of the name of a component.
pub(super) fn member_name(version: &Version<'_>, member: &str) -> String {
    format!("{}.{}", version.key, component_name(member))
}
