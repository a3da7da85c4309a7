//! HTML escaping for templates, readable in the page's source.
//!
//! minijinja also escapes `/`, which changes nothing for a browser and makes every address hard to read and to search for.

use std::fmt::Write;

use minijinja::{AutoEscape, Error, Output, State, Value, escape_formatter};

/// Writes a value as [`minijinja::escape_formatter`] does, apart from the slash in texts.
pub(crate) fn formatter(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.as_str() {
        Some(text) if *state.auto_escape() == AutoEscape::Html && !value.is_safe() => Ok(escape(out, text)?),
        _ => escape_formatter(out, state, value),
    }
}

fn escape(out: &mut impl Write, text: &str) -> std::fmt::Result {
    let mut rest = text;
    while let Some(place) = rest.find(['&', '<', '>', '"', '\'']) {
        out.write_str(&rest[..place])?;
        out.write_str(match rest.as_bytes()[place] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => "&#39;",
        })?;
        rest = &rest[place + 1..];
    }
    out.write_str(rest)
}

#[cfg(test)]
mod tests {
    use minijinja::{Environment, context};

    use super::formatter;

    #[test]
    fn escapes_what_html_needs() {
        check("{{ x }}", "/ä&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;");
        check("{{ x | safe }}", "/ä<b a=\"1\" c='2'>&");
        check("{{ [x] }}", "[&#x27;&#x2f;ä&lt;b a=&quot;1&quot; c=\\&#x27;2\\&#x27;&gt;&amp;&#x27;]");
        check("{{ 1 }}{{ none }}{{ nothing }}", "1None");
    }

    fn check(source: &'static str, expected: &str) {
        let mut environment = Environment::new();
        environment.set_formatter(formatter);
        environment.add_template("x.html", source).unwrap();
        let page = environment.get_template("x.html").unwrap().render(context! { x => "/ä<b a=\"1\" c='2'>&" });
        assert_eq!(page.unwrap(), expected, "{source}");
    }
}
