//! One exchange: what is asked, and what is answered.

/// The field that tells the app which shape a request is of.
pub(super) const NUMBER: &str = "x-shape";

/// How an answer is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    AtOnce,
    /// So many bytes at a time.
    InPieces(usize),
}

/// One exchange.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) name: String,
    pub(super) method: String,
    pub(super) target: String,
    /// The lines of the head but for those that every request has, each with its end.
    pub(super) fields: Vec<u8>,
    /// What follows the head.
    pub(super) body: Vec<u8>,
    /// The answer, byte for byte.
    pub(super) answer: Vec<u8>,
    pub(super) pace: Pace,
    /// Whether the app closes the connection after it.
    pub(super) closes: bool,
    /// Whether the app answers a request with `Expect` without wanting its body.
    pub(super) refuses: bool,
}

/// What most shapes are answered.
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";

impl Shape {
    /// A GET that is answered `ok`.
    pub(super) fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            method: "GET".into(),
            target: "/".into(),
            fields: Vec::new(),
            body: Vec::new(),
            answer: OK.to_vec(),
            pace: Pace::AtOnce,
            closes: false,
            refuses: false,
        }
    }

    pub(super) fn method(self, method: &str) -> Self {
        Self { method: method.into(), ..self }
    }

    pub(super) fn target(self, target: &str) -> Self {
        Self { target: target.into(), ..self }
    }

    /// More lines of the request's head.
    pub(super) fn field(mut self, line: impl AsRef<[u8]>) -> Self {
        self.fields.extend_from_slice(line.as_ref());
        self.fields.extend_from_slice(b"\r\n");
        self
    }

    /// What follows the request's head, framed by the fields that were given.
    pub(super) fn body(self, body: impl AsRef<[u8]>) -> Self {
        Self { body: body.as_ref().to_vec(), ..self }
    }

    /// A request body with its length.
    pub(super) fn sized(self, body: impl AsRef<[u8]>) -> Self {
        let length = body.as_ref().len();
        self.field(format!("Content-Length: {length}")).body(body)
    }

    pub(super) fn answer(self, answer: impl AsRef<[u8]>) -> Self {
        Self { answer: answer.as_ref().to_vec(), ..self }
    }

    /// An answer whose end is the connection's.
    pub(super) fn last_answer(self, answer: impl AsRef<[u8]>) -> Self {
        Self { closes: true, ..self.answer(answer) }
    }

    /// An `ok` with these further fields.
    pub(super) fn answer_field(self, line: impl AsRef<[u8]>) -> Self {
        let answer = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", line.as_ref(), b"\r\n\r\nok"].concat();
        self.answer(answer)
    }

    pub(super) fn in_pieces(self, length: usize) -> Self {
        Self { pace: Pace::InPieces(length), ..self }
    }

    pub(super) fn refused(self) -> Self {
        Self { refuses: true, ..self }
    }

    /// The request's head as it is sent directly and through.
    pub(super) fn head(&self, number: usize, host: &str) -> Vec<u8> {
        let Self { method, target, fields, .. } = self;
        let start = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{NUMBER}: {number}\r\n");
        [start.as_bytes(), fields, b"\r\n"].concat()
    }

    /// Whether the body waits for the app's leave.
    pub(super) fn waits(&self) -> bool {
        self.fields.to_ascii_lowercase().windows(7).any(|window| window == b"expect:")
    }
}
