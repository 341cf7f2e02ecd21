//! The data of those types that is more than a row of fields.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::LONGEST;
use super::field::{base64, hex, name, printable, put};
use crate::probes::dns::message::{Malformed, Record};
use crate::probes::dns::wire::Wire;

/// EDNS(0): a pseudo-record that uses class and TTL for other things (RFC 6891, section 6.1.2). Options are printed
/// by their number.
pub(super) fn options(record: &Record, wire: &mut Wire<'_>, out: &mut String) -> Result<(), Malformed> {
    let flags = record.ttl as u16;
    let _ = write!(out, "\n;; OPT PSEUDOSECTION:\n; EDNS: version {}; flags:", (record.ttl >> 16) as u8);
    for (bit, flag) in [(0x8000, " do"), (0x4000, " co")] {
        out.push_str(if flags & bit == 0 { "" } else { flag });
    }
    out.push_str("; ");
    if flags & 0x3fff != 0 {
        let _ = write!(out, "MBZ: 0x{:04x}, ", flags & 0x3fff);
    }
    let _ = write!(out, "udp: {}", record.class);
    while !wire.is_empty() {
        let (code, len) = (wire.u16()?, wire.u16()?);
        let _ = write!(out, "\n; LOCAL OPT: {code}:0x");
        hex(wire.take(usize::from(len))?, out);
    }
    Ok(())
}

/// RFC 4398, section 2.1.
pub(super) fn certificate_type(number: u16, out: &mut String) {
    match number {
        1 => out.push_str("PKIX"),
        2 => out.push_str("SPKI"),
        3 => out.push_str("PGP"),
        4 => out.push_str("IPIX"),
        5 => out.push_str("ISPKI"),
        6 => out.push_str("IPGP"),
        7 => out.push_str("ACPKIX"),
        8 => out.push_str("IACPKIX"),
        253 => out.push_str("URI"),
        254 => out.push_str("OID"),
        _ => put(out, number),
    }
}

/// IANA's "DNS Security Algorithm Numbers".
pub(super) fn algorithm(number: u8, out: &mut String) {
    match number {
        1 => out.push_str("RSAMD5"),
        2 => out.push_str("DH"),
        3 => out.push_str("DSA"),
        5 => out.push_str("RSASHA1"),
        6 => out.push_str("DSA-NSEC3-SHA1"),
        7 => out.push_str("RSASHA1-NSEC3-SHA1"),
        8 => out.push_str("RSASHA256"),
        10 => out.push_str("RSASHA512"),
        12 => out.push_str("ECC-GOST"),
        13 => out.push_str("ECDSAP256SHA256"),
        14 => out.push_str("ECDSAP384SHA384"),
        15 => out.push_str("ED25519"),
        16 => out.push_str("ED448"),
        252 => out.push_str("INDIRECT"),
        253 => out.push_str("PRIVATEDNS"),
        254 => out.push_str("PRIVATEOID"),
        _ => put(out, number),
    }
}

/// RFC 1876: version, size, precisions, then thousandths of a second of arc from the equator and the prime meridian,
/// each shifted by 2^31, and centimetres above a base 100 km below the ellipsoid.
pub(super) fn location(wire: &mut Wire<'_>, out: &mut String) -> Result<(), Malformed> {
    let _version = wire.u8()?;
    let lengths = [wire.u8()?, wire.u8()?, wire.u8()?];
    angle(wire.u32()?, ["N", "S"], out);
    angle(wire.u32()?, ["E", "W"], out);
    let altitude = i64::from(wire.u32()?) - 10_000_000;
    let sign = if altitude < 0 { "-" } else { "" };
    let (metres, centimetres) = (altitude.abs() / 100, altitude.abs() % 100);
    match centimetres {
        0 => put(out, format_args!("{sign}{metres}m")),
        _ => put(out, format_args!("{sign}{metres}.{centimetres:02}m")),
    }
    for length in lengths {
        out.push(' ');
        centimetres_as_metres(length, out);
    }
    Ok(())
}

fn angle(thousandths: u32, sides: [&str; 2], out: &mut String) {
    let zero = 1_u32 << 31;
    let side = sides[usize::from(thousandths <= zero)];
    let arc = thousandths.abs_diff(zero);
    let (degrees, minutes, rest) = (arc / 3_600_000, arc / 60_000 % 60, arc % 60_000);
    put(out, format_args!("{degrees:02} {minutes:02} {}.{:03} {side} ", rest / 1000, rest % 1000));
}

/// A digit and a power of ten, of centimetres.
fn centimetres_as_metres(length: u8, out: &mut String) {
    let (digit, power) = (length >> 4, length & 15);
    match power {
        0 => put(out, format_args!("0.{digit:02}m")),
        1 => put(out, format_args!("0.{:02}m", digit * 10)),
        _ => put(out, format_args!("{digit}{:0>width$}m", "", width = usize::from(power) - 2)),
    }
}

/// Address prefixes; RFC 3123, section 4.
pub(super) fn prefixes(wire: &mut Wire<'_>, out: &mut String) -> Result<(), Malformed> {
    for i in 0.. {
        if wire.is_empty() {
            break;
        }
        if i > 0 {
            out.push(' ');
        }
        let (family, prefix, len) = (wire.u16()?, wire.u8()?, wire.u8()?);
        if len & 0x80 != 0 {
            out.push('!');
        }
        let part = wire.take(usize::from(len & 0x7f))?;
        let most = match family {
            1 => 4,
            2 => 16,
            _ => return Err(Malformed::Prefix),
        };
        if part.len() > most || usize::from(prefix) > 8 * most || part.last() == Some(&0) {
            return Err(Malformed::Prefix);
        }
        let mut address = [0; 16];
        address[..part.len()].copy_from_slice(part);
        match family {
            1 => {
                let [a, b, c, d, ..] = address;
                put(out, format_args!("1:{}/{prefix}", Ipv4Addr::new(a, b, c, d)));
            }
            _ => put(out, format_args!("2:{}/{prefix}", Ipv6Addr::from(address))),
        }
    }
    Ok(())
}

