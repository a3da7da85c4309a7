//! Filters templates have besides minijinja's own.
//!
//! `date`, `markdown` and `slugify`, as generators of static sites have them; `json` and `url` by their short names; and those
//! of Jinja that minijinja leaves out: `truncate`, `striptags`, `wordcount`, `filesizeformat`, `forceescape`. Absent are those
//! that make a page another one each time (`random`), and what other filters say as well: `where` is `selectattr`, money
//! `'%.2f' | format`.
//!
//! Fuel counts instructions, not what a filter does in one: what these work over is counted for the whole page.

use jiff::{Timestamp, Zoned, civil, fmt::strtime, tz::TimeZone};
use minijinja::{Environment, Error, ErrorKind, State, Value, value::Kwargs};

use super::{markdown, text};

const DEFAULT_FORMAT: &str = "%Y-%m-%d";

/// The longest text that is read as Markdown: a book.
const MAX_MARKDOWN_BYTES: usize = 1024 * 1024;

/// How many bytes the filters of one page may work over: 100,000 rows with a line of text each take a third, the slowest filter
/// about a second.
const MAX_FILTERED_BYTES: usize = 32 * 1024 * 1024;

/// Where the bytes of a page are counted.
const FILTERED: &str = "everlit.filtered";

/// Jinja's defaults of `truncate`: a text that is hardly longer than the limit stays whole.
const TRUNCATED_CHARS: usize = 255;
const TRUNCATED_LEEWAY: usize = 5;

/// What HTML writes for the characters that have a meaning there. The ampersand is last: it begins the others.
const ENTITIES: [(&str, &str); 6] =
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&amp;", "&")];

/// Adds the filters to an environment.
pub(super) fn add(environment: &mut Environment<'_>) {
    environment.add_filter("date", date);
    environment.add_filter("filesizeformat", filesizeformat);
    environment.add_filter("forceescape", forceescape);
    environment.add_filter("json", json);
    environment.add_filter("markdown", markdown);
    environment.add_filter("slugify", slugify);
    environment.add_filter("striptags", striptags);
    environment.add_filter("truncate", truncate);
    environment.add_filter("url", url);
    environment.add_filter("wordcount", wordcount);
}

/// A value as text, counted before anything is done with it.
fn text(state: &mut State<'_, '_>, value: &Value) -> Result<String, Error> {
    let before = filtered(state);
    let text = text::of(value, MAX_FILTERED_BYTES.saturating_sub(before)).ok_or_else(too_much)?;
    state.set_temp(FILTERED, (before + text.len()).into());
    Ok(text)
}

/// How many bytes the filters of this page have worked over.
fn filtered(state: &State<'_, '_>) -> usize {
    state.get_temp(FILTERED).and_then(|count| usize::try_from(count).ok()).unwrap_or_default()
}

fn too_much() -> Error {
    invalid(format!("the filters of this page work over more than {MAX_FILTERED_BYTES} bytes"))
}

/// `{{ post.body | markdown }}`; what is missing is empty.
fn markdown(state: &mut State<'_, '_>, source: &Value) -> Result<Value, Error> {
    let source = text(state, source)?;
    if source.len() > MAX_MARKDOWN_BYTES {
        return Err(invalid(format!("the text is longer than {MAX_MARKDOWN_BYTES} bytes")));
    }
    Ok(Value::from_safe_string(markdown::to_html(&source)))
}

/// JSON that is safe in a `<script>` and in an attribute with single quotes; in one with double quotes `| json | forceescape` is.
fn json(state: &mut State<'_, '_>, value: &Value, indent: Option<Value>, options: Kwargs) -> Result<Value, Error> {
    // As long as the JSON, give or take what is escaped.
    text(state, value)?;
    minijinja::filters::tojson(value, indent, options)
}

fn url(state: &mut State<'_, '_>, value: &Value) -> Result<String, Error> {
    text(state, value)?;
    minijinja::filters::urlencode(value)
}

/// Escapes for HTML what counts as safe, too.
fn forceescape(state: &mut State<'_, '_>, value: &Value) -> Result<Value, Error> {
    let text = text(state, value)?;
    let escaped = ENTITIES.iter().rev().filter(|(entity, _)| *entity != "&#x27;");
    Ok(Value::from_safe_string(escaped.fold(text, |text, (entity, character)| text.replace(character, entity))))
}

/// The text of HTML: without tags and comments, its white space single.
fn striptags(state: &mut State<'_, '_>, value: &Value) -> Result<String, Error> {
    let text = text(state, value)?;
    let words: Vec<String> = without_tags(&text).split_whitespace().map(str::to_owned).collect();
    Ok(ENTITIES.iter().fold(words.join(" "), |text, (entity, character)| text.replace(entity, character)))
}

