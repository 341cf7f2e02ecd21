//! The certificates that are trusted.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use vigie_pipeline::file_path::FilePath;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// Trusted roots, as the verifier wants them and with what it does not keep: their ends.
#[derive(Debug)]
pub(super) struct Roots {
    pub(super) store: Arc<RootCertStore>,
    /// By subject, as encoded.
    ends: HashMap<Vec<u8>, Vec<i64>>,
    /// As encoded, where they come from a file of the configuration: those may be servers' own.
    named: HashSet<Vec<u8>>,
}

impl Roots {
    /// None: for who trusts all and asks nobody.
    pub(super) fn none() -> Self {
        Self::new(&[], false)
    }

    /// The system's, from `SSL_CERT_FILE` and `SSL_CERT_DIR` or the usual places. What cannot be read there
    /// is logged and left out.
    pub(super) fn system() -> Self {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "read system certificates");
        }
        Self::new(&found.certs, false)
    }

    /// Those of a PEM file, and no others.
    pub(super) fn of_file(file: &FilePath) -> io::Result<Self> {
        let certificates = read_certificates(file)?;
        if certificates.is_empty() {
            return Err(io::Error::other(format!("{}: no certificate in it", file.display())));
        }
        Ok(Self::new(&certificates, true))
    }

    fn new(certificates: &[CertificateDer<'static>], named: bool) -> Self {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(certificates.iter().cloned());
        let mut ends: HashMap<Vec<u8>, Vec<i64>> = HashMap::new();
        for der in certificates {
            if let Ok((_, root)) = X509Certificate::from_der(der) {
                let subject = root.subject().as_raw().to_vec();
                ends.entry(subject).or_default().push(root.validity().not_after.timestamp());
            }
        }
        let named =
            if named { certificates.iter().map(|der| der.to_vec()).collect() } else { HashSet::new() };
        Self { store: Arc::new(store), ends, named }
    }

    /// When the roots of this subject end.
    pub(super) fn ends_of(&self, subject: &[u8]) -> impl Iterator<Item = i64> {
        self.ends.get(subject).into_iter().flatten().copied()
    }

    /// Whether the configuration names this very certificate.
    pub(super) fn contains(&self, der: &[u8]) -> bool {
        self.named.contains(der)
    }
}

/// All certificates of a PEM file.
pub(super) fn read_certificates(file: &FilePath) -> io::Result<Vec<CertificateDer<'static>>> {
    let bad = |error: &dyn std::fmt::Display| io::Error::other(format!("open {}: {error}", file.display()));
    let text = std::fs::read(file).map_err(|error| bad(&error))?;
    CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(|error| bad(&error))
}
