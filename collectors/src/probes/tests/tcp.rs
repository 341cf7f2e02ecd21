//! TCP probes: connecting, talking, going over to TLS.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio_rustls::TlsAcceptor;
use vigie_pipeline::units::HumanDuration;

use super::certificates::Authority;
use super::rig::{Series, assert_failed, assert_succeeded, first_run, soon};
use super::servers::{raw, silent};
use crate::probes::{Config, tcp};

/// A probe with these settings, as the configuration would have them, of this address.
fn probing(address: impl ToString, json: &str) -> Config {
    let config: tcp::Config = serde_json::from_str(json).unwrap();
    Config { tcp: Some(tcp::Config { address: address.to_string(), ..config }), ..soon() }
}

fn phase(series: &Series, phase: &str) -> f64 {
    series[&format!("probe_tcp_duration_seconds{{phase={phase}}}")]
}

/// The labels of `probe_expect_info`.
fn learnt(series: &Series) -> Option<&str> {
    series.keys().find_map(|name| name.strip_prefix("probe_expect_info{")?.strip_suffix('}'))
}

/// Says this and then waits for the other side to hang up.
async fn saying(text: &'static [u8]) -> std::net::SocketAddr {
    raw(move |mut tcp| async move {
        tcp.write_all(text).await.unwrap();
        let _ = tcp.read_to_end(&mut Vec::new()).await;
    })
    .await
}

#[tokio::test]
async fn a_port_that_takes_connections_is_good() {
    let series = first_run(&probing(silent().await, "{}")).await;
    assert_succeeded(&series);
    assert_eq!((series["probe_ip_protocol"], series["probe_failed_due_to_regex"]), (4.0, 0.0));
    assert!(phase(&series, "connect") > 0.0);
    assert_eq!((phase(&series, "tls"), phase(&series, "query")), (0.0, 0.0));
}

#[tokio::test]
async fn a_port_where_nothing_listens_is_refused() {
    let at = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let series = first_run(&probing(at, "{}")).await;
    assert_failed(&series, "tcp_refused", "connect");
    assert!(series.contains_key("probe_failed_due_to_bytes"));
}

#[tokio::test]
async fn a_conversation_goes_on_as_long_as_the_peer_says_what_it_should() {
    let at = raw(|tcp| async move {
        let mut tcp = BufReader::new(tcp);
        tcp.write_all(b":irc.example NOTICE * :welcome\r\nPING :abc\r\n").await.unwrap();
        let mut line = String::new();
        tcp.read_line(&mut line).await.unwrap();
        let answer: &[u8] = if line == "PONG abc\n" { b"001 me\r\nbinary\x00" } else { b"no\n" };
        tcp.write_all(answer).await.unwrap();
    })
    .await;
    let json = r#"{"query_response": [
        {"expect": "PING :([^ ]+)$", "send": "PONG ${1}",
         "labels": [{"name": "token", "value": "${1}"}]},
        {"expect": "^(?P<code>[0-9]{3}) (.*)", "labels": [{"name": "code", "value": "${code}"}]},
        {"expect_bytes": "binary\u0000"}
    ]}"#;
    let series = first_run(&probing(at, json)).await;
    assert_succeeded(&series);
    assert_eq!(learnt(&series), Some("token=abc,code=001"));
    assert!(phase(&series, "query") > 0.0);
}

