//! What a query selects: everything that json-server's documentation names, in both generations, and what it does not say.
//!
//! Where the two differ, or ours does, the line says so.

use serde_json::{Map, Value};

use super::{Lens, Selected, Selection};
use crate::site::query;

const POSTS: &str = r#"[
    {"id":1,"title":"Hello World","views":100,"author":{"name":"typicode"},"tags":["x","y"],"ok":true,"none":null},
    {"id":2,"title":"another","views":20,"author":{"name":"bob"},"tags":[]},
    {"id":3,"title":"json-server","views":30,"parts":[{"n":1},{"n":2}]},
    {"id":4,"title":"Äpfel","ok":false}
]"#;

#[test]
fn equality() {
    check("", "1 2 3 4 of 4");
    check("title=json-server", "3 of 1");
    check("title=json-server&views=30", "3 of 1");
    check("title=json-server&views=20", " of 0");
    check("id=1&id=3", "1 3 of 2");
    check("author.name=typicode", "1 of 1");
    check("author.name:eq=typicode", "1 of 1");
    check("title:eq=another", "2 of 1");
    check("title=Another", " of 0");
    check("id:in=1,2,9", "1 2 of 2");
    check("id_in=1, 2", "1 2 of 2");
    check("id:in=1&id:in=4", "1 4 of 2");
    // As libraries write lists, which 0.17 understands.
    check("id[]=1&id[]=3", "1 3 of 2");
    check("id[]=1&id=3", "1 3 of 2");
    // By worth, as the first version converts what it is given; 0.17 compares texts.
    check("views=1e2", "1 of 1");
    check("ok=true", "1 of 1");
    // 0.17 never finds null.
    check("none=null", "1 of 1");
    check("views=null", " of 0");
    // json-server does not look into arrays.
    check("tags=y", "1 of 1");
    check("parts.n=2", "3 of 1");
    check("title=", " of 0");
    // 0.17 leaves such a condition out.
    check("nothing=1", " of 0");
    check("nothing.at.all:gte=1", " of 0");
}

#[test]
fn operators() {
    check("views_gte=20&views_lte=30", "2 3 of 2");
    check("views:gte=20&views:lte=30", "2 3 of 2");
    check("views:gt=20", "1 3 of 2");
    check("views[gt]=20", "1 3 of 2");
    check("views:lt=30", "2 of 1");
    check("views_gt=20&views_lt=100", "3 of 1");
    check("views_gte=100&views_gte=30", "1 3 of 2");
    check("title:gte=b", "3 4 of 2");
    check("author.name:lt=c", "2 of 1");
    check("parts.n_gte=2", "3 of 1");
    check("views:gt=-1.5e0", "1 2 3 of 3");
    // What has no such member differs from nothing, in both generations.
    check("id_ne=1", "2 3 4 of 3");
    check("views:ne=100", "2 3 of 2");
    check("none:ne=x", "1 of 1");
    check("tags:ne=x", "2 of 1");
    check("title_ne=another&title_ne=json-server", "1 4 of 2");
    check("title:contains=hello", "1 of 1");
    check("title:contains=ÄPF", "4 of 1");
    check("title_contains=O", "1 2 3 of 3");
    check("tags:contains=X", "1 of 1");
    check("title:startsWith=Hello", "1 of 1");
    check("title:startsWith=world", " of 0");
    check("title:endsWith=world", "1 of 1");
    check("title_like=server", "3 of 1");
    check("title_like=^h.*D$", "1 of 1");
    check("title_like=^a&title_like=^h", "1 2 of 2");
    check("views_like=0$", "1 2 3 of 3");
    check("ok_like=als", "4 of 1");
    check(r"title_like=^\w%2B\s\w%2B$", "1 of 1");
}

#[test]
fn full_text() {
    check("q=internet", " of 0");
    check("q=TYPICODE", "1 of 1");
    check("q=äpf", "4 of 1");
    check("q=100", "1 of 1");
    check("q=o&views:lt=100", "2 3 of 2");
    check("q=", "1 2 3 4 of 4");
    check("q=another&q=json", "2 of 1");
}