/// Service parameters in the order of their keys; RFC 9460, section 2.2.
pub(super) fn parameters(wire: &mut Wire<'_>, out: &mut String) -> Result<(), Malformed> {
    let mut last = None;
    while !wire.is_empty() {
        let (key, len) = (wire.u16()?, wire.u16()?);
        let value = wire.take(usize::from(len))?;
        if key == u16::MAX || last.is_some_and(|last| last >= key) {
            return Err(Malformed::Parameter(key));
        }
        last = Some(key);
        out.push(' ');
        key_name(key, out);
        out.push_str("=\"");
        parameter(key, value, out).ok_or(Malformed::Parameter(key))?;
        out.push('"');
    }
    Ok(())
}

fn key_name(key: u16, out: &mut String) {
    match key {
        0 => out.push_str("mandatory"),
        1 => out.push_str("alpn"),
        2 => out.push_str("no-default-alpn"),
        3 => out.push_str("port"),
        4 => out.push_str("ipv4hint"),
        5 => out.push_str("ech"),
        6 => out.push_str("ipv6hint"),
        7 => out.push_str("dohpath"),
        8 => out.push_str("ohttp"),
        _ => put(out, format_args!("key{key}")),
    }
}

/// The value of one parameter; `None` if its key does not allow it.
fn parameter(key: u16, value: &[u8], out: &mut String) -> Option<()> {
    match key {
        0 => {
            let (keys, []) = value.as_chunks::<2>() else { return None };
            joined(keys, out, |key, out| key_name(u16::from_be_bytes(*key), out));
        }
        1 => {
            let mut rest = value;
            let mut protocols = Vec::new();
            while let [len, after @ ..] = rest {
                let (protocol, after) = after.split_at_checked(usize::from(*len))?;
                protocols.push(protocol);
                rest = after;
            }
            joined(&protocols, out, |protocol, out| protocol_name(protocol, out));
        }
        2 | 8 => return value.is_empty().then_some(()),
        3 => put(out, u16::from_be_bytes(value.try_into().ok()?)),
        4 => {
            let (addresses, []) = value.as_chunks::<4>() else { return None };
            (!addresses.is_empty()).then_some(())?;
            joined(addresses, out, |address, out| put(out, Ipv4Addr::from(*address)));
        }
        5 => base64(value, out),
        6 => {
            let (addresses, []) = value.as_chunks::<16>() else { return None };
            (!addresses.is_empty()).then_some(())?;
            joined(addresses, out, |address, out| put(out, Ipv6Addr::from(*address)));
        }
        _ => {
            for byte in value {
                if matches!(byte, b'"' | b';' | b' ' | b'\\') {
                    out.push('\\');
                }
                printable(*byte, out);
            }
        }
    }
    Some(())
}

fn joined<T>(items: &[T], out: &mut String, mut write: impl FnMut(&T, &mut String)) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write(item, out);
    }
}

/// In a list, so that comma and backslash are escaped twice; RFC 9460, appendix A.1.
fn protocol_name(protocol: &[u8], out: &mut String) {
    for byte in protocol {
        match byte {
            b'"' | b';' | b' ' => {
                out.push('\\');
                out.push(char::from(*byte));
            }
            b',' => out.push_str(r"\\\044"),
            b'\\' => out.push_str(r"\\\092"),
            _ => printable(*byte, out),
        }
    }
}

/// Precedence, gateway's type, algorithm, gateway, key; RFC 4025, section 2.
pub(super) fn ipsec(wire: &mut Wire<'_>, out: &mut String) -> Result<(), Malformed> {
    let (precedence, kind, algorithm) = (wire.u8()?, wire.u8()?, wire.u8()?);
    put(out, format_args!("{precedence} {kind} {algorithm} "));
    gateway(kind, wire, out)?;
    out.push(' ');
    base64(wire.rest(), out);
    Ok(())
}

/// Precedence, whether it has to be discovered, the relay's type, the relay; RFC 8777, section 4.2.
pub(super) fn relay(wire: &mut Wire<'_>, out: &mut String) -> Result<(), Malformed> {
    let (precedence, kind) = (wire.u8()?, wire.u8()?);
    put(out, format_args!("{precedence} {} {} ", kind >> 7, kind & 0x7f));
    gateway(kind & 0x7f, wire, out)
}

fn gateway(kind: u8, wire: &mut Wire<'_>, out: &mut String) -> Result<(), Malformed> {
    match kind {
        1 => put(out, wire.ip4()?),
        2 => put(out, wire.ip6()?),
        3 => name(&wire.name()?, out),
        _ => out.push('.'),
    }
    Ok(())
}

/// Lengths and algorithm, then identity, key and names of servers; RFC 8005, section 5.
pub(super) fn host_identity(wire: &mut Wire<'_>, out: &mut String) -> Result<(), Malformed> {
    let (identity, algorithm, key) = (wire.u8()?, wire.u8()?, wire.u16()?);
    put(out, format_args!("{algorithm} "));
    hex(wire.take(usize::from(identity))?, out);
    out.push(' ');
    base64(wire.take(usize::from(key))?, out);
    while !wire.is_empty() {
        out.push(' ');
        name(&wire.name()?, out);
        if out.len() > LONGEST {
            return Err(Malformed::TooLong);
        }
    }
    Ok(())
}
