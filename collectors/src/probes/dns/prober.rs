//! One run of a DNS probe.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use vigie_pipeline::plug::{Error, Surroundings};

use super::codes::{self, class_number, rcode_name, type_name, type_number};
use super::exchange;
use super::message::{Question, Response, domain_name};
use super::metrics;
use super::rules::{Rules, Section};
use super::{Config, TransportProtocol};
use crate::probes::Shared;
use crate::probes::dial::Dial;
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::findings::Findings;
use crate::probes::host_port::{HostPort, HostPortError};
use crate::probes::prober::{self, Aim, Host, Phases};
use crate::probes::record::Record;
use crate::probes::stream::Stream;
use crate::probes::tls::Tls;

/// A DNS probe, ready to run again and again.
#[derive(Debug)]
pub(super) struct Prober {
    question: Question,
    default_port: u16,
    transport: TransportProtocol,
    tls: Option<Tls>,
    rules: Rules,
    dial: Dial,
    /// As attributes have it.
    query_name: String,
    span_name: String,
}

impl Prober {
    /// # Errors
    /// What [`Config`]'s check would have said.
    pub(super) fn new(
        config: &Config,
        shared: &Arc<Shared>,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let kind = type_number(&config.query_type).ok_or("query_type: not a type of record")?;
        let tls = match config.dns_over_tls {
            true => Some(Tls::new(&config.tls_config, &[], &shared.trust, &surroundings.clock)?),
            false => None,
        };
        Ok(Self {
            question: Question {
                name: domain_name(&config.query_name)?,
                kind,
                class: class_number(&config.query_class).ok_or("query_class: not a class")?,
                recursion_desired: config.recursion_desired,
            },
            default_port: config.default_port(),
            transport: config.transport_protocol,
            tls,
            rules: Rules {
                rcodes: Rules::rcodes(&config.valid_rcodes),
                answer: Section::new("answer", &config.validate_answer_rrs)?,
                authority: Section::new("authority", &config.validate_authority_rrs)?,
                additional: Section::new("additional", &config.validate_additional_rrs)?,
            },
            dial: Dial {
                shared: Arc::clone(shared),
                preferred: config.preferred_ip_protocol,
                fallback: config.ip_protocol_fallback,
                source: config.source_ip_address,
            },
            query_name: config.query_name.trim().trim_end_matches('.').to_owned(),
            span_name: format!("DNS {}", type_name(kind)),
        })
    }

    fn server(&self, target: &str) -> Result<HostPort, HostPortError> {
        HostPort::parse(target, Some(self.default_port))
    }

    /// Sends the question and waits for the answer.
    async fn ask(&self, server: &HostPort, aim: &Aim<'_>, record: &mut Record) -> Result<Response, Failure> {
        let ip = self.dial.resolve(&server.host, aim, record).await?;
        let peer = SocketAddr::new(ip, server.port);
        // Not to be guessed by who does not see the question.
        let id = fastrand::u16(..);
        let question = self.question.encode(id);
        let question = question.map_err(|error| Failure::new(Reason::DnsError, Phase::Request, error))?;
        if self.transport == TransportProtocol::Udp {
            record.enter(Phase::Connect);
            record.peer(peer);
            let socket = exchange::open(peer, self.dial.source).await;
            let socket = socket.map_err(|error| Failure::of_udp(Phase::Connect, &error))?;
            record.enter(Phase::Request);
            return exchange::over_datagram(&socket, &question, id, record).await;
        }
        let mut stream = Stream::Tcp(self.dial.connect(peer, record).await?);
        if let Some(tls) = &self.tls {
            let name = aim.hostname.unwrap_or(&server.host);
            stream = tls.connect(name, stream, record).await?;
        }
        record.enter(Phase::Request);
        exchange::over_stream(stream, &question, id).await
    }
}

#[async_trait]
impl prober::Prober for Prober {
    fn phases(&self) -> Option<Phases> {
        Some(metrics::PHASES)
    }

    fn declare(&self, findings: &mut Findings) {
        Dial::declare(findings);
        metrics::declare(findings, self.question.kind == codes::SOA);
    }

    async fn probe(&self, aim: &Aim<'_>, record: &mut Record) -> Result<(), Failure> {
        let server = self.server(aim.target).map_err(|error| {
            Failure::new(Reason::DnsError, Phase::Resolve, format_args!("{}: {error}", aim.target))
        })?;
        server.describe(record);
        record.about.text("dns.question.name", self.query_name.as_str());
        record.about.text("network.protocol.name", "dns");
        record.about.text("network.transport", self.transport.as_str());
        let response = self.ask(&server, aim, record).await?;
        let now = record.now();
        record.timeline.close(now);
        metrics::answered(&response, &mut record.findings);
        record.note(|| {
            format!("received {} with {} answers", rcode_name(response.rcode), response.answers.len())
        });
        if response.truncated {
            record.note(|| "the answer was cut to fit a datagram".to_owned());
        }
        for found in response.records().take(MOST_NOTED) {
            record.note(|| response.text(found));
        }
        let verdict = self.rules.judge(&response);
        if verdict.is_err() {
            record.excerpt.add(response.summary().as_bytes());
        }
        verdict
    }

    fn host(&self, target: &str) -> Option<Host> {
        Some(self.dial.host(self.server(target).ok()?.host))
    }

    fn timed_out(&self, phase: Phase) -> Reason {
        match phase {
            Phase::Request => Reason::DnsTimeout,
            phase => phase.timed_out(),
        }
    }

    fn span_name(&self) -> &str {
        &self.span_name
    }
}

/// Of an answer so many records are told to who looks for a mistake.
const MOST_NOTED: usize = 100;
