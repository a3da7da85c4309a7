//! The framing of the adb server's protocol: a text is preceded by its length in four hexadecimal digits, an answer by `OKAY` or
//! `FAIL`.
//!
//! Pure: the takers answer `None` until enough bytes have come and consume nothing meanwhile. A text cannot be longer than
//! 65,535 bytes, so a buffer that is taken from as soon as possible stays small.

use bytes::{Buf, BytesMut};

/// How an answer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Okay,
    Fail,
}

/// What came is not this protocol.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// A request as it goes on the wire. It must be shorter than 64 KiB.
pub(super) fn request(text: &str) -> Vec<u8> {
    format!("{:04x}{text}", text.len()).into_bytes()
}

/// Takes a status off the front.
pub(super) fn take_status(buffer: &mut BytesMut) -> Result<Option<Status>, Malformed> {
    let Some(word) = buffer.first_chunk() else { return Ok(None) };
    let status = match word {
        b"OKAY" => Status::Okay,
        b"FAIL" => Status::Fail,
        _ => return Err(Malformed),
    };
    buffer.advance(word.len());
    Ok(Some(status))
}

/// Takes a text with its length off the front. Bytes that are not UTF-8 are replaced.
pub(super) fn take_text(buffer: &mut BytesMut) -> Result<Option<String>, Malformed> {
    let Some(digits) = buffer.first_chunk::<4>() else { return Ok(None) };
    let (start, length) = (digits.len(), length(digits)?);
    if buffer.len() < start + length {
        return Ok(None);
    }
    buffer.advance(start);
    Ok(Some(String::from_utf8_lossy(&buffer.split_to(length)).into_owned()))
}

fn length(digits: &[u8; 4]) -> Result<usize, Malformed> {
    digits.iter().try_fold(0, |sum, &digit| {
        let value = char::from(digit).to_digit(16).ok_or(Malformed)?;
        Ok(sum * 16 + value as usize)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_preceded_by_its_length() {
        assert_eq!(request("host:track-devices-l"), b"0014host:track-devices-l");
    }

    fn check_status(wire: &str, expected: Result<Option<Status>, Malformed>, rest: &str) {
        let mut buffer = BytesMut::from(wire);
        assert_eq!(take_status(&mut buffer), expected, "{wire}");
        assert_eq!(buffer, rest, "{wire}");
    }

    #[test]
    fn a_status_is_four_letters() {
        check_status("", Ok(None), "");
        check_status("OKA", Ok(None), "OKA");
        check_status("OKAY", Ok(Some(Status::Okay)), "");
        check_status("OKAYOKAY0004", Ok(Some(Status::Okay)), "OKAY0004");
        check_status("FAIL0006closed", Ok(Some(Status::Fail)), "0006closed");
        check_status("okay", Err(Malformed), "okay");
        check_status("HTTP/1.1 400", Err(Malformed), "HTTP/1.1 400");
    }

    fn check_text(wire: &[u8], expected: Result<Option<&str>, Malformed>, rest: &[u8]) {
        let mut buffer = BytesMut::from(wire);
        let taken = take_text(&mut buffer);
        assert_eq!(taken.as_ref().map(Option::as_deref), expected.as_ref().copied(), "{wire:?}");
        assert_eq!(buffer, rest, "{wire:?}");
    }

    #[test]
    fn a_text_is_taken_once_it_is_whole() {
        check_text(b"00", Ok(None), b"00");
        check_text(b"0004474", Ok(None), b"0004474");
        check_text(b"00044747", Ok(Some("4747")), b"");
        check_text(b"0000", Ok(Some("")), b"");
        check_text(b"000Aten lettersOKAY", Ok(Some("ten letter")), b"sOKAY");
        check_text(b"0003a\xffb", Ok(Some("a\u{fffd}b")), b"");
        check_text(b"+004abcd", Err(Malformed), b"+004abcd");
        check_text(b"zz  abcd", Err(Malformed), b"zz  abcd");
    }
}
