//! One entry of `exporters.otlp`: what may be said about a destination, and what is wrong with it.

mod spool;

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::batch::Signal;
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::secret::Secret;
use vigie_pipeline::units::{ByteSize, HumanDuration};

use super::backoff::Backoff;
use super::target::Target;
use super::tls;

pub use spool::{Spool, SpoolMode, WhenFull};

/// One entry of `exporters.otlp`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Unique; the `exporter` label.
    pub name: String,
    /// Base URL of the destination, `http` or `https`. For HTTP, `/v1/logs`, `/v1/traces` and `/v1/metrics`
    /// are appended.
    pub endpoint: String,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// What is sent there.
    pub signals: Vec<Signal>,
    /// What metrics are called there, if they are among the signals.
    pub metric_names: MetricNames,
    /// How requests are compressed.
    pub compression: Compression,
    /// Headers, or gRPC metadata, of every request.
    pub headers: BTreeMap<String, Secret>,
    /// How long each step of a request may take without getting anywhere: finding the address, connecting,
    /// TLS, sending, waiting for the answer, reading it.
    pub timeout: HumanDuration,
    /// How the destination is trusted, and how it can trust the agent; for `https`.
    pub tls: Tls,
    /// How records are put together into requests.
    pub batch: Batch,
    /// How long to wait before a request is sent again. It is sent again for ever, as long as the answer
    /// says that this may help.
    pub retry: Retry,
    /// What holds records while the destination does not take them.
    pub spool: Spool,
    /// URLs of single signals, used as they are: no key of the file says these, only
    /// `OTEL_EXPORTER_OTLP_{LOGS,TRACES,METRICS}_ENDPOINT` do.
    #[serde(skip)]
    pub signal_endpoints: BTreeMap<Signal, String>,
    /// How often metrics are sent: no key of the file says this, only `OTEL_METRIC_EXPORT_INTERVAL` does.
    #[serde(skip)]
    pub metric_interval: Option<Duration>,
}

/// How a destination is spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Protocol {
    /// Protobuf messages as bodies of HTTP/1.1 requests.
    #[default]
    #[serde(rename = "http/protobuf")]
    Http,
    /// gRPC.
    #[serde(rename = "grpc")]
    Grpc,
}

/// What metrics are called.
///
/// The default is what dashboards, alerts and a scrape of the same agent ask for. OpenTelemetry's names for
/// what hosts measure are not yet stable, so one has to want them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MetricNames {
    /// As a scrape shows them: `node_cpu_seconds_total`.
    #[default]
    Prometheus,
    /// As OpenTelemetry's semantic conventions say: `system.cpu.time`, with their units, attributes and
    /// instruments. Series that they have no name for keep the one that a scrape shows.
    Otel,
}

/// How requests are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all: the cheapest for the agent.
    None,
    /// Understood by every receiver.
    #[default]
    Gzip,
    /// Several times cheaper than gzip for the same size, where the receiver understands it.
    Zstd,
}

/// How the destination is trusted, and how it can trust the agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// PEM file of the authorities to trust, in place of the system's.
    pub ca_file: Option<FilePath>,
    /// PEM file of the certificate, and its chain, that the agent shows.
    pub cert_file: Option<FilePath>,
    /// PEM file of the private key of `cert_file`.
    pub key_file: Option<FilePath>,
    /// The name that the destination's certificate has to bear, in place of the endpoint's host.
    pub server_name: Option<String>,
    /// Trust whoever answers. For tests only: anybody in between can read and change what is sent.
    pub insecure_skip_verify: bool,
}

/// How records are put together into requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Batch {
    /// How large a request may be before compression. What a source hands over in one piece is not cut.
    pub max_bytes: ByteSize,
    /// How long the first record of a request waits for others.
    pub max_delay: HumanDuration,
}

/// How long to wait before a request is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// The first wait, about. Each further one is about twice as long.
    pub initial: HumanDuration,
    /// The longest wait, about.
    pub max: HumanDuration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: "default".to_owned(),
            endpoint: String::new(),
            protocol: Protocol::default(),
            signals: vec![Signal::Logs, Signal::Traces],
            metric_names: MetricNames::default(),
            compression: Compression::default(),
            headers: BTreeMap::new(),
            timeout: HumanDuration(Duration::from_secs(10)),
            tls: Tls::default(),
            batch: Batch::default(),
            retry: Retry::default(),
            spool: Spool::default(),
            signal_endpoints: BTreeMap::new(),
            metric_interval: None,
        }
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self { max_bytes: ByteSize::mib(1), max_delay: HumanDuration(Duration::from_millis(200)) }
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            initial: HumanDuration(Duration::from_millis(500)),
            max: HumanDuration(Duration::from_secs(30)),
        }
    }
}

