//! Series made from log records.
//!
//! A metric sees what was kept and redacted, before transforms. It is counted where records are made, on the thread
//! that reads files, and written into a page when that is published: at most once a second, and at the start, so that
//! zeros are there from the first scrape on. Every series has the label `source`, so that sources may share a family.
//!
//! A metric is bounded by the number of its series ([`table`]); what gives no number, and what has no series of its
//! own, is counted ([`meters`]).

mod buckets;
mod clashes;
mod config;
mod custom;
mod histogram;
pub(crate) mod http;
mod labels;
mod meters;
mod names;
pub(crate) mod number;
mod security;
pub(crate) mod table;
#[cfg(test)]
mod testing;

use std::time::Instant;

use vigie_pipeline::instruments::Instruments;
use vigie_pipeline::otlp::view::Value;
use vigie_pipeline::page::{Exemplar, Page};
use vigie_pipeline::plug::Error;

pub use buckets::Exponential;
pub use clashes::check as check_clashes;
pub use config::{Counter, Gauge, Histogram, Metric, Security};
pub use http::Http;

use crate::condition::Subject;
use crate::config::Config;
use crate::fields::Fields;
use crate::transforms::Reading;
use custom::Custom;
use http::{Request, Requests, Templates};
use meters::Meters;

/// What metrics are made with.
struct Tools<'t> {
    meters: Meters,
    /// What a field is called that the format has another name for.
    resolved: &'t dyn Fn(&str) -> String,
}

/// A record as metrics see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sighting<'a> {
    pub(crate) fields: &'a Fields,
    /// With its line, and the attributes of its file.
    pub(crate) subject: Subject<'a>,
    /// The span that is made from it.
    pub(crate) span_id: Option<[u8; 8]>,
}

impl<'a> Sighting<'a> {
    /// The field of this name, if there is something in it.
    pub(crate) fn value(&self, name: &str) -> Option<Value<'a>> {
        self.subject.get(name)
    }

    /// The trace of the record, for a measured value.
    fn exemplar(&self, value: f64, at: &Reading) -> Option<Exemplar> {
        let time = if self.fields.time == 0 { at.observed } else { self.fields.time };
        let span_id = self.span_id.or(self.fields.span_id).unwrap_or_default();
        Some(Exemplar { trace_id: self.fields.trace_id?, span_id, value, at: time })
    }
}

/// All metrics of a source.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    source: String,
    http: Option<Box<Requests>>,
    security: Option<Box<security::Security>>,
    custom: Vec<Custom>,
    /// Whether something has changed since it was written.
    changed: bool,
}

impl Series {
    /// `None` if there is no metric.
    /// `resolved` is what the fields are called that the format has other names for.
    pub(crate) fn new(
        config: &Config,
        instruments: &Instruments,
        resolved: impl Fn(&str) -> String,
    ) -> Result<Option<Self>, Error> {
        if config.metrics.is_empty() {
            return Ok(None);
        }
        let (source, metrics) = (config.name.as_str(), &config.metrics);
        let tools = Tools { meters: Meters::new(instruments, source), resolved: &resolved };
        let mut series =
            Self { source: source.to_owned(), http: None, security: None, custom: Vec::new(), changed: true };
        for metric in metrics {
            if let Some(http) = &metric.http {
                let templates = Templates::new(&http.routes)
                    .map_err(|(number, error)| format!("routes[{number}]: {error}"))?;
                series.http = Some(Box::new(Requests::new(http, templates, &tools)));
            }
            if metric.security.is_some() {
                series.security = Some(Box::new(security::Security::new()));
            }
            let counter = metric.counter.as_ref().map(|counter| Custom::counter(counter, &tools));
            let gauge = metric.gauge.as_ref().map(|gauge| Custom::gauge(gauge, &tools));
            let histogram = metric.histogram.as_ref().map(|histogram| Custom::histogram(histogram, &tools));
            for custom in [counter, gauge, histogram].into_iter().flatten() {
                series.custom.push(custom?);
            }
        }
        Ok(Some(series))
    }

    /// Goes on with the series that there were `before`, as far as their metrics are defined as they were. Where
    /// only the rest of a source changes, nothing begins at 0 again.
    pub(crate) fn adopt(&mut self, before: Self) {
        if let (Some(own), Some(before)) = (&mut self.http, before.http) {
            own.adopt(*before);
        }
        if let (Some(own), Some(before)) = (&mut self.security, before.security) {
            *own = before;
        }
        for before in before.custom {
            if let Some(own) = self.custom.iter_mut().find(|own| own.is_same(&before)) {
                own.adopt(before);
            }
        }
    }

    /// Counts a record.
    pub(crate) fn count(&mut self, seen: &Sighting<'_>, at: &Reading) {
        if self.http.is_some() || self.security.is_some() {
            let request = match &self.security {
                Some(_) => Request::of(seen.fields),
                None => Request::counted_by(seen.fields),
            };
            if let (Some(http), Some(request)) = (&mut self.http, &request) {
                http.count(request, seen, at);
                self.changed = true;
            }
            if let Some(security) = &mut self.security {
                self.changed |= security.count(request.as_ref(), seen, at);
            }
        }
        for custom in &mut self.custom {
            self.changed |= custom.count(seen, at);
        }
    }

    /// Whether something has changed since it was written.
    pub(crate) fn has_changed(&self) -> bool {
        self.changed
    }

    /// When a series might leave.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.custom.iter().filter_map(Custom::due).min()
    }

    /// Writes all series, without those that are too old.
    pub(crate) fn write(&mut self, page: &mut Page, now: Instant) {
        for custom in &mut self.custom {
            custom.expire(now);
            custom.write(&self.source, page);
        }
        if let Some(http) = &self.http {
            http.write(&self.source, page);
        }
        if let Some(security) = &self.security {
            security.write(&self.source, page);
        }
        self.changed = false;
    }
}
