//! One run of a Redis probe.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::io::{AsyncWriteExt, BufReader};
use vigie_pipeline::plug::{Error, Surroundings};

use super::command::{self, encode};
use super::metrics;
use super::reply::{Reply, ReplyError, Value};
use super::{Config, PORT, Role};
use crate::probes::Shared;
use crate::probes::address::Address;
use crate::probes::dial::Dial;
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::findings::Findings;
use crate::probes::password::Password;
use crate::probes::prober::{self, Aim, Host, Phases};
use crate::probes::record::Record;
use crate::probes::stream::Stream;
use crate::probes::tls::Tls;

/// A Redis probe, ready to run again and again.
#[derive(Debug)]
pub(super) struct Prober {
    dial: Dial,
    tls: Option<Tls>,
    /// `tls_config.server_name`
    server_name: Option<String>,
    username: String,
    password: Password,
    database: u32,
    operation: &'static str,
    command: Vec<String>,
    role: Option<Role>,
}

/// A connection, and what is known of the run.
struct Session<'a> {
    peer: BufReader<Stream>,
    record: &'a mut Record,
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
            tls: config.tls.then(tls).transpose()?,
            server_name: config.tls_config.server_name.clone(),
            dial: Dial {
                shared: Arc::clone(shared),
                preferred: config.preferred_ip_protocol,
                fallback: config.ip_protocol_fallback,
                source: None,
            },
            username: config.username.clone(),
            password: Password::new(config.password.as_ref(), config.password_file.as_ref()),
            database: config.database,
            operation: command::check(&config.command)?,
            command: config.command.clone(),
            role: config.role,
        })
    }

    async fn connect(
        &self,
        address: &Address,
        aim: &Aim<'_>,
        record: &mut Record,
    ) -> Result<Stream, Failure> {
        let stream = self.dial.open(address, aim, record).await?;
        let Some(tls) = &self.tls else { return Ok(stream) };
        let own = self.server_name.as_deref().or(aim.hostname).or(address.host());
        tls.connect(own.unwrap_or("localhost"), stream, record).await
    }
}

impl Session<'_> {
    /// Sends a command and reads what is answered; an error of the server's is an answer.
    async fn ask(&mut self, phase: Phase, words: &[&str]) -> Result<Reply, Failure> {
        // A server that refuses a connection says why before it has read anything, and hangs up.
        let sent = async {
            self.peer.write_all(&encode(words)).await?;
            self.peer.flush().await
        };
        let sent = sent.await;
        let reply = match Reply::read(&mut self.peer).await {
            Ok(reply) => reply,
            Err(ReplyError::Io(error)) => return Err(Failure::of_io(phase, &sent.err().unwrap_or(error))),
            Err(ReplyError::Malformed(bytes)) => {
                self.record.excerpt.add(&bytes);
                return Err(Failure::new(Reason::RedisProtocol, phase, "what came is not a reply of Redis"));
            }
            Err(ReplyError::TooLong) => {
                return Err(Failure::new(Reason::RedisProtocol, phase, "a reply of more than 256 KiB"));
            }
        };
        match &reply {
            Reply::Error(text) => self.record.excerpt.add(text.as_bytes()),
            Reply::Values(values) => {
                for value in values {
                    self.record.excerpt.add(value.text().as_bytes());
                    self.record.excerpt.add(b" ");
                }
            }
        }
        Ok(reply)
    }

    /// The same where an error is one.
    async fn demand(&mut self, phase: Phase, words: &[&str]) -> Result<Vec<Value>, Failure> {
        match self.ask(phase, words).await? {
            Reply::Values(values) => Ok(values),
            Reply::Error(text) => Err(self.refused(phase, &text)),
        }
    }

    /// The server has answered with an error. It may quote what it was sent.
    fn refused(&mut self, phase: Phase, text: &str) -> Failure {
        let code = text.split_whitespace().next().unwrap_or_default();
        if !code.is_empty() && code.bytes().all(|b| b.is_ascii_uppercase()) {
            self.record.about.text("db.response.status_code", code);
        }
        Failure::new(reason(text), phase, self.record.excerpt.redact(text))
    }

    /// Logs in, with `HELLO` or as it was before there was one.
    async fn log_in(&mut self, prober: &Prober) -> Result<(), Failure> {
        let password = prober.password.reveal(Phase::Login, self.record).await?;
        let user = if prober.username.is_empty() { "default" } else { &prober.username };
        let mut hello = vec!["HELLO", "2"];
        if let Some(password) = &password {
            hello.extend(["AUTH", user, password]);
        }
        let role = match self.ask(Phase::Login, &hello).await? {
            reply @ Reply::Values(_) => {
                metrics::greeted(&reply, self.record);
                reply.named("role")
            }
            Reply::Error(text) if is_unknown(&text) => {
                self.record.excerpt.restart();
                if let Some(password) = &password {
                    let with_user = ["AUTH", &prober.username, password];
                    let without = ["AUTH", password];
                    let words: &[&str] = if prober.username.is_empty() { &without } else { &with_user };
                    self.demand(Phase::Login, words).await?;
                }
                None
            }
            Reply::Error(text) => return Err(self.refused(Phase::Login, &text)),
        };
        if prober.database != 0 {
            self.demand(Phase::Login, &["SELECT", &prober.database.to_string()]).await?;
        }
        judge_role(prober.role, role.as_deref())
    }
}

