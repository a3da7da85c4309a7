//! Changes of one object: merge patch (RFC 7396) and JSON Patch (RFC 6902), bounded, with the order of keys kept.
//!
//! Both leave the object they are given alone and make a new one. Keys that stay keep their places, so that the file's diff shows
//! what changed and nothing else.

use std::collections::HashSet;

use http::StatusCode;
use json_patch::{PatchOperation, jsonptr::Pointer};
use serde_json::{Map, Value};

use super::refusal::Refusal;

/// How deep an item may be nested. serde_json reads 128 levels; what is written must be readable again with the levels around it.
pub(crate) const MAX_DEPTH: usize = 100;

/// How many operations a JSON Patch may have; each costs a walk through the item.
const MAX_OPERATIONS: usize = 1_000;

/// How much all `copy` operations of a patch may copy, in bytes of JSON: thirty of them could double an item thirty times.
const MAX_COPIED_BYTES: usize = 1024 * 1024;

/// Why a JSON Patch is not applied.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum PatchError {
    #[error("the patch has more than {MAX_OPERATIONS} operations")]
    TooLong,
    #[error("the patch copies more than {MAX_COPIED_BYTES} bytes")]
    TooMuch,
    #[error("a test of the patch failed at operation {0}")]
    TestFailed(usize),
    #[error("operation {place} of the patch cannot be applied: {reason}")]
    Impossible { place: usize, reason: String },
    #[error("the patch leaves no object")]
    NoObject,
}

impl PatchError {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::TooLong | Self::TooMuch => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TestFailed(_) => StatusCode::CONFLICT,
            Self::Impossible { .. } | Self::NoObject => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }
}

/// RFC 7396 §2, for an object.
pub(crate) fn merge(target: &mut Map<String, Value>, patch: Map<String, Value>) {
    let mut removed = HashSet::new();
    for (name, change) in patch {
        match change {
            Value::Null => drop(removed.insert(name)),
            change => merge_value(target.entry(name).or_insert(Value::Null), change),
        }
    }
    if !removed.is_empty() {
        target.retain(|name, _| !removed.contains(name));
    }
}

/// The same for any value.
fn merge_value(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(target) = target {
        merge(target, patch);
    }
}

/// RFC 6902; all operations or none.
pub(crate) fn apply(target: &Map<String, Value>, patch: &[PatchOperation]) -> Result<Map<String, Value>, Refusal> {
    if patch.len() > MAX_OPERATIONS {
        return Err(PatchError::TooLong.into());
    }
    let mut patched = Value::Object(target.clone());
    let mut copied = 0;
    for (place, operation) in patch.iter().enumerate() {
        copied += bytes_copied(&patched, operation);
        if copied > MAX_COPIED_BYTES {
            return Err(PatchError::TooMuch.into());
        }
        if depth_after(&patched, operation) > MAX_DEPTH {
            return Err(Refusal::TooDeep { limit: MAX_DEPTH });
        }
        // The variant without an undo: `patched` is a copy, and is dropped when an operation fails.
        json_patch::patch_unsafe(&mut patched, std::slice::from_ref(operation)).map_err(|error| match operation {
            PatchOperation::Test(_) => PatchError::TestFailed(place),
            _ => PatchError::Impossible { place, reason: error.kind.to_string() },
        })?;
    }
    match patched {
        Value::Object(patched) => Ok(in_order_of(target, patched)),
        _ => Err(PatchError::NoObject.into()),
    }
}

fn bytes_copied(document: &Value, operation: &PatchOperation) -> usize {
    match operation {
        PatchOperation::Copy(copy) => {
            document.pointer(copy.from.as_str()).map_or(0, |value| serde_json::to_vec(value).map_or(0, |json| json.len()))
        }
        _ => 0,
    }
}

/// An upper bound of the depth that an operation leaves at the place it writes to.
fn depth_after(document: &Value, operation: &PatchOperation) -> usize {
    let moved = |from: &Pointer| document.pointer(from.as_str()).map_or(0, depth);
    match operation {
        PatchOperation::Add(add) => add.path.count() + depth(&add.value),
        PatchOperation::Replace(replace) => replace.path.count() + depth(&replace.value),
        PatchOperation::Move(step) => step.path.count() + moved(&step.from),
        PatchOperation::Copy(copy) => copy.path.count() + moved(&copy.from),
        PatchOperation::Remove(_) | PatchOperation::Test(_) => 0,
    }
}

