//! OAuth 2.0 with the client's own credentials (RFC 6749, 4.4): a token is fetched, kept until shortly before it
//! expires, and sent as the authorization.
//!
//! It is fetched over a connection of its own, before the target is connected to, in the phase `login`. All targets of
//! an entry share it, and only one run at a time fetches it. Once the target does not accept it any more (401) it is
//! forgotten.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;
use url::form_urlencoded::{Serializer, byte_serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::secret::Secret;
use vigie_pipeline::units::ByteSize;

use super::Config;
use super::cookies::Jar;
use super::credentials::{basic, sensitive};
use super::exchange::Ask;
use super::prober::Prober;
use super::target::Target;
use super::{TlsConfig, json};
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::password::Password;
use crate::probes::prober::Aim;
use crate::probes::record::Record;

/// So long before it expires a token is not used any more.
const MARGIN: Duration = Duration::from_secs(10);
/// A token that does not say when it expires is used so long.
const UNKNOWN_LIFE: Duration = Duration::from_secs(300);
/// No token is used longer than this.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// Where and how a token is fetched.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OAuth2 {
    /// (required) Who asks for it.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: Option<Secret>,
    /// File with the client's secret, read whenever a token is fetched.
    pub client_secret_file: Option<FilePath>,
    /// What the token is to be good for.
    pub scopes: Vec<String>,
    /// (required) The URL to fetch it from.
    pub token_url: String,
    /// More parameters of the request.
    pub endpoint_params: BTreeMap<String, Secret>,
    /// How TLS connections to `token_url` are made.
    pub tls_config: TlsConfig,
}

impl Check for OAuth2 {
    fn check(&self, at: &mut Place<'_>) {
        if self.client_id.is_empty() {
            at.key("client_id").wrong("required");
        }
        if self.client_secret.is_some() && self.client_secret_file.is_some() {
            at.key("client_secret_file").wrong("give either client_secret or client_secret_file");
        }
        if self.token_url.is_empty() {
            at.key("token_url").wrong("required");
        } else {
            at.key("token_url").ok(Target::parse(&self.token_url));
        }
        self.tls_config.check(&mut at.key("tls_config"));
    }
}

/// See the module.
#[derive(Debug)]
pub(in crate::probes) struct Tokens {
    client_id: String,
    client_secret: Password,
    scopes: String,
    params: BTreeMap<String, Secret>,
    url: Target,
    prober: Prober,
    present: Mutex<Option<Token>>,
}

struct Token {
    header: HeaderValue,
    secret: Secret,
    until: Instant,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Token until {:?}", self.until)
    }
}

impl OAuth2 {
    /// The request for a token as the settings of a probe; it goes through the same proxy as `around`.
    pub(super) fn request(&self, around: &Config) -> Config {
        Config {
            method: "POST".to_owned(),
            follow_redirects: false,
            body_size_limit: ByteSize::mib(1),
            tls_config: self.tls_config.clone(),
            enable_http2: around.enable_http2,
            proxy_url: around.proxy_url.clone(),
            no_proxy: around.no_proxy.clone(),
            proxy_from_environment: around.proxy_from_environment,
            proxy_connect_header: around.proxy_connect_header.clone(),
            preferred_ip_protocol: around.preferred_ip_protocol,
            ip_protocol_fallback: around.ip_protocol_fallback,
            ..Config::default()
        }
    }
}

impl Tokens {
    pub(super) fn new(config: &OAuth2, prober: Prober) -> Result<Self, super::target::TargetError> {
        Ok(Self {
            client_id: config.client_id.clone(),
            client_secret: Password::new(config.client_secret.as_ref(), config.client_secret_file.as_ref()),
            scopes: config.scopes.join(" "),
            params: config.endpoint_params.clone(),
            url: Target::parse(&config.token_url)?,
            prober,
            present: Mutex::new(None),
        })
    }

    /// The authorization to send now.
    pub(super) async fn header(&self, record: &mut Record) -> Result<HeaderValue, Failure> {
        let mut present = self.present.lock().await;
        if present.as_ref().is_none_or(|token| token.until <= record.now()) {
            record.enter(Phase::Login);
            record.note(|| format!("asking {} for a token", self.url));
            *present = Some(self.fetch(record).await?);
        }
        let token = present.as_ref().expect("fetched if there was none");
        record.excerpt.hide(token.secret.reveal());
        Ok(token.header.clone())
    }

