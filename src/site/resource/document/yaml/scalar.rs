//! Scalars: what a plain one says (YAML 1.2.2 §10.3.2, the core schema), and how a value is written so that every parser agrees.
//!
//! Parsers of YAML 1.1 read more plain scalars as something else than a text: `yes`, dates, `1:30`. Such texts are written in quotes.

use serde_json::{Number, Value};

/// What a plain scalar says. `None` for a number that JSON has no form for.
pub(super) fn resolve(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Value::Null),
        "true" | "True" | "TRUE" => return Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Value::Bool(false)),
        _ => (),
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return None;
    }
    match number(text, unsigned) {
        Some(number) => number.map(Value::Number),
        None => Some(Value::from(text)),
    }
}

/// The number that a text is; the inner `None` if it is one that JSON has no form for.
fn number(text: &str, unsigned: &str) -> Option<Option<Number>> {
    if let Some((digits, radix)) =
        text.strip_prefix("0x").map(|digits| (digits, 16)).or(text.strip_prefix("0o").map(|digits| (digits, 8)))
    {
        let whole = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
        return whole.then(|| u64::from_str_radix(digits, radix).ok().map(Number::from));
    }
    if !is_decimal(unsigned) {
        return None;
    }
    if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        let integer = text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
        if let Ok(integer) = integer {
            return Some(Some(integer));
        }
    }
    Some(text.parse::<f64>().ok().and_then(Number::from_f64))
}

/// `[0-9]+`, or `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_decimal(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) =
        text.split_once(['e', 'E']).map_or((text, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let exponent = exponent.map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

/// Where a scalar is written. Between brackets some signs have a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    Block,
    Flow,
}

/// A scalar; lists and mappings are written elsewhere.
pub(super) fn written(value: &Value, context: Context) -> String {
    match value {
        Value::String(text) => text_written(text, context),
        Value::Number(number) => number_written(number),
        other => other.to_string(),
    }
}

/// A text or a name: plain if it is one for everybody, in double quotes otherwise.
pub(super) fn text_written(text: &str, context: Context) -> String {
    if is_plain(text, context) { text.to_owned() } else { double_quoted(text) }
}

/// Numbers with an exponent need a dot and a sign to be numbers in YAML 1.1.
fn number_written(number: &Number) -> String {
    let text = number.to_string();
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let dot = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['+', '-']) { "" } else { "+" };
    format!("{mantissa}{dot}e{sign}{exponent}")
}

/// What YAML 1.1 has other values for.
const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// Letters that numbers and times are made of.
const NUMERIC: &str = "abcdefoxtz";

fn is_plain(text: &str, context: Context) -> bool {
    let (Some(first), Some(last)) = (text.chars().next(), text.chars().next_back()) else { return false };
    let word = text.to_ascii_lowercase();
    let starts = first.is_alphabetic() || matches!(first, '/' | '_' | '(' | '$');
    let counts = first.is_ascii_digit() && word.contains(|c: char| c.is_alphabetic() && !NUMERIC.contains(c));
    let allowed = |c: char| match context {
        Context::Block => c.is_alphanumeric() || c == ' ' || c.is_ascii_punctuation(),
        Context::Flow => c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '/'),
    };
    (starts || counts)
        && last != ' '
        && last != ':'
        && text.chars().all(allowed)
        && !text.contains(": ")
        && !text.contains(" #")
        && !WORDS.contains(&word.as_str())
}

/// A text as JSON writes it, without any sign that is a line end or forbidden to some parser.
pub(super) fn double_quoted(text: &str) -> String {
    let json = Value::from(text).to_string();
    if json.is_ascii() && !json.contains('\u{7f}') {
        return json;
    }
    let mut quoted = String::with_capacity(json.len());
    for sign in json.chars() {
        match sign {
            '\u{7f}'..='\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(sign)));
            }
            sign => quoted.push(sign),
        }
    }
    quoted
}