fn without_tags(html: &str) -> String {
    let (mut text, mut rest) = (String::with_capacity(html.len()), html);
    while let Some(start) = rest.find('<') {
        text.push_str(&rest[..start]);
        rest = &rest[start..];
        let is_tag = rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
        let end = match is_tag {
            true if rest.starts_with("<!--") => rest.find("-->").map(|end| end + 3),
            true => rest.find('>').map(|end| end + 1),
            false => Some(1),
        };
        if !is_tag {
            text.push('<');
        }
        // A tag that never ends takes the rest with it, as it does in a browser.
        rest = end.map_or("", |end| &rest[end..]);
    }
    text + rest
}

/// `truncate(length=255, killwords=false, end="...", leeway=5)`, as in Jinja: in characters, the end included, at a space. The
/// last two go by their names only.
fn truncate(
    state: &mut State<'_, '_>,
    value: &Value,
    length: Option<usize>,
    killwords: Option<bool>,
    options: Kwargs,
) -> Result<String, Error> {
    let text = text(state, value)?;
    let length = length.or(options.get("length")?).unwrap_or(TRUNCATED_CHARS);
    let killwords = killwords.or(options.get("killwords")?).unwrap_or_default();
    let end: Option<&str> = options.get("end")?;
    let end = end.unwrap_or("...");
    let leeway: Option<usize> = options.get("leeway")?;
    let leeway = leeway.unwrap_or(TRUNCATED_LEEWAY);
    options.assert_all_used()?;
    if text.chars().nth(length.saturating_add(leeway)).is_none() {
        return Ok(text);
    }
    let room = length.saturating_sub(end.chars().count());
    let kept = text.char_indices().nth(room).map_or(&*text, |(place, _)| &text[..place]);
    let kept = if killwords { kept } else { kept.rsplit_once(' ').map_or(kept, |(words, _)| words) };
    Ok(format!("{kept}{end}"))
}

/// How many words a text has.
fn wordcount(state: &mut State<'_, '_>, value: &Value) -> Result<usize, Error> {
    let text = text(state, value)?;
    Ok(text.split_whitespace().count())
}

