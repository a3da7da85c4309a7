//! The member by which a row refers to a row of another collection: `postId`, `post_id` or `post`.

use serde_json::Value;

use super::noun;
use crate::site::resource::{
    ID, id_text,
    selection::{Names, members},
};

/// The names a foreign key may have towards one collection, those that count more first.
#[derive(Clone, Debug)]
pub(crate) struct ForeignKey {
    names: Vec<String>,
    places: Names,
}

impl ForeignKey {
    /// The key of rows that belong to a row of `parent`.
    pub(crate) fn towards(parent: &str) -> Self {
        let mut words = Vec::new();
        for singular in noun::singulars(parent) {
            let snake = noun::snake(&singular);
            words.extend([singular, noun::camel(&snake), snake]);
        }
        let mut names: Vec<String> = Vec::new();
        for name in ["Id", "_id", ""].into_iter().flat_map(|ending| words.iter().map(move |word| format!("{word}{ending}"))) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Self { places: names.iter().collect(), names }
    }

    /// The id of the row that a row refers to, as it stands in a path. `json` is the row's text.
    pub(crate) fn of(&self, json: &str) -> Option<String> {
        self.find(json).map(|(_, id)| id)
    }

    /// Whether a row refers to the one with this id.
    pub(crate) fn refers(&self, json: &str, id: &str) -> bool {
        self.of(json).is_some_and(|own| own == id)
    }

    /// The name that rows give their key: that of the first of `siblings` that has one, and what json-server uses otherwise.
    pub(crate) fn member<'a>(&'a self, mut siblings: impl Iterator<Item = &'a str>) -> &'a str {
        siblings.find_map(|json| self.find(json)).map_or_else(|| self.names[0].as_str(), |(name, _)| name)
    }

    fn find(&self, json: &str) -> Option<(&str, String)> {
        let found = members(json, &self.places);
        self.names.iter().zip(found).find_map(|(name, value)| Some((name.as_str(), id_text(&value?)?)))
    }
}

/// The id of a row: a number or a text.
pub(crate) fn id(json: &str) -> Option<Value> {
    let found = members(json, &[ID].into_iter().collect()).into_iter().flatten().next();
    found.filter(|id| id_text(id).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        check("posts", r#"{"postId":7}"#, "postId=7");
        check("posts", r#"{"post_id":"7"}"#, "post_id=7");
        check("posts", r#"{"post":7}"#, "post=7");
        check("posts", r#"{"post":1,"post_id":2,"postId":3}"#, "postId=3");
        check("posts", r#"{"post":1,"post_id":2,"postId":null}"#, "post_id=2");
        check("posts", r#"{"post":{"id":7}}"#, "none");
        check("posts", r#"{"post":"","postId":true,"postsId":1}"#, "none");
        check("categories", r#"{"categoryId":1}"#, "categoryId=1");
        check("movies", r#"{"movieId":1}"#, "movieId=1");
        check("people", r#"{"person":"p1"}"#, "person=p1");
        check("blog-posts", r#"{"blog-postId":1}"#, "blog-postId=1");
        check("blog-posts", r#"{"blogPostId":1}"#, "blogPostId=1");
        check("blog-posts", r#"{"blog_post_id":1}"#, "blog_post_id=1");
        check("blogPosts", r#"{"blog_post":1}"#, "blog_post=1");
        check("posts", "[1]", "none");

        fn check(parent: &str, json: &str, expected: &str) {
            let key = ForeignKey::towards(parent);
            let found = key.find(json).map_or("none".to_owned(), |(name, id)| format!("{name}={id}"));
            assert_eq!(found, expected, "{parent}: {json}");
        }
    }

    #[test]
    fn new_rows_name_it_as_their_siblings_do() {
        check("posts", &[], "postId");
        check("posts", &["{}", r#"{"post":null}"#], "postId");
        check("posts", &["{}", r#"{"post_id":1}"#, r#"{"postId":1}"#], "post_id");
        check("blog-posts", &[], "blog-postId");

        fn check(parent: &str, siblings: &[&str], expected: &str) {
            assert_eq!(ForeignKey::towards(parent).member(siblings.iter().copied()), expected);
        }
    }

    #[test]
    fn one_id_is_one_however_it_is_written() {
        let key = ForeignKey::towards("users");
        assert!(key.refers(r#"{"userId":1}"#, "1") && key.refers(r#"{"userId":"1"}"#, "1"));
        assert!(key.refers(r#"{"userId":1.0}"#, "1") && key.refers(r#"{"userId":1e1}"#, "10"));
        assert!(!key.refers(r#"{"userId":10}"#, "1") && !key.refers("{}", "1"));
        assert_eq!(id(r#"{"n":1,"id":"1"}"#), Some("1".into()));
        assert_eq!(id(r#"{"id":1}"#), Some(1.into()));
        assert_eq!((id("{}"), id(r#"{"id":null}"#)), (None, None));
    }
}
