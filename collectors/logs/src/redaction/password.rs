//! Values of keys that name a secret, in whatever language: `key=value`, `key: value`, JSON, YAML, query strings, SQL,
//! hashes of Ruby, tuples of Python, options of a command line.

use super::keys::{self, Kind, is_of_key};
use super::value::{Extent, extent};
use super::view::View;

/// What follows a key.
pub(super) struct Keyed {
    pub(super) kind: Kind,
    pub(super) value: Extent,
    /// The value is bare and the key in quotes: JSON asks for quotes around what stands in its place.
    pub(super) wants_quotes: bool,
}

/// A key may be so long.
const LONGEST_KEY: usize = 64;

/// The last two letters of what may be a key stand at `at`.
pub(super) fn keyed(view: View<'_>, at: usize) -> Option<Keyed> {
    let text = view.bytes;
    let mut end = at + 2;
    end += count(&text[end..], |byte| byte.is_ascii_digit() || byte == b']');
    let quote = text.get(end).copied().filter(|byte| b"\"'`".contains(byte));
    if text.get(end) == Some(&b'>') && end == at + 2 {
        return element(text, end);
    }
    let behind = end + usize::from(quote.is_some());
    let separated = separator(text, behind)
        .or_else(|| pair_of_object(text, behind, quote?))
        .or_else(|| pair_of_tuple(text, at, behind, quote?))?;
    let kind = keys::kind(key(text, end))?;
    if kind == Kind::Pwd && is_path(&text[separated..]) {
        return None;
    }
    let value = extent(view, separated, kind, quote.is_some())?;
    let shown = &text[value.range.clone()];
    if is_harmless(shown, value.bare) {
        return None;
    }
    let wants_quotes = value.bare && quote == Some(b'"') && view.width(end) == 1;
    Some(Keyed { kind, value, wants_quotes })
}

/// `<key>value</key>`
fn element(text: &[u8], end: usize) -> Option<Keyed> {
    let name = key(text, end);
    let kind = keys::kind(name)?;
    let opens = text[..end - name.len()].ends_with(b"<");
    let start = end + 1;
    let len = memchr::memchr(b'<', &text[start..]).filter(|len| opens && *len > 0)?;
    let range = start..start + len;
    let closes = text[range.end..].strip_prefix(b"</").is_some_and(|rest| rest.starts_with(name));
    let keyed = Keyed { kind, value: Extent { end: range.end, range, bare: false }, wants_quotes: false };
    (closes && !is_harmless(&text[keyed.value.range.clone()], true)).then_some(keyed)
}

/// The key that ends at `end`.
fn key(text: &[u8], end: usize) -> &[u8] {
    let from = end.saturating_sub(LONGEST_KEY);
    let of_key = |byte: &&u8| is_of_key(**byte) || **byte == b']';
    let len = text[from..end].iter().rev().take_while(of_key).count();
    &text[end - len..end]
}

/// Where the value begins behind `=`, `:`, `:=`, `=>`, `==`, and the blanks around these.
fn separator(text: &[u8], at: usize) -> Option<usize> {
    let before = blanks(text, at);
    let at = at + before;
    let len = match text.get(at..)? {
        [b'=', b'>', ..] | [b':', b'=', ..] | [b'=', b'=', ..] => 2,
        [b'=' | b':', ..] => 1,
        _ => return None,
    };
    // `::` is a path in a program; nothing behind `password=` and a blank is an empty value.
    if text[at..].starts_with(b"::") {
        return None;
    }
    let after = blanks(text, at + len);
    (before > 0 || after == 0 || text[at] == b':' || len == 2).then_some(at + len + after)
}

/// `"name": "password", "value": "…"`, as in a HAR or a Kubernetes manifest.
fn pair_of_object(text: &[u8], at: usize, quote: u8) -> Option<usize> {
    let at = at + blanks(text, at);
    let at = text[at..].starts_with(b",").then_some(at + 1)?;
    let at = at + blanks(text, at);
    let rest = text[at..].strip_prefix(&[quote])?.strip_prefix(b"value")?.strip_prefix(&[quote])?;
    separator(text, text.len() - rest.len())
}

