//! Two projects at once: each has its port and its name, and nobody takes one for the other.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{Chromium, SOON, TestProject, TestServer};

/// A project in a folder of this name.
fn project(name: &str) -> TestProject {
    TestProject::from_text(&format!("-- {name}/index.html --\n<!doctype html><title>{name}</title><h1>{name}</h1>\n"))
}

fn start(project: &TestProject, name: &str, port: u16) -> TestServer {
    let folder = project.path().join(name);
    assert!(fs::metadata(&folder).is_ok_and(|found| found.is_dir()), "{name} is a folder");
    TestServer::start_with(&folder, &["--port", &port.to_string()], &[])
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port").local_addr().expect("an address").port()
}

#[tokio::test]
async fn two_projects_get_two_ports_and_are_told_apart() {
    let (shop, blog, port) = (project("namesshop"), project("namesblog"), free_port());
    let mut first = start(&shop, "namesshop", port);
    let second = start(&blog, "namesblog", port);
    assert!(first.port() == port && second.port() > port, "{} and {}", first.port(), second.port());
    first.rewind();
    let ready = first.wait_event("ready", SOON);
    assert_eq!(ready["named_url"], format!("http://namesshop.localhost:{port}/"));

    let ask = async |host: &str, headers: &[(&str, &str)]| {
        let headers = [&[("host", host)], headers].concat();
        raw(port, &headers).await
    };
    let own = ask(&format!("namesshop.localhost:{port}"), &[]).await;
    assert!(own.starts_with("HTTP/1.1 200 ") && own.contains("<h1>namesshop</h1>"), "{own}");
    let tenant = ask(&format!("tenant.localhost:{port}"), &[]).await;
    assert!(tenant.starts_with("HTTP/1.1 200 "), "a name of nobody's is ours: {tenant}");
    let other = ask(&format!("namesblog.localhost:{port}"), &[]).await;
    let place = format!("http://namesblog.localhost:{}/", second.port());
    assert!(
        other.starts_with("HTTP/1.1 307 ") && other.to_lowercase().contains(&format!("\r\nlocation: {place}\r\n")),
        "{other}"
    );
    assert!(other.contains("no-store") && other.contains("namesshop is served here"), "{other}");
    let loaded = ask(&format!("namesblog.localhost:{port}"), &[("sec-fetch-mode", "cors")]).await;
    assert!(loaded.starts_with("HTTP/1.1 200 "), "only who navigates is sent elsewhere: {loaded}");
}

/// The answer to a GET as text, for a host that is not the one connected to.
async fn raw(port: u16, headers: &[(&str, &str)]) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("the server accepts");
    let fields: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!("GET / HTTP/1.1\r\n{fields}Accept: text/html\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it takes the request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("a whole answer");
    answer
}

#[tokio::test]
async fn each_name_has_its_own_cookies_and_storage() {
    let (shop, blog, browser) = (project("jarshop"), project("jarblog"), Chromium::start().await);
    let (first, second) = (start(&shop, "jarshop", 0), start(&blog, "jarblog", 0));
    let page = browser.open(&format!("http://jarshop.localhost:{}/", first.port())).await;
    page.wait_until("document.querySelector('h1')?.textContent === 'jarshop'", SOON).await;
    page.evaluate("document.cookie = 'a=1'; localStorage.a = '1'").await;
    let other = browser.open(&format!("http://jarblog.localhost:{}/", second.port())).await;
    other.wait_until("document.querySelector('h1')?.textContent === 'jarblog'", SOON).await;
    assert_eq!(other.evaluate("document.cookie + (localStorage.a ?? '')").await, "");
    other.wait_until("window[Symbol.for('everlit')]?.connected === true", SOON).await;
    // Asked at the port of the first one, its name leads back to it.
    other.navigate(&format!("http://jarblog.localhost:{}/", first.port())).await;
    other
        .wait_until(
            &format!("location.port === '{}' && document.querySelector('h1')?.textContent === 'jarblog'", second.port()),
            SOON,
        )
        .await;
}
