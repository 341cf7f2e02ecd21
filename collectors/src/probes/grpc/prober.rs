//! One run of a gRPC probe.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, TE, USER_AGENT};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use vigie_pipeline::clock::Clock;
use vigie_pipeline::plug::{Error, Surroundings};

use super::call::{self, Answer};
use super::health::{self, SERVING, status_name};
use super::status::Code;
use super::{Config, metadata, metrics, server};
use crate::probes::Shared;
use crate::probes::connection::Connection;
use crate::probes::dial::Dial;
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::findings::Findings;
use crate::probes::host_port::HostPort;
use crate::probes::prober::{self, Aim, Host, Phases};
use crate::probes::record::Record;
use crate::probes::stream::Stream;
use crate::probes::tls::Tls;

const AGENT: HeaderValue = HeaderValue::from_static(concat!("vigie/", env!("CARGO_PKG_VERSION")));
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const TRAILERS: HeaderValue = HeaderValue::from_static("trailers");
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const METHOD: PathAndQuery = PathAndQuery::from_static("/grpc.health.v1.Health/Check");

/// A gRPC probe, ready to run again and again.
#[derive(Debug)]
pub(super) struct Prober {
    config: Config,
    dial: Dial,
    tls: Option<Tls>,
    metadata: HeaderMap,
    authority: Option<Authority>,
    message: Bytes,
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
        let tls = match config.tls {
            true => Some(Tls::new(&config.tls_config, &[b"h2"], &shared.trust, &surroundings.clock)?),
            false => None,
        };
        let mut headers = HeaderMap::new();
        for (name, values) in &config.metadata {
            for value in values {
                let (name, value) = metadata::entry(name, value)?;
                headers.append(name, value);
            }
        }
        Ok(Self {
            dial: Dial {
                shared: Arc::clone(shared),
                preferred: config.preferred_ip_protocol,
                fallback: config.ip_protocol_fallback,
                source: None,
            },
            tls,
            metadata: headers,
            authority: config.authority.as_deref().map(str::parse).transpose()?,
            message: health::request(&config.service).into(),
            clock: surroundings.clock.clone(),
            config: config.clone(),
        })
    }

    /// A connection that speaks HTTP/2.
    async fn connect(
        &self,
        server: &HostPort,
        aim: &Aim<'_>,
        record: &mut Record,
    ) -> Result<Connection, Failure> {
        let tcp = self.dial.reach(&server.host, server.port, aim, record).await?;
        let mut stream = Stream::Tcp(tcp);
        if let Some(tls) = &self.tls {
            stream = tls.connect(aim.hostname.unwrap_or(&server.host), stream, record).await?;
            metrics::encrypted(&mut record.findings);
        }
        record.enter(Phase::Check);
        if self.tls.is_some() && stream.alpn() != Some(b"h2") {
            return Err(call::protocol("the server does not agree to HTTP/2"));
        }
        Connection::open(stream, true, &self.clock).await.map_err(|error| call::failure(&error))
    }

    fn request(
        &self,
        server: &HostPort,
        aim: &Aim<'_>,
        record: &mut Record,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let authority = match &self.authority {
            Some(authority) => authority.to_string(),
            None => match aim.hostname {
                Some(name) => HostPort { host: name.to_owned(), port: server.port }.to_string(),
                None => server.to_string(),
            },
        };
        let scheme = if self.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP };
        let uri = Uri::builder().scheme(scheme).authority(authority).path_and_query(METHOD).build();
        let mut request = Request::new(Full::new(self.message.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.map_err(call::protocol)?;
        let headers = request.headers_mut();
        *headers = self.metadata.clone();
        headers.insert(CONTENT_TYPE, GRPC);
        headers.insert(TE, TRAILERS);
        headers.insert(USER_AGENT, AGENT);
        if let Some(deadline) = record.deadline {
            let left = deadline.saturating_duration_since(record.now());
            headers.insert(TIMEOUT, HeaderValue::try_from(timeout(left)).map_err(call::protocol)?);
        }
        if let Some(trace) = aim.trace {
            headers.insert(TRACEPARENT, trace.traceparent());
        }
        for values in self.config.metadata.values() {
            for value in values {
                record.excerpt.hide(value.reveal());
            }
        }
        Ok(request)
    }

    /// The verdict.
    fn judge(answer: &Answer, record: &mut Record) -> Result<(), Failure> {
        metrics::code(answer.code, &mut record.findings);
        record.about.number("rpc.grpc.status_code", answer.code.0);
        let fail = |reason, detail: String| Err(Failure::new(reason, Phase::Check, detail));
        if answer.code != Code::OK {
            let message = answer.message.as_deref().unwrap_or_default();
            record.excerpt.add(message.as_bytes());
            let name = answer.code.name();
            let detail = match record.excerpt.shown() {
                Some(shown) => format!("{name}: {shown}"),
                None => name.to_owned(),
            };
            return fail(Reason::GrpcStatus, detail);
        }
        let status = health::response(&answer.body).map_err(call::protocol)?;
        metrics::health(status, &mut record.findings);
        let name = status_name(status);
        record.note(|| format!("the service is {name}"));
        if status == SERVING { Ok(()) } else { fail(Reason::GrpcNotServing, name.into_owned()) }
    }
}

/// Of at most eight digits and a unit, not 0: in milliseconds, which reach for a day.
fn timeout(left: Duration) -> String {
    format!("{}m", left.as_millis().clamp(1, 99_999_999))
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
        let server = server(aim.target, self.config.default_port()).map_err(|error| {
            Failure::new(Reason::DnsError, Phase::Resolve, format_args!("{}: {error}", aim.target))
        })?;
        server.describe(record);
        record.about.text("rpc.system.name", "grpc");
        record.about.text("rpc.method", "grpc.health.v1.Health/Check");
        // A client says so when there is no connection, and when there is no answer in time.
        metrics::code(Code::UNAVAILABLE, &mut record.findings);
        let mut connection = self.connect(&server, aim, record).await?;
        metrics::code(Code::DEADLINE_EXCEEDED, &mut record.findings);
        let request = self.request(&server, aim, record)?;
        let answer = call::make(&mut connection, request).await;
        let now = record.now();
        record.timeline.close(now);
        match answer {
            Ok(answer) => Self::judge(&answer, record),
            Err(failure) => {
                metrics::code(Code::UNAVAILABLE, &mut record.findings);
                Err(failure)
            }
        }
    }

    fn host(&self, target: &str) -> Option<Host> {
        Some(self.dial.host(server(target, self.config.default_port()).ok()?.host))
    }

    fn span_name(&self) -> &str {
        "grpc.health.v1.Health/Check"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_has_at_most_eight_digits_and_is_not_zero() {
        assert_eq!(timeout(Duration::from_millis(1_500)), "1500m");
        assert_eq!(timeout(Duration::ZERO), "1m");
        assert_eq!(timeout(Duration::MAX), "99999999m");
    }
}
