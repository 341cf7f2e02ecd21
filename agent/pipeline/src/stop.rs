//! How a part is asked to end.

use tokio::sync::watch;

/// Fires once, for every clone.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

/// The other end: asks. Dropping it asks as well, so no part outlives who started it.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// A fresh pair.
#[must_use]
pub fn stop() -> (Stopper, Stop) {
    let (asks, hears) = watch::channel(false);
    (Stopper(asks), Stop(hears))
}

impl Stopper {
    /// Asks every clone of the [`Stop`] to end.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Waits until asked; returns at once ever after.
    pub async fn stopped(&mut self) {
        // An error means that the Stopper is gone, which asks as well.
        let _ = self.0.wait_for(|asked| *asked).await;
    }

    /// Whether it has been asked.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stop_fires_once_for_every_clone_and_when_the_stopper_is_dropped() {
        let (stopper, mut first) = stop();
        let mut second = first.clone();
        assert!(!first.is_stopped());
        stopper.stop();
        first.stopped().await;
        second.stopped().await;
        assert!(second.is_stopped());

        let (stopper, mut orphan) = stop();
        drop(stopper);
        orphan.stopped().await;
        assert!(orphan.is_stopped());
    }
}
