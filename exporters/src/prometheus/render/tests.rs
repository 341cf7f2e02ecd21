#![allow(clippy::unwrap_used)]

mod strict;

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use vigie_pipeline::page::{Exemplar, Labels, Page};

use super::*;

static REQUESTS: Family = Family::counter("requests_total", "Requests \"served\".");
static PRESSURE: Family = Family::gauge("pressure", "A\\B\nC.");
static ODD: Family = Family::counter("odd", "");
static LATENCY: Family = Family::histogram("latency_seconds", "Latency.");

fn published(pages: Vec<Page>) -> Vec<Published> {
    pages.into_iter().map(|page| Published { collector: "any".into(), page: Arc::new(page) }).collect()
}

fn page(write: impl FnOnce(&mut Page)) -> Page {
    let mut page = Page::default();
    write(&mut page);
    page
}

struct Rendered {
    text: String,
    omitted: Omitted,
}

fn render(pages: &[Published], format: Format) -> Rendered {
    let mut output = Output::plain(0);
    let omitted = super::render(pages, format, &mut output);
    Rendered { text: String::from_utf8(output.finish().0.to_vec()).unwrap(), omitted }
}

fn measured(value: f64, at: u64) -> Exemplar {
    Exemplar { trace_id: [0xa1; 16], span_id: [0x0f; 8], value, at }
}

fn two_pages() -> Vec<Published> {
    published(vec![
        page(|page| {
            let get = page.labels(&[("method", "GET"), ("path", "/\"a\"")]);
            page.set(&REQUESTS, get, 3.0);
            page.set(&PRESSURE, Labels::NONE, 0.25);
            page.set_histogram(&LATENCY, Labels::NONE, &[(0.5, 1), (1.0, 2)], 1.25, 2);
        }),
        page(|page| {
            let put = page.labels(&[("method", "PUT")]);
            page.set(&REQUESTS, put, 4.0);
            page.set(&ODD, Labels::NONE, 5.0);
        }),
    ])
}

#[test]
fn text_is_sorted_and_families_of_several_pages_share_a_head() {
    let rendered = render(&two_pages(), Format::Text);
    assert_eq!(
        rendered.text,
        r#"# HELP latency_seconds Latency.
# TYPE latency_seconds histogram
latency_seconds_bucket{le="0.5"} 1
latency_seconds_bucket{le="1"} 2
latency_seconds_bucket{le="+Inf"} 2
latency_seconds_sum 1.25
latency_seconds_count 2
# TYPE odd counter
odd 5
# HELP pressure A\\B\nC.
# TYPE pressure gauge
pressure 0.25
# HELP requests_total Requests "served".
# TYPE requests_total counter
requests_total{method="GET",path="/\"a\""} 3
requests_total{method="PUT"} 4
"#
    );
    assert_eq!(rendered.omitted, []);
}

#[test]
fn openmetrics_names_counters_without_total_and_ends_with_eof() {
    assert_eq!(
        render(&two_pages(), Format::OpenMetrics).text,
        r#"# HELP latency_seconds Latency.
# TYPE latency_seconds histogram
latency_seconds_bucket{le="0.5"} 1
latency_seconds_bucket{le="1.0"} 2
latency_seconds_bucket{le="+Inf"} 2
latency_seconds_sum 1.25
latency_seconds_count 2
# TYPE odd unknown
odd 5
# HELP pressure A\\B\nC.
# TYPE pressure gauge
pressure 0.25
# HELP requests Requests \"served\".
# TYPE requests counter
requests_total{method="GET",path="/\"a\""} 3
requests_total{method="PUT"} 4
# EOF
"#
    );
}

