//! Markdown as HTML that is harmless wherever its source comes from.
//!
//! CommonMark with tables, strikethrough, task lists and footnotes. HTML in the source is shown, not obeyed; a link that would
//! run a script leaves its text, such a picture its description.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

/// Schemes that carry code or a page of their own.
const CODE: [&str; 3] = ["javascript", "vbscript", "data"];

/// What pictures may be embedded as; a script in one does not run.
const EMBEDDED_PICTURE: &str = "data:image/";

/// The HTML of a text.
pub(super) fn to_html(source: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS | Options::ENABLE_FOOTNOTES;
    let mut links = Links::default();
    let events = Parser::new_ext(source, options).filter_map(|event| links.keep(event)).map(harmless);
    let mut page = String::with_capacity(source.len() * 3 / 2);
    html::push_html(&mut page, events);
    page
}

/// The links around an event, innermost last: whether each is kept.
#[derive(Default)]
struct Links(Vec<bool>);

impl Links {
    /// Takes the beginnings and ends of bad links away.
    fn keep<'a>(&mut self, event: Event<'a>) -> Option<Event<'a>> {
        let kept = match &event {
            Event::Start(Tag::Link { dest_url, .. }) => {
                self.0.push(!is_code(dest_url));
                self.0.last().copied()
            }
            Event::End(TagEnd::Link) => self.0.pop(),
            _ => Some(true),
        };
        kept.unwrap_or_default().then_some(event)
    }
}

fn harmless(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
        Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
        Event::Start(Tag::Image { link_type, dest_url, title, id }) if is_code(&dest_url) && !is_picture(&dest_url) => {
            Event::Start(Tag::Image { link_type, dest_url: "".into(), title, id })
        }
        event => event,
    }
}

/// Whether a browser would take an address for one of [`CODE`]: it ignores case, and controls and spaces before and inside the
/// scheme.
fn is_code(address: &str) -> bool {
    scheme(address).is_some_and(|scheme| CODE.contains(&scheme.as_str()))
}

fn is_picture(address: &str) -> bool {
    address.get(..EMBEDDED_PICTURE.len()).is_some_and(|start| start.eq_ignore_ascii_case(EMBEDDED_PICTURE))
}

fn scheme(address: &str) -> Option<String> {
    let (scheme, _) = address.split_once(':').filter(|(scheme, _)| !scheme.contains(['/', '?', '#']))?;
    Some(scheme.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect::<String>().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn markdown_is_html() {
        check("# A *b*\n\nc `d`", "<h1>A <em>b</em></h1>\n<p>c <code>d</code></p>\n");
        check("~~a~~ [b](/c \"d\")", "<p><del>a</del> <a href=\"/c\" title=\"d\">b</a></p>\n");
        check("- [x] a", "<ul>\n<li><input disabled=\"\" type=\"checkbox\" checked=\"\"/>\na</li>\n</ul>\n");
        check(
            "a|b\n-|-\n1|2",
            "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody>\n<tr><td>1</td><td>2</td></tr>\n</tbody></table>\n",
        );
        assert!(to_html("a[^1]\n\n[^1]: b").contains("footnote-definition"));
    }

    #[test]
    fn html_is_shown() {
        check("a <b onclick=\"x\">c</b>", "<p>a &lt;b onclick=\"x\"&gt;c&lt;/b&gt;</p>\n");
        check("<script>\nalert(1)\n</script>\n", "<p>&lt;script&gt;\nalert(1)\n&lt;/script&gt;\n</p>\n");
        check("![<b>](/x \"\\\"><script>\")", "<p><img src=\"/x\" alt=\"&lt;b&gt;\" title=\"&quot;&gt;&lt;script&gt;\" /></p>\n");
        check("```a\"><script>\nb\n```", "<pre><code class=\"language-a&quot;&gt;&lt;script&gt;\">b\n</code></pre>\n");
    }

    #[test]
    fn links_run_nothing() {
        for address in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "vbscript:x",
            "data:text/html,x",
            "data:image/svg+xml,x",
            "java&Tab;script:alert(1)",
            "&#1;javascript:alert(1)",
            "&#x6A;avascript:alert(1)",
            "javascript&colon;alert(1)",
        ] {
            check(&format!("[a *b*](<{address}>) c"), "<p>a <em>b</em> c</p>\n");
        }
        check("<javascript:alert(1)>", "<p>javascript:alert(1)</p>\n");
        check("[a][b]\n\n[b]: javascript:alert(1)", "<p>a</p>\n");
        check("![a](javascript:alert(1))", "<p><img src=\"\" alt=\"a\" /></p>\n");
        check("![a](data:text/html,x)", "<p><img src=\"\" alt=\"a\" /></p>\n");
        check("![a](data:image/png;base64,AA)", "<p><img src=\"data:image/png;base64,AA\" alt=\"a\" /></p>\n");
        check("[![a](data:text/html,x)](/b)", "<p><a href=\"/b\"><img src=\"\" alt=\"a\" /></a></p>\n");
        for address in ["/a:b", "?javascript:1", "#data:1", "https://example.test", "mailto:a@example.test", "tel:1", "a"] {
            check(&format!("[x](<{address}>)"), &format!("<p><a href=\"{address}\">x</a></p>\n"));
        }
    }

    #[test]
    fn hostile_sources_take_no_time() {
        let began = Instant::now();
        for piece in ["[", "![", "*a_ ", "> ", "- ", "`", "<a", "[^1]", "|a", "[a](", "&#1;", "[a]: b\n"] {
            to_html(&piece.repeat(100_000 / piece.len()));
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }

    fn check(source: &str, expected: &str) {
        assert_eq!(to_html(source), expected, "{source}");
    }
}
