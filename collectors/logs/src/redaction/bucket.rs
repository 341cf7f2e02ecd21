//! What there is to look for, by groups: each has a fingerprint, and rules that look closely where it fits.

use super::rule::Rule;
use super::{credit_card, ip, keys};

/// What looks closely where a fingerprint fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Bucket {
    /// The `@` of an address, or of a data source name.
    At,
    /// The first dot of an IPv4 address, and digits around it.
    V4,
    /// `::`
    V6Short,
    /// The first colon of an IPv6 address, and digits around it.
    V6,
    /// The first digits of a card's number, and what stands before them.
    Card,
    /// The first letters of an IBAN, and what stands before them.
    Iban,
    /// The end of the name of an authentication scheme.
    Scheme,
    /// The end of a key that names a secret, by its last letter.
    KeyA,
    /// As before.
    KeyB,
    /// As before.
    KeyC,
    /// The same where blanks follow.
    KeyBlank,
    /// `://`, or a group of one digit between the colons of an IPv6 address.
    Colons,
    /// Prefixes of tokens in capitals, and `--` of options on a command line.
    Capitals,
    /// Prefixes of tokens that are told by their first letters.
    Prefix,
    /// Prefixes of tokens that are told by the last ones.
    PrefixEnd,
    /// What may be an escape: no rule looks for it, but something may be spelt with it.
    Escape,
}

impl Bucket {
    pub(super) const ALL: [Self; 16] = [
        Self::At,
        Self::V4,
        Self::V6Short,
        Self::V6,
        Self::Card,
        Self::Iban,
        Self::Scheme,
        Self::KeyA,
        Self::KeyB,
        Self::KeyC,
        Self::KeyBlank,
        Self::Colons,
        Self::Capitals,
        Self::Prefix,
        Self::PrefixEnd,
        Self::Escape,
    ];

    /// The set of it alone.
    pub(super) const fn bit(self) -> u16 {
        1 << self as u16
    }

