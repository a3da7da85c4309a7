//! `/__everlit/client.js`: the client runtime with this run's values in it; and `/__everlit/hot.js` beside it.

use axum::{
    body::Body,
    http::{HeaderValue, Response, header},
};

use super::hub::Hub;
use crate::assets;

/// Stands in the file where the token goes.
const TOKEN: &str = "EVERLIT_TOKEN";

/// Stands in the file where the project's name goes, inside a JavaScript string.
const PROJECT: &str = "EVERLIT_PROJECT";

/// Stands in the file where it goes whether the page's console is forwarded: `true` or `false`.
const CONSOLE: &str = "EVERLIT_CONSOLE";

/// Stands in the file where it goes whether what a person does is mirrored: `true` or `false`.
const MIRROR: &str = "EVERLIT_MIRROR";

/// Stands in the file where those of [`FOLDER`] go, in the order of their names.
const PARTS: &str = "EVERLIT_PARTS";

/// The parts of the client runtime in `static/`.
const FOLDER: &str = "client";

impl Hub {
    /// The answer to a request for the client runtime.
    #[must_use]
    pub fn client_script(&self) -> Response<Body> {
        answer(self.client_text())
    }

    /// The client runtime itself.
    pub(crate) fn client_text(&self) -> Vec<u8> {
        let script = assets::static_file("client.js").unwrap_or_default();
        let script = String::from_utf8_lossy(&script)
            .replace(PARTS, &assets::static_texts(FOLDER))
            .replace(TOKEN, self.token().reveal())
            .replace(CONSOLE, &self.hears_console().to_string())
            .replace(MIRROR, &self.mirrors().to_string())
            .replace(PROJECT, &escaped(self.project()));
        script.into_bytes()
    }
}

/// The answer to a request for the module that gives other modules their `import.meta.hot`.
#[must_use]
pub fn hot_script() -> Response<Body> {
    answer(assets::static_file("hot.js").unwrap_or_default().into_owned())
}

fn answer(script: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(script.into());
    for (name, value) in [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A text as the inside of a double-quoted JavaScript string.
fn escaped(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    // Each quote that is part of the text has a backslash before it: only one is ours at either end.
    let inside = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
    inside.replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_name_stays_a_string() {
        assert_eq!(escaped("shop"), "shop");
        assert_eq!(escaped("a\\b"), "a\\\\b");
        assert_eq!(escaped("</script>"), "\\u003c/script>");
        assert_eq!(escaped("\"; alert(1); \""), "\\\"; alert(1); \\\"");
    }
}