/// `("password", "…")`, also `(b"…", b"…")`.
fn pair_of_tuple(text: &[u8], at: usize, behind: usize, quote: u8) -> Option<usize> {
    let comma = behind + blanks(text, behind);
    let value = text[comma..].strip_prefix(b",").map(|_| comma + 1 + blanks(text, comma + 1))?;
    if !matches!(text.get(value..)?, [b'"' | b'\'', ..] | [b'b' | b'u', b'"' | b'\'', ..]) {
        return None;
    }
    let start = behind - 1 - key(text, behind - 1).len();
    let before = text[..start.min(at)].strip_suffix(&[quote])?;
    let before = before.strip_suffix(b"b").or_else(|| before.strip_suffix(b"u")).unwrap_or(before);
    before.ends_with(b"(").then_some(value)
}

/// The last letter of what may be a key stands at `at`, and blanks behind it.
pub(super) fn behind_blanks(view: View<'_>, at: usize) -> Option<Keyed> {
    let text = view.bytes;
    let next = at + 1 + blanks(text, at + 1);
    match text.get(next)? {
        b'=' | b':' if at > 0 => keyed(view, at - 1),
        b'"' | b'\'' => {
            let name = key(text, at + 1);
            let kind = match keys::kind(name) {
                Some(Kind::Password) => Kind::Password,
                None if name.eq_ignore_ascii_case(b"by") && is_identified(&text[..at - 1]) => Kind::Password,
                _ => return None,
            };
            let value = extent(view, next, kind, false)?;
            let harmless = is_harmless(&text[value.range.clone()], false);
            (!harmless).then_some(Keyed { kind, value, wants_quotes: false })
        }
        _ => None,
    }
}

/// Whether `BY` follows `IDENTIFIED`, perhaps with a plug-in named between them.
fn is_identified(before: &[u8]) -> bool {
    let near = &before[before.len().saturating_sub(64)..];
    near.windows(10).any(|word| word.eq_ignore_ascii_case(b"identified"))
}

