//! Keys whose values are secrets, whoever made them up: `DB_PASSWORD`, `dbPassword`, `user.password`, `X-Api-Key`.
//!
//! What counts is how a key ends. Case, `_`, `-`, `.`, digits behind it (`new_password1`) and a closing bracket
//! (`user[password]`) make no difference.

/// What a key says about its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A password: may also follow without anything between them, as in SQL.
    Password,
    /// The working directory by another program's notion; a password unless it is a path.
    Pwd,
    /// What is as good as a password: a token, a session.
    Token,
    /// Pairs of names and values.
    Cookie,
    /// Of a service.
    ApiKey,
    /// A scheme and what it needs.
    Authorization,
    /// Of a payment card.
    Card,
}

/// An end of a key, in small letters without separators; whether it must be a word of its own; what it says.
const KNOWN: &[(&str, bool, Kind)] = &[
    ("password", false, Kind::Password),
    ("passwords", false, Kind::Password),
    ("passwd", false, Kind::Password),
    ("passphrase", false, Kind::Password),
    ("passcode", false, Kind::Password),
    ("pass", true, Kind::Password),
    ("pw", true, Kind::Password),
    ("pwd", false, Kind::Pwd),
    ("passwordconfirmation", false, Kind::Password),
    ("passwordconfirm", false, Kind::Password),
    ("passwordhash", false, Kind::Password),
    ("motdepasse", false, Kind::Password),
    ("secret", false, Kind::Token),
    ("secrets", true, Kind::Token),
    ("token", false, Kind::Token),
    ("jwt", true, Kind::Token),
    ("session", true, Kind::Token),
    ("sessionid", false, Kind::Token),
    ("sessid", false, Kind::Token),
    ("sid", true, Kind::Token),
    ("credentials", false, Kind::Token),
    ("cookie", false, Kind::Cookie),
    ("cookies", false, Kind::Cookie),
    ("apikey", false, Kind::ApiKey),
    ("accesskey", false, Kind::ApiKey),
    ("accesskeyid", false, Kind::ApiKey),
    ("secretkey", false, Kind::ApiKey),
    ("privatekey", false, Kind::ApiKey),
    ("accountkey", false, Kind::ApiKey),
    ("signingkey", false, Kind::ApiKey),
    ("encryptionkey", false, Kind::ApiKey),
    ("authkey", false, Kind::ApiKey),
    ("sharedkey", false, Kind::ApiKey),
    ("amzsignature", false, Kind::ApiKey),
    ("sig", true, Kind::ApiKey),
    ("authorization", false, Kind::Authorization),
    ("creditcard", false, Kind::Card),
    ("cvv", true, Kind::Card),
    ("cvc", true, Kind::Card),
];

/// The longest of them.
const LONGEST: usize = 20;

/// The last two letters of each.
pub(super) const ENDS: [[u8; 2]; KNOWN.len()] = {
    let mut ends = [[0; 2]; KNOWN.len()];
    let mut at = 0;
    while at < KNOWN.len() {
        let name = KNOWN[at].0.as_bytes();
        ends[at] = [name[name.len() - 2], name[name.len() - 1]];
        at += 1;
    }
    ends
};

/// A set of the known ends, by their numbers.
type Ends = u64;

/// Those that have the letter at the place, counted from behind.
static WITH: [[Ends; 26]; LONGEST] = {
    let mut with = [[0; 26]; LONGEST];
    let mut end = 0;
    while end < KNOWN.len() {
        let name = KNOWN[end].0.as_bytes();
        let mut place = 0;
        while place < name.len() {
            with[place][(name[name.len() - 1 - place] - b'a') as usize] |= 1 << end;
            place += 1;
        }
        end += 1;
    }
    with
};

/// Those of a length.
static OF_LENGTH: [Ends; LONGEST + 1] = {
    let mut of_length = [0; LONGEST + 1];
    let mut end = 0;
    while end < KNOWN.len() {
        of_length[KNOWN[end].0.len()] |= 1 << end;
        end += 1;
    }
    of_length
};

/// Whether a known key may end in these two letters.
#[inline]
pub(super) fn may_end_in([first, last]: [u8; 2]) -> bool {
    let with = |place: usize, byte: u8| {
        WITH[place].get(usize::from((byte | 0x20).wrapping_sub(b'a'))).copied().unwrap_or_default()
    };
    with(1, first) & with(0, last) != 0
}

/// What the key at the end of `text` says; whatever stands before it is no concern.
pub(super) fn kind(text: &[u8]) -> Option<Kind> {
    let name = text.trim_suffix_digits();
    let mut fitting = Ends::MAX;
    let mut place = 0;
    let mut found = None;
    for (at, byte) in name.iter().enumerate().rev() {
        match byte {
            byte if byte.is_ascii_alphabetic() => {
                fitting &= WITH[place][usize::from(byte.to_ascii_lowercase() - b'a')];
                place += 1;
                let whole = fitting & OF_LENGTH[place];
                if whole != 0 {
                    let (known, is_word, kind) = KNOWN[whole.trailing_zeros() as usize];
                    // Only this is a signature that gives access; `sig2` and others are not.
                    let is_one =
                        (!is_word || begins_word(name, at)) && (known != "sig" || name.len() == text.len());
                    found = if is_one { Some(kind) } else { found };
                }
            }
            b'_' | b'-' | b'.' => {}
            _ => break,
        }
        if fitting == 0 || place == LONGEST {
            break;
        }
    }
    found
}

