//! One run of a PostgreSQL probe.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::BytesMut;
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use vigie_pipeline::plug::{Error, Surroundings};

use super::login::Login;
use super::session::{Session, protocol};
use super::{Config, address, metrics, query};
use crate::probes::Shared;
use crate::probes::address::Address;
use crate::probes::database::TlsMode;
use crate::probes::dial::Dial;
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::findings::Findings;
use crate::probes::password::Password;
use crate::probes::prober::{self, Aim, Host, Phases};
use crate::probes::record::Record;
use crate::probes::stream::Stream;
use crate::probes::tls::Tls;

/// A PostgreSQL probe, ready to run again and again.
#[derive(Debug)]
pub(super) struct Prober {
    dial: Dial,
    mode: TlsMode,
    /// Unless `mode` says that there is none.
    tls: Option<Tls>,
    /// `tls_config.server_name`
    server_name: Option<String>,
    user: String,
    password: Password,
    database: String,
    query: String,
}

impl Prober {
    /// # Errors
    /// What [`Config`]'s check would have said.
    pub(super) fn new(
        config: &Config,
        shared: &Arc<Shared>,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let tls = || Tls::new(&config.tls_config, &[], &shared.trust, &surroundings.clock);
        let database = if config.database.is_empty() { &config.user } else { &config.database };
        Ok(Self {
            mode: config.tls,
            tls: (config.tls != TlsMode::Disable).then(tls).transpose()?,
            server_name: config.tls_config.server_name.clone(),
            dial: Dial {
                shared: Arc::clone(shared),
                preferred: config.preferred_ip_protocol,
                fallback: config.ip_protocol_fallback,
                source: None,
            },
            user: config.user.clone(),
            password: Password::new(config.password.as_ref(), config.password_file.as_ref()),
            database: database.clone(),
            query: config.query.clone(),
        })
    }

    /// Connects, and asks for TLS where it is wanted.
    async fn connect(
        &self,
        address: &Address,
        aim: &Aim<'_>,
        record: &mut Record,
    ) -> Result<Session, Failure> {
        let mut stream = self.dial.open(address, aim, record).await?;
        let (Some(tls), Some(host)) = (&self.tls, address.host()) else {
            return Ok(Session::new(stream, &[]));
        };
        record.enter(Phase::Tls);
        match ask_for_tls(&mut stream).await.map_err(|error| Failure::of_io(Phase::Tls, &error))? {
            b'S' => {
                let name = self.server_name.as_deref().or(aim.hostname).unwrap_or(host);
                Ok(Session::new(tls.connect(name, stream, record).await?, &[]))
            }
            b'N' if self.mode == TlsMode::Require => {
                Err(Failure::new(Reason::TlsMissing, Phase::Tls, "the server offers no TLS"))
            }
            b'N' => {
                record.note(|| "the server offers no TLS".to_owned());
                Ok(Session::new(stream, &[]))
            }
            // An error in place of the answer: the login reads it.
            b'E' => Ok(Session::new(stream, b"E")),
            _ => Err(protocol(Phase::Tls, "what came is not PostgreSQL's protocol")),
        }
    }
}

/// Nothing that comes after the one byte is read: it would not be protected.
async fn ask_for_tls(stream: &mut Stream) -> std::io::Result<u8> {
    let mut request = BytesMut::new();
    frontend::ssl_request(&mut request);
    stream.write_all(&request).await?;
    stream.flush().await?;
    stream.read_u8().await
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
        record.about.text("db.system.name", "postgresql");
        record.about.text("db.namespace", &self.database);
        record.about.text("db.query.text", &self.query);
        let address =
            address(aim.target).map_err(|error| Failure::new(Reason::BadTarget, Phase::Resolve, error))?;
        let mut session = self.connect(&address, aim, record).await?;
        record.enter(Phase::Login);
        let password = self.password.reveal(Phase::Login, record).await?;
        let login = Login { user: &self.user, database: &self.database, password: password.as_deref() };
        login.run(&mut session, record).await?.set(record);
        record.enter(Phase::Query);
        let answer = query::run(&mut session, &self.query, record.left(), record).await?;
        metrics::answered(&answer, record);
        Ok(())
    }

    fn host(&self, target: &str) -> Option<Host> {
        Some(self.dial.host(address(target).ok()?.host()?))
    }

    fn span_name(&self) -> &str {
        "postgresql"
    }
}
