//! The cookie by which a paired browser is known. Pure.
//!
//! Ports share their cookies, so that its name has the port: two projects on one machine must not overwrite each other's. None of
//! them goes further than a gate, whosever it is.

use http::{HeaderMap, HeaderValue, header};

use crate::reload::Token;

/// What the names of all of them begin with.
const PREFIX: &str = "everlit-lan-";

fn name(port: u16) -> String {
    format!("{PREFIX}{port}")
}

/// `name=value`, each; a browser sends the bytes that a page set, of whatever encoding.
fn pairs(cookies: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    cookies.as_bytes().split(|byte| *byte == b';').map(<[u8]>::trim_ascii)
}

fn is_ours(pair: &[u8]) -> bool {
    pair.starts_with(PREFIX.as_bytes())
}

/// What gives it to a browser, for as long as that runs; `None` never happens for a token of ours.
pub(super) fn given(browser: &Token, port: u16, is_secure: bool) -> Option<HeaderValue> {
    let secure = if is_secure { "; Secure" } else { "" };
    let text = format!("{}={}; Path=/; HttpOnly; SameSite=Lax{secure}", name(port), browser.reveal());
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The values that a request brings; whoever sets cookies for this host may have put others beside ours.
pub(super) fn values(headers: &HeaderMap, port: u16) -> impl Iterator<Item = &str> {
    let ours = format!("{}=", name(port));
    let all = headers.get_all(header::COOKIE).iter().flat_map(pairs);
    all.filter_map(move |pair| std::str::from_utf8(pair.strip_prefix(ours.as_bytes())?).ok())
}

/// Leaves the cookies of all gates out of a request, and all others as they are.
pub(super) fn take_out(headers: &mut HeaderMap) {
    let cookies: Vec<HeaderValue> = headers.get_all(header::COOKIE).iter().cloned().collect();
    if !cookies.iter().any(|text| pairs(text).any(is_ours)) {
        return;
    }
    headers.remove(header::COOKIE);
    for text in cookies {
        let kept: Vec<_> = text.as_bytes().split(|byte| *byte == b';').filter(|pair| !is_ours(pair.trim_ascii())).collect();
        let kept = kept.join(&b';');
        if let (false, Ok(kept)) = (kept.trim_ascii().is_empty(), HeaderValue::from_bytes(kept.trim_ascii())) {
            headers.append(header::COOKIE, kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&str]) -> HeaderMap {
        cookies.iter().map(|text| (header::COOKIE, HeaderValue::from_bytes(text.as_bytes()).unwrap())).collect()
    }

    #[test]
    fn a_browser_brings_what_it_was_given() {
        let token = Token::new().unwrap();
        let given = given(&token, 4747, true).unwrap();
        assert_eq!(given, format!("everlit-lan-4747={}; Path=/; HttpOnly; SameSite=Lax; Secure", token.reveal()));
        assert!(given.is_sensitive());
        let pair = given.to_str().unwrap().split(';').next().unwrap();
        assert_eq!(values(&headers(&["a=1", &format!("b=2; {pair}")]), 4747).collect::<Vec<_>>(), [token.reveal()]);
        assert_eq!(values(&headers(&[&format!("c=é; {pair}")]), 4747).collect::<Vec<_>>(), [token.reveal()], "beside any bytes");
        assert_eq!(values(&headers(&[pair]), 4748).count(), 0);
    }

    #[test]
    fn it_goes_no_further() {
        let check = |cookies: &[&str], expected: &[&str]| {
            let mut headers = headers(cookies);
            take_out(&mut headers);
            let left: Vec<_> = headers.get_all(header::COOKIE).iter().map(|text| text.as_bytes()).collect();
            assert_eq!(left, expected.iter().map(|text| text.as_bytes()).collect::<Vec<_>>(), "{cookies:?}");
        };
        check(&["everlit-lan-1=x"], &[]);
        check(&["a=1; everlit-lan-1=x; b=2"], &["a=1; b=2"]);
        check(&["a=1;everlit-lan-1=x", "everlit-lan-1=y; c=é"], &["a=1", "c=é"]);
        check(&["everlit-lan-10=x;  a=1 "], &["a=1"]);
        check(&["everlit=x;  a=1 "], &["everlit=x;  a=1 "]);
        check(&[], &[]);
    }
}
