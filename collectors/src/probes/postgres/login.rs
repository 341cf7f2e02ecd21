//! From the first message until the server is ready for a query.

use std::io;

use fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::{AuthenticationSaslBody, Message};
use postgres_protocol::message::frontend;

use super::error::ServerError;
use super::metrics::Server;
use super::session::{Session, protocol};
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::record::Record;

const PHASE: Phase = Phase::Login;

/// Who asks.
pub(super) struct Login<'a> {
    pub(super) user: &'a str,
    pub(super) database: &'a str,
    pub(super) password: Option<&'a str>,
}

impl Login<'_> {
    /// Logs in; what the server has said of itself.
    pub(super) async fn run(&self, session: &mut Session, record: &mut Record) -> Result<Server, Failure> {
        let parameters = [
            ("user", self.user),
            ("database", self.database),
            ("application_name", "vigie"),
            ("client_encoding", "UTF8"),
        ];
        written(frontend::startup_message(parameters, &mut session.output))?;
        session.send(PHASE).await?;
        let mut scram = None;
        let mut server = Server::default();
        loop {
            match session.next(PHASE).await? {
                Message::AuthenticationOk if scram.is_none() => {}
                Message::AuthenticationCleartextPassword => {
                    if !session.is_private() {
                        let what =
                            "the server wants the password as it is, which only goes over TLS or a socket";
                        return Err(refused(what));
                    }
                    written(frontend::password_message(self.password()?.as_bytes(), &mut session.output))?;
                }
                Message::AuthenticationMd5Password(body) => {
                    let hash = md5_hash(self.user.as_bytes(), self.password()?.as_bytes(), body.salt());
                    written(frontend::password_message(hash.as_bytes(), &mut session.output))?;
                }
                Message::AuthenticationSasl(body) => {
                    let begun = self.begin_scram(&body)?;
                    let first =
                        frontend::sasl_initial_response(SCRAM_SHA_256, begun.message(), &mut session.output);
                    written(first)?;
                    scram = Some(begun);
                }
                Message::AuthenticationSaslContinue(body) => {
                    let scram = scram.as_mut().ok_or_else(unexpected)?;
                    scram.update(body.data()).map_err(|error| protocol(PHASE, error))?;
                    written(frontend::sasl_response(scram.message(), &mut session.output))?;
                }
                // The server has to know the password as well.
                Message::AuthenticationSaslFinal(body) => {
                    let mut scram = scram.take().ok_or_else(unexpected)?;
                    scram
                        .finish(body.data())
                        .map_err(|error| refused(format_args!("the server: {error}")))?;
                }
                Message::AuthenticationGss
                | Message::AuthenticationSspi
                | Message::AuthenticationKerberosV5
                | Message::AuthenticationScmCredential => {
                    return Err(refused("the server wants a kind of login other than a password"));
                }
                Message::ParameterStatus(body) => {
                    server.told(body.name().unwrap_or_default(), body.value().unwrap_or_default());
                }
                Message::BackendKeyData(_) => {}
                Message::ReadyForQuery(_) => return Ok(server),
                Message::ErrorResponse(body) => {
                    return Err(ServerError::read(&body).failure(PHASE, record));
                }
                _ => return Err(unexpected()),
            }
            session.send(PHASE).await?;
        }
    }

    fn password(&self) -> Result<&str, Failure> {
        self.password.ok_or_else(|| refused("the server wants a password, and none is configured"))
    }

    fn begin_scram(&self, body: &AuthenticationSaslBody) -> Result<ScramSha256, Failure> {
        let known = body.mechanisms().any(|mechanism| Ok(mechanism == SCRAM_SHA_256));
        if !known.map_err(|error| protocol(PHASE, error))? {
            return Err(refused("the server offers no kind of login that is known here"));
        }
        Ok(ScramSha256::new(self.password()?.as_bytes(), ChannelBinding::unsupported()))
    }
}

fn refused(what: impl std::fmt::Display) -> Failure {
    Failure::new(Reason::PostgresLogin, PHASE, what)
}

fn unexpected() -> Failure {
    protocol(PHASE, "a message that has no place in a login")
}

/// A text with a NUL cannot be sent: the check of the settings has said so, but a password may come from a file.
fn written(result: io::Result<()>) -> Result<(), Failure> {
    result.map_err(|error| Failure::new(Reason::Credentials, PHASE, error))
}
