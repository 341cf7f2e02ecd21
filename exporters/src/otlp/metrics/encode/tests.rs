#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint, ScopeMetrics};
use opentelemetry_proto::tonic::metrics::v1::{exemplar, number_data_point};
use proptest::prelude::*;
use prost::Message;
use vigie_pipeline::metric::{Family, Kind};
use vigie_pipeline::page::{Exemplar, Labels, Page, Suffix};
use vigie_pipeline::snapshot::Published;

use super::*;
use crate::otlp::metrics::families::Families;
use crate::otlp::metrics::names::prometheus;

static READS: Family = Family::counter("disk_reads_total", "Reads.");
static LOAD: Family = Family::gauge("load1", "Load.");
static SIZES: Family = Family::histogram("sizes", "Sizes.");

const TIMES: Times = Times { start: 5, now: 9 };

fn published(page: Page) -> Published {
    Published { collector: "x".into(), page: Arc::new(page) }
}

fn read(pages: Vec<Page>, max_bytes: usize) -> Vec<Vec<Metric>> {
    let published: Vec<_> = pages.into_iter().map(published).collect();
    let families = Families::of(&published);
    let pieces = pieces(prometheus(&families), TIMES, max_bytes);
    pieces.map(|piece| ScopeMetrics::decode(&piece.metrics[..]).unwrap().metrics).collect()
}

fn text(attributes: &[KeyValue]) -> Vec<(String, String)> {
    let value = |pair: &KeyValue| match pair.value.clone().unwrap().value.unwrap() {
        Value::StringValue(text) => text,
        other => panic!("not a text: {other:?}"),
    };
    attributes.iter().map(|pair| (pair.key.clone(), value(pair))).collect()
}

fn number(point: &NumberDataPoint) -> f64 {
    match point.value {
        Some(number_data_point::Value::AsDouble(value)) => value,
        _ => panic!("not a double"),
    }
}

#[test]
fn a_counter_is_a_monotonic_cumulative_sum() {
    let mut page = Page::default();
    let labels = page.labels(&[("device", "sd\"a")]);
    page.set(&READS, labels, 3.0);
    let metric = read(vec![page], 1 << 20).remove(0).remove(0);
    assert_eq!((metric.name.as_str(), metric.description.as_str()), ("disk_reads_total", "Reads."));
    let Some(Data::Sum(sum)) = metric.data else { panic!("a sum") };
    assert!(sum.is_monotonic);
    assert_eq!(sum.aggregation_temporality, 2);
    let point = &sum.data_points[0];
    assert_eq!((point.start_time_unix_nano, point.time_unix_nano, number(point)), (5, 9, 3.0));
    assert_eq!(text(&point.attributes), [("device".to_owned(), "sd\"a".to_owned())]);
}

#[test]
fn a_family_that_several_parts_publish_is_one_metric() {
    let page = |part, value| {
        let mut page = Page::default();
        let labels = page.labels(&[("part", part)]);
        page.set(&LOAD, labels, value);
        page.set(&READS, Labels::NONE, 1.0);
        page
    };
    let metrics = read(vec![page("a", 1.0), page("b", f64::INFINITY)], 1 << 20).remove(0);
    assert_eq!(metrics.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["disk_reads_total", "load1"]);
    let Some(Data::Gauge(gauge)) = &metrics[1].data else { panic!("a gauge") };
    assert_eq!(gauge.data_points.iter().map(number).collect::<Vec<_>>(), [1.0, f64::INFINITY]);
    assert_eq!(gauge.data_points[0].start_time_unix_nano, 0);
}

#[test]
fn a_summary_keeps_its_quantiles() {
    let family = Arc::new(Family::met("waits".into(), Kind::Summary, "Waits.".into()));
    let mut page = Page::default();
    for (quantile, value) in [("0.5", 1.0), ("0.9", 2.0)] {
        let labels = page.labels(&[("op", "get"), ("quantile", quantile)]);
        page.set(&family, labels, value);
    }
    let labels = page.labels(&[("op", "get")]);
    page.set_part(&family, Suffix::Sum, labels, 7.0);
    page.set_part(&family, Suffix::Count, labels, 4.0);
    let metric = read(vec![page], 1 << 20).remove(0).remove(0);
    let Some(Data::Summary(summary)) = metric.data else { panic!("a summary") };
    let point = &summary.data_points[0];
    assert_eq!((summary.data_points.len(), point.count, point.sum), (1, 4, 7.0));
    let quantiles: Vec<_> = point.quantile_values.iter().map(|q| (q.quantile, q.value)).collect();
    assert_eq!(quantiles, [(0.5, 1.0), (0.9, 2.0)]);
    assert_eq!(text(&point.attributes), [("op".to_owned(), "get".to_owned())]);
}

