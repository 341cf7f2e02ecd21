//! A page: the present values of one part, ready to be read by any number of scrapes.
//!
//! Rows of one family stay together whatever the order they are written in: each family keeps a chain
//! through the rows. Label sets are written once into one arena, as the text both exposition formats
//! share (`device="sda",mode="user"`), and rows refer to them; a cleared page keeps its memory, so a
//! page that goes round allocates nothing. Exemplars stand beside the rows: few pages have any.

mod histogram;
mod repeats;
mod text;

use std::sync::Arc;

pub use self::histogram::Exemplar;
pub use self::repeats::Repeats;
use self::text::escape_into;
pub use self::text::{number, pairs, write_number};
use crate::metric::Family;

/// What a row adds to its family's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suffix {
    /// Nothing.
    None,
    /// `_bucket`; the labels have `le`.
    Bucket,
    /// `_sum`.
    Sum,
    /// `_count`.
    Count,
}

impl Suffix {
    /// As it is written behind the name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Bucket => "_bucket",
            Self::Sum => "_sum",
            Self::Count => "_count",
        }
    }
}

/// A label set of one page. Only meaningful for the page that gave it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Labels {
    start: u32,
    len: u32,
}

impl Labels {
    /// No labels.
    pub const NONE: Self = Self { start: 0, len: 0 };
}

/// A family as a page holds it: from a table, or met at run time.
#[derive(Debug, Clone)]
pub enum FamilyRef {
    /// From a `static` table.
    Table(&'static Family),
    /// Met at run time and kept by the sampler.
    Met(Arc<Family>),
}

impl FamilyRef {
    fn get(&self) -> &Family {
        match self {
            Self::Table(family) => family,
            Self::Met(family) => family,
        }
    }
}

impl From<&'static Family> for FamilyRef {
    fn from(family: &'static Family) -> Self {
        Self::Table(family)
    }
}

impl From<&Arc<Family>> for FamilyRef {
    fn from(family: &Arc<Family>) -> Self {
        Self::Met(Arc::clone(family))
    }
}

#[derive(Debug)]
struct Section {
    family: FamilyRef,
    first: u32,
    last: u32,
}

#[derive(Debug)]
struct Row {
    next: u32,
    labels: Labels,
    suffix: Suffix,
    value: f64,
}

/// The end of a chain.
const END: u32 = u32::MAX;

/// The present values of one part. See the module.
#[derive(Debug, Default)]
pub struct Page {
    sections: Vec<Section>,
    rows: Vec<Row>,
    arena: String,
    /// By the number of their row, ascending.
    exemplars: Vec<(u32, Exemplar)>,
    /// Where the last row's family stood: rows are mostly written in the same order again and again.
    cursor: usize,
}

impl Page {
    /// Forgets the values, keeps the memory.
    pub fn clear(&mut self) {
        self.sections.clear();
        self.rows.clear();
        self.arena.clear();
        self.exemplars.clear();
        self.cursor = 0;
    }

    /// Gives back what is much more room than the values need: there may be thousands of pages. A little is left, so
    /// that a page that goes round does not grow and shrink by turns.
    pub(crate) fn trim(&mut self) {
        let ample = |len: usize, capacity: usize| capacity > len + len / 2;
        let enough = |len: usize| len + len / 8;
        if ample(self.sections.len(), self.sections.capacity()) {
            self.sections.shrink_to(enough(self.sections.len()));
        }
        if ample(self.rows.len(), self.rows.capacity()) {
            self.rows.shrink_to(enough(self.rows.len()));
        }
        if ample(self.arena.len(), self.arena.capacity()) {
            self.arena.shrink_to(enough(self.arena.len()));
        }
        if ample(self.exemplars.len(), self.exemplars.capacity()) {
            self.exemplars.shrink_to(enough(self.exemplars.len()));
        }
    }

    /// Writes a label set, values escaped, for use by any number of rows. Empty values are left out, as
    /// an empty label is the same as none.
    pub fn labels(&mut self, pairs: &[(&str, &str)]) -> Labels {
        self.labels_after(Labels::NONE, pairs)
    }

