//! Values, verdicts and times.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use vigie_pipeline::units::{ByteSize, HumanDuration};

use super::rig::{Running, assert_failed, assert_succeeded, config, first_run, phase, with};
use super::servers::{answer, canned, raw, read_request, redirect, silent, web};

#[tokio::test]
async fn a_plain_probe_has_all_its_series() {
    let at = canned(
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nlast-modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\nhello",
    )
    .await;
    let series = first_run(&config(format!("http://{at}/"))).await;
    assert_succeeded(&series);
    for (name, value) in [
        ("probe_http_status_code", 200.0),
        ("probe_http_content_length", 5.0),
        ("probe_http_uncompressed_body_length", 5.0),
        ("probe_http_version", 1.1),
        ("probe_http_redirects", 0.0),
        ("probe_http_ssl", 0.0),
        ("probe_failed_due_to_regex", 0.0),
        ("probe_ip_protocol", 4.0),
        ("probe_ip_addr_hash", 3_668_918_509.0),
        ("probe_http_last_modified_timestamp_seconds", 784_111_777.0),
        ("probe_timeout_seconds", 5.0),
        ("probe_dns_lookup_time_seconds", 0.0),
    ] {
        assert_eq!(series[name], value, "{name}");
    }
    assert_eq!((phase(&series, "resolve"), phase(&series, "tls")), (0.0, 0.0));
    let phases = phase(&series, "connect") + phase(&series, "processing") + phase(&series, "transfer");
    assert!(phases > 0.0 && phases <= series["probe_duration_seconds"]);
}

#[tokio::test]
async fn every_series_is_there_as_zero_before_the_first_run_has_ended() {
    let at = silent().await;
    let running = Running::new(&config(format!("http://{at}/")));
    tokio::time::sleep(Duration::from_millis(20)).await;
    let series = running.series();
    assert_eq!(series["vigie_probe_runs_total"], 0.0);
    let mut names: Vec<&str> = series.keys().map(String::as_str).collect();
    names.retain(|name| name.starts_with("probe_"));
    assert_eq!(
        names,
        [
            "probe_dns_lookup_time_seconds",
            "probe_duration_seconds",
            "probe_failed_due_to_regex",
            "probe_http_content_length",
            "probe_http_duration_seconds{phase=connect}",
            "probe_http_duration_seconds{phase=processing}",
            "probe_http_duration_seconds{phase=resolve}",
            "probe_http_duration_seconds{phase=tls}",
            "probe_http_duration_seconds{phase=transfer}",
            "probe_http_redirects",
            "probe_http_ssl",
            "probe_http_status_code",
            "probe_http_uncompressed_body_length",
            "probe_http_version",
            "probe_ip_addr_hash",
            "probe_ip_protocol",
            "probe_success",
            "probe_timeout_seconds",
        ]
    );
    assert!(names.iter().all(|name| *name == "probe_timeout_seconds" || series[*name] == 0.0));
}

