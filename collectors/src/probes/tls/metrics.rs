//! What TLS says of itself: blackbox_exporter's series.
//!
//! They are there when there is something to say: after a handshake, also one that ended with a refusal.

use vigie_pipeline::metric::Family;

use super::Session;
use super::chain::Described;
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

static NOT_AFTER: Family = Family::gauge(
    "probe_tls_certificate_not_after_timestamp_seconds",
    "When a certificate ends to be valid, in unixtime; position 0 is the server's own",
);
static NOT_BEFORE: Family = Family::gauge(
    "probe_tls_certificate_not_before_timestamp_seconds",
    "When a certificate begins to be valid, in unixtime; position 0 is the server's own",
);

/// Takes the series of an earlier handshake away, as that of the connection before a redirect.
pub(in crate::probes) fn forget(findings: &mut Findings) {
    for family in
        [&EARLIEST_EXPIRY, &CHAIN_EXPIRY, &CHAIN_INFO, &TLS_VERSION, &TLS_CIPHER, &NOT_AFTER, &NOT_BEFORE]
    {
        findings.remove(family);
    }
}

/// The first end of all certificates that were shown, in Unix time; `None` if none was.
pub(in crate::probes) fn earliest_expiry(findings: &Findings) -> Option<f64> {
    findings.get(&EARLIEST_EXPIRY)
}

/// The first end of certificates that no handshake has shown.
pub(in crate::probes) fn set_earliest_expiry(findings: &mut Findings, end: i64) {
    findings.set(&EARLIEST_EXPIRY, end as f64);
}

/// One certificate at its place in a chain, or in a file.
pub(in crate::probes) fn describe(
    findings: &mut Findings,
    certificate: &Described,
    position: usize,
    file: Option<&str>,
) {
    let position = position.to_string();
    let mut labels = vec![
        ("issuer", certificate.issuer.as_str()),
        ("position", &position),
        ("serialnumber", &certificate.serial),
        ("subject", &certificate.subject),
    ];
    labels.extend(file.map(|file| ("file", file)));
    findings.set_with(&NOT_AFTER, &labels, certificate.not_after as f64);
    findings.set_with(&NOT_BEFORE, &labels, certificate.not_before as f64);
}

/// Sets what this handshake found; of `each` certificate too if that is wanted.
pub(super) fn set(findings: &mut Findings, session: &Session, each: bool) {
    forget(findings);
    if let Some(chain) = &session.chain
        && let Some(own) = chain.all.first()
    {
        findings.set(&EARLIEST_EXPIRY, chain.earliest_expiry as f64);
        findings.set(&CHAIN_EXPIRY, chain.last_chain_expiry as f64);
        let info: [(&str, &str); 5] = [
            ("fingerprint_sha256", &chain.fingerprint),
            ("issuer", &own.issuer),
            ("serialnumber", &own.serial),
            ("subject", &own.subject),
            ("subjectalternative", &chain.names),
        ];
        findings.set_only(&CHAIN_INFO, &info, 1.0);
        for (position, certificate) in chain.all.iter().enumerate().filter(|_| each) {
            describe(findings, certificate, position, None);
        }
    }
    if let Some((version, cipher)) = &session.agreed {
        findings.set_only(&TLS_VERSION, &[("version", version)], 1.0);
        findings.set_only(&TLS_CIPHER, &[("cipher", cipher)], 1.0);
    }
}
