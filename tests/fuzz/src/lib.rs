//! What the fuzzers share.

#[cfg(feature = "targets")]
pub mod records;

/// Takes bytes off the front, as many as there are.
pub fn take<'d>(data: &mut &'d [u8], len: usize) -> &'d [u8] {
    let (front, rest) = data.split_at(len.min(data.len()));
    *data = rest;
    front
}

/// Takes one byte off the front; 0 behind the end.
pub fn byte(data: &mut &[u8]) -> u8 {
    take(data, 1).first().copied().unwrap_or(0)
}
