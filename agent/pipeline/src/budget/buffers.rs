//! Memory of batches, used again once they are settled, by all sources together.
//!
//! A batch is too large for an allocator to keep at hand: each would be mapped, faulted in page by page and
//! unmapped, which costs more than filling it.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::{Reservation, Share};

/// Smaller ones are left to the allocator.
const LEAST: usize = 128 << 10;

/// Buffers that wait to be used again, as many as a share has room for. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub struct Buffers {
    kept: Arc<Mutex<Vec<Kept>>>,
    share: Share,
}

/// One that waits.
#[derive(Debug)]
struct Kept {
    memory: Vec<u8>,
    /// Given back when it is taken: from then on it counts as what it is used for.
    _held: Reservation,
}

impl Buffers {
    /// None yet; those that wait are held in `share`.
    #[must_use]
    pub fn new(share: Share) -> Self {
        Self { kept: Arc::default(), share }
    }

    /// The share that holds those that wait.
    #[must_use]
    pub const fn share(&self) -> &Share {
        &self.share
    }

    /// An empty buffer with room for `room` bytes, or a little less: it grows when it has to.
    #[must_use]
    pub fn take(&self, room: usize) -> Vec<u8> {
        let kept = if room < LEAST { None } else { self.kept().pop() };
        kept.map_or_else(|| Vec::with_capacity(room), |kept| kept.memory)
    }

    /// What is in the buffer. Its memory comes back here, unless most of it is not in use: then it is given back
    /// at once, because what is held for others is counted by its content.
    #[must_use]
    pub fn freeze(&self, mut buffer: Vec<u8>) -> Bytes {
        if buffer.len() < LEAST || buffer.len() < buffer.capacity() / 2 {
            buffer.shrink_to_fit();
            return buffer.into();
        }
        Bytes::from_owner(Lent { buffer, to: self.clone() })
    }

    /// Gives back the memory of one that waits. Whoever needs none calls it now and then, so that a busy time
    /// costs nothing long after it.
    pub fn wane(&self) {
        let least_used = {
            let mut kept = self.kept();
            (!kept.is_empty()).then(|| kept.remove(0))
        };
        drop(least_used);
    }

    fn keep(&self, mut memory: Vec<u8>) {
        if let Some(held) = self.share.try_reserve(memory.capacity()) {
            memory.clear();
            self.kept().push(Kept { memory, _held: held });
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.to.keep(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(buffers: &Buffers) -> Bytes {
        let mut buffer = buffers.take(LEAST);
        buffer.resize(LEAST, 7);
        buffers.freeze(buffer)
    }

    #[test]
    fn a_settled_batch_lends_its_memory_to_the_next_one() {
        let buffers = Buffers::new(Share::new("test", LEAST));
        let batch = batch(&buffers);
        let memory = batch.as_ptr();
        let other = batch.clone();
        drop(batch);
        assert!(buffers.kept().is_empty());
        drop(other);
        assert_eq!(buffers.share().held(), LEAST);
        let again = buffers.take(LEAST);
        assert_eq!((again.as_ptr(), again.len()), (memory, 0));
        assert_eq!(buffers.share().held(), 0);
    }

    #[test]
    fn no_more_wait_than_the_share_has_room_for_and_in_time_none() {
        let buffers = Buffers::new(Share::new("test", 2 * LEAST));
        let batches: Vec<_> = (0..5).map(|_| batch(&buffers)).collect();
        drop(batches);
        assert_eq!((buffers.kept().len(), buffers.share().held()), (2, 2 * LEAST));
        buffers.wane();
        assert_eq!(buffers.share().held(), LEAST);
        buffers.wane();
        buffers.wane();
        assert_eq!(buffers.share().held(), 0);
    }
}
