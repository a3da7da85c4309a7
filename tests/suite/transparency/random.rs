//! Shapes that nobody thought of.

use super::shape::Shape;
use crate::harness::Random;

/// How many of them.
const COUNT: u64 = 120;

/// What values are made of.
const VALUE: &[u8] = b"abcXYZ019-_.~!#$%&'*+^`|;,=\"()<>@[]{}?/:\\ \xc3\xa4\xff";

/// What targets are made of.
const TARGET: &[u8] = b"abcXYZ019-_.~!$&'()*+,;=:@/";

pub(super) fn shapes() -> Vec<Shape> {
    let random = Random::seeded();
    (0..COUNT).map(|number| shape(&mut random.fork(number), number)).collect()
}

fn shape(random: &mut Random, number: u64) -> Shape {
    let method = pick(random, &["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]);
    let target = format!("/{}?{}", text(random, TARGET), text(random, TARGET));
    let mut shape = Shape::named(format!("random {number}")).method(method).target(&target);
    for name in 0..random.of(0..9) {
        shape = shape.field(field(random, name));
    }
    shape = match random.of(0..3) {
        0 => shape,
        1 => shape.sized(text(random, VALUE).repeat(usize::try_from(random.of(0..500)).expect("small"))),
        _ => {
            let body = chunks(random);
            shape.field("Transfer-Encoding: chunked").body(body)
        }
    };
    let mut head = format!("HTTP/1.1 {} Random\r\n", random.of(400..600)).into_bytes();
    for name in 0..random.of(0..9) {
        head.extend([field(random, name), b"\r\n".to_vec()].concat());
    }
    let answer = match random.of(0..3) {
        0 => {
            let body = text(random, VALUE).repeat(3);
            [head, format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes(), body.into_bytes()].concat()
        }
        1 => [head, b"Transfer-Encoding: chunked\r\n\r\n".to_vec(), chunks(random)].concat(),
        _ => return shape.last_answer([head, b"\r\nto the end".to_vec()].concat()),
    };
    match random.of(0..4) {
        0 => shape.answer(answer).in_pieces(usize::try_from(random.of(20..300)).expect("small")),
        _ => shape.answer(answer),
    }
}

/// A field of a name that several may have.
fn field(random: &mut Random, name: u64) -> Vec<u8> {
    let length = random.of(0..40);
    let value = (0..length).map(|_| VALUE[usize::try_from(random.of(0..VALUE.len() as u64)).expect("small")]);
    [format!("X-R{}: ", name % 4).into_bytes(), value.collect()].concat()
}

fn chunks(random: &mut Random) -> Vec<u8> {
    let mut body = Vec::new();
    for _ in 0..random.of(0..5) {
        let chunk = text(random, VALUE).repeat(usize::try_from(random.of(1..200)).expect("small"));
        if !chunk.is_empty() {
            body.extend(format!("{:x}\r\n{chunk}\r\n", chunk.len()).into_bytes());
        }
    }
    [body, b"0\r\n\r\n".to_vec()].concat()
}

fn text(random: &mut Random, letters: &[u8]) -> String {
    let letters: Vec<char> = letters.iter().filter(|letter| letter.is_ascii()).map(|&letter| letter.into()).collect();
    (0..random.of(0..30)).map(|_| letters[usize::try_from(random.of(0..letters.len() as u64)).expect("small")]).collect()
}

fn pick<'a>(random: &mut Random, of: &[&'a str]) -> &'a str {
    of[usize::try_from(random.of(0..of.len() as u64)).expect("small")]
}
