use serde_json::json;

use super::*;

const POSTS: &str = "# all posts\n- id: 1 # first\n  title: Hello # why\n  # how many\n  views: 10\n  tags: [a, b] # flow\n  author:\n    # her name\n    name: 'x'\n    age: 3\n\n\
    # the second\n- id: 2\n  list:\n  - a # good\n  - b\n  text: |\n    # no comment\n    two\n  # todo\n# end\n";

#[test]
fn reads_rows() {
    check("", Form::Collection, json!([]));
    check("# nothing yet\n", Form::Collection, json!([]));
    check("---\n", Form::Collection, json!([]));
    check("[ ]\n", Form::Collection, json!([]));
    check("\u{feff}- id: 1\r\n- {id: 2}\r\n", Form::Collection, json!([{"id": 1}, {"id": 2}]));
    check(
        "- ä: 'it''s'\n  ö: \"\\u00e4\" # ü\n- 日: |\n    本\n- a: b\n   c\n",
        Form::Collection,
        json!([{"ä": "it's", "ö": "ä"}, {"日": "本\n"}, {"a": "b c"}]),
    );
    check("[{a: 1}, {\"b\":[c, d: e]},]", Form::Collection, json!([{"a": 1}, {"b": ["c", {"d": "e"}]}]));
    check("a: 1\n", Form::Singleton, json!([{"a": 1}]));
    check("{}", Form::Singleton, json!([{}]));
    check("--- # c\na: !!str 1\n1: ~\n~: x\n...\n", Form::Singleton, json!([{"a": "1", "1": null, "~": "x"}]));
    check(
        "- &x {a: &y [1]}\n- a: *y\n  b: *x\n- *x\n",
        Form::Collection,
        json!([{"a": [1]}, {"a": [1], "b": {"a": [1]}}, {"a": [1]}]),
    );

    fn check(text: &str, form: Form, expected: Value) {
        let document = read(&text.into()).unwrap();
        assert_eq!(text_of(&document), text);
        assert_eq!(document.form, form, "{text:?}");
        assert_eq!(Value::from_iter(document.rows.iter().map(|row| row.object())), expected, "{text:?}");
    }
}

#[test]
fn says_what_is_wrong_and_where() {
    check("1", "the file is neither a list of mappings nor a mapping", (1, 1));
    check("- a: 1\n- 2\n", "entry 1 of the list is no mapping; a collection is a list of mappings", (2, 3));
    check("ä: 1\nb: .inf\n", "JSON has no number that is infinite", (2, 4));
    check("'ä': [1, -.INF]\n", "JSON has no number that is infinite", (1, 10));
    check("a: 1\nb: 2\na: 3\n", "the member \"a\" is there twice", (3, 1));
    check("a: {b: 1, \"b\": 2}\n", "the member \"b\" is there twice", (1, 11));
    check("a: &x {b: 1}\nc:\n  <<: *x\n", "merge keys are not supported", (3, 3));
    check("a: 1\n---\nb: 1\n", "there is more than one document in the file", (2, 1));
    check("[a]: 1\n", "the name of a member is no text", (1, 1));
    check("? a\n: 1\n", "this is written in a way that cannot be changed safely", (1, 3));
    check("a: !mine 1\n", "a tag that is not known", (1, 4));
    check("a: !!int x\n", "a value that is not what its tag says", (1, 4));
    check("!!seq [{}]", "the list itself has a tag or an anchor", (1, 1));
    check("a: *x\n", "while parsing node, found unknown anchor", (1, 4));
    check("a: &x [*x]\n", "an alias stands for something that it is a part of", (1, 8));
    check("[a: 1]\n", "a mapping in a list between brackets needs braces", (1, 2));
    check("a: 1\r\nb: 2\rc: 3", "a carriage return without a line feed", (2, 5));
    check("# é\n%YAML\u{2028} 1.2\n---\na: b\n", "a directive with a character that is not ASCII", (2, 1));
    check("a: \"x\n", "", (1, 4));
    check("a: b: c\n", "", (1, 5));
    check("\ta: [\n", "", (2, 1));

    fn check(text: &str, message: &str, place: (usize, usize)) {
        let error = read(&text.into()).unwrap_err();
        assert!(error.message.starts_with(message), "{text:?}: {error}");
        assert_eq!(error.place, Some(place), "{text:?}: {error}");
    }
}

