//! Any answer of a destination: it is understood, what is shown of it can be shown, and what the official
//! definitions read as a partial success is read the same.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use prost::Message;
use vigie_exporters::otlp::fuzz::{over_grpc, over_http};
use vigie_fuzz::{byte, take};

fuzz_target!(|data: &[u8]| {
    let mut data = data;
    let status = 100 + 4 * u16::from(byte(&mut data));
    let mut field = || {
        let len = usize::from(byte(&mut data) % 64);
        take(&mut data, len)
    };
    let (first, second, third) = (field(), field(), field());
    let body = data;
    let _ = over_grpc([first, second, third], body);
    let rejected = over_http(status, [first, second], body);
    assert_eq!(rejected.is_some(), (200..300).contains(&status));
    let official =
        ExportLogsServiceResponse::decode(body).unwrap_or_default().partial_success.unwrap_or_default();
    let official = Some(u64::try_from(official.rejected_log_records).unwrap_or(0));
    assert_eq!(over_http(200, [first, second], body), official);
    // Behind its prefix: not compressed, and so long.
    let message = [&[0], &(body.len() as u32).to_be_bytes()[..], body].concat();
    assert_eq!(over_grpc([b"0", second, third], &message), official);
});
