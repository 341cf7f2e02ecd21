//! What a metric is: its name, type and help, told once in a table.

use std::borrow::Cow;

/// The type of a family, as `# TYPE` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, or starts again from 0.
    Counter,
    /// Goes up and down.
    Gauge,
    /// `_bucket`, `_sum` and `_count` rows.
    Histogram,
    /// `{quantile=}`, `_sum` and `_count` rows.
    Summary,
    /// Not known: `untyped` in text 0.0.4, `unknown` in OpenMetrics.
    Untyped,
}

/// One family of series. Families live in `static` tables beside the code that fills them, or, where the
/// kernel makes up the names, in an `Arc` that the sampler keeps from one scrape to the next: a page
/// recognises a family by its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// The name of its samples, `_total` included for counters.
    pub name: Cow<'static, str>,
    /// What `# TYPE` says.
    pub kind: Kind,
    /// What `# HELP` says; upstream's words where the name is upstream's.
    pub help: Cow<'static, str>,
}

impl Family {
    /// A counter.
    #[must_use]
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Counter, help)
    }

    /// A gauge.
    #[must_use]
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Gauge, help)
    }

    /// A histogram.
    #[must_use]
    pub const fn histogram(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Histogram, help)
    }

    /// A family whose type is not known.
    #[must_use]
    pub const fn untyped(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Untyped, help)
    }

    const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), kind, help: Cow::Borrowed(help) }
    }

    /// A family whose name was met at run time.
    #[must_use]
    pub fn met(name: String, kind: Kind, help: String) -> Self {
        Self { name: Cow::Owned(name), kind, help: Cow::Owned(help) }
    }
}
