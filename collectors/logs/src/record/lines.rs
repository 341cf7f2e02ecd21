//! From the bytes of a file to texts: each line as it is, or what becomes one of several.
//!
//! A line that is too long is cut, a hole before one is left out, and what is no UTF-8 is made such.

use super::{Recorder, Shape};
use crate::fields::Reason;
use crate::file::hole_len;
use crate::join::{Assembly, Flush, Join, Joined, Line, before};
use crate::records::Records;

impl Recorder {
    /// Encodes lines, each with its newline, until `limit` bytes are in `out`. The first one stands at the
    /// position `at`; what waits for more of them is in `assembly`. Returns how many bytes of `lines` were used:
    /// whole lines, at least one.
    pub(crate) fn lines(
        &mut self,
        lines: &[u8],
        at: u64,
        assembly: &mut Assembly,
        out: &mut Records,
        limit: usize,
    ) -> usize {
        if let Some(join) = self.join.take() {
            let used = self.joined_lines(&join, lines, at, assembly, out, limit);
            self.join = Some(join);
            return used;
        }
        // One check for all is far faster than one for each; a newline is never part of another character.
        let text = simdutf8::basic::from_utf8(lines).ok();
        let mut start = 0;
        for newline in memchr::memchr_iter(b'\n', lines) {
            let line = &lines[start..newline];
            self.at = at + start as u64;
            match text {
                _ if line.len() > self.longest || line.first() == Some(&0) => self.odd_line(line, out),
                Some(text) => self.line(trimmed(&text[start..newline]), Shape::Whole, out),
                None => self.bytes(line, Shape::Whole, out),
            }
            start = newline + 1;
            if out.size() >= limit {
                break;
            }
        }
        self.meters.read_bytes.inc_by((start - std::mem::take(&mut self.zeros)) as u64);
        start
    }

    /// A line that is too long, or begins with NUL bytes.
    fn odd_line(&mut self, line: &[u8], out: &mut Records) {
        let line = self.without_hole(line);
        let kept = before(line, self.longest);
        let shape = if kept.len() < line.len() { Shape::Truncated } else { Shape::Whole };
        self.bytes(kept, shape, out);
    }

    fn without_hole<'l>(&mut self, line: &'l [u8]) -> &'l [u8] {
        let zeros = hole_len(line);
        self.meters.hole_bytes.inc_by(zeros as u64);
        self.zeros += zeros;
        &line[zeros..]
    }

    /// As [`Self::lines`], where lines do not each make a record.
    fn joined_lines(
        &mut self,
        join: &Join,
        lines: &[u8],
        at: u64,
        assembly: &mut Assembly,
        out: &mut Records,
        limit: usize,
    ) -> usize {
        let mut start = 0;
        for newline in memchr::memchr_iter(b'\n', lines) {
            let line = self.without_hole(&lines[start..newline]);
            let text = before(line, self.longest);
            let shape = if text.len() < line.len() { Shape::Truncated } else { Shape::Whole };
            let line = Line { text, at: at + start as u64, shape };
            self.tally.lines += 1;
            join.line(assembly, line, self.now, &mut |joined| self.joined(joined, out));
            start = newline + 1;
            if out.size() >= limit {
                break;
            }
        }
        self.meters.read_bytes.inc_by((start - std::mem::take(&mut self.zeros)) as u64);
        start
    }

    /// A line has what is no text in the encoding of its file.
    pub(crate) fn is_invalid(&self) {
        self.meters.invalid_lines.inc();
    }

    /// Encodes one line, without its newline, that takes `len` bytes of its file.
    pub(crate) fn single(&mut self, line: Line<'_>, len: u64, assembly: &mut Assembly, out: &mut Records) {
        self.meters.read_bytes.inc_by(len);
        let line = Line { text: before(line.text, self.longest), ..line };
        match self.join.take() {
            Some(join) => {
                self.tally.lines += 1;
                join.line(assembly, line, self.now, &mut |joined| self.joined(joined, out));
                self.join = Some(join);
            }
            None => {
                self.at = line.at;
                self.bytes(line.text, line.shape, out);
            }
        }
    }

    /// Encodes of what waits all that `which` says.
    pub(crate) fn flush_waiting(&mut self, assembly: &mut Assembly, which: Flush, out: &mut Records) {
        if let Some(join) = self.join.take() {
            join.flush(assembly, which, self.now, &mut |joined| self.joined(joined, out));
            self.join = Some(join);
        }
    }

    fn joined(&mut self, joined: Joined<'_>, out: &mut Records) {
        let Joined { text, at, shape, origin } = joined;
        self.at = at;
        if origin.malformed {
            self.meters.parse_error(Reason::Format);
        }
        self.with_text(text, |this, text| this.record(text, shape, origin, out));
    }

    /// Encodes a line of which it is not known whether it is UTF-8, without its newline.
    fn bytes(&mut self, line: &[u8], shape: Shape, out: &mut Records) {
        self.with_text(line, |this, line| this.line(line, shape, out));
    }

    fn with_text(&mut self, line: &[u8], then: impl FnOnce(&mut Self, &str)) {
        match simdutf8::basic::from_utf8(line) {
            Ok(line) => then(self, trimmed(line)),
            Err(_) => {
                self.meters.invalid_lines.inc();
                then(self, trimmed(&String::from_utf8_lossy(line)));
            }
        }
    }
}

/// Without the carriage return of a Windows line.
fn trimmed(line: &str) -> &str {
    line.strip_suffix('\r').unwrap_or(line)
}
