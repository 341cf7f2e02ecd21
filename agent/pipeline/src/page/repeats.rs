//! No series twice: what a broken file or a peer says twice would make a page that nobody can read.
//!
//! Rows are told apart by a hash of their labels' text; where two are alike the texts decide. A family whose rows have
//! the very label sets of the one before it, as those of devices do, needs no look of its own.

use super::{END, FamilyRef, Labels, Page, Row, Suffix};

/// Takes what came twice out of pages. Its memory is kept from one page to the next, so that it allocates nothing.
#[derive(Debug, Default)]
pub struct Repeats {
    /// The rows of a family, by the hash of their labels.
    hashes: Vec<(u64, u32)>,
    /// The label sets of the family before.
    before: Vec<(Suffix, Labels)>,
    /// The families, by the hash of their names.
    names: Vec<(u64, u32)>,
}

impl Repeats {
    /// Takes out every row whose family and labels an earlier one has, and every family whose name an earlier one has.
    /// How many rows those were.
    pub fn drop_from(&mut self, page: &mut Page) -> usize {
        let mut dropped = page.drop_repeated_families(&mut self.names);
        self.before.clear();
        for at in 0..page.sections.len() {
            dropped += page.drop_repeated_rows(at, self);
        }
        dropped
    }
}

impl Page {
    /// Families of a table have names of their own; those that are met at run time need not.
    fn drop_repeated_families(&mut self, names: &mut Vec<(u64, u32)>) -> usize {
        if !self.sections.iter().any(|section| matches!(section.family, FamilyRef::Met(_))) {
            return 0;
        }
        names.clear();
        let hashes = self.sections.iter().map(|section| hash(section.family.get().name.as_bytes()));
        names.extend(hashes.zip(0..));
        let name = |page: &Self, at: u32| page.sections[at as usize].family.get().name.clone();
        let repeated = repeated(names, |one, other| name(self, one) == name(self, other));
        let dropped = repeated.iter().map(|at| self.rows_of(*at as usize).count()).sum();
        for at in repeated.into_iter().rev() {
            self.sections.remove(at as usize);
        }
        self.cursor = 0;
        dropped
    }

    fn drop_repeated_rows(&mut self, at: usize, repeats: &mut Repeats) -> usize {
        if self.sections[at].first == self.sections[at].last {
            return 0;
        }
        let Repeats { hashes, before, .. } = repeats;
        let same = self.rows_of(at).map(|(_, row)| (row.suffix, row.labels)).eq(before.iter().copied());
        if same {
            return 0;
        }
        before.clear();
        before.extend(self.rows_of(at).map(|(_, row)| (row.suffix, row.labels)));
        hashes.clear();
        let hashed = self.rows_of(at).map(|(at, row)| (hash(self.text(row.labels)) ^ row.suffix as u64, at));
        hashes.extend(hashed);
        let repeated = repeated(hashes, |one, other| {
            let (one, other) = (&self.rows[one as usize], &self.rows[other as usize]);
            one.suffix == other.suffix && self.text(one.labels) == self.text(other.labels)
        });
        if !repeated.is_empty() {
            // The next family is looked at for itself.
            before.clear();
            self.unlink(at, &repeated);
        }
        repeated.len()
    }

    fn rows_of(&self, at: usize) -> impl Iterator<Item = (u32, &Row)> {
        let mut next = self.sections[at].first;
        std::iter::from_fn(move || {
            let (at, row) = (next, self.rows.get(next as usize)?);
            next = row.next;
            Some((at, row))
        })
    }

    fn text(&self, labels: Labels) -> &[u8] {
        &self.arena.as_bytes()[labels.start as usize..(labels.start + labels.len) as usize]
    }

    /// Takes rows, in the order in which they were written and not the first among them, out of a family's chain.
    fn unlink(&mut self, at: usize, repeated: &[u32]) {
        let mut kept = self.sections[at].first;
        let mut next = self.rows[kept as usize].next;
        while next != END {
            let after = self.rows[next as usize].next;
            if repeated.binary_search(&next).is_ok() {
                self.rows[kept as usize].next = after;
            } else {
                kept = next;
            }
            next = after;
        }
        self.sections[at].last = kept;
    }
}

/// Those, in order, that are alike with an earlier one of the same hash.
fn repeated(hashes: &mut [(u64, u32)], alike: impl Fn(u32, u32) -> bool) -> Vec<u32> {
    hashes.sort_unstable();
    let mut found = Vec::new();
    for group in hashes.chunk_by(|(one, _), (other, _)| one == other).filter(|group| group.len() > 1) {
        let later = group
            .iter()
            .enumerate()
            .filter(|(number, (_, at))| group[..*number].iter().any(|(_, earlier)| alike(*earlier, *at)));
        found.extend(later.map(|(_, (_, at))| *at));
    }
    found.sort_unstable();
    found
}

