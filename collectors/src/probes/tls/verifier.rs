//! Judges a peer's certificates and keeps those that it refuses: an expired certificate still has an expiry.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
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
    pub(super) fn new(roots: Arc<Roots>, trusts_all: bool, provider: Arc<CryptoProvider>) -> Self {
        // It fails only if there are no roots: there are no revocation lists to be wrong.
        let inner =
            WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots.store), Arc::clone(&provider))
                .build()
                .ok();
        Self { inner, roots, trusts_all, provider }
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
