//! A request: batches of one signal framed as `Export…ServiceRequest`, without copying their records.

use bytes::Bytes;

use super::wire::{LEN, len_field_len, put_tag, put_varint};
use crate::batch::Batch;

/// The request as chunks to be written one behind the other: for each run of batches with the same
/// envelope a head, then their records.
#[must_use]
pub fn chunks<'a>(batches: impl IntoIterator<Item = &'a Batch>) -> Vec<Bytes> {
    let batches: Vec<&Batch> = batches.into_iter().collect();
    let mut chunks = Vec::with_capacity(batches.len() + 1);
    for run in batches.chunk_by(|a, b| a.envelope == b.envelope) {
        let envelope = &run[0].envelope;
        let records: usize = run.iter().map(|batch| batch.records.len()).sum();
        // ScopeLogs { scope = 1, log_records = 2 } inside ResourceLogs { resource = 1, scope_logs = 2 }
        let scope_len = envelope.scope.len() + records;
        let resource_len = envelope.resource.len() + len_field_len(scope_len);
        let mut head = Vec::with_capacity(envelope.resource.len() + envelope.scope.len() + 24);
        put_tag(&mut head, 1, LEN);
        put_varint(&mut head, resource_len as u64);
        head.extend_from_slice(&envelope.resource);
        put_tag(&mut head, 2, LEN);
        put_varint(&mut head, scope_len as u64);
        head.extend_from_slice(&envelope.scope);
        chunks.push(head.into());
        chunks.extend(run.iter().map(|batch| batch.records.clone()));
    }
    chunks
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use super::*;
    use crate::batch::{Envelope, Signal};
    use crate::otlp::{envelope, log::LogRecord};
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use prost::Message;

    fn batch(envelope: &Arc<Envelope>, bodies: &[&str]) -> Batch {
        let mut records = Vec::new();
        for body in bodies {
            LogRecord { body, observed: 1, ..LogRecord::default() }.encode(&mut records);
        }
        Batch {
            signal: Signal::Logs,
            envelope: Arc::clone(envelope),
            records: records.into(),
            count: bodies.len() as u32,
        }
    }

    #[test]
    fn batches_of_one_source_share_their_resource() {
        let of = |host| {
            let resource = envelope::resource([("host.name", host)]);
            Arc::new(Envelope { resource, scope: envelope::scope("vigie", "1") })
        };
        let (a, b) = (of("a"), of("b"));
        let batches = [batch(&a, &["1", "2"]), batch(&a, &["3"]), batch(&b, &["4"])];
        let bytes: Vec<u8> = chunks(&batches).concat();
        let request = ExportLogsServiceRequest::decode(&bytes[..]).unwrap();
        let counts: Vec<usize> =
            request.resource_logs.iter().map(|r| r.scope_logs[0].log_records.len()).collect();
        assert_eq!(counts, [3, 1]);
        assert_eq!(request.resource_logs[1].resource.as_ref().unwrap().attributes[0].key, "host.name");
        assert_eq!(request.resource_logs[0].scope_logs[0].scope.as_ref().unwrap().name, "vigie");
    }
}
