//! Messages: a header that says what it is and whom it is for, and a body of values.
//!
//! The fixed part is 12 bytes: byte order, kind, flags, version, length of the body, number. Then comes an array of
//! fields, each a code and a variant; the body begins at the next multiple of eight.

use super::Answer;
use super::reader::{Malformed, Reader, Value};

/// The largest message that is read: the units of a machine that has 50,000. (The D-Bus specification allows 128 MiB.)
pub(super) const LARGEST: usize = 16 << 20;

/// The fixed part, and how long the fields are.
pub(super) const HEAD: usize = 16;

const METHOD_CALL: u8 = 1;
const METHOD_RETURN: u8 = 2;
const ERROR: u8 = 3;

/// Whom a call is for is asked only if it is there: what watches a machine starts nothing on it.
const NO_AUTO_START: u8 = 2;

const PATH: u8 = 1;
const INTERFACE: u8 = 2;
const MEMBER: u8 = 3;
const ERROR_NAME: u8 = 4;
const REPLY_SERIAL: u8 = 5;
const DESTINATION: u8 = 6;
const SIGNATURE: u8 = 8;

const VERSION: u8 = 1;

/// A method call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'c> {
    pub(super) destination: &'c str,
    pub(super) path: &'c str,
    pub(super) interface: &'c str,
    pub(super) member: &'c str,
    /// Two strings are all the arguments that are needed.
    pub(super) arguments: Option<(&'c str, &'c str)>,
}

/// A call that was answered with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal<'m> {
    /// As `org.freedesktop.DBus.Error.UnknownObject`.
    pub(crate) name: &'m str,
    /// For a person to read.
    pub(crate) text: &'m str,
}

impl<'c> Call<'c> {
    /// A method without arguments.
    pub(crate) fn method(destination: &'c str, path: &'c str, interface: &'c str, member: &'c str) -> Self {
        Self { destination, path, interface, member, arguments: None }
    }

    /// One property of an object.
    pub(crate) fn property(destination: &'c str, path: &'c str, interface: &'c str, name: &'c str) -> Self {
        Self {
            destination,
            path,
            interface: "org.freedesktop.DBus.Properties",
            member: "Get",
            arguments: Some((interface, name)),
        }
    }

    /// The same with two strings as its arguments.
    pub(crate) fn with(self, first: &'c str, second: &'c str) -> Self {
        Self { arguments: Some((first, second)), ..self }
    }

    /// Appends the message to `out`.
    pub(super) fn write(&self, serial: u32, out: &mut Vec<u8>) {
        let big_endian = cfg!(target_endian = "big");
        let mut writer = Writer::new(out);
        writer.out.extend([if big_endian { b'B' } else { b'l' }, METHOD_CALL, NO_AUTO_START, VERSION]);
        let body_length = writer.hole();
        writer.u32(serial);
        let fields_length = writer.hole();
        let fields = writer.position();
        for (code, kind, text) in [
            (PATH, b'o', self.path),
            (INTERFACE, b's', self.interface),
            (MEMBER, b's', self.member),
            (DESTINATION, b's', self.destination),
        ] {
            writer.align(8);
            writer.out.extend([code, 1, kind, 0]);
            writer.text(text);
        }
        if self.arguments.is_some() {
            writer.align(8);
            writer.out.extend([SIGNATURE, 1, b'g', 0, 2, b's', b's', 0]);
        }
        writer.fill(fields_length, writer.position() - fields);
        writer.align(8);
        let body = writer.position();
        if let Some((first, second)) = self.arguments {
            writer.text(first);
            writer.text(second);
        }
        writer.fill(body_length, writer.position() - body);
    }
}

/// Marshals values in the machine's byte order behind what `out` has already.
pub(crate) struct Writer<'o> {
    pub(crate) out: &'o mut Vec<u8>,
    start: usize,
}

impl<'o> Writer<'o> {
    pub(crate) fn new(out: &'o mut Vec<u8>) -> Self {
        let start = out.len();
        Self { out, start }
    }

    pub(crate) fn position(&self) -> usize {
        self.out.len() - self.start
    }

    pub(crate) fn align(&mut self, to: usize) {
        self.out.resize(self.start + self.position().next_multiple_of(to), 0);
    }

    pub(crate) fn u32(&mut self, number: u32) {
        self.align(4);
        self.out.extend(number.to_ne_bytes());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.u32(text.len() as u32);
        self.out.extend(text.as_bytes());
        self.out.push(0);
    }

    /// Room for a length that is not known yet.
    pub(crate) fn hole(&mut self) -> usize {
        self.u32(0);
        self.out.len() - 4
    }

    pub(crate) fn fill(&mut self, hole: usize, length: usize) {
        self.out[hole..hole + 4].copy_from_slice(&(length as u32).to_ne_bytes());
    }
}

