//! One run of a probe of a socket: connect, TLS if it begins with it, then the conversation.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use vigie_pipeline::metric::Family;
use vigie_pipeline::plug::{Error, Surroundings};

use super::Config;
use crate::probes::Shared;
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::findings::Findings;
use crate::probes::prober::{self, Aim, Phases};
use crate::probes::query_response::lines::{self, Upgrade};
use crate::probes::query_response::{self, Step};
use crate::probes::record::Record;
use crate::probes::socket;
use crate::probes::stream::Stream;
use crate::probes::tls::Tls;

static DURATION: Family =
    Family::gauge("probe_unix_duration_seconds", "Duration of the connection by phase, its conversation too");

const PHASES: Phases = Phases { family: &DURATION, all: &[Phase::Connect, Phase::Tls, Phase::Query] };

/// The longest path of a socket, in bytes: `sun_path` without the zero at its end.
const LONGEST_PATH: usize = 107;

/// For TLS where no name is asked for and none verified: no name goes to the peer in the place of an address.
const NO_NAME: &str = "0.0.0.0";

/// Why a text is no path of a socket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PathError {
    #[error("empty; write for example `/run/app.sock`")]
    Empty,
    #[error("longer than {LONGEST_PATH} bytes")]
    TooLong,
    #[error("has a zero byte in it")]
    Zero,
}

/// Whether a socket can have this path.
pub(super) fn check_path(path: &str) -> Result<(), PathError> {
    match path {
        "" | "@" => Err(PathError::Empty),
        path if path.contains('\0') => Err(PathError::Zero),
        path if path.len() > LONGEST_PATH => Err(PathError::TooLong),
        _ => Ok(()),
    }
}

/// A probe of a socket, ready to run again and again.
#[derive(Debug)]
pub(super) struct Prober {
    shared: Arc<Shared>,
    steps: Vec<Step>,
    /// Where it begins or goes over to it.
    tls: Option<Tls>,
    begins_with_tls: bool,
    /// `server_name`
    server_name: String,
}

impl Prober {
    /// # Errors
    /// What [`Config`]'s check would have said.
    pub(super) fn new(
        config: &Config,
        shared: &Arc<Shared>,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let tls =
            config.encrypts().then(|| Tls::new(&config.tls_config, &[], &shared.trust, &surroundings.clock));
        Ok(Self {
            shared: Arc::clone(shared),
            steps: query_response::steps(&config.query_response)?,
            tls: tls.transpose()?,
            begins_with_tls: config.tls,
            server_name: config.tls_config.server_name.clone().unwrap_or_else(|| NO_NAME.to_owned()),
        })
    }

    async fn talk(&self, mut stream: Stream, record: &mut Record) -> Result<(), Failure> {
        let upgrade = self.tls.as_ref().map(|tls| Upgrade { tls, name: &self.server_name });
        if let Some(upgrade) = upgrade.filter(|_| self.begins_with_tls) {
            stream = upgrade.tls.connect(upgrade.name, stream, record).await?;
        }
        lines::converse(stream, &self.steps, upgrade, record).await?.part();
        Ok(())
    }
}

/// A reason that names TCP, as a socket of this host has it.
fn local(failure: Failure) -> Failure {
    let reason = match failure.reason {
        Reason::TcpReset => Reason::Closed,
        Reason::TcpError => Reason::UnixError,
        other => other,
    };
    Failure { reason, ..failure }
}

#[async_trait]
impl prober::Prober for Prober {
    fn phases(&self) -> Option<Phases> {
        Some(PHASES)
    }

    fn declare(&self, findings: &mut Findings) {
        lines::declare(findings);
    }

    async fn probe(&self, aim: &Aim<'_>, record: &mut Record) -> Result<(), Failure> {
        let stream = Stream::Unix(socket::connect(Path::new(aim.target), &self.shared.guard, record).await?);
        self.talk(stream, record).await.map_err(local)
    }

    fn timed_out(&self, phase: Phase) -> Reason {
        match phase {
            Phase::Connect => Reason::Timeout,
            other => other.timed_out(),
        }
    }

    fn span_name(&self) -> &str {
        "unix"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_fits_into_the_address_of_a_socket() {
        assert_eq!(check_path("/run/app.sock"), Ok(()));
        assert_eq!(check_path("@app"), Ok(()));
        assert_eq!(check_path(&"x".repeat(107)), Ok(()));
        assert_eq!(check_path(&"x".repeat(108)), Err(PathError::TooLong));
        assert_eq!(check_path("/a\0b"), Err(PathError::Zero));
        assert_eq!((check_path(""), check_path("@")), (Err(PathError::Empty), Err(PathError::Empty)));
    }
}
