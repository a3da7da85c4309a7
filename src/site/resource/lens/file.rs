//! Reads the file of a version, and refuses what cannot be meant, with its place.

use std::ops::Range;

use serde_json::{Map, Number, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Lens,
    member::{Layout, Member},
};
use crate::site::resource::ID;

/// The keys of the file.
const KEYS: [&str; 6] = ["rename", "omit", "default", "wrap", "unwrap", "map"];

/// What is wrong with the file of a version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct LensError {
    message: String,
    span: Option<Range<usize>>,
}

impl LensError {
    fn at(span: Range<usize>, message: String) -> Self {
        Self { message, span: Some(span) }
    }

    /// What is wrong.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Where, in bytes.
    pub(crate) fn span(&self) -> Option<Range<usize>> {
        self.span.clone()
    }
}

impl From<toml::de::Error> for LensError {
    fn from(error: toml::de::Error) -> Self {
        Self { message: error.message().to_owned(), span: error.span() }
    }
}

/// A member that a rule names, with the rule's value.
struct Named<'t, 'i> {
    name: &'t str,
    span: Range<usize>,
    value: &'t Spanned<DeValue<'i>>,
}

pub(super) fn parse(text: &str) -> Result<Lens, LensError> {
    let table = DeTable::parse(text)?;
    let table = table.get_ref();
    let unknown = table.keys().filter(|key| !KEYS.contains(&key.get_ref().as_ref())).min_by_key(|key| key.span().start);
    if let Some(key) = unknown {
        let known = KEYS.map(|key| format!("`{key}`")).join(", ");
        return Err(LensError::at(key.span(), format!("unknown key `{}`; known here are {known}", key.get_ref())));
    }
    let mut lens = Lens::default();
    for named in rules(table, "rename")? {
        rename(&mut lens, &named)?;
    }
    for name in names(table)? {
        omit(&mut lens, name)?;
    }
    for named in rules(table, "wrap")? {
        let name = text_of(&named)?;
        member(&mut lens, &named, "wrapped")?.layout = Layout::Wrapped(name);
    }
    for named in rules(table, "unwrap")? {
        let name = text_of(&named)?;
        let member = member(&mut lens, &named, "unwrapped")?;
        if member.layout != Layout::Plain {
            return Err(LensError::at(named.span, format!("`{}` is wrapped and unwrapped; only one can be", named.name)));
        }
        member.layout = Layout::Unwrapped(name);
    }
    for named in rules(table, "map")? {
        map(&mut lens, &named)?;
    }
    for named in rules(table, "default")? {
        default(&mut lens, &named)?;
    }
    Ok(lens)
}

fn rename(lens: &mut Lens, named: &Named<'_, '_>) -> Result<(), LensError> {
    let target = text_of(named)?;
    refuse_id(&target, named.value.span())?;
    if target == named.name {
        return Err(LensError::at(named.value.span(), format!("`{target}` is renamed to itself; leave it out")));
    }
    if let Some(other) = lens.renamed.insert(target.clone(), named.name.to_owned()) {
        let message = format!("`{other}` and `{}` are both renamed to `{target}`", named.name);
        return Err(LensError::at(named.value.span(), message));
    }
    lens.members.entry(named.name.to_owned()).or_default().name = Some(target);
    Ok(())
}

fn omit(lens: &mut Lens, (name, span): (&str, Range<usize>)) -> Result<(), LensError> {
    refuse_id(name, span.clone())?;
    if lens.members.contains_key(name) {
        return Err(LensError::at(span, format!("`{name}` is renamed and omitted; only one can be")));
    }
    match lens.omitted.insert(name.to_owned(), None) {
        Some(_) => Err(LensError::at(span, format!("`{name}` is omitted twice"))),
        None => Ok(()),
    }
}

/// The member that a rule is about, if it may have one.
fn member<'l>(lens: &'l mut Lens, named: &Named<'_, '_>, done: &str) -> Result<&'l mut Member, LensError> {
    let name = named.name;
    if lens.omitted.contains_key(name) {
        return Err(LensError::at(named.span.clone(), format!("`{name}` is omitted and {done}; only one can be")));
    }
    if let (Some(other), false) = (lens.renamed.get(name), lens.members.get(name).is_some_and(|member| member.name.is_some())) {
        let message = format!("`{name}` is what `{other}` is renamed to; a rule names members as the newer version does");
        return Err(LensError::at(named.span.clone(), message));
    }
    Ok(lens.members.entry(name.to_owned()).or_default())
}

