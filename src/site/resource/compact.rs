//! JSON texts without the white space between their tokens, made without a look at what they say.

/// Appends a valid JSON text in its shortest spelling of the same tokens: numbers and escapes stay as they are written.
pub(crate) fn push(json: &str, out: &mut Vec<u8>) {
    let mut rest = json.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let length = match first {
            b' ' | b'\t' | b'\n' | b'\r' => {
                rest = behind;
                continue;
            }
            b'"' => 1 + end_of_text(behind),
            _ => rest.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'"')).unwrap_or(rest.len()),
        };
        out.extend_from_slice(&rest[..length]);
        rest = &rest[length..];
    }
}

/// How many bytes a text has after its opening quote, the closing one included.
fn end_of_text(behind: &[u8]) -> usize {
    let mut place = 0;
    while let Some(found) = memchr::memchr2(b'"', b'\\', behind.get(place..).unwrap_or_default()) {
        place += found;
        if behind[place] == b'"' {
            return place + 1;
        }
        place += 2;
    }
    behind.len()
}

#[cfg(test)]
mod tests {
    use super::push;

    #[test]
    fn only_white_space_goes() {
        check("{ \"a b\" :\t[ 1.50 , null,\r\n true ] }\n", r#"{"a b":[1.50,null,true]}"#);
        check(r#"{"a": "x \" , \\" , "b": "\\\""}"#, r#"{"a":"x \" , \\","b":"\\\""}"#);
        check(r#"["", "ä  ", {}]"#, r#"["","ä  ",{}]"#);
        check("\"\\", "\"\\");

        fn check(json: &str, expected: &str) {
            let mut out = Vec::new();
            push(json, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }
}