    /// The same with empty values written out: for families whose labels are part of what they promise,
    /// as those of upstream's `…_info` are.
    pub fn full_labels(&mut self, pairs: &[(&str, &str)]) -> Labels {
        let start = self.arena.len();
        for (name, value) in pairs {
            self.push_pair(start, name, value);
        }
        self.labels_since(start)
    }

    /// A label set that begins with `base` and goes on with `pairs`.
    pub fn labels_after(&mut self, base: Labels, pairs: &[(&str, &str)]) -> Labels {
        let start = self.arena.len();
        if base.len > 0 {
            self.arena.extend_from_within(base.start as usize..(base.start + base.len) as usize);
        }
        for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
            self.push_pair(start, name, value);
        }
        self.labels_since(start)
    }

    fn push_pair(&mut self, start: usize, name: &str, value: &str) {
        if self.arena.len() > start {
            self.arena.push(',');
        }
        self.arena.push_str(name);
        self.arena.push_str("=\"");
        escape_into(&mut self.arena, value);
        self.arena.push('"');
    }

    fn labels_since(&self, start: usize) -> Labels {
        Labels { start: start as u32, len: (self.arena.len() - start) as u32 }
    }

    /// Writes one value. Of two with the same family and labels the first counts, once [`Repeats`] were taken out.
    pub fn set(&mut self, family: impl Into<FamilyRef>, labels: Labels, value: f64) {
        self.push(family.into(), Suffix::None, labels, value);
    }

    /// Writes one value of a summary's or histogram's parts, as another library has counted it.
    pub fn set_part(&mut self, family: impl Into<FamilyRef>, suffix: Suffix, labels: Labels, value: f64) {
        self.push(family.into(), suffix, labels, value);
    }

    fn push(&mut self, family: FamilyRef, suffix: Suffix, labels: Labels, value: f64) {
        let section = self.section(family);
        let at = self.rows.len() as u32;
        self.rows.push(Row { next: END, labels, suffix, value });
        let section = &mut self.sections[section];
        if section.first == END {
            section.first = at;
        } else {
            self.rows[section.last as usize].next = at;
        }
        section.last = at;
    }

    fn section(&mut self, family: FamilyRef) -> usize {
        let wanted: *const Family = family.get();
        let same = |section: &Section| std::ptr::eq(section.family.get(), wanted);
        let count = self.sections.len();
        // The same family again, or the one behind it, before any search.
        for guess in [self.cursor, self.cursor + 1] {
            if guess < count && same(&self.sections[guess]) {
                self.cursor = guess;
                return guess;
            }
        }
        self.cursor = self.sections.iter().position(same).unwrap_or_else(|| {
            self.sections.push(Section { family, first: END, last: END });
            count
        });
        self.cursor
    }

    /// Its families, each with its rows in the order they were written.
    pub fn families(&self) -> impl Iterator<Item = (&Family, Rows<'_>)> {
        self.sections.iter().map(|section| (section.family.get(), Rows { page: self, at: section.first }))
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// One value with its labels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample<'a> {
    /// What it adds to the family's name.
    pub suffix: Suffix,
    /// `name="value",…` with the values escaped; empty if there are none.
    pub labels: &'a str,
    /// The value.
    pub value: f64,
    /// Only beside a bucket.
    pub exemplar: Option<&'a Exemplar>,
}

/// The rows of one family.
#[derive(Debug, Clone)]
pub struct Rows<'a> {
    page: &'a Page,
    at: u32,
}

impl<'a> Iterator for Rows<'a> {
    type Item = Sample<'a>;

    fn next(&mut self) -> Option<Sample<'a>> {
        let row = self.page.rows.get(self.at as usize)?;
        let exemplar = match row.suffix {
            Suffix::Bucket => self.page.exemplar(self.at),
            Suffix::None | Suffix::Sum | Suffix::Count => None,
        };
        self.at = row.next;
        let labels =
            &self.page.arena[row.labels.start as usize..(row.labels.start + row.labels.len) as usize];
        Some(Sample { suffix: row.suffix, labels, value: row.value, exemplar })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::borrow::Cow;

    use super::*;
    use crate::metric::Kind;
    use proptest::prelude::*;

    static READS: Family = Family::counter("disk_reads_total", "Reads.");
    static WRITES: Family = Family::counter("disk_writes_total", "Writes.");

