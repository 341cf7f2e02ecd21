//! IPv4 and IPv6 addresses, also mapped ones, with zones; ports stay.
//!
//! What only looks like one stays: version numbers of more or fewer parts or behind a program's name
//! (`Chrome/120.0.0.0`), times, hardware addresses (two digits in each group, which an IPv6 address never has), paths of C++ and Rust without a digit (`a::b`), and `::` alone.

use std::net::Ipv6Addr;
use std::ops::Range;

use super::engine::Found;

/// The longest text of an IPv6 address.
const LONGEST_V6: usize = 45;
/// So many colons has one that is written in full.
const COLONS: usize = 7;

/// Whether a second dot follows the one behind `at`: most are of a version or a fraction, and none does.
#[inline]
pub(super) fn may_be_v4(text: &[u8], at: usize) -> bool {
    text[at + 3..].iter().take(3).any(|byte| *byte == b'.')
}

/// Around the first dot, which stands behind `at`.
pub(super) fn v4(text: &[u8], at: usize) -> Found {
    let before = text[..at].iter().rev().take(3).take_while(|byte| byte.is_ascii_digit()).count();
    let start = at - before;
    let mut end = start;
    for part in 0..4 {
        if part > 0 {
            if text.get(end) != Some(&b'.') {
                return Found::nothing(at + 1);
            }
            end += 1;
        }
        let (first, mut value) = (end, 0);
        while let Some(digit @ b'0'..=b'9') = text.get(end)
            && value <= 255
        {
            value = value * 10 + u32::from(digit - b'0');
            end += 1;
        }
        if !(1..=3).contains(&(end - first)) || value > 255 {
            return Found::nothing(at + 1);
        }
    }
    // Digits and words at its ends belong to something else.
    let goes_on = match &text[end..] {
        [b'.', next, ..] => next.is_ascii_digit() || *next == b'.',
        [next, ..] => next.is_ascii_alphabetic() || *next == b'_',
        [] => false,
    };
    if goes_on || !stands_alone(text, start) || is_version(text, start, end) {
        return Found::nothing(at + 1);
    }
    Found::at(start..end, end)
}

fn stands_alone(text: &[u8], start: usize) -> bool {
    start == 0 || !(text[start - 1].is_ascii_alphanumeric() || matches!(text[start - 1], b'_' | b'.'))
}

/// Behind a name and a slash, and without a port: `Chrome/120.0.0.0`, but not `host/10.0.0.1:5432` as Java writes it.
fn is_version(text: &[u8], start: usize, end: usize) -> bool {
    let named = start >= 2 && text[start - 1] == b'/' && text[start - 2].is_ascii_alphanumeric();
    let port = text.get(end) == Some(&b':') && text.get(end + 1).is_some_and(u8::is_ascii_digit);
    named && !port
}

/// Whether there are as many colons around the one behind `at` as an address has that is written in full: there are fewer
/// in times. One that is not has two colons in a row, where it is found.
#[inline]
pub(super) fn may_be_full_v6(text: &[u8], at: usize) -> bool {
    let of_run = |byte: &&u8| byte.is_ascii_hexdigit() || **byte == b':';
    let is_colon = |byte: &&u8| **byte == b':';
    let before = text[..=at].iter().rev().take(LONGEST_V6).take_while(of_run).filter(is_colon).count();
    let behind = text[at + 1..].iter().take(LONGEST_V6).take_while(of_run).filter(is_colon).count();
    before + behind >= COLONS
}

/// Around two colons, or a colon beside a group of one digit or of at least three: all groups of times and of hardware
/// addresses have two. They begin at `at`.
pub(super) fn v6(text: &[u8], at: usize) -> Found {
    let of_run = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let before = text[..=at].iter().rev().take(LONGEST_V6).take_while(|byte| of_run(byte)).count();
    let mut start = at + 1 - before;
    let run_end = at + text[at..].iter().take_while(|byte| of_run(byte)).count();
    if before == LONGEST_V6 || run_end - start > LONGEST_V6 + 8 {
        return Found::nothing(run_end);
    }
    let run = &text[start..run_end];
    if run.iter().filter(|byte| **byte == b':').count() < COLONS && !run.windows(2).any(|pair| pair == b"::")
    {
        return Found::nothing(run_end);
    }
    // The colon or dot of what stands before, and of the sentence.
    if text[start..].starts_with(b":") && !text[start..].starts_with(b"::") {
        start += 1;
    }
    let mut end = run_end;
    while end > start
        && (text[end - 1] == b'.' || text[..end].ends_with(b":") && !text[..end].ends_with(b"::"))
    {
        end -= 1;
    }
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if !stands_alone(text, start) || text.get(run_end).is_some_and(word) {
        return Found::nothing(run_end);
    }
    let Some(end) = address_end(text, start, end) else { return Found::nothing(run_end) };
    Found::at(start..zone_end(text, end), run_end)
}

