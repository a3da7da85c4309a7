//! Every document under every kind of policy: its bytes stay, and the policy keeps all it had.

use super::{
    documents::DOCUMENTS,
    exchange::{HOST, Page, TAG},
};

/// What is said of a page under a policy, and how the tag differs for it.
const POLICIES: [(&str, &str, &str); 14] = [
    ("script-src 'self'; connect-src 'self'", "injected", ""),
    ("default-src *", "injected", ""),
    ("img-src 'none'", "injected", ""),
    ("default-src 'none'", "injected; csp=widened", ""),
    ("script-src 'none'; connect-src 'none'", "injected; csp=widened", ""),
    ("default-src 'self'; script-src 'sha256-abc='", "injected; csp=widened", ""),
    ("script-src 'nonce-r4nd0m'; connect-src 'self'", "injected; csp=nonce", " nonce=\"r4nd0m\""),
    ("default-src 'self' 'nonce-r4nd0m'", "injected", ""),
    ("script-src 'nonce-r4nd0m' 'strict-dynamic'; object-src 'none'", "injected; csp=nonce", " nonce=\"r4nd0m\""),
    ("script-src 'nonce-a', script-src 'nonce-b'", "injected; csp=widened; csp=nonce", " nonce=\"a\""),
    ("require-trusted-types-for 'script'; trusted-types dompurify", "injected; csp=widened", ""),
    ("sandbox allow-scripts allow-same-origin", "injected", ""),
    ("sandbox allow-forms", "skipped; reason=sandbox", ""),
    // Who puts the layer into an app of their own serves the script themselves, and its hash is not known here.
    ("script-src 'strict-dynamic'", "skipped; reason=csp", ""),
];

#[test]
fn each_document_under_every_policy() {
    for (name, document) in DOCUMENTS {
        let original = document.replacen('^', "", 1);
        for (policy, said, attribute) in POLICIES {
            let pieces = vec![original.clone().into_bytes()];
            let got = Page::of(pieces).answered("content-security-policy", policy).get();
            let tag =
                if said.starts_with("injected") { TAG.replace(" async", &format!("{attribute} async")) } else { String::new() };
            assert_eq!(String::from_utf8_lossy(&got.body), document.replacen('^', &tag, 1), "{name} under {policy}");
            assert_eq!(got.header("everlit-inject"), said, "{policy}");
            check_kept(policy, got.header("content-security-policy"), said.contains("csp=widened"));
        }
    }
}

/// A policy that is only reported never keeps a page from its script, and is widened all the same.
#[test]
fn each_policy_as_one_that_is_only_reported() {
    for (policy, said, _) in POLICIES {
        let got = Page::of(vec![b"<head>".to_vec()]).answered("content-security-policy-report-only", policy).get();
        assert!(got.header("everlit-inject").starts_with("injected"), "{policy}");
        let is_wider = said.contains("csp=widened");
        check_kept(policy, got.header("content-security-policy-report-only"), is_wider);
    }
}

/// Whether all that a policy had is still there, and nothing is new but what is ours.
fn check_kept(before: &str, after: &str, is_wider: bool) {
    assert_eq!(is_wider, before != after, "{before}: {after}");
    let words =
        |policy: &str| policy.split([' ', ';', ',']).filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (before, after) = (words(before), words(after));
    assert!(before.iter().all(|word| word == "'none'" || after.contains(word)), "{before:?}: {after:?}");
    let own = [format!("http://{HOST}/__everlit/"), format!("ws://{HOST}/__everlit/")];
    let directives = ["script-src-elem", "connect-src", "everlit"];
    let is_ours = |word: &&String| own.contains(word) || directives.contains(&word.as_str());
    let strange: Vec<_> = after.iter().filter(|word| !before.contains(word) && !is_ours(word)).collect();
    assert!(strange.is_empty(), "{strange:?} in {after:?}");
}

/// Policies in the page: `SOCKET` stands where our sources have to be.
const IN_THE_PAGE: [&str; 7] = [
    "<head>^<meta http-equiv=\"Content-Security-Policy\" content=\"connect-src SOCKET; default-src 'none'\"></head>",
    "<head>^<title>a</title>\n<meta content='connect-src https://a.example SOCKET; img-src *' http-equiv=content-security-policy>",
    "<head>^<meta http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;self&#39;; connect-src &#39;none&#39; SOCKET\"></head>",
    "<head>^<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'self'; script-src 'nonce-a'\"></head>",
    "<head>^<meta http-equiv=\"Content-Security-Policy\" content=\"trusted-types a everlit\"></head>",
    "<head>^<template><meta http-equiv=\"Content-Security-Policy\" content=\"connect-src 'none'\"></template></head>",
    "<head>^<title>a</title></head><body><meta http-equiv=\"Content-Security-Policy\" content=\"connect-src 'none'\">",
];

#[test]
fn policies_in_the_page_are_widened_where_they_stand() {
    let socket = format!("http://{HOST}/__everlit/ ws://{HOST}/__everlit/");
    for marked in IN_THE_PAGE {
        // With a body, so that the head is seen to end.
        let marked = &format!("{marked}<p>b");
        let mut original = marked.replace('^', "").replace("connect-src SOCKET; ", "").replace(" SOCKET", "");
        original = original.replace(" everlit\"", "\"");
        let expected = marked.replace('^', TAG).replace("SOCKET", &socket);
        let is_wider = marked.contains("SOCKET") || marked.contains(" everlit\"");
        let whole = Page::of(vec![original.clone().into_bytes()]).answered("content-length", original.len().to_string()).get();
        assert_eq!(String::from_utf8_lossy(&whole.body), expected);
        assert_eq!(whole.header("content-length"), expected.len().to_string(), "{marked}");
        assert_eq!(whole.header("everlit-inject"), if is_wider { "injected; csp=widened" } else { "injected" }, "{marked}");
        let cut =
            Page::of(original.bytes().map(|byte| vec![byte]).collect()).answered("content-length", original.len().to_string());
        let cut = cut.get();
        assert_eq!(String::from_utf8_lossy(&cut.body), expected);
        assert_eq!(cut.header("content-length"), "", "nobody knew when the head went out");
    }
}
