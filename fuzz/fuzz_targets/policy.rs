//! Any text as a Content Security Policy: what is widened once needs nothing more, and loses nothing it had.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|policy: &str| reload::inject::check(policy));

#[path = "../../src/reload"]
mod reload {
    pub(crate) mod inject {
        mod policy;

        use std::sync::Arc;

        use http::{HeaderMap, HeaderValue, header::CONTENT_SECURITY_POLICY};

        use self::policy::{Own, Policy, widen};

        pub(crate) fn check(policy: &str) {
            let own = Own::at("localhost:4747".to_owned(), Some(Arc::new(|| b"the client".to_vec())));
            check_header(policy, &own);
            check_meta(policy, &own);
        }

        fn check_header(policy: &str, own: &Own) {
            let Ok(value) = HeaderValue::try_from(policy) else { return };
            let mut headers: HeaderMap = [(CONTENT_SECURITY_POLICY, value)].into_iter().collect();
            let Ok(widened) = widen(&headers, own) else { return };
            let key = widened.key.clone();
            widened.apply(&mut headers);
            let wider = headers[CONTENT_SECURITY_POLICY].to_str().expect("it was text before");
            for source in policy.split([',', ';']).flat_map(|directive| directive.split_ascii_whitespace().skip(1)) {
                assert!(source.eq_ignore_ascii_case("'none'") || wider.contains(source), "{source} is lost: {wider}");
            }
            let again = widen(&headers, own).expect("it could be met before");
            // With another policy's nonce taken, a second one's own is as good.
            assert!(!again.is_wider || key.nonce.is_some(), "{policy} became {wider}, which is not enough");
        }

        fn check_meta(policy: &str, own: &Own) {
            let mut wider = policy.to_owned();
            for (at, added) in Policy::of(policy).insertions(own).into_iter().rev() {
                wider.insert_str(at, &added);
            }
            let lacking = Policy::of(&wider).insertions(own);
            assert!(lacking.is_empty(), "{policy} became {wider}, which lacks {lacking:?}");
        }
    }
}
