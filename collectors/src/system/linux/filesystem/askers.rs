//! Asks mounts how full they are that may never answer: those of a network, of FUSE, of anything but a known
//! local file system.
//!
//! A thread asks them one after another while the sampler waits. When the answer to one is overdue, that thread
//! is left with it, the mount is not asked again until it has answered, and further threads ask the rest. So a
//! mount that hangs costs one thread, and its own answer.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::StatFs;
use rustix::io::Errno;

/// What has become of a question.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    Told(Result<StatFs, Errno>),
    /// Asked, and overdue.
    Hangs,
    /// Not asked: all who could ask hang with others.
    NotAsked,
}

/// See the module.
pub(super) struct Askers {
    desk: Arc<Desk>,
    /// How long to wait for all answers, and once more when one is overdue.
    patience: Duration,
    /// How many ask at a time when one is overdue.
    most: usize,
}

type Ask = dyn Fn(&Path) -> Result<StatFs, Errno> + Send + Sync;

struct Desk {
    ask: Box<Ask>,
    questions: Mutex<Questions>,
    /// There is something to ask, or nobody will ask again.
    asked: Condvar,
    told: Condvar,
}

#[derive(Default)]
struct Questions {
    states: BTreeMap<PathBuf, State>,
    waiting: VecDeque<PathBuf>,
    /// Threads that wait for something to ask.
    idle: usize,
    closed: bool,
}

#[derive(Clone, Copy)]
enum State {
    Waiting,
    Asked,
    Told(Result<StatFs, Errno>),
}

impl Askers {
    pub(super) fn new(
        patience: Duration,
        most: usize,
        ask: impl Fn(&Path) -> Result<StatFs, Errno> + Send + Sync + 'static,
    ) -> Self {
        let desk = Desk {
            ask: Box::new(ask),
            questions: Mutex::default(),
            asked: Condvar::new(),
            told: Condvar::new(),
        };
        Self { desk: Arc::new(desk), patience, most: most.max(1) }
    }

    /// Asks all of them, but for those that still owe an answer. [`Askers::answer`] tells what each said.
    pub(super) fn ask<'a>(&self, paths: impl Iterator<Item = &'a Path>) {
        let mut questions = self.desk.lock();
        let before = std::mem::take(&mut questions.states);
        questions.states = before.into_iter().filter(|(_, state)| matches!(state, State::Asked)).collect();
        for path in paths {
            if !questions.states.contains_key(path) {
                questions.states.insert(path.to_owned(), State::Waiting);
                questions.waiting.push_back(path.to_owned());
            }
        }
        if questions.waiting.is_empty() {
            return;
        }
        if questions.idle == 0 {
            self.desk.hire();
        }
        self.desk.asked.notify_one();
        let round: Vec<PathBuf> = questions.waiting.iter().cloned().collect();
        questions = self.wait(questions, &round);
        if !questions.waiting.is_empty() {
            for _ in 0..self.most.min(questions.waiting.len()) {
                self.desk.hire();
            }
            questions = self.wait(questions, &round);
            questions.waiting.clear();
        }
    }

    /// What the last question to this mount came to.
    pub(super) fn answer(&self, path: &Path) -> Answer {
        match self.desk.lock().states.get(path) {
            Some(State::Told(answer)) => Answer::Told(*answer),
            Some(State::Asked) => Answer::Hangs,
            Some(State::Waiting) | None => Answer::NotAsked,
        }
    }

    /// Waits until all of them have answered, or for as long as patience lasts.
    fn wait<'a>(
        &self,
        mut questions: MutexGuard<'a, Questions>,
        round: &[PathBuf],
    ) -> MutexGuard<'a, Questions> {
        let until = Instant::now() + self.patience;
        while !round.iter().all(|path| matches!(questions.states.get(path), Some(State::Told(_)))) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.desk.told.wait_timeout(questions, left);
            questions = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        questions
    }
}

