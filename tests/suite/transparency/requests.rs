//! Shapes of requests.

use super::shape::Shape;

pub(super) fn shapes() -> Vec<Shape> {
    [methods(), targets(), fields(), bodies(), expectations()].concat()
}

fn methods() -> Vec<Shape> {
    let methods = [
        "GET",
        "POST",
        "PUT",
        "PATCH",
        "DELETE",
        "OPTIONS",
        "PROPFIND",
        "PROPPATCH",
        "MKCOL",
        "COPY",
        "MOVE",
        "LOCK",
        "UNLOCK",
        "REPORT",
        "SEARCH",
        "PURGE",
        "QUERY",
        "M-SEARCH",
        "get",
        "Foo",
        "A!#$%&'*+-.^_`|~9",
    ];
    let shape = |method: &&str| Shape::named(format!("method {method}")).method(method);
    let without_body = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n";
    let head = Shape::named("method HEAD").method("HEAD").answer(without_body);
    methods.iter().map(shape).chain([head]).collect()
}

fn targets() -> Vec<Shape> {
    let long = format!("/{}?{}", "a".repeat(3000), "b=c&".repeat(1000));
    let targets = [
        "/",
        "/a",
        "/a/",
        "/a/b/c.txt",
        "//double",
        "/a//b",
        "/./a",
        "/a/../b",
        "/a/.",
        "/%2e%2e/x",
        "/a%2Fb",
        "/a%2fb",
        "/a%20b",
        "/%41",
        "/%E4%FC",
        "/%C3%A4",
        "/~user",
        "/a;b=c",
        "/a,b",
        "/a:b@c",
        "/a+b",
        "/!$&'()*",
        "/?",
        "/?a",
        "/?a=b&c=d",
        "/a?b?c",
        "/?a[]=1&b={}",
        "/?q=%20+%2B",
        "/?next=http://localhost/x",
        "/?a=/../b",
        "/http://example.com/",
        "/up@example.com/",
        "/a|b",
        "/?a|b",
        "/a=b",
        "/index.html",
        "/favicon.ico",
        "/api/v1/things/7",
        "/socket.io/?EIO=4&transport=polling",
        "/@vite/client",
        "/node_modules/.vite/deps/x.js?v=12345678",
        "/__webpack_hmr",
        &long,
    ];
    let shape = |target: &&str| Shape::named(format!("target {:.40}", target)).target(target);
    targets.iter().map(shape).collect()
}

fn fields() -> Vec<Shape> {
    let long = format!("X-Long: {}", "y".repeat(16 * 1024));
    let lines: [&[u8]; 44] = [
        b"Accept: */*",
        b"Accept: text/html;q=0.9, application/json;q=1, */*;q=0.1",
        b"Accept: application/json",
        b"Accept-Encoding: gzip, deflate, br, zstd",
        b"Accept-Encoding: identity;q=0",
        b"Accept-Language: de-CH, de;q=0.9, *;q=0.1",
        b"Accept-Charset: utf-8",
        b"Authorization: Basic dXNlcjpwYXNz",
        b"Authorization: Bearer a.b.c",
        b"Cookie: a=1; b=\"2\"; c=3==",
        b"Cookie: ",
        b"User-Agent: Mozilla/5.0 (X11; Linux) \xc3\xa4",
        b"Referer: http://localhost/a?b#c",
        b"Origin: http://localhost",
        b"Cache-Control: no-cache, max-age=0",
        b"Pragma: no-cache",
        b"If-None-Match: \"a\", W/\"b\"",
        b"If-Match: *",
        b"If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
        b"If-Unmodified-Since: nonsense",
        b"If-Range: \"a\"",
        b"Range: bytes=0-4",
        b"Range: bytes=-5, 0-0",
        b"Range: lines=1-2",
        b"Max-Forwards: 3",
        b"From: a@example.com",
        b"Prefer: return=minimal, wait=10",
        b"DNT: 1",
        b"Sec-Fetch-Dest: script\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Site: same-origin",
        b"Sec-CH-UA: \"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\"",
        b"Upgrade-Insecure-Requests: 1",
        b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        b"X-Requested-With: XMLHttpRequest",
        b"X-Twice: 1\r\nX-Twice: 2\r\nX-Between: 3\r\nX-Twice: 1",
        b"X-Empty:",
        b"X-Blank:    \t  ",
        b"X-Padded: \t a b \t ",
        b"X-Tight:a",
        b"X-Obs: \xe4\xf6\xfc\xff",
        b"X-Quoted: \"a\\\"b,c\", d",
        b"x_under.score!#$%&'*+-^`|~9: 1",
        b"X-CASED-Name: MiXeD",
        b"Priority: u=1, i",
        b"Digest: sha-256=abc=",
    ];
    let named = |line: &[u8]| Shape::named(format!("request field {}", String::from_utf8_lossy(line))).field(line);
    let many = (0..60).fold(Shape::named("many request fields"), |shape, n| shape.field(format!("X-Many-{n}: {n}")));
    let trailers = Shape::named("request field TE").field("TE: trailers\r\nConnection: TE");
    lines.into_iter().map(named).chain([named(long.as_bytes()), many, trailers]).collect()
}

