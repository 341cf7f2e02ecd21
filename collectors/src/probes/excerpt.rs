//! The beginning of what a peer answered, as a log record may show it: bounded, printable, without secrets.

use vigie_logs::redaction::{MASK, redact};

/// Of an answer this much is kept, in bytes.
const KEPT: usize = 1_024;
/// Of an excerpt this much is shown, in characters.
const SHOWN: usize = 256;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Excerpt {
    bytes: Vec<u8>,
    secrets: Vec<String>,
}

impl Excerpt {
    /// More of the answer has come.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        let room = KEPT - self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Another answer begins.
    pub(super) fn restart(&mut self) {
        self.bytes.clear();
    }

    /// What the probe itself has sent as a secret must not come back in an excerpt.
    pub(super) fn hide(&mut self, secret: &str) {
        if !secret.is_empty() && !self.secrets.iter().any(|known| known == secret) {
            self.secrets.push(secret.to_owned());
        }
    }

    /// `text` without the secrets of the probe.
    pub(super) fn mask(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), MASK))
    }

    /// `text` without the secrets of the probe and without what looks like one.
    pub(super) fn redact(&self, text: &str) -> String {
        redact(&self.mask(text))
    }

    /// What may be shown; `None` if nothing was answered.
    pub(super) fn shown(&self) -> Option<String> {
        if self.bytes.is_empty() {
            return None;
        }
        // A secret that is cut off at the end would not be recognised: more is redacted than is shown.
        let text = self.redact(&String::from_utf8_lossy(&self.bytes));
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        let mut shown: String = text.chars().take(SHOWN).map(printable).collect();
        if text.chars().nth(SHOWN).is_some() || self.bytes.len() == KEPT {
            shown.push('…');
        }
        Some(shown)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        let mut excerpt = Excerpt::default();
        excerpt.hide("hunter2");
        excerpt.add(text.as_bytes());
        excerpt.shown().unwrap()
    }

    #[test]
    fn an_answer_is_shown_without_its_secrets() {
        assert_eq!(shown("no such user\r\n"), "no such user  ");
        assert_eq!(shown("you sent hunter2!"), "you sent <redacted>!");
        assert_eq!(shown(r#"{"access_token": "abc", "a": 1}"#), r#"{"access_token": "<redacted>", "a": 1}"#);
        assert_eq!(shown("password=x&user=y"), "password=<redacted>&user=y");
        assert_eq!(shown("Authorization: Bearer abcdefgh"), "Authorization: <redacted>");
        assert_eq!(shown("got Bearer abcdefghij"), "got Bearer <redacted>");
        assert_eq!(shown("redis://me:pw@host/0"), "redis://<redacted>@host/0");
        assert_eq!(shown("t eyJhbGciOi.eyJzdWIi.c2ln."), "t <redacted>.");
    }

    #[test]
    fn nothing_answered_is_nothing_shown() {
        assert_eq!(Excerpt::default().shown(), None);
    }

    proptest! {
        #[test]
        fn an_excerpt_is_short_and_printable(bytes in prop::collection::vec(any::<u8>(), 1..5_000)) {
            let mut excerpt = Excerpt::default();
            for part in bytes.chunks(700) {
                excerpt.add(part);
            }
            let shown = excerpt.shown().unwrap();
            prop_assert!(shown.chars().count() <= SHOWN + 1);
            prop_assert!(!shown.contains(char::is_control));
        }
    }
}