#[tokio::test]
async fn a_peer_that_ends_without_what_is_expected_fails_the_probe() {
    let at = raw(|mut tcp| async move { tcp.write_all(b"500 busy\r\n").await.unwrap() }).await;
    let series = first_run(&probing(at, r#"{"query_response": [{"expect": "^220"}]}"#)).await;
    assert_failed(&series, "expect_mismatch", "query");
    assert_eq!((series["probe_failed_due_to_regex"], series["probe_failed_due_to_bytes"]), (1.0, 0.0));
    assert_eq!(learnt(&series), None);
}

#[tokio::test]
async fn other_bytes_than_expected_fail_the_probe_although_the_peer_stays() {
    let at = saying(b"abX").await;
    let series = first_run(&probing(at, r#"{"query_response": [{"expect_bytes": "abcdef"}]}"#)).await;
    assert_failed(&series, "expect_mismatch", "query");
    assert_eq!((series["probe_failed_due_to_regex"], series["probe_failed_due_to_bytes"]), (0.0, 1.0));
}

#[tokio::test]
async fn a_peer_that_says_nothing_or_the_wrong_things_runs_into_the_deadline() {
    for at in [silent().await, saying(b"hello\r\n").await] {
        let config = probing(at, r#"{"query_response": [{"expect": "^220"}]}"#);
        let series = first_run(&Config { timeout: HumanDuration::millis(500), ..config }).await;
        assert_failed(&series, "timeout", "query");
        assert!(phase(&series, "query") > 0.1);
        assert_eq!(series["probe_failed_due_to_regex"], 0.0);
    }
}

#[tokio::test]
async fn a_line_without_end_is_cut_off() {
    let at = raw(|mut tcp| async move { while tcp.write_all(&[b'x'; 4096]).await.is_ok() {} }).await;
    let series = first_run(&probing(at, r#"{"query_response": [{"expect": "y"}]}"#)).await;
    assert_failed(&series, "expect_mismatch", "query");
}

#[tokio::test]
async fn a_reset_is_told() {
    let at = raw(|mut tcp| async move {
        tcp.write_all(b"220 ").await.unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
        tcp.set_zero_linger().unwrap();
    })
    .await;
    let series = first_run(&probing(at, r#"{"query_response": [{"expect": "ready"}]}"#)).await;
    assert_failed(&series, "tcp_reset", "query");
}

#[tokio::test]
async fn the_conversation_goes_over_to_tls() {
    let authority = Authority::new();
    let leaf = authority.issue(&["mail.example"], 2020, 2070);
    let acceptor = TlsAcceptor::from(Arc::new(leaf.server(&[])));
    let at = raw(move |tcp| {
        let acceptor = acceptor.clone();
        async move {
            let mut tcp = BufReader::new(tcp);
            tcp.write_all(b"220 ready\r\n").await.unwrap();
            tcp.read_line(&mut String::new()).await.unwrap();
            tcp.write_all(b"220 go ahead\r\n").await.unwrap();
            if let Ok(mut tls) = acceptor.accept(tcp.into_inner()).await {
                let _ = tls.write_all(b"250 encrypted\r\n").await;
                let _ = tls.shutdown().await;
            }
        }
    })
    .await;
    let json = r#"{"query_response": [
        {"expect": "^220", "send": "STARTTLS"}, {"expect": "^220", "starttls": true}, {"expect": "^250 encrypted"}
    ], "tls_config": {"server_name": "mail.example"}}"#;
    let mut config = probing(at, json);
    let tls = &mut config.tcp.as_mut().unwrap().tls_config;
    tls.ca_file = Some(authority.file.path().into());
    let series = first_run(&config).await;
    assert_succeeded(&series);
    assert!(series.contains_key("probe_ssl_earliest_cert_expiry"));
    assert!(phase(&series, "tls") > 0.0 && phase(&series, "query") > 0.0);
    config.tcp.as_mut().unwrap().tls_config.server_name = None;
    assert_failed(&first_run(&config).await, "tls_wrong_host", "tls");
}

#[tokio::test]
async fn tls_may_be_there_from_the_beginning_in_the_versions_that_are_allowed() {
    let authority = Authority::new();
    let leaf = authority.issue(&["127.0.0.1"], 2020, 2070);
    let acceptor = TlsAcceptor::from(Arc::new(leaf.server(&[])));
    let at = raw(move |tcp| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut tls) = acceptor.accept(tcp).await {
                let _ = tls.read_to_end(&mut Vec::new()).await;
            }
        }
    })
    .await;
    for (limits, version) in [
        (r#""min_version": "TLS10""#, "TLS 1.3"),
        (r#""max_version": "TLS12""#, "TLS 1.2"),
        (r#""min_version": "TLS13""#, "TLS 1.3"),
    ] {
        let mut config = probing(at, &format!(r#"{{"tls": true, "tls_config": {{{limits}}}}}"#));
        let tls = &mut config.tcp.as_mut().unwrap().tls_config;
        tls.ca_file = Some(authority.file.path().into());
        let series = first_run(&config).await;
        assert_succeeded(&series);
        assert_eq!(series[&format!("probe_tls_version_info{{version={version}}}")], 1.0, "{series:#?}");
    }
}

#[tokio::test]
async fn the_source_address_is_the_one_that_is_asked_for() {
    let at = raw(|mut tcp| async move {
        let from = tcp.peer_addr().unwrap().ip();
        tcp.write_all(format!("{from}\n").as_bytes()).await.unwrap();
    })
    .await;
    let json = r#"{"source_ip_address": "127.0.0.9", "query_response": [{"expect": "^127.0.0.9$"}]}"#;
    assert_succeeded(&first_run(&probing(at, json)).await);
}
