//! One run of a TCP probe: connect, TLS if it begins with it, then the conversation.

use std::sync::Arc;

use async_trait::async_trait;
use vigie_pipeline::metric::Family;
use vigie_pipeline::plug::{Error, Surroundings};

use super::Config;
use crate::probes::Shared;
use crate::probes::dial::Dial;
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::findings::Findings;
use crate::probes::host_port::HostPort;
use crate::probes::prober::{self, Aim, Host, Phases};
use crate::probes::query_response::lines::{self, Upgrade};
use crate::probes::query_response::{self, Step};
use crate::probes::record::Record;
use crate::probes::stream::Stream;
use crate::probes::tls::Tls;

static DURATION: Family =
    Family::gauge("probe_tcp_duration_seconds", "Duration of the connection by phase, its conversation too");

const PHASES: Phases =
    Phases { family: &DURATION, all: &[Phase::Resolve, Phase::Connect, Phase::Tls, Phase::Query] };

/// A TCP probe, ready to run again and again.
#[derive(Debug)]
pub(super) struct Prober {
    dial: Dial,
    steps: Vec<Step>,
    /// Where it begins or goes over to it.
    tls: Option<Tls>,
    begins_with_tls: bool,
    /// `server_name`
    server_name: Option<String>,
}

impl Prober {
    /// # Errors
    /// What [`Config`]'s check would have said.
    pub(super) fn new(
        config: &Config,
        shared: &Arc<Shared>,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let encrypts = config.tls || config.query_response.iter().any(|step| step.starttls);
        let tls = encrypts.then(|| Tls::new(&config.tls_config, &[], &shared.trust, &surroundings.clock));
        Ok(Self {
            dial: Dial {
                shared: Arc::clone(shared),
                preferred: config.preferred_ip_protocol,
                fallback: config.ip_protocol_fallback,
                source: config.source_ip_address,
            },
            steps: query_response::steps(&config.query_response)?,
            tls: tls.transpose()?,
            begins_with_tls: config.tls,
            server_name: config.tls_config.server_name.clone(),
        })
    }
}

#[async_trait]
impl prober::Prober for Prober {
    fn phases(&self) -> Option<Phases> {
        Some(PHASES)
    }

    fn declare(&self, findings: &mut Findings) {
        Dial::declare(findings);
        lines::declare(findings);
    }

    async fn probe(&self, aim: &Aim<'_>, record: &mut Record) -> Result<(), Failure> {
        let target = HostPort::parse(aim.target, None)
            .map_err(|error| Failure::new(Reason::TcpError, Phase::Resolve, error))?;
        target.describe(record);
        let mut stream = Stream::Tcp(self.dial.reach(&target.host, target.port, aim, record).await?);
        let name = self.server_name.as_deref().or(aim.hostname).unwrap_or(&target.host);
        let upgrade = self.tls.as_ref().map(|tls| Upgrade { tls, name });
        if let Some(upgrade) = upgrade.filter(|_| self.begins_with_tls) {
            stream = upgrade.tls.connect(name, stream, record).await?;
        }
        lines::converse(stream, &self.steps, upgrade, record).await?.part();
        Ok(())
    }

    fn host(&self, target: &str) -> Option<Host> {
        HostPort::parse(target, None).ok().map(|target| self.dial.host(target.host))
    }

    fn span_name(&self) -> &str {
        "tcp"
    }
}
