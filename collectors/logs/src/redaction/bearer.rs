//! Credentials behind the name of their scheme: `Bearer …`, `Basic …`, `Digest …`. Whole `Authorization` headers are found
//! by their key ([`super::password`]).

use super::engine::Found;
use super::value::parameters_end;

/// The shortest token.
const SHORTEST: usize = 8;

/// Words that follow in prose.
const PROSE: [&[u8]; 9] = [
    b"authentication",
    b"authorization",
    b"certificate",
    b"credentials",
    b"challenge",
    b"password",
    b"required",
    b"security",
    b"username",
];

/// The last three letters of a scheme stand at `at`.
pub(super) fn find(text: &[u8], at: usize) -> Found {
    let name_end = at + 3;
    if ![b"rer", b"sic", b"est"].iter().any(|end| text[at..name_end].eq_ignore_ascii_case(*end)) {
        return Found::nothing(at + 1);
    }
    let scheme = |name: &[u8]| {
        let start = name_end.checked_sub(name.len())?;
        let alone = start == 0 || !(text[start - 1].is_ascii_alphanumeric() || text[start - 1] == b'_');
        (alone && text[start..name_end].eq_ignore_ascii_case(name)).then_some(())
    };
    let blanks = text[name_end..].iter().take_while(|byte| b" \t+".contains(byte)).count();
    let start = name_end + blanks;
    if scheme(b"digest").is_some() {
        return match parameters_end(text, start) {
            Some(end) if is_answer(&text[start..end]) => Found::at(start..end, end),
            end => Found::nothing(end.unwrap_or(start)),
        };
    }
    let is_basic = scheme(b"basic").is_some();
    if !is_basic && scheme(b"bearer").is_none() {
        return Found::nothing(at + 1);
    }
    let of_token = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/=._~-".contains(byte);
    let end = start + text[start..].iter().take_while(of_token).count();
    let token = &text[start..end];
    let parameter = token.ends_with(b"=") && text.get(end) == Some(&b'"');
    let is_secret = if is_basic { is_pair(token) } else { token.len() >= SHORTEST && !is_prose(token) };
    if parameter || !is_secret {
        return Found::nothing(end);
    }
    Found::at(start..end, end)
}

fn is_prose(token: &[u8]) -> bool {
    let token = token.strip_suffix(b".").unwrap_or(token);
    PROSE.iter().any(|word| token.eq_ignore_ascii_case(word))
}

/// What a client sends, not what it was asked.
fn is_answer(parameters: &[u8]) -> bool {
    parameters.windows(9).any(|window| window == b"response=")
}

/// Whether it is base64 of a name, a colon and a password.
fn is_pair(token: &[u8]) -> bool {
    let digits = token.iter().position(|byte| *byte == b'=').unwrap_or(token.len());
    let mut bits = 0u32;
    let mut held = 0;
    let mut colon = false;
    for byte in &token[..digits] {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' => 63,
            _ => return false,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            let decoded = (bits >> held) as u8;
            colon |= decoded == b':';
            if decoded < b' ' {
                return false;
            }
        }
    }
    colon
}

#[cfg(test)]
mod tests {
    use crate::redaction::Rule;
    use crate::redaction::tests::shown_by;

    #[test]
    fn credentials_are_found() {
        for (text, shown) in [
            ("got Bearer abcdefghij", "got Bearer <bearer>"),
            ("bearer  mF_9.B5f-4.1JqM x", "bearer  <bearer> x"),
            ("Authorization: Bearer abc", "Authorization: <bearer>"),
            ("authorization: basic Ym9iOmh1bnRlcjI=", "authorization: <bearer>"),
            ("sent Basic Ym9iOmh1bnRlcjI= twice", "sent Basic <bearer> twice"),
            (r#"{"Authorization":"Bearer a b"}"#, r#"{"Authorization":"<bearer>"}"#),
            ("-H 'Authorization: Bearer abc' x", "-H 'Authorization: <bearer>' x"),
            (r#"-H \"Authorization: Bearer abc\" x"#, r#"-H \"Authorization: <bearer>\" x"#),
            (
                "Proxy-Authorization: Digest username=\"bob\", response=\"x\"\nA: b",
                "Proxy-Authorization: <bearer>\nA: b",
            ),
            ("Digest username=\"b\", uri=\"/\", response=\"x\" ok", "Digest <bearer> ok"),
            ("Authorization: AWS4-HMAC-SHA256 Credential=a/b, Signature=c", "Authorization: <bearer>"),
            ("(b'authorization', b'Bearer abc')", "(b'authorization', b'<bearer>')"),
            ("Bearer%20abcdefghij", "Bearer%20<bearer>"),
        ] {
            assert_eq!(shown_by(&[Rule::Bearer], text), shown);
            assert_eq!(shown_by(&[Rule::Bearer], shown), shown, "twice");
        }
    }

    #[test]
    fn prose_and_challenges_stay() {
        for text in [
            "basic information about the bearer",
            "Bearer authentication required.",
            "WWW-Authenticate: Bearer authorization_uri=\"https://a.b\"",
            "WWW-Authenticate: Digest realm=\"a\", nonce=\"b\"",
            "Basic authentication",
            "the latest news, forbearer abcdefghij",
        ] {
            assert_eq!(shown_by(&[Rule::Bearer], text), text);
        }
    }
}
