//! The protobuf wire format: varints, tags, lengths.

/// Wire type 0: a varint.
pub const VARINT: u32 = 0;
/// Wire type 1: eight bytes, little endian.
pub const FIXED64: u32 = 1;
/// Wire type 2: a length and that many bytes.
pub const LEN: u32 = 2;

/// How many bytes `value` takes as a varint: 1 to 10.
#[must_use]
pub const fn varint_len(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
}

/// Appends a varint.
#[inline]
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The varint that begins at `at`, and where it ends; `None` if there is none, or none that fits 64 bits.
#[must_use]
#[inline]
pub fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    // Most are tags and short lengths.
    match bytes.get(at)? {
        byte if byte & 0x80 == 0 => Some((u64::from(*byte), at + 1)),
        _ => long_varint(bytes, at),
    }
}

fn long_varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0;
    for (n, byte) in bytes.get(at..)?.iter().take(10).enumerate() {
        let bits = u64::from(byte & 0x7f);
        if n == 9 && bits > 1 {
            return None;
        }
        value |= bits << (7 * n);
        if byte & 0x80 == 0 {
            return Some((value, at + n + 1));
        }
    }
    None
}

/// Appends a field's tag.
#[inline]
pub fn put_tag(out: &mut Vec<u8>, field: u32, wire_type: u32) {
    put_varint(out, u64::from(field << 3 | wire_type));
}

/// Appends a field of wire type 2.
#[inline]
pub fn put_bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    put_tag(out, field, LEN);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a varint field, even if it is 0.
#[inline]
pub fn put_uint(out: &mut Vec<u8>, field: u32, value: u64) {
    put_tag(out, field, VARINT);
    put_varint(out, value);
}

/// Appends a fixed64 field, even if it is 0.
#[inline]
pub fn put_fixed64(out: &mut Vec<u8>, field: u32, value: u64) {
    put_tag(out, field, FIXED64);
    out.extend_from_slice(&value.to_le_bytes());
}

/// How many bytes a field of wire type 2 takes, for field numbers below 16.
#[must_use]
pub const fn len_field_len(payload: usize) -> usize {
    1 + varint_len(payload as u64) + payload
}

/// Appends a field of wire type 2 whose payload `write` appends: the length is put in afterwards, and the
/// payload moved by as many bytes as the length takes.
#[inline]
pub fn put_message(out: &mut Vec<u8>, field: u32, write: impl FnOnce(&mut Vec<u8>)) {
    put_tag(out, field, LEN);
    let start = out.len();
    out.push(0);
    write(out);
    let len = (out.len() - start - 1) as u64;
    let extra = varint_len(len) - 1;
    if extra > 0 {
        out.resize(out.len() + extra, 0);
        let end = out.len();
        out.copy_within(start + 1..end - extra, start + 1 + extra);
    }
    let mut rest = len;
    for at in 0..=extra {
        let more = if at < extra { 0x80 } else { 0 };
        out[start + at] = (rest as u8 & 0x7f) | more;
        rest >>= 7;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_varint_is_as_long_as_foretold(value in any::<u64>(), shift in 0u32..64) {
            let value = value >> shift;
            let mut out = Vec::new();
            put_varint(&mut out, value);
            prop_assert_eq!(out.len(), varint_len(value));
            prop_assert_eq!(varint(&out, 0), Some((value, out.len())));
            prop_assert_eq!(varint(&out[..out.len() - 1], 0), None);
        }

        #[test]
        fn no_bytes_are_too_odd_for_a_varint(bytes in any::<Vec<u8>>(), at in 0usize..20) {
            if let Some((_, end)) = varint(&bytes, at) {
                prop_assert!(end > at && end <= bytes.len() && end <= at + 10);
            }
        }

        #[test]
        fn a_message_written_in_place_is_one_written_with_its_length(size in 0usize..40_000) {
            let payload = vec![7u8; size];
            let (mut in_place, mut whole) = (Vec::new(), Vec::new());
            put_message(&mut in_place, 2, |out| out.extend_from_slice(&payload));
            put_bytes(&mut whole, 2, &payload);
            prop_assert_eq!(&in_place, &whole);
            prop_assert_eq!(whole.len(), len_field_len(size));
        }
    }
}
