//! What is kept, from one reading to the next, for each thing that a file lists: CPUs, disks, interfaces.
//!
//! The kernel lists them in the same order each time, so each is expected where it stood before; what is no
//! longer listed is forgotten.

#[derive(Debug)]
pub(super) struct Roster<T> {
    kept: Vec<T>,
    next: usize,
    changed: bool,
}

impl<T> Default for Roster<T> {
    fn default() -> Self {
        Self { kept: Vec::new(), next: 0, changed: false }
    }
}

impl<T> Roster<T> {
    /// Before the first thing of a reading.
    pub(super) fn begin(&mut self) {
        self.next = 0;
        self.changed = false;
    }

    /// The next thing that is listed: the one that `is` knows again, or else a new one.
    pub(super) fn meet(&mut self, is: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> &mut T {
        let at = self.next;
        match self.kept[at..].iter().position(is) {
            Some(0) => {}
            Some(gone) => {
                self.kept.drain(at..at + gone);
                self.changed = true;
            }
            None => {
                self.kept.insert(at, make());
                self.changed = true;
            }
        }
        self.next += 1;
        &mut self.kept[at]
    }

    /// After the last thing of a reading: whether any has come or gone.
    pub(super) fn end(&mut self) -> bool {
        self.changed |= self.next < self.kept.len();
        self.kept.truncate(self.next);
        self.changed
    }

    /// All that the last reading listed.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.kept.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Each thing remembers at which reading it was met first.
    fn read(roster: &mut Roster<(u8, usize)>, reading: usize, listed: &[u8]) -> bool {
        roster.begin();
        for name in listed {
            let thing = roster.meet(|(known, _)| known == name, || (*name, reading));
            assert_eq!(thing.0, *name);
        }
        roster.end()
    }

    #[test]
    fn things_are_kept_while_they_are_listed() {
        let mut roster = Roster::default();
        assert!(read(&mut roster, 1, &[1, 2, 3]));
        assert!(!read(&mut roster, 2, &[1, 2, 3]));
        assert!(read(&mut roster, 3, &[1, 3, 4]));
        assert_eq!(roster.iter().copied().collect::<Vec<_>>(), [(1, 1), (3, 1), (4, 3)]);
        assert!(read(&mut roster, 4, &[]));
        assert!(read(&mut roster, 5, &[1]));
        assert_eq!(roster.iter().copied().collect::<Vec<_>>(), [(1, 5)]);
    }

    proptest! {
        #[test]
        fn what_is_kept_is_what_was_listed_last(
            readings in proptest::collection::vec(proptest::collection::vec(0u8..6, 0..6), 1..8),
        ) {
            let mut roster = Roster::default();
            for (number, listed) in readings.iter().enumerate() {
                let before: Vec<u8> = roster.iter().map(|(name, _)| *name).collect();
                let changed = read(&mut roster, number, listed);
                prop_assert_eq!(&roster.iter().map(|(name, _)| *name).collect::<Vec<_>>(), listed);
                prop_assert_eq!(changed, before != *listed);
            }
        }
    }
}
