//! The agent's own instruments, on the prometheus crate.
//!
//! They outlive the parts that use them: asking again under the same name gives the same instrument, so
//! that a part that is built a second time counts on.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use prometheus::core::Collector;
use prometheus::proto::{MetricFamily, MetricType};
use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry};

use crate::metric::{Family, Kind};
use crate::page::{Page, Suffix};

/// All of them. Cheap to clone.
#[derive(Clone, Default)]
pub struct Instruments(Arc<Inner>);

#[derive(Default)]
struct Inner {
    registry: Registry,
    known: Mutex<HashMap<&'static str, Box<dyn Any + Send>>>,
    families: Mutex<HashMap<String, Arc<Family>>>,
    /// Held shared by whoever takes a [`Step`], alone by whoever reads all values.
    steps: RwLock<()>,
}

/// A change of several instruments that belongs together: no page shows one without the others.
///
/// It is held while they change, by a thread that holds no other one.
#[derive(Debug)]
pub struct Step<'a>(#[expect(dead_code, reason = "held for its end")] RwLockReadGuard<'a, ()>);

impl fmt::Debug for Instruments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Instruments")
    }
}

impl Instruments {
    /// Counters, by labels.
    ///
    /// # Panics
    /// If the name is not a metric name, or is in use by another kind of instrument: a mistake in the code
    /// that the first run shows.
    #[must_use]
    pub fn counters(&self, name: &'static str, help: &'static str, labels: &[&str]) -> IntCounterVec {
        self.known(name, || IntCounterVec::new(Opts::new(name, help), labels))
    }

    /// Gauges of whole numbers, by labels. Panics as [`Instruments::counters`] does.
    #[must_use]
    pub fn gauges(&self, name: &'static str, help: &'static str, labels: &[&str]) -> IntGaugeVec {
        self.known(name, || IntGaugeVec::new(Opts::new(name, help), labels))
    }

    /// Gauges of real numbers, by labels. Panics as [`Instruments::counters`] does.
    #[must_use]
    pub fn real_gauges(&self, name: &'static str, help: &'static str, labels: &[&str]) -> GaugeVec {
        self.known(name, || GaugeVec::new(Opts::new(name, help), labels))
    }

    /// Histograms with the given upper bounds, by labels. Panics as [`Instruments::counters`] does.
    #[must_use]
    pub fn histograms(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[&str],
        buckets: &[f64],
    ) -> HistogramVec {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.known(name, || HistogramVec::new(options, labels))
    }

    fn known<C: Collector + Clone + Send + 'static>(
        &self,
        name: &'static str,
        make: impl FnOnce() -> prometheus::Result<C>,
    ) -> C {
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(instrument) = known.get(name) {
            return instrument.downcast_ref::<C>().expect("one kind of instrument per name").clone();
        }
        let instrument = make().expect("names and labels of instruments are literals");
        self.0.registry.register(Box::new(instrument.clone())).expect("a name is registered once");
        known.insert(name, Box::new(instrument.clone()));
        instrument
    }

    /// Begins a change of several instruments, which ends where what is returned is dropped.
    #[must_use]
    pub fn step(&self) -> Step<'_> {
        Step(self.0.steps.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes the present values: of no step a part.
    pub fn write(&self, page: &mut Page) {
        let mut families = self.0.families.lock().unwrap_or_else(PoisonError::into_inner);
        let all = {
            let _between_steps = self.0.steps.write().unwrap_or_else(PoisonError::into_inner);
            self.0.registry.gather()
        };
        for gathered in all {
            if !families.contains_key(gathered.name()) {
                families.insert(gathered.name().to_owned(), Arc::new(family(&gathered)));
            }
            write_family(page, &families[gathered.name()], &gathered);
        }
    }
}

fn family(gathered: &MetricFamily) -> Family {
    let kind = match gathered.get_field_type() {
        MetricType::COUNTER => Kind::Counter,
        MetricType::GAUGE => Kind::Gauge,
        MetricType::HISTOGRAM => Kind::Histogram,
        MetricType::SUMMARY | MetricType::UNTYPED => Kind::Untyped,
    };
    Family::met(gathered.name().to_owned(), kind, gathered.help().to_owned())
}

fn write_family(page: &mut Page, family: &Arc<Family>, gathered: &MetricFamily) {
    for metric in gathered.get_metric() {
        let pairs: Vec<(&str, &str)> = metric.get_label().iter().map(|l| (l.name(), l.value())).collect();
        let labels = page.labels(&pairs);
        match gathered.get_field_type() {
            MetricType::COUNTER => page.set(family, labels, metric.get_counter().get_value()),
            MetricType::GAUGE => page.set(family, labels, metric.get_gauge().get_value()),
            MetricType::HISTOGRAM => {
                let histogram = metric.get_histogram();
                let buckets: Vec<(f64, u64)> =
                    histogram.get_bucket().iter().map(|b| (b.upper_bound(), b.cumulative_count())).collect();
                page.set_histogram(
                    family,
                    labels,
                    &buckets,
                    histogram.get_sample_sum(),
                    histogram.get_sample_count(),
                );
            }
            MetricType::SUMMARY | MetricType::UNTYPED => {
                page.set_part(family, Suffix::None, labels, f64::NAN)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn an_instrument_asked_for_again_counts_on() {
        let instruments = Instruments::default();
        instruments.counters("a_total", "A.", &["x"]).with_label_values(&["1"]).inc();
        instruments.counters("a_total", "A.", &["x"]).with_label_values(&["1"]).inc();
        let mut page = Page::default();
        instruments.write(&mut page);
        let rows: Vec<_> = page.families().flat_map(|(_, rows)| rows).map(|r| (r.labels, r.value)).collect();
        assert_eq!(rows, [("x=\"1\"", 2.0)]);
    }

    #[test]
    fn a_page_shows_no_half_of_a_step() {
        let instruments = Instruments::default();
        let (counters, gauges) =
            (instruments.counters("a_total", "A.", &["x"]), instruments.gauges("b", "B.", &["x"]));
        let names: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    let _step = instruments.step();
                    for name in &names {
                        counters.with_label_values(&[name]).inc();
                        gauges.with_label_values(&[name]).inc();
                    }
                }
            });
            let (mut halves, mut seen, mut changes) = (None, 0.0, 0);
            while halves.is_none() && changes < 20 {
                let mut page = Page::default();
                instruments.write(&mut page);
                let values: Vec<f64> = page.families().flat_map(|(_, rows)| rows).map(|r| r.value).collect();
                let first = values.first().copied().unwrap_or_default();
                changes += usize::from(first != seen);
                seen = first;
                halves = values.iter().any(|value| *value != first).then_some(values);
            }
            ended.store(true, Ordering::Relaxed);
            assert_eq!(halves, None);
        });
    }
}
