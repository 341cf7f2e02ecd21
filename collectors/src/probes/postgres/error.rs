//! What a server says when it refuses, and which reason that is.

use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::ErrorResponseBody;

use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::record::Record;

/// The fields of an error that say what it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ServerError {
    /// Five characters; see the appendix of PostgreSQL's manual.
    pub(super) sqlstate: String,
    pub(super) message: String,
}

impl ServerError {
    pub(super) fn read(body: &ErrorResponseBody) -> Self {
        let mut error = Self::default();
        let mut fields = body.fields();
        while let Ok(Some(field)) = fields.next() {
            let value = || String::from_utf8_lossy(field.value_bytes()).into_owned();
            match field.type_() {
                b'C' => error.sqlstate = value(),
                b'M' => error.message = value(),
                _ => {}
            }
        }
        error
    }

    /// It as why the run has failed.
    pub(super) fn failure(&self, phase: Phase, record: &mut Record) -> Failure {
        let Self { sqlstate, message } = self;
        record.excerpt.add(message.as_bytes());
        if sqlstate.len() == 5 && sqlstate.bytes().all(|b| b.is_ascii_alphanumeric()) {
            record.about.text("db.response.status_code", sqlstate);
        }
        let detail = record.excerpt.redact(&format!("{sqlstate} {message}"));
        Failure::new(reason(sqlstate, phase), phase, detail)
    }
}

/// The reason by the code, or by its class where all of a class mean the same.
fn reason(sqlstate: &str, phase: Phase) -> Reason {
    match sqlstate {
        "25006" => Reason::PostgresReadOnly,
        "3D000" => Reason::PostgresDatabase,
        "42501" => Reason::PostgresPermission,
        "53300" => Reason::PostgresTooManyConnections,
        "57014" => Reason::Timeout,
        "57P01" | "57P02" | "57P05" => Reason::PostgresShuttingDown,
        "57P03" => Reason::PostgresStartingUp,
        _ => match sqlstate.get(..2) {
            Some("08") => Reason::PostgresProtocol,
            Some("28") => Reason::PostgresLogin,
            Some("53") => Reason::PostgresResources,
            _ if phase == Phase::Login => Reason::PostgresLogin,
            _ => Reason::PostgresQuery,
        },
    }
}
