//! What the tables are made of.

use vigie_pipeline::page::pairs;

use crate::otlp::metrics::encode::{Data, Head};

/// Keys and their values.
pub(super) type Attributes = &'static [(&'static str, &'static str)];

/// A metric of the conventions.
#[derive(Debug)]
pub(super) struct Convention {
    pub(super) name: &'static str,
    unit: &'static str,
    description: &'static str,
    data: Data,
    whole: bool,
    /// What its points are made of.
    pub(super) sources: &'static [Source],
}

/// One way to make points: a family, each series of which is one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source {
    /// The value, or what it begins with.
    pub(super) family: &'static str,
    /// What is subtracted from it, of the same labels.
    pub(super) less: &'static [&'static str],
    /// What it is then divided by, of the same labels.
    pub(super) whole: Option<&'static str>,
    /// Whether the value is a time, and the point how long ago that was.
    pub(super) age: bool,
    /// Not where this family is there: another source is better then.
    pub(super) unless: Option<&'static str>,
    /// Attributes of each point.
    pub(super) attributes: Attributes,
    /// What becomes of the labels; one that is not named here is an attribute of its own name.
    pub(super) labels: &'static [(&'static str, As)],
    pub(super) mode: Option<Mode>,
}

/// What becomes of a label.
#[derive(Debug, Clone, Copy)]
pub(super) enum As {
    /// An attribute with that key.
    Text(&'static str),
    /// An attribute with that key, a whole number.
    Whole(&'static str),
    /// An attribute with that key, where some values have other names.
    Renamed(&'static str, &'static [(&'static str, &'static str)]),
    /// The same; series with other values than these are not this metric's.
    OneOf(&'static str, &'static [(&'static str, &'static str)]),
    /// Nothing: series with that value are this metric's, whose name says it.
    Is(&'static str),
}

/// An attribute that the value of a second family says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mode {
    pub(super) family: &'static str,
    pub(super) key: &'static str,
    /// What it is where the value is 0.
    pub(super) zero: &'static str,
    /// What it is else.
    pub(super) other: &'static str,
}

const fn convention(
    name: &'static str,
    unit: &'static str,
    data: Data,
    description: &'static str,
    sources: &'static [Source],
) -> Convention {
    Convention { name, unit, description, data, whole: false, sources }
}

/// A monotonic sum.
pub(super) const fn counter(
    name: &'static str,
    unit: &'static str,
    description: &'static str,
    sources: &'static [Source],
) -> Convention {
    convention(name, unit, Data::Sum { monotonic: true }, description, sources)
}

/// A sum that goes up and down: it makes sense to add its points up.
pub(super) const fn up_down(
    name: &'static str,
    unit: &'static str,
    description: &'static str,
    sources: &'static [Source],
) -> Convention {
    convention(name, unit, Data::Sum { monotonic: false }, description, sources)
}

/// A value that it makes no sense to add up.
pub(super) const fn gauge(
    name: &'static str,
    unit: &'static str,
    description: &'static str,
    sources: &'static [Source],
) -> Convention {
    convention(name, unit, Data::Gauge, description, sources)
}

impl Convention {
    /// With values that are whole numbers.
    pub(super) const fn whole(mut self) -> Self {
        self.whole = true;
        self
    }

    pub(super) fn head(&self) -> Head<'static> {
        let Self { name, unit, description, data, whole, .. } = *self;
        Head { name, description, unit, data, whole }
    }
}

/// Each series of `family`.
pub(super) const fn of(family: &'static str) -> Source {
    Source {
        family,
        less: &[],
        whole: None,
        age: false,
        unless: None,
        attributes: &[],
        labels: &[],
        mode: None,
    }
}

impl Source {
    /// Less these.
    pub(super) const fn less(mut self, families: &'static [&'static str]) -> Self {
        self.less = families;
        self
    }

    /// As a share of this.
    pub(super) const fn share_of(mut self, family: &'static str) -> Self {
        self.whole = Some(family);
        self
    }

    /// How long ago it was.
    pub(super) const fn age(mut self) -> Self {
        self.age = true;
        self
    }

    /// Only where this is not there.
    pub(super) const fn unless(mut self, family: &'static str) -> Self {
        self.unless = Some(family);
        self
    }

    /// With these attributes.
    pub(super) const fn with(mut self, attributes: Attributes) -> Self {
        self.attributes = attributes;
        self
    }

    /// With this becoming of its labels.
    pub(super) const fn labels(mut self, labels: &'static [(&'static str, As)]) -> Self {
        self.labels = labels;
        self
    }

    /// With an attribute that another family says.
    pub(super) const fn mode(mut self, mode: Mode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// The families without which there is no point.
    pub(super) fn needs(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.family).chain(self.less.iter().copied()).chain(self.whole)
    }

    /// All families it reads.
    pub(super) fn families(&self) -> impl Iterator<Item = &'static str> {
        self.needs().chain(self.mode.map(|mode| mode.family))
    }

    pub(super) fn label(&self, name: &str) -> Option<As> {
        self.labels.iter().find(|(label, _)| *label == name).map(|(_, becomes)| *becomes)
    }

    /// Whether the series with these labels is one of the metric's.
    pub(super) fn matches(&self, labels: &str) -> bool {
        self.labels.iter().all(|(label, becomes)| {
            let value = || pairs(labels).find(|(name, _)| name == label).map(|(_, value)| value);
            match becomes {
                As::Text(_) | As::Whole(_) | As::Renamed(..) => true,
                As::Is(wanted) => value().is_some_and(|value| value == *wanted),
                As::OneOf(_, known) => {
                    value().is_some_and(|value| known.iter().any(|(ours, _)| *ours == value))
                }
            }
        })
    }
}
