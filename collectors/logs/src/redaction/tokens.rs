//! Tokens that are known by how they begin: JSON Web Tokens, keys of services, private keys in PEM.

use super::engine::Found;
use super::rule::Rule;

/// What a token is made of behind its prefix.
#[derive(Clone, Copy, PartialEq)]
enum Made {
    /// Letters and digits.
    Alphanumeric,
    /// Letters, digits and `_`.
    Word,
    /// Capitals and digits.
    Capitals,
    /// These and `_`, `-`.
    Base64Url,
    /// Base64url and dots.
    Dotted,
    /// Hexadecimal digits.
    Hex,
}

impl Made {
    fn of(self, byte: u8) -> bool {
        match self {
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Word => byte.is_ascii_alphanumeric() || byte == b'_',
            Self::Capitals => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Base64Url => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Self::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'),
            Self::Hex => byte.is_ascii_hexdigit(),
        }
    }
}

/// A prefix, what follows it, and how much of that at least; at most as well, if the length is fixed.
type Known = (&'static [u8], Made, usize, bool);

/// By services, as they publish them for scanners of secrets.
const KNOWN: &[Known] = &[
    (b"AKIA", Made::Capitals, 16, true),
    (b"ASIA", Made::Capitals, 16, true),
    (b"AIza", Made::Base64Url, 35, false),
    (b"SG.", Made::Dotted, 20, false),
    (b"SK", Made::Hex, 32, true),
    (b"ghp_", Made::Alphanumeric, 20, false),
    (b"gho_", Made::Alphanumeric, 20, false),
    (b"ghu_", Made::Alphanumeric, 20, false),
    (b"ghs_", Made::Alphanumeric, 20, false),
    (b"github_pat_", Made::Word, 20, false),
    (b"ghr_", Made::Alphanumeric, 20, false),
    (b"glpat-", Made::Dotted, 16, false),
    (b"gldt-", Made::Dotted, 16, false),
    (b"glrt-", Made::Dotted, 16, false),
    (b"glcbt-", Made::Dotted, 16, false),
    (b"glptt-", Made::Dotted, 16, false),
    (b"glft-", Made::Dotted, 16, false),
    (b"xoxb-", Made::Base64Url, 10, false),
    (b"xoxa-", Made::Base64Url, 10, false),
    (b"xoxp-", Made::Base64Url, 10, false),
    (b"xoxr-", Made::Base64Url, 10, false),
    (b"xoxs-", Made::Base64Url, 10, false),
    (b"xoxe-", Made::Base64Url, 10, false),
    (b"xoxe.", Made::Dotted, 10, false),
    (b"xapp-", Made::Base64Url, 10, false),
    (b"sk_live_", Made::Alphanumeric, 10, false),
    (b"sk_test_", Made::Alphanumeric, 10, false),
    (b"rk_live_", Made::Alphanumeric, 10, false),
    (b"rk_test_", Made::Alphanumeric, 10, false),
    (b"sk-", Made::Base64Url, 20, false),
    (b"hf_", Made::Alphanumeric, 30, false),
    (b"npm_", Made::Alphanumeric, 30, false),
    (b"pypi-", Made::Base64Url, 30, false),
    (b"dop_v1_", Made::Hex, 64, false),
    (b"shpat_", Made::Hex, 32, false),
    (b"ya29.", Made::Base64Url, 20, false),
];

/// What may be the beginning of a prefix stands at `at`.
pub(super) fn begun(text: &[u8], at: usize) -> (Rule, Found) {
    if text[at..].starts_with(b"eyJ") {
        return (Rule::Jwt, jwt(text, at));
    }
    if text[at] == b'-' {
        return (Rule::ApiKey, private_key(text, at));
    }
    let known = |(prefix, ..): &&Known| prefix[0] == text[at] && text[at..].starts_with(prefix);
    (Rule::ApiKey, token(text, at, KNOWN.iter().find(known)))
}

/// What may be the last four bytes of a prefix stand at `at`.
pub(super) fn ended(text: &[u8], at: usize) -> (Rule, Found) {
    let end = at + 4;
    let known = |(prefix, ..): &&Known| prefix.ends_with(&text[at..end]) && text[..end].ends_with(prefix);
    let known = KNOWN.iter().find(known);
    let start = known.map_or(at, |(prefix, ..)| end - prefix.len());
    (Rule::ApiKey, token(text, start, known))
}

/// Whether a word begins at `at`.
fn begins_word(text: &[u8], at: usize) -> bool {
    at == 0 || !(text[at - 1].is_ascii_alphanumeric() || text[at - 1] == b'_')
}

/// A token of a known prefix begins at `at`.
fn token(text: &[u8], at: usize, known: Option<&Known>) -> Found {
    let Some((prefix, made, least, exact)) = known else { return Found::nothing(at + 1) };
    let rest = &text[at + prefix.len()..];
    let len = rest.iter().take_while(|byte| made.of(**byte)).count();
    let end = at + prefix.len() + len;
    let goes_on = text.get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let fits = if *exact { len == *least && !goes_on } else { len >= *least };
    // Words joined by dashes are no key.
    let is_random = *made != Made::Base64Url || rest[..len].iter().any(u8::is_ascii_digit);
    if !fits || !is_random || !begins_word(text, at) {
        return Found::nothing(end);
    }
    let dots = text[..end].iter().rev().take_while(|byte| b".-".contains(byte)).count();
    Found::at(at..end - dots, end)
}

/// A header, a payload and a signature; five parts if it is encrypted.
fn jwt(text: &[u8], at: usize) -> Found {
    let part = |from: usize| from + text[from..].iter().take_while(|byte| Made::Base64Url.of(**byte)).count();
    let header = part(at);
    if header - at < 8 || text.get(header) != Some(&b'.') || !begins_word(text, at) {
        return Found::nothing(header);
    }
    let payload = part(header + 1);
    if text.get(payload) != Some(&b'.') {
        return Found::nothing(payload);
    }
    let mut end = part(payload + 1);
    for _ in 0..2 {
        if text.get(end) == Some(&b'.') && part(end + 1) > end + 1 {
            end = part(end + 1);
        }
    }
    if payload == header + 1 && end == payload + 1 {
        return Found::nothing(end);
    }
    Found::at(at..end, end)
}

/// From `-----BEGIN … PRIVATE KEY-----`, of which `-BEG` stands at `at`, to its end, or that of the text.
fn private_key(text: &[u8], at: usize) -> Found {
    let Some(start) = at.checked_sub(4).filter(|start| text[*start..].starts_with(b"-----BEGIN ")) else {
        return Found::nothing(at + 1);
    };
    let label = &text[start + 11..text.len().min(start + 64)];
    let Some(len) = label.windows(5).position(|window| window == b"-----") else {
        return Found::nothing(at + 1);
    };
    if !label[..len].ends_with(b"PRIVATE KEY") && !label[..len].ends_with(b"PRIVATE KEY BLOCK") {
        return Found::nothing(at + 1);
    }
    let body = start + 11 + len + 5;
    let end = memchr::memmem::find(&text[body..], b"-----END ").map(|len| body + len).and_then(|end| {
        let label = &text[end + 9..text.len().min(end + 64)];
        label.windows(5).position(|window| window == b"-----").map(|len| end + 9 + len + 5)
    });
    let end = end.unwrap_or(text.len());
    Found::at(start..end, end)
}

#[cfg(test)]
mod tests {
    use crate::redaction::Rule;
    use crate::redaction::tests::shown_by;

    /// Put together so that no scanner of secrets takes this file for a leak.
    fn tokens() -> Vec<String> {
        let letters = "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dF3gH5jK7m";
        let capitals = letters.to_uppercase();
        let hex = "0123456789abcdef".repeat(4);
        let mut tokens: Vec<String> = ["ghp_", "gho_", "npm_", "sk_live_", "rk_live_", "hf_"]
            .map(|prefix| format!("{prefix}{}", &letters[..36]))
            .to_vec();
        tokens.extend(["AKIA", "ASIA"].map(|prefix| format!("{prefix}{}", &capitals[..16])));
        tokens.extend(
            ["sk-", "sk-ant-api03-", "sk-proj-", "glpat-", "xoxb-1234-", "pypi-"]
                .map(|p| format!("{p}{letters}")),
        );
        tokens.push(format!("AIza{}", &letters[..35]));
        tokens.push(format!("github_pat_{}_{}", &letters[..22], &letters[..30]));
        tokens.push(format!("SG.{}.{}", &letters[..22], &letters[..40]));
        tokens.push(format!("SK{}", &hex[..32]));
        tokens.push(format!("shpat_{}", &hex[..32]));
        tokens
    }

    #[test]
    fn keys_of_services_are_found() {
        for token in tokens() {
            for (text, shown) in [
                ("{}", "<api_key>"),
                ("key {}, ok", "key <api_key>, ok"),
                (r#"{"a":"{}"}"#, r#"{"a":"<api_key>"}"#),
                ("https://x/?k={}&a", "https://x/?k=<api_key>&a"),
            ] {
                assert_eq!(shown_by(&[Rule::ApiKey], &text.replace("{}", &token)), shown, "{token}");
            }
        }
    }

    #[test]
    fn keys_with_a_name_are_found() {
        for (text, shown) in [
            ("aws_secret_access_key = wJalr/K7MDENG+bPx", "aws_secret_access_key = <api_key>"),
            ("X-Api-Key: abc", "X-Api-Key: <api_key>"),
            (r#"{"apiKey":"abc","a":1}"#, r#"{"apiKey":"<api_key>","a":1}"#),
            ("AccountKey=abc==;Endpoint=x", "AccountKey=<api_key>;Endpoint=x"),
        ] {
            assert_eq!(shown_by(&[Rule::ApiKey], text), shown);
            assert_eq!(shown_by(&[Rule::ApiKey], shown), shown, "twice");
        }
    }

    #[test]
    fn a_private_key_is_found_whole() {
        let dashes = "-----";
        for (label, end) in [("RSA PRIVATE KEY", true), ("PRIVATE KEY", true), ("OPENSSH PRIVATE KEY", false)]
        {
            let closing = if end { format!("\n{dashes}END {label}{dashes}") } else { String::new() };
            let key = format!("{dashes}BEGIN {label}{dashes}\nMIIE+/a\nb=={closing}");
            assert_eq!(shown_by(&[Rule::ApiKey], &format!("a {key}")), "a <api_key>");
            let escaped = key.replace('\n', "\\n");
            let rest = if end { "\"}" } else { "" };
            assert_eq!(
                shown_by(&[Rule::ApiKey], &format!("{{\"k\":\"{escaped}\"}}")),
                format!("{{\"k\":\"<api_key>{rest}")
            );
        }
        let certificate = format!("{dashes}BEGIN CERTIFICATE{dashes}\nMIIE");
        assert_eq!(shown_by(&[Rule::ApiKey], &certificate), certificate);
    }

    #[test]
    fn web_tokens_are_found() {
        for (text, shown) in [
            ("t eyJhbGciOi.eyJzdWIi.c2ln.", "t <jwt>."),
            ("eyJhbGciOi.eyJzdWIi.", "<jwt>"),
            ("a=eyJhbGciOi..iv.text.tag&b", "a=<jwt>&b"),
            ("eyJhbGciOi%2EeyJzdWIi%2Ec2ln x", "<jwt> x"),
        ] {
            assert_eq!(shown_by(&[Rule::Jwt], text), shown);
        }
    }

    #[test]
    fn what_only_begins_so_stays() {
        for text in [
            "AKIAcapitals AKIA0123",
            "task-1 disk-sk-it risk-aversion-in-all-its-many-forms",
            "sk-this-is-a-class-of-a-page",
            "eyJhbGciOi and no more",
            "keyJhbGciOi.eyJzdWIi.c2ln",
            "SKU 12345",
            "the npm_package_name is npm_x",
        ] {
            assert_eq!(shown_by(&[Rule::ApiKey, Rule::Jwt], text), text);
        }
    }
}
