//! Any bytes as a page, cut in any way: without our insertions it is what came, and how it was cut does not matter.
//!
//! The first byte of an input says how the page is written, the second how many bytes come at once.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| reload::inject::check(input));

#[path = "../../src/reload"]
mod reload {
    pub(crate) mod inject {
        mod charset;
        mod markup;
        mod meta;
        mod metas;
        mod policy;
        mod scanner;
        mod splice;

        use bytes::Bytes;

        use self::{charset::Charset, policy::Own, splice::Splicer};

        /// Nothing like it stands in a page by chance, as long as the page does not mention us.
        const TAG: &str = r#"<script src="/__everlit/client.js" async></script>"#;
        const OURS: &str = "everlit";

        pub(crate) fn check(input: &[u8]) {
            let [charset, length, page @ ..] = input else { return };
            let charset = [Charset::Ascii, Charset::Utf16Le, Charset::Utf16Be][usize::from(charset % 3)];
            let whole = splice(&[page], charset);
            let pieces: Vec<&[u8]> = page.chunks(usize::from(*length).max(1)).collect();
            assert_eq!(splice(&pieces, charset), whole, "pieces of {length} bytes");
            let encodings = [Charset::Ascii, Charset::Utf16Le, Charset::Utf16Be];
            let encoded = |text: &'static str| encodings.map(|charset| charset.encode(Bytes::from_static(text.as_bytes())));
            if encoded(OURS).iter().any(|ours| memchr::memmem::find(page, ours).is_some()) {
                return;
            }
            let rest = encoded(TAG).iter().find_map(|tag| {
                let at = memchr::memmem::find(&whole, tag)?;
                Some([&whole[..at], &whole[at + tag.len()..]].concat())
            });
            let rest = rest.unwrap_or(whole);
            let is_widened = encoded(OURS).iter().any(|ours| memchr::memmem::find(&rest, ours).is_some());
            assert!(if is_widened { is_within(page, &rest) } else { rest == page }, "nothing but insertions");
        }

        fn splice(pieces: &[&[u8]], charset: Charset) -> Vec<u8> {
            let own = Own::at("localhost:4747".to_owned(), None);
            let mut splicer = Splicer::new(Bytes::from_static(TAG.as_bytes()), own, charset);
            let mut out = Vec::new();
            for piece in pieces {
                splicer.feed(Bytes::copy_from_slice(piece), |data| out.extend_from_slice(&data));
            }
            splicer.finish(|data| out.extend_from_slice(&data));
            let length: usize = pieces.iter().map(|piece| piece.len()).sum();
            assert_eq!(out.len(), length + splicer.added());
            out
        }

        /// Whether all of `page` stands in `whole`, in its order.
        fn is_within(page: &[u8], whole: &[u8]) -> bool {
            let mut rest = whole.iter();
            page.iter().all(|byte| rest.any(|other| other == byte))
        }
    }
}
