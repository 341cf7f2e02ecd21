//! OpenTelemetry's semantic conventions: which of the series are which of its metrics.
//!
//! The tables are data: a [`Convention`] is a metric with its unit and instrument, and [`Source`]s say of
//! which families, under which labels, its points are made. A source that lacks one of its families, or a
//! series its counterpart, makes no point, and then those that are there keep their own names: what is
//! read is always sent.
//!
//! Names are of version 1.44 of the conventions. Where those say nothing and the Collector's receiver
//! `hostmetrics` has a name, it is that name.

mod container;
mod cpu;
mod disk;
mod filesystem;
mod memory;
mod network;
mod process;
mod table;

use std::collections::HashMap;
use std::sync::LazyLock;

use vigie_pipeline::otlp::attributes::{field, put_int, put_str};
use vigie_pipeline::page::pairs;

use super::encode::{Metric, Point};
use super::families::{Families, Lookup};
use table::{As, Convention, Source};

/// All tables.
static TABLES: [&[Convention]; 7] = [
    cpu::CONVENTIONS,
    memory::CONVENTIONS,
    disk::CONVENTIONS,
    filesystem::CONVENTIONS,
    network::CONVENTIONS,
    process::CONVENTIONS,
    container::CONVENTIONS,
];

/// The sources that say all of a family's value, by the family. A share of a whole does not say it.
static TELLING: LazyLock<HashMap<&'static str, Vec<&'static Source>>> = LazyLock::new(|| {
    let mut telling: HashMap<_, Vec<_>> = HashMap::new();
    let sources = TABLES.iter().copied().flatten().flat_map(|convention| convention.sources);
    for source in sources.filter(|source| source.whole.is_none()) {
        for family in source.families() {
            telling.entry(family).or_default().push(source);
        }
    }
    telling
});

/// What the tables make of the present values.
#[derive(Clone, Copy)]
pub(super) struct Conventions<'s, 'a> {
    families: &'s Families<'a>,
    /// Seconds since the epoch.
    now: f64,
}

impl<'s, 'a> Conventions<'s, 'a> {
    /// `now` in nanoseconds since the epoch.
    pub(super) fn over(families: &'s Families<'a>, now: u64) -> Self {
        Self { families, now: now as f64 / 1e9 }
    }

    /// The metrics that there are values for.
    pub(super) fn metrics(self) -> impl Iterator<Item = Metric<'s>> {
        let conventions = TABLES.iter().copied().flatten();
        conventions.flat_map(move |convention| {
            let sources = convention.sources.iter();
            let readings =
                sources.filter_map(move |source| Reader::new(source, self)).flat_map(move |reader| {
                    let mut reader = reader;
                    let samples = self.families.named(reader.source.family);
                    samples.filter_map(move |sample| reader.at(sample.labels))
                });
            convention.head().over(readings.map(Point::Reading))
        })
    }

    /// Which series of a family are told by what [`Conventions::metrics`] yields.
    pub(super) fn told(self, family: &str) -> Told<'s, 'a> {
        let sources = TELLING.get(family).into_iter().flatten();
        Told(sources.filter_map(|source| Reader::new(source, self)).collect())
    }
}

/// See [`Conventions::told`].
pub(super) struct Told<'s, 'a>(Vec<Reader<'s, 'a>>);

impl Told<'_, '_> {
    pub(super) fn at(&mut self, labels: &str) -> bool {
        self.0.iter_mut().any(|reader| reader.at(labels).is_some())
    }
}

/// A value that a source makes, and the labels it was made under.
pub(super) struct Reading<'a> {
    pub(super) value: f64,
    labels: &'a str,
    /// The attribute that another family's value says.
    mode: Option<(&'static str, &'static str)>,
    source: &'static Source,
}

/// Follows one source through the families that it reads.
struct Reader<'s, 'a> {
    source: &'static Source,
    now: f64,
    value: Lookup<'s, 'a>,
    less: Vec<Lookup<'s, 'a>>,
    whole: Option<Lookup<'s, 'a>>,
    mode: Option<Lookup<'s, 'a>>,
}

impl<'s, 'a> Reader<'s, 'a> {
    /// `None` if there can be no value.
    fn new(source: &'static Source, over: Conventions<'s, 'a>) -> Option<Self> {
        let Conventions { families, now } = over;
        let lookup = |family: &'static str| Lookup::new(families.named(family));
        let there = source.needs().all(|family| families.has(family));
        let better = source.unless.is_some_and(|family| families.has(family));
        (there && !better).then(|| Self {
            source,
            now,
            value: lookup(source.family),
            less: source.less.iter().map(|family| lookup(family)).collect(),
            whole: source.whole.map(lookup),
            mode: source.mode.map(|mode| lookup(mode.family)),
        })
    }

    /// What the source makes of the series with these labels.
    fn at<'l>(&mut self, labels: &'l str) -> Option<Reading<'l>> {
        if !self.source.matches(labels) {
            return None;
        }
        let mut value = self.value.at(labels)?;
        for less in &mut self.less {
            value -= less.at(labels)?;
        }
        if self.source.age {
            value = self.now - value;
        }
        if self.source.age || !self.source.less.is_empty() {
            // The kernel does not write all of them at one moment.
            value = value.max(0.0);
        }
        if let Some(whole) = &mut self.whole {
            value /= whole.at(labels).filter(|whole| *whole > 0.0)?;
        }
        let mode = self.source.mode.and_then(|mode| {
            let value = self.mode.as_mut()?.at(labels)?;
            Some((mode.key, if value == 0.0 { mode.zero } else { mode.other }))
        });
        Some(Reading { value, labels, mode, source: self.source })
    }
}

impl Reading<'_> {
    /// `NumberDataPoint.attributes`
    pub(super) fn attributes(&self, out: &mut Vec<u8>) {
        for (key, value) in self.source.attributes.iter().copied().chain(self.mode) {
            put_str(out, field::NUMBER, key, value);
        }
        for (name, value) in pairs(self.labels) {
            match self.source.label(name) {
                None => put_str(out, field::NUMBER, name, &value),
                Some(As::Is(_)) => {}
                Some(As::Text(key)) => put_str(out, field::NUMBER, key, &value),
                Some(As::Whole(key)) => match value.parse() {
                    Ok(whole) => put_int(out, field::NUMBER, key, whole),
                    Err(_) => put_str(out, field::NUMBER, key, &value),
                },
                Some(As::Renamed(key, values) | As::OneOf(key, values)) => {
                    let other = values.iter().find(|(ours, _)| *ours == value).map(|(_, theirs)| *theirs);
                    put_str(out, field::NUMBER, key, other.unwrap_or(&value));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
