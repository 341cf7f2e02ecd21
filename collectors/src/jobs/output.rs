//! The last lines that a job has written.

use std::collections::VecDeque;
use std::sync::LazyLock;

use regex::Regex;

use vigie_logs::redaction::redact;

/// As many lines are kept.
const LINES: usize = 20;
/// As many bytes are kept.
const BYTES: usize = 4 << 10;

/// The last of what is written, as it comes. What it holds is bounded, however much that is.
#[derive(Debug, Default)]
pub struct LastLines {
    bytes: VecDeque<u8>,
    /// Whether something before them was let go.
    cut: bool,
}

impl LastLines {
    /// More was written.
    pub fn add(&mut self, bytes: &[u8]) {
        let last = &bytes[bytes.len().saturating_sub(BYTES)..];
        let excess = (self.bytes.len() + last.len()).saturating_sub(BYTES);
        self.cut |= excess > 0 || last.len() < bytes.len();
        self.bytes.drain(..excess);
        self.bytes.extend(last);
    }

    /// The last lines, as they may be shown: in whole lines if there are some, without control characters but for line
    /// breaks, and without what looks like a secret.
    #[must_use]
    pub fn shown(&self) -> String {
        let (front, back) = self.bytes.as_slices();
        let text = String::from_utf8_lossy(&[front, back].concat()).into_owned();
        // Of a line that was cut, nobody knows whether a secret began before it.
        let whole =
            if self.cut { text.split_once('\n').map_or(text.as_str(), |(_, rest)| rest) } else { &text };
        clean(whole)
    }
}

/// What colours a text or moves the cursor of a terminal.
static ESCAPES: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("\x1b\\[[0-9;?]*[ -/]*[@-~]").expect("a fixed pattern compiles"));

/// The last lines of `text`, as they may be shown.
pub(super) fn clean(text: &str) -> String {
    // Before secrets are looked for: a colour would hide where a word begins.
    let text = ESCAPES.replace_all(text.trim_end(), "");
    let plain: String = text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
    let text = redact(&plain);
    let lines: Vec<&str> = text.lines().collect();
    let mut kept = lines[lines.len().saturating_sub(LINES)..].join("\n");
    let start = kept.len().saturating_sub(BYTES);
    kept.drain(..kept.ceil_char_boundary(start));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(pieces: &[&[u8]]) -> String {
        let mut last = LastLines::default();
        pieces.iter().for_each(|piece| last.add(piece));
        last.shown()
    }

    #[test]
    fn the_last_twenty_lines_are_kept() {
        let written: String = (1..=30).map(|n| format!("line {n}\n")).collect();
        let kept = shown(&[written.as_bytes()]);
        assert!(kept.starts_with("line 11\n") && kept.ends_with("line 30"), "{kept}");
        assert_eq!(shown(&[b"no ", b"newline"]), "no newline");
        assert_eq!(shown(&[]), "");
    }

    #[test]
    fn secrets_and_control_characters_are_not_shown() {
        let shown = shown(&[b"\x1b[31mPGPASSWORD=hunter2\x1b[0m\r\n\xff\x07!"]);
        assert_eq!(shown, "PGPASSWORD=<redacted> \n\u{fffd} !");
    }

    #[test]
    fn a_line_whose_beginning_is_gone_is_not_shown() {
        let long = format!("token={}\nlast", "x".repeat(3 * BYTES));
        assert_eq!(shown(&[long.as_bytes()]), "last");
    }

    proptest! {
        #[test]
        fn what_is_shown_is_bounded_and_was_written(
            pieces in prop::collection::vec(prop::collection::vec(32u8..127, 0..3_000), 0..8)
        ) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let shown = shown(&pieces);
            let written = String::from_utf8_lossy(&pieces.concat()).into_owned();
            prop_assert!(shown.len() <= BYTES && shown.lines().count() <= LINES);
            prop_assert!(shown.contains("<redacted>") || written.contains(&shown));
        }
    }
}
