//! The series of the steps of a flow. Those of steps that were not reached are there, with 0.

use vigie_pipeline::metric::Family;

use crate::probes::failure::Phase;
use crate::probes::findings::Findings;
use crate::probes::record::Record;
use crate::probes::timeline::Spell;

static SUCCESS: Family =
    Family::gauge("probe_flow_step_success", "Whether the step of the flow was reached and went well.");
static STATUS: Family =
    Family::gauge("probe_flow_step_status_code", "The status of the step's last HTTP response.");
static STEP_DURATION: Family =
    Family::gauge("probe_flow_step_duration_seconds", "How long the step of the flow took.");
static DURATION: Family = Family::gauge(
    "probe_flow_duration_seconds",
    "How long the step of the flow took by phase, summed over its redirects.",
);
static FAILED: Family = Family::gauge(
    "probe_flow_failed_step_info",
    "The step at which the flow failed; only there while it fails.",
);

const PHASES: [Phase; 5] = [Phase::Resolve, Phase::Connect, Phase::Tls, Phase::Processing, Phase::Transfer];

pub(super) fn declare<'a>(steps: impl Iterator<Item = &'a str>, findings: &mut Findings) {
    for step in steps {
        for family in [&SUCCESS, &STATUS, &STEP_DURATION] {
            findings.set_with(family, &[("step", step)], 0.0);
        }
        for phase in PHASES {
            findings.set_with(&DURATION, &[("step", step), ("phase", phase.as_str())], 0.0);
        }
    }
}

/// The status that a step has come to.
pub(super) fn status(step: &str, status: u16, record: &mut Record) {
    record.findings.set_with(&STATUS, &[("step", step)], f64::from(status));
}

/// The run is over: what its steps took, and which of them failed.
pub(super) fn settle(failed: bool, record: &mut Record) {
    let steps = record.timeline.steps();
    for (index, step) in steps.iter().enumerate() {
        let name: &str = &step.name;
        let last = index + 1 == steps.len();
        record.findings.set_with(&SUCCESS, &[("step", name)], f64::from(!(last && failed)));
        let took = step.end.saturating_duration_since(step.start);
        record.findings.set_with(&STEP_DURATION, &[("step", name)], took.as_secs_f64());
        let spells = record.timeline.spells_of(index);
        for phase in PHASES {
            let spent = |spell: &&Spell| spell.phase == phase;
            let spent: f64 = spells.iter().filter(spent).map(|s| (s.end - s.start).as_secs_f64()).sum();
            let labels = [("step", name), ("phase", phase.as_str())];
            record.findings.set_with(&DURATION, &labels, spent);
        }
        if last && failed {
            record.findings.set_only(&FAILED, &[("step", name)], 1.0);
        }
    }
}
