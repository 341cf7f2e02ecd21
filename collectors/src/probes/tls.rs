//! TLS for probes: its settings, the handshake, and what the certificates say even when they are refused.
//!
//! Sessions are never resumed: each probe makes a whole handshake, which is what it measures.

mod chain;
mod metrics;
mod name;
mod roots;
mod verifier;

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ProtocolVersion, SupportedProtocolVersion};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_rustls::TlsConnector;
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::clock::Clock;
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::plug::Error;

pub(super) use self::chain::Described;
use self::chain::{Chain, Memory};
pub(super) use self::metrics::{describe, earliest_expiry, forget, set_earliest_expiry};
use self::roots::{Roots, read_certificates};
use self::verifier::{Verifier, Witness};
use super::failure::{Failure, Phase, Reason};
use super::record::Record;
use super::stream::Stream;

/// How TLS connections are made, under Prometheus' names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// PEM file with the certificates to trust instead of the system's.
    pub ca_file: Option<FilePath>,
    /// PEM file with the client's certificate and those above it; needs `key_file`.
    pub cert_file: Option<FilePath>,
    /// PEM file with the client's private key; needs `cert_file`.
    pub key_file: Option<FilePath>,
    /// The name the server's certificate must have, if it is not the host of the URL.
    pub server_name: Option<String>,
    /// Take any certificate.
    pub insecure_skip_verify: bool,
    /// PEM file with lists of revoked certificates, read at the start; who is on none of them passes.
    pub crl_file: Option<FilePath>,
    /// The oldest version to agree on; those before TLS12 are never spoken.
    pub min_version: Option<TlsVersion>,
    /// The newest version to agree on: TLS12 or TLS13.
    pub max_version: Option<TlsVersion>,
}

/// A version of TLS, under Prometheus' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub enum TlsVersion {
    #[serde(rename = "TLS10")]
    Tls10,
    #[serde(rename = "TLS11")]
    Tls11,
    #[serde(rename = "TLS12")]
    Tls12,
    #[serde(rename = "TLS13")]
    Tls13,
}

impl TlsConfig {
    /// The versions that may be agreed on.
    fn versions(&self) -> Vec<&'static SupportedProtocolVersion> {
        let all =
            [(TlsVersion::Tls12, &rustls::version::TLS12), (TlsVersion::Tls13, &rustls::version::TLS13)];
        let fits = |version| {
            self.min_version.is_none_or(|min| min <= version)
                && self.max_version.is_none_or(|max| version <= max)
        };
        all.into_iter().filter(|(version, _)| fits(*version)).map(|(_, version)| version).collect()
    }
}

impl TlsConfig {
    /// Whether there are files to read.
    pub(super) fn names_files(&self) -> bool {
        self.ca_file.is_some() || self.cert_file.is_some() || self.key_file.is_some()
    }

    /// Without those files that it is right to name.
    pub(super) fn forget_files(&mut self) {
        self.ca_file = None;
        if self.cert_file.is_some() == self.key_file.is_some() {
            (self.cert_file, self.key_file) = (None, None);
        }
    }
}

impl Check for TlsConfig {
    fn check(&self, at: &mut Place<'_>) {
        if let Some(file) = &self.ca_file {
            at.key("ca_file").ok(Roots::of_file(file));
        }
        if let Some(file) = &self.crl_file {
            at.key("crl_file").ok(verifier::check_lists(file, &provider()));
        }
        match (&self.cert_file, &self.key_file) {
            (None, None) => {}
            (Some(_), None) => at.key("cert_file").wrong("needs key_file as well"),
            (None, Some(_)) => at.key("key_file").wrong("needs cert_file as well"),
            (Some(certificate), Some(key)) => {
                let certificates = at.key("cert_file").ok(read_certificates(certificate));
                let key = at.key("key_file").ok(read_key(key));
                if let (Some(certificates), Some(key)) = (certificates, key) {
                    let builder = ClientConfig::builder_with_provider(provider())
                        .with_safe_default_protocol_versions()
                        .map(|builder| builder.with_root_certificates(rustls::RootCertStore::empty()));
                    at.key("key_file").ok(builder.and_then(|b| b.with_client_auth_cert(certificates, key)));
                }
            }
        }
        if let Some(name) = &self.server_name {
            at.key("server_name").ok(ServerName::try_from(name.as_str()));
        }
        if self.max_version.is_some_and(|max| max < TlsVersion::Tls12) {
            at.key("max_version").wrong("cannot be spoken here; the oldest that can is TLS12");
        } else if self.versions().is_empty() {
            at.key("max_version").wrong("older than min_version");
        }
    }
}

/// With the suites of AES-128 first, as Go offers them: servers mostly take the first, so that `probe_tls_cipher_info`
/// says the same as blackbox_exporter's, and its hash costs less.
fn provider() -> Arc<CryptoProvider> {
    let mut provider = rustls::crypto::ring::default_provider();
    provider.cipher_suites.sort_by_key(|suite| {
        let name = suite.suite().as_str().unwrap_or_default();
        (suite.tls13().is_none(), !name.contains("AES_128"), !name.contains("AES_256"))
    });
    Arc::new(provider)
}

fn read_key(file: &FilePath) -> io::Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(file)
        .map_err(|error| io::Error::other(format!("open {}: {error}", file.display())))
}

