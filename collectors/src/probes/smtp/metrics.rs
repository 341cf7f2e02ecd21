//! The series of a probe of a mail server.

use vigie_pipeline::metric::Family;

use crate::probes::failure::Phase;
use crate::probes::findings::Findings;
use crate::probes::prober::Phases;

static DURATION: Family =
    Family::gauge("probe_smtp_duration_seconds", "Duration of the conversation by phase");
static STATUS: Family = Family::gauge("probe_smtp_status_code", "The code of the last reply");
static OFFERED: Family =
    Family::gauge("probe_smtp_starttls_offered", "Indicates if the server offers to go over to TLS");
static TLS: Family =
    Family::gauge("probe_smtp_ssl", "Indicates if SSL was used at the end of the conversation");

pub(super) const PHASES: Phases = Phases {
    family: &DURATION,
    all: &[
        Phase::Resolve,
        Phase::Connect,
        Phase::Banner,
        Phase::Ehlo,
        Phase::Starttls,
        Phase::Tls,
        Phase::Quit,
    ],
};

pub(super) fn declare(findings: &mut Findings) {
    for family in [&STATUS, &OFFERED, &TLS] {
        findings.set(family, 0.0);
    }
}

/// A reply has come.
pub(super) fn replied(code: u16, findings: &mut Findings) {
    findings.set(&STATUS, f64::from(code));
}

/// What the server offers in plain text.
pub(super) fn offered(starttls: bool, findings: &mut Findings) {
    findings.set_bool(&OFFERED, starttls);
}

/// The connection is encrypted from here on.
pub(super) fn encrypted(findings: &mut Findings) {
    findings.set(&TLS, 1.0);
}
