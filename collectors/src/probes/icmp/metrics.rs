//! blackbox_exporter's series of ICMP probes. That about hops is there when a reply has said it.

use vigie_pipeline::metric::Family;

use crate::probes::failure::Phase;
use crate::probes::findings::Findings;
use crate::probes::prober::Phases;

static DURATION: Family = Family::gauge("probe_icmp_duration_seconds", "Duration of icmp request by phase");
static HOP_LIMIT: Family =
    Family::gauge("probe_icmp_reply_hop_limit", "Replied packet hop limit (TTL for ipv4)");

pub(super) const PHASES: Phases =
    Phases { family: &DURATION, all: &[Phase::Resolve, Phase::Setup, Phase::Rtt] };

/// How many more hops the reply might have taken.
pub(super) fn hop_limit(hops: u8, findings: &mut Findings) {
    findings.set(&HOP_LIMIT, f64::from(hops));
}
