//! OTLP protobuf, written by hand: a record is encoded once, where it is read, and is bytes from then on.
//!
//! Encoded messages concatenate, and logs, traces and metrics share the numbers of the fields that frame
//! them, so a request is put together from the envelopes and records of its batches without looking into
//! them ([`request`]). `opentelemetry-proto` is what the tests decode with.

pub mod attributes;
pub mod edit;
pub mod envelope;
pub mod log;
pub mod request;
pub mod span;
pub mod view;
pub mod wire;
