//! What TLS says of itself: blackbox_exporter's series.
//!
//! They are there when there is something to say: after a handshake, also one that ended with a refusal.

use vigie_pipeline::metric::Family;

use super::Session;
use crate::probes::findings::Findings;

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

/// Takes the series of an earlier handshake away, as that of the connection before a redirect.
pub(in crate::probes) fn forget(findings: &mut Findings) {
    for family in [&EARLIEST_EXPIRY, &CHAIN_EXPIRY, &CHAIN_INFO, &TLS_VERSION, &TLS_CIPHER] {
        findings.remove(family);
    }
}

/// Sets what this handshake found.
pub(super) fn set(findings: &mut Findings, session: &Session) {
    forget(findings);
    if let Some(chain) = &session.chain {
        findings.set(&EARLIEST_EXPIRY, chain.earliest_expiry as f64);
        findings.set(&CHAIN_EXPIRY, chain.last_chain_expiry as f64);
        let info: [(&str, &str); 5] = [
            ("fingerprint_sha256", &chain.fingerprint),
            ("issuer", &chain.issuer),
            ("serialnumber", &chain.serial),
            ("subject", &chain.subject),
            ("subjectalternative", &chain.names),
        ];
        findings.set_only(&CHAIN_INFO, &info, 1.0);
    }
    if let Some((version, cipher)) = &session.agreed {
        findings.set_only(&TLS_VERSION, &[("version", version)], 1.0);
        findings.set_only(&TLS_CIPHER, &[("cipher", cipher)], 1.0);
    }
}