#[test]
fn where_as_json() {
    check(r#"_where={"or":[{"views":{"gt":50}},{"author":{"name":{"lt":"m"}}}]}"#, "1 2 of 2");
    check(r#"_where={"or":[{"id":{"in":[1,2]}},{"title":"Äpfel"}],"title":{"ne":"another"}}&id=3"#, "1 4 of 2");
    check(r#"_where={"ok":true}"#, "1 of 1");
    check(r#"_where={"author.name":{"contains":"TYPI"}}"#, "1 of 1");
    check(r#"_where={"or":[]}"#, " of 0");
    check("_where={}", "1 2 3 4 of 4");
    check(r#"_where={"views":{"gt":"x"}}"#, r#"the parameter _where.views.gt takes a number, not "x""#);
    check(r#"_where={"views":{"gt":1,"foo":1}}"#, &no_operator("_where.views.foo"));
    check(r#"_where={"or":[1]}"#, r#"the parameter _where takes objects in "or", not "1""#);
    check("_where={", r#"the parameter _where takes a JSON object (EOF while parsing an object at line 1 column 1), not "{""#);
}

#[test]
fn order() {
    check("_sort=title", "1 2 3 4 of 4");
    check("_sort=-views", "1 3 2 4 of 4");
    check("_sort=views&_order=asc", "4 2 3 1 of 4");
    check("_sort=views&_order=DESC", "1 3 2 4 of 4");
    check("_sort=author.name,-views", "3 4 2 1 of 4");
    check("_sort=ok,views&_order=desc,asc", "1 4 2 3 of 4");
    check("_sort=ok,views&_order=desc", "1 4 2 3 of 4");
    check("_sort=-views&_order=asc", "1 3 2 4 of 4");
    check("_sort=nothing", "1 2 3 4 of 4");
    check("_sort=,-,&_order=", "1 2 3 4 of 4");
    check("_sort=views&_order=up", r#"the parameter _order takes asc or desc, not "up""#);
    check(&format!("_sort={}", "views,".repeat(17)), "the parameter _sort has more than 16 names");
    check_rows(
        r#"[{"id":1,"a":{}},{"id":2,"a":"b"},{"id":3,"a":2},{"id":4,"a":true},{"id":5,"a":[]},{"id":6}]"#,
        "_sort=a",
        "6 4 3 2 5 1 of 6",
    );
    check_rows(r#"[{"id":1,"a":9007199254740993},{"id":2,"a":9007199254740992}]"#, "_sort=a", "2 1 of 2");
}

#[test]
fn stretches() {
    check("_page=1&_per_page=3", "1 2 3 of 4, page 1 of 2");
    check("_page=2&_per_page=3", "4 of 4, page 2 of 2");
    check("_page=2&_limit=3", "4 of 4, page 2 of 2");
    check("_page=1", "1 2 3 4 of 4, page 1 of 1");
    check("_per_page=3", "1 2 3 of 4, page 1 of 2");
    // The first version answers its last page.
    check("_page=9", " of 4, page 9 of 1");
    check("views:gte=1&_sort=views&_page=2&_per_page=2", "1 of 3, page 2 of 2");
    check("_limit=2", "1 2 of 4, page 1 of 2");
    check("_start=1&_end=3", "2 3 of 4");
    check("_start=1&_limit=2", "2 3 of 4");
    check("_end=2", "1 2 of 4");
    check("_start=2", "3 4 of 4");
    check("_start=-2&_end=10", "3 4 of 4");
    check("_start=3&_end=1", " of 4");
    check("_page=&_limit=&_start=&_sort=&_embed=&_fields=&_where=", "1 2 3 4 of 4");
    check("_page=9223372036854775807&_limit=9223372036854775807", " of 4, page 9223372036854775807 of 1");
    // Both generations take the nearest number that would do.
    check("_page=0", r#"the parameter _page takes a number from 1, not "0""#);
    check("_page=1&_limit=0", r#"the parameter _limit takes a number from 1, not "0""#);
    check("_limit=0", r#"the parameter _limit takes a number from 1, not "0""#);
    check("_page=9223372036854775808", r#"the parameter _page takes a number from 1, not "9223372036854775808""#);
    check("_limit=x", r#"the parameter _limit takes a number from 1, not "x""#);
    check("_limit=-1", r#"the parameter _limit takes a number from 1, not "-1""#);
    check("_per_page=1.5", r#"the parameter _per_page takes a number from 1, not "1.5""#);
    check("_end=x", r#"the parameter _end takes a whole number, not "x""#);
}

#[test]
fn values_of_the_wrong_kind() {
    check("views_gte=abc", r#"the parameter views_gte takes a number, not "abc""#);
    check("views=abc", r#"the parameter views takes a number, not "abc""#);
    check("views=20&views=", r#"the parameter views takes a number, not """#);
    check("id:in=1,x", r#"the parameter id:in takes a number, not "x""#);
    check("ok=maybe", r#"the parameter ok takes true or false, not "maybe""#);
    check("ok_gte=true", "the parameter ok_gte cannot compare \"true\": gte takes numbers and texts, but ok is true or false");
    check("views:contains=1", "the parameter views:contains cannot compare \"1\": contains takes texts, but views is a number");
    check(
        "author=bob",
        "the parameter author cannot compare \"bob\": eq takes numbers, texts, true and false, but author is an object",
    );
    check("author=null", " of 0");
    check("title_like=a(b", "the parameter title_like takes a regular expression (unclosed group), not \"a(b\"");
    check(
        "title_like=(.{1000}){1000}",
        "the parameter title_like takes a regular expression (it is too large), not \"(.{1000}){1000}\"",
    );
    // Neither the order of the conditions nor what the others leave over changes what is refused.
    check("title=none&views=abc", r#"the parameter views takes a number, not "abc""#);
    check_rows(r#"[{"id":1,"a":1},{"id":2,"a":"x"}]"#, "a_gte=y", " of 0");
    check_rows(r#"[{"id":1,"a":1},{"id":2,"a":"x"}]"#, "a:contains=X", "2 of 1");
    check_rows(r#"[{"id":1,"a":1},{"id":2,"a":true}]"#, "a=x", r#"the parameter a takes a number or true or false, not "x""#);
    check_rows(r#"[{"id":1,"a":null},{"id":2,"a":[]}]"#, "a_gte=x", " of 0");
    check_rows("[]", "a:contains=1&b_gte=x&c=y&d_foo=1&_sort=z", " of 0");
}

#[test]
fn names_that_are_no_parameters() {
    check("views:foo=1", &no_operator("views:foo"));
    check("author[name]=bob", &no_operator("author[name]"));
    check("views_foo=1", &no_operator("views_foo"));
    check("none_foo=1", &no_operator("none_foo"));
    check("nothing_foo=1", " of 0");
    check("_=1690000000000&__explain&__x=1&=1", "1 2 3 4 of 4");
    check("_sotr=title", "there is no parameter _sotr; did you mean _sort?");
    check("_perpage=1", "there is no parameter _perpage; did you mean _per_page?");
    check(
        "_nothing=1",
        "there is no parameter _nothing; there are \
         q, _sort, _order, _page, _per_page, _limit, _start, _end, _fields, _embed, _expand, _where",
    );
    // What the rows do have is a member, however it looks.
    const ODD: &str = r#"[{"id":1,"_id":"a","logged_in":true,"dc:title":"T","views_foo":1,"views":1,"x_gte":5},
                          {"id":2,"_id":"b","logged":"false","x":9}]"#;
    check_rows(ODD, "_id=b", "2 of 1");
    check_rows(ODD, "_id_ne=b", "1 of 1");
    check_rows(ODD, "logged_in=true", "1 of 1");
    check_rows(ODD, "logged_in=false", " of 0");
    check_rows(ODD, "dc:title=T", "1 of 1");
    check_rows(ODD, "dc:title:ne=T", " of 0");
    check_rows(ODD, "views_foo=1", "1 of 1");
    check_rows(ODD, "x_gte=9", " of 0");
    check_rows(ODD, "x:gte=9", "2 of 1");
}

#[test]
fn hostile_queries_are_bounded() {
    let many = |count: usize| (0..count).map(|number| format!("n{number}=1&")).collect::<String>();
    check(&many(64), " of 0");
    check(&many(65), "the query makes more than 64 comparisons with each item; ask in several requests");
    let values = |name: &str, count: usize| format!("{name}=1&").repeat(count);
    check(&values("id", 1_000), "1 of 1");
    check(&values("id_gte", 65), "the query makes more than 64 comparisons with each item; ask in several requests");
    check(&values("title_like", 8), " of 0");
    check(&values("title_like", 9), "the query makes more than 64 comparisons with each item; ask in several requests");
    let nested = |depth: usize| format!("_where={}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    check(&nested(50), " of 0");
    check(&nested(100), "the query makes more than 64 comparisons with each item; ask in several requests");
    check(
        &format!("_where={{\"or\":[{}{{}}]}}", "{\"or\":[]},".repeat(40)),
        "the query makes more than 64 comparisons with each item; ask in several requests",
    );
    check(&format!("{}=1", "a.".repeat(200)), &format!("a name in the parameter {}… is longer than 256 bytes", "a.".repeat(30)));
    check(
        &format!("_embed={}", (0..17).map(|number| format!("r{number},")).collect::<String>()),
        "the parameter _embed has more than 16 names",
    );
}

#[test]
fn a_lens_gives_other_names() {
    let lens: Lens<'_> = &|mut row| {
        let title = row.shift_remove("title").unwrap_or_default();
        row.insert("headline".to_owned(), title);
        row.insert("kind".to_owned(), "post".into());
        row
    };
    let through = |query: &str, expected: &str| assert_eq!(select(POSTS, query, Some(lens)), expected, "{query}");
    through("headline=another", "2 of 1");
    through("title=another", " of 0");
    through("kind=post&author.name=bob", "2 of 1");
    through("q=POST&_sort=-headline&_limit=1", "4 of 4, page 1 of 4");
}

#[test]
fn relations_and_fields() {
    let selection = parse("_embed=comments&_embed=tags, author&_expand=user,comments&_fields=id,tags.name").unwrap();
    let relations: Vec<String> =
        selection.relations().iter().map(|wanted| format!("{}={}", wanted.parameter, wanted.name)).collect();
    assert_eq!(relations, ["_embed=comments", "_embed=tags", "_embed=author", "_expand=user"]);
    let row = r#"{"id":1,"title":"T","comments":[1],"tags":[{"id":1,"name":"x"}],"user":{}}"#;
    let kept = selection.fields().unwrap().project(serde_json::from_str(row).unwrap());
    assert_eq!(Value::Object(kept).to_string(), r#"{"id":1,"comments":[1],"tags":[{"name":"x"}],"user":{}}"#);
    assert!(parse("_fields=").unwrap().fields().is_none());
}

#[test]
fn what_does_not_fit_is_refused_also_where_no_row_belongs() {
    let rows: Vec<Map<String, Value>> = serde_json::from_str(POSTS).unwrap();
    let rows: Vec<String> = rows.into_iter().map(|row| Value::Object(row).to_string()).collect();
    let select = |query: &str, belongs: bool| {
        let selected = parse(query)?.apply(rows.iter(), |_| belongs, |json| json.as_str(), None)?;
        Ok::<_, super::Refusal>((selected.rows.len(), selected.total))
    };
    for (query, found) in [("", 4), ("views:gte=0", 3), ("q=zzz", 0), ("_limit=1", 4)] {
        assert_eq!(select(query, true).unwrap().1, found, "{query}");
        assert_eq!(select(query, false).unwrap(), (0, 0), "{query}");
    }
    for belongs in [true, false] {
        assert_eq!(select("views=abc", belongs).unwrap_err().to_string(), r#"the parameter views takes a number, not "abc""#);
    }
}

#[test]
fn one_item_is_asked_with_known_parameters() {
    assert!(parse("_embed=comments&_fields=id&version=1&views_gte=1").unwrap().check().is_ok());
    let refused = |query: &str| parse(query).unwrap().check().unwrap_err().to_string();
    assert_eq!(refused("_embd=comments"), "there is no parameter _embd; did you mean _embed?");
    assert_eq!(refused("views:foo=1"), no_operator("views:foo"));
}

fn no_operator(name: &str) -> String {
    format!(
        "the parameter {name} has no operator that is known; there are \
         eq, ne, in, gt, gte, lt, lte, contains, startsWith, endsWith, like"
    )
}

fn check(query: &str, expected: &str) {
    check_rows(POSTS, query, expected);
}

/// The same through a lens that changes nothing: both ways to read a row find the same.
fn check_rows(rows: &str, query: &str, expected: &str) {
    assert_eq!(select(rows, query, None), expected, "{query}");
    assert_eq!(select(rows, query, Some(&|row| row)), expected, "{query} through a lens");
}

fn select(rows: &str, query: &str, lens: Option<Lens<'_>>) -> String {
    let rows: Vec<Map<String, Value>> = serde_json::from_str(rows).unwrap();
    let rows = rows.iter().map(|row| (row["id"].to_string(), serde_json::to_string(row).unwrap()));
    match parse(query).and_then(|selection| selection.apply(rows, |_| true, |(_, json)| json, lens)) {
        Ok(selected) => {
            let ids: Vec<String> = selected.rows.into_iter().map(|(id, _)| id).collect();
            let page = selected.page.map(|page| format!(", page {} of {}", page.number, page.last));
            format!("{} of {}{}", ids.join(" "), selected.total, page.unwrap_or_default())
        }
        Err(refusal) => refusal.to_string(),
    }
}

fn parse(query: &str) -> Result<Selection, super::Refusal> {
    Selection::parse(&query::parse(Some(query)))
}

/// What is passed over without being read is what would not have been taken.
#[test]
fn words_are_found_however_they_are_written() {
    let rows = [
        r#"{"id":1,"a":"sea"}"#,
        r#"{"id":2,"a":"s\u0065a"}"#,
        r#"{"id":3,"a":["land","sea"]}"#,
        r#"{"id":4,"a":"lake","b":"sea"}"#,
        r#"{"id":5,"a":{"c":"sea"}}"#,
        r#"{"id":6,"a":"süd"}"#,
        r#"{"id":7,"a":"s\u00fcd"}"#,
        r#"{"id":8,"a":7}"#,
    ];
    for (query, expected) in [
        ("a=sea", "1 2 3"),
        ("a=sea&a=lake", "1 2 3 4"),
        ("a=sea&b=sea", ""),
        ("a=lake&b=sea", "4"),
        ("a.c=sea", "5"),
        ("a=süd", "6 7"),
        ("a=nowhere", ""),
        ("a=7", "8"),
        ("sea=a", ""),
    ] {
        let selection = Selection::parse(&query::parse(Some(query))).unwrap();
        let ids = |selected: Selected<&&str>| {
            let id = |row: &&&str| serde_json::from_str::<Map<String, Value>>(row).unwrap()["id"].to_string();
            selected.rows.iter().map(id).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(ids(selection.apply(rows.iter(), |_| true, |row| row, None).unwrap()), expected, "{query}");
        assert_eq!(ids(selection.read(rows.iter(), |_| true, |row: &&&str| row, None).unwrap()), expected, "{query}");
    }
    let numbers = [r#"{"n":1}"#, r#"{"n":2}"#];
    let selection = Selection::parse(&query::parse(Some("n=many"))).unwrap();
    assert!(selection.apply(numbers.iter(), |_| true, |row| row, None).is_err(), "a mistake is one, whatever was passed over");
}