#[test]
fn hostile_files_are_refused_soon() {
    check(&format!("a: {}", "[".repeat(100_000)), "recursion limit exceeded");
    check(&format!("{}a", "- ".repeat(100_000)), "nested deeper than 100 levels");
    check(&format!("a: {}1{}", "{b: ".repeat(100), "}".repeat(100)), "nested deeper than 100 levels");
    let levels = (1..40).map(|level| format!("l{level}: &l{level} [*l{0}, *l{0}]\n", level - 1));
    check(
        &format!("l0: &l0 x\n{}", levels.collect::<String>()),
        "nested deeper than 100 levels|stand for more than 16777216 bytes",
    );
    check(&format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), "*a, ".repeat(200)), "stand for more than 16777216 bytes");
    let nested = (0..90).map(|level| format!("&a{level} [")).collect::<String>();
    check(&format!("a: {nested}{}{}", "x, ".repeat(50_000), "]".repeat(90)), "stand for more than 16777216 bytes");

    fn check(text: &str, expected: &str) {
        let error = read(&text.into()).unwrap_err();
        assert!(expected.split('|').any(|expected| error.message.contains(expected)), "{error}");
    }
}

#[test]
fn a_change_keeps_the_rest() {
    edited(POSTS, 0, |post| post["views"] = json!(11), &POSTS.replace("10", "11"));
    edited(POSTS, 0, |post| post["title"] = json!("yes"), &POSTS.replace("Hello", "\"yes\""));
    edited(
        POSTS,
        0,
        |post| post["title"] = json!({"de": ["Hallo"]}),
        &POSTS.replace("Hello # why\n", "# why\n    de:\n      - Hallo\n"),
    );
    edited(
        POSTS,
        0,
        |post| drop(post.as_object_mut().unwrap().shift_remove("views")),
        &POSTS.replace("  # how many\n  views: 10\n", ""),
    );
    edited(POSTS, 0, |post| drop(post.as_object_mut().unwrap().shift_remove("id")), &POSTS.replace("id: 1 # first\n  ", ""));
    edited(POSTS, 0, |post| post["tags"] = json!(["a", "c, d"]), &POSTS.replace("[a, b]", "[a, \"c, d\"]"));
    edited(POSTS, 0, |post| post["author"]["name"] = json!("it's"), &POSTS.replace("'x'", "'it''s'"));
    edited(POSTS, 0, |post| post["author"]["new"] = json!([]), &POSTS.replace("age: 3\n", "age: 3\n    new: []\n"));
    edited(
        POSTS,
        0,
        |post| drop(post["author"].as_object_mut().unwrap().shift_remove("name")),
        &POSTS.replace("    # her name\n    name: 'x'\n", ""),
    );
    edited(POSTS, 1, |post| post["list"] = json!(["a", "x", "b"]), &POSTS.replace("  - b\n", "  - x\n  - b\n"));
    edited(POSTS, 1, |post| post["list"] = json!(["b"]), &POSTS.replace("- a # good\n  - b", "- b"));
    edited(POSTS, 1, |post| post["text"] = json!("a\nb"), &POSTS.replace("|\n    # no comment\n    two\n", "\"a\\nb\"\n"));
    edited(
        POSTS,
        1,
        |post| post["num"] = json!({"a": [1e30]}),
        &POSTS.replace("  # todo", "  num:\n    a:\n    - 1.0e+30\n  # todo"),
    );
    edited("- {id: 1, a: x}\n", 0, |post| post["id"] = json!(2), "- {id: 2, a: x}\n");
    edited("a:\nb: # c\n", 0, |item| *item = json!({"a": 1, "b": 2}), "a: 1\nb: 2 # c\n");

    fn edited(file: &str, place: usize, change: impl FnOnce(&mut Value), expected: &str) {
        let mut document = read(&file.into()).unwrap();
        let mut item = Value::Object(document.rows[place].object());
        change(&mut item);
        document.replace(place, item.as_object().unwrap()).unwrap();
        assert_eq!(text_of(&document), expected);
    }
}

