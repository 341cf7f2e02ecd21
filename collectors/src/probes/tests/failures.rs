//! Each way of failing, made for real.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use vigie_pipeline::units::HumanDuration;

use super::rig::{Series, assert_failed, config, first_run, phase};
use super::servers::{answer, canned, raw, read_request, silent, web};
use crate::probes::Config;

/// The first run with little time.
async fn hurried(url: String) -> Series {
    first_run(&Config { timeout: HumanDuration::millis(500), ..config(url) }).await
}

#[tokio::test]
async fn a_port_where_nothing_listens_refuses() {
    let at = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let series = first_run(&config(format!("http://{at}/"))).await;
    assert_failed(&series, "tcp_refused", "connect");
    assert_eq!(series["probe_http_status_code"], 0.0);
}

#[tokio::test]
async fn a_connection_that_is_never_taken_times_out() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let at = listener.local_addr().unwrap();
    // The queue of connections is full after a few that nobody takes.
    let mut waiting = Vec::new();
    while let Ok(tcp) = tokio::time::timeout(Duration::from_millis(50), TcpStream::connect(at)).await {
        waiting.push(tcp.unwrap());
    }
    let series = hurried(format!("http://{at}/")).await;
    assert_failed(&series, "tcp_timeout", "connect");
    assert!(phase(&series, "connect") >= 0.15);
}

#[tokio::test]
async fn a_handshake_without_an_answer_times_out() {
    let series = hurried(format!("https://{}/", silent().await)).await;
    assert_failed(&series, "tls_timeout", "tls");
    assert!(phase(&series, "tls") > 0.1);
}

#[tokio::test]
async fn a_request_without_an_answer_times_out() {
    let series = hurried(format!("http://{}/", silent().await)).await;
    assert_failed(&series, "http_timeout", "processing");
    assert!(phase(&series, "processing") > 0.1);
    assert_eq!(phase(&series, "transfer"), 0.0);
}

#[tokio::test]
async fn a_body_that_drips_too_slowly_times_out() {
    let at = raw(|mut tcp| async move {
        read_request(&mut tcp).await;
        tcp.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await.unwrap();
        while tcp.write_all(b".").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let series = hurried(format!("http://{at}/")).await;
    assert_failed(&series, "http_timeout", "transfer");
    assert!(phase(&series, "transfer") > 0.1);
    assert_eq!(series["probe_http_status_code"], 200.0);
    assert!(series["probe_http_uncompressed_body_length"] > 1.0);
}

#[tokio::test]
async fn a_reset_is_told_from_an_end() {
    let reset = raw(|mut tcp| async move {
        read_request(&mut tcp).await;
        tcp.set_zero_linger().unwrap();
    })
    .await;
    assert_failed(&first_run(&config(format!("http://{reset}/"))).await, "tcp_reset", "processing");
    let closed = raw(|mut tcp| async move { read_request(&mut tcp).await }).await;
    assert_failed(&first_run(&config(format!("http://{closed}/"))).await, "http_closed", "processing");
}

#[tokio::test]
async fn a_reset_in_the_middle_of_the_body_is_one_in_transfer() {
    let at = raw(|mut tcp| async move {
        read_request(&mut tcp).await;
        tcp.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf").await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        tcp.set_zero_linger().unwrap();
    })
    .await;
    let series = first_run(&config(format!("http://{at}/"))).await;
    assert_failed(&series, "tcp_reset", "transfer");
    assert_eq!(series["probe_http_uncompressed_body_length"], 4.0);
}

#[tokio::test]
async fn a_body_that_ends_early_is_a_connection_closed() {
    let at = canned(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf").await;
    assert_failed(&first_run(&config(format!("http://{at}/"))).await, "http_closed", "transfer");
}

#[tokio::test]
async fn a_bad_status_says_more_than_a_body_that_ends_early() {
    let at = canned(b"HTTP/1.1 500 Oops\r\ncontent-length: 1000\r\n\r\nhalf").await;
    let series = first_run(&config(format!("http://{at}/"))).await;
    assert_failed(&series, "http_status", "processing");
    assert_eq!(series["probe_http_status_code"], 500.0);
}

#[tokio::test]
async fn what_is_not_http_is_a_breach_of_protocol() {
    let at = canned(b"220 mail.example ESMTP\r\n").await;
    assert_failed(&first_run(&config(format!("http://{at}/"))).await, "http_protocol", "transfer");
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    let at = raw(|mut tcp| async move {
        read_request(&mut tcp).await;
        let _ = tcp.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while tcp.write_all(b"x-more: and more and more and more\r\n").await.is_ok() {}
    })
    .await;
    assert_failed(&first_run(&config(format!("http://{at}/"))).await, "http_protocol", "transfer");
}

#[tokio::test]
async fn plain_text_where_tls_should_be_is_a_failed_handshake() {
    let (at, _) = web(|_| answer(200, "")).await;
    assert_failed(&first_run(&config(format!("https://{at}/"))).await, "tls_handshake", "tls");
}

#[tokio::test]
async fn tls_that_is_demanded_and_not_there_fails() {
    let (at, _) = web(|_| answer(200, "")).await;
    let config = super::rig::with(format!("http://{at}/"), |http| http.fail_if_not_ssl = true);
    assert_failed(&first_run(&config).await, "tls_missing", "tls");
}
