//! One run of a probe of certificates: connect, ask for TLS if need be, shake hands; or read files. Then the verdict.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use vigie_pipeline::clock::Clock;
use vigie_pipeline::metric::Family;
use vigie_pipeline::plug::{Error, Surroundings};

use super::files::{PatternError, Reader, pattern};
use super::{Config, StartTls};
use crate::probes::Shared;
use crate::probes::dial::Dial;
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::findings::Findings;
use crate::probes::host_port::{HostPort, HostPortError};
use crate::probes::prober::{self, Aim, Host, Phases};
use crate::probes::record::Record;
use crate::probes::stream::Stream;
use crate::probes::tls::{self, Described, Tls};

static DURATION: Family = Family::gauge(
    "probe_tls_duration_seconds",
    "Duration of the connection by phase; `read` is that of reading certificates from files",
);
static ALPN: Family =
    Family::gauge("probe_tls_alpn_info", "The protocol within TLS that the server has chosen");

const PHASES: Phases = Phases {
    family: &DURATION,
    all: &[Phase::Resolve, Phase::Connect, Phase::Starttls, Phase::Tls, Phase::Read],
};

/// Why a text is neither.
#[derive(Debug, thiserror::Error)]
pub(super) enum TargetError {
    #[error(transparent)]
    Address(#[from] HostPortError),
    #[error(transparent)]
    Files(#[from] PatternError),
}

/// Where certificates are to be looked at.
#[derive(Debug)]
pub(super) enum Target {
    Server(HostPort),
    Files(PathBuf),
}

impl Target {
    /// An absolute path is one of files, everything else an address.
    pub(super) fn parse(text: &str) -> Result<Self, TargetError> {
        let path = Path::new(text.trim());
        if path.is_absolute() {
            pattern(path)?;
            return Ok(Self::Files(path.to_owned()));
        }
        Ok(Self::Server(HostPort::parse(text, None)?))
    }
}

/// A probe of certificates, ready to run again and again.
#[derive(Debug)]
pub(super) struct Prober {
    dial: Dial,
    tls: Tls,
    server_name: Option<String>,
    starttls: Option<StartTls>,
    soon: Duration,
    reader: Reader,
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
        let offers: Vec<&[u8]> = config.alpn.iter().map(String::as_bytes).collect();
        Ok(Self {
            dial: Dial {
                shared: Arc::clone(shared),
                preferred: config.preferred_ip_protocol,
                fallback: config.ip_protocol_fallback,
                source: config.source_ip_address,
            },
            tls: Tls::new(&config.tls_config, &offers, &shared.trust, &surroundings.clock)?.telling_each(),
            server_name: config.tls_config.server_name.clone(),
            starttls: config.starttls,
            soon: config.fail_if_expires_within.0,
            reader: Reader::default(),
            clock: surroundings.clock.clone(),
        })
    }

    /// The wall clock in seconds since the Unix epoch.
    fn now(&self) -> i64 {
        let since = self.clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    }

    async fn shake_hands(
        &self,
        server: &HostPort,
        aim: &Aim<'_>,
        record: &mut Record,
    ) -> Result<(), Failure> {
        server.describe(record);
        let mut stream = Stream::Tcp(self.dial.reach(&server.host, server.port, aim, record).await?);
        if let Some(protocol) = self.starttls {
            stream = protocol.ask(stream, record).await?;
        }
        let name = self.server_name.as_deref().or(aim.hostname).unwrap_or(&server.host);
        let stream = self.tls.connect(name, stream, record).await?;
        if let Some(protocol) = stream.alpn() {
            let protocol = String::from_utf8_lossy(protocol);
            record.findings.set_only(&ALPN, &[("protocol", &protocol)], 1.0);
        }
        stream.part();
        match tls::earliest_expiry(&record.findings) {
            Some(end) => self.judge_end(end as i64, Phase::Tls, &"a certificate of the chain"),
            None => Ok(()),
        }
    }

    /// Whether what ends then lasts long enough.
    fn judge_end(&self, end: i64, phase: Phase, what: &dyn std::fmt::Display) -> Result<(), Failure> {
        let left = end.saturating_sub(self.now());
        if left < 0 {
            let detail = format_args!("{what} has ended {} ago", ago(left.unsigned_abs()));
            return Err(Failure::new(Reason::TlsExpired, phase, detail));
        }
        let left = left.unsigned_abs();
        if left < self.soon.as_secs() {
            let detail = format_args!("{what} ends in {}", ago(left));
            return Err(Failure::new(Reason::TlsExpiresSoon, phase, detail));
        }
        Ok(())
    }

    async fn read_files(&self, path: &Path, record: &mut Record) -> Result<(), Failure> {
        let failed = |what: &dyn std::fmt::Display| Failure::new(Reason::TlsFile, Phase::Read, what);
        record.enter(Phase::Read);
        let Some(read) = self.reader.read(path).await else {
            let what = "reading it has begun earlier and has not ended";
            return Err(Failure::new(Reason::Timeout, Phase::Read, what));
        };
        let shown = |path: &Path| path.display().to_string();
        let files = read.map_err(|error| failed(&format_args!("read {}: {error}", shown(path))))?;
        if files.is_empty() {
            return Err(failed(&format_args!("no file matches {}", shown(path))));
        }
        let mut verdict = Ok(());
        let mut earliest = i64::MAX;
        for (file, content) in files {
            let file = shown(&file);
            record.note(|| format!("read {file}"));
            let certificates = match content {
                Ok(certificates) => certificates,
                Err(error) => {
                    verdict = worse(verdict, Err(failed(&format_args!("read {file}: {error}"))));
                    continue;
                }
            };
            for (position, certificate) in certificates.iter().enumerate() {
                tls::describe(&mut record.findings, certificate, position, Some(&file));
                earliest = earliest.min(certificate.not_after);
                verdict = worse(verdict, self.judge(certificate, &file));
            }
        }
        if earliest != i64::MAX {
            tls::set_earliest_expiry(&mut record.findings, earliest);
        }
        verdict
    }

    fn judge(&self, certificate: &Described, file: &str) -> Result<(), Failure> {
        let what = format_args!("{} of {file}", certificate.subject).to_string();
        if certificate.not_before > self.now() {
            return Err(Failure::new(
                Reason::TlsNotYetValid,
                Phase::Read,
                format_args!("{what} is not valid yet"),
            ));
        }
        self.judge_end(certificate.not_after, Phase::Read, &what)
    }
}

/// Of two verdicts the one that has to be told: what has ended before what cannot be read, and that before what will
/// end; of two that are alike, the first.
fn worse(one: Result<(), Failure>, other: Result<(), Failure>) -> Result<(), Failure> {
    let rank = |verdict: &Result<(), Failure>| match verdict.as_ref().err().map(|failure| failure.reason) {
        None => 0,
        Some(Reason::TlsExpiresSoon) => 1,
        Some(Reason::TlsFile) => 2,
        Some(_) => 3,
    };
    if rank(&other) > rank(&one) { other } else { one }
}

/// A time in the largest unit of which there are at least two.
fn ago(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[async_trait]
impl prober::Prober for Prober {
    fn phases(&self) -> Option<Phases> {
        Some(PHASES)
    }

    fn declare(&self, findings: &mut Findings) {
        Dial::declare(findings);
    }

    async fn probe(&self, aim: &Aim<'_>, record: &mut Record) -> Result<(), Failure> {
        let target = Target::parse(aim.target);
        match target.map_err(|error| Failure::new(Reason::TcpError, Phase::Resolve, error))? {
            Target::Server(server) => self.shake_hands(&server, aim, record).await,
            Target::Files(path) => {
                record.about.text("file.path", aim.target);
                self.read_files(&path, record).await
            }
        }
    }

    fn host(&self, target: &str) -> Option<Host> {
        match Target::parse(target) {
            Ok(Target::Server(server)) => Some(self.dial.host(server.host)),
            _ => None,
        }
    }

    fn span_name(&self) -> &str {
        "tls"
    }
}