fn bodies() -> Vec<Shape> {
    let binary: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let form = "a=1&b=%20&c=";
    let parts = "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\nhi\r\n--x--\r\n";
    let post = |name: &str| Shape::named(format!("body {name}")).method("POST");
    let chunked = |name: &str, body: &[u8]| post(name).field("Transfer-Encoding: chunked").body(body);
    vec![
        post("of no length"),
        post("of length 0").sized(""),
        post("of length 1").sized("x"),
        post("with a head in it").sized("GET / HTTP/1.1\r\n\r\n"),
        post("of all bytes").sized(&binary),
        post("json").field("Content-Type: application/json; charset=utf-8").sized("{\"a\": [1, 2.50]}\n"),
        post("form").field("Content-Type: application/x-www-form-urlencoded").sized(form),
        post("multipart").field("Content-Type: multipart/form-data; boundary=x").sized(parts),
        post("encoded").field("Content-Encoding: gzip").sized(b"\x1f\x8b\x08\x00garbage"),
        post("grpc-web").field("Content-Type: application/grpc-web+proto").sized(b"\x00\x00\x00\x00\x02\x08\x01"),
        Shape::named("body of GET").sized("x"),
        Shape::named("body of DELETE").method("DELETE").sized("{}"),
        Shape::named("body of OPTIONS").method("OPTIONS").sized("x"),
        Shape::named("body of PUT").method("PUT").sized("text"),
        Shape::named("no body of PUT").method("PUT").sized(""),
        Shape::named("no body of DELETE").method("DELETE").sized(""),
        chunked("in no chunk", b"0\r\n\r\n"),
        chunked("in one chunk", b"5\r\nhello\r\n0\r\n\r\n"),
        chunked("in three chunks", b"1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n"),
        chunked("in a chunk of upper case", b"A\r\n0123456789\r\n0\r\n\r\n"),
        chunked("in a chunk of leading zeros", b"0005\r\nhello\r\n000\r\n\r\n"),
        chunked("in a chunk with an extension", b"5;name=value;x\r\nhello\r\n0;last\r\n\r\n"),
        chunked("in a chunk with line ends", b"6\r\na\r\n\r\nb\r\n0\r\n\r\n"),
        post("with trailers")
            .field("Transfer-Encoding: chunked\r\nTrailer: X-Sum, X-More")
            .body(b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n"),
        Shape::named("chunked GET").field("Transfer-Encoding: chunked").body(b"1\r\nx\r\n0\r\n\r\n"),
    ]
}

fn expectations() -> Vec<Shape> {
    let post = |name: &str| Shape::named(name).method("POST").field("Expect: 100-continue");
    let refusal = |status: &str| format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
    vec![
        post("expectation met").sized("hello"),
        post("expectation met in chunks").field("Transfer-Encoding: chunked").body(b"5\r\nhello\r\n0\r\n\r\n"),
        post("expectation refused 417").sized("hello").refused().last_answer(refusal("417 Expectation Failed")),
        post("expectation refused 413").sized("hello").refused().last_answer(refusal("413 Content Too Large")),
        post("expectation refused 401").sized("hello").refused().last_answer(refusal("401 Unauthorized")),
    ]
}
