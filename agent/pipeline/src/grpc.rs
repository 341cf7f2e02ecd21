//! The status codes of gRPC by their names, for who calls and for who is called.

/// By code, from 0 on; gRPC's `statuscodes.md`.
const STATUS_NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// The name of a code; `UNKNOWN` for one that is none, as all clients have it.
#[must_use]
pub fn status_name(code: u32) -> &'static str {
    usize::try_from(code).ok().and_then(|code| STATUS_NAMES.get(code)).unwrap_or(&STATUS_NAMES[2])
}
