//! Work that takes long although it waits for nothing.
//!
//! A thread of the runtime that computes for a tenth of a second keeps timers and connections waiting for as long:
//! whoever computes may be the one that was to look after them.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// Does `work`; if it is `long`, with another thread in this one's place where the runtime has any.
pub(crate) fn long_work<R>(long: bool, work: impl FnOnce() -> R) -> R {
    let threads = || Handle::try_current().is_ok_and(|it| it.runtime_flavor() == RuntimeFlavor::MultiThread);
    if long && threads() { block_in_place(work) } else { work() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// What a task of the same thread would say, waited for by what keeps that thread.
    fn heard(within: Duration) -> bool {
        let (say, hear) = mpsc::channel();
        tokio::spawn(async move {
            let _ = say.send(());
        });
        hear.recv_timeout(within).is_ok()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn the_only_thread_goes_on_while_long_work_is_done() {
        let short = tokio::spawn(async { long_work(false, || heard(Duration::from_millis(50))) });
        assert!(!short.await.unwrap());
        let long = tokio::spawn(async { long_work(true, || heard(Duration::from_secs(30))) });
        assert!(long.await.unwrap());
    }

    #[tokio::test]
    async fn a_runtime_of_one_thread_does_it_itself() {
        assert_eq!(long_work(true, || 7), 7);
    }
}
