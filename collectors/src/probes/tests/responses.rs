//! What is said of the answer: its headers, how it is compressed, what is in it.

use std::io::Write;

use flate2::write::GzEncoder;
use http_body_util::Full;
use vigie_pipeline::units::ByteSize;

use super::rig::{assert_failed, assert_succeeded, first_run, with};
use super::servers::{Answer, answer, web};
use crate::probes::http::{Compression, HeaderMatch, JsonRule};

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn body(bytes: Vec<u8>) -> Answer {
    http::Response::new(Full::from(bytes))
}

#[tokio::test]
async fn a_header_is_judged_before_the_body() {
    let (at, _) =
        web(|_| http::Response::builder().header("x-cache", "MISS").body(Full::from("all is well")).unwrap())
            .await;
    let rule = |regexp: &str| {
        vec![HeaderMatch { header: "X-Cache".into(), regexp: regexp.into(), allow_missing: false }]
    };
    let refused = |regexp: &str| {
        with(format!("http://{at}/"), |http| {
            http.fail_if_header_matches = rule(regexp);
            http.fail_if_body_matches_regexp = vec!["well".into()];
        })
    };
    let series = first_run(&refused("MISS")).await;
    assert_failed(&series, "header_mismatch", "processing");
    assert_eq!(series["probe_failed_due_to_regex"], 1.0);
    assert_failed(&first_run(&refused("HIT")).await, "body_mismatch", "transfer");
    let wanted =
        |regexp: &str| with(format!("http://{at}/"), |http| http.fail_if_header_not_matches = rule(regexp));
    assert_failed(&first_run(&wanted("^HIT$")).await, "header_mismatch", "processing");
    assert_succeeded(&first_run(&wanted("^MISS$")).await);
}

#[tokio::test]
async fn a_body_is_decompressed_before_it_is_searched_and_measured() {
    let (at, _) = web(|_| body(gzip(b"all is well"))).await;
    let config = with(format!("http://{at}/"), |http| {
        http.compression = Some(Compression::Gzip);
        http.fail_if_body_not_matches_regexp = vec!["^all is well$".into()];
    });
    let series = first_run(&config).await;
    assert_succeeded(&series);
    assert_eq!(series["probe_http_uncompressed_body_length"], 11.0);
    assert_eq!(series["probe_http_content_length"], gzip(b"all is well").len() as f64);
}

#[tokio::test]
async fn a_body_that_is_not_compressed_as_it_should_be_fails() {
    let (at, _) = web(|_| answer(200, "plain")).await;
    for compression in [Compression::Gzip, Compression::Br, Compression::Deflate] {
        let config = with(format!("http://{at}/"), |http| http.compression = Some(compression));
        assert_failed(&first_run(&config).await, "body_compression", "transfer");
    }
    let config = with(format!("http://{at}/"), |http| http.compression = Some(Compression::Identity));
    assert_succeeded(&first_run(&config).await);
}

#[tokio::test]
async fn the_limit_of_a_body_is_that_of_what_it_expands_to() {
    let bomb = gzip(&vec![0; 1 << 20]);
    let (at, _) = web(move |_| body(bomb.clone())).await;
    let limited = |limit| {
        with(format!("http://{at}/"), |http| {
            http.compression = Some(Compression::Gzip);
            http.body_size_limit = ByteSize(limit);
        })
    };
    let series = first_run(&limited(1 << 17)).await;
    assert_failed(&series, "body_too_large", "transfer");
    let read = series["probe_http_uncompressed_body_length"];
    assert!(read <= f64::from((1 << 17) + (16 << 10)), "{read}");
    assert_succeeded(&first_run(&limited(0)).await);
}

#[tokio::test]
async fn a_body_of_json_is_judged_by_its_values() {
    let (at, _) = web(|_| answer(200, r#"{"status": "ok", "queue": [7]}"#)).await;
    let judged = |rule: JsonRule| with(format!("http://{at}/"), |http| http.json = vec![rule]);
    let queue = |max| JsonRule { path: "$.queue[0]".into(), max: Some(max), ..JsonRule::default() };
    let series = first_run(&judged(queue(7.0))).await;
    assert_succeeded(&series);
    assert_eq!(series["probe_failed_due_to_json"], 0.0);
    let series = first_run(&judged(queue(6.0))).await;
    assert_failed(&series, "json_mismatch", "transfer");
    assert_eq!(series["probe_failed_due_to_json"], 1.0);
    let (at, _) = web(|_| answer(200, "<html>")).await;
    let config = with(format!("http://{at}/"), |http| http.json = vec![queue(1.0)]);
    assert_failed(&first_run(&config).await, "body_not_json", "transfer");
}

#[tokio::test]
async fn cookies_come_along_on_redirects() {
    let (at, seen) = web(|request| match request.uri().path() {
        "/login" => http::Response::builder()
            .status(302)
            .header("location", "/member")
            .header("set-cookie", "session=s3cret; Path=/; HttpOnly")
            .body(Full::default())
            .unwrap(),
        _ => answer(200, ""),
    })
    .await;
    let config = with(format!("http://{at}/login"), |_| {});
    assert_succeeded(&first_run(&config).await);
    assert!(!seen.all()[0].headers().contains_key("cookie"));
    assert_eq!(seen.all()[1].headers()["cookie"], "session=s3cret");
}
