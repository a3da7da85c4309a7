//! Shapes of answers.

use super::shape::Shape;

pub(super) fn shapes() -> Vec<Shape> {
    [statuses(), reasons(), framing(), empty(), fields(), interim()].concat()
}

fn statuses() -> Vec<Shape> {
    let statuses = [
        200, 201, 202, 203, 206, 207, 208, 226, 299, 300, 301, 302, 303, 305, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407,
        408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 424, 425, 426, 428, 429, 431, 451, 499, 500, 501,
        502, 503, 504, 505, 506, 507, 508, 510, 511, 599, 999,
    ];
    let shape = |status: u16| {
        Shape::named(format!("status {status}")).answer(format!("HTTP/1.1 {status} Said So\r\nContent-Length: 2\r\n\r\nok"))
    };
    statuses.into_iter().map(shape).collect()
}

fn reasons() -> Vec<Shape> {
    let lines: [&[u8]; 4] = [b"200 OK", b"200 ", b"404 Nothing To See, Here!", b"200 ~ (\"a\") ~"];
    let shape = |line: &[u8]| {
        let answer = [b"HTTP/1.1 ", line, b"\r\nContent-Length: 2\r\n\r\nok"].concat();
        Shape::named(format!("reason of {}", String::from_utf8_lossy(line))).answer(answer)
    };
    lines.into_iter().map(shape).collect()
}

fn framing() -> Vec<Shape> {
    let long: String = "0123456789".repeat(30_000);
    let sized = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{long}", long.len());
    let chunked = |name: &str, body: &str| {
        Shape::named(format!("answer {name}")).answer(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}"))
    };
    let trailers = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n";
    vec![
        Shape::named("answer of 300 kB").answer(&sized),
        Shape::named("answer of length 0").answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        Shape::named("answer of one length twice").answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok"),
        Shape::named("answer in pieces of a byte")
            .answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\nok")
            .in_pieces(1),
        Shape::named("answer in pieces of 60 kB").answer(&sized).in_pieces(60_000),
        Shape::named("answer to the end").last_answer("HTTP/1.1 200 OK\r\n\r\nto the end"),
        Shape::named("answer to the end, closed").last_answer("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end"),
        Shape::named("answer to the end of nothing").last_answer("HTTP/1.1 200 OK\r\n\r\n"),
        Shape::named("answer to the end in pieces").last_answer("HTTP/1.1 200 OK\r\n\r\nto the end").in_pieces(7),
        Shape::named("answer of HTTP/1.0").last_answer("HTTP/1.0 200 OK\r\nX-A: b\r\n\r\nold"),
        Shape::named("answer of HTTP/1.0 with length").last_answer("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold"),
        Shape::named("answer of HTTP/1.0 kept alive")
            .answer("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nold"),
        Shape::named("answer with bare line ends").answer("HTTP/1.1 200 OK\nContent-Length: 2\n\nok"),
        Shape::named("answer with trailers").field("TE: trailers\r\nConnection: TE").answer(trailers),
        chunked("in no chunk", "0\r\n\r\n"),
        chunked("in one chunk", "2\r\nok\r\n0\r\n\r\n"),
        chunked("in two chunks", "1\r\no\r\n1\r\nk\r\n0\r\n\r\n"),
        chunked("in chunks of upper case", "A\r\n0123456789\r\n0\r\n\r\n"),
        chunked("in chunks with extensions", "2;a=b;c=\"d\"\r\nok\r\n0;e\r\n\r\n"),
        chunked("in chunks of leading zeros", "0002\r\nok\r\n00\r\n\r\n"),
        chunked("in chunks in pieces", "2\r\nok\r\n3\r\nay?\r\n0\r\n\r\n").in_pieces(3),
        chunked("in a long chunk", &format!("{:x}\r\n{long}\r\n0\r\n\r\n", long.len())),
    ]
}

/// Answers that have no body, whatever their fields say.
fn empty() -> Vec<Shape> {
    let head = |name: &str, fields: &str| {
        Shape::named(format!("HEAD {name}")).method("HEAD").answer(format!("HTTP/1.1 200 OK\r\n{fields}\r\n"))
    };
    vec![
        head("of a length", "Content-Length: 12345\r\n"),
        head("of length 0", "Content-Length: 0\r\n"),
        head("in chunks", "Transfer-Encoding: chunked\r\n"),
        head("of no length", "X-A: b\r\n"),
        Shape::named("HEAD of 404").method("HEAD").answer("HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n"),
        Shape::named("204").answer("HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n"),
        Shape::named("205").answer("HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"),
        Shape::named("304").answer("HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n"),
        Shape::named("304 of a length").answer("HTTP/1.1 304 Not Modified\r\nETag: W/\"a\"\r\nContent-Length: 12345\r\n\r\n"),
        Shape::named("304 asked for")
            .field("If-None-Match: \"a\"")
            .answer("HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nCache-Control: max-age=9\r\nVary: Accept\r\n\r\n"),
        Shape::named("206 of a range")
            .field("Range: bytes=0-1")
            .answer("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/10\r\nContent-Length: 2\r\n\r\nok"),
        Shape::named("206 of ranges").field("Range: bytes=0-0,2-2").answer(
            "HTTP/1.1 206 Partial Content\r\nContent-Type: multipart/byteranges; boundary=x\r\nContent-Length: 9\r\n\r\n--x\r\n\r\no--",
        ),
        Shape::named("416").answer("HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */10\r\nContent-Length: 0\r\n\r\n"),
    ]
}

