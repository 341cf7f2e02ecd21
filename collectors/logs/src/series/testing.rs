//! Records and pages, as the tests of metrics want them.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use vigie_pipeline::instruments::Instruments;
use vigie_pipeline::otlp::attributes::{field::LOG, put_double, put_int, put_str};
use vigie_pipeline::page::{Page, number};

use super::{Metric, Series, Sighting};
use crate::condition::Subject;
use crate::config::Config;
use crate::fields::Fields;
use crate::transforms::Reading;

/// A record with these fields; numbers become such.
pub(super) fn fields(pairs: &[(&str, &str)]) -> Fields {
    let mut fields = Fields::default();
    for (key, text) in pairs {
        if let Ok(number) = text.parse::<i64>() {
            put_int(&mut fields.attributes, LOG, key, number);
        } else if let Ok(number) = text.parse::<f64>() {
            put_double(&mut fields.attributes, LOG, key, number);
        } else {
            put_str(&mut fields.attributes, LOG, key, text);
        }
    }
    fields
}

/// The metrics of a source called `app`.
pub(super) struct Bench {
    pub(super) series: Series,
    instruments: Instruments,
    start: Instant,
}

impl Bench {
    /// Of what the configuration says, as JSON.
    pub(super) fn new(metrics: &str) -> Self {
        let metrics: Vec<Metric> = serde_json::from_str(metrics).unwrap();
        let config = Config { name: "app".to_owned(), metrics, ..Config::default() };
        let (instruments, start) = (Instruments::default(), Instant::now());
        let series = Series::new(&config, &instruments, str::to_owned).unwrap().unwrap();
        Self { series, instruments, start }
    }

    /// Counts a record after so many seconds.
    pub(super) fn record_at(&mut self, seconds: u64, fields: &Fields) {
        let now = self.start + Duration::from_secs(seconds);
        let at = Reading { now, observed: seconds * 1_000_000_000, place: 0 };
        self.series.count(&Sighting { fields, subject: Subject::of(fields, ""), span_id: None }, &at);
    }

    pub(super) fn record(&mut self, pairs: &[(&str, &str)]) {
        self.record_at(0, &fields(pairs));
    }

    /// A line without fields.
    pub(super) fn line(&mut self, line: &str) {
        let at = Reading { now: self.start, observed: 0, place: 0 };
        let fields = &Fields::default();
        self.series.count(&Sighting { fields, subject: Subject::of(fields, line), span_id: None }, &at);
    }

    pub(super) fn page(&mut self, seconds: u64) -> Page {
        let mut page = Page::default();
        self.series.write(&mut page, self.start + Duration::from_secs(seconds));
        page
    }

    /// The series, without the label `source` that all have, and without buckets.
    pub(super) fn told_at(&mut self, seconds: u64) -> Vec<String> {
        rows(&self.page(seconds)).into_iter().filter(|row| !row.contains("_bucket")).collect()
    }

    pub(super) fn told(&mut self) -> Vec<String> {
        self.told_at(0)
    }

    /// What the agent counts of metrics, where it is not 0.
    pub(super) fn own(&self) -> Vec<String> {
        let mut page = Page::default();
        self.instruments.write(&mut page);
        rows(&page).into_iter().filter(|row| !row.ends_with(" 0")).collect()
    }
}

fn rows(page: &Page) -> Vec<String> {
    let mut told = Vec::new();
    for (family, rows) in page.families() {
        for row in rows {
            let labels: Vec<&str> = row.labels.split(',').filter(|pair| *pair != "source=\"app\"").collect();
            let (name, suffix) = (&family.name, row.suffix.as_str());
            told.push(
                format!("{name}{suffix}{{{}}} {}", labels.join(","), number(row.value)).replace("{}", ""),
            );
        }
    }
    told
}