fn map(lens: &mut Lens, named: &Named<'_, '_>) -> Result<(), LensError> {
    let member = member(lens, named, "mapped")?;
    for pair in entries(named.value)? {
        let shown = json(pair.value)?;
        if !matches!(shown, Value::String(_) | Value::Number(_) | Value::Bool(_)) {
            let message = format!("`{}` must become a string, a number, true or false", pair.name);
            return Err(LensError::at(pair.value.span(), message));
        }
        if let Err(other) = member.values.add(pair.name, shown) {
            let message = format!("`{other}` and `{}` become the same value; which one is meant could not be told", pair.name);
            return Err(LensError::at(pair.value.span(), message));
        }
    }
    Ok(())
}

fn default(lens: &mut Lens, named: &Named<'_, '_>) -> Result<(), LensError> {
    let value = json(named.value)?;
    if let Some(filled) = lens.omitted.get_mut(named.name) {
        *filled = Some(value);
        return Ok(());
    }
    let member = member(lens, named, "has a default")?;
    if let Err(misfit) = member.newer(value.clone(), None) {
        let inner = misfit.inner.map(|inner| format!("`{inner}` in it ")).unwrap_or_default();
        let message = format!("the default of `{}` could not be written: {inner}{}", named.name, misfit.detail);
        return Err(LensError::at(named.value.span(), message));
    }
    member.default = Some(value);
    lens.defaults.push(named.name.to_owned());
    Ok(())
}

fn refuse_id(name: &str, span: Range<usize>) -> Result<(), LensError> {
    match name {
        ID => Err(LensError::at(span, "the member `id` is the same in every version; no rule may change it".to_owned())),
        _ => Ok(()),
    }
}

/// The rules of one kind, in the file's order.
fn rules<'t, 'i>(table: &'t DeTable<'i>, key: &str) -> Result<Vec<Named<'t, 'i>>, LensError> {
    let rules = table.get(key).map(entries).transpose()?.unwrap_or_default();
    rules.iter().try_for_each(|named| refuse_id(named.name, named.span.clone()))?;
    Ok(rules)
}

fn entries<'t, 'i>(value: &'t Spanned<DeValue<'i>>) -> Result<Vec<Named<'t, 'i>>, LensError> {
    let DeValue::Table(table) = value.get_ref() else { return Err(expected(value, "a table")) };
    let named = table.iter().map(|(key, value)| Named { name: key.get_ref(), span: key.span(), value });
    let mut named: Vec<_> = named.collect();
    named.sort_by_key(|named| named.span.start);
    Ok(named)
}

/// The names that are omitted.
fn names<'t>(table: &'t DeTable<'_>) -> Result<Vec<(&'t str, Range<usize>)>, LensError> {
    let Some(value) = table.get("omit") else { return Ok(Vec::new()) };
    let DeValue::Array(names) = value.get_ref() else { return Err(expected(value, "an array of names")) };
    let name = |value: &'t Spanned<DeValue<'_>>| value.get_ref().as_str().ok_or_else(|| expected(value, "a name"));
    names.iter().map(|value| Ok((name(value)?, value.span()))).collect()
}

fn text_of(named: &Named<'_, '_>) -> Result<String, LensError> {
    named.value.get_ref().as_str().map(str::to_owned).ok_or_else(|| expected(named.value, "a name"))
}

fn expected(value: &Spanned<DeValue<'_>>, what: &str) -> LensError {
    LensError::at(value.span(), format!("this must be {what}, not {} {}", article(value), value.get_ref().type_str()))
}

