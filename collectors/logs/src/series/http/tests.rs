use vigie_pipeline::otlp::attributes::{field::LOG, put_key_value, put_str};
use vigie_pipeline::otlp::wire::put_message;
use vigie_pipeline::page::Suffix;

use crate::series::testing::{Bench, fields};

fn request(method: &str, path: &str, status: &str) -> Vec<(&'static str, String)> {
    vec![
        ("http.request.method", method.to_owned()),
        ("url.path", path.to_owned()),
        ("http.response.status_code", status.to_owned()),
    ]
}

fn answer(bench: &mut Bench, method: &str, path: &str, status: &str, more: &[(&str, &str)]) {
    let request = request(method, path, status);
    let mut pairs: Vec<(&str, &str)> = request.iter().map(|(key, value)| (*key, value.as_str())).collect();
    pairs.extend_from_slice(more);
    bench.record(&pairs);
}

#[test]
fn requests_are_counted_by_method_route_and_status() {
    let mut bench = Bench::new(r#"[{"http": {"routes": ["/shops/{shop}"]}}]"#);
    for (method, path, status) in [
        ("GET", "/users/1", "200"),
        ("GET", "/users/2", "200"),
        ("GET", "/users/3", "500"),
        ("BREW", "/shops/paris", "418"),
        ("POST", "/users/2", "201"),
    ] {
        answer(&mut bench, method, path, status, &[]);
    }
    bench.record(&[("message", "no request")]);
    assert_eq!(
        bench.told(),
        [
            "http_requests_total{method=\"GET\",route=\"/users/{id}\",status=\"200\"} 2",
            "http_requests_total{method=\"GET\",route=\"/users/{id}\",status=\"500\"} 1",
            "http_requests_total{method=\"POST\",route=\"/users/{id}\",status=\"201\"} 1",
            "http_requests_total{method=\"_OTHER\",route=\"/shops/{shop}\",status=\"418\"} 1",
        ]
    );
    assert!(bench.own().is_empty(), "nothing is wrong where no duration is told");
}

#[test]
fn other_names_and_nested_objects_tell_of_requests_too() {
    let mut bench = Bench::new(r#"[{"http": {}}]"#);
    bench.record(&[("http.method", "GET"), ("http.target", "/a?b=1"), ("http.status_code", "200")]);
    bench.record(&[
        ("http.request.method", "GET"),
        ("url.full", "http://x/a"),
        ("http.response.status_code", "200"),
    ]);
    bench.record(&[
        ("http.route", "/a"),
        ("url.path", "/b"),
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
    ]);
    let mut nested = fields(&[]);
    put_key_value(&mut nested.attributes, LOG, "http", |any| {
        put_message(any, 6, |map| {
            put_str(map, 1, "request.method", "GET");
            put_str(map, 1, "target", "/a");
            put_str(map, 1, "status_code", "200");
        });
    });
    bench.record_at(0, &nested);
    assert_eq!(bench.told(), ["http_requests_total{method=\"GET\",route=\"/a\",status=\"200\"} 4"]);
}

#[test]
fn a_request_that_is_none_is_counted_by_its_status() {
    let mut bench = Bench::new(r#"[{"http": {}}]"#);
    bench.record(&[("url.original", "\u{16}\u{3}\u{1}"), ("http.response.status_code", "400")]);
    bench.record(&[("http.response.status_code", "7")]);
    assert_eq!(bench.told(), ["http_requests_total{method=\"_OTHER\",route=\"other\",status=\"400\"} 1"]);
}

#[test]
fn durations_are_seconds_whatever_the_field_says_them_in() {
    for (config, field, value, expected) in [
        ("{}", "http.server.request.duration", "0.25", "0.25"),
        (r#"{"duration": "request_time"}"#, "request_time", "0.25", "0.25"),
        (r#"{"duration": "took_ms"}"#, "took_ms", "250", "0.25"),
        (r#"{"duration": "took"}"#, "took", "250ms", "0.25"),
    ] {
        let mut bench = Bench::new(&format!(r#"[{{"http": {config}}}]"#));
        answer(&mut bench, "GET", "/", "200", &[(field, value)]);
        answer(&mut bench, "GET", "/", "200", &[(field, "-")]);
        let labels = "{method=\"GET\",route=\"/\",status=\"200\"}";
        assert_eq!(
            bench.told(),
            [
                format!("http_requests_total{labels} 2"),
                format!("http_server_request_duration_seconds_sum{labels} {expected}"),
                format!("http_server_request_duration_seconds_count{labels} 1"),
            ],
            "{config}"
        );
        answer(&mut bench, "GET", "/", "200", &[(field, "soon")]);
        let errors = r#"vigie_log_metric_errors_total{metric="http_server_request_duration_seconds",reason="not_a_number"} 1"#;
        assert_eq!(bench.own(), [errors]);
    }
}

#[test]
fn further_labels_come_from_fields_and_series_are_bounded() {
    let mut bench = Bench::new(r#"[{"http": {"max_routes": 1, "labels": {"host": "server.address"}}}]"#);
    for number in 0..100 {
        answer(&mut bench, "GET", "/", "200", &[("server.address", &format!("h{number}"))]);
    }
    let told = bench.told();
    // Two routes, with what is other, of twenty series each.
    assert_eq!(told.len(), 41);
    assert!(told.contains(
        &"http_requests_total{method=\"GET\",route=\"/\",status=\"200\",host=\"h7\"} 1".to_owned()
    ));
    let other = "http_requests_total{method=\"other\",route=\"other\",status=\"other\",host=\"other\"} 60";
    assert!(told.contains(&other.to_owned()), "{told:?}");
    assert_eq!(bench.own(), ["vigie_log_metric_overflow_total{metric=\"http_requests_total\"} 60"]);
}

#[test]
fn the_trace_of_a_request_stands_beside_its_bucket() {
    let mut bench = Bench::new(r#"[{"http": {"buckets": [0.1, 1]}}]"#);
    let mut traced = fields(&[("http.response.status_code", "200"), ("http.server.request.duration", "0.5")]);
    (traced.trace_id, traced.time) = (Some([7; 16]), 42);
    bench.record_at(0, &traced);
    let page = bench.page(0);
    let rows = page.families().flat_map(|(_, rows)| rows).filter(|row| row.suffix == Suffix::Bucket);
    let told: Vec<_> =
        rows.map(|row| row.exemplar.map(|one| (one.trace_id, one.span_id, one.value, one.at))).collect();
    assert_eq!(told, [None, Some(([7; 16], [0; 8], 0.5, 42)), None]);
}

#[test]
fn what_is_asked_for_in_the_same_words_goes_on_with_its_routes_and_anything_else_begins_anew() {
    let before = || {
        let mut bench = Bench::new(r#"[{"http": {"max_routes": 2}}, {"security": {}}]"#);
        for path in ["/a", "/b", "/c"] {
            answer(&mut bench, "GET", path, "401", &[]);
        }
        bench.series
    };
    let counted = |metrics: &str| {
        let mut bench = Bench::new(metrics);
        bench.series.adopt(before());
        for path in ["/b", "/d"] {
            answer(&mut bench, "GET", path, "401", &[]);
        }
        bench.told().into_iter().filter(|row| !row.ends_with(" 0")).collect::<Vec<_>>()
    };
    let row = |route: &str, count: u64| {
        format!("http_requests_total{{method=\"GET\",route=\"{route}\",status=\"401\"}} {count}")
    };
    let refused = |count: u64| format!("log_security_events_total{{reason=\"http_unauthorized\"}} {count}");
    let more = r#"[{"counter": {"name": "more_total"}}, {"security": {}}, {"http": {"max_routes": 2}}]"#;
    let more_total = "more_total 2".to_owned();
    assert_eq!(counted(more), [more_total, row("/a", 1), row("/b", 2), row("other", 2), refused(5)]);
    let other = r#"[{"http": {"max_routes": 3}}]"#;
    assert_eq!(counted(other), [row("/b", 1), row("/d", 1)]);
}
