//! The page of a probe: blackbox_exporter's series, and why it failed.
//!
//! Every series that does not depend on what the peer sends is there from the start, with 0 before the first run
//! has ended and while the target is down. Those about certificates, and about regular expressions and dates, are
//! there when there is something to say.

use std::net::IpAddr;
use std::time::Duration;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};

use super::failure::{Failure, Phase};
use super::record::Record;

static SUCCESS: Family = Family::gauge("probe_success", "Displays whether or not the probe was a success");
static DURATION: Family =
    Family::gauge("probe_duration_seconds", "Returns how long the probe took to complete in seconds");
static TIMEOUT: Family =
    Family::gauge("probe_timeout_seconds", "Returns how long the probe timeout is in seconds");
static DNS_LOOKUP: Family =
    Family::gauge("probe_dns_lookup_time_seconds", "Returns the time taken for probe dns lookup in seconds");
static IP_PROTOCOL: Family =
    Family::gauge("probe_ip_protocol", "Specifies whether probe ip protocol is IP4 or IP6");
static IP_HASH: Family = Family::gauge(
    "probe_ip_addr_hash",
    "Specifies the hash of IP address. It's useful to detect if the IP address changes.",
);
static HTTP_DURATION: Family = Family::gauge(
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
static LAST_MODIFIED: Family = Family::gauge(
    "probe_http_last_modified_timestamp_seconds",
    "Returns the Last-Modified HTTP response header in unixtime",
);
static EARLIEST_EXPIRY: Family =
    Family::gauge("probe_ssl_earliest_cert_expiry", "Returns last SSL chain expiry in unixtime");
static CHAIN_EXPIRY: Family = Family::gauge(
    "probe_ssl_last_chain_expiry_timestamp_seconds",
    "Returns last SSL chain expiry in timestamp",
);
static CHAIN_INFO: Family =
    Family::gauge("probe_ssl_last_chain_info", "Contains SSL leaf certificate information");
static TLS_VERSION: Family =
    Family::gauge("probe_tls_version_info", "Returns the TLS version used or NaN when unknown");
static TLS_CIPHER: Family =
    Family::gauge("probe_tls_cipher_info", "Returns the TLS cipher negotiated during handshake");
static FAILURE: Family = Family::gauge(
    "probe_failure_info",
    "Why the probe failed, and in which phase; only there while it fails.",
);
static RUNS: Family = Family::counter("vigie_probe_runs_total", "Runs of the probe that have ended.");
static RETRIES: Family =
    Family::counter("vigie_probe_retries_total", "Re-checks after a failure, within a run.");
static SKIPPED: Family = Family::counter(
    "vigie_probe_skipped_total",
    "Runs that did not begin because the one before them had not ended.",
);
static LAG: Family =
    Family::gauge("vigie_probe_start_lag_seconds", "How much later than intended the last run began.");

/// What is known of a probe over all its runs.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) runs: u64,
    pub(super) retries: u64,
    pub(super) skipped: u64,
    /// Of the last run.
    pub(super) lag: Duration,
}

/// What does not change from run to run.
#[derive(Debug)]
pub(super) struct Identity<'a> {
    pub(super) probe: &'a str,
    pub(super) instance: &'a str,
    pub(super) timeout: Duration,
}

/// The last run, if one has ended.
#[derive(Debug)]
pub(super) struct Last<'a> {
    pub(super) record: &'a Record,
    pub(super) duration: Duration,
    pub(super) failure: Option<&'a Failure>,
}

