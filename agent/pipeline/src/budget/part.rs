//! A share held by several who must not starve each other: each has an equal part of it, and no more even if
//! the others need nothing at the moment. Parts come and go; what is held stays counted in the share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{Reservation, Share};

/// Who has a part of a share.
#[derive(Debug, Default)]
pub(super) struct Parts {
    count: Mutex<usize>,
    /// Told when a part holds less, and when there are fewer of them.
    changed: Notify,
}

impl Parts {
    fn count(&self) -> MutexGuard<'_, usize> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One part; see the module. Cheap to clone; clones are the same part.
#[derive(Debug, Clone)]
pub struct Part(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    share: Share,
    held: Mutex<usize>,
}

/// Bytes held of a part. Given back when dropped.
#[derive(Debug)]
pub struct Held {
    /// Given back to the share before anybody is told.
    reservation: Option<Reservation>,
    taken: Taken,
}

/// Bytes counted against a part.
#[derive(Debug)]
struct Taken {
    part: Part,
    bytes: usize,
}

impl Share {
    /// A part of it, equal to every other.
    #[must_use]
    pub fn part(&self) -> Part {
        *self.parts.count() += 1;
        Part(Arc::new(Inner { share: self.clone(), held: Mutex::new(0) }))
    }
}

impl Part {
    /// How many bytes it may hold now.
    #[must_use]
    pub fn size(&self) -> usize {
        let parts = *self.0.share.parts.count();
        (self.0.share.size() / parts.max(1)).max(1)
    }

    fn held(&self) -> MutexGuard<'_, usize> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `bytes` are free in this part and holds them. More than the whole part counts as the
    /// whole part, so that one large thing passes alone instead of never.
    pub async fn reserve(&self, bytes: usize) -> Held {
        let taken = loop {
            let changed = self.0.share.parts.changed.notified();
            tokio::pin!(changed);
            // Before it is looked at: what changes from here on is not missed.
            changed.as_mut().enable();
            if let Some(taken) = self.try_take(bytes) {
                break taken;
            }
            changed.await;
        };
        let reservation = self.0.share.reserve(taken.bytes).await;
        Held { reservation: Some(reservation), taken }
    }

    fn try_take(&self, bytes: usize) -> Option<Taken> {
        let size = self.size();
        let bytes = bytes.min(size);
        let mut held = self.held();
        if *held > 0 && *held + bytes > size {
            return None;
        }
        *held += bytes;
        Some(Taken { part: self.clone(), bytes })
    }
}

impl Held {
    /// How many bytes are held.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.taken.bytes
    }

    /// Gives back what is held past `bytes`; never takes more.
    pub fn shrink(&mut self, bytes: usize) {
        if let Some(reservation) = &mut self.reservation {
            reservation.shrink(bytes);
        }
        self.taken.shrink(bytes);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.reservation.take());
    }
}

impl Taken {
    fn shrink(&mut self, bytes: usize) {
        let extra = self.bytes.saturating_sub(bytes);
        self.bytes -= extra;
        *self.part.held() -= extra;
        self.part.0.share.parts.changed.notify_waiters();
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.shrink(0);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        *self.share.parts.count() -= 1;
        self.share.parts.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use futures_util::poll;
    use std::pin::pin;

    #[tokio::test]
    async fn one_part_never_takes_what_belongs_to_another() {
        let share = Share::new("test", 100);
        let (greedy, modest) = (share.part(), share.part());
        let first = greedy.reserve(30).await;
        let mut more = pin!(greedy.reserve(30));
        assert!(poll!(more.as_mut()).is_pending());
        let other = modest.reserve(1_000).await;
        assert_eq!((other.bytes(), share.held()), (50, 80));
        drop(first);
        assert_eq!(more.await.bytes(), 30);
        drop(other);
        assert_eq!(share.held(), 0);
    }

    #[tokio::test]
    async fn who_is_alone_has_all_of_it_and_has_it_again_when_the_others_leave() {
        let share = Share::new("test", 100);
        let part = share.part();
        assert_eq!(part.size(), 100);
        let other = share.part();
        let held = part.reserve(40).await;
        let mut more = pin!(part.reserve(40));
        assert!(poll!(more.as_mut()).is_pending());
        drop(other);
        assert_eq!(more.await.bytes() + held.bytes(), 80);
    }

    #[tokio::test]
    async fn what_is_given_back_or_given_up_is_free_again() {
        let share = Share::new("test", 100);
        let part = share.part();
        let mut held = part.reserve(90).await;
        {
            let mut given_up = pin!(part.reserve(20));
            assert!(poll!(given_up.as_mut()).is_pending());
        }
        held.shrink(10);
        held.shrink(50);
        assert_eq!((held.bytes(), share.held()), (10, 10));
        // The part has the room, the share has not yet: giving up here gives back what the part counted.
        let outside = share.reserve(60).await;
        {
            let mut given_up = pin!(part.reserve(80));
            assert!(poll!(given_up.as_mut()).is_pending());
        }
        drop(outside);
        assert_eq!(part.reserve(90).await.bytes(), 90);
    }
}
