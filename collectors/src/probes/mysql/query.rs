//! One statement in a transaction that only reads, and the end of the session.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use super::error::refusal;
use super::packet::{Fields, Session, protocol};
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::record::Record;

const PHASE: Phase = Phase::Query;

const COM_QUIT: u8 = 1;
const COM_QUERY: u8 = 3;

/// More result sets of one statement, as a procedure may give them, are not read.
const MOST_SETS: usize = 16;
/// In the status of the server: another result follows.
const MORE_RESULTS: u16 = 8;

/// What a statement has answered.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) rows: u64,
    /// The first column of the first row, unless it is NULL.
    pub(super) first: Option<Vec<u8>>,
}

/// Asks `query`, which the server may work on for as long as `time`.
pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    query: &str,
    mariadb: bool,
    time: Option<Duration>,
    record: &mut Record,
) -> Result<Answer, Failure> {
    if let Some(time) = time {
        let limit = match mariadb {
            true => format!("SET SESSION max_statement_time = {:.3}", time.as_secs_f64().max(0.001)),
            false => format!("SET SESSION max_execution_time = {}", time.as_millis().clamp(1, 1 << 31)),
        };
        // Servers that are too old for it say so, and do without; what they say is not what the run fails with.
        match ask(session, &limit, &mut record.beside()).await {
            Err(failure) if failure.reason != Reason::MysqlQuery => return Err(failure),
            _ => {}
        }
    }
    ask(session, "START TRANSACTION READ ONLY", record).await?;
    let answer = ask(session, query, record).await;
    if answer.is_ok() || answer.as_ref().is_err_and(|failure| failure.reason != Reason::MysqlProtocol) {
        session.restart();
        // The server rolls back what is open; that the session ends well changes nothing about the answer.
        let _ = session.send(&[COM_QUIT], PHASE).await;
    }
    answer
}

/// One statement and all that it answers; of several results the first counts.
async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    statement: &str,
    record: &mut Record,
) -> Result<Answer, Failure> {
    session.restart();
    session.send(&[&[COM_QUERY], statement.as_bytes()].concat(), PHASE).await?;
    let mut first = None;
    for _ in 0..MOST_SETS {
        let (answer, status) = result(session, record).await?;
        first.get_or_insert(answer);
        if status & MORE_RESULTS == 0 {
            return Ok(first.unwrap_or_default());
        }
    }
    Err(protocol(PHASE, "results without end"))
}

/// One result, and the status of the server after it.
async fn result<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    record: &mut Record,
) -> Result<(Answer, u16), Failure> {
    let head = next(session, record).await?;
    match head.as_slice() {
        [0, rest @ ..] => {
            let mut fields = Fields(rest);
            let _changed_and_inserted = (fields.number(), fields.number());
            return Ok((Answer::default(), fields.u16().unwrap_or_default()));
        }
        // It asks for a file of this host.
        [0xfb, ..] => return Err(Failure::new(Reason::MysqlQuery, PHASE, "LOAD DATA is not a query")),
        _ => {}
    }
    let columns = Fields(&head).number().ok_or_else(malformed)?;
    // Each takes a packet, and those are bounded.
    for _ in 0..columns {
        next(session, record).await?;
    }
    end(&next(session, record).await?).ok_or_else(malformed)?;
    let mut answer = Answer::default();
    loop {
        let row = next(session, record).await?;
        if let Some(status) = end(&row) {
            return Ok((answer, status));
        }
        if answer.rows == 0 {
            answer.first = Fields(&row).column().ok_or_else(malformed)?.map(<[u8]>::to_vec);
        }
        answer.rows += 1;
    }
}

async fn next<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    record: &mut Record,
) -> Result<Vec<u8>, Failure> {
    let payload = session.next(PHASE).await?;
    match refusal(&payload, PHASE, record) {
        Some(failure) => Err(failure),
        None => Ok(payload),
    }
}

/// The status in a packet that ends a list; `None` if it is not one.
fn end(payload: &[u8]) -> Option<u16> {
    match payload {
        [0xfe, _, _, low, high] => Some(u16::from_le_bytes([*low, *high])),
        [0xfe] => Some(0),
        _ => None,
    }
}

fn malformed() -> Failure {
    protocol(PHASE, "what came is not a result of MySQL")
}
