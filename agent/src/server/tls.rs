//! TLS of the read side, from the web configuration file.
//!
//! The files are read when the listener is bound and when they have changed since, at the next handshake:
//! a renewed certificate needs no reload.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use vigie_config::web::{ClientAuth, TlsServer, TlsVersion, Web};
use x509_parser::prelude::GeneralName;

/// See the module. Cheap to clone.
#[derive(Clone)]
pub(super) struct Tls(Arc<Inner>);

struct Inner {
    config: TlsServer,
    http2: bool,
    current: Mutex<(Vec<Option<SystemTime>>, Arc<ServerConfig>)>,
}

impl Tls {
    /// `None` if the web configuration has no TLS.
    pub(super) fn new(web: &Web) -> Result<Option<Self>, String> {
        let Some(config) = &web.tls_server_config else { return Ok(None) };
        let http2 = web.http_server_config.http2;
        let current = Mutex::new((modified(config), server(config, http2)?));
        Ok(Some(Self(Arc::new(Inner { config: config.clone(), http2, current }))))
    }

    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let stream = TlsAcceptor::from(self.current()).accept(stream).await?;
        let allowed = &self.0.config.client_allowed_sans;
        let client = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        match client {
            Some(certificate) if !allowed.is_empty() && !carries(certificate, allowed) => {
                Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    "no allowed name in the client's certificate",
                ))
            }
            _ => Ok(stream),
        }
    }

    fn current(&self) -> Arc<ServerConfig> {
        let mut current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
        let now = modified(&self.0.config);
        if now != current.0 {
            match server(&self.0.config, self.0.http2) {
                Ok(fresh) => *current = (now, fresh),
                Err(error) => tracing::warn!("read renewed TLS files: {error}: the old ones stay"),
            }
        }
        Arc::clone(&current.1)
    }
}

fn files(config: &TlsServer) -> impl Iterator<Item = &Path> {
    let client_ca = config.client_ca_file.as_deref();
    [&*config.cert_file, &*config.key_file].into_iter().chain(client_ca)
}

fn modified(config: &TlsServer) -> Vec<Option<SystemTime>> {
    files(config).map(|file| file.metadata().and_then(|meta| meta.modified()).ok()).collect()
}

fn server(config: &TlsServer, http2: bool) -> Result<Arc<ServerConfig>, String> {
    let versions: Vec<_> = [(TlsVersion::Tls12, &TLS12), (TlsVersion::Tls13, &TLS13)]
        .into_iter()
        .filter(|(version, _)| (config.min_version..=config.max_version).contains(version))
        .map(|(_, version)| version)
        .collect();
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&versions)
        .map_err(|error| error.to_string())?;
    let builder = match &config.client_auth_type {
        ClientAuth::NoClientCert | ClientAuth::RequestClientCert => builder.with_no_client_auth(),
        ClientAuth::RequireAnyClientCert => builder.with_client_cert_verifier(Arc::new(Anyone(provider()))),
        auth => {
            let mut roots = rustls::RootCertStore::empty();
            if let Some(file) = &config.client_ca_file {
                for certificate in certificates(file)? {
                    roots.add(certificate).map_err(|error| format!("{}: {error}", file.display()))?;
                }
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider());
            let verifier = if *auth == ClientAuth::VerifyClientCertIfGiven {
                verifier.allow_unauthenticated()
            } else {
                verifier
            };
            builder.with_client_cert_verifier(verifier.build().map_err(|error| error.to_string())?)
        }
    };
    let key = PrivateKeyDer::from_pem_file(&*config.key_file)
        .map_err(|error| format!("read {}: {error}", config.key_file.display()))?;
    let mut server = builder
        .with_single_cert(certificates(&config.cert_file)?, key)
        .map_err(|error| format!("{}: {error}", config.cert_file.display()))?;
    server.alpn_protocols =
        if http2 { vec![b"h2".to_vec(), b"http/1.1".to_vec()] } else { vec![b"http/1.1".to_vec()] };
    Ok(Arc::new(server))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    read.map_err(|error| format!("read {}: {error}", file.display()))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Whether one of the certificate's alternative names is allowed.
fn carries(certificate: &CertificateDer<'_>, allowed: &[String]) -> bool {
    let Ok((_, certificate)) = x509_parser::parse_x509_certificate(certificate) else { return false };
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return false };
    names.value.general_names.iter().any(|name| {
        let name = match name {
            GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
                (*name).to_owned()
            }
            GeneralName::IPAddress(octets) => match <[u8; 4]>::try_from(*octets) {
                Ok(v4) => Ipv4Addr::from(v4).to_string(),
                Err(_) => {
                    <[u8; 16]>::try_from(*octets).map(|v6| Ipv6Addr::from(v6).to_string()).unwrap_or_default()
                }
            },
            _ => return false,
        };
        allowed.contains(&name)
    })
}

/// `RequireAnyClientCert`: a certificate whose key the client holds, whoever signed it.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ClientCertVerifier for Anyone {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
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
