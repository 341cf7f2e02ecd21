//! From the greeting until the server takes commands.

use tokio::io::{AsyncRead, AsyncWrite};

use super::auth::Plugin;
use super::error::refusal;
use super::greeting::{self, Greeting, NONCE, can};
use super::packet::{Fields, Session, protocol};
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::record::Record;

const PHASE: Phase = Phase::Login;

/// A server asks for no more than a few packets before it lets in or refuses.
const MOST_ROUNDS: usize = 8;

/// Who asks.
pub(super) struct Login<'a> {
    pub(super) user: &'a str,
    pub(super) database: &'a str,
    pub(super) password: Option<&'a str>,
    /// Whether nobody on the way can read along.
    pub(super) private: bool,
}

/// Reads the greeting.
pub(super) async fn greeted<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    record: &mut Record,
) -> Result<Greeting, Failure> {
    let payload = session.next(PHASE).await?;
    if let Some(failure) = refusal(&payload, PHASE, record) {
        return Err(failure);
    }
    let greeting = Greeting::parse(&payload);
    let greeting = greeting.ok_or_else(|| protocol(PHASE, "what came is not a greeting of MySQL"))?;
    if greeting.can & can::NEEDED != can::NEEDED {
        return Err(protocol(PHASE, "the server is too old"));
    }
    Ok(greeting)
}

impl Login<'_> {
    /// Logs in; `tls` says that it was asked for.
    pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        session: &mut Session<S>,
        greeting: &Greeting,
        tls: bool,
        record: &mut Record,
    ) -> Result<(), Failure> {
        // One that is not known here may be that of other users: the server says if it is this one's.
        let mut plugin = Plugin::named(&greeting.plugin).unwrap_or(Plugin::Native);
        let proof = plugin.proof(self.password.unwrap_or_default(), &greeting.nonce);
        let answer = greeting::log_in(tls, self.user, self.database, plugin.name(), &proof);
        session.send(&answer, PHASE).await?;
        for _ in 0..MOST_ROUNDS {
            let payload = session.next(PHASE).await?;
            if let Some(failure) = refusal(&payload, PHASE, record) {
                return Err(failure);
            }
            match payload.as_slice() {
                [0, ..] => return Ok(()),
                [0xfe, rest @ ..] => {
                    let mut fields = Fields(rest);
                    let name = fields.text();
                    plugin = Plugin::named(name).ok_or_else(|| unknown(name))?;
                    let nonce = fields.0.first_chunk::<NONCE>().copied().unwrap_or_default();
                    let proof = plugin.proof(self.password.unwrap_or_default(), &nonce);
                    session.send(&proof, PHASE).await?;
                }
                // The server remembers the password: that it is right follows.
                [1, 3] if plugin == Plugin::CachingSha2 => {}
                [1, 4] if plugin == Plugin::CachingSha2 => {
                    if !self.private {
                        let what =
                            "the server wants the password as it is, which only goes over TLS or a socket";
                        return Err(Failure::new(Reason::MysqlLogin, PHASE, what));
                    }
                    let password = [self.password.unwrap_or_default().as_bytes(), &[0]].concat();
                    session.send(&password, PHASE).await?;
                }
                _ => return Err(protocol(PHASE, "a packet that has no place in a login")),
            }
        }
        Err(protocol(PHASE, "the login has no end"))
    }
}

fn unknown(name: &[u8]) -> Failure {
    let name: String = String::from_utf8_lossy(name).chars().filter(|c| !c.is_control()).take(64).collect();
    Failure::new(
        Reason::MysqlLogin,
        PHASE,
        format_args!("the server wants a login by {name}, which is not known here"),
    )
}
