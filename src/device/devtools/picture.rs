//! A picture of what a tab shows.

use data_encoding::BASE64;
use serde_json::json;

use super::{Error, Target, wire::Wire};
use crate::device::adb::Adb;

/// How a PNG begins (PNG specification, third edition, §5.2).
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// How long the message with a picture may be. One of the largest tablet, of noise alone, has half of that.
const PICTURE: usize = 64 * 1024 * 1024;

/// The bytes of a PNG of the part of the page that is in view, in the phone's own pixels.
pub(in crate::device) async fn picture(adb: &Adb, serial: &str, target: &Target) -> Result<Vec<u8>, Error> {
    let stream = adb.within_patience(async { Ok::<_, Error>(adb.socket(serial, &target.tab.browser).await?) }).await?;
    let mut wire = Wire::open(stream, &target.path(), PICTURE).await?;
    let answer = wire.call("Page.captureScreenshot", json!({ "format": "png" })).await?;
    decode(answer["data"].as_str().unwrap_or_default())
}

/// It becomes a file of the person's, which is what its name says.
fn decode(text: &str) -> Result<Vec<u8>, Error> {
    let bytes = BASE64.decode(text.as_bytes()).map_err(|_| Error::Malformed)?;
    if bytes.starts_with(PNG) { Ok(bytes) } else { Err(Error::Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_a_png() {
        assert!(decode(&BASE64.encode(&[PNG, b"rest"].concat())).is_ok());
        for text in ["", "no base64", &BASE64.encode(b"#!/bin/sh\nreboot\n"), &BASE64.encode(&PNG[..7])] {
            assert!(matches!(decode(text), Err(Error::Malformed)), "{text}");
        }
    }
}
