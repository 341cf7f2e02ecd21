//! The series of MySQL probes.
//!
//! The value and what the server is are there once they are known; all others always.

use vigie_pipeline::metric::Family;

use super::greeting::Greeting;
use super::query::Answer;
use crate::probes::failure::Phase;
use crate::probes::findings::Findings;
use crate::probes::numeral::number;
use crate::probes::prober::Phases;
use crate::probes::record::Record;

static DURATION: Family =
    Family::gauge("probe_mysql_duration_seconds", "Duration of the probe of MySQL or MariaDB by phase.");
static VALUE: Family =
    Family::gauge("probe_mysql_value", "The first value that the query answered, if it is a number.");
static ROWS: Family = Family::gauge("probe_mysql_rows", "How many rows the query answered.");
static INFO: Family = Family::gauge("probe_mysql_info", "What the server says it is.");

pub(super) const PHASES: Phases = Phases {
    family: &DURATION,
    all: &[Phase::Resolve, Phase::Connect, Phase::Tls, Phase::Login, Phase::Query],
};

/// What a server says of itself is cut to this length, in characters.
const LONGEST: usize = 64;

pub(super) fn declare(findings: &mut Findings) {
    findings.set(&ROWS, 0.0);
}

/// What the server has said of itself.
pub(super) fn greeted(greeting: &Greeting, record: &mut Record) {
    let version: String = greeting.version.chars().take(LONGEST).collect();
    record.findings.set_only(&INFO, &[("version", &version)], 1.0);
    record.about.text("db.system.name", if greeting.is_mariadb() { "mariadb" } else { "mysql" });
    record.note(|| format!("the server is {version}"));
}

/// What the query has answered.
pub(super) fn answered(answer: &Answer, record: &mut Record) {
    record.findings.set(&ROWS, answer.rows as f64);
    if let Some(value) = answer.first.as_deref().and_then(number) {
        record.findings.set(&VALUE, value);
    }
    record.excerpt.add(answer.first.as_deref().unwrap_or_default());
    record.note(|| format!("the query answered {} rows", answer.rows));
}
