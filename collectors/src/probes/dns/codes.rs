//! The registered names of record types, classes and response codes, as blackbox_exporter knows them.

use std::borrow::Cow;

/// Types of records, by name; IANA's "Resource Record (RR) TYPEs".
const TYPES: &[(&str, u16)] = &[
    ("A", 1),
    ("NS", 2),
    ("MD", 3),
    ("MF", 4),
    ("CNAME", 5),
    ("SOA", 6),
    ("MB", 7),
    ("MG", 8),
    ("MR", 9),
    ("NULL", 10),
    ("PTR", 12),
    ("HINFO", 13),
    ("MINFO", 14),
    ("MX", 15),
    ("TXT", 16),
    ("RP", 17),
    ("AFSDB", 18),
    ("X25", 19),
    ("ISDN", 20),
    ("RT", 21),
    ("NSAP-PTR", 23),
    ("SIG", 24),
    ("KEY", 25),
    ("PX", 26),
    ("GPOS", 27),
    ("AAAA", 28),
    ("LOC", 29),
    ("NXT", 30),
    ("EID", 31),
    ("NIMLOC", 32),
    ("SRV", 33),
    ("ATMA", 34),
    ("NAPTR", 35),
    ("KX", 36),
    ("CERT", 37),
    ("DNAME", 39),
    ("OPT", 41),
    ("APL", 42),
    ("DS", 43),
    ("SSHFP", 44),
    ("IPSECKEY", 45),
    ("RRSIG", 46),
    ("NSEC", 47),
    ("DNSKEY", 48),
    ("DHCID", 49),
    ("NSEC3", 50),
    ("NSEC3PARAM", 51),
    ("TLSA", 52),
    ("SMIMEA", 53),
    ("HIP", 55),
    ("NINFO", 56),
    ("RKEY", 57),
    ("TALINK", 58),
    ("CDS", 59),
    ("CDNSKEY", 60),
    ("OPENPGPKEY", 61),
    ("CSYNC", 62),
    ("ZONEMD", 63),
    ("SVCB", 64),
    ("HTTPS", 65),
    ("SPF", 99),
    ("UINFO", 100),
    ("UID", 101),
    ("GID", 102),
    ("UNSPEC", 103),
    ("NID", 104),
    ("L32", 105),
    ("L64", 106),
    ("LP", 107),
    ("EUI48", 108),
    ("EUI64", 109),
    ("NXNAME", 128),
    ("TKEY", 249),
    ("TSIG", 250),
    ("IXFR", 251),
    ("AXFR", 252),
    ("MAILB", 253),
    ("MAILA", 254),
    ("ANY", 255),
    ("URI", 256),
    ("CAA", 257),
    ("AVC", 258),
    ("AMTRELAY", 260),
    ("RESINFO", 261),
    ("TA", 32768),
    ("DLV", 32769),
    ("Reserved", 65535),
];

const CLASSES: &[(&str, u16)] = &[("IN", 1), ("CS", 2), ("CH", 3), ("HS", 4), ("NONE", 254), ("ANY", 255)];

/// 16 is BADVERS as well, which says the same here: an extended code of a message without a signature.
const RCODES: &[(&str, u16)] = &[
    ("NOERROR", 0),
    ("FORMERR", 1),
    ("SERVFAIL", 2),
    ("NXDOMAIN", 3),
    ("NOTIMP", 4),
    ("REFUSED", 5),
    ("YXDOMAIN", 6),
    ("YXRRSET", 7),
    ("NXRRSET", 8),
    ("NOTAUTH", 9),
    ("NOTZONE", 10),
    ("DSOTYPENI", 11),
    ("BADSIG", 16),
    ("BADVERS", 16),
    ("BADKEY", 17),
    ("BADTIME", 18),
    ("BADMODE", 19),
    ("BADNAME", 20),
    ("BADALG", 21),
    ("BADTRUNC", 22),
    ("BADCOOKIE", 23),
];

/// The start of authority.
pub(super) const SOA: u16 = 6;
/// The pseudo-record of EDNS.
pub(super) const OPT: u16 = 41;

/// The number of a type; also `TYPE65280`, as RFC 3597 writes those without a name.
pub(super) fn type_number(name: &str) -> Option<u16> {
    number(TYPES, "TYPE", name)
}

/// The number of a class; also `CLASS32`.
pub(super) fn class_number(name: &str) -> Option<u16> {
    number(CLASSES, "CLASS", name)
}

/// The number of a response code.
pub(super) fn rcode_number(name: &str) -> Option<u16> {
    number(RCODES, "RCODE", name)
}

/// The name of a type.
pub(super) fn type_name(number: u16) -> Cow<'static, str> {
    name(TYPES, "TYPE", number)
}

/// The name of a class.
pub(super) fn class_name(number: u16) -> Cow<'static, str> {
    name(CLASSES, "CLASS", number)
}

/// The name of a response code.
pub(super) fn rcode_name(number: u16) -> Cow<'static, str> {
    name(RCODES, "RCODE", number)
}

fn number(table: &[(&str, u16)], prefix: &str, name: &str) -> Option<u16> {
    let known = table.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, number)| *number);
    let digits = || name.strip_prefix(prefix).filter(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
    known.or_else(|| digits()?.parse().ok())
}

fn name(table: &[(&'static str, u16)], prefix: &str, number: u16) -> Cow<'static, str> {
    match table.iter().find(|(_, known)| *known == number) {
        Some((name, _)) => Cow::Borrowed(name),
        None => Cow::Owned(format!("{prefix}{number}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_lead_to_each_other() {
        for number in 0..=u16::MAX {
            assert_eq!(type_number(&type_name(number)), Some(number));
            assert_eq!(class_number(&class_name(number)), Some(number));
            assert_eq!(rcode_number(&rcode_name(number)), Some(number));
        }
        assert_eq!(type_number("aaaa"), Some(28));
        assert_eq!(rcode_number("BADVERS"), Some(16));
        assert_eq!((type_number("AAAAA"), type_number("TYPE"), type_number("TYPE+1")), (None, None, None));
        assert_eq!(type_number("TYPE65536"), None);
    }
}
