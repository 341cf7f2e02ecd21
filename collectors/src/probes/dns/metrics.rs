//! blackbox_exporter's series of DNS probes.

use vigie_pipeline::metric::Family;

use super::message::Response;
use crate::probes::failure::Phase;
use crate::probes::findings::Findings;
use crate::probes::prober::Phases;

static DURATION: Family = Family::gauge("probe_dns_duration_seconds", "Duration of DNS request by phase");
static ANSWERS: Family =
    Family::gauge("probe_dns_answer_rrs", "Returns number of entries in the answer resource record list");
static AUTHORITIES: Family = Family::gauge(
    "probe_dns_authority_rrs",
    "Returns number of entries in the authority resource record list",
);
static ADDITIONALS: Family = Family::gauge(
    "probe_dns_additional_rrs",
    "Returns number of entries in the additional resource record list",
);
static SUCCEEDED: Family =
    Family::gauge("probe_dns_query_succeeded", "Displays whether or not the query was executed successfully");
static SERIAL: Family = Family::gauge("probe_dns_serial", "Returns the serial number of the zone");

pub(super) const PHASES: Phases =
    Phases { family: &DURATION, all: &[Phase::Resolve, Phase::Connect, Phase::Tls, Phase::Request] };

/// `serial`: whether a start of authority is asked for.
pub(super) fn declare(findings: &mut Findings, serial: bool) {
    for family in [&ANSWERS, &AUTHORITIES, &ADDITIONALS, &SUCCEEDED] {
        findings.set(family, 0.0);
    }
    if serial {
        findings.set(&SERIAL, 0.0);
    }
}

/// An answer came, whatever it says.
pub(super) fn answered(response: &Response, findings: &mut Findings) {
    findings.set(&ANSWERS, response.answers.len() as f64);
    findings.set(&AUTHORITIES, response.authorities.len() as f64);
    findings.set(&ADDITIONALS, response.additionals.len() as f64);
    findings.set(&SUCCEEDED, 1.0);
    if findings.get(&SERIAL).is_some() {
        findings.set(&SERIAL, response.serial().map_or(0.0, f64::from));
    }
}