/// How many levels a value has; 0 for a text or a number.
pub(crate) fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or_default(),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

/// `new` with the keys it shares with `old` in their old order, at every level, and the others behind them.
pub(crate) fn in_order_of(old: &Map<String, Value>, mut new: Map<String, Value>) -> Map<String, Value> {
    let mut ordered = Map::with_capacity(new.len());
    for (name, before) in old {
        // Taken in place: to remove each would move all the others, every time.
        let after = match (before, new.get_mut(name).map(Value::take)) {
            (_, None) => continue,
            (Value::Object(before), Some(Value::Object(after))) => Value::Object(in_order_of(before, after)),
            (_, Some(after)) => after,
        };
        ordered.insert(name.clone(), after);
    }
    ordered.extend(new.into_iter().filter(|(name, _)| !old.contains_key(name)));
    ordered
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// RFC 7396, appendix A, and the order of keys.
    #[test]
    fn merges() {
        check(r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#);
        check(r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#);
        check(r#"{"a":"b"}"#, r#"{"a":null}"#, "{}");
        check(r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#);
        check(r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#);
        check(r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#);
        check(r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#);
        check(r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#);
        check(r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#);
        check(r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#);
        check(r#"{"a":"foo"}"#, "null", "null");
        check(r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#);
        check(r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#);
        check("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#);
        check("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#);
        check(r#"{"z":1,"b":2,"a":3}"#, r#"{"z":null,"c":4}"#, r#"{"b":2,"a":3,"c":4}"#);

        fn check(target: &str, patch: &str, expected: &str) {
            let mut merged: Value = serde_json::from_str(target).unwrap();
            merge_value(&mut merged, serde_json::from_str(patch).unwrap());
            assert_eq!(merged.to_string(), expected, "{patch}");
        }
    }

    /// RFC 6902, appendix A.
    #[test]
    fn the_examples_of_the_standard() {
        check(r#"{"foo":"bar"}"#, r#"[{"op":"add","path":"/baz","value":"qux"}]"#, r#"{"foo":"bar","baz":"qux"}"#);
        check(r#"{"foo":["bar","baz"]}"#, r#"[{"op":"add","path":"/foo/1","value":"qux"}]"#, r#"{"foo":["bar","qux","baz"]}"#);
        check(r#"{"baz":"qux","foo":"bar"}"#, r#"[{"op":"remove","path":"/baz"}]"#, r#"{"foo":"bar"}"#);
        check(r#"{"foo":["bar","qux","baz"]}"#, r#"[{"op":"remove","path":"/foo/1"}]"#, r#"{"foo":["bar","baz"]}"#);
        check(
            r#"{"baz":"qux","foo":"bar"}"#,
            r#"[{"op":"replace","path":"/baz","value":"boo"}]"#,
            r#"{"baz":"boo","foo":"bar"}"#,
        );
        check(
            r#"{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}"#,
            r#"[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]"#,
            r#"{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}"#,
        );
        check(
            r#"{"foo":["all","grass","cows","eat"]}"#,
            r#"[{"op":"move","from":"/foo/1","path":"/foo/3"}]"#,
            r#"{"foo":["all","cows","eat","grass"]}"#,
        );
        check(
            r#"{"baz":"qux","foo":["a",2,"c"]}"#,
            r#"[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}]"#,
            r#"{"baz":"qux","foo":["a",2,"c"]}"#,
        );
        check(r#"{"baz":"qux"}"#, r#"[{"op":"test","path":"/baz","value":"bar"}]"#, "a test of the patch failed at operation 0");
        check(
            r#"{"foo":"bar"}"#,
            r#"[{"op":"add","path":"/child","value":{"grandchild":{}}}]"#,
            r#"{"foo":"bar","child":{"grandchild":{}}}"#,
        );
        check(r#"{"foo":"bar"}"#, r#"[{"op":"add","path":"/baz","value":"qux","xyz":123}]"#, r#"{"foo":"bar","baz":"qux"}"#);
        check(
            r#"{"foo":"bar"}"#,
            r#"[{"op":"add","path":"/baz/bat","value":"qux"}]"#,
            "operation 0 of the patch cannot be applied",
        );
        assert!(
            serde_json::from_str::<Vec<PatchOperation>>(r#"[{"op":"add","path":"/baz","value":"qux","op":"remove"}]"#).is_err()
        );
        check(r#"{"/":9,"~1":10}"#, r#"[{"op":"test","path":"/~01","value":10}]"#, r#"{"/":9,"~1":10}"#);
        check(r#"{"/":9,"~1":10}"#, r#"[{"op":"test","path":"/~01","value":"10"}]"#, "a test of the patch failed at operation 0");
        check(
            r#"{"foo":["bar"]}"#,
            r#"[{"op":"add","path":"/foo/-","value":["abc","def"]}]"#,
            r#"{"foo":["bar",["abc","def"]]}"#,
        );
    }

    #[test]
    fn patches() {
        check(r#"{"z":1,"b":2,"a":3}"#, r#"[{"op":"remove","path":"/z"}]"#, r#"{"b":2,"a":3}"#);
        check(r#"{"a":1}"#, r#"[{"op":"add","path":"/b/0","value":1}]"#, "operation 0 of the patch cannot be applied");
        check(
            r#"{"a":[]}"#,
            r#"[{"op":"add","path":"/a/-","value":1},{"op":"replace","path":"/a/0","value":2}]"#,
            r#"{"a":[2]}"#,
        );
        check(r#"{"a":1}"#, r#"[{"op":"test","path":"/a","value":2}]"#, "a test of the patch failed at operation 0");
        check(r#"{"a":1}"#, r#"[{"op":"move","from":"/a","path":"/b"}]"#, r#"{"b":1}"#);
        check(r#"{"a":1}"#, r#"[{"op":"replace","path":"","value":[]}]"#, "the patch leaves no object");
        check(r#"{"a":{}}"#, r#"[{"op":"move","from":"/a","path":"/a/b"}]"#, "operation 0");
    }

    #[test]
    fn doubling_and_nesting_end() {
        let doubling: Vec<_> = (0..40).map(|n| format!(r#"{{"op":"copy","from":"","path":"/{n}"}}"#)).collect();
        check(&format!(r#"{{"a":"{}"}}"#, "x".repeat(1000)), &format!("[{}]", doubling.join(",")), "the patch copies more than");
        let nesting: Vec<_> =
            (0..200).map(|n| format!(r#"{{"op":"add","path":"{}","value":{{}}}}"#, "/a".repeat(n + 1))).collect();
        check("{}", &format!("[{}]", nesting.join(",")), "the item is nested deeper");
        check("{}", &format!("[{}]", vec![r#"{"op":"test","path":"","value":{}}"#; 1001].join(",")), "the patch has more than");
    }

    #[test]
    fn order_is_kept_at_every_level() {
        let ordered =
            in_order_of(&object(r#"{"c":1,"a":{"y":1,"x":2},"b":2}"#), object(r#"{"n":0,"a":{"x":1,"w":0,"y":2},"c":3}"#));
        assert_eq!(text(&ordered), r#"{"c":3,"a":{"y":2,"x":1,"w":0},"n":0}"#);
    }

    #[test]
    fn many_members_are_ordered_in_linear_time() {
        let begun = Instant::now();
        let many: Map<_, _> = (0..100_000).map(|n| (n.to_string(), Value::Null)).collect();
        assert_eq!(in_order_of(&many, many.clone()).len(), many.len());
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }

    fn check(target: &str, patch: &str, expected: &str) {
        let patch: Vec<PatchOperation> = serde_json::from_str(patch).unwrap();
        let found = apply(&object(target), &patch).map_or_else(|refusal| refusal.to_string(), |patched| text(&patched));
        assert!(found.starts_with(expected), "{found}");
    }

    fn object(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    fn text(object: &Map<String, Value>) -> String {
        serde_json::to_string(object).unwrap()
    }
}
