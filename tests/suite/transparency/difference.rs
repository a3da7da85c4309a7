//! What may differ between an exchange that went through Everlit and the same one without.

use std::collections::BTreeMap;

use super::wire::{Field, Message};

/// An exchange as its two ends know it.
#[derive(Clone, Debug, Default)]
pub(super) struct Exchange {
    /// What the app got.
    pub(super) request: Message,
    /// What the browser got before the answer.
    pub(super) interim: Vec<Message>,
    /// What the browser got.
    pub(super) answer: Message,
}

/// Fields of requests that are the connection's, or that say who asked through whom.
pub(super) const OF_REQUESTS: [&str; 10] = [
    "connection",
    "content-length",
    "forwarded",
    "transfer-encoding",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    // For pages alone: ours cannot be put into one that is compressed.
    "accept-encoding",
];

/// Fields of answers that are the connection's, or that say through whom they came.
pub(super) const OF_ANSWERS: [&str; 8] = [
    "connection",
    "content-length",
    "everlit-generation",
    "everlit-inject",
    "keep-alive",
    // Ours stands in a line behind the app's.
    "server-timing",
    "transfer-encoding",
    "via",
];

/// What is not the same, one line each.
pub(super) fn differences(direct: &Exchange, through: &Exchange, is_page: bool) -> Vec<String> {
    let of_requests = if is_page { &OF_REQUESTS[..] } else { &OF_REQUESTS[..OF_REQUESTS.len() - 1] };
    let mut found = messages("the app's request", &direct.request, &through.request, of_requests);
    if direct.interim.len() != through.interim.len() {
        found.push(format!("interim answers: {} directly, {} through", direct.interim.len(), through.interim.len()));
    }
    for (direct, through) in direct.interim.iter().zip(&through.interim) {
        found.extend(messages("an interim answer", direct, through, &["via"]));
    }
    found.extend(messages("the answer", &direct.answer, &through.answer, &OF_ANSWERS));
    found.extend(added_date(direct, through));
    found
}

/// A server says when it answers if the app did not (RFC 9110 §6.6.1).
fn added_date(direct: &Exchange, through: &Exchange) -> Option<String> {
    let date = |exchange: &Exchange| exchange.answer.fields.iter().find(|(name, _)| name == "date").map(|(_, date)| date.clone());
    let (said, got) = (date(direct), date(through));
    (said.is_some() && said != got).then(|| format!("the date is {got:?} instead of {said:?}"))
}

fn messages(which: &str, direct: &Message, through: &Message, allowed: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    if start(&direct.start) != start(&through.start) {
        found.push(format!("{which} begins {:?} instead of {:?}", through.start, direct.start));
    }
    if direct.body != through.body {
        found.push(format!("{which} has a body of {} bytes instead of {}", through.body.len(), direct.body.len()));
    }
    for (part, direct, through) in [("field", &direct.fields, &through.fields), ("trailer", &direct.trailers, &through.trailers)]
    {
        let (direct, through) = (grouped(direct, allowed), grouped(through, allowed));
        for name in direct.keys().chain(through.keys().filter(|name| !direct.contains_key(*name))) {
            let (one, other) = (direct.get(name), through.get(name));
            if one != other {
                found.push(format!("{which}: the {part} {name} is {} instead of {}", shown(other), shown(one)));
            }
        }
    }
    found
}

/// A start line but for the version, which is of each connection.
fn start(line: &str) -> String {
    line.trim_end().replace("HTTP/1.0", "HTTP/1.1")
}

/// The values of each name, in order.
fn grouped<'m>(fields: &'m [Field], allowed: &[&str]) -> BTreeMap<&'m str, Vec<&'m [u8]>> {
    let mut grouped: BTreeMap<&str, Vec<&[u8]>> = BTreeMap::new();
    for (name, value) in fields.iter().filter(|(name, _)| name != "date" && !allowed.contains(&name.as_str())) {
        grouped.entry(name).or_default().push(value);
    }
    grouped
}

fn shown(values: Option<&Vec<&[u8]>>) -> String {
    let Some(values) = values else { return "missing".to_owned() };
    values.iter().map(|value| format!("{:.80?}", String::from_utf8_lossy(value))).collect::<Vec<_>>().join(", ")
}
