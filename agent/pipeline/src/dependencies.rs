//! What the application depends on, and whether it is there: the board behind `/-/ready/dependencies`.
//!
//! A part registers what it checks and reports what each check found; the entry leaves with its handle. This is not
//! the agent's own readiness ([`crate::readiness`]): a database that is down makes the agent no less ready.
//!
//! A report takes the lock of its own entry only, so that thousands of them hold up neither each other nor readers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;

/// How long a detail may be, in bytes; what is longer is cut.
pub const MAX_DETAIL: usize = 1024;

/// What was registered, sorted by name and then by target. Cheap to clone; clones are the same board.
#[derive(Debug, Clone, Default)]
pub struct Dependencies(Arc<RwLock<BTreeMap<Key, Arc<Entry>>>>);

/// The name, the target, and a number that tells two apart which have the same.
type Key = (Arc<str>, Arc<str>, u64);

type Entry = Mutex<Option<Found>>;

/// Something the application depends on, as the part that checks it holds it. Not known to be up until the first
/// report; forgotten when dropped.
#[derive(Debug)]
#[must_use = "the dependency is forgotten when its handle is dropped"]
pub struct Dependency {
    key: Key,
    entry: Arc<Entry>,
    home: Dependencies,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// When it ended, in nanoseconds since the epoch.
    pub at: u64,
    /// How long it took.
    pub took: Duration,
    /// Why the dependency is down; none if it is up.
    pub trouble: Option<Trouble>,
}

/// Why a dependency is down. It is shown to whoever may ask the agent: nothing in it may be secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The reason, from a closed set.
    pub reason: &'static str,
    /// In which phase of the check it came up, from a closed set, if in any.
    pub phase: Option<&'static str>,
    /// What a person wants to know besides, redacted; empty if nothing. Cut behind [`MAX_DETAIL`] bytes.
    pub detail: String,
}

/// The last finding, and since when it has been so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The last finding.
    pub last: Arc<Finding>,
    /// When the first finding came after which it was always up, or always down; in nanoseconds since the epoch.
    pub since: u64,
}

/// What is known of one dependency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// As it was registered.
    pub name: Arc<str>,
    /// As it was registered.
    pub target: Arc<str>,
    /// None before the first report: then nobody knows.
    pub found: Option<Found>,
}

impl Check {
    /// Whether it was found up. What is not known is not up.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.found.as_ref().is_some_and(Found::is_up)
    }
}

impl Found {
    /// Whether it was found up.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.last.trouble.is_none()
    }
}

impl Dependencies {
    /// Registers what the application depends on, under the name of the check and with what is checked. Both are shown
    /// to whoever may ask the agent: nothing in them may be secret. Two may have the same name and target.
    pub fn register(&self, name: impl Into<Arc<str>>, target: impl Into<Arc<str>>) -> Dependency {
        let (name, target) = (name.into(), target.into());
        let mut entries = self.entries_mut();
        let alike =
            (Arc::clone(&name), Arc::clone(&target), 0)..=(Arc::clone(&name), Arc::clone(&target), u64::MAX);
        let number = entries.range(alike).next_back().map_or(0, |((.., last), _)| last + 1);
        let key = (name, target, number);
        let entry = Arc::<Entry>::default();
        entries.insert(key.clone(), Arc::clone(&entry));
        drop(entries);
        Dependency { key, entry, home: self.clone() }
    }

    /// What is known of each, sorted by name and then by target; those alike as they were registered.
    #[must_use]
    pub fn read(&self) -> Vec<Check> {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let check = |((name, target, _), entry): (&Key, &Arc<Entry>)| Check {
            name: Arc::clone(name),
            target: Arc::clone(target),
            found: entry.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        };
        entries.iter().map(check).collect()
    }

    fn entries_mut(&self) -> RwLockWriteGuard<'_, BTreeMap<Key, Arc<Entry>>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dependency {
    /// What the last check found. Since when it is so is kept here.
    pub fn report(&self, mut finding: Finding) {
        if let Some(trouble) = &mut finding.trouble {
            trouble.detail.truncate(trouble.detail.floor_char_boundary(MAX_DETAIL));
        }
        let mut entry = self.entry.lock().unwrap_or_else(PoisonError::into_inner);
        let up = finding.trouble.is_none();
        let since =
            entry.as_ref().filter(|found| found.is_up() == up).map_or(finding.at, |found| found.since);
        *entry = Some(Found { last: Arc::new(finding), since });
    }
}

