//! Attributes, read where they are encoded: a record is looked into without building anything from it.
//!
//! It reads what [`super::attributes`] wrote. Where bytes are no attributes it ends early; it never panics.

mod json;

use std::ops::Range;

use super::wire::{FIXED64, LEN, VARINT, varint};

/// `repeated KeyValue`, encoded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attributes<'a> {
    bytes: &'a [u8],
    /// The field number of each; others are passed over.
    field: u32,
}

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyValue<'a> {
    /// Its name.
    pub key: &'a str,
    /// Its value.
    pub value: Value<'a>,
    /// Where it stands in the bytes, with its tag and length.
    pub span: Range<usize>,
}

/// One of them, as it is encoded: for those who look at few of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair<'a> {
    /// Its name.
    pub key: &'a [u8],
    /// What follows the name: the field with the `AnyValue`.
    rest: &'a [u8],
    /// Where it stands in the bytes, with its tag and length.
    pub span: Range<usize>,
}

/// Where a name leads that begins with that of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way<'n> {
    /// It is this one.
    Here,
    /// If it is an object, to its member of this name.
    Inside(&'n str),
}

/// An `AnyValue`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// It has none.
    Empty,
    /// `string_value`
    Text(&'a str),
    /// `bool_value`
    Bool(bool),
    /// `int_value`
    Int(i64),
    /// `double_value`
    Double(f64),
    /// `array_value`
    List(List<'a>),
    /// `kvlist_value`: nested attributes.
    Map(Attributes<'a>),
    /// `bytes_value`
    Bytes(&'a [u8]),
}

/// The values of an array.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct List<'a>(&'a [u8]);

/// A field of a message.
enum Payload<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
}

/// The tag of `KeyValue.value`.
const VALUE: u8 = 2 << 3 | LEN as u8;
/// The tag of `AnyValue.string_value`.
const TEXT: u8 = 1 << 3 | LEN as u8;

/// The field that begins at `at`: its number, what it holds, and where it ends.
#[inline]
fn field_at(bytes: &[u8], at: usize) -> Option<(u32, Payload<'_>, usize)> {
    let (tag, at) = varint(bytes, at)?;
    let number = u32::try_from(tag >> 3).ok()?;
    let (payload, end) = match (tag & 7) as u32 {
        VARINT => {
            let (value, end) = varint(bytes, at)?;
            (Payload::Varint(value), end)
        }
        FIXED64 => {
            let value = bytes.get(at..)?.first_chunk::<8>()?;
            (Payload::Fixed64(u64::from_le_bytes(*value)), at + 8)
        }
        LEN => {
            let (len, start) = varint(bytes, at)?;
            let end = start.checked_add(usize::try_from(len).ok()?)?;
            (Payload::Bytes(bytes.get(start..end)?), end)
        }
        _ => return None,
    };
    Some((number, payload, end))
}

impl<'a> Attributes<'a> {
    /// Those of `bytes` that are under the number `field`.
    #[must_use]
    pub const fn new(bytes: &'a [u8], field: u32) -> Self {
        Self { bytes, field }
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = KeyValue<'a>> + use<'a> {
        self.pairs()
            .map_while(|pair| Some(KeyValue { key: text(pair.key)?, value: pair.value()?, span: pair.span }))
    }

    /// All of them, as they are encoded.
    #[inline]
    #[must_use]
    pub const fn pairs(&self) -> Pairs<'a> {
        Pairs { all: *self, at: 0 }
    }

    /// The last one of this name. A dot in it may be part of a key, or lead into a nested object.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        let mut found = None;
        for pair in self.pairs() {
            match pair.way_to(name) {
                Some(Way::Here) => found = pair.value(),
                Some(Way::Inside(name)) => {
                    if let Some(Value::Map(nested)) = pair.value() {
                        found = nested.get(name).or(found);
                    }
                }
                None => {}
            }
        }
        found
    }

    /// The one that begins at `start`.
    #[must_use]
    pub fn pair_at(&self, start: usize) -> Option<Pair<'a>> {
        let long = || match field_at(self.bytes, start)? {
            (number, Payload::Bytes(pair), end) if number == self.field => Some(Pair::of(pair, start..end)),
            _ => None,
        };
        Pair::short(self.bytes, start, self.field).or_else(long)
    }

    /// What they are read from.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

/// Attributes, one after the other.
#[derive(Debug, Clone)]
pub struct Pairs<'a> {
    all: Attributes<'a>,
    /// Where the next one begins.
    at: usize,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Pair<'a>;

    // Whoever walks over attributes looks at a few bytes of each: to hand it over would take longer.
    #[inline(always)]
    fn next(&mut self) -> Option<Pair<'a>> {
        match Pair::short(self.all.bytes, self.at, self.all.field) {
            Some(pair) => {
                self.at = pair.span.end;
                Some(pair)
            }
            None if self.at >= self.all.bytes.len() => None,
            None => self.next_of_any_length(),
        }
    }
}