impl Drop for Askers {
    /// The idle ones leave; one that hangs does when it is answered.
    fn drop(&mut self) {
        self.desk.lock().closed = true;
        self.desk.asked.notify_all();
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Questions> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts another thread. If there can be none, the mounts count as not asked.
    fn hire(self: &Arc<Self>) {
        let desk = Arc::clone(self);
        let hired = thread::Builder::new().name("mounts".into()).spawn(move || desk.serve());
        if let Err(error) = hired {
            tracing::warn!(collector = "filesystem", "start a thread that asks mounts: {error}");
        }
    }

    /// Asks what waits; of those with nothing to ask, one stays.
    fn serve(&self) {
        let mut questions = self.lock();
        loop {
            if let Some(path) = questions.waiting.pop_front() {
                questions.states.insert(path.clone(), State::Asked);
                drop(questions);
                let answer = (self.ask)(&path);
                questions = self.lock();
                questions.states.insert(path, State::Told(answer));
                self.told.notify_all();
            } else if questions.closed || questions.idle > 0 {
                return;
            } else {
                questions.idle += 1;
                questions = self.asked.wait(questions).unwrap_or_else(PoisonError::into_inner);
                questions.idle -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;
    use std::sync::mpsc;

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(100);

    /// A mount whose path begins with `/hung` waits until the sender is dropped.
    fn askers(most: usize) -> (Askers, mpsc::Sender<()>) {
        let (release, held) = mpsc::channel::<()>();
        let held = Mutex::new(held);
        let ask = move |path: &Path| {
            if path.starts_with("/hung") {
                // An error means that it is released; one at a time does, as the others wait for the lock.
                let _ = held.lock().unwrap_or_else(PoisonError::into_inner).recv();
            }
            rustix::fs::statfs("/")
        };
        (Askers::new(PATIENCE, most, ask), release)
    }

    fn ask(askers: &Askers, paths: &[&str]) -> String {
        askers.ask(paths.iter().map(Path::new));
        let word = |path: &&str| match askers.answer(Path::new(path)) {
            Answer::Told(answer) => answer.map_or("error", |_| "told"),
            Answer::Hangs => "hangs",
            Answer::NotAsked => "not asked",
        };
        paths.iter().map(word).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn one_thread_asks_all_of_them_round_after_round() {
        let threads = Arc::new(Mutex::new(BTreeSet::new()));
        let seen = Arc::clone(&threads);
        let askers = Askers::new(PATIENCE, 4, move |path| {
            seen.lock().unwrap().insert(format!("{:?}", thread::current().id()));
            rustix::fs::statfs(path)
        });
        for _ in 0..3 {
            assert_eq!(ask(&askers, &["/", "/proc", "/there/is/none"]), "told, told, error");
        }
        assert_eq!(threads.lock().unwrap().len(), 1);
    }

    #[test]
    fn one_that_hangs_keeps_no_other_from_being_asked_and_waits_for_nothing_again() {
        let (askers, release) = askers(2);
        assert_eq!(ask(&askers, &["/a", "/hung", "/b", "/c"]), "told, hangs, told, told");
        let begun = Instant::now();
        assert_eq!(ask(&askers, &["/a", "/hung", "/b", "/c"]), "told, hangs, told, told");
        assert!(begun.elapsed() < PATIENCE);
        drop(release);
        while ask(&askers, &["/a", "/hung"]) != "told, told" {
            thread::yield_now();
        }
    }

    #[test]
    fn when_all_who_may_ask_hang_the_rest_is_asked_the_next_time() {
        let (askers, _release) = askers(1);
        assert_eq!(ask(&askers, &["/hung/1", "/hung/2", "/a"]), "hangs, hangs, not asked");
        assert_eq!(ask(&askers, &["/hung/1", "/hung/2", "/a"]), "hangs, hangs, told");
    }

    #[test]
    fn nothing_to_ask_needs_no_thread() {
        let (askers, _release) = askers(1);
        assert_eq!(ask(&askers, &[]), "");
        assert_eq!(Arc::strong_count(&askers.desk), 1);
    }
}
