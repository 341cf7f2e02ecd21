//! The settings of an HTTP probe, compiled, to be run again and again.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use http::header::{HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use regex::bytes::Regex;
use vigie_pipeline::budget::Share;
use vigie_pipeline::plug::{Error, Surroundings};

use super::Config;
use super::check::{header, method};
use super::cookies::Jar;
use super::credentials::Credentials;
use super::exchange::Ask;
use super::header_match::{HeaderMatch, HeaderRule};
use super::header_values::{self, HeaderValues};
use super::json::Rule;
use super::metrics;
use super::oauth2::Tokens;
use super::proxy::Proxies;
use super::rules::Rules;
use super::target::Target;
use crate::probes::Shared;
use crate::probes::dial::Dial;
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::findings::Findings;
use crate::probes::guard::Guard;
use crate::probes::prober::{self, Aim, Host, Phases};
use crate::probes::record::Record;
use crate::probes::tls::Tls;

pub(in crate::probes) const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("vigie/", env!("CARGO_PKG_VERSION")));

/// An HTTP probe, ready to run again and again.
#[derive(Debug)]
pub(in crate::probes) struct Prober {
    pub(super) config: Config,
    pub(super) dial: Dial,
    pub(super) method: Method,
    /// Without `Host`.
    pub(super) headers: HeaderMap,
    /// Those that go only to where they are meant for.
    pub(super) secret_headers: Vec<(HeaderName, HeaderValues)>,
    /// `Host`, if the configuration sets it.
    pub(super) host: Option<String>,
    pub(super) credentials: Option<Credentials>,
    pub(super) rules: Rules,
    /// Made when first needed: a plain target may redirect to one with TLS.
    tls: OnceLock<Tls>,
    pub(super) proxies: Proxies,
    proxy_tls: OnceLock<Tls>,
    pub(super) clock: vigie_pipeline::clock::Clock,
    pub(super) memory: Share,
}

impl Prober {
    /// # Errors
    /// What [`Config`]'s check would have said.
    pub(in crate::probes) fn new(
        config: &Config,
        shared: &Arc<Shared>,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let mut headers = HeaderMap::new();
        let mut host = None;
        for (name, value) in &config.headers {
            match header(name, value)? {
                (HOST, value) => host = Some(value.to_str()?.to_owned()),
                (name, value) => drop(headers.insert(name, value)),
            }
        }
        let mut secret_headers = Vec::new();
        for (name, values) in &config.http_headers {
            let name = header_values::name(name)?;
            values.add_values(&name, &mut headers)?;
            secret_headers.push((name, values.clone()));
        }
        headers.entry(USER_AGENT).or_insert(AGENT);
        let credentials = match (&config.basic_auth, &config.authorization) {
            (Some(basic), _) => Some(Credentials::basic(basic)),
            (None, Some(other)) => Some(Credentials::other(other)),
            (None, None) => match &config.oauth2 {
                Some(oauth2) => {
                    // Whoever asks for a probe does not choose where tokens come from.
                    let open = Shared::new(Guard::open(), shared.allowed.clone());
                    let prober = Self::new(&oauth2.request(config), &open, surroundings)?;
                    Some(Credentials::Token(Box::new(Tokens::new(oauth2, prober)?)))
                }
                None => None,
            },
        };
        let regexes = |patterns: &[String]| patterns.iter().map(|p| Regex::new(p)).collect::<Result<_, _>>();
        let header_rules =
            |matches: &[HeaderMatch]| matches.iter().map(HeaderRule::new).collect::<Result<Vec<_>, Error>>();
        let prober = Self {
            method: method(&config.method)?,
            headers,
            secret_headers,
            host,
            credentials,
            rules: Rules {
                valid_status_codes: config.valid_status_codes.clone(),
                valid_http_versions: config.valid_http_versions.clone(),
                fail_if_ssl: config.fail_if_ssl,
                fail_if_not_ssl: config.fail_if_not_ssl,
                headers_refused: header_rules(&config.fail_if_header_matches)?,
                headers_wanted: header_rules(&config.fail_if_header_not_matches)?,
                body_refused: regexes(&config.fail_if_body_matches_regexp)?,
                body_wanted: regexes(&config.fail_if_body_not_matches_regexp)?,
                json: config.json.iter().map(Rule::new).collect::<Result<_, _>>()?,
            },
            tls: OnceLock::new(),
            proxies: Proxies::new(config, |name| std::env::var(name).ok())?,
            proxy_tls: OnceLock::new(),
            dial: Dial {
                shared: Arc::clone(shared),
                preferred: config.preferred_ip_protocol,
                fallback: config.ip_protocol_fallback,
                source: None,
            },
            clock: surroundings.clock.clone(),
            memory: surroundings.budget.read.clone(),
            config: config.clone(),
        };
        if config.url.starts_with("https") {
            prober.tls()?;
        }
        Ok(prober)
    }

    /// How TLS connections are made.
    pub(super) fn tls(&self) -> Result<&Tls, Error> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls);
        }
        let offers: &[&[u8]] = if self.config.enable_http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
        let tls = Tls::new(&self.config.tls_config, offers, &self.dial.shared.trust, &self.clock)?;
        Ok(self.tls.get_or_init(|| tls))
    }

    /// What was found out of an answer is forgotten: another one is asked for.
    pub(in crate::probes) fn restart(&self, record: &mut Record) {
        metrics::declare(&mut record.findings, self.rules.read_json());
        record.excerpt.restart();
    }

    /// The status of the last response, 0 if there was none.
    pub(in crate::probes) fn status(&self, record: &Record) -> u16 {
        metrics::status(record)
    }

    /// The memory that bodies are held in.
    pub(in crate::probes) fn memory(&self) -> &Share {
        &self.memory
    }

    /// How TLS connections to proxies are made: by the same files, but under the proxy's own name.
    pub(super) fn proxy_tls(&self) -> Result<&Tls, Error> {
        if let Some(tls) = self.proxy_tls.get() {
            return Ok(tls);
        }
        let tls = Tls::new(&self.config.tls_config, &[b"http/1.1"], &self.dial.shared.trust, &self.clock)?;
        Ok(self.proxy_tls.get_or_init(|| tls))
    }
}

#[async_trait]
impl prober::Prober for Prober {
    fn phases(&self) -> Option<Phases> {
        Some(metrics::PHASES)
    }

    fn declare(&self, findings: &mut Findings) {
        Dial::declare(findings);
        metrics::declare(findings, self.rules.read_json());
    }

    async fn probe(&self, aim: &Aim<'_>, record: &mut Record) -> Result<(), Failure> {
        let target = Target::parse(aim.target)
            .map_err(|error| Failure::new(Reason::HttpProtocol, Phase::Resolve, error))?;
        record.about.text("http.request.method", self.method.as_str());
        target.describe(record);
        let ask = Ask {
            target: &target,
            headers: HeaderMap::new(),
            body: None,
            cookies: &mut Jar::default(),
            keep: false,
        };
        self.exchange(ask, aim, record).await.map(drop)
    }

    fn host(&self, target: &str) -> Option<Host> {
        Target::parse(target).ok().map(|target| self.dial.host(target.host()))
    }

    fn timed_out(&self, phase: Phase) -> Reason {
        match phase {
            Phase::Processing | Phase::Transfer => Reason::HttpTimeout,
            Phase::Login => Reason::Credentials,
            other => other.timed_out(),
        }
    }

    fn span_name(&self) -> &str {
        self.method.as_str()
    }
}