/// `--password secret`, `--password=secret` being a key as any; `"--password", "secret"`; `--user name:secret`.
pub(super) fn option(view: View<'_>, at: usize) -> Option<Keyed> {
    let text = view.bytes;
    let rest = &text[at + 2..text.len().min(at + 2 + LONGEST_KEY)];
    let end = at + 2 + count(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    let name = &text[at + 2..end];
    let mut next = end;
    if let Some(quote) = text.get(next).copied().filter(|byte| b"\"'".contains(byte)) {
        next += 1 + blanks(text, next + 1);
        next += usize::from(text.get(next) == Some(&b','));
        next += blanks(text, next);
        text.get(next).filter(|byte| **byte == quote)?;
    } else {
        next += blanks(text, next);
    }
    let kind = keys::kind(name);
    let names_user = matches!(name, b"user" | b"proxy-user");
    if next == end || text.get(next)? == &b'-' || (kind.is_none() && !names_user) {
        return None;
    }
    let kind = kind.unwrap_or(Kind::Password);
    let mut value = extent(view, next, kind, false)?;
    if names_user {
        let colon = memchr::memchr(b':', &text[value.range.clone()])?;
        value.range.start += colon + 1;
    }
    let harmless = is_harmless(&text[value.range.clone()], true);
    (!harmless).then_some(Keyed { kind, value, wants_quotes: false })
}

/// What is no secret, whatever the key is called.
pub(super) fn is_harmless(value: &[u8], bare: bool) -> bool {
    const WORDS: [&[u8]; 11] =
        [b"true", b"false", b"null", b"none", b"nil", b"undefined", b"yes", b"no", b"on", b"off", b"(null)"];
    value.is_empty()
        || bare && WORDS.iter().any(|word| value.eq_ignore_ascii_case(word))
        || value.iter().all(|byte| *byte == b'*')
        || matches!(
            value,
            b"{}" | b"[]" | b"()" | b"[FILTERED]" | b"[REDACTED]" | b"[Filtered]" | b"[redacted]"
        )
}

/// What the shell calls `PWD`.
fn is_path(value: &[u8]) -> bool {
    matches!(value, [b'/', ..] | [b'"' | b'\'', b'/', ..])
}

fn count(text: &[u8], of: impl Fn(u8) -> bool) -> usize {
    text.iter().take_while(|byte| of(**byte)).count()
}

fn blanks(text: &[u8], at: usize) -> usize {
    text.get(at..).map_or(0, |rest| count(rest, |byte| byte == b' ' || byte == b'\t'))
}

#[cfg(test)]
mod tests {
    use crate::redaction::Rule;
    use crate::redaction::tests::shown_by;

    fn shown(text: &str) -> String {
        shown_by(&[Rule::Password], text)
    }

    #[test]
    fn the_value_of_a_key_is_found_in_any_language() {
        for (text, expected) in [
            ("DB_PASSWORD=hunter2 ok", "DB_PASSWORD=<password> ok"),
            ("password = hunter2", "password = <password>"),
            ("password: hunter2, user: bob", "password: <password>, user: bob"),
            ("password=a,b;c&d user=bob", "password=<password> user=bob"),
            ("password=x&user=y", "password=<password>&user=y"),
            ("?user=y&token=x", "?user=y&token=<password>"),
            (r#"{"password":"a\"b\\","user":"bob"}"#, r#"{"password":"<password>","user":"bob"}"#),
            (r#"{"password" : 1234, "a": 1}"#, r#"{"password" : "<password>", "a": 1}"#),
            (r#"{"token":{"a":["}"]},"b":1}"#, r#"{"token":"<password>","b":1}"#),
            (
                r#"{"m":"{\"password\":\"a\\\"b\",\"c\":1}"}"#,
                r#"{"m":"{\"password\":\"<password>\",\"c\":1}"}"#,
            ),
            (r#"{"pass\u0077ord":"a\"b","c":1}"#, r#"{"pass\u0077ord":"<password>","c":1}"#),
            (
                r#"{"m":"{\"m\":\"{\\\"pw\\\":\\\"x\\\"}\"}"}"#,
                r#"{"m":"{\"m\":\"{\\\"pw\\\":\\\"<password>\\\"}\"}"}"#,
            ),
            (r#"{"password":"never closed"#, r#"{"password":"<password>"#),
            (r#"{"name":"password","value":"x"}"#, r#"{"name":"password","value":"<password>"}"#),
            ("{'password': 'it''s', 'a': 1}", "{'password': '<password>', 'a': 1}"),
            (
                "[('password', 'x'), (b'cookie', b'y')]",
                "[('password', '<password>'), (b'cookie', b'<password>')]",
            ),
            (
                "{:password=>\"x\", \"token\" => \"y\"}",
                "{:password=>\"<password>\", \"token\" => \"<password>\"}",
            ),
            ("user[password]=x&a=b", "user[password]=<password>&a=b"),
            ("user%5Bpassword%5D=x%26y&a=b", "user%5Bpassword%5D=<password>&a=b"),
            ("ALTER USER bob WITH PASSWORD 'x';", "ALTER USER bob WITH PASSWORD '<password>';"),
            ("create user a identified by 'x'", "create user a identified by '<password>'"),
            ("psql --password hunter2 -h db", "psql --password <password> -h db"),
            ("mysql --password=hunter2 db", "mysql --password=<password> db"),
            (r#"["--token","x"]"#, r#"["--token","<password>"]"#),
            ("curl --user bob:x http://a", "curl --user bob:<password> http://a"),
            ("Cookie: a=b; c=d", "Cookie: <password>"),
            ("connect(password=abc)", "connect(password=<password>)"),
            ("password: |\n  one\n  two\nuser: x", "password: <password>\nuser: x"),
            ("Server=a;Pwd=x;Database=b", "Server=a;Pwd=<password>;Database=b"),
            ("<a><password>x</password></a>", "<a><password><password></password></a>"),
            ("Authorization:[Bearer x] a", "Authorization:<password> a"),
            ("é_password=ü1 ok", "é_password=<password> ok"),
        ] {
            assert_eq!(shown(text), expected);
            assert_eq!(shown(expected), expected, "twice");
        }
    }

    #[test]
    fn what_is_no_value_stays() {
        for text in [
            "bypass: none",
            "PWD=/home/bob ; USER=root",
            "Accepted password for bob",
            "password= user=bob",
            r#"{"password":null,"token":"","secret":true}"#,
            "Unexpected token '<'",
            "Unexpected token: {",
            "auth::token::Reader",
            "pam_unix(sshd:session): session opened",
            "max_tokens=512",
            "--token",
            "password",
            "password=",
            "password=\"",
        ] {
            assert_eq!(shown(text), text);
        }
    }
}
