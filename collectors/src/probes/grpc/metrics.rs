//! blackbox_exporter's series of gRPC probes.
//!
//! Its phase `check` is all that follows the resolving of the name; here connecting and the handshake have phases of
//! their own, so that their sum is the same.

use vigie_pipeline::metric::Family;

use super::health::{STATUSES, status_name};
use super::status::Code;
use crate::probes::failure::Phase;
use crate::probes::findings::Findings;
use crate::probes::prober::Phases;

static DURATION: Family = Family::gauge("probe_grpc_duration_seconds", "Duration of gRPC request by phase");
static SSL: Family = Family::gauge("probe_grpc_ssl", "Indicates if SSL was used for the connection");
static STATUS_CODE: Family = Family::gauge("probe_grpc_status_code", "Response gRPC status code");
static HEALTH: Family = Family::gauge("probe_grpc_healthcheck_response", "Response HealthCheck response");

pub(super) const PHASES: Phases =
    Phases { family: &DURATION, all: &[Phase::Resolve, Phase::Connect, Phase::Tls, Phase::Check] };

pub(super) fn declare(findings: &mut Findings) {
    findings.set(&SSL, 0.0);
    findings.set(&STATUS_CODE, 0.0);
    for name in STATUSES {
        findings.set_with(&HEALTH, &[("serving_status", name)], 0.0);
    }
}

/// The handshake succeeded.
pub(super) fn encrypted(findings: &mut Findings) {
    findings.set_bool(&SSL, true);
}

/// How the call ended, or would have if the run were cut now.
pub(super) fn code(code: Code, findings: &mut Findings) {
    findings.set(&STATUS_CODE, f64::from(code.0));
}

/// What the service says of itself.
pub(super) fn health(status: u64, findings: &mut Findings) {
    findings.set_with(&HEALTH, &[("serving_status", &status_name(status))], 1.0);
}
