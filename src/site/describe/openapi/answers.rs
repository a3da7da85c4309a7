//! Answers: representations with their headers, and refusals as problem details (RFC 9457).

use serde_json::{Map, Value, json};

use super::{reference, version::Version};
use crate::{negotiate::Representation, site::describe::Api};

/// One way to be refused, the same for all resources.
struct Refusal {
    /// The name of its component.
    name: &'static str,
    status: u16,
    title: &'static str,
    when: &'static str,
    detail: &'static str,
}

/// All refusals. Those of writes alone come after [`FIRST_OF_WRITES`].
const REFUSALS: [Refusal; 16] = [
    Refusal {
        name: "BadQuery",
        status: 400,
        title: "Bad Request",
        when: "A parameter is not what it should be",
        detail: "the parameter _page is not a number from 1",
    },
    Refusal { name: "NotFound", status: 404, title: "Not Found", when: "There is no such item", detail: "there is no such item" },
    Refusal {
        name: "NotAcceptable",
        status: 406,
        title: "Not Acceptable",
        when: "The request takes none of the media types there are",
        detail: "this address has none of the media types the request takes",
    },
    Refusal {
        name: "PreconditionFailed",
        status: 412,
        title: "Precondition Failed",
        when: "The state is not the one that a condition of the request names",
        detail: "what is here now is not what the request's condition names",
    },
    Refusal {
        name: FIRST_OF_WRITES,
        status: 400,
        title: "Bad Request",
        when: "The body is no JSON, or not the kind of value that is taken here",
        detail: "the body is not as it should be: expected `,` or `}`",
    },
    Refusal {
        name: "BadPath",
        status: 400,
        title: "Bad Request",
        when: "The path is malformed, or a parameter is not what it should be",
        detail: "the path has an escape that stands for nothing",
    },
    Refusal {
        name: "Forbidden",
        status: 403,
        title: "Forbidden",
        when: "The request comes from a page of another origin",
        detail: "pages of another origin may not write; see `[cors] origins`",
    },
    Refusal {
        name: "TooSlow",
        status: 408,
        title: "Request Timeout",
        when: "The body did not arrive in time",
        detail: "the body did not arrive in time",
    },
    Refusal {
        name: CONFLICT,
        status: 409,
        title: "Conflict",
        when: "The id is taken or would change, the test of a patch failed, the first request with the same key is under way, or \
               the data file is being edited by hand",
        detail: "there is already an item with the id 7",
    },
    Refusal {
        name: "TooLarge",
        status: 413,
        title: "Content Too Large",
        when: "The body is too long",
        detail: "the body is longer than 8388608 bytes",
    },
    Refusal {
        name: NO_BODY_TYPE,
        status: 415,
        title: "Unsupported Media Type",
        when: "The body is of no type that is taken here",
        detail: "the body does not have a type this resource takes; send application/json",
    },
    Refusal {
        name: NO_TYPE_TO_PUT,
        status: 415,
        title: "Unsupported Media Type",
        when: "The body is of no type that is taken here",
        detail: "the body does not have a type this resource takes; send application/json",
    },
    Refusal {
        name: NO_PATCH_TYPE,
        status: 415,
        title: "Unsupported Media Type",
        when: "The body is no kind of patch that is taken here",
        detail: "the body does not have a type this resource takes; send application/merge-patch+json",
    },
    Refusal {
        name: UNPROCESSABLE,
        status: 422,
        title: "Unprocessable Content",
        when: "The schema or the version does not allow it, a patch does not fit, or the key stands for another body",
        detail: "the item is not what the schema of the resource asks for",
    },
    Refusal {
        name: UNAVAILABLE,
        status: 503,
        title: "Service Unavailable",
        when: "It cannot be written now; nothing was changed",
        detail: "the data file could not be written",
    },
    Refusal {
        name: "DiskFull",
        status: 507,
        title: "Insufficient Storage",
        when: "There is no room on the disk; nothing was changed",
        detail: "the data file could not be written: no space left on device",
    },
];

const FIRST_OF_WRITES: &str = "BadBody";
const NO_BODY_TYPE: &str = "NoBodyType";
const NO_TYPE_TO_PUT: &str = "NoTypeToPut";
const NO_PATCH_TYPE: &str = "NoPatchType";
const UNPROCESSABLE: &str = "Unprocessable";
const CONFLICT: &str = "Conflict";
const UNAVAILABLE: &str = "Unavailable";

/// The name of the one example that a body has.
pub(crate) const SAMPLE: &str = "sample";

/// The components of all refusals, and of the answer that has no body because the client has it.
pub(super) fn refusals(api: &Api) -> Map<String, Value> {
    let not_modified = json!({
        "description": "The client has it already",
        "headers": references(&["ETag", "Vary", "Last-Modified", "Link"]),
    });
    let reads = REFUSALS.iter().take_while(|refusal| refusal.name != FIRST_OF_WRITES).count();
    let told = if api.writable { REFUSALS.len() } else { reads };
    let refusals = REFUSALS.iter().take(told).map(|refusal| (refusal.name.to_owned(), refusal.component()));
    std::iter::once(("NotModified".to_owned(), not_modified)).chain(refusals).collect()
}

