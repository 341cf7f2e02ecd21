//! The series of PostgreSQL probes.
//!
//! The value and what the server is are there once they are known; all others always.

use vigie_pipeline::metric::Family;

use super::query::Answer;
use crate::probes::failure::Phase;
use crate::probes::findings::Findings;
use crate::probes::numeral::number;
use crate::probes::prober::Phases;
use crate::probes::record::Record;

static DURATION: Family =
    Family::gauge("probe_postgres_duration_seconds", "Duration of the probe of PostgreSQL by phase.");
static VALUE: Family = Family::gauge(
    "probe_postgres_value",
    "The first value that the query answered, if it is a number; true is 1, false is 0.",
);
static ROWS: Family = Family::gauge("probe_postgres_rows", "How many rows the query answered.");
static INFO: Family = Family::gauge("probe_postgres_info", "What the server says it is.");

pub(super) const PHASES: Phases = Phases {
    family: &DURATION,
    all: &[Phase::Resolve, Phase::Connect, Phase::Tls, Phase::Login, Phase::Query],
};

/// What a server says of itself is cut to this length, in characters.
const LONGEST: usize = 64;

/// What a server has said of itself while it let us in.
#[derive(Debug, Default)]
pub(super) struct Server {
    version: String,
    /// `on` in a standby, `off` in a primary; older servers than 14 do not say.
    hot_standby: String,
}

impl Server {
    /// One of its parameters.
    pub(super) fn told(&mut self, name: &str, value: &str) {
        let value = || value.chars().take(LONGEST).collect();
        match name {
            "server_version" => self.version = value(),
            "in_hot_standby" => self.hot_standby = value(),
            _ => {}
        }
    }

    pub(super) fn set(&self, record: &mut Record) {
        let labels = [("version", self.version.as_str()), ("hot_standby", self.hot_standby.as_str())];
        record.findings.set_only(&INFO, &labels, 1.0);
        record.note(|| format!("logged in to PostgreSQL {}", self.version));
    }
}

pub(super) fn declare(findings: &mut Findings) {
    findings.set(&ROWS, 0.0);
}

/// What the query has answered.
pub(super) fn answered(answer: &Answer, record: &mut Record) {
    record.findings.set(&ROWS, answer.rows as f64);
    let value = match answer.first.as_deref() {
        Some(b"t") => Some(1.0),
        Some(b"f") => Some(0.0),
        Some(text) => number(text),
        None => None,
    };
    if let Some(value) = value {
        record.findings.set(&VALUE, value);
    }
    record.excerpt.add(answer.first.as_deref().unwrap_or_default());
    record.note(|| format!("the query answered {} rows", answer.rows));
}