#[test]
fn rows_come_and_go() {
    let item = || object(json!({"id": 3, "a": {"b": [{"c": 1, "d": "x: y"}, []]}}));
    let text = "id: 3\n  a:\n    b:\n      - c: 1\n        d: \"x: y\"\n      - []\n";
    check("", |document| push(document, &[item()]), &format!("- {text}"));
    check("[] # none\n", |document| push(document, &[item()]), &format!("- {text}# none\n"));
    check("--- []", |document| push(document, &[object(json!({"a b": [1, "c, d"]}))]), "---\n- a b:\n    - 1\n    - c, d\n");
    check("[ # c\n]", |document| push(document, &[object(json!({"a b": [1, "c, d"]}))]), "[{a b: [1, \"c, d\"]} # c\n]");
    check("# c", |document| push(document, &[item(), Map::new()]), &format!("# c\n- {text}- {{}}\n"));
    check("- { id: 1 }", |document| push(document, &[object(json!({"id": 2, "a": []}))]), "- { id: 1 }\n- { id: 2, a: [] }");
    check(
        "[\n  {id: 1},\n  {id: 2}, # c\n]\n",
        |document| push(document, &[object(json!({"id": 3}))]),
        "[\n  {id: 1},\n  {id: 2},\n  {id: 3}, # c\n]\n",
    );
    check(
        " -  id: 1\r\n    a: x\r\n\r\n -  id: 2\r\n",
        |document| push(document, &[object(json!({"id": 3, "a": "z"}))]),
        " -  id: 1\r\n    a: x\r\n\r\n -  id: 2\r\n\r\n -  id: 3\r\n    a: z\r\n",
    );
    check("- a: |+\n    x\n\n", |document| push(document, &[object(json!({"id": 3}))]), "- a: |+\n    x\n\n- id: 3\n");
    check(
        POSTS,
        |document| remove(document, 0),
        &format!("# all posts\n\n# the second\n{}", &POSTS[POSTS.find("- id: 2").unwrap()..]),
    );
    check(POSTS, |document| remove(document, 1), &format!("{}\n# end\n", POSTS.split("\n\n# the second").next().unwrap()));
    check("- a: |+\n    x\n- b: 1", |document| remove(document, 1), "- a: |+\n    x\n");
    check("- a: |+\n    x\n- b: 1\n\n\n- c: 1\n", |document| remove(document, 1), "- a: |+\n    x\n- c: 1\n");
    check("[{a: 1},]\n", |document| remove(document, 0), "[]\n");
    check("  - a: 1\n", |document| remove(document, 0), "");

    fn check(file: &str, change: impl FnOnce(&mut Document) -> Result<(), Inexpressible>, expected: &str) {
        let mut document = read(&file.into()).unwrap();
        change(&mut document).unwrap();
        assert_eq!(text_of(&document), expected);
    }
}

#[test]
fn what_would_be_lost_is_refused() {
    let file = "- &x\n  id: 1\n- id: 2\n  a: *x\n- id: 3\n  b: [1, # one\n    2]\n- # four\n  {id: 4}\n";
    check(file, |document| replace(document, 0, &object(json!({"id": 9}))), Some(REFERRED));
    check(file, |document| remove(document, 0), Some(REFERRED));
    check(file, |document| remove(document, 1), None);
    check(file, |document| replace(document, 1, &object(json!({"id": 2, "a": 1}))), None);
    check(file, |document| replace(document, 2, &object(json!({"id": 3, "b": [1]}))), Some(BY_HAND));
    check(file, |document| replace(document, 2, &object(json!({"id": 4, "b": [1, 2]}))), None);
    check(file, |document| replace(document, 3, &object(json!({"id": 5}))), Some(BY_HAND));
    let deep = (0..120).fold(json!(1), |value, _| json!([value]));
    check(
        file,
        |document| push(document, &[object(json!({"a": deep}))]),
        Some("YAML cannot say this: values are nested deeper than 100 levels"),
    );

    fn check(file: &str, change: impl FnOnce(&mut Document) -> Result<(), Inexpressible>, expected: Option<&str>) {
        let mut document = read(&file.into()).unwrap();
        let refused = change(&mut document).err().map(|error| error.detail);
        assert_eq!(refused.as_deref(), expected);
        assert!(refused.is_none() || text_of(&document) == file);
    }
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn text_of(document: &Document) -> String {
    document.pieces().map(|piece| piece.to_string()).collect()
}