/// Fills an empty page.
pub(super) fn write(page: &mut Page, identity: &Identity<'_>, last: Option<&Last<'_>>, tally: &Tally) {
    let base = page.labels(&[("instance", identity.instance), ("probe", identity.probe)]);
    let record = last.map(|last| last.record);
    let success = last.is_some_and(|last| last.failure.is_none());
    page.set(&SUCCESS, base, f64::from(success));
    page.set(&DURATION, base, last.map_or(0.0, |last| last.duration.as_secs_f64()));
    page.set(&TIMEOUT, base, identity.timeout.as_secs_f64());
    let lookup = record.map_or(Duration::ZERO, |record| record.timeline.first(Phase::Resolve));
    page.set(&DNS_LOOKUP, base, lookup.as_secs_f64());
    let address = record.and_then(|record| record.first_address);
    page.set(&IP_PROTOCOL, base, address.map_or(0.0, |ip| if ip.is_ipv4() { 4.0 } else { 6.0 }));
    page.set(&IP_HASH, base, address.map_or(0.0, ip_hash));
    for phase in Phase::ALL {
        let labels = page.labels_after(base, &[("phase", phase.as_str())]);
        let time = record.map_or(Duration::ZERO, |record| record.timeline.sum(phase));
        page.set(&HTTP_DURATION, labels, time.as_secs_f64());
    }
    write_response(page, base, record);
    if let Some(record) = record {
        write_session(page, base, record);
    }
    if let Some(failure) = last.and_then(|last| last.failure) {
        let labels = page
            .labels_after(base, &[("reason", failure.reason.as_str()), ("phase", failure.phase.as_str())]);
        page.set(&FAILURE, labels, 1.0);
    }
    page.set(&RUNS, base, tally.runs as f64);
    page.set(&RETRIES, base, tally.retries as f64);
    page.set(&SKIPPED, base, tally.skipped as f64);
    page.set(&LAG, base, tally.lag.as_secs_f64());
}

fn write_response(page: &mut Page, base: Labels, record: Option<&Record>) {
    let response = record.and_then(|record| record.response.as_ref());
    // A length that the peer does not announce is -1, as Go has it.
    let length = response.map_or(0.0, |r| r.content_length.map_or(-1.0, |length| length as f64));
    page.set(&CONTENT_LENGTH, base, length);
    page.set(&BODY_LENGTH, base, response.map_or(0.0, |r| r.body_bytes as f64));
    page.set(&REDIRECTS, base, record.map_or(0.0, |record| f64::from(record.redirects)));
    page.set(&SSL, base, f64::from(response.is_some_and(|r| r.ssl)));
    page.set(&STATUS, base, response.map_or(0.0, |r| f64::from(r.status)));
    page.set(&VERSION, base, response.map_or(0.0, |r| version_number(r.version)));
    page.set(&REGEX, base, f64::from(record.and_then(|r| r.regex_failed).unwrap_or(false)));
    if let Some(time) = response.and_then(|r| r.last_modified) {
        page.set(&LAST_MODIFIED, base, time as f64);
    }
}

fn write_session(page: &mut Page, base: Labels, record: &Record) {
    let Some(session) = &record.session else { return };
    if let Some(chain) = &session.chain {
        page.set(&EARLIEST_EXPIRY, base, chain.earliest_expiry as f64);
        page.set(&CHAIN_EXPIRY, base, chain.last_chain_expiry as f64);
        let info = page.labels_after(
            base,
            &[
                ("fingerprint_sha256", &chain.fingerprint),
                ("issuer", &chain.issuer),
                ("serialnumber", &chain.serial),
                ("subject", &chain.subject),
                ("subjectalternative", &chain.names),
            ],
        );
        page.set(&CHAIN_INFO, info, 1.0);
    }
    if let Some((version, cipher)) = &session.agreed {
        let labels = page.labels_after(base, &[("version", version)]);
        page.set(&TLS_VERSION, labels, 1.0);
        let labels = page.labels_after(base, &[("cipher", cipher)]);
        page.set(&TLS_CIPHER, labels, 1.0);
    }
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

/// FNV-1a over the bytes of the address.
fn ip_hash(ip: IpAddr) -> f64 {
    let hash = |bytes: &[u8]| {
        bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
    };
    f64::from(match ip.to_canonical() {
        IpAddr::V4(ip) => hash(&ip.octets()),
        IpAddr::V6(ip) => hash(&ip.octets()),
    })
}
