//! Language tags in names of files: the `de` in `index.de.html`.
//!
//! Only the short form of RFC 5646 §2.1 is read: a language of two or three letters, then perhaps a script, then perhaps a
//! region. A tag need not be registered; what is usual between the dots of a name and no language is kept in a list.

/// Words of three letters that say how a file was made. Some are languages as well, which nobody writes this way without a
/// region.
const NO_LANGUAGES: [&str; 16] =
    ["amp", "api", "bak", "css", "csv", "dev", "map", "min", "new", "old", "rss", "svg", "tmp", "tpl", "txt", "xml"];

/// The tag in its canonical case (RFC 5646 §2.1.1), `zh-Hant-TW`; `None` if it is none.
pub(super) fn canonical(tag: &str) -> Option<String> {
    let mut subtags = tag.split('-').peekable();
    let language = subtags.next().filter(|language| is_letters(language, 2) || is_letters(language, 3))?;
    let script = subtags.next_if(|script| is_letters(script, 4));
    let region = subtags.next_if(|region| is_letters(region, 2) || is_digits(region, 3));
    let language = language.to_ascii_lowercase();
    let is_alone = script.is_none() && region.is_none();
    if subtags.next().is_some() || (is_alone && NO_LANGUAGES.contains(&language.as_str())) {
        return None;
    }
    let script = script.map(|script| format!("-{}{}", script[..1].to_ascii_uppercase(), script[1..].to_ascii_lowercase()));
    let region = region.map(|region| format!("-{}", region.to_ascii_uppercase()));
    Some([Some(language), script, region].into_iter().flatten().collect())
}

fn is_letters(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn short_tags_are_languages() {
        check("de", Some("de"));
        check("DE", Some("de"));
        check("fil", Some("fil"));
        check("pt-br", Some("pt-BR"));
        check("zh-hANT", Some("zh-Hant"));
        check("zh-hant-tw", Some("zh-Hant-TW"));
        check("es-419", Some("es-419"));
        check("min-ID", Some("min-ID"));
    }

    #[test]
    fn everything_else_is_a_name() {
        for name in [
            "",
            "d",
            "min",
            "MIN",
            "v1",
            "html",
            "de_DE",
            "de-",
            "-de",
            "de-DE-x",
            "de-TW-Hant",
            "de-12",
            "dä",
            "d1",
            "de-DE1996",
        ] {
            check(name, None);
        }
    }

    fn check(tag: &str, expected: Option<&str>) {
        assert_eq!(canonical(tag).as_deref(), expected, "{tag}");
    }
}