    /// The target does not accept the token.
    pub(super) async fn forget(&self) {
        *self.present.lock().await = None;
    }

    /// First with the client's credentials as the authorization, as every server must accept them, then in the body,
    /// as some want them.
    async fn fetch(&self, record: &mut Record) -> Result<Token, Failure> {
        let secret = self.client_secret.reveal(Phase::Login, record).await?.unwrap_or_default();
        let mut failed = None;
        for in_body in [false, true] {
            match self.ask(&secret, in_body, record).await {
                Ok(token) => return Ok(token),
                Err(failure) => {
                    let refused = failure.reason == Reason::HttpStatus;
                    let detail = format!("token: {failure}");
                    failed.get_or_insert(Failure::new(Reason::Credentials, Phase::Login, detail));
                    if !refused {
                        break;
                    }
                }
            }
        }
        Err(failed.expect("something failed if nothing succeeded"))
    }

    /// The parameters of the request; the client's secret is among them if it is given.
    fn form(&self, secret: Option<&str>) -> Bytes {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if !self.scopes.is_empty() {
            form.append_pair("scope", &self.scopes);
        }
        for (name, value) in &self.params {
            form.append_pair(name, value.reveal());
        }
        if let Some(secret) = secret {
            form.append_pair("client_id", &self.client_id);
            form.append_pair("client_secret", secret);
        }
        form.finish().into()
    }

    async fn ask(&self, secret: &str, in_body: bool, record: &mut Record) -> Result<Token, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        if !in_body {
            let escaped = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            headers.insert(AUTHORIZATION, basic(&escaped(&self.client_id), &escaped(secret), record)?);
        }
        // What is found out on the way to the token is not what the probe is about.
        let mut own = record.apart();
        let mut jar = Jar::default();
        let body = Some(self.form(in_body.then_some(secret)));
        let ask = Ask { target: &self.url, headers, body, cookies: &mut jar, keep: true };
        let answer = Box::pin(self.prober.exchange(ask, &Aim::at(""), &mut own)).await?;
        let begun = record.now();
        json::parse(answer.body.bytes(), &self.prober.memory, |value| read(value, begun))
    }
}

/// The answer as RFC 6749, 5.1, has it.
fn read(value: &Value, now: Instant) -> Result<Token, Failure> {
    let wrong = |what| Failure::new(Reason::Credentials, Phase::Login, what);
    let secret = value.get("access_token").and_then(Value::as_str).unwrap_or_default();
    if secret.is_empty() {
        return Err(wrong("the answer has no access_token"));
    }
    let scheme = match value.get("token_type").and_then(Value::as_str) {
        Some(scheme) if !scheme.is_empty() && !scheme.eq_ignore_ascii_case("bearer") => scheme,
        _ => "Bearer",
    };
    // Some servers write the number as a text.
    let seconds = match value.get("expires_in") {
        Some(Value::String(text)) => text.parse().ok(),
        other => other.and_then(Value::as_f64),
    };
    let life = seconds.map_or(UNKNOWN_LIFE, |seconds| {
        Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(LONGEST_LIFE).saturating_sub(MARGIN)
    });
    let header = sensitive(&format!("{scheme} {secret}"))?;
    Ok(Token { header, secret: Secret::new(secret), until: now + life.min(LONGEST_LIFE) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_token_lives_until_shortly_before_it_expires() {
        let now = Instant::now();
        let life = |value| read(&value, now).unwrap().until - now;
        assert_eq!(life(json!({"access_token": "t", "expires_in": 3600})), Duration::from_secs(3_590));
        assert_eq!(life(json!({"access_token": "t", "expires_in": "60"})), Duration::from_secs(50));
        assert_eq!(life(json!({"access_token": "t", "expires_in": -1})), Duration::ZERO);
        assert_eq!(life(json!({"access_token": "t", "expires_in": 1e300})), LONGEST_LIFE - MARGIN);
        assert_eq!(life(json!({"access_token": "t"})), UNKNOWN_LIFE);
    }

    #[test]
    fn a_token_is_not_shown_and_has_its_scheme() {
        let token = read(&json!({"access_token": "hush", "token_type": "bearer"}), Instant::now()).unwrap();
        assert_eq!(token.header, "Bearer hush");
        assert!(!format!("{token:?}").contains("hush"));
        for none in [json!({}), json!({"access_token": ""}), json!({"access_token": 1}), json!([])] {
            assert_eq!(read(&none, Instant::now()).unwrap_err().reason, Reason::Credentials);
        }
    }
}