/// Whether a word begins at `at`: at the beginning, behind what is no letter, or with a capital behind a small letter.
fn begins_word(name: &[u8], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).map(|before| name[before]) else { return true };
    !before.is_ascii_alphabetic() || (before.is_ascii_lowercase() && name[at].is_ascii_uppercase())
}

/// What a key is made of.
pub(super) fn is_of_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

trait Trimmed {
    fn trim_suffix_digits(&self) -> &Self;
}

impl Trimmed for [u8] {
    /// Without digits and closing brackets at its end.
    fn trim_suffix_digits(&self) -> &Self {
        let end = self.iter().rposition(|byte| !byte.is_ascii_digit() && *byte != b']');
        &self[..end.map_or(0, |end| end + 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As [`kind`] says, the slow way: each known end is looked for on its own.
    fn kind_one_by_one(text: &str) -> Option<Kind> {
        let name = text.trim_end_matches(|c: char| c.is_ascii_digit() || c == ']');
        let from =
            name.rfind(|c: char| !c.is_ascii_alphabetic() && !"_-.".contains(c)).map_or(0, |at| at + 1);
        let letters: Vec<(usize, char)> = name
            .char_indices()
            .skip_while(|(at, _)| *at < from)
            .filter(|(_, c)| c.is_ascii_alphabetic())
            .collect();
        let fits = |(known, is_word, _): &&(&str, bool, Kind)| {
            let Some(skipped) = letters.len().checked_sub(known.len()) else { return false };
            let end: String = letters[skipped..].iter().map(|(_, c)| c.to_ascii_lowercase()).collect();
            end == *known
                && (!is_word || begins_word(name.as_bytes(), letters[skipped].0))
                && (*known != "sig" || name == text)
        };
        KNOWN.iter().filter(fits).max_by_key(|(known, ..)| known.len()).map(|(.., kind)| *kind)
    }

    proptest! {
        #[test]
        fn all_known_ends_are_looked_for_at_once(
            before in "[a-zA-Z0-9_. -]{0,6}",
            end in prop::sample::select(KNOWN),
            cut in 0usize..3,
            case in any::<u64>(),
            behind in "(|[0-9\\]]{1,3}|[a-z=])",
        ) {
            let mixed = |(at, c): (usize, char)| match case >> (2 * at) & 3 {
                0 => c.to_ascii_uppercase().to_string(),
                1 => format!("{c}_"),
                _ => c.to_string(),
            };
            let end: String = end.0.chars().skip(cut).enumerate().map(mixed).collect();
            let key = format!("{before}{end}{behind}");
            let kind = kind(key.as_bytes());
            prop_assert_eq!(kind, kind_one_by_one(&key), "{}", key);
            let bytes = key.trim_end_matches(|c: char| c.is_ascii_digit() || c == ']').as_bytes();
            let pair = bytes.last_chunk().filter(|pair: &&[u8; 2]| pair.iter().all(u8::is_ascii_alphabetic));
            if let (Some(_), Some(last)) = (kind, pair) {
                prop_assert!(may_end_in(*last), "{}", key);
            }
        }
    }

    #[test]
    fn a_key_is_known_by_its_end() {
        for (key, expected) in [
            ("password", Some(Kind::Password)),
            ("DB_PASSWORD", Some(Kind::Password)),
            ("userPassword", Some(Kind::Password)),
            ("PGPASSWORD", Some(Kind::Password)),
            ("user[password]", Some(Kind::Password)),
            ("new_password1", Some(Kind::Password)),
            ("user.password", Some(Kind::Password)),
            ("password_confirmation", Some(Kind::Password)),
            ("db_pass", Some(Kind::Password)),
            ("dbPass", Some(Kind::Password)),
            ("bypass", None),
            ("compass", None),
            ("OLDPWD", Some(Kind::Pwd)),
            ("csrftoken", Some(Kind::Token)),
            ("accessToken", Some(Kind::Token)),
            ("tokens", None),
            ("client_secret", Some(Kind::Token)),
            ("PHPSESSID", Some(Kind::Token)),
            ("connect.sid", Some(Kind::Token)),
            ("inside", None),
            ("possession", None),
            ("session.id", Some(Kind::Token)),
            ("Set-Cookie", Some(Kind::Cookie)),
            ("X-Api-Key", Some(Kind::ApiKey)),
            ("aws_secret_access_key", Some(Kind::ApiKey)),
            ("key", None),
            ("monkey", None),
            ("http.request.header.authorization", Some(Kind::Authorization)),
            ("Proxy-Authorization", Some(Kind::Authorization)),
            ("cvv2", Some(Kind::Card)),
            ("password_reset", None),
            ("", None),
            ("]", None),
        ] {
            assert_eq!(kind(key.as_bytes()), expected, "{key}");
        }
    }

    #[test]
    fn the_longest_known_key_fits() {
        assert_eq!(KNOWN.iter().map(|(known, ..)| known.len()).max(), Some(LONGEST));
    }
}
