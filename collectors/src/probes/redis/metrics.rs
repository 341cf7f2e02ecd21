//! The series of Redis probes.
//!
//! The value and what the server is are there once they are known; all others always.

use vigie_pipeline::metric::Family;

use super::reply::{Reply, Value};
use crate::probes::failure::Phase;
use crate::probes::numeral::number;
use crate::probes::prober::Phases;
use crate::probes::record::Record;

static DURATION: Family =
    Family::gauge("probe_redis_duration_seconds", "Duration of the probe of Redis by phase.");
static VALUE: Family =
    Family::gauge("probe_redis_value", "The first value that the command answered, if it is a number.");
static INFO: Family = Family::gauge("probe_redis_info", "What the server says it is.");

pub(super) const PHASES: Phases = Phases {
    family: &DURATION,
    all: &[Phase::Resolve, Phase::Connect, Phase::Tls, Phase::Login, Phase::Query],
};

/// What a server says of itself is cut to this length, in characters.
const LONGEST: usize = 64;

/// What `HELLO` has told.
pub(super) fn greeted(reply: &Reply, record: &mut Record) {
    let [version, role, mode] = ["version", "role", "mode"]
        .map(|name| reply.named(name).unwrap_or_default().chars().take(LONGEST).collect::<String>());
    record.findings.set_only(&INFO, &[("version", &version), ("role", &role), ("mode", &mode)], 1.0);
    record.note(|| format!("the server is {version}, {role}, {mode}"));
}

/// What the command has answered.
pub(super) fn answered(values: &[Value], record: &mut Record) {
    let value = match values.first() {
        Some(Value::Integer(value)) => Some(*value as f64),
        Some(Value::Text(text)) => number(text),
        Some(Value::Nil) | None => None,
    };
    if let Some(value) = value {
        record.findings.set(&VALUE, value);
    }
}
