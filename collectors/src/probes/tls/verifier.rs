//! Judges a peer's certificates and keeps those that it refuses: an expired certificate still has an expiry.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, Der, ServerName, TrustAnchor, UnixTime,
};
use rustls::server::ParsedCertificate;
use rustls::{
    CertRevocationListError, CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use vigie_pipeline::file_path::FilePath;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::roots::Roots;

/// The judge of all handshakes of one probe.
#[derive(Debug)]
pub(super) struct Verifier {
    /// `None` if there is no root at all, so that nothing can be trusted.
    inner: Option<Arc<WebPkiServerVerifier>>,
    roots: Arc<Roots>,
    /// `insecure_skip_verify`
    trusts_all: bool,
    provider: Arc<CryptoProvider>,
}

/// A judge who keeps what is refused in one handshake.
#[derive(Debug)]
pub(super) struct Witness {
    judge: Arc<Verifier>,
    refused: Mutex<Vec<CertificateDer<'static>>>,
}

impl Witness {
    pub(super) fn new(judge: Arc<Verifier>) -> Self {
        Self { judge, refused: Mutex::default() }
    }

    /// The certificates that were refused, the peer's own first.
    pub(super) fn refused(&self) -> Vec<CertificateDer<'static>> {
        std::mem::take(&mut self.refused.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Verifier {
    /// # Errors
    /// Lists of revoked certificates that cannot be read.
    pub(super) fn new(
        roots: &Arc<Roots>,
        trusts_all: bool,
        provider: &Arc<CryptoProvider>,
        revoked: Option<&FilePath>,
    ) -> io::Result<Self> {
        let inner = match revoked {
            Some(file) => {
                build(&roots.store, provider, read_lists(file)?).map_err(|error| unusable(file, &error))?
            }
            None => build(&roots.store, provider, Vec::new()).unwrap_or_default(),
        };
        Ok(Self { inner, roots: Arc::clone(roots), trusts_all, provider: Arc::clone(provider) })
    }

    fn judge(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<(), Error> {
        if self.trusts_all {
            return Ok(());
        }
        // A server's own certificate that the configuration trusts by name needs no one above it, even if it
        // calls itself an authority, as those that `openssl req -x509` makes do.
        if self.roots.contains(own) {
            return judge_alone(own, name, now);
        }
        let Some(inner) = &self.inner else { return Err(CertificateError::UnknownIssuer.into()) };
        inner.verify_server_cert(own, others, name, ocsp, now).map(|_| ())
    }
}

/// `None` if there are no roots.
fn build(
    roots: &Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
    revoked: Vec<CertificateRevocationListDer<'static>>,
) -> Result<Option<Arc<WebPkiServerVerifier>>, CertRevocationListError> {
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(provider));
    // An authority without a list is one that nothing is known of: its certificates pass.
    match builder.with_crls(revoked).allow_unknown_revocation_status().build() {
        Err(VerifierBuilderError::InvalidCrl(error)) => Err(error),
        built => Ok(built.ok()),
    }
}

/// Whether the lists of a file can be used, whoever is trusted.
pub(super) fn check_lists(file: &FilePath, provider: &Arc<CryptoProvider>) -> io::Result<()> {
    // Lists are not looked at where nobody is trusted at all: this is somebody, whose certificates nobody has.
    let nobody = TrustAnchor {
        subject: Der::from_slice(b""),
        subject_public_key_info: Der::from_slice(b""),
        name_constraints: None,
    };
    let roots = Arc::new(RootCertStore { roots: vec![nobody] });
    build(&roots, provider, read_lists(file)?).map(|_| ()).map_err(|error| unusable(file, &error))
}

fn unusable(file: &FilePath, error: &CertRevocationListError) -> io::Error {
    let file = file.display();
    io::Error::other(format!("{file}: {error:?}: lists have to be of version 2, with extensions (RFC 5280)"))
}

/// The lists of revoked certificates in a PEM file, at least one.
fn read_lists(file: &FilePath) -> io::Result<Vec<CertificateRevocationListDer<'static>>> {
    let bad = |error: &dyn std::fmt::Display| io::Error::other(format!("open {}: {error}", file.display()));
    let text = std::fs::read(file).map_err(|error| bad(&error))?;
    let lists = CertificateRevocationListDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let lists = lists.map_err(|error| bad(&error))?;
    if lists.is_empty() { Err(bad(&"no list of revoked certificates in it")) } else { Ok(lists) }
}

/// Name and time alone.
fn judge_alone(own: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<(), Error> {
    let bad = |_| Error::from(CertificateError::BadEncoding);
    let (_, certificate) = X509Certificate::from_der(own).map_err(bad)?;
    let validity = certificate.validity();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now > validity.not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    if now < validity.not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    verify_server_name(&ParsedCertificate::try_from(own)?, name)
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.judge.judge(own, others, name, ocsp, now).inspect_err(|_| {
            let all = std::iter::once(own).chain(others).map(|der| der.clone().into_owned()).collect();
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = all;
        })?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &self.judge.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.judge.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.provider.signature_verification_algorithms.supported_schemes()
    }
}
