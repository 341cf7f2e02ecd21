//! Something that blocks while it is brought up to date, for several who do not wait for each other for ever.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use vigie_pipeline::commons::Commons;

/// How long one waits for another who is at work.
const PATIENCE: Duration = Duration::from_secs(4);

/// How often one looks whether the other is done.
const PAUSE: Duration = Duration::from_millis(2);

/// Somebody else holds it and does not return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("look at the processes: the look before has not ended")]
pub(crate) struct Stuck;

/// See the module. Those who name the same `K` have the same `T`.
#[derive(Debug)]
pub(crate) struct Shared<K, T> {
    of: K,
    value: Mutex<T>,
}

impl<K: PartialEq + Any + Send + Sync, T: Any + Send> Shared<K, T> {
    /// The one of this name among the commons, made if there is none.
    ///
    /// # Errors
    /// What `make` fails with.
    pub(crate) fn among<E>(
        commons: &Commons,
        of: K,
        make: impl FnOnce(&K) -> Result<T, E>,
    ) -> Result<Arc<Self>, E>
    where
        K: Clone,
    {
        let is_it = |other: &Self| other.of == of;
        commons.share(is_it, || Ok(Self { value: Mutex::new(make(&of)?), of: of.clone() }))
    }
}

impl<K, T> Shared<K, T> {
    /// The name.
    pub(crate) fn of(&self) -> &K {
        &self.of
    }

    /// The value, as soon as nobody else holds it. Blocks, at most until patience ends: who holds it may hang in the
    /// kernel, and one stuck thread is enough.
    ///
    /// # Errors
    /// When patience ends.
    pub(crate) fn hold(&self) -> Result<MutexGuard<'_, T>, Stuck> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.value.try_lock() {
                Ok(guard) => return Ok(guard),
                // Who panicked has left it between two passes at worst: the next one sets it right.
                Err(TryLockError::Poisoned(poisoned)) => return Ok(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) if Instant::now() >= until => return Err(Stuck),
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_waits_for_the_other_but_not_for_ever() {
        let shared = Shared::among(&Commons::default(), "one", |_| Ok::<_, ()>(1)).unwrap();
        let (held, holds) = std::sync::mpsc::channel();
        let (end, ends) = std::sync::mpsc::channel::<()>();
        let other = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let mut guard = other.hold().unwrap();
            held.send(()).unwrap();
            ends.recv().unwrap();
            *guard = 2;
        });
        holds.recv().unwrap();
        assert_eq!(shared.hold().map(|guard| *guard), Err(Stuck));
        end.send(()).unwrap();
        assert_eq!(*shared.hold().unwrap(), 2);
        thread.join().unwrap();
    }
}