#[test]
fn a_large_family_is_cut_into_pieces_and_none_of_its_points_is_lost() {
    let mut page = Page::default();
    for n in 0..5_500 {
        let labels = page.labels(&[("n", &n.to_string())]);
        page.set(&LOAD, labels, f64::from(n));
    }
    let pieces = read(vec![page], 30_000);
    assert!(pieces.len() > 3);
    let points = pieces.into_iter().flatten().flat_map(|metric| match metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points,
        _ => panic!("a gauge"),
    });
    assert_eq!(points.map(|p| number(&p) as u32).collect::<Vec<_>>(), (0..5_500).collect::<Vec<_>>());
}

#[test]
fn a_histogram_shows_the_spans_of_its_exemplars() {
    let mut page = Page::default();
    for (service, span) in [("a", 1), ("b", 2)] {
        let labels = page.labels(&[("service", service)]);
        let measured = |value, at| Exemplar { trace_id: [7; 16], span_id: [span; 8], value, at };
        let measured = [measured(0.25, 3), measured(8.0, 4)];
        page.set_histogram_with(&SIZES, labels, &[(0.5, 1), (1.0, 1)], 8.25, 2, measured.into_iter());
    }
    let metric = read(vec![page], 1 << 20).remove(0).remove(0);
    let Some(Data::Histogram(histogram)) = metric.data else { panic!("a histogram") };
    assert_eq!(histogram.data_points.len(), 2);
    for (point, span) in histogram.data_points.iter().zip([1, 2]) {
        let told: Vec<_> = point.exemplars.iter().map(|e| (e.value, e.time_unix_nano)).collect();
        let value = |value| Some(exemplar::Value::AsDouble(value));
        assert_eq!(told, [(value(0.25), 3), (value(8.0), 4)]);
        for exemplar in &point.exemplars {
            assert_eq!(
                (exemplar.trace_id.as_slice(), exemplar.span_id.as_slice()),
                (&[7; 16][..], &[span; 8][..])
            );
        }
        assert_eq!((point.count, point.bucket_counts.as_slice()), (2, &[1, 0, 1][..]));
    }
}

#[test]
fn an_exemplar_whose_span_is_not_known_names_its_trace_alone() {
    let mut page = Page::default();
    let measured = Exemplar { trace_id: [7; 16], span_id: [0; 8], value: 0.25, at: 3 };
    page.set_histogram_with(&SIZES, Labels::NONE, &[], 0.25, 1, [measured].into_iter());
    let metric = read(vec![page], 1 << 20).remove(0).remove(0);
    let Some(Data::Histogram(histogram)) = metric.data else { panic!("a histogram") };
    let exemplar = &histogram.data_points[0].exemplars[0];
    assert_eq!((exemplar.trace_id.as_slice(), exemplar.span_id.as_slice()), (&[7; 16][..], &[][..]));
}

#[test]
fn nothing_published_is_nothing_sent() {
    assert!(read(vec![], 1 << 20).is_empty());
    assert!(read(vec![Page::default()], 1 << 20).is_empty());
}

proptest! {
    #[test]
    fn a_histogram_is_put_together_again(
        counts in proptest::collection::vec(0u64..1_000_000, 0..8), over in 0u64..1_000, sum in 0.0f64..1e9,
        labels in proptest::collection::vec("[ -~]{1,5}", 1..3),
    ) {
        let mut page = Page::default();
        let mut up_to = 0;
        let buckets: Vec<(f64, u64)> = counts
            .iter()
            .enumerate()
            .map(|(at, count)| {
                up_to += count;
                (at as f64 / 4.0, up_to)
            })
            .collect();
        for label in &labels {
            let labels = page.labels(&[("a", label), ("b", "c")]);
            page.set_histogram(&SIZES, labels, &buckets, sum, up_to + over);
        }
        let metric = read(vec![page], 1 << 20).remove(0).remove(0);
        let Some(Data::Histogram(histogram)) = metric.data else { panic!("a histogram") };
        prop_assert_eq!(histogram.aggregation_temporality, 2);
        let mut distinct = labels.clone();
        distinct.sort();
        distinct.dedup();
        prop_assert_eq!(histogram.data_points.len(), distinct.len());
        if distinct.len() == labels.len() {
            for point in &histogram.data_points {
                let expected: Vec<u64> = counts.iter().copied().chain([over]).collect();
                prop_assert_eq!(&point.bucket_counts, &expected);
                let bounds: Vec<f64> = buckets.iter().map(|(bound, _)| *bound).collect();
                prop_assert_eq!(&point.explicit_bounds, &bounds);
                prop_assert_eq!((point.count, point.sum), (up_to + over, Some(sum)));
                prop_assert_eq!(point.start_time_unix_nano, 5);
                let attributes = text(&point.attributes);
                prop_assert!(distinct.contains(&attributes[0].1) && attributes[1].1 == "c");
            }
        }
    }
}
