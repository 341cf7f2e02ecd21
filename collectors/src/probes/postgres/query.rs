//! One statement in a transaction that only reads, and the end of the session.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::{DataRowBody, Message};
use postgres_protocol::message::frontend::{self, BindError};

use super::error::ServerError;
use super::session::{Session, protocol};
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::record::Record;

const PHASE: Phase = Phase::Query;

/// What a statement has answered.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) rows: u64,
    /// The first column of the first row, unless it is NULL.
    pub(super) first: Option<Vec<u8>>,
}

/// Asks `query`, which the server may work on for as long as `time`.
pub(super) async fn run(
    session: &mut Session,
    query: &str,
    time: Option<Duration>,
    record: &mut Record,
) -> Result<Answer, Failure> {
    write(&mut session.output, query, time).map_err(|error| protocol(PHASE, error))?;
    session.send(PHASE).await?;
    let mut answer = Answer::default();
    let mut failed = None;
    // Ready after the statement, and after `ROLLBACK`.
    let mut ready = 0;
    while ready < 2 {
        let message = match session.next(PHASE).await {
            Ok(message) => message,
            // A fatal error is the server's last word.
            Err(failure) => return Err(failed.unwrap_or(failure)),
        };
        match message {
            Message::DataRow(row) => {
                if answer.rows == 0 {
                    answer.first = first(&row)?;
                }
                answer.rows += 1;
            }
            Message::ErrorResponse(body) => {
                // The first says why; those after it are its consequences.
                failed.get_or_insert_with(|| ServerError::read(&body).failure(PHASE, record));
            }
            Message::CopyInResponse(_) | Message::CopyOutResponse(_) => {
                return Err(Failure::new(Reason::PostgresQuery, PHASE, "COPY is not a query"));
            }
            Message::ReadyForQuery(_) => ready += 1,
            _ => {}
        }
    }
    failed.map_or(Ok(answer), Err)
}

/// Up to the first `Sync` a statement that fails keeps those after it from being run: without the transaction nothing is
/// asked.
fn write(out: &mut BytesMut, query: &str, time: Option<Duration>) -> io::Result<()> {
    statement(out, "BEGIN READ ONLY")?;
    if let Some(time) = time {
        // As a number of milliseconds it fits into 31 bits, and 0 would mean no end.
        statement(out, &format!("SET LOCAL statement_timeout = {}", time.as_millis().clamp(1, 1 << 30)))?;
    }
    statement(out, query)?;
    frontend::sync(out);
    frontend::query("ROLLBACK", out)?;
    frontend::terminate(out);
    Ok(())
}

/// Prepares one statement without parameters and runs it.
fn statement(out: &mut BytesMut, query: &str) -> io::Result<()> {
    frontend::parse("", query, [], out)?;
    let none: [&str; 0] = [];
    let bound = frontend::bind("", "", [], none, |_, _| unreachable!("there are no values"), [], out);
    bound.map_err(|error| match error {
        BindError::Serialization(error) => error,
        BindError::Conversion(error) => io::Error::other(error),
    })?;
    frontend::execute("", 0, out)
}

/// The first column of a row.
fn first(row: &DataRowBody) -> Result<Option<Vec<u8>>, Failure> {
    let range = row.ranges().next().map_err(|error| protocol(PHASE, error))?.flatten();
    Ok(range.and_then(|range| row.buffer().get(range)).map(<[u8]>::to_vec))
}
