//! What probes do when things are as they should be.

use super::rig::{assert_failed, assert_succeeded, config, first_run, phase, with};
use super::servers::{answer, canned, redirect, web};

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
async fn redirects_are_followed_and_counted() {
    let (at, seen) = web(|request| match request.uri().path() {
        "/a" => redirect(302, "b"),
        "/b" => redirect(308, "/c?x=1#y"),
        _ => answer(200, "there"),
    })
    .await;
    let series = first_run(&config(format!("http://{at}/a"))).await;
    assert_succeeded(&series);
    assert_eq!((series["probe_http_redirects"], series["probe_http_uncompressed_body_length"]), (2.0, 5.0));
    let paths: Vec<String> = seen.all().iter().take(3).map(|r| r.uri().to_string()).collect();
    assert_eq!(paths, ["/a", "/b", "/c?x=1"]);
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
