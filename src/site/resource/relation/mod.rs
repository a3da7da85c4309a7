//! Relations between collections by foreign key, as json-server's users know them. Pure: the data is behind [`Related`].
//!
//! `_embed=comments` gives each post its comments, `_embed=post` and `_expand=post` give each comment its post. Ids are compared as
//! they stand in a path: `7` and `"7"` are one. A collection is gone over once for a relation, however many items ask.
//!
//! `/users/1/posts` needs no more than [`ForeignKey`]: which rows there are, and what a new one gets.

mod key;
mod noun;

use std::collections::HashMap;

use serde_json::{Map, Value};

pub(crate) use self::key::{ForeignKey, id};
use super::{
    id_text,
    refusal::Refusal,
    selection::{QueryError, Wanted, shown},
};

/// How much JSON one answer embeds, in bytes as it is stored. One long row can belong to all the others, and an answer is held in
/// memory as a tree, which is many times its text.
const MAX_EMBEDDED_BYTES: usize = 16 * 1024 * 1024;

/// How many rows of a collection are looked at to tell what it is related to, for a message.
const MAX_SAMPLE: usize = 100;

/// The collections of a project.
pub(crate) trait Related {
    /// The names of all collections; singletons are not among them.
    fn names(&self) -> Vec<String>;

    /// The rows of a collection as JSON texts, in their order.
    fn rows<'a>(&'a self, collection: &str) -> Box<dyn Iterator<Item = &'a str> + 'a>;

    /// The row with this id.
    fn row<'a>(&'a self, collection: &str, id: &str) -> Option<&'a str>;

    /// A stored row as it is shown inside of another one.
    fn show(&self, collection: &str, json: &str) -> Map<String, Value>;
}

/// An object of an answer.
#[derive(Debug)]
pub(crate) struct Item<'a> {
    /// The row it is made of.
    pub(crate) stored: &'a str,
    /// What the answer shows, which relations are added to.
    pub(crate) shown: Map<String, Value>,
}

/// How a wanted relation is found.
enum Relation {
    Children { collection: String, key: ForeignKey },
    Parent { collection: String, key: ForeignKey },
}

/// How much may still be embedded.
struct Budget {
    parameter: &'static str,
    bytes: usize,
}

/// Adds what is wanted to items of a collection. Refuses what is no relation, and what would be too long.
pub(crate) fn embed(collection: &str, wanted: &[Wanted], items: &mut [Item<'_>], related: &impl Related) -> Result<(), Refusal> {
    let mut budget = Budget { parameter: "", bytes: MAX_EMBEDDED_BYTES };
    for wanted in wanted {
        budget.parameter = wanted.parameter;
        match find(collection, wanted, related)? {
            Relation::Children { collection, key } => {
                embed_children(&wanted.name, &collection, &key, items, related, &mut budget)?;
            }
            Relation::Parent { collection, key } => embed_parent(&wanted.name, &collection, &key, items, related, &mut budget)?,
        }
    }
    Ok(())
}

/// What a collection is related to, as far as its rows tell.
#[derive(Debug, Default)]
pub(crate) struct Kin {
    /// Collections whose rows refer to this one, with the member that does.
    pub(crate) children: Vec<(String, String)>,
    /// What the rows refer to, in the singular.
    pub(crate) parents: Vec<String>,
}

/// Looks at some rows of all collections.
pub(crate) fn kin(collection: &str, related: &impl Related) -> Kin {
    let refers = |from: &str, key: &ForeignKey| related.rows(from).take(MAX_SAMPLE).any(|json| key.of(json).is_some());
    let (own, names) = (ForeignKey::towards(collection), related.names());
    let children = names.iter().filter(|name| refers(name, &own));
    let parents = names.iter().filter(|name| refers(collection, &ForeignKey::towards(name)));
    Kin {
        children: children.map(|name| (name.clone(), own.member(related.rows(name)).to_owned())).collect(),
        parents: parents.filter_map(|name| noun::singulars(name).into_iter().next()).collect(),
    }
}

/// Whether the rows of a collection can be asked for below the items of another: some of them refer to one, or there are none yet.
pub(crate) fn is_below<'a>(above: &str, mut rows: impl Iterator<Item = &'a str>) -> bool {
    let key = ForeignKey::towards(above);
    let Some(first) = rows.next() else { return true };
    key.of(first).is_some() || rows.any(|json| key.of(json).is_some())
}

