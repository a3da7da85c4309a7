//! Values of a page as words.
//!
//! Pure, and without a question to the page: what it did not tell of a value is left out.

use serde_json::Value;

/// What was written to a console: the values with spaces between, the first one's directives (`%s`, `%c`) filled in or taken out.
pub(super) fn line(args: &Value) -> String {
    let mut args = args.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut words = Vec::new();
    if let [first, rest @ ..] = args
        && let Some(format) = first["value"].as_str()
    {
        let (filled, used) = fill(format, rest);
        words.push(filled);
        args = &rest[used..];
    }
    words.extend(args.iter().map(described));
    words.join(" ")
}

/// A format with its values, and how many of them it took.
fn fill(format: &str, values: &[Value]) -> (String, usize) {
    let (mut filled, mut used, mut rest) = (String::with_capacity(format.len()), 0, format);
    while let Some(at) = rest.find('%') {
        filled.push_str(&rest[..at]);
        let directive = rest[at + 1..].chars().next();
        let value = values.get(used);
        match (directive, value) {
            (Some('%'), _) => filled.push('%'),
            (Some('c'), Some(_)) => used += 1,
            (Some('s' | 'd' | 'i' | 'f' | 'o' | 'O'), Some(value)) => {
                filled.push_str(&described(value));
                used += 1;
            }
            _ => {
                filled.push('%');
                rest = &rest[at + 1..];
                continue;
            }
        }
        rest = &rest[at + 2..];
    }
    filled.push_str(rest);
    (filled, used)
}

/// One value: what it is, or what the browser calls it (an error's stack, `Array(3)`, `div#a.b`).
pub(super) fn described(object: &Value) -> String {
    let word = |name: &str| object[name].as_str().map(str::to_owned);
    if let Some(text) = word("unserializableValue") {
        return text;
    }
    match object.get("value") {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => preview(&object["preview"]).or_else(|| word("description")).or_else(|| word("type")).unwrap_or_default(),
    }
}

/// The first members of an object or array, as the browser picked them; of errors, elements and functions there is something better.
fn preview(preview: &Value) -> Option<String> {
    let is_array = match preview["subtype"].as_str() {
        None => false,
        Some("array") => true,
        Some(_) => return None,
    };
    let shown = |property: &Value| {
        let value = property["value"].as_str().unwrap_or("…");
        let value = if property["type"] == "string" { format!("\"{value}\"") } else { value.to_owned() };
        if is_array { value } else { format!("{}: {value}", property["name"].as_str().unwrap_or_default()) }
    };
    let mut members: Vec<_> = preview["properties"].as_array()?.iter().map(shown).collect();
    if preview["overflow"] == true {
        members.push("…".to_owned());
    }
    let members = members.join(", ");
    Some(match is_array {
        true => format!("[{members}]"),
        false if members.is_empty() => "{}".to_owned(),
        false => format!("{{ {members} }}"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(args: Value, expected: &str) {
        assert_eq!(line(&args), expected, "{args}");
    }

    #[test]
    fn values_are_what_people_call_them() {
        let text = |text: &str| json!({ "type": "string", "value": text });
        let number = json!({ "type": "number", "value": 7, "description": "7" });
        check(json!([]), "");
        check(
            json!([text("a b"), number, { "type": "boolean", "value": true }, { "type": "undefined" }]),
            "a b 7 true undefined",
        );
        check(json!([{ "type": "object", "subtype": "null", "value": null }]), "null");
        check(json!([{ "type": "bigint", "unserializableValue": "7n" }]), "7n");
        check(
            json!([text("%s has %d, 100%% %cred"), text("cart"), number, text("color: red"), number]),
            "cart has 7, 100% red 7",
        );
        check(json!([text("100% %s")]), "100% %s");
        check(json!([text("%")]), "%");
        check(
            json!([{ "type": "object", "subtype": "error", "description": "Error: x\n    at a.js:1:2" }]),
            "Error: x\n    at a.js:1:2",
        );
        let member = |name: &str, kind: &str, value: &str| json!({ "name": name, "type": kind, "value": value });
        let object =
            json!({ "type": "object", "overflow": true, "properties": [member("a", "number", "1"), member("b", "string", "x")] });
        check(json!([{ "type": "object", "description": "Object", "preview": object }]), "{ a: 1, b: \"x\", … }");
        let array = json!({ "type": "object", "subtype": "array", "properties": [member("0", "number", "1"), member("1", "object", "Object")] });
        check(json!([{ "type": "object", "description": "Array(2)", "preview": array }]), "[1, Object]");
        check(json!(["nonsense", 7]), " ");
    }
}