    /// The rules for which it is looked at.
    pub(super) const fn rules(self) -> &'static [Rule] {
        match self {
            Self::At => &[Rule::Email, Rule::Password],
            Self::V4 | Self::V6Short | Self::V6 => &[Rule::Ip],
            Self::Card => &[Rule::CreditCard],
            Self::Iban => &[Rule::Iban],
            Self::Scheme => &[Rule::Bearer],
            Self::KeyA | Self::KeyB | Self::KeyC | Self::KeyBlank | Self::Capitals => {
                &[Rule::Password, Rule::ApiKey, Rule::Bearer, Rule::CreditCard]
            }
            Self::Colons => &[Rule::Password, Rule::Ip],
            Self::Prefix | Self::PrefixEnd => &[Rule::ApiKey, Rule::Jwt],
            Self::Escape => &[],
        }
    }

    /// Whether the byte may stand at this place, 0 to 3; `None` if anything may, even the end of the text. The text
    /// begins behind a blank.
    pub(super) fn fits(self, place: usize, byte: u8) -> Option<bool> {
        let digit = byte.is_ascii_digit();
        let hex = byte.is_ascii_hexdigit();
        let lower = byte.to_ascii_lowercase();
        let among = |set: &[u8]| Some(set.contains(&byte));
        match (self, place) {
            (Self::At, 0) => Some(byte > b' ' && !b"@\"'<>(),;:[]".contains(&byte)),
            (Self::At, 1) => among(b"@"),
            (Self::At, 2) => Some(byte.is_ascii_alphanumeric() || byte >= 0x80),
            (Self::V4, 0 | 2) => Some(digit),
            (Self::V4, 1) => among(b"."),
            (Self::V4, 3) => Some(digit || byte == b'.'),
            (Self::V6Short, 0 | 1) => among(b":"),
            (Self::V6, 0..=2) => Some(hex),
            (Self::V6, 3) => among(b":"),
            (Self::Card | Self::Iban, 0) => Some(!(byte.is_ascii_alphanumeric() || byte == b'_')),
            (Self::Card, 1) => among(b"23456789"),
            (Self::Card, _) => Some(digit),
            (Self::Iban, 1 | 2) => Some(byte.is_ascii_alphabetic()),
            (Self::Iban, _) => Some(digit),
            (Self::Scheme, 0) => Some(b"rse".contains(&lower)),
            (Self::Scheme, 1) => Some(b"eis".contains(&lower)),
            (Self::Scheme, 2) => Some(b"rct".contains(&lower)),
            (Self::Scheme, 3) => among(b" \t+"),
            (Self::KeyA | Self::KeyB | Self::KeyC, 0 | 1) => {
                Some(keys::ENDS.iter().any(|end| self.is_of(end[1]) && end[place] == lower))
            }
            (Self::KeyA | Self::KeyB | Self::KeyC, 2) => Some(digit || b"=:\"'`]>".contains(&byte)),
            (Self::KeyBlank, 0) => Some(lower == b'y' || keys::ENDS.iter().any(|end| end[1] == lower)),
            (Self::KeyBlank, 1) => among(b" \t"),
            (Self::KeyBlank, 2) => among(b"=:'\" \t"),
            (Self::Colons, 0) => Some(byte.is_ascii_alphanumeric()),
            (Self::Colons, 1) => among(b":"),
            (Self::Colons, 2) => Some(hex || byte == b'/'),
            (Self::Colons, 3) => among(b":/"),
            (Self::Capitals, 0) => among(b"AS-"),
            (Self::Capitals, 1) => among(b"KSIGB-"),
            (Self::Capitals, 2) => Some(byte.is_ascii_alphanumeric() || byte == b'.'),
            (Self::Capitals, 3) => Some(byte.is_ascii_alphanumeric() || b"_-".contains(&byte)),
            (Self::Prefix, 0) => among(b"srhe"),
            (Self::Prefix, 1) => among(b"kfy"),
            (Self::Prefix, 2) => among(b"_-J"),
            (Self::Prefix, 3) => Some(byte.is_ascii_alphanumeric()),
            (Self::PrefixEnd, 0) => among(b"gnoplcay_"),
            (Self::PrefixEnd, 1) => among(b"hpxadrbtfv2"),
            (Self::PrefixEnd, 2) => among(b"pousrmbaeti19"),
            (Self::PrefixEnd, 3) => among(b"_-."),
            (Self::Escape, 0) => among(b"%\\"),
            (Self::Escape, 1) => Some(hex || b"\"'\\/nrtbfxu".contains(&byte)),
            _ => None,
        }
    }

    /// Whether it looks at keys that end in this letter.
    fn is_of(self, last: u8) -> bool {
        match last {
            b'd' | b'e' => self == Self::KeyA,
            b't' | b'n' | b'y' => self == Self::KeyB,
            _ => self == Self::KeyC,
        }
    }
}

/// Those of the `buckets` told for `at` which the next bytes do not rule out: most of them they do.
#[inline]
pub(super) fn without_hopeless(mut buckets: u16, text: &[u8], at: usize) -> u16 {
    const KEYS: u16 = Bucket::KeyA.bit() | Bucket::KeyB.bit() | Bucket::KeyC.bit();
    const V6: u16 = Bucket::V6.bit() | Bucket::Colons.bit();
    if buckets & Bucket::Card.bit() != 0 && !credit_card::may_begin(text, at.wrapping_add(1)) {
        buckets &= !Bucket::Card.bit();
    }
    if buckets & Bucket::V4.bit() != 0 && !ip::may_be_v4(text, at) {
        buckets &= !Bucket::V4.bit();
    }
    if buckets & KEYS != 0 && !keys::may_end_in([text[at], text[at + 1]]) {
        buckets &= !KEYS;
    }
    if buckets & V6 != 0 && text[at + 3] != b'/' && !ip::may_be_full_v6(text, at) {
        buckets &= !V6;
    }
    buckets
}