/// Smaller requests than this cost more in headers and waiting than they carry.
const MIN_BATCH: ByteSize = ByteSize::kib(1);
/// Receivers refuse larger ones; many stop at 4 MiB or at 16 MiB already.
const MAX_BATCH: ByteSize = ByteSize::mib(64);

impl Config {
    /// Where requests of `signal` go.
    pub(super) fn target(&self, signal: Signal) -> Result<Target, super::target::TargetError> {
        match (self.signal_endpoints.get(&signal), self.protocol) {
            (Some(url), Protocol::Http) => Target::as_is(url),
            (Some(url), Protocol::Grpc) => Target::grpc(url, signal),
            (None, Protocol::Http) => Target::http(&self.endpoint, signal),
            (None, Protocol::Grpc) => Target::grpc(&self.endpoint, signal),
        }
    }

    /// The back-off that `retry` describes.
    pub(super) fn backoff(&self) -> Result<Backoff, super::backoff::BackoffError> {
        Backoff::new(self.retry.initial.0, self.retry.max.0)
    }
}

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        if self.name.is_empty() {
            at.key("name").wrong("must not be empty");
        }
        if self.endpoint.is_empty() && self.signals.iter().any(|s| !self.signal_endpoints.contains_key(s)) {
            at.key("endpoint").wrong("required; for example `http://127.0.0.1:4318`");
        } else {
            check_targets(self, at);
        }
        if self.signals.is_empty() {
            at.key("signals").wrong("must name one of logs, traces, metrics");
        }
        for (i, signal) in self.signals.iter().enumerate() {
            if self.signals[..i].contains(signal) {
                at.key("signals").index(i).wrong(format_args!("`{}` is named twice", signal.as_str()));
            }
        }
        if self.metric_names == MetricNames::Otel && !self.signals.contains(&Signal::Metrics) {
            at.key("metric_names").wrong("changes nothing unless `signals` names metrics");
        }
        for (name, value) in &self.headers {
            check_header(&at.key("headers").key(name), name, value);
        }
        if self.timeout.0.is_zero() {
            at.key("timeout").wrong("must be more than 0");
        }
        self.tls.check(&mut at.key("tls"));
        if self.batch.max_bytes < MIN_BATCH || self.batch.max_bytes > MAX_BATCH {
            at.key("batch").key("max_bytes").wrong(format_args!("must be from {MIN_BATCH} to {MAX_BATCH}"));
        }
        at.key("retry").ok(self.backoff());
        self.spool.check(&mut at.key("spool"));
    }
}

/// One mistake in the base URL is told once, not for every signal.
fn check_targets(config: &Config, at: &Place<'_>) {
    let mut told: Vec<String> = Vec::new();
    for signal in &config.signals {
        let Err(error) = config.target(*signal) else { continue };
        let what = match config.signal_endpoints.get(signal) {
            Some(_) => {
                format!("OTEL_EXPORTER_OTLP_{}_ENDPOINT: {error}", signal.as_str().to_ascii_uppercase())
            }
            None => error.to_string(),
        };
        if !told.contains(&what) {
            at.key("endpoint").wrong(&what);
            told.push(what);
        }
    }
}

/// Headers that the request itself sets.
const OWN_HEADERS: [&str; 8] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "grpc-encoding",
    "host",
    "te",
    "transfer-encoding",
];

fn check_header(at: &Place<'_>, name: &str, value: &Secret) {
    let Ok(parsed) = HeaderName::from_bytes(name.as_bytes()) else {
        return at.wrong("not a header name");
    };
    if OWN_HEADERS.contains(&parsed.as_str()) {
        at.wrong("is set by the exporter itself");
    }
    if HeaderValue::from_str(value.reveal()).is_err() {
        at.wrong("its value has characters that a header cannot have");
    }
}

impl Check for Tls {
    fn check(&self, at: &mut Place<'_>) {
        for (key, file) in
            [("ca_file", &self.ca_file), ("cert_file", &self.cert_file), ("key_file", &self.key_file)]
        {
            let Some(file) = file else { continue };
            at.key(key).ok(match key {
                "key_file" => tls::read_key(file).map(drop),
                _ => tls::read_certificates(file).map(drop),
            });
        }
        match (&self.cert_file, &self.key_file) {
            (Some(_), None) => at.key("cert_file").wrong("needs `key_file`"),
            (None, Some(_)) => at.key("key_file").wrong("needs `cert_file`"),
            _ => {}
        }
        if let Some(name) = &self.server_name {
            at.key("server_name").ok(tls::server_name(name));
        }
    }
}

#[cfg(test)]
mod tests;