#[tokio::test]
async fn a_length_that_is_not_announced_is_minus_one() {
    let at = canned(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n").await;
    let series = first_run(&config(format!("http://{at}"))).await;
    assert_succeeded(&series);
    assert_eq!(series["probe_http_content_length"], -1.0);
    assert_eq!(series["probe_http_uncompressed_body_length"], 5.0);
}

#[tokio::test]
async fn a_body_is_searched() {
    let (at, _) = web(|_| answer(200, "all is well")).await;
    let judged = |refused: &[&str], wanted: &[&str]| {
        let own = |patterns: &[&str]| patterns.iter().map(|p| (*p).to_owned()).collect();
        with(format!("http://{at}/"), |http| {
            http.fail_if_body_matches_regexp = own(refused);
            http.fail_if_body_not_matches_regexp = own(wanted);
        })
    };
    assert_succeeded(&first_run(&judged(&["error"], &["^all", "well$"])).await);
    for config in [judged(&["is"], &[]), judged(&[], &["all", "ill"])] {
        let series = first_run(&config).await;
        assert_failed(&series, "body_mismatch", "transfer");
        assert_eq!(series["probe_failed_due_to_regex"], 1.0);
    }
}

#[tokio::test]
async fn a_body_past_its_limit_fails() {
    let (at, _) = web(|_| answer(200, "0123456789")).await;
    let limited = |bytes| with(format!("http://{at}/"), |http| http.body_size_limit = ByteSize(bytes));
    assert_succeeded(&first_run(&limited(10)).await);
    assert_failed(&first_run(&limited(9)).await, "body_too_large", "transfer");
    assert_succeeded(&first_run(&limited(0)).await);
}

#[tokio::test]
async fn a_name_is_resolved_and_that_takes_time() {
    let (at, _) = web(|_| answer(200, "")).await;
    let url = format!("http://localhost:{}/", at.port());
    let series =
        first_run(&with(url, |http| http.preferred_ip_protocol = super::super::http::IpProtocol::Ip4)).await;
    assert_succeeded(&series);
    assert!(phase(&series, "resolve") > 0.0);
    assert_eq!(phase(&series, "resolve"), series["probe_dns_lookup_time_seconds"]);
}

#[tokio::test]
async fn the_first_byte_parts_processing_from_transfer() {
    let at = raw(|mut tcp| async move {
        read_request(&mut tcp).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        tcp.write_all(b"HTTP/1.1 200").await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        tcp.write_all(b" OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    })
    .await;
    let series = first_run(&config(format!("http://{at}/"))).await;
    assert_succeeded(&series);
    assert!(phase(&series, "processing") >= 0.05, "{series:#?}");
    // The first byte may be seen a little later than it came.
    assert!(phase(&series, "transfer") > 0.25, "{series:#?}");
}

#[tokio::test]
async fn a_slow_target_has_its_runs_skipped_and_never_two_at_once() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, peak) = (Arc::clone(&now), Arc::clone(&most));
    let at = raw(move |mut tcp| {
        let (now, most) = (Arc::clone(&counted), Arc::clone(&peak));
        async move {
            most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
            read_request(&mut tcp).await;
            tokio::time::sleep(Duration::from_millis(120)).await;
            now.fetch_sub(1, SeqCst);
            tcp.write_all(b"HTTP/1.1 204 Fine\r\n\r\n").await.unwrap();
        }
    })
    .await;
    let series = Running::new(&config(format!("http://{at}/"))).after_runs(3.0).await;
    assert_succeeded(&series);
    // Each of the runs after the first passes over two intended times.
    assert!(series["vigie_probe_skipped_total"] >= 4.0, "{series:#?}");
    assert_eq!(most.load(SeqCst), 1);
}

#[tokio::test]
async fn a_failure_counts_only_when_its_re_checks_have_failed_too() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let (at, _) = web(move |_| answer(if count.fetch_add(1, SeqCst) < 2 { 503 } else { 200 }, "")).await;
    let config = crate::probes::Config { retries: 2, ..config(format!("http://{at}/")) };
    let running = Running::new(&config);
    let series = running.after_runs(1.0).await;
    assert_succeeded(&series);
    assert_eq!(series["vigie_probe_retries_total"], 2.0);
    assert!(running.records().is_empty());
}

#[tokio::test]
async fn a_probe_stops_at_once_even_while_it_waits_for_its_target() {
    let at = silent().await;
    let running = Running::new(&config(format!("http://{at}/")));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let snapshot = running.series();
    assert_eq!(snapshot["vigie_probe_runs_total"], 0.0);
    assert!(running.stop().await < Duration::from_secs(2));
}

#[tokio::test]
async fn a_deadline_holds_for_all_redirects_together() {
    let at = raw(|mut tcp| async move {
        read_request(&mut tcp).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
        // A client that has hung up is what the test is about.
        let _ = tcp.write_all(b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n").await;
    })
    .await;
    let config =
        crate::probes::Config { timeout: HumanDuration::millis(1000), ..config(format!("http://{at}/")) };
    let series = first_run(&config).await;
    assert_failed(&series, "http_timeout", "processing");
    assert_eq!(series["probe_http_redirects"], 2.0);
    let processing = phase(&series, "processing");
    assert!((0.9..2.0).contains(&processing), "summed over the hops, the one that failed too: {processing}");
}

#[tokio::test]
async fn redirects_are_judged_where_they_are_not_followed() {
    let (at, seen) = web(|_| redirect(301, "/elsewhere")).await;
    let url = format!("http://{at}/");
    let series = first_run(&with(&url, |http| http.follow_redirects = false)).await;
    assert_failed(&series, "http_status", "processing");
    assert_eq!((series["probe_http_status_code"], series["probe_http_redirects"]), (301.0, 1.0));
    let good = with(&url, |http| {
        http.follow_redirects = false;
        http.valid_status_codes = vec![301];
    });
    assert_succeeded(&first_run(&good).await);
    assert!(seen.all().iter().all(|request| request.uri().path() == "/"));
}