/// What all probes share: the system's roots are read when the first of them needs them, once.
#[derive(Debug)]
pub(super) struct Trust {
    provider: Arc<CryptoProvider>,
    system: OnceLock<Arc<Roots>>,
}

impl Default for Trust {
    fn default() -> Self {
        Self { provider: provider(), system: OnceLock::new() }
    }
}

/// The TLS side of one probe, used by all its runs, also at the same time.
#[derive(Debug)]
pub(super) struct Tls {
    client: ClientConfig,
    verifier: Arc<Verifier>,
    roots: Arc<Roots>,
    provider: Arc<CryptoProvider>,
    verifies: bool,
    /// Tell of each certificate of a chain, not of the peer's own alone.
    each: bool,
    memory: Mutex<Memory>,
}

/// A session that stands, or one that does not but has shown its certificates.
#[derive(Debug, Clone, PartialEq, Default)]
struct Session {
    chain: Option<Arc<Chain>>,
    /// `TLS 1.3`, and the suite under its registered name; nothing if there was no agreement.
    agreed: Option<(&'static str, String)>,
}

#[derive(Debug)]
struct WallTime(Clock);

impl TimeProvider for WallTime {
    fn current_time(&self) -> Option<UnixTime> {
        self.0.wall().duration_since(std::time::UNIX_EPOCH).ok().map(UnixTime::since_unix_epoch)
    }
}

impl Tls {
    /// # Errors
    /// A file that cannot be read, or a certificate and a key that do not fit.
    pub(super) fn new(
        config: &TlsConfig,
        protocols: &[&[u8]],
        trust: &Trust,
        clock: &Clock,
    ) -> Result<Self, Error> {
        let provider = Arc::clone(&trust.provider);
        let roots = match &config.ca_file {
            Some(file) => Arc::new(Roots::of_file(file)?),
            None if config.insecure_skip_verify => Arc::new(Roots::none()),
            None => Arc::clone(trust.system.get_or_init(|| Arc::new(Roots::system()))),
        };
        let trusts_all = config.insecure_skip_verify;
        let verifier = Verifier::new(&roots, trusts_all, &provider, config.crl_file.as_ref())?;
        let verifier = Arc::new(verifier);
        let builder =
            ClientConfig::builder_with_details(Arc::clone(&provider), Arc::new(WallTime(clock.clone())))
                .with_protocol_versions(&config.versions())?
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Witness::new(Arc::clone(&verifier))));
        let mut client = match (&config.cert_file, &config.key_file) {
            (Some(certificate), Some(key)) => {
                builder.with_client_auth_cert(read_certificates(certificate)?, read_key(key)?)?
            }
            _ => builder.with_no_client_auth(),
        };
        client.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        client.resumption = Resumption::disabled();
        Ok(Self {
            client,
            verifier,
            roots,
            provider,
            verifies: !config.insecure_skip_verify,
            each: false,
            memory: Mutex::default(),
        })
    }

    /// The same, but with a series of each certificate that a peer shows.
    pub(super) fn telling_each(self) -> Self {
        Self { each: true, ..self }
    }

    /// Makes the handshake, in the phase `tls`. What the certificates say is in the record's findings whether it
    /// succeeds or not.
    pub(super) async fn connect(
        &self,
        name: &str,
        stream: Stream,
        record: &mut Record,
    ) -> Result<Stream, Failure> {
        record.enter(Phase::Tls);
        let server = ServerName::try_from(name.to_owned()).map_err(|error| {
            Failure::new(Reason::TlsHandshake, Phase::Tls, format_args!("{name}: {error}"))
        })?;
        // What is refused is kept apart for each handshake: there may be many at a time.
        let witness = Arc::new(Witness::new(Arc::clone(&self.verifier)));
        let mut client = self.client.clone();
        client.dangerous().set_certificate_verifier(Arc::clone(&witness) as _);
        match TlsConnector::from(Arc::new(client)).connect(server, stream).await {
            Ok(stream) => {
                let (_, connection) = stream.get_ref();
                let chain = self.chain(connection.peer_certificates().unwrap_or_default(), self.verifies);
                let suite = connection.negotiated_cipher_suite().map(|suite| suite.suite());
                let agreed = connection.protocol_version().zip(suite).map(|(version, suite)| {
                    let suite = suite.as_str().unwrap_or("unknown");
                    (version_name(version), suite.replacen("TLS13_", "TLS_", 1))
                });
                if let Some((version, _)) = &agreed {
                    record.about.text("tls.protocol.name", "tls");
                    record.about.text("tls.protocol.version", version.trim_start_matches("TLS "));
                    record.note(|| format!("agreed on {version} with {name}"));
                }
                metrics::set(&mut record.findings, &Session { chain, agreed }, self.each);
                Ok(Stream::Tls(Box::new(stream)))
            }
            Err(error) => {
                let chain = self.chain(&witness.refused(), false);
                metrics::set(&mut record.findings, &Session { chain, agreed: None }, self.each);
                Err(Failure::of_handshake(&error))
            }
        }
    }

    fn chain(&self, sent: &[CertificateDer<'_>], verified: bool) -> Option<Arc<Chain>> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.read(sent, verified, || Chain::read(sent, verified, &self.roots, &self.provider))
    }
}

fn version_name(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLSv1_2 => "TLS 1.2",
        ProtocolVersion::TLSv1_3 => "TLS 1.3",
        _ => "unknown",
    }
}