/// Quick, and good enough: two that only seem alike cost a comparison.
fn hash(text: &[u8]) -> u64 {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = text.as_chunks::<8>();
    let mix = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(MIX);
    let hash = words.iter().fold(text.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    rest.iter().fold(hash, |hash, byte| mix(hash, u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::super::*;
    use super::Repeats;
    use crate::metric::Kind;
    use proptest::prelude::*;

    static READS: Family = Family::counter("disk_reads_total", "Reads.");
    static WRITES: Family = Family::counter("disk_writes_total", "Writes.");

    fn rows(page: &Page) -> Vec<(String, String, f64)> {
        let row =
            |family: &Family, row: Sample<'_>| (family.name.to_string(), row.labels.to_owned(), row.value);
        page.families()
            .flat_map(|(family, rows)| rows.map(|one| row(family, one)).collect::<Vec<_>>())
            .collect()
    }

    #[test]
    fn the_first_of_two_that_are_alike_stays() {
        let mut page = Page::default();
        for (disk, value) in
            [("sda", 1.0), ("sdb", 2.0), ("sda", 3.0), ("sda", 4.0), ("sdc", 5.0), ("sdc", 6.0)]
        {
            let labels = page.labels(&[("device", disk)]);
            page.set(&READS, labels, value);
            page.set(&WRITES, labels, value);
        }
        page.set(&READS, Labels::NONE, 7.0);
        assert_eq!(Repeats::default().drop_from(&mut page), 6);
        let told: Vec<f64> = rows(&page).iter().map(|(.., value)| *value).collect();
        assert_eq!(told, [1.0, 2.0, 5.0, 7.0, 1.0, 2.0, 5.0]);
        // What is written afterwards comes behind the last that stayed.
        page.set(&WRITES, Labels::NONE, 8.0);
        assert_eq!(rows(&page).last().unwrap().2, 8.0);
        assert_eq!(Repeats::default().drop_from(&mut page), 0);
    }

    #[test]
    fn the_parts_of_a_histogram_are_no_repeats() {
        static SECONDS: Family = Family::histogram("seconds", "S.");
        let mut page = Page::default();
        page.set_histogram(&SECONDS, Labels::NONE, &[(1.0, 1)], 0.5, 1);
        assert_eq!(Repeats::default().drop_from(&mut page), 0);
        page.set_histogram(&SECONDS, Labels::NONE, &[(1.0, 1)], 0.5, 1);
        assert_eq!(Repeats::default().drop_from(&mut page), 4);
    }

    #[test]
    fn of_two_families_of_one_name_the_first_stays() {
        let met = || Arc::new(Family::met("disk_reads_total".to_owned(), Kind::Gauge, String::new()));
        let mut page = Page::default();
        for (number, family) in [met(), met()].iter().enumerate() {
            page.set(family, Labels::NONE, number as f64);
        }
        page.set(&READS, Labels::NONE, 2.0);
        page.set(&WRITES, Labels::NONE, 3.0);
        assert_eq!(Repeats::default().drop_from(&mut page), 2);
        let told: Vec<f64> = rows(&page).iter().map(|(.., value)| *value).collect();
        assert_eq!(told, [0.0, 3.0]);
    }

    proptest! {
        #[test]
        fn what_stays_is_each_series_once_as_it_came_first(
            written in proptest::collection::vec((any::<bool>(), 0u8..5, 0u8..3), 0..40),
        ) {
            let mut page = Page::default();
            let mut first = Vec::new();
            let mut known = BTreeSet::new();
            for (number, (family, disk, partition)) in written.iter().enumerate() {
                let family = if *family { &READS } else { &WRITES };
                let labels = page.labels(&[("disk", &"x".repeat(3 * *disk as usize)), ("p", &partition.to_string())]);
                page.set(family, labels, number as f64);
                if known.insert((family.name.clone(), disk, partition)) {
                    first.push(number as f64);
                }
            }
            prop_assert_eq!(Repeats::default().drop_from(&mut page), written.len() - first.len());
            let mut told: Vec<f64> = rows(&page).iter().map(|(.., value)| *value).collect();
            told.sort_by(f64::total_cmp);
            prop_assert_eq!(told, first);
        }
    }
}
