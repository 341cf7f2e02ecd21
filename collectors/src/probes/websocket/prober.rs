//! One run of a websocket probe: connect, upgrade, converse, part.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use http::header::{
    AUTHORIZATION, CONNECTION, HOST, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use vigie_pipeline::clock::Clock;
use vigie_pipeline::plug::{Error, Surroundings};

use super::conversation::{self, Socket, failure};
use super::target::Target;
use super::{Config, header_name, metrics};
use crate::probes::Shared;
use crate::probes::dial::Dial;
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::findings::Findings;
use crate::probes::http::{AGENT, Credentials, TRACEPARENT};
use crate::probes::prober::{self, Aim, Host, Phases};
use crate::probes::query_response::{self, Step};
use crate::probes::record::Record;
use crate::probes::stream::Stream;
use crate::probes::tls::Tls;

/// The longest message, in bytes.
const LONGEST_MESSAGE: usize = 1 << 20;
/// As much is read at a time.
const PIECE: usize = 4 << 10;

/// A websocket probe, ready to run again and again.
#[derive(Debug)]
pub(super) struct Prober {
    config: Config,
    dial: Dial,
    credentials: Option<Credentials>,
    names: Vec<HeaderName>,
    steps: Vec<Step>,
    /// Made when first needed: the targets may all be plain.
    tls: OnceLock<Tls>,
    clock: Clock,
}

impl Prober {
    /// # Errors
    /// What [`Config`]'s check would have said.
    pub(super) fn new(
        config: &Config,
        shared: &Arc<Shared>,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let http = &config.http_config;
        let credentials = match (&http.basic_auth, &http.authorization) {
            (Some(basic), _) => Some(Credentials::basic(basic)),
            (None, Some(other)) => Some(Credentials::other(other)),
            (None, None) => None,
        };
        let prober = Self {
            dial: Dial {
                shared: Arc::clone(shared),
                preferred: config.preferred_ip_protocol,
                fallback: config.ip_protocol_fallback,
                source: None,
            },
            credentials,
            names: config.headers.keys().map(|name| header_name(name)).collect::<Result<_, _>>()?,
            steps: query_response::steps(&config.query_response)?,
            tls: OnceLock::new(),
            clock: surroundings.clock.clone(),
            config: config.clone(),
        };
        if Target::parse(&config.url).is_ok_and(|target| target.is_encrypted()) {
            prober.tls()?;
        }
        Ok(prober)
    }

    fn tls(&self) -> Result<&Tls, Error> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls);
        }
        let config = &self.config.http_config.tls_config;
        let tls = Tls::new(config, &[b"http/1.1"], &self.dial.shared.trust, &self.clock)?;
        Ok(self.tls.get_or_init(|| tls))
    }

    async fn connect(&self, target: &Target, aim: &Aim<'_>, record: &mut Record) -> Result<Stream, Failure> {
        let host = target.host();
        let stream = Stream::Tcp(self.dial.reach(&host, target.port(), aim, record).await?);
        if !target.is_encrypted() {
            return Ok(stream);
        }
        let tls = self.tls().map_err(|error| Failure::new(Reason::TlsHandshake, Phase::Tls, error))?;
        let name =
            self.config.http_config.tls_config.server_name.as_deref().or(aim.hostname).unwrap_or(&host);
        tls.connect(name, stream, record).await
    }

    /// Asks for the upgrade, in the phase `processing`.
    async fn upgrade(
        &self,
        stream: Stream,
        target: &Target,
        aim: &Aim<'_>,
        record: &mut Record,
    ) -> Result<Socket, Failure> {
        record.enter(Phase::Processing);
        let request = self.request(target, aim, record).await?;
        let config = WebSocketConfig::default()
            .read_buffer_size(PIECE)
            .max_message_size(Some(LONGEST_MESSAGE))
            .max_frame_size(Some(LONGEST_MESSAGE));
        match client_async_with_config(request, stream, Some(config)).await {
            Ok((socket, response)) => {
                metrics::answered(response.status().as_u16(), record);
                metrics::upgraded(record);
                record.note(|| "upgraded to a websocket".to_owned());
                Ok(socket)
            }
            Err(tungstenite::Error::Http(response)) => {
                metrics::answered(response.status().as_u16(), record);
                record.excerpt.add(response.body().as_deref().unwrap_or_default());
                let detail = format_args!("status {}", response.status().as_u16());
                Err(Failure::new(Reason::WebsocketRefused, Phase::Processing, detail))
            }
            Err(error) => Err(failure(&error, Phase::Processing)),
        }
    }

    async fn request(
        &self,
        target: &Target,
        aim: &Aim<'_>,
        record: &mut Record,
    ) -> Result<Request<()>, Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::new(Reason::WebsocketProtocol, Phase::Processing, error);
        let mut headers = HeaderMap::new();
        let host = HeaderValue::from_str(aim.hostname.unwrap_or(target.authority()));
        headers.insert(HOST, host.map_err(|error| failed(&error))?);
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        let key = HeaderValue::try_from(generate_key());
        headers.insert(SEC_WEBSOCKET_KEY, key.map_err(|error| failed(&error))?);
        headers.insert(USER_AGENT, AGENT);
        if let Some(trace) = aim.trace {
            headers.insert(TRACEPARENT, trace.traceparent());
        }
        for (name, values) in self.names.iter().zip(self.config.headers.values()) {
            headers.remove(name);
            values.add_values(name, &mut headers).map_err(|error| failed(&error))?;
            values.add_secrets(name, &mut headers, record).await?;
        }
        if let Some(credentials) = &self.credentials {
            headers.insert(AUTHORIZATION, credentials.header(record).await?);
        }
        let mut request = Request::new(());
        *request.uri_mut() = target.uri().map_err(|error| failed(&error))?;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

#[async_trait]
impl prober::Prober for Prober {
    fn phases(&self) -> Option<Phases> {
        Some(metrics::PHASES)
    }

    fn declare(&self, findings: &mut Findings) {
        Dial::declare(findings);
        metrics::declare(findings);
    }

    async fn probe(&self, aim: &Aim<'_>, record: &mut Record) -> Result<(), Failure> {
        let target = Target::parse(aim.target)
            .map_err(|error| Failure::new(Reason::WebsocketProtocol, Phase::Resolve, error))?;
        record.about.text("http.request.method", "GET");
        record.about.text("url.full", target.to_string());
        record.about.text("server.address", target.host());
        record.about.number("server.port", target.port());
        record.about.text("network.protocol.name", "websocket");
        let stream = self.connect(&target, aim, record).await?;
        let mut socket = self.upgrade(stream, &target, aim, record).await?;
        if self.steps.is_empty() {
            conversation::ping(&mut socket, record).await?;
        } else {
            conversation::converse(&mut socket, &self.steps, record).await?;
        }
        conversation::part(socket);
        Ok(())
    }

    fn host(&self, target: &str) -> Option<Host> {
        Target::parse(target).ok().map(|target| self.dial.host(target.host()))
    }

    fn span_name(&self) -> &str {
        "GET"
    }
}
