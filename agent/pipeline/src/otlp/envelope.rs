//! Resource and scope: encoded once, shared by every batch of a source.

use bytes::Bytes;

use super::attributes::{self, field};
use super::wire::{put_bytes, put_message};

/// Field 1 of `ResourceLogs`: a resource with these attributes, in this order.
#[must_use]
pub fn resource<'a>(attributes: impl IntoIterator<Item = (&'a str, &'a str)>) -> Bytes {
    let mut out = Vec::new();
    put_message(&mut out, 1, |resource| {
        for (key, value) in attributes {
            attributes::put_str(resource, field::RESOURCE, key, value);
        }
    });
    out.into()
}

/// Field 1 of `ScopeLogs`: who wrote the records.
#[must_use]
pub fn scope(name: &str, version: &str) -> Bytes {
    let mut out = Vec::new();
    put_message(&mut out, 1, |scope| {
        put_bytes(scope, 1, name.as_bytes());
        put_bytes(scope, 2, version.as_bytes());
    });
    out.into()
}
