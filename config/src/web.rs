//! The file that `server.web_config` names, in the format of Prometheus' exporter-toolkit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::secret::Secret;

/// The whole file. Empty means plain HTTP for everyone who can connect.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Web {
    /// TLS, when there is a certificate.
    pub tls_server_config: Option<TlsServer>,
    /// About HTTP itself.
    pub http_server_config: HttpServer,
    /// Users and the bcrypt hashes of their passwords.
    pub basic_auth_users: BTreeMap<String, Secret>,
}

/// `tls_server_config`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsServer {
    /// The certificate chain, PEM.
    pub cert_file: FilePath,
    /// Its private key, PEM.
    pub key_file: FilePath,
    /// Whether clients must show certificates.
    #[serde(default)]
    pub client_auth_type: ClientAuth,
    /// Which authorities sign clients' certificates, PEM.
    #[serde(default)]
    pub client_ca_file: Option<FilePath>,
    /// Of these names, a client's certificate must carry one; none means any.
    #[serde(default)]
    pub client_allowed_sans: Vec<String>,
    /// The oldest version that is spoken.
    #[serde(default = "TlsVersion::oldest")]
    pub min_version: TlsVersion,
    /// The newest version that is spoken.
    #[serde(default = "TlsVersion::newest")]
    pub max_version: TlsVersion,
}

/// Go's names for what is asked of a client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientAuth {
    /// Nothing.
    #[default]
    NoClientCert,
    /// A certificate is asked for, and never looked at.
    RequestClientCert,
    /// There must be a certificate, whoever signed it.
    RequireAnyClientCert,
    /// If there is one, it must be signed by the authority.
    VerifyClientCertIfGiven,
    /// There must be one, signed by the authority.
    RequireAndVerifyClientCert,
}

/// The versions of TLS that are safe to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TlsVersion {
    /// 1.2
    #[serde(rename = "TLS12")]
    Tls12,
    /// 1.3
    #[serde(rename = "TLS13")]
    Tls13,
}

impl TlsVersion {
    fn oldest() -> Self {
        Self::Tls12
    }

    fn newest() -> Self {
        Self::Tls13
    }
}

/// `http_server_config`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpServer {
    /// HTTP/2 over TLS.
    pub http2: bool,
    /// Headers of every answer.
    pub headers: BTreeMap<String, String>,
}

impl Default for HttpServer {
    fn default() -> Self {
        Self { http2: true, headers: BTreeMap::new() }
    }
}

/// The headers that the exporter-toolkit lets a file set.
const HEADERS: [&str; 5] = [
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
    "Content-Security-Policy",
];

impl Check for Web {
    fn check(&self, at: &mut Place<'_>) {
        if let Some(tls) = &self.tls_server_config {
            tls.check(&mut at.key("tls_server_config"));
        }
        let headers = at.key("http_server_config").key("headers");
        for (name, value) in &self.http_server_config.headers {
            if value.chars().any(char::is_control) {
                headers.key(name).wrong("a header cannot hold control characters");
            }
            if !HEADERS.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                headers
                    .key(name)
                    .wrong(format_args!("this header cannot be set; known are {}", HEADERS.join(", ")));
            }
        }
        let users = at.key("basic_auth_users");
        for (user, hash) in &self.basic_auth_users {
            if !is_bcrypt(hash.reveal()) {
                users.key(user).wrong("not a bcrypt hash, such as `htpasswd -nBC 10 \"\"` prints");
            }
        }
    }
}

impl Check for TlsServer {
    fn check(&self, at: &mut Place<'_>) {
        for (key, file) in [("cert_file", &self.cert_file), ("key_file", &self.key_file)] {
            at.key(key).readable(file);
        }
        if let Some(file) = &self.client_ca_file {
            at.key("client_ca_file").readable(file);
        }
        let verifies = matches!(
            self.client_auth_type,
            ClientAuth::VerifyClientCertIfGiven | ClientAuth::RequireAndVerifyClientCert
        );
        if verifies && self.client_ca_file.is_none() {
            at.key("client_auth_type").wrong("needs a `client_ca_file`");
        }
        if !verifies && self.client_ca_file.is_some() {
            at.key("client_ca_file").wrong("has no effect with this `client_auth_type`");
        }
        if self.min_version > self.max_version {
            at.key("min_version").wrong("above `max_version`");
        }
    }
}

/// `$2y$10$` and 53 characters of salt and hash.
fn is_bcrypt(hash: &str) -> bool {
    let mut parts = hash.split('$');
    let salt = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '/';
    parts.next() == Some("")
        && matches!(parts.next(), Some("2a" | "2b" | "2y"))
        && parts.next().is_some_and(|cost| cost.parse::<u8>().is_ok_and(|cost| (4..=31).contains(&cost)))
        && parts.next().is_some_and(|rest| rest.len() == 53 && rest.chars().all(salt))
        && parts.next().is_none()
}
