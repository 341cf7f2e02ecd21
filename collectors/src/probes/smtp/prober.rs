//! One run of a probe of a mail server: what is said until it could take mail, and farewell.

use std::sync::Arc;

use async_trait::async_trait;
use vigie_pipeline::plug::{Error, Surroundings};

use super::{Config, PORT, StartTls, metrics};
use crate::probes::Shared;
use crate::probes::dial::Dial;
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::findings::Findings;
use crate::probes::host_port::HostPort;
use crate::probes::lines::Lines;
use crate::probes::prober::{self, Aim, Host, Phases};
use crate::probes::record::Record;
use crate::probes::reply::{self, Reply};
use crate::probes::stream::Stream;
use crate::probes::tls::Tls;

/// A probe of a mail server, ready to run again and again.
#[derive(Debug)]
pub(super) struct Prober {
    dial: Dial,
    /// `None` where it is never used.
    tls: Option<Tls>,
    begins_with_tls: bool,
    starttls: StartTls,
    server_name: Option<String>,
    /// The command.
    ehlo: String,
}

impl Prober {
    /// # Errors
    /// What [`Config`]'s check would have said.
    pub(super) fn new(
        config: &Config,
        shared: &Arc<Shared>,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let encrypts = config.tls || config.starttls != StartTls::Off;
        let tls = encrypts.then(|| Tls::new(&config.tls_config, &[], &shared.trust, &surroundings.clock));
        let own = if config.ehlo.is_empty() { reply::own_name() } else { config.ehlo.clone() };
        Ok(Self {
            dial: Dial {
                shared: Arc::clone(shared),
                preferred: config.preferred_ip_protocol,
                fallback: config.ip_protocol_fallback,
                source: config.source_ip_address,
            },
            tls: tls.transpose()?,
            begins_with_tls: config.tls,
            starttls: config.starttls,
            server_name: config.tls_config.server_name.clone(),
            ehlo: format!("EHLO {own}"),
        })
    }

    async fn converse(&self, mut stream: Stream, name: &str, record: &mut Record) -> Result<(), Failure> {
        let begins = self.tls.as_ref().filter(|_| self.begins_with_tls);
        if let Some(tls) = begins {
            stream = tls.connect(name, stream, record).await?;
            metrics::encrypted(&mut record.findings);
        }
        let mut lines = Lines::new(stream);
        record.enter(Phase::Banner);
        expect(&mut lines, 220, Phase::Banner, record).await?;
        let greeting = self.greet(&mut lines, record).await?;
        let offers = offers_starttls(&greeting);
        metrics::offered(offers, &mut record.findings);
        if let Some(tls) = self.tls.as_ref().filter(|_| self.goes_over(offers)) {
            record.enter(Phase::Starttls);
            if !offers {
                let what = "the server does not offer STARTTLS";
                return Err(Failure::new(Reason::SmtpStarttlsMissing, Phase::Starttls, what));
            }
            reply::send(&mut lines, "STARTTLS", Phase::Starttls).await?;
            expect(&mut lines, 220, Phase::Starttls, record).await?;
            lines = Lines::new(tls.connect(name, lines.into_stream(), record).await?);
            metrics::encrypted(&mut record.findings);
            self.greet(&mut lines, record).await?;
        }
        record.enter(Phase::Quit);
        part(&mut lines, record).await;
        lines.into_stream().part();
        Ok(())
    }

    /// Whether it is to be asked for TLS, or to be refused because it does not offer it.
    fn goes_over(&self, offers: bool) -> bool {
        !self.begins_with_tls
            && match self.starttls {
                StartTls::Off => false,
                StartTls::Opportunistic => offers,
                StartTls::Required => true,
            }
    }

    async fn greet(&self, lines: &mut Lines, record: &mut Record) -> Result<Reply, Failure> {
        record.enter(Phase::Ehlo);
        reply::send(lines, &self.ehlo, Phase::Ehlo).await?;
        expect(lines, 250, Phase::Ehlo, record).await
    }
}

/// Reads a reply, which must have this code.
async fn expect(lines: &mut Lines, wanted: u16, phase: Phase, record: &mut Record) -> Result<Reply, Failure> {
    let reply = reply::read(lines, phase, Reason::SmtpProtocol, record).await?;
    metrics::replied(reply.code, &mut record.findings);
    if reply.code != wanted {
        let detail = format_args!("the server said {} in the place of {wanted}", reply.code);
        return Err(Failure::new(Reason::SmtpStatus, phase, detail));
    }
    Ok(reply)
}

/// Takes leave. Whatever the server says to it, and be it nothing at all, is no failure: it has done what is asked of it.
async fn part(lines: &mut Lines, record: &mut Record) {
    if reply::send(lines, "QUIT", Phase::Quit).await.is_err() {
        return;
    }
    if let Ok(reply) = reply::read(lines, Phase::Quit, Reason::SmtpProtocol, record).await {
        metrics::replied(reply.code, &mut record.findings);
    }
}

/// Whether the reply to `EHLO` names it among the extensions, which follow the first line.
fn offers_starttls(greeting: &Reply) -> bool {
    let mut extensions = greeting.lines.iter().skip(1);
    extensions.any(|line| {
        line.split_ascii_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("STARTTLS"))
    })
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
        let target = HostPort::parse(aim.target, Some(PORT))
            .map_err(|error| Failure::new(Reason::TcpError, Phase::Resolve, error))?;
        target.describe(record);
        record.about.text("network.protocol.name", "smtp");
        let tcp = self.dial.reach(&target.host, target.port, aim, record).await?;
        let name = self.server_name.as_deref().or(aim.hostname).unwrap_or(&target.host);
        self.converse(Stream::Tcp(tcp), name, record).await
    }

    fn host(&self, target: &str) -> Option<Host> {
        HostPort::parse(target, Some(PORT)).ok().map(|target| self.dial.host(target.host))
    }

    fn span_name(&self) -> &str {
        "smtp"
    }
}
