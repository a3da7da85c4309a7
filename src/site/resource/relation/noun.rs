//! Names of collections as English nouns: one of `categories` is a `category`, spelled as its collection is.

/// Plurals that no rule makes, of those that people have in their data.
const IRREGULAR: [(&str, &str); 2] = [("people", "person"), ("children", "child")];

/// What one item of a collection may be called, the likeliest first: English leaves open whether `caches` has an `e` of its own.
/// A name that fits no rule is its own singular.
pub(super) fn singulars(plural: &str) -> Vec<String> {
    let without = |bytes: usize| plural[..plural.len() - bytes].to_owned();
    let is = |endings: &[&str]| endings.iter().any(|ending| ends(plural, ending));
    if let Some((irregular, singular)) = IRREGULAR.iter().find(|(irregular, _)| ends(plural, irregular)) {
        return vec![without(irregular.len()) + singular];
    }
    if is(&["ies"]) && plural.len() > "ties".len() {
        return vec![without(3) + "y", without(1)];
    }
    if is(&["sses", "xes", "ches", "shes", "zzes", "uses"]) {
        let (short, long) = (without(2), without(1));
        // `statuses`, but `houses` and `causes`.
        return if is(&["ouses", "auses"]) { vec![long, short] } else { vec![short, long] };
    }
    if is(&["ss", "us", "is"]) || !is(&["s"]) || plural.len() < 2 { vec![plural.to_owned()] } else { vec![without(1)] }
}

/// Ends with this in any case of letters. Endings are ASCII, so that the place before one is between characters.
fn ends(name: &str, ending: &str) -> bool {
    let start = name.len().checked_sub(ending.len());
    start.is_some_and(|start| name.as_bytes()[start..].eq_ignore_ascii_case(ending.as_bytes()))
}

/// The words of a name in lower case with underscores: `blogPosts`, `blog-posts` and `blog_posts` are one.
pub(super) fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    let mut before: Option<char> = None;
    for character in name.chars() {
        let starts_word = character.is_uppercase() && before.is_some_and(|before| before.is_lowercase() || before.is_numeric());
        if starts_word {
            snake.push('_');
        }
        match character {
            '-' | ' ' => snake.push('_'),
            character => snake.extend(character.to_lowercase()),
        }
        before = Some(character);
    }
    snake
}

/// `blogPost` of `blog_post`.
pub(super) fn camel(snake: &str) -> String {
    let mut words = snake.split('_').filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let mut characters = word.chars();
        let head = characters.next().into_iter().flat_map(char::to_uppercase);
        name.chars().chain(head).chain(characters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_of_collections() {
        for (plural, expected) in [
            ("posts", "post"),
            ("products", "product"),
            ("categories", "category categorie"),
            ("movies", "movy movie"),
            ("ties", "tie"),
            ("classes", "class classe"),
            ("boxes", "box boxe"),
            ("matches", "match matche"),
            ("caches", "cach cache"),
            ("dishes", "dish dishe"),
            ("statuses", "status statuse"),
            ("houses", "house hous"),
            ("courses", "course"),
            ("glass", "glass"),
            ("status", "status"),
            ("analysis", "analysis"),
            ("blog-posts", "blog-post"),
            ("orderLines", "orderLine"),
            ("people", "person"),
            ("sales-people", "sales-person"),
            ("sheep", "sheep"),
            ("s", "s"),
            ("", ""),
            ("äs", "ä"),
        ] {
            assert_eq!(singulars(plural).join(" "), expected, "{plural}");
        }
    }

    #[test]
    fn spellings() {
        for (name, snaked, cameled) in [
            ("post", "post", "post"),
            ("blog-post", "blog_post", "blogPost"),
            ("blogPost", "blog_post", "blogPost"),
            ("BlogPost", "blog_post", "blogPost"),
            ("blog_post", "blog_post", "blogPost"),
            ("apiURL", "api_url", "apiUrl"),
            ("v2Item", "v2_item", "v2Item"),
            ("-", "_", ""),
            ("größeÄnderung", "größe_änderung", "größeÄnderung"),
        ] {
            assert_eq!(snake(name), snaked, "{name}");
            assert_eq!(camel(snaked), cameled, "{name}");
        }
    }
}