fn embed_children(
    name: &str,
    collection: &str,
    key: &ForeignKey,
    items: &mut [Item<'_>],
    related: &impl Related,
    budget: &mut Budget,
) -> Result<(), QueryError> {
    let ids = items.iter().filter_map(own_id);
    let mut groups: HashMap<String, Vec<&str>> = ids.map(|id| (id, Vec::new())).collect();
    for json in related.rows(collection) {
        if let Some(group) = key.of(json).and_then(|id| groups.get_mut(&id)) {
            group.push(json);
        }
    }
    for item in items {
        let children = own_id(item).and_then(|id| groups.get(&id)).map(Vec::as_slice).unwrap_or_default();
        children.iter().try_for_each(|json| budget.spend(json))?;
        let children = children.iter().map(|json| Value::Object(related.show(collection, json))).collect();
        item.shown.insert(name.to_owned(), Value::Array(children));
    }
    Ok(())
}

/// An item whose parent is not there stays as it is.
fn embed_parent(
    name: &str,
    collection: &str,
    key: &ForeignKey,
    items: &mut [Item<'_>],
    related: &impl Related,
    budget: &mut Budget,
) -> Result<(), QueryError> {
    for item in items {
        if let Some(parent) = key.of(item.stored).and_then(|id| related.row(collection, &id)) {
            budget.spend(parent)?;
            item.shown.insert(name.to_owned(), Value::Object(related.show(collection, parent)));
        }
    }
    Ok(())
}

impl Budget {
    fn spend(&mut self, json: &str) -> Result<(), QueryError> {
        let error = QueryError::TooMuchEmbedded { name: self.parameter, limit: MAX_EMBEDDED_BYTES };
        self.bytes = self.bytes.checked_sub(json.len()).ok_or(error)?;
        Ok(())
    }
}

fn own_id(item: &Item<'_>) -> Option<String> {
    id(item.stored).as_ref().and_then(id_text)
}

/// The relation of this name: the children in a collection of the name, or the parent in one that is its plural. A collection with
/// rows of which none refers is not related.
fn find(collection: &str, wanted: &Wanted, related: &impl Related) -> Result<Relation, QueryError> {
    let names = related.names();
    let refers = |from: &str, to: &str| is_below(to, related.rows(from));
    if wanted.parameter == "_embed" && names.contains(&wanted.name) && refers(&wanted.name, collection) {
        return Ok(Relation::Children { collection: wanted.name.clone(), key: ForeignKey::towards(collection) });
    }
    let word = noun::snake(&wanted.name);
    let plurals = names.iter().filter(|name| noun::singulars(name).iter().any(|singular| noun::snake(singular) == word));
    let mut parents = plurals.filter(|name| refers(collection, name));
    match parents.next() {
        Some(parent) => Ok(Relation::Parent { collection: parent.clone(), key: ForeignKey::towards(parent) }),
        None => Err(no_relation(collection, wanted, related)),
    }
}

/// Refuses what is no collection. Whether its rows refer to this one may change with each write.
pub(crate) fn check_collection(collection: &str, wanted: &Wanted, related: &impl Related) -> Result<(), QueryError> {
    if related.names().contains(&wanted.name) { Ok(()) } else { Err(no_relation(collection, wanted, related)) }
}

fn no_relation(collection: &str, wanted: &Wanted, related: &impl Related) -> QueryError {
    QueryError::Relation {
        name: wanted.parameter,
        relation: shown(&wanted.name),
        collection: collection.to_owned(),
        possible: possible(collection, wanted.parameter, related),
    }
}

/// What could have been wanted, for the message.
fn possible(collection: &str, parameter: &str, related: &impl Related) -> String {
    let Kin { children, parents } = kin(collection, related);
    let children = children.into_iter().filter(|_| parameter != "_expand").map(|(name, _)| name);
    let parents = parents.into_iter().filter(|_| parameter != "_dependent");
    let all: Vec<String> = children.chain(parents).collect();
    if all.is_empty() { "there is none".to_owned() } else { format!("there are {}", all.join(", ")) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    /// Collections in memory.
    struct Data(BTreeMap<String, Vec<String>>);

    impl Data {
        fn new(json: Value) -> Self {
            let Value::Object(collections) = json else { panic!("an object of arrays") };
            let texts = |rows: Value| rows.as_array().unwrap().iter().map(Value::to_string).collect();
            Self(collections.into_iter().map(|(name, rows)| (name, texts(rows))).collect())
        }

        fn example() -> Self {
            Self::new(json!({
                "posts": [{"id": 1, "title": "A"}, {"id": "2", "title": "B"}, {"title": "no id"}],
                "comments": [{"id": 1, "postId": 1}, {"id": 2, "postId": "2"}, {"id": 3, "postId": 1}, {"id": 4}, {"id": 5, "postId": 9}],
                "categories": [{"id": "k", "name": "K"}],
                "items": [{"id": 1, "category": "k"}, {"id": 2, "category_id": "none", "category": 1}],
                "drafts": [],
                "blog-posts": [{"id": 7}],
                "likes": [{"id": 1, "blogPostId": 7}],
            }))
        }
    }

    impl Related for Data {
        fn names(&self) -> Vec<String> {
            self.0.keys().cloned().collect()
        }

        fn rows<'a>(&'a self, collection: &str) -> Box<dyn Iterator<Item = &'a str> + 'a> {
            Box::new(self.0.get(collection).into_iter().flatten().map(String::as_str))
        }

        fn row<'a>(&'a self, collection: &str, id: &str) -> Option<&'a str> {
            self.rows(collection).find(|json| super::id(json).as_ref().and_then(id_text).is_some_and(|own| own == id))
        }

        fn show(&self, _collection: &str, json: &str) -> Map<String, Value> {
            serde_json::from_str(json).unwrap()
        }
    }

    fn answer(data: &Data, collection: &str, parameter: &'static str, name: &str) -> String {
        let shown = |json: &str| serde_json::from_str(json).unwrap();
        let mut items: Vec<Item<'_>> = data.rows(collection).map(|stored| Item { stored, shown: shown(stored) }).collect();
        match embed(collection, &[Wanted { parameter, name: name.to_owned() }], &mut items, data) {
            Ok(()) => serde_json::to_string(&items.into_iter().map(|item| item.shown).collect::<Vec<_>>()).unwrap(),
            Err(refusal) => refusal.to_string(),
        }
    }

    fn check(collection: &str, parameter: &'static str, name: &str, expected: &str) {
        assert_eq!(answer(&Data::example(), collection, parameter, name), expected, "{collection}?{parameter}={name}");
    }

    #[test]
    fn children() {
        check(
            "posts",
            "_embed",
            "comments",
            concat!(
                r#"[{"id":1,"title":"A","comments":[{"id":1,"postId":1},{"id":3,"postId":1}]},"#,
                r#"{"id":"2","title":"B","comments":[{"id":2,"postId":"2"}]},{"title":"no id","comments":[]}]"#
            ),
        );
        check("blog-posts", "_embed", "likes", r#"[{"id":7,"likes":[{"id":1,"blogPostId":7}]}]"#);
        check("categories", "_embed", "drafts", r#"[{"id":"k","name":"K","drafts":[]}]"#);
        check("drafts", "_embed", "comments", "drafts has no relation \"comments\" for _embed; there is none");
    }

    #[test]
    fn parents() {
        let expected = concat!(
            r#"[{"id":1,"postId":1,"post":{"id":1,"title":"A"}},{"id":2,"postId":"2","post":{"id":"2","title":"B"}},"#,
            r#"{"id":3,"postId":1,"post":{"id":1,"title":"A"}},{"id":4},{"id":5,"postId":9}]"#
        );
        check("comments", "_embed", "post", expected);
        check("comments", "_expand", "post", expected);
        check("drafts", "_expand", "post", "[]");
        let expected = r#"[{"id":1,"category":{"id":"k","name":"K"}},{"id":2,"category_id":"none","category":1}]"#;
        check("items", "_expand", "category", expected);
        check("likes", "_expand", "blogPost", r#"[{"id":1,"blogPostId":7,"blogPost":{"id":7}}]"#);
        check("likes", "_embed", "blog-post", r#"[{"id":1,"blogPostId":7,"blog-post":{"id":7}}]"#);
    }

    #[test]
    fn what_is_no_relation_is_refused() {
        check("posts", "_embed", "nope", "posts has no relation \"nope\" for _embed; there are comments");
        check("posts", "_embed", "likes", "posts has no relation \"likes\" for _embed; there are comments");
        check("posts", "_expand", "comments", "posts has no relation \"comments\" for _expand; there is none");
        check("comments", "_expand", "posts", "comments has no relation \"posts\" for _expand; there are post");
        check("comments", "_embed", "category", "comments has no relation \"category\" for _embed; there are post");
    }

    #[test]
    fn what_is_embedded_is_bounded() {
        let long = "x".repeat(MAX_EMBEDDED_BYTES / 4);
        let comments = |count: usize| (0..count).map(|id| json!({"id": id, "postId": 1})).collect::<Vec<_>>();
        let data = |count| Data::new(json!({"posts": [{"id": 1, "text": &long}], "comments": comments(count)}));
        assert!(answer(&data(3), "comments", "_embed", "post").starts_with('['));
        assert_eq!(
            answer(&data(4), "comments", "_embed", "post"),
            "what _embed adds is longer than 16777216 bytes; ask for fewer items with _page and _per_page"
        );
        let data = Data::new(json!({"posts": vec![json!({"id": 1}); 5], "comments": [{"id": 1, "postId": 1, "text": &long}]}));
        assert!(answer(&data, "posts", "_embed", "comments").starts_with("what _embed adds"));
    }
}
