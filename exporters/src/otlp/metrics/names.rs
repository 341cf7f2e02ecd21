//! Under which names the snapshot's values go out.

use vigie_pipeline::metric::{Family, Kind};
use vigie_pipeline::page::Sample;

use super::encode::{Head, Metric, Point};
use super::families::Families;
use super::parts::Parts;
use super::semconv::Conventions;

/// Every value under the name that a scrape shows.
pub(super) fn prometheus<'s>(families: &'s Families<'_>) -> impl Iterator<Item = Metric<'s>> {
    families.each().flat_map(|(family, samples)| as_it_is(family, samples))
}

/// Values under the names of OpenTelemetry's semantic conventions, and under their own where those have
/// none. Nothing goes out under both.
pub(super) fn otel<'s>(families: &'s Families<'_>, now: u64) -> impl Iterator<Item = Metric<'s>> {
    let conventions = Conventions::over(families, now);
    let rest = families.each().flat_map(move |(family, samples)| {
        let mut told = conventions.told(&family.name);
        as_it_is(family, samples.filter(move |sample| !told.at(sample.labels)))
    });
    conventions.metrics().chain(rest)
}

fn as_it_is<'a>(
    family: &'a Family,
    samples: impl Iterator<Item = Sample<'a>>,
) -> impl Iterator<Item = Metric<'a>> {
    let (numbers, parts) = match family.kind {
        Kind::Histogram => (None, Some(Parts::put_together(samples, "le"))),
        Kind::Summary => (None, Some(Parts::put_together(samples, "quantile"))),
        Kind::Counter | Kind::Gauge | Kind::Untyped => (Some(samples), None),
    };
    let number = |sample: Sample<'a>| Point::Number { value: sample.value, labels: sample.labels };
    let numbers = numbers.into_iter().flatten().map(number);
    Head::of(family).over(numbers.chain(parts.into_iter().flatten().map(Point::Parts)))
}
