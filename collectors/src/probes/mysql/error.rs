//! What a server says when it refuses, and which reason that is.

use super::packet::Fields;
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::record::Record;

/// An error of the server's, if the packet is one.
pub(super) fn refusal(payload: &[u8], phase: Phase, record: &mut Record) -> Option<Failure> {
    let mut fields = Fields(payload);
    if fields.byte()? != 0xff {
        return None;
    }
    let code = fields.u16().unwrap_or_default();
    // The state stands after a mark, but for refusals before the login.
    if fields.0.first() == Some(&b'#') {
        fields.take(6);
    }
    let message = String::from_utf8_lossy(fields.0);
    record.excerpt.add(message.as_bytes());
    record.about.text("db.response.status_code", code.to_string());
    let detail = record.excerpt.redact(&format!("{code} {message}"));
    Some(Failure::new(reason(code, phase), phase, detail))
}

/// The reason by the number of the error, as the manuals of both servers list them.
fn reason(code: u16, phase: Phase) -> Reason {
    match code {
        1040 | 1203 | 1226 => Reason::MysqlTooManyConnections,
        1044 | 1142 | 1143 | 1227 | 1370 => Reason::MysqlPermission,
        1049 => Reason::MysqlDatabase,
        1053 | 1927 => Reason::MysqlShuttingDown,
        1129 => Reason::MysqlHostBlocked,
        1290 | 1792 | 1836 => Reason::MysqlReadOnly,
        1969 | 3024 => Reason::Timeout,
        _ if phase == Phase::Login => Reason::MysqlLogin,
        _ => Reason::MysqlQuery,
    }
}
