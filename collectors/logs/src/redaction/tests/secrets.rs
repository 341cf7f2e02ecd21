//! Secrets made up at random, in texts of many shapes, never survive; and a text without one stays as it is.

use super::*;
use proptest::prelude::*;

const LETTERS: &str = "[A-Za-z0-9]";

fn password() -> impl Strategy<Value = String> {
    // Of what a bare value may be made; quoted ones may have more.
    "[A-Za-z0-9!#$%*+.:?@^_~|/-]{6,24}".prop_filter("no path, no word", |text| {
        !text.starts_with(['/', '-']) && text.contains(|c: char| c.is_ascii_digit())
    })
}

fn luhn(digits: &str) -> char {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0');
            if place % 2 == 0 { digit / 5 + digit * 2 % 10 } else { digit }
        })
        .sum();
    char::from(b'0' + ((10 - sum % 10) % 10) as u8)
}

fn card() -> impl Strategy<Value = String> {
    ("(4[0-9]{3}|5[1-5][0-9]{2}|6011)[0-9]{11}", prop::sample::select(vec!["", " ", "-"])).prop_map(
        |(digits, separator)| {
            let number = format!("{digits}{}", luhn(&digits));
            let groups: Vec<&str> = (0..4).map(|n| &number[4 * n..4 * n + 4]).collect();
            groups.join(separator)
        },
    )
}

/// A rule and something it finds anywhere.
fn made(pattern: &str) -> impl Strategy<Value = String> + use<> {
    prop::string::string_regex(pattern).unwrap()
}

fn secret() -> impl Strategy<Value = (Rule, String)> {
    let of = |rule: Rule| move |text: String| (rule, text);
    prop_oneof![
        made(&format!("{LETTERS}[A-Za-z0-9._+-]{{0,20}}{LETTERS}@{LETTERS}{{1,12}}\\.(org|com|co\\.uk|io)"))
            .prop_map(of(Rule::Email)),
        prop::array::uniform4(any::<u8>())
            .prop_map(|octets| std::net::Ipv4Addr::from(octets).to_string())
            .prop_map(of(Rule::Ip)),
        prop::array::uniform8(1..=u16::MAX)
            .prop_map(|parts| std::net::Ipv6Addr::from(parts).to_string())
            .prop_map(of(Rule::Ip)),
        card().prop_map(of(Rule::CreditCard)),
        made("(gb29 nwbk 6016 1331 9268 19|DE89370400440532013000)").prop_map(of(Rule::Iban)),
        made(&format!("Bearer {LETTERS}{{20,60}}")).prop_map(of(Rule::Bearer)),
        made(&format!("eyJ{LETTERS}{{10,40}}\\.eyJ{LETTERS}{{10,40}}\\.[A-Za-z0-9_-]{{20,43}}")).prop_map(of(Rule::Jwt)),
        made(&format!("(ghp_{LETTERS}{{36}}|AKIA[A-Z0-9]{{16}}|xoxb-[0-9]{{12}}-{LETTERS}{{24}}|sk_live_{LETTERS}{{24}})"))
            .prop_map(of(Rule::ApiKey)),
    ]
}

/// Texts around a secret.
const SHAPES: &[&str] = &[
    "{}",
    "user {} logged in",
    "mail=\"{}\" level=info",
    "k={}&b=2 next",
    r#"{"message":"said {} twice","n":1}"#,
    r#"{"a":{"b":["x","{}"]}}"#,
    r#"{"m":"{\"n\":\"{}\"}"}"#,
    r#"10.1.1.1 - - [02/Jan/2026:03:04:05 +0000] "GET /a?q={} HTTP/1.1" 200 1 "-" "curl/8""#,
    "ValueError: cannot use '{}'\n  File \"a.py\", line 3",
    "<{}>, ({}), [{}]",
];

/// Texts around the value of a key.
const KEYED: &[&str] = &[
    "password={}",
    "login: password={} user=bob",
    "DB_PASSWORD: {}",
    "token={}, user=bob",
    "redis://bob:{}@cache:6379/0",
    r#"{"user":"bob","password":"{}","n":1}"#,
    r#"{"m":"{\"clientSecret\":\"{}\"}"}"#,
    "{'api_key': '{}', 'a': 1}",
    "mysql --password={} -h db",
    "mysql --password {} -h db",
    "X-Api-Key: {}",
    "ALTER USER bob PASSWORD '{}'",
    "headers=[(b'x-token', b'{}')]",
    "session_id={}; path=/",
];

fn escaped(text: &str, how: u8) -> String {
    let each = |c: char| match how {
        0 => c.to_string(),
        1 => format!("\\u{:04x}", u32::from(c)),
        2 => format!("%{:02X}", u32::from(c)),
        _ if !c.is_ascii_alphanumeric() => format!("%{:02x}", u32::from(c)),
        _ => c.to_string(),
    };
    text.chars().map(each).collect()
}

proptest! {
    #[test]
    fn no_secret_survives_in_any_shape((rule, secret) in secret(), shape in prop::sample::select(SHAPES), how in 0u8..4) {
        let text = shape.replace("{}", &escaped(&secret, how));
        let mut redactor = redactor(&Rule::ALL);
        let mut out = String::new();
        prop_assert!(redactor.text(&text, &mut out), "{text}");
        // A scheme is no secret.
        let hidden = secret.strip_prefix("Bearer ").unwrap_or(&secret);
        prop_assert!(!out.contains(hidden) && !out.contains(&escaped(hidden, how)), "{text} became {out}");
        let counted: Vec<&str> = redactor.names().zip(redactor.counts()).filter(|(_, n)| **n > 0).map(|(name, _)| name).collect();
        prop_assert!(counted.contains(&rule.as_str()), "{counted:?} in {text}");
        let mut twice = String::new();
        prop_assert!(!redactor.text(&out, &mut twice), "{out} became {twice}");
    }

    #[test]
    fn no_value_of_a_secret_key_survives(secret in password(), shape in prop::sample::select(KEYED)) {
        // In a URL these end the place for passwords.
        prop_assume!(!shape.contains("://") || !secret.contains(['/', '?', '#']));
        let text = shape.replace("{}", &secret);
        let mut redactor = redactor(&[Rule::Password, Rule::ApiKey]);
        let mut out = String::new();
        prop_assert!(redactor.text(&text, &mut out), "{text}");
        prop_assert!(!out.contains(&secret), "{text} became {out}");
        prop_assert!(!secret.as_bytes().windows(6).any(|part| out.as_bytes().windows(6).any(|shown| shown == part)), "{text} became {out}");
        let mut twice = String::new();
        prop_assert!(!redactor.text(&out, &mut twice), "{out} became {twice}");
    }

    // Quotes are left out: one that nothing closes opens a value in each look, and looks are bounded.
    #[test]
    fn whatever_the_text_is_a_second_time_changes_nothing(text in "([^\\pC\"'`\\\\]|[@.:=/% -]|token|password|::1|1\\.2\\.3\\.4|a@b\\.cd|eyJ|%40|\\\\u0040|4111111111111111|Bearer ){0,40}") {
        let mut redactor = redactor(&Rule::ALL);
        let (mut once, mut twice) = (String::new(), String::new());
        if redactor.text(&text, &mut once) && redactor.text(&once, &mut twice) {
            prop_assert_eq!(once, twice, "from {}", text);
        }
    }

    #[test]
    fn a_text_without_secrets_stays(text in "[a-zA-Z ,.;()\\[\\]!?/éü€-]{0,200}") {
        prop_assert_eq!(shown_by(&Rule::ALL, &text), text);
    }
}
