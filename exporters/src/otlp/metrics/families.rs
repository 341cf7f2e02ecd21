//! What was published, by family: one that several parts publish is still one.

use std::slice::Iter;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Rows, Sample};
use vigie_pipeline::snapshot::Published;

type Section<'a> = (&'a Family, Rows<'a>);

/// All families, in the order of their names.
pub(super) struct Families<'a>(Vec<Section<'a>>);

impl<'a> Families<'a> {
    pub(super) fn of(published: &'a [Published]) -> Self {
        let mut sections: Vec<_> = published.iter().flat_map(|published| published.page.families()).collect();
        sections.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        Self(sections)
    }

    /// The samples of a family; none if it is not there.
    pub(super) fn named(&self, name: &str) -> Samples<'_, 'a> {
        let start = self.0.partition_point(|(family, _)| *family.name < *name);
        let after = self.0[start..].partition_point(|(family, _)| *family.name == *name);
        Samples::new(&self.0[start..start + after])
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.binary_search_by(|(family, _)| (*family.name).cmp(name)).is_ok()
    }

    /// Each family with its samples.
    pub(super) fn each(&self) -> impl Iterator<Item = (&'a Family, Samples<'_, 'a>)> {
        self.0.chunk_by(|(a, _), (b, _)| a.name == b.name).map(|same| (same[0].0, Samples::new(same)))
    }
}

/// The samples of one family, part after part.
#[derive(Debug, Clone)]
pub(super) struct Samples<'s, 'a> {
    rows: Option<Rows<'a>>,
    others: Iter<'s, Section<'a>>,
}

impl<'s, 'a> Samples<'s, 'a> {
    fn new(sections: &'s [Section<'a>]) -> Self {
        Self { rows: None, others: sections.iter() }
    }
}

impl<'a> Iterator for Samples<'_, 'a> {
    type Item = Sample<'a>;

    fn next(&mut self) -> Option<Sample<'a>> {
        loop {
            if let Some(sample) = self.rows.as_mut().and_then(Iterator::next) {
                return Some(sample);
            }
            self.rows = Some(self.others.next()?.1.clone());
        }
    }
}

/// Values of a family, asked for by their labels. Families of one part mostly have their rows in one order,
/// so it looks on from where it found the last one before it begins again.
pub(super) struct Lookup<'s, 'a> {
    all: Samples<'s, 'a>,
    next: Samples<'s, 'a>,
}

impl<'s, 'a> Lookup<'s, 'a> {
    pub(super) fn new(samples: Samples<'s, 'a>) -> Self {
        Self { next: samples.clone(), all: samples }
    }

    /// The value at exactly these labels.
    pub(super) fn at(&mut self, labels: &str) -> Option<f64> {
        let found = self.next.find(|sample| sample.labels == labels).or_else(|| {
            self.next = self.all.clone();
            self.next.find(|sample| sample.labels == labels)
        })?;
        Some(found.value)
    }
}
