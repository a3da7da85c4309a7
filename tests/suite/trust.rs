//! `everlit trust`, as browsers and the system see it.

use std::process::{Command, Output};

use serde_json::Value;

use crate::harness::{Chromium, Firefox, Home, SOON, TestProject, TestServer, require};

const SITE: &str = "-- static/index.html --\n<!doctype html><title>Shop</title><h1>one</h1>\n-- static/a.txt --\nhello\n";

/// What a page was loaded by, and whether it is one that browsers call secure.
const LOADED: &str = "performance.getEntriesByType('navigation')[0].nextHopProtocol + ' ' + isSecureContext";

const CONNECTED: &str = "window[Symbol.for('everlit')]?.connected === true";

fn serve(home: &Home, project: &TestProject) -> TestServer {
    let env = home.env();
    let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    TestServer::start_with(project.path(), &["--port", "0", "--tls"], &env)
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whether a line has this beginning and end: Chromium's versions have their databases in different places.
fn is_said(text: &str, beginning: &str, end: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with(beginning) && line.ends_with(end))
}

#[tokio::test]
async fn chromium_trusts_and_reloads_over_http2() {
    let (home, project) = (Home::new(), TestProject::from_text(SITE));
    let mut server = serve(&home, &project);
    let reminder = server.wait_event("warning", SOON)["text"].to_string();
    assert!(reminder.contains("~/.pki/nssdb") && reminder.contains("everlit trust"), "{reminder}");
    {
        let browser = Chromium::start_at(&home).await;
        let refused = browser.visit(&server.url).await;
        assert_eq!(refused.as_deref(), Some("net::ERR_CERT_AUTHORITY_INVALID"));
        let hint = server.wait_event("warning", SOON)["text"].to_string();
        assert!(hint.contains("does not trust") && hint.contains("everlit trust"), "{hint}");
    }
    let first = said(&home.everlit(&["trust", "--browsers"]));
    assert!(is_said(&first, "done     Chromium (~/", "pki/nssdb) trusts it now"), "{first}");
    let second = said(&home.everlit(&["trust", "--browsers"]));
    assert!(is_said(&second, "already  Chromium (~/", "pki/nssdb) trusts it"), "{second}");

    let browser = Chromium::start_at(&home).await;
    let shop = server.url.replace("localhost", "shop.localhost");
    for url in [&server.url, &shop] {
        let page = browser.open(url).await;
        page.wait_until(CONNECTED, SOON).await;
        assert_eq!(page.evaluate(LOADED).await, Value::from("h2 true"), "{url}");
    }
    let page = browser.open(&server.url).await;
    page.wait_until(CONNECTED, SOON).await;
    project.save("static/index.html", "<!doctype html><title>Shop</title><h1>two</h1>\n");
    page.wait_until("document.querySelector('h1').textContent === 'two'", SOON).await;
    // Plain HTTP leads to the same place.
    let plain = browser.open(&server.url.replace("https:", "http:")).await;
    assert_eq!(plain.evaluate("location.protocol").await, Value::from("https:"));
    drop(browser);

    let gone = said(&home.everlit(&["untrust", "--browsers"]));
    assert!(is_said(&gone, "done     Chromium (~/", "pki/nssdb) trusts none of ours now"), "{gone}");
    let gone = said(&home.everlit(&["untrust", "--browsers"]));
    assert!(is_said(&gone, "already  Chromium (~/", "pki/nssdb) trusts none of ours"), "{gone}");
    let browser = Chromium::start_at(&home).await;
    assert_eq!(browser.visit(&server.url).await.as_deref(), Some("net::ERR_CERT_AUTHORITY_INVALID"));
}