#[async_trait]
impl prober::Prober for Prober {
    fn phases(&self) -> Option<Phases> {
        Some(metrics::PHASES)
    }

    fn declare(&self, findings: &mut Findings) {
        Dial::declare(findings);
    }

    async fn probe(&self, aim: &Aim<'_>, record: &mut Record) -> Result<(), Failure> {
        record.about.text("db.system.name", "redis");
        record.about.text("db.operation.name", self.operation);
        record.about.text("db.namespace", self.database.to_string());
        let address = Address::parse(aim.target, Some(PORT))
            .map_err(|error| Failure::new(Reason::BadTarget, Phase::Resolve, error))?;
        let stream = self.connect(&address, aim, record).await?;
        record.enter(Phase::Login);
        let mut session = Session { peer: BufReader::new(stream), record };
        session.log_in(self).await?;
        session.record.enter(Phase::Query);
        session.record.excerpt.restart();
        let words: Vec<&str> = self.command.iter().map(String::as_str).collect();
        let values = session.demand(Phase::Query, &words).await?;
        metrics::answered(&values, session.record);
        Ok(())
    }

    fn host(&self, target: &str) -> Option<Host> {
        let address = Address::parse(target, Some(PORT)).ok()?;
        Some(self.dial.host(address.host()?))
    }

    fn span_name(&self) -> &str {
        self.operation
    }
}

/// Whether the server does not know `HELLO`, or this form of it.
fn is_unknown(text: &str) -> bool {
    text.starts_with("ERR unknown command") || text.starts_with("NOPROTO")
}

fn judge_role(wanted: Option<Role>, role: Option<&str>) -> Result<(), Failure> {
    let fits = match wanted {
        None => true,
        Some(Role::Master) => role == Some("master"),
        Some(Role::Replica) => matches!(role, Some("replica" | "slave")),
    };
    if fits {
        return Ok(());
    }
    let role = role.unwrap_or("a server that does not say");
    Err(Failure::new(Reason::RedisRole, Phase::Login, format_args!("it is {role}")))
}

/// Why a server refuses, by the code that its errors begin with.
fn reason(text: &str) -> Reason {
    match text.split_whitespace().next().unwrap_or_default() {
        "NOAUTH" | "WRONGPASS" => Reason::RedisAuth,
        "NOPERM" => Reason::RedisPermission,
        "LOADING" => Reason::RedisLoading,
        "MASTERDOWN" => Reason::RedisMasterDown,
        "CLUSTERDOWN" | "MOVED" | "ASK" | "TRYAGAIN" => Reason::RedisCluster,
        "BUSY" => Reason::RedisBusy,
        "DENIED" => Reason::RedisProtected,
        _ if text.starts_with("ERR max number of clients") => Reason::RedisTooManyConnections,
        // As servers without users say it.
        _ if text.starts_with("ERR invalid password") || text.starts_with("ERR AUTH") => Reason::RedisAuth,
        _ => Reason::RedisError,
    }
}
