//! The ways to print one field of a record.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hickory_resolver::proto::rr::Name as DomainName;
use jiff::Timestamp;

use super::special;
use crate::probes::dns::codes::type_name;
use crate::probes::dns::message::Malformed;
use crate::probes::dns::wire::Wire;

/// A field of a record's data. Those that have no length of their own take all that is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    U8,
    U16,
    U32,
    /// Seconds since the epoch as `20060102150405`.
    Time,
    Name,
    Ip4,
    Ip6,
    /// In quotes; empty if there is none.
    Text,
    /// All that is left as texts in quotes.
    Texts,
    /// A text without quotes.
    Plain,
    /// All that is left as one text in quotes, in which a backslash escapes already.
    Octets,
    /// All that is left as it is.
    Raw,
    Hex,
    UpperHex,
    /// In pieces of 1024 digits.
    ChunkedHex,
    Base64,
    /// Its length and so many bytes, in hexadecimal digits or `-`.
    Salt,
    /// Its length and so many bytes, in base 32 with RFC 4648's extended hexadecimal alphabet.
    Hash,
    TypeName,
    /// A bitmap of types.
    TypeNames,
    /// 64 bits as four groups of hexadecimal digits.
    Groups,
    UpperGroups,
    /// So many bytes, each as two hexadecimal digits.
    Dashes(usize),
    CertificateType,
    Algorithm,
    Location,
    Prefixes,
    Parameters,
    Ipsec,
    Relay,
    HostIdentity,
}

impl Field {
    /// Whether it writes a space before each of its parts itself, since there may be none.
    pub(super) fn brings_space(self) -> bool {
        matches!(self, Self::TypeNames | Self::Parameters)
    }

    /// Reads it and appends its text.
    pub(super) fn write(self, wire: &mut Wire<'_>, out: &mut String) -> Result<(), Malformed> {
        match self {
            Self::U8 => put(out, wire.u8()?),
            Self::U16 => put(out, wire.u16()?),
            Self::U32 => put(out, wire.u32()?),
            Self::Time => time(wire.u32()?, out),
            Self::Name => name(&wire.name()?, out),
            Self::Ip4 => put(out, wire.ip4()?),
            Self::Ip6 => put(out, wire.ip6()?),
            Self::Text if wire.is_empty() => out.push_str("\"\""),
            Self::Text => quoted(wire.text()?, out),
            Self::Texts => texts(wire, out)?,
            Self::Plain => escaped(wire.text()?, out),
            Self::Octets => octets(wire.rest(), out),
            Self::Raw => out.push_str(&String::from_utf8_lossy(wire.rest())),
            Self::Hex => hex(wire.rest(), out),
            Self::UpperHex => upper_hex(wire.rest(), out),
            Self::ChunkedHex => chunked_hex(wire.rest(), out),
            Self::Base64 => base64(wire.rest(), out),
            Self::Salt => match wire.text()? {
                [] => out.push('-'),
                salt => upper_hex(salt, out),
            },
            Self::Hash => base32(wire.text()?, out),
            Self::TypeName => out.push_str(&type_name(wire.u16()?)),
            Self::TypeNames => type_names(wire, out)?,
            Self::Groups => {
                let digits = format!("{:016x}", wire.u64()?);
                groups(&digits, out);
            }
            Self::UpperGroups => {
                let digits = format!("{:016X}", wire.u64()?);
                groups(&digits, out);
            }
            Self::Dashes(count) => dashes(wire.take(count)?, out),
            Self::CertificateType => special::certificate_type(wire.u16()?, out),
            Self::Algorithm => special::algorithm(wire.u8()?, out),
            Self::Location => special::location(wire, out)?,
            Self::Prefixes => special::prefixes(wire, out)?,
            Self::Parameters => special::parameters(wire, out)?,
            Self::Ipsec => special::ipsec(wire, out)?,
            Self::Relay => special::relay(wire, out)?,
            Self::HostIdentity => special::host_identity(wire, out)?,
        }
        Ok(())
    }
}

/// Appends a value. Writing to a text cannot fail.
pub(super) fn put(out: &mut String, value: impl std::fmt::Display) {
    let _ = write!(out, "{value}");
}

