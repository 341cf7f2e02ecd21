//! blackbox_exporter's series of websocket probes.

use vigie_pipeline::metric::Family;

use crate::probes::failure::Phase;
use crate::probes::findings::Findings;
use crate::probes::prober::Phases;
use crate::probes::record::Record;

static DURATION: Family =
    Family::gauge("probe_websocket_duration_seconds", "Duration of websocket request by phase");
static STATUS: Family = Family::gauge("probe_websocket_status_code", "Response HTTP status code");
static UPGRADED: Family = Family::gauge(
    "probe_websocket_connection_upgraded",
    "Indicates if the websocket connection was successfully upgraded",
);
static REGEX: Family =
    Family::gauge("probe_websocket_failed_due_to_regex", "Indicates if probe failed due to regex");

pub(super) const PHASES: Phases = Phases {
    family: &DURATION,
    all: &[Phase::Resolve, Phase::Connect, Phase::Tls, Phase::Processing, Phase::Transfer, Phase::Ping],
};

pub(super) fn declare(findings: &mut Findings) {
    for family in [&STATUS, &UPGRADED, &REGEX] {
        findings.set(family, 0.0);
    }
}

/// The peer has answered the request.
pub(super) fn answered(status: u16, record: &mut Record) {
    record.findings.set(&STATUS, f64::from(status));
    record.about.number("http.response.status_code", status);
}

/// From here on it is a websocket.
pub(super) fn upgraded(record: &mut Record) {
    record.findings.set(&UPGRADED, 1.0);
}

/// What was expected was not said.
pub(super) fn mismatched(findings: &mut Findings) {
    findings.set(&REGEX, 1.0);
}