fn article(value: &Spanned<DeValue<'_>>) -> &'static str {
    if value.get_ref().type_str().starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

/// A value of TOML as JSON has it. JSON has no dates; they become texts.
fn json(value: &Spanned<DeValue<'_>>) -> Result<Value, LensError> {
    let no_number = || LensError::at(value.span(), "JSON has no such number".to_owned());
    Ok(match value.get_ref() {
        DeValue::String(text) => Value::String(text.clone().into_owned()),
        DeValue::Boolean(switch) => Value::Bool(*switch),
        DeValue::Datetime(date) => Value::String(date.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).map_err(|_| no_number())?.into(),
        DeValue::Float(number) => {
            number.as_str().parse().ok().and_then(Number::from_f64).map(Value::Number).ok_or_else(no_number)?
        }
        DeValue::Array(values) => Value::Array(values.iter().map(json).collect::<Result<_, _>>()?),
        DeValue::Table(_) => {
            let members = entries(value)?.into_iter().map(|named| Ok((named.name.to_owned(), json(named.value)?)));
            Value::Object(members.collect::<Result<Map<_, _>, LensError>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_cannot_be_meant() {
        check("drop = []", "drop", "unknown key `drop`");
        check("omit = 3", "3", "this must be an array of names, not an integer");
        check("omit = ['a', {}]", "{}", "this must be a name, not a table");
        check("rename = { a = 1 }", "1", "this must be a name, not an integer");
        check("rename = 'x'", "'x'", "this must be a table, not a string");
        check("omit = ['id']", "'id'", "the member `id`");
        check("rename = { id = 'n' }", "id", "the member `id`");
        check("rename = { n = 'id' }", "'id'", "the member `id`");
        check("wrap = { id = 'n' }", "id", "the member `id`");
        check("map = { id = { a = 'b' } }", "id", "the member `id`");
        check("[default]\nid = 1", "id", "the member `id`");
        check("rename = { n = 'n' }", "'n'", "`n` is renamed to itself");
        check("rename = { a = 'x', b = 'x' }", "'x' }", "`a` and `b` are both renamed to `x`");
        check("omit = ['a']\nrename = { a = 'b' }", "'a'", "`a` is renamed and omitted");
        check("omit = ['a', \"a\"]", "\"a\"", "`a` is omitted twice");
        check("omit = ['a']\n[wrap]\na = 'b'", "a = 'b'", "`a` is omitted and wrapped");
        check("omit = ['a']\n[map.a]\nx = 'y'", "a]\nx", "`a` is omitted and mapped");
        check("wrap = { a = 'x' }\n[unwrap]\na = 'x'", "a = 'x'\n", "`a` is wrapped and unwrapped");
        check("rename = { a = 'b' }\n[wrap]\nb = 'x'", "b = 'x'", "`b` is what `a` is renamed to");
        check("rename = { a = 'b' }\n[default]\nb = 'x'", "b = 'x'", "`b` is what `a` is renamed to");
        check("map = { s = { a = 'x', b = \"x\" } }", "\"x\"", "`a` and `b` become the same value");
        check("map = { s = { a = 1, b = 1.0 } }", "1.0", "`a` and `b` become the same value");
        check("map = { s = { a = [] } }", "[]", "`a` must become a string, a number, true or false");
        check("map = { s = { a = nan } }", "nan", "JSON has no such number");
        check("map = { s = { a = 99999999999999999999 } }", "99999999999999999999", "JSON has no such number");
        check("[map.s]\na = 'x'\n[default]\ns = 'a'", "'a'", "the default of `s` could not be written: is no value");
        check("[wrap]\ns = 'x'\n[default]\ns = 'a'", "'a'", "the default of `s` could not be written: must be an object");
        check("[wrap]\ns = 'x'\n[default]\ns = { y = 1 }", "{ y", "the default of `s` could not be written: `y` in it has");
        check("rename = {", "", "unclosed");

        fn check(text: &str, place: &str, expected: &str) {
            let error = parse(text).unwrap_err();
            let start = error.span().unwrap().start;
            assert!(error.message().contains(expected), "{text}: {error}");
            assert!(text[start..].starts_with(place) || format!("{}\n", &text[start..]).starts_with(place), "{text}: {start}");
        }
    }

    #[test]
    fn takes_what_can() {
        for text in [
            "",
            "rename = { a = 'b', b = 'a' }",
            "rename = { a = 'b' }\nomit = ['b']\ndefault = { b = 1, a = 2 }",
            "rename = { a = 'b' }\nwrap = { a = 'id' }\nmap = { a = { 1 = true } }\ndefault = { a = { id = true } }",
            "map = { a = {} }",
        ] {
            assert!(parse(text).is_ok(), "{text}: {:?}", parse(text));
        }
    }

    #[test]
    fn values_become_json() {
        let text = "[default]\nd = 2024-01-31\nf = 1.5\ni = 0x1f\nt = { y = [true], a = 'x' }";
        let shown = Value::Object(parse(text).unwrap().show(&Map::new())).to_string();
        assert_eq!(shown, r#"{"d":"2024-01-31","f":1.5,"i":31,"t":{"y":[true],"a":"x"}}"#);
    }
}
