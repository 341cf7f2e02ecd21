//! What a source counts besides the ledger.

use std::path::Path;

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec};
use vigie_pipeline::instruments::Instruments;

use super::fields::Reason;

/// So many paths that cannot be read have a series of their own.
pub(crate) const MOST_UNREADABLE: usize = 64;

/// Why bytes of a file are not read and never will be. A closed set: it becomes the `reason` label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The file was truncated before they were read, and no copy of it is followed.
    Truncated,
    /// The deleted file was held for as long as it may be.
    HeldTooLong,
    /// The deleted file was let go because its file system is nearly full.
    DiskFull,
    /// The file was deleted or truncated while it waited to be opened again, because too many others were open.
    Closed,
}

impl Loss {
    const ALL: [Self; 4] = [Self::Truncated, Self::HeldTooLong, Self::DiskFull, Self::Closed];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::HeldTooLong => "held_too_long",
            Self::DiskFull => "disk_full",
            Self::Closed => "closed",
        }
    }
}

/// The instruments of one source.
#[derive(Debug, Clone)]
pub(crate) struct Meters {
    pub(crate) read_bytes: IntCounter,
    pub(crate) lines: IntCounter,
    pub(crate) rotations: IntCounter,
    pub(crate) truncations: IntCounter,
    pub(crate) hole_bytes: IntCounter,
    pub(crate) invalid_lines: IntCounter,
    pub(crate) truncated_lines: IntCounter,
    pub(crate) partial_lines: IntCounter,
    parse_errors: [IntCounter; Reason::ALL.len()],
    redactions: IntCounterVec,
    pub(crate) file_errors: IntCounterVec,
    pub(crate) written_bytes: IntCounter,
    pub(crate) copied_bytes: IntCounter,
    lost_bytes: [IntCounter; Loss::ALL.len()],
    behind_lost: IntCounterVec,
    pub(crate) descriptor_shortages: IntCounter,
    pub(crate) unreadable_paths: IntGauge,
    path_unreadable: IntGaugeVec,
    pub(crate) open_files: IntGauge,
    pub(crate) lag_bytes: IntGauge,
    behind: IntGaugeVec,
    pub(crate) save_failures: IntCounter,
    pub(crate) watch_overflows: IntCounter,
    pub(crate) unwatched_directories: IntGauge,
    pub(crate) source: String,
}

