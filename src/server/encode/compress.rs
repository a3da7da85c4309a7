//! A body in memory, encoded.

use std::io;

use async_compression::{
    Level,
    tokio::write::{BrotliEncoder, GzipEncoder, ZstdEncoder},
};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    task::yield_now,
};

use crate::negotiate::Coding;

/// Above 4 brotli takes twice the time for each step, to win a few percent on a wire that is a loopback or a cable.
const BROTLI_QUALITY: i32 = 4;

/// Zstandard's own default; its window is 2 MiB, and browsers take up to 8 (RFC 9659).
const ZSTD_LEVEL: i32 = 3;

/// What is encoded before others get their turn: about a millisecond.
const CHUNK_BYTES: usize = 32 * 1024;

/// Encodes `plain`; as it is for [`Coding::Identity`].
pub(super) async fn compress(coding: Coding, plain: &[u8]) -> io::Result<Vec<u8>> {
    let encoded = Vec::with_capacity(plain.len() / 4);
    match coding {
        Coding::Identity => Ok(plain.to_vec()),
        Coding::Gzip => Ok(feed(GzipEncoder::new(encoded), plain).await?.into_inner()),
        Coding::Zstd => Ok(feed(ZstdEncoder::with_quality(encoded, Level::Precise(ZSTD_LEVEL)), plain).await?.into_inner()),
        Coding::Brotli => {
            Ok(feed(BrotliEncoder::with_quality(encoded, Level::Precise(BROTLI_QUALITY)), plain).await?.into_inner())
        }
    }
}

/// Writes all of it, and gives the encoder back for what it made.
async fn feed<W: AsyncWrite + Unpin>(mut encoder: W, plain: &[u8]) -> io::Result<W> {
    for piece in plain.chunks(CHUNK_BYTES) {
        encoder.write_all(piece).await?;
        yield_now().await;
    }
    encoder.shutdown().await?;
    Ok(encoder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::encode::tests::decode;

    #[tokio::test]
    async fn what_is_encoded_can_be_decoded() {
        let text: String = (0..40_000).map(|number| format!("line {number}\n")).collect();
        for plain in ["", "x", &text] {
            for coding in Coding::ENCODED {
                let encoded = compress(coding, plain.as_bytes()).await.unwrap();
                assert_eq!(decode(coding.token(), &encoded).await, plain, "{coding:?}");
                assert!(plain.len() < CHUNK_BYTES || encoded.len() < plain.len() / 3, "{coding:?} {}", encoded.len());
            }
        }
    }
}
