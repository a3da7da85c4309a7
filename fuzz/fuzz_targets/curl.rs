//! Any exchange as a `curl` command: a shell takes it apart into the words that ask for the same, and none of them is a secret.
#![no_main]

use everlit_fuzz::exchange::{Exchange, SECRET};
use http::{HeaderMap, Method, StatusCode};
use libfuzzer_sys::fuzz_target;

/// Fields that are neither secret nor a connection's own.
const PLAIN: [&str; 5] = ["accept", "content-type", "if-none-match", "user-agent", "x-plain"];

fuzz_target!(|input: &[u8]| {
    let Some(exchange) = Exchange::of(input) else { return };
    let Some(served) = exchange.record() else { return };
    let answer = served.ask_control("/api/exchanges/latest/curl");
    if answer.status() == StatusCode::CONFLICT {
        return;
    }
    assert_eq!(answer.status(), StatusCode::OK);
    let command = std::str::from_utf8(answer.body()).expect("it is text");
    assert!(!command.contains(SECRET), "{command} tells its secret");
    let programs = programs(command).unwrap_or_else(|why| panic!("{why}: {command}"));
    let (curl, before) = programs.split_last().expect("there is a program");
    check_words(&exchange, curl, !before.is_empty());
    match before {
        [] => (),
        [print, decode] => {
            assert_eq!(print[..2], ["printf", "%s"]);
            let sent = base64(&print[2]).expect("it is base64");
            assert!(may_lose_secrets(&exchange) || sent == exchange.asked_body, "{sent:?}");
            assert_eq!(decode[..], ["base64", "-d"]);
        }
        _ => panic!("there are more programs: {command}"),
    }
});

fn check_words(exchange: &Exchange, curl: &[String], reads_body: bool) {
    let mut words = curl.iter().map(String::as_str);
    assert_eq!([words.next(), words.next(), words.next()], [Some("curl"), Some("--globoff"), Some("--path-as-is")]);
    let url = words.next().expect("a URL");
    let host = exchange.asked.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_redacted = url.contains("redacted");
    let target = if exchange.target.is_empty() { "/" } else { exchange.target.split('#').next().unwrap_or_default() };
    assert!(is_redacted || url == format!("http://{host}{target}"), "{url}");
    let mut method = None;
    let mut headers = Vec::new();
    let mut body = None;
    while let Some(word) = words.next() {
        match word {
            "--head" => method = Some("HEAD"),
            "--compressed" => (),
            "--request" => method = words.next(),
            "--header" => headers.push(words.next().expect("a field")),
            "--data-raw" if !reads_body => body = words.next(),
            "--data-binary" if reads_body => assert_eq!(words.next(), Some("@-")),
            word => panic!("{word} is no argument of ours"),
        }
    }
    let asked = method.unwrap_or(if exchange.asked_body.is_empty() { Method::GET.as_str() } else { Method::POST.as_str() });
    assert_eq!(asked, exchange.method.as_str());
    check_headers(&exchange.asked, &headers);
    if !reads_body && !may_lose_secrets(exchange) {
        assert_eq!(body.unwrap_or_default().as_bytes(), &exchange.asked_body[..]);
    }
}

/// Whether the body is of a kind in which secrets have names.
fn may_lose_secrets(exchange: &Exchange) -> bool {
    let kind = exchange.asked.get("content-type").map_or(&b""[..], |kind| kind.as_bytes());
    let names = |part: &[u8]| kind.windows(part.len()).any(|piece| piece.eq_ignore_ascii_case(part));
    names(b"json") || names(b"form")
}

/// What is said was said before, and what was said is said again.
fn check_headers(asked: &HeaderMap, said: &[&str]) {
    let known: Vec<(String, String)> = asked
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.to_string(), if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") })
        })
        .collect();
    for field in said.iter().filter(|field| **field != "content-type:") {
        assert!(known.iter().any(|(_, known)| known == field), "{field} was not asked for");
    }
    // What a connection names as its own is left out as well.
    if asked.contains_key("connection") {
        return;
    }
    for (_, field) in known.iter().filter(|(name, _)| PLAIN.contains(&name.as_str())) {
        assert!(said.contains(&field.as_str()), "{field} is lost");
    }
}

/// The words of a pipeline, as a POSIX shell reads it (XCU §2.2, §2.3); what else a shell knows must not occur.
fn programs(command: &str) -> Result<Vec<Vec<String>>, String> {
    let mut programs = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut chars = command.strip_suffix('\n').ok_or("it has no end")?.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or("a quote does not end")? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '\\' => match chars.next().ok_or("an escape does not end")? {
                '\n' => (),
                c => word.get_or_insert_default().push(c),
            },
            ' ' => programs.last_mut().expect("there is one").extend(word.take()),
            '|' => {
                programs.last_mut().expect("there is one").extend(word.take());
                programs.push(Vec::new());
            }
            c if c.is_ascii_alphanumeric() || "-%".contains(c) => word.get_or_insert_default().push(c),
            c => return Err(format!("{c:?} stands outside of quotes")),
        }
    }
    programs.last_mut().expect("there is one").extend(word);
    Ok(programs)
}

/// The bytes that a text of base64 stands for (RFC 4648 §4).
fn base64(text: &str) -> Option<Vec<u8>> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.trim_end_matches('=');
    let mut bits: Vec<bool> = Vec::new();
    for digit in digits.chars() {
        let value = DIGITS.find(digit)?;
        bits.extend((0..6).rev().map(|bit| value & 1 << bit != 0));
    }
    let byte = |bits: &[bool]| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
    (text.len() % 4 == 0).then(|| bits.chunks_exact(8).map(byte).collect())
}
