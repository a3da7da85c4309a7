//! ES modules that accept their own updates, written as Vite users write them.

use serde_json::{Value, json};

use crate::{
    client::{BADGE, assert_same_document, open, shows, shows_answer_to_data, wait_new_document},
    harness::{Chromium, FakeServer, Page, SOON},
    morph::hear,
};

/// What the server puts before a script that mentions `import.meta.hot`.
const PREFIX: &str = r#"import{createHot as __everlit}from"/__everlit/hot.js";import.meta.hot=__everlit(import.meta.url);"#;

fn put_module(server: &FakeServer, path: &str, code: &str) {
    let prefix = if code.contains("import.meta.hot") { PREFIX } else { "" };
    server.put(path, "text/javascript", &format!("{prefix}{code}"));
}

/// Opens a page that loads `/app.js` once that has run.
async fn open_with(server: &FakeServer, browser: &Chromium, app: &str) -> Page {
    server.put_page("/", r#"<head>{client}<script type=module src="/app.js"></script></head><body><p></p></body>"#);
    put_module(server, "/app.js", app);
    let page = open(server, browser).await;
    page.wait_until("window.log?.length > 0", SOON).await;
    page
}

fn change(server: &FakeServer, generation: u64, paths: &[&str]) {
    server.set_generation(generation);
    server.say(&json!({
        "type": "patch", "generation": generation, "cause": [], "styles": [], "assets": [], "modules": paths, "hashes": {},
        "page": null, "base": null, "target": null,
    }));
}

async fn log(page: &Page) -> Value {
    page.evaluate("window.log.join(' ')").await
}

#[tokio::test]
async fn a_module_that_accepts_itself_hands_its_data_on() {
    let code = |version: u32| {
        format!(
            "(window.log ??= []).push('run{version}:' + (import.meta.hot.data.count ?? 0));
            export const version = {version};
            let count = (import.meta.hot.data.count ?? 0) + 1;
            import.meta.hot.dispose((data) => {{ log.push('dispose{version}'); data.count = count }});
            import.meta.hot.accept((module) => log.push('accept{version}:' + module.version));"
        )
    };
    let (mut server, browser) = (FakeServer::start().await, Chromium::start().await);
    let page = open_with(&server, &browser, &code(1)).await;
    for version in 2..4 {
        put_module(&server, "/app.js", &code(version));
        change(&server, version.into(), &["/app.js"]);
        hear(&mut server, "painted", version.into()).await;
    }
    assert_eq!(log(&page).await, "run1:0 dispose1 run2:1 accept1:2 dispose2 run3:2 accept2:3");
    assert_same_document(&page).await;
}

#[tokio::test]
async fn a_module_accepts_the_updates_of_others() {
    let (mut server, browser) = (FakeServer::start().await, Chromium::start().await);
    let part = |name: &str, version: u32| {
        format!(
            "(window.log ??= []).push('{name}{version}'); export const version = {version}; import.meta.hot.dispose(() => log.push('drop {name}{version}'));"
        )
    };
    let plain = |version: u32| format!("export const version = {version}");
    put_module(&server, "/parts/one.js", &part("one", 1));
    put_module(&server, "/parts/two.js", &part("two", 1));
    put_module(&server, "/plain.js", &plain(1));
    let app = "import './parts/one.js'; import './parts/two.js'; import { version } from './plain.js';
        if (import.meta.hot) {
            import.meta.hot.accept('./parts/one.js', (one) => log.push('got one' + one.version));
            import.meta.hot.accept(['./parts/two.js', '/plain.js'], ([two, plain]) => log.push('got ' + two?.version + '/' + plain?.version));
            for (const event of ['vite:beforeUpdate', 'vite:afterUpdate']) import.meta.hot.on(event, ({ updates }) => log.push(event.slice(5) + updates.map(({ path }) => path)));
        }";
    let page = open_with(&server, &browser, app).await;
    put_module(&server, "/parts/one.js", &part("one", 2));
    change(&server, 2, &["/parts/one.js"]);
    hear(&mut server, "painted", 2).await;
    put_module(&server, "/plain.js", &plain(2));
    change(&server, 3, &["/plain.js"]);
    hear(&mut server, "painted", 3).await;
    // One the page did not load changes nothing.
    change(&server, 4, &["/never.js", "/never.json"]);
    hear(&mut server, "painted", 4).await;
    let words = "one1 two1 beforeUpdate/parts/one.js drop one1 one2 got one2 afterUpdate/parts/one.js beforeUpdate/plain.js got undefined/2 afterUpdate/plain.js";
    assert_eq!(log(&page).await, words);
    assert_same_document(&page).await;
}

/// A new module that does not run leaves the old one, says so, and the next one that does is taken.
#[tokio::test]
async fn an_error_in_the_new_module_keeps_the_old_one_and_is_told() {
    let (mut server, browser) = (FakeServer::start().await, Chromium::start().await);
    let module = |words: &str, code: &str| {
        format!(
            "(window.log ??= []).push('{words}'); {code}; import.meta.hot.accept(() => log.push('taken')); import.meta.hot.on('vite:error', ({{ err }}) => log.push(err.message));"
        )
    };
    let page = open_with(&server, &browser, &module("good", "0")).await;
    for (generation, words, code, told) in
        [(2, "throws", "missing", "missing is not defined"), (3, "broken", "][", "Unexpected token ']'"), (4, "better", "0", "")]
    {
        put_module(&server, "/app.js", &module(words, code));
        change(&server, generation, &["/app.js"]);
        hear(&mut server, "painted", generation).await;
        if !told.is_empty() {
            shows(&page, BADGE, &format!("/app.js was not updated: {told}")).await;
        }
    }
    assert_eq!(log(&page).await, "good throws missing is not defined Unexpected token ']' better taken");
    page.wait_until("!document.querySelector('everlit-badge')", SOON).await;
    assert_same_document(&page).await;
}

/// Each module with what changes, after which only loading the page anew is right.
#[tokio::test]
async fn what_nobody_accepts_is_one_reload() {
    let browser = Chromium::start().await;
    let start = "(window.log ??= []).push('run');";
    let cases: [(&str, &str, &[&str]); 6] = [
        ("nobody accepts", "", &["/app.js"]),
        ("accepts another", "import.meta.hot.accept('./other.js')", &["/app.js"]),
        ("declines", "import.meta.hot.accept(); import.meta.hot.decline()", &["/app.js"]),
        ("invalidates", "import.meta.hot.accept(() => import.meta.hot.invalidate('no'))", &["/app.js"]),
        ("one of two", "import.meta.hot.accept(); import './other.js'", &["/app.js", "/other.js"]),
        ("a file a script fetched", "import.meta.hot.accept(); await (await fetch('/words.json')).json()", &["/words.json"]),
    ];
    for (what, code, paths) in cases {
        let server = FakeServer::start().await;
        put_module(&server, "/other.js", "0");
        server.put("/words.json", "application/json", "{}");
        let page = open_with(&server, &browser, &format!("{code};{start}")).await;
        change(&server, 2, paths);
        wait_new_document(&page).await;
        server.wait_connections(2, SOON).await;
        shows_answer_to_data(&server, &page).await;
        assert_eq!(server.count_requests("/"), 2, "{what}");
    }
}

#[tokio::test]
async fn what_a_module_cannot_take_goes_to_who_accepts_it() {
    let (mut server, browser) = (FakeServer::start().await, Chromium::start().await);
    let part = |version: u32| {
        format!("export const version = {version}; import.meta.hot.accept((next) => import.meta.hot.invalidate())")
    };
    put_module(&server, "/part.js", &part(1));
    let app = "import './part.js'; (window.log ??= []).push('run'); let times = 0;
        import.meta.hot.accept('./part.js', ({ version }) => log.push('part' + version));";
    let page = open_with(&server, &browser, app).await;
    put_module(&server, "/part.js", &part(2));
    change(&server, 2, &["/part.js"]);
    hear(&mut server, "painted", 2).await;
    page.wait_until("window.log.includes('part2')", SOON).await;
    assert_same_document(&page).await;
}

/// Its own import would give the module that runs anew the old copy of one that was replaced.
#[tokio::test]
async fn no_module_runs_anew_on_an_old_copy_of_another() {
    let (mut server, browser) = (FakeServer::start().await, Chromium::start().await);
    put_module(&server, "/part.js", "export const version = 1; import.meta.hot.accept()");
    let app = "import { version } from './part.js'; (window.log ??= []).push('part' + version); import.meta.hot.accept()";
    let page = open_with(&server, &browser, app).await;
    put_module(&server, "/part.js", "export const version = 2; import.meta.hot.accept()");
    change(&server, 2, &["/part.js"]);
    hear(&mut server, "painted", 2).await;
    assert_same_document(&page).await;
    put_module(&server, "/app.js", &format!("{app};"));
    change(&server, 3, &["/app.js"]);
    wait_new_document(&page).await;
    page.wait_until("window.log?.join() === 'part2'", SOON).await;
}

#[tokio::test]
async fn a_module_that_is_gone_is_pruned() {
    let (mut server, browser) = (FakeServer::start().await, Chromium::start().await);
    let page =
        open_with(&server, &browser, "(window.log ??= []).push('run'); import.meta.hot.prune(() => log.push('pruned'))").await;
    server.remove("/app.js");
    change(&server, 2, &["/app.js"]);
    hear(&mut server, "painted", 2).await;
    assert_eq!(log(&page).await, "run pruned");
    assert_same_document(&page).await;
}

#[tokio::test]
async fn a_policy_of_nonces_allows_updates() {
    let (mut server, browser) = (FakeServer::start().await, Chromium::start().await);
    let policy = "Content-Security-Policy: default-src 'none'; script-src 'nonce-abc'; connect-src 'self'; require-trusted-types-for 'script'\r\n";
    let page = r#"<!doctype html><script src="/__everlit/client.js" data-generation=1 nonce=abc async></script>
        <script type=module src="/app.js" nonce=abc></script>"#;
    server.put_with("/", "text/html", policy, page);
    let code = |version: u32| format!("(window.log ??= []).push('run{version}'); import.meta.hot.accept()");
    put_module(&server, "/app.js", &code(1));
    let page = open(&server, &browser).await;
    page.wait_until("window.log?.length > 0", SOON).await;
    put_module(&server, "/app.js", &code(2));
    change(&server, 2, &["/app.js"]);
    hear(&mut server, "painted", 2).await;
    assert_eq!(log(&page).await, "run1 run2");
    assert_same_document(&page).await;
}
