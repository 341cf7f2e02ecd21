//! Addresses of mail: `name+tag@sub.example.org`, also with letters of any script.
//!
//! Not addresses: `user@1000.service` and other units of systemd, `lodash@4.17.21`, `logo@2x.png`.

use super::engine::Found;

/// What ends the name of a unit.
const UNITS: [&[u8]; 9] =
    [b"service", b"socket", b"target", b"timer", b"mount", b"slice", b"scope", b"device", b"automount"];

/// What ends the name of a picture.
const PICTURES: [&[u8]; 7] = [b"png", b"jpg", b"jpeg", b"gif", b"webp", b"avif", b"svg"];

/// The `@` stands right behind `at`.
pub(super) fn find(text: &[u8], at: usize) -> Found {
    let of_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte >= 0x80 || b"._+-'".contains(byte);
    let of_domain = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte >= 0x80 || b".-".contains(byte);
    let mut start = at + 1 - text[..=at].iter().rev().take_while(of_name).count();
    while start <= at && b".'-".contains(&text[start]) {
        start += 1;
    }
    let domain = at + 2;
    let mut end = domain + text[domain..].iter().take_while(of_domain).count();
    let until = end;
    while end > domain && b".-".contains(&text[end - 1]) {
        end -= 1;
    }
    if start > at || !is_domain(&text[domain..end]) {
        return Found::nothing(until);
    }
    Found::at(start..end, until)
}

fn is_domain(domain: &[u8]) -> bool {
    let Some(dot) = memchr::memrchr(b'.', domain) else { return false };
    let top = &domain[dot + 1..];
    let is_name = top.len() >= 2 && (top[0].is_ascii_alphabetic() || top[0] >= 0x80);
    is_name && domain[0] != b'.' && !UNITS.contains(&top) && !is_picture(domain, top)
}

/// `2x.png`: a picture for screens of twice the resolution.
fn is_picture(domain: &[u8], top: &[u8]) -> bool {
    let digits = domain.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0 && domain[digits..].starts_with(b"x.") && PICTURES.contains(&top)
}

#[cfg(test)]
mod tests {
    use crate::redaction::Rule;
    use crate::redaction::tests::shown_by;

    #[test]
    fn addresses_are_found() {
        for (text, shown) in [
            ("bob@example.org", "<email>"),
            ("<bob.o'neil+tag@mail.example.co.uk>, ok", "<<email>>, ok"),
            ("to=bob@example.org.", "to=<email>."),
            ("bob@2x.org", "<email>"),
            ("mailto:bob@example.org?x", "mailto:<email>?x"),
            ("?mail=bob%40example.org&x", "?mail=<email>&x"),
            ("?mail=bob%2540example.org&x", "?mail=<email>&x"),
            (r#"{"a":"bob\u0040example.org"}"#, r#"{"a":"<email>"}"#),
            ("j\u{fc}rgen@m\u{fc}nchen.de", "<email>"),
            ("a@b.\u{440}\u{444}", "<email>"),
            ("'bob@example.org'", "'<email>'"),
            ("a@b.cc@d.ee", "<email>@d.ee"),
        ] {
            assert_eq!(shown_by(&[Rule::Email], text), shown);
            assert_eq!(shown_by(&[Rule::Email], shown), shown, "twice");
        }
    }

    #[test]
    fn what_is_no_address_stays() {
        for text in [
            "user@1000.service",
            "lodash@4.17.21",
            "logo@2x.png",
            "root@host",
            "@decorator.x",
            "a@.b.c",
            "com.foo.Bar@6d06d69c",
            "image@sha256:aa",
            "bob @ example.org",
            "a@",
        ] {
            assert_eq!(shown_by(&[Rule::Email], text), text);
        }
    }
}