/// A name with its dot at the end, and what is not a plain character escaped.
pub(super) fn name(name: &DomainName, out: &mut String) {
    if name.iter().len() == 0 {
        out.push('.');
    }
    for label in name.iter() {
        for byte in label {
            match byte {
                b'.' | b' ' | b'\'' | b'@' | b';' | b'(' | b')' | b'"' | b'\\' => {
                    out.push('\\');
                    out.push(char::from(*byte));
                }
                _ => printable(*byte, out),
            }
        }
        out.push('.');
    }
}

/// A printable character as it is, another byte as its decimal number.
pub(super) fn printable(byte: u8, out: &mut String) {
    if (b' '..=b'~').contains(&byte) {
        out.push(char::from(byte));
    } else {
        let _ = write!(out, "\\{byte:03}");
    }
}

fn escaped(text: &[u8], out: &mut String) {
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push('\\');
        }
        printable(*byte, out);
    }
}

fn quoted(text: &[u8], out: &mut String) {
    out.push('"');
    escaped(text, out);
    out.push('"');
}

fn texts(wire: &mut Wire<'_>, out: &mut String) -> Result<(), Malformed> {
    for i in 0.. {
        if wire.is_empty() {
            break;
        }
        if i > 0 {
            out.push(' ');
        }
        quoted(wire.text()?, out);
    }
    Ok(())
}

/// blackbox_exporter takes a backslash in such data as one that escapes: `\.` stays, `\065` is that byte, before any
/// other character it is left out.
fn octets(mut text: &[u8], out: &mut String) {
    out.push('"');
    loop {
        text = match text {
            [] | [b'\\'] => break,
            [b'\\', b'.', rest @ ..] => {
                out.push_str("\\.");
                rest
            }
            [b'\\', a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] => {
                let digit = |byte: u8| byte - b'0';
                let byte = digit(*a).wrapping_mul(100).wrapping_add(digit(*b) * 10).wrapping_add(digit(*c));
                escaped(&[byte], out);
                rest
            }
            [b'\\', byte, rest @ ..] | [byte, rest @ ..] => {
                escaped(&[*byte], out);
                rest
            }
        };
    }
    out.push('"');
}

pub(super) fn hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
}

fn upper_hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        let _ = write!(out, "{byte:02X}");
    }
}

fn chunked_hex(bytes: &[u8], out: &mut String) {
    for (i, chunk) in bytes.chunks(512).enumerate() {
        if i > 0 {
            out.push(' ');
        }
        hex(chunk, out);
    }
}

pub(super) fn base64(bytes: &[u8], out: &mut String) {
    BASE64_STANDARD.encode_string(bytes, out);
}

fn base32(bytes: &[u8], out: &mut String) {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";
    for chunk in bytes.chunks(5) {
        let mut group = [0; 8];
        group[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(group);
        for digit in 0..(chunk.len() * 8).div_ceil(5) {
            let value = (bits >> (35 - 5 * digit)) & 31;
            out.push(char::from(ALPHABET[value as usize]));
        }
    }
}

fn time(seconds: u32, out: &mut String) {
    if let Ok(time) = Timestamp::from_second(i64::from(seconds)) {
        put(out, time.strftime("%Y%m%d%H%M%S"));
    }
}

/// Windows of up to 256 types, each with as many bytes as it needs; RFC 4034, section 4.1.2.
fn type_names(wire: &mut Wire<'_>, out: &mut String) -> Result<(), Malformed> {
    let mut last = None;
    while !wire.is_empty() {
        let window = wire.u8()?;
        let bitmap = wire.text()?;
        if bitmap.is_empty() || bitmap.len() > 32 || last.is_some_and(|last| last >= window) {
            return Err(Malformed::Bitmap);
        }
        last = Some(window);
        for (i, byte) in bitmap.iter().enumerate() {
            for bit in (0..8).filter(|bit| byte & (0x80 >> bit) != 0) {
                out.push(' ');
                out.push_str(&type_name(u16::from(window) << 8 | (i as u16) << 3 | bit));
            }
        }
    }
    Ok(())
}

fn groups(digits: &str, out: &mut String) {
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && i % 4 == 0 {
            out.push(':');
        }
        out.push(digit);
    }
}

fn dashes(bytes: &[u8], out: &mut String) {
    for (i, byte) in bytes.iter().enumerate() {
        let dash = if i > 0 { "-" } else { "" };
        let _ = write!(out, "{dash}{byte:02x}");
    }
}
