//! The engine beside plain searches that try every place of a text.

use super::*;
use proptest::prelude::*;

/// The text with `<ip>` for each IPv4 address, by trying each part of it.
fn without_v4(text: &str) -> String {
    let is_address = |part: &str| {
        let octets: Vec<&str> = part.split('.').collect();
        let is_octet = |octet: &&str| {
            (1..=3).contains(&octet.len())
                && octet.bytes().all(|byte| byte.is_ascii_digit())
                && octet.parse::<u8>().is_ok()
        };
        octets.len() == 4 && octets.iter().all(is_octet)
    };
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_alone = |before: &str, behind: &str| {
        let mut next = behind.chars();
        let goes_on = match next.next() {
            Some('.') => next.next().is_some_and(|c| c.is_ascii_digit() || c == '.'),
            next => next.is_some_and(word),
        };
        let is_version =
            before.strip_suffix('/').is_some_and(|name| name.ends_with(|c: char| c.is_ascii_alphanumeric()));
        let port =
            behind.strip_prefix(':').is_some_and(|port| port.starts_with(|c: char| c.is_ascii_digit()));
        !goes_on && !before.ends_with(|c| word(c) || c == '.') && (!is_version || port)
    };
    // What stands before a place is what it has become: behind `<ip>/` is a mask, and no version.
    let mut out = String::new();
    let mut at = 0;
    while at < text.len() {
        let ends = (at + 7..=text.len().min(at + 15)).rev();
        let found = ends.into_iter().find(|end| is_address(&text[at..*end]) && is_alone(&out, &text[*end..]));
        match found {
            Some(end) => {
                out.push_str("<ip>");
                at = end;
            }
            None => {
                out.push_str(&text[at..at + 1]);
                at += 1;
            }
        }
    }
    out
}

/// The digits, if they are those of a Visa card.
fn is_visa(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(digit - b'0') * (1 + place as u32 % 2);
            value / 10 + value % 10
        })
        .sum();
    digits.starts_with('4') && matches!(digits.len(), 13 | 16 | 19) && sum.is_multiple_of(10)
}

proptest! {
    #[test]
    fn every_address_in_a_text_is_found(
        text in "([a-z_ .:/,-]|[0-9]{1,4}|[0-9]{1,3}\\.|[0-9]{1,3}\\.[0-9]{1,3}\\.|1\\.22\\.255\\.0|999\\.){0,60}",
    ) {
        // As many as an IPv6 address has.
        prop_assume!(!text.contains("::") && text.matches(':').count() < 7);
        prop_assert_eq!(shown_by(&[Rule::Ip], &text), without_v4(&text), "{}", text);
    }

    #[test]
    fn every_number_of_a_card_in_a_text_is_found(
        before in "[a-z ,=:]{0,70}[ ,=:]", digits in "4[0-9]{10,19}", last in any::<bool>(), behind in "([ ,;&][a-z 0-9]{0,9})?",
    ) {
        // One of ten has the right check digit; so that more have:
        let digit = ('0'..='9').find(|digit| is_visa(&format!("{digits}{digit}")));
        let digits = match digit {
            Some(digit) if last => format!("{digits}{digit}"),
            _ => digits,
        };
        let shown = if is_visa(&digits) { "<credit_card>" } else { &digits };
        // Groups of four may go on behind a blank.
        prop_assume!(!behind.starts_with(' ') || digits.len() > 6);
        prop_assert_eq!(
            shown_by(&[Rule::CreditCard], &format!("{before}{digits}{behind}")),
            format!("{before}{shown}{behind}")
        );
    }
}
