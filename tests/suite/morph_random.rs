//! Random pages changed at random, one after the other in one document: each time the page is what the server has now, every
//! element with an id is the node it was, and what scripts made is still there.

use serde_json::json;

use crate::{
    client::open,
    harness::{Chromium, FakeServer, Random},
    morph::{hear, patch},
};

/// Changes in one document.
const CHANGES: u64 = 150;

const TAGS: [&str; 5] = ["div", "section", "span", "article", "b"];

/// A piece of a page.
#[derive(Clone, Debug)]
enum Part {
    Text(u64),
    Element { tag: &'static str, id: Option<u64>, class: u64, kids: Vec<Part> },
}

/// How a page may change.
#[derive(Clone, Copy, PartialEq)]
enum Edits {
    /// In any way.
    All,
    /// So that nothing goes that a script may have put something into.
    Keeping,
}

struct Maker {
    random: Random,
    last_id: u64,
}

impl Maker {
    fn part(&mut self, depth: u64) -> Part {
        if depth == 0 || self.random.of(0..3) == 0 {
            return Part::Text(self.random.of(0..40));
        }
        let id = (self.random.of(0..3) == 0).then(|| {
            self.last_id += 1;
            self.last_id
        });
        let tag = TAGS[self.random.of(0..TAGS.len() as u64) as usize];
        let class = self.random.of(0..4);
        let kids = (0..self.random.of(0..5)).map(|_| self.part(depth - 1)).collect();
        Part::Element { tag, id, class, kids }
    }

    /// Does one thing somewhere in the list.
    fn change(&mut self, parts: &mut Vec<Part>, edits: Edits) {
        let at = self.random.of(0..parts.len().max(1) as u64) as usize;
        if let Some(Part::Element { kids, .. }) = parts.get_mut(at)
            && self.random.of(0..3) > 0
        {
            return self.change(kids, edits);
        }
        let kind = self.random.of(0..if edits == Edits::All { 7 } else { 4 });
        match (kind, parts.get_mut(at)) {
            (0, Some(Part::Text(words))) => *words += 1,
            (1, Some(Part::Element { class, .. })) => *class = (*class + 1) % 4,
            (2, Some(Part::Element { id: Some(_), .. })) => {
                let part = parts.remove(at);
                let to = self.random.of(0..parts.len() as u64 + 1) as usize;
                parts.insert(to, part);
            }
            (4, Some(_)) => drop(parts.remove(at)),
            (5, Some(part)) => {
                let class = self.random.of(0..4);
                *part = Part::Element { tag: "div", id: None, class, kids: vec![part.clone()] };
            }
            (6, Some(_)) => {
                let to = self.random.of(0..parts.len() as u64) as usize;
                parts.swap(at, to);
            }
            _ => {
                let part = self.part(2);
                parts.insert(at.min(parts.len()), part);
            }
        }
    }
}

fn html(parts: &[Part]) -> String {
    parts
        .iter()
        .map(|part| match part {
            // Beside another text it would be the same node.
            Part::Text(words) => format!("<u>words {words}</u>text {words}<!---->"),
            Part::Element { tag, id, class, kids } => {
                let id = id.map(|id| format!(" id=\"id-{id}\"")).unwrap_or_default();
                format!("<{tag}{id} class=\"class-{class}\">{}</{tag}>", html(kids))
            }
        })
        .collect()
}

async fn check(edits: Edits, prepare: &str, holds: &str) {
    let mut maker = Maker { random: Random::seeded(), last_id: 0 };
    let mut parts: Vec<Part> = (0..8).map(|_| maker.part(3)).collect();
    let body = |parts: &[Part]| format!("<head>{{client}}</head><body>{}</body>", html(parts));
    let (mut server, browser) = (FakeServer::start().await, Chromium::start().await);
    let mut base = body(&parts);
    server.put_page("/", &base);
    let page = open(&server, &browser).await;
    page.evaluate(prepare).await;
    for generation in 2..2 + CHANGES {
        for _ in 0..maker.random.of(1..5) {
            maker.change(&mut parts, edits);
        }
        let target = body(&parts);
        page.evaluate("window.marked = [...document.body.querySelectorAll('[id]')].map((element) => [element.id, element.localName, element])").await;
        patch(&server, generation, &base, &target);
        hear(&mut server, "painted", generation).await;
        let look = format!("(({holds})({}))", json!(html(&parts)));
        let wrong = page.evaluate(&format!("window.mark === 1 ? {look} : 'loaded anew'")).await;
        assert_eq!(wrong, "", "\nfrom {base}\nto   {target}");
        base = target;
    }
}

const KEEPS_NODES: &str = "const moved = window.marked.filter(([id, name, node]) => {
        const now = document.getElementById(id); return now && now.localName === name && now !== node });
    if (moved.length) return `${moved[0][0]} is another node`;";

#[tokio::test]
async fn any_page_becomes_any_other() {
    let holds = format!("(html) => {{ {KEEPS_NODES} return document.body.innerHTML === html ? '' : document.body.innerHTML }}");
    check(Edits::All, "0", &holds).await;
}

#[tokio::test]
async fn what_scripts_made_stays_wherever_the_page_goes() {
    // One in each element, at its end or somewhere before.
    let prepare = "window.own = [...document.body.querySelectorAll('*:not(u)'), document.body].map((element, at) => {
        const own = document.createElement('i'); own.textContent = at; element.append(own);
        if (at % 2 && element.firstElementChild) element.firstElementChild.before(own); return [own, element] })";
    let holds = format!(
        "(html) => {{ {KEEPS_NODES}
        const lost = window.own.find(([own, element]) => own.parentNode !== element || !own.isConnected);
        if (lost) return `lost ${{lost[0].textContent}}`;
        const copy = document.body.cloneNode(true); for (const own of copy.querySelectorAll('i')) own.remove();
        return copy.innerHTML === html ? '' : document.body.innerHTML }}"
    );
    check(Edits::Keeping, prepare, &holds).await;
}