impl Drop for Dependency {
    fn drop(&mut self) {
        self.home.entries_mut().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn up(at: u64) -> Finding {
        Finding { at, took: Duration::from_millis(at), trouble: None }
    }

    fn down(at: u64, detail: &str) -> Finding {
        let trouble = Trouble { reason: "tcp_refused", phase: Some("connect"), detail: detail.to_owned() };
        Finding { trouble: Some(trouble), ..up(at) }
    }

    /// Name, target, and whether it is up.
    fn told(board: &Dependencies) -> Vec<(String, String, bool)> {
        board
            .read()
            .iter()
            .map(|check| (check.name.to_string(), check.target.to_string(), check.is_up()))
            .collect()
    }

    fn since(board: &Dependencies) -> u64 {
        board.read()[0].found.as_ref().unwrap().since
    }

    #[test]
    fn nobody_knows_before_the_first_report_and_that_is_not_up() {
        let board = Dependencies::default();
        assert!(board.read().is_empty());
        let shop = board.register("shop", "http://shop/");
        assert_eq!(board.read()[0].found, None);
        assert!(!board.read()[0].is_up());
        shop.report(up(1));
        assert!(board.read()[0].is_up());
        drop(shop);
        assert!(board.read().is_empty());
    }

    #[test]
    fn it_is_so_since_it_changed_and_not_since_the_last_check() {
        let board = Dependencies::default();
        let shop = board.register("shop", "http://shop/");
        for (finding, expected) in
            [(down(3, ""), 3), (down(5, ""), 3), (up(7), 7), (up(9), 7), (down(11, ""), 11)]
        {
            let at = finding.at;
            shop.report(finding);
            assert_eq!((since(&board), board.read()[0].found.as_ref().unwrap().last.at), (expected, at));
        }
    }

    #[test]
    fn those_alike_are_told_apart_and_each_leaves_for_itself() {
        let board = Dependencies::default();
        let first = board.register("shop", "a");
        let second = board.register("shop", "a");
        let other = board.register("shop", "A");
        let before = board.register("db", "z");
        second.report(up(1));
        let entry = |name: &str, target: &str, up| (name.to_owned(), target.to_owned(), up);
        assert_eq!(
            told(&board),
            [
                entry("db", "z", false),
                entry("shop", "A", false),
                entry("shop", "a", false),
                entry("shop", "a", true)
            ]
        );
        drop((first, before));
        assert_eq!(told(&board), [entry("shop", "A", false), entry("shop", "a", true)]);
        let again = board.register("shop", "a");
        drop(second);
        assert_eq!(told(&board), [entry("shop", "A", false), entry("shop", "a", false)]);
        drop((again, other));
        assert!(board.read().is_empty());
    }

    #[test]
    fn a_detail_is_cut_between_characters() {
        let board = Dependencies::default();
        let shop = board.register("shop", "a");
        shop.report(down(1, &format!("x{}", "é".repeat(MAX_DETAIL))));
        let found = board.read().remove(0).found.unwrap();
        let detail = &found.last.trouble.as_ref().unwrap().detail;
        assert_eq!(detail.len(), MAX_DETAIL - 1);
        assert!(detail.ends_with('é'));
    }

    proptest! {
        #[test]
        fn the_board_is_sorted_whoever_comes_and_goes(steps in proptest::collection::vec((0u8..4, 0u8..4, any::<bool>()), 0..60)) {
            let board = Dependencies::default();
            let mut held = Vec::new();
            for (name, target, leaves) in steps {
                if leaves && !held.is_empty() {
                    drop(held.remove(usize::from(name) % held.len()));
                } else {
                    held.push(board.register(name.to_string(), target.to_string()));
                }
                let told = told(&board);
                prop_assert_eq!(told.len(), held.len());
                prop_assert!(told.is_sorted());
            }
        }
    }
}
