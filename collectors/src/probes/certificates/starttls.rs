//! What has to be said before a server goes over to TLS.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::lines::Lines;
use crate::probes::record::Record;
use crate::probes::reply;
use crate::probes::stream::Stream;

/// A protocol that begins in plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StartTls {
    /// `STARTTLS` after `EHLO` (RFC 3207).
    Smtp,
    /// `STARTTLS` (RFC 3501).
    Imap,
    /// `STLS` (RFC 2595).
    Pop3,
    /// `AUTH TLS` (RFC 4217).
    Ftp,
    /// `SSLRequest` of PostgreSQL.
    Postgres,
}

/// PostgreSQL's `SSLRequest`: its length, and a code that is no version of the protocol.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// As many lines may come before that which answers.
const MOST_LINES: usize = 128;

impl StartTls {
    /// Says it, in the phase `starttls`: the stream on which the handshake is next.
    pub(super) async fn ask(self, stream: Stream, record: &mut Record) -> Result<Stream, Failure> {
        record.enter(Phase::Starttls);
        let mut lines = Lines::new(stream);
        let peer = &mut lines;
        match self {
            Self::Smtp => {
                expect_code(peer, 220, record).await?;
                command(peer, &format!("EHLO {}", reply::own_name()), 250, record).await?;
                command(peer, "STARTTLS", 220, record).await?;
            }
            Self::Ftp => {
                expect_code(peer, 220, record).await?;
                command(peer, "AUTH TLS", 234, record).await?;
            }
            Self::Imap => {
                expect_line(peer, b"* ", b"* OK", record).await?;
                reply::send(peer, "a STARTTLS", Phase::Starttls).await?;
                expect_line(peer, b"a ", b"a OK", record).await?;
            }
            Self::Pop3 => {
                expect_line(peer, b"", b"+OK", record).await?;
                reply::send(peer, "STLS", Phase::Starttls).await?;
                expect_line(peer, b"", b"+OK", record).await?;
            }
            Self::Postgres => {
                let failed = |error| Failure::of_io(Phase::Starttls, &error);
                peer.send(&SSL_REQUEST).await.map_err(failed)?;
                match peer.peek(0, 1).await.map_err(failed)? {
                    b"S" => {}
                    b"" => return Err(Failure::new(Reason::Closed, Phase::Starttls, "no answer")),
                    _ => return Err(refused("the server speaks no TLS")),
                }
            }
        }
        record.note(|| format!("{self:?} goes over to TLS"));
        Ok(lines.into_stream())
    }
}

fn refused(what: impl std::fmt::Display) -> Failure {
    Failure::new(Reason::TlsStarttlsRefused, Phase::Starttls, what)
}

async fn expect_code(lines: &mut Lines, wanted: u16, record: &mut Record) -> Result<(), Failure> {
    let reply = reply::read(lines, Phase::Starttls, Reason::TlsStarttlsRefused, record).await?;
    if reply.code == wanted {
        return Ok(());
    }
    Err(refused(format_args!("the server said {} in the place of {wanted}", reply.code)))
}

async fn command(lines: &mut Lines, text: &str, wanted: u16, record: &mut Record) -> Result<(), Failure> {
    reply::send(lines, text, Phase::Starttls).await?;
    expect_code(lines, wanted, record).await
}

/// Reads until a line begins with `tag`, which must be one that begins with `wanted`.
async fn expect_line(
    lines: &mut Lines,
    tag: &[u8],
    wanted: &[u8],
    record: &mut Record,
) -> Result<(), Failure> {
    for _ in 0..MOST_LINES {
        let line = reply::next(lines, Phase::Starttls, Reason::TlsStarttlsRefused, record).await?;
        if line.starts_with(tag) {
            let good = line.starts_with(wanted);
            return if good { Ok(()) } else { Err(refused("the server did not say OK")) };
        }
    }
    Err(refused("the server says too much"))
}