/// Where the address ends that is all of the text, or all but a port.
fn address_end(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let is_address = |range: Range<usize>| {
        let text = std::str::from_utf8(&text[range]).unwrap_or_default();
        text.parse::<Ipv6Addr>().is_ok()
            && text.bytes().any(|byte| byte.is_ascii_digit())
            && text.split(':').any(|group| group.len() != 2)
    };
    if is_address(start..end) {
        return Some(end);
    }
    let port = start + text[start..end].iter().rposition(|byte| *byte == b':')?;
    let digits = &text[port + 1..end];
    ((1..=5).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) && is_address(start..port))
        .then_some(port)
}

/// Behind `%eth0`, if that follows.
fn zone_end(text: &[u8], end: usize) -> usize {
    let Some(zone) = text.get(end..).and_then(|rest| rest.strip_prefix(b"%")) else { return end };
    let of_zone = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    match zone.iter().take(16).take_while(of_zone).count() {
        0 => end,
        len => end + 1 + len,
    }
}

#[cfg(test)]
mod tests {
    use crate::redaction::Rule;
    use crate::redaction::tests::shown_by;

    #[test]
    fn addresses_are_found_and_ports_stay() {
        for (text, shown) in [
            ("10.0.0.1", "<ip>"),
            ("from 192.168.1.255:8080.", "from <ip>:8080."),
            ("10.0.0.0/8, 10.1.2.3.", "<ip>/8, <ip>."),
            ("http://1.2.3.4/x", "http://<ip>/x"),
            ("/10.0.0.1:5432 db/10.0.0.1:5432", "/<ip>:5432 db/<ip>:5432"),
            ("010.001.000.009", "<ip>"),
            ("10.0.0.1-10.0.0.9", "<ip>-<ip>"),
            ("::1 [::1]:80", "<ip> [<ip>]:80"),
            ("2001:db8::8a2e:370:7334", "<ip>"),
            ("addr:2001:DB8:0:0:0:0:0:1, x", "addr:<ip>, x"),
            ("2001:db8:0:0:0:0:0:1:443", "<ip>:443"),
            ("/0:0:0:0:0:0:0:1:80 1:2:3:4:5:6:7:8", "/<ip>:80 <ip>"),
            ("12:34:5:6:78:90:ab:cd", "<ip>"),
            ("v:1:22:33:44:55:66:77:88, peer:12:34:56:78:90:ab:abc:cd", "v:<ip>, peer:<ip>"),
            ("::ffff:192.0.2.128", "<ip>"),
            ("fe80::1%eth0 fe80::2: no", "<ip> <ip>: no"),
            ("4.3.2.1.in-addr.arpa", "<ip>.in-addr.arpa"),
            (r#"{"a":"1.2.3.4"}"#, r#"{"a":"<ip>"}"#),
            ("fe80%3A%3A1", "<ip>"),
        ] {
            assert_eq!(shown_by(&[Rule::Ip], text), shown);
        }
    }

    #[test]
    fn what_only_looks_like_an_address_stays() {
        for text in [
            "1.2.3.4.5",
            "1.2.3",
            "v1.2.3.4",
            "Chrome/120.0.0.0 Safari/537.36",
            "256.1.1.1",
            "1.2.3.4rc1",
            "1.2.3.1000",
            "1..2.3.4",
            "10:05:03",
            "2026-01-02T03:04:05.678",
            "00:1a:2b:3c:4d:5e",
            "50:06:01:60:3b:a0:11:22",
            "a.rs:1:2: b.rs:3:4",
            "std::vec::Vec",
            "a::b dead::beef",
            "[::]:80",
            "1:2",
            "SHA256:ab:cd",
            "1.1.1.1.1.1.1.1.1.1",
        ] {
            assert_eq!(shown_by(&[Rule::Ip], text), text);
        }
    }
}
