//! How what is watched stands, by name: whether the probe or the entry of the watchdog that is called so is down.
//!
//! Who watches something says when it goes down and when it comes back; whoever is about to act on something else
//! asks before. Several may have one name, as the targets of a probe have: the name is down while any of them is.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use vigie_pipeline::commons::Commons;

/// How a name stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stands {
    /// All that is called so is up.
    Up,
    /// Something that is called so is down.
    Down,
    /// Nothing is called so, or of something it is not known yet.
    Unknown,
}

/// All of them. See the module.
#[derive(Debug, Default)]
pub(crate) struct Standings {
    names: Mutex<HashMap<String, Weak<Counts>>>,
}

#[derive(Debug, Default)]
struct Counts {
    unknown: AtomicUsize,
    down: AtomicUsize,
}

/// One thing that is watched, as who watches it holds it: not known to be up until it is said, and forgotten when
/// dropped.
#[derive(Debug)]
pub(crate) struct Standing {
    counts: Arc<Counts>,
    is_up: Option<bool>,
    /// The board is there as long as anything on it.
    home: Arc<Standings>,
}

impl Standings {
    /// The ones that all parts share.
    pub(crate) fn shared(commons: &Commons) -> Arc<Self> {
        let shared = commons.share(|_: &Self| true, || Ok::<_, Infallible>(Self::default()));
        shared.unwrap_or_else(|never| match never {})
    }

    /// Something that is called so.
    pub(crate) fn register(self: &Arc<Self>, name: &str) -> Standing {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let known = names.get(name).and_then(Weak::upgrade);
        let counts = known.unwrap_or_else(|| {
            names.retain(|_, counts| counts.strong_count() > 0);
            let counts = Arc::<Counts>::default();
            names.insert(name.to_owned(), Arc::downgrade(&counts));
            counts
        });
        drop(names);
        Standing::new(counts, self)
    }

    /// How a name stands.
    pub(crate) fn of(&self, name: &str) -> Stands {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        match names.get(name).and_then(Weak::upgrade) {
            None => Stands::Unknown,
            Some(counts) if counts.down.load(Ordering::Relaxed) > 0 => Stands::Down,
            Some(counts) if counts.unknown.load(Ordering::Relaxed) > 0 => Stands::Unknown,
            Some(_) => Stands::Up,
        }
    }
}

impl Standing {
    fn new(counts: Arc<Counts>, home: &Arc<Standings>) -> Self {
        counts.unknown.fetch_add(1, Ordering::Relaxed);
        Self { counts, is_up: None, home: Arc::clone(home) }
    }

    /// Another thing of the same name.
    pub(crate) fn sibling(&self) -> Self {
        Self::new(Arc::clone(&self.counts), &self.home)
    }

    /// Whether it is up.
    pub(crate) fn report(&mut self, is_up: bool) {
        if self.is_up != Some(is_up) {
            // What it is now comes first: in between it is rather down than unknown, and rather unknown than up.
            let before = self.is_up.replace(is_up);
            if !is_up {
                self.counts.down.fetch_add(1, Ordering::Relaxed);
            }
            self.leave(before);
        }
    }

    fn leave(&self, was_up: Option<bool>) {
        match was_up {
            None => drop(self.counts.unknown.fetch_sub(1, Ordering::Relaxed)),
            Some(false) => drop(self.counts.down.fetch_sub(1, Ordering::Relaxed)),
            Some(true) => {}
        }
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.leave(self.is_up);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_down_while_anything_that_is_called_so_is() {
        let standings = Arc::<Standings>::default();
        assert_eq!(standings.of("db"), Stands::Unknown);
        let mut one = standings.register("db");
        let mut other = one.sibling();
        assert_eq!(standings.of("db"), Stands::Unknown);
        one.report(true);
        assert_eq!(standings.of("db"), Stands::Unknown);
        other.report(false);
        assert_eq!(standings.of("db"), Stands::Down);
        other.report(true);
        assert_eq!(standings.of("db"), Stands::Up);
        other.report(false);
        drop(other);
        assert_eq!(standings.of("db"), Stands::Up);
        drop(one);
        assert_eq!(standings.of("db"), Stands::Unknown);
    }

    #[test]
    fn the_board_is_there_as_long_as_anything_on_it() {
        let commons = Commons::default();
        let mut probe = Standings::shared(&commons).register("db");
        probe.report(false);
        assert_eq!(Standings::shared(&commons).of("db"), Stands::Down);
    }

    proptest! {
        #[test]
        fn it_is_so_whoever_comes_and_goes(steps in proptest::collection::vec((0u8..3, 0usize..5, any::<bool>()), 0..60)) {
            let standings = Arc::<Standings>::default();
            let mut held: Vec<(Standing, Option<bool>)> = Vec::new();
            for (step, at, is_up) in steps {
                match (step, held.len()) {
                    (0, _) | (_, 0) => held.push((standings.register("db"), None)),
                    (1, count) => drop(held.remove(at % count)),
                    (_, count) => {
                        let (standing, known) = &mut held[at % count];
                        standing.report(is_up);
                        *known = Some(is_up);
                    }
                }
                let expected = match held.iter().map(|(_, known)| *known).collect::<Vec<_>>() {
                    known if known.contains(&Some(false)) => Stands::Down,
                    known if known.is_empty() || known.contains(&None) => Stands::Unknown,
                    _ => Stands::Up,
                };
                prop_assert_eq!(standings.of("db"), expected);
            }
        }
    }
}
