//! What the certificates of a peer say: until when, whose, from whom.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::name::distinguished_name;
use super::roots::Roots;

/// The longest chain that is followed, from the server's own certificate to a root.
const LONGEST: usize = 10;

/// As many certificates of a chain are described one by one.
const DESCRIBED: usize = 20;

/// What one certificate says, ready to become labels and values. Times are seconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::probes) struct Described {
    pub(in crate::probes) subject: String,
    pub(in crate::probes) issuer: String,
    /// In hexadecimal without leading zeros.
    pub(in crate::probes) serial: String,
    pub(in crate::probes) not_before: i64,
    pub(in crate::probes) not_after: i64,
}

impl Described {
    /// `None` if it cannot be read.
    pub(in crate::probes) fn read(der: &CertificateDer<'_>) -> Option<Self> {
        X509Certificate::from_der(der).ok().map(|(_, certificate)| Self::of(&certificate))
    }

    fn of(certificate: &X509Certificate<'_>) -> Self {
        Self {
            subject: distinguished_name(certificate.subject()),
            issuer: distinguished_name(certificate.issuer()),
            serial: hex(trimmed(certificate.raw_serial())),
            not_before: certificate.validity().not_before.timestamp(),
            not_after: end(certificate),
        }
    }
}

/// What the chain says, ready to become labels and values. Times are seconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Chain {
    /// The first end of all certificates that the peer sent.
    pub(super) earliest_expiry: i64,
    /// The end of the chain to a trusted root that lasts longest; Go's zero time if there is none.
    pub(super) last_chain_expiry: i64,
    /// SHA-256 of the peer's own certificate, in hexadecimal.
    pub(super) fingerprint: String,
    /// The DNS names among the alternative names, with commas.
    pub(super) names: String,
    /// Each certificate, the peer's own first.
    pub(super) all: Vec<Described>,
}

/// What Go's zero time is in Unix time: year 1.
const ZERO_TIME: i64 = -62_135_596_800;

impl Chain {
    /// Reads the certificates that a peer sent, its own first. `verified` says that they lead to one of
    /// `roots`. `None` if the first one cannot be read.
    pub(super) fn read(
        sent: &[CertificateDer<'_>],
        verified: bool,
        roots: &Roots,
        provider: &CryptoProvider,
    ) -> Option<Self> {
        let certificates: Vec<X509Certificate<'_>> =
            sent.iter().filter_map(|der| X509Certificate::from_der(der).ok()).map(|(_, c)| c).collect();
        let own = X509Certificate::from_der(sent.first()?).ok()?.1;
        let ends = certificates.iter().map(end);
        let last_chain_expiry =
            if verified { last_chain(&own, &certificates, roots) } else { None }.unwrap_or(ZERO_TIME);
        Some(Self {
            earliest_expiry: ends.min().unwrap_or(ZERO_TIME),
            last_chain_expiry,
            fingerprint: hex(sha256(provider, sent.first()?).as_deref().unwrap_or_default()),
            names: names(&own),
            all: certificates.iter().take(DESCRIBED).map(Described::of).collect(),
        })
    }
}

fn end(certificate: &X509Certificate<'_>) -> i64 {
    certificate.validity().not_after.timestamp()
}

/// Of all chains from `own` to a root, the end of the one that lasts longest; a chain ends with the first of
/// its certificates. The signatures were verified by the handshake: here names lead the way.
fn last_chain(own: &X509Certificate<'_>, sent: &[X509Certificate<'_>], roots: &Roots) -> Option<i64> {
    fn from(
        certificate: &X509Certificate<'_>,
        until: i64,
        depth: usize,
        sent: &[X509Certificate<'_>],
        roots: &Roots,
    ) -> Option<i64> {
        let until = until.min(end(certificate));
        let issuer = certificate.issuer().as_raw();
        let at_root = roots.ends_of(issuer).map(|root| root.min(until)).max();
        let itself = roots.contains(certificate.as_raw()).then_some(until);
        if depth == 0 {
            return at_root.max(itself);
        }
        let onwards = sent
            .iter()
            .filter(|next| next.subject().as_raw() == issuer && next.as_raw() != certificate.as_raw())
            .filter_map(|next| from(next, until, depth - 1, sent, roots))
            .max();
        at_root.max(itself).max(onwards)
    }
    // Bounded in breadth too: a peer may send hundreds that all claim to have issued each other.
    from(own, i64::MAX, LONGEST.min(sent.len()).min(4), &sent[..sent.len().min(LONGEST)], roots)
}

fn names(certificate: &X509Certificate<'_>) -> String {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return String::new() };
    let names = extension.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(*name),
        _ => None,
    });
    names.collect::<Vec<_>>().join(",")
}

/// With the hash of the TLS library, which every provider has for its TLS 1.3 suites.
fn sha256(provider: &CryptoProvider, data: &[u8]) -> Option<Vec<u8>> {
    let hash = provider
        .cipher_suites
        .iter()
        .filter_map(|suite| suite.tls13())
        .map(|suite| suite.common.hash_provider)
        .find(|hash| hash.output_len() == 32)?;
    Some(hash.hash(data).as_ref().to_vec())
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Chains that were read: peers send the same ones again and again.
#[derive(Debug, Default)]
pub(super) struct Memory(HashMap<(Vec<CertificateDer<'static>>, bool), Arc<Chain>>);

/// As many chains are remembered of one probe; with more it begins anew.
const REMEMBERED: usize = 256;

impl Memory {
    /// Reads the certificates, unless they were read before.
    pub(super) fn read(
        &mut self,
        sent: &[CertificateDer<'_>],
        verified: bool,
        read: impl FnOnce() -> Option<Chain>,
    ) -> Option<Arc<Chain>> {
        let key = (sent.iter().map(|der| der.clone().into_owned()).collect(), verified);
        if let Some(chain) = self.0.get(&key) {
            return Some(Arc::clone(chain));
        }
        let chain = Arc::new(read()?);
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        self.0.insert(key, Arc::clone(&chain));
        Some(chain)
    }
}
