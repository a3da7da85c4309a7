//! One version beside the next: what is shown, what is stored, what is refused.

use super::*;

const OLD: &str = r#"
    rename = { title = "headline" }
    omit = ["rating"]
    default = { rating = 3, kind = "post" }
"#;

const RESHAPED: &str = r#"
    rename = { cost = "price" }
    wrap = { cost = "amount" }
    unwrap = { author = "name" }
    map = { status = { draft = "unpublished", live = "published" }, author = { ada = "Ada" }, cost = { 0 = "free" } }
    default = { author = "nobody" }
"#;

#[test]
fn shows() {
    check(OLD, r#"{"id":1,"title":"T","rating":5,"x":0}"#, r#"{"id":1,"headline":"T","x":0,"kind":"post"}"#);
    check(OLD, r#"{"id":1,"kind":"page"}"#, r#"{"id":1,"kind":"page"}"#);
    check(OLD, r#"{"headline":"mine","title":"T"}"#, r#"{"headline":"T","kind":"post"}"#);
    check(RESHAPED, r#"{"cost":12,"author":{"name":"X","mail":1}}"#, r#"{"price":{"amount":12},"author":"X"}"#);
    check(RESHAPED, r#"{"cost":0,"author":{"name":"ada"}}"#, r#"{"price":{"amount":"free"},"author":"Ada"}"#);
    check(RESHAPED, r#"{"author":{"mail":1},"status":"draft"}"#, r#"{"status":"unpublished","author":"nobody"}"#);
    check(RESHAPED, r#"{"author":"ada","status":null}"#, r#"{"author":"Ada","status":null}"#);
    check("rename = { a = 'b', b = 'a' }", r#"{"a":1,"b":2}"#, r#"{"b":1,"a":2}"#);
    check("", r#"{"a":1}"#, r#"{"a":1}"#);

    fn check(file: &str, newer: &str, expected: &str) {
        assert_eq!(text(&lens(file).show(&object(newer))), expected);
    }
}

#[test]
fn stores_what_is_new() {
    check(OLD, r#"{"headline":"T"}"#, r#"{"title":"T","rating":3}"#);
    check(OLD, r#"{"headline":"T","kind":"post"}"#, r#"{"title":"T","rating":3}"#);
    check(OLD, r#"{"kind":"page"}"#, r#"{"kind":"page","rating":3}"#);
    check(RESHAPED, r#"{"price":{"amount":"free"},"author":"Ada"}"#, r#"{"cost":0,"author":{"name":"ada"}}"#);
    check(RESHAPED, r#"{"author":"nobody","status":"published"}"#, r#"{"status":"live"}"#);

    fn check(file: &str, shown: &str, expected: &str) {
        assert_eq!(text(&lens(file).store(object(shown), Beneath::Defaults(&Map::new())).unwrap()), expected);
    }
}

#[test]
fn stores_over_what_was() {
    let before = r#"{"id":1,"rating":5,"title":"T","gone":1}"#;
    check(OLD, before, r#"{"headline":"N","id":1,"kind":"post","more":2}"#, r#"{"id":1,"rating":5,"title":"N","more":2}"#);
    let before = r#"{"headline":"mine","title":"T"}"#;
    check(OLD, before, r#"{"headline":"N"}"#, r#"{"headline":"mine","title":"N"}"#);
    let before = r#"{"author":{"mail":1,"name":"X"},"status":"published"}"#;
    check(RESHAPED, before, r#"{"author":"Y"}"#, r#"{"author":{"mail":1,"name":"Y"}}"#);
    check(RESHAPED, before, r#"{"status":"published"}"#, r#"{"author":{"mail":1},"status":"published"}"#);
    check(RESHAPED, before, r#"{"author":{"name":2}}"#, r#"{"author":{"mail":1,"name":{"name":2}}}"#);
    check(RESHAPED, r#"{"author":{"name":"X"}}"#, "{}", "{}");
    check(RESHAPED, r#"{"author":{"mail":1}}"#, "{}", r#"{"author":{"mail":1}}"#);
    check(RESHAPED, r#"{"author":null}"#, r#"{"author":"X"}"#, r#"{"author":{"name":"X"}}"#);
    check(RESHAPED, r#"{"cost":"5"}"#, r#"{"price":{"amount":"free"}}"#, r#"{"cost":"0"}"#);

    fn check(file: &str, before: &str, shown: &str, expected: &str) {
        let before = object(before);
        assert_eq!(text(&lens(file).store(object(shown), Beneath::Object(&before)).unwrap()), expected);
        let same = lens(file).store(lens(file).show(&before), Beneath::Object(&before)).unwrap();
        assert_eq!(text(&same), text(&before));
    }
}

#[test]
fn refuses_what_would_be_lost() {
    check(OLD, r#"{"title":1,"rating":2,"x":3}"#, &["/title is called `headline` in this version", "/rating is no member"]);
    check(RESHAPED, r#"{"price":12}"#, &["/price must be an object with the one member `amount`"]);
    check(RESHAPED, r#"{"price":{}}"#, &["/price/amount is missing"]);
    check(RESHAPED, r#"{"price":{"amount":1,"a/~b":"EUR"}}"#, &["/price/a~1~0b has no place in the newer version"]);
    check(RESHAPED, r#"{"price":{"amount":0}}"#, &["/price/amount is no value of this version; it is called \"free\" here"]);
    check(RESHAPED, r#"{"status":"draft"}"#, &["/status is no value of this version; it is called \"unpublished\" here"]);
    check("rename = { a = 'b' }\nomit = ['b']", r#"{"a":1,"b":2}"#, &["/a is called `b`"]);

    fn check(file: &str, shown: &str, expected: &[&str]) {
        let mismatches = lens(file).store(object(shown), Beneath::Defaults(&Map::new())).unwrap_err();
        let said: Vec<_> = mismatches.iter().map(|mismatch| format!("{} {}", mismatch.pointer, mismatch.detail)).collect();
        assert_eq!(said.len(), expected.len(), "{said:?}");
        assert!(said.iter().zip(expected).all(|(said, expected)| said.starts_with(expected)), "{said:?}");
    }
}

fn lens(file: &str) -> Lens {
    Lens::parse(file).unwrap()
}

fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap()
}

fn text(object: &Map<String, Value>) -> String {
    serde_json::to_string(object).unwrap()
}
