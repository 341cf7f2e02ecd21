//! Replies of SMTP and FTP servers: a code of three digits and a text, on one line or on several (RFC 5321 section
//! 4.2.1, RFC 959 section 4.2).
//!
//! A reply is held as far as it is bounded: 128 lines, of each 512 characters.

use super::failure::{Failure, Phase, Reason};
use super::lines::{LineError, Lines};
use super::record::Record;

/// More lines are no reply.
const MOST_LINES: usize = 128;
/// More of a line is not kept.
const LONGEST_LINE: usize = 512;

/// A whole reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// The texts, without the code.
    pub(super) lines: Vec<String>,
}

/// What is not a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("a line does not begin with a code of three digits")]
    Code,
    #[error("more than {MOST_LINES} lines")]
    TooLong,
}

/// A reply whose last line has not come yet.
#[derive(Debug, Default)]
struct Assembly {
    code: Option<u16>,
    lines: Vec<String>,
}

/// The code of a line, whether more lines follow it, and its text.
fn parse(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (digits, rest) = line.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) || !(b'1'..=b'5').contains(&digits[0]) {
        return None;
    }
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest.split_first() {
        None => Some((code, false, rest)),
        Some((b' ', text)) => Some((code, false, text)),
        Some((b'-', text)) => Some((code, true, text)),
        Some(_) => None,
    }
}

impl Assembly {
    /// Takes a line: the reply, if it was the last one.
    fn add(&mut self, line: &[u8]) -> Result<Option<Reply>, Malformed> {
        let parsed = parse(line);
        // In FTP, what stands between the first line and the last may be anything.
        let (text, last) = match (self.code, parsed) {
            (None, None) => return Err(Malformed::Code),
            (None, Some((code, more, text))) => {
                self.code = Some(code);
                (text, !more)
            }
            (Some(first), Some((code, more, text))) if code == first => (text, !more),
            (Some(_), _) => (line, false),
        };
        if self.lines.len() == MOST_LINES {
            return Err(Malformed::TooLong);
        }
        self.lines.push(String::from_utf8_lossy(text).chars().take(LONGEST_LINE).collect());
        let whole = last.then(|| std::mem::take(self)).and_then(|whole| Some((whole.code?, whole.lines)));
        Ok(whole.map(|(code, lines)| Reply { code, lines }))
    }
}

/// Reads a reply; what is not one fails with `malformed`.
pub(super) async fn read(
    lines: &mut Lines,
    phase: Phase,
    malformed: Reason,
    record: &mut Record,
) -> Result<Reply, Failure> {
    let mut assembly = Assembly::default();
    record.excerpt.restart();
    loop {
        let line = next(lines, phase, malformed, record).await?;
        let added = assembly.add(&line).map_err(|error| Failure::new(malformed, phase, error))?;
        if let Some(reply) = added {
            record.note(|| format!("received {} in {} lines", reply.code, reply.lines.len()));
            return Ok(reply);
        }
    }
}

/// The next line of a peer that owes one.
pub(super) async fn next(
    lines: &mut Lines,
    phase: Phase,
    malformed: Reason,
    record: &mut Record,
) -> Result<Vec<u8>, Failure> {
    let line = lines.next().await.map_err(|error| match error {
        LineError::TooLong => Failure::new(malformed, phase, error),
        LineError::Io(error) => Failure::of_io(phase, &error),
    })?;
    let line = line.ok_or_else(|| Failure::new(Reason::Closed, phase, "the peer closed the connection"))?;
    record.excerpt.add(&line);
    record.excerpt.add(b"\n");
    Ok(line)
}

/// Sends a command.
pub(super) async fn send(lines: &mut Lines, command: &str, phase: Phase) -> Result<(), Failure> {
    let sent = lines.send(format!("{command}\r\n").as_bytes()).await;
    sent.map_err(|error| Failure::of_io(phase, &error))
}

/// What the agent calls itself in `EHLO`: the name of the host, as far as it can be one.
pub(super) fn own_name() -> String {
    let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let fits = !node.is_empty() && node.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    if fits { node } else { "localhost".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The replies of a text, until one is not.
    fn replies(text: &str) -> (Vec<Reply>, Option<Malformed>) {
        let mut assembly = Assembly::default();
        let mut all = Vec::new();
        for line in text.split_terminator("\r\n") {
            match assembly.add(line.as_bytes()) {
                Ok(reply) => all.extend(reply),
                Err(error) => return (all, Some(error)),
            }
        }
        (all, None)
    }

    fn reply(code: u16, lines: &[&str]) -> Reply {
        Reply { code, lines: lines.iter().map(|line| (*line).to_owned()).collect() }
    }

    #[test]
    fn a_reply_may_have_several_lines() {
        let text = "220 hello\r\n250-me\r\n250-STARTTLS\r\n250 SIZE 1\r\n221\r\n";
        let expected =
            vec![reply(220, &["hello"]), reply(250, &["me", "STARTTLS", "SIZE 1"]), reply(221, &[""])];
        assert_eq!(replies(text), (expected, None));
        // As FTP servers greet.
        let text = "220-welcome\r\n 221 is no end\r\nanything\r\n220 ready\r\n";
        assert_eq!(replies(text).0, [reply(220, &["welcome", " 221 is no end", "anything", "ready"])]);
    }

    #[test]
    fn what_is_no_reply_is_told() {
        for text in ["+OK", "22", "2x0 a", "220x", "020 a", "620 a", "SSH-2.0", ""] {
            assert_eq!(replies(&format!("{text}\r\n")), (vec![], Some(Malformed::Code)), "{text}");
        }
        assert_eq!(replies(&"250-x\r\n".repeat(200)).1, Some(Malformed::TooLong));
    }

    proptest! {
        #[test]
        fn any_lines_are_replies_or_refused_and_bounded(
            lines in prop::collection::vec("[2][25]0[- ]\\PC{0,600}|\\PC{0,20}", 0..300),
        ) {
            let mut assembly = Assembly::default();
            for line in lines {
                let added = assembly.add(line.as_bytes());
                prop_assert!(assembly.lines.len() <= MOST_LINES);
                prop_assert!(assembly.lines.iter().all(|line| line.chars().count() <= LONGEST_LINE));
                match added {
                    Ok(Some(reply)) => prop_assert!((100..600).contains(&reply.code)),
                    Ok(None) => {}
                    Err(_) => break,
                }
            }
        }
    }
}