#[tokio::test]
async fn firefox_trusts_and_reloads_over_http2() {
    let (home, project) = (Home::new(), TestProject::from_text(SITE));
    let server = serve(&home, &project);
    // Its first start makes the profile's database.
    let browser = Firefox::start_at(&home).await;
    let refused = browser.visit(&server.url).await.expect("it does not know the authority");
    assert!(
        refused.contains("SEC_ERROR_UNKNOWN_ISSUER") || refused.contains("MOZILLA_PKIX") || refused.contains("Certificate"),
        "{refused}"
    );
    browser.quit().await;
    let first = said(&home.everlit(&["trust", "--browsers"]));
    assert!(first.contains("done     Firefox (~/.mozilla/firefox/test.default) trusts it now"), "{first}");

    let browser = Firefox::start_at(&home).await;
    let shop = server.url.replace("localhost", "shop.localhost");
    for url in [&server.url, &shop] {
        let page = browser.open(url).await;
        page.wait_until(CONNECTED, SOON).await;
        assert_eq!(page.evaluate(LOADED).await, Value::from("h2 true"), "{url}");
    }
    let page = browser.open(&server.url).await;
    page.wait_until(CONNECTED, SOON).await;
    project.save("static/index.html", "<!doctype html><title>Shop</title><h1>two</h1>\n");
    page.wait_until("document.querySelector('h1').textContent === 'two'", SOON).await;
    browser.quit().await;

    said(&home.everlit(&["untrust", "--browsers"]));
    let browser = Firefox::start_at(&home).await;
    assert!(browser.visit(&server.url).await.is_some(), "it has forgotten the authority");
}

/// Runs a script with mounts of its own over the system's store: it is changed for the script alone.
fn apart(home: &Home, script: &str) -> Output {
    let mounts = "mount -t tmpfs tmpfs /usr/local/share/ca-certificates
        cp -a /etc/ssl \"$HOME/ssl\"
        mount --bind \"$HOME/ssl\" /etc/ssl";
    let script = format!("{mounts}\n{script}");
    let mut command = Command::new(require("unshare"));
    command.args(["--mount", "sh", "-ec", &script, "sh", env!("CARGO_BIN_EXE_everlit")]);
    command.envs(home.env()).output().expect("unshare starts")
}

#[test]
fn the_system_trusts_what_its_administrator_tells_it() {
    require("update-ca-certificates");
    let (home, project) = (Home::new(), TestProject::from_text(SITE));
    let server = serve(&home, &project);
    let fetch = format!("{} --silent --show-error --max-time 20 {}a.txt", require("curl").display(), server.url);
    let script = format!(
        "! {fetch} 2>/dev/null; \"$1\" trust; {fetch}; \"$1\" trust; \"$1\" untrust; \"$1\" untrust; ! {fetch} 2>/dev/null; ls /usr/local/share/ca-certificates"
    );
    let text = said(&apart(&home, &script));
    let place = "the system (/usr/local/share/ca-certificates)";
    for line in [
        "done     PLACE trusts it now",
        "already  PLACE trusts it",
        "done     PLACE trusts none of ours now",
        "already  PLACE trusts none of ours",
    ] {
        assert!(text.contains(&line.replace("PLACE", place)), "{line}\n{text}");
    }
    assert!(text.contains("\nhello\n") || text.starts_with("hello\n"), "{text}");
    assert!(text.trim_end().ends_with("trusts none of ours"), "nothing is left there: {text}");
}

#[test]
fn who_may_not_write_the_systems_store_is_shown_how() {
    let home = Home::new();
    // `nobody` has no rights, and needs the folder.
    let script = "cp \"$1\" \"$HOME/everlit\"; chown -R 65534:65534 \"$HOME\"
        exec setpriv --reuid 65534 --regid 65534 --clear-groups \"$HOME/everlit\" trust";
    let text = said(&apart(&home, script));
    let file = home.authority();
    for words in [
        "by root  the system (/usr/local/share/ca-certificates)",
        &format!("sudo install -m 644 {} /usr/local/share/ca-certificates/everlit-", file.display()),
        "sudo update-ca-certificates",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

#[test]
fn a_missing_certutil_is_named_with_the_way_to_get_it() {
    let home = Home::new();
    let folder = home.path().join(".mozilla/firefox/test.default");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("cert9.db"), "").expect("a file");
    let mut everlit = Command::new(env!("CARGO_BIN_EXE_everlit"));
    let done =
        everlit.args(["trust", "--browsers"]).envs(home.env()).env("PATH", home.path()).output().expect("the binary starts");
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(
        text.contains("failed   Firefox (~/.mozilla/firefox/test.default): certutil is missing; install the tools of NSS, then run this again"),
        "{text}"
    );
    assert_eq!(done.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&done.stderr).contains("one store is not as it should be"), "{done:?}");
}
