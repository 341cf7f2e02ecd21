//! The log record of a change.
//!
//! What the file is now stands under the names that OpenTelemetry has for files, what it was under
//! `vigie.file.before.…`. Which process and which user did it no file system tells: `file.owner.id` is who owns the
//! file. That is for the kernel's audit to say, for which `file.changed` is the time to look at.

use jiff::Timestamp;
use vigie_pipeline::otlp::attributes::{field, put_bool, put_int, put_str};
use vigie_pipeline::otlp::log::{LogRecord, Severity};

use super::change::is_replaced;
use super::facts::{Digest, Facts, Kind};
use super::roster::Event;

impl Event {
    /// In one line.
    pub(super) fn body(&self, at_start: bool) -> String {
        let (path, words) = (self.path.display(), self.change.words());
        let when = if at_start { " while the agent was not looking" } else { "" };
        format!("sensitive file {path} {words}{when}")
    }

    /// Appends the record. `at_start`: it was found by the first look after a start, so it happened while the agent was
    /// stopped, or in the last moments before.
    pub(super) fn encode(&self, now: u64, at_start: bool, out: &mut Vec<u8>) {
        let mut attributes = Vec::new();
        let text = |out: &mut Vec<u8>, key: &str, value: &str| put_str(out, field::LOG, key, value);
        text(&mut attributes, "file.path", &self.path.to_string_lossy());
        text(&mut attributes, "vigie.file.change", self.change.as_str());
        put_bool(&mut attributes, field::LOG, "vigie.file.found_at_start", at_start);
        if let Some(facts) = &self.after {
            facts.encode("file", &mut attributes);
        }
        if let Some(facts) = &self.before {
            facts.encode("vigie.file.before", &mut attributes);
        }
        if let (Some(before), Some(after)) = (&self.before, &self.after) {
            put_bool(&mut attributes, field::LOG, "vigie.file.replaced", is_replaced(before, after));
        }
        let record = LogRecord {
            time: now,
            observed: now,
            severity: Severity::WARN,
            severity_text: "WARN",
            body: &self.body(at_start),
            attributes: &attributes,
            ..LogRecord::default()
        };
        record.encode(out);
    }
}

impl Facts {
    fn encode(&self, prefix: &str, out: &mut Vec<u8>) {
        let mut text = |key: &str, value: &str| put_str(out, field::LOG, &format!("{prefix}.{key}"), value);
        text("inode", &self.inode.to_string());
        text("mode", &format!("{:04o}", self.mode));
        text("owner.id", &self.uid.to_string());
        text("group.id", &self.gid.to_string());
        text("modified", &time(self.modified));
        text("changed", &time(self.changed));
        if let Some(target) = &self.link {
            text("symbolic_link.target_path", target);
        }
        text(
            "kind",
            match self.kind {
                Kind::Regular => "file",
                Kind::Directory => "directory",
                Kind::Dangling => "dangling link",
                Kind::Other => "other",
            },
        );
        if let Some(digest) = self.digest.text() {
            text("sha256", &digest);
        }
        match self.digest {
            Digest::Ends(_) => text("sha256.of", "first and last MiB"),
            Digest::Unreadable => text("sha256.of", "nothing: it cannot be read"),
            Digest::Whole(_) | Digest::None => {}
        }
        if self.kind == Kind::Regular {
            let size = i64::try_from(self.size).unwrap_or(i64::MAX);
            put_int(out, field::LOG, &format!("{prefix}.size"), size);
        }
    }
}

/// As RFC 3339 writes it, in UTC.
fn time(nanos: i64) -> String {
    Timestamp::from_nanosecond(nanos.into()).map_or_else(|_| nanos.to_string(), |time| time.to_string())
}
