//! Counters, gauges and histograms that the configuration describes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus::IntCounter;
use vigie_pipeline::metric::{Family, Kind};
use vigie_pipeline::page::Page;
use vigie_pipeline::units::HumanDuration;

use super::config::{Counter, Gauge, Histogram as HistogramConfig, Metric};
use super::histogram::{Bounds, Histogram};
use super::labels::LabelFields;
use super::meters::Flaws;
use super::number::{Flaw, number};
use super::table::{Found, Table};
use super::{Sighting, Tools};
use crate::condition::{Condition, Matcher};
use crate::transforms::Reading;

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Custom {
    /// What it is for users: as long as that is the same, it is the same metric.
    definition: Metric,
    family: Arc<Family>,
    /// Which records it is about; all if there is none.
    when: Option<Matcher>,
    labels: LabelFields,
    values: Values,
    scratch: String,
    overflow: IntCounter,
    flaws: Flaws,
}

#[derive(Debug, Clone)]
enum Values {
    /// What is added: 1, or a field.
    Sum(Option<String>, Table<f64>),
    Last(String, Table<f64>),
    Spread(String, Bounds, Table<Histogram>),
}

fn expiry(expire: HumanDuration) -> Option<Duration> {
    Some(expire.0).filter(|expire| !expire.is_zero())
}

fn family(kind: Kind, name: &str, help: &str, otherwise: &str) -> Family {
    let help = if help.is_empty() { otherwise } else { help };
    Family::met(name.to_owned(), kind, help.to_owned())
}

impl Custom {
    fn new(
        definition: Metric,
        family: Family,
        when: Option<&Condition>,
        labels: LabelFields,
        values: Values,
        tools: &Tools<'_>,
    ) -> Result<Self, regex::Error> {
        let (overflow, flaws) = (tools.meters.overflow(&family.name), tools.meters.flaws(&family.name));
        let when = when
            .map(Matcher::new)
            .transpose()?
            .map(|when| when.with_names(|name| (tools.resolved)(name).into()));
        let (family, scratch) = (Arc::new(family), String::new());
        Ok(Self { definition, family, when, labels, values, scratch, overflow, flaws })
    }

    pub(super) fn counter(config: &Counter, tools: &Tools<'_>) -> Result<Self, regex::Error> {
        let Counter { name, help, max_series, expire, .. } = config;
        let mut labels = LabelFields::new(&config.labels, tools);
        let mut table = Table::new(labels.len(), *max_series, expiry(*expire));
        for values in &config.start {
            table.start(labels.given(values), 0.0);
        }
        if labels.len() == 0 {
            table.start(labels.begin(), 0.0);
        }
        let family = family(Kind::Counter, name, help, "Counted in log records.");
        let values = Values::Sum(config.add.as_deref().map(tools.resolved), table);
        let definition = Metric { counter: Some(config.definition()), ..Metric::default() };
        Self::new(definition, family, config.when.as_ref(), labels, values, tools)
    }

    pub(super) fn gauge(config: &Gauge, tools: &Tools<'_>) -> Result<Self, regex::Error> {
        let Gauge { name, help, field, max_series, expire, .. } = config;
        let labels = LabelFields::new(&config.labels, tools);
        let table = Table::new(labels.len(), *max_series, expiry(*expire));
        let family = family(Kind::Gauge, name, help, "The last value in log records.");
        let values = Values::Last((tools.resolved)(field), table);
        let definition = Metric { gauge: Some(config.definition()), ..Metric::default() };
        Self::new(definition, family, config.when.as_ref(), labels, values, tools)
    }

