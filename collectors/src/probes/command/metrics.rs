//! The series of command probes.

use vigie_pipeline::metric::Family;

use super::output::Item;
use crate::probes::findings::Findings;

static EXIT_CODE: Family = Family::gauge(
    "probe_command_exit_code",
    "With which code the command has ended; -1 if it has not ended by itself.",
);
static PERFDATA: Family =
    Family::gauge("probe_command_perfdata", "A number of the performance data that the command has written.");

pub(super) fn declare(findings: &mut Findings) {
    findings.set(&EXIT_CODE, -1.0);
}

/// It has ended.
pub(super) fn ended(code: i32, data: &[Item], findings: &mut Findings) {
    findings.set(&EXIT_CODE, f64::from(code));
    for item in data {
        findings.set_with(&PERFDATA, &[("label", &item.label), ("unit", &item.unit)], item.value);
    }
}