    fn rows(page: &Page) -> Vec<(String, Vec<(String, f64)>)> {
        page.families()
            .map(|(f, rows)| (f.name.to_string(), rows.map(|r| (r.labels.to_owned(), r.value)).collect()))
            .collect()
    }

    #[test]
    fn rows_written_disk_by_disk_are_read_family_by_family() {
        let mut page = Page::default();
        for disk in ["sda", "sdb"] {
            let labels = page.labels(&[("device", disk)]);
            page.set(&READS, labels, 1.0);
            page.set(&WRITES, labels, 2.0);
        }
        let both = |v| vec![("device=\"sda\"".to_owned(), v), ("device=\"sdb\"".to_owned(), v)];
        assert_eq!(
            rows(&page),
            [("disk_reads_total".to_owned(), both(1.0)), ("disk_writes_total".to_owned(), both(2.0))]
        );
    }

    #[test]
    fn a_family_met_at_run_time_is_recognised_again() {
        let met = Arc::new(Family::met("node_x".into(), Kind::Untyped, "X.".into()));
        let mut page = Page::default();
        page.set(&met, Labels::NONE, 1.0);
        page.set(&READS, Labels::NONE, 1.0);
        let labels = page.labels(&[("a", "b")]);
        page.set(&met, labels, 2.0);
        assert_eq!(rows(&page)[0].1.len(), 2);
    }

    #[test]
    fn empty_values_are_left_out_unless_the_full_set_is_asked_for() {
        let mut page = Page::default();
        let pairs = [("a", ""), ("b", "x"), ("c", "")];
        let (some, full) = (page.labels(&pairs), page.full_labels(&pairs));
        page.set(&READS, some, 1.0);
        page.set(&READS, full, 1.0);
        let rows: Vec<&str> = page.families().flat_map(|(_, rows)| rows).map(|row| row.labels).collect();
        assert_eq!(rows, ["b=\"x\"", "a=\"\",b=\"x\",c=\"\""]);
    }

    #[test]
    fn a_trimmed_page_has_little_more_room_than_it_needs_and_grows_no_more() {
        let rooms = |page: &Page| [page.sections.capacity(), page.rows.capacity(), page.arena.capacity()];
        let fill = |page: &mut Page| {
            for number in 0..1_100 {
                let labels = page.labels(&[("n", &number.to_string())]);
                page.set(&READS, labels, 1.0);
                page.set(&WRITES, labels, 1.0);
            }
        };
        let mut page = Page::default();
        fill(&mut page);
        let before = rows(&page);
        page.trim();
        assert_eq!(rows(&page), before);
        assert!(page.rows.capacity() <= page.rows.len() * 9 / 8);
        assert!(page.arena.capacity() <= page.arena.len() * 9 / 8);
        let trimmed = rooms(&page);
        for _ in 0..2 {
            page.clear();
            fill(&mut page);
            page.trim();
            assert_eq!(rooms(&page), trimmed);
        }
    }

    #[test]
    fn numbers_are_written_as_go_reads_them() {
        assert_eq!(number(1.0), "1");
        assert_eq!(number(-0.5), "-0.5");
        assert_eq!(number(f64::INFINITY), "+Inf");
        assert_eq!(number(f64::NAN), "NaN");
        assert_eq!(number(1e300), "1e300");
    }

    proptest! {
        #[test]
        fn label_values_survive_being_written_and_read(value in "\\PC{1,12}|[\\\\\"\n]{1,6}", other in "[a-z\\\\\",]{1,5}") {
            let mut page = Page::default();
            let labels = page.labels(&[("a", &value), ("b", &other)]);
            page.set(&READS, labels, 0.0);
            let (_, mut rows) = page.families().next().unwrap();
            let read: Vec<(&str, Cow<'_, str>)> = pairs(rows.next().unwrap().labels).collect();
            prop_assert_eq!(read, vec![("a", value.into()), ("b", other.into())]);
        }

        #[test]
        fn any_number_is_read_back_exactly(value in any::<f64>()) {
            let read: f64 = number(value).replace("Inf", "inf").parse().unwrap();
            prop_assert!(read == value || (read.is_nan() && value.is_nan()));
        }
    }
}
