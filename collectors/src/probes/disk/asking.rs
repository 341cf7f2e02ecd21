//! Asks the kernel about paths, each on a thread of its own while it is asked.
//!
//! Whoever asks for a path that is being asked for waits for that answer: so a path that never answers holds one thread,
//! however often it is asked for, and also over a reload, as this is one for the process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{io, thread};

use rustix::fs::StatVfsMountFlags;
use rustix::io::Errno;
use tokio::sync::oneshot;

use super::metrics::Usage;
use super::writable::is_read_only;

/// What the kernel says of a path.
pub(super) type Answer = Result<Usage, Errno>;

type Ask = fn(&Path) -> Answer;

/// See the module.
#[derive(Debug)]
pub(super) struct Asking {
    ask: Ask,
    /// Who waits, by path. A path that is here has a thread.
    waiting: Mutex<BTreeMap<PathBuf, Vec<oneshot::Sender<Answer>>>>,
}

/// Of the process.
pub(super) static DISKS: Asking = Asking::new(look);

fn look(path: &Path) -> Answer {
    let stat = rustix::fs::statvfs(path)?;
    let view = stat.f_flag.contains(StatVfsMountFlags::RDONLY);
    Ok(Usage::of(&stat, is_read_only(path, view)))
}

impl Asking {
    pub(super) const fn new(ask: Ask) -> Self {
        Self { ask, waiting: Mutex::new(BTreeMap::new()) }
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Vec<oneshot::Sender<Answer>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer for a path, when it comes.
    ///
    /// # Errors
    /// There can be no thread.
    pub(super) fn of(&'static self, path: &Path) -> io::Result<oneshot::Receiver<Answer>> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting();
        if let Some(others) = waiting.get_mut(path) {
            others.retain(|other| !other.is_closed());
            others.push(sender);
            return Ok(receiver);
        }
        let owned = path.to_owned();
        thread::Builder::new().name("disk".into()).spawn(move || {
            let answer = (self.ask)(&owned);
            for sender in self.waiting().remove(&owned).into_iter().flatten() {
                // Who waited may have given up.
                let _ = sender.send(answer);
            }
        })?;
        // The thread cannot answer before this guard is let go.
        waiting.insert(path.to_owned(), vec![sender]);
        Ok(receiver)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Condvar, LazyLock};
    use std::time::Duration;

    static ASKED: AtomicUsize = AtomicUsize::new(0);
    static RELEASED: LazyLock<(Mutex<bool>, Condvar)> = LazyLock::new(Default::default);
    static SLOW: Asking = Asking::new(|path| {
        ASKED.fetch_add(1, Ordering::SeqCst);
        let (released, changed) = &*RELEASED;
        drop(changed.wait_while(released.lock().unwrap(), |released| !*released).unwrap());
        look(path)
    });

    #[tokio::test]
    async fn a_path_that_hangs_holds_one_thread_however_often_it_is_asked_for() {
        for _ in 0..50 {
            let answer = SLOW.of(Path::new("/")).unwrap();
            assert!(tokio::time::timeout(Duration::from_millis(1), answer).await.is_err());
        }
        assert_eq!(ASKED.load(Ordering::SeqCst), 1);
        // Those who have given up are not kept.
        assert!(SLOW.waiting()[Path::new("/")].len() <= 2);
        let answer = SLOW.of(Path::new("/")).unwrap();
        *RELEASED.0.lock().unwrap() = true;
        RELEASED.1.notify_all();
        assert!(answer.await.unwrap().is_ok());
        assert!(SLOW.waiting().is_empty());
        assert!(SLOW.of(Path::new("/nonexistent")).unwrap().await.unwrap().is_err());
        assert_eq!(ASKED.load(Ordering::SeqCst), 2);
    }
}
