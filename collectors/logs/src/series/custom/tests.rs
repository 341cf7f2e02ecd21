use crate::series::testing::Bench;

#[test]
fn a_counter_counts_records_that_meet_its_condition_and_is_there_from_the_start() {
    let mut bench = Bench::new(
        r#"[{"counter": {"name": "orders_total", "when": {"field": "event", "equals": "order_paid"},
            "labels": {"shop": "shop"}, "start": [{"shop": "paris"}, {"shop": "rome"}]}},
            {"counter": {"name": "lines_total"}}]"#,
    );
    assert!(bench.series.has_changed());
    assert_eq!(
        bench.told(),
        ["orders_total{shop=\"paris\"} 0", "orders_total{shop=\"rome\"} 0", "lines_total 0"]
    );
    assert!(!bench.series.has_changed());
    for (event, shop) in
        [("order_paid", "rome"), ("order_paid", "oslo"), ("order_lost", "rome"), ("order_paid", "rome")]
    {
        bench.record(&[("event", event), ("shop", shop)]);
    }
    bench.record(&[("event", "order_paid")]);
    assert_eq!(
        bench.told(),
        [
            "orders_total{shop=\"oslo\"} 1",
            "orders_total{shop=\"paris\"} 0",
            "orders_total{shop=\"rome\"} 2",
            "orders_total 1",
            "lines_total 5"
        ]
    );
}

#[test]
fn what_is_no_number_is_counted_by_reason() {
    let mut bench = Bench::new(
        r#"[{"counter": {"name": "bytes_total", "add": "bytes", "when": {"field": "kind", "equals": "upload"}}},
            {"gauge": {"name": "queue_length", "field": "queue"}}]"#,
    );
    for bytes in ["7", "1,024", "-3", "0.5"] {
        bench.record(&[("kind", "upload"), ("bytes", bytes)]);
    }
    bench.record(&[("kind", "upload")]);
    bench.record(&[("kind", "download")]);
    bench.record(&[("queue", "many")]);
    bench.record(&[("queue", "-3")]);
    assert_eq!(bench.told(), ["bytes_total 7.5", "queue_length -3"]);
    let mut own = bench.own();
    own.sort();
    assert_eq!(
        own,
        [
            r#"vigie_log_metric_errors_total{metric="bytes_total",reason="missing"} 1"#,
            r#"vigie_log_metric_errors_total{metric="bytes_total",reason="negative"} 1"#,
            r#"vigie_log_metric_errors_total{metric="bytes_total",reason="not_a_number"} 1"#,
            r#"vigie_log_metric_errors_total{metric="queue_length",reason="not_a_number"} 1"#,
        ]
    );
}

#[test]
fn a_metric_with_too_many_series_is_named() {
    let mut bench = Bench::new(
        r#"[{"counter": {"name": "logins_total", "labels": {"user": "user"}, "max_series": 2}},
            {"gauge": {"name": "age", "field": "age", "labels": {"user": "user"}}}]"#,
    );
    for user in ["a", "b", "c", "d", "a"] {
        bench.record(&[("user", user)]);
    }
    assert_eq!(
        bench.told(),
        ["logins_total{user=\"a\"} 2", "logins_total{user=\"b\"} 1", "logins_total{user=\"other\"} 2"]
    );
    assert_eq!(bench.own(), ["vigie_log_metric_overflow_total{metric=\"logins_total\"} 2"]);
}

#[test]
fn histograms_have_given_or_exponential_buckets() {
    let mut bench = Bench::new(
        r#"[{"histogram": {"name": "amount_euros", "field": "amount", "buckets": [10, 50]}},
            {"histogram": {"name": "size_bytes", "field": "size", "labels": {"kind": "kind"},
                           "exponential": {"start": 1, "factor": 10, "count": 3}}}]"#,
    );
    bench.record(&[("amount", "10"), ("size", "99"), ("kind", "x")]);
    bench.record(&[("amount", "70")]);
    let page = bench.page(0);
    let told: Vec<f64> = page.families().flat_map(|(_, rows)| rows).map(|row| row.value).collect();
    assert_eq!(told, [1.0, 1.0, 2.0, 80.0, 2.0, 0.0, 0.0, 1.0, 1.0, 99.0, 1.0]);
}

#[test]
fn a_series_that_is_not_touched_leaves_and_begins_again_at_0() {
    let mut bench = Bench::new(r#"[{"counter": {"name": "x_total", "labels": {"a": "a"}, "expire": "1m"}}]"#);
    bench.record(&[("a", "one")]);
    assert!(bench.series.due().is_some());
    assert_eq!(bench.told_at(59), ["x_total{a=\"one\"} 1"]);
    assert_eq!(bench.told_at(60), [] as [String; 0]);
    assert_eq!(bench.series.due(), None);
    bench.record_at(61, &crate::series::testing::fields(&[("a", "one")]));
    assert_eq!(bench.told_at(62), ["x_total{a=\"one\"} 1"]);
}