fn fields() -> Vec<Shape> {
    let long = format!("X-Long: {}", "y".repeat(16 * 1024));
    let lines: [&[u8]; 58] = [
        b"Set-Cookie: a=1; Path=/; HttpOnly; SameSite=Lax\r\nSet-Cookie: b=2; Max-Age=60\r\nX-Between: 1\r\nSet-Cookie: a=3",
        b"Set-Cookie: a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Secure",
        b"Set-Cookie: __Host-id=1; Secure; Path=/",
        b"Set-Cookie: a=1; Domain=example.com",
        b"Set-Cookie: a=1; Domain=localhost",
        b"WWW-Authenticate: Basic realm=\"a\", Digest realm=\"b\"\r\nWWW-Authenticate: Bearer",
        b"Location: /elsewhere?a=b#c",
        b"Location: http://example.com:8080/x",
        b"Location: ../up",
        b"Location: http://localhost/here",
        b"Location: //example.com/x",
        b"Content-Location: /a.json",
        b"Refresh: 5; url=/later",
        b"Link: </a.css>; rel=preload; as=style, </b.js>; rel=preload; as=script",
        b"Link: <http://example.com/2>; rel=\"next\"",
        b"ETag: \"a\"",
        b"ETag: W/\"a\"",
        b"Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT",
        b"Date: Sun, 06 Nov 1994 08:49:37 GMT",
        b"Expires: 0",
        b"Age: 5",
        b"Cache-Control: private, no-store, max-age=0",
        b"Vary: Accept-Encoding, Cookie\r\nVary: Origin",
        b"Pragma: no-cache",
        b"Server: App/1.0 (x)",
        b"X-Powered-By: \xc3\xa4pp",
        b"Content-Type: application/json",
        b"Content-Type: text/plain; charset=\"utf-8\"",
        b"Content-Type: application/octet-stream",
        b"Content-Type: image/svg+xml",
        b"Content-Type: text/css\r\nSourceMap: a.css.map",
        b"Content-Type: text/javascript\r\nX-SourceMap: a.js.map",
        b"Content-Type: application/problem+json",
        b"Content-Type: text/html",
        b"Content-Type: nonsense",
        b"Content-Encoding: gzip",
        b"Content-Encoding: br, identity",
        b"Content-Language: de, en",
        b"Content-Disposition: attachment; filename*=UTF-8''%e2%82%ac.txt",
        b"Content-Security-Policy: default-src 'self'; script-src 'nonce-abc'",
        b"Content-Security-Policy-Report-Only: default-src 'none'",
        b"Accept-Ranges: bytes",
        b"Allow: GET, HEAD",
        b"Retry-After: 120",
        b"Access-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: X-A",
        b"Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Embedder-Policy: require-corp",
        b"Permissions-Policy: camera=()",
        b"Referrer-Policy: no-referrer",
        b"X-Frame-Options: DENY\r\nX-Content-Type-Options: nosniff",
        b"Server-Timing: db;dur=5.3;desc=\"x\", cache;desc=hit",
        b"Clear-Site-Data: \"cache\"",
        b"Timing-Allow-Origin: *",
        b"Alt-Svc: clear",
        b"Deprecation: @1688169599\r\nSunset: Sun, 06 Nov 1994 08:49:37 GMT",
        b"X-Empty:\r\nX-Blank:  \t ",
        b"X-Obs: \xe4\xf6\xfc\xff",
        b"X-Folded: a\r\n  b",
        b"x_under.score!#$%&'*+-^`|~9: MiXeD",
    ];
    let named = |line: &[u8]| Shape::named(format!("answer field {}", String::from_utf8_lossy(line))).answer_field(line);
    let many = (0..60).map(|n| format!("X-Many-{n}: {n}")).collect::<Vec<_>>().join("\r\n");
    let events =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n0\r\n\r\n";
    let others = [named(long.as_bytes()), named(many.as_bytes()), Shape::named("answer of events").answer(events).in_pieces(9)];
    lines.into_iter().map(named).chain(others).collect()
}

/// Answers with something said before.
fn interim() -> Vec<Shape> {
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload; as=style\r\nLink: </b.js>; rel=preload\r\n\r\n";
    let processing = "HTTP/1.1 102 Processing\r\n\r\n";
    vec![
        Shape::named("early hints").answer(format!("{hints}{ok}")),
        Shape::named("early hints in pieces").answer(format!("{hints}{ok}")).in_pieces(hints.len()),
        Shape::named("early hints twice").answer(format!("{hints}{hints}{ok}")).in_pieces(hints.len()),
        Shape::named("processing").answer(format!("{processing}{ok}")).in_pieces(processing.len()),
        Shape::named("early hints of POST").method("POST").sized("hello").answer(format!("{hints}{ok}")).in_pieces(hints.len()),
        Shape::named("early hints before the end").last_answer(format!("{hints}HTTP/1.1 200 OK\r\n\r\nto the end")),
    ]
}