    pub(super) fn histogram(config: &HistogramConfig, tools: &Tools<'_>) -> Result<Self, regex::Error> {
        let HistogramConfig { name, help, field, max_series, expire, .. } = config;
        let mut labels = LabelFields::new(&config.labels, tools);
        let mut table = Table::new(labels.len(), *max_series, expiry(*expire));
        if labels.len() == 0 {
            table.start(labels.begin(), Histogram::default());
        }
        let bounds =
            config.exponential.map_or_else(|| config.buckets.clone(), |exponential| exponential.bounds());
        let values = Values::Spread((tools.resolved)(field), bounds.into(), table);
        let family = family(Kind::Histogram, name, help, "Observed in log records.");
        let definition = Metric { histogram: Some(config.definition()), ..Metric::default() };
        Self::new(definition, family, config.when.as_ref(), labels, values, tools)
    }

    /// Whether `other` counts the same in the same way.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.definition == other.definition
    }

    /// Goes on with the series of the same metric that was there `before`.
    pub(super) fn adopt(&mut self, before: Self) {
        match (&mut self.values, before.values) {
            (Values::Sum(_, own), Values::Sum(_, before))
            | (Values::Last(_, own), Values::Last(_, before)) => {
                own.adopt(before);
            }
            (Values::Spread(.., own), Values::Spread(.., before)) => own.adopt(before),
            _ => {}
        }
    }

    /// Counts a record. Whether anything has changed.
    pub(super) fn count(&mut self, seen: &Sighting<'_>, at: &Reading) -> bool {
        if let Some(when) = &self.when
            && !when.holds(&seen.subject, &mut self.scratch)
        {
            return false;
        }
        let field = match &self.values {
            Values::Sum(field, _) => field.as_ref(),
            Values::Last(field, _) | Values::Spread(field, ..) => Some(field),
        };
        let value = match field.map(|field| seen.value(field)) {
            None => 1.0,
            Some(None) => {
                // Without a condition, it is about records that have the field.
                if self.when.is_some() {
                    self.flaws.count(Flaw::Missing);
                }
                return false;
            }
            Some(Some(value)) => match number(&value) {
                Ok(number) if number < 0.0 && matches!(self.values, Values::Sum(..)) => {
                    self.flaws.count(Flaw::Negative);
                    return false;
                }
                Ok(number) => number,
                Err(flaw) => {
                    self.flaws.count(flaw);
                    return false;
                }
            },
        };
        self.labels.begin();
        let key = self.labels.finish(seen);
        let is_other = match &mut self.values {
            Values::Sum(_, table) => put(table.of(key, at.now, || 0.0), |sum| *sum += value),
            Values::Last(_, table) => put(table.of(key, at.now, || 0.0), |last| *last = value),
            Values::Spread(_, bounds, table) => {
                let exemplar = seen.exemplar(value, at);
                let observe = |spread: &mut Histogram| spread.observe(bounds, value, exemplar, at.now);
                put(table.of(key, at.now, Histogram::default), observe)
            }
        };
        if is_other {
            self.overflow.inc();
        }
        true
    }

    /// When a series might leave.
    pub(super) fn due(&self) -> Option<Instant> {
        match &self.values {
            Values::Sum(_, table) | Values::Last(_, table) => table.due(),
            Values::Spread(_, _, table) => table.due(),
        }
    }

    /// Lets go of what is too old. Whether there was such a series.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        match &mut self.values {
            Values::Sum(_, table) | Values::Last(_, table) => table.expire(now),
            Values::Spread(_, _, table) => table.expire(now),
        }
    }

    pub(super) fn write(&self, source: &str, page: &mut Page) {
        match &self.values {
            Values::Sum(_, table) | Values::Last(_, table) => table.each(|values, value| {
                let labels = self.labels.write(source, &[], values, page);
                page.set(&self.family, labels, *value);
            }),
            Values::Spread(_, bounds, table) => table.each(|values, spread| {
                let labels = self.labels.write(source, &[], values, page);
                spread.write(bounds, page, &self.family, labels);
            }),
        }
    }
}

/// Whether it was the series for what has none of its own.
fn put<V>(found: Found<'_, V>, change: impl FnOnce(&mut V)) -> bool {
    match found {
        Found::Own(value) => {
            change(value);
            false
        }
        Found::Other(value) => {
            change(value);
            true
        }
    }
}

#[cfg(test)]
mod tests;
