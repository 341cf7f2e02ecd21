//! Records as text, as blackbox_exporter prints them: `example.com.\t3600\tIN\tA\t192.0.2.1`.
//!
//! The data of most types is a row of fields, so a table says which ([`layout`]) and each field has one way to be
//! printed ([`Field`]); the few that are more than a row have code of their own ([`special`]). Data of a type without
//! a layout is printed as RFC 3597 has it: `\# 4 c0000201`.

mod field;
mod special;

use std::fmt::Write;

use self::field::Field;
use super::codes::{self, class_name, type_name};
use super::message::{Malformed, Record, Response};
use super::wire::Wire;

/// The longest text of one record may take this many bytes, which no honest record needs. A message is at most
/// 64 KiB, but names that point to each other say more than they are long.
const LONGEST: usize = 1 << 20;

/// What the data of a type consists of, printed with a space between two; `None` if that is not known.
fn layout(kind: u16) -> Option<&'static [Field]> {
    use Field::*;
    Some(match kind {
        // A
        1 => &[Ip4],
        // NS, MD, MF, CNAME, MB, MG, MR, PTR, NSAP-PTR, DNAME
        2..=5 | 7..=9 | 12 | 23 | 39 => &[Name],
        // SOA: the primary server, who is responsible, serial, refresh, retry, expire, minimum
        6 => &[Name, Name, U32, U32, U32, U32, U32],
        // NULL
        10 => &[Raw],
        // HINFO, ISDN
        13 | 20 => &[Text, Text],
        // MINFO, RP, TALINK
        14 | 17 | 58 => &[Name, Name],
        // MX, AFSDB, RT, KX, LP
        15 | 18 | 21 | 36 | 107 => &[U16, Name],
        // TXT, NINFO, SPF, AVC, RESINFO
        16 | 56 | 99 | 258 | 261 => &[Texts],
        // X25
        19 => &[Plain],
        // SIG, RRSIG: covered type, algorithm, labels, TTL, expiration, inception, key tag, signer, signature
        24 | 46 => &[TypeName, U8, U8, U32, Time, Time, U16, Name, Base64],
        // KEY, DNSKEY, RKEY, CDNSKEY
        25 | 48 | 57 | 60 => &[U16, U8, U8, Base64],
        // PX
        26 => &[U16, Name, Name],
        // GPOS
        27 => &[Plain, Plain, Plain],
        // AAAA
        28 => &[Ip6],
        // LOC
        29 => &[Location],
        // NXT, NSEC
        30 | 47 => &[Name, TypeNames],
        // EID, NIMLOC
        31 | 32 => &[UpperHex],
        // SRV
        33 => &[U16, U16, U16, Name],
        // NAPTR: order, preference, flags, services, regular expression, replacement
        35 => &[U16, U16, Text, Text, Text, Name],
        // CERT
        37 => &[CertificateType, U16, Algorithm, Base64],
        // APL
        42 => &[Prefixes],
        // DS, CDS, TA, DLV
        43 | 59 | 32768 | 32769 => &[U16, U8, U8, UpperHex],
        // SSHFP
        44 => &[U8, U8, UpperHex],
        // IPSECKEY
        45 => &[Ipsec],
        // DHCID, OPENPGPKEY
        49 | 61 => &[Base64],
        // NSEC3
        50 => &[U8, U8, U16, Salt, Hash, TypeNames],
        // NSEC3PARAM
        51 => &[U8, U8, U16, Salt],
        // TLSA
        52 => &[U8, U8, U8, Hex],
        // SMIMEA
        53 => &[U8, U8, U8, ChunkedHex],
        // HIP
        55 => &[HostIdentity],
        // CSYNC
        62 => &[U32, U16, TypeNames],
        // ZONEMD
        63 => &[U32, U8, U8, Hex],
        // SVCB, HTTPS
        64 | 65 => &[U16, Name, Parameters],
        // UINFO
        100 => &[Text],
        // UID, GID
        101 | 102 => &[U32],
        // NID
        104 => &[U16, Groups],
        // L32
        105 => &[U16, Ip4],
        // L64
        106 => &[U16, UpperGroups],
        // EUI48
        108 => &[Dashes(6)],
        // EUI64
        109 => &[Dashes(8)],
        // URI
        256 => &[U16, U16, Octets],
        // CAA
        257 => &[U8, Plain, Octets],
        // AMTRELAY
        260 => &[Relay],
        _ => return None,
    })
}

/// Appends one record of a response to `out`.
///
/// # Errors
/// Data that its type does not allow.
pub(super) fn write(response: &Response, record: &Record, out: &mut String) -> Result<(), Malformed> {
    let mut wire = Wire::at(response.bytes(), record.data.clone())?;
    if record.kind == codes::OPT {
        return special::options(record, &mut wire, out);
    }
    let Some(layout) = layout(record.kind) else {
        field::name(&record.name, out);
        let _ = write!(out, "\t{}\tCLASS{}\tTYPE{}\t", record.ttl, record.class, record.kind);
        let _ = write!(out, "\\# {} ", wire.len());
        field::hex(wire.rest(), out);
        return Ok(());
    };
    // That type has no text of its own and is put in a comment.
    if layout == [Field::Raw] {
        out.push(';');
    }
    field::name(&record.name, out);
    let _ = write!(out, "\t{}\t{}\t{}\t", record.ttl, class_name(record.class), type_name(record.kind));
    if wire.is_empty() {
        return Ok(());
    }
    for (i, field) in layout.iter().enumerate() {
        if i > 0 && !field.brings_space() {
            out.push(' ');
        }
        field.write(&mut wire, out)?;
        if out.len() > LONGEST {
            return Err(Malformed::TooLong);
        }
    }
    if wire.is_empty() { Ok(()) } else { Err(Malformed::Data(record.kind)) }
}

#[cfg(test)]
mod tests;