/// A text in single quotes, if nothing in it needs another way.
pub(super) fn single_quoted(text: &str) -> Option<String> {
    let printable =
        !text.is_empty() && text.chars().all(|sign| sign == ' ' || sign.is_ascii_punctuation() || sign.is_alphanumeric());
    printable.then(|| format!("'{}'", text.replace('\'', "''")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        for (text, expected) in [
            ("", Some(json!(null))),
            ("~", Some(json!(null))),
            ("Null", Some(json!(null))),
            ("nULL", Some(json!("nULL"))),
            ("TRUE", Some(json!(true))),
            ("yes", Some(json!("yes"))),
            ("0", Some(json!(0))),
            ("-19", Some(json!(-19))),
            ("+12", Some(json!(12))),
            ("007", Some(json!(7))),
            ("0o7", Some(json!(7))),
            ("0x3A", Some(json!(58))),
            ("0x", Some(json!("0x"))),
            ("0xg", Some(json!("0xg"))),
            ("-0x1", Some(json!("-0x1"))),
            ("0.", Some(json!(0.0))),
            (".5", Some(json!(0.5))),
            (".", Some(json!("."))),
            ("-", Some(json!("-"))),
            ("-0.0", Some(json!(-0.0))),
            ("+12e03", Some(json!(12000.0))),
            ("-2E+05", Some(json!(-200_000.0))),
            ("1e", Some(json!("1e"))),
            ("e1", Some(json!("e1"))),
            ("1_000", Some(json!("1_000"))),
            ("18446744073709551615", Some(json!(u64::MAX))),
            ("18446744073709551616", Some(json!(18_446_744_073_709_551_616_f64))),
            ("1e999", None),
            ("0xFFFFFFFFFFFFFFFFF", None),
            (".inf", None),
            ("-.Inf", None),
            (".NaN", None),
            ("inf", Some(json!("inf"))),
            ("2001-12-14", Some(json!("2001-12-14"))),
        ] {
            assert_eq!(resolve(text), expected, "{text}");
        }
    }

    #[test]
    fn texts_are_plain_where_nobody_reads_something_else() {
        for plain in
            ["a", "Hello, world (it's \"me\")", "über alles", "http://x.test/?a=b#c", "/a/b", "12 angry men", "a-b", "日本"]
        {
            assert_eq!(text_written(plain, Context::Block), plain);
        }
        for text in [
            "",
            " a",
            "a ",
            "1",
            "1.5",
            "007",
            "0x1f",
            "1e5",
            "1:30",
            "2001-12-14",
            "2001-12-14t21:59:43.10-05:00",
            "3d",
            "yes",
            "No",
            "ON",
            "y",
            "true",
            "null",
            "~",
            "-",
            "- a",
            "a: b",
            "a:",
            "a #b",
            "#a",
            "&a",
            "*a",
            "!a",
            "|",
            ">",
            "'a'",
            "\"",
            "%a",
            "@a",
            "`a",
            "<<",
            "=",
            "?",
            "[a]",
            "{a}",
            ",",
            "a\nb",
            "a\tb",
            "a\u{a0}b",
            "🦀",
            ".inf",
            "+1",
            "..",
            "---",
        ] {
            let quoted = text_written(text, Context::Block);
            assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
        }
        assert_eq!(text_written("a, b", Context::Flow), "\"a, b\"");
        assert_eq!(text_written("a b", Context::Flow), "a b");
        assert_eq!(double_quoted("ä\u{85}\u{2028}\u{feff}\n🦀"), "\"ä\\u0085\\u2028\\ufeff\\n🦀\"");
        assert_eq!(single_quoted("it's: #1").unwrap(), "'it''s: #1'");
    }

    #[test]
    fn numbers_are_numbers_in_old_parsers() {
        for (number, expected) in
            [(json!(1), "1"), (json!(1.0), "1.0"), (json!(1e30), "1.0e+30"), (json!(1.5e-7), "1.5e-7"), (json!(-0.0), "-0.0")]
        {
            assert_eq!(written(&number, Context::Block), expected);
            assert_eq!(resolve(expected), Some(number));
        }
    }
}