/// How long the message is that begins with `head`.
pub(super) fn length(head: &[u8; HEAD]) -> Result<usize, Malformed> {
    let reader = Reader::new(head, is_big_endian(head[0])?, "");
    if head[3] != VERSION {
        return Err(Malformed::Header);
    }
    let body = reader.clone().at(4).u32()? as usize;
    let fields = reader.at(12).u32()? as usize;
    let whole = HEAD.checked_add(fields).map(|length| length.next_multiple_of(8));
    let whole = whole.and_then(|length| length.checked_add(body)).ok_or(Malformed::TooLarge)?;
    if whole > LARGEST { Err(Malformed::TooLarge) } else { Ok(whole) }
}

fn is_big_endian(order: u8) -> Result<bool, Malformed> {
    match order {
        b'l' => Ok(false),
        b'B' => Ok(true),
        _ => Err(Malformed::Header),
    }
}

/// Number of the call that a message answers, and the answer; `None` for a message that answers none.
pub(super) fn parse(message: &[u8]) -> Result<Option<(u32, Answer<'_>)>, Malformed> {
    let kind = *message.get(1).ok_or(Malformed::CutShort)?;
    let big_endian = is_big_endian(message[0])?;
    let mut header = Reader::new(message, big_endian, "").at(12);
    let mut fields = header.array(8)?;
    let (mut answers, mut error, mut signature) = (None, None, "");
    while !fields.is_at_end() {
        fields.align(8)?;
        match fields.byte()? {
            SIGNATURE => {
                if fields.signature()? != "g" {
                    return Err(Malformed::Header);
                }
                signature = fields.signature()?;
            }
            code => match (code, fields.variant()?) {
                (REPLY_SERIAL, Value::U32(number)) => answers = Some(number),
                (ERROR_NAME, Value::Text(name)) => error = Some(name),
                _ => {}
            },
        }
    }
    header.align(8)?;
    let body = message.get(header.position()..).ok_or(Malformed::CutShort)?;
    let mut body = Reader::new(body, big_endian, signature);
    let answer = match (kind, error) {
        (METHOD_RETURN, _) => Ok(body),
        (ERROR, Some(name)) => {
            let text = if signature.starts_with('s') { body.text()? } else { "" };
            Err(Refusal { name, text })
        }
        (ERROR, None) => return Err(Malformed::Header),
        _ => return Ok(None),
    };
    answers.map(|number| Some((number, answer))).ok_or(Malformed::Header)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fake;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_call_is_marshalled_as_the_specification_says() {
        let mut out = Vec::new();
        Call::property("d.e", "/p", "i.f", "Name").write(7, &mut out);
        let head = out.first_chunk().unwrap();
        assert_eq!(length(head).unwrap(), out.len());
        let told = fake::Asked::parse(&out);
        assert_eq!(told.serial, 7);
        assert_eq!((&*told.destination, &*told.path, &*told.member), ("d.e", "/p", "Get"));
        assert_eq!(told.arguments, Some(("i.f".to_owned(), "Name".to_owned())));
    }

    #[test]
    fn an_answer_names_its_call() {
        let message = fake::reply(3, "u", |body| body.u32(9));
        let (number, answer) = parse(&message).unwrap().unwrap();
        assert_eq!((number, answer.unwrap().u32()), (3, Ok(9)));
        let message = fake::refusal(4, "a.b", "no");
        let (number, answer) = parse(&message).unwrap().unwrap();
        assert_eq!((number, answer.unwrap_err()), (4, Refusal { name: "a.b", text: "no" }));
    }

    #[test]
    fn a_message_that_claims_to_be_huge_is_refused_before_it_is_read() {
        let mut head = *fake::reply(1, "", |_| {}).first_chunk().unwrap();
        head[4..8].copy_from_slice(&u32::MAX.to_ne_bytes());
        assert_eq!(length(&head), Err(Malformed::TooLarge));
        head[0] = b'?';
        assert_eq!(length(&head), Err(Malformed::Header));
    }

    proptest! {
        #[test]
        fn any_message_is_read_or_refused(
            cut in any::<proptest::sample::Index>(),
            flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
            bytes in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            let whole = fake::reply(3, "v", |body| fake::variant(body, &fake::Property::Text("x".into())));
            let mut mangled = whole[..=cut.index(whole.len())].to_vec();
            for (at, to) in flips {
                let at = at.index(mangled.len());
                mangled[at] = to;
            }
            for bytes in [&mangled, &bytes] {
                if let Some(head) = bytes.first_chunk() {
                    let _ = length(head);
                }
                if let Ok(Some((_, Ok(mut body)))) = parse(bytes) {
                    let _ = body.variant();
                }
            }
        }
    }
}
