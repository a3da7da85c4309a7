//! Which media type a file name stands for.
//!
//! mime_guess knows most of them; the table corrects what it does not know or what a development server must see otherwise
//! (`.ts` is TypeScript here, never a film).

/// By extension, lower case.
const OVERRIDES: [(&str, &str); 18] = [
    ("br", "application/x-brotli"),
    ("cjs", "text/javascript"),
    ("cts", "text/javascript"),
    ("ics", "text/calendar"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("jsonl", "application/jsonl"),
    ("jsx", "text/javascript"),
    ("map", "application/json"),
    ("md", "text/markdown"),
    ("mjs", "text/javascript"),
    ("mts", "text/javascript"),
    ("ndjson", "application/x-ndjson"),
    ("ts", "text/javascript"),
    ("tsx", "text/javascript"),
    ("usdz", "model/vnd.usdz+zip"),
    ("webmanifest", "application/manifest+json"),
    ("zst", "application/zstd"),
];

/// Types that are registered under another name than the one files are known by; clients ask for either. RFC 7303 §9.2, RFC 9512 §2.1, and
/// the registry for TOML.
const OTHER_NAMES: [(&str, &str); 3] =
    [("text/x-toml", "application/toml"), ("text/x-yaml", "application/yaml"), ("text/xml", "application/xml")];

/// The other name of a type.
pub(super) fn other_name(essence: &str) -> Option<&'static str> {
    OTHER_NAMES.iter().find(|(known, _)| *known == essence).map(|(_, other)| *other)
}

/// `type/subtype` of files with this extension.
pub(super) fn essence(extension: &str) -> Option<&'static str> {
    let extension = extension.to_ascii_lowercase();
    let overridden = OVERRIDES.iter().find(|(known, _)| *known == extension).map(|(_, essence)| *essence);
    overridden.or_else(|| mime_guess::from_ext(&extension).first_raw())
}

/// The value of `Content-Type` for a file of this name: text says that it is UTF-8.
pub(super) fn content_type(name: &str) -> String {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    let essence = extension.and_then(essence).unwrap_or("application/octet-stream");
    let charset = if essence.starts_with("text/") { "; charset=utf-8" } else { "" };
    format!("{essence}{charset}")
}

/// Whether a template can make it: it is text.
pub(super) fn is_text(essence: &str) -> bool {
    let structured = ["+json", "+xml", "/json", "/xml", "/javascript", "jsonl", "ndjson"];
    essence.starts_with("text/") || structured.iter().any(|ending| essence.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_types() {
        for (name, expected) in [
            ("a.html", "text/html; charset=utf-8"),
            ("a.txt", "text/plain; charset=utf-8"),
            ("style.CSS", "text/css; charset=utf-8"),
            ("main.ts", "text/javascript; charset=utf-8"),
            ("a.min.mjs", "text/javascript; charset=utf-8"),
            ("a.js.map", "application/json"),
            ("a.svg", "image/svg+xml"),
            ("a.wasm", "application/wasm"),
            ("a.woff2", "font/woff2"),
            ("a.tar.zst", "application/zstd"),
            ("a.unheard-of", "application/octet-stream"),
            ("README", "application/octet-stream"),
        ] {
            assert_eq!(content_type(name), expected, "{name}");
        }
    }

    /// The names on the left are those that mime_guess gives.
    #[test]
    fn types_have_other_names() {
        for (extension, expected) in [("xml", "application/xml"), ("yaml", "application/yaml"), ("toml", "application/toml")] {
            assert_eq!(essence(extension).and_then(other_name), Some(expected), "{extension}");
        }
        assert_eq!(other_name("text/html"), None);
    }

    #[test]
    fn templates_make_text() {
        for (essence, expected) in [("text/csv", true), ("image/svg+xml", true), ("application/json", true), ("image/png", false)]
        {
            assert_eq!(is_text(essence), expected, "{essence}");
        }
    }
}
