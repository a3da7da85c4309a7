//! Messages of multicast DNS (RFC 1035 §4, RFC 6762 §18): what one says about a name, and what is said of ours. Pure.
//!
//! What arrives may be anything: every place in it is looked up with its bounds, a name's pointers lead backwards only, and what cannot be
//! read is no message.

use std::net::Ipv4Addr;

/// An address of IPv4.
pub(super) const A: u16 = 1;
/// Which kinds of record a name has (RFC 6762 §6.1).
const NSEC: u16 = 47;
/// Every kind.
const ANY: u16 = 255;
/// The internet.
const IN: u16 = 1;

/// The bit of a question's class that asks for an answer to the asker alone, and of a record's that ends what was known before.
const TOP: u16 = 0x8000;
/// The flags of an answer, which is always an authority's.
const ANSWER: u16 = 0x8400;

/// How long an address is good, in seconds (RFC 6762 §10).
const LIFE: u32 = 120;
/// The same for those that know nothing of multicast (§6.7).
const LEGACY_LIFE: u32 = 10;

/// The longest name there is, in bytes.
const LONGEST_NAME: usize = 255;

/// A label that leads to another place.
const POINTER: u8 = 0xc0;

/// What a message says of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) id: u16,
    pub(super) is_answer: bool,
    /// Whether it is asked for, by whatever kind.
    pub(super) is_asked: bool,
    /// Whether whoever asks wants the answer for themselves.
    pub(super) is_private: bool,
    /// What it is asked for as, by the first question.
    pub(super) kind: u16,
    /// The addresses that somebody says it has, goodbyes left out.
    pub(super) claims: Vec<Ipv4Addr>,
}

/// What a message says of `name`, which is in lower case; `None` for none.
pub(super) fn parse(bytes: &[u8], name: &str) -> Option<Heard> {
    let mut reader = Reader { bytes, at: 0 };
    let (id, flags) = (reader.u16()?, reader.u16()?);
    let counts = [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
    let mut heard = Heard { id, is_answer: flags & 0x8000 != 0, ..Heard::default() };
    for _ in 0..counts[0] {
        let (asked, kind, class) = (reader.name()?, reader.u16()?, reader.u16()?);
        if asked == name && matches!(class & !TOP, IN | ANY) {
            heard.kind = if heard.is_asked { heard.kind } else { kind };
            heard.is_private |= class & TOP != 0;
            heard.is_asked = true;
        }
    }
    let records: u32 = counts[1..].iter().copied().map(u32::from).sum();
    for _ in 0..records {
        let (named, kind, class) = (reader.name()?, reader.u16()?, reader.u16()?);
        let life = reader.u32()?;
        let length = reader.u16()?;
        let data = reader.take(usize::from(length))?;
        if named == name && kind == A && class & !TOP == IN && life > 0 {
            heard.claims.push(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?));
        }
    }
    Some(heard)
}

/// Asks whether anybody has the name, and says who wants it (RFC 6762 §8.1).
pub(super) fn probe(name: &str, address: Ipv4Addr) -> Vec<u8> {
    let mut writer = Writer::new(0, 0, [1, 0, 1, 0]);
    writer.question(name, ANY, IN | TOP);
    writer.address(name, IN, LIFE, address);
    writer.0
}

/// Says whose the name is, and that it has no address of IPv6.
pub(super) fn answer(name: &str, address: Ipv4Addr) -> Vec<u8> {
    let mut writer = Writer::new(0, ANSWER, [0, 1, 0, 1]);
    writer.address(name, IN | TOP, LIFE, address);
    writer.kinds(name);
    writer.0
}

/// The same to somebody who asks as of an ordinary server (§6.7).
pub(super) fn legacy_answer(name: &str, address: Ipv4Addr, heard: &Heard) -> Vec<u8> {
    let answers = u16::from(matches!(heard.kind, A | ANY));
    let mut writer = Writer::new(heard.id, ANSWER, [1, answers, 0, 0]);
    writer.question(name, heard.kind, IN);
    if answers > 0 {
        writer.address(name, IN, LEGACY_LIFE, address);
    }
    writer.0
}

/// Says that the name is nobody's any more (§10.1).
pub(super) fn goodbye(name: &str, address: Ipv4Addr) -> Vec<u8> {
    let mut writer = Writer::new(0, ANSWER, [0, 1, 0, 0]);
    writer.address(name, IN | TOP, 0, address);
    writer.0
}

struct Writer(Vec<u8>);

impl Writer {
    fn new(id: u16, flags: u16, counts: [u16; 4]) -> Self {
        let mut writer = Self(Vec::new());
        [id, flags].into_iter().chain(counts).for_each(|word| writer.u16(word));
        writer
    }

    fn u16(&mut self, word: u16) {
        self.0.extend(word.to_be_bytes());
    }

    fn name(&mut self, name: &str) {
        for label in name.split('.') {
            self.0.push(u8::try_from(label.len()).unwrap_or_default());
            self.0.extend(label.as_bytes());
        }
        self.0.push(0);
    }

    fn question(&mut self, name: &str, kind: u16, class: u16) {
        self.name(name);
        self.u16(kind);
        self.u16(class);
    }