impl Refusal {
    fn component(&self) -> Value {
        let mut answer = json!({
            "description": self.when,
            "content": {
                "application/problem+json": {"schema": reference("schemas", "Problem"), "example": self.example()},
                "text/html": {"schema": {"type": "string"}},
            },
        });
        let header = match self.name {
            NO_BODY_TYPE => "Accept-Post",
            NO_TYPE_TO_PUT => "Accept",
            NO_PATCH_TYPE => "Accept-Patch",
            UNAVAILABLE | CONFLICT => "Retry-After",
            _ => return answer,
        };
        answer["headers"] = references(&[header]);
        answer
    }

    fn example(&self) -> Value {
        let mut example = json!({"type": "about:blank", "title": self.title, "status": self.status, "detail": self.detail});
        match self.name {
            FIRST_OF_WRITES => {
                example["line"] = json!(3);
                example["column"] = json!(14);
            }
            "NotAcceptable" => example["available"] = json!(["application/json"]),
            UNPROCESSABLE => example["errors"] = json!([{"pointer": "/name", "detail": "is not a text"}]),
            _ => (),
        }
        example
    }
}

/// The statuses of these refusals, as the member `responses` has them.
pub(super) fn refused(names: &[&str]) -> Map<String, Value> {
    let known = names.iter().filter_map(|name| REFUSALS.iter().find(|refusal| refusal.name == *name));
    known.map(|refusal| (refusal.status.to_string(), reference("responses", refusal.name))).collect()
}

/// RFC 9457 §3.1, and the members that refusals add.
pub(super) fn problem() -> Value {
    let error = json!({
        "type": "object",
        "required": ["pointer", "detail"],
        "properties": {
            "pointer": {"type": "string", "description": "where in the body, a JSON Pointer (RFC 6901)"},
            "detail": {"type": "string"},
        },
    });
    let place = json!({"type": "integer", "minimum": 0});
    json!({
        "type": "object",
        "description": "Why a request is not done (RFC 9457)",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string", "description": "what is wrong and what to do about it"},
            "line": place,
            "column": place,
            "errors": {"type": "array", "items": error, "description": "what is wrong with each member"},
            "available": {"type": "array", "items": {"type": "string"}, "description": "the media types there are"},
        },
    })
}

/// Headers of answers.
pub(super) fn headers(api: &Api) -> Map<String, Value> {
    let text = json!({"type": "string"});
    let header =
        |name: &str, schema: &Value, description: &str| (name.to_owned(), json!({"schema": schema, "description": description}));
    let always = |(name, mut header): (String, Value)| {
        header["required"] = true.into();
        (name, header)
    };
    let tag = json!({"type": "string", "pattern": "^\"[^\"]+\"$"});
    let of_reads = [
        always(header("ETag", &tag, "Names this state of this representation (RFC 9110 §8.8.3)")),
        always(header("Vary", &text, "The request's headers that were looked at")),
        header("Last-Modified", &text, "When it changed last (RFC 9110 §8.8.2)"),
        header("Link", &text, "Other pages, versions and types of the same (RFC 8288)"),
        always(header("X-Total-Count", &json!({"type": "integer", "minimum": 0}), "Items on all pages")),
        header("Deprecation", &text, "Since when this version is deprecated (RFC 9745)"),
        header("Sunset", &text, "When this version goes away (RFC 8594)"),
    ];
    let of_writes = [
        header("Location", &json!({"type": "string", "format": "uri-reference"}), "The address of the one new item"),
        header("Idempotent-Replayed", &text, "`true` where the answer is the one to an earlier request with the same key"),
        always(header("Accept-Post", &text, "The media types that are taken")),
        always(header("Accept", &text, "The media types that are taken (RFC 9110 §15.5.16)")),
        always(header("Accept-Patch", &text, "The media types that are taken (RFC 5789 §3.1)")),
        header("Retry-After", &text, "Seconds to wait"),
    ];
    let of_writes = of_writes.into_iter().filter(|_| api.writable);
    of_reads.into_iter().chain(of_writes).collect()
}

/// A JSON answer in any of the representations of an address.
pub(super) fn shown(description: &str, content: Map<String, Value>, headers: &[&str]) -> Value {
    json!({"description": description, "headers": references(headers), "content": content})
}

/// The same for each version of an address: its schema, and what is an example of it.
pub(super) fn content(
    offers: &[Representation],
    versions: &[Version<'_>],
    schema: impl Fn(&Version<'_>) -> Value,
    example: impl Fn(&Version<'_>) -> Option<Value>,
) -> Map<String, Value> {
    let offers = offers.iter().filter_map(|offer| {
        let version = versions.iter().find(|version| offer.version == Some(version.facts.number))?;
        Some((offer.to_string(), media(schema(version), example(version))))
    });
    offers.collect()
}

/// What a body of one type is, with a reference to an example.
pub(super) fn media(schema: Value, example: Option<Value>) -> Value {
    let mut media = json!({"schema": schema});
    if let Some(example) = example {
        media["examples"] = json!({SAMPLE: example});
    }
    media
}

fn references(headers: &[&str]) -> Value {
    let headers = headers.iter().map(|name| ((*name).to_owned(), reference("headers", name)));
    Value::Object(headers.collect())
}
