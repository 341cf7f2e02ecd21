//! The lines in which container runtimes wrap what a container writes: the time, the stream it wrote to, and
//! whether what it wrote ends here or goes on in the next line of that stream.
//!
//! ```text
//! 2026-01-02T03:04:05.678901234Z stdout P the first 16 KiB of a long line, of which
//! 2026-01-02T03:04:05.678901235Z stdout F this is the end
//! {"log":"a line\n","stream":"stderr","time":"2026-01-02T03:04:05.678901234Z"}
//! ```
//!
//! The first form is that of the Kubernetes container runtime interface (`F` is for full; more tags may follow
//! it, separated by colons), the second that of Docker's `json-file` driver.

use std::borrow::Cow;

use serde::Deserialize;

use super::timestamp;

/// Where a container wrote a line to. Becomes the attribute `log.iostream`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    /// As runtimes write it, and the semantic conventions.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }

    fn read(text: &[u8]) -> Option<Self> {
        match text {
            b"stdout" => Some(Self::Stdout),
            b"stderr" => Some(Self::Stderr),
            _ => None,
        }
    }
}

/// What is in a wrapped line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part<'l> {
    pub(crate) stream: Stream,
    /// Nanoseconds since the epoch; 0 if it is not understood.
    pub(crate) time: u64,
    /// Whether it goes on in the next line of this stream.
    pub(crate) partial: bool,
    pub(crate) text: Cow<'l, [u8]>,
}

/// The forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrapping {
    Cri,
    Docker,
    /// One of them, or none.
    Any,
}

/// Docker cuts after 16 KiB, each byte of which may be written as `\u0000`; labels come besides.
const DOCKER_LINE: usize = 256 << 10;

impl Wrapping {
    /// How long a line may be whose text is not longer than `max_line`.
    pub(crate) fn longest(self, max_line: usize) -> usize {
        match self {
            Self::Cri => max_line + 128,
            Self::Docker => max_line.max(DOCKER_LINE),
            Self::Any => (max_line + 128).max(DOCKER_LINE),
        }
    }

    /// What is in `line`, without its newline. `None` if it is no such line.
    pub(crate) fn unwrap(self, line: &[u8]) -> Option<Part<'_>> {
        match self {
            Self::Cri => cri(line),
            Self::Docker => docker(line),
            // As Docker writes it: other JSON is not to be read twice.
            Self::Any => cri(line).or_else(|| line.starts_with(b"{\"log\":\"").then(|| docker(line))?),
        }
    }
}

fn cri(line: &[u8]) -> Option<Part<'_>> {
    let (time, rest) = word(line)?;
    let (stream, rest) = word(rest)?;
    let (tags, text) = word(rest).unwrap_or((rest, b""));
    let partial = match tags.split(|byte| *byte == b':').next()? {
        b"P" => true,
        b"F" => false,
        _ => return None,
    };
    Some(Part { stream: Stream::read(stream)?, time: timestamp::rfc3339(time)?, partial, text: text.into() })
}

/// What stands before the first blank, and behind it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = memchr::memchr(b' ', text)?;
    Some((&text[..blank], &text[blank + 1..]))
}

fn docker(line: &[u8]) -> Option<Part<'_>> {
    #[derive(Deserialize)]
    struct Line<'l> {
        #[serde(borrow)]
        log: Cow<'l, str>,
        #[serde(borrow)]
        stream: Cow<'l, str>,
        #[serde(borrow)]
        time: Cow<'l, str>,
    }
    let Line { log, stream, time } = serde_json::from_slice(line).ok()?;
    let partial = !log.ends_with('\n');
    let text = match log {
        Cow::Borrowed(log) => Cow::Borrowed(log.strip_suffix('\n').unwrap_or(log).as_bytes()),
        Cow::Owned(mut log) => {
            if !partial {
                log.pop();
            }
            Cow::Owned(log.into_bytes())
        }
    };
    let stream = Stream::read(stream.as_bytes())?;
    Some(Part { stream, time: timestamp::rfc3339(time.as_bytes()).unwrap_or(0), partial, text })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const AT: u64 = 1_767_323_045_678_901_234; // 2026-01-02T03:04:05.678901234Z

    fn part(text: &str, stream: Stream, partial: bool) -> Option<Part<'_>> {
        Some(Part { stream, time: AT, partial, text: text.as_bytes().into() })
    }

    #[test]
    fn a_line_of_the_runtime_interface_is_taken_apart() {
        let read = |rest: &'static str| {
            let line = format!("2026-01-02T03:04:05.678901234Z {rest}");
            cri(line.leak().as_bytes())
        };
        assert_eq!(read("stdout F  two  words "), part(" two  words ", Stream::Stdout, false));
        assert_eq!(read("stderr P half"), part("half", Stream::Stderr, true));
        assert_eq!(read("stdout P:tag:F half"), part("half", Stream::Stdout, true));
        assert_eq!(read("stdout F "), part("", Stream::Stdout, false));
        assert_eq!(read("stdout F"), part("", Stream::Stdout, false));
        assert_eq!(cri(b"2026-01-02T04:04:05.678901234+01:00 stdout F x"), part("x", Stream::Stdout, false));
        for odd in ["stdin F x", "stdout X x", "stdout", "", "stdout  F x"] {
            assert_eq!(read(odd), None, "{odd}");
        }
        assert_eq!(cri(b"yesterday stdout F x"), None);
    }

    #[test]
    fn a_line_of_dockers_driver_is_taken_apart() {
        let line = |log: &str, rest: &str| {
            let text = format!(r#"{{"log":"{log}",{rest}"time":"2026-01-02T03:04:05.678901234Z"}}"#);
            docker(text.leak().as_bytes())
        };
        let stdout = r#""stream":"stdout","#;
        assert_eq!(line(r"a line\n", stdout), part("a line", Stream::Stdout, false));
        assert_eq!(
            line(r"a \u20ac\n", r#""stream":"stderr","attrs":{"tag":"x"},"#),
            part("a €", Stream::Stderr, false)
        );
        assert_eq!(line("half", stdout), part("half", Stream::Stdout, true));
        assert_eq!(line("half €", stdout), part("half €", Stream::Stdout, true));
        assert_eq!(line(r"\n", stdout), part("", Stream::Stdout, false));
        assert_eq!(line("x", ""), None);
        assert_eq!(line("x", r#""stream":"stdin","#), None);
        assert_eq!(docker(b"not json"), None);
        assert_eq!(docker(b"{\"log\":\"\xff\",\"stream\":\"stdout\",\"time\":\"\"}"), None);
    }
}
