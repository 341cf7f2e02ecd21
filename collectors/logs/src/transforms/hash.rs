//! Numbers that stand for what records say.

use std::hash::{BuildHasher, Hasher, RandomState};

use crate::condition::Subject;

/// Numbers of values that are not the same anywhere else, and so long that no two values of one process share one:
/// nobody who writes lines can choose one that does.
#[derive(Debug, Clone, Default)]
pub(super) struct Keys([RandomState; 2]);

impl Keys {
    /// The number of what `fields` say; one that is missing says nothing, which is not the same as an empty one.
    pub(super) fn of(&self, subject: &Subject<'_>, fields: &[String], scratch: &mut String) -> u128 {
        let mut hashers = [self.0[0].build_hasher(), self.0[1].build_hasher()];
        for field in fields {
            let value = subject.get(field);
            for hasher in &mut hashers {
                hasher.write_u8(value.is_some().into());
            }
            if let Some(value) = value {
                let text = value.text(scratch).as_bytes();
                for hasher in &mut hashers {
                    hasher.write_usize(text.len());
                    hasher.write(text);
                }
            }
        }
        let [high, low] = hashers.map(|hasher| u128::from(hasher.finish()));
        high << 64 | low
    }
}

/// A number of these bytes that is the same on every machine: FNV-1a, mixed.
pub(super) fn stable(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    mixed(hash)
}

/// All bits of the number depend on all bits of the other (the finalizer of MurmurHash3).
pub(crate) fn mixed(mut number: u64) -> u64 {
    number = (number ^ number >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    number = (number ^ number >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    number ^ number >> 33
}
