//! The laws of versions, for any chain of files and any objects.

use proptest::{collection, prelude::*, sample, test_runner::Config};
use serde_json::json;

use super::*;

/// Few names, so that rules meet each other and the members.
const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// Values that maps name, and values that they don't.
const WORDS: [&str; 4] = ["x", "y", "1", "true"];

fn name() -> impl Strategy<Value = String> {
    sample::select(&NAMES[..]).prop_map(str::to_owned)
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => sample::select(&WORDS[..]).prop_map(|word| json!(word)),
        1 => sample::select(vec![json!(1), json!(true), json!(null), json!(1.0), json!(-2.5)]),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            2 => collection::vec((name(), inner.clone()), 0..3).prop_map(|members| Value::Object(members.into_iter().collect())),
            1 => collection::vec(inner, 0..2).prop_map(Value::Array),
        ]
    })
}

fn object() -> impl Strategy<Value = Map<String, Value>> {
    collection::vec((name(), value()), 0..6).prop_map(|members| members.into_iter().collect())
}

/// One rule, as lines of TOML.
#[derive(Clone, Debug)]
enum Rule {
    Rename(String, String),
    Omit(String),
    Default(String, Value),
    Wrap(String, String),
    Unwrap(String, String),
    Map(String, Vec<(&'static str, Value)>),
}

fn rule() -> impl Strategy<Value = Rule> {
    let pair = (sample::select(&WORDS[..]), scalar().prop_filter("no null in TOML", |value| !value.is_null()));
    prop_oneof![
        (name(), name()).prop_map(|(from, to)| Rule::Rename(from, to)),
        name().prop_map(Rule::Omit),
        (name(), value().prop_filter("no null in TOML", |value| !value.to_string().contains("null")))
            .prop_map(|(name, value)| Rule::Default(name, value)),
        (name(), name()).prop_map(|(name, inner)| Rule::Wrap(name, inner)),
        (name(), name()).prop_map(|(name, inner)| Rule::Unwrap(name, inner)),
        (name(), collection::vec(pair, 1..4)).prop_map(|(name, pairs)| Rule::Map(name, pairs)),
    ]
}

/// A lens of as many of the rules as go together.
fn lens() -> impl Strategy<Value = Lens> {
    collection::vec(rule(), 0..7).prop_map(|rules| {
        let mut kept: Vec<Rule> = Vec::new();
        for rule in rules {
            kept.push(rule);
            if Lens::parse(&file(&kept)).is_err() {
                kept.pop();
            }
        }
        Lens::parse(&file(&kept)).unwrap()
    })
}

fn file(rules: &[Rule]) -> String {
    let lines = rules.iter().map(|rule| match rule {
        Rule::Rename(from, to) => format!("rename.{from} = '{to}'"),
        Rule::Omit(_) => String::new(),
        Rule::Default(name, value) => format!("default.{name} = {}", toml::Value::try_from(value).unwrap()),
        Rule::Wrap(name, inner) => format!("wrap.{name} = '{inner}'"),
        Rule::Unwrap(name, inner) => format!("unwrap.{name} = '{inner}'"),
        Rule::Map(name, pairs) => pairs.iter().map(|(left, right)| format!("map.{name}.{left} = {right}\n")).collect::<String>(),
    });
    let omitted: Vec<_> = rules.iter().filter_map(|rule| if let Rule::Omit(name) = rule { Some(name) } else { None }).collect();
    format!("omit = {omitted:?}\n{}", lines.collect::<Vec<_>>().join("\n"))
}

fn versions() -> impl Strategy<Value = Versions> {
    collection::vec(lens(), 1..4).prop_map(|lenses| Versions::new((1..).zip(lenses).collect(), BTreeMap::new(), None))
}

/// What the versions may show of a member that was not written: nothing, or the default of any of them.
fn completions(versions: &Versions, name: &str) -> Vec<Option<Value>> {
    let numbers = (1..=versions.current()).map(|number| {
        let older = versions.older.range(..number).rev();
        older.fold(Map::new(), |newer, (_, lens)| lens.show(&newer)).get(name).cloned()
    });
    numbers.chain([None]).collect()
}

/// What is written is read again, completed by defaults.
fn put_get(versions: &Versions, written: &Map<String, Value>, stored: &Map<String, Value>) {
    let read = versions.show(1, stored).unwrap();
    for (name, value) in written {
        assert_eq!(read.get(name), Some(value), "{name} in {stored:?}");
    }
    for (name, value) in read.iter().filter(|(name, _)| !written.contains_key(*name)) {
        assert!(completions(versions, name).contains(&Some(value.clone())), "{name} in {stored:?}");
    }
}

/// What a version does not show of the next newer one is the same after its write.
fn no_loss(versions: &Versions, before: &Map<String, Value>, stored: &Map<String, Value>) {
    for number in 1..versions.current() {
        let newer = number + 1;
        let (old, new) = (versions.show(newer, before).unwrap(), versions.show(newer, stored).unwrap());
        for name in old.keys().chain(new.keys()).filter(|name| versions.older[&number].shown_name(name).is_none()) {
            assert_eq!(old.get(name), new.get(name), "{name} of {number}");
        }
    }
}

/// What stands beside an unwrapped value is the same after a write.
fn no_inner_loss(lens: &Lens, before: &Map<String, Value>, stored: &Map<String, Value>) {
    for (name, value) in before {
        let beside = |value: &Value| -> Map<String, Value> {
            let members = value.as_object().cloned().unwrap_or_default().into_iter();
            let hidden = |inner: &str| lens.shown_place(vec![name.as_str().into(), inner.into()]).is_none();
            members.filter(|(inner, _)| hidden(inner)).collect()
        };
        assert_eq!(beside(value), stored.get(name).map(beside).unwrap_or_default(), "{name}");
    }
}

proptest! {
    #![proptest_config(Config { cases: 2_000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_write_keeps_the_laws(versions in versions(), before in object(), written in object()) {
        if let Ok(stored) = versions.store(1, written.clone(), None).unwrap() {
            put_get(&versions, &written, &stored);
        }
        if let Ok(stored) = versions.store(1, written.clone(), Some(&before)).unwrap() {
            put_get(&versions, &written, &stored);
            no_loss(&versions, &before, &stored);
            let newest = &versions.older[&(versions.current() - 1)];
            no_inner_loss(newest, &before, &stored);
        }
    }

    /// Few random objects fit; one that was read and then changed at one place mostly does.
    #[test]
    fn a_change_keeps_the_laws(versions in versions(), before in object(), name in name(), value in proptest::option::of(value())) {
        let mut written = versions.show(1, &before).unwrap().into_owned();
        match value {
            Some(value) => drop(written.insert(name, value)),
            None => drop(written.shift_remove(&name)),
        }
        if let Ok(stored) = versions.store(1, written.clone(), Some(&before)).unwrap() {
            put_get(&versions, &written, &stored);
            no_loss(&versions, &before, &stored);
        }
    }

    #[test]
    fn what_was_read_can_be_written_and_changes_nothing(versions in versions(), before in object()) {
        for number in versions.numbers() {
            let read = versions.show(number, &before).unwrap().into_owned();
            let stored = versions.store(number, read, Some(&before)).unwrap();
            prop_assert_eq!(stored.map(|stored| serde_json::to_string(&stored).unwrap()), Ok(serde_json::to_string(&before).unwrap()));
        }
    }

    #[test]
    fn names_go_there_and_back(versions in versions(), name in name()) {
        if let Some(shown) = versions.shown_name(1, &name) {
            prop_assert_eq!(versions.stored_name(1, &shown), Some(name.clone()));
        }
        if let Some(stored) = versions.stored_name(1, &name) {
            prop_assert_eq!(versions.shown_name(1, &stored), Some(name));
        }
    }
}