/// A name for addresses and anchors: small letters and digits of any script, everything between them one hyphen.
fn slugify(state: &mut State<'_, '_>, value: &Value) -> Result<String, Error> {
    let text = text(state, value)?;
    let mut slug = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !matches!(c, '\'' | '’')) {
        if c.is_alphanumeric() {
            slug.extend(c.to_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    Ok(slug)
}

/// `filesizeformat(binary=false)`, as in Jinja: `13.0 kB`, `12.7 KiB`.
fn filesizeformat(value: &Value, binary: Option<bool>, options: Kwargs) -> Result<String, Error> {
    let bytes = f64::try_from(value.clone()).map_err(|_| invalid(format!("{value} is no number of bytes")))?;
    let binary = binary.or(options.get("binary")?).unwrap_or_default();
    options.assert_all_used()?;
    let (base, units) =
        if binary { (1024.0, ["KiB", "MiB", "GiB", "TiB", "PiB"]) } else { (1000.0, ["kB", "MB", "GB", "TB", "PB"]) };
    if bytes.abs() < base {
        return Ok(if bytes == 1.0 { "1 Byte".to_owned() } else { format!("{bytes:.0} Bytes") });
    }
    let (mut amount, mut unit) = (bytes / base, units[0]);
    for larger in &units[1..] {
        if amount.abs() >= base {
            (amount, unit) = (amount / base, larger);
        }
    }
    Ok(format!("{amount:.1} {unit}"))
}

/// `{{ post.created | date("%d %B %Y") }}`: a date, a date with time (RFC 3339 or without a zone), or seconds since 1970, in the
/// words of strftime. A time with a zone is shown in UTC.
fn date(value: &Value, format: Option<&str>) -> Result<String, Error> {
    let time = parse(value).ok_or_else(|| invalid(format!("{value} is neither a date nor a number of seconds")))?;
    strtime::format(format.unwrap_or(DEFAULT_FORMAT), &time).map_err(|error| invalid(error.to_string()))
}

fn parse(value: &Value) -> Option<Zoned> {
    let timestamp = match value.as_str() {
        Some(text) => return parse_text(text.trim()),
        None => Timestamp::from_second(i64::try_from(value.clone()).ok()?).ok()?,
    };
    Some(timestamp.to_zoned(TimeZone::UTC))
}

fn parse_text(text: &str) -> Option<Zoned> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp.to_zoned(TimeZone::UTC));
    }
    let time = text.parse::<civil::DateTime>().ok().or_else(|| text.parse::<civil::Date>().ok().map(civil::DateTime::from))?;
    time.to_zoned(TimeZone::UTC).ok()
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        check("{{ '2026-05-04' | date }}", "2026-05-04");
        check("{{ '2026-05-04T10:20:30Z' | date('%d %B %Y %H:%M') }}", "04 May 2026 10:20");
        check("{{ '2026-05-04 10:20' | date('%H:%M') }}", "10:20");
        check("{{ '2026-05-04T23:20:30-02:00' | date }}", "2026-05-05");
        check("{{ 0 | date('%Y') }}", "1970");
        fails("{{ 'soon' | date }}", "soon is neither a date");
        fails("{{ 9999999999999 | date }}", "9999999999999 is neither a date");
        fails("{{ '2026-05-04' | date('%Q %!') }}", "invalid operation: ");
    }

    #[test]
    fn json_ends_no_script_and_no_attribute() {
        check("{{ {'a': 1} | json }}", "{\"a\": 1}");
        check("{{ [1] | json(indent=2) }}", "[\n  1\n]");
        check("{{ '</script><!--&\\'' | json }}", r#""\u003c/script\u003e\u003c!--\u0026\u0027""#);
        check("{{ {'</script>': nothing} | json }}", r#"{"\u003c/script\u003e": null}"#);
        check("{{ '\" onclick=' | json | forceescape }}", "&quot;\\&quot; onclick=&quot;");
    }

    #[test]
    fn texts() {
        check("{{ 'a b&c/ä' | url }}", "a%20b%26c/%C3%A4");
        check("{{ '*a* <b>' | markdown }}{{ nothing | markdown }}{{ none | markdown }}", "<p><em>a</em> &lt;b&gt;</p>\n");
        check("{{ '<b>&' | safe | forceescape }}", "&lt;b&gt;&amp;");
        check("{{ '<p>a  <!-- > --><b\n>b</b></p> 1 < 2 &amp;lt;&lt;' | striptags }}", "a b 1 &lt; 2 &amp;lt;&lt;");
        check("{{ 'a<b' | striptags }}|{{ '*a*' | markdown | striptags }}", "a|a");
        check("{{ ' Don’t \"Panic\", Zoë! ' | slugify }}|{{ '-–-' | slugify }}|{{ 42 | slugify }}", "dont-panic-zoë||42");
        check("{{ ' a b\nc ' | wordcount }}", "3");
    }

    #[test]
    fn truncates_at_words() {
        check("{{ 'foo bar baz qux' | truncate(9) }}", "foo...");
        check("{{ 'foo bar baz qux' | truncate(9, true) }}", "foo ba...");
        check("{{ 'foo bar baz qux' | truncate(length=11) }}", "foo bar baz qux");
        check("{{ 'foo bar baz qux' | truncate(11, leeway=0) }}", "foo bar...");
        check("{{ 'äöü äöü' | truncate(4, end='…', leeway=0) }}", "äöü…");
        check("{{ 'abcdef' | truncate(0, leeway=0) }}", "...");
        fails("{{ 'a' | truncate(size=1) }}", "unknown keyword");
        fails("{{ 'a' | truncate(-1) }}", "");
    }

    #[test]
    fn sizes() {
        check("{{ 1 | filesizeformat }} {{ 0 | filesizeformat }} {{ 999 | filesizeformat }}", "1 Byte 0 Bytes 999 Bytes");
        check("{{ 13000 | filesizeformat }} {{ 13000 | filesizeformat(true) }}", "13.0 kB 12.7 KiB");
        check("{{ 2500000000 | filesizeformat(binary=false) }} {{ 1e30 | filesizeformat }}", "2.5 GB 1000000000000000.0 PB");
        fails("{{ 'x' | filesizeformat }}", "x is no number of bytes");
    }

    #[test]
    fn work_is_bounded() {
        fails("{{ ('a' * 1048577) | markdown }}", "longer than 1048576 bytes");
        for filter in ["markdown", "json", "url", "forceescape", "striptags", "truncate", "wordcount", "slugify"] {
            check(&format!("{{{{ 33554431 | spend }}}}{{{{ ('a' | {filter}) is defined }}}}"), "NoneTrue");
            let source =
                format!("{{% macro m() %}}{{{{ 33554432 | spend }}}}{{% endmacro %}}{{{{ m() }}}}{{{{ 'a' | {filter} }}}}");
            fails(&source, "work over more than 33554432 bytes");
        }
        let doubled = "{% set ns = namespace(x='x' * 9999) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}";
        fails(&format!("{doubled}{{{{ ns.x | json }}}}"), "work over more than 33554432 bytes");
    }

    fn render(source: &str) -> Result<String, Error> {
        let mut environment = Environment::new();
        environment.set_formatter(crate::negotiate::escape::formatter);
        add(&mut environment);
        let spend = |state: &mut State<'_, '_>, bytes: usize| drop(state.set_temp(FILTERED, bytes.into()));
        environment.add_filter("spend", spend);
        environment.render_named_str("x.html", source, ())
    }

    fn check(source: &str, expected: &str) {
        assert_eq!(render(source).map_err(|error| error.to_string()).as_deref(), Ok(expected), "{source}");
    }

    fn fails(source: &str, expected: &str) {
        let error = render(source).unwrap_err().to_string();
        assert!(error.contains(expected), "{source}: {error}");
    }
}
