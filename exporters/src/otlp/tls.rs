//! TLS towards a destination: whom to trust, and what to show.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use vigie_pipeline::file_path::FilePath;

use super::config::Tls;

/// Why TLS cannot be set up. Each names the file.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    #[error("read {file}: {why}")]
    Read { file: String, why: String },
    #[error("read {file}: no certificate in it")]
    NoCertificate { file: String },
    #[error("load the system's certificate authorities: {0}")]
    NoRoots(String),
    #[error("`{0}` is not a host name or address")]
    ServerName(String),
    #[error("use the client certificate: {0}")]
    Identity(rustls::Error),
    #[error("set up TLS: {0}")]
    Setup(rustls::Error),
}

/// The certificates of a PEM file; at least one.
pub(super) fn read_certificates(file: &FilePath) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let name = || file.display().to_string();
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| TlsError::Read { file: name(), why: pem_error(error) })?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate { file: name() });
    }
    Ok(certificates)
}

/// The first private key of a PEM file.
pub(super) fn read_key(file: &FilePath) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(file)
        .map_err(|error| TlsError::Read { file: file.display().to_string(), why: pem_error(error) })
}

fn pem_error(error: rustls::pki_types::pem::Error) -> String {
    use rustls::pki_types::pem::Error;
    match error {
        Error::Io(error) => {
            let text = error.to_string().to_lowercase();
            text.split_once(" (os error").map_or(text.clone(), |(text, _)| text.to_owned())
        }
        Error::NoItemsFound => "no private key in it".to_owned(),
        _ => "not a PEM file".to_owned(),
    }
}

/// The name that a certificate has to bear.
pub(super) fn server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(name.to_owned()).map_err(|_| TlsError::ServerName(name.to_owned()))
}

/// What every connection to a destination uses; `protocol` is offered by ALPN.
pub(super) fn client(tls: &Tls, protocol: &[u8]) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?;
    let builder = if tls.insecure_skip_verify {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Unverified(provider)))
    } else {
        builder.with_root_certificates(roots(tls.ca_file.as_ref())?)
    };
    let mut config = match (&tls.cert_file, &tls.key_file) {
        (Some(certificates), Some(key)) => builder
            .with_client_auth_cert(read_certificates(certificates)?, read_key(key)?)
            .map_err(TlsError::Identity)?,
        _ => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(Arc::new(config))
}

/// The authorities of `ca_file`, or else of the system.
fn roots(ca_file: Option<&FilePath>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = ca_file {
        for certificate in read_certificates(file)? {
            roots.add(certificate).map_err(TlsError::Setup)?;
        }
        return Ok(roots);
    }
    let found = rustls_native_certs::load_native_certs();
    // Some of the system's files may be odd; one authority that can be used is enough to go on.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map_or_else(|| "none found".to_owned(), ToString::to_string);
        return Err(TlsError::NoRoots(why));
    }
    Ok(roots)
}

/// Trusts whoever answers, for `insecure_skip_verify`.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