impl<'a> Pairs<'a> {
    #[inline(never)]
    fn next_of_any_length(&mut self) -> Option<Pair<'a>> {
        let Attributes { bytes, field } = self.all;
        loop {
            let start = self.at;
            let (number, payload, end) = field_at(bytes, start)?;
            self.at = end;
            if number == field
                && let Payload::Bytes(pair) = payload
            {
                return Some(Pair::of(pair, start..end));
            }
        }
    }
}

impl<'a> Pair<'a> {
    /// The one that begins at `start`, if its tags and lengths take one byte each: as they mostly do.
    #[inline(always)]
    fn short(bytes: &'a [u8], start: usize, field: u32) -> Option<Self> {
        let [tag, len, key_tag, key_len, rest @ ..] = bytes.get(start..)? else { return None };
        let is_short = (len | key_len) & 0x80 == 0;
        if !is_short || u32::from(*tag) != field << 3 | LEN || u32::from(*key_tag) != 1 << 3 | LEN {
            return None;
        }
        let len = usize::from(*len);
        let (key, rest) = rest.get(..len.checked_sub(2)?)?.split_at_checked(usize::from(*key_len))?;
        Some(Self { key, rest, span: start..start + 2 + len })
    }

    /// The `KeyValue` which `pair` holds.
    #[inline]
    fn of(pair: &'a [u8], span: Range<usize>) -> Self {
        // An empty name may be left out.
        let (key, rest) = match field_at(pair, 0) {
            Some((1, Payload::Bytes(key), end)) => (key, &pair[end..]),
            _ => (&[][..], pair),
        };
        Self { key, rest, span }
    }

    /// Whether this is its name.
    #[inline]
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        // Names of one length mostly differ in their ends: they are told apart without a call.
        self.key.len() == name.len()
            && self.key.last() == name.as_bytes().last()
            && self.key == name.as_bytes()
    }

    /// Whether `name`, of nested ones with dots, is its name or leads into it.
    #[inline]
    #[must_use]
    pub fn way_to<'n>(&self, name: &'n str) -> Option<Way<'n>> {
        let len = self.key.len();
        // What follows tells most names apart without comparing them.
        match name.as_bytes().get(len) {
            None => self.is_called(name).then_some(Way::Here),
            Some(b'.') if name.as_bytes().starts_with(self.key) => Some(Way::Inside(&name[len + 1..])),
            _ => None,
        }
    }

    /// What follows the name, encoded: field 2 with its tag and length, or nothing.
    #[must_use]
    pub const fn encoded_value(&self) -> &'a [u8] {
        self.rest
    }

    /// The bytes of its value if that is a text: for those who look for something that few texts have.
    #[inline]
    #[must_use]
    pub fn text(&self) -> Option<&'a [u8]> {
        // As in a short pair, all tags and lengths take one byte.
        if let [VALUE, any, TEXT, len @ ..0x7e, text @ ..] = self.rest
            && usize::from(*len) == text.len()
            && *any == len + 2
        {
            return Some(text);
        }
        match field_at(self.any()?, 0) {
            Some((1, Payload::Bytes(text), _)) => Some(text),
            _ => None,
        }
    }

    /// Its value.
    #[must_use]
    pub fn value(&self) -> Option<Value<'a>> {
        match self.any() {
            Some(any) => Value::of(any),
            None => self.rest.is_empty().then_some(Value::Empty),
        }
    }

    /// The encoded `AnyValue`.
    #[inline]
    fn any(&self) -> Option<&'a [u8]> {
        match self.rest {
            [VALUE, len @ ..0x80, any @ ..] if usize::from(*len) == any.len() => Some(any),
            rest => match field_at(rest, 0) {
                Some((2, Payload::Bytes(any), _)) => Some(any),
                _ => None,
            },
        }
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    simdutf8::basic::from_utf8(bytes).ok()
}

impl<'a> List<'a> {
    /// All values, in their order.
    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let bytes = self.0;
        let mut at = 0;
        std::iter::from_fn(move || {
            loop {
                let (number, payload, end) = field_at(bytes, at)?;
                at = end;
                if let (1, Payload::Bytes(any)) = (number, payload) {
                    return Value::of(any);
                }
            }
        })
    }
}

impl<'a> Value<'a> {
    /// The value of an encoded `AnyValue`.
    fn of(any: &'a [u8]) -> Option<Self> {
        if any.is_empty() {
            return Some(Self::Empty);
        }
        let (number, payload, _) = field_at(any, 0)?;
        Some(match (number, payload) {
            (1, Payload::Bytes(bytes)) => Self::Text(self::text(bytes)?),
            (2, Payload::Varint(value)) => Self::Bool(value != 0),
            (3, Payload::Varint(value)) => Self::Int(value as i64),
            (4, Payload::Fixed64(bits)) => Self::Double(f64::from_bits(bits)),
            (5, Payload::Bytes(items)) => Self::List(List(items)),
            (6, Payload::Bytes(pairs)) => Self::Map(Attributes::new(pairs, 1)),
            (7, Payload::Bytes(bytes)) => Self::Bytes(bytes),
            _ => return None,
        })
    }

    /// The number that it is, also one that is written as text.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Double(value) => Some(*value),
            // `inf` and `nan` are words.
            Self::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
