//! One run of a MySQL probe.

use std::sync::Arc;

use async_trait::async_trait;
use vigie_pipeline::plug::{Error, Surroundings};

use super::greeting::{self, can};
use super::login::{Login, greeted};
use super::packet::Session;
use super::{Config, PORT, metrics, query};
use crate::probes::Shared;
use crate::probes::address::Address;
use crate::probes::database::TlsMode;
use crate::probes::dial::Dial;
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::findings::Findings;
use crate::probes::password::Password;
use crate::probes::prober::{self, Aim, Host, Phases};
use crate::probes::record::Record;
use crate::probes::tls::Tls;

/// A MySQL probe, ready to run again and again.
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
            database: config.database.clone(),
            query: config.query.clone(),
        })
    }

    async fn run(&self, address: &Address, aim: &Aim<'_>, record: &mut Record) -> Result<(), Failure> {
        let stream = self.dial.open(address, aim, record).await?;
        record.enter(Phase::Login);
        let mut session = Session::new(stream);
        let greeting = greeted(&mut session, record).await?;
        metrics::greeted(&greeting, record);
        let mut encrypted = false;
        if let (Some(tls), Some(host)) = (&self.tls, address.host()) {
            if greeting.can & can::TLS != 0 {
                let ask = greeting::ask_for_tls(!self.database.is_empty());
                session.send(&ask, Phase::Login).await?;
                let (stream, number) = session.into_plain(Phase::Login)?;
                let name = self.server_name.as_deref().or(aim.hostname).unwrap_or(host);
                session = Session::resumed(tls.connect(name, stream, record).await?, number);
                record.enter(Phase::Login);
                encrypted = true;
            } else if self.mode == TlsMode::Require {
                return Err(Failure::new(Reason::TlsMissing, Phase::Tls, "the server offers no TLS"));
            }
        }
        let password = self.password.reveal(Phase::Login, record).await?;
        let login = Login {
            user: &self.user,
            database: &self.database,
            password: password.as_deref(),
            private: encrypted || address.host().is_none(),
        };
        login.run(&mut session, &greeting, encrypted, record).await?;
        record.enter(Phase::Query);
        let left = record.left();
        let answer = query::run(&mut session, &self.query, greeting.is_mariadb(), left, record).await?;
        metrics::answered(&answer, record);
        Ok(())
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
        record.about.text("db.system.name", "mysql");
        if !self.database.is_empty() {
            record.about.text("db.namespace", &self.database);
        }
        record.about.text("db.query.text", &self.query);
        let address = Address::parse(aim.target, Some(PORT))
            .map_err(|error| Failure::new(Reason::BadTarget, Phase::Resolve, error))?;
        self.run(&address, aim, record).await
    }

    fn host(&self, target: &str) -> Option<Host> {
        Some(self.dial.host(Address::parse(target, Some(PORT)).ok()?.host()?))
    }

    fn span_name(&self) -> &str {
        "mysql"
    }
}
