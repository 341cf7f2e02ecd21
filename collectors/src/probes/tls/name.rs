//! A certificate's names as Go prints them, because dashboards know them so: the attributes that everybody
//! uses in a fixed order, most specific first, the others behind them by number.

use std::fmt::Write;

use x509_parser::der_parser::asn1_rs::{Any, Tag};
use x509_parser::x509::X509Name;

/// The attributes with a short name, in the order in which they are printed: type `2.5.4.n`, short name.
const KNOWN: [(&str, &str); 9] = [
    ("2.5.4.5", "SERIALNUMBER"),
    ("2.5.4.3", "CN"),
    ("2.5.4.17", "POSTALCODE"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.8", "ST"),
    ("2.5.4.7", "L"),
    ("2.5.4.11", "OU"),
    ("2.5.4.10", "O"),
    ("2.5.4.6", "C"),
];

/// The whole name: `CN=example.com,O=Example,C=FR`.
pub(super) fn distinguished_name(name: &X509Name<'_>) -> String {
    let attributes: Vec<(String, &Any<'_>)> =
        name.iter_attributes().map(|a| (a.attr_type().to_id_string(), a.attr_value())).collect();
    let mut out = String::new();
    for (id, short) in KNOWN {
        let mut values = attributes.iter().filter(|(kind, _)| kind == id).map(|(_, value)| *value).peekable();
        if values.peek().is_none() {
            continue;
        }
        separate(&mut out, ',');
        // Only the last of several is kept of the two that should be single.
        let single = matches!(short, "CN" | "SERIALNUMBER");
        let values: Vec<_> = if single { values.last().into_iter().collect() } else { values.collect() };
        for (i, value) in values.into_iter().enumerate() {
            if i > 0 {
                out.push('+');
            }
            let _ = write!(out, "{short}=");
            escape_into(&mut out, &text(value));
        }
    }
    for (id, value) in attributes.iter().rev() {
        if KNOWN.iter().any(|(known, _)| known == id) {
            continue;
        }
        separate(&mut out, ',');
        let _ = write!(out, "{id}=#");
        for byte in der(&text(value)) {
            let _ = write!(out, "{byte:02x}");
        }
    }
    out
}

fn separate(out: &mut String, by: char) {
    if !out.is_empty() {
        out.push(by);
    }
}

/// The text of a string type. `BMPString` is UTF-16, the others are or contain ASCII.
fn text(value: &Any<'_>) -> String {
    if value.tag() == Tag::BmpString {
        let units = value.data.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        return char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    }
    String::from_utf8_lossy(value.data).into_owned()
}

/// The text as DER again: `PrintableString` if its alphabet allows, else `UTF8String`.
fn der(text: &str) -> Vec<u8> {
    let printable = text.bytes().all(|b| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&b));
    let mut out = vec![if printable { 0x13 } else { 0x0c }];
    match text.len() {
        len @ 0..=0x7f => out.push(len as u8),
        len => {
            let bytes = len.to_be_bytes();
            let bytes = &bytes[bytes.iter().take_while(|b| **b == 0).count()..];
            out.push(0x80 | bytes.len() as u8);
            out.extend_from_slice(bytes);
        }
    }
    out.extend_from_slice(text.as_bytes());
    out
}

/// RFC 2253: what has a meaning there is escaped with a backslash.
fn escape_into(out: &mut String, value: &str) {
    let last = value.chars().count().saturating_sub(1);
    for (i, c) in value.chars().enumerate() {
        let special = matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';')
            || (c == '#' && i == 0)
            || (c == ' ' && (i == 0 || i == last));
        if special {
            out.push('\\');
        }
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
    use x509_parser::parse_x509_certificate;

    fn printed(attributes: &[(DnType, &str)]) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in attributes {
            params.distinguished_name.push(kind.clone(), *value);
        }
        let cert = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let (_, parsed) = parse_x509_certificate(cert.der()).unwrap();
        distinguished_name(parsed.subject())
    }

    #[test]
    fn names_are_printed_most_specific_first() {
        let name = printed(&[
            (DnType::CountryName, "FR"),
            (DnType::OrganizationName, "Vigie, SA"),
            (DnType::OrganizationalUnitName, " Tour"),
            (DnType::CommonName, "vigie.example"),
        ]);
        assert_eq!(name, r"CN=vigie.example,OU=\ Tour,O=Vigie\, SA,C=FR");
    }

    #[test]
    fn unusual_attributes_stand_behind_by_number() {
        let email = DnType::CustomDnType(vec![1, 2, 840, 113_549, 1, 9, 1]);
        let name = printed(&[(email, "a@b"), (DnType::CommonName, "x")]);
        assert_eq!(name, "CN=x,1.2.840.113549.1.9.1=#0c03614062");
    }

    #[test]
    fn long_texts_have_long_lengths() {
        assert_eq!(&der(&"a".repeat(200))[..3], [0x13, 0x81, 200]);
        assert_eq!(&der(&"a".repeat(300))[..4], [0x13, 0x82, 1, 44]);
    }
}