impl Meters {
    pub(crate) fn new(instruments: &Instruments, source: &str) -> Self {
        let counter = |name, help| instruments.counters(name, help, &["source"]).with_label_values(&[source]);
        let gauge = |name, help| instruments.gauges(name, help, &["source"]).with_label_values(&[source]);
        let errors = instruments.counters(
            "vigie_log_parse_errors_total",
            "Lines, or fields of lines, that were not what the configuration says.",
            &["source", "reason"],
        );
        let lost = instruments.counters(
            "vigie_log_lost_bytes_total",
            "Bytes that were written to the files and could not be read.",
            &["source", "reason"],
        );
        Self {
            written_bytes: counter(
                "vigie_log_written_bytes_total",
                "Bytes by which the files were seen to grow: read, holes, lost, copied, and what lags.",
            ),
            copied_bytes: counter(
                "vigie_log_copied_bytes_total",
                "Bytes not read because they were elsewhere: of truncated files that have copies, of compressed files.",
            ),
            lost_bytes: Loss::ALL.map(|loss| lost.with_label_values(&[source, loss.as_str()])),
            behind_lost: instruments.counters(
                "vigie_log_behind_lost_bytes_total",
                "Bytes that a destination which lags behind can get no more, though the others may have got them.",
                &["source", "exporter", "reason"],
            ),
            descriptor_shortages: counter(
                "vigie_log_descriptor_shortages_total",
                "Times that a file had to wait because no more could be open.",
            ),
            unreadable_paths: gauge(
                "vigie_log_unreadable_paths",
                "Files and directories that cannot be read now.",
            ),
            path_unreadable: instruments.gauges(
                "vigie_log_path_unreadable",
                "1 for each path that cannot be read now, for the first 64 of them.",
                &["source", "path"],
            ),
            read_bytes: counter("vigie_log_read_bytes_total", "Bytes of log files read, each once."),
            lines: counter("vigie_log_lines_total", "Lines read."),
            rotations: counter("vigie_log_rotations_total", "Times that a path got another file."),
            truncations: counter(
                "vigie_log_truncations_total",
                "Times that a file was cut off and is read from its beginning.",
            ),
            hole_bytes: counter("vigie_log_hole_bytes_total", "NUL bytes skipped where lines should begin."),
            invalid_lines: counter(
                "vigie_log_invalid_utf8_lines_total",
                "Lines with bytes that are not UTF-8 (or UTF-16, if the file says so), replaced by U+FFFD.",
            ),
            truncated_lines: counter("vigie_log_truncated_lines_total", "Records cut off at max_line."),
            partial_lines: counter(
                "vigie_log_partial_lines_total",
                "Records of which the end was missing: no newline in a file that is gone, no last part of a long line, \
                 too many lines for one event.",
            ),
            parse_errors: Reason::ALL.map(|reason| errors.with_label_values(&[source, reason.as_str()])),
            redactions: instruments.counters(
                "vigie_log_redactions_total",
                "Secrets taken out of records, once for each place where they stood: in the body, in attributes.",
                &["source", "rule"],
            ),
            file_errors: instruments.counters(
                "vigie_log_file_errors_total",
                "Files and directories that could not be opened or read.",
                &["source", "operation"],
            ),
            open_files: gauge("vigie_log_open_files", "Files held open."),
            lag_bytes: gauge("vigie_log_lag_bytes", "Bytes written to the files that are not read yet."),
            behind: instruments.gauges(
                "vigie_log_behind_bytes",
                "Bytes that a destination has not read which lags behind the others of the source.",
                &["source", "exporter"],
            ),
            save_failures: counter(
                "vigie_log_offset_save_failures_total",
                "Times that offsets could not be saved.",
            ),
            watch_overflows: counter(
                "vigie_log_watch_overflows_total",
                "Times that the kernel dropped notifications because there were too many; a scan follows.",
            ),
            unwatched_directories: gauge(
                "vigie_log_unwatched_directories",
                "Directories without notifications, because the system gives no more of them: only scanned.",
            ),
            source: source.to_owned(),
        }
    }

    /// So many bytes are before `exporter`, which lags behind.
    pub(crate) fn lags_behind(&self, exporter: &str, bytes: u64) {
        self.behind.with_label_values(&[self.source.as_str(), exporter]).set(bytes as i64);
    }

    /// `exporter` lags no more.
    pub(crate) fn keeps_up(&self, exporter: &str) {
        // It is an error if it never lagged.
        let _ = self.behind.remove_label_values(&[self.source.as_str(), exporter]);
    }

    /// Of what is read again for `exporter`. Nobody sees these, except for what it alone loses.
    pub(crate) fn again_for(&self, exporter: &str) -> Self {
        let lost = |loss: Loss| {
            let labels = [self.source.as_str(), exporter, loss.as_str()];
            self.behind_lost.with_label_values(&labels)
        };
        let unseen = Self::new(&Instruments::default(), &format!("{} for {exporter}", self.source));
        Self { lost_bytes: Loss::ALL.map(lost), ..unseen }
    }

    pub(crate) fn lost(&self, bytes: u64, loss: Loss) {
        self.lost_bytes[loss as usize].inc_by(bytes);
    }

    #[cfg(test)]
    pub(crate) fn all_lost(&self) -> u64 {
        self.lost_bytes.iter().map(IntCounter::get).sum()
    }

    /// Shows which path cannot be read, or that it can be again.
    pub(crate) fn unreadable(&self, path: &Path, is_so: bool) {
        let path = path.to_string_lossy();
        let labels = [self.source.as_str(), &path];
        if is_so {
            self.path_unreadable.with_label_values(&labels).set(1);
        } else {
            // It is an error if it has no series, as one too many.
            let _ = self.path_unreadable.remove_label_values(&labels);
        }
    }

    pub(crate) fn parse_error(&self, reason: Reason) {
        self.parse_errors[reason as usize].inc();
    }

    /// So much was found by a rule of redaction.
    pub(crate) fn redacted(&self, rule: &str, count: u64) {
        self.redactions.with_label_values(&[self.source.as_str(), rule]).inc_by(count);
    }

    pub(crate) fn file_error(&self, operation: &str) {
        self.file_errors.with_label_values(&[self.source.as_str(), operation]).inc();
    }
}
