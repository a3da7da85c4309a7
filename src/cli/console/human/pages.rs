//! The pages that are open: one line for each.

use super::{Human, Tone, count, duration};
use crate::{generation::Generation, plain::plain, telemetry::OpenPage};

/// Pages that are listed: more than fit on a screen. The rest is counted.
const LISTED: usize = 100;

/// The widest column of paths; a longer one pushes its line aside.
const PATH: usize = 40;

impl Human {
    /// `pages       2 pages, generation 7 answers`, and each of them below.
    pub(super) fn pages(&self, newest: Generation, pages: &[OpenPage]) -> String {
        if pages.is_empty() {
            return self.event(Tone::Quiet, "pages", "no page is open", &[]);
        }
        let facts = match newest {
            Generation(0) => format!("{}, nothing answers yet", count(pages.len() as u64, "page")),
            newest => format!("{}, generation {newest} answers", count(pages.len() as u64, "page")),
        };
        let listed = &pages[..pages.len().min(LISTED)];
        let width = |text: fn(&OpenPage) -> String| listed.iter().map(|page| text(page).chars().count()).max().unwrap_or(0);
        let (paths, names) = (width(path).min(PATH), width(who));
        let line = |page| format!("{:<paths$}  {:<names$}  {}", path(page), who(page), shown(page));
        let mut lines: Vec<String> = listed.iter().map(line).collect();
        if pages.len() > LISTED {
            lines.push(format!("… {} more", count((pages.len() - LISTED) as u64, "page")));
        }
        self.event(Tone::Quiet, "pages", &facts, &[]) + &lines.iter().map(|line| self.line_below(line)).collect::<String>()
    }
}

fn path(page: &OpenPage) -> String {
    if page.path.is_empty() { "?".into() } else { plain(&page.path) }
}

fn who(page: &OpenPage) -> String {
    let comma = if page.device.is_empty() { "" } else { ", " };
    format!("{}{comma}{}", page.browser, page.device)
}

/// `generation 6, behind  34 ms`
fn shown(page: &OpenPage) -> String {
    let generation = match (page.generation, page.is_newest) {
        (Generation(0), _) => "of no known generation".to_owned(),
        (generation, true) => format!("generation {generation}"),
        (generation, false) => format!("generation {generation}, behind"),
    };
    let latency = page.latency.map(|latency| format!("  {}", duration(latency))).unwrap_or_default();
    format!("{generation}{latency}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn check(newest: u64, pages: &[OpenPage], expected: &str) {
        let text = Human { colour: false }.pages(Generation(newest), pages);
        assert_eq!(&text["12:03:17  ".len()..], expected, "{pages:?}");
    }

    fn page(path: &str, generation: u64) -> OpenPage {
        let latency = Some(Duration::from_micros(1400));
        OpenPage {
            path: path.into(),
            browser: "Chrome",
            generation: Generation(generation),
            is_newest: true,
            latency,
            ..OpenPage::default()
        }
    }

    #[test]
    fn each_page_is_a_line() {
        check(7, &[], "pages       no page is open\n");
        check(0, &[page("/", 0)], "pages       1 page, nothing answers yet\n  │ /  Chrome  of no known generation  1.4 ms\n");
        let phone = OpenPage { browser: "Safari", device: "iPhone", is_newest: false, latency: None, ..page("/cart", 6) };
        check(
            7,
            &[page("/", 7), phone],
            "pages       2 pages, generation 7 answers\n  │ /      Chrome          generation 7  1.4 ms\n  │ /cart  Safari, iPhone  generation 6, behind\n",
        );
    }

    #[test]
    fn not_too_many_are_listed_and_none_acts_on_the_terminal() {
        let text = Human { colour: false }.pages(Generation(1), &vec![page("/\u{1b}[2Ja", 1); LISTED + 2]);
        assert_eq!((text.lines().count(), text.lines().last()), (LISTED + 2, Some("  │ … 2 pages more")));
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}
