//! Credentials in URLs: `scheme://user:password@host`, also with an empty name, and a token alone before the `@`.
//!
//! What stands before the `@` goes whole: it may be the name that is the token. So does what Go's driver for MySQL
//! takes, `user:password@tcp(host)/database`.

use super::engine::Found;

/// A name without a password that is so long, and has a digit, is a token.
const TOKEN: usize = 16;

/// What ends the part of a URL that has credentials.
static IS_OVER: [bool; 256] = {
    let mut is_over = [false; 256];
    let mut bytes: &[u8] = b" \t\n\x0c\r/?#\"'<>\\";
    while let [first, rest @ ..] = bytes {
        is_over[*first as usize] = true;
        bytes = rest;
    }
    is_over
};

/// The colon stands right behind `at`.
pub(super) fn credentials(text: &[u8], at: usize) -> Found {
    let start = at + 4;
    let len = text[start..].iter().position(|byte| IS_OVER[usize::from(*byte)]);
    let authority = len.map_or(&text[start..], |len| &text[start..start + len]);
    let until = start + authority.len();
    // Most are short: to call a search for a byte would take longer.
    let (end, passwords_slash) = match authority.iter().rposition(|byte| *byte == b'@') {
        Some(len) => (start + len, false),
        // A slash or another delimiter in a password that should have been escaped.
        None => match slash_in_password(text, start, until) {
            Some(end) => (end, true),
            None => return Found::nothing(until),
        },
    };
    let info = &text[start..end];
    let is_token = info.len() >= TOKEN && info.iter().any(u8::is_ascii_digit);
    let is_secret = match memchr::memchr(b':', info) {
        Some(colon) => colon + 1 < info.len() || is_token,
        None => is_token && !passwords_slash,
    };
    // What is in the place of credentials already.
    if !is_secret {
        return Found::nothing(until);
    }
    Found::at(start..end, end)
}

/// Where the name and password end if the password has one of `/?#`: at an `@` of the same word, after a colon that no
/// port follows.
fn slash_in_password(text: &[u8], start: usize, over: usize) -> Option<usize> {
    let colon = start + text[start..over].iter().position(|byte| *byte == b':')?;
    let after = &text[colon + 1..over];
    let is_port = !after.is_empty() && after.iter().all(u8::is_ascii_digit);
    if is_port || !b"/?#".contains(text.get(over)?) {
        return None;
    }
    let rest = &text[over..];
    let is_over = |byte: &&u8| !byte.is_ascii_whitespace() && !b"\"'<>\\".contains(byte);
    let word = rest.iter().take(128).take_while(is_over).count();
    memchr::memchr(b'@', &rest[..word]).map(|len| over + len)
}

/// `user:password@tcp(`, with the `@` behind `at`.
pub(super) fn data_source(text: &[u8], at: usize) -> Found {
    let until = at + 1;
    let rest = &text[at + 2..];
    if ![&b"tcp("[..], b"unix(", b"tcp6("].iter().any(|network| rest.starts_with(network)) {
        return Found::nothing(until);
    }
    let before = &text[..=at];
    let from = before.len().saturating_sub(256);
    let len = before[from..]
        .iter()
        .rev()
        .take_while(|byte| !byte.is_ascii_whitespace() && !b"\"'=`".contains(byte))
        .count();
    let info = before.len() - len..before.len();
    match memchr::memchr(b':', &before[info.clone()]) {
        Some(colon) if colon + 1 < info.len() => Found::at(info.start + colon + 1..info.end, until),
        _ => Found::nothing(until),
    }
}

#[cfg(test)]
mod tests {
    use crate::redaction::Rule;
    use crate::redaction::tests::shown_by;

    #[test]
    fn credentials_of_a_url_are_found() {
        for (text, shown) in [
            ("redis://me:pw@host/0", "redis://<password>@host/0"),
            ("redis://:pw@host", "redis://<password>@host"),
            ("amqp://a:p@ss@host", "amqp://<password>@host"),
            ("amqp://a:p/ss@host/x", "amqp://<password>@host/x"),
            ("https:\\/\\/u:p@h\\/", "https:\\/\\/<password>@h\\/"),
            ("url=https%3A%2F%2Fu%3Ap%40h", "url=https%3A%2F%2F<password>%40h"),
            ("https://a1b2c3d4e5f6a7b8@sentry.io/1", "https://<password>@sentry.io/1"),
            ("root:x@tcp(127.0.0.1:3306)/db", "root:<password>@tcp(127.0.0.1:3306)/db"),
        ] {
            assert_eq!(shown_by(&[Rule::Password], text), shown);
            assert_eq!(shown_by(&[Rule::Password], shown), shown, "twice");
        }
    }

    #[test]
    fn a_url_without_credentials_stays() {
        for text in [
            "http://host:80/a@b",
            "ssh://git@github.com/x",
            "http://host/user:a@b",
            "see http://a.b/c, mail d:e@f",
            "http://",
            "redis://me:@host",
        ] {
            assert_eq!(shown_by(&[Rule::Password], text), text);
        }
    }
}
