//! blackbox_exporter's series of HTTP probes.
//!
//! That about a date is there when there is something to say; all others always are, with 0 while the target is
//! down.

use vigie_pipeline::metric::Family;

use super::response::Response;
use crate::probes::failure::Phase;
use crate::probes::findings::Findings;
use crate::probes::prober::Phases;
use crate::probes::record::Record;

static DURATION: Family = Family::gauge(
    "probe_http_duration_seconds",
    "Duration of http request by phase, summed over all redirects",
);
static CONTENT_LENGTH: Family = Family::gauge("probe_http_content_length", "Length of http content response");
static BODY_LENGTH: Family =
    Family::gauge("probe_http_uncompressed_body_length", "Length of uncompressed response body");
static REDIRECTS: Family = Family::gauge("probe_http_redirects", "The number of redirects");
static SSL: Family = Family::gauge("probe_http_ssl", "Indicates if SSL was used for the final redirect");
static STATUS: Family = Family::gauge("probe_http_status_code", "Response HTTP status code");
static VERSION: Family =
    Family::gauge("probe_http_version", "Returns the version of HTTP of the probe response");
static REGEX: Family = Family::gauge("probe_failed_due_to_regex", "Indicates if probe failed due to regex");
static JSON: Family = Family::gauge(
    "probe_failed_due_to_json",
    "Indicates if probe failed due to what the JSON of the body says, or does not",
);
static LAST_MODIFIED: Family = Family::gauge(
    "probe_http_last_modified_timestamp_seconds",
    "Returns the Last-Modified HTTP response header in unixtime",
);

/// Of one round trip; summed over all of them.
pub(super) const PHASES: Phases = Phases {
    family: &DURATION,
    all: &[Phase::Resolve, Phase::Connect, Phase::Tls, Phase::Processing, Phase::Transfer],
};

pub(super) fn declare(findings: &mut Findings, json: bool) {
    if json {
        findings.set(&JSON, 0.0);
    }
    for family in [&CONTENT_LENGTH, &BODY_LENGTH, &REDIRECTS, &SSL, &STATUS, &VERSION, &REGEX] {
        findings.set(family, 0.0);
    }
}

/// The head of a response came.
pub(super) fn response(response: &Response, record: &mut Record) {
    let findings = &mut record.findings;
    // A length that the peer does not announce is -1, as Go has it.
    findings.set(&CONTENT_LENGTH, response.content_length.map_or(-1.0, |length| length as f64));
    findings.set(&BODY_LENGTH, 0.0);
    findings.set_bool(&SSL, response.ssl);
    findings.set(&STATUS, f64::from(response.status));
    findings.set(&VERSION, version_number(response.version));
    match response.last_modified {
        Some(time) => findings.set(&LAST_MODIFIED, time as f64),
        None => findings.remove(&LAST_MODIFIED),
    }
    record.about.number("http.response.status_code", response.status);
    record.about.text("network.protocol.name", "http");
    record.about.text("network.protocol.version", protocol_version(response.version));
}

/// So much of the body has come, in bytes.
pub(super) fn body(read: u64, record: &mut Record) {
    record.findings.set(&BODY_LENGTH, read as f64);
}

/// The regular expressions have judged the body.
pub(super) fn regex(failed: bool, record: &mut Record) {
    record.findings.set_bool(&REGEX, failed);
}

/// The rules about JSON have judged the body.
pub(super) fn json(failed: bool, record: &mut Record) {
    record.findings.set_bool(&JSON, failed);
}

/// One more redirect: how many they are now.
pub(super) fn redirected(record: &mut Record) -> u16 {
    let redirects = record.findings.get(&REDIRECTS).unwrap_or(0.0) + 1.0;
    record.findings.set(&REDIRECTS, redirects);
    record.about.number("vigie.probe.redirects", redirects as i64);
    redirects as u16
}

/// The status of the last response.
pub(super) fn status(record: &Record) -> u16 {
    record.findings.get(&STATUS).unwrap_or(0.0) as u16
}

fn version_number(version: http::Version) -> f64 {
    match version {
        http::Version::HTTP_09 => 0.9,
        http::Version::HTTP_10 => 1.0,
        http::Version::HTTP_11 => 1.1,
        http::Version::HTTP_2 => 2.0,
        _ => 3.0,
    }
}

fn protocol_version(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_10 => "1.0",
        http::Version::HTTP_2 => "2",
        _ => "1.1",
    }
}