#[test]
fn of_two_equal_series_the_earlier_one_is_kept() {
    let with = |labels: &'static [(&str, &str)], value| {
        page(|page| {
            let labels = page.labels(labels);
            page.set(&PRESSURE, labels, value);
        })
    };
    let pages = published(vec![
        with(&[("a", "1"), ("b", "2")], 1.0),
        with(&[("b", "2"), ("a", "1")], 2.0),
        with(&[("a", "1")], 3.0),
    ]);
    let rendered = render(&pages, Format::Text);
    let samples: Vec<&str> = rendered.text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(samples, [r#"pressure{a="1",b="2"} 1"#, r#"pressure{a="1"} 3"#]);
    assert_eq!(rendered.omitted, [("pressure".to_owned(), Omission::Duplicate, 1)]);
}

#[test]
fn of_two_types_the_earlier_one_is_kept() {
    let other = Arc::new(Family::met("pressure".into(), Kind::Counter, "Other.".into()));
    let pages = published(vec![
        page(|page| page.set(&PRESSURE, Labels::NONE, 1.0)),
        page(|page| {
            let labels = page.labels(&[("a", "1")]);
            page.set(&other, labels, 2.0);
        }),
    ]);
    let rendered = render(&pages, Format::Text);
    assert!(rendered.text.ends_with("# TYPE pressure gauge\npressure 1\n"), "{}", rendered.text);
    assert_eq!(rendered.omitted, [("pressure".to_owned(), Omission::Type, 1)]);
}

#[test]
fn openmetrics_leaves_out_a_count_that_is_negative_or_not_a_number() {
    let pages = published(vec![page(|page| {
        for (shop, value) in [("a", -1.0), ("b", f64::NAN), ("c", 0.0)] {
            let labels = page.labels(&[("shop", shop)]);
            page.set(&REQUESTS, labels, value);
        }
    })]);
    assert!(render(&pages, Format::Text).omitted.is_empty());
    let rendered = render(&pages, Format::OpenMetrics);
    assert!(rendered.text.contains("\nrequests_total{shop=\"c\"} 0\n# EOF"), "{}", rendered.text);
    assert_eq!(rendered.omitted, [("requests_total".to_owned(), Omission::Value, 2)]);
}

#[test]
fn openmetrics_shows_the_exemplar_of_a_bucket_and_text_does_not() {
    let pages = published(vec![page(|page| {
        let measured = [measured(0.067, 1_520_879_607_789_999_999), measured(3.0, 1_000_000)];
        page.set_histogram_with(
            &LATENCY,
            Labels::NONE,
            &[(0.5, 1), (1.0, 1)],
            3.067,
            2,
            measured.into_iter(),
        );
    })]);
    let context = r#"{trace_id="a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1",span_id="0f0f0f0f0f0f0f0f"}"#;
    let expected = format!(
        r#"# HELP latency_seconds Latency.
# TYPE latency_seconds histogram
latency_seconds_bucket{{le="0.5"}} 1 # {context} 0.067 1520879607.789
latency_seconds_bucket{{le="1.0"}} 1
latency_seconds_bucket{{le="+Inf"}} 2 # {context} 3 0.001
latency_seconds_sum 3.067
latency_seconds_count 2
# EOF
"#
    );
    let rendered = render(&pages, Format::OpenMetrics).text;
    assert_eq!(rendered, expected);
    assert_eq!(strict::check(&rendered, Format::OpenMetrics), Ok(5));
    assert!(!render(&pages, Format::Text).text.contains("trace_id"));
}

#[test]
fn an_exemplar_whose_span_is_not_known_names_its_trace_alone() {
    let pages = published(vec![page(|page| {
        let measured = [Exemplar { span_id: [0; 8], ..measured(0.5, 1_000_000) }];
        page.set_histogram_with(&LATENCY, Labels::NONE, &[], 0.5, 1, measured.into_iter());
    })]);
    let rendered = render(&pages, Format::OpenMetrics).text;
    assert!(rendered.contains("{trace_id=\"a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\"} 0.5 0.001\n"), "{rendered}");
    assert_eq!(strict::check(&rendered, Format::OpenMetrics), Ok(3));
}

/// Names that stand in each other's way, and some that are none.
const NAMES: [&str; 12] = [
    "a",
    "a_total",
    "a_total_total",
    "a_created",
    "a_created_total",
    "a_count",
    "a_sum",
    "a_bucket_total",
    "b:c",
    "1",
    "x y",
    "",
];

type Row = (u8, u8, f64);

fn some_page() -> impl Strategy<Value = Vec<(usize, u8, String, Vec<Row>)>> {
    let rows = proptest::collection::vec((0u8..3, 0u8..3, any::<f64>()), 1..4);
    let family = (0..NAMES.len(), 0u8..5, "[ -~\n\\\\\"é]{0,8}", rows);
    proptest::collection::vec(family, 0..8)
}

fn build(families: &[(usize, u8, String, Vec<Row>)], exemplars: bool) -> Page {
    let mut page = Page::default();
    let mut seen = BTreeSet::new();
    for (name, kind, help, rows) in families {
        let kinds = [Kind::Counter, Kind::Gauge, Kind::Histogram, Kind::Summary, Kind::Untyped];
        let kind = kinds[usize::from(*kind)];
        let family = Arc::new(Family::met(NAMES[*name].to_owned(), kind, help.clone()));
        for (first, second, value) in rows {
            // A page has a series once: that much its writers promise.
            if !seen.insert((*name, *first, *second)) {
                continue;
            }
            let values = ["", "\\\"\n,{}", "z"];
            let labels =
                page.labels(&[("p", values[usize::from(*first)]), ("q", values[usize::from(*second)])]);
            match kind {
                Kind::Histogram => {
                    let measured =
                        [*value, 2.0, f64::from(*first)].map(|value| measured(value, value.to_bits()));
                    let measured =
                        measured.into_iter().take(if exemplars { usize::from(*second) + 1 } else { 0 });
                    page.set_histogram_with(&family, labels, &[(-1.0, 1), (2.0, 5)], *value, 7, measured);
                }
                Kind::Summary => {
                    let quantile = page.labels_after(labels, &[("quantile", "1")]);
                    page.set_part(&family, Suffix::None, quantile, value.abs());
                    page.set_part(&family, Suffix::Sum, labels, *value);
                    page.set_part(&family, Suffix::Count, labels, 3.0);
                }
                // A writer that says what its family cannot have.
                _ if *first == 2 => page.set_part(&family, Suffix::Bucket, labels, *value),
                _ => page.set(&family, labels, *value),
            }
        }
    }
    page
}

proptest! {
    #[test]
    fn whatever_pages_hold_the_output_is_valid(pages in proptest::collection::vec(some_page(), 0..4)) {
        let pages = published(pages.iter().map(|page| build(page, true)).collect());
        let written: usize = pages.iter().map(|published| published.page.len()).sum();
        for format in [Format::Text, Format::OpenMetrics] {
            let rendered = render(&pages, format);
            let samples = strict::check(&rendered.text, format).map_err(|wrong| {
                TestCaseError::fail(format!("{wrong}\n{}", rendered.text))
            })?;
            let omitted: u64 = rendered.omitted.iter().map(|(_, _, count)| count).sum();
            prop_assert_eq!(samples as u64 + omitted, written as u64);
        }
    }

    #[test]
    fn exemplars_change_nothing_of_the_text_and_nothing_else_of_openmetrics(
        pages in proptest::collection::vec(some_page(), 0..4),
    ) {
        let text = |exemplars, format| {
            let pages = published(pages.iter().map(|page| build(page, exemplars)).collect());
            render(&pages, format).text
        };
        prop_assert_eq!(text(true, Format::Text), text(false, Format::Text));
        let without: String = text(true, Format::OpenMetrics)
            .split_inclusive('\n')
            .map(|line| line.split_once(" # {trace_id=").map_or(line.to_owned(), |(row, _)| format!("{row}\n")))
            .collect();
        prop_assert_eq!(without, text(false, Format::OpenMetrics));
    }
}
