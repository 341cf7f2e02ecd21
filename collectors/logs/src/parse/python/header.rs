//! What stands between the time and the message: the level, and around it the logger, the thread, the place.

use crate::fields::Fields;
use crate::severity;

/// So many parts come before a message at most: the rest of a line that only looks alike is not read for ever.
const PARTS: usize = 8;

pub(super) struct Header<'h>(pub(super) &'h mut Fields);

impl Header<'_> {
    /// Reads the parts in `text`, behind the time. The message, if there was a level before it.
    pub(super) fn rest<'l>(&mut self, text: &'l str) -> Option<&'l str> {
        let (mut rest, mut has_level) = (text, false);
        for _ in 0..PARTS {
            let (dashed, part) = separator(rest);
            if let Some(inside) = part.strip_prefix('[') {
                let Some((inside, behind)) = inside.split_once(']') else { break };
                if self.level(inside.trim_ascii()) && !has_level {
                    has_level = true;
                } else if !self.bracket(inside, has_level) {
                    break;
                }
                rest = behind;
                continue;
            }
            if let Some((place, behind)) = part.strip_prefix('{').and_then(|inside| inside.split_once('}'))
                && self.place(place)
            {
                rest = behind;
                continue;
            }
            let end = part.find(' ').unwrap_or(part.len());
            let (word, behind) = part.split_at(end);
            if !has_level {
                let level = word.trim_end_matches(':');
                if self.level(level) {
                    (has_level, rest) = (true, behind);
                } else if dashed && behind.starts_with(" - ") && !word.is_empty() {
                    self.0.text("log.logger", word);
                    rest = behind;
                } else {
                    return None;
                }
                continue;
            }
            return Some(self.last(dashed, part, word, behind));
        }
        has_level.then(|| separator(rest).1)
    }

    /// The part behind the level may still be no message.
    fn last<'l>(&mut self, dashed: bool, part: &'l str, word: &'l str, behind: &'l str) -> &'l str {
        if dashed {
            return match behind.strip_prefix(" - ") {
                Some(message) if self.place(word) => message,
                _ => part,
            };
        }
        // Flask: `in module: …`
        let (key, named) = match part.strip_prefix("in ") {
            Some(rest) if word == "in" => ("module", rest),
            _ => ("log.logger", part),
        };
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        match named.split_once(": ") {
            Some((name, message)) if !name.is_empty() && name.bytes().all(is_part) => {
                self.0.text(key, name);
                message
            }
            _ => part,
        }
    }

    fn level(&mut self, word: &str) -> bool {
        let Some(severity) = severity::python(word) else { return false };
        if self.0.severity_text.is_empty() {
            self.0.severity = severity;
            self.0.set_severity_text(word);
        }
        true
    }

    /// What stands in brackets: a place, pairs, a thread before the level, or the logger. False if it is none of them,
    /// but the beginning of a message.
    fn bracket(&mut self, inside: &str, has_level: bool) -> bool {
        if inside.is_empty() {
            return false;
        }
        if inside.contains('=') {
            return self.pairs(inside);
        }
        if inside.contains(char::is_whitespace) {
            return false;
        }
        if self.place(inside) {
            return true;
        }
        let is_thread = inside.contains("Thread") || inside == "main";
        if is_thread {
            self.0.text("thread.name", inside);
        } else if inside.bytes().all(|byte| byte.is_ascii_digit()) {
            // A process or a thread: nobody can know.
            return !has_level;
        } else {
            self.0.text("log.logger", inside);
        }
        true
    }

    /// `cart.py:12`
    fn place(&mut self, text: &str) -> bool {
        let Some((file, Ok(line))) = text.rsplit_once(':').map(|(file, line)| (file, line.parse::<u32>()))
        else {
            return false;
        };
        if !file.ends_with(".py") {
            return false;
        }
        self.0.text("code.file.path", file);
        self.0.int("code.line.number", i64::from(line));
        true
    }

    /// `trace_id=… span_id=… resource.service.name=… trace_sampled=True`: ids that are none are `0`.
    fn pairs(&mut self, inside: &str) -> bool {
        if !inside.split(' ').all(|pair| pair.split_once('=').is_some_and(|(key, _)| !key.is_empty())) {
            return false;
        }
        for (key, value) in inside.split(' ').filter_map(|pair| pair.split_once('=')) {
            if value != "0" {
                self.0.text(key, value);
            }
        }
        true
    }
}

/// Without the blanks and the dash before a part, and whether there was a dash.
fn separator(text: &str) -> (bool, &str) {
    let text = text.trim_start_matches(' ');
    match text.strip_prefix("- ").or_else(|| text.strip_prefix("| ")) {
        Some(rest) => (true, rest.trim_start_matches(' ')),
        None => (false, text),
    }
}
