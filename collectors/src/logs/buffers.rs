//! Memory of batches, used again once they are settled.
//!
//! A batch is too large for an allocator to keep at hand: each would be mapped, faulted in page by page and
//! unmapped, which costs more than filling it.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// How many are kept for the next batches.
const MOST: usize = 8;

/// Smaller ones are left to the allocator.
const LEAST: usize = 128 << 10;

/// Buffers that wait to be used again. Cheap to clone; clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    /// An empty buffer with room for `room` bytes, or a little less: it grows when it has to.
    pub(crate) fn take(&self, room: usize) -> Vec<u8> {
        let kept = if room < LEAST { None } else { self.kept().pop() };
        kept.unwrap_or_else(|| Vec::with_capacity(room))
    }

    /// What is in the buffer. Its memory comes back here, unless most of it is not in use: then it is given back
    /// at once, because what is held for others is counted by its content.
    pub(crate) fn freeze(&self, mut buffer: Vec<u8>) -> Bytes {
        if buffer.len() < LEAST || buffer.len() < buffer.capacity() / 2 {
            buffer.shrink_to_fit();
            return buffer.into();
        }
        Bytes::from_owner(Lent { buffer, to: self.clone() })
    }

    /// Gives back what waits.
    pub(crate) fn clear(&self) {
        self.kept().clear();
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Lent {
    buffer: Vec<u8>,
    to: Buffers,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut kept = self.to.kept();
        if kept.len() < MOST {
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.clear();
            kept.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_settled_batch_lends_its_memory_to_the_next_one() {
        let buffers = Buffers::default();
        let mut buffer = buffers.take(LEAST);
        buffer.resize(LEAST, 7);
        let memory = buffer.as_ptr();
        let batch = buffers.freeze(buffer);
        assert_eq!(batch.len(), LEAST);
        let other = batch.clone();
        drop(batch);
        assert!(buffers.kept().is_empty());
        drop(other);
        let again = buffers.take(LEAST);
        assert_eq!((again.as_ptr(), again.len()), (memory, 0));
    }
}
