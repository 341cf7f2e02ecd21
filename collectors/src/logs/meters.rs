//! What a source counts besides the ledger.

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec};
use vigie_pipeline::instruments::Instruments;

use super::fields::Reason;

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
    pub(crate) file_errors: IntCounterVec,
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
        Self {
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

    /// Of what is read again: nobody sees these.
    pub(crate) fn uncounted(source: &str) -> Self {
        Self::new(&Instruments::default(), source)
    }

    pub(crate) fn parse_error(&self, reason: Reason) {
        self.parse_errors[reason as usize].inc();
    }

    pub(crate) fn file_error(&self, operation: &str) {
        self.file_errors.with_label_values(&[self.source.as_str(), operation]).inc();
    }
}