    fn record(&mut self, name: &str, kind: u16, class: u16, life: u32, data: &[u8]) {
        self.question(name, kind, class);
        self.0.extend(life.to_be_bytes());
        self.u16(u16::try_from(data.len()).unwrap_or_default());
        self.0.extend(data);
    }

    fn address(&mut self, name: &str, class: u16, life: u32, address: Ipv4Addr) {
        self.record(name, A, class, life, &address.octets());
    }

    /// That there are addresses of IPv4 and nothing else: whoever asks for those of IPv6 need not wait for them (RFC 6762 §6.1).
    fn kinds(&mut self, name: &str) {
        let mut data = Self(Vec::new());
        data.name(name);
        data.0.extend([0, 1, 0x80 >> A]);
        self.record(name, NSEC, IN | TOP, LIFE, &data.0);
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from(self.u16()?) << 16 | u32::from(self.u16()?))
    }

    /// A name, in lower case. What is no text in it is none of ours.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        // Where to go on after the first pointer.
        let mut after = None;
        let mut start = self.at;
        loop {
            match self.u8()? {
                0 => break,
                length if length & POINTER == POINTER => {
                    let to = usize::from(length & !POINTER) << 8 | usize::from(self.u8()?);
                    after = after.or(Some(self.at));
                    if to >= start {
                        return None;
                    }
                    (self.at, start) = (to, to);
                }
                length if length & POINTER == 0 => {
                    let label = self.take(usize::from(length))?;
                    if !name.is_empty() {
                        name.push('.');
                    }
                    name.push_str(&String::from_utf8_lossy(label).to_ascii_lowercase());
                    if name.len() > LONGEST_NAME {
                        return None;
                    }
                }
                _ => return None,
            }
        }
        self.at = after.unwrap_or(self.at);
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAME: &str = "shop.local";
    const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 20);

    fn question(text: &[u8], kind: u16, class: u16) -> Vec<u8> {
        let mut writer = Writer::new(7, 0, [1, 0, 0, 0]);
        writer.0.extend(text);
        writer.u16(kind);
        writer.u16(class);
        writer.0
    }

    #[test]
    fn what_is_written_can_be_read() {
        let claims = vec![ADDRESS];
        let check = |bytes: Vec<u8>, expected: Heard| assert_eq!(parse(&bytes, NAME), Some(expected), "{bytes:?}");
        let asked = Heard { is_asked: true, is_private: true, kind: ANY, claims: claims.clone(), ..Heard::default() };
        check(probe(NAME, ADDRESS), asked);
        check(answer(NAME, ADDRESS), Heard { is_answer: true, claims: claims.clone(), ..Heard::default() });
        check(goodbye(NAME, ADDRESS), Heard { is_answer: true, ..Heard::default() });
        let asked = Heard { id: 7, is_asked: true, kind: A, ..Heard::default() };
        let answered = Heard { is_answer: true, claims, ..asked.clone() };
        check(legacy_answer(NAME, ADDRESS, &asked), answered);
        let other = Heard { kind: 28, ..asked };
        check(legacy_answer(NAME, ADDRESS, &other), Heard { is_answer: true, ..other.clone() });
        assert_eq!(parse(&answer(NAME, ADDRESS), "blog.local"), Some(Heard { is_answer: true, ..Heard::default() }));
    }

    #[test]
    fn names_are_told_apart_whatever_their_case() {
        let check = |text: &[u8], class: u16, expected: Option<bool>| {
            assert_eq!(parse(&question(text, A, class), NAME).map(|heard| heard.is_asked), expected, "{text:?}");
        };
        check(b"\x04Shop\x05LOCAL\x00", IN, Some(true));
        check(b"\x04shop\x05local\x00", IN | TOP, Some(true));
        check(b"\x04shop\x05local\x00", 3, Some(false));
        check(b"\x04shop\x00", IN, Some(false));
        check(b"\x05shop.\x05local\x00", IN, Some(false));
        check(b"\x04shop\x05local", IN, None);
        // A pointer to itself, one forward, and a kind of label that does not exist.
        check(b"\xc0\x0c", IN, None);
        check(b"\xc0\x20", IN, None);
        check(b"\x80\x00", IN, None);
    }

    #[test]
    fn a_name_may_begin_elsewhere() {
        let mut bytes = question(b"\x04shop\x05local\x00", A, IN);
        bytes[5] = 2;
        // `local` of the first one, behind a word of its own; then the whole first one.
        bytes.extend(b"\x04blog\xc0\x11\x00\x01\x00\x01");
        assert_eq!(parse(&bytes, "blog.local").map(|heard| heard.is_asked), Some(true));
    }

    proptest! {
        #[test]
        fn anything_may_arrive(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = parse(&bytes, NAME);
        }

        #[test]
        fn and_anything_that_looks_like_a_message(at in 0usize..80, byte: u8) {
            let mut bytes = answer(NAME, ADDRESS);
            if let Some(there) = bytes.get_mut(at) {
                *there = byte;
            }
            let _ = parse(&bytes, NAME);
        }
    }
}
